from __future__ import annotations

import io
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from sirstgen.datasets.masks import ReadMask, decode_mask, fit_mask, numbers_regions
from sirstgen.errors import InputError

MASK = np.zeros((20, 30), np.uint8)
MASK[4:7, 9:12] = 255
MASK[12, 20] = 255
TRUTH = MASK > 0


def png(pixels: NDArray[Any], **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", **options)
    return buffer.getvalue()


def palette(indices: NDArray[np.uint8], *colours: int) -> bytes:
    picture = Image.fromarray(indices, mode="P")
    picture.putpalette(colours)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def colour(background: tuple[int, int, int], *targets: tuple[int, int, int]) -> NDArray[np.uint8]:
    pixels = np.full((*MASK.shape, 3), background, np.uint8)
    pixels[4:7, 9:12] = targets[0]
    pixels[12, 20] = targets[-1]
    return pixels


def with_value(value: int) -> NDArray[np.uint8]:
    pixels = MASK.copy()
    pixels[0, 0] = value
    return pixels


SOFT = MASK.copy()
SOFT[3, 9:12] = SOFT[7, 9:12] = 64

EXACT = {
    "0 and 255": png(MASK),
    "0 and 1": png(MASK // 255),
    "0 and 38": png(MASK // 255 * 38),
    "any two values": png(np.where(TRUTH, 200, 30).astype(np.uint8)),
    "1 bit": png(TRUTH),
    "16 bit": cv2.imencode(".png", TRUTH.astype(np.uint16) * 65535)[1].tobytes(),
    "16 bit, 0 and 1": cv2.imencode(".png", TRUTH.astype(np.uint16))[1].tobytes(),
    "RGB copy": png(np.repeat(MASK[..., None], 3, axis=2)),
    "palette, white first": palette((MASK == 0).astype(np.uint8), 255, 255, 255, 0, 0, 0),
    "labelme palette": palette(MASK // 255, 0, 0, 0, 128, 0, 0),
    "palette without black": palette(MASK // 255, 40, 20, 20, 128, 0, 0),
    "palette, black last": palette((MASK == 0).astype(np.uint8), 128, 0, 0, 0, 0, 0),
    "CVAT colours": png(colour((0, 0, 0), (250, 50, 83), (50, 183, 250))),
    "colours on white": png(colour((255, 255, 255), (250, 50, 83))),
    "instance numbers": png(np.where(TRUTH, np.where(np.arange(20)[:, None] > 9, 2, 1), 0).astype(np.uint8)),
    "transparent background": png(np.dstack([np.full((*MASK.shape, 3), 255, np.uint8), MASK])),
    "alpha alone, black": png(np.dstack([np.zeros((*MASK.shape, 3), np.uint8), MASK])),
    "alpha alone, red": png(np.dstack([np.full((*MASK.shape, 3), (255, 0, 0), np.uint8), MASK])),
    "gray with alpha": png(np.dstack([np.full_like(MASK, 255), MASK])),
    "gray, opaque": png(np.dstack([MASK, np.full_like(MASK, 255)])),
    "colours on transparent red": png(np.dstack([colour((255, 0, 0), (0, 90, 0), (0, 0, 90)), MASK])),
}


@pytest.mark.parametrize("kind", EXACT)
def test_masks_become_what_they_mean(kind: str) -> None:
    read = decode_mask(EXACT[kind], "mask.png")
    np.testing.assert_array_equal(read.mask, TRUTH)
    assert not read.note


@pytest.mark.parametrize(
    "pixels", [255 - MASK, np.full_like(MASK, 255), colour((255, 255, 255), (0, 0, 0)), np.where(TRUTH, 0, SOFT + 200)]
)
def test_masks_with_more_target_than_background_are_said(pixels: NDArray[np.uint8]) -> None:
    read = decode_mask(png(pixels.astype(np.uint8)), "mask.png")
    assert read.note.endswith("more target than background: inverted?")
    assert not decode_mask(png(MASK), "mask.png").note


@pytest.mark.parametrize("pixels", [SOFT, with_value(1), with_value(64), with_value(120)])
def test_stray_and_soft_values_are_decided_by_half_and_said(pixels: NDArray[np.uint8]) -> None:
    read = decode_mask(png(pixels), "mask.png")
    np.testing.assert_array_equal(read.mask, TRUTH)
    assert "more than two values" in read.note
    assert decode_mask(png(pixels), "mask.png", threshold=1).mask.sum() > TRUTH.sum()


@pytest.mark.parametrize(("step", "count", "kind"), [(85, 3, "u1"), (51, 5, "u1"), (1, 80, "u1"), (1000, 40, "u2")])
def test_levels_of_equal_steps_number_the_targets(step: int, count: int, kind: str) -> None:
    places = np.zeros((40, 80), int)
    places[::4, ::4].flat[:count] = np.arange(1, count + 1)
    numbers = (step * places).astype(kind)
    read = decode_mask(png(numbers), "mask.png")
    np.testing.assert_array_equal(read.mask, numbers > 0)
    assert not read.note
    numbers[1, 1] = 2 * step  # soft edges: two levels touch
    assert not numbers_regions(numbers)
    numbers[1, 1], numbers[3, 3] = 0, step * count - 1  # a level of its own
    assert not numbers_regions(numbers)


def test_jpeg_masks_are_read() -> None:
    big = np.kron(MASK, np.ones((8, 8), np.uint8))
    data = cv2.imencode(".jpg", big)[1].tobytes()
    np.testing.assert_array_equal(decode_mask(data, "mask.jpg").mask, big > 0)


def test_masks_of_one_value() -> None:
    assert not decode_mask(png(MASK * 0), "mask.png").mask.any()
    assert decode_mask(png(MASK * 0 + 255), "mask.png").mask.all()


def test_a_shrunk_mask_keeps_every_target() -> None:
    big = np.zeros((360, 480), bool)
    for number in range(30):
        y, x = 11 * number + 5, (37 * number) % 470 + 3
        big[y : y + 2, x : x + 2] = True
    read = fit_mask(ReadMask(big), (120, 160), "mask.png")
    assert cv2.connectedComponents(read.mask.view(np.uint8), connectivity=8)[0] - 1 == 30
    assert "480x360 for 160x120" in read.note
    assert "merged" not in read.note


@pytest.mark.parametrize("row", range(0, 257, 8))
def test_a_mask_a_row_higher_and_a_column_narrower_keeps_every_target(row: int) -> None:
    mask = np.zeros((257, 255), bool)
    mask[row : row + 8 : 2, np.arange(4) * 60 + 5] = np.eye(4, dtype=bool)[: len(range(row, min(row + 8, 257), 2))]
    read = fit_mask(ReadMask(mask), (256, 256), "mask.png")
    assert cv2.connectedComponents(read.mask.view(np.uint8), connectivity=8)[0] - 1 == mask.sum()


def test_merged_targets_are_counted() -> None:
    big = np.zeros((80, 80), bool)
    big[10, 10] = big[10, 12] = True
    assert "1 targets merged" in fit_mask(ReadMask(big), (20, 20), "mask.png").note


def test_another_aspect_ratio_is_an_error() -> None:
    with pytest.raises(InputError, match=r"mask\.png: the mask is 96x120, its image 160x120: another aspect ratio"):
        fit_mask(ReadMask(np.zeros((120, 96), bool)), (120, 160), "mask.png")
    assert fit_mask(ReadMask(TRUTH), (40, 60), "mask.png").mask.sum() == 4 * TRUTH.sum()
    assert fit_mask(ReadMask(np.ones((220, 325), bool)), (221, 325), "mask.png").mask.shape == (221, 325)


def bordered(value: int = 255) -> NDArray[np.uint8]:
    """MASK as classes 1 and 2, each within a border of `value`."""
    classes = np.where(TRUTH, np.where(np.arange(20)[:, None] > 9, 2, 1), 0).astype(np.uint8)
    grown = cv2.dilate(classes, np.ones((5, 5), np.uint8)) > 0
    return np.where((classes == 0) & grown, value, classes).astype(np.uint8)


VOC = [0] * 768
for number, shade in ((1, (128, 0, 0)), (2, (0, 128, 0)), (255, (224, 224, 192))):
    VOC[3 * number : 3 * number + 3] = shade
VOID = {
    "palette": palette(bordered(), *VOC),
    "palette, target cut off by the border of the file": palette(np.roll(bordered(), -4, axis=0), *VOC),
    "colours": png(np.array(VOC, np.uint8).reshape(-1, 3)[bordered()]),
    "gray": png(bordered()),
}


@pytest.mark.parametrize("kind", VOID)
def test_a_border_of_255_around_classes_is_no_target(kind: str) -> None:
    read = decode_mask(VOID[kind], "mask.png")
    truth = np.roll(TRUTH, -4, axis=0) if "cut off" in kind else TRUTH
    np.testing.assert_array_equal(read.mask, truth)
    assert "the border is taken as void" in read.note


def with_class(row: int, column: int) -> NDArray[np.uint8]:
    pixels = MASK.copy()
    pixels[row, column] = 1
    return pixels


@pytest.mark.parametrize(
    "pixels",
    [with_class(0, 0), with_class(3, 10), with_class(5, 10), bordered(254), np.where(TRUTH, 1, MASK.T.max(initial=0))],
    ids=[
        "stray beside nothing",
        "stray at the edge",
        "stray inside one of two targets",
        "border of 254",
        "no background",
    ],
)
def test_other_values_beside_255_are_told_as_before(pixels: NDArray[np.uint8]) -> None:
    read = decode_mask(png(pixels.astype(np.uint8)), "mask.png")
    if len(np.unique(pixels)) > 2:
        assert read.note.startswith("more than two values")
        np.testing.assert_array_equal(read.mask, pixels > 127)
    else:
        np.testing.assert_array_equal(read.mask, pixels == 255)
    assert not decode_mask(palette(np.where(TRUTH, 255, 0).astype(np.uint8), *VOC), "mask.png").note
