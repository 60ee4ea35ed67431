"""A dataset folder as a torch dataset."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from making.frame_sets import write_set
from torch import Tensor
from torch.utils.data import DataLoader

from sirstgen.datasets.readers import Dataset
from sirstgen.errors import InputError, InvalidValueError
from sirstgen.training.torch_dataset import TorchDataset


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("torch") / "set"
    write_set(place, 0, frames=6)
    (place / "50_50").mkdir()
    (place / "50_50" / "train.txt").write_text("000\n002\n003\n004\n")
    (place / "50_50" / "test.txt").write_text("001\n005\n")
    return place


def test_two_workers_give_what_the_files_hold(folder: Path) -> None:
    dataset, files = TorchDataset(folder, "train"), Dataset.open(folder)
    assert len(dataset) == 4
    assert repr(dataset).endswith("4 images)")
    images, masks = zip(*DataLoader(dataset, batch_size=2, num_workers=2), strict=True)
    assert torch.cat(images).shape == torch.cat(masks).shape == (4, 1, 96, 96)
    assert torch.cat(images).dtype == torch.cat(masks).dtype == torch.float32
    for place, key in enumerate(("000", "002", "003", "004")):
        image, mask = files.sample(key)
        assert (torch.cat(images)[place, 0].numpy() == image.astype("float32") / 255).all()
        assert (torch.cat(masks)[place, 0].numpy() == mask).all()


def test_ids_and_transform(folder: Path) -> None:
    def mirrored(image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        return image.flip(-1), mask.flip(-1)

    plain, turned = TorchDataset(folder, ids=["005"]), TorchDataset(folder, ids=["005"], transform=mirrored)
    assert torch.equal(plain[0][0].flip(-1), turned[0][0])
    assert torch.equal(plain[0][1].flip(-1), turned[0][1])
    assert torch.equal(pickle.loads(pickle.dumps(plain))[0][0], plain[0][0])
    assert len(TorchDataset(Dataset.open(folder))) == 6


def test_wrong_choices_are_one_error(folder: Path) -> None:
    with pytest.raises(InputError, match="has no image '999'"):
        TorchDataset(folder, ids=["999"])
    with pytest.raises(InvalidValueError, match="must not both be given"):
        TorchDataset(folder, "train", ids=["000"])
    with pytest.raises(InvalidValueError, match="at least one"):
        TorchDataset(folder, ids=[])
    with pytest.raises(InputError, match="validation"):
        TorchDataset(folder, "validation")
