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
    progress: Callable[[Path], None] | None = None,
) -> list[Path]:
    """Write ``<out>/<scene>/0001.png`` and so on, 8-bit gray: frame n is ``generate(scene, seed, n - 1, ...)``.

    Each file appears whole or not at all. Files of other names in `out` are left alone.

    Args:
        out: the folder; made where it is missing.
        scenes: which of `SCENES`.
        per_scene: frames of each scene, at least 1.
        height: pixels, at least 32.
        width: pixels, at least 32.
        seed: non-negative whole number.
        overwrite: replace frames that are there already.
        places: a folder that gets the place map of every frame under the frame's name (`sirstgen.places.classes`).
        progress: called with each file when it is written, for progress.

    Returns:
        the files, in the order written.

    Raises:
        InvalidValueError: an unknown scene, or a number out of range; nothing is written.
        OutputExistsError: one of the frames is there already and `overwrite` is false, or another process is writing
            there; nothing is written.
        GenerationError: the disk is full or may not be written to.
    """
    if per_scene < 1:
        raise InvalidValueError(f"per_scene must be at least 1, got {per_scene}", name="per_scene", value=per_scene)
    plan = [(scene, number) for scene in dict.fromkeys(scenes) for number in range(per_scene)]
    files = [Path(out) / scene / f"{number + 1:04d}.png" for scene, number in plan]
    for scene in scenes:
        check_request(scene, seed, 0, height, width)
    if places is not None and Path(places).resolve() == Path(out).resolve():
        raise InvalidValueError(f"places must be another folder than out, got {places} for both", name="places")
    with contextlib.ExitStack() as locks:
        for folder in (out, places):
            if folder is not None:
                refuse_file(Path(folder))
                locks.enter_context(locked(Path(folder)))
        _write(Path(out), files, plan, (height, width), seed, overwrite, places, progress)
    return files


def _write(
    out: Path,
    files: Sequence[Path],
    plan: Sequence[tuple[str, int]],
    size: tuple[int, int],
    seed: int,
    overwrite: bool,
    places: Path | str | None,
    progress: Callable[[Path], None] | None,
) -> None:
    there = [file for file in files if file.exists()]
    if there and not overwrite:
        raise OutputExistsError.of(there[0], f"{len(there)} of {len(files)} frames exist already")
    for (scene, number), file in zip(plan, files, strict=True):
        drawn = draw(scene, seed, number, *size)
        write_file(file, encode_png(drawn.frame))
        if places is not None:
            write_file(Path(places) / file.relative_to(out), encode_places(drawn.places))
        if progress is not None:
            progress(file)
