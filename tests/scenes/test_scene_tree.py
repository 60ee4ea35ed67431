from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirstgen.errors import InputError, InvalidValueError
from sirstgen.scenes.tree import folds_by_group, read_tree


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
    with pytest.raises(InputError, match="none-here: there is no such folder of frames, one sub-folder a scene"):
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
    sizes=st.lists(st.lists(st.integers(1, 20), min_size=5, max_size=15), min_size=2, max_size=4),
    count=st.integers(2, 5),
)
def test_no_group_is_in_two_folds_and_scenes_are_spread(sizes: list[list[int]], count: int) -> None:
    pairs = [
        (f"scene{scene}", f"{scene}-{group}")
        for scene, groups in enumerate(sizes)
        for group, number in enumerate(groups)
        for _ in range(number)
    ]
    folds = folds_by_group([scene for scene, _ in pairs], [group for _, group in pairs], count)
    seen: dict[str, set[int]] = {}
    for (_, group), fold in zip(pairs, folds, strict=True):
        seen.setdefault(group, set()).add(fold)
    assert all(len(found) == 1 for found in seen.values())
    for number in range(len(sizes)):
        assert len({fold for (scene, _), fold in zip(pairs, folds, strict=True) if scene == f"scene{number}"}) == count


def test_a_scene_of_one_group_cannot_be_split() -> None:
    scenes = [scene for scene in ("sea", "city") for _ in range(5)]
    with pytest.raises(InvalidValueError, match=r"scene city has too few groups .* \(1\)"):
        folds_by_group(scenes, scenes, 2)
