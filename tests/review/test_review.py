"""A review's edits and its server, without a browser."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import typer
from starlette.testclient import TestClient
from typer.testing import CliRunner

from sirstgen.cli import reported, review
from sirstgen.datasets.readers import Dataset
from sirstgen.errors import GenerationError, InputError, InvalidValueError
from sirstgen.review import edits as edits_module
from sirstgen.review.catalogue import Catalogue
from sirstgen.review.edits import Edits, Redraws, RejectionList
from sirstgen.review.server import make_app, serve
from sirstgen.storage.reopen import can_be_redrawn, reopen_generator
from sirstgen.synthesis.generator import Generator
from sirstgen.synthesis.render import Sample

TOKEN = "a-token"


def wait(catalogue: Catalogue, index: int, state: str) -> None:
    end = time.monotonic() + 60
    while catalogue.entries[index].state != state:
        assert time.monotonic() < end, catalogue.entries[index]
        time.sleep(0.01)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def client(catalogue: Catalogue, edits: Edits, **more: str) -> TestClient:
    return TestClient(make_app(catalogue, edits, TOKEN), base_url="http://127.0.0.1", **more)


def test_a_rejected_image_is_drawn_anew_and_undo_restores_every_byte(folder: Path) -> None:
    before = files(folder)
    catalogue = Catalogue(Dataset.open(folder))
    edits = Redraws(catalogue, reopen_generator(folder))
    edits.reject(2)
    edits.reject(2)  # it is pending: nothing happens
    edits.reject(4)
    wait(catalogue, 2, "redrawn")
    wait(catalogue, 4, "redrawn")
    after = files(folder)
    assert {name for name in after if after[name] != before[name]} >= {"images/000003.png", "images/000005.png"}
    assert after["images/000001.png"] == before["images/000001.png"]
    assert edits.undo() == 4 and edits.undo() == 2 and edits.undo() is None
    edits.close()
    assert files(folder) == before
    assert [entry.state for entry in catalogue.entries] == [""] * 6 and catalogue.entries[2].version == 2


def test_a_second_rejection_shows_a_third_image_and_undo_goes_back_one(folder: Path) -> None:
    catalogue = Catalogue(Dataset.open(folder))
    edits = Redraws(catalogue, reopen_generator(folder))
    image = folder / "images" / "000001.png"
    seen = [image.read_bytes()]
    for _ in range(2):
        edits.reject(0)
        wait(catalogue, 0, "redrawn")
        seen.append(image.read_bytes())
    assert len(set(seen)) == 3
    edits.undo()
    edits.close()
    assert image.read_bytes() == seen[1] and not (folder / ".run").exists()


def test_what_cannot_be_drawn_is_told_and_can_be_undone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise GenerationError("the disk is full")

    before, redraw = files(folder), edits_module.redraw
    monkeypatch.setattr(edits_module, "redraw", fail)
    catalogue = Catalogue(Dataset.open(folder))
    edits = Redraws(catalogue, reopen_generator(folder))
    edits.reject(1)
    wait(catalogue, 1, "failed")
    assert catalogue.entries[1].note == "the disk is full"
    monkeypatch.setattr(edits_module, "redraw", redraw)
    edits.reject(1)
    wait(catalogue, 1, "redrawn")
    assert edits.undo() == 1 and edits.undo() == 1
    edits.close()
    assert files(folder) == before


def test_an_image_that_cannot_be_drawn_again_stops_no_other(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, make = files(folder), Generator.make

    def undrawable(generator: Generator, index: int, redraw: int = 0) -> Sample:
        if index == 1 and redraw in (1, 2):
            raise GenerationError("image 1: no background takes its targets", index=index, rejections={"no room": 9})
        return make(generator, index, redraw)

    monkeypatch.setattr(Generator, "make", undrawable)
    catalogue = Catalogue(Dataset.open(folder))
    edits = Redraws(catalogue, reopen_generator(folder))
    for index in (1, 2):
        edits.reject(index)
    wait(catalogue, 1, "failed")
    wait(catalogue, 2, "redrawn")
    assert files(folder)["images/000002.png"] == before["images/000002.png"]
    edits.reject(1)  # redraw 2, which fails too
    wait(catalogue, 1, "failed")
    edits.reject(1)
    wait(catalogue, 1, "redrawn")
    edits.undo()  # back to redraw 2, which is tried again
    wait(catalogue, 1, "failed")
    assert [edits.undo() for _ in range(3)] == [1, 2, 1]
    edits.close()
    assert files(folder) == before


def test_rejections_of_a_foreign_set_are_listed_and_kept(foreign: Path, tmp_path: Path) -> None:
    before, file = files(foreign), tmp_path / "rejected.txt"
    edits = RejectionList(Catalogue(Dataset.open(foreign)), file)
    for index in (3, 0, 3, 5):
        edits.reject(index)
    assert file.read_text() == "000004\n000001\n000006\n"
    assert edits.undo() == 5
    catalogue = Catalogue(Dataset.open(foreign))
    again = RejectionList(catalogue, file)
    assert [index for index, entry in enumerate(catalogue.entries) if entry.state == "rejected"] == [0, 3]
    assert again.undo() == 0 and again.undo() == 3 and again.undo() is None
    assert file.read_text() == "" and files(foreign) == before
    file.write_text("000001\nelsewhere\n")
    with pytest.raises(InputError, match=r"lists elsewhere, without image in the dataset.*, or choose another --list"):
        RejectionList(Catalogue(Dataset.open(foreign)), file)


def test_targets_are_as_stated_or_measured(folder: Path, foreign: Path) -> None:
    own, other = Catalogue(Dataset.open(folder)), Catalogue(Dataset.open(foreign))
    assert own.complete and not other.complete
    for index in range(6):
        stated, measured = own.targets(index), other.targets(index)
        assert [target["bbox"] for target in stated] == [target["bbox"] for target in measured]
        assert all(target["kind"] for target in stated) and all("kind" not in target for target in measured)
    change, images = other.since(-1)
    assert change == 6 and len(images) == 6 and other.since(change)[1] == []


def test_the_page_and_its_pictures_are_served(foreign: Path, tmp_path: Path) -> None:
    catalogue = Catalogue(Dataset.open(foreign))
    web = client(catalogue, RejectionList(catalogue, tmp_path / "list.txt"))
    page = web.get(f"/{TOKEN}/")
    assert page.status_code == 200 and "Review of foreign" in page.text and "reject: list" in page.text
    nonce = page.headers["content-security-policy"].split("'nonce-")[1].split("'")[0]
    assert f'<script nonce="{nonce}">' in page.text and page.headers["cache-control"] == "no-store"
    details = web.get(f"/{TOKEN}/images/0").json()
    assert (details["width"], details["height"]) == (64, 64) and details["targets"]
    for name in ("thumb.png", "image.png", "targets/0.png"):
        assert web.get(f"/{TOKEN}/images/0/{name}").content.startswith(b"\x89PNG")
    assert web.post(f"/{TOKEN}/images/0/reject").status_code == 200
    assert [image[3] for image in web.get(f"/{TOKEN}/changes").json()["images"]][:2] == ["rejected", ""]
    foreign_page = {"Origin": "http://elsewhere.example"}
    assert web.post(f"/{TOKEN}/undo", headers=foreign_page).status_code == 403
    assert web.post(f"/{TOKEN}/undo", headers={"Origin": "null"}).status_code == 403
    assert web.post(f"/{TOKEN}/undo", headers={"Origin": "http://127.0.0.1"}).json() == {"index": 0}
    (foreign / "images" / "000002.png").write_bytes(b"damaged")
    broken = web.get(f"/{TOKEN}/images/1")
    assert broken.status_code == 422 and "000002.png" in broken.text


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/wrong/",
        "/a-toke/",
        "/a-token-/changes",
        f"/{TOKEN}",
        f"/{TOKEN}/images/99",
        f"/{TOKEN}/images/-1",
        f"/{TOKEN}/images/0/targets/99.png",
        f"/{TOKEN}/images/../../pyproject.toml",
        f"/{TOKEN}/images/..%2f..%2fdataset.json",
        f"/{TOKEN}/%2e%2e/%2e%2e/etc/passwd",
        f"/{TOKEN}/dataset.json",
        "//etc/passwd",
        "/%00",
        "/Ünïcode/",
    ],
)
def test_nothing_else_is_served(path: str, foreign: Path, tmp_path: Path) -> None:
    catalogue = Catalogue(Dataset.open(foreign))
    web = client(catalogue, RejectionList(catalogue, tmp_path / "list.txt"), follow_redirects=False)
    answer = web.get(path)
    assert answer.status_code in (307, 404) and not answer.content.startswith(b"\x89PNG")
    assert answer.status_code == 404 or answer.headers["location"].endswith(f"/{TOKEN}/")


def test_other_hosts_methods_and_numbers_are_refused(foreign: Path, tmp_path: Path) -> None:
    catalogue = Catalogue(Dataset.open(foreign))
    web = client(catalogue, RejectionList(catalogue, tmp_path / "list.txt"))
    assert web.get(f"/{TOKEN}/", headers={"host": "evil.example"}).status_code == 400
    assert web.get(f"/{TOKEN}/", headers={"host": "localhost:8123"}).status_code == 200
    assert web.get(f"/{TOKEN}/images/0/reject").status_code == 405
    assert web.get(f"/{TOKEN}/changes?since=x").status_code == 400
    assert not (tmp_path / "list.txt").exists()


def test_a_port_in_use_is_one_line(foreign: Path, tmp_path: Path) -> None:
    import socket

    catalogue = Catalogue(Dataset.open(foreign))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InvalidValueError, match="--port must be a free port"):
            serve(catalogue, RejectionList(catalogue, tmp_path / "list.txt"), taken.getsockname()[1], print)


def test_the_command_refuses_what_is_no_dataset(tmp_path: Path, folder: Path, foreign: Path) -> None:
    before = threading.active_count()
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(reported(review.review))
    result = CliRunner().invoke(app, [str(tmp_path / "none"), "--no-browser"])
    assert result.exit_code == 2 and "none" in result.stderr
    assert can_be_redrawn(folder) and not can_be_redrawn(foreign)
    assert threading.active_count() == before


def test_rejections_at_the_same_time_are_all_listed(
    foreign: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(path: Path, data: str) -> None:
        time.sleep(0.02)
        path.write_text(data)

    monkeypatch.setattr(edits_module, "write_file", slow)
    edits = RejectionList(Catalogue(Dataset.open(foreign)), tmp_path / "rejected.txt")
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(edits.reject, range(6)))
    assert len((tmp_path / "rejected.txt").read_text().splitlines()) == 6


def test_a_fault_of_the_disk_leaves_the_thread_that_redraws_alive(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    catalogue = Catalogue(Dataset.open(folder))
    edits = Redraws(catalogue, reopen_generator(folder))
    with monkeypatch.context() as patch:
        patch.setattr(edits_module, "redraw", failing)
        edits.reject(1)
        wait(catalogue, 1, "failed")
    assert "No space left" in catalogue.entries[1].note
    edits.reject(2)
    wait(catalogue, 2, "redrawn")
    edits.close()
