"""Output folders: one writer at a time, nothing of the user's is removed, the old content stays until the new is whole.

A command that replaces a folder works in ``.<name>.new`` beside it. At the end the two exchange their names, the old
one becomes ``.<name>.old``, files of the user move over, and what is left of the old folder is removed. If the
process is killed at any point of this, the next command in this folder continues.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sirstgen.errors import InvalidValueError, OutputExistsError
from sirstgen.files.atomic import remove_parts, sync_folder, write_file, writing
from sirstgen.files.lock import LOCK, locked

Owned = Callable[[Path], set[str]]
"""The files of a folder that its command has written and that are unchanged, as paths below the folder.

Raises OutputExistsError where the folder is none of that command's, or one of its files was changed.
"""

_JOINING = 1.0  # seconds in which another process that joins is done with putting right
_STAGE = ".stage"  # in a folder that is being made: it is ours, and not finished
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2  # of the C library
_REPLACED = ".replaced"  # in a folder that is replaced: the names of the files that may go


@dataclass(frozen=True)
class Output:
    """A folder to write into.

    Attributes:
        folder: the final place.
        work: where to write; `folder` itself, or a folder beside it that takes its place at the end.
        kept: files of the user that will be moved into the finished folder, by path below it, and where they are now.
        lock: descriptor of the lock, for `sirstgen.workers.worker_pool`.
    """

    folder: Path
    work: Path
    kept: dict[str, Path]
    lock: int | None


def refuse_overlap(out: Path, *inputs: Path | str | None) -> None:
    """Raise InvalidValueError where the output `out` is one of the inputs, or a folder that holds one.

    Paths are compared as they are after following links. None and names that are no path of a file count for nothing.
    """
    target = out.resolve()
    for given in inputs:
        if given is not None and Path(given).exists() and Path(given).resolve().is_relative_to(target):
            raise InvalidValueError(
                f"--out must not be or hold what is read, got {out}, which is or holds {given}; choose another --out",
                name="out",
                value=str(out),
            )


def require_apart(out: Path, source: Path) -> None:
    """Raise InvalidValueError where the output is the folder it is made from, holds it, or is in it."""
    refuse_overlap(out, source)
    if out.resolve().is_relative_to(source.resolve()):
        raise InvalidValueError(
            f"the output must be apart from the dataset, got {out}, which is in {source}; choose another folder",
            name="out",
            value=str(out),
        )


def refuse_existing(folder: Path, overwrite: bool | None = False, *, resume: bool = False) -> None:
    """Raise OutputExistsError unless `folder` is absent, empty or a folder that may be overwritten.

    The message names ``--overwrite`` unless `overwrite` is None, and ``--resume`` where `resume` is true.
    """
    refuse_file(folder)
    if not overwrite and holds_anything(folder):
        raise OutputExistsError.of(
            folder, "the output folder is not empty", resume=resume, overwrite=overwrite is not None
        )


def refuse_file(folder: Path) -> None:
    """Raise OutputExistsError where a file has the name of the output folder."""
    if not folder.is_dir() and (folder.exists() or folder.is_symlink()):
        raise OutputExistsError(f"{folder}: a file is in the place of the output folder", path=str(folder))


def holds_anything(folder: Path) -> bool:
    """Return whether `folder` is there and holds anything but its own lock."""
    return folder.is_dir() and any(path.name != LOCK for path in folder.iterdir())


def stage_of(folder: Path) -> Path | None:
    """Return the folder in which an interrupted command was making the new content of `folder`; None without one."""
    stage = _beside(folder.resolve(), "new")
    return stage if (stage / _STAGE).is_file() else None


@contextlib.contextmanager
def output_folder(
    folder: Path,
    owned: Owned,
    *,
    overwrite: bool | None = False,
    resume: bool | None = None,
    staged: bool = False,
    shared: bool = False,
) -> Iterator[Output]:
    """Lock `folder`, put right what a killed command has left of it, and give the place to write into.

    Args:
        folder: the output folder.
        owned: returns which files in it may be removed.
        overwrite: what `folder` holds is replaced at the end of the block; it stays as it is if the block fails. None:
            the command cannot do that.
        resume: the caller continues what is there; it checks whether that is its own. None: the command cannot do that.
        staged: also a new folder appears at the end of the block only. With `resume` the interrupted one is continued.
        shared: other processes may write there at the same time, if they ask for the same; nothing is replaced.

    Raises:
        OutputExistsError: `folder` holds something and neither `overwrite` nor `resume` is given, it is none of this
            command's, one of its files was changed, or another process is writing there.
        GenerationError: the disk is full or may not be written to.
    """
    target = folder.resolve()
    refuse_file(folder)
    if shared:  # a process with the exclusive lock repairs what a killed process left
        with contextlib.suppress(OutputExistsError), locked(folder):
            recover(target)
    with locked(folder, shared=shared, patience=_JOINING if shared else 0.0) as lock, writing(folder, inside=True):
        if not shared:
            recover(target)
        stage = _beside(target, "new")
        going_on = resume and (stage / _STAGE).is_file()
        if not resume:
            refuse_existing(folder, overwrite, resume=resume is not None)
        if going_on or staged or (overwrite and holds_anything(target)):
            kept = _kept(target, owned) if holds_anything(target) else {}
            if not going_on:
                _clear_stage(stage)
            _begin_stage(stage)
            try:
                yield Output(folder, stage, kept, lock)
            except BaseException:
                if staged and not resume:
                    _clear_stage(stage)
                raise
            _swap(target, stage, owned)
            return
        _clear_stage(stage)
        yield Output(folder, folder, {}, lock)


def begin_replacement(folder: Path, owned: Owned) -> Path | None:
    """Make a folder in which the new content of `folder` is written; `end_replacement` exchanges them.

    For work in which several commands have a part. The caller holds the lock of `folder`. What an interrupted
    replacement has left is removed.

    Returns:
        The new folder; None where `folder` holds nothing, so that it can be written to directly.

    Raises:
        OutputExistsError: as `output_folder`.
    """
    target = folder.resolve()
    stage = _beside(target, "new")
    if holds_anything(target):
        _kept(target, owned)  # raises before anything is written
    _clear_stage(stage)
    if not holds_anything(target):
        return None
    _begin_stage(stage)
    return stage


def end_replacement(folder: Path, owned: Owned) -> None:
    """Put the new content in the place of `folder`, if a replacement was begun; the caller holds its lock."""
    stage = stage_of(folder)
    if stage is not None:
        with writing(folder, inside=True):
            _swap(folder.resolve(), stage, owned)


def _begin_stage(stage: Path) -> None:
    stage.mkdir(parents=True, exist_ok=True)
    (stage / _STAGE).touch()


def recover(target: Path) -> None:
    """Put right what a command that was killed while it replaced `target` has left; the caller holds its lock."""
    stage, old = _beside(target, "new"), _beside(target, "old")
    if (stage / _REPLACED).is_file():  # killed after the exchange
        stage.replace(old)
    if (old / _REPLACED).is_file():
        if not target.exists():  # killed between two renames; the new folder was whole
            (stage if (stage / _STAGE).is_file() else old).replace(target)
        if old.exists():
            _remove_old(target, old)
    elif old.is_dir() and not any(old.iterdir()):
        old.rmdir()
    if stage.is_dir() and not any(stage.iterdir()):
        stage.rmdir()
    for mark in (_STAGE, _REPLACED):
        (target / mark).unlink(missing_ok=True)
    if target.is_dir():
        remove_parts(target)


def _swap(target: Path, stage: Path, owned: Owned) -> None:
    old = _beside(target, "old")
    if holds_anything(target):
        files = owned(target)
        _kept(target, lambda _: files, new=stage)
        write_file(target / _REPLACED, json.dumps(sorted(files)))
        if _exchange(stage, target):
            stage.replace(old)
        else:
            target.replace(old)
            stage.replace(target)
    else:
        stage.replace(target)
    sync_folder(target.parent)
    if old.exists():
        _remove_old(target, old)
    (target / _STAGE).unlink()


def _remove_old(target: Path, old: Path) -> None:
    """Move the user's files of `old` to `target`, remove the rest; a process that is killed here can do it again."""
    ours = set(json.loads((old / _REPLACED).read_bytes()))
    for name in _files(old):
        if name in (_REPLACED, _STAGE):
            continue
        path = old / name
        if name in ours:
            path.unlink()
        else:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            path.rename(target / name)
    for folder, _, _ in os.walk(old, topdown=False):
        if Path(folder) != old:
            Path(folder).rmdir()
    (old / _STAGE).unlink(missing_ok=True)
    (old / _REPLACED).unlink()
    old.rmdir()


