"""Copies of a frame among many: candidates found by what was kept of each, then compared pixel by pixel."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.audit.likeness import TURNS, Likeness, as_levels, band, turned
from sirstgen.files.images import Gray

SAME, SIMILAR = "same", "similar"
"""One frame stored twice, whatever was done to the file; two views of one scene."""

_CERTAIN = 2.0  # score of equal pixels; all others are 1 or less
_CANDIDATE = 0.85  # correlation of thumbnails
_ALIKE = 0.9  # correlation of structure that makes two frames views of one scene
_EQUAL = 0.9  # correlation of the finest detail, which is noise between two exposures, and lost in JPEG files
_EQUAL_STRUCTURE = 0.98  # correlation of structure that no two exposures have
_BITS = 8  # of 64 that may differ between two signatures
_VOTES = 5  # anchors that agree on one place
_NEAR = 3  # pixels
_CROWD = 200  # signatures equal in a band beyond which the band is not used
_LEAST_OVERLAP = 0.2  # share of the smaller image
_EACH = 3  # candidates that are compared for each frame and group
_ONES = np.unpackbits(np.arange(256, dtype=np.uint8)[:, np.newaxis], axis=1).sum(axis=1, dtype=np.uint8)  # bits set


@dataclass(frozen=True, slots=True)
class Pair:
    """Two frames that may be copies.

    Args:
        first, second: their numbers.
        turn: number in `TURNS`: what the second must undergo to match the first.
        shift: (dx, dy) from the turned second to the first, pixels of both at their own scale; None where the whole
            frames are compared.
        score: larger is likelier.
    """

    first: int
    second: int
    turn: int
    shift: tuple[int, int] | None
    score: float

    @property
    def certain(self) -> bool:
        """Whether all pixels are equal."""
        return self.score == _CERTAIN


def candidates(frames: Sequence[Likeness], groups: Sequence[int], across: bool = False) -> list[Pair]:
    """Return pairs of frames to compare, at most a few for each frame and group.

    Args:
        frames: what was kept of each.
        groups: part or set of each frame; a frame's likeliest partners are taken from every group.
        across: pairs of two groups only.
    """
    best: dict[tuple[int, int], Pair] = {}
    for pair in (*_equal(frames), *_whole(frames), *_cropped(frames)):
        key = pair.first, pair.second
        if key not in best or pair.score > best[key].score:
            best[key] = pair
    taken: dict[tuple[int, int], int] = defaultdict(int)
    kept = []
    for pair in sorted(best.values(), key=lambda pair: (-pair.score, pair.first, pair.second)):
        mine, other = groups[pair.first], groups[pair.second]
        if across and mine == other:
            continue
        slots = (pair.first, other), (pair.second, mine)
        if pair.certain or any(taken[slot] < _EACH for slot in slots):
            kept.append(pair)
            for slot in slots:
                taken[slot] += 1
    return kept


def _equal(frames: Sequence[Likeness]) -> Iterator[Pair]:
    """Yield the frames of equal pixels, turned or not; each with the first of them."""
    first: dict[str, int] = {}
    for number, frame in enumerate(frames):
        known = next((turn for turn, digest in enumerate(frame.digests) if digest in first), None)
        if known is None:
            first[frame.digests[0]] = number
        else:
            yield Pair(first[frame.digests[known]], number, known, None, _CERTAIN)


def _whole(frames: Sequence[Likeness]) -> Iterator[Pair]:
    """Yield the frames whose thumbnails correlate, turned or mirrored."""
    places = [number for number, frame in enumerate(frames) if frame.small is not None]
    if len(places) < 2:
        return
    codes = np.stack([frame.small for frame in frames if frame.small is not None]).astype(np.float32)
    codes -= codes.mean(axis=(1, 2), keepdims=True)
    codes /= np.linalg.norm(codes, axis=(1, 2), keepdims=True)
    flat = codes.reshape(len(codes), -1)
    for turn in range(len(TURNS)):
        other = np.ascontiguousarray(turned(codes, turn)).reshape(len(codes), -1)
        for start in range(0, len(codes), 512):
            likeness = flat[start : start + 512] @ other.T
            for row, column in np.argwhere(likeness > _CANDIDATE).tolist():
                if start + row < column:
                    score = float(likeness[row, column])
                    yield Pair(places[start + row], places[column], turn, None, min(score, 1.0))


def _cropped(frames: Sequence[Likeness]) -> Iterator[Pair]:
    """Yield the frames of which several anchors have like surroundings at one distance."""
    owners = np.repeat(np.arange(len(frames)), [len(frame.points) for frame in frames])
    if not len(owners):
        return
    points = np.concatenate([frame.points for frame in frames])
    signatures = np.concatenate([frame.signatures for frame in frames])
    base = _packed(signatures)
    sizes = np.array([(frame.shape[1], frame.shape[0]) for frame in frames]) * np.array(
        [[frame.scale] for frame in frames]
    )
    for turn in range(len(TURNS)):
        other = _packed(np.ascontiguousarray(turned(signatures, turn)))
        votes: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
        moved = _turned_points(points, sizes[owners], turn)
        for left, right in _alike(base, other):
            mine, theirs = int(owners[left]), int(owners[right])
            if mine < theirs:
                shift = points[left] - moved[right]
                votes[mine, theirs].append((int(shift[0]), int(shift[1])))
        for (mine, theirs), shifts in votes.items():
            if len(shifts) >= _VOTES:
                shift, count = _agreed(shifts)
                if count >= _VOTES:
                    yield Pair(mine, theirs, turn, shift, min(0.5 + count / 100, 0.95))


def _turned_points(points: NDArray[np.int32], sizes: NDArray[np.float64], turn: int) -> NDArray[np.int32]:
    """Return where points (x, y) of images of `sizes` are after they were turned."""
    placed, limits = points.copy(), np.rint(sizes).astype(np.int32)
    if turn >= 4:
        placed, limits = placed[:, ::-1].copy(), limits[:, ::-1]
    if turn % 4 in (1, 2):
        placed[:, 0] = limits[:, 0] - 1 - placed[:, 0]
    if turn % 4 in (2, 3):
        placed[:, 1] = limits[:, 1] - 1 - placed[:, 1]
    return placed


def _packed(signatures: NDArray[np.bool_]) -> NDArray[np.uint64]:
    bits = np.packbits(signatures.reshape(len(signatures), -1), axis=1)
    return np.ascontiguousarray(bits).view(np.uint64).ravel()


def _alike(base: NDArray[np.uint64], other: NDArray[np.uint64]) -> Iterator[tuple[int, int]]:
    """Yield the numbers of signatures that differ in few bits: one of four bands of 16 bits is equal, then all are
    counted.
    """
    seen: set[int] = set()
    for shift in (0, 16, 32, 48):
        left = ((base >> np.uint64(shift)) & np.uint64(0xFFFF)).astype(np.int64)
        right = ((other >> np.uint64(shift)) & np.uint64(0xFFFF)).astype(np.int64)
        order = np.argsort(right, kind="stable")
        starts = np.searchsorted(right[order], left, side="left")
        ends = np.searchsorted(right[order], left, side="right")
        sizes = np.where(ends - starts <= _CROWD, ends - starts, 0)
        rows = np.repeat(np.arange(len(base)), sizes)
        within = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        columns = order[np.repeat(starts, sizes) + within]
        close = _ONES[(base[rows] ^ other[columns]).view(np.uint8)].reshape(-1, 8).sum(axis=1) <= _BITS
        for row, column in zip(rows[close].tolist(), columns[close].tolist(), strict=True):
            key = row * len(other) + column
            if key not in seen:
                seen.add(key)
                yield row, column


def _agreed(shifts: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], int]:
    """Return the shift that most others are near to, and how many are."""
    places = np.array(shifts)
    near = np.abs(places[:, np.newaxis] - places[np.newaxis]).max(axis=2) <= _NEAR
    best = int(np.argmax(near.sum(axis=1)))
    x, y = np.rint(np.median(places[near[best]], axis=0)).astype(int).tolist()
    return (x, y), int(near[best].sum())


def compare(first: Gray, second: Gray, pair: Pair, scales: tuple[float, float]) -> str | None:
    """Return `SAME`, `SIMILAR` or None for a candidate, from the pixels of both.

    Args:
        first, second: (H, W) uint8 or uint16, as stored.
        pair: the candidate.
        scales: of both, as in `Likeness`.
    """
    if pair.certain:
        return SAME
    one = as_levels(first, scales[0])
    other = np.ascontiguousarray(turned(as_levels(second, scales[1]), pair.turn)).astype(np.float32)
    if pair.shift is None:
        height, width = min(one.shape[0], other.shape[0]), min(one.shape[1], other.shape[1])
        one, other = (_resized(levels, width, height) for levels in (one, other))
    else:
        one, other = _overlap(one, other, pair.shift)
        if one.size < _LEAST_OVERLAP * min(first.size * scales[0] ** 2, second.size * scales[1] ** 2):
            return None
    if min(one.shape) < 16:
        return None
    structure = _correlation(band(one, 1.0, 8.0), band(other, 1.0, 8.0))
    if structure < _ALIKE:
        return None
    fine = _correlation(one - cv2.GaussianBlur(one, (0, 0), 1.2), other - cv2.GaussianBlur(other, (0, 0), 1.2))
    return SAME if fine > _EQUAL or structure > _EQUAL_STRUCTURE else SIMILAR


def _resized(levels: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    if levels.shape == (height, width):
        return levels
    return np.asarray(cv2.resize(levels, (width, height), interpolation=cv2.INTER_AREA), np.float32)


def _overlap(
    one: NDArray[np.float32], other: NDArray[np.float32], shift: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the parts of two images that show the same, the second moved by `shift` onto the first."""
    dx, dy = shift
    x0, y0 = max(dx, 0), max(dy, 0)
    x1, y1 = min(dx + other.shape[1], one.shape[1]), min(dy + other.shape[0], one.shape[0])
    if x1 <= x0 or y1 <= y0:
        return one[:0], other[:0]
    return one[y0:y1, x0:x1], other[y0 - dy : y1 - dy, x0 - dx : x1 - dx]


def _correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Return the correlation of two band-passed images, to which targets and edges contribute no more than texture."""
    first, second = _even(one), _even(other)
    size = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float((first * second).sum()) / size if size > 0 else 0.0


def _even(detail: NDArray[np.float32]) -> NDArray[np.float32]:
    centred = detail - np.median(detail)
    limit = 3 * max(1.4826 * float(np.median(np.abs(centred))), 0.25)
    clipped = np.clip(centred, -limit, limit)
    return np.asarray(clipped - clipped.mean(), np.float32)
