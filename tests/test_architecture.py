"""Reads the source and holds the house's rules: who may know whom, no global randomness, a quick start."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import numpy as np
import pytest

import sirstgen

PACKAGE = Path(sirstgen.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

FOUNDATION = {
    "__init__",
    "__main__",
    "assets",
    "checks",
    "errors",
    "files",
    "plan",
    "seeding",
    "slices",
    "stages",
    "terminal",
    "workers",
}
"""Single modules at the top, and the room of files, which any room may know; they know each other and no room."""

MAY_KNOW = {
    "cli": {
        "audit",
        "backgrounds",
        "bench",
        "comparison",
        "datasets",
        "detect",
        "detectors",
        "export",
        "figures",
        "fit",
        "mix",
        "pages",
        "preview",
        "recipe",
        "review",
        "scenes",
        "stats",
        "storage",
        "synthesis",
        "train_check",
        "training",
        "verification",
    },
    # One room a command.
    "audit": {"backgrounds", "datasets", "measure", "pages", "storage", "verification"},
    "bench": {"datasets", "detect", "detectors", "evaluation", "measure", "pages", "preview", "training"},
    "comparison": {"backgrounds", "datasets", "measure", "pages"},
    "detect": {"detectors", "measure", "training"},
    "export": {"backgrounds", "datasets", "measure", "storage"},
    "figures": {"bench", "datasets", "detectors", "measure", "pages"},
    "fit": {"backgrounds", "comparison", "datasets", "measure", "places", "recipe", "scenes", "synthesis"},
    "mix": {"datasets", "recipe", "storage", "synthesis"},
    "preview": {"datasets", "measure", "pages", "synthesis"},
    "review": {"datasets", "measure", "pages", "preview", "storage", "synthesis"},
    "stats": {"datasets", "measure", "pages", "preview"},
    "train_check": {"datasets", "detectors", "evaluation", "mix", "pages", "training"},
    "verification": {"datasets", "measure", "storage", "synthesis"},
    # What the commands are built of.
    "training": {"datasets", "detectors", "evaluation", "synthesis"},
    "storage": {"datasets", "recipe", "synthesis"},
    "synthesis": {"backgrounds", "measure", "pages", "places", "recipe"},
    "backgrounds": {"datasets", "measure", "pages", "places", "scenes"},
    "evaluation": {"measure"},
    "datasets": {"measure"},
    "recipe": set(),
    "places": {"scenes"},
    "scenes": set(),
    "detectors": set(),
    "measure": set(),
    "pages": set(),
}
"""Which rooms a room may know. The order has no circle; `test_rooms_have_no_circle` holds it."""

ONLY = {
    ("backgrounds", "scenes"): {"sirstgen.scenes.labels", "sirstgen.scenes.classify"},
    ("places", "scenes"): {"sirstgen.scenes.backbone", "sirstgen.scenes.classify", "sirstgen.scenes.preparation"},
    ("synthesis", "places"): {"sirstgen.places.classes"},
    ("backgrounds", "datasets"): {"sirstgen.datasets.readers"},  # harvesting reads labelled frames
    ("evaluation", "measure"): {"sirstgen.measure.components"},
    ("detectors", ""): {"sirstgen.errors"},
    ("evaluation", ""): {"sirstgen.errors", "sirstgen.seeding"},
}
"""Where knowing a room means some of its modules; "" stands for the foundation."""

HEAVY = {"torch", "torchvision", "matplotlib", "scipy", "sklearn", "safetensors"}
"""Libraries that are imported where they are used."""

HEAVY_ROOMS = {"detect", "detectors", "places", "scenes", "training"}
LIGHT_IN_HEAVY_ROOMS = {
    "scenes/__init__.py",
    "scenes/labels.py",
    "places/__init__.py",
    "places/classes.py",
    "detectors/classical/__init__.py",
}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def imported(nodes: list[ast.stmt] | Iterator[ast.AST]) -> Iterator[str]:
    """Full names of the modules that these nodes import."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module is not None
            if node.module == "sirstgen":
                yield from (f"sirstgen.{alias.name}" for alias in node.names)
            else:
                yield node.module


def at_start(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements that run when a module is imported; what stands under TYPE_CHECKING does not."""
    for node in body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            yield from at_start(node.orelse)
        elif isinstance(node, ast.If | ast.Try | ast.With):
            yield from at_start(node.body)
        else:
            yield node


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_everyone_knows_only_whom_they_may(path: Path) -> None:
    room = path.relative_to(PACKAGE).with_suffix("").parts[0]
    if room in ("__init__", "__main__"):
        return
    for module in imported(ast.walk(tree(path))):
        if not module.startswith("sirstgen.") or module == "sirstgen.__version__":
            continue
        other = module.split(".")[1]
        if other == room:
            continue
        if other in FOUNDATION:
            allowed = ONLY.get((room, ""), {module})
        else:
            assert room not in FOUNDATION, f"the foundation must know no room, {path.name} imports {module}"
            assert other in MAY_KNOW[room], f"{room} must not know {other}"
            allowed = ONLY.get((room, other), {module})
        assert module in allowed, f"{room} may know {', '.join(sorted(allowed))} of it, not {module}"


def test_every_room_is_in_the_table() -> None:
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert rooms == set(MAY_KNOW) | {"files"}
    assert {path.stem for path in PACKAGE.glob("*.py")} | {"files"} == FOUNDATION


def test_rooms_have_no_circle() -> None:
    TopologicalSorter(MAY_KNOW).prepare()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_heavy_libraries_wait_until_they_are_used(path: Path) -> None:
    name = name_of(path)
    room = name.split("/")[0]
    if room in HEAVY_ROOMS and name not in LIGHT_IN_HEAVY_ROOMS:
        return
    found = {module.split(".")[0] for module in imported(at_start(tree(path).body))}
    assert not found & HEAVY


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_there_is_no_global_randomness(path: Path) -> None:
    harmless = {"Generator", "PCG64", "SeedSequence", "bit_generator", "BitGenerator"}
    assert not {"random", "secrets"} & set(imported(ast.walk(tree(path)))) or path.name == "server.py"
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("np.random", "numpy.random"):
            assert node.attr in harmless, f"line {node.lineno}: np.random.{node.attr}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_clock_runs_where_bytes_are_decided(path: Path) -> None:
    if path.relative_to(PACKAGE).parts[0] in ("storage", "synthesis", "backgrounds", "recipe", "plan.py"):
        assert not {"time", "datetime", "socket", "getpass"} & set(imported(ast.walk(tree(path))))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_is_one_idea(path: Path) -> None:
    assert ast.get_docstring(tree(path)) or path.stat().st_size == 0, "a module says what it is for"
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 340
    assert "utils" not in path.stem


def test_drawing_leaves_the_global_generators_alone(small_generator: sirstgen.Generator) -> None:
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    small_generator[0]
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
