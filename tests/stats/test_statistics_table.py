from __future__ import annotations

import numpy as np

from sirstgen.stats.dataset_statistics import DatasetStatistics
from sirstgen.stats.table import statistics_text


def make_statistics(name: str, scenes: dict[str, int], targets: int = 4) -> DatasetStatistics:
    values = {
        key: np.linspace(low, high, targets)
        for key, low, high in (
            ("area", 4, 90),
            ("area_share", 0.006, 0.2),
            ("contrast", 10, 80),
            ("level", 60, 100),
            ("scr", 3, 6),
            ("scr_masks_only", 2.5, 5.5),
        )
    }
    counts = {0: 1, 2: targets // 2} if targets else {0: 1}
    return DatasetStatistics(name, 1 + targets // 2, counts, values, targets // 4, scenes, {"spot": targets})


def test_datasets_stand_side_by_side_with_the_paper() -> None:
    text = statistics_text([make_statistics("ours", {"sea": 3}), make_statistics("another-set", {})])
    lines = text.splitlines()
    assert lines[0].split() == ["ours", "another-set", "paper,", "Fig.", "6"]
    row = next(line for line in lines if line.startswith("images with 2 or more"))
    assert row.split()[-6:] == ["66.7", "%", "66.7", "%", "37", "%"]
    assert any(line.split() == ["sea", "3", "(100.0", "%)", "-"] for line in lines)


def test_four_datasets_of_long_names_fit_a_terminal() -> None:
    sets = [make_statistics(f"a-name-of-many-letters-{number}" * 3, {"a scene of the sea": 3}) for number in range(4)]
    text = statistics_text(sets)
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("66.7 %") == 4 * 2  # images with 2 or more, and with exactly 2


def test_a_set_without_targets_has_no_shares_of_targets() -> None:
    text = statistics_text([make_statistics("empty", {}, targets=0)])
    row = next(line for line in text.splitlines() if line.startswith("targets <= 0.01"))
    assert row.split()[-3:] == ["-", "27", "%"]
