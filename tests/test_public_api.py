from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import sirstgen

NAMES = [name for name in sirstgen.__all__ if not name.startswith("__")]


def test_the_public_names_are_these() -> None:
    """Taking one away breaks somebody's script; adding one is a promise."""
    assert sirstgen.__all__ == sorted(sirstgen.__all__)
    assert {
        "Generator",
        "ImagePlan",
        "Recipe",
        "Sample",
        "TargetPlan",
        "open_backgrounds",
        "render",
        "write_dataset",
    } <= set(sirstgen.__all__)
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


def test_unknown_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Recipes'"):
        _ = sirstgen.Recipes  # type: ignore[attr-defined]


def test_importing_the_package_imports_nothing_else() -> None:
    code = "import sys; import sirstgen; print(*sys.modules)"
    found = set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())
    assert not found & {"numpy", "cv2", "pydantic", "yaml", "PIL", "torch", "typer"}
    assert {name for name in found if name.startswith("sirstgen")} == {"sirstgen"}
