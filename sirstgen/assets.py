"""The folders of the data that ships with sirstgen: templates and built-in backgrounds."""

from __future__ import annotations

from pathlib import Path

from sirstgen.errors import InputError


def asset_folder(name: str) -> Path:
    """Return the folder `name` (``templates`` or ``backgrounds``) of an installed package or of a checkout."""
    package = Path(__file__).parent
    for folder in (package / "_assets" / name, package.parent / name):
        if folder.is_dir():
            return folder
    raise InputError.of(name, "the data that ships with sirstgen is missing; install the package again")


def packed_path(path: Path, name: str) -> Path:
    """Return `path` for another machine: relative to the asset folder `name` where it is in it, else absolute."""
    absolute, folder = path.resolve(), asset_folder(name).resolve()
    return absolute.relative_to(folder) if absolute.is_relative_to(folder) else absolute


def unpacked_path(path: Path, name: str) -> Path:
    """Return the path here of what `packed_path` gave on another machine."""
    return asset_folder(name).resolve() / path
