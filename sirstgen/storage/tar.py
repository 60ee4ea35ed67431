"""One WebDataset shard: a tar file of images, masks and rows, whose bytes depend on these alone."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator

from sirstgen.storage.place import NewFile
from sirstgen.storage.sink import Finished

_BLOCK = tarfile.BLOCKSIZE
_END = bytes(2 * _BLOCK)


def add_members(file: NewFile, made: Finished) -> None:
    """Append ``<id>.image.png``, ``<id>.json`` and ``<id>.mask.png``, in the order of their names."""
    for name, data in _members(made):
        info = tarfile.TarInfo(f"{made.id}.{name}")  # time 0, owner 0, mode 644
        info.size = len(data)
        file.write(info.tobuf(tarfile.USTAR_FORMAT) + data + bytes(-len(data) % _BLOCK))


def end(file: NewFile) -> None:
    """Write what closes a tar file: two empty blocks, and what fills a record."""
    file.write(_END)
    file.write(bytes(-file.size % tarfile.RECORDSIZE))


def _members(made: Finished) -> Iterator[tuple[str, bytes]]:
    yield "image.png", made.image
    yield "json", made.row.encode()
    yield "mask.png", made.mask
