"""Files as people really have them, through the command line: each gives the right result or the right line."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from making.clutter import clutter
from making.labelled_set import known_set
from numpy.typing import NDArray
from typer.testing import CliRunner

from sirstgen.backgrounds.library import BackgroundLibrary
from sirstgen.cli import app
from sirstgen.datasets.readers import Dataset


def run(*words: str | Path) -> Any:
    return CliRunner().invoke(app, [str(word) for word in words])


def write(path: Path, pixels: NDArray[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 labelled frames of 8 bits."""
    return known_set(tmp_path_factory.mktemp("base") / "set", 24)


def copied(base: Path, folder: Path, **change: Any) -> Path:
    """The set with images or masks changed by a function of pixels and number."""
    for part in ("images", "masks"):
        for number, path in enumerate(sorted((base / part).iterdir())):
            pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
            suffix = change.get(f"{part}_suffix", ".png")
            write(folder / part / f"{path.stem}{suffix}", change[part](pixels, number) if part in change else pixels)
    return folder


def statistics(folder: Path) -> dict[str, Any]:
    result = run("stats", folder, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)["datasets"][0]
    return found


FORMS: dict[str, tuple[Any, str]] = {
    "counts": (lambda image, number: (6500 + 6 * image.astype(int)).astype(np.uint16), ".tiff"),
    "14 bits": (lambda image, number: np.rint(image * (16383 / 255)).astype(np.uint16), ".png"),
    "celsius": (lambda image, number: (image / 10 - 7).astype(np.float32), ".tif"),
    "float64": (lambda image, number: image / 10 + 270.0, ".tif"),
}


def spoilt(image: NDArray[Any], number: int) -> NDArray[Any]:
    degrees: NDArray[Any] = (image / 10).astype(np.float32)
    degrees[0, number] = (-9999, -3.4e38, np.nan, 600)[number % 4]  # no data, or one hot pixel
    return degrees


@pytest.mark.parametrize("form", [*FORMS, "spoilt"])
def test_every_storage_of_gray_levels_measures_the_same(base: Path, tmp_path: Path, form: str) -> None:
    change, suffix = FORMS.get(form, (spoilt, ".tif"))
    folder = copied(base, tmp_path / "set", images=change, images_suffix=suffix)
    plain, found = statistics(base), statistics(folder)
    for at, value in plain["quantiles"]["scr"].items():
        assert found["quantiles"]["scr"][at] == pytest.approx(value, rel=0.01)
    assert found["targets_per_image"] == plain["targets_per_image"]
    scale = found["gray_scale"]
    counts = found["quantiles"]["contrast"]["50"] * found["counts_per_level"]
    step = {"counts": 6, "14 bits": 16383 / 255}.get(form, 0.1)
    assert counts == pytest.approx(plain["quantiles"]["contrast"]["50"] * step, rel=0.01)
    assert scale["white"] > scale["black"]


def test_the_scale_of_raw_counts_can_be_given(base: Path, tmp_path: Path) -> None:
    folder = copied(base, tmp_path / "raw", images=lambda image, number: 20000 + 3 * image.astype(np.uint16))
    given = ("--gray-scale", "20000:20765")
    first, again = (
        json.loads(run("stats", place, *words, "--json").stdout)["datasets"][0]
        for place, words in ((base, ()), (folder, given))
    )
    assert again["gray_scale"] == {"black": 20000, "white": 20765}
    assert again["quantiles"]["scr"] == pytest.approx(first["quantiles"]["scr"], rel=1e-6)
    recipes = []
    for number, (place, words) in enumerate(((base, ()), (folder, given))):
        fitted = run("fit", place, *words, "--out", tmp_path / f"{number}.yaml", "--json")
        assert fitted.exit_code == 0, fitted.output
        recipes.append(json.loads(fitted.stdout)["entries"]["contrast"])
        benched = run(
            "bench",
            place,
            *words,
            "--detectors",
            "top-hat",
            "--workers",
            "1",
            "--out",
            tmp_path / f"b{number}",
            "--quiet",
        )
        assert benched.exit_code == 0, benched.output
    assert recipes[0] == recipes[1]
    lines = [(tmp_path / f"b{number}" / "scores.jsonl").read_text().splitlines() for number in range(2)]
    scores = [sorted((row["id"], row["exact"][:-1]) for row in map(json.loads, rows)) for rows in lines]
    assert scores[0] == scores[1]
    wrong = run("fit", folder, "--gray-scale", "5", "--out", tmp_path / "wrong.yaml")
    assert wrong.exit_code == 2 and "gray_scale must be BLACK:WHITE" in wrong.stderr


