"""A clean set has no fault; each fault that is planted in it is found under its own name, and no other beside it."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from making.clutter import clutter
from PIL import EpsImagePlugin, Image

from sirstgen.audit.audit import Audit, audit_dataset
from sirstgen.audit.checks import CHECKS, FAULT
from sirstgen.datasets.readers import Dataset

WIDTH, HEIGHT, FRAMES = 120, 96, 12


def draw(number: int, targets: int = 2, sign: int = 1, size: tuple[int, int] = (HEIGHT, WIDTH)) -> tuple:
    """Clutter with Gaussian targets, and the mask of what lies above 0.3 of their peaks."""
    rng = np.random.default_rng(number)
    image = clutter(number, *size, deviation=16).astype(float) + rng.normal(0, 1.5, size)
    mask = np.zeros(size, bool)
    y, x = np.mgrid[: size[0], : size[1]]
    for place in range(targets):
        center = rng.uniform(24, size[1] - 24), size[0] * (0.3 + 0.4 * place)
        rise = np.exp(-((x - center[0]) ** 2 + (y - center[1]) ** 2) / (2 * rng.uniform(1.3, 1.8) ** 2))
        image += sign * 90 * rise
        mask |= rise > 0.3
    return np.clip(np.rint(image), 0, 255).astype(np.uint8), mask.astype(np.uint8) * 255


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clean") / "set"
    for name in ("images", "masks", "50_50"):
        (folder / name).mkdir(parents=True)
    for number in range(FRAMES):
        image, mask = draw(number)
        cv2.imwrite(str(folder / "images" / f"{number:02d}.png"), image)
        cv2.imwrite(str(folder / "masks" / f"{number:02d}.png"), mask)
    for part, ids in {"train": range(8), "test": range(8, FRAMES)}.items():
        (folder / "50_50" / f"{part}.txt").write_text("".join(f"{key:02d}\n" for key in ids))
    return folder


class Set:
    """A copy of the clean set to plant faults in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def image(self, key: str) -> np.ndarray:
        return cv2.imread(str(self.folder / "images" / f"{key}.png"), cv2.IMREAD_UNCHANGED)

    def mask(self, key: str) -> np.ndarray:
        return cv2.imread(str(self.folder / "masks" / f"{key}.png"), cv2.IMREAD_UNCHANGED)

    def put(self, kind: str, key: str, pixels: np.ndarray | Image.Image, **options: object) -> None:
        picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
        picture.save(self.folder / kind / f"{key}.png", **options)

    @property
    def keys(self) -> list[str]:
        return sorted(path.stem for path in (self.folder / "images").glob("*.png"))


def put_all_masks(made: Set, change: Callable[[np.ndarray], np.ndarray]) -> None:
    for key in made.keys:
        made.put("masks", key, change(made.mask(key)))


def image_gone(made: Set) -> None:
    (made.folder / "images" / "03.png").unlink()
    (made.folder / "50_50" / "train.txt").write_text("00\n01\n02\n04\n05\n06\n07\n")


def mask_gone(made: Set) -> None:
    (made.folder / "masks" / "03.png").unlink()


def truncated(made: Set) -> None:
    path = made.folder / "images" / "03.png"
    path.write_bytes(path.read_bytes()[:-200])


def two_files(made: Set) -> None:
    Image.open(made.folder / "images" / "03.png").save(made.folder / "images" / "03.bmp")


def enlarged_mask(made: Set) -> None:
    made.put("masks", "03", cv2.resize(made.mask("03"), None, fx=3, fy=3, interpolation=cv2.INTER_NEAREST))


def transposed_mask(made: Set) -> None:
    made.put("masks", "03", np.ascontiguousarray(made.mask("03").T))


def exif_turned(made: Set) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    made.put("images", "03", made.image("03"), exif=exif)


def gray_mask(made: Set) -> None:
    made.put("masks", "03", np.minimum(cv2.GaussianBlur(made.mask("03"), (0, 0), 1.5) * 1.4, 255).astype(np.uint8))


