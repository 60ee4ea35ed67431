"""Random streams keyed by what they are for, so that adding a draw disturbs no other."""

from __future__ import annotations

import hashlib

import numpy as np


def stream(seed: int, *keys: int | str) -> np.random.Generator:
    """A random generator that depends on `seed` and `keys` and on nothing else.

    ``stream(7, 41, "placement")`` gives the same numbers in any process, in any order, on any machine. There is no
    global random state anywhere in sirstgen; every draw comes from a stream made here.

    Args:
        seed: non-negative whole number; 0 is as good as any.
        *keys: what the stream is for, most general first (image index, purpose, attempt).
    """
    text = "/".join([str(int(seed)), *(f"{type(key).__name__[0]}{key}" for key in keys)])
    key = np.frombuffer(hashlib.blake2b(text.encode(), digest_size=16).digest(), dtype="<u8")
    return np.random.Generator(np.random.Philox(key=key))


def draw_seed() -> int:
    """A fresh seed from the operating system, for runs that were given none; 32 bits, so that it is easy to retype."""
    return int(np.random.SeedSequence().generate_state(1)[0])
