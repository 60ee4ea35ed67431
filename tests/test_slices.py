from __future__ import annotations

import pytest

from sirstgen.slices import Slice


def test_a_slice_is_a_sequence_of_items_made_when_asked_for() -> None:
    made: list[int] = []

    def item(place: int) -> str:
        made.append(place)
        return f"item {place}"

    part = Slice(item, range(3, 9))
    assert len(part) == 6
    assert made == []
    assert part[0] == "item 3"
    assert part[-1] == "item 8"
    assert list(part[1::2]) == ["item 4", "item 6", "item 8"]
    assert made == [3, 8, 4, 6, 8]
    assert repr(part[1::2]) == "Slice(3 items from 4, every 2)"
    with pytest.raises(IndexError):
        part[6]
