from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirstgen.errors import InputError, InvalidValueError
from sirstgen.scenes.tree import LabelledFrame, read_tree, split_by_group


def _touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_groups_come_from_subfolders(tmp_path: Path) -> None:
    _touch(tmp_path / "sea/a.png", tmp_path / "sea/video/b.png", tmp_path / "cloud/video/c.TIF", tmp_path / "sea/n.txt")
    frames = read_tree(tmp_path)
    assert [(frame.scene, frame.group) for frame in frames] == [
        ("cloud", "video"),
        ("sea", "sea/a.png"),
        ("sea", "video"),
    ]


def test_a_tree_needs_two_filled_scenes(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none-here: a folder with one sub-folder of frames per scene is expected"):
        read_tree(tmp_path / "none-here")
    _touch(tmp_path / "sea/a.png")
    with pytest.raises(InputError, match=r"at least 2 scenes are needed .* found 1: sea"):
        read_tree(tmp_path)
    (tmp_path / "city").mkdir()
    with pytest.raises(InputError, match="city: no images"):
        read_tree(tmp_path)
    _touch(tmp_path / "city/b.png")
    with pytest.raises(InputError, match=r"sea: not one of the scenes trained on \(city, field\)"):
        read_tree(tmp_path, ["city", "field"])


@given(
    sizes=st.lists(st.lists(st.integers(1, 20), min_size=4, max_size=15), min_size=2, max_size=4),
    share=st.floats(0.05, 0.5),
    seed=st.integers(0, 100),
)
def test_no_group_is_on_both_sides_and_every_scene_is(sizes: list[list[int]], share: float, seed: int) -> None:
    frames = [
        LabelledFrame(Path(f"{scene}/{group}/{number}.png"), f"scene{scene}", f"{scene}-{group}")
        for scene, groups in enumerate(sizes)
        for group, count in enumerate(groups)
        for number in range(count)
    ]
    kept, held = split_by_group(frames, share, np.random.default_rng(seed))
    assert len(kept) + len(held) == len(frames)
    assert not {frame.group for frame in kept} & {frame.group for frame in held}
    assert {frame.scene for frame in kept} == {frame.scene for frame in held} == {f.scene for f in frames}


def test_a_scene_of_one_group_cannot_be_split() -> None:
    frames = [LabelledFrame(Path(f"{scene}/{n}.png"), scene, scene) for scene in ("sea", "city") for n in range(5)]
    with pytest.raises(InvalidValueError, match=r"scene city has too few groups .* \(1\)"):
        split_by_group(frames, 0.2, np.random.default_rng(0))
