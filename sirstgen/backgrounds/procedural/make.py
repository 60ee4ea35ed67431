"""A folder of procedural backgrounds, one sub-folder a scene, as the background library reads it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

from sirstgen.backgrounds.procedural import SCENES, check_request, draw
from sirstgen.errors import InvalidValueError, OutputExistsError
from sirstgen.files.atomic import write_file
from sirstgen.files.lock import locked
from sirstgen.files.output import refuse_file
from sirstgen.files.png import encode_png
from sirstgen.places.classes import encode_places


def make(
    out: Path | str,
    scenes: Sequence[str] = SCENES,
    per_scene: int = 13,
    height: int = 512,
    width: int = 512,
    seed: int = 0,
    *,
    overwrite: bool = False,
    places: Path | str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Write ``<out>/<scene>/0001.png`` and so on, 8-bit gray: frame n is ``generate(scene, seed, n - 1, ...)``.

    Each file appears whole or not at all. Files of other names in `out` are left alone.

    Args:
        out: the folder; made where it is missing.
        scenes: which of `SCENES`.
        per_scene: frames of each scene, at least 1.
        height: pixels, 32 to 4096.
        width: pixels, 32 to 4096.
        seed: non-negative whole number.
        overwrite: replace frames and maps that are there already.
        places: a folder for the place map of every frame, under the frame's name (`sirstgen.places.classes`). It must
            not be `out`, nor hold it or lie in it: maps would be read as frames.
        progress: called with frames done and frames in all.

    Returns:
        the frames' files, in the order written.

    Raises:
        InvalidValueError: an unknown scene, or a number out of range; nothing is written.
        OutputExistsError: one of the files is there already and `overwrite` is false, or another process is writing
            there; nothing is written.
        GenerationError: the disk is full or may not be written to.
    """
    if per_scene < 1:
        raise InvalidValueError(f"per_scene must be at least 1, got {per_scene}", name="per_scene", value=per_scene)
    for scene in scenes:
        check_request(scene, seed, 0, height, width)
    folders = [Path(folder).resolve() for folder in (out, places) if folder is not None]
    if places is not None and any(one.is_relative_to(other) for one, other in (folders, folders[::-1])):
        raise InvalidValueError(f"places and out must be apart, got {places} and {out}; choose another", name="places")
    plan = [(scene, n, f"{scene}/{n + 1:04d}.png") for scene in dict.fromkeys(scenes) for n in range(per_scene)]
    with contextlib.ExitStack() as locks:
        for folder in folders:
            refuse_file(folder)
            locks.enter_context(locked(folder))
        files = [folder / name for folder in folders for *_, name in plan]
        there = [file for file in files if file.exists()]
        if there and not overwrite:
            raise OutputExistsError.of(there[0], f"{len(there)} of {len(files)} files exist already")
        for done, (scene, number, name) in enumerate(plan, start=1):
            drawn = draw(scene, seed, number, height, width)
            write_file(folders[0] / name, encode_png(drawn.frame))
            if places is not None:
                write_file(folders[1] / name, encode_places(drawn.places))
            if progress is not None:
                progress(done, len(plan))
    return [Path(out) / name for *_, name in plan]
