from __future__ import annotations

from pathlib import Path

import pytest

from sirstgen.recipe.__main__ import DEFAULT_FILE, PAGES, renewed
from sirstgen.recipe.recipe import Recipe


def test_the_default_file_and_the_tables_are_current() -> None:
    """``python -m sirstgen.recipe`` renews them."""
    assert DEFAULT_FILE.read_text(encoding="utf-8") == Recipe().to_yaml()
    for name in PAGES:  # of the checkout that holds this test; an installed package has no docs
        page = (Path(__file__).parents[2] / "docs" / f"{name}.md").read_text(encoding="utf-8")
        assert renewed(name, page) == page


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(),
        Recipe(scr={"normal": {"mean": 4, "sd": 1}, "limits": [2, 8]}, targets_per_image={0: 1, 3: 2}),
        Recipe(contrast={"level": [20, 30]}, scenes={"ödland: 1": {"kinds": {"point": 1}, "reason": "a: b # c\n'd'"}}),
    ],
    ids=["default", "numbers", "names"],
)
def test_text_reads_back_to_the_same_recipe(recipe: Recipe, tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(recipe.to_yaml(), encoding="utf-8")
    assert Recipe.load(tmp_path / "recipe.yaml") == recipe


def test_every_entry_has_a_comment_and_lines_are_short() -> None:
    lines = Recipe().to_yaml().splitlines()
    assert max(map(len, lines)) <= 120
    assert any(line.startswith("scr: [3, 4, 5, 6]") and "Eq. 10" in line for line in lines)
