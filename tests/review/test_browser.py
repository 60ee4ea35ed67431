"""A review in a real headless Chromium: open, filter, reject, see the new image, undo, by keyboard alone."""

from __future__ import annotations

import os
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sirstgen.datasets.readers import Dataset
from sirstgen.review.catalogue import Catalogue
from sirstgen.review.edits import Edits, Redraws, RejectionList
from sirstgen.review.server import make_app
from sirstgen.storage.reopen import reopen_generator

CHROMIUM = os.environ.get("SIRSTGEN_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: install one, or name it in SIRSTGEN_CHROMIUM"),
]
sync_api = pytest.importorskip("playwright.sync_api")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as play:
        started = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


class Served:
    """A review at an address of this machine."""

    def __init__(self, catalogue: Catalogue, edits: Edits) -> None:
        import uvicorn

        self._edits = edits
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        config = uvicorn.Config(make_app(catalogue, edits, "token"), log_level="error", lifespan="off", ws="none")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]})
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}/token/"

    def __enter__(self) -> Served:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._edits.close()
        self._socket.close()


def open_page(browser: Any, served: Served, width: int = 1280) -> tuple[Any, list[str]]:
    page = browser.new_page(viewport={"width": width, "height": 800})
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.goto(served.address)
    page.locator(".cell").first.wait_for()
    return page, faults


def test_reject_and_undo_by_keyboard(browser: Any, folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in (folder / "images").iterdir()}
    catalogue = Catalogue(Dataset.open(folder))
    with Served(catalogue, Redraws(catalogue, reopen_generator(folder))) as served:
        page, faults = open_page(browser, served)
        expect = sync_api.expect
        expect(page.locator("#count")).to_have_text("6 of 6 images")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        expect(page.locator("#name")).to_have_text("000003")
        shown = page.locator("#image").get_attribute("src")
        page.keyboard.press("x")
        expect(page.locator("#what")).to_contain_text("redrawn", timeout=60_000)
        assert page.locator("#image").get_attribute("src") != shown
        assert (folder / "images" / "000003.png").read_bytes() != before["000003.png"]
        expect(page.locator(".cell.redrawn")).to_have_count(1)
        page.keyboard.press("End")
        expect(page.locator("#name")).to_have_text("000006")
        page.keyboard.press("u")
        expect(page.locator("#name")).to_have_text("000003")
        expect(page.locator(".cell.redrawn, .cell.pending")).to_have_count(0, timeout=60_000)
        assert (folder / "images" / "000003.png").read_bytes() == before["000003.png"]
        page.keyboard.press("?")
        expect(page.locator("#keys")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("#keys")).to_be_hidden()
        assert faults == []
        page.close()


def test_filters_show_what_passes(browser: Any, folder: Path) -> None:
    catalogue = Catalogue(Dataset.open(folder))
    with Served(catalogue, Redraws(catalogue, reopen_generator(folder))) as served:
        page, faults = open_page(browser, served)
        expect = sync_api.expect
        scene = catalogue.entries[0].scene
        page.locator("#scene").select_option(scene)
        passing = [entry for entry in catalogue.entries if entry.scene == scene]
        expect(page.locator("#count")).to_have_text(f"{len(passing)} of 6 images")
        page.get_by_role("button", name="clear").click()
        page.locator("#scr-low").fill("4.5")
        bright = [e for e in catalogue.entries if any((t["scr"] or 0) >= 4.5 for t in e.targets or [])]
        expect(page.locator("#count")).to_have_text(f"{len(bright)} of 6 images")
        page.locator("#scr-low").fill("")
        page.locator("#list").focus()
        page.keyboard.press("/")
        page.keyboard.type("00000")
        page.keyboard.type("4")
        page.keyboard.press("Escape")
        expect(page.locator("#count")).to_have_text("1 of 6 images")
        expect(page.locator("#name")).to_have_text("000004")
        page.locator("#text").fill("none")
        expect(page.locator("#count")).to_have_text("0 of 6 images")
        assert faults == []
        page.close()


def test_a_foreign_set_is_listed_on_a_narrow_screen(browser: Any, foreign: Path, tmp_path: Path) -> None:
    catalogue, file = Catalogue(Dataset.open(foreign)), tmp_path / "rejected.txt"
    with Served(catalogue, RejectionList(catalogue, file)) as served:
        page, faults = open_page(browser, served, width=400)
        assert page.evaluate("document.documentElement.scrollWidth") == 400
        page.get_by_role("button", name="reject").click()
        sync_api.expect(page.locator(".cell.rejected")).to_have_count(1)
        assert file.read_text() == "000001\n"
        page.get_by_role("button", name="undo").click()
        sync_api.expect(page.locator(".cell.rejected")).to_have_count(0)
        assert file.read_text() == "" and faults == []
        page.close()
