"""The command compare on two small sets, and the report it writes."""

from __future__ import annotations

import base64
import json
import re
from html import escape
from pathlib import Path

import cv2
import numpy as np
import pytest
import typer
from making.frame_sets import write_set
from typer.testing import CliRunner, Result

from sirstgen.cli import compare, reported
from sirstgen.comparison.measures import BACKGROUND_MEASURES, TARGET_MEASURES

app = typer.Typer(pretty_exceptions_enable=False)
app.command("compare")(reported(compare.compare))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    place = tmp_path_factory.mktemp("sets")
    write_set(place / "ours", 1, frames=12, change=lambda image: 90 + (image - 90) * 0.5)
    write_set(place / "real", 2, frames=24)
    (place / "real" / "50_50").mkdir()
    for part, numbers in (("train", range(12)), ("test", range(12, 24))):
        (place / "real" / "50_50" / f"{part}.txt").write_text("".join(f"{number:03d}\n" for number in numbers))
    return place / "ours", place / "real"


QUICK = ("--trees", 5, "--halves", 1, "--workers", 1, "--size", 0)


def test_a_report_says_it_three_times(folders: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "report"
    result = run(*folders, *QUICK, "--out", out)
    assert result.exit_code == 0, result.stderr
    assert "target pixels" in result.stdout and "most discriminative statistics" in result.stdout
    assert "candidate: ours, 12 images of 12 backgrounds, " in result.stdout
    assert max(map(len, result.stdout.splitlines()[:-1])) <= 80
    names = {"report.json", "report.html", "targets.png", "backgrounds.png", "target-pixels.png"}
    assert {path.name for path in out.iterdir()} == names | {"background-patches.png"}
    told = json.loads((out / "report.json").read_text())
    assert told["reference"]["name"] == "real" and len(told["tests"]) == 4
    page = (out / "report.html").read_text()
    embedded = [base64.b64decode(code) for code in re.findall(r"data:image/png;base64,([^\"]+)", page)]
    measures = {"targets": TARGET_MEASURES, "whole backgrounds": BACKGROUND_MEASURES}
    for test in told["tests"]:
        first, share = test["importances"][0].values()
        meanings = {measure.name: measure.meaning for measure in measures.get(test["name"], ())}
        assert f"{escape(meanings.get(first, first.replace('_', ' ')))} {100 * share:.0f} %" in page
    assert len(embedded) == 4 and "src=" not in page.replace('src="data:', "")
    for picture in embedded:
        assert cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR) is not None
    rows = re.findall(r"target pixels</td><td class=\"number( marked)?\">([\d.]+)</td>", page)
    pixels = told["tests"][1]
    assert rows == [("" if pixels["at_floor"] else " marked", f"{pixels['auc']:.3f}")]
    again = run(*folders, *QUICK, "--out", out)
    assert again.exit_code == 2 and "report exists already" in again.stderr and "--overwrite" in again.stderr


def test_two_sides_of_one_split_as_json(folders: tuple[Path, Path]) -> None:
    _, real = folders
    result = run(real, real, "--split", "train", "--reference-split", "test", *QUICK, "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert [told[side]["name"] for side in ("candidate", "reference")] == ["real (train)", "real (test)"]
    assert told["tests"][0]["floor"] is None and "no noise floor" in told["warnings"][-1] and told["files"] == []


def test_what_compare_refuses(folders: tuple[Path, Path], tmp_path: Path) -> None:
    _, real = folders
    same = run(real, real, *QUICK)
    assert same.exit_code == 2 and "no frame in common" in same.stderr and "train with its test part" in same.stderr
    wrong = run(real, real, "--split", "trian")
    assert wrong.exit_code == 2 and "(did you mean train?)" in wrong.stderr
    missing = run(tmp_path / "none", real)
    assert missing.exit_code == 2 and "no such folder" in missing.stderr
    few = run(write_set(tmp_path / "few", 1, frames=3).folder, real)
    assert few.exit_code == 2 and "at least 10 frames" in few.stderr