def _exchange(one: Path, other: Path) -> bool:
    """Let two folders exchange their names in one step; False where the system or the disk cannot do that."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError, TypeError):  # not Linux
        return False
    return bool(rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0)


def _kept(target: Path, owned: Owned, new: Path | None = None) -> dict[str, Path]:
    """Return the user's files in `target`.

    OutputExistsError where the new content at `new` has a file of the same name.
    """
    ours = owned(target)
    kept = {name: target / name for name in _files(target) if name not in ours and name not in (_STAGE, LOCK)}
    for name in kept if new is not None else ():
        assert new is not None
        if (new / name).exists() or (new / name).is_symlink():
            raise OutputExistsError(
                f"{target / name}: not written by this command, and the new content has a file of that name; move it "
                f"away (the new content is in {new}, --resume puts it in place)",
                path=str(target / name),
            )
    return kept


def _files(folder: Path) -> Iterator[str]:
    """Yield everything below `folder` that is no folder, links to folders included, as paths below it."""
    for place, folders, names in os.walk(folder):
        for name in (*names, *(name for name in folders if Path(place, name).is_symlink())):
            yield Path(place, name).relative_to(folder).as_posix()


def _clear_stage(stage: Path) -> None:
    """Remove an unfinished new folder; what sirstgen has not made is left as it is and reported."""
    if stage.is_dir() and any(stage.iterdir()):
        if not (stage / _STAGE).is_file():
            raise OutputExistsError(f"{stage}: not made by sirstgen; move it away", path=str(stage))
        for name in sorted(path.name for path in stage.iterdir() if path.name != _STAGE):
            _remove(stage / name)
        (stage / _STAGE).unlink()
    if stage.is_dir():
        stage.rmdir()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _beside(target: Path, kind: str) -> Path:
    return target.with_name(f".{target.name}.{kind}")
