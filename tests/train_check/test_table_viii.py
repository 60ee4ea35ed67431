from __future__ import annotations

import dataclasses
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

from sirstgen.errors import InvalidValueError
from sirstgen.evaluation.frame_scores import FrameScores
from sirstgen.evaluation.metrics import DetectionMetrics
from sirstgen.train_check.table import PAPER, Comparison, Figures, Run, Status, Table, TrainingSet
from sirstgen.train_check.table_text import as_json, as_markdown, as_text


def run(real: int, synthetic: int, iou: float, seed: int = 0, detector: str = "dnanet-resnet18", **more) -> Run:
    figures = Figures(iou=iou, niou=iou + 1, pd=90.0, fa=20.0)
    return Run(
        TrainingSet(real, synthetic),
        detector,
        seed,
        figures=figures,
        **({"steps": 520, "seconds": 61.0, "device": "CPU"} | more),
    )


def rows(*values: tuple[int, int, list[float]]) -> list[Run]:
    return [run(real, synth, iou, seed) for real, synth, ious in values for seed, iou in enumerate(ious)]


def test_the_paper_is_as_printed() -> None:
    assert [(row.training_set.real, row.training_set.synthetic) for row in PAPER] == [
        (0, 791),
        (42, 749),
        (85, 706),
        (128, 663),
        (213, 0),
    ]
    assert [row.figures["dnanet"].iou for row in PAPER] == [66.84, 70.44, 74.58, 77.23, 77.47]
    assert [row.figures["acm"].fa for row in PAPER] == [20.75, 27.37, 16.95, 9.022, 3.728]
    assert all(row.training_set.real + row.training_set.synthetic == 791 for row in PAPER[:4])
    assert round(100 * PAPER[3].training_set.real_share, 1) == 16.2


def test_figures_are_in_the_papers_units() -> None:
    metrics = DetectionMetrics()
    metrics.update([[1, 0], [0, 0]], [[1, 1], [0, 0]])
    assert Figures.of(metrics.result()) == Figures(iou=50, niou=50, pd=100, fa=0)


def test_rows_hold_mean_and_spread_over_repeats_and_the_papers_figures() -> None:
    table = Table(rows((213, 0, [60.0]), (42, 749, [64.0, 66.0, 68.0])), "NUAA-SIRST test", "quick")
    mixed, alone = table.rows
    assert mixed.training_set == TrainingSet(42, 749)
    assert (mixed.mean("iou"), mixed.spread("iou")) == (66.0, 2.0)
    assert mixed.paper == Figures(iou=70.44, pd=96.19, fa=15.40)
    assert math.isnan(alone.spread("iou"))
    text = as_text(table)
    assert "66.00 ± 2.00" in text
    assert "70.44/96.19/15.40" in text
    assert "77.47/98.48/4.223" in text
    assert "tested on NUAA-SIRST test" in text.splitlines()[0]


def test_runs_that_ran_out_of_time_show_their_figures_where_no_other_ended_well() -> None:
    late = {"status": Status.OUT_OF_TIME, "note": "time ran out at step 90 of 520", "steps": 90}
    short = [dataclasses.replace(entry, **late) for entry in scored(42, 749, [0.5, 0.6])]
    mixed = Table([*short, *scored(213, 0, [0.8, 0.9])], "x", "quick")
    assert [row.mean("iou") for row in mixed.rows] == [pytest.approx(55), pytest.approx(85)]
    assert all(not comparison.differences for comparison in mixed.comparisons)  # their steps are not equal
    text = " ".join(as_text(mixed).split())
    assert "0 of 2" in text
    assert "2x out of time; time ran out at step 90 of 520." in text
    (row,) = Table([short[0], *scored(42, 749, [0.8])], "x", "quick").rows
    assert row.values("iou") == [pytest.approx(80)]


def scored(real: int, synthetic: int, ious: list[float]) -> list[Run]:
    """Runs with counts of 40 frames; every target is found, and covered to the given share."""
    runs = []
    for seed, iou in enumerate(ious):
        frames = []
        for number in range(40):
            logits, mask = np.full((32, 32), -5.0), np.zeros((32, 32), bool)
            mask[4:14, 4:14] = True
            logits[4:14, 4:14][: round(10 * iou)] = 4.0
            frames.append((f"{number}", logits, mask))
        runs.append(dataclasses.replace(run(real, synthetic, 100 * iou, seed), scores=FrameScores.of(frames)))
    return runs


def test_rows_are_compared_by_a_paired_bootstrap() -> None:
    table = Table([*scored(42, 749, [0.5, 0.6]), *scored(213, 0, [0.8, 0.9])], "x", "quick")
    found = table.comparisons[0].differences["iou"]
    assert found.excludes_zero
    assert found.value == pytest.approx(-0.3)
    text = as_text(table)
    assert "42 real + 749 synthetic against 213 real: IoU -30.0 (" in " ".join(text.split())
    assert "no difference shown in Pd, +0.0" in " ".join(text.split())
    content = json.loads(as_json(table))
    assert content["comparisons"][0]["differences"]["iou"]["shown"] is True
    assert content["rows"][0]["judged"][0]["iou_without_false_alarms"] == 50


