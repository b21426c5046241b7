from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from dxr_dash import settings
from dxr_dash.browser import ids
from dxr_dash.browser.map_panel import colouring_of
from dxr_dash.browser.state import Selection
from dxr_dash.figures import theme as words
from dxr_dash.figures.paint import colour_at
from tests.browser.conftest import OpenPage, Site
from tests.browser.steps import PLOT, draw_lasso, selection, wait_until_drawn
from tests.browser.test_mosaic import CANVAS_AT


def marks(page: Page) -> list[dict[str, Any]]:
    wait_until_drawn(page)
    found: list[dict[str, Any]] = page.evaluate("dxr.marks()")
    return found


def on_screen(page: Page, mark: dict[str, Any], right: float = 0.5, down: float = 0.5) -> tuple[float, float]:
    box = page.locator(f"#{ids.MAP_STAGE}").bounding_box()
    assert box is not None
    return box["x"] + mark["left"] + right * mark["size"], box["y"] + mark["top"] + down * mark["size"]


def zoom_in(page: Page) -> None:
    box = page.locator(f"#{ids.MAP_STAGE}").bounding_box()
    assert box is not None
    before = page.evaluate("dxr.scales().perX")
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    while page.evaluate("dxr.scales().perX") < 1.4 * before:
        now = page.evaluate("dxr.scales().perX")
        page.mouse.wheel(0, -300)
        page.wait_for_function("now => dxr.scales().perX > now", arg=now)
    page.wait_for_function(
        "dxr.selection().view && dxr.selection().view[0] === Number(dxr.scales().view[0].toPrecision(5))"
    )
    wait_until_drawn(page)


def test_marks_never_overlap_and_the_largest_cluster_has_one(page: Page, site: Site) -> None:
    representatives = site[0].space().representatives
    assert int(representatives[0]) in {mark["row"] for mark in marks(page)}
    # there are images in the middle to zoom to, wherever this kind of processor has laid them
    x, y = np.asarray(site[0].space().coordinates, np.float64)[int(representatives[0])]
    page.evaluate(
        "view => dxr.change({ view, opened: dxr.selection().opened + 1 })", [x - 8, x + 8, y - 8, y + 8]
    )
    page.wait_for_function(
        "x => { const [x0, x1] = dxr.scales().view; return Math.abs((x0 + x1) / 2 - x) < 0.2; }", arg=x
    )
    for _ in range(4):
        found = marks(page)
        assert found
        assert all(44 <= mark["size"] <= 64 for mark in found)
        for one, other in itertools.combinations(found, 2):
            apart = max(abs(one["left"] - other["left"]), abs(one["top"] - other["top"]))
            assert apart >= one["size"]
        zoom_in(page)


def test_zooming_in_gives_more_of_the_images_in_view_a_mark(page: Page, site: Site) -> None:
    coordinates = np.asarray(site[0].space().coordinates, np.float64)
    x, y = coordinates[int(site[0].space().representatives[0])]
    shares = []
    for reach in (8.0, 1.0, 0.1):
        page.evaluate(
            "view => dxr.change({ view, opened: dxr.selection().opened + 1 })",
            [x - reach, x + reach, y - reach, y + reach],
        )
        page.wait_for_function(
            "([x, reach]) => { const [x0, x1] = dxr.scales().view;"
            " return Math.abs((x0 + x1) / 2 - x) < reach / 50 && x1 - x0 < 6 * reach; }",
            arg=[x, reach],
        )
        found = marks(page)
        x0, x1, y0, y1 = page.evaluate("dxr.scales().view")
        low, high = np.array([x0, y0]), np.array([x1, y1])
        shares.append(len(found) / np.count_nonzero(((coordinates > low) & (coordinates < high)).all(axis=1)))
    assert shares[0] < shares[1] < shares[2]
    assert shares[2] > 0.5


