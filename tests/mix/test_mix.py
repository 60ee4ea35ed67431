from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sirstgen.datasets.readers import Dataset
from sirstgen.errors import InputError, InvalidValueError, OutputExistsError
from sirstgen.mix.mix import draw_mix, mix_counts
from sirstgen.mix.writer import write_mix
from sirstgen.storage.checksums import check_sums


def make(folder: Path, count: int, train: int | None = None, mode: str = "L", truth: bool = False) -> Dataset:
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    ids = [f"{number:03d}" for number in range(count)]
    rng = np.random.default_rng(count)
    for key in ids:
        pixels = rng.integers(0, 255, (16, 18), dtype=np.uint8)
        image = Image.fromarray(pixels) if mode != "I;16" else Image.fromarray(pixels.astype(np.uint16) * 200)
        (image.convert("RGB") if mode == "RGB" else image).save(folder / "images" / f"{key}.png")
        mask = Image.fromarray((pixels > 240).astype(np.uint8) * 255)
        (mask.convert("1") if mode == "RGB" else mask).save(folder / "masks" / f"{key}.png")
    if train is not None:
        (folder / "50_50").mkdir()
        (folder / "50_50" / "train.txt").write_text("\n".join(reversed(ids[:train])))
        (folder / "50_50" / "test.txt").write_text("\n".join(ids[train:]))
    if truth:
        rows = [{"id": key, "index": index, "scene": "sea", "targets": []} for index, key in enumerate(ids)]
        (folder / "targets.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return Dataset.open(folder)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, Dataset]:
    root = tmp_path_factory.mktemp("sources")
    return make(root / "NUAA", 12, train=7, mode="RGB"), make(root / "synth", 20, train=10, truth=True)


def taken(mix, kind: str) -> set[str]:
    return {entry.source_id for entry in mix.entries if entry.kind == kind}


@pytest.mark.parametrize(
    ("options", "counts"),
    [
        ({"real_ratio": 0.1}, (79, 712)),
        ({"real_ratio": 0.0}, (0, 791)),
        ({"real_ratio": 1.0}, (791, 0)),
        ({"real_ratio": 0.053}, (42, 749)),
        ({"real_ratio": 0.107}, (85, 706)),
        ({"real_ratio": 0.162}, (128, 663)),
        ({"real_count": 128}, (128, 663)),
        ({"real_ratio": 0.5, "total": 5}, (3, 2)),
    ],
)
def test_counts(options: dict, counts: tuple[int, int]) -> None:
    assert mix_counts(**options) == counts


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"real_ratio": 1.01}, "real-ratio must be from 0 to 1, got 1.01"),
        ({"real_ratio": -0.1}, "real-ratio must be"),
        ({"real_ratio": float("nan")}, "real-ratio must be"),
        ({"real_count": 800}, "real-count must be from 0 to the total of 791, got 800"),
        ({"real_count": -1}, "real-count"),
        ({"total": 0, "real_count": 0}, "total must be at least 1"),
        ({}, "exactly one"),
        ({"real_ratio": 0.1, "real_count": 3}, "exactly one"),
    ],
)
def test_counts_out_of_range_are_refused(options: dict, message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        mix_counts(**options)


@settings(max_examples=60)
@given(st.integers(0, 7), st.integers(0, 7), st.integers(7, 20), st.integers(0, 2**32))
def test_mixes_are_nested_and_real_test_ids_never_enter(sources, one: int, other: int, total: int, seed: int) -> None:
    real, synth = sources
    few, many = (
        draw_mix(real, synth, seed=seed, total=total, real_count=n, synth_part="all") for n in sorted((one, other))
    )
    assert taken(few, "real") <= taken(many, "real") <= set(real.split("train"))
    assert taken(many, "synthetic") <= taken(few, "synthetic")
    assert len(few.entries) == len(many.entries) == total
    assert few.count("real") == min(one, other)


def test_the_seed_decides_which_ids_are_taken(sources) -> None:
    real, synth = sources
    draws = [draw_mix(real, synth, seed=seed, total=10, real_count=3).entries for seed in (1, 1, 2)]
    assert draws[0] == draws[1]
    assert draws[0] != draws[2]
    train_only = draw_mix(real, synth, seed=1, total=10, real_count=0, synth_part="train")
    assert taken(train_only, "synthetic") == set(synth.split("train"))


def test_too_few_images_are_counted_in_the_message(sources) -> None:
    real, synth = sources
    with pytest.raises(InputError, match="8 real training images are needed, 7 are there"):
        draw_mix(real, synth, seed=0, total=8, real_ratio=1.0)
    with pytest.raises(
        InputError, match=r"29 synthetic images are needed, 10 are there; .*all 20 of a set .*--synth-part all"
    ):
        draw_mix(real, synth, seed=0, total=30, real_count=1)
    with pytest.raises(InputError, match="no real set is given"):
        draw_mix(None, synth, seed=0, total=8, real_count=1)
    with pytest.raises(InputError, match="no synthetic set is given"):
        draw_mix(real, None, seed=0, total=8, real_count=1)
    assert draw_mix(None, synth, seed=0, total=8, real_count=0).count("synthetic") == 8


def test_a_real_set_without_lists_is_not_guessed_at(tmp_path: Path, sources) -> None:
    with pytest.raises(InputError, match="no list of train"):
        draw_mix(make(tmp_path / "real", 4), sources[1], seed=0, total=4, real_count=2)


def test_the_folder_follows_the_contract(tmp_path: Path, sources) -> None:
    real, synth = sources
    written = write_mix(draw_mix(real, synth, seed=5, total=9, real_count=4), tmp_path / "my-mix")
    folder = tmp_path / "my-mix"
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        ["images", "masks", "50_50", "img_idx", "targets.jsonl", "dataset.json", "SHA256SUMS", "README.md"]
    )
    assert check_sums(folder) == []
    train = (folder / "50_50" / "train.txt").read_text().split()
    assert train == sorted(written.ids)
    assert (folder / "img_idx" / "train_my-mix.txt").read_text().split() == train
    assert (folder / "50_50" / "test.txt").read_text() == (folder / "img_idx" / "test_my-mix.txt").read_text() == ""
    manifest = json.loads((folder / "dataset.json").read_text())
    assert (manifest["kind"], manifest["name"], manifest["count"], manifest["seed"]) == ("mix", "my-mix", 9, 5)
    assert manifest["real"] == {"dataset": "NUAA", "train": 4, "test": 0}
    assert str(tmp_path) not in (folder / "dataset.json").read_text() + (folder / "README.md").read_text()
    for row in manifest["images"]:
        source = real if row["kind"] == "real" else synth
        assert row["dataset"] == source.name
        image, mask = written.sample(row["id"])
        expected = source.sample(row["source_id"])
        assert np.array_equal(image, expected[0])
        assert np.array_equal(mask, expected[1])
        for part in ("images", "masks"):
            with Image.open(folder / part / f"{row['id']}.png") as file:
                assert file.mode == "L"
    # Files that are gray PNGs already keep their bytes.
    synthetic = next(row for row in manifest["images"] if row["kind"] == "synthetic")
    assert (folder / "images" / f"{synthetic['id']}.png").read_bytes() == synth.image_path(
        synthetic["source_id"]
    ).read_bytes()
    truth = written.truth()
    assert set(truth) == {row["id"] for row in manifest["images"] if row["kind"] == "synthetic"}
    for key, row in truth.items():
        assert written.ids[row["index"]] == key
        assert row["source"] == {"dataset": "synth", "id": key[6:], "index": int(key[6:])}
        assert row["scene"] == "sea"


