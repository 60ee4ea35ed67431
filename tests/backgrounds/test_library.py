from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from sirstgen.backgrounds.library import BackgroundLibrary
from sirstgen.backgrounds.source import BackgroundSource
from sirstgen.errors import InputError, InvalidValueError


def frame(seed: int, height: int = 48, width: int = 64) -> NDArray[np.uint8]:
    coarse = np.random.default_rng(seed).integers(20, 200, (6, 8), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def put(folder: Path, name: str, image: NDArray[Any] | int) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(frame(image) if isinstance(image, int) else image).save(path)
    return path


def by_brightness(frames: Iterable[NDArray[Any]]) -> Iterator[tuple[str, float]]:
    for image in frames:
        assert image.dtype == np.uint8
        yield ("cloud", 0.9) if image.mean() > 110 else ("sea", 0.6)


def never(frames: Iterable[NDArray[Any]]) -> Iterator[tuple[str, float]]:
    raise AssertionError("the classifier must not be asked")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for number, name in enumerate(["sea/b.png", "sea/a.png", "city/x.tif", "city/deep/y.bmp"]):
        put(tmp_path, name, number)
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "sea" / ".hidden.png").write_text("no image")
    return tmp_path


def test_sub_folders_name_the_scenes(tree: Path) -> None:
    library: BackgroundSource = BackgroundLibrary.open(tree, classify=never)
    assert library.scenes() == ("city", "sea")
    assert [library.background("sea", number).id for number in (0, 1)] == ["sea/a", "sea/b"]
    assert library.count("city") == 2
    assert library.count("field") == 0
    found = library.find("city/deep/y")
    assert (found.scene, found.scene_confidence, found.scene_source) == ("city", 1.0, "folder")
    np.testing.assert_array_equal(library.pixels(library.find("sea/b"), 8), frame(0))


def test_unknown_background_and_number_are_named(tree: Path) -> None:
    library = BackgroundLibrary.open(tree)
    with pytest.raises(InputError, match="no usable background 'sea/z'"):
        library.find("sea/z")
    with pytest.raises(InvalidValueError, match="no background 2 of 'sea'; there are 2 of city, 2 of sea,"):
        library.background("sea", 2)
    with pytest.raises(InvalidValueError, match="no background 0 of 'desert'"):
        library.background("desert", 0)


def test_one_scene_for_all(tree: Path) -> None:
    assert BackgroundLibrary.open(tree, scene="field", classify=never).scenes() == ("field",)