def test_panning_neither_moves_nor_changes_a_mark(page: Page) -> None:
    zoom_in(page)
    before = {mark["row"]: mark for mark in marks(page)}
    box = page.locator(f"#{ids.MAP_STAGE}").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    view = selection(page)["view"]
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y - 45, steps=5)
    page.mouse.up()
    page.wait_for_function("view => dxr.selection().view[0] !== view[0]", arg=view)
    after = {mark["row"]: mark for mark in marks(page)}
    both = before.keys() & after.keys()
    assert both
    for row in both:
        assert after[row]["left"] - before[row]["left"] == pytest.approx(60, abs=1.5)
        assert after[row]["top"] - before[row]["top"] == pytest.approx(-45, abs=1.5)
    size = next(iter(after.values()))["size"]
    for row in before.keys() - after.keys():  # only what the edge of the map has cut off is gone
        left, top = before[row]["left"] + 60, before[row]["top"] - 45
        assert left > box["width"] - 2 or top < 2 - size
    for row in after.keys() - before.keys():
        left, top = after[row]["left"] - 60, after[row]["top"] + 45
        assert left < 2 - size or top > box["height"] - 2


def test_a_mark_is_hovered_and_followed_up_to_its_edge(page: Page, site: Site) -> None:
    mark = marks(page)[0]
    page.mouse.move(*on_screen(page, mark, 0.04, 0.9))
    expect(page.locator(f"#{ids.CARD} .name")).to_have_text(words.short(site[0].path(mark["row"]), 200))
    expect(page.locator(f"#{ids.MAP_STAGE}")).to_have_class("stage on-point")
    expect(page.locator(f"#{ids.MAP_OVERLAY} rect.hover").first).to_be_attached()
    page.mouse.click(*on_screen(page, mark, 0.94, 0.08))
    expect(page.locator(f"#{ids.NEIGHBOURS} .focus-card .thumb")).to_have_attribute(
        "data-row", str(mark["row"])
    )
    page.mouse.move(5, 5)
    expect(page.locator(f"#{ids.CARD}")).to_be_hidden()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_marks_have_frames_in_the_colour_of_their_label(open_page: OpenPage, site: Site, theme: str) -> None:
    page = open_page(f"?sets=&theme={theme}")
    found = marks(page)
    page.wait_for_function(f"dxr.pixelsOf(document.querySelector('{PLOT}').layout.meta.colours)")
    page.evaluate(
        "new Promise((done) => { dxr.drawLayers(); requestAnimationFrame(() => requestAnimationFrame(done)); })"
    )
    colouring = colouring_of(site[0], Selection.default(site[0]), words.theme(theme))
    shares = (colouring.values - colouring.low) / (colouring.high - colouring.low)
    wanted = [colour_at(colouring.scale, float(shares[mark["row"]])) for mark in found]
    spots = [on_screen(page, mark, 0.5, 0.0) for mark in found]
    off = np.abs(np.array(page.evaluate(CANVAS_AT, [ids.MAP_MARKS, spots]))[:, :3] - np.array(wanted)).max(
        axis=1
    )
    assert (off < 8).mean() > 0.9


def test_pictures_can_be_switched_off_and_the_address_says_so(page: Page, open_page: OpenPage) -> None:
    assert marks(page)
    button = page.locator("[data-do=pictures]")
    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")
    page.wait_for_function("dxr.marks().length === 0")
    assert "pictures=no" in page.url
    there = open_page("?pictures=no")
    assert marks(there) == []
    button.click()
    page.wait_for_function("dxr.marks().length > 0")
    assert "pictures" not in page.url
    page.keyboard.press("m")
    expect(button).to_be_disabled()


def test_marks_come_from_all_images_not_only_from_the_points_drawn(
    open_page: OpenPage, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "MAP_POINTS_LIMIT", 10)
    page = open_page()
    drawn = set(page.evaluate("[...dxr.drawnRows()]"))
    assert {mark["row"] for mark in marks(page)} - drawn


def test_while_something_is_selected_only_selected_images_are_marks(page: Page, site: Site) -> None:
    draw_lasso(page)
    wait_until_drawn(page)
    page.wait_for_function(f"document.querySelector('{PLOT}').layout.meta.veil")
    from dxr_dash.browser.chosen import selected_rows

    rows = selected_rows(site[0], Selection.parse(selection(page), site[0]))
    assert rows is not None
    page.wait_for_function(
        "rows => dxr.marks().length && dxr.marks().every((mark) => rows.includes(mark.row))",
        arg=rows.tolist(),
    )
