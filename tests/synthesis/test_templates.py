"""Template folders: what is read, what is refused, and what ships with sirstgen."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from sirstgen.assets import asset_folder
from sirstgen.errors import InputError, InvalidValueError
from sirstgen.synthesis.templates import Template, TemplateLibrary


def save(path: Path, values: np.ndarray, **settings: int) -> Path:
    """Gray (H, W), gray with alpha (H, W, 2) or RGBA (H, W, 4) as PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path, **settings)
    return path


def object_in_black(dtype: type = np.uint8, peak: int = 200) -> np.ndarray:
    image = np.zeros((30, 60), dtype)
    image[10:20, 5:45] = peak // 2
    image[12:15, 5:9] = peak
    return image


def test_built_in_templates_are_many_and_described() -> None:
    library = TemplateLibrary.open()
    assert library.classes == ("plane", "ship", "uav")
    for cls in library.classes:
        templates = library.of_class(cls)
        assert len(templates) >= 8
        assert len({template.pose for template in templates}) == len(templates)
        for template in templates:
            assert template.cls == cls
            assert template.scenes
            assert 5 <= template.typical_length[0] < template.typical_length[1] <= 25
            assert 240 <= max(template.radiance.shape) <= 256
            levels = template.radiance[template.radiance > 0.3]
            assert np.percentile(levels, 95) > 1.15 * np.percentile(levels, 5), "radiance, not a flat silhouette"


def test_poses_fit_the_scene() -> None:
    for template in TemplateLibrary.open():
        if "from below" in template.pose and "three-quarter" not in template.pose and "head-on" not in template.pose:
            assert set(template.scenes) == {"cloud", "sky-clear", "highlight"}, "the camera looks up"
        if "wing" in template.pose or "long-endurance" in template.pose:
            assert "city" not in template.scenes, "it cannot hover between houses"


def test_headings_follow_from_the_drawings() -> None:
    library = TemplateLibrary.open()
    assert library.get("plane/02").heading == 0.0
    assert library.get("plane/03").heading < 0, "a climbing plane's nose points up"
    assert library.get("ship/02").heading > 0, "a bow turned to a viewer above points down"


def test_the_committed_drawings_are_what_the_script_draws(tmp_path: Path) -> None:
    folder = asset_folder("templates")
    script = Path(__file__).parents[2] / "templates" / "draw.py"  # not part of the installed package
    subprocess.run([sys.executable, "-B", script, tmp_path], check=True, timeout=60)
    assert (tmp_path / "index.yaml").read_text("utf-8") == (folder / "index.yaml").read_text("utf-8")
    for committed, drawn in zip(TemplateLibrary.open(folder), TemplateLibrary.open(tmp_path), strict=True):
        assert drawn.radiance.shape == committed.radiance.shape
        assert np.abs(drawn.radiance - committed.radiance).mean() < 0.005, "but for the edges, which OpenCV may change"


def test_own_templates_need_no_index(tmp_path: Path) -> None:
    save(tmp_path / "balloon" / "round.png", object_in_black())
    template = TemplateLibrary.open(tmp_path).get("balloon/round")
    assert (template.cls, template.scenes, template.heading) == ("balloon", (), 0.0)
    assert template.typical_length == (6.0, 25.0)
    assert template.radiance.shape == (10, 40), "cropped to the object"
    assert template.radiance.dtype == np.float32
    assert template.radiance.max() == 1.0


def test_depth_and_alpha_mean_the_same_radiance(tmp_path: Path) -> None:
    gray = object_in_black()
    outside = np.where(gray > 0, gray, 90).astype(np.uint8)
    alpha = np.where(gray > 0, 255, 0).astype(np.uint8)
    rgba = np.stack([outside] * 3 + [alpha], axis=2)
    save(tmp_path / "a" / "gray.png", gray)
    save(tmp_path / "a" / "deep.png", object_in_black(np.uint16, 51400))
    save(tmp_path / "a" / "la.png", np.stack([outside, alpha], axis=2))
    save(tmp_path / "a" / "rgba.png", rgba)
    save(tmp_path / "a" / "opaque.png", np.stack([gray] * 3 + [np.full_like(gray, 255)], axis=2))
    save(tmp_path / "a" / "keyed.png", np.where(gray > 0, gray, 7).astype(np.uint8), transparency=7)
    cv2.imwrite(str(tmp_path / "a" / "deep_rgba.png"), rgba.astype(np.uint16) * 257)
    library = TemplateLibrary.open(tmp_path)
    library.check()
    for template in library:
        np.testing.assert_allclose(template.radiance, library.get("a/gray").radiance, atol=0.005, err_msg=template.id)


def test_half_transparent_parts_are_half_as_bright(tmp_path: Path) -> None:
    alpha = np.zeros((20, 40), np.uint8)
    alpha[5:15, 5:20], alpha[5:15, 20:35] = 255, 128
    save(tmp_path / "a" / "b.png", np.stack([np.full_like(alpha, 200), alpha], axis=2))
    radiance = TemplateLibrary.open(tmp_path).get("a/b").radiance
    assert radiance[5, 25] == pytest.approx(128 / 255, abs=0.005)


def test_big_drawings_are_halved(tmp_path: Path) -> None:
    big = np.zeros((700, 1700), np.uint8)
    big[50:650, 50:1650] = 255
    save(tmp_path / "a" / "b.png", big)
    assert TemplateLibrary.open(tmp_path).get("a/b").radiance.shape == (150, 400)


