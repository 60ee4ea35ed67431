"""`parse_json` rejects integers that are too large to compute with."""

from __future__ import annotations

import json

import pytest

from sirstgen.files.input_files import loaded_json, parse_json


@pytest.mark.parametrize(
    "text", ["[1, -2.5, 18446744073709551615]", '{"a": 0.1234567890123456789012345}', '["123456789012345678901234"]']
)
def test_json_is_read_as_json_does(text: str) -> None:
    assert parse_json(text) == parse_json(text.encode()) == loaded_json(text.encode()) == json.loads(text)


@pytest.mark.parametrize("text", ["1" * 400, f'{{"center": [{"9" * 21}, 1]}}', "[-1" + "0" * 30 + "]"])
def test_numbers_without_end_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"a number of \d+ digits"):
        parse_json(text)
    assert loaded_json(text.encode()) is None
