"""Where a dataset of shards is: a folder, or a place that fsspec opens. Files appear whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Protocol

from sirstgen.errors import InputError
from sirstgen.files.atomic import sync_folder, writing
from sirstgen.storage.remote import reaching

BLOCK = 1 << 20

SCRATCH = "scratch"
"""Folder in the run folder where files are before they are whole."""


class NewFile:
    """A file being written; keeps its checksum and its size.

    Attributes:
        size: bytes written so far.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._sum, self.size = file, hashlib.sha256(), 0

    def write(self, data: bytes) -> int:
        """Append `data`."""
        self._file.write(data)
        self._sum.update(data)
        self.size += len(data)
        return len(data)

    @property
    def sha256(self) -> str:
        """Of what was written so far, in hexadecimal."""
        return self._sum.hexdigest()


class Place(Protocol):
    """A folder, local or remote. Names are POSIX paths below it."""

    name: str
    """Its last component, which names the dataset."""

    def new_file(self, name: str) -> contextlib.AbstractContextManager[NewFile]:
        """Return a file that appears under `name` when the block ends well, and else not at all."""
        ...

    def open(self, name: str) -> IO[bytes]:
        """Open a file for reading; FileNotFoundError where there is none."""
        ...

    def size(self, name: str) -> int | None:
        """Return the size of a file in bytes; None where there is none."""
        ...

    def names(self, folder: str) -> list[str]:
        """Return the names of the files and folders in `folder`, sorted; empty where there is no such folder."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file or a folder with all that is in it; nothing happens where there is none."""
        ...


def open_place(where: str | Path) -> Place:
    """Return the place of a path or URL; nothing is made there yet.

    Raises:
        InvalidValueError: an unknown scheme of a URL, or one whose package is not installed.
    """
    text = str(where)
    if "://" not in text:
        return LocalPlace(Path(where))
    if text.startswith("file://"):
        return LocalPlace(Path(text.removeprefix("file://")))
    return RemotePlace(text)


def is_url(where: str | Path) -> bool:
    """Return whether `where` is a URL of a place that is no folder here."""
    return "://" in str(where) and not str(where).startswith("file://")


def read(place: Place, name: str) -> bytes | None:
    """Return the whole content of a file; None where there is none."""
    try:
        with place.open(name) as file:
            return file.read()
    except FileNotFoundError:
        return None


def write(place: Place, name: str, data: str) -> str:
    """Write a text file; return its checksum."""
    with place.new_file(name) as file:
        file.write(data.encode())
    return file.sha256


def sha256_of(place: Place, name: str) -> str | None:
    """Return the SHA-256 of a file in hexadecimal; None where there is none."""
    total = hashlib.sha256()
    try:
        with place.open(name) as file:
            while block := file.read(BLOCK):
                total.update(block)
    except FileNotFoundError:
        return None
    return total.hexdigest()


class LocalPlace:
    """A folder of this machine or of a disk that several machines share.

    Args:
        folder: the folder; made when the first file is written.
        name: of the dataset; by default that of the folder.
    """

    def __init__(self, folder: Path, name: str | None = None) -> None:
        self.folder = folder
        self.name = folder.resolve().name if name is None else name

    def __str__(self) -> str:
        return str(self.folder)

    @contextlib.contextmanager
    def new_file(self, name: str) -> Iterator[NewFile]:
        """See `Place.new_file`; holds after a power cut, too. An unfinished file is in ``.run/scratch``."""
        path = self.folder / name
        scratch = self.folder / ".run" / SCRATCH
        # Processes of several machines may write here, whose numbers may be equal.
        temporary = scratch / f"{path.name}.{uuid.uuid4().hex}.part"
        with writing(path, inside=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            scratch.mkdir(parents=True, exist_ok=True)
            try:
                with temporary.open("wb") as file:
                    yield NewFile(file)
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(path)
                sync_folder(path.parent)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise

    def open(self, name: str) -> IO[bytes]:
        """See `Place.open`."""
        path = self.folder / name
        try:
            return path.open("rb")
        except NotADirectoryError:
            raise FileNotFoundError(str(path)) from None
        except FileNotFoundError:
            raise
        except OSError as fault:
            raise InputError.of(path, f"cannot be read ({fault.strerror or fault})") from None

    def size(self, name: str) -> int | None:
        """See `Place.size`."""
        path = self.folder / name
        return path.stat().st_size if path.is_file() else None

    def names(self, folder: str) -> list[str]:
        """See `Place.names`."""
        path = self.folder / folder
        return sorted(os.listdir(path)) if path.is_dir() else []  # noqa: PTH208  # names alone are wanted

    def remove(self, name: str) -> None:
        """See `Place.remove`."""
        path = self.folder / name
        with writing(path, inside=True):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)  # another process may be removing it too
            else:
                path.unlink(missing_ok=True)


