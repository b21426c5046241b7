"""Measure the page on collections of any size: ``python scripts/bench_page.py SMALL.dxr LARGE.dxr [--json FILE]``.

Drives the real page in Chromium with software rendering against the real server, and asks the server with 50 threads
at once. One column for each collection and the ratio of the last to the first. Script time is what Chromium counts.
"Server" is the slowest answer of an interaction, from its request to its first byte, pictures left out; "server CPU" is
what the server's process spent in all. The collections are left as they are: a set is saved in a folder of links.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from bench_explore import Watch
from playwright.sync_api import Browser, Error, Page, Request, ViewportSize, sync_playwright
from take_screenshots import ARGUMENTS, WIDE, chromium_path, serving

from dxr_dash import api
from dxr_dash.browser import urls
from dxr_dash.collection.manifest import MANIFEST, STEPS
from dxr_dash.collection.store import Collection

OPENS = 5
BEFORE = 2  # openings that do not count: Chromium uses scripts that it has compiled from the third on
VIEWPORT: ViewportSize = {"width": WIDE[0], "height": WIDE[1]}
LASSO_SHARE = 0.1
USERS, ASKED_BY_EACH, ASKED_ALONE = 50, 2, 40
PICTURES = ("/thumbnails/", "/slivers/", "/outside/")
LIMIT_S = 900
PAUSE_MS = 2000  # in which the browser puts away what it keeps
LATER_MS = 320  # the map tells the server of a zoom a quarter of a second after the last wheel step
TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")
READY = """() => Boolean(window.dxr?.selection?.()
    && document.querySelector("#map .js-plotly-plot")?._fullData?.length
    && document.querySelector("#answer > *") && document.querySelector("#neighbours > *"))"""
QUIET = """() => !document.querySelector("[data-dash-is-loading=true]")
    && (dxr.selection().page === "compare" || !dxr.layersWait())"""
FOCUSED = "(row) => Number(document.querySelector('#neighbours .focus-card .thumb')?.dataset.row) === row"
POINT = """(share) => { // a point that is drawn, not at the edge, with no picture on it
    const plot = document.querySelector("#map .js-plotly-plot"), { xaxis, yaxis } = plot._fullLayout;
    const box = plot.getBoundingClientRect(), { x, y } = plot._fullData[0];
    for (let i = Math.floor(share * x.length); i < x.length; i++) {
        const [left, top] = [xaxis._offset + xaxis.d2p(x[i]), yaxis._offset + yaxis.d2p(y[i])];
        if (left > 40 && top > 40 && left < box.width - 40 && top < box.height - 40 && !dxr.pictureAt(left, top))
            return [box.left + left, box.top + top];
    }
    return null;
}"""


@dataclass
class Seen:
    """What one kind of interaction cost, each time that it was tried."""

    server_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    there_ms: list[float] = field(default_factory=list)
    wall_ms: list[float] = field(default_factory=list)
    script_ms: list[float] = field(default_factory=list)
    task_ms: list[float] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)
    largest: int = 0
    largest_is: str = ""

    def table(self) -> dict[str, float]:
        """Return the figures to show."""
        found = {
            "server, ms, p50": quantile(self.server_ms, 0.5),
            "server, ms, p95": quantile(self.server_ms, 0.95),
            "server CPU, ms": float(np.mean(self.cpu_ms)),
            "bytes": float(np.median(self.sent)),
            "largest answer, bytes": float(self.largest),
            "script, ms": quantile(self.script_ms, 0.5),
            "main thread, ms": quantile(self.task_ms, 0.5),
            "until it is there, ms": quantile(self.there_ms, 0.5),
            "until quiet, ms": quantile(self.wall_ms, 0.5),
        }
        return {name: round(value, 1) for name, value in found.items()}


class Bench:
    """One page of one server, and what goes between them."""

    def __init__(self, browser: Browser, url: str, pid: int) -> None:
        self.url, self.pid = url, pid
        self.browser = browser
        self.seen: dict[str, Seen] = {}
        self.largest: dict[str, int] = {}
        self.new_page()

    def new_page(self) -> None:
        """Open an empty page with an empty cache."""
        self.look_at(self.browser.new_page(viewport=VIEWPORT, bypass_csp=True))

    def look_at(self, page: Page) -> None:
        """Count what goes between a page and the server from now on."""
        self.page = page
        self.watch = Watch(self.page)
        self.pending: set[Request] = set()
        self.done: list[Request] = []
        self.page.on("request", lambda one: self.pending.add(one))  # noqa: PLW0108
        self.page.on("requestfinished", self._finished)
        self.page.on("requestfailed", lambda one: self.pending.discard(one))  # noqa: PLW0108

    def _finished(self, one: Request) -> None:
        self.pending.discard(one)
        self.done.append(one)

    def settle(self, limit_s: float = LIMIT_S) -> None:
        """Wait until nothing is under way any more."""
        end, still = time.monotonic() + limit_s, 0
        while still < 3:
            self.page.wait_for_timeout(25)
            quiet = not self.pending and self.page.evaluate(QUIET)
            still = still + 1 if quiet else 0
            if time.monotonic() > end:
                raise SystemExit(f"The page did not come to rest: {[one.url for one in self.pending]}")

    def measure(
        self,
        name: str,
        act: Callable[[], object],
        *,
        until: str | None = None,
        arg: object = None,
        later_ms: float = 0,
    ) -> None:
        """Do something and note what it cost."""
        seen = self.seen.setdefault(name, Seen())
        self.done.clear()
        before, cpu, start = self.watch.read(), cpu_ms(self.pid), time.perf_counter()
        act()
        if later_ms:
            self.page.wait_for_timeout(later_ms)
        if until is not None:
            self.page.wait_for_function(until, arg=arg, timeout=LIMIT_S * 1000)
        seen.there_ms.append(1000 * (time.perf_counter() - start))
        self.settle()
        seen.wall_ms.append(1000 * (time.perf_counter() - start))
        after = self.watch.read()
        seen.cpu_ms.append(cpu_ms(self.pid) - cpu)
        seen.script_ms.append(after["ScriptDuration"] - before["ScriptDuration"])
        seen.task_ms.append(after["TaskDuration"] - before["TaskDuration"])
        sizes, waits = [0], [0.0]
        for one in self.done:
            with suppress(Error):
                size, timing = max(0, one.sizes()["responseBodySize"]), one.timing
                sizes.append(size)
                kind = one.url.split("?")[0].removeprefix(self.url).split("/")[0]
                self.largest[kind] = max(self.largest.get(kind, 0), size)
                if size > seen.largest and not kind.startswith("assets") and "_dash-component" not in kind:
                    seen.largest, seen.largest_is = size, output_of(one) or kind
                if not any(part in one.url for part in PICTURES):
                    waits.append(timing["responseStart"] - timing["requestStart"])
        seen.sent.append(sum(sizes))
        seen.server_ms.append(max(waits))


def output_of(request: Request) -> str:
    """Say which panel a callback's answer was for."""
    if not request.url.endswith("_dash-update-component"):
        return ""
    with suppress(Exception):
        return str(json.loads(request.post_data or "{}")["output"])[:40]
    return "callback"


