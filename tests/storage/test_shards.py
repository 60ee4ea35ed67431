"""Shards: whole or not at all, the same wherever and in whatever order they are made, equal to the folder's files."""

from __future__ import annotations

import errno
import json
import os
import pickle
import shutil
import signal
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sirstgen import assets
from sirstgen.errors import GenerationError, InvalidValueError, OutputExistsError, SirstgenWarning
from sirstgen.recipe.recipe import Recipe
from sirstgen.seeding import stream
from sirstgen.storage import shard_run, shard_writer
from sirstgen.storage.checksums import check_sums
from sirstgen.storage.job import Job, work
from sirstgen.storage.place import LocalPlace, NewFile, open_place
from sirstgen.storage.shard_state import seed_at
from sirstgen.storage.shard_writer import finish_shards, write_shards
from sirstgen.storage.shards import ShardSink
from sirstgen.storage.sink import Chunk
from sirstgen.storage.writer import redraw, write_dataset
from sirstgen.synthesis.generator import Generator
from sirstgen.synthesis.render import Sample
from sirstgen.verification.verify import verify

COUNT, SIZE = 10, 4


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden ones too, by path."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def shard_files(folder: Path) -> dict[str, bytes]:
    return {name: data for name, data in files(folder).items() if name.startswith("shards/")}


