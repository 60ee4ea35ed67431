"""The command: exit codes, JSON, page, another set, the corrected copy."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import typer
from making.labelled_masks import write_masks
from PIL import Image
from typer.testing import CliRunner, Result

from sirstgen import Dataset, Generator, audit_dataset, export_dataset, write_dataset
from sirstgen.audit.checks import CHECKS, FAULT
from sirstgen.cli import audit, reported
from sirstgen.errors import InputError, InvalidValueError

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(reported(audit.audit))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """A set with repairable faults and others."""
    folder = tmp_path / "set"
    write_masks(folder)
    masks, images = folder / "masks", folder / "images"

    def mask(key: str) -> np.ndarray:
        return cv2.imread(str(masks / f"{key}.png"), cv2.IMREAD_UNCHANGED)

    Image.fromarray(mask("s0") // 255).save(masks / "s0.png")
    Image.fromarray(255 - mask("s1")).save(masks / "s1.png")
    Image.fromarray(mask("s2")).convert("1").save(masks / "s2.png")
    Image.fromarray(cv2.resize(mask("s3"), None, fx=3, fy=3, interpolation=cv2.INTER_NEAREST)).save(masks / "s3.png")
    Image.fromarray(cv2.GaussianBlur(mask("s4"), (0, 0), 2) * 2).save(masks / "s4.png")
    Image.open(images / "s5.png").convert("RGB").save(images / "s5.png")
    (images / "s6.png").write_bytes((images / "s6.png").read_bytes()[:300])
    (masks / "s7.png").unlink()
    with (folder / "50_50" / "test.txt").open("a") as file:
        file.write("s8\nnowhere\n")
    return folder


def test_everything_is_told_at_once(damaged: Path) -> None:
    result = run(damaged, "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    found = {entry["check"]: entry for entry in told["checks"]}
    assert {
        "mask-of-1",
        "mask-inverted",
        "mask-1-bit",
        "size-differs",
        "mask-gray",
        "image-not-gray",
        "unreadable",
        "image-without-mask",
        "in-two-lists",
        "list-without-file",
    } <= found.keys()
    assert found["unreadable"]["findings"][0]["place"] == "images/s6.png"
    assert all(entry["count"] == len(entry["findings"]) > 0 and entry["advice"] for entry in told["checks"])
    assert told["faults"] == sum(entry["count"] for entry in told["checks"] if entry["level"] == FAULT)


def test_warnings_alone_do_not_fail(tmp_path: Path) -> None:
    write_masks(tmp_path / "set")
    result = run(tmp_path / "set")
    assert result.exit_code == 0 and "no faults" in result.stdout
    assert "warning border-target" in result.stdout and "warning in-no-list: 1" in result.stdout
    assert run(tmp_path / "nowhere").exit_code == 2
    (tmp_path / "empty").mkdir()
    assert run(tmp_path / "empty").exit_code == 2


@pytest.mark.parametrize("bits", [8, 16])
def test_our_own_sets_have_no_fault(bits: int, small_generator: Generator, tmp_path: Path) -> None:
    from sirstgen.recipe.recipe import Recipe

    recipe = Recipe(width=96, height=80, bit_depth=bits)
    generator = Generator(recipe, small_generator.backgrounds, seed=1)
    folder = write_dataset(generator, tmp_path / "ours", 24)
    found = audit_dataset(folder)
    assert found.faults == 0, [str(finding.issue) for finding in found.findings]
    assert found.images == 24 and found.targets > 0


def test_the_same_is_found_with_more_workers(damaged: Path) -> None:
    assert audit_dataset(damaged, workers=2).to_dict() == audit_dataset(damaged).to_dict()
    with pytest.raises(InvalidValueError, match="workers must be at least 1"):
        audit_dataset(damaged, workers=0)


def test_frames_of_another_set_are_found(tmp_path: Path) -> None:
    write_masks(tmp_path / "one")
    other = tmp_path / "other" / "images"
    other.mkdir(parents=True)
    image = cv2.imread(str(tmp_path / "one" / "images" / "s4.png"), cv2.IMREAD_UNCHANGED)
    cv2.imwrite(str(other / "theirs.png"), image[:, ::-1])
    found = audit_dataset(tmp_path / "one", against=tmp_path / "other").by_check()
    assert [finding.issue.place for finding in found["copy-of-other-set"]] == ["s4"]
    assert "theirs shows, mirrored" in found["copy-of-other-set"][0].issue.what
    assert run(tmp_path / "one", "--against", tmp_path / "other").exit_code == 1
    assert "copy-of-other-set" not in audit_dataset(tmp_path / "one").by_check()
    with pytest.raises(InvalidValueError, match="another set"):
        audit_dataset(tmp_path / "one", against=tmp_path / "one")
    with pytest.raises(InputError, match="no such folder"):
        audit_dataset(tmp_path / "one", against=tmp_path / "nowhere")


def test_shards_are_examined_too(tmp_path: Path) -> None:
    write_masks(tmp_path / "set")
    export_dataset(tmp_path / "set", "webdataset", tmp_path / "tars", shard_size=4)
    whole = audit_dataset(tmp_path / "tars")
    assert (whole.images, whole.targets, whole.faults) == (13, audit_dataset(tmp_path / "set").targets, 0)
    shard = sorted((tmp_path / "tars").glob("train-*.tar"))[0]
    data = shard.read_bytes()
    for end in (len(data) // 2, len(data) // 1024 * 512, -12_000):
        shard.write_bytes(data[:end])
        found = audit_dataset(tmp_path / "tars")
        assert "unreadable" in found.by_check() and 8 < found.images < 13


def test_the_page_holds_a_section_a_check_and_its_pictures(damaged: Path, tmp_path: Path) -> None:
    page = tmp_path / "audit.html"
    result = run(damaged, "--out", page, "--quiet")
    assert result.exit_code == 1
    text = page.read_text(encoding="utf-8")
    for name in audit_dataset(damaged).by_check():
        assert CHECKS[name].title in text
    assert "data:image/png;base64," in text and "http" not in text.replace("http-equiv", "")
    assert str(tmp_path) not in text
    for table in re.findall(r"<table.*?</table>", text, re.S):
        columns = zip(*(re.findall(r"<td.*?>(.*?)</td>", row, re.S) for row in table.split("<tr>")[2:]), strict=True)
        assert all(any(cell.strip() for cell in column) for column in columns), "no column is empty"
    assert run(damaged, "--out", page).exit_code == 2, "a page that is there is not replaced unasked"


def test_the_corrected_copy_opens_and_is_right(damaged: Path, tmp_path: Path) -> None:
    out = tmp_path / "better"
    result = run(damaged, "--repair", out, "--json")
    told = json.loads(result.stdout)["repair"]
    assert told["repaired"] == {
        "size-differs": ["s3"],
        "mask-inverted": ["s1"],
        "mask-1-bit": ["s2"],
        "mask-of-1": ["s0"],
        "image-not-gray": ["s5"],
        "list-without-file": ["nowhere"],
        "in-two-lists": ["s8"],
    }
    assert told["left"]["mask-gray"] == ["s4"] and sorted(told["left_out"]) == ["s6", "s7"]
    assert json.loads((out / "repair.json").read_text())["repaired"] == told["repaired"]
    write_masks(tmp_path / "clean")
    clean = Dataset.open(tmp_path / "clean")
    for key in ("s0", "s1", "s2", "s3", "s5", "s8", "corners", "empty"):
        mask = cv2.imread(str(out / "masks" / f"{key}.png"), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(mask, clean.mask(key) * np.uint8(255))
        np.testing.assert_array_equal(
            cv2.imread(str(out / "images" / f"{key}.png"), cv2.IMREAD_UNCHANGED), clean.image(key)
        )
    again = audit_dataset(out).by_check()
    assert not set(told["repaired"]) & set(again)
    assert (out / "50_50" / "test.txt").read_text().split().count("s8") == 1
    assert "s8" not in (out / "50_50" / "train.txt").read_text().split()
    assert run(damaged, "--repair", out).exit_code == 2
    assert run(damaged, "--repair", out, "--overwrite").exit_code == 1
    assert run(damaged, "--repair", damaged / "inside").exit_code == 2


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
@pytest.mark.parametrize("mask_is", ["shown", "stored"])
def test_an_orientation_is_applied_where_the_mask_says_so(orientation: int, mask_is: str, tmp_path: Path) -> None:
    from PIL import ImageOps

    write_masks(tmp_path / "set", lists=False)
    image, mask = (Image.open(tmp_path / "set" / kind / "s4.png") for kind in ("images", "masks"))
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.load()
    image.save(tmp_path / "set" / "images" / "s4.png", exif=exif)
    reopened = Image.open(tmp_path / "set" / "images" / "s4.png")
    shown = ImageOps.exif_transpose(reopened)
    if mask_is == "shown":
        mask.getexif()[0x0112] = orientation
        turned = ImageOps.exif_transpose(mask)
        turned.getexif().clear()
        Image.fromarray(np.asarray(turned)).save(tmp_path / "set" / "masks" / "s4.png")
    run(tmp_path / "set", "--repair", tmp_path / "out", "--quiet")
    written = cv2.imread(str(tmp_path / "out" / "images" / "s4.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(written, np.asarray(shown if mask_is == "shown" else image))
    assert "exif-orientation" not in audit_dataset(tmp_path / "out").by_check()


def test_images_drawn_on_one_background_are_copies_only_where_that_is_not_stated(
    small_generator: Generator, tmp_path: Path
) -> None:
    folder = write_dataset(small_generator, tmp_path / "set", 24)
    assert "copy" not in audit_dataset(folder).by_check()
    (folder / "targets.jsonl").rename(tmp_path / "lines")
    pairs = [(entry.issue.place, entry.partner) for entry in audit_dataset(folder).by_check()["copy"]]
    (tmp_path / "lines").rename(folder / "targets.jsonl")
    rows = Dataset.open(folder).truth()
    assert pairs and all(rows[one]["background"]["id"] == rows[other]["background"]["id"] for one, other in pairs)
    first = folder / "images" / f"{pairs[0][0]}.png"
    shutil.copy(first, folder / "images" / f"{pairs[0][1]}.png")  # all pixels are equal, the targets too
    assert [entry.issue.place for entry in audit_dataset(folder).by_check()["copy"]] == [pairs[0][0]]