def quantile(values: list[float], share: float) -> float:
    """Return a quantile of a list."""
    return float(np.quantile(values, share)) if values else 0.0


def cpu_ms(pid: int) -> float:
    """Return the milliseconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return TICK_MS * (int(fields[11]) + int(fields[12]))


def memory_mb(pid: int) -> dict[str, float]:
    """Return a process's own memory and the pages of files that it maps, in MB."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {name: round(int(lines[name].split()[0]) / 1024) for name in ("RssAnon", "RssFile", "VmHWM")}


@contextmanager
def linked(collection: Path) -> Iterator[Path]:
    """Give a folder that holds the same collection by links, and whatever is saved in it for a while."""
    with tempfile.TemporaryDirectory() as folder:
        there = Path(folder) / collection.name
        there.mkdir()
        (there / MANIFEST).write_bytes((collection / MANIFEST).read_bytes())
        (there / STEPS).symlink_to((collection / STEPS).resolve())
        yield there


def circle(collection: Collection, share: float) -> tuple[np.ndarray, float]:
    """Return the middle and the radius of a circle on the map that holds a share of the images."""
    places = np.asarray(collection.space().coordinates, np.float64)
    middle = np.median(places, axis=0)
    return middle, float(np.quantile(np.hypot(*(places - middle).T), share))


