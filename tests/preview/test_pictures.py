from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirstgen.datasets.readers import Dataset
from sirstgen.errors import InputError, InvalidValueError, OutputExistsError
from sirstgen.pages.picture import LABEL_HEIGHT, shown, tiled
from sirstgen.preview.contact_sheet import image_sheet, spread, target_sheet
from sirstgen.preview.enlarged import enlarged_target
from sirstgen.preview.preview import write_preview
from sirstgen.stats.dataset_statistics import dataset_statistics
from sirstgen.stats.figures import draw_statistics

YELLOW = (80, 230, 255)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five images of 40x60; image k has k targets of 3x3 px."""
    root = tmp_path / "set"
    for part in ("images", "masks"):
        (root / part).mkdir(parents=True)
    rng = np.random.default_rng(0)
    rows: list[dict[str, Any]] = []
    for number in range(5):
        image = rng.integers(60, 90, (40, 60), dtype=np.uint8)
        mask = np.zeros_like(image)
        for target in range(number):
            image[10:13, 4 + 10 * target : 7 + 10 * target] = 200
            mask[10:13, 4 + 10 * target : 7 + 10 * target] = 255
        cv2.imwrite(str(root / f"images/{number}.png"), image)
        cv2.imwrite(str(root / f"masks/{number}.png"), mask)
        rows.append({"id": str(number), "scene": "sea", "targets": [{"kind": "spot", "scr": 4.0}] * number})
    (root / "targets.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return root


def yellow(picture: np.ndarray) -> np.ndarray:
    return np.asarray((picture == YELLOW).all(axis=2))


@given(st.integers(1, 60), st.integers(1, 70))
def test_spread_ids_are_ordered_and_one_of_each_part(total: int, count: int) -> None:
    ids = [f"{number:03d}" for number in range(total)]
    chosen = spread(ids, count)
    assert len(chosen) == min(total, count) and chosen == sorted(set(chosen))
    assert all(number * min(count, total) < (place + 1) * total for place, number in enumerate(map(int, chosen)))


def test_a_sheet_shows_the_scenes_in_their_shares_whatever_their_order() -> None:
    period = [f"{number}" for number in range(24 * 29)]
    assert len({int(key) % 29 for key in spread(period, 24)}) > 8  # every 29th would show one of them


def test_a_sheet_shows_nothing_for_no_count() -> None:
    with pytest.raises(InvalidValueError, match="at least 1 image"):
        spread(["a"], 0)
    with pytest.raises(InvalidValueError, match="at least 1 tile"):
        tiled([], 3)


def test_eight_bits_are_shown_as_they_are_and_sixteen_are_stretched() -> None:
    image = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(shown(image), image)
    deep = shown(image.astype(np.uint16) + 20000)
    assert deep.dtype == np.uint8 and deep.min() == 0 and deep.max() == 255
    assert shown(np.full((8, 8), 7, np.uint16)).max() == 0


def test_images_stand_in_rows_with_boxes_around_their_targets(folder: Path) -> None:
    dataset = Dataset.open(folder)
    sheet = image_sheet(dataset, dataset.ids, columns=3, cell=60)
    tile = 40 + LABEL_HEIGHT
    assert sheet.shape == (2 * (tile + 4) + 4, 3 * 64 + 4, 3)
    assert not yellow(sheet[4 : 4 + tile, 4:64]).any()  # image 0 has no target
    found = yellow(sheet[4 : 4 + tile, 68:128])  # image 1 has one at x 4..6, y 10..12, boxed 4 px away
    rows, columns = np.nonzero(found)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (6, 16, 0, 10)
    inside = sheet[4 + 10 : 4 + 13, 68 + 4 : 68 + 7]
    assert (inside == 200).all()


def test_every_target_is_enlarged_with_the_outline_of_its_mask(folder: Path) -> None:
    image, mask = Dataset.open(folder).sample("1")
    picture = enlarged_target(image, mask, 0, size=210, name="1")
    assert picture.shape == (210 + 2 * LABEL_HEIGHT, 2 * 210 + 4, 3)
    left, right = picture[:210, :210], picture[:210, 214:]
    assert not yellow(left).any()
    rows, columns = np.nonzero(yellow(right))
    # 21 px at scale 10, from x 0, y 1; the target is 3x3 px at x 4, y 10, and the line lies on the edges of its pixels.
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (90, 120, 40, 70)
    block = left[rows.min() + 5, columns.min() + 5]
    assert (block == 200).all()
    with pytest.raises(InvalidValueError, match="has 1 targets"):
        enlarged_target(image, mask, 1, name="1")


def test_targets_near_an_edge_and_larger_than_the_picture_are_shown() -> None:
    image = np.zeros((30, 400), np.uint8)
    mask = np.zeros((30, 400), bool)
    image[:, 100:] = mask[:, 100:] = 1
    assert enlarged_target(image, mask, size=64).shape[0] > 30


def test_a_sheet_of_targets_has_a_tile_for_each(folder: Path) -> None:
    dataset = Dataset.open(folder)
    sheet = target_sheet(dataset, ["2", "0", "1"], columns=1, cell=42)
    assert sheet.shape[0] == 3 * (42 + 2 * LABEL_HEIGHT + 4) + 4
    with pytest.raises(InvalidValueError, match="must have targets"):
        target_sheet(dataset, ["0"])


def test_a_preview_is_a_sheet_and_one_target(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    result = write_preview(folder, out, count=3)
    assert result.ids == ("0", "2", "4")
    assert result.target == tmp_path / "sheet-target.png"
    assert cv2.imread(str(out)) is not None and cv2.imread(str(result.target)) is not None
    with pytest.raises(OutputExistsError, match=r"sheet\.png"):
        write_preview(folder, out)
    first = out.read_bytes()
    again = write_preview(folder, out, count=3, overwrite=True, enlarge="4:3")
    assert out.read_bytes() == first and again.ids == result.ids


def test_a_preview_names_what_is_not_there(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no image '9'"):
        write_preview(folder, tmp_path / "a.png", ids=["9"])
    with pytest.raises(InvalidValueError, match="has 4 targets"):
        write_preview(folder, tmp_path / "a.png", enlarge="4:7")
    with pytest.raises(InvalidValueError, match="id:number"):
        write_preview(folder, tmp_path / "a.png", enlarge="9")
    with pytest.raises(InvalidValueError, match=r"\*.png"):
        write_preview(folder, tmp_path / "a.jpg")
    assert not list(tmp_path.glob("a*"))


def test_a_figure_of_two_datasets_is_drawn(folder: Path) -> None:
    found = dataset_statistics(folder)
    labels = [text.get_text() for text in draw_statistics([found, found]).legends[0].get_texts()]
    assert len(labels) == 2 and all("have 2 or more" in label for label in labels)
    with pytest.raises(InvalidValueError, match="1 to 5 datasets"):
        draw_statistics([found] * 6)


def test_a_target_whose_scr_is_not_known_has_the_measured_one_in_its_label() -> None:
    image, mask = np.full((40, 40), 60, np.uint8), np.zeros((40, 40), bool)
    image[20:23, 20:23], mask[20:23, 20:23] = 90, True
    row = {"targets": [{"scr": None}]}  # flat clutter has no SCR
    assert np.array_equal(enlarged_target(image, mask, size=120, row=row), enlarged_target(image, mask, size=120))
