"""What a sample and a generator do for a person at a prompt."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirstgen.backgrounds.library import BackgroundLibrary
from sirstgen.datasets.readers import Dataset
from sirstgen.errors import InputError, InvalidValueError, OutputExistsError
from sirstgen.files import row_file
from sirstgen.plan import TargetPlan
from sirstgen.recipe.recipe import Recipe
from sirstgen.storage.writer import write_dataset
from sirstgen.synthesis.generator import Generator


def test_equal_samples_are_equal_and_others_are_not(small_generator: Generator) -> None:
    sample = small_generator[3]
    copy = pickle.loads(pickle.dumps(sample))
    assert (sample == copy) is True
    assert (sample != small_generator[4]) is True
    copy.image[0, 0] ^= 1
    assert (sample == copy) is False
    assert sample != "a sample"


def test_short_texts(small_generator: Generator) -> None:
    assert repr(small_generator) == "Generator(Recipe(width=96, height=80), seed=0)"
    assert repr(small_generator[3]).startswith("Sample(")
    sample = small_generator[3]
    things = (sample, sample.plan, sample.targets[0], small_generator.templates, small_generator.recipe)
    assert max(len(repr(thing)) for thing in things) <= 100
    assert repr(TargetPlan("spot", (3, 4), scr=4, sigma=1)) == (
        "TargetPlan(kind='spot', position=(3.0, 4.0), scr=4.0, sigma=(1.0, 1.0))"
    )


@given(st.integers(16, 900), st.lists(st.floats(0.1, 100), min_size=1, max_size=60))
def test_a_recipe_of_any_length_is_a_short_text(width: int, scr: list[float]) -> None:
    recipe = Recipe(width=width, scr=scr, scenes={"sea": {"reason": "long " * 100}})
    assert len(repr(recipe)) <= 100
    assert repr(recipe).startswith("Recipe(")


def test_pictures_show_image_and_mask(small_generator: Generator) -> None:
    sample = small_generator[3]
    picture = cv2.imdecode(np.frombuffer(sample._repr_png_(), np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture.shape == (2 * 80, 2 * (96 + 2 + 96))
    np.testing.assert_array_equal(picture[::2, : 2 * 96 : 2], sample.image)
    np.testing.assert_array_equal(picture[::2, 2 * 98 :: 2], sample.mask)
    left, right = sample.plot().axes
    assert [text.get_text() for text in left.texts] == [f"{target.scr:.2f}" for target in sample.targets]
    np.testing.assert_array_equal(right.images[0].get_array(), sample.mask)


def test_saved_samples_are_a_dataset(small_generator: Generator, tmp_path: Path) -> None:
    for index in (4, 2, 4):
        small_generator[index].save(tmp_path / "some")
    small_generator[7].save(tmp_path / "some", "best")
    dataset = Dataset.open(tmp_path / "some")
    assert dataset.ids == ("000003", "000005", "best")
    image, mask = dataset["best"]
    np.testing.assert_array_equal(image, small_generator[7].image)
    np.testing.assert_array_equal(mask, small_generator[7].mask > 0)
    assert dataset.truth()["000005"] == small_generator[4].row("000005")
    with pytest.raises(OutputExistsError, match="finished dataset"):
        small_generator[0].save(write_dataset(small_generator, tmp_path / "set", 1))
    for name in ("../x", "/x", ""):
        with pytest.raises(InvalidValueError, match="image_id must be a name, or a path below the folder"):
            small_generator[0].save(tmp_path / "other", name)
    assert not (tmp_path / "other").exists()


def test_saving_reads_the_lines_once(
    small_generator: Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[Path] = []
    monkeypatch.setattr(row_file, "_lines", lambda path, read=row_file._lines: [reads.append(path), read(path)][1])
    lines = tmp_path / "some" / "targets.jsonl"
    for index in range(6):
        small_generator[index].save(tmp_path / "some")
    assert reads == []  # the file was made here
    lines.write_text(lines.read_text() + lines.read_text().splitlines()[0].replace("000001", "x") + "\n")
    for index in (6, 7):
        small_generator[index].save(tmp_path / "some", f"y{index}")
    assert len(reads) == 1  # another program has changed it
    for index, name in ((3, "b"), (2, "a"), (2, "b")):  # in descending order, and one again
        small_generator[index].save(tmp_path / "some", name)
    assert len(reads) == 1
    rows = {row["id"]: row for row in map(json.loads, lines.read_text().splitlines())}
    assert rows["a"] == json.loads(json.dumps(small_generator[2].row("a")))
    assert rows["b"] == json.loads(json.dumps(small_generator[2].row("b")))
    found = [json.loads(line)["id"] for line in lines.read_text().splitlines()]
    assert found == [*(f"{number:06d}" for number in range(1, 7)), "a", "b", "x", "y6", "y7"]
    names = sorted(path.name for path in (tmp_path / "some").iterdir())
    assert names == ["images", "masks", "targets.jsonl"]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("[1]", "line 2: a JSON object with an id is expected"),
        ('{"id": "a", "id": "b"}', "line 2: the key 'id' is given twice"),
        ('{"id": "000001"}', "line 2: the id '000001' is given twice"),
        ("{", "line 2: "),
    ],
)
def test_saving_checks_the_lines_that_are_there(
    small_generator: Generator, tmp_path: Path, line: str, what: str
) -> None:
    small_generator[0].save(tmp_path / "some")
    with (tmp_path / "some" / "targets.jsonl").open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(InputError, match=f"targets.jsonl: {what}"):
        small_generator[1].save(tmp_path / "some")
    assert [path.name for path in (tmp_path / "some" / "images").iterdir()] == ["000001.png"]


def test_a_line_that_was_cut_off_is_dropped(small_generator: Generator, tmp_path: Path) -> None:
    small_generator[0].save(tmp_path / "some")
    with (tmp_path / "some" / "targets.jsonl").open("a") as file:
        file.write('{"id": "0000')
    small_generator[1].save(tmp_path / "some")
    assert list(Dataset.open(tmp_path / "some").truth()) == ["000001", "000002"]


def test_a_slice_of_a_generator(small_generator: Generator) -> None:
    part = small_generator[3:9:2]
    assert len(part) == 3
    assert part[1] == small_generator[5]
    assert [sample.plan.index for sample in part] == [3, 5, 7]
    for wrong in (slice(3, None), slice(-3, 4), slice(0, 4, 0), slice(4, 0, -1)):
        with pytest.raises(InvalidValueError, match="must have an end"):
            small_generator[wrong]


def test_plain_values_stand_for_a_recipe_and_backgrounds(background_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("width: 96\nheight: 80\n")
    one = Generator(tmp_path / "mine.yaml", background_folder, seed=np.int64(5))  # type: ignore[arg-type]
    other = Generator({"width": 96, "height": 80}, str(background_folder), seed=5)
    third = Generator(Recipe(width=96, height=80), BackgroundLibrary.open(background_folder), seed=5)
    assert one[2] == other[2] == third[2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"recipe": 3}, "recipe must be a Recipe, a table of entries or the path of a recipe file, got int"),
        ({"recipe": {"scrr": 3}}, "unknown key scrr"),
        ({"backgrounds": 3}, "backgrounds must be builtin, procedural, a folder or a BackgroundSource, got int"),
        ({"templates": 3}, "templates must be a folder or a TemplateLibrary, got int"),
        ({"seed": "7"}, "seed must be a whole number, got str"),
        ({"seed": 1.5}, "seed must be a whole number, got float"),
        ({"seed": -1}, "seed must not be negative, got -1"),
    ],
)
def test_values_of_another_type_are_one_error(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        Generator(**arguments)  # type: ignore[arg-type]


def test_files_that_are_not_there_are_named() -> None:
    with pytest.raises(InputError, match=r"none\.yaml"):
        Generator("none.yaml")
    with pytest.raises(InputError, match="nowhere"):
        Generator(backgrounds="nowhere")


def test_the_package_is_a_command() -> None:
    found = subprocess.run([sys.executable, "-m", "sirstgen", "--version"], capture_output=True, text=True, check=True)
    assert found.stdout.strip()
