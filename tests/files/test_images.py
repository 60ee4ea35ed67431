from __future__ import annotations

import io
import os
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from making.tiff import tiff_bytes
from PIL import Image

from sirstgen.errors import InputError
from sirstgen.files.decoding import decode_levels, read_levels
from sirstgen.files.images import read_gray

RNG = np.random.default_rng(5)
GRAY = RNG.integers(0, 256, (24, 31), dtype=np.uint8)
GRAY16 = RNG.integers(0, 65536, (24, 31), dtype=np.uint16)
COLOUR = RNG.integers(0, 256, (24, 31, 3), dtype=np.uint8)


def save(tmp_path: Path, name: str, picture: Image.Image, **options: Any) -> Path:
    path = tmp_path / name
    picture.save(path, **options)
    return path


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.bmp"])
def test_gray_8_bit_is_read_exactly(tmp_path: Path, name: str) -> None:
    image = read_gray(save(tmp_path, name, Image.fromarray(GRAY)))
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, GRAY)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_gray_16_bit_is_read_exactly(tmp_path: Path, name: str) -> None:
    image = read_gray(save(tmp_path, name, Image.fromarray(GRAY16)))
    assert image.dtype == np.uint16
    np.testing.assert_array_equal(image, GRAY16)


def test_scrambled_palette_is_looked_up(tmp_path: Path) -> None:
    order = RNG.permutation(256)
    picture = Image.fromarray(np.argsort(order).astype(np.uint8)[GRAY])
    picture.putpalette(np.repeat(order, 3).astype(np.uint8).tobytes())
    path = save(tmp_path, "a.png", picture)
    assert Image.open(path).mode == "P"
    np.testing.assert_array_equal(read_gray(path), GRAY)


@pytest.mark.parametrize(("mode", "name"), [("RGB", "a.png"), ("RGBA", "a.png"), ("RGB", "a.bmp"), ("RGB", "a.tif")])
def test_colour_is_luma_as_pillow_makes_it(tmp_path: Path, mode: str, name: str) -> None:
    picture = Image.fromarray(COLOUR).convert(mode)
    expected = np.asarray(Image.fromarray(COLOUR).convert("L"))
    np.testing.assert_array_equal(read_gray(save(tmp_path, name, picture)), expected)


@pytest.mark.parametrize("picture", [Image.fromarray(GRAY), Image.fromarray(COLOUR)])
def test_jpeg_is_what_pillow_decodes_and_its_orientation_is_ignored(tmp_path: Path, picture: Image.Image) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save(tmp_path, "a.jpg", picture, exif=exif)
    image = read_gray(path)
    assert image.shape == GRAY.shape
    np.testing.assert_array_equal(image, np.asarray(Image.open(path).convert("L")))


def test_colour_16_bit_keeps_its_levels(tmp_path: Path) -> None:
    for name in ("a.png", "a.tif"):
        path = tmp_path / name
        cv2.imwrite(str(path), np.repeat(GRAY16[..., None], 3, axis=2))
        np.testing.assert_array_equal(read_gray(path), GRAY16)


def test_one_bit_mask_becomes_0_and_255(tmp_path: Path) -> None:
    mask = GRAY > 128
    for name in ("a.png", "a.tif"):
        image = read_gray(save(tmp_path, name, Image.fromarray(mask)))
        np.testing.assert_array_equal(image, np.where(mask, 255, 0))


def test_float_is_stretched_to_16_bits(tmp_path: Path) -> None:
    kelvin = np.linspace(270.0, 310.0, 24 * 31, dtype=np.float32).reshape(24, 31)
    image = read_gray(save(tmp_path, "a.tif", Image.fromarray(kelvin)))
    assert image.dtype == np.uint16
    assert (image.min(), image.max()) == (0, 65535)
    np.testing.assert_allclose(image, (kelvin - 270.0) / 40.0 * 65535.0, atol=1.0)


def test_whole_numbers_that_fit_16_bits_stay_as_they_are(tmp_path: Path) -> None:
    values = GRAY16.astype(np.int32)
    np.testing.assert_array_equal(read_gray(save(tmp_path, "a.tif", Image.fromarray(values))), GRAY16)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -9999, -3.4e38])
def test_pixels_without_measurement_take_the_nearest_value(tmp_path: Path, value: float) -> None:
    frame = np.linspace(270.0, 310.0, 24 * 31, dtype=np.float32).reshape(24, 31)
    whole = read_gray(save(tmp_path, "whole.tif", Image.fromarray(frame)))
    frame[3, 4] = value
    image = read_gray(save(tmp_path, "a.tif", Image.fromarray(frame)))
    assert image[3, 4] in (whole[2, 4], whole[4, 4], whole[3, 3], whole[3, 5])
    image[3, 4] = whole[3, 4]
    np.testing.assert_array_equal(image, whole)


