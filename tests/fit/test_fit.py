"""A set of known distributions, and what fitting finds of them."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import jsonschema
import numpy as np
import pytest
import yaml
from making.labelled_set import known_set
from typer.testing import CliRunner

from sirstgen.cli import app
from sirstgen.datasets.readers import Dataset
from sirstgen.errors import InvalidValueError
from sirstgen.fit.cleaned import CleanedFrames, clean_frames
from sirstgen.fit.contrast import regression
from sirstgen.fit.findings import Finding, quantiles, to_entries, to_yaml
from sirstgen.fit.fit import FittedRecipe, fit_recipe
from sirstgen.fit.frames import blocky_share, fit_cluster, fit_counts
from sirstgen.fit.labelled import chosen_ids, measure_labelled
from sirstgen.fit.shape import candidates, distances, rendered_targets, shape_table
from sirstgen.recipe.recipe import Recipe, schema_text
from sirstgen.scenes.labels import SceneLabel
from sirstgen.seeding import stream
from sirstgen.synthesis.generator import Generator


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 frames of 120x96; every third holds two targets, the others one; contrast 60 (sigma_b / 5)^0.3."""
    return known_set(tmp_path_factory.mktemp("known") / "known", frames=60)


@pytest.fixture(scope="module")
def fitted(folder: Path) -> FittedRecipe:
    labels = {f"{number:03d}": SceneLabel("sea" if number % 4 == 0 else "cloud") for number in range(60)}
    return fit_recipe(Dataset.open(folder), labels=labels, match=False)


