"""The README's commands, run as printed on small datasets in the places of the large ones."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sirstgen.backgrounds.procedural.make import make
from sirstgen.cli import app
from sirstgen.recipe.recipe import Recipe
from sirstgen.storage.writer import write_dataset
from sirstgen.synthesis.generator import Generator

ROOT = Path(__file__).parents[1]

# What makes a command short, and what is not run: a server that waits for a person.
SHORTER = {
    "synth": ["--n", "12", "--workers", "1"],
    "bench": ["--detectors", "top-hat", "--workers", "1"],
    "compare": ["--trees", "5", "--halves", "1", "--workers", "1"],
    "mix": ["--total", "8"],
    "fit": ["--no-match"],
    "train-check": ["--preset", "quick", "--total", "8", "--rows", "2", "--steps", "2", "--batch", "2", "--crop", "32"],
}
NOT_RUN = {"review"}


@pytest.mark.slow
def test_every_command_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SIRSTGEN_REAL", raising=False)
    write_dataset(Generator(seed=0), "sirst-synth", 12)
    write_dataset(Generator(Recipe(width=128, height=128), seed=1), "NUAA-SIRST", 48)
    shutil.rmtree("NUAA-SIRST/.run", ignore_errors=True)
    for name in ("targets.jsonl", "dataset.json", "SHA256SUMS"):
        Path("NUAA-SIRST", name).unlink()
    make(Path("my-frames"), ["cloud", "sea"], 3, 256, 256, 5)
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", text[text.index("## More") :], re.MULTILINE | re.DOTALL)
    run = []
    for line in "".join(blocks).splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] != ["sirstgen"] or words[1] in NOT_RUN:
            continue
        extra = SHORTER.get(words[1], [])
        result = CliRunner().invoke(app, [*words[1:], *extra])
        assert result.exit_code == 0, f"{line}\n{result.output}"
        run.append(words[1])
    if shutil.which("git") and (ROOT / ".git").exists():
        made = [f"{path.name}{'/' if path.is_dir() else ''}" for path in tmp_path.iterdir()]
        listed = subprocess.run(["git", "check-ignore", *made], cwd=ROOT, capture_output=True, text=True, check=False)
        assert sorted(listed.stdout.split()) == sorted(made), ".gitignore lacks what these commands write"
    assert len(run) >= 13 and {"stats", "audit", "export", "mix", "train-check", "fit"} <= set(run)
