"""Where a folder's place maps come from: a person's files, the cache, the network."""

from __future__ import annotations

import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest

from sirstgen.backgrounds.library import BackgroundLibrary
from sirstgen.backgrounds.mixed import MixedBackgrounds
from sirstgen.backgrounds.place_sheet import draw_sheet, write_maps
from sirstgen.backgrounds.procedural import draw
from sirstgen.backgrounds.procedural.source import ProceduralBackgrounds
from sirstgen.errors import InputError
from sirstgen.places.classes import GROUND, SKY, encode_places


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    folder = tmp_path / "frames"
    (folder / "field").mkdir(parents=True)
    for number in range(3):
        cv2.imwrite(str(folder / "field" / f"{number}.png"), draw("field", 3, number, 64, 80).frame)
    return folder


def give(folder: Path, name: str, shape: tuple[int, int] = (64, 80), place: int = GROUND) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_places(np.full(shape, place, np.uint8)))


def test_given_maps_go_before_the_networks_and_are_told_apart(frames: Path, tmp_path: Path) -> None:
    give(tmp_path / "maps", "field/1.png")
    library = BackgroundLibrary.open(frames, places=tmp_path / "maps")
    library.prepare_places()
    told = library.describe()["places"]
    assert told["sources"] == {"file": 1, "network": 2}  # type: ignore[index]
    assert (library.places(library.find("field/1")) == GROUND).all()
    again = pickle.loads(pickle.dumps(library))
    for number in range(3):
        background = library.find(f"field/{number}")
        np.testing.assert_array_equal(again.places(background), library.places(background))
    assert sorted(path.name for path in frames.rglob("*") if path.is_file()) == ["0.png", "1.png", "2.png"]


def test_another_map_gives_another_digest(frames: Path, tmp_path: Path) -> None:
    digests = set()
    for place in (GROUND, SKY):
        for number in range(3):
            give(tmp_path / str(place), f"field/{number}.png", place=place)
        library = BackgroundLibrary.open(frames, places=tmp_path / str(place))
        library.prepare_places()
        digests.add(library.describe()["places"]["digest"])  # type: ignore[index]
    assert len(digests) == 2


def test_maps_of_no_frame_and_of_another_size_are_refused(frames: Path, tmp_path: Path) -> None:
    give(tmp_path / "stray", "field/9.png")
    with pytest.raises(InputError, match=r"9\.png: a place map of no background \(1 such of 1\)"):
        BackgroundLibrary.open(frames, places=tmp_path / "stray")
    with pytest.raises(InputError, match="there is no such folder of place maps"):
        BackgroundLibrary.open(frames, places=tmp_path / "none")
    give(tmp_path / "small", "field/0.png", (60, 80))
    library = BackgroundLibrary.open(frames, places=tmp_path / "small")
    with pytest.raises(InputError, match=r"0\.png: a place map has the size of its background, 80x64"):
        library.prepare_places()


def test_maps_of_frames_that_are_not_used_are_no_fault(frames: Path, tmp_path: Path) -> None:
    cv2.imwrite(str(frames / "field" / "small.png"), draw("field", 3, 9, 40, 50).frame)
    give(tmp_path / "maps", "field/small.png", (40, 50))
    library = BackgroundLibrary.open(frames, places=tmp_path / "maps", min_size=(64, 64))
    assert library.count("field") == 3 and library.faults[0].reason == "too small"


def test_procedural_frames_know_their_places(frames: Path) -> None:
    made = ProceduralBackgrounds(4, 64, 80)
    background = made.background("field", 7)
    drawn = draw("field", 4, 7, 64, 80)
    np.testing.assert_array_equal(made.places(background), drawn.places)
    np.testing.assert_array_equal(made.pixels(background, 8), drawn.frame)
    for kept in (made.pixels(background, 8), made.places(background)):
        with pytest.raises(ValueError, match="read-only"):
            kept[0, 0] = 1
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(made)).places(background), drawn.places)
    mixed = MixedBackgrounds(BackgroundLibrary.open(frames), made)
    np.testing.assert_array_equal(mixed.places(background), drawn.places)


def test_maps_and_a_sheet_are_written_for_a_person(frames: Path, tmp_path: Path) -> None:
    library = BackgroundLibrary.open(frames)
    write_maps(library, tmp_path / "maps")
    draw_sheet(library, tmp_path / "sheet.png")
    again = BackgroundLibrary.open(frames, places=tmp_path / "maps")
    for number in range(3):
        background = library.find(f"field/{number}")
        np.testing.assert_array_equal(again.places(background), library.places(background))
    assert cv2.imread(str(tmp_path / "sheet.png")).shape == (268, 736, 3)