def test_labels_come_first_and_name_groups(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    labels = tmp_path_factory.mktemp("labels") / "l.json"
    rows = {"a": {"scene": "cloud", "confidence": "low", "group": "g"}, "city/x": {"scene": "field", "group": "g"}}
    labels.write_text(json.dumps(rows))
    library = BackgroundLibrary.open(tree, labels=labels, classify=never)
    by_id = {name: library.find(name) for name in ("sea/a", "sea/b", "city/x", "city/deep/y")}
    assert [b.scene for b in by_id.values()] == ["cloud", "sea", "field", "city"]
    assert [b.scene_source for b in by_id.values()] == ["labels", "folder", "labels", "folder"]
    assert by_id["sea/a"].scene_confidence == 0.5
    assert by_id["sea/a"].group == by_id["city/x"].group
    assert len({b.group for b in by_id.values()}) == 3


def test_labels_of_another_folder_are_refused(tree: Path, tmp_path: Path) -> None:
    labels = tmp_path / "other.json"
    labels.write_text('{"q": "sea"}')
    with pytest.raises(InputError, match=r"other\.json: names none of the backgrounds"):
        BackgroundLibrary.open(tree, labels=labels)


def test_the_shipped_network_is_asked_once_per_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIRSTGEN_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "frames"
    for number in range(6):
        put(folder, f"images/{number}.png", number)
    monkeypatch.setattr("sirstgen.scenes.classify.classify_images", by_brightness)
    first = BackgroundLibrary.open(folder)
    assert not list(folder.glob("*.json")) and not list(folder.glob("images/*.json"))
    shutil.move(folder / "images" / "3.png", folder / "renamed.png")
    monkeypatch.setattr("sirstgen.scenes.classify.classify_images", never)
    second = BackgroundLibrary.open(folder)
    for number in range(6):
        before = first.find(f"images/{number}")
        after = second.find("renamed" if number == 3 else f"images/{number}")
        assert (before.scene, before.scene_confidence) == (after.scene, after.scene_confidence)
        assert before.scene_source == "cnn"


def test_decisions_survive_an_interruption(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIRSTGEN_CACHE", str(tmp_path / "cache"))
    for number in range(4):
        put(tmp_path / "frames", f"{number}.png", number)

    def interrupted(frames: Iterable[NDArray[Any]]) -> Iterator[tuple[str, float]]:
        for number, answer in enumerate(by_brightness(frames)):
            if number == 2:
                raise KeyboardInterrupt
            yield answer

    monkeypatch.setattr("sirstgen.scenes.classify.classify_images", interrupted)
    with pytest.raises(KeyboardInterrupt):
        BackgroundLibrary.open(tmp_path / "frames")
    assert len(list((tmp_path / "cache").rglob("*.json"))) == 2


def test_unsure_scenes_are_counted_and_not_used(tmp_path: Path) -> None:
    put(tmp_path, "bright.png", np.clip(frame(1).astype(int) + 90, 0, 255).astype(np.uint8))
    put(tmp_path, "dark.png", frame(2) // 2)
    library = BackgroundLibrary.open(tmp_path, classify=by_brightness, min_confidence=0.8)
    assert library.scenes() == ("cloud",)
    fault = library.faults[0]
    assert (fault.file, fault.reason) == ("dark.png", "low scene confidence")
    assert "0.60, needs 0.8" in fault.detail
    with pytest.raises(InputError, match="no usable background among 2 images: 2 low scene confidence"):
        BackgroundLibrary.open(tmp_path, classify=by_brightness, min_confidence=0.95)


def bad_files(folder: Path) -> dict[str, str]:
    """Every sort of file that cannot be a background, with the reason it must get."""
    whole = put(folder, "sea/good.png", 1).read_bytes()
    put(folder, "sea/one.png", np.full((1, 1), 9, np.uint8))
    put(folder, "sea/small.png", frame(2, 20, 64))
    put(folder, "sea/flat.png", np.full((48, 64), 77, np.uint8))
    put(folder, "sea/flat16.png", np.full((48, 64), 777, np.uint16))
    put(folder, "sea/white.png", np.full((48, 64), 255, np.uint8))
    nearly = np.full((48, 64), 255, np.uint8)
    nearly[:2] = 30
    put(folder, "sea/nearly.png", nearly)
    holed = frame(3).astype(np.float32)
    holed[:30] = np.nan
    put(folder, "sea/nan.tif", holed)
    put(folder, "sea/same.bmp", 1)
    put(folder, "sea/good.tif", 5)
    (folder / "sea/cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "sea/empty.jpg").write_bytes(b"")
    (folder / "sea/text.png").write_text("not an image")
    return {
        "one.png": "too small", "small.png": "too small", "flat.png": "constant", "flat16.png": "constant",
        "white.png": "saturated", "nearly.png": "saturated", "nan.tif": "no data", "same.bmp": "duplicate",
        "good.tif": "same name", "cut.png": "unreadable", "empty.jpg": "unreadable", "text.png": "unreadable",
    }  # fmt: skip


def test_bad_files_are_listed_with_reasons_and_the_rest_is_used(tmp_path: Path) -> None:
    expected = bad_files(tmp_path)
    library = BackgroundLibrary.open(tmp_path)
    assert {fault.file.removeprefix("sea/"): fault.reason for fault in library.faults} == expected
    assert library.count("sea") == 1
    description = library.describe()
    assert description["faults"]["unreadable"]["count"] == 3  # type: ignore[index]
    assert str(tmp_path.parent) not in json.dumps(description)


def test_nothing_but_bad_files_is_one_clear_error(tmp_path: Path) -> None:
    bad_files(tmp_path)
    for name in ("good.png", "same.bmp", "good.tif"):
        (tmp_path / "sea" / name).unlink()
    with pytest.raises(InputError, match="among 10 images: 2 constant, 1 no data, 2 saturated, 2 too small"):
        BackgroundLibrary.open(tmp_path)


def test_forbidden_files_and_folders_are_listed(tree: Path) -> None:
    (tree / "sea" / "a.png").chmod(0)
    (tree / "city").chmod(0)
    try:
        if os.access(tree / "sea" / "a.png", os.R_OK):
            pytest.skip("this user may read every file")
        library = BackgroundLibrary.open(tree)
    finally:
        (tree / "city").chmod(0o755)
    assert [(fault.file, fault.reason) for fault in library.faults] == [
        ("city", "unreadable"),
        ("sea/a.png", "unreadable"),
    ]


def test_a_folder_without_images_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no image"):
        BackgroundLibrary.open(tmp_path)
    with pytest.raises(InputError, match=r"none: there is no such folder of background images"):
        BackgroundLibrary.open(tmp_path / "none")


def test_a_dataset_with_targets_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "images/1.png", 1)
    put(tmp_path, "masks/1.png", 2)
    for given in (tmp_path, tmp_path / "images"):
        with pytest.raises(InputError, match=r"a dataset with targets in its frames.* unlabelled"):
            BackgroundLibrary.open(given)


def test_linked_folders_end(tree: Path) -> None:
    (tree / "sea" / "loop").symlink_to(tree, target_is_directory=True)
    assert BackgroundLibrary.open(tree).count("sea") == 2


def test_near_duplicates_share_a_group(tmp_path: Path) -> None:
    base = frame(4, 96, 128)
    put(tmp_path, "sea/a.png", base)
    put(tmp_path, "sea/b.png", (base * 0.7 + 40).astype(np.uint8))
    put(tmp_path, "sea/c.png", np.ascontiguousarray(base[:, ::-1]))
    put(tmp_path, "sea/d.png", frame(5, 96, 128))
    library = BackgroundLibrary.open(tmp_path)
    assert [library.background("sea", number).group for number in range(4)] == ["sea/a", "sea/a", "sea/a", "sea/d"]


def test_pixels_in_either_depth_are_read_only_and_bounded(tmp_path: Path) -> None:
    for number in range(5):
        put(tmp_path, f"sea/{number}.png", number)
    counts = frame(9).astype(np.uint16) * 100 + 7
    put(tmp_path, "sea/wide.png", counts)
    library = BackgroundLibrary.open(tmp_path, cache_bytes=10_000)
    for number in range(library.count("sea")):
        background = library.background("sea", number)
        for depth, dtype in ((8, np.uint8), (16, np.uint16)):
            image = library.pixels(background, depth)
            assert image.dtype == dtype
            assert not image.flags.writeable
            assert library._cache.used <= 10_000
    np.testing.assert_array_equal(library.pixels(library.find("sea/2"), 16), frame(2).astype(np.uint16) * 257)
    black, white = counts.min() - np.ptp(counts) / 4, counts.max() + np.ptp(counts) * 3 / 4
    wide = (counts - black) * (65535 / (white - black))
    np.testing.assert_array_equal(library.pixels(library.find("sea/wide"), 16), np.rint(wide))


def test_16_bits_of_a_frame_do_not_depend_on_what_was_asked_before(tmp_path: Path) -> None:
    put(tmp_path, "sea/wide.png", frame(9).astype(np.uint16) * 100 + 7)
    library = BackgroundLibrary.open(tmp_path)
    background = library.find("sea/wide")
    first = library.pixels(background, 16)
    other = pickle.loads(pickle.dumps(library))  # with nothing decoded yet, as in a worker
    other.pixels(background, 8)
    np.testing.assert_array_equal(other.pixels(background, 16), first)


def test_pickles_small_and_works_elsewhere(tree: Path) -> None:
    library = BackgroundLibrary.open(tree)
    data = pickle.dumps(library)
    assert len(data) < 5_000
    copy = pickle.loads(data)
    assert copy.describe() == library.describe()
    np.testing.assert_array_equal(copy.pixels(copy.find("sea/a"), 8), frame(1))


def test_known_scenes_import_no_torch(tree: Path) -> None:
    code = (
        "import sys; from sirstgen.backgrounds.library import BackgroundLibrary; "
        f"BackgroundLibrary.open({str(tree)!r}); "
        "print({'torch', 'torchvision', 'scipy', 'matplotlib'} & set(sys.modules))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"
