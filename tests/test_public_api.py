from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from making.pages import blocks

import sirstgen

ROOT = Path(__file__).parents[1]

NAMES = [
    "Background",
    "BackgroundCrop",
    "BackgroundLibrary",
    "BackgroundSource",
    "ClutterRegion",
    "Dataset",
    "Distribution",
    "Effort",
    "FittedRecipe",
    "GenerationError",
    "Generator",
    "ImagePlan",
    "InputError",
    "InvalidValueError",
    "OutputExistsError",
    "PlannedGenerator",
    "ProceduralBackgrounds",
    "Recipe",
    "Sample",
    "ShardStream",
    "SirstgenError",
    "SyntheticStream",
    "Target",
    "TargetPlan",
    "TargetRejectedError",
    "TemplateLibrary",
    "TorchDataset",
    "audit_dataset",
    "compare",
    "dataset_statistics",
    "export_dataset",
    "finish_shards",
    "fit_recipe",
    "open_backgrounds",
    "redraw",
    "register_stage",
    "render",
    "reopen_generator",
    "reopen_plans",
    "verify",
    "write_dataset",
    "write_shards",
]
"""Taking one away breaks somebody's script; adding one is a promise."""


def test_the_public_names_are_these() -> None:
    assert sirstgen.__all__ == sorted([*NAMES, "__version__"])
    assert set(dir(sirstgen)) == set(sirstgen.__all__)


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_says_what_it_is(name: str) -> None:
    thing = getattr(sirstgen, name)
    assert thing.__name__ == name
    assert thing.__module__.startswith("sirstgen.")
    documentation = inspect.getdoc(thing)
    assert documentation and len(documentation.splitlines()[0]) > 15
    if inspect.isclass(thing):
        for method, member in inspect.getmembers(thing, callable):
            if not method.startswith(("_", "model_")) and getattr(member, "__module__", "").startswith("sirstgen"):
                assert inspect.getdoc(member), f"{name}.{method} has no docstring"
    else:
        hints = inspect.signature(thing)
        assert hints.return_annotation is not inspect.Signature.empty


def listed_modules() -> set[str]:
    """The modules that docs/python-api.md lists beside `sirstgen`."""
    page = (ROOT / "docs" / "python-api.md").read_text(encoding="utf-8")
    return set(re.findall(r"^\| `(sirstgen\.[\w.]+)` \|", page, re.MULTILINE))


def imports(text: str) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "sirstgen":
            yield from ((str(node.module), alias.name) for alias in node.names)


def test_pages_and_examples_import_from_listed_modules_only() -> None:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    texts = {page.name: "\n".join(blocks(page, "python")) for page in pages}
    texts |= {example.name: example.read_text(encoding="utf-8") for example in (ROOT / "examples").glob("*.py")}
    used = {(name, *found) for name, text in texts.items() for found in imports(text)}
    assert len(used) > 30
    allowed = listed_modules()
    assert [use for use in used if use[1] not in ("sirstgen", *allowed)] == []
    # What the top level has is not imported from elsewhere.
    assert [use for use in used if use[1] != "sirstgen" and use[2] in NAMES] == []


@pytest.mark.parametrize("module", sorted(listed_modules()))
def test_listed_modules_are_there_and_say_what_they_are(module: str) -> None:
    assert import_module(module).__doc__


def test_unknown_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Recipes'"):
        _ = sirstgen.Recipes  # type: ignore[attr-defined]


def test_importing_the_package_imports_nothing_else() -> None:
    code = "import sys; import sirstgen; print(*sys.modules)"
    found = set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())
    assert not found & {"numpy", "cv2", "pydantic", "yaml", "PIL", "torch", "typer"}
    assert {name for name in found if name.startswith("sirstgen")} == {"sirstgen"}
