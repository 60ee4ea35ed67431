"""The commands bench and figures on four small images."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner, Result

from sirstgen.cli import bench, figures, reported

app = typer.Typer(pretty_exceptions_enable=False)
app.command("bench")(reported(bench.bench))
app.command("figures")(reported(figures.figures))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A bright target of 2x2 pixels on noise, and lines that tell its scene, size and SCR."""
    place = tmp_path / "dots"
    for name in ("images", "masks", "50_50"):
        (place / name).mkdir(parents=True)
    rows = []
    for index in range(4):
        image = np.random.default_rng(index).normal(100, 5, (48, 48))
        mask = np.zeros((48, 48), np.uint8)
        image[10:12, 20:22] += 80
        mask[10:12, 20:22] = 255
        Image.fromarray(image.astype(np.uint8)).save(place / "images" / f"{index}.png")
        Image.fromarray(mask).save(place / "masks" / f"{index}.png")
        rows.append({"id": str(index), "scene": "sea", "targets": [{"kind": "point", "area": 4, "scr": 3.998}]})
    (place / "targets.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (place / "50_50" / "train.txt").write_text("0\n1\n2\n")
    (place / "50_50" / "test.txt").write_text("3\n")
    return place


def test_bench_prints_tables_and_writes_figures(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run("bench", folder, "--detectors", "top-hat,new_top_hat", "--out", out, "--overlays", 1, "--workers", 1)
    assert result.exit_code == 0, result.stderr
    assert "New Top-Hat (ring)" in result.stdout and "scr 3.5-4.5" in result.stdout and "scene sea" in result.stdout
    assert {path.name for path in out.iterdir()} == {
        "bench.json",
        "bench.html",
        "bench.md",
        "scores.jsonl",
        "roc.png",
        "scr.png",
        "overlays",
    }
    assert [path.name for path in (out / "overlays").iterdir()] == ["0.png"]
    again = run("bench", folder, "--detectors", "top-hat", "--out", out)
    assert again.exit_code == 2 and "--resume continues it, --overwrite replaces it" in again.stderr
    told = json.loads(run("bench", folder, "--detectors", "top-hat", "--out", out, "--resume", "--json").stdout)
    assert told["detectors"][0]["whole"]["pd"] == 1 and len(told["pictures"]) == 2


def test_bench_of_one_side_of_the_split(folder: Path, tmp_path: Path) -> None:
    arguments = ("bench", folder, "--detectors", "top-hat", "--out", tmp_path / "out", "--split")
    assert json.loads(run(*arguments, "test", "--json").stdout)["images"] == 1
    wrong = run(*arguments, "tset", "--overwrite")
    assert wrong.exit_code == 2 and "(did you mean test?)" in wrong.stderr
    (folder / "50_50" / "test.txt").write_text("")
    empty = run(*arguments, "test", "--overwrite")
    assert empty.exit_code == 2 and "test images is empty" in empty.stderr


def test_what_bench_refuses(folder: Path, tmp_path: Path) -> None:
    unknown = run("bench", folder, "--detectors", "top-hat,psttn")
    assert unknown.exit_code == 2 and "did you mean 'pstnn'?" in unknown.stderr
    none = run("bench", folder, "--detectors", "none")
    assert none.exit_code == 2 and "at least one detector" in none.stderr
    missing = run("bench", folder, "--detectors", "none", "--weights", tmp_path / "best.pt")
    assert missing.exit_code == 2 and "best.pt" in missing.stderr
    for path in (folder / "masks").iterdir():
        path.unlink()
    (folder / "masks").rmdir()
    unmasked = run("bench", folder)
    assert unmasked.exit_code == 2 and "no masks/" in unmasked.stderr


def test_figures_are_drawn_once(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "pictures"
    arguments = ("figures", folder, "--detectors", "top-hat", "--ids", "2", "--out", out)
    assert run(*arguments).exit_code == 0
    assert sorted(path.name for path in out.iterdir()) == ["2-maps.png", "2-surfaces.png"]
    assert run(*arguments).exit_code == 2
    assert run("figures", folder, "--ids", "9", "--detectors", "top-hat", "--out", out).exit_code == 2
