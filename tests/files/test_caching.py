"""What is kept between runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from sirstgen.files.caching import Cache, cache_folder, digest_of


def test_what_is_put_is_found_again_by_any_other_object(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIRSTGEN_CACHE", str(tmp_path))
    Cache("kind", "maker", ".bin").put(digest_of(b"frame"), b"result")
    assert Cache("kind", "maker", ".bin").get(digest_of(b"frame")) == b"result"
    assert Cache("kind", "other", ".bin").get(digest_of(b"frame")) is None
    assert [path.suffix for path in tmp_path.rglob("*") if path.is_file()] == [".bin"]


def test_without_the_variable_the_platform_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIRSTGEN_CACHE")
    assert "sirstgen" in cache_folder().parts
