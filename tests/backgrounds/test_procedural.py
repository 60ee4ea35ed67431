"""Procedural frames: replay, sizes, and whether they lie where real frames lie.

By definition 80 % of the real frames that RANGES pools lie inside each range; frames of one source lie there less
often, those of NUAA-SIRST in 72 % (sea) to 81 % (city) of cases. Of generated 256x256 frames we ask the like: that the
median lies inside every range, that the shares inside average 70 % over the statistics, and that none falls below 35 %.
"""

import numpy as np
import pytest
from making.ranges import RANGES

from sirstgen.backgrounds.procedural import SCENES, draw, generate
from sirstgen.backgrounds.procedural.make import make
from sirstgen.backgrounds.procedural.source import ProceduralBackgrounds
from sirstgen.backgrounds.source import BackgroundSource
from sirstgen.errors import InputError, InvalidValueError, OutputExistsError
from sirstgen.files.images import read_gray
from sirstgen.measure.background_statistics import background_statistics


@pytest.mark.parametrize("scene", SCENES)
def test_a_frame_depends_on_its_arguments_alone(scene):
    third = generate(scene, 5, 3, 72, 96)
    generate(scene, 5, 0, 72, 96)
    assert np.array_equal(generate(scene, 5, 3, 72, 96), third)
    assert not np.array_equal(generate(scene, 5, 4, 72, 96), third)
    assert not np.array_equal(generate(scene, 6, 3, 72, 96), third)


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("size", [(32, 32), (64, 64), (65, 131), (151, 97), (37, 300), (512, 640), (4096, 32)])
def test_any_size(scene, size):
    frame, places = draw(scene, 0, 1, *size)
    assert frame.shape == places.shape == size
    assert frame.dtype == places.dtype == np.uint8
    assert frame.std() > (0.3 if scene in ("cloud", "highlight") else 1.5)


@pytest.mark.parametrize("scene", ["city", "field", "sea"])
def test_frames_differ_in_layout_and_level(scene):
    frames = [generate(scene, 2, number, 64, 64).astype(float) for number in range(12)]
    alike = np.corrcoef([frame.ravel() for frame in frames])[np.triu_indices(12, 1)]
    assert np.median(np.abs(alike)) < 0.8
    assert np.ptp([frame.mean() for frame in frames]) > 20


def test_most_seas_show_a_level_horizon_in_the_upper_half():
    found = [background_statistics(generate("sea", 3, number, 160, 200)) for number in range(20)]
    clear = [frame["horizon_row"] for frame in found if frame["horizon_variance"] > 0.4]
    assert len(clear) >= 10
    assert 0.2 < np.median(clear) < 0.6


@pytest.mark.parametrize("scene", ["field", "sea"])
def test_waves_and_furrows_lie_down(scene):
    lying = [background_statistics(generate(scene, 4, number, 128, 160))["anisotropy"] for number in range(12)]
    assert np.median(lying) > 0.3


@pytest.mark.parametrize("scene", SCENES)
def test_the_border_does_not_continue_on_the_other_side(scene):
    """A periodic field would make opposite border columns as alike as neighbours."""
    apart, beside = 0.0, 0.0
    for number in range(4):
        frame = generate(scene, 1, number, 128, 128).astype(float)
        apart += np.abs(frame[:, 0] - frame[:, -1]).mean()
        beside += np.abs(frame[:, 0] - frame[:, 1]).mean()
    assert apart > 2 * beside


@pytest.mark.parametrize("scene", SCENES)
def test_the_median_frame_lies_inside_the_ranges_of_real_frames(scene):
    shares, medians = _inside(scene, 10)
    outside = [name for name, inside in medians.items() if not inside]
    assert len(outside) <= 1, outside  # the median of ten frames is uncertain
    assert np.mean(list(shares.values())) >= 0.65


@pytest.mark.slow
@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("seed", [1, 2])
def test_frames_lie_inside_the_ranges_of_real_frames(scene, seed):
    shares, medians = _inside(scene, 30, seed)
    assert [name for name, inside in medians.items() if not inside] == []
    assert {name: share for name, share in shares.items() if share < 0.35} == {}
    assert np.mean(list(shares.values())) >= 0.7


