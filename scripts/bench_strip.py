"""Measure the strip: ``python scripts/bench_strip.py NAME.dxr [--strip r12]``.

Requests and bytes until its first picture is whole, and what a movement of the pointer costs: of the strip alone, and
of everything that happens in the page then (card, map, curves). Script time is what Chromium counts, with software
rendering.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from bench_explore import Watch
from playwright.sync_api import Page, Response, sync_playwright
from take_screenshots import ARGUMENTS, WIDE, chromium_path, served

MOVES = 240
WHOLE = """() => { const { line, drawn } = dxr.stripNow();
    const here = (item) => item < 0 || dxr.sliverOf(item);
    return line.n && drawn.length && drawn.every(({ image }) => here(line.item(image))); }"""
STILL = "() => dxr.stripNow().open && !dxr.stripNow().moving"
ALONE = """async (moves) => { // the lens, what it shows, and drawing it: all that the strip does in a frame
    const frame = window.requestAnimationFrame;
    await new Promise((done) => frame(() => frame(done)));
    const { line } = dxr.stripNow();
    let spent = 0;
    window.requestAnimationFrame = (draw) => {
        const start = performance.now();
        draw(start);
        spent += performance.now() - start;
        return 0;
    };
    try {
        for (let i = 0; i < moves; i++) dxr.openLens((i / moves) * line.n);
    } finally {
        window.requestAnimationFrame = frame;
    }
    return spent / moves;
}"""


def measure(page: Page, url: str, strip: str) -> dict[str, Any]:
    """Open the page and move the pointer along the strip."""
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108 (Playwright marks what it is given)
    query = f"&queries={strip}" if strip not in ("map", "selection") else ""
    page.goto(f"{url}?page=explore&strip={strip}{query}")
    page.wait_for_function("window.dxr?.selection?.() && dxr.stripNow().line.n")
    page.wait_for_function(WHOLE)
    found: dict[str, Any] = {
        name: {"requests": len(of), "bytes": sum(int(one.headers.get("content-length", 0)) for one in of)}
        for name in ("order", "ranking", "slivers")
        for of in [[one for one in answers if f"/{name}/" in one.url]]
    }
    box = page.locator("#strip-stage").bounding_box()
    if box is None:
        raise SystemExit("The strip is not on the page.")
    page.mouse.move(box["x"] + 8, box["y"] + 40)
    page.wait_for_function(STILL)
    page.wait_for_timeout(1500)
    answers.clear()
    watch = Watch(page)

    def sweep() -> None:
        for step in range(MOVES):
            page.mouse.move(box["x"] + 8 + step * (box["width"] - 16) / MOVES, box["y"] + 40)
            page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")

    found["pointer move, ms of the main thread"] = watch.per_move(sweep, MOVES)
    found["requests while moving"] = len(answers)
    # the keyboard holds the lens open, and nothing is under the pointer
    page.locator("#strip-stage").evaluate("(stage) => stage.focus({ focusVisible: true })")
    page.wait_for_function(STILL)
    page.wait_for_timeout(1500)
    found["strip alone, ms of script for each move"] = page.evaluate(ALONE, MOVES)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("collection", type=Path)
    parser.add_argument("--strip", default="map", help="map, or the key of a query, such as r12")
    chosen = parser.parse_args()
    with served(chosen.collection) as url, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path(), args=list(ARGUMENTS))
        page = chromium.new_page(viewport={"width": WIDE[0], "height": WIDE[1]}, bypass_csp=True)
        print(json.dumps(measure(page, url, chosen.strip), indent=2))
        chromium.close()


if __name__ == "__main__":
    main()