class RemotePlace:
    """A place that fsspec opens by its URL, such as a bucket. A file is written here first, then sent in one piece.

    Object stores show an object when its upload is complete; elsewhere it is sent under another name and then moved.

    Args:
        url: such as ``s3://bucket/path``.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.name = self.url.rpartition("/")[2]
        self._connect()

    def _connect(self) -> None:
        import fsspec

        with reaching(self.url):
            self._system, self._root = fsspec.core.url_to_fs(self.url)

    def __str__(self) -> str:
        return self.url

    def __reduce__(self) -> tuple[Any, ...]:
        return RemotePlace, (self.url,)

    @contextlib.contextmanager
    def new_file(self, name: str) -> Iterator[NewFile]:
        """See `Place.new_file`."""
        path = f"{self._root}/{name}"
        with tempfile.NamedTemporaryFile(prefix="sirstgen-") as file:
            with writing(Path(file.name)):
                yield NewFile(file)
                file.flush()
            with reaching(f"{self.url}/{name}"):
                if _OBJECT_STORES & set(_protocols(self._system)):
                    self._system.put_file(file.name, path)
                    return
                self._system.makedirs(path.rpartition("/")[0], exist_ok=True)
                temporary = f"{path}.{uuid.uuid4().hex}.part"
                try:
                    self._system.put_file(file.name, temporary)
                    self._system.mv(temporary, path)
                except BaseException:
                    with contextlib.suppress(Exception):
                        self._system.rm_file(temporary)
                    raise

    def open(self, name: str) -> IO[bytes]:
        """See `Place.open`. The file is fetched whole, so that reading it cannot fail half-way."""
        with contextlib.ExitStack() as on_fault:
            file = on_fault.enter_context(tempfile.NamedTemporaryFile(prefix="sirstgen-"))
            with reaching(f"{self.url}/{name}", missing_is_error=False):
                self._system.invalidate_cache()
                self._system.get_file(f"{self._root}/{name}", file.name)
            on_fault.pop_all()
        return file

    def size(self, name: str) -> int | None:
        """See `Place.size`."""
        with reaching(f"{self.url}/{name}", missing_is_error=False), contextlib.suppress(FileNotFoundError):
            self._system.invalidate_cache()
            return int(self._system.size(f"{self._root}/{name}"))
        return None

    def names(self, folder: str) -> list[str]:
        """See `Place.names`."""
        path = f"{self._root}/{folder}".rstrip("/")
        with reaching(self.url, missing_is_error=False), contextlib.suppress(FileNotFoundError):
            self._system.invalidate_cache()
            found = (str(entry).rstrip("/") for entry in self._system.ls(path, detail=False))
            return sorted(entry.rpartition("/")[2] for entry in found if entry != path)
        return []

    def remove(self, name: str) -> None:
        """See `Place.remove`."""
        with reaching(f"{self.url}/{name}", missing_is_error=False), contextlib.suppress(FileNotFoundError):
            self._system.rm(f"{self._root}/{name}", recursive=True)


_OBJECT_STORES = {"s3", "s3a", "gs", "gcs", "abfs", "az", "abfss", "adl", "oss", "memory"}


def _protocols(system: Any) -> tuple[str, ...]:
    return (system.protocol,) if isinstance(system.protocol, str) else tuple(system.protocol)
