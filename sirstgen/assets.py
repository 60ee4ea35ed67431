"""Where the data that ships with sirstgen lies: templates and built-in backgrounds."""

from __future__ import annotations

from pathlib import Path

from sirstgen.errors import InputError


def asset_folder(name: str) -> Path:
    """The folder `name` (``templates`` or ``backgrounds``) of an installed package or of a checkout."""
    package = Path(__file__).parent
    for folder in (package / "_assets" / name, package.parent / name):
        if folder.is_dir():
            return folder
    raise InputError.of(name, "the data that ships with sirstgen is missing; install the package again")
