from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from sirstgen.errors import InputError
from sirstgen.stats.dataset_statistics import dataset_statistics

SIDE = 100  # 0.01 % is one pixel, 0.15 % fifteen


def make_folder(folder: Path, rows: list[dict[str, Any]] | None = None, depth: int = 8) -> Path:
    """Three images of known targets: 1 px bright, 4x4 px dim beside 3x5 px bright, none."""
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    rng = np.random.default_rng(0)
    white = 2**depth - 1
    for number, boxes in enumerate(([(50, 50, 1, 1, 1.0)], [(10, 10, 4, 4, 0.5), (60, 70, 3, 5, 0.9)], [])):
        image = rng.uniform(0.15, 0.25, (SIDE, SIDE))
        image[:20] += 0.5  # a fifth of the image is brighter than the dim target
        mask = np.zeros((SIDE, SIDE), np.uint8)
        for x, y, w, h, level in boxes:
            image[y : y + h, x : x + w] = level
            mask[y : y + h, x : x + w] = 255
        dtype = np.uint8 if depth == 8 else np.uint16
        cv2.imwrite(str(folder / "images" / f"{number}.png"), np.rint(image * white).astype(dtype))
        cv2.imwrite(str(folder / "masks" / f"{number}.png"), mask)
    if rows is not None:
        (folder / "targets.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def test_the_shares_of_fig_6_are_counted_in_the_pixels(tmp_path: Path) -> None:
    found = dataset_statistics(make_folder(tmp_path / "set"))
    assert (found.images, found.targets) == (3, 3)
    assert found.targets_per_image == {0: 1, 1: 1, 2: 1}
    shares = found.shares()
    assert shares == pytest.approx({"multiple": 1 / 3, "tiny": 1 / 3, "small": 2 / 3, "dim": 1 / 3})
    assert sorted(found.values["area"]) == [1, 15, 16]
    assert found.values["area_share"] == pytest.approx([0.01, 0.16, 0.15])


def test_scr_and_contrast_are_those_of_eq_10(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "set")
    found = dataset_statistics(folder)
    image = cv2.imread(str(folder / "images/0.png"), cv2.IMREAD_UNCHANGED).astype(float)
    box = image[30:71, 30:71]
    clutter = np.delete(box.ravel(), 20 * 41 + 20)
    assert found.values["scr"][0] == pytest.approx((255 - clutter.mean()) / clutter.std())
    assert found.values["contrast"][0] == pytest.approx(255 - clutter.mean())


def test_sixteen_bits_give_the_same_figures(tmp_path: Path) -> None:
    eight = dataset_statistics(make_folder(tmp_path / "8"))
    sixteen = dataset_statistics(make_folder(tmp_path / "16", depth=16))
    assert sixteen.shares() == eight.shares()
    assert sixteen.values["contrast"] == pytest.approx(eight.values["contrast"], abs=1)


def test_lines_give_scenes_kinds_and_the_clutter_region(tmp_path: Path) -> None:
    how = {"clutter_region": {"kind": "local", "margin": 5}, "support_margin": 2}
    rows = [
        {"id": "0", "scene": "sea", "targets": [{"kind": "point"}], **how},
        {"id": "1", "scene": "sea", "targets": [{"kind": "spot"}, {"kind": "extended"}], **how},
    ]
    found = dataset_statistics(make_folder(tmp_path / "set", rows))
    assert found.scenes == {"sea": 2}
    assert found.kinds == {"extended": 1, "point": 1, "spot": 1}
    plain = dataset_statistics(make_folder(tmp_path / "plain"))
    assert found.values["scr_masks_only"].tolist() == plain.values["scr"].tolist()
    assert found.values["scr"].tolist() != plain.values["scr"].tolist()
    assert plain.scenes == plain.kinds == {}


def test_a_wrong_clutter_region_is_named(tmp_path: Path) -> None:
    rows = [{"id": "0", "clutter_region": {"kind": "ring"}, "support_margin": 2, "targets": []}]
    with pytest.raises(InputError, match=r"targets\.jsonl: 0: .*local or global"):
        dataset_statistics(make_folder(tmp_path / "set", rows))


def test_a_set_without_targets_has_no_shares_of_them(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "set")
    for path in (folder / "masks").iterdir():
        cv2.imwrite(str(path), np.zeros((SIDE, SIDE), np.uint8))
    told = json.loads(json.dumps(dataset_statistics(folder).to_dict()))
    assert told["fig_6"]["tiny"]["value"] is None and told["fig_6"]["multiple"]["value"] == 0
    assert told["quantiles"] == {}


@pytest.mark.realdata
def test_the_published_set_shows_what_was_measured_on_it() -> None:
    root = Path(os.environ.get("SIRSTGEN_TEST_DATA", "")) / "nudt-sirst"
    if not os.environ.get("SIRSTGEN_TEST_DATA") or not root.is_dir():
        pytest.skip("SIRSTGEN_TEST_DATA names no folder with nudt-sirst")
    shares = dataset_statistics(root).shares()
    assert shares == pytest.approx({"multiple": 0.35, "tiny": 0.06, "small": 0.998, "dim": 0.39}, abs=0.01)