def test_backgrounds_of_raw_counts_are_drawn_on(tmp_path: Path) -> None:
    for number in range(3):
        frame = clutter(number, 100, 110, 8.0, mean=90)
        write(tmp_path / "raw" / "cloud" / f"{number}.png", 20000 + 3 * frame.astype(np.uint16))
    recipe = tmp_path / "r.yaml"
    recipe.write_text("width: 96\nheight: 80\n")
    words = ("--backgrounds", tmp_path / "raw", "--recipe", recipe, "--n", 3, "--seed", 1, "--workers", 1)
    for depth in (8, 16):
        result = run("synth", *words, "--bit-depth", depth, "--out", tmp_path / str(depth))
        assert result.exit_code == 0, result.output
        found = statistics(tmp_path / str(depth))
        assert found["quantiles"]["scr"]["50"] > 2


def test_an_exclude_list_of_notepad_is_heard(base: Path, tmp_path: Path) -> None:
    listed = tmp_path / "test ids.txt"
    listed.write_bytes(b"\xef\xbb\xbf003\r\n005.png\r\n")
    result = run("backgrounds", "harvest", base, "--split", "all", "--exclude", listed, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    kept = {path.stem for path in (tmp_path / "out").glob("*.png")}
    assert kept and not kept & {"003", "005"}
    listed.write_text("nobody\n")
    result = run("backgrounds", "harvest", base, "--split", "all", "--exclude", listed, "--out", tmp_path / "more")
    assert result.exit_code == 2 and "lists nobody, without image" in result.stderr


def test_ids_with_spaces_stay_whole(base: Path, tmp_path: Path) -> None:
    names = [f"frame ({number}).ir.{number:02d}" for number in range(3)]
    for number, name in enumerate(names):
        for part in ("images", "masks"):
            pixels = cv2.imread(str(base / part / f"{number:03d}.png"), cv2.IMREAD_UNCHANGED)
            write(tmp_path / "set" / part / f"{name}.png", pixels)
    (tmp_path / "ids.txt").write_text(f"{names[2]}\n{names[0]}\n")
    result = run("preview", tmp_path / "set", "--ids", tmp_path / "ids.txt", "--out", tmp_path / "sheet.png", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["ids"] == [names[2], names[0]]


def test_masks_of_every_kind_are_counted_in_one_line(base: Path, tmp_path: Path) -> None:
    def soft(mask: NDArray[Any], number: int) -> NDArray[Any]:
        changed = mask.copy()
        changed[0, 0] = 64
        return changed

    folder = copied(base, tmp_path / "set", masks=soft)
    result = run("stats", folder)
    assert result.exit_code == 0
    assert "24 masks have more than two values" in result.stdout
    assert statistics(folder)["targets"] == statistics(base)["targets"]
    lower = run("stats", folder, "--mask-threshold", 1, "--json")
    assert json.loads(lower.stdout)["datasets"][0]["targets"] == statistics(base)["targets"] + 24


def test_masks_of_another_aspect_are_counted(base: Path, tmp_path: Path) -> None:
    folder = copied(base, tmp_path / "set", masks=lambda mask, number: mask[:, : 60 if number % 2 else 120])
    for command in (("stats", folder), ("fit", folder, "--out", tmp_path / "r.yaml"), ("compare", folder, base)):
        result = run(*command)
        assert result.exit_code == 2
        assert "12 images or masks cannot be used" in result.stderr and "sirstgen verify" in result.stderr
        assert len(result.stderr.splitlines()) == 1


def test_lists_in_the_root_are_read(base: Path, tmp_path: Path) -> None:
    folder = copied(base, tmp_path / "set")
    keys = Dataset.open(folder).ids
    (folder / "train.txt").write_text("\n".join(keys[:10]))
    (folder / "val.txt").write_text("\n".join(keys[10:18]))
    assert Dataset.open(folder).split("test") == keys[10:18]
    (folder / "trainval.txt").write_text("\n".join(keys[:18]))
    (folder / "test.txt").write_text("\n".join(keys[18:]))
    opened = Dataset.open(folder)
    assert (opened.split("train"), opened.split("test")) == (keys[:18], keys[18:])


def test_fit_says_that_there_are_no_lists(base: Path, tmp_path: Path) -> None:
    result = run("fit", base, "--no-match", "--out", tmp_path / "r.yaml")
    assert result.exit_code == 0, result.output
    assert "no split list found, all 24 frames were taken" in result.stderr


def listed(folder: Path, train: str, test: str, lines: tuple[list[str], list[str]]) -> Path:
    for name, keys in zip((train, test), lines, strict=True):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("\n".join(keys))
    return folder


def test_lists_of_open_sirst_are_read_and_logs_are_not(base: Path, tmp_path: Path) -> None:
    folder = copied(base, tmp_path / "set")
    keys = list(Dataset.open(folder).ids)
    listed(folder, "logs/train_a.txt", "logs/test_a.txt", (["epoch 1"], ["epoch 1"]))
    listed(folder, "runs/train_a.txt", "runs/train_b.txt", (keys[:3], keys[:3]))
    listed(folder, "labels/train_1.txt", "labels/test_1.txt", (keys[:3], keys[3:]))
    assert Dataset.open(folder).listed("train") is None
    listed(folder, "splits/train_full.txt", "splits/test_full.txt", (keys[:18], keys[18:]))
    opened = Dataset.open(folder)
    assert (opened.split("train"), opened.split("test")) == (tuple(keys[:18]), tuple(keys[18:]))


def test_lists_of_names_that_are_not_read_are_told(base: Path, tmp_path: Path) -> None:
    folder = copied(base, tmp_path / "set")
    keys = list(Dataset.open(folder).ids)
    listed(folder, "training.txt", "split/test.csv", (keys[:18], keys[18:]))
    said = "not read as lists: training.txt, split/test.csv"
    result = run("fit", folder, "--no-match", "--out", tmp_path / "r.yaml")
    assert result.exit_code == 0 and f"no split list found, all 24 frames were taken; {said}" in result.stderr
    result = run("backgrounds", "harvest", folder, "--out", tmp_path / "out")
    assert result.exit_code == 2 and f"has no list of train images (50_50/train.txt, train.txt or similar); {said}" in (
        result.stderr
    )


@pytest.mark.parametrize("held", ["test", "val"])
def test_folders_of_parts_are_the_split(base: Path, tmp_path: Path, held: str) -> None:
    folder = copied(base, tmp_path / "set")
    for part in ("images", "masks"):
        for number, path in enumerate(sorted((folder / part).iterdir())):
            place = folder / part / ("Train" if number < 20 else held)
            place.mkdir(exist_ok=True)
            path.rename(place / path.name)
    opened = Dataset.open(folder)
    assert len(opened.split("train")) == 20 and opened.split("test") == tuple(
        key for key in opened.ids if key.startswith(f"{held}/")
    )
    result = run("fit", folder, "--no-match", "--out", tmp_path / "r.yaml")
    assert result.exit_code == 0 and "from 20 frames" in result.stdout and "no split list" not in result.stderr
    shutil.copy(folder / "images/Train/000.png", folder / "images" / held / "copy.png")
    shutil.copy(folder / "masks/Train/000.png", folder / "masks" / held / "copy.png")
    checks = {check["check"] for check in json.loads(run("audit", folder, "--json").stdout)["checks"]}
    assert "copy-across-split" in checks


@pytest.mark.parametrize(("given", "frames"), [("train", 20), ("test", 20)])
def test_one_list_alone_keeps_test_frames_out_of_a_fit(base: Path, tmp_path: Path, given: str, frames: int) -> None:
    folder = copied(base, tmp_path / "set")
    keys = list(Dataset.open(folder).ids)
    (folder / f"{given}.txt").write_text("\n".join(keys[:20] if given == "train" else keys[20:]))
    result = run("fit", folder, "--no-match", "--out", tmp_path / "r.yaml")
    assert result.exit_code == 0 and f"from {frames} frames" in result.stdout, result.output
    assert "no split list" not in result.stderr


def test_frames_of_a_sequence_are_one_group(tmp_path: Path) -> None:
    for name in ("seq1", "seq2"):
        for number in range(3):
            write(tmp_path / "video" / name / f"{number}.png", clutter(number + 10 * (name == "seq2"), 128, 128, 8.0))
    library = BackgroundLibrary.open(tmp_path / "video", scene="cloud")
    groups = {library.background("cloud", number).group for number in range(6)}
    assert groups == {"seq1/0", "seq2/0"}
    words = ("--seed", 1, "--size", "96x80", "--backgrounds", tmp_path / "video", "--out", tmp_path / "out")
    result = run("synth", "--n", 1, *words)
    assert result.exit_code == 2
    assert "--scene or --labels" in result.stderr


@pytest.mark.parametrize(
    ("masks", "said"),
    [("points", "masks of one pixel show no size"), ("inverted", "seem inverted"), ("squares", "")],
)
def test_fit_of_masks_that_tell_nothing_is_one_line(base: Path, tmp_path: Path, masks: str, said: str) -> None:
    def change(mask: NDArray[Any], number: int) -> NDArray[Any]:
        if masks == "inverted":
            return 255 - mask
        out = np.zeros_like(mask)
        _, _, _, centers = cv2.connectedComponentsWithStats(mask, connectivity=8)
        for x, y in centers[1:].round().astype(int):
            reach = 0 if masks == "points" else 1
            out[y - reach : y + reach + 1, x - reach : x + reach + 1] = 255
        return out

    folder = copied(base, tmp_path / "set", masks=change)
    result = run("fit", folder, "--no-match", "--out", tmp_path / "r.yaml")
    assert result.exit_code == (2 if said else 0), result.output
    assert said in result.stderr


def test_fit_of_targets_without_contrast_is_one_line(base: Path, tmp_path: Path) -> None:
    folder = copied(base, tmp_path / "set", images=lambda image, number: np.full_like(image, 90))
    result = run("fit", folder, "--no-match", "--out", tmp_path / "r.yaml")
    assert result.exit_code == 2 and result.stderr.count("\n") == 1
    assert "targets must show a contrast: 32 of 32 of set differ by less than 0.5 gray levels" in result.stderr


def test_a_folder_of_lists_is_not_called_boxes(base: Path, tmp_path: Path) -> None:
    folder = copied(base, tmp_path / "set")
    shutil.rmtree(folder / "masks")
    listed(folder, "lists/train.txt", "lists/test.txt", (["000"], ["001"]))
    listed(folder, "labels/000.txt", "labels/001.txt", (["0 0.5 0.5 0.1 0.1"], ["0 0.5 0.5 0.1 0.1"]))
    result = run("stats", folder)
    assert "labels/ holds 2 .txt: boxes are not masks; lists/ holds 2 .txt)" in result.stderr


def test_missing_masks_are_counted_and_listed(base: Path, tmp_path: Path) -> None:
    folder = copied(base, tmp_path / "set")
    for key in ("001", "005", "009", "011", "013"):
        (folder / "masks" / f"{key}.png").unlink()
    result = run("stats", folder)
    assert result.exit_code == 2
    assert "5 images without mask (001, 005, 009 and 2 more)" in result.stderr
    assert "all black where there is no target" in result.stderr
    result = run("verify", folder)
    assert result.exit_code == 1
    assert result.output.count("no mask for this image") == 5


def test_upper_case_folders_and_names_that_are_no_utf_8(base: Path, tmp_path: Path) -> None:
    folder = copied(base, tmp_path / "set")
    for part in ("images", "masks"):
        (folder / part).rename(folder / part.upper())
    assert statistics(folder)["targets"] == statistics(base)["targets"]
    for part in ("IMAGES", "MASKS"):
        (folder / part / "000.png").rename(folder / part / os.fsdecode(b"\xff.png"))
    for command in (("stats", folder), ("export", folder, "--format", "coco", "--out", tmp_path / "out")):
        result = run(*command)
        assert result.exit_code == 2 and "1 file names are not UTF-8" in result.stderr


def test_a_file_in_place_of_a_folder_is_named(base: Path, tmp_path: Path) -> None:
    (tmp_path / "set.zip").write_bytes(b"PK")
    for command in (("stats",), ("audit",), ("verify",), ("backgrounds", "classify")):
        result = run(*command, tmp_path / "set.zip")
        assert result.exit_code == 2 and "is expected, this is a file; unpack it first" in result.stderr
    assert "there is no such folder" in run("stats", tmp_path / "none").stderr


def test_frames_of_a_labelled_set_are_no_backgrounds(base: Path, tmp_path: Path) -> None:
    folder = copied(base, tmp_path / "set")
    (folder / "images").rename(folder / "JPEGImages")
    (folder / "masks").rename(folder / "SegmentationClass")
    words = ("--scene", "sea", "--n", 1, "--out", tmp_path / "out")
    for place in (folder, folder / "JPEGImages"):
        result = run("synth", "--backgrounds", place, *words)
        assert result.exit_code == 2 and "a dataset with targets in its frames" in result.stderr
    for part in ("JPEGImages", "SegmentationClass"):
        (tmp_path / "video" / "seq1").mkdir(parents=True, exist_ok=True)
        (folder / part).rename(tmp_path / "video" / "seq1" / part)
    for command in (("synth", *words, "--backgrounds"), ("backgrounds", "classify")):
        result = run(*command, tmp_path / "video")
        assert result.exit_code == 2 and "masks beside frames (seq1/SegmentationClass/000.png, " in result.stderr


def test_an_audit_takes_no_masks_of_other_layouts_for_images(base: Path, tmp_path: Path) -> None:
    copied(base, tmp_path / "sets" / "train")
    result = run("audit", tmp_path / "sets")
    assert result.exit_code == 2 and result.stderr.count("\n") == 1
    assert "not a dataset" in result.stderr and "train below it is one: name that folder" in result.stderr
    assert run("audit", tmp_path / "sets" / "train").exit_code == 0
    result = run("audit", base, "--against", tmp_path / "sets", "--json")
    [copies] = [found for found in json.loads(result.stdout)["checks"] if found["check"] == "copy-of-other-set"]
    assert copies["count"] == 24 and not any("masks" in str(found) for found in copies["findings"])


def test_frames_whose_names_are_numbered_are_no_pairs(base: Path, tmp_path: Path) -> None:
    folder = copied(base, tmp_path / "sets" / "sirst")
    for part, ending in (("images", ""), ("masks", "_pixels0")):
        for number, path in enumerate(sorted((folder / part).iterdir()), start=1):
            path.rename(path.with_name(f"Misc_{number}{ending}.png"))
    for place in (tmp_path / "sets", folder / "images"):
        result = run("stats", place)
        assert result.exit_code == 2 and "not a dataset" in result.stderr
    assert run("audit", tmp_path / "sets").exit_code == 2
    assert len(Dataset.open(folder)) == 24


def test_labels_elsewhere_are_named(base: Path, tmp_path: Path) -> None:
    for number in range(3):
        write(tmp_path / "set" / "images" / f"{number}.png", np.zeros((8, 8), np.uint8))
        (tmp_path / "set" / "labels").mkdir(exist_ok=True)
        (tmp_path / "set" / "labels" / f"{number}.txt").write_text("0 0.5 0.5 0.1 0.1")
    result = run("stats", tmp_path / "set")
    assert result.exit_code == 2
    assert "labels/ holds 3 .txt: boxes are not masks" in result.stderr
    (tmp_path / "above").mkdir()
    (tmp_path / "set").rename(tmp_path / "above" / "set")
    (tmp_path / "above" / "set" / "masks").mkdir()
    assert "set below it is one: name that folder" in run("stats", tmp_path / "above").stderr


def test_a_key_that_stands_twice_stops_every_reader(base: Path, tmp_path: Path) -> None:
    folder = copied(base, tmp_path / "set")
    first = sorted((folder / "images").iterdir())[0].stem
    (folder / "targets.jsonl").write_text(f'{{"id": "{first}", "scene": "sea", "scene": "sky"}}\n')
    result = run("stats", folder)
    assert result.exit_code == 2 and "targets.jsonl: line 1: the key 'scene' is given twice" in result.stderr
    (folder / "targets.jsonl").unlink()
    (folder / "dataset.json").write_text('{"gray_scale": {"black": 0,\n"white": 255, "black": 9}}')
    result = run("fit", folder, "--out", tmp_path / "a.yaml")
    assert result.exit_code == 2 and "dataset.json: the key 'black' is given twice, line 2" in result.stderr
    frames = tmp_path / "frames"
    copied(base, tmp_path / "other")
    (tmp_path / "other" / "images").rename(frames)
    labels = tmp_path / "scenes.json"
    labels.write_text(f'{{\n"{first}": "sea",\n"{first}": "sky"\n}}')
    result = run("synth", "--backgrounds", frames, "--labels", labels, "--out", tmp_path / "out")
    assert result.exit_code == 2 and f"scenes.json: the key '{first}' is given twice, line 3" in result.stderr
    labels = tmp_path / "scenes.csv"
    labels.write_text(f"name,scene,scene\n{first},sea,sky\n")
    result = run("synth", "--backgrounds", frames, "--labels", labels, "--out", tmp_path / "out")
    assert result.exit_code == 2 and "the header has the column 'scene' twice" in result.stderr
    recipe = tmp_path / "recipe.json"
    recipe.write_text('{"width": 64,\n"width": 96}')
    result = run("synth", "--recipe", recipe, "--out", tmp_path / "out")
    assert result.exit_code == 2 and "recipe.json" in result.stderr and "width is given twice" in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.fixture
def beside(base: Path, tmp_path: Path) -> Path:
    """The set with files beside its images that are of formats that are not read."""
    folder = copied(base, tmp_path / "set")
    for name in ("a.webp", "b.PGM", "seq/c.npy"):
        (folder / "images" / name).parent.mkdir(exist_ok=True)
        (folder / "images" / name).write_bytes(b"x")
    for name in ("notes.txt", "Thumbs.db", "._d.npy"):
        (folder / "images" / name).write_bytes(b"x")
    return folder


@pytest.mark.parametrize(
    "command", ["stats", "fit", "bench", "export", "synth", "harvest", "preview", "figures", "verify"]
)
def test_files_of_other_formats_are_told_in_one_line(beside: Path, tmp_path: Path, command: str) -> None:
    out = tmp_path / "out"
    words: list[str | Path] = {
        "fit": ["fit", beside, "--out", tmp_path / "a.yaml"],
        "bench": ["bench", beside, "--out", out, "--detectors", "top-hat"],
        "export": ["export", beside, "--format", "yolo", "--out", out],
        "synth": [
            "synth",
            "--backgrounds",
            tmp_path / "frames",
            "--scene",
            "sea",
            "--n",
            "2",
            "--size",
            "64",
            "--out",
            out,
        ],
        "harvest": ["backgrounds", "harvest", beside, "--split", "all", "--out", out],
        "preview": ["preview", beside, "--out", tmp_path / "a.png"],
        "figures": ["figures", beside, "--out", out],
    }.get(command, [command, beside])
    if command == "synth":
        (beside / "images").rename(tmp_path / "frames")
    result = run(*words)
    assert result.exit_code == 0, result.output
    lines = [line for line in result.stderr.splitlines() if "not read" in line]
    [line] = lines
    assert line.startswith("warning: ") and "3 files are of a format that is not read and left out" in line
    assert "(a.webp, b.PGM, seq/c.npy)" in line


def test_an_audit_lists_files_of_other_formats(beside: Path) -> None:
    found = json.loads(run("audit", beside, "--json").stdout)["checks"]
    [listed] = [check["findings"] for check in found if check["check"] == "other-format"]
    places = [finding["place"] for finding in listed]
    assert places == ["images/a.webp", "images/b.PGM", "images/seq/c.npy"]


def test_an_image_of_8_bits_among_raw_counts_is_told(base: Path, tmp_path: Path) -> None:
    def mixed(image: NDArray[Any], number: int) -> NDArray[Any]:
        return image if number == 5 else (6500 + 6 * image.astype(int)).astype(np.uint16)

    folder = copied(base, tmp_path / "set", images=mixed)
    odd = sorted((folder / "images").iterdir())[5].stem
    frames = tmp_path / "frames"
    copied(base, tmp_path / "other", images=mixed)
    (tmp_path / "other" / "images").rename(frames)
    for words in (
        ["stats", folder],
        ["fit", folder, "--out", tmp_path / "a.yaml"],
        ["bench", folder, "--out", tmp_path / "bench", "--detectors", "top-hat"],
        ["export", folder, "--format", "yolo", "--out", tmp_path / "yolo"],
        ["synth", "--backgrounds", frames, "--scene", "sea", "--n", "2", "--size", "64", "--out", tmp_path / "synth"],
    ):
        result = run(*words)
        assert result.exit_code == 0, result.output
        [line] = [line for line in result.output.splitlines() if "of 8 bits and of more" in line]
        assert f"1 of 8 bits ({odd}" in line and "the other 23 (" in line


def test_a_set_of_16_bits_on_0_to_255_has_more_than_8_bits(base: Path, tmp_path: Path) -> None:
    folder = copied(base, tmp_path / "set", images=lambda image, number: image.astype(np.uint16))
    found = statistics(folder)
    assert found["gray_scale"] == {"black": 0, "white": 255}
    assert found["counts_per_level"] == 1.0
    assert "0 to 255" in run("stats", folder).stdout
    assert statistics(base)["counts_per_level"] is None


def test_an_audit_does_not_take_a_border_of_255_for_targets(base: Path, tmp_path: Path) -> None:
    def bordered(mask: NDArray[Any], number: int) -> NDArray[Any]:
        return np.where(mask > 0, 1, cv2.dilate(mask, np.ones((5, 5), np.uint8))).astype(np.uint8)

    folder = copied(base, tmp_path / "set", masks=bordered)
    plain, found = statistics(base), statistics(folder)
    assert found["quantiles"]["area"] == plain["quantiles"]["area"]
    assert "the border is taken as void" in found["warnings"][0]
    result = run("audit", folder, "--json", "--repair", tmp_path / "copy")
    checks = {check["check"] for check in json.loads(result.stdout)["checks"]}
    assert "mask-void" in checks and not checks & {"mask-stray-values", "masks-shifted"}
    repaired = sorted((tmp_path / "copy" / "masks").iterdir())
    first = sorted((folder / "masks").iterdir())[0]
    assert repaired[0].read_bytes() == first.read_bytes()  # left as it is


@pytest.mark.parametrize(
    ("command", "out"),
    [
        (["backgrounds", "harvest", "SET", "--split", "all"], "images/clean"),
        (["bench", "SET", "--detectors", "top-hat"], "masks/bench"),
        (["preview", "SET"], "images/sheet.png"),
        (["synth", "--n", "1", "--scene", "sea", "--backgrounds", "FRAMES"], "made"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_outputs_that_would_be_read_as_input_are_refused(
    base: Path, tmp_path: Path, command: list[str], out: str
) -> None:
    folder = copied(base, tmp_path / "set")
    frames = tmp_path / "frames"
    shutil.copytree(folder / "images", frames)
    place = (frames if "FRAMES" in command else folder) / out
    words = [{"SET": str(folder), "FRAMES": str(frames)}.get(word, word) for word in command]
    result = run(*words, "--out", place)
    assert result.exit_code == 2 and "--out must not be in a folder whose images are read" in result.stderr
    assert not place.exists()
    assert run("bench", folder, "--detectors", "top-hat", "--out", folder / "bench").exit_code == 0


def test_a_file_in_the_place_of_an_output_folder_is_told(base: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for words in (
        ["bench", base, "--detectors", "top-hat", "--out", tmp_path / "file"],
        ["figures", base, "--detectors", "top-hat", "--out", tmp_path / "file"],
        ["backgrounds", "make", "--out", tmp_path / "file"],
        ["synth", "--n", "1", "--out", tmp_path / "file" / "set"],
    ):
        result = run(*words)
        assert result.exit_code == 2 and result.stderr.count("\n") == 1, result.output
        assert "a file is in the place of the output folder" in result.stderr or "is a file, a folder" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["file"] and (tmp_path / "file").read_text() == "mine"


def test_names_with_a_line_break_are_told(base: Path, tmp_path: Path) -> None:
    folder = copied(base, tmp_path / "set")
    for part in ("images", "masks"):
        first = sorted((folder / part).iterdir())[0]
        first.rename(first.with_name("a\nb.png"))
    result = run("stats", folder)
    assert result.exit_code == 2 and r"file names with a line break: 1 (a\nb)" in result.stderr


def test_an_audit_tells_names_that_no_reader_takes(base: Path, tmp_path: Path) -> None:
    folder = copied(base, tmp_path / "set")
    for part in ("images", "masks"):
        first, second, third, *_ = sorted((folder / part).iterdir())
        first.rename(first.with_name("a\nb.png"))
        second.rename(first.with_name("a\tb.png"))
        third.rename(os.fsdecode(os.fsencode(folder / part) + b"/\xba\xec.png"))
    result = run("audit", folder, "--json", "--repair", tmp_path / "copy")
    assert result.exit_code == 1, result.output
    [listed] = [check["findings"] for check in json.loads(result.stdout)["checks"] if check["check"] == "unreadable"]
    places = [f"{part}/{name}.png" for part in ("images", "masks") for name in (r"a\nb", r"\udcba\udcec")]
    assert sorted(finding["place"] for finding in listed) == sorted(places)
    assert sorted(json.loads((tmp_path / "copy" / "repair.json").read_text())["left_out"]) == sorted(places)
    assert len(Dataset.open(tmp_path / "copy")) == 22
    for path in [*(folder / "images").iterdir()]:
        path.rename(path.with_name(f"c\n{path.name}"))
    result = run("audit", folder)
    assert result.exit_code == 2 and r"images/c\n003.png: the name is not UTF-8 or has a line break" in result.stderr


def test_a_manifest_that_is_no_json_is_told(base: Path, tmp_path: Path) -> None:
    folder = copied(base, tmp_path / "set")
    (folder / "dataset.json").write_text('{"gray_scale": {"black": 20')
    result = run("stats", folder)
    assert result.exit_code == 2 and "dataset.json: not a JSON object, so the gray scale is not known" in result.stderr


def test_labels_of_other_names_are_told_where_frames_have_none(base: Path, tmp_path: Path) -> None:
    frames = tmp_path / "frames"
    shutil.copytree(copied(base, tmp_path / "set") / "images", frames)
    names = sorted(path.stem for path in frames.iterdir())
    labels = tmp_path / "labels.csv"
    labels.write_text("".join(f"{name},sea\n" for name in [*names[:-1], "other"]))
    words = [
        *["synth", "--n", "1", "--size", "64", "--seed", "1"],
        "--backgrounds",
        frames,
        "--labels",
        labels,
        "--out",
    ]
    assert f"names without background: 1 (other); backgrounds without label: 1 ({names[-1]})" in (
        run(*words, tmp_path / "a").stderr
    )
    labels.write_text("".join(f"{name},sea\n" for name in [*names, "other"]))
    assert "without label" not in run(*words, tmp_path / "b").stderr