def browse(bench: Bench, collection: Collection, repeats: int, *, saved: bool) -> None:
    """Do with a page what a person does."""
    for _ in range(OPENS):
        bench.page.close()
        bench.new_page()
        bench.measure("open", lambda: bench.page.goto(bench.url), until=READY)
    open_again(bench)
    page = bench.page
    page.goto(bench.url)
    page.wait_for_function(READY)
    bench.settle()
    stage = page.locator("#map-stage").bounding_box()
    if stage is None:
        raise SystemExit("There is no map on the page.")
    x, y = stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2

    def wheel(by: int) -> None:
        page.mouse.move(x, y)
        page.mouse.wheel(0, by)

    def pan(across: int) -> None:
        page.mouse.move(x + across / 2, y)
        page.mouse.down()
        for step in range(1, 9):
            page.mouse.move(x + across / 2 - across * step / 8, y + 3 * step)
        page.mouse.up()

    for number in range(repeats):
        out = number % 10 >= 5  # five steps in, five steps out
        bench.measure("zoom step", lambda: wheel(240 if out else -240), later_ms=LATER_MS)  # noqa: B023
    page.evaluate("dxr.showWholeMap()")
    bench.settle()
    wheel(-500)
    page.wait_for_timeout(LATER_MS)
    bench.settle()
    for number in range(repeats):
        bench.measure("pan step", lambda: pan(160 if number % 2 else -160), later_ms=LATER_MS)  # noqa: B023
    page.evaluate("dxr.showWholeMap()")
    bench.settle()
    draw = np.random.default_rng(1)
    for share in draw.uniform(0, 0.9, repeats):
        spot = page.evaluate(POINT, float(share))
        bench.measure("hover", lambda: page.mouse.move(*spot))  # noqa: B023
    page.mouse.move(2, 2)
    for row in draw.choice(len(collection), repeats, replace=False).tolist():
        bench.measure(
            "click",
            lambda: page.evaluate("row => dxr.follow(`r${row}`)", row),  # noqa: B023
            until=FOCUSED,
            arg=row,
        )
    _lasso(bench, collection, repeats)
    if saved:
        _save(bench)


def open_again(bench: Bench) -> None:
    """Open the page as somebody does who has been here before, in a browser that keeps its files."""
    bench.page.close()
    with tempfile.TemporaryDirectory() as folder:
        keeping = bench.browser.browser_type.launch_persistent_context(
            folder, executable_path=chromium_path(), args=list(ARGUMENTS), viewport=VIEWPORT, bypass_csp=True
        )
        bench.look_at(keeping.new_page())
        for number in range(BEFORE + OPENS):
            bench.page.goto("about:blank")
            bench.page.wait_for_timeout(PAUSE_MS)
            name = "open again" if number >= BEFORE else "opened for the first times"
            bench.measure(name, lambda: bench.page.goto(bench.url), until=READY)
        del bench.seen["opened for the first times"]
        keeping.close()
    bench.new_page()


def _lasso(bench: Bench, collection: Collection, repeats: int) -> None:
    page = bench.page
    middle, radius = circle(collection, LASSO_SHARE)
    angles = np.linspace(0, 2 * np.pi, 100, endpoint=False)
    draw = np.random.default_rng(2)
    for _ in range(repeats):
        at = middle + draw.normal(scale=0.02 * radius, size=2)
        corners = (at + radius * np.column_stack([np.cos(angles), np.sin(angles)])).tolist()
        bench.measure(
            "lasso of 10 %",
            lambda: page.evaluate(
                "(lasso) => dxr.change({ lasso, drawn_on: 'umap points', picked: null })",
                corners,  # noqa: B023
            ),
            until="() => document.querySelector('.selected-count')",
        )


def _save(bench: Bench) -> None:
    bench.measure(
        "lasso saved: answer and distances",
        lambda: bench.page.evaluate("dxr.command({ do: 'save', name: 'X', selection: dxr.selection() })"),
        until="() => dxr.selection().active && document.querySelector('#answer .verdict, #answer .message.error')",
    )