def test_a_frame_without_any_measurement_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path, "a.tif", Image.fromarray(np.full((8, 8), np.nan, np.float32)))
    with pytest.raises(InputError, match=r"a\.tif: holds no measured pixel"):
        read_gray(path)


def test_float64_is_read(tmp_path: Path) -> None:
    kelvin = np.linspace(270.0, 310.0, 24 * 31).reshape(24, 31)
    cv2.imwrite(str(tmp_path / "a.tif"), kelvin)
    levels = read_levels(tmp_path / "a.tif")
    assert levels.values.dtype == np.float64
    np.testing.assert_array_equal(levels.values, kelvin)


@pytest.mark.parametrize(("order", "big"), [("<", False), (">", False), ("<", True)])
@pytest.mark.parametrize("kind", ["f2", "f4", "f8", "i1", "i2", "i4", "u2", "u4"])
def test_tiff_samples_of_every_kind_keep_their_values(tmp_path: Path, kind: str, big: bool, order: str) -> None:
    values = np.linspace(-100, 100, 24 * 31).reshape(24, 31)
    if kind.startswith("u"):
        values = values * (2 if kind == "u2" else 1e7) + (2e3 if kind == "u2" else 3e9)
    values = values.astype(kind)
    (tmp_path / "a.tif").write_bytes(tiff_bytes(values, order, big))
    np.testing.assert_array_equal(read_levels(tmp_path / "a.tif").values, values)
    (tmp_path / "a.tif").write_bytes(tiff_bytes(values, ">", True))
    with pytest.raises(InputError, match="big-endian BigTIFF"):
        read_levels(tmp_path / "a.tif")


@pytest.mark.parametrize("kind", ["u1", "u2"])
def test_tiff_whose_0_is_white_is_inverted(tmp_path: Path, kind: str) -> None:
    values = GRAY.astype(kind)
    (tmp_path / "a.tif").write_bytes(tiff_bytes(np.iinfo(kind).max - values, photometric=0))
    np.testing.assert_array_equal(read_gray(tmp_path / "a.tif"), values)


@pytest.mark.parametrize("orientation", [3, 6])
@pytest.mark.parametrize("values", [GRAY, GRAY16])
def test_orientation_of_a_tiff_is_ignored(tmp_path: Path, values: np.ndarray, orientation: int) -> None:
    (tmp_path / "a.tif").write_bytes(tiff_bytes(values, orientation=orientation))
    np.testing.assert_array_equal(read_gray(tmp_path / "a.tif"), values)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_tag_of_no_data_counts_at_every_depth(tmp_path: Path, dtype: type) -> None:
    values = np.full((8, 9), 70, dtype)
    values[2, 3] = 0
    (tmp_path / "a.tif").write_bytes(tiff_bytes(values, nodata="0"))
    assert (read_gray(tmp_path / "a.tif") == 70).all()


@pytest.mark.parametrize(
    ("samples", "dtype", "planes", "said"),
    [
        (2, np.uint16, False, "2 samples of 16 bits a pixel"),
        (3, np.uint16, True, "3 samples of 16 bits a pixel, in separate planes"),
        (3, np.float32, False, "3 samples of 32 bits float a pixel"),
    ],
)
def test_tiff_samples_that_no_decoder_reads_right_are_refused(
    tmp_path: Path, samples: int, dtype: type, planes: bool, said: str
) -> None:
    values = np.repeat(GRAY16[..., None], samples, axis=2).astype(dtype)
    (tmp_path / "a.tif").write_bytes(tiff_bytes(values, planes=planes))
    with pytest.raises(InputError, match=f"unsupported kind \\({said}\\); save it as gray"):
        read_gray(tmp_path / "a.tif")
    (tmp_path / "a.tif").write_bytes(tiff_bytes(np.repeat(GRAY[..., None], 3, axis=2), planes=True))
    np.testing.assert_array_equal(read_gray(tmp_path / "a.tif"), GRAY)


@pytest.mark.parametrize("kind", ["pipe", "device", "proc"])
def test_what_is_no_regular_file_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.png"
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero" if kind == "device" else "/proc/self/mem")
    with pytest.raises(InputError, match=r"this is a pipe|0 bytes"):
        read_gray(path)


