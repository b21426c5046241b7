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
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, FloatRect, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
MOST_BYTES = 400_000
QUALITY = (90, 82, 74, 66)  # of WebP; the first that is small enough
WIDE, TALL, NARROW, FILM = (1440, 900), (1440, 1000), (390, 844), (1280, 800)
SETTLE_MS = 700  # for animations, and for pictures that arrive after the numbers
ARGUMENTS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
DRAWN = """() => window.dxr?.selection?.()?.page === "compare" ? Boolean(
    document.querySelector("#compared .compare-table")
    && document.querySelector("#compared-distances .js-plotly-plot")?._fullData?.length
    && document.querySelector("#compared-ranks .js-plotly-plot")?._fullData?.length
    && !document.querySelector("[data-dash-is-loading=true]")) : Boolean(
    document.querySelector("#map .js-plotly-plot")?._fullData?.length
    && document.querySelector("#distances .js-plotly-plot")?._fullData?.length
    && document.querySelector("#answer > *") && document.querySelector("#neighbours > *")
    && (dxr.isLarge() || dxr.coordinates()?.values) && !document.querySelector("[data-dash-is-loading=true]")
    && [...document.images].every((image) => image.complete))"""

FILLED = """(key) => { const frames = [...document.querySelectorAll(`.rank-row[data-key=${key}] .rank-film img`)];
    return frames.length && frames.every((one) => one.complete && one.naturalWidth); }"""

RANK_AT = """(rank) => {
    const plot = document.querySelector("#ranks .js-plotly-plot"), box = plot.getBoundingClientRect();
    const { xaxis, yaxis } = plot._fullLayout;
    return [box.left + xaxis._offset + xaxis.d2p(rank), box.top + yaxis._offset + 60];
}"""


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
            print(f"{name}.webp {size // 1000} kB", flush=True)
        size = keep(report_head(browser, chosen.collection), chosen.folder / "report.webp")
        print(f"report.webp {size // 1000} kB", flush=True)
        size = keep_film(film(browser, url), chosen.folder / "explore-film.webp")
        print(f"explore-film.webp {size // 1000} kB")
        browser.close()


def chromium_path() -> str | None:
    """Find the browser on this machine."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("DXR_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


@contextmanager
def served(collection: Path) -> Iterator[str]:
    """Serve a collection on a free port until the pictures are taken."""
    with serving(collection) as (url, _):
        yield url


@contextmanager
def serving(collection: Path) -> Iterator[tuple[str, int]]:
    """Serve a collection on a free port; give its address and the number of the server's process."""
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
            yield url, process.pid
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
    for scheme in ("light", "dark"):
        page = opened(browser, url + "?page=explore", scheme=scheme)
        follow(page, 3, 1003)
        yield f"explore-{scheme}", whole(page)
        yield f"scan-{scheme}", whole(scanned(browser, url, "column:background", scheme))
        page = opened(browser, url + "?arrangement=mosaic", scheme=scheme)
        yield f"mosaic-{scheme}", page.locator(".map-panel").screenshot()
        page = opened(browser, url + "?layout=tsne", scheme=scheme)
        look_at(page, 3)
        yield f"marks-{scheme}", page.locator(".map-panel").screenshot()
        page = opened(browser, url + "?colour=trust&focus=777", scheme=scheme)
        yield f"trust-{scheme}", page.locator(".map-panel").screenshot()
        page = opened(browser, url + "?page=explore", scheme=scheme)
        follow(page, 3)
        page.evaluate("dxr.change({ strip: 'r3', lens: 6 })")
        page.wait_for_timeout(SETTLE_MS)
        box = box_of(page, "#strip-stage")
        page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.5)
        page.wait_for_timeout(SETTLE_MS)
        page.locator("#card").evaluate("(card) => (card.style.visibility = 'hidden')")
        yield f"strip-{scheme}", page.locator(".strip-panel").screenshot()
    yield from compare_pictures(browser, url)
    yield from beside_pictures(browser, url)
    yield from why_pictures(browser, url)
    page = opened(browser, url, scheme="dark")
    thumb = page.locator("#neighbours .grid .thumb").first
    thumb.click()
    page.wait_for_function(DRAWN)
    page.locator("#neighbours .grid .thumb").nth(1).hover()
    page.wait_for_selector("#card img")
    yield "neighbours-dark", whole(page)
    page = opened(browser, url + "?focus=777", size=TALL)
    page.locator("#patch-toggle").click()
    page.wait_for_selector("#patches .thumb")
    page.wait_for_timeout(SETTLE_MS)
    yield "patches", whole(page)


