"""Plans as datasets: made by hand, or those of a dataset with one thing changed."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from sirstgen.errors import InvalidValueError
from sirstgen.plan import BackgroundCrop, ImagePlan, TargetPlan
from sirstgen.storage.reopen import reopen_generator, reopen_plans
from sirstgen.storage.writer import redraw, write_dataset
from sirstgen.synthesis.generator import Generator
from sirstgen.synthesis.planned import PlannedGenerator
from sirstgen.verification.verify import verify


@pytest.fixture(scope="module")
def drawn(small_generator: Generator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(small_generator, tmp_path_factory.mktemp("plans") / "set", 8)


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "targets.jsonl").read_text().splitlines()]


def positions(folder: Path) -> list[list[list[float]]]:
    return [[target["position"] for target in row["targets"]] for row in rows(folder)]


def verified(folder: Path, backgrounds: Path | None = None) -> bool:
    return verify(folder, reopen_generator(folder, backgrounds)) == []


def test_the_plans_of_a_dataset_give_its_images_again(drawn: Path, background_folder: Path, tmp_path: Path) -> None:
    write_dataset(reopen_plans(drawn, background_folder), tmp_path / "set", workers=2)
    for name in ("images/000003.png", "masks/000003.png", "50_50/train.txt", "50_50/test.txt"):
        assert (tmp_path / "set" / name).read_bytes() == (drawn / name).read_bytes()
    assert verified(tmp_path / "set", background_folder)


def test_another_scr_moves_no_target(drawn: Path, background_folder: Path, tmp_path: Path) -> None:
    write_dataset(reopen_plans(drawn, background_folder, scr=2.5), tmp_path / "set")
    assert positions(tmp_path / "set") == positions(drawn)
    assert {target["scr_requested"] for row in rows(tmp_path / "set") for target in row["targets"]} == {2.5}
    assert verified(tmp_path / "set", background_folder)
    assert json.loads((tmp_path / "set" / "dataset.json").read_text())["recipe"]["scr"] == 2.5


def test_another_bit_depth_and_blur(drawn: Path, background_folder: Path, tmp_path: Path) -> None:
    write_dataset(reopen_plans(drawn, background_folder, bit_depth=16, blur_sigma=0.7), tmp_path / "set")
    assert positions(tmp_path / "set") == positions(drawn)
    assert {row["blur_sigma"] for row in rows(tmp_path / "set")} == {0.7}
    image = cv2.imread(str(tmp_path / "set" / "images" / "000001.png"), cv2.IMREAD_UNCHANGED)
    assert image.dtype == np.uint16
    assert verified(tmp_path / "set", background_folder)


def test_a_contrast_is_the_same_share_of_white_at_another_bit_depth() -> None:
    target = TargetPlan("spot", (40.0, 30.0), contrast=40.0, sigma=(1.5, 1.2))
    plan = ImagePlan(BackgroundCrop("sea/0001", (0, 0, 128, 96)), (target,), width=128, height=96)
    deep = PlannedGenerator([plan], bit_depth=16).plan(0)
    assert deep.targets[0].contrast == pytest.approx(40 * 257)
    assert PlannedGenerator([deep], bit_depth=8).plan(0).targets[0].contrast == pytest.approx(40)


def test_what_cannot_be_met_is_left_out_and_counted(drawn: Path, background_folder: Path, tmp_path: Path) -> None:
    write_dataset(reopen_plans(drawn, background_folder, scr=200), tmp_path / "set")
    manifest = json.loads((tmp_path / "set" / "dataset.json").read_text())
    asked = sum(len(row["targets"]) for row in rows(drawn))
    assert manifest["rejections"]["saturated"] > 0
    assert manifest["targets"] + sum(manifest["rejections"].values()) == asked
    assert manifest["count"] == 8
    assert verified(tmp_path / "set", background_folder)


def test_plans_made_by_hand_are_a_dataset(tmp_path: Path) -> None:
    crops = [BackgroundCrop("cloud/0001", (0, 0, 128, 96)), BackgroundCrop("sea/0001", (0, 0, 128, 96))]
    plans = [
        ImagePlan(crop, (TargetPlan("spot", (40.0, 30.0), scr=4.0, sigma=(1.5, 1.2)),), width=128, height=96)
        for crop in crops
    ]
    write_dataset(plans, tmp_path / "set")
    assert positions(tmp_path / "set") == [[[40.0, 30.0]]] * 2
    assert [row["index"] for row in rows(tmp_path / "set")] == [0, 1]
    assert verified(tmp_path / "set")
    with pytest.raises(InvalidValueError, match=r"its plans digest is .*, this run's is null"):
        write_dataset(Generator(PlannedGenerator(plans).recipe, seed=0), tmp_path / "set", 3, resume=True)
    with pytest.raises(InvalidValueError, match="cannot be drawn again"):
        redraw(PlannedGenerator(plans), tmp_path / "set", ["000001"])
    assert verified(tmp_path / "set")


def test_a_planned_generator_is_a_finite_generator(drawn: Path, background_folder: Path) -> None:
    generator = reopen_plans(drawn, background_folder)
    assert len(generator) == len(list(generator)) == 8
    assert repr(generator) == "PlannedGenerator(8 plans)"
    again = pickle.loads(pickle.dumps(generator))
    assert (again[5].image == generator[5].image).all()
    with pytest.raises(IndexError, match="from 0 to 7, got 8"):
        generator[8]


def test_wrong_plans_are_one_error(drawn: Path, background_folder: Path) -> None:
    with pytest.raises(InvalidValueError, match="one or more ImagePlan"):
        PlannedGenerator([])
    with pytest.raises(InvalidValueError, match="another scr, blur_sigma, bit_depth, not width"):
        reopen_plans(drawn, background_folder, width=64)
    nowhere = [ImagePlan(BackgroundCrop(f"none/{number}", (0, 0, 256, 256))) for number in range(3)]
    with pytest.raises(InvalidValueError, match="3 of 3 plans cannot be rendered, the first is plan 0"):
        PlannedGenerator(nowhere)
    plan = ImagePlan(BackgroundCrop("cloud/0001", (0, 0, 64, 64)), width=64, height=64)
    for sides in (["train"], ["train", "val"]):
        with pytest.raises(InvalidValueError, match="sides must be train or test for each of the 2 plans, got"):
            PlannedGenerator([plan, plan], sides=sides)  # type: ignore[arg-type]
    with pytest.raises(InvalidValueError, match="n must be at most 8"):
        write_dataset(reopen_plans(drawn, background_folder), drawn.parent / "more", 9)