def test_index_settings_of_class_and_template(tmp_path: Path) -> None:
    save(tmp_path / "balloon" / "1.png", object_in_black())
    save(tmp_path / "balloon" / "2.png", object_in_black())
    entries = {"balloon": {"scenes": ["cloud"], "typical_length": [5, 9]}, "balloon/2": {"heading": 90, "pose": "up"}}
    for name, text in (
        ("index.json", json.dumps(entries, indent="\t")),
        ("index.yaml", "balloon: {scenes: [cloud], typical_length: [5, 9]}\nballoon/2: {heading: 90, pose: up}\n"),
    ):
        (tmp_path / name).write_text(text)
        library = TemplateLibrary.open(tmp_path)
        assert library.get("balloon/1").scenes == ("cloud",)
        assert library.get("balloon/1").heading == 0.0
        second = library.get("balloon/2")
        assert (second.typical_length, second.heading, second.pose) == ((5.0, 9.0), 90.0, "up")
        (tmp_path / name).unlink()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a/1: {headin: 3}", ["a/1", "headin", "did you mean heading?"]),
        ("a/11: {heading: 3}", ["a/11", "did you mean a/1?"]),
        ("a/1: {heading: north}", ["heading must be an angle", "north"]),
        ("a/1: {heading: .nan}", ["heading must be an angle"]),
        ("a/1: {typical_length: [9, 5]}", ["typical_length must be two positive lengths", "[9, 5]"]),
        ("a/1: {typical_length: 7}", ["typical_length must be"]),
        ("a/1: {typical_length: '12'}", ["typical_length must be", "'12'"]),
        ("a/1: {scenes: cloud}", ["scenes must be a list"]),
        ("a/1: 7", ["must be a table"]),
    ],
)
def test_bad_index_settings_name_key_and_way_out(tmp_path: Path, text: str, words: list[str]) -> None:
    save(tmp_path / "a" / "1.png", object_in_black())
    (tmp_path / "index.yaml").write_text(text)
    with pytest.raises(InvalidValueError) as fault:
        TemplateLibrary.open(tmp_path)
    for word in ["index.yaml", *words]:
        assert word in str(fault.value)


@pytest.mark.parametrize(("name", "text"), [("index.yaml", "a: [1"), ("index.yaml", "- a"), ("index.json", "{")])
def test_an_index_that_cannot_be_read(tmp_path: Path, name: str, text: str) -> None:
    save(tmp_path / "a" / "1.png", object_in_black())
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=name):
        TemplateLibrary.open(tmp_path)


def bad_png(kind: str, path: Path) -> None:
    if kind == "maskless":
        save(path, np.full((20, 20), 90, np.uint8))
    elif kind == "opaque":
        save(path, np.full((20, 20, 4), 255, np.uint8))
    elif kind == "black":
        save(path, np.zeros((20, 20), np.uint8))
    elif kind == "transparent":
        save(path, np.zeros((20, 20, 2), np.uint8))
    elif kind == "truncated":
        whole = save(path, np.random.default_rng(0).integers(0, 255, (40, 40), np.uint8)).read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
    elif kind == "empty":
        path.touch()
    elif kind == "jpeg":
        Image.fromarray(object_in_black()).save(path, format="JPEG")
    else:
        path.write_text("no image")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("maskless", "add an alpha channel"),
        ("opaque", "add an alpha channel"),
        ("black", "black or transparent everywhere"),
        ("transparent", "black or transparent everywhere"),
        ("truncated", "truncated"),
        ("empty", "empty"),
        ("jpeg", "save it as PNG"),
        ("text", "not a PNG"),
    ],
)
def test_bad_files_are_named_with_a_way_out(tmp_path: Path, kind: str, words: str) -> None:
    (tmp_path / "a").mkdir()
    bad_png(kind, tmp_path / "a" / "1.png")
    library = TemplateLibrary.open(tmp_path)
    for read in (library.check, lambda: library.get("a/1").radiance):
        with pytest.raises(InputError, match=words) as fault:
            read()
        assert str(tmp_path / "a" / "1.png") in str(fault.value)


@pytest.mark.parametrize("stray", ["1.png", "a/b/1.png", "a/1.jpg"])
def test_images_that_would_be_passed_over_are_faults(tmp_path: Path, stray: str) -> None:
    save(tmp_path / "a" / "ok.png", object_in_black())
    save(tmp_path / stray, object_in_black())
    with pytest.raises(InputError, match=Path(stray).name):
        TemplateLibrary.open(tmp_path)


def test_empty_and_missing_folders(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no template"):
        TemplateLibrary.open(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        TemplateLibrary.open(tmp_path / "none")


def test_unknown_ids_and_classes_name_the_nearest() -> None:
    library = TemplateLibrary.open()
    with pytest.raises(InvalidValueError, match=r"did you mean plane/\d\d\?"):
        library.get("plan/01")
    with pytest.raises(InvalidValueError, match="did you mean ship"):
        library.of_class("ships")


def test_arrays_are_templates_too() -> None:
    assert Template("mine/1", "mine", object_in_black()).radiance.max() == 1.0
    for bad in (np.zeros((3, 3)), np.full((3, 3), -1.0), np.full((3, 3), np.nan), np.ones(3)):
        with pytest.raises(InvalidValueError, match="mine/1"):
            _ = Template("mine/1", "mine", bad).radiance


def test_a_library_travels_without_its_pixels() -> None:
    library = TemplateLibrary.open()
    pixels = library.get("uav/01").pyramid[0]
    packed = pickle.dumps(library)
    assert len(packed) < 20_000
    np.testing.assert_array_equal(pickle.loads(packed).get("uav/01").pyramid[0], pixels)
