"""Where what was computed of a user's frames is kept between runs: never among the frames themselves."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from platformdirs import user_cache_path

from sirstgen.errors import GenerationError
from sirstgen.files.atomic import write_file

VARIABLE = "SIRSTGEN_CACHE"
"""Environment variable that names another folder."""

_CHECKSUM = 32  # bytes of SHA-256 at the end of a file


def cache_folder() -> Path:
    """Return the folder named by `VARIABLE`, else the platform's folder for caches; it may not exist yet."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else user_cache_path("sirstgen")


def digest_of(data: bytes) -> str:
    """Return the SHA-256 of some content, such as a weights file."""
    return hashlib.sha256(data).hexdigest()


def _checked(data: bytes) -> bytes:
    """Return `data` with its checksum at the end, as it is kept in a file."""
    return data + hashlib.sha256(data).digest()


@dataclass(slots=True)
class Cache:
    """Results by the content they were computed from; kept in memory too where the folder cannot be written.

    Args:
        kind: what is kept, a folder name.
        maker: digest of what computed it, such as a network's weights; results of another maker are not seen.
        suffix: of the files.
    """

    kind: str
    maker: str
    suffix: str
    _held: dict[str, bytes] = field(default_factory=dict)

    def get(self, key: str) -> bytes | None:
        """Return what is kept under `key`; None where that is nothing, or a damaged file."""
        if key in self._held:
            return self._held[key]
        try:
            kept = self._path(key).read_bytes()
        except OSError:
            return None
        data = kept[:-_CHECKSUM]
        return data if kept == _checked(data) else None

    def put(self, key: str, data: bytes) -> bool:
        """Keep `data` under `key`; False where the folder cannot be written to and only memory keeps it."""
        try:
            write_file(self._path(key), _checked(data))
        except GenerationError:
            self._held[key] = data
            return False
        return True

    def _path(self, key: str) -> Path:
        return cache_folder() / self.kind / self.maker / key[:2] / f"{key}{self.suffix}"