def _inside(scene: str, count: int, seed: int = 0) -> tuple[dict[str, float], dict[str, bool]]:
    """For each statistic, the share of frames inside its range, and whether the median is."""
    found = [background_statistics(generate(scene, seed, number, 256, 256)) for number in range(count)]
    shares, medians = {}, {}
    for name, (low, high) in RANGES[scene].items():
        values = np.array([one[name] for one in found])
        shares[name] = float(((values >= low) & (values <= high)).mean())
        medians[name] = bool(low <= np.median(values) <= high)
    return shares, medians


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("desert", 0, 0, 64, 64), "scene must be one of city, cloud, field, highlight, sea, got 'desert'"),
        (("sea", -1, 0, 64, 64), "seed must be at least 0, got -1"),
        (("sea", 0, -1, 64, 64), "number must be at least 0, got -1"),
        (("sea", 0, 0, 31, 64), "height must be from 32 to 4096, got 31"),
        (("sea", 0, 0, 64, 0), "width must be from 32 to 4096, got 0"),
    ],
)
def test_what_cannot_be_drawn_is_refused(arguments, message):
    with pytest.raises(InvalidValueError, match=message):
        generate(*arguments)


def test_the_source_is_endless_and_finds_what_it_names():
    source: BackgroundSource = ProceduralBackgrounds(3, 64, 80)
    assert source.scenes() == tuple(sorted(SCENES))
    assert source.count("sea") is None
    background = source.background("cloud", 123)
    assert background.id == background.group == "procedural/cloud/000123"
    assert (background.scene, background.scene_confidence, background.scene_source) == ("cloud", 1.0, "procedural")
    assert source.find(background.id) == background
    pixels = source.pixels(background, 8)
    assert np.array_equal(pixels, generate("cloud", 3, 123, 64, 80))
    assert np.array_equal(source.pixels(background, 16), pixels.astype(np.uint16) * 257)
    assert source.describe() == {"kind": "procedural", "seed": 3, "height": 64, "width": 80}


@pytest.mark.parametrize("unknown", ["sea/0001", "procedural/desert/000001", "procedural/sea/x", "procedural/sea"])
def test_the_source_refuses_ids_of_other_kinds(unknown):
    with pytest.raises(InputError, match="ids are procedural/"):
        ProceduralBackgrounds(0, 64, 64).find(unknown)


def test_the_source_refuses_what_cannot_be_drawn():
    with pytest.raises(InvalidValueError, match="got 'desert'"):
        ProceduralBackgrounds(0, 64, 64).count("desert")
    with pytest.raises(InvalidValueError, match="height must be from 32 to 4096, got 16"):
        ProceduralBackgrounds(0, 16, 64).background("sea", 0)


def test_make_writes_the_frames_and_nothing_over_others(tmp_path):
    (tmp_path / "README.md").write_text("kept")
    seen: list[tuple[int, int]] = []
    files = make(tmp_path, ("cloud", "highlight"), 2, 64, 72, 7, progress=lambda *done: seen.append(done))
    assert [file.relative_to(tmp_path).as_posix() for file in files] == [
        "cloud/0001.png",
        "cloud/0002.png",
        "highlight/0001.png",
        "highlight/0002.png",
    ]
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert np.array_equal(read_gray(files[3]), generate("highlight", 7, 1, 64, 72))
    files[3].unlink()
    with pytest.raises(OutputExistsError, match="3 of 4 files exist already"):
        make(tmp_path, ("cloud", "highlight"), 2, 64, 72, 7)
    assert not files[3].exists()
    make(tmp_path, ("cloud", "highlight"), 2, 64, 72, 7, overwrite=True)
    assert files[3].exists()
    assert (tmp_path / "README.md").read_text() == "kept"


def test_make_checks_everything_before_it_writes(tmp_path):
    with pytest.raises(InvalidValueError, match="got 'desert'"):
        make(tmp_path, ("cloud", "desert"), 1, 64, 64, 0)
    with pytest.raises(InvalidValueError, match="per_scene must be at least 1"):
        make(tmp_path, ("cloud",), 0, 64, 64, 0)
    for out, places in (("a", "a"), ("a", "a/maps"), ("a/frames", "a")):
        with pytest.raises(InvalidValueError, match="places and out must be apart"):
            make(tmp_path / out, ("cloud",), 1, 64, 64, places=tmp_path / places)
    assert list(tmp_path.iterdir()) == []


def test_make_writes_over_no_place_map(tmp_path):
    mine = tmp_path / "maps" / "cloud" / "0001.png"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"drawn by hand")
    with pytest.raises(OutputExistsError, match=r"maps/cloud/0001\.png: 1 of 2 files exist already"):
        make(tmp_path / "out", ("cloud",), 1, 64, 64, places=tmp_path / "maps")
    assert mine.read_bytes() == b"drawn by hand"
    make(tmp_path / "out", ("cloud",), 1, 64, 64, places=tmp_path / "maps", overwrite=True)
    assert read_gray(mine).shape == (64, 64)
