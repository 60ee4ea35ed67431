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

import numpy as np

from sirstgen.errors import InputError, InvalidValueError
from sirstgen.image_files import image_files
from sirstgen.images import IMAGE_SUFFIXES


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
    """The frames of a folder-per-scene tree, in the order of their paths. Names that begin with a dot are left out.

    Args:
        folder: the tree.
        scenes: the only scenes allowed; by default at least two of any name.

    Raises:
        InputError: no folder, fewer than two scenes, a scene that is not in `scenes`, a scene folder without images.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError.of(folder, "a folder with one sub-folder of frames per scene is expected, there is none")
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
    """``sea/video-3/0001.png`` belongs to ``video-3``; ``sea/0001.png`` to itself."""
    return path.parts[1] if len(path.parts) > 2 else path.as_posix()


def split_by_group(
    frames: Sequence[LabelledFrame], share: float, rng: np.random.Generator
) -> tuple[list[LabelledFrame], list[LabelledFrame]]:
    """Hold whole groups back: about `share` of the frames of each scene, at least one group, and never all of them.

    Scenes with few groups choose first, since a group can hold several scenes and goes over whole.

    Args:
        frames: of at least two groups a scene.
        share: 0 to 1.
        rng: where the order of the groups comes from.

    Returns:
        What is kept and what is held back.

    Raises:
        InvalidValueError: a scene whose frames cannot be parted, naming it.
    """
    groups: dict[str, Counter[str]] = defaultdict(Counter)
    for frame in frames:
        groups[frame.scene][frame.group] += 1
    held: set[str] = set()
    for scene in sorted(groups, key=lambda name: (len(groups[name]), name)):
        mine = groups[scene]
        wanted = max(1.0, share * mine.total())
        for group in rng.permutation(sorted(mine)).tolist():
            have = sum(count for name, count in mine.items() if name in held)
            free = sum(name not in held for name in mine)
            if have and (have >= wanted or have + mine[group] > 1.5 * wanted):
                continue
            if group not in held and free > 1:
                held.add(group)
        if held.issuperset(mine) or held.isdisjoint(mine):
            raise InvalidValueError(
                f"scene {scene} has too few groups of frames to train on some and measure on others ({len(mine)}); "
                "add frames of other places",
                scene=scene,
            )
    kept = [frame for frame in frames if frame.group not in held]
    return kept, [frame for frame in frames if frame.group in held]
