"""sirstgen backgrounds harvest: which frames, and their scenes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from making.labelled_set import known_set
from typer.testing import CliRunner

from sirstgen.cli import app


def harvest(*words: object) -> tuple[int, str]:
    found = CliRunner().invoke(app, ["backgrounds", "harvest", *map(str, words)])
    return found.exit_code, found.output


def test_labels_name_frames_of_sub_folders_by_their_last_part(tmp_path: Path) -> None:
    known_set(tmp_path / "known", frames=3)
    for part in ("images", "masks"):
        shutil.copytree(tmp_path / "known" / part, tmp_path / "set" / part / "seq")
    labels = tmp_path / "labels.json"
    labels.write_text(json.dumps({"000": "sea", "seq/001": "cloud"}))
    code, output = harvest(tmp_path / "set", "--split", "all", "--labels", labels, "--out", tmp_path / "out")
    assert code == 0, output
    made = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.png")}
    assert {name.split("/")[0] for name in made} >= {"sea", "cloud"}


def test_a_part_that_is_none_is_refused(tmp_path: Path) -> None:
    code, output = harvest(known_set(tmp_path / "set", frames=3), "--split", "tain", "--out", tmp_path / "out")
    assert code == 2 and "split must be one of train, test, all, got 'tain' (did you mean train?)" in output
