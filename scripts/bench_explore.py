"""Measure what a person waits for on the page "Explore": ``python scripts/bench_explore.py NAME.dxr [--queries 12]``.

``scripts/synthetic.py`` makes a collection of any size. The server's work is set beside its floor in the same run: one
pass over the vectors. The page is the real one in Chromium with software rendering; script time is what Chromium
itself counts, so that waiting for the next frame is not in it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import CDPSession, Page, sync_playwright
from take_screenshots import ARGUMENTS, WIDE, chromium_path, served

from dxr_dash import api
from dxr_dash.collection.store import Collection

REPEATS = 9
MOVES = 60
DRAWN = """([key, n]) => { const row = document.querySelector(`.rank-row[data-key='${key}']`);
    const frames = row ? [...row.querySelectorAll(".rank-film img")] : [];
    return row && row.querySelector("path.curve") && frames.length === n
        && frames.every((one) => one.complete && one.naturalWidth); }"""

FILLED = """(first) => [...document.querySelectorAll(".rank-film")].every((film) =>
    film.firstElementChild.dataset.note.replaceAll("\\u202f", "").startsWith(`Rank ${first} `)
        && [...film.querySelectorAll("img")].every((one) => one.complete))"""


def median_ms(work: Callable[[int], object], repeats: int = REPEATS) -> float:
    """Median milliseconds of a few runs; each gets its number, so that nothing is answered from memory."""
    times = []
    for number in range(repeats):
        start = time.perf_counter()
        work(number)
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


def server(collection: Collection) -> dict[str, float]:
    """Time a gallery image's ranking, and the passes that any ranking must make."""
    vectors = np.asarray(collection.space().vectors)
    vectors.sum()  # into the page cache
    n_images = len(collection)
    found = {
        "one pass: sum of all numbers, one core": median_ms(lambda _: vectors.sum()),
        "one pass: float32 product, both cores": median_ms(lambda row: vectors @ vectors[row]),
        "ranking of an image": median_ms(lambda row: api.ranking(collection, row * 7 % n_images)),
    }
    found["ranking / sum"] = found["ranking of an image"] / found["one pass: sum of all numbers, one core"]
    return found


class Watch:
    """What Chromium counts: seconds of script, layout and everything on the main thread."""

    def __init__(self, page: Page) -> None:
        self.session: CDPSession = page.context.new_cdp_session(page)
        self.session.send("Performance.enable")

    def read(self) -> dict[str, float]:
        """Return milliseconds so far."""
        found: list[dict[str, Any]] = self.session.send("Performance.getMetrics")["metrics"]
        return {
            one["name"]: 1000 * one["value"]
            for one in found
            if one["name"] in ("ScriptDuration", "LayoutDuration", "RecalcStyleDuration", "TaskDuration")
        }

    def per_move(self, work: Callable[[], object], n_moves: int) -> dict[str, float]:
        """Return milliseconds for each of ``n_moves``."""
        before = self.read()
        work()
        after = self.read()
        return {name: (after[name] - before[name]) / n_moves for name in after}


def browser(page: Page, url: str, n_images: int, n_queries: int) -> dict[str, Any]:
    """Time what happens between a movement of the hand and the screen."""
    sent: list[int] = []
    page.on(
        "response",
        lambda answer: (
            sent.append(int(answer.headers.get("content-length", 0))) if "/ranking/" in answer.url else None
        ),
    )
    page.goto(url + "?page=explore&queries=")
    page.wait_for_function("window.dxr?.coordinates()?.values && dxr.selection()?.page === 'explore'")
    page.wait_for_timeout(1500)
    rows = np.random.default_rng(1).choice(n_images, n_queries + REPEATS, replace=False).tolist()
    clicks = []
    for row in rows[:n_queries]:
        start = time.perf_counter()
        page.evaluate("row => dxr.follow(`r${row}`)", row)
        page.wait_for_function(DRAWN, arg=[f"r{row}", 10])
        clicks.append(1000 * (time.perf_counter() - start))
    page.wait_for_function(
        "() => [...document.querySelectorAll('.rank-row')].every((one) => dxr.ranking(one.dataset.key).ranks)"
    )
    page.wait_for_timeout(1500)
    watch = Watch(page)
    found: dict[str, Any] = {
        "new row, from click to drawn (ms, median)": statistics.median(clicks),
        "the first of them": clicks[0],
        "the last of them": clicks[-1],
        "bytes of one ranking": sum(sent) / n_queries,
    }

    def hover() -> None:
        page.evaluate(
            """async ([n, moves]) => { for (let i = 0; i < moves; i++) {
            dxr.hover({ row: (i * 7919) % n }, { left: 400, right: 410, y: 300 });
            await new Promise((done) => requestAnimationFrame(() => setTimeout(done))); } dxr.leave(); }""",
            [n_images, MOVES],
        )

    def brush() -> None:
        page.evaluate(
            """async (moves) => { for (let i = 0; i < moves; i++) {
            dxr.setBrush({ first: 1 + 3 * i }, { done: false });
            await new Promise((done) => requestAnimationFrame(() => setTimeout(done))); } dxr.setBrush({}); }""",
            MOVES,
        )

    hover()  # once for the pictures
    found["hover, ms of the main thread for each move"] = watch.per_move(hover, MOVES)
    found["brush, ms of the main thread for each move"] = watch.per_move(brush, MOVES)
    waits = []
    for number in range(REPEATS):
        first = 1000 + 40 * number
        start = time.perf_counter()
        page.evaluate("first => dxr.setBrush({ first })", first)
        page.wait_for_function(FILLED, arg=first)
        waits.append(1000 * (time.perf_counter() - start))
    found["brush to filmstrips with all pictures (ms, median)"] = statistics.median(waits)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("collection", type=Path)
    parser.add_argument("--queries", type=int, default=12)
    chosen = parser.parse_args()
    collection = api.open_collection(chosen.collection)
    found: dict[str, Any] = {"images": len(collection), "dimensions": collection.space().n_dims}
    found["server (ms)"] = server(collection)
    with served(chosen.collection) as url, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path(), args=list(ARGUMENTS))
        page = chromium.new_page(viewport={"width": WIDE[0], "height": WIDE[1]}, bypass_csp=True)
        found["page"] = browser(page, url, len(collection), chosen.queries)
        chromium.close()
    print(json.dumps(found, indent=2, default=float))


if __name__ == "__main__":
    main()
