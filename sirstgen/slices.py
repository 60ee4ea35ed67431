"""A part of a sequence whose items are made or read when they are asked for: what ``generator[3:7]`` gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar, overload

T = TypeVar("T")


class Slice(Sequence[T], Generic[T]):
    """Some items of a sequence, in the order of their places; each is made anew whenever it is asked for.

    Args:
        item: returns the item at a place of the whole sequence.
        places: of the items in the whole sequence.
    """

    def __init__(self, item: Callable[[int], T], places: range) -> None:
        self._item = item
        self._places = places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Slice[T]: ...
    def __getitem__(self, index: int | slice) -> T | Slice[T]:
        if isinstance(index, slice):
            return Slice(self._item, self._places[index])
        return self._item(self._places[index])

    def __repr__(self) -> str:
        places = self._places
        step = "" if places.step == 1 else f", every {places.step}"
        return f"Slice({len(self)} items from {places.start}{step})"
