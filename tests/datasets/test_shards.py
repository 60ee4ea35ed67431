"""Shards are read wherever folders are: by the reader, by the commands, by webdataset and by PyTorch's DataLoader."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from sirstgen.cli import app
from sirstgen.datasets import shards as shard_reader
from sirstgen.datasets.readers import Dataset
from sirstgen.errors import InputError
from sirstgen.storage.shard_writer import write_shards
from sirstgen.storage.writer import write_dataset
from sirstgen.synthesis.generator import Generator
from sirstgen.verification.verify import verify

COUNT, SIZE = 14, 4


@pytest.fixture(scope="module")
def folder(small_generator: Generator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(small_generator, tmp_path_factory.mktemp("folder") / "set", COUNT)


@pytest.fixture(scope="module")
def shards(small_generator: Generator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("shards") / "set"
    write_shards(small_generator, place, COUNT, SIZE)
    return place


def test_a_dataset_reads_the_same_from_both(folder: Path, shards: Path) -> None:
    first, second = Dataset.open(folder), pickle.loads(pickle.dumps(Dataset.open(shards)))
    assert first.ids == second.ids
    for part in ("train", "test"):
        assert first.split(part) == second.split(part)
    assert first.truth() == second.truth()
    for key in first.ids:
        for ours, theirs in zip(first.sample(key), second.sample(key), strict=True):
            np.testing.assert_array_equal(ours, theirs)
        assert second.image_path(key).name == f"{key}.image.png"


def test_the_names_of_shards_tell_the_split_where_there_are_no_lists(shards: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(shards / "shards", bare)
    for part in ("train", "test"):
        assert Dataset.open(bare).split(part) == Dataset.open(shards).split(part)


@pytest.mark.parametrize(
    "words",
    [
        "verify {}",
        "verify {} --rebuild --backgrounds {backgrounds}",
        "stats {}",
        "preview {} --out {out}/sheet.png",
        pytest.param("compare {} {folder} --out {out}/page", marks=pytest.mark.slow),
        "bench {} --detectors top-hat --out {out}/bench",
        "mix --real {} --synth {} --total 3 --out {out}/mix",
        "export {} --format coco --out {out}/coco",
        "export {} --format webdataset --out {out}/wds",
    ],
)
def test_every_command_reads_shards(
    words: str, folder: Path, shards: Path, background_folder: Path, tmp_path: Path
) -> None:
    words = words.replace("{}", str(shards))
    arguments = words.format(backgrounds=background_folder, out=tmp_path, folder=folder).split()
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, f"{done.output}\n{done.exception!r}"


def test_verify_finds_what_is_wrong_with_shards(shards: Path, tmp_path: Path) -> None:
    place = tmp_path / "set"
    shutil.copytree(shards, place)
    assert verify(place) == []
    (place / "shards" / "train-000000.tar").rename(place / "shards" / "test-000009.tar")
    lines = (place / "targets.jsonl").read_text().splitlines()
    row = json.loads(lines[-1])
    row["scene_confidence"] = 0.5
    (place / "targets.jsonl").write_text("\n".join([*lines[:-1], json.dumps(row)]) + "\n")
    found = "\n".join(map(str, verify(place)))
    assert "shards/train-000000.tar: missing; dataset.json lists it" in found
    assert "shards/test-000009.tar: not listed in dataset.json" in found
    assert "must be in a shard of its side of the split: stated train, found test" in found
    assert "the line in the shard must equal that of targets.jsonl" in found
    assert "shards/test-000009.tar: not listed in SHA256SUMS" in found


def test_all_faults_of_shards_are_told_at_once(shards: Path, tmp_path: Path) -> None:
    place = tmp_path / "set"
    (place / "shards").mkdir(parents=True)
    names = sorted(path.name for path in (shards / "shards").iterdir())
    whole = (shards / "shards" / names[0]).read_bytes()
    (place / "shards" / "test-000000.tar").write_bytes(whole[: len(whole) // 2])
    (place / "shards" / "test-000001.tar").write_bytes(b"no tar file at all" * 100)
    shutil.copy(shards / "shards" / names[-1], place / "shards" / "train-000002.tar")
    shutil.copy(shards / "shards" / names[-1], place / "shards" / "train-000003.tar")
    with tarfile.open(place / "shards" / "train-000004.tar", "w") as tar:
        (tmp_path / "lonely").write_bytes(b"x")
        tar.add(tmp_path / "lonely", "000099.image.png")
    with pytest.raises(InputError) as error:
        Dataset.open(place)
    for text in ("test-000000.tar: cut off", "test-000001.tar: no tar file", "of one name", "000099"):
        assert text in str(error.value)


def test_a_shard_that_is_cut_off_after_opening_is_told(shards: Path, tmp_path: Path) -> None:
    place = tmp_path / "set"
    shutil.copytree(shards, place)
    dataset = Dataset.open(place)
    key = dataset.split("train")[-1]
    shard = dataset.image_path(key).parent
    shard.write_bytes(shard.read_bytes()[:600])
    with pytest.raises(InputError, match=rf"{shard.name}/{key}\.image\.png: the tar file ends before"):
        dataset.image(key)


def test_the_webdataset_package_and_two_loader_workers_read_them(shards: Path, folder: Path) -> None:
    wds = pytest.importorskip("webdataset", reason="webdataset is not installed")
    from torch.utils.data import DataLoader

    urls = sorted(map(str, (shards / "shards").glob("train-*.tar")))
    data = (
        wds.WebDataset(urls, shardshuffle=False, empty_check=False)
        .decode("l8")
        .to_tuple("__key__", "image.png", "mask.png", "json")
    )
    seen = {}
    for key, image, mask, row in DataLoader(data, batch_size=None, num_workers=2):
        seen[key] = (np.asarray(image), np.asarray(mask), row)
    dataset = Dataset.open(folder)
    assert sorted(seen) == sorted(dataset.split("train"))
    for key, (image, mask, row) in seen.items():
        np.testing.assert_array_equal(image, dataset.image(key))
        np.testing.assert_array_equal(mask > 0, dataset.mask(key))
        assert row["id"] == key


def test_a_shard_that_another_thread_drops_from_the_cache_is_read_to_the_end(
    shards: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = Dataset.open(shards)
    wanted = dataset.image(dataset.ids[0])
    read = os.pread

    def dropped(descriptor: int, size: int, offset: int) -> bytes:
        shard_reader._open_file.cache_clear()
        return read(descriptor, size, offset)

    monkeypatch.setattr(os, "pread", dropped)
    assert np.array_equal(dataset.image(dataset.ids[0]), wanted)
