"""`parse_json` rejects integers that are too large to compute with, and keys that stand twice in one object."""

from __future__ import annotations

import json

import pytest

from sirstgen.errors import InputError
from sirstgen.files.input_files import RepeatedKeyError, loaded_json, parse_json


@pytest.mark.parametrize(
    "text", ["[1, -2.5, 18446744073709551615]", '{"a": 0.1234567890123456789012345}', '["123456789012345678901234"]']
)
def test_json_is_read_as_json_does(text: str) -> None:
    assert parse_json(text) == parse_json(text.encode()) == loaded_json(text.encode(), "a.json") == json.loads(text)


@pytest.mark.parametrize("text", ["1" * 400, f'{{"center": [{"9" * 21}, 1]}}', "[-1" + "0" * 30 + "]"])
def test_numbers_without_end_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"a number of \d+ digits"):
        parse_json(text)
    assert loaded_json(text.encode(), "a.json") is None


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('{"a": 1, "a": 1}', ""),
        ('{\n "a": 1,\n "b": {"c": 2},\n "a" : 3\n}\n', ", line 4"),
        ('[{"x": {"a": 1, "b": 2, "a": 3}}]', ""),
        ('{"b": {"a": 1},\n "a": 1,\n "a": 2}', ""),  # three places: which one is meant is not known
    ],
)
def test_a_key_that_stands_twice_is_named(text: str, where: str) -> None:
    with pytest.raises(RepeatedKeyError) as found:
        parse_json(text)
    assert str(found.value) == f"the key 'a' is given twice{where}; keep one of them"
    with pytest.raises(InputError, match=r"^set/a\.json: the key 'a' is given twice"):
        loaded_json(text.encode(), "set/a.json")
