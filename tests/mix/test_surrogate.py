"""The surrogate domain, in the place of real frames."""

from __future__ import annotations

from pathlib import Path

from sirstgen.mix.surrogate import COUNT, surrogate_count, surrogate_dataset


def test_it_has_both_lists_and_is_made_once(tmp_path: Path) -> None:
    dataset = surrogate_dataset(tmp_path / "surrogate", 6)
    assert len(dataset) == 6
    assert len(dataset.split("train")) == len(dataset.split("test")) == 3
    assert dataset.ids.index(dataset.split("train")[2]) + 1 == surrogate_count(3)
    assert surrogate_count(COUNT) == COUNT
    image, mask = dataset.sample(dataset.ids[0])
    assert image.shape == (256, 256)
    assert 0 < mask.sum() < 500
    before = dataset.image_path(dataset.ids[0]).stat().st_mtime_ns
    assert surrogate_dataset(tmp_path / "surrogate", 6).ids == dataset.ids
    assert dataset.image_path(dataset.ids[0]).stat().st_mtime_ns == before
