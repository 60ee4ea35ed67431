from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from sirstgen.errors import InputError, InvalidValueError, OutputExistsError, SirstgenWarning
from sirstgen.scenes.card import figures
from sirstgen.scenes.classify import classify_images, load_classifier
from sirstgen.scenes.training import cross_validated, fitted_temperature, measured, train_scenes


def _frame(scene: str, rng: np.random.Generator) -> np.ndarray:
    """Dark stripes or bright blobs: two scenes that differ in every statistic."""
    if scene == "stripes":
        return (50 + 40 * np.sin(np.arange(48)[:, None] / 3 + rng.uniform(0, 6)) + rng.normal(0, 4, (48, 60))).astype(
            "u1"
        )
    blobs = cv2.GaussianBlur(rng.normal(0, 1, (48, 60)), (0, 0), 4)
    return np.clip(180 + 200 * blobs, 0, 255).astype("u1")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tree")
    rng = np.random.default_rng(3)
    for scene in ("blobs", "stripes"):
        for number in range(10):
            path = folder / scene / f"place{number % 5}-{scene}" / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), _frame(scene, rng))
    return folder


@pytest.fixture(scope="module")
def trained(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("weights") / "run"
    train_scenes(tree, out)
    return out


def test_it_learns_what_is_easy_and_writes_a_card(trained: Path) -> None:
    card = json.loads((trained / "card.json").read_text())
    assert card["scenes"] == ["blobs", "stripes"]
    assert card["measured"]["accuracy"] == 1.0 and card["test"] is None
    assert sum(map(sum, card["measured"]["confusion"])) == sum(card["frames"].values()) == 20
    assert card["groups"] == {"blobs": 5, "stripes": 5}
    assert "| blobs |" in (trained / "README.md").read_text()
    assert not list(trained.glob(".*"))
    rng = np.random.default_rng(9)
    frames = (_frame(scene, rng) for scene in ["blobs", "stripes"] * 10)
    answers = list(classify_images(frames, load_classifier(trained / "scenes.safetensors")))
    assert [scene for scene, _ in answers] == ["blobs", "stripes"] * 10
    assert all(0.5 <= confidence <= 1 for _, confidence in answers)


def test_one_tree_gives_one_network_and_leaves_threads_alone(tree: Path, trained: Path, tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    told: list[tuple[int, int]] = []
    card = train_scenes(tree, tmp_path / "again", test=tree, progress=lambda done, total: told.append((done, total)))
    assert card.test is not None and card.test.accuracy == 1.0
    assert told[0] == (1, 40) and told[-1] == (40, 40)
    assert torch.get_num_threads() == threads
    assert (tmp_path / "again" / "scenes.safetensors").read_bytes() == (trained / "scenes.safetensors").read_bytes()


def test_what_is_there_is_not_overwritten(tree: Path, trained: Path) -> None:
    with pytest.raises(OutputExistsError, match="not empty"):
        train_scenes(tree, trained)


def test_bad_frames_are_named(tmp_path: Path) -> None:
    few = tmp_path / "few"
    for scene in ("a", "b"):
        (few / scene).mkdir(parents=True)
        cv2.imwrite(str(few / scene / "1.png"), np.zeros((40, 40), np.uint8))
    with pytest.raises(InvalidValueError, match=r"few: scene a has too few groups"):
        train_scenes(few, tmp_path / "out")
    for number in range(5):
        (few / "a" / f"{number}.png").write_bytes(b"nonsense")
        cv2.imwrite(str(few / "b" / f"{number}.png"), np.zeros((40, 40), np.uint8))
    with pytest.raises(InputError, match=r"a/\d.png: not a PNG"):
        train_scenes(few, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_mixed_bit_depths_are_named_with_the_folder_they_are_in(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    for scene in ("blobs", "stripes"):
        for place in ("p", "q"):
            path = tmp_path / "tree" / scene / f"{place}-{scene}" / "1.png"
            path.parent.mkdir(parents=True)
            deep = np.uint16(257) if place == "p" else np.uint8(1)
            cv2.imwrite(str(path), _frame(scene, rng) * deep)
    with pytest.warns(SirstgenWarning, match=r"tree: images of 8 bits and of more .*: 2 of 8 bits \(blobs/q-blobs/1"):
        train_scenes(tmp_path / "tree", tmp_path / "out")


def test_a_group_is_never_measured_by_a_network_that_saw_it() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 40)
    found = rng.normal(0, 1, (40, 8)) + truth[:, None]
    groups = [str(number // 2) for number in range(40)]
    folds = [number // 2 % 4 for number in range(40)]
    held = np.array(folds) == 1
    other = np.where(held, 1 - truth, truth)
    before, after = (cross_validated(found, labels, groups, folds, 2) for labels in (truth, other))
    np.testing.assert_allclose(before[held], after[held])
    assert not np.allclose(before[~held], after[~held])


def test_temperature_makes_confidence_true() -> None:
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 3, 4000)
    right = rng.random(4000) < 0.8
    said = np.where(right, truth, (truth + 1 + rng.integers(0, 2, 4000)) % 3)
    logits = 9.0 * np.eye(3)[said]
    temperature = fitted_temperature(logits, truth)
    assert measured(("a", "b", "c"), logits, truth, temperature).calibration_error < 0.02


def test_figures_by_hand() -> None:
    found = figures(("a", "b", "c"), np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), np.array([0.95, 0.55, 0.95, 0.95]))
    assert found.confusion == ((1, 1, 0), (0, 2, 0), (0, 0, 0))
    assert found.accuracy == 0.75
    assert found.recall == {"a": 0.5, "b": 1.0, "c": None}
    assert found.balanced_accuracy == 0.75
    assert found.calibration_error == pytest.approx((0.15 + 0.55) / 4)
