"""Changes of a file's bytes that people and disks make: flips, cuts, insertions, swapped values of texts and JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np

Rng = np.random.Generator

ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 10**30, -(10**30), 0.5, -0.0, 1e-300, 1e300),
    *("", "x", "nan", "../../x", "\u0000", "\ud83d\ude00", "a" * 5000, [], {}, [[]], [None], {"a": {}}, [1, "2", None]),
    *(float("nan"), float("inf"), -float("inf")),
)
ODD_TEXTS = (
    *(
        "",
        " ",
        "\t",
        "\r",
        "\ufeff",
        "null",
        "true",
        "nan",
        ".inf",
        "-1",
        "1e999",
        "9" * 400,
        "!!python/object:os.system x",
    ),
    *(
        "&a [*a, *a]",
        "[" * 3000,
        "{" * 3000,
        "a: " * 500,
        "'",
        '"',
        "\\u0000",
        "\x00",
        "\x1b[31m",
        "x" * 20000,
        "~",
        "-",
        "%",
    ),
)


def flip_bits(data: bytes, rng: Rng) -> bytes:
    """Flip 1 to 20 bits."""
    if not data:
        return data
    changed = bytearray(data)
    for place in rng.integers(0, len(data), int(rng.integers(1, 21))):
        changed[place] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def flip_head(data: bytes, rng: Rng) -> bytes:
    """Set 1 to 4 of the first 64 bytes to any value: sizes, depths, types."""
    changed = bytearray(data)
    for place in rng.integers(0, min(len(data), 64) or 1, int(rng.integers(1, 5))):
        if place < len(changed):
            changed[place] = int(rng.choice([0, 1, 2, 127, 128, 255, int(rng.integers(256))]))
    return bytes(changed)


def cut(data: bytes, rng: Rng) -> bytes:
    """Cut the end off."""
    return data[: int(rng.integers(0, len(data) + 1))]


def take_out(data: bytes, rng: Rng) -> bytes:
    """Take a part out."""
    start, stop = sorted(rng.integers(0, len(data) + 1, 2).tolist())
    return data[:start] + data[stop:]


def repeat(data: bytes, rng: Rng) -> bytes:
    """Put a part in again elsewhere."""
    start, stop = sorted(rng.integers(0, len(data) + 1, 2).tolist())
    place = int(rng.integers(0, len(data) + 1))
    return data[:place] + data[start:stop] * int(rng.integers(1, 4)) + data[place:]


def insert(data: bytes, rng: Rng) -> bytes:
    """Put random bytes in."""
    place = int(rng.integers(0, len(data) + 1))
    return data[:place] + rng.bytes(int(rng.integers(1, 64))) + data[place:]


def zeros(data: bytes, rng: Rng) -> bytes:
    """Set a part to zero, as a power cut leaves it."""
    start, stop = sorted(rng.integers(0, len(data) + 1, 2).tolist())
    return data[:start] + bytes(stop - start) + data[stop:]


def another_kind(data: bytes, rng: Rng) -> bytes:
    """Replace it by a file of another kind."""
    kinds = (
        b"",
        b"\x00",
        b"PK\x03\x04",
        b"\x89PNG\r\n\x1a\n",
        b"II*\x00\x08\x00\x00\x00",
        b"<html>",
        b"{}",
        b"[]",
        b"a,b\n",
    )
    return kinds[int(rng.integers(len(kinds)))]


def replace_number(data: bytes, rng: Rng) -> bytes:
    """Replace one number or word of a text by an odd one."""
    places = list(re.finditer(rb"-?\d+(?:\.\d+)?|[A-Za-z_]+", data[:200_000]))
    if not places:
        return insert(data, rng)
    place = places[int(rng.integers(len(places)))]
    odd = ODD_TEXTS[int(rng.integers(len(ODD_TEXTS)))].encode("utf-8", "surrogatepass")
    return data[: place.start()] + odd + data[place.end() :]


def swap_lines(data: bytes, rng: Rng) -> bytes:
    """Swap, repeat or drop lines."""
    lines = data.splitlines(keepends=True)
    if not lines:
        return data
    first, second = (int(number) for number in rng.integers(0, len(lines), 2))
    kind = int(rng.integers(3))
    if kind == 0:
        lines[first], lines[second] = lines[second], lines[first]
    elif kind == 1:
        lines.insert(first, lines[second])
    else:
        del lines[first]
    return b"".join(lines)


def change_json(data: bytes, rng: Rng) -> bytes:
    """Replace, drop or double one node of a JSON document, or of one line of JSON lines."""
    lines = [data] if data.lstrip().startswith(b"{\n") or data.count(b"\n") < 2 else data.splitlines()
    number = int(rng.integers(len(lines)))
    try:
        document = json.loads(lines[number])
    except (ValueError, RecursionError):  # a document that was nested too deep before
        return replace_number(data, rng)
    nodes: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            nodes.append((node, key))
            if isinstance(node[key], dict | list):
                walk(node[key])

    if isinstance(document, dict | list):
        walk(document)
    if nodes:
        node, key = nodes[int(rng.integers(len(nodes)))]
        kind = int(rng.integers(4))
        if kind == 0:
            del node[key]
        elif kind == 1 and isinstance(node, dict):
            node[f"{key}2"] = node.pop(key)
        else:
            node[key] = ODD_VALUES[int(rng.integers(len(ODD_VALUES)))]
    lines[number] = json.dumps(document).encode()
    return b"\n".join(lines) + b"\n"


Mutation = Callable[[bytes, Rng], bytes]
ANY: tuple[Mutation, ...] = (
    flip_bits,
    flip_bits,
    flip_head,
    flip_head,
    cut,
    take_out,
    repeat,
    insert,
    zeros,
    another_kind,
)
TEXT: tuple[Mutation, ...] = (
    *ANY,
    replace_number,
    replace_number,
    replace_number,
    replace_number,
    swap_lines,
    swap_lines,
)
JSON: tuple[Mutation, ...] = (*TEXT, *[change_json] * 10)


def mutate(name: str, data: bytes, rng: Rng) -> bytes:
    """Return the content of the file `name` after one to three changes that suit its kind."""
    suffix = name.rpartition(".")[2].lower()
    choices = JSON if suffix in ("json", "jsonl") else TEXT if suffix in _TEXTS or name == "SHA256SUMS" else ANY
    for _ in range(int(rng.integers(1, 4))):
        data = choices[int(rng.integers(len(choices)))](data, rng)
    return data


_TEXTS = ("txt", "csv", "yaml", "yml", "toml", "tsv", "md")
