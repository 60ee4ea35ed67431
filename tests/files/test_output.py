"""Output folders: nothing of the user's is lost, what was there stays until the new is whole, kills are put right."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sirstgen.errors import GenerationError, InvalidValueError, OutputExistsError
from sirstgen.files import output as module
from sirstgen.files.output import output_folder, refuse_overlap


def owned(folder: Path) -> set[str]:
    """Files called ours-..., where there is a mark."""
    if not (folder / "mark").exists():
        raise OutputExistsError(f"{folder}: not ours")
    return {path.relative_to(folder).as_posix() for path in folder.rglob("ours-*")} | {"mark"}


@contextmanager
def written(out: Path, **settings: bool) -> Iterator[Path]:
    with output_folder(out, owned, **settings) as output:
        yield output.work
        for name in ("mark", "ours-a", "deep/ours-b"):
            (output.work / name).parent.mkdir(exist_ok=True)
            (output.work / name).write_text("x")


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}


WHOLE = {"mark", "ours-a", "deep/ours-b"}


def test_a_staged_folder_appears_only_when_complete(tmp_path: Path) -> None:
    out = tmp_path / "sets" / "out"

    def interrupted() -> None:
        with written(out, staged=True) as work:
            (work / "half").write_text("x")
            assert not out.exists()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list((tmp_path / "sets").iterdir()) == []
    with written(out, staged=True):
        pass
    assert names(tmp_path / "sets") == {f"out/{name}" for name in WHOLE}
    with pytest.raises(OutputExistsError, match="--overwrite"), written(out, staged=True):
        pass
    with pytest.raises(ZeroDivisionError), written(out, overwrite=True):
        raise ZeroDivisionError
    assert names(out) == WHOLE


def test_what_is_not_ours_is_never_removed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "thesis.tex").write_text("x")
    with pytest.raises(OutputExistsError, match="not ours"), written(home, overwrite=True):
        pass
    with pytest.raises(OutputExistsError, match="a file is in the place"), written(home / "thesis.tex", overwrite=True):
        pass
    assert names(tmp_path) == {"home/thesis.tex"}
    (tmp_path / "empty").mkdir()
    with written(tmp_path / "empty"):
        pass
    (tmp_path / ".empty.new").mkdir()
    (tmp_path / ".empty.new" / "thesis.tex").write_text("x")
    with pytest.raises(OutputExistsError, match="not made by sirstgen"), written(tmp_path / "empty", overwrite=True):
        pass
    assert (tmp_path / ".empty.new" / "thesis.tex").exists()


def test_files_of_the_user_move_to_the_new_folder(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with written(out):
        pass
    (out / "mine").mkdir()
    (out / "mine" / "notes.txt").write_text("mine")
    (out / "link").symlink_to(tmp_path / "nowhere")
    with written(out, overwrite=True) as work:
        (work / "ours-new").write_text("x")
    assert names(tmp_path) == {f"out/{name}" for name in (*WHOLE, "ours-new", "mine/notes.txt", "link")}
    (out / "plan").write_text("mine")
    with pytest.raises(OutputExistsError, match="plan: not written by this command"), written(out, overwrite=True) as w:
        (w / "plan").write_text("ours")
    assert (out / "plan").read_text() == "mine"


@pytest.mark.parametrize("exchange", [True, False])
@pytest.mark.parametrize("stop", range(1, 12))
def test_a_kill_while_folders_change_places_is_put_right(
    tmp_path: Path, stop: int, exchange: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ends before its `stop`-th change of the disk after the new folder is whole."""
    out = tmp_path / "out"
    with written(out):
        pass
    (out / "notes.txt").write_text("mine")

    class KilledError(BaseException):
        pass

    left = stop

    def counted(name: str, owner: object) -> None:
        real = getattr(owner, name)

        def call(*args: object, **kwargs: object) -> object:
            nonlocal left
            left -= 1
            if left <= 0:  # a killed process changes nothing more either
                raise KilledError
            return real(*args, **kwargs)

        patch.setattr(owner, name, call)

    with monkeypatch.context() as patch:
        if not exchange:
            patch.setattr(module, "_exchange", lambda *_: False)
        try:
            with output_folder(out, owned, overwrite=True) as output:
                (output.work / "mark").write_text("new")
                counted("write_file", module)
                if exchange:
                    counted("_exchange", module)
                for name in ("replace", "rename", "unlink", "rmdir"):
                    counted(name, Path)
        except KilledError:
            pass
    with written(out, overwrite=True) as work:
        (work / "mark").write_text("newer")
    assert names(tmp_path) == {f"out/{name}" for name in (*WHOLE, "notes.txt")}
    assert (out / "notes.txt").read_text() == "mine"


def test_an_interrupted_replacement_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with written(out):
        pass
    with contextlib.suppress(KeyboardInterrupt), written(out, overwrite=True) as work:
        (work / "ours-half").write_text("x")
        raise KeyboardInterrupt
    with pytest.raises(OutputExistsError), written(out):
        pass
    assert names(out) == WHOLE
    with written(out, resume=True) as work:
        assert (work / "ours-half").exists() and work != out
    assert names(tmp_path) == {f"out/{name}" for name in (*WHOLE, "ours-half")}


def test_an_unwritable_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(GenerationError, match="cannot be written"), written(tmp_path / "file" / "out"):
        pass


def test_an_output_that_is_or_holds_an_input_is_refused(tmp_path: Path) -> None:
    (tmp_path / "set" / "inner").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "set")
    for out, given in (("set", "set"), ("set", "set/inner"), ("link", "set"), ("set", "link"), ("set/../set", "link")):
        with pytest.raises(InvalidValueError, match="must not be or hold what is read"):
            refuse_overlap(tmp_path / out, None, "builtin", tmp_path / given)
    refuse_overlap(tmp_path / "set" / "inner", tmp_path / "set")
    refuse_overlap(tmp_path / "new", tmp_path / "set")


def test_the_list_of_what_may_go_is_no_longer_there_at_the_end(tmp_path: Path) -> None:
    with written(tmp_path / "out"):
        pass
    (tmp_path / "out" / module._REPLACED).write_text(json.dumps(["mark"]))  # killed before the exchange
    with written(tmp_path / "out", resume=True):
        pass
    assert names(tmp_path / "out") == WHOLE
