"""The same bytes with the features of the processor switched off: what another processor would draw."""

from __future__ import annotations

from pathlib import Path

import pytest
from making.processors import SETS, difference, without_features, write_set


@pytest.mark.slow
@pytest.mark.parametrize("name", list(SETS))
def test_bytes_do_not_depend_on_the_processor(tmp_path: Path, name: str) -> None:
    here = write_set(tmp_path / "here" / "set", name, {})
    there = write_set(tmp_path / "there" / "set", name, without_features())
    found = difference(here, there)
    assert (found.images, found.lines) == (0, 0), found
    for path in sorted(here.glob("*/*.png")):
        assert path.read_bytes() == (there / path.relative_to(here)).read_bytes(), path.name
