"""Measure how long ``dxr demo`` takes to a page that answers: first with an empty cache, then again.

    python scripts/measure_start.py

Each step's time is what dxr itself reports; the last line of each round is the whole way, from the command to the
verdict on the screen of a real Chromium.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path

import environment
from playwright.sync_api import Browser, sync_playwright

ARGUMENTS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 120_000


def until_the_answer(cache: Path, browser: Browser, dxr: str) -> float:
    """Run ``dxr demo`` and wait for the verdict on its page; return seconds."""
    start = time.perf_counter()
    command = [dxr, "demo", "--no-browser", "--port", "0"]
    with subprocess.Popen(
        command, env={**os.environ, "DXR_CACHE": str(cache)}, stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stderr is not None  # noqa: S101 - it was asked for
            for line in server.stderr:
                print(f"    {line.rstrip()}", flush=True)
                if "http://" in line:
                    break
            else:
                raise SystemExit("dxr demo ended before it served a page.")
            served = time.perf_counter()
            page = browser.new_page(bypass_csp=True)  # Playwright waits with eval
            page.goto(next(word for word in line.split() if word.startswith("http://")))
            page.wait_for_selector(
                "#answer :text-matches('^(Yes|Partly|No|Cannot tell)$')", timeout=PATIENCE_MS
            )
            page.close()
            print(f"    page and answer in the browser: {time.perf_counter() - served:.1f} s", flush=True)
        finally:
            server.terminate()
    return time.perf_counter() - start


def main() -> None:
    """Measure one cold round and three warm ones."""
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as cache:
        browser = playwright.chromium.launch(executable_path=environment.chromium(), args=ARGUMENTS)
        for name in ("cold: nothing is there", "warm", "warm", "warm"):
            print(f"{name}:", flush=True)
            print(
                f"  {until_the_answer(Path(cache), browser, environment.tool('dxr')):.1f} s in all",
                flush=True,
            )
        browser.close()


if __name__ == "__main__":
    main()
