"""A small collection of drawn things, its page on a real server, and a real Chromium to look at it."""

from __future__ import annotations

import csv
import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Dialog,
    Error,
    Page,
    Playwright,
    ViewportSize,
    expect,
    sync_playwright,
)
from waitress import wasyncore

from dxr_dash import api, settings
from dxr_dash.browser.access import Access
from dxr_dash.browser.connections import listening
from dxr_dash.browser.server import ONLY_HERE, create_app
from dxr_dash.collection.store import Collection
from dxr_dash.demo.world import draw
from tests.browser.steps import set_back, wait_until_drawn

KINDS = ("alarm clock", "car", "house", "mailbox", "padlock", "robot vacuum")
PER_KIND = 24
FACES_PER_KIND = 5
HOSTILE_LABEL = '<b>bold</b> & "quoted" <img src=x onerror=alert(2)>'
HOSTILE_NAMES = (
    "<script>alert(1)<⁄script>.jpg",
    "<img src=x onerror=alert(3)>.jpg",
    "a&amp;b 'single' \"double\" %{x}.jpg",
    "שלום עולם مرحبا.jpg",
    "long " + "name " * 35 + ".jpg",
)
ARGUMENTS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
UNKNOWN_TO_FIREFOX = "unknown command"  # by Playwright 1.65 to Firefox 153
WITHOUT_WEBGL = ("--disable-gpu", "--disable-3d-apis", "--disable-software-rasterizer")
PATIENCE_MS = 30_000
Site = tuple[Collection, str]

expect.set_options(timeout=PATIENCE_MS)


def write_images(folder: Path) -> Path:
    """Draw the images and the table that labels them."""
    lines = []
    for kind in KINDS:
        (folder / kind).mkdir(parents=True)
        for number in range(PER_KIND):
            face = number < FACES_PER_KIND
            path = folder / kind / f"{kind} {number:02d}{' face' if face else ''}.jpg"
            draw(kind, face=face, seed=900 + number, size_px=96).save(path, quality=85)
            lines.append((path, kind, "face" if face else "plain"))
    for number, name in enumerate(HOSTILE_NAMES):
        draw("cup", face=False, seed=number, size_px=96).save(folder / name, quality=85)
        lines.append((folder / name, HOSTILE_LABEL, "plain"))
    table = folder.with_suffix(".csv")
    with table.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(
            [("path", "label", "look"), *((path.relative_to(folder), *rest) for path, *rest in lines)]
        )
    return table


def build_collection(folder: Path) -> Path:
    """Build the collection that all browser tests start from: a face set, its control, and a kind."""
    images, target = folder / "images", folder / "things.dxr"
    table = write_images(images)
    api.build(images, target, network=settings.BUNDLED_NETWORK, labels=table, name="drawn things")
    collection = api.open_collection(target)
    look, label = collection.column("look"), collection.column("label")
    faces = [row for row in range(len(collection)) if look.categories[look.codes[row]] == "face"]
    plain = [
        row
        for row in range(len(collection))
        if row not in faces and label.categories[label.codes[row]] in KINDS
    ]
    one, _ = api.add_query_set(collection, "faces in things", rows=faces)
    control, _ = api.add_query_set(collection, "things without faces", rows=plain[::3])
    api.set_control(collection, one.id, control.id)
    cars = [row for row in plain if label.categories[label.codes[row]] == "car"]
    api.add_query_set(collection, "cars", rows=cars[:12])
    return target


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built collection, never written to; test processes that run side by side share it."""
    root = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        root = root.parent
    folder, ready = root / "browser", root / "browser.ready"
    try:
        folder.mkdir()
    except FileExistsError:
        end = time.monotonic() + 300
        while not ready.exists():
            assert time.monotonic() < end, "The other test process did not finish the collection."
            time.sleep(0.1)
    else:
        build_collection(folder)
        ready.touch()
    return folder / "things.dxr"


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    """A copy of the collection that the test may change."""
    return Path(shutil.copytree(built, tmp_path / built.name))


@contextmanager
def running(folder: Path, access: Access = ONLY_HERE) -> Iterator[Site]:
    """Serve a collection; yield it with the server's address."""
    collection = api.open_collection(folder)
    scans = api.ScanWorker(collection)
    app = create_app(collection, access=access, scans=scans)
    server = listening(app.server, access, socket.create_server(("127.0.0.1", 0)))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield collection, f"http://127.0.0.1:{server.effective_port}/"
    finally:
        scans.close()
        server.trigger.pull_trigger(partial(wasyncore.close_all, server._map))  # in the thread that owns them
        thread.join()
        server.task_dispatcher.shutdown()