def compare_pictures(browser: Browser, url: str) -> Iterator[tuple[str, bytes]]:
    """Yield the page Compare with three sets, and what the control set explains."""
    sets = "faces-in-things,things-without-faces,every-camera"
    for scheme in ("light", "dark"):
        page = opened(browser, f"{url}?page=compare&sets={sets}", size=TALL, scheme=scheme)
        page.wait_for_timeout(SETTLE_MS)
        if scheme == "light":
            yield "explained", page.locator(".explained-panel").screenshot()
        box = box_of(page, "#compared-stage")
        page.mouse.move(box["x"] + box["width"] * 0.62, box["y"] + box["height"] * 0.42)
        page.wait_for_timeout(SETTLE_MS)
        yield f"compare-{scheme}", whole(page)


def beside_pictures(browser: Browser, url: str) -> Iterator[tuple[str, bytes]]:
    """Yield two spaces side by side, where the collection has a second: the one of tiny images, or the last."""
    page = opened(browser, url)
    spaces = page.eval_on_selector(
        "#beside-space", "list => [...list.options].map((one) => one.value).filter(Boolean)"
    )
    here = page.evaluate("dxr.selection().space")
    others = sorted((one for one in spaces if one != here), key=lambda one: one.startswith("tiny."))
    page.close()
    for scheme in ("light", "dark") if others else ():
        asked = f"?beside={others[-1]}&colour=disagreement&sets="
        page = opened(browser, url + asked, size=TALL, scheme=scheme)
        page.locator("#pair > .grid .thumb").nth(1).click()
        page.wait_for_selector("#pair .pair-columns")
        page.mouse.move(5, 5)
        page.wait_for_function(DRAWN)
        page.wait_for_function("dxr.besidePlaces()?.values && !dxr.layersWait()")
        page.wait_for_timeout(SETTLE_MS)
        yield f"beside-{scheme}", whole(page)


def why_pictures(browser: Browser, url: str) -> Iterator[tuple[str, bytes]]:
    """Yield why an image matches one of its neighbours; exactly, where the collection has a space for that."""
    page = opened(browser, url)
    spaces = page.eval_on_selector("#space", "list => [...list.options].map((one) => one.value)")
    page.close()
    exact = next((one for one in spaces if ".conv" in one), spaces[0])
    for name, space, scheme in (("why-light", exact, "light"), ("why-dark", spaces[0], "dark")):
        page = opened(browser, f"{url}?focus=3&space={space}", size=TALL, scheme=scheme)
        page.locator("#neighbours .near-cell .why").first.dispatch_event("click")
        page.wait_for_selector("#why-dialog[aria-busy=false] .why-scale:not([hidden])")
        page.evaluate("document.activeElement.blur()")
        page.wait_for_timeout(SETTLE_MS)
        yield name, page.locator("#why-dialog").screenshot()
        page.close()


def scanned(browser: Browser, url: str, by: str, scheme: str) -> Page:
    """Open the page Scan and run the scan, unless its lines are kept already."""
    page = opened(browser, f"{url}?page=scan&colour={by}&scan={by}", scheme=scheme)
    page.wait_for_function(
        "!document.querySelector('#scan-start').hidden || document.querySelector('.scan-sum')"
    )
    if page.locator("#scan-start").is_visible():
        page.locator("#scan-start").click()
    page.wait_for_function(
        "document.querySelector('.scan-sum') && document.querySelector('#scan-progress').hidden"
        " && [...document.querySelectorAll('.scan-line img')].every(one => one.complete && one.naturalWidth)"
    )
    page.wait_for_timeout(SETTLE_MS)
    return page


def follow(page: Page, *rows: int) -> None:
    """Ask with some images, and wait until their rows are drawn."""
    for row in rows:
        page.evaluate("row => dxr.follow(`r${row}`)", row)
        page.wait_for_function(FILLED, arg=f"r{row}")
    page.locator("#rows").evaluate("(rows) => rows.scrollTo(0, 0)")
    page.wait_for_timeout(SETTLE_MS)  # the row that flashes


