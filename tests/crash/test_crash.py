"""Commands killed at any change of the disk, and two commands in one folder; the counts are in docs/reliability.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from crash.harness import kills, pairs
from crash.scenarios import PAIRS, SCENARIOS

FAST = ("synth", "overwrite", "drop", "mix", "bench")


def test_a_killed_command_is_put_right_by_the_next_one(tmp_path: Path) -> None:
    counts, wrong = kills(5, tmp_path, FAST)
    assert wrong == []
    assert counts.total() == 5


@pytest.mark.slow
def test_every_command_can_be_killed_anywhere(tmp_path: Path) -> None:
    counts, wrong = kills(10_000, tmp_path)
    assert wrong == []
    assert set(counts) == {scenario.name for scenario in SCENARIOS}


@pytest.mark.slow
def test_two_commands_in_one_folder_leave_what_one_leaves(tmp_path: Path) -> None:
    counts, wrong = pairs(3 * len(PAIRS), tmp_path)
    assert wrong == []
    assert set(counts) == set(PAIRS)
