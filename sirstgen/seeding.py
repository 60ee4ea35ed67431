"""Random streams keyed by what they are for, so that adding a draw disturbs no other."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.random.bit_generator import ISeedSequence
from numpy.typing import DTypeLike, NDArray


class _Digest(ISeedSequence):
    """The 256 bits that a generator starts from; a hash needs no further mixing."""

    def __init__(self, digest: bytes) -> None:
        self._words = np.frombuffer(digest, dtype="<u8")

    def generate_state(self, n_words: int, dtype: DTypeLike = np.uint64) -> NDArray[np.uint64]:
        return self._words[:n_words]


def stream(seed: int, *keys: int | str) -> np.random.Generator:
    """A random generator that depends on `seed` and `keys` and on nothing else.

    ``stream(7, 41, "placement")`` gives the same numbers in any process, in any order, on any machine. There is no
    global random state anywhere in sirstgen; every draw comes from a stream made here.

    Args:
        seed: non-negative whole number; 0 is as good as any.
        *keys: what the stream is for, most general first (image index, purpose, attempt).
    """
    text = repr([int(seed), *(key if isinstance(key, str) else int(key) for key in keys)])
    digest = hashlib.blake2b(text.encode(), digest_size=32).digest()
    return np.random.Generator(np.random.PCG64(_Digest(digest)))  # type: ignore[arg-type]  # as documented by numpy


def draw_seed() -> int:
    """A fresh seed from the operating system, for runs that were given none; 32 bits, so that it is easy to retype."""
    return int(np.random.SeedSequence().generate_state(1)[0])
