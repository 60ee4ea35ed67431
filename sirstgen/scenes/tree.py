"""A folder-per-scene tree: the labelled frames that a scene network is trained on.

::

    DIR/<scene>/frame.png             a frame that resembles no other
    DIR/<scene>/<group>/frame.png     frames of one place or video: they stay on one side of every split

A group name means the same group under every scene, so that one video may show several scenes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sirstgen.errors import InputError, InvalidValueError
from sirstgen.files.image_files import check_folder, image_files
from sirstgen.files.images import IMAGE_SUFFIXES


@dataclass(frozen=True, slots=True)
class LabelledFrame:
    """One frame of the tree.

    Attributes:
        path: its file.
        scene: name of its scene folder.
        group: frames that show the same place share it.
    """

    path: Path
    scene: str
    group: str


def read_tree(folder: Path | str, scenes: Sequence[str] | None = None) -> list[LabelledFrame]:
    """Return the frames of a folder-per-scene tree, sorted by path; names that begin with a dot are left out.

    Args:
        folder: the tree.
        scenes: the only scenes allowed; by default at least two of any name.

    Raises:
        InputError: no folder, fewer than two scenes, a scene that is not in `scenes`, a scene folder without images.
    """
    folder = Path(folder)
    check_folder(folder, "frames, one sub-folder a scene")
    names = sorted(item.name for item in folder.iterdir() if item.is_dir() and not item.name.startswith("."))
    if scenes is None and len(names) < 2:
        raise InputError.of(
            folder, f"at least 2 scenes are needed (one sub-folder each), found {len(names)}: {', '.join(names) or '-'}"
        )
    frames: list[LabelledFrame] = []
    for name in names:
        if scenes is not None and name not in scenes:
            raise InputError.of(folder / name, f"not one of the scenes trained on ({', '.join(scenes)})")
        found = [folder / name / file for file in image_files(folder / name)]
        if not found:
            raise InputError.of(folder / name, f"no images ({', '.join(IMAGE_SUFFIXES)}); fill it or take it out")
        frames += [LabelledFrame(path, name, _group(path.relative_to(folder))) for path in found]
    return frames


def _group(path: Path) -> str:
    """Return the group: ``video-3`` of ``sea/video-3/0001.png``, ``sea/0001.png`` of itself."""
    return path.parts[1] if len(path.parts) > 2 else path.as_posix()


def folds_by_group(scenes: Sequence[str], groups: Sequence[str], count: int) -> list[int]:
    """Return a fold for each frame: no group in two folds, the scenes spread over the folds as evenly as groups allow.

    Scenes with few frames choose first, large groups before small ones.

    Args:
        scenes: of each frame.
        groups: of each frame; a group may show several scenes.
        count: number of folds.

    Raises:
        InvalidValueError: a scene of fewer than two groups, naming it.
    """
    sizes: dict[str, Counter[str]] = defaultdict(Counter)
    for scene, group in zip(scenes, groups, strict=True):
        sizes[scene][group] += 1
    fold: dict[str, int] = {}
    for scene in sorted(sizes, key=lambda name: (sizes[name].total(), name)):
        mine = sizes[scene]
        if len(mine) < 2:
            raise InvalidValueError(
                f"scene {scene} has too few groups of frames to train on some and measure on others ({len(mine)}); "
                "add frames of other places",
                scene=scene,
            )
        load = [sum(n for group, n in mine.items() if fold.get(group) == number) for number in range(count)]
        for group in sorted(mine, key=lambda name: (-mine[name], name)):
            if group not in fold:
                fold[group] = min(range(count), key=lambda number: load[number])
                load[fold[group]] += mine[group]
    return [fold[group] for group in groups]
