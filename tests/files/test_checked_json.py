"""Tests of JSON objects that hold their own checksum."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sirstgen.files.checked_json import checked_text, parse_checked

_VALUES = st.dictionaries(st.text(), st.none() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.text())


@given(_VALUES.filter(lambda values: "sha256" not in values))
def test_what_is_written_is_read_back(values: dict[str, object]) -> None:
    assert parse_checked(checked_text(values)) == values


@given(st.data())
def test_a_changed_character_is_seen(data: st.DataObject) -> None:
    text = checked_text({"steps": 120, "iou": 0.25, "name": "a"})
    place = data.draw(st.integers(0, len(text) - 2))
    other = data.draw(st.characters(codec="utf-8").filter(lambda character: character not in (text[place], " ")))
    changed = parse_checked(text[:place] + other + text[place + 1 :])
    assert changed is None or changed == {"steps": 120, "iou": 0.25, "name": "a"}
