"""The documentation's claims that can be run: its Python and YAML blocks, its commands, its lists of names."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from making.clutter import clutter
from making.pages import blocks

from sirstgen.cli import app
from sirstgen.recipe.recipe import Recipe
from sirstgen.synthesis.canvas import REASONS
from sirstgen.synthesis.generator import Generator

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


@each_page
def test_python_blocks_run_in_order(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # What a reader brings along: a frame.
    names: dict[str, Any] = {"__name__": "docs", "image": clutter(1, 64, 64)}
    for number, block in enumerate(blocks(page, "python"), start=1):
        exec(compile(block, f"{page.name}, Python block {number}", "exec"), names)


@each_page
def test_yaml_blocks_are_recipes(page: Path, tmp_path: Path) -> None:
    for block in blocks(page, "yaml"):
        file = tmp_path / "recipe.yaml"
        file.write_text(block, encoding="utf-8")
        Recipe.load(file)


def commands(page: Path) -> Iterator[list[str]]:
    """The words after each ``sirstgen`` in the page's shell blocks and in its running text."""
    text = page.read_text(encoding="utf-8")
    lines = [line for block in blocks(page, "sh") for line in re.sub(r"\\\n", " ", block).splitlines()]
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    for line in [*lines, *re.findall(r"`(sirstgen [^`]+)`", prose)]:
        for part in re.split(r"&&|\|\||[|;]", line):
            words = shlex.split(part, comments=True)
            if words and Path(words[0]).name == "sirstgen":
                yield words[1:]


def unknown_word(words: list[str]) -> str | None:
    """The first command or flag among `words` that the command line does not have."""
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        if words[0] not in command.commands:
            return words[0]
        command, words = command.commands[words[0]], words[1:]
    flags = {"-h", "--help", *(flag for option in command.params for flag in (*option.opts, *option.secondary_opts))}
    return next((word for word in words if word.startswith("-") and word.split("=")[0] not in flags), None)


@each_page
def test_commands_and_flags_exist(page: Path) -> None:
    wrong = {" ".join(words): unknown for words in commands(page) if (unknown := unknown_word(words))}
    assert wrong == {}


def test_unknown_commands_and_flags_are_seen() -> None:
    assert unknown_word(["synth", "--scr", "4", "--sedd", "1"]) == "--sedd"
    assert unknown_word(["backgrounds", "mak"]) == "mak"
    assert unknown_word(["backgrounds", "make", "--seed", "1"]) is None


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"(?<!!)\[[^\]]+\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


def code_words(name: str) -> set[str]:
    """Every word that a page of docs/ sets as code."""
    spans = re.findall(r"`([^`\n]+)`", (ROOT / "docs" / name).read_text(encoding="utf-8"))
    return {word for span in spans for word in (span, *re.findall(r"[\w-]+", span))}


def test_every_recipe_entry_and_reason_is_described() -> None:
    models = json.loads(json.dumps(Recipe.model_json_schema()))
    entries = {entry for part in (models, *models["$defs"].values()) for entry in part["properties"]}
    entries -= {"mean", "sd", "median"}  # shown in the forms of a drawn number
    forms = "\n".join(blocks(ROOT / "docs" / "recipe.md", "yaml"))
    described = code_words("recipe.md") | code_words("stages.md")
    missing = {entry for entry in entries - described if f"{entry}:" not in forms}
    assert missing == set()
    assert REASONS.keys() - code_words("recipe.md") == set()


def test_every_field_of_a_line_and_of_the_manifest_is_described(small_generator: Generator, tmp_path: Path) -> None:
    from sirstgen.storage.writer import write_dataset

    write_dataset(small_generator, tmp_path / "set", 1)
    row = json.loads((tmp_path / "set" / "targets.jsonl").read_text())
    fields = {*row, *row["background"], *row["targets"][0], *row["clutter_region"]}
    fields |= json.loads((tmp_path / "set" / "dataset.json").read_text()).keys()
    assert fields - code_words("dataset-format.md") == set()
