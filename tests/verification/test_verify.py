from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from sirstgen.backgrounds.procedural.source import ProceduralBackgrounds
from sirstgen.backgrounds.source import Background
from sirstgen.datasets.readers import Dataset
from sirstgen.errors import InputError
from sirstgen.files.images import Gray
from sirstgen.mix.mix import draw_mix
from sirstgen.mix.writer import write_mix
from sirstgen.recipe.recipe import Recipe
from sirstgen.storage.checksums import write_sums
from sirstgen.storage.writer import write_dataset
from sirstgen.synthesis.generator import Generator
from sirstgen.verification import files as files_module
from sirstgen.verification.issues import Issue
from sirstgen.verification.verify import examine, verify

SIZE = 80
COUNT = 10


class KeptBackgrounds(ProceduralBackgrounds):
    """Frames made once, for these tests look at the same ones again and again."""

    def pixels(self, background: Background, bit_depth: int) -> Gray:
        kept = self.__dict__.setdefault("kept", {})
        key = background.id, bit_depth
        if key not in kept:
            kept[key] = super().pixels(background, bit_depth)
        return kept[key]


def make_generator(**changes: Any) -> Generator:
    base = {"width": SIZE, "height": SIZE, "scr": [3, 4], "quality": {"min_contrast": 2}}
    changes = base | {"backgrounds": {"scene_mix": {"cloud": 1, "sea": 1}}} | changes
    return Generator(Recipe(**changes), KeptBackgrounds(1, SIZE, SIZE), seed=5)


@pytest.fixture(scope="module")
def generator() -> Generator:
    return make_generator()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, generator: Generator) -> Path:
    return write_dataset(generator, tmp_path_factory.mktemp("whole") / "small", COUNT)


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "small"))


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "targets.jsonl").read_text().splitlines()]


def write_rows(folder: Path, content: list[Any]) -> None:
    lines = (line if isinstance(line, str) else json.dumps(line, separators=(",", ":")) for line in content)
    (folder / "targets.jsonl").write_text("".join(f"{line}\n" for line in lines))


