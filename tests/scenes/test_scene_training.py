from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from sirstgen.errors import InputError, InvalidValueError, OutputExistsError
from sirstgen.scenes.card import figures
from sirstgen.scenes.classify import classify_images, load_classifier
from sirstgen.scenes.training import train_scenes


def _frame(scene: str, rng: np.random.Generator) -> np.ndarray:
    """Dark stripes or bright blobs: two scenes that a few dozen steps tell apart."""
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
    train_scenes(tree, out, samples=240, batch=12, seed=5)
    return out


def test_it_learns_what_is_easy_and_writes_a_card(trained: Path) -> None:
    card = json.loads((trained / "card.json").read_text())
    assert card["scenes"] == ["blobs", "stripes"]
    assert card["test"]["accuracy"] == 1.0
    assert sum(map(sum, card["test"]["confusion"])) == sum(card["frames"]["test"].values())
    assert card["groups"]["train"] == {"blobs": 3, "stripes": 3}
    assert "| blobs |" in (trained / "README.md").read_text()
    assert not list(trained.glob(".*"))
    rng = np.random.default_rng(9)
    answers = list(
        classify_images(
            (_frame(scene, rng) for scene in ["blobs", "stripes"] * 20), load_classifier(trained / "scenes.safetensors")
        )
    )
    assert [scene for scene, _ in answers] == ["blobs", "stripes"] * 20
    assert all(0.5 <= confidence <= 1 for _, confidence in answers)


def test_one_seed_gives_one_network_and_leaves_torch_alone(tree: Path, trained: Path, tmp_path: Path) -> None:
    torch.manual_seed(1)
    state, threads = torch.random.get_rng_state(), torch.get_num_threads()
    train_scenes(tree, tmp_path / "again", samples=240, batch=12, seed=5)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    for name in ("scenes.safetensors", "card.json", "README.md"):
        assert (tmp_path / "again" / name).read_bytes() == (trained / name).read_bytes()


def test_training_can_begin_from_weights(tree: Path, trained: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    card = train_scenes(
        tree,
        tmp_path / "more",
        start=trained / "scenes.safetensors",
        samples=240,
        batch=12,
        progress=lambda done, total, loss: told.append((done, total)),
    )
    assert card.start is not None
    assert card.validation.accuracy == 1.0
    assert told[:2] == [(12, 240), (24, 240)]


def test_what_is_there_is_not_overwritten(tree: Path, trained: Path) -> None:
    with pytest.raises(OutputExistsError, match="not empty"):
        train_scenes(tree, trained)


def test_bad_settings_and_frames_are_named(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match="samples at least one batch"):
        train_scenes(tree, tmp_path / "out", samples=3)
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


def test_figures_by_hand() -> None:
    found = figures(("a", "b", "c"), np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), np.array([0.95, 0.55, 0.95, 0.95]))
    assert found.confusion == ((1, 1, 0), (0, 2, 0), (0, 0, 0))
    assert found.accuracy == 0.75
    assert found.recall == {"a": 0.5, "b": 1.0, "c": None}
    assert found.balanced_accuracy == 0.75
    assert found.calibration_error == pytest.approx((0.15 + 0.55) / 4)