@pytest.fixture(scope="module")
def whole(small_generator: Generator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of `COUNT` images in shards of `SIZE`, called ``set``, written in one go."""
    folder = tmp_path_factory.mktemp("whole") / "set"
    assert write_shards(small_generator, folder, COUNT, SIZE) is not None
    return folder


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "set"


@pytest.fixture
def copied(whole: Path, out: Path) -> Path:
    shutil.copytree(whole, out)
    return out


def test_the_layout_is_that_of_the_contract(whole: Path) -> None:
    manifest = json.loads((whole / "dataset.json").read_text())
    listed = manifest["shards"]
    assert (listed["size"], listed["count"]) == (SIZE, 3)
    assert {entry["name"] for entry in listed["files"]} == set(shard_files(whole))
    others = {"50_50/train.txt", "50_50/test.txt", "img_idx/train_set.txt", "img_idx/test_set.txt"}
    others |= {"targets.jsonl", "dataset.json", "SHA256SUMS", "README.md"}
    assert set(files(whole)) == others | set(shard_files(whole))
    assert check_sums(whole) == []
    assert sum(entry["count"] for entry in listed["files"]) == manifest["count"] == COUNT
    assert sum(entry["targets"] for entry in listed["files"]) == manifest["targets"]
    for entry in listed["files"]:
        assert entry["name"] == f"shards/{entry['split']}-{entry['number']:06d}.tar"
        with tarfile.open(whole / entry["name"]) as tar:
            members = tar.getmembers()
        names = [member.name for member in members]
        assert names == sorted(names)
        ids = sorted({name.split(".")[0] for name in names})
        assert [ids[0], ids[-1]] == entry["ids"] and len(ids) == entry["count"]
        assert names == [f"{key}.{part}" for key in ids for part in ("image.png", "json", "mask.png")]
        assert {(member.mtime, member.uid, member.gid, member.uname) for member in members} == {(0, 0, 0, "")}
        listed_ids = (whole / "50_50" / f"{entry['split']}.txt").read_text().split()
        assert set(ids) <= set(listed_ids)


def test_pixels_rows_and_split_equal_those_of_the_folder_form(
    small_generator: Generator, whole: Path, tmp_path: Path
) -> None:
    folder = write_dataset(small_generator, tmp_path / "set", COUNT)
    rows = {json.loads(line)["id"]: line for line in (folder / "targets.jsonl").read_text().splitlines()}
    for name in shard_files(whole):
        with tarfile.open(whole / name) as tar:
            for member in tar:
                file = tar.extractfile(member)
                assert file is not None
                key, part = member.name.split(".", 1)
                expected = {
                    "json": lambda key: rows[key].encode(),
                    "image.png": lambda key: (folder / "images" / f"{key}.png").read_bytes(),
                    "mask.png": lambda key: (folder / "masks" / f"{key}.png").read_bytes(),
                }[part](key)
                assert file.read() == expected
    for name in ("targets.jsonl", "50_50/train.txt", "50_50/test.txt", "img_idx/test_set.txt"):
        assert (folder / name).read_bytes() == (whole / name).read_bytes()
    ours, theirs = (json.loads((place / "dataset.json").read_text()) for place in (whole, folder))
    del ours["shards"]
    assert ours == theirs


def test_shards_made_alone_in_any_order_and_twice_equal_a_full_run(
    small_generator: Generator, whole: Path, out: Path
) -> None:
    def make(numbers: list[int]) -> Any:
        return write_shards(small_generator, out, COUNT, SIZE, shards=numbers)

    assert make([2]) is None
    alone = shard_files(out)
    assert set(alone) <= set(shard_files(whole))
    assert all(shard_files(whole)[name] == data for name, data in alone.items())
    with pytest.raises(GenerationError, match=r"2 of 3 shards are missing \(0-1\); make them with --shards 0-1"):
        finish_shards(out)
    with ThreadPoolExecutor(3) as together:  # two of them the same shard at once
        list(together.map(make, [[0], [1], [1]]))
    assert finish_shards(out)["count"] == COUNT
    assert files(out) == files(whole)
    assert make([1]) is not None, "a late copy of a command changes nothing"
    assert files(out) == files(whole)


def test_workers_executors_and_interruptions_change_nothing(
    small_generator: Generator, whole: Path, out: Path, tmp_path: Path
) -> None:
    with ThreadPoolExecutor(2) as threads:
        write_shards(small_generator, out, COUNT, SIZE, executor=threads)
    assert files(out) == files(whole)

    def interrupt(done: int, total: int) -> None:
        assert total == COUNT
        if done:
            raise KeyboardInterrupt

    broken = tmp_path / "broken" / "set"
    with pytest.raises(KeyboardInterrupt):
        write_shards(small_generator, broken, COUNT, SIZE, progress=interrupt)
    with pytest.raises(OutputExistsError, match="interrupted run; --resume continues"):
        write_shards(small_generator, broken, COUNT, SIZE)
    assert seed_at(broken) == 0
    write_shards(small_generator, broken, COUNT, SIZE, resume=True, workers=2)
    assert files(broken) == files(whole)


def test_a_longer_run_changes_no_full_shard(small_generator: Generator, whole: Path, out: Path) -> None:
    write_shards(small_generator, out, COUNT + 3, SIZE)
    full = {name: data for name, data in shard_files(whole).items() if not name.endswith("2.tar")}
    assert all(shard_files(out)[name] == data for name, data in full.items())
    shorter = out.parent / "short" / "set"
    write_shards(small_generator, shorter, COUNT, SIZE)
    write_shards(small_generator, shorter, COUNT + 3, SIZE, resume=True)
    assert files(shorter) == files(out)


def test_a_damaged_shard_is_named_and_made_anew(small_generator: Generator, whole: Path, copied: Path) -> None:
    name = sorted(shard_files(copied))[0]
    data = bytearray((copied / name).read_bytes())
    data[3000] ^= 1
    (copied / name).write_bytes(data)
    with pytest.warns(SirstgenWarning, match=rf"{name}: its checksum is wrong; it is made anew"):
        write_shards(small_generator, copied, COUNT, SIZE, resume=True)
    assert files(copied) == files(whole)
    (copied / name).unlink()
    with pytest.warns(SirstgenWarning, match=f"{name} is missing"):
        write_shards(small_generator, copied, COUNT, SIZE, resume=True)
    assert files(copied) == files(whole)


def test_a_damaged_record_of_an_interrupted_run_is_made_anew(
    small_generator: Generator, whole: Path, out: Path
) -> None:
    write_shards(small_generator, out, COUNT, SIZE, shards=[0, 1])
    record = out / ".run" / "shards" / "000001.tsv"
    record.write_bytes(record.read_bytes()[:-30])
    write_shards(small_generator, out, COUNT, SIZE, resume=True)
    assert files(out) == files(whole)


def test_redrawn_images_change_their_shard_alone(small_generator: Generator, whole: Path, copied: Path) -> None:
    redraw(small_generator, copied, ["000002"])
    changed = {name for name, data in shard_files(copied).items() if data != shard_files(whole)[name]}
    assert {name[-5] for name in changed} == {"0"} and len(changed) == 1
    assert json.loads((copied / "dataset.json").read_text())["redrawn"] == {"000002": 1}
    assert check_sums(copied) == []
    assert verify(copied) == []
    once = files(copied)
    write_shards(small_generator, copied, COUNT, SIZE, resume=True)
    assert files(copied) == once


def test_an_image_that_cannot_be_drawn_again_leaves_the_shards_as_they_were(
    small_generator: Generator, copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, make = files(copied), Generator.make

    def undrawable(generator: Generator, index: int, redraw: int = 0) -> Sample:
        if redraw:
            raise GenerationError("image 1: no background takes its targets", index=index, rejections={"no room": 9})
        return make(generator, index, redraw)

    monkeypatch.setattr(Generator, "make", undrawable)
    with pytest.raises(GenerationError, match="image 1: no background"):
        redraw(small_generator, copied, ["000002"])
    assert files(copied) == before


def test_what_does_not_fit_together_is_refused_and_nothing_changes(small_generator: Generator, copied: Path) -> None:
    before = files(copied)
    other = Generator(Recipe(width=96, height=80, scr=[3]), small_generator.backgrounds, seed=0)

    def refused(error: type[Exception], message: str, *arguments: Any, **settings: Any) -> None:
        with pytest.raises(error, match=message):
            write_shards(*arguments, **settings)
        assert files(copied) == before

    refused(OutputExistsError, "not empty", small_generator, copied, COUNT, SIZE)
    refused(InvalidValueError, "its shard size is 4, this run's is 5", small_generator, copied, COUNT, 5, resume=True)
    refused(InvalidValueError, "cannot resume.*recipe.scr", other, copied, COUNT, SIZE, resume=True)
    refused(InvalidValueError, "n must be at least 10", small_generator, copied, 7, SIZE, resume=True)
    refused(OutputExistsError, "finished dataset of 10", small_generator, copied, 12, SIZE, shards=[0])
    refused(InvalidValueError, "shards must be from 0 to 2 .*got 3", small_generator, copied, COUNT, SIZE, shards=[3])
    refused(InvalidValueError, "shard_size must be at least 1, got 0", small_generator, copied, COUNT, 0)
    with pytest.raises(InvalidValueError, match="it holds shards; give --shard-size 4"):
        write_dataset(small_generator, copied, COUNT, resume=True)
    assert files(copied) == before
    (copied.parent / "file").write_text("x")
    with pytest.raises(OutputExistsError, match="a file is in the place of the output folder"):
        write_shards(small_generator, copied.parent / "file", COUNT, SIZE)
    (copied / "notes.txt").write_text("mine")
    write_shards(small_generator, copied, 5, SIZE, overwrite=True)
    assert (copied / "notes.txt").read_text() == "mine"
    assert len(shard_files(copied)) < len([name for name in before if name.startswith("shards/")])


def test_a_run_that_others_began_is_joined_with_the_same_n_only(small_generator: Generator, out: Path) -> None:
    write_shards(small_generator, out, COUNT, SIZE, shards=[1])
    with pytest.raises(InvalidValueError, match=r"n must be 10, as the run in .* was started with, got 12"):
        write_shards(small_generator, out, 12, SIZE, shards=[0])


def test_a_damaged_state_is_told_and_all_shards_are_made_again(
    small_generator: Generator, whole: Path, out: Path
) -> None:
    write_shards(Generator(small_generator.recipe, small_generator.backgrounds, seed=9), out, COUNT, SIZE, shards=[1])
    (out / ".run" / "shards.json").write_text("{")
    with pytest.warns(SirstgenWarning, match=r"shards.json: damaged; all shards are made again"):
        write_shards(small_generator, out, COUNT, SIZE, shards=[0])
    write_shards(small_generator, out, COUNT, SIZE, resume=True)
    assert files(out) == files(whole)


def test_while_others_write_a_run_is_joined_but_not_changed(small_generator: Generator, whole: Path, out: Path) -> None:
    other = Generator(Recipe(width=96, height=80, scr=[3]), small_generator.backgrounds, seed=0)
    told = []

    def meanwhile(done: int, total: int) -> None:
        if done or told:
            return
        told.append(done)
        for settings in ({"overwrite": True}, {"shards": [1], "overwrite": True}, {}):
            with pytest.raises(OutputExistsError, match=f"another process is writing there .process {os.getpid()}"):
                write_shards(small_generator, out, COUNT, SIZE, **settings)  # type: ignore[arg-type]
        with pytest.raises(OutputExistsError, match="another process is writing there"):
            write_dataset(small_generator, out, COUNT, overwrite=True)
        with pytest.raises(OutputExistsError, match="another process is writing there"):
            finish_shards(out)
        with pytest.raises(InvalidValueError, match=r"cannot resume.*recipe.scr"):
            write_shards(other, out, COUNT, SIZE, shards=[1])
        with pytest.raises(InvalidValueError, match="its shard size is 4, this run's is 5"):
            write_shards(small_generator, out, COUNT, 5, shards=[1])
        shard_run.PATIENCE = 0.1
        with pytest.raises(OutputExistsError, match="another process is writing there"):
            write_shards(small_generator, out, COUNT + 1, SIZE, resume=True)
        shard_run.PATIENCE = patience
        assert write_shards(small_generator, out, COUNT, SIZE, shards=[1]) is None
        assert write_shards(small_generator, out, COUNT, SIZE, shards=[0]) is None, "the same shard"

    patience = shard_run.PATIENCE
    assert write_shards(small_generator, out, COUNT, SIZE, shards=[0, 2], progress=meanwhile) is not None
    assert files(out) == files(whole)
    assert told and [path.name for path in out.parent.iterdir()] == ["set"]


def test_who_makes_the_last_shard_beside_others_leaves_the_end_to_them(
    small_generator: Generator, whole: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shard_writer, "PATIENCE", 0.1)
    seen = []

    def meanwhile(done: int, total: int) -> None:
        if not done:
            seen.append(write_shards(small_generator, out, COUNT, SIZE, shards=[0, 1, 2]))

    assert write_shards(small_generator, out, COUNT, SIZE, shards=[0], progress=meanwhile) is not None
    assert seen == [None]
    assert files(out) == files(whole)


def test_overwrite_keeps_the_old_dataset_until_the_new_shards_are_there(
    small_generator: Generator, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "set"
    write_dataset(small_generator, out, 3)
    (out / "notes.txt").write_text("mine")
    before = files(out)
    assert write_shards(small_generator, out, COUNT, SIZE, shards=[0], overwrite=True) is None
    assert files(out) == before
    assert seed_at(out) == 0
    with pytest.raises(InvalidValueError, match=f"cannot resume {out}: it holds shards; give --shard-size"):
        write_dataset(small_generator, out, 3, resume=True)
    with pytest.raises(OutputExistsError, match="not empty"):
        write_shards(small_generator, out, COUNT, SIZE)
    assert write_shards(small_generator, out, COUNT, SIZE, shards=[1]) is None
    assert files(out) == before
    assert write_shards(small_generator, out, COUNT, SIZE, resume=True) is not None
    assert files(out) == files(whole) | {"notes.txt": b"mine"}
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
    (out / "shards" / "mine.tar").write_text("mine")
    kept = files(out)
    with pytest.raises(OutputExistsError, match=r"shards/mine.tar: one of 1 files in set that sirstgen did not write"):
        write_shards(small_generator, out, COUNT, SIZE, overwrite=True)
    assert files(out) == kept


def test_a_full_disk_is_told_and_whole_shards_stay(
    small_generator: Generator, whole: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = NewFile.write
    left = 40_000

    def write(self: NewFile, data: bytes) -> int:
        nonlocal left
        left -= len(data)
        if left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return written(self, data)

    with monkeypatch.context() as patched:
        patched.setattr(NewFile, "write", write)
        message = r"set/.*: cannot be written \(No space left on device\)"
        with pytest.raises(GenerationError, match=message):
            write_shards(small_generator, out, COUNT, SIZE)
    assert shard_files(out).items() <= shard_files(whole).items()
    assert not list((out / ".run" / "scratch").iterdir())
    write_shards(small_generator, out, COUNT, SIZE, resume=True)
    assert files(out) == files(whole)


@pytest.mark.parametrize("number", [10, pytest.param(10**6, marks=pytest.mark.slow)])
def test_killed_anywhere_and_resumed_gives_the_bytes_of_an_unbroken_run(
    small_generator: Generator, whole: Path, tmp_path: Path, number: int
) -> None:
    def killed_at(step: int, out: Path) -> bool:
        """Whether a process was killed at its `step`-th touch of a file below `out`."""
        child = os.fork()
        if child == 0:
            touched = 0

            def watch(event: str, arguments: tuple[Any, ...]) -> None:
                nonlocal touched
                if event in ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir") and str(out) in str(
                    arguments[0]
                ):
                    touched += 1
                    if touched == step:
                        os.kill(os.getpid(), signal.SIGKILL)

            sys.addaudithook(watch)
            write_shards(small_generator, out, COUNT, SIZE)
            os._exit(0)
        return os.WIFSIGNALED(os.waitpid(child, 0)[1])

    steps = 1
    while killed_at(2 * steps, tmp_path / f"trial{steps}" / "set"):
        steps *= 2
    drawn = {int(step) for step in stream(0, "kill").choice(steps, min(number, steps), replace=False) + 1}
    for step in sorted(drawn):
        out = tmp_path / f"step{step}" / "set"
        assert killed_at(step, out)
        write_shards(small_generator, out, COUNT, SIZE, resume=True)
        assert files(out) == files(whole), f"killed at step {step}"


def test_a_worker_that_is_not_like_the_others_is_told(small_generator: Generator, tmp_path: Path) -> None:
    job = Job.of(small_generator, ShardSink(str(tmp_path)))
    chunk = Chunk(0, ((0, 0),))
    with pytest.raises(GenerationError, match=r"a worker has sirstgen .*, this run was started by 9\.9; install"):
        work(replace(job, key="a", version="9.9"), chunk)
    other = job.parts | {"templates": "another"}
    with pytest.raises(GenerationError, match="a worker reads other files than the run began with: its templates"):
        work(replace(job, key="b", parts=other), chunk)


def test_what_ships_with_sirstgen_is_found_wherever_a_worker_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = pickle.dumps(Generator(Recipe(width=96, height=96), seed=0))
    for name in ("backgrounds", "templates"):
        assert str(assets.asset_folder(name)).encode() not in data
        shutil.copytree(assets.asset_folder(name), tmp_path / name)
    monkeypatch.setattr(assets, "asset_folder", lambda name: tmp_path / name)
    elsewhere = pickle.loads(data)
    assert elsewhere.backgrounds.folder == tmp_path / "backgrounds"
    assert all(str(path).startswith(str(tmp_path)) for path in [elsewhere.templates.get("uav/01").source])
    elsewhere[0]


@pytest.mark.parametrize("where", ["some/set", "some/set#2", "some/set?x"])
def test_a_file_url_names_the_folder_after_it(where: str, tmp_path: Path) -> None:
    for place in (tmp_path / where, Path(where)):
        opened = open_place(f"file://{place}")
        assert isinstance(opened, LocalPlace) and opened.folder == place
