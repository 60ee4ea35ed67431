"""A bench on a small dataset: scores, parts, resuming, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sirstgen.bench import run_bench
from sirstgen.bench.run import REPORT, SCORES, TABLE, gray_levels
from sirstgen.bench.subsets import subsets
from sirstgen.datasets.readers import Dataset
from sirstgen.detectors.classical import named
from sirstgen.errors import InputError, InvalidValueError, OutputExistsError, SirstgenWarning

DETECTORS = [named("top-hat"), named("tllcm")]


def make_dataset(folder: Path, count: int = 4) -> Dataset:
    """Images with one bright dot (SCR 6) and one faint one (SCR 1) on noise, scenes taking turns."""
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    rows = []
    for index in range(count):
        rng = np.random.default_rng(index)
        image, mask = rng.normal(100, 5, (48, 48)), np.zeros((48, 48), np.uint8)
        for row, strength in ((10, 90), (30, 12)):
            image[row : row + 2, 20:22] += strength
            mask[row : row + 2, 20:22] = 255
        name = f"{index:06d}"
        Image.fromarray(np.clip(image, 0, 255).astype(np.uint8)).save(folder / "images" / f"{name}.png")
        Image.fromarray(mask).save(folder / "masks" / f"{name}.png")
        targets = [{"kind": "point", "area": 4, "scr": scr} for scr in (6.5, 1.2)]
        rows.append({"id": name, "scene": ("sea", "cloud")[index % 2], "targets": targets})
    (folder / "targets.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return Dataset.open(folder)


def test_a_bench_scores_the_whole_and_the_parts(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    result = run_bench(
        make_dataset(tmp_path / "set"), DETECTORS, tmp_path / "out", progress=lambda *counts: told.append(counts)
    )
    whole = result.figures("top-hat")
    assert (whole["images"], whole["targets"], whole["pd"]) == (4, 8, 0.5)
    assert whole["fa"] == 0
    assert told[0] == (0, 8)
    assert told[-1] == (8, 8)
    report = json.loads((tmp_path / "out" / REPORT).read_text())
    parts = {(part["axis"], part["part"]): part for part in report["detectors"][0]["parts"]}
    assert set(parts) == {
        ("scene", "cloud"),
        ("scene", "sea"),
        ("kind", "point"),
        ("area", "1-9"),
        ("scr", "0.5-1.5"),
        ("scr", "6.5-8.5"),
    }
    assert (parts["scr", "6.5-8.5"]["pd"], parts["scr", "0.5-1.5"]["pd"]) == (1, 0)
    assert parts["scr", "0.5-1.5"]["images"] == 0  # every image also holds a bright target
    assert parts["scr", "0.5-1.5"]["iou"] is None
    assert parts["scene", "sea"]["images"] == 2
    text = (tmp_path / "out" / TABLE).read_text()
    assert "Top-Hat" in text
    assert "scr 6.5-8.5" in text


def test_an_interrupted_bench_goes_on_and_gives_the_same(tmp_path: Path) -> None:
    dataset, out = make_dataset(tmp_path / "set"), tmp_path / "out"
    first = run_bench(dataset, DETECTORS, out).to_dict()
    lines = (out / SCORES).read_text().splitlines(keepends=True)
    (out / SCORES).write_text("".join(lines[:3]) + lines[3][:40])  # killed in the middle of a line
    told: list[tuple[int, int]] = []
    second = run_bench(dataset, DETECTORS, out, resume=True, progress=lambda *counts: told.append(counts)).to_dict()
    assert told[0] == (3, 8)
    for report in (first, second):
        for detector in report["detectors"]:
            del detector["whole"]["seconds"]
    assert first == second


def test_a_changed_image_is_scored_again(tmp_path: Path) -> None:
    dataset, out = make_dataset(tmp_path / "set"), tmp_path / "out"
    run_bench(dataset, DETECTORS[:1], out)
    Image.fromarray(np.full((48, 48), 9, np.uint8)).save(tmp_path / "set" / "images" / "000002.png")
    told: list[tuple[int, int]] = []
    result = run_bench(dataset, DETECTORS[:1], out, resume=True, progress=lambda *counts: told.append(counts))
    assert told[0] == (3, 4)
    assert result.figures("top-hat")["empty_maps"] == 1


def test_workers_change_nothing(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "set", 3)
    reports = [run_bench(dataset, DETECTORS[:1], tmp_path / str(n), workers=n).to_dict() for n in (1, 2)]
    for report in reports:
        del report["detectors"][0]["whole"]["seconds"]
    assert reports[0] == reports[1]


def test_resuming_keeps_the_scores_of_other_detectors(tmp_path: Path) -> None:
    dataset, out = make_dataset(tmp_path / "set", 2), tmp_path / "out"
    run_bench(dataset, DETECTORS[:1], out)
    run_bench(dataset, DETECTORS[1:], out, resume=True)
    told: list[tuple[int, int]] = []
    run_bench(dataset, DETECTORS, out, resume=True, progress=lambda *counts: told.append(counts))
    assert told == [(4, 4)]
    lines = (out / SCORES).read_text().splitlines(keepends=True)
    (out / SCORES).write_text("{}\n" + "".join(lines[1:]))
    with pytest.warns(SirstgenWarning, match="1 damaged lines; their scores are made again"):
        run_bench(dataset, DETECTORS, out, resume=True)
    assert len((out / SCORES).read_text().splitlines()) == len(lines)
    with pytest.raises(InvalidValueError, match="must not both"):
        run_bench(dataset, DETECTORS, out, resume=True, overwrite=True)


def test_a_mask_of_another_size_is_told_again_when_a_bench_goes_on(tmp_path: Path) -> None:
    dataset, out = make_dataset(tmp_path / "set", 2), tmp_path / "out"
    (tmp_path / "set" / "targets.jsonl").unlink()
    small = np.zeros((24, 24), np.uint8)
    small[5, 10] = 255
    Image.fromarray(small).save(tmp_path / "set" / "masks" / "000001.png")
    for resume in (False, True):
        dataset = Dataset.open(dataset.folder)
        run_bench(dataset, DETECTORS[:1], out, resume=resume)
        assert "24x24 for 48x48" in dataset.warnings["000001"]


def test_targets_that_nothing_tells_are_measured(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "set", 2)
    (tmp_path / "set" / "targets.jsonl").unlink()
    result = run_bench(dataset, DETECTORS[:1], tmp_path / "out")
    assert result.measured and result.to_dict()["parts_measured"]
    assert {(part.axis, part.name) for part in result.parts} >= {("area", "1-9"), ("scr", "10.5+")}
    assert {part.axis for part in result.parts} == {"area", "scr"}
    assert "there is no targets.jsonl" in (tmp_path / "out" / TABLE).read_text()


def test_one_side_of_a_split(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "set")
    (tmp_path / "set" / "50_50").mkdir()
    (tmp_path / "set" / "50_50" / "train.txt").write_text("000000\n000001\n000002\n")
    (tmp_path / "set" / "50_50" / "test.txt").write_text("000003\n")
    dataset = Dataset.open(dataset.folder)
    result = run_bench(dataset, DETECTORS[:1], tmp_path / "out", part="test")
    assert result.images == ("000003",)
    assert {part.name for part in result.parts if part.axis == "scene"} == {"cloud"}


def test_what_is_refused(tmp_path: Path) -> None:
    dataset, out = make_dataset(tmp_path / "set", 2), tmp_path / "out"
    with pytest.raises(InvalidValueError, match="each once"):
        run_bench(dataset, DETECTORS[:1] * 2, out)
    with pytest.raises(InvalidValueError, match="workers"):
        run_bench(dataset, DETECTORS[:1], out, workers=0)
    run_bench(dataset, DETECTORS[:1], out)
    with pytest.raises(OutputExistsError, match="--resume continues it, --overwrite replaces it"):
        run_bench(dataset, DETECTORS[:1], out)
    rows = (tmp_path / "set" / "targets.jsonl").read_text().splitlines()
    row = json.loads(rows[0])
    del row["targets"][0]
    (tmp_path / "set" / "targets.jsonl").write_text("\n".join([json.dumps(row), *rows[1:]]) + "\n")
    with pytest.raises(InputError, match="1 targets are stated, the mask holds 2"):
        run_bench(dataset, DETECTORS[:1], out, overwrite=True)


def test_parts_of_targets_without_scr_and_bins_at_their_edges() -> None:
    targets = [{"kind": "spot", "area": 9, "scr": None}, {"kind": "spot", "area": 10, "scr": 10.5}]
    parts = {(part.axis, part.name): part for part in subsets({"a": {"scene": None, "targets": targets}})}
    assert set(parts) == {("kind", "spot"), ("area", "1-9"), ("area", "10-25"), ("scr", "10.5+")}
    assert parts["scr", "10.5+"].members == {"a": (False, True)}
    assert parts["kind", "spot"].pure_images == ["a"]


def test_sixteen_bits_become_gray_levels_of_eight() -> None:
    assert gray_levels(np.array([[0, 65535]], np.uint16)).tolist() == [[0, 255]]
    assert gray_levels(np.array([[0, 255]], np.uint8)).tolist() == [[0, 255]]


def test_overwriting_keeps_the_scores_until_there_are_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, out = make_dataset(tmp_path / "set", 2), tmp_path / "out"
    run_bench(dataset, DETECTORS, out)
    before = (out / SCORES).read_bytes()

    def interrupt(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_bench(dataset, DETECTORS, out, overwrite=True, progress=interrupt)
    assert (out / SCORES).read_bytes() == before
    told: list[int] = []
    run_bench(dataset, DETECTORS, out, resume=True, progress=lambda done, _: told.append(done))
    assert told[0] == 2  # the interrupted bench went on
    assert [path.name for path in out.iterdir() if path.name.startswith(".")] == []
    run_bench(dataset, DETECTORS, out, overwrite=True)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_file_of_the_user_is_not_overwritten(tmp_path: Path) -> None:
    dataset, out = make_dataset(tmp_path / "set", 2), tmp_path / "out"
    out.mkdir()
    (out / SCORES).write_text("my scores\n")
    for settings in ({"overwrite": True}, {"resume": True}):
        with pytest.raises(OutputExistsError, match="holds no scores"):
            run_bench(dataset, DETECTORS, out, **settings)
    assert (out / SCORES).read_text() == "my scores\n"
    with pytest.raises(InvalidValueError, match="must not be or hold what is read"):
        run_bench(dataset, DETECTORS, dataset.folder, overwrite=True)