def test_equal_mixes_have_equal_bytes(tmp_path: Path, sources) -> None:
    for place in ("a", "b"):
        write_mix(draw_mix(*sources, seed=5, total=9, real_ratio=0.3), tmp_path / place / "mix")
    one, other = ((tmp_path / place / "mix" / "SHA256SUMS").read_bytes() for place in ("a", "b"))
    assert one == other


def test_test_images_are_carried_on_request_only(tmp_path: Path, sources) -> None:
    real, synth = sources
    mix = draw_mix(real, synth, seed=5, total=9, real_count=4, with_test=True)
    written = write_mix(mix, tmp_path / "mix")
    assert {key.removeprefix("real-") for key in written.split("test")} == set(real.split("test"))
    assert len(written.split("train")) == 9
    assert not set(written.split("train")) & {f"real-{key}" for key in real.split("test")}


def test_links_share_the_source_where_bytes_are_kept(tmp_path: Path) -> None:
    synth = make(tmp_path / "synth", 3)
    write_mix(draw_mix(None, synth, seed=0, total=3, real_count=0), tmp_path / "linked", link=True)
    assert (tmp_path / "linked" / "images" / "synth-000.png").samefile(synth.image_path("000"))
    write_mix(draw_mix(None, synth, seed=0, total=3, real_count=0), tmp_path / "copied")
    assert not (tmp_path / "copied" / "images" / "synth-000.png").samefile(synth.image_path("000"))


