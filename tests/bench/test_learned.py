"""A trained net is benched like any other detector, and its nodes can be drawn."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from making.training_frames import make_frames

from sirstgen import detectors
from sirstgen.bench import run_bench
from sirstgen.bench.choice import choose_detectors
from sirstgen.bench.learned import LearnedDetector
from sirstgen.datasets.readers import Dataset
from sirstgen.detectors.dnanet import DNANet
from sirstgen.errors import InvalidValueError
from sirstgen.figures.features import draw_features, feature_maps
from sirstgen.files.images import read_gray
from sirstgen.files.png import encode_png
from sirstgen.training.checkpoint import Checkpoint
from sirstgen.training.config import TrainingConfig
from sirstgen.training.runtime import fresh_net


@pytest.fixture(autouse=True)
def small_net(monkeypatch: pytest.MonkeyPatch) -> None:
    def small(name: str, in_channels: int = 3) -> torch.nn.Module:
        if name == "acm":
            return real(name, in_channels)
        return DNANet(in_channels, channels=(4, 4, 8, 8, 8), blocks=(1, 1, 1, 1))

    real = detectors.build
    monkeypatch.setattr(detectors, "build", small)


def save(path: Path, name: str = "dnanet-resnet10-light", seed: int = 0) -> Path:
    settings = TrainingConfig(detector=name, in_channels=1, seed=seed)
    Checkpoint(settings, 7, fresh_net(settings).state_dict()).save(path)
    return path


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    frames = make_frames(2)
    for key, image, mask in zip(frames.ids, frames.images, frames.masks, strict=True):
        for kind, pixels in (("images", image), ("masks", mask.astype(np.uint8) * 255)):
            (tmp_path / "set" / kind).mkdir(parents=True, exist_ok=True)
            (tmp_path / "set" / kind / f"{key}.png").write_bytes(encode_png(pixels))
    return Dataset.open(tmp_path / "set")


def test_a_net_is_benched_at_its_own_threshold(dataset: Dataset, tmp_path: Path) -> None:
    chosen = choose_detectors("top-hat", [save(tmp_path / "best.pt")])
    net = chosen[1]
    probabilities = net(read_gray(dataset.image_path("000")).astype(float))
    assert probabilities.shape == (40, 52) and 0 <= probabilities.min() <= probabilities.max() <= 1
    result = run_bench(dataset, chosen, tmp_path / "out")
    found = sum((net(dataset.image(key).astype(float)) > 0.5).sum() for key in dataset.ids)
    assert result.whole(net.name).exact.predicted_pixels == found
    assert [detector.name.split("-")[0] for detector in result.detectors] == ["top", "dnanet"]


def test_names_tell_weights_apart_and_a_net_travels_as_its_path(tmp_path: Path) -> None:
    first, second = (LearnedDetector.load(save(tmp_path / f"{seed}.pt", seed=seed)) for seed in (1, 2))
    assert first.name != second.name
    assert len(pickle.dumps(first)) < 500
    assert pickle.loads(pickle.dumps(first)) is first


def test_feature_maps_have_the_size_of_their_level(tmp_path: Path) -> None:
    net = LearnedDetector.load(save(tmp_path / "best.pt"))
    image = make_frames(1).images[0].astype(float)
    maps, output = feature_maps(net, image)
    assert list(maps) == [(4, 0), (3, 1), (2, 2), (1, 3), (0, 4)]
    assert [values.shape for values in maps.values()] == [(3, 4), (5, 7), (10, 13), (20, 26), (40, 52)]
    np.testing.assert_array_equal(output, net(image))
    draw_features(image, make_frames(1).masks[0], [net, net], tmp_path / "features.png")
    assert (tmp_path / "features.png").stat().st_size > 5000
    other = LearnedDetector.load(save(tmp_path / "acm.pt", "acm"))
    assert not other.is_dnanet
    with pytest.raises(InvalidValueError, match="of a DNA-Net"):
        feature_maps(other, image)