@pytest.fixture(scope="session")
def site(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The open collection and the address of its page, for tests that change nothing in it."""
    copy = shutil.copytree(built, tmp_path_factory.mktemp("site") / built.name)
    with running(Path(copy)) as served:
        yield served


@pytest.fixture
def own_site(folder: Path) -> Iterator[Site]:
    """The same for tests that change query sets."""
    with running(folder) as served:
        yield served


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


def start_chromium(playwright: Playwright, *more: str) -> Browser:
    """Start a Chromium of this machine, with further arguments."""
    names = ("chromium", "chromium-browser", "google-chrome")
    path = os.environ.get("DXR_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    return playwright.chromium.launch(executable_path=path, args=[*ARGUMENTS, *more])


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    browser = start_chromium(playwright)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def no_webgl(playwright: Playwright) -> Iterator[Browser]:
    """A Chromium without WebGL, not even computed by the processor."""
    browser = start_chromium(playwright, *WITHOUT_WEBGL)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def firefox(playwright: Playwright) -> Iterator[Browser]:
    """Firefox's own build, driven by WebDriver BiDi; skipped where there is none."""
    names = ("firefox", "firefox-esr")
    path = os.environ.get("DXR_FIREFOX") or next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip("Firefox is not here: install it, or name it with DXR_FIREFOX=/path/to/firefox")
    browser = playwright.firefox.launch(
        channel="moz-firefox", executable_path=path, headless="DISPLAY" not in os.environ
    )
    try:
        browser.new_context().close()
    except Error as error:
        browser.close()
        if UNKNOWN_TO_FIREFOX not in error.message:
            raise
        pytest.skip(f"This Playwright is too new for Firefox {browser.version}: {error.message}")
    yield browser
    browser.close()


@pytest.fixture(scope="session", params=["chromium", "firefox"])
def engine(request: pytest.FixtureRequest) -> Browser:
    """Every engine that is here, one after the other."""
    found: Browser = request.getfixturevalue(request.param)
    return found


class Watch:
    """Keeps what must not happen in any test: errors in the console, requests to other machines."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.requests: list[str] = []
        self.callbacks: list[str] = []

    def look_at(self, page: Page) -> None:
        page.on("console", self.said)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("dialog", self.asked)
        page.on("request", lambda request: self.request(request.url, request.post_data))

    def said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.problems.append(message.text)

    def asked(self, dialog: Dialog) -> None:
        self.problems.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def request(self, url: str, body: str | None) -> None:
        self.requests.append(url)
        if "_dash-update-component" in url:
            self.callbacks.append(body or "")
        host = urlsplit(url).hostname
        if not url.startswith(("data:", "blob:")) and host != "127.0.0.1":
            self.problems.append(f"request to {url}")

    def calm(self) -> None:
        """Assert that nothing went wrong, and begin anew."""
        problems, self.problems = self.problems, []
        assert problems == []


OpenPage = Callable[..., Page]


@contextmanager
def visitor(
    chromium: Browser,
    url: str,
    watch: Watch,
    *,
    width: int = 1280,
    height: int = 860,
    script: str = "",
    **more: str,
) -> Iterator[Page]:
    """Open the page in a browser context of its own and wait until it is drawn.

    The content security policy is off, since Playwright itself waits with eval; test_access.py has it on.
    """
    size: ViewportSize = {"width": width, "height": height}
    context = chromium.new_context(viewport=size, bypass_csp=True, **more)  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    watch.look_at(page)
    if script:
        page.add_init_script(script)
    try:
        page.goto(url)
        wait_until_drawn(page)
        yield page
    finally:
        context.close()


@pytest.fixture(scope="session")
def watch() -> Watch:
    """What the shared page must not do."""
    return Watch()


@pytest.fixture(scope="session")
def shared_page(chromium: Browser, site: Site, watch: Watch) -> Iterator[Page]:
    with visitor(chromium, site[1], watch) as page:
        yield page


@pytest.fixture
def page(shared_page: Page, watch: Watch) -> Iterator[Page]:
    """The page as it is when just opened; it is opened once and set back before each test, which is quicker."""
    set_back(shared_page)
    watch.calm()
    yield shared_page
    watch.calm()


@pytest.fixture
def open_page(chromium: Browser, site: Site) -> Iterator[OpenPage]:
    """Opens the page anew, in another browser context."""
    watch = Watch()
    with ExitStack() as stack:

        def opened(
            search: str = "", *, url: str | None = None, browser: Browser = chromium, **more: Any
        ) -> Page:
            return stack.enter_context(visitor(browser, (url or site[1]) + search, watch, **more))

        yield opened
        watch.calm()


@pytest.fixture
def own_page(open_page: OpenPage, own_site: Site) -> Page:
    """A page for tests that change query sets."""
    return open_page(url=own_site[1])
