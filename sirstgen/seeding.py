"""Random streams keyed by what they are for, so that adding a draw disturbs no other."""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain, count, repeat
from operator import mul

import numpy as np
from numpy.random.bit_generator import ISeedSequence
from numpy.typing import DTypeLike, NDArray


class _Digest(ISeedSequence):
    """The 256 bits that a generator starts from; a hash needs no further mixing."""

    def __init__(self, digest: bytes) -> None:
        self._words = np.frombuffer(digest, dtype="<u8")

    def generate_state(self, n_words: int, dtype: DTypeLike = np.uint64) -> NDArray[np.uint64]:
        return self._words[:n_words]


_sixteen = struct.Struct("<16I").unpack
_LEAST = repeat(2.0**-32)


class Draws:
    """Single random numbers that depend on a seed and keys and on nothing else; made in 2 microseconds.

    For the handful of numbers that most purposes need; `stream` is for arrays. The numbers are the 64-byte BLAKE2b
    digests of the keys and a block number, 16 to a block.

    Attributes:
        random: returns the next number, uniform in [0, 1), a multiple of 2^-32.

    Args:
        seed: non-negative int.
        *keys: what the numbers are for, most general first (image index, purpose, attempt); each an int or a str of
            Python: a NumPy number gives other numbers.
    """

    __slots__ = ("random",)

    random: Callable[[], float]

    def __init__(self, seed: int, *keys: int | str) -> None:
        self.random = chain.from_iterable(map(partial(_block, repr((seed, *keys)).encode()), count())).__next__

    def standard_normal(self) -> float:
        """Return a normal number of mean 0 and deviation 1 (Box and Muller)."""
        radius = math.sqrt(-2 * math.log(1 - self.random()))
        return radius * math.cos(2 * math.pi * self.random())

    def integers(self, high: int) -> int:
        """Return a whole number from 0 to `high` - 1."""
        return int(self.random() * high)


def _block(key: bytes, number: int) -> Iterator[float]:
    digest = hashlib.blake2b(key, digest_size=64, salt=number.to_bytes(8, "little")).digest()
    return map(mul, _sixteen(digest), _LEAST)


def stream(seed: int, *keys: int | str) -> np.random.Generator:
    """Return a random generator that depends on `seed` and `keys` and on nothing else.

    ``stream(7, 41, "placement")`` gives the same numbers in any process, in any order, on any machine. There is no
    global random state anywhere in sirstgen; every draw comes from a stream made here.

    Args:
        seed: non-negative whole number.
        *keys: what the stream is for, most general first (image index, purpose, attempt).
    """
    text = repr([int(seed), *(key if isinstance(key, str) else int(key) for key in keys)])
    digest = hashlib.blake2b(text.encode(), digest_size=32).digest()
    return np.random.Generator(np.random.PCG64(_Digest(digest)))  # type: ignore[arg-type]  # as documented by numpy


def draw_seed() -> int:
    """Return a fresh seed from the operating system, for runs that were given none.

    32 bits, so that it is easy to retype.
    """
    return int(np.random.SeedSequence().generate_state(1)[0])