def test_what_is_there_is_kept_unless_asked(tmp_path: Path, sources) -> None:
    out = tmp_path / "mix"
    first = draw_mix(*sources, seed=1, total=5, real_count=2)
    second = draw_mix(*sources, seed=2, total=5, real_count=2)
    write_mix(first, out)
    stamp = (out / "SHA256SUMS").stat().st_mtime_ns
    with pytest.raises(OutputExistsError):
        write_mix(first, out)
    with pytest.raises(OutputExistsError):
        write_mix(second, out, resume=True)
    assert write_mix(first, out, resume=True).ids == tuple(entry.id for entry in first.entries)
    assert (out / "SHA256SUMS").stat().st_mtime_ns == stamp
    assert write_mix(second, out, overwrite=True).ids == tuple(entry.id for entry in second.entries)


def test_a_fault_in_a_source_leaves_nothing_behind(tmp_path: Path) -> None:
    real, synth = make(tmp_path / "real", 3, train=2), make(tmp_path / "synth", 3)
    real.mask_path("001").write_bytes(b"")
    with pytest.raises(InputError, match=r"masks.001\.png"):
        write_mix(draw_mix(real, synth, seed=0, total=4, real_count=2), tmp_path / "out" / "mix")
    assert not (tmp_path / "out").exists()


def test_bit_depths_do_not_mix(tmp_path: Path) -> None:
    real, synth = make(tmp_path / "real", 3, train=2), make(tmp_path / "synth", 3, mode="I;16")
    rule = r"has more than 8 bits and real .* has 8; .* synth --bit-depth 8"
    with pytest.raises(InputError, match=rule):
        write_mix(draw_mix(real, synth, seed=0, total=3, real_count=1), tmp_path / "mix")


def test_a_manifest_nested_too_deep_is_no_manifest(sources) -> None:
    _, synth = sources
    (synth.folder / "dataset.json").write_text("[" * 5000)
    try:
        assert draw_mix(None, synth, seed=0, total=8, real_count=0).count("synthetic") == 8
    finally:
        (synth.folder / "dataset.json").unlink()


def test_tiff_files_of_8_bits_have_8_bits(tmp_path: Path) -> None:
    real, synth = make(tmp_path / "real", 3, train=2), make(tmp_path / "synth", 3)
    for path in (real.folder / "images").iterdir():
        Image.open(path).save(path.with_suffix(".tif"))
        path.unlink()
    write_mix(draw_mix(Dataset.open(real.folder), synth, seed=0, total=3, real_count=1), tmp_path / "mix")
    assert json.loads((tmp_path / "mix" / "dataset.json").read_text())["gray_scale"] == {"black": 0, "white": 255}


def test_one_folder_is_not_both_sets(sources) -> None:
    real, _ = sources
    again = Dataset.open(real.folder)
    with pytest.raises(InputError, match="is both the real and the synthetic set"):
        draw_mix(real, again, seed=0, total=5, real_count=2, synth_part="all")
    assert len(draw_mix(real, again, seed=0, total=5, real_count=5).entries) == 5
