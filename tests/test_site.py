"""The docs site and the notebook: what is generated is whole, what is executed runs."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

ROOT = Path(__file__).parents[1]


@pytest.fixture
def hooks() -> Any:
    pytest.importorskip("mkdocs")
    spec = importlib.util.spec_from_file_location("site_hooks", ROOT / "docs" / "tools" / "site.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_page_of_docs_is_in_the_navigation_once(hooks: Any) -> None:
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    listed = hooks.pages_of(hooks.complete_navigation(nav))
    written = {path.name for path in (ROOT / "docs").glob("*.md")}
    assert written | {"cli.md", "api.md", "changelog.md"} == set(listed) and len(listed) == len(set(listed))


def test_the_command_reference_has_every_command_and_option(hooks: Any) -> None:
    text = hooks.command_reference()
    for part in ("## sirstgen synth", "## sirstgen backgrounds harvest", "| `--out` | `sirst-synth` |", "`DIR...`"):
        assert part in text
    assert "::: sirstgen.synthesis.generator.Generator" in hooks.public_names()


def test_no_command_is_cut_in_the_list_of_commands() -> None:
    from sirstgen.cli import app

    result = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"})
    assert result.exit_code == 0 and "synth" in result.stdout
    assert [line for line in result.stdout.splitlines()[1:] if line.endswith("...")] == []


@pytest.mark.slow
def test_the_notebook_runs(tmp_path: Path) -> None:
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    notebook = nbformat.read(ROOT / "docs" / "notebooks" / "quickstart.ipynb", as_version=4)
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert (tmp_path / "quickstart-set" / "SHA256SUMS").is_file()
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert any(output.get("data", {}).get("text/plain") == "[]" for output in outputs)
