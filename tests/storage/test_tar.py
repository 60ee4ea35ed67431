"""Tar headers are those of the standard library."""

from __future__ import annotations

import tarfile

from hypothesis import given
from hypothesis import strategies as st

from sirstgen.storage.tar import header


@given(
    st.text("abc0123456789._-/", min_size=1, max_size=100).filter(lambda name: name[-1] != "/"),
    st.integers(0, 8**11 - 1),
)
def test_a_header_is_what_tarfile_writes(name: str, size: int) -> None:
    info = tarfile.TarInfo(name)
    info.size = size
    assert header(name, size) == info.tobuf(tarfile.USTAR_FORMAT)
