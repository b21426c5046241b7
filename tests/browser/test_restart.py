"""The server ended and started again under an open page."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, expect

from dxr_dash.browser import ids
from tests.browser.conftest import Watch, visitor

SERVE = (
    "import sys\nfrom dxr_dash import api\nfrom dxr_dash.browser.server import serve\n"
    "serve(api.open_collection(sys.argv[1]), port=int(sys.argv[2]), on_ready=lambda url: print(url, flush=True))"
)


@contextmanager
def serving(folder: Path, port: int = 0) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server in a process of its own, and its address."""
    command = [sys.executable, "-c", SERVE, str(folder), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def test_a_page_says_that_its_server_has_gone_waits_for_it_and_goes_on(engine: Browser, folder: Path) -> None:
    with serving(folder) as (process, url), visitor(engine, url, Watch()) as page:
        status = page.locator(f"#{ids.STATUS}")
        focused = page.locator(f"#{ids.NEIGHBOURS} .focus-card .thumb")
        page.evaluate("dxr.change({ focus: 3 })")
        expect(focused).to_have_attribute("data-row", "3")
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
        page.evaluate("dxr.change({ focus: 4 })")
        expect(status).to_contain_text("dxr does not answer")
        expect(focused).to_have_attribute("data-row", "3")
        with serving(folder, int(url.rstrip("/").rpartition(":")[2])):
            expect(page.locator(f"#{ids.TOASTS}")).to_contain_text("dxr answers again")
            expect(status).to_be_empty()
            expect(focused).to_have_attribute("data-row", "4")  # what was asked meanwhile
            page.evaluate("dxr.change({ focus: 5 })")
            expect(focused).to_have_attribute("data-row", "5")


def test_a_page_says_when_another_collection_answers(engine: Browser, folder: Path, tmp_path: Path) -> None:
    from dxr_dash import api
    from dxr_dash.demo.world import draw

    (tmp_path / "others").mkdir()
    for number in range(3):
        draw("cup", face=False, seed=number, size_px=96).save(tmp_path / "others" / f"{number}.jpg")
    api.build(tmp_path / "others", tmp_path / "other.dxr", network="tiny")
    with serving(folder) as (process, url), visitor(engine, url, Watch()) as page:
        process.send_signal(signal.SIGTERM)
        process.wait()
        page.evaluate("dxr.change({ focus: 4 })")
        with serving(tmp_path / "other.dxr", int(url.rstrip("/").rpartition(":")[2])):
            expect(page.locator(f"#{ids.STATUS}")).to_contain_text("another collection")
