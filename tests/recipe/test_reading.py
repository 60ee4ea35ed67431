from __future__ import annotations

from pathlib import Path

import pytest

from sirstgen.errors import InputError, InvalidValueError, SirstgenError
from sirstgen.recipe.reading import read_entries
from sirstgen.recipe.recipe import Recipe


def written(tmp_path: Path, text: str, name: str = "r.yaml") -> Path:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("r.yaml", "[" * 100_000, "r.yaml: not a YAML recipe"),
        ("r.yaml", "a: " + "{a: " * 30 + "1" + "}" * 30, "nested at most 16 deep"),
        ("r.toml", "a = " + "[" * 5000 + "]" * 5000, "r.toml: not a TOML recipe"),
        ("r.yaml", "a: &a [1,1,1,1,1,1,1,1,1]\n" + "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
         "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
         "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e]", "at most 100000 values"),
        ("r.yaml", "a: &a [*a]", "nested at most 16 deep"),
        ("r.yaml", f"width: {'9' * 5000}", "r.yaml"),
        ("r.toml", f"width = {'9' * 5000}", "r.toml"),
        ("r.yaml", f"width: 0x{'f' * 9000}", "width must be at most 8192"),
        ("r.yaml", f"scr: 0x{'f' * 9000}", "scr must be a number"),
        ("r.yaml", f"{'k' * 1000}: 1", "unknown key kkk"),
        ("r.toml", f"{'k' * 50_000} = 1", "unknown key kkk"),
        ("r.yaml", f"scr: {'k' * 50_000}", "scr must be a number, a list or a distribution"),
        ("r.yaml", f"bit_depth: {[1] * 9000}", "bit_depth must be 8 or 16, got a list of 9000"),
        ("r.yaml", "x" * (1 << 21), "too large for a recipe"),
        ("r.yaml", "scr: 3\nwidth: 64\nscr: 4", "key scr is given twice, line 1"),
        ("r.yaml", "scr: !!python/object/apply:os.getcwd []", "not a YAML recipe"),
        ("r.yaml", "? [1, 2]\n: 3", "unhashable key, line 1"),
        ("r.yaml", "1: 3", "keys of a recipe must be text"),
        ("r.yaml", "scr: 2026-01-01", "scr must be a number"),
    ],
    ids=lambda part: part[:30],
)  # fmt: skip
def test_a_file_that_is_no_recipe_is_one_short_line(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(SirstgenError, match=message) as error:
        Recipe.load(written(tmp_path, text, name))
    assert len(str(error.value)) < 300 + len(str(tmp_path))
    assert "\n" not in str(error.value)


def test_text_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_bytes(b"reason: \xff\xfe")
    with pytest.raises(InputError, match="not UTF-8 text"):
        Recipe.load(tmp_path / "r.yaml")


def test_a_byte_order_mark_and_exponents_are_read(tmp_path: Path) -> None:
    file = tmp_path / "r.yaml"
    file.write_bytes("\ufeffscr: 4e0\nquality: {min_contrast: 1.5e+1}\n".encode())
    assert Recipe.load(file) == Recipe(scr=4, quality={"min_contrast": 15})


def test_all_faults_are_counted_and_named() -> None:
    with pytest.raises(InvalidValueError) as error:
        Recipe(width=8, scr=[3, -1], quality={"borde": 3}, scenes={"sea": {"kinds": {"dot": 1}}})
    assert error.value.data["faults"] == 4
    assert str(error.value).startswith("unknown key borde (did you mean border?) (recipe: quality.borde); also wrong: ")
    assert all(place in str(error.value) for place in ("width", "scr[1]", "scenes.sea.kinds.dot"))


@pytest.mark.parametrize("number", ["0100", "12:30", "1:30.5"])
def test_numbers_in_base_8_and_60_are_refused(tmp_path: Path, number: str) -> None:
    (tmp_path / "recipe.yaml").write_text(f"width: {number}\n")
    with pytest.raises(InputError, match=f"{number} would be read in base 8 or 60; write a plain number, line 1"):
        read_entries(tmp_path / "recipe.yaml")


def test_a_recipe_of_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("width: 64\n", encoding="utf-16")
    assert read_entries(tmp_path / "recipe.yaml") == {"width": 64}
    with pytest.raises(InputError, match=r"cannot be read: Is a directory$"):
        read_entries(tmp_path)