def stray_mask(made: Set) -> None:
    mask = made.mask("03")
    mask[4, 5] = 137
    made.put("masks", "03", mask)


def void_border(made: Set) -> None:
    mask = made.mask("03") // 255
    border = (cv2.dilate(mask, np.ones((5, 5), np.uint8)) > 0) & (mask == 0)
    made.put("masks", "03", np.where(border, 255, mask).astype(np.uint8))


def other_format(made: Set) -> None:
    np.save(made.folder / "images" / "03.npy", made.image("03"))


def jpeg_mask(made: Set) -> None:
    buffer = io.BytesIO()
    Image.fromarray(made.mask("03")).save(buffer, "JPEG", quality=98)
    (made.folder / "masks" / "03.png").unlink()
    (made.folder / "masks" / "03.jpg").write_bytes(buffer.getvalue())


def coloured_mask(made: Set) -> None:
    mask = made.mask("03") > 0
    half = np.arange(mask.shape[0])[:, np.newaxis] < mask.shape[0] // 2
    rgb = np.zeros((*mask.shape, 3), np.uint8)
    rgb[mask & half] = 255, 0, 0
    rgb[mask & ~half] = 0, 255, 0
    made.put("masks", "03", rgb)


def instance_numbers(made: Set) -> None:
    made.put("masks", "03", cv2.connectedComponents(made.mask("03"))[1].astype(np.uint8))


def inverted_mask(made: Set) -> None:
    made.put("masks", "03", 255 - made.mask("03"))


def palette_mask(made: Set) -> None:
    picture = Image.fromarray((made.mask("03") > 0).astype(np.uint8))
    picture.putpalette([0, 0, 0, 255, 255, 255])
    made.put("masks", "03", picture)


def rgb_mask(made: Set) -> None:
    made.put("masks", "03", np.repeat(made.mask("03")[..., np.newaxis], 3, axis=2))


def alpha_mask(made: Set) -> None:
    picture = Image.fromarray(made.mask("03"))
    picture.putalpha(255)
    made.put("masks", "03", picture)


def one_bit_mask(made: Set) -> None:
    made.put("masks", "03", Image.fromarray(made.mask("03")).convert("1"))


