from __future__ import annotations

from pathlib import Path

import pytest

from sirstgen.datasets.lists import known_ids, read_id_list
from sirstgen.errors import InputError

IDS = ("0003", "0005", "\u00e9", "目标 (3).红外.03", "seq/0001", "x.1", "y.png")


@pytest.mark.parametrize(
    ("content", "listed"),
    [
        (b"\xef\xbb\xbf0003\r\n0005\r\n", ("0003", "0005")),  # Notepad
        ("0003\n\n  0005  \n".encode("utf-16"), ("0003", "0005")),
        ("目标 (3).红外.03.png\n".encode(), ("目标 (3).红外.03",)),
        (b"seq/0001.PNG\nx.1.tif\ny.png", ("seq/0001", "x.1", "y.png")),
        (b"", ()),
        (b"0003\r0005\r", ("0003", "0005")),  # old macOS
        (b"./images/0003.png\nimages\\0005.png\n", ("0003", "0005")),
        (b"/home/me/set/images/seq/0001.png", ("seq/0001",)),
        (b"seq\\0001.png", ("seq/0001",)),
        (b'"0003"\n', ("0003",)),
        ("e\u0301".encode(), ("\u00e9",)),
    ],
)
def test_lists_as_people_write_them(tmp_path: Path, content: bytes, listed: tuple[str, ...]) -> None:
    path = tmp_path / "ids.txt"
    path.write_bytes(content)
    assert read_id_list(path, IDS) == listed


def test_faults_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "ids.txt"
    path.write_text("a\nb\nc\nd\n0003\n")
    with pytest.raises(InputError, match=r"lists a, b, c and 1 more, without image .* such as 0003"):
        read_id_list(path, IDS)
    path.write_text("0003\n0003.png\n")
    with pytest.raises(InputError, match=r"lists 0003\.png more than once"):
        read_id_list(path, IDS)
    path.write_bytes(b"\xfa\xfe\x00")
    with pytest.raises(InputError, match="not a text file"):
        read_id_list(path, IDS)
    with pytest.raises(InputError, match="--drop: lists"):
        known_ids(["\x1b[31mred"], IDS, "--drop")
    with pytest.raises(InputError, match=r"none\.txt: there is no such file"):
        read_id_list(tmp_path / "none.txt", IDS)


def test_an_unknown_id_is_answered_with_the_form_of_the_known_ones() -> None:
    with pytest.raises(InputError, match="--ids: lists 99, without image in the dataset; its ids are such as 000001"):
        known_ids(["99"], ["000001", "000002"], "--ids")
