"""One WebDataset shard: a tar file of images, masks and rows, whose bytes depend on these alone."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator

from sirstgen.storage.place import NewFile
from sirstgen.storage.sink import Finished

_BLOCK = tarfile.BLOCKSIZE
_END = bytes(2 * _BLOCK)
_BLANK = tarfile.TarInfo().tobuf(tarfile.USTAR_FORMAT)  # time 0, owner 0, mode 644
_NAME, _SIZE, _SUM = slice(0, tarfile.LENGTH_NAME), slice(124, 135), slice(148, 154)  # of a header
_BLANK_SUM = int(_BLANK[_SUM], 8) - sum(_BLANK[_SIZE])


def add_members(file: NewFile, made: Finished) -> None:
    """Append ``<id>.image.png``, ``<id>.json`` and ``<id>.mask.png``, in the order of their names."""
    for name, data in _members(made):
        file.write(b"".join((header(f"{made.id}.{name}", len(data)), data, bytes(-len(data) % _BLOCK))))


def header(name: str, size: int) -> bytes:
    """Return the header of a file, as `tarfile.TarInfo` gives it but ten times as fast.

    Args:
        name: ASCII, at most 100 characters.
        size: of the file, below 8 GiB.
    """
    path, digits, made = name.encode("ascii"), b"%011o" % size, bytearray(_BLANK)
    made[_NAME] = path.ljust(tarfile.LENGTH_NAME, b"\0")
    made[_SIZE] = digits
    made[_SUM] = b"%06o" % (_BLANK_SUM + sum(path) + sum(digits))
    return bytes(made)


def end(file: NewFile) -> None:
    """Write what closes a tar file: two empty blocks, and what fills a record."""
    file.write(_END)
    file.write(bytes(-file.size % tarfile.RECORDSIZE))


def _members(made: Finished) -> Iterator[tuple[str, bytes]]:
    yield "image.png", made.image
    yield "json", made.row.encode()
    yield "mask.png", made.mask