def mask_of_1(made: Set) -> None:
    made.put("masks", "03", made.mask("03") // 255)


def mask_of_128(made: Set) -> None:
    made.put("masks", "03", (made.mask("03") > 0).astype(np.uint8) * 128)


def large_mask(made: Set) -> None:
    made.put("masks", "03", cv2.dilate(made.mask("03"), np.ones((29, 29), np.uint8)))


def target_erased(made: Set) -> None:
    image, mask = made.image("03").astype(np.float32), made.mask("03")
    erased = cv2.inpaint(image.astype(np.uint8), cv2.dilate(mask, np.ones((7, 7), np.uint8)), 5, cv2.INPAINT_TELEA)
    components = cv2.connectedComponents(mask)[1]
    ring = cv2.dilate(mask, np.ones((41, 41), np.uint8)) > 0
    image = erased.astype(np.float32)
    for number in range(1, components.max() + 1):
        image[components == number] += image[ring].mean() - image[components == number].mean()
    made.put("images", "03", np.clip(np.rint(image), 0, 255).astype(np.uint8))


def dark_beside_bright(made: Set) -> None:
    image, mask = made.image("03").astype(int), made.mask("03")
    first = cv2.connectedComponents(mask)[1] == 1
    image[first] = 2 * int(np.median(image)) - image[first] - 25
    made.put("images", "03", np.clip(image, 5, 250).astype(np.uint8))


def all_shifted(made: Set) -> None:
    put_all_masks(made, lambda mask: np.roll(mask, (-2, 3), axis=(0, 1)))


def one_shifted(made: Set) -> None:
    made.put("masks", "03", np.roll(made.mask("03"), (9, -7), axis=(0, 1)))


def points(made: Set) -> None:
    def point(mask: np.ndarray) -> np.ndarray:
        centers = cv2.connectedComponentsWithStats(mask)[3][1:]
        made_of = np.zeros_like(mask)
        for x, y in np.rint(centers).astype(int):
            made_of[y, x] = 255
        return made_of

    put_all_masks(made, point)


def boxes(made: Set) -> None:
    def box(mask: np.ndarray) -> np.ndarray:
        made_of = np.zeros_like(mask)
        for x, y, w, h, _ in cv2.connectedComponentsWithStats(mask)[2][1:]:
            made_of[y : y + h, x : x + w] = 255
        return made_of

    put_all_masks(made, box)


def at_border(made: Set) -> None:
    image, mask = made.image("03"), made.mask("03")
    side = int(np.nonzero(mask)[1].min())
    made.put("images", "03", np.ascontiguousarray(image[:, side:]))
    made.put("masks", "03", np.ascontiguousarray(mask[:, side:]))


def wide(image: np.ndarray) -> np.ndarray:
    return (7000 + 160 * image.astype(int)).astype(np.uint16)


def bytes_exchanged(made: Set) -> None:
    for key in made.keys:
        made.put("images", key, wide(made.image(key)))
    made.put("images", "03", made.image("03").byteswap())


def bytes_of_small_range_exchanged(made: Set) -> None:
    for key in made.keys:
        made.put("images", key, (20000 + made.image(key).astype(int) * 7).astype(np.uint16))
    made.put("images", "03", made.image("03").byteswap())


def bytes_of_few_counts_exchanged(made: Set) -> None:
    made.put("images", "03", (20003 + made.image("03").astype(int) // 8).astype(np.uint16).byteswap())


def one_of_16_bits(made: Set) -> None:
    made.put("images", "03", wide(made.image("03")))


def jet(made: Set) -> None:
    made.put("images", "03", cv2.applyColorMap(made.image("03"), cv2.COLORMAP_JET)[..., ::-1].copy())


def rgb_image(made: Set) -> None:
    made.put("images", "03", np.repeat(made.image("03")[..., np.newaxis], 3, axis=2))


def text(made: Set) -> None:
    image = made.image("03")
    cv2.putText(image, "2019-07-25 14:03", (4, 90), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 255, 1, cv2.LINE_8)
    made.put("images", "03", image)


def cut_off(made: Set) -> None:
    made.put("images", "03", np.minimum(made.image("03"), 110))


def narrow(made: Set) -> None:
    made.put("images", "03", (100 + made.image("03") // 24).astype(np.uint8))


def raw_counts(made: Set) -> None:
    for key in made.keys:
        made.put("images", key, (21000 + 4 * made.image(key).astype(int)).astype(np.uint16))


def black_border(made: Set) -> None:
    image = made.image("03")
    image[:, :9] = 0
    made.put("images", "03", image)


def nodata_in_floats(made: Set) -> None:
    celsius = made.image("03").astype(np.float32) / 10
    celsius[40:44, 50:60] = -9999
    (made.folder / "images" / "03.png").unlink()
    Image.fromarray(celsius).save(made.folder / "images" / "03.tif")


def one_level(made: Set) -> None:
    made.put("images", "03", np.full((HEIGHT, WIDTH), 90, np.uint8))
    made.put("masks", "03", np.zeros((HEIGHT, WIDTH), np.uint8))


def list_garbled(made: Set) -> None:
    (made.folder / "50_50" / "test.txt").write_bytes(b"\xfa\xfe0\x008\x00\n\x00")


def listed_without_file(made: Set) -> None:
    with (made.folder / "50_50" / "test.txt").open("a") as file:
        file.write("99\n")


def in_both_lists(made: Set) -> None:
    with (made.folder / "50_50" / "test.txt").open("a") as file:
        file.write("03\n")


def twice_in_list(made: Set) -> None:
    with (made.folder / "50_50" / "train.txt").open("a") as file:
        file.write("03.png\r\n")


def in_no_list(made: Set) -> None:
    (made.folder / "50_50" / "train.txt").write_text("00\n01\n02\n04\n05\n06\n07\n")


def other_lists(made: Set) -> None:
    (made.folder / "img_idx").mkdir()
    (made.folder / "img_idx" / "train_set.txt").write_text("00\n01\n")
    (made.folder / "img_idx" / "test_set.txt").write_text("08\n")


def copied(made: Set, to: str, change: Callable[[np.ndarray], np.ndarray]) -> None:
    made.put("images", to, np.ascontiguousarray(change(made.image("03"))))
    made.put("masks", to, np.ascontiguousarray(change(made.mask("03"))))


def copy_across(made: Set) -> None:
    copied(made, "10", lambda pixels: pixels)


def mirrored_across(made: Set) -> None:
    copied(made, "10", lambda pixels: pixels[:, ::-1])


def turned_across(made: Set) -> None:
    copied(made, "10", lambda pixels: np.rot90(pixels))


def cropped_across(made: Set) -> None:
    copied(made, "10", lambda pixels: pixels[6:, 9:])


def encoded_again_across(made: Set) -> None:
    copied(made, "10", lambda pixels: pixels)
    data = cv2.imencode(".jpg", made.image("10"), [cv2.IMWRITE_JPEG_QUALITY, 92])[1]
    made.put("images", "10", cv2.imdecode(data, cv2.IMREAD_UNCHANGED))


def flat_frame_mirrored_across(made: Set) -> None:
    """Nothing but a target on one gray level: only equality can tell."""
    image, mask = np.full((HEIGHT, WIDTH), 70, np.uint8), np.zeros((HEIGHT, WIDTH), np.uint8)
    image[40:43, 30:33], mask[40:43, 30:33] = 150, 255
    image[41, 33], mask[41, 33] = 140, 255
    for key, turn in (("03", 1), ("10", -1)):
        made.put("images", key, np.ascontiguousarray(image[:, ::turn]))
        made.put("masks", key, np.ascontiguousarray(mask[:, ::turn]))


def copy_within(made: Set) -> None:
    copied(made, "05", lambda pixels: pixels)


def ids_of_two_cases(made: Set) -> None:
    for path in made.folder.glob("[im]*s/0[34].png"):
        path.rename(path.with_name("a.png" if path.stem == "03" else "A.png"))
    lines = made.folder / "50_50" / "train.txt"
    lines.write_text(lines.read_text().replace("03", "a").replace("04", "A"))


PLANTED: dict[Callable[[Set], None], str] = {
    image_gone: "mask-without-image",
    mask_gone: "image-without-mask",
    truncated: "unreadable",
    two_files: "two-files",
    ids_of_two_cases: "ids-differ-in-case",
    enlarged_mask: "size-differs",
    transposed_mask: "transposed",
    exif_turned: "exif-orientation",
    gray_mask: "mask-gray",
    stray_mask: "mask-stray-values",
    jpeg_mask: "mask-stray-values",
    void_border: "mask-void",
    other_format: "other-format",
    coloured_mask: "mask-colours",
    instance_numbers: "mask-gray",
    inverted_mask: "mask-inverted",
    palette_mask: "mask-palette",
    rgb_mask: "mask-rgb",
    alpha_mask: "mask-alpha",
    one_bit_mask: "mask-1-bit",
    mask_of_1: "mask-of-1",
    mask_of_128: "mask-other-value",
    large_mask: "coverage",
    target_erased: "no-contrast",
    dark_beside_bright: "mixed-sign",
    all_shifted: "masks-shifted",
    one_shifted: "mask-shifted",
    points: "one-pixel-targets",
    boxes: "rectangle-targets",
    at_border: "border-target",
    bytes_exchanged: "byte-swapped",
    bytes_of_small_range_exchanged: "byte-swapped",
    bytes_of_few_counts_exchanged: "byte-swapped",
    one_of_16_bits: "bit-depths-mixed",
    jet: "colour-rendering",
    rgb_image: "image-not-gray",
    text: "burnt-in-text",
    cut_off: "clipped",
    narrow: "unused-range",
    raw_counts: "unused-range",
    black_border: "nodata",
    nodata_in_floats: "nodata",
    one_level: "constant",
    list_garbled: "list-unreadable",
    listed_without_file: "list-without-file",
    in_both_lists: "in-two-lists",
    twice_in_list: "twice-in-list",
    in_no_list: "in-no-list",
    other_lists: "lists-differ",
    copy_across: "copy-across-split",
    mirrored_across: "copy-across-split",
    turned_across: "copy-across-split",
    cropped_across: "copy-across-split",
    encoded_again_across: "copy-across-split",
    flat_frame_mirrored_across: "copy-across-split",
    copy_within: "copy",
}

ALSO = {
    # What a fault brings about by itself.
    "coloured_mask": {"mask-rgb"},
    "nodata_in_floats": {"bit-depths-mixed"},
    "bytes_of_small_range_exchanged": {"unused-range"},
    "bytes_of_few_counts_exchanged": {"bit-depths-mixed"},
    "narrow": {"no-contrast"},
    "flat_frame_mirrored_across": {"unused-range"},
    "cut_off": {"no-contrast"},
}


def names(found: Audit) -> set[str]:
    return {finding.check for finding in found.findings}


def test_a_clean_set_is_found_clean(clean: Path) -> None:
    found = audit_dataset(clean)
    assert found.findings == [] and found.images == FRAMES and found.targets == 2 * FRAMES


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_each_planted_fault_is_found_under_its_name(clean: Path, plant: Callable[[Set], None], tmp_path: Path) -> None:
    shutil.copytree(clean, tmp_path / "set")
    plant(Set(tmp_path / "set"))
    found = audit_dataset(tmp_path / "set")
    expected = PLANTED[plant]
    assert expected in names(found), [str(finding) for finding in found.findings]
    assert names(found) - {expected} <= ALSO.get(plant.__name__, set()), [str(entry) for entry in found.findings]


def test_every_check_is_planted_or_belongs_to_another_set() -> None:
    elsewhere = {"copy-of-other-set", "similar-to-other-set", "similar-across-split"}
    assert CHECKS.keys() - set(PLANTED.values()) == elsewhere
    assert len(PLANTED) >= 30 and sum(CHECKS[name].level == FAULT for name in set(PLANTED.values())) > 15


@pytest.mark.parametrize(
    ("folder", "lists"),
    [
        (".", {"train": range(8), "val": range(8, FRAMES)}),
        (".", {"Train": range(8), "Test": range(8, FRAMES)}),
        (".", {"train": range(4), "val": range(4, 8), "trainval": range(8), "test": range(8, FRAMES)}),
        (".", {"train": range(8), "val": range(8, FRAMES), "trainval": range(FRAMES)}),
        ("ImageSets/Main", {"train": range(8), "test": range(8, FRAMES)}),
    ],
)
def test_the_split_that_is_examined_is_the_one_that_is_read(
    clean: Path, folder: str, lists: dict[str, range], tmp_path: Path
) -> None:
    shutil.copytree(clean, tmp_path / "set", ignore=shutil.ignore_patterns("50_50"))
    (tmp_path / "set" / folder).mkdir(parents=True, exist_ok=True)
    for name, ids in lists.items():
        (tmp_path / "set" / folder / f"{name}.txt").write_text("".join(f"{key:02d}\n" for key in ids))
    found, dataset = audit_dataset(tmp_path / "set"), Dataset.open(tmp_path / "set")
    assert found.findings == []
    assert found.contents.parts == {key: part for part in ("train", "test") for key in dataset.split(part)}


def test_no_file_makes_pillow_start_another_program(
    clean: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *_, **__: started.append(1))
    folder = tmp_path / "set"
    shutil.copytree(clean, folder)
    file = min((folder / "images").iterdir())
    file.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n%%EndComments\n")
    assert "unreadable" in audit_dataset(folder).by_check() and not started