def test_a_name_that_is_no_utf_8_is_read_and_named(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.png"))
    path.write_bytes(encoded("png"))
    assert read_gray(path).shape == (64, 64)
    path.write_bytes(b"x")
    with pytest.raises(InputError) as caught:
        read_gray(path)
    assert str(caught.value).isprintable()


def test_the_lines_of_c_libraries_are_not_shown(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    raw = zlib.compress(bytes(1000))[:-8]
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 64, 8, 0, 0, 0, 0))
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", raw) + chunk(b"IEND", b""))
    with pytest.raises(InputError, match="truncated or damaged"):
        read_gray(path)
    print("shown", file=sys.stderr)
    assert capfd.readouterr().err == "shown\n"


def encoded(name: str) -> bytes:
    buffer = io.BytesIO()
    noise = RNG.integers(0, 256, (64, 64), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, {"png": "PNG", "jpg": "JPEG", "tif": "TIFF", "bmp": "BMP"}[name])
    return buffer.getvalue()


@pytest.mark.parametrize("name", ["png", "jpg", "tif", "bmp"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
def test_truncated_file_is_named(tmp_path: Path, name: str, share: float) -> None:
    path = tmp_path / f"cut.{name}"
    data = encoded(name)
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(InputError, match=rf"cut\.{name}: .*(truncated|damaged)") as caught:
        read_gray(path)
    assert caught.value.data["path"] == str(path)


def test_damaged_png_stream_is_refused(tmp_path: Path) -> None:
    data = bytearray(encoded("png"))
    start = data.find(b"IDAT") + 4
    data[start + 200 : start + 260] = bytes(60)
    path = tmp_path / "a.png"
    path.write_bytes(bytes(data))
    with pytest.raises(InputError, match="damaged"):
        read_gray(path)


@pytest.mark.parametrize(
    ("content", "said"), [(b"", "0 bytes"), (b"not an image\n" * 20, "not a PNG"), (b"\x89PNG\r\n\x1a\n", "truncated")]
)
def test_what_is_no_image_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"a\.png: .*{said}"):
        read_gray(path)


def test_missing_file_folder_and_forbidden_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_gray(tmp_path / "none.png")
    with pytest.raises(InputError, match="this is a folder"):
        read_gray(tmp_path)
    path = save(tmp_path, "locked.png", Image.fromarray(GRAY))
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read every file")
    with pytest.raises(InputError, match="permission denied"):
        read_gray(path)


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.gif"])
def test_several_frames_are_refused(tmp_path: Path, name: str) -> None:
    first, second = Image.fromarray(GRAY), Image.fromarray(255 - GRAY)
    path = save(tmp_path, name, first, save_all=True, append_images=[second])
    with pytest.raises(InputError, match="holds 2 frames"):
        read_gray(path)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def test_huge_declared_size_is_refused(tmp_path: Path) -> None:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0))
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b""))
    with pytest.raises(InputError, match=r"bomb\.png: .*too large .60000x60000, limit"):
        read_gray(path)


@pytest.mark.parametrize("frame", [GRAY, GRAY16], ids=["8 bit", "16 bit"])
def test_every_flipped_bit_of_a_png_is_noticed(tmp_path: Path, frame: np.ndarray) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(frame).save(path)
    whole = path.read_bytes()
    for position in range(8, len(whole) - 12, 29):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << (position % 8)
        path.write_bytes(bytes(damaged))
        with pytest.raises(InputError, match=r"a\.png"):
            read_gray(path)


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("kind", ["u1", "u2", "f2", "f4", "f8"])
def test_no_cut_off_tiff_is_read(tmp_path: Path, kind: str, big: bool) -> None:
    whole = tiff_bytes(RNG.uniform(1, 200, (8, 8)).astype(kind), big=big)
    for size in range(len(whole) - (8 if big else 4)):  # where the next directory is decides nothing
        with pytest.raises(InputError, match=r"truncated|not a PNG, TIFF"):
            decode_levels(whole[:size], tmp_path / "a.tif")


@pytest.mark.parametrize("kind", ["f2", "f8"])
def test_a_tiff_whose_pixels_are_cut_off_may_be_damaged(tmp_path: Path, kind: str) -> None:
    whole = tiff_bytes(RNG.uniform(1, 200, (8, 8)).astype(kind))
    at = whole.index(struct.pack("<HHI", 273, 4, 1)) + 8  # where the strip begins
    damaged = whole[:at] + struct.pack("<I", len(whole) - 9) + whole[at + 4 :]
    with pytest.raises(InputError, match="damaged, or a TIFF of an unsupported kind"):
        decode_levels(damaged, tmp_path / "a.tif")
