from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader

from sirstgen.errors import InputError, InvalidValueError
from sirstgen.storage.shard_writer import write_shards
from sirstgen.synthesis.generator import Generator
from sirstgen.training.shard_stream import ShardStream
from sirstgen.training.torch_dataset import TorchDataset

COUNT, SIZE = 14, 4


@pytest.fixture(scope="module")
def shards(small_generator: Generator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards") / "set"
    write_shards(small_generator, folder, COUNT, SIZE)
    return folder


def ordered(pairs: list[tuple[torch.Tensor, torch.Tensor]]) -> list[bytes]:
    return sorted(image.numpy().tobytes() + mask.numpy().tobytes() for image, mask in pairs)


@pytest.mark.parametrize("workers", [0, 2])
def test_every_image_of_the_split_comes_once(shards: Path, workers: int) -> None:
    expected = list(TorchDataset(shards, split="train"))
    found = list(DataLoader(ShardStream(shards, shuffle=3), batch_size=None, num_workers=workers))
    assert ordered(found) == ordered(expected)


def test_the_order_depends_on_seed_and_epoch_alone(shards: Path) -> None:
    data = ShardStream(shards, "test", shuffle=5)
    first = [image for image, _ in data]
    assert all(torch.equal(a, b) for a, (b, _) in zip(first, data, strict=True))
    data.epoch = 1
    assert not all(torch.equal(a, b) for a, (b, _) in zip(first, data, strict=True))
    plain = [image for image, _ in ShardStream(shards, "test", shuffle=0)]
    expected = TorchDataset(shards, split="test")
    assert all(torch.equal(a, b) for a, (b, _) in zip(plain, expected, strict=True))


def test_what_is_no_set_of_shards_is_refused(shards: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no shards named val-<number>\.tar"):
        ShardStream(shards, "val")
    with pytest.raises(InvalidValueError, match="shuffle must be at least 0 images, got -1"):
        ShardStream(shards, shuffle=-1)


def test_frames_of_16_bits_without_a_stated_scale_are_on_that_of_their_set(
    small_generator: Generator, tmp_path: Path
) -> None:
    recipe = small_generator.recipe.replace(bit_depth=16)
    wide = Generator(recipe, small_generator.backgrounds, small_generator.templates, small_generator.seed)
    write_shards(wide, tmp_path / "set", 4, 4)
    (tmp_path / "set" / "dataset.json").unlink()
    expected = list(TorchDataset(tmp_path / "set", split="train"))
    found = list(ShardStream(tmp_path / "set", shuffle=0))
    assert ordered(found) == ordered(expected) and found[0][0].max() < 1
