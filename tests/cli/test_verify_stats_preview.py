from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from sirstgen.cli import preview, reported, stats, verify
from sirstgen.recipe.recipe import Recipe
from sirstgen.storage.writer import write_dataset
from sirstgen.synthesis.generator import Generator
from sirstgen.synthesis.sources import open_backgrounds

app = typer.Typer(pretty_exceptions_enable=False)
app.command("verify")(reported(verify.verify))
app.command("stats")(reported(stats.stats))
app.command("preview")(reported(preview.preview))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    recipe = Recipe(width=64, height=64, scr=[3], quality={"min_contrast": 2}, backgrounds={"scene_mix": {"cloud": 1}})
    generator = Generator(recipe, open_backgrounds("procedural", recipe, seed=3), seed=3)
    return write_dataset(generator, tmp_path / "small", 4)


def test_verify_tells_faults_by_its_exit_code(folder: Path) -> None:
    good = run("verify", folder, "--rebuild")
    assert good.exit_code == 0 and "no fault" in good.stdout and "4 images rendered again" in good.stdout
    (folder / "README.md").write_text("else")
    bad = run("verify", folder)
    assert bad.exit_code == 1 and "README.md: its checksum differs" in bad.stdout and "1 fault" in bad.stdout
    told = json.loads(run("verify", folder, "--json").stdout)
    assert [fault["place"] for fault in told["faults"]] == ["README.md"]
    assert run("verify", folder / "nowhere").exit_code == 2


def test_verify_refuses_to_rebuild_from_other_backgrounds(folder: Path, tmp_path: Path) -> None:
    manifest = json.loads((folder / "dataset.json").read_text())
    manifest["backgrounds"]["seed"] += 1
    (folder / "dataset.json").write_text(json.dumps(manifest))
    result = run("verify", folder, "--rebuild")
    assert result.exit_code == 2 and "backgrounds must be those" in result.stderr
    del manifest["recipe"]
    (folder / "dataset.json").write_text(json.dumps(manifest))
    assert "states no recipe" in run("verify", folder, "--rebuild").stderr


def test_stats_prints_and_draws(folder: Path, tmp_path: Path) -> None:
    text = run("stats", folder, folder)
    assert text.exit_code == 0 and "paper, Fig. 6" in text.stdout and "cloud" in text.stdout
    figure = tmp_path / "figure.png"
    told = json.loads(run("stats", folder, "--json", "--figure", figure).stdout)
    assert told["datasets"][0]["images"] == 4 and figure.is_file()
    assert run("stats", folder, "--figure", figure).exit_code == 2


def test_stats_writes_one_page_without_links_to_other_files(folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "stats.html"
    assert run("stats", folder, folder, "--out", page).exit_code == 0
    text = page.read_text(encoding="utf-8")
    assert text.count("<img ") == text.count('src="data:image/png;base64,') == 5
    assert "images in each part" in text and "<h2>Fig. 6 of the paper</h2>" in text
    again = run("stats", folder, "--out", page)
    assert again.exit_code == 2 and "--overwrite" in again.stderr
    assert run("stats", folder, "--out", tmp_path / "stats.txt").exit_code == 2


def test_preview_draws_a_sheet_and_a_target(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("preview", folder).exit_code == 0
    assert Path("small-preview.png").is_file() and Path("small-preview-target.png").is_file()
    assert run("preview", folder).exit_code == 2
    told = json.loads(run("preview", folder, "--targets", "--ids", "000002,000003", "--json").stdout)
    assert told["ids"] == ["000002", "000003"] and Path("small-targets.png").is_file()


def test_preview_drops_what_is_rejected(folder: Path, tmp_path: Path) -> None:
    before = (folder / "targets.jsonl").read_text().splitlines()
    wrong = run("preview", folder, "--drop", "000009", "--out", tmp_path / "a.png")
    assert wrong.exit_code == 2 and "000009" in wrong.stderr
    there = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    enlarged = [("--enlarge", place) for place in ("000099", "x:1", "000001:9", "000002:9")]
    for words in (("--n", "0"), ("--columns", "0"), ("--workers", "0"), *enlarged):
        assert run("preview", folder, "--drop", "000002", "--out", tmp_path / "a.png", *words).exit_code == 2
    assert {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == there
    result = run("preview", folder, "--drop", "000002", "--out", tmp_path / "a.png")
    assert result.exit_code == 0 and "drawn again: 000002" in result.stdout
    after = (folder / "targets.jsonl").read_text().splitlines()
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, False, True, True]
    assert run("verify", folder, "--rebuild").exit_code == 0