def test_what_was_put_in_is_found(fitted: FittedRecipe) -> None:
    assert (fitted.frames, fitted.targets) == (60, 80)
    entries = fitted.entries
    counts = entries["targets_per_image"]
    assert set(counts) == {1, 2} and counts[1] == pytest.approx(2 / 3, abs=0.03)
    law = entries["contrast"]
    assert law["level"]["lognormal"]["median"] == pytest.approx(60, rel=0.1)
    assert law["clutter_exponent"] == pytest.approx(0.3, abs=0.1)
    assert law["level"]["lognormal"]["spread"] < 0.25
    areas = entries["spot"]["area"]["quantiles"]
    assert areas == sorted(areas) and areas[len(areas) // 2] == pytest.approx(21, rel=0.25)
    assert entries["width"] == 120 and entries["height"] == 96
    assert entries["backgrounds"]["sizes"] == [[120, 96]]
    assert entries["backgrounds"]["scene_mix"] == {"cloud": 0.75, "sea": 0.25}


def test_the_file_reads_back_to_the_same_recipe(fitted: FittedRecipe, tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(fitted.text(), encoding="utf-8")
    assert Recipe.load(file) == fitted.recipe()
    jsonschema.validate(json.loads(json.dumps(fitted.entries)), json.loads(schema_text()))
    comments = [line for line in fitted.text().splitlines() if line.lstrip().startswith("#")]
    assert any("From 80 targets" in line for line in comments)
    assert all(len(line) <= 120 for line in comments)
    assert set(fitted.recipe().scenes) == set(Recipe().scenes)
    assert all(row.kinds["extended"] == 0 for row in fitted.recipe().scenes.values())
    assert "there are none" in fitted.notes["stages.saturation_clip.level"]  # of more than 60 px


def test_clusters_are_measured_and_drawn(folder: Path, tmp_path: Path) -> None:
    frames = known_set(tmp_path / "pairs", frames=24)
    for number in range(24):  # every frame gets a pair of targets 20 px apart, and every other one a loner
        mask = np.zeros((96, 120), np.uint8)
        for x, y in [(30, 30), (46, 42), *([(105, 85)] if number % 2 else [])]:
            mask[y - 1 : y + 2, x - 1 : x + 2] = 255
        cv2.imwrite(str(frames / "masks" / f"{number:03d}.png"), mask)
    found = measure_labelled(Dataset.open(frames), Dataset.open(frames).ids)
    share, distance = fit_cluster(found)[0]
    assert "24 of 36 further targets" in share.note
    assert 0.15 < share.value < 24 / 36  # in frames of 120x96 chance puts many together
    assert distance.value["quantiles"][0] == distance.value["quantiles"][-1] == pytest.approx(20, abs=0.1)
    for number in range(24):  # places that know nothing of each other
        mask = np.zeros((96, 120), np.uint8)
        for x, y in stream(number, "places").integers(4, (116, 92), (3, 2)):
            mask[y - 1 : y + 2, x - 1 : x + 2] = 255
        cv2.imwrite(str(frames / "masks" / f"{number:03d}.png"), mask)
    by_chance = measure_labelled(Dataset.open(frames), Dataset.open(frames).ids)
    assert fit_cluster(by_chance)[0][0].value < 0.25
    lone = measure_labelled(Dataset.open(folder), [f"{number:03d}" for number in range(1, 60) if number % 3][:24])
    assert fit_cluster(lone)[0] == [] and "clusters: 0 further targets" in fit_cluster(lone)[1][0]


def test_images_can_be_drawn_from_it(fitted: FittedRecipe, folder: Path) -> None:
    dataset = Dataset.open(folder)
    backgrounds = clean_frames(dataset, [(key, ("cloud", "sea")[number % 2]) for number, key in enumerate(dataset.ids)])
    assert len(backgrounds) > 50 and backgrounds.scenes() == ("cloud", "sea")
    assert backgrounds.find("003") == backgrounds.background("sea", 1)
    sample = Generator(fitted.recipe(), backgrounds, seed=1)[0]
    assert sample.image.shape == (96, 120) and sample.targets


def test_a_scene_without_enough_targets_has_those_of_all(fitted: FittedRecipe) -> None:
    assert any("sea 2" in unknown for unknown in fitted.unknowns)
    scenes = fitted.entries["scenes"]
    assert "spot" in scenes["cloud"] and set(scenes["sea"]) == {"kinds"}


def test_labels_name_frames_of_sub_folders_by_their_last_part(folder: Path, tmp_path: Path) -> None:
    for part in ("images", "masks"):
        shutil.copytree(folder / part, tmp_path / "set" / part / "seq")
    labels = {"000": SceneLabel("sea"), "seq/001": SceneLabel("cloud"), "seq/002": SceneLabel("sea")}
    dataset = Dataset.open(tmp_path / "set")
    found = measure_labelled(dataset, dataset.ids[:20], labels | {"002": SceneLabel("city")})
    assert [frame.scene for frame in found.frames[:4]] == ["sea", "cloud", "sea", None]


def test_more_targets_in_a_frame_than_a_recipe_draws_count_as_many_as_it_draws(folder: Path) -> None:
    dataset = Dataset.open(folder)
    found = measure_labelled(dataset, dataset.ids[:20])
    crowded = replace(found.frames[0], targets=found.frames[0].targets * 130)
    counts = fit_counts(replace(found, frames=(crowded, *found.frames[1:]))).value
    assert max(counts) == 100 and Recipe(targets_per_image=counts)


def test_few_frames_say_what_they_cannot_tell(folder: Path) -> None:
    dataset = Dataset.open(folder)
    few = fit_recipe(dataset, dataset.ids[:20])
    assert few.frames == 20 and few.targets < 30
    assert any("kept at exponents 0.24 and 0" in unknown for unknown in few.unknowns)
    assert any("as for NUAA-SIRST" in unknown for unknown in few.unknowns)
    assert few.entries["contrast"]["clutter_exponent"] == 0.24
    assert "normal" in few.entries["position"]["x"] and len(few.entries["spot"]["area"]["quantiles"]) == 5
    few.recipe()
    with pytest.raises(InvalidValueError, match="at least 20 frames, got 19"):
        fit_recipe(dataset, dataset.ids[:19])
    with pytest.raises(InvalidValueError, match="got 999"):
        fit_recipe(dataset, ["999"])


def test_test_frames_are_not_used_unless_asked_for(tmp_path: Path) -> None:
    folder = known_set(tmp_path / "split", frames=24)
    (folder / "50_50").mkdir()
    (folder / "50_50" / "train.txt").write_text("\n".join(f"{number:03d}" for number in range(20)))
    (folder / "50_50" / "test.txt").write_text("\n".join(f"{number:03d}" for number in range(20, 24)))
    dataset = Dataset.open(folder)
    assert chosen_ids(dataset) == dataset.split("train")
    assert len(chosen_ids(dataset, "all")) == 24
    with pytest.raises(InvalidValueError, match="must not be test frames"):
        chosen_ids(dataset, ids=["021"])
    with pytest.raises(InvalidValueError, match="train or all, got test"):
        chosen_ids(dataset, "test")


def test_regression_finds_exponents_and_leans_on_what_is_known() -> None:
    rng = stream(0, "regression")
    clutter, area = np.exp(rng.normal(1.5, 1, 400)), np.exp(rng.normal(3, 0.7, 400))
    contrast = 50 * (np.maximum(clutter, 1) / 5) ** 0.4 * (area / 20) ** 0.2 * np.exp(0.3 * rng.standard_normal(400))
    contrast[:20] *= 20  # outliers
    exponents, measured = regression(contrast, clutter, area)
    assert measured == pytest.approx([0.4, 0.2], abs=0.06) and exponents == pytest.approx(measured, abs=0.02)
    flat = np.full(40, 5.0)  # says nothing of clutter
    exponents, _ = regression(contrast[:40], flat, area[:40])
    assert exponents[0] == pytest.approx(0.24, abs=0.01)


def test_blocks_are_seen(folder: Path, tmp_path: Path) -> None:
    dataset = Dataset.open(folder)
    assert blocky_share(measure_labelled(dataset, dataset.ids)) < 0.1
    blocky = tmp_path / "blocky"
    shutil.copytree(folder, blocky)
    for key in dataset.ids:
        data = cv2.imencode(".jpg", dataset.image(key), [cv2.IMWRITE_JPEG_QUALITY, 15])[1]
        cv2.imwrite(str(blocky / "images" / f"{key}.png"), cv2.imdecode(data, cv2.IMREAD_GRAYSCALE))
    found = fit_recipe(Dataset.open(blocky), match=False)
    assert found.entries["stages"]["codec"]["share"] > 0.9 and found.entries["stages"]["codec"]["scope"] == "targets"
    assert list(candidates(0, 0)["codec"]) == ["no codec"]


def test_sixteen_bits_give_the_same_law(folder: Path, fitted: FittedRecipe, tmp_path: Path) -> None:
    deep = tmp_path / "deep"
    shutil.copytree(folder, deep)
    dataset = Dataset.open(folder)
    for key in dataset.ids:
        cv2.imwrite(str(deep / "images" / f"{key}.png"), dataset.image(key).astype(np.uint16) * 257)
    found = fit_recipe(Dataset.open(deep), match=False)
    assert found.entries["bit_depth"] == 16 and "codec" not in found.entries["stages"]
    assert found.entries["contrast"] == fitted.entries["contrast"]
    assert found.recipe().bit_depth == 16


def test_shapes_are_told_apart(folder: Path) -> None:
    dataset = Dataset.open(folder)
    backgrounds = clean_frames(dataset, [(key, "cloud") for key in dataset.ids[:12]])
    rows = {"scenes": {"cloud": {"kinds": {"spot": 1}}}, "contrast": {"level": 60}}
    plain = Recipe(width=120, height=96, scr=[4], **rows)
    lobed = Recipe(width=120, height=96, scr=[4], **rows, stages={"extra_gaussians": {"count": 4}})
    tables = [shape_table(rendered_targets(recipe, backgrounds, 25)) for recipe in (plain, plain, lobed)]
    assert max(distances(tables[0], tables[1]).values()) == 0
    assert distances(tables[0], tables[2])["fit_residual"] > 0.3
    assert shape_table([]) == {}


def test_large_bodies_have_columns_of_their_own(folder: Path) -> None:
    dataset = Dataset.open(folder)
    backgrounds = clean_frames(dataset, [(key, "cloud") for key in dataset.ids[:12]])
    rows = {"scenes": {"cloud": {"kinds": {"spot": 1}}}, "contrast": {"level": 60}, "spot": {"area": [20, 120]}}
    tables = []
    for exponent in (0, 0.8):
        recipe = Recipe(width=120, height=96, **rows, stages={"saturation_clip": {"level": 1, "exponent": exponent}})
        tables.append(shape_table(rendered_targets(recipe, backgrounds, 25)))
    large = np.isfinite(tables[0]["large_edge"])
    assert 0 < large.sum() < large.size
    assert np.nanmedian(tables[1]["large_edge"]) > 1.3 * np.nanmedian(tables[0]["large_edge"])
    found = distances(*tables)
    assert found["large_edge"] > 0.5
    few = {name: values[:8] for name, values in tables[0].items()}  # of which fewer than 8 are large
    assert "large_edge" not in distances(few, tables[1])


def test_findings_make_nested_yaml() -> None:
    findings = [
        Finding(("width",), 300, "Why so wide."),
        Finding(("spot", "area"), quantiles(np.arange(1.0, 51.0)), "Areas. " * 40),
        Finding(("spot", "aspect"), 1.5, "As it was."),
        Finding(("scenes", "sea", "kinds"), {"spot": 1}, "Spots."),
    ]
    text = to_yaml(findings, ["Fitted."])
    assert yaml.safe_load(text) == to_entries(findings)
    assert "\n  # As it was.\n  aspect: 1.5\n" in text and text.count("spot:") == 2


def test_a_source_of_cleaned_frames_names_what_it_lacks() -> None:
    backgrounds = CleanedFrames([("a", "sea", np.zeros((40, 40), np.uint8))])
    with pytest.raises(InvalidValueError, match="below 1 for sea, got 3"):
        backgrounds.background("sea", 3)
    assert backgrounds.count("cloud") == 0 and backgrounds.describe()["counts"] == {"sea": 1}


def test_command(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "recipe.yaml"
    ids = tmp_path / "ids.txt"
    ids.write_text("\n".join(f"{number:03d}" for number in range(24)))
    run = CliRunner()
    done = run.invoke(app, ["fit", str(folder), "--out", str(out), "--ids", str(ids), "--no-match"])
    assert done.exit_code == 0, done.output
    assert "24 frames with 32 targets" in done.output and "not estimated: " in done.output
    Recipe.load(out)
    again = run.invoke(app, ["fit", str(folder), "--out", str(out), "--no-match"])
    assert again.exit_code == 2 and "--overwrite" in again.output
    told = run.invoke(app, ["fit", str(folder), "--out", str(out), "--no-match", "--overwrite", "--json", "--noise"])
    assert told.exit_code == 0 and '"unknowns"' in told.output
    assert Recipe.load(out).stages["sensor_noise"].sigma.support[1] > 0


@pytest.mark.slow
def test_matching_brings_shapes_nearer(folder: Path) -> None:
    dataset = Dataset.open(folder)
    found = fit_recipe(dataset)
    assert found.distance is not None and found.distance < 0.3
    assert "mean KS distance" in found.notes["stages.extra_gaussians.count"]


def test_targets_too_small_for_a_profile_are_fitted(tmp_path: Path) -> None:
    folder = known_set(tmp_path / "tiny", frames=20)
    for path in sorted((folder / "masks").iterdir()):
        mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        assert mask is not None
        y, x = np.argwhere(mask)[0]
        mask[:] = 0
        mask[y, x : x + 2] = 255
        cv2.imwrite(str(path), mask)
    assert "none measured" in fit_recipe(folder, match=False).text()