def test_an_interval_that_holds_zero_shows_no_difference() -> None:
    table = Table([*scored(42, 749, [0.5, 0.9]), *scored(213, 0, [0.6, 0.8])], "x", "quick")
    assert not table.comparisons[0].differences["iou"].excludes_zero
    assert "no difference shown in IoU" in " ".join(as_text(table).split())


def test_without_repeats_nothing_is_said_about_differences() -> None:
    table = Table([*scored(42, 749, [0.5]), *scored(213, 0, [0.9])], "x", "quick")
    assert table.comparisons[0].differences == {}
    text = " ".join(as_text(table).split())
    assert "difference shown" not in text
    assert "a comparison needs two runs of each" in text
    assert "50.0-50.0" in text


def test_text_fits_a_terminal() -> None:
    runs = [
        *scored(42, 749, [0.5, 0.6]),
        *scored(213, 0, [0.8, 0.9]),
        Run(
            TrainingSet(0, 663, "a-rather-long-name-of-a-folder"),
            "dnanet-resnet18",
            0,
            Status.OUT_OF_MEMORY,
            note="12 GB " * 9,
        ),
    ]
    text = as_text(Table(runs, "NUAA-SIRST, 214 test images", "quick", settings={"training": "equal steps " * 12}))
    assert max(map(len, text.splitlines())) <= 80


def test_each_row_is_compared_with_the_next_and_with_the_last() -> None:
    table = Table(rows((0, 791, [1]), (42, 749, [2]), (128, 663, [3]), (213, 0, [4])), "x", "quick")

    def pair(comparison: Comparison) -> tuple[int, int]:
        return comparison.first.training_set.real, comparison.second.training_set.real

    assert [pair(comparison) for comparison in table.comparisons] == [
        (0, 42),
        (42, 128),
        (128, 213),
        (0, 213),
        (42, 213),
    ]


def test_what_went_wrong_is_named_not_hidden() -> None:
    runs = [
        run(0, 791, 60.0, 0),
        run(0, 791, 0.0, 1, status=Status.COLLAPSED),
        Run(TrainingSet(42, 749), "dnanet-resnet18", 0, Status.OUT_OF_MEMORY, note="asked for 12 GB"),
        Run(TrainingSet(0, 791), "acm", 0, Status.NAN_LOSS, steps=17),
        Run(TrainingSet(42, 749), "acm", 0, Status.EMPTY_SPLIT),
    ]
    table = Table(runs, "x", "quick")
    assert table.rows[0].mean("iou") == 60
    for text in (" ".join(as_text(table).split()), as_markdown(table)):
        for words in (
            "1x collapsed: all background",
            "1 of 2",
            "asked for 12 GB",
            "NaN loss",
            "empty split",
        ):
            assert words in text
    content = json.loads(as_json(table))
    assert content["rows"][0]["problems"] == {"collapsed: all background": 1}
    assert content["rows"][1]["mean"]["iou"] is None


def test_the_surrogate_domain_is_said_three_times() -> None:
    table = Table([run(0, 791, 60.0)], "surrogate", "quick", surrogate=True)
    for text in (as_text(table), as_markdown(table)):
        lines = [line for line in text.splitlines() if line]
        assert "SURROGATE DOMAIN, says nothing about real images" in lines[0]
        assert "say nothing about real images" in " ".join(lines[-2:])
    assert json.loads(as_json(table))["surrogate"] is True


def test_markdown_is_a_table_with_one_width() -> None:
    table = Table(
        [run(0, 791, 60.0, device="a|b"), run(213, 0, 61.0)], "x", "quick", settings={"steps": "equal in every row"}
    )
    lines = [line for line in as_markdown(table).splitlines() if line.startswith("|")]
    assert len(lines) == 4
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1
    assert "* steps: equal in every row" in as_markdown(table)


def test_runs_survive_json() -> None:
    runs = [run(0, 791, 60.0), Run(TrainingSet(5, 0, "harvested"), "acm", 3, Status.NAN_LOSS, note="step 9")]
    back = [Run.from_dict(json.loads(json.dumps(entry.to_dict()))) for entry in runs]
    assert back[0] == runs[0]
    assert repr(back[1]) == repr(runs[1])
    assert back[1].training_set.label == "harvested (5 real)"
    for bad in ({}, {**runs[0].to_dict(), "status": "fine"}, {**runs[0].to_dict(), "extra": 1}, {"figures": None}):
        with pytest.raises(InvalidValueError, match="not the record of a run"):
            Run.from_dict(bad)


def test_the_figure_is_drawn(tmp_path: Path) -> None:
    from PIL import Image

    from sirstgen.train_check.figure import draw_table_viii

    table = Table(rows((0, 791, [60, 62]), (213, 0, [70])), "x", "quick", surrogate=True)
    draw_table_viii(table, tmp_path / "figure.png")
    with Image.open(tmp_path / "figure.png") as image:
        assert image.size == (1560, 624)
    assert [path.name for path in tmp_path.iterdir()] == ["figure.png"]


def test_steps_and_seconds_are_those_of_the_runs_that_are_counted() -> None:
    scores = FrameScores.of([("a", np.ones((4, 4)), np.ones((4, 4), bool))])
    failed = run(0, 791, math.nan, 1, status=Status.NAN_LOSS, steps=0, seconds=1.0)
    text = as_text(Table([run(0, 791, 60.0, scores=scores), failed], "test", "quick"))
    assert "1 of 2" in text and "0-520" not in text and " 61" in text
