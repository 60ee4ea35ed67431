"""The index of a large folder: nothing is decoded twice, nothing stale is believed."""

from __future__ import annotations

import os
import pickle
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from making.clutter import clutter

from sirstgen.backgrounds import scan
from sirstgen.backgrounds.library import BackgroundLibrary
from sirstgen.errors import InputError
from sirstgen.files.caching import cache_folder

COUNT = 24


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Folders of few frames get an index too, in a cache of each test; the files that are decoded are listed."""
    monkeypatch.setenv("SIRSTGEN_CACHE", str(tmp_path_factory.mktemp("cache")))
    looked: list[str] = []
    whole = scan.look

    def look(path: Path, scale: object) -> object:
        looked.append(path.name)
        return whole(path, scale)

    for module in ("scan", "library"):
        monkeypatch.setattr(f"sirstgen.backgrounds.{module}.LEAST", 8)
    monkeypatch.setattr(scan, "look", look)
    return looked


def kept_index() -> Path:
    """The one index in the cache."""
    (file,) = (cache_folder() / "frames").rglob("*.npz")
    return file


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "frames"
    (folder / "sea").mkdir(parents=True)
    for number in range(COUNT):
        cv2.imwrite(str(folder / "sea" / f"{number:02d}.png"), clutter(number // 2 * 2, 60, 70) + (number % 2))
    cv2.imwrite(str(folder / "sea" / "flat.png"), np.full((60, 70), 9, np.uint8))
    (folder / "sea" / "broken.png").write_bytes(b"x")
    return folder


def test_a_folder_opened_again_decodes_nothing_and_is_the_same(tree: Path, few: list[str]) -> None:
    first = BackgroundLibrary.open(tree)
    assert len(few) == COUNT + 2 and kept_index().is_file()
    few.clear()
    second = BackgroundLibrary.open(tree)
    assert few == ["broken.png"], "what could not be read may be readable now"
    assert first.describe() == second.describe()
    assert first.describe()["groups"] == COUNT // 2
    assert [first.background("sea", n) for n in range(COUNT)] == [second.background("sea", n) for n in range(COUNT)]
    with pytest.raises(InputError, match="no usable background"):
        BackgroundLibrary.open(tree, min_size=(61, 10))


def test_nothing_is_written_among_the_frames(tree: Path, few: list[str]) -> None:
    before = {path: path.stat().st_mtime_ns for path in [tree, *tree.rglob("*")]}
    BackgroundLibrary.open(tree)
    assert {path: path.stat().st_mtime_ns for path in [tree, *tree.rglob("*")]} == before


def test_without_a_cache_a_folder_opens_and_travels(
    tree: Path, few: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = BackgroundLibrary.open(tree)
    monkeypatch.setenv("SIRSTGEN_CACHE", str(tree / "sea" / "00.png"))  # no folder: nothing can be kept in it
    library = BackgroundLibrary.open(tree)
    assert library.describe() == first.describe()
    few.clear()
    assert pickle.loads(pickle.dumps(library)).describe() == first.describe() and few == []


def test_changed_new_and_missing_frames_are_seen_anew(tree: Path, few: list[str]) -> None:
    BackgroundLibrary.open(tree)
    few.clear()
    cv2.imwrite(str(tree / "sea" / "03.png"), clutter(77, 60, 70))
    cv2.imwrite(str(tree / "sea" / "new.png"), clutter(78, 60, 70))
    (tree / "sea" / "05.png").unlink()
    library = BackgroundLibrary.open(tree)
    assert sorted(few) == ["03.png", "broken.png", "new.png"]
    shutil.copytree(tree, tree.parent / "copy")
    fresh = BackgroundLibrary.open(tree.parent / "copy")
    assert library.describe() | {"name": ""} == fresh.describe() | {"name": ""}


def test_a_damaged_index_is_not_believed(tree: Path, few: list[str]) -> None:
    first = BackgroundLibrary.open(tree)
    data = kept_index().read_bytes()
    for damaged in (b"", b"PK", data[: len(data) // 2], data.replace(b"sea/0", b"sky/0")):
        kept_index().write_bytes(damaged)
        few.clear()
        assert BackgroundLibrary.open(tree).describe() == first.describe()
        assert len(few) == COUNT + 2


def test_16_bit_frames_keep_their_common_scale(tmp_path: Path, few: list[str]) -> None:
    for number in range(10):
        frame = (20_000 + 3 * clutter(number, 60, 70).astype(np.uint16)).astype(np.uint16)
        cv2.imwrite(str(tmp_path / f"{number}.png"), frame)
    first = BackgroundLibrary.open(tmp_path, scene="sea")
    few.clear()
    assert BackgroundLibrary.open(tmp_path, scene="sea").describe() == first.describe()
    assert few == []
    cv2.imwrite(str(tmp_path / "0.png"), np.arange(4200, dtype=np.uint16).reshape(60, 70) * 15)
    wider = BackgroundLibrary.open(tmp_path, scene="sea")
    assert len(few) == 10
    assert wider.gray_scale != first.gray_scale


def test_a_library_with_place_maps_travels(tree: Path) -> None:
    library = BackgroundLibrary.open(tree)
    library.prepare_places()
    assert "places" in library.describe()
    assert pickle.loads(pickle.dumps(library)).describe() == library.describe()


def test_a_library_travels_as_the_way_to_open_it_and_other_frames_are_refused(tree: Path) -> None:
    library = BackgroundLibrary.open(tree)
    data = pickle.dumps(library)
    assert len(data) < 1000
    assert pickle.loads(data).describe() == library.describe()
    cv2.imwrite(str(tree / "sea" / "00.png"), clutter(99, 60, 70))
    with pytest.raises(InputError, match="the backgrounds there are not those that the run began with"):
        pickle.loads(data)


def test_a_frame_that_changes_behind_the_library_is_refused(tree: Path) -> None:
    library = BackgroundLibrary.open(tree, cache_bytes=0)
    background = library.background("sea", 0)
    library.pixels(background, 8)
    path = tree / f"{background.id}.png"
    times = path.stat().st_mtime_ns
    cv2.imwrite(str(path), clutter(99, 60, 70))
    os.utime(path, ns=(times, times))
    library.pixels(library.background("sea", 1), 8)
    with pytest.raises(InputError, match="its pixels are not those that the run was started with"):
        library.pixels(background, 8)
