"""Take the README's pictures from the running page: ``python scripts/take_screenshots.py NAME.dxr [docs/pictures]``.

The page is the real one, served for this purpose and looked at in Chromium with software rendering.
"""

from __future__ import annotations

import argparse
import io
import math
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
MOST_BYTES = 400_000
QUALITY = (90, 82, 74, 66)  # of WebP; the first that is small enough
WIDE, NARROW = (1440, 900), (390, 844)
ARGUMENTS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
DRAWN = """() => Boolean(
    document.querySelector("#map .js-plotly-plot")?._fullData?.length
    && document.querySelector("#distances .js-plotly-plot")?._fullData?.length
    && document.querySelector("#answer > *") && document.querySelector("#neighbours > *")
    && dxr.coordinates()?.values && !document.querySelector("[data-dash-is-loading=true]")
    && [...document.images].every((image) => image.complete))"""


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("collection", type=Path)
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "docs" / "pictures")
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    with served(chosen.collection) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=list(ARGUMENTS))
        for name, image in pictures(browser, url):
            size = keep(image, chosen.folder / f"{name}.webp")
            print(f"{name}.webp {size // 1000} kB")
        browser.close()


def chromium_path() -> str | None:
    """Find the browser on this machine."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("DXR_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


@contextmanager
def served(collection: Path) -> Iterator[str]:
    """Serve a collection on a free port until the pictures are taken."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "dxr_dash",
        "serve",
        str(collection),
        "--port",
        str(port),
        "--no-browser",
    ]
    url = f"http://127.0.0.1:{port}/"
    with subprocess.Popen(command, cwd=ROOT) as process:
        try:
            wait_for(url, process)
            yield url
        finally:
            process.terminate()


def wait_for(url: str, process: subprocess.Popen[bytes], limit_s: float = 60) -> None:
    """Wait until the page answers."""
    end = time.monotonic() + limit_s
    while True:
        try:
            urllib.request.urlopen(url).close()
            return
        except urllib.error.URLError:
            if process.poll() is not None or time.monotonic() > end:
                raise
            time.sleep(0.1)


def pictures(browser: Browser, url: str) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the PNG of each picture."""
    yield "page-light", whole(opened(browser, url))
    yield "page-dark", whole(opened(browser, url + "?colour=cluster", scheme="dark"))
    yield "page-narrow", whole(opened(browser, url, size=NARROW))
    page = opened(browser, url)
    lasso(page)
    yield "lasso", whole(page)
    page = opened(browser, url)
    yield "answer", page.locator(".panel.answer").screenshot()
    page = opened(browser, url, scheme="dark")
    thumb = page.locator("#neighbours .grid .thumb").first
    thumb.click()
    page.wait_for_function(DRAWN)
    page.locator("#neighbours .grid .thumb").nth(1).hover()
    page.wait_for_selector("#card img")
    yield "neighbours-dark", whole(page)


def opened(browser: Browser, url: str, *, size: tuple[int, int] = WIDE, scheme: str = "light") -> Page:
    """Open the page and wait until everything on it is drawn."""
    page = browser.new_page(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page.goto(url)
    page.wait_for_function(DRAWN)
    return page


def lasso(page: Page) -> None:
    """Draw a lasso round the middle of the map."""
    page.keyboard.press("l")
    box = page.locator("#map-stage").bounding_box()
    if box is None:
        raise SystemExit("The map is not on the page.")
    x, y, radius = box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.6, box["height"] * 0.22
    page.mouse.move(x + radius, y)
    page.mouse.down()
    for step in range(1, 41):
        angle = step / 40 * math.tau
        reach = radius * (1 + 0.12 * math.sin(3 * angle))
        page.mouse.move(x + reach * math.cos(angle), y + reach * math.sin(angle))
    page.mouse.up()
    page.wait_for_selector(".selected-count")
    page.wait_for_function(DRAWN)


def whole(page: Page) -> bytes:
    """Photograph what the screen shows, with the pointer out of the way of a lasso."""
    image = page.screenshot()
    page.close()
    return image


def keep(png: bytes, path: Path) -> int:
    """Write a picture as WebP, as well as fits into the limit; return its bytes."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    for quality in QUALITY:
        image.save(path, quality=quality, method=6)
        if path.stat().st_size <= MOST_BYTES:
            return path.stat().st_size
    raise SystemExit(f"{path.name} does not fit into {MOST_BYTES // 1000} kB.")


if __name__ == "__main__":
    main()
