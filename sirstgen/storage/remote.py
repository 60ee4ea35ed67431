"""What can go wrong with a remote place, in one line each."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from sirstgen.errors import GenerationError, InputError, InvalidValueError, SirstgenError

_PACKAGES = {"s3": "sirstgen[s3]", "s3a": "sirstgen[s3]", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}


@contextlib.contextmanager
def reaching(url: str, missing_is_error: bool = True) -> Iterator[None]:
    """Turn what fsspec and its backends raise inside the block into errors of this package.

    Args:
        url: what is reached, named in the message.
        missing_is_error: let a FileNotFoundError pass if false, except that of a missing bucket.

    Raises:
        InvalidValueError: an unknown scheme, or one whose package is not installed.
        InputError: no credentials, no permission, no such bucket.
        GenerationError: everything else: the connection is lost, the store refuses, the disk is full.
    """
    scheme = url.partition("://")[0]
    try:
        yield
    except SirstgenError:
        raise
    except ImportError:
        package = _PACKAGES.get(scheme, f"the fsspec package for {scheme}")
        raise InvalidValueError(
            f"{url}: {scheme}:// needs a package that is not installed; install {package}"
        ) from None
    except FileNotFoundError as fault:
        if "bucket" in str(fault).lower():
            raise InputError.of(url, "there is no such bucket; make it first") from None
        if not missing_is_error:
            raise
        raise GenerationError(f"{url}: not found ({fault})", path=url) from None
    except PermissionError as fault:
        raise InputError.of(url, f"access is refused ({_short(fault)}); check the credentials") from None
    except ValueError as fault:
        if "protocol not known" in str(fault).lower():
            raise InvalidValueError(
                f"{url}: unknown scheme {scheme}://; give a path, or a URL that fsspec opens, such as s3://bucket/name"
            ) from None
        raise GenerationError(f"{url}: cannot be used ({_short(fault)})", path=url) from None
    except Exception as fault:  # every backend has exceptions of its own
        if "credentials" in f"{type(fault).__name__} {fault}".lower():
            raise InputError.of(url, f"there are no credentials for it ({_short(fault)})") from None
        raise GenerationError(
            f"{url}: cannot be reached ({type(fault).__name__}: {_short(fault)}); --resume continues", path=url
        ) from None


def _short(fault: Exception) -> str:
    text = " ".join(str(fault).split())
    return text if len(text) <= 160 else f"{text[:157]}..."
