"""Hooks of the docs site: the pages that are generated, and links to files outside docs/."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import typer
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
OUTSIDE = ("benchmarks/results/*.md", "benchmarks/results/*.json", "examples/*.py", "templates/README.md")
"""Files outside docs/ that the site holds as well, at the same path."""


def on_config(config: Any) -> Any:
    """Add the pages of docs/ that the navigation does not name to its guides."""
    config.nav = complete_navigation(config.nav)
    return config


def complete_navigation(nav: list[Any]) -> list[Any]:
    """Return a navigation with every page of docs/; those it lacks come last among the guides."""
    listed = set(pages_of(nav))
    missing = sorted(path.name for path in (ROOT / "docs").glob("*.md") if path.name not in listed)
    return [{"Guides": entry["Guides"] + missing} if "Guides" in entry else entry for entry in nav]


def pages_of(entry: Any) -> list[str]:
    """Return the pages that a part of the navigation names."""
    if isinstance(entry, str):
        return [entry]
    inner = entry.values() if isinstance(entry, dict) else entry
    return [page for part in inner for page in pages_of(part)]


def on_files(files: Files, config: Any) -> Files:
    """Add the command reference, the changelog and the files outside docs/ to the site."""
    files.append(File.generated(config, "cli.md", content=command_reference()))
    files.append(File.generated(config, "api.md", content=public_names()))
    files.append(File.generated(config, "changelog.md", content=(ROOT / "CHANGELOG.md").read_text(encoding="utf-8")))
    for pattern in OUTSIDE:
        for path in sorted(ROOT.glob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            files.append(File.generated(config, name, content=path.read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Let links to files outside docs/ lead to their place in the site."""
    if page.file.src_uri.startswith("benchmarks/"):
        # Result files name scripts and each other; only what the site holds stays a link.
        return re.sub(r"\[([^\]]+)\]\((?!https?:|#)[^)]*\)", r"\1", markdown)
    return re.sub(r"\]\(\.\./(benchmarks/results|examples|templates)/", r"](\1/", markdown)


def public_names() -> str:
    """Return the page of everything that `sirstgen` exports, for mkdocstrings."""
    import sirstgen

    names = sorted(set(sirstgen.__all__) - {"__version__"}, key=str.lower)
    places = [f"{getattr(sirstgen, name).__module__}.{name}" for name in names]
    head = "# Python API\n\nEverything here is imported from `sirstgen`. [Python](python-api.md) shows how it is used."
    return "\n\n".join([head, *(f"::: {place}" for place in places)]) + "\n"


def command_reference() -> str:
    """Return the page of all commands and their options, as ``--help`` has them."""
    from sirstgen.cli import app

    parts = [
        "# Commands",
        "Exit codes: 0 done, 1 the work failed or a check found faults, 2 bad arguments or input. "
        "Progress goes to standard error and only to a terminal; results go to standard output.",
        *_sections("sirstgen", typer.main.get_command(app)),
    ]
    return "\n\n".join(parts) + "\n"


def _sections(name: str, command: Any) -> list[str]:
    if hasattr(command, "commands"):
        return [part for key, inner in command.commands.items() for part in _sections(f"{name} {key}", inner)]
    arguments = [option for option in command.params if option.param_type_name == "argument"]
    usage = " ".join([name, "[OPTIONS]", *map(_argument, arguments)])
    rows = [_row(option) for option in command.params if not getattr(option, "hidden", False)]
    table = "\n".join(["| option | default | meaning |", "|---|---|---|", *rows])
    return [f"## {name}", command.help or "", f"```text\n{usage}\n```", table]


def _argument(option: Any) -> str:
    return str(option.metavar or option.name.upper())


def _row(option: Any) -> str:
    name = _argument(option) if option.param_type_name == "argument" else ", ".join(option.opts)
    if option.secondary_opts:
        name += f" / {', '.join(option.secondary_opts)}"
    plain = isinstance(option.default, str | int | float | Path) and not isinstance(option.default, bool)
    default = f"`{option.default}`" if plain and str(option.default) else ""
    return f"| `{name}` | {default} | {_cell(option.help or '')} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
