"""The walk-through of docs/twenty-frames.md, command by command, on a small stand-in for someone's frames."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sirstgen.cli import app
from sirstgen.datasets.readers import Dataset
from sirstgen.recipe.recipe import Recipe
from sirstgen.storage.writer import write_dataset
from sirstgen.synthesis.generator import Generator
from sirstgen.synthesis.sources import open_backgrounds
from sirstgen.train_check.table import Status

PAGE = Path(__file__).parents[1] / "docs" / "twenty-frames.md"
SHORT = {"--n": "24", "--total": "24"}  # what the page asks for takes an hour
ALSO = {
    "fit": ["--no-match"],
    "compare": ["--trees", "5", "--halves", "1"],
    "train-check": ["--steps", "1", "--repeats", "1", "--crop", "32", "--batch", "2"],
}


def steps() -> list[list[str]]:
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [shlex.split(line)[1:] for block in blocks for line in block.splitlines()]


def shortened(words: list[str]) -> list[str]:
    words = [SHORT.get(before, word) for before, word in zip(["", *words], words, strict=False)]
    return words + ALSO.get(words[0], [])


def make_frames(folder: Path) -> None:
    """Twenty frames to learn from and four to test on, of several sizes."""
    rules = {"native_size": True, "sizes": [[112, 90], [128, 100], [140, 96]], "scene_mix": {"cloud": 1, "field": 1}}
    recipe = Recipe(
        width=140,
        height=100,
        train_share=20 / 24,
        contrast={"level": {"lognormal": {"median": 50, "spread": 0.4}}},
        backgrounds=rules,
    )
    made = Generator(recipe, open_backgrounds("procedural", recipe, seed=8), seed=8)
    write_dataset(made, folder, 24)
    for name in ("targets.jsonl", "dataset.json", "SHA256SUMS", "README.md"):
        (folder / name).unlink()
    shutil.rmtree(folder / "img_idx")


def test_every_step_runs_and_leaves_what_the_next_one_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_frames(Path("my-frames"))
    assert len(Dataset.open("my-frames").split("train")) == 20
    Path("my-new-frames").mkdir()
    shutil.copy("my-frames/images/000001.png", "my-new-frames")
    ran = []
    for words in steps():
        weights = next(iter(Path("benchmark/runs").glob("*/last.pt")), None)
        words = [str(weights) if word.endswith("last.pt") else word for word in shortened(words)]
        result = CliRunner().invoke(app, words)
        assert result.exit_code == 0, f"{words}\n{result.output}\n{result.exception!r}"
        ran.append(words[0])
    assert {"fit", "synth", "verify", "compare", "train-check", "detect"} <= set(ran)
    table = json.loads(Path("benchmark/table.json").read_text())
    assert {run["status"] for run in table["runs"]} <= {Status.OK, Status.COLLAPSED}
    assert len(table["runs"]) == 3
    assert "contrast:" in Path("mine.yaml").read_text()
    assert Path("gap/report.html").is_file() and Path("found/detections.csv").is_file()