def ask_at_once(url: str, collection: Collection, n_users: int, n_each: int) -> dict[str, float]:
    """Let users ask for the rankings of different images at once, and compare every answer with brute force."""
    where = collection.space()
    n_images = len(collection)
    rows = np.random.default_rng(n_users).choice(n_images, n_users * n_each, replace=False)
    version, metric = urls.version(collection), where.metric
    times: list[float] = []

    def user(number: int) -> dict[int, bytes]:
        found = {}
        for row in rows[number::n_users].tolist():
            start = time.perf_counter()
            with urllib.request.urlopen(f"{url}ranking/{version}/{where.id}/{metric}/r{row}/0.bin") as answer:
                found[row] = answer.read()
            times.append(1000 * (time.perf_counter() - start))
        return found

    with ThreadPoolExecutor(n_users) as users:
        answers = {row: data for part in users.map(user, range(n_users)) for row, data in part.items()}
    right = sum(is_right(data, where.vectors[row], where.vectors, own=row) for row, data in answers.items())
    return {
        "asked": float(len(answers)),
        "right": float(right),
        "answer, ms, p50": round(quantile(times, 0.5), 1),
        "answer, ms, p95": round(quantile(times, 0.95), 1),
        "largest answer, bytes": float(max(map(len, answers.values()))),
    }


def is_right(data: bytes, asked: np.ndarray, vectors: np.ndarray, *, own: int | None = None) -> bool:
    """Compare the first 100 with float64 brute force that shares no code with dxr; equal distances may swap places.

    Args:
        data: the first page of a ranking by cosine.
        asked: (D,) the vector that was asked with; ``own`` its row, if it is one of the gallery.
    """
    n_ranked = len(data) // 10
    items = np.frombuffer(data, "<i4", n_ranked)[:100]
    far = np.frombuffer(data, "<f4", n_ranked, 4 * n_ranked)[:100]
    query = asked.astype(np.float64)
    true = np.empty(len(vectors))
    for start in range(0, len(vectors), 65_536):
        block = vectors[start : start + 65_536].astype(np.float64)
        lengths = np.sqrt((block * block).sum(axis=1)) * np.sqrt(query @ query)
        true[start : start + 65_536] = 1 - block @ query / lengths
    if own is not None:
        true[own] = np.inf
    first = np.sort(np.partition(true, 100)[:100]) if len(true) > 100 else np.sort(true[np.isfinite(true)])
    return bool(
        np.allclose(far[: len(first)], first[: len(far)], atol=1e-6)
        and np.allclose(true[items], far, atol=1e-6)
    )


def measure(folder: Path, browser: Browser, repeats: int, *, saved: bool) -> dict[str, Any]:
    """Measure one collection."""
    with linked(folder) as there:
        collection = api.open_collection(there)
        np.asarray(collection.space().vectors).sum()  # into the page cache
        found: dict[str, Any] = {"images": len(collection), "dimensions": collection.space().n_dims}
        start = time.perf_counter()
        with serving(there) as (url, pid):
            found["from `dxr serve` to its first answer, s"] = round(time.perf_counter() - start, 1)
            bench = Bench(browser, url, pid)
            browse(bench, collection, repeats, saved=saved)
            found["memory, MB"] = memory_mb(pid)
            bench.page.close()
            found["one user without a browser"] = ask_at_once(url, collection, 1, ASKED_ALONE)
            found["50 users at once"] = ask_at_once(url, collection, USERS, ASKED_BY_EACH)
            found["memory at the end, MB"] = memory_mb(pid)
        found |= {name: seen.table() for name, seen in bench.seen.items()}
        found["largest answers"] = {
            f"{name}: {seen.largest_is}": float(seen.largest) for name, seen in bench.seen.items()
        }
        found["largest of each kind, bytes"] = dict(
            sorted(bench.largest.items(), key=lambda one: -one[1])[:14]
        )
    return found


def print_table(found: list[dict[str, Any]]) -> None:
    """Print a line for each figure, a column for each collection, and the last beside the first."""
    flat = [
        {
            (part, name): value
            for part, values in one.items()
            for name, value in (values.items() if isinstance(values, dict) else [("", values)])
        }
        for one in found
    ]
    for key in dict.fromkeys(key for one in flat for key in one):
        values = [one.get(key) for one in flat]
        ratio = f"{values[-1] / values[0]:8.2f}" if values[0] and values[-1] else " " * 8
        shown = "".join(f"{'-' if value is None else format(value, ',.1f'):>16}" for value in values)
        print(f"{' · '.join(filter(None, key)):72}{shown}{ratio}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("collections", type=Path, nargs="+")
    parser.add_argument("--repeats", type=int, default=20, help="of each interaction")
    parser.add_argument(
        "--saved", action="store_true", help="save the lasso as a query set, too: minutes at a million"
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    chosen = parser.parse_args()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path(), args=list(ARGUMENTS))
        found = [measure(one, chromium, chosen.repeats, saved=chosen.saved) for one in chosen.collections]
        chromium.close()
    print_table(found)
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
