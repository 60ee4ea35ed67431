"""Changed inputs: every command ends in a result or in one line, and leaves its input as it was."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from fuzz.cases import CASES, Case, words
from fuzz.harness import invoke, prepare, run

RUNS = 300
_PARTS = 10


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare(tmp_path_factory.mktemp("fuzz"))


@pytest.mark.parametrize("case", [case for case in CASES if not case.writes], ids=lambda case: case.name)
def test_whole_inputs_are_read(case: Case, inputs: Path, tmp_path: Path) -> None:
    result = invoke(words(case, inputs / case.root, inputs, tmp_path / "out"))
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("part", range(_PARTS))
def test_changed_inputs_end_in_a_result_or_one_line(part: int, inputs: Path) -> None:
    each = RUNS // _PARTS
    outcomes: Counter[str] = Counter()
    for found in run(range(part * each, (part + 1) * each), 0, inputs):
        assert found["outcome"] in ("done", "refused"), found
        outcomes[found["outcome"]] += 1
    assert outcomes.total() == each
    assert outcomes["refused"] > 0
