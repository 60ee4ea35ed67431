from __future__ import annotations

import errno
import json
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sirstgen.backgrounds.library import BackgroundLibrary
from sirstgen.datasets.unfinished import STATE
from sirstgen.errors import GenerationError, InputError, InvalidValueError, OutputExistsError, SirstgenWarning
from sirstgen.files import atomic
from sirstgen.files.checked_json import checked_text
from sirstgen.files.output import stage_of
from sirstgen.recipe.recipe import Recipe
from sirstgen.seeding import stream
from sirstgen.storage import journal
from sirstgen.storage import run as storage_run
from sirstgen.storage.checksums import check_sums
from sirstgen.storage.fingerprint import fingerprint
from sirstgen.storage.libraries import libraries
from sirstgen.storage.run import FolderRun
from sirstgen.storage.writer import redraw, write_dataset
from sirstgen.synthesis.generator import Generator
from sirstgen.synthesis.render import Sample

COUNT = 7


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden ones too, by path."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "targets.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def unbroken(small_generator: Generator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of `COUNT` images called ``set``, written in one go."""
    return write_dataset(small_generator, tmp_path_factory.mktemp("unbroken") / "set", COUNT)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "set"


@pytest.fixture
def copied(unbroken: Path, out: Path) -> Path:
    """A copy of the unbroken dataset, to be changed."""
    shutil.copytree(unbroken, out)
    return out


def test_the_folder_holds_what_the_layout_says(unbroken: Path) -> None:
    ids = [f"{number:06d}" for number in range(1, COUNT + 1)]
    expected = {f"{part}/{name}.png" for part in ("images", "masks") for name in ids}
    expected |= {"50_50/train.txt", "50_50/test.txt", "img_idx/train_set.txt", "img_idx/test_set.txt"}
    expected |= {"targets.jsonl", "dataset.json", "SHA256SUMS", "README.md"}
    assert set(files(unbroken)) == expected
    assert [row["id"] for row in rows(unbroken)] == ids
    assert [row["index"] for row in rows(unbroken)] == list(range(COUNT))
    manifest = json.loads((unbroken / "dataset.json").read_text())
    assert manifest["count"] == COUNT
    assert sum(manifest["scenes"].values()) == COUNT
    assert manifest["targets"] == sum(len(row["targets"]) for row in rows(unbroken))
    assert Recipe.from_dict(manifest["recipe"]) == Recipe(width=96, height=80)


@pytest.mark.parametrize("workers", [2, 5])
def test_bytes_do_not_depend_on_workers(
    small_generator: Generator, unbroken: Path, out: Path, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage_run, "_CHUNK", 2)
    told: list[tuple[int, int]] = []
    write_dataset(small_generator, out, COUNT, workers=workers, progress=lambda *state: told.append(state))
    assert files(out) == files(unbroken)
    assert told[0] == (0, COUNT)
    assert told[-1] == (COUNT, COUNT)


def test_any_executor_will_do(
    small_generator: Generator, unbroken: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage_run, "_CHUNK", 1)
    with ThreadPoolExecutor(4) as threads:
        write_dataset(small_generator, out, COUNT, executor=threads)
    assert files(out) == files(unbroken)


def test_a_worker_that_is_gone_is_told(small_generator: Generator, out: Path) -> None:
    def fails() -> None:
        raise RuntimeError

    with ThreadPoolExecutor(1, initializer=fails) as threads, pytest.raises(GenerationError, match="fewer workers"):
        write_dataset(small_generator, out, COUNT, executor=threads)


def test_a_longer_run_changes_no_earlier_image(small_generator: Generator, unbroken: Path, out: Path) -> None:
    write_dataset(small_generator, out, 3)
    short = files(out)
    assert all(files(unbroken)[name] == data for name, data in short.items() if name.startswith(("images", "masks")))
    assert rows(out) == rows(unbroken)[:3]
    write_dataset(small_generator, out, COUNT, resume=True)
    assert files(out) == files(unbroken)


def killed_at(step: int, work: Callable[[], object], folder: Path) -> bool:
    """Whether a process doing `work` was killed (kill -9) at its `step`-th touch of a file below `folder`."""
    child = os.fork()
    if child == 0:
        with open(os.devnull, "w") as nowhere:  # noqa: PTH123
            os.dup2(nowhere.fileno(), 2)
        touched = 0

        def watch(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal touched
            if event in ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir") and str(folder) in str(arguments[0]):
                touched += 1
                if touched == step:
                    os.kill(os.getpid(), signal.SIGKILL)

        whole = atomic.write_all

        def write_half(file: Any, data: bytes) -> None:
            nonlocal touched
            touched += 1
            if touched == step:
                whole(file, data[: len(data) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            whole(file, data)

        atomic.write_all = journal.write_all = write_half
        sys.addaudithook(watch)
        try:
            work()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def steps_of(work: Callable[[Path], object], tmp_path: Path) -> int:
    """At how many points `work` can be killed."""
    low, high = 1, 4096
    while low < high:
        middle = (low + high) // 2
        trial = tmp_path / f"trial{middle}"
        killed = killed_at(middle, lambda trial=trial: work(trial / "set"), trial / "set")
        low, high = (middle + 1, high) if killed else (low, middle)
    return low - 1


def some_steps(all_steps: int, purpose: str, number: int) -> list[int]:
    """The last steps, which close a dataset, and some drawn from the others."""
    drawn = stream(0, purpose).choice(all_steps, number, replace=False) + 1
    return sorted({int(step) for step in drawn} | set(range(all_steps - 3, all_steps + 1)))


@pytest.mark.parametrize("number", [14, pytest.param(10**6, marks=pytest.mark.slow)])
def test_killed_anywhere_and_resumed_gives_the_bytes_of_an_unbroken_run(
    small_generator: Generator, tmp_path: Path, number: int
) -> None:
    whole = files(write_dataset(small_generator, tmp_path / "whole" / "set", 2))
    all_steps = steps_of(lambda folder: write_dataset(small_generator, folder, 2), tmp_path)
    assert all_steps > 50
    for step in some_steps(all_steps, "kill", min(number, all_steps)):
        out = tmp_path / f"step{step}" / "set"
        assert killed_at(step, lambda out=out: write_dataset(small_generator, out, 2), out)
        write_dataset(small_generator, out, 2, resume=True)
        assert files(out) == whole, f"killed at step {step} of {all_steps}"


def with_notes(dataset: Path, place: Path) -> Path:
    """A copy of a dataset as ``<place>/set``, with files of the user in it."""
    shutil.copytree(dataset, place / "set")
    (place / "set" / "mine").mkdir()
    for name in NOTES:
        (place / "set" / name).write_bytes(NOTES[name])
    return place / "set"


NOTES = {"notes.txt": b"mine", "mine/a.txt": b"too"}


@pytest.mark.parametrize("number", [10, pytest.param(10**6, marks=pytest.mark.slow)])
def test_overwriting_can_be_killed_anywhere(
    small_generator: Generator, unbroken: Path, tmp_path: Path, number: int
) -> None:
    """What was there stays until the new dataset is whole; the user's files stay; nothing is left beside it."""
    out = with_notes(unbroken, tmp_path / "whole")
    old = files(out)
    write_dataset(small_generator, out, 1, overwrite=True)
    whole = files(out)
    assert NOTES.items() <= whole.items() and check_sums(out) == []
    assert [path.name for path in out.parent.iterdir()] == ["set"]

    def killed(step: int, place: Path) -> bool:
        out = with_notes(unbroken, place)
        return killed_at(step, lambda: write_dataset(small_generator, out, 1, overwrite=True), place)

    low, high = 1, 1024
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if killed(middle, tmp_path / f"trial{middle}") else (low, middle)
    for step in some_steps(low - 1, "overwrite", min(number, low - 1)):
        place = tmp_path / f"step{step}"
        assert killed(step, place)
        there = files(place / "set")
        assert {name for name in there if not name.startswith(".")} in (set(old), set(whole)) or step > low - 60
        shutil.copytree(place, tmp_path / f"again{step}")
        if stage_of(place / "set") is not None:
            write_dataset(small_generator, place / "set", 1, resume=True)
            assert files(place / "set") == whole, f"killed at step {step}"
            assert [path.name for path in place.iterdir()] == ["set"]
        out = tmp_path / f"again{step}" / "set"
        write_dataset(small_generator, out, 1, overwrite=True)
        assert files(out) == whole, f"killed at step {step}"
        assert [path.name for path in out.parent.iterdir()] == ["set"]


def test_overwriting_that_fails_leaves_what_was_there(
    small_generator: Generator, unbroken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = with_notes(unbroken, tmp_path)
    before = files(out)

    def fails(*_: object) -> object:
        raise GenerationError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(Generator, "make", fails)
        with pytest.raises(GenerationError, match="no room"):
            write_dataset(small_generator, out, 2, overwrite=True)
    assert files(out) == before
    write_dataset(small_generator, out, 2, overwrite=True)
    assert len(rows(out)) == 2 and (out / "notes.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_what_the_user_changed_stops_overwriting(small_generator: Generator, copied: Path) -> None:
    for name in ("images/000003.png", "README.md", "50_50/train.txt", "dataset.json"):
        original = (copied / name).read_bytes()
        (copied / name).write_bytes(original + b" ")
        before = files(copied)
        with pytest.raises(OutputExistsError, match=name):
            write_dataset(small_generator, copied, 2, overwrite=True)
        assert files(copied) == before
        (copied / name).write_bytes(original)
    shutil.copytree(copied, copied / "inner")  # a dataset of the user's, in a place of his own
    (copied / "images" / "mine.png").write_bytes(b"x")
    with pytest.raises(OutputExistsError, match=r"mine\.png: .*did not write.*move it away"):
        write_dataset(small_generator, copied, 2, overwrite=True)
    (copied / "images" / "mine.png").unlink()
    write_dataset(small_generator, copied, 2, overwrite=True)
    assert len(rows(copied / "inner")) == COUNT


def test_an_interrupted_run_goes_on(small_generator: Generator, unbroken: Path, out: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        if done > 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_dataset(small_generator, out, COUNT, progress=interrupt)
    with pytest.raises(OutputExistsError, match="interrupted run; --resume continues it, --overwrite replaces it"):
        write_dataset(small_generator, out, COUNT)
    assert FolderRun.seed_of(out) == 0
    write_dataset(small_generator, out, COUNT, resume=True)
    assert files(out) == files(unbroken)


def test_a_run_that_was_killed_loses_what_a_shorter_one_does_not_hold(
    small_generator: Generator, unbroken: Path, out: Path
) -> None:
    shutil.copytree(unbroken, out)
    write_dataset(small_generator, out, 3, overwrite=True)
    three = files(out)
    shutil.copy(unbroken / "images" / "000007.png", out / "images")
    write_dataset(small_generator, out, 3, resume=True)
    assert files(out) == three


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("seed", "its seed is 0, this run's is 1;"),
        ("recipe", r"its recipe\.scr.*, this run's is .*;"),
        ("backgrounds", r"its backgrounds\.\w+ is .*, this run's is "),
    ],
)
def test_a_run_does_not_go_on_with_something_else(
    small_generator: Generator, background_folder: Path, copied: Path, change: str, message: str
) -> None:
    recipe, backgrounds, seed = small_generator.recipe, small_generator.backgrounds, 0
    if change == "seed":
        seed = 1
    elif change == "recipe":
        recipe = Recipe(width=96, height=80, scr=[3])
    else:
        backgrounds = BackgroundLibrary.open(background_folder / "sea", scene="sea")
    other, before = Generator(recipe, backgrounds, seed=seed), files(copied)
    with pytest.raises(InvalidValueError, match=f"cannot resume .*: {message}"):
        write_dataset(other, copied, COUNT + 1, resume=True)
    assert files(copied) == before
    state = {"parts": fingerprint(small_generator), "count": COUNT, "redraws": {}, "dropped": [], "finished": False}
    (copied / STATE).write_text(checked_text(state))
    with pytest.raises(InvalidValueError, match=f"cannot resume .*: {message}"):
        write_dataset(other, copied, COUNT + 1, resume=True)


def test_resuming_on_another_processor_says_so(
    small_generator: Generator, copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = libraries() | {"cpu": "another", "opencv": "3.0"}
    monkeypatch.setattr("sirstgen.storage.libraries.libraries", lambda: other)
    with pytest.warns(SirstgenWarning, match=r"started with opencv .*, here 3\.0; another processor; images"):
        write_dataset(small_generator, copied, COUNT + 1, resume=True)


def test_a_dataset_is_not_cut_short_by_resuming(small_generator: Generator, copied: Path) -> None:
    before = files(copied)
    with pytest.raises(InvalidValueError, match=f"n must be at least {COUNT}, as many as .*, got 3"):
        write_dataset(small_generator, copied, 3, resume=True)
    assert files(copied) == before


def test_an_unfinished_run_is_not_cut_short_by_resuming(small_generator: Generator, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_dataset(small_generator, tmp_path / "set", COUNT, progress=stop)
    before = files(tmp_path / "set")
    assert any(name.startswith("images/") for name in map(str, before))
    with pytest.raises(InvalidValueError, match=r"n must be at least \d+, as many as .*, got 1"):
        write_dataset(small_generator, tmp_path / "set", 1, resume=True)
    assert files(tmp_path / "set") == before


def test_damaged_and_missing_files_are_made_again(small_generator: Generator, unbroken: Path, copied: Path) -> None:
    image = copied / "images" / "000002.png"
    image.write_bytes(image.read_bytes()[:-20])
    (copied / "masks" / "000005.png").unlink()
    write_dataset(small_generator, copied, COUNT, resume=True)
    assert files(copied) == files(unbroken)


def test_a_dataset_whose_lists_are_gone_says_so(small_generator: Generator, copied: Path) -> None:
    (copied / "SHA256SUMS").unlink()
    with pytest.raises(InputError, match="SHA256SUMS: cannot be read"):
        write_dataset(small_generator, copied, COUNT, resume=True)


@pytest.mark.parametrize("name", ["targets.jsonl", "dataset.json"])
def test_a_changed_line_is_not_taken_over_by_resuming(small_generator: Generator, copied: Path, name: str) -> None:
    text = (copied / name).read_text()
    (copied / name).write_text(text.replace('"rejections":', '"rejections": ', 1))
    before = files(copied)
    for count in (COUNT, COUNT + 1):
        with pytest.raises(InputError, match=f"{name}: .*changed since the dataset was written"):
            write_dataset(small_generator, copied, count, resume=True)
    with pytest.raises(InputError, match="changed since"):
        redraw(small_generator, copied, ["000001"])
    assert files(copied) == before


def test_only_datasets_are_overwritten(small_generator: Generator, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "images").mkdir(parents=True)
    (home / "images" / "wedding.png").write_text("x")
    before = files(home)
    for name in (None, "dataset.json", "check.json"):
        if name is not None:
            (home / name).write_text('{"count": 3, "sirstgen": "0.2.0", "schema_version": 1}')
        before = files(home)
        for settings in ({"overwrite": True}, {"resume": True}, {}):
            with pytest.raises((OutputExistsError, InvalidValueError), match="home"):
                write_dataset(small_generator, home, 1, **settings)
    (tmp_path / "file").write_text("x")
    for settings in ({"overwrite": True}, {"resume": True}, {}):
        with pytest.raises(OutputExistsError, match="a file is in the place"):
            write_dataset(small_generator, tmp_path / "file", 1, **settings)
    assert files(home) == before


def test_files_of_the_user_survive_overwriting(small_generator: Generator, copied: Path) -> None:
    (copied / "notes.txt").write_text("mine")
    with pytest.raises(OutputExistsError, match="not empty"):
        write_dataset(small_generator, copied, 2)
    write_dataset(small_generator, copied, 2, overwrite=True)
    assert (copied / "notes.txt").read_text() == "mine"
    assert len(rows(copied)) == 2
    assert check_sums(copied) == []


@pytest.mark.parametrize("place", [1, 4, 9, 15, 19, -3, -1])
def test_a_full_disk_is_told_and_the_run_goes_on_later(
    small_generator: Generator, unbroken: Path, out: Path, place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk takes `place` files and writes to the journal (counted from the end if negative), and no byte more."""
    left = place if place > 0 else 2 + 2 * COUNT + 1 + 7 + place
    whole = atomic.write_all

    def write(file: Any, data: bytes) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        whole(file, data)

    with monkeypatch.context() as patched:
        patched.setattr(atomic, "write_all", write)
        patched.setattr("sirstgen.storage.journal.write_all", write)
        with pytest.raises(GenerationError, match=r"set/.*: cannot be written \(No space left on device\)"):
            write_dataset(small_generator, out, COUNT)
    write_dataset(small_generator, out, COUNT, resume=True)
    assert files(out) == files(unbroken)


def test_redrawn_images_are_others_and_the_rest_stays(small_generator: Generator, unbroken: Path, copied: Path) -> None:
    redraw(small_generator, copied, ["000003", "000006", "000003"])
    for old, new in zip(rows(unbroken), rows(copied), strict=True):
        assert (old == new) == (old["id"] not in ("000003", "000006"))
        for part in ("images", "masks"):
            name = f"{part}/{old['id']}.png"
            assert ((unbroken / name).read_bytes() == (copied / name).read_bytes()) == (old == new)
    assert json.loads((copied / "dataset.json").read_text())["redrawn"] == {"000003": 1, "000006": 1}
    assert check_sums(copied) == []
    once = files(copied)
    write_dataset(small_generator, copied, COUNT, resume=True)
    assert files(copied) == once
    redraw(small_generator, copied, ["000003"])
    assert rows(copied)[2] not in (rows(unbroken)[2], json.loads(once["targets.jsonl"].decode().splitlines()[2]))
    with pytest.raises(InvalidValueError, match="from 000001 to 000007, got 000008, x"):
        redraw(small_generator, copied, ["000001", "000008", "x"])


def test_a_redraw_that_is_killed_and_asked_for_again_draws_the_same(
    small_generator: Generator, unbroken: Path, copied: Path, tmp_path: Path
) -> None:
    redraw(small_generator, copied, ["000002"])
    for step in (1, 5, 8, 11, 14, 17, 20, 24, 30):
        out = tmp_path / f"step{step}" / "set"
        shutil.copytree(unbroken, out)
        assert killed_at(step, lambda out=out: redraw(small_generator, out, ["000002"]), out)
        redraw(small_generator, out, ["000002"])
        assert files(out) == files(copied), f"killed at step {step}"


def test_an_image_that_cannot_be_drawn_again_leaves_the_dataset_as_it_was(
    small_generator: Generator, copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    redraw(small_generator, copied, ["000002"])
    before, make = files(copied), Generator.make

    def undrawable(generator: Generator, index: int, redraw: int = 0) -> Sample:
        if (index, redraw) == (4, 1):
            raise GenerationError("image 4: no background takes its targets", index=index, rejections={"no room": 9})
        return make(generator, index, redraw)

    monkeypatch.setattr(Generator, "make", undrawable)
    with pytest.raises(GenerationError, match="image 4: no background"):
        redraw(small_generator, copied, ["000002", "000005"])
    assert files(copied) == before
    redraw(small_generator, copied, ["000001"])
    assert check_sums(copied) == []


def test_redraw_numbers_that_are_none_change_nothing(small_generator: Generator, copied: Path) -> None:
    before = files(copied)
    with pytest.raises(InvalidValueError, match="the redraw number of 000001 must not be negative, got -1"):
        redraw(small_generator, copied, {"000002": 1, "000001": -1})
    with pytest.raises(InvalidValueError, match="the redraw number of 000001 must be a whole number, got '1'"):
        redraw(small_generator, copied, {"000001": "1"})  # type: ignore[dict-item]
    assert files(copied) == before


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="there is no program sha256sum here")
def test_the_checksums_are_those_of_sha256sum(unbroken: Path) -> None:
    check = subprocess.run(
        ["sha256sum", "-c", "--strict", "SHA256SUMS"], cwd=unbroken, capture_output=True, text=True, check=True
    )
    assert check.stdout.count(": OK") == len(files(unbroken)) - 1


def test_no_place_time_or_host_is_in_any_file(unbroken: Path, background_folder: Path) -> None:
    traces = [str(unbroken.parent), str(background_folder.parent), str(Path.home()), socket.gethostname()]
    traces += [str(Path(__file__).parents[1])]
    for name, data in files(unbroken).items():
        for trace in traces:
            chance = name.endswith(".png") and len(trace) < 5  # compressed pixels hold any few letters
            assert chance or trace.encode() not in data, name
        assert not name.endswith(".png") or b"tIME" not in data


def test_no_background_is_on_both_sides(small_generator: Generator, tmp_path: Path) -> None:
    folder = write_dataset(small_generator, tmp_path / "set", 40)
    train = (folder / "50_50" / "train.txt").read_text().split()
    test = (folder / "50_50" / "test.txt").read_text().split()
    assert (folder / "img_idx" / "train_set.txt").read_text().split() == train
    assert sorted(train + test) == [row["id"] for row in rows(folder)]
    assert abs(len(train) - 20) <= 4
    group = {row["id"]: row["background"]["group"] for row in rows(folder)}
    assert not {group[name] for name in train} & {group[name] for name in test}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"count": 0}, "n must be at least 1 image, got 0"),
        ({"count": 2.5}, r"n must be a whole number, got 2\.5"),
        ({"workers": 0}, "workers must be at least 1, got 0"),
        ({"workers": 1.5}, r"workers must be a whole number, got 1\.5"),
        ({"resume": True, "overwrite": True}, "resume and overwrite must not both be given"),
    ],
)
def test_wrong_arguments_write_nothing(
    small_generator: Generator, out: Path, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidValueError, match=message):
        write_dataset(small_generator, out, **{"count": 1, **settings})
    assert not out.exists()


def test_a_count_of_any_whole_type(small_generator: Generator, unbroken: Path, out: Path) -> None:
    write_dataset(small_generator, out, np.int64(COUNT))  # type: ignore[arg-type]
    assert files(out) == files(unbroken)
    redraw(small_generator, out, {"000002": np.int64(1)})  # type: ignore[dict-item]
    assert check_sums(out) == []


def test_one_process_needs_no_pickling(small_generator: Generator, unbroken: Path, out: Path) -> None:
    """Sources of one's own may hold what cannot be pickled, as long as nobody else has to read it."""
    generator = pickle.loads(pickle.dumps(small_generator))
    generator.backgrounds.hook = lambda: None
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(generator)
    write_dataset(generator, out, COUNT)
    assert files(out) == files(unbroken)