def read(path: Path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def change_target(name: str, value: Any) -> Callable[[Path], None]:
    def tamper(folder: Path) -> None:
        content = rows(folder)
        target = content[3]["targets"][0]
        target[name] = value(target[name]) if callable(value) else value
        write_rows(folder, content)

    return tamper


def change_row(name: str, value: Any) -> Callable[[Path], None]:
    def tamper(folder: Path) -> None:
        content = rows(folder)
        content[3][name] = value
        write_rows(folder, content)

    return tamper


def change_manifest(name: str, change: Callable[[Any], Any]) -> Callable[[Path], None]:
    def tamper(folder: Path) -> None:
        manifest = json.loads((folder / "dataset.json").read_text())
        manifest[name] = change(manifest[name])
        (folder / "dataset.json").write_text(json.dumps(manifest))

    return tamper


def brighten_target(folder: Path) -> None:
    image = read(folder / "images/000004.png")
    x, y = np.argwhere(read(folder / "masks/000004.png").T > 0)[0]
    image[y, x] -= 1
    cv2.imwrite(str(folder / "images/000004.png"), image)


def disturb_clutter(folder: Path) -> None:
    x, y, w, _ = rows(folder)[3]["targets"][0]["bbox"]
    image = read(folder / "images/000004.png")
    column = x + w + 6 if x + w + 6 < SIZE else x - 7
    image[y, column] ^= 64
    cv2.imwrite(str(folder / "images/000004.png"), image)


def move_mask_pixel(folder: Path) -> None:
    path = folder / "masks/000004.png"
    mask = read(path)
    y, x = np.argwhere(mask > 0)[0]
    mask[y, x] = 0
    y, x = np.argwhere(mask > 0)[-1]
    mask[y + 1, x] = 255
    cv2.imwrite(str(path), mask)


def join_nothing(folder: Path) -> None:
    path = folder / "masks/000004.png"
    mask = read(path)
    far = np.argwhere(cv2.dilate(mask, np.ones((9, 9), np.uint8)) == 0)[-1]
    mask[tuple(far)] = 255
    cv2.imwrite(str(path), mask)


def gray_mask(folder: Path) -> None:
    path = folder / "masks/000004.png"
    mask = read(path)
    mask[0, 0] = 7
    cv2.imwrite(str(path), mask)


def small_mask(folder: Path) -> None:
    cv2.imwrite(str(folder / "masks/000004.png"), read(folder / "masks/000004.png")[:, :-1])


def deeper_image(folder: Path) -> None:
    cv2.imwrite(str(folder / "images/000004.png"), read(folder / "images/000004.png").astype(np.uint16) * 257)


def colour_image(folder: Path) -> None:
    Image.open(folder / "images/000004.png").convert("RGB").save(folder / "images/000004.png")


def cut_image(folder: Path) -> None:
    path = folder / "images/000004.png"
    path.write_bytes(path.read_bytes()[:-200])


def drop_line(folder: Path) -> None:
    write_rows(folder, [row for row in rows(folder) if row["id"] != "000004"])


def repeat_line(folder: Path) -> None:
    content = rows(folder)
    write_rows(folder, [*content[:4], *content[3:]])


def swap_lines(folder: Path) -> None:
    content = rows(folder)
    content[3], content[4] = content[4], content[3]
    write_rows(folder, content)


def garble_line(folder: Path) -> None:
    write_rows(folder, [*rows(folder)[:3], '{"id": "000004", "ind', *rows(folder)[4:]])


def drop_key(folder: Path) -> None:
    content = rows(folder)
    del content[3]["background"]
    write_rows(folder, content)


def swap_images(folder: Path) -> None:
    for part in ("images", "masks"):
        first, second = folder / part / "000004.png", folder / part / "000005.png"
        first.rename(folder / part / "other")
        second.rename(first)
        (folder / part / "other").rename(second)


def on_both_sides(folder: Path) -> None:
    train = (folder / "50_50/train.txt").read_text().split()
    for name in ("50_50/test.txt", "img_idx/test_small.txt"):
        (folder / name).write_text((folder / name).read_text() + train[0] + "\n")


def in_no_list(folder: Path) -> None:
    for name in ("50_50/test.txt", "img_idx/test_small.txt"):
        (folder / name).write_text("\n".join((folder / name).read_text().split()[1:]) + "\n")


def other_layout(folder: Path) -> None:
    (folder / "img_idx/test_small.txt").write_text("000001\n")


def unknown_id(folder: Path) -> None:
    for name in ("50_50/test.txt", "img_idx/test_small.txt"):
        (folder / name).write_text((folder / name).read_text() + "000099\n")


def same_background(folder: Path) -> None:
    content = rows(folder)
    sides = {part: (folder / f"50_50/{part}.txt").read_text().split()[0] for part in ("train", "test")}
    by_id = {row["id"]: row for row in content}
    by_id[sides["test"]]["background"]["group"] = by_id[sides["train"]]["background"]["group"]
    write_rows(folder, content)


def delete(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def add(name: str) -> Callable[[Path], None]:
    def tamper(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("x")

    return tamper


def add_pair(folder: Path) -> None:
    for part in ("images", "masks"):
        shutil.copy(folder / part / "000004.png", folder / part / "000011.png")


def delete_pair(folder: Path) -> None:
    for part in ("images", "masks"):
        (folder / part / "000004.png").unlink()


PLANTED = {
    "pixel of a target": (brighten_target, "000004 target 0", "mu_t"),
    "pixel of the clutter": (disturb_clutter, "000004 target 0", "sigma_b"),
    "moved mask pixel": (move_mask_pixel, "000004 target 0", "center"),
    "pixel of no target": (join_nothing, "000004", "targets (8-connected"),
    "mask value": (gray_mask, "masks/000004.png", "0 and 255 only; 1 pixels"),
    "mask size": (small_mask, "masks/000004.png", "image's size"),
    "bit depth": (deeper_image, "images/000004.png", "bit depth"),
    "colour": (colour_image, "images/000004.png", "gray PNG"),
    "truncated": (cut_image, "images/000004.png", "truncated"),
    "swapped images": (swap_images, "000005", ""),
    "scr": (change_target("scr", lambda value: value + 1e-6), "000004 target 0", "scr"),
    "scr_requested": (change_target("scr_requested", lambda v: v + 0.5), "000004 target 0", "must be met within"),
    "polarity": (change_target("polarity", lambda value: -value), "000004 target 0", "must be met within"),
    "mu_t": (change_target("mu_t", lambda value: value - 0.1), "000004 target 0", "mu_t"),
    "mu_b": (change_target("mu_b", None), "000004 target 0", "mu_b"),
    "sigma_b": (change_target("sigma_b", "7"), "000004 target 0", "sigma_b"),
    "bbox": (change_target("bbox", lambda box: [box[0] + 1, *box[1:]]), "000004 target 0", "bbox"),
    "center": (change_target("center", lambda at: [at[0], at[1] + 0.001]), "000004 target 0", "center"),
    "malformed center": (change_target("center", [1]), "000004 target 0", "center"),
    "area": (change_target("area", lambda value: value + 1), "000004 target 0", "area"),
    "saturated": (change_target("saturated", 3), "000004 target 0", "saturated"),
    "position": (change_target("position", [1]), "000004", "incomplete or wrong"),
    "support margin": (change_row("support_margin", 0), "000004 target 0", "sigma_b"),
    "no support margin": (change_row("support_margin", None), "000004", "support_margin"),
    "width": (change_row("width", 81), "images/000004.png", "size"),
    "mask level": (change_row("mask_level", 0.5), "000004", "mask_level differs from the recipe"),
    "index": (change_row("index", 7), "targets.jsonl line 4", "count the lines"),
    "missing line": (drop_line, "targets.jsonl", "image 000004 has no line"),
    "repeated line": (repeat_line, "targets.jsonl line 5", "in id order"),
    "swapped lines": (swap_lines, "targets.jsonl line 5", "in id order"),
    "garbled line": (garble_line, "targets.jsonl line 4", "JSON object"),
    "incomplete line": (drop_key, "000004", "incomplete or wrong"),
    "count": (change_manifest("count", lambda value: value + 1), "dataset.json", "count"),
    "target count": (change_manifest("targets", lambda value: value - 1), "dataset.json", "targets"),
    "scenes": (change_manifest("scenes", lambda value: value | {"sea": 99}), "dataset.json", "scenes"),
    "rejections": (change_manifest("rejections", lambda value: {"no room": 99}), "dataset.json", "rejections"),
    "split counts": (change_manifest("split", lambda value: {"train": 1, "test": 9}), "dataset.json", "split"),
    "name": (change_manifest("name", lambda value: "else"), "dataset.json", "name"),
    "schema": (change_manifest("schema_version", lambda value: 99), "dataset.json", "schema_version"),
    "no manifest": (delete("dataset.json"), "dataset.json", "missing"),
    "no lines": (delete("targets.jsonl"), "targets.jsonl", "missing"),
    "no card": (delete("README.md"), "README.md", "missing"),
    "no list": (delete("img_idx/train_small.txt"), "img_idx/train_small.txt", "missing"),
    "both sides": (on_both_sides, "50_50/test.txt", "disjoint"),
    "in no list": (in_no_list, "50_50", "in neither train.txt nor test.txt"),
    "lists differ": (other_layout, "img_idx/test_small.txt", "differs from 50_50/test.txt"),
    "unknown id": (unknown_id, "50_50/test.txt", "lists 000099, which has no image"),
    "shared background": (same_background, "50_50", "both sides of the split"),
    "missing mask": (delete("masks/000004.png"), "masks/000004.png", "missing"),
    "missing image": (delete("images/000004.png"), "images/000004.png", "missing"),
    "missing pair": (delete_pair, "images/000004.png", "missing with its mask"),
    "extra file": (add("images/notes.txt"), "images/notes.txt", "extra file"),
    "extra image": (add_pair, "targets.jsonl", "image 000011 has no line"),
    "unfinished run": (add(".run.json"), ".run.json", "unfinished run: 0 of"),
}


def found(faults: list[Issue], place: str, what: str) -> bool:
    return any(fault.place == place and what in fault.what for fault in faults)


def test_a_written_dataset_has_no_fault(whole: Path) -> None:
    told: list[tuple[int, int]] = []
    result = examine(whole, progress=lambda done, total: told.append((done, total)))
    assert result.faults == []
    assert result.images == COUNT and result.targets == sum(len(row["targets"]) for row in rows(whole))
    assert told[-1] == (COUNT, COUNT)
    assert "no fault" in result.summary()


@pytest.mark.parametrize("sort", PLANTED)
def test_planted_faults_are_found_and_named_though_checksums_fit(folder: Path, sort: str) -> None:
    tamper, place, what = PLANTED[sort]
    tamper(folder)
    write_sums(folder)
    faults = verify(folder)
    assert found(faults, place, what), [str(fault) for fault in faults]


@pytest.mark.parametrize(
    "name", ["images/000002.png", "masks/000002.png", "targets.jsonl", "README.md", "50_50/test.txt"]
)
def test_one_flipped_bit_is_found(folder: Path, name: str) -> None:
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    assert found(verify(folder), name, "checksum differs")


def test_files_that_sums_do_not_fit_are_named(folder: Path) -> None:
    (folder / "more.txt").write_text("x")
    (folder / "README.md").unlink()
    faults = verify(folder)
    assert found(faults, "more.txt", "not listed") and found(faults, "README.md", "missing, but listed")
    (folder / "SHA256SUMS").unlink()
    assert found(verify(folder), "SHA256SUMS", "missing")


def test_a_pixel_far_from_any_target_is_found_by_rebuilding(folder: Path, generator: Generator) -> None:
    result = examine(folder, generator)
    assert result.faults == [] and result.rebuilt == COUNT
    path = folder / "images/000004.png"
    image = read(path)
    box = rows(folder)[3]["targets"][0]["bbox"]
    far = (0 if box[1] > SIZE // 2 else SIZE - 1), (0 if box[0] > SIZE // 2 else SIZE - 1)
    image[far] ^= 1
    cv2.imwrite(str(path), image)
    write_sums(folder)
    faults = verify(folder, generator)
    assert found(faults, "images/000004.png", "1 pixels differ from the image rendered from its line")


def test_images_of_another_processor_are_rebuilt_within_a_tolerance(folder: Path, generator: Generator) -> None:
    change_manifest("libraries", lambda value: value | {"cpu": "another"})(folder)
    path = folder / "images/000004.png"
    image = read(path)
    box = rows(folder)[3]["targets"][0]["bbox"]
    far = (0 if box[1] > SIZE // 2 else SIZE - 1), (0 if box[0] > SIZE // 2 else SIZE - 1)
    level = int(image[far])
    for difference, sound in ((3, True), (4, False)):
        image[far] = level - difference if level > 128 else level + difference
        cv2.imwrite(str(path), image)
        write_sums(folder)
        result = examine(folder, generator)
        assert (result.faults == []) is sound
        assert result.elsewhere == "another processor" and "drawn on another CPU" in result.summary()
    assert examine(folder).elsewhere is None


def test_a_line_that_draws_something_else_is_found_by_rebuilding(folder: Path, generator: Generator) -> None:
    change_row("blur_sigma", 0.9)(folder)
    write_sums(folder)
    assert verify(folder) == []
    faults = verify(folder, generator)
    assert found(faults, "images/000004.png", "differ") and found(faults, "000004", "targets differ")


def test_a_line_whose_background_is_missing_is_named(folder: Path, generator: Generator) -> None:
    content = rows(folder)
    content[3]["background"]["id"] = "elsewhere/7"
    write_rows(folder, content)
    assert found(verify(folder, generator), "000004", "cannot be rendered from its line")


def test_sixteen_bit_and_global_clutter_have_no_fault(tmp_path: Path) -> None:
    deep = make_generator(bit_depth=16, scr=[2], clutter_region={"kind": "global"})
    assert verify(write_dataset(deep, tmp_path / "deep", 3), deep) == []


def test_faults_read_as_one_line(folder: Path) -> None:
    change_target("area", 1000)(folder)
    fault = next(fault for fault in verify(folder) if fault.what == "area")
    assert str(fault).startswith("000004 target 0: area: stated 1000, found ")
    assert fault.to_dict()["stated"] == 1000


def test_a_mix_is_checked_as_one(whole: Path, tmp_path: Path) -> None:
    real = tmp_path / "real"
    for part in ("images", "masks"):
        shutil.copytree(whole / part, real / part)
    shutil.copytree(whole / "50_50", real / "50_50")
    mix = draw_mix(Dataset.open(real), Dataset.open(whole), seed=1, total=8, real_count=2, with_test=True)
    folder = write_mix(mix, tmp_path / "mix").folder
    result = examine(folder)
    assert result.faults == [] and result.kind == "mix" and result.targets > 0
    change_manifest("synthetic", lambda value: value | {"train": 5})(folder)
    (folder / "masks" / next(path.name for path in (folder / "masks").glob("real-*"))).unlink()
    faults = verify(folder)
    assert found(faults, "dataset.json", "synthetic")
    assert any(fault.place.startswith("masks/real-") and "missing" in fault.what for fault in faults)


def test_a_real_set_is_checked_as_far_as_it_states_anything(whole: Path, tmp_path: Path) -> None:
    real = tmp_path / "real"
    for part in ("images", "masks"):
        shutil.copytree(whole / part, real / part)
    result = examine(real)
    assert result.faults == [] and result.kind == "plain" and "no targets.jsonl" in result.summary()
    small_mask(real)
    cut_image_5 = real / "images/000005.png"
    cut_image_5.write_bytes(cut_image_5.read_bytes()[:-200])
    faults = verify(real)
    assert [fault.place for fault in faults] == ["000004", "000005"]
    (real / "masks/000006.png").unlink()
    assert [fault.place for fault in verify(real)] == ["000006"]


def test_what_is_no_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        verify(tmp_path / "nowhere")
    with pytest.raises(InputError, match="not a dataset"):
        verify(tmp_path)


def test_contrasts_and_later_stages_are_held_to_what_they_promise(tmp_path: Path) -> None:
    law = {"level": {"lognormal": {"median": 40, "spread": 0.3}}, "limits": [15, 80]}
    write_dataset(make_generator(contrast=law), tmp_path / "lit", 6)
    later = {"sensor_noise": {"sigma": 1.0}, "codec": {"share": 1.0, "quality": 50}}
    generator = make_generator(contrast=law, stages={"mask_jitter": {}, **later})
    write_dataset(generator, tmp_path / "later", 6)
    assert verify(tmp_path / "lit") == []
    assert verify(tmp_path / "later", rebuild=generator) == []
    for name, faulty in (("lit", True), ("later", False)):  # after noise and codec nothing is promised
        folder = tmp_path / name
        content = rows(folder)
        content[0]["targets"][0]["contrast_requested"] += 1.0
        write_rows(folder, content)
        write_sums(folder)
        assert any("contrast_requested must be met" in fault.what for fault in verify(folder)) == faulty


def test_rejections_of_a_line_that_are_no_counts_are_a_fault(folder: Path) -> None:
    content = rows(folder)
    content[2]["rejections"] = {"saturated": [1]}
    write_rows(folder, content)
    assert verify(folder)


def labelled(root: Path, ids: list[str], rows: bool = False) -> Dataset:
    """A foreign set of noise with one target each; ids may hold a slash."""
    draw = np.random.default_rng(len(ids))
    for key in ids:
        mask = np.zeros((32, 32), np.uint8)
        mask[10:12, 10:12] = 255
        for part, pixels in (("images", draw.integers(0, 200, (32, 32), dtype=np.uint8)), ("masks", mask)):
            path = root / part / f"{key}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
    (root / "train.txt").write_text("\n".join(ids))
    if rows:
        (root / "targets.jsonl").write_text("".join(json.dumps({"id": key, "targets": []}) + "\n" for key in ids))
    return Dataset.open(root)


def test_a_mix_of_sets_with_folders_and_ids_of_any_length_has_no_fault_of_its_own(tmp_path: Path) -> None:
    real = labelled(tmp_path / "real", ["seq/1", "seq/2"])
    synth = labelled(tmp_path / "synth", ["9", "10"], rows=True)
    write_mix(draw_mix(real, synth, seed=0, total=4, real_count=2), tmp_path / "mix")
    # Lines of foreign sets hold no plan.
    assert all("its line of targets.jsonl" in fault.what for fault in verify(tmp_path / "mix"))


def test_lines_that_no_text_holds_and_margins_beyond_the_image_are_faults(tmp_path: Path) -> None:
    folder = write_dataset(make_generator(), tmp_path / "set", 3)
    first, second, third = (folder / "targets.jsonl").read_bytes().splitlines()
    second = second.replace(b'"scene":"', b'"scene":"\xed\xa0\x80')
    third = json.dumps(json.loads(third) | {"support_margin": 10**9}).encode()
    (folder / "targets.jsonl").write_bytes(b"\n".join((first, second, third, b"")))
    assert any(fault.place == "000003" and "support_margin must be" in fault.what for fault in verify(folder))


def test_checksums_that_cannot_be_read_are_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_dataset(make_generator(), tmp_path / "set", 1)

    def refused(place: Path) -> list[str]:
        raise InputError.of(place / "SHA256SUMS", "cannot be read (Permission denied)")

    monkeypatch.setattr(files_module, "check_sums", refused)
    assert [str(fault) for fault in verify(folder)] == ["SHA256SUMS: cannot be read (Permission denied)"]