def zoom(page: Page, notches: int) -> None:
    """Turn the wheel over the middle of the map."""
    box = box_of(page, "#map-stage")
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5)
    for _ in range(notches):
        page.mouse.wheel(0, -120)
        page.wait_for_timeout(60)
    page.mouse.move(5, 5)
    page.wait_for_timeout(SETTLE_MS)
    page.wait_for_function(DRAWN)


def look_at(page: Page, row: int, share: float = 0.05) -> None:
    """Zoom in on an image of the map, to a share of its width."""
    page.evaluate(
        """([row, share]) => {
            const { values } = dxr.coordinates(), [x, y] = [values[2 * row], values[2 * row + 1]];
            const xs = values.filter((_, i) => i % 2 === 0), half = (share * (Math.max(...xs) - Math.min(...xs))) / 2;
            const view = [x - half, x + half, y - half, y + half];
            dxr.change({ view, opened: dxr.selection().opened + 1 });
        }""",
        [row, share],
    )
    page.wait_for_timeout(SETTLE_MS)
    page.wait_for_function(DRAWN)
    page.wait_for_function("!dxr.layersWait()")


def box_of(page: Page, selector: str) -> FloatRect:
    """Where an element is on the screen."""
    found = page.locator(selector).bounding_box()
    if found is None:
        raise SystemExit(f"{selector} is not on the page.")
    return found


def film(browser: Browser, url: str) -> Iterator[tuple[bytes, int]]:
    """Yield what the screen shows while one explores, and for how many milliseconds each picture stands."""
    page = opened(browser, url + "?page=explore&queries=", size=FILM)
    yield page.screenshot(), 900
    for row in (3, 1003):
        follow(page, row)
        yield page.screenshot(), 900
    page.mouse.move(*page.evaluate(RANK_AT, 5))
    page.mouse.down()
    for rank in (8, 15, 30, 60, 90, 110, 200):
        page.mouse.move(*page.evaluate(RANK_AT, rank), steps=3)
        page.wait_for_timeout(SETTLE_MS // 2)
        yield page.screenshot(), 350
    page.mouse.up()
    page.evaluate("dxr.setBrush({ first: 1 })")
    frames = page.locator(".rank-row[data-key=r3] .rank-film .thumb")
    for place in (1, 4, 7):
        frames.nth(place).hover()
        page.wait_for_timeout(SETTLE_MS // 2)
        yield page.screenshot(), 700
    page.keyboard.press("m")
    page.mouse.move(5, 5)
    page.wait_for_timeout(2 * SETTLE_MS)
    yield page.screenshot(), 900
    for _ in range(4):
        zoom(page, 2)
        yield page.screenshot(), 350
    box = box_of(page, "#strip-stage")
    for share in (0.2, 0.35, 0.5, 0.65):
        page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] * 0.4, steps=4)
        page.wait_for_timeout(SETTLE_MS // 2)
        yield page.screenshot(), 450
    page.close()


def keep_film(pictures: Iterator[tuple[bytes, int]], path: Path) -> int:
    """Write pictures as an animated WebP; return its bytes."""
    taken = [(Image.open(io.BytesIO(png)).convert("RGB"), stands) for png, stands in pictures]
    images = [
        image.resize((image.width * 3 // 4, image.height * 3 // 4), Image.Resampling.LANCZOS)
        for image, _ in taken
    ]
    images[0].save(
        path,
        save_all=True,
        append_images=images[1:],
        duration=[stands for _, stands in taken],
        loop=0,
        quality=62,
        method=4,
    )
    return path.stat().st_size


def opened(browser: Browser, url: str, *, size: tuple[int, int] = WIDE, scheme: str = "light") -> Page:
    """Open the page and wait until everything on it is drawn."""
    page = browser.new_page(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if scheme == "dark" else "light",
        bypass_csp=True,  # Playwright waits with eval
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


def report_head(browser: Browser, collection: Path) -> bytes:
    """Write a report on the collection's first query set, open it from the disk, and show its head."""
    from dxr_dash import api
    from dxr_dash.report import as_html, make_report

    opened_collection = api.open_collection(collection)
    made = make_report(opened_collection, [next(iter(opened_collection.query_sets))])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.html"
        path.write_bytes(as_html(made))
        page = browser.new_page(viewport={"width": 960, "height": 1180})
        page.goto(path.as_uri())
        return page.screenshot()


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
