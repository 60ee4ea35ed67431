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


def test_a_damaged_file_counts_for_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIRSTGEN_CACHE", str(tmp_path))
    cache = Cache("kind", "maker", ".bin")
    cache.put("key", b"result")
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    whole = file.read_bytes()
    for damaged in (b"", b"result", whole[:-1], b"R" + whole[1:], whole + b"x"):
        file.write_bytes(damaged)
        assert cache.get("key") is None
    cache.put("key", b"again")
    assert cache.get("key") == b"again"


def test_without_the_variable_the_platform_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIRSTGEN_CACHE")
    assert "sirstgen" in cache_folder().parts
