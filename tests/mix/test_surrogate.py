"""The surrogate domain, in the place of real frames."""

from __future__ import annotations

from pathlib import Path

import pytest

from sirstgen.errors import InvalidValueError
from sirstgen.mix.surrogate import COUNT, default_synthetic, surrogate_count, surrogate_dataset


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


def test_a_set_of_another_version_is_to_be_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    default_synthetic(tmp_path / "data", 2, 0)
    monkeypatch.setattr("sirstgen.storage.fingerprint.__version__", "9.9")
    with pytest.raises(InvalidValueError, match=r"data: holds a set .* delete this folder and repeat the command"):
        default_synthetic(tmp_path / "data", 2, 0)
