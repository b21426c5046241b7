"""The main ways through the page, in every engine that is here: Chromium, and Firefox where it is installed.

`test_restart.py` runs in both, too. Without a display Firefox has no WebGL, and the page then draws with SVG;
`xvfb-run python -m pytest tests/browser/test_engines.py` gives it a display and WebGL.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from dxr_dash import api
from dxr_dash.browser import ids
from dxr_dash.figures import theme as words
from tests.browser.conftest import Site, Watch, visitor
from tests.browser.steps import (
    PLOT,
    draw_lasso,
    hover_point,
    lonely_row,
    point_on_screen,
    selection,
    wait_until_drawn,
)
from tests.browser.test_map import INKED
from tests.browser.test_sets import DROP, jpeg

# what Firefox tells a page that is left of the questions which this breaks off, by Dash's console or by itself
BROKEN_OFF = ("Error", "The operation was aborted.")
OVERLAP_PX = 8  # points that overlap are all meant, in SVG


@pytest.fixture
def seen() -> Watch:
    return Watch()


@pytest.fixture
def here(engine: Browser, own_site: Site, seen: Watch) -> Iterator[Page]:
    """The page, in one engine; nothing may go wrong on it, nor may it ask another machine."""
    with visitor(engine, own_site[1], seen) as page:
        yield page
    seen.calm()


def focused(page: Page) -> Locator:
    return page.locator(f"#{ids.NEIGHBOURS} .focus-card .thumb")


def test_every_image_is_on_the_map_and_the_one_under_the_pointer_is_shown(here: Page, own_site: Site) -> None:
    collection = own_site[0]
    webgl = here.evaluate("dxr.selection().webgl")
    drawn = here.evaluate(f"document.querySelector('{PLOT}')._fullData.map(t => [t.type, t.x.length])")
    assert drawn[0] == ["scattergl" if webgl else "scatter", len(collection)]
    if webgl:
        assert here.evaluate(INKED) > 500
    else:
        expect(here.locator(f"#{ids.MAP_NOTE}")).to_contain_text("no WebGL")
        points = here.locator(f"{PLOT} .scatterlayer .trace").first.locator("path.point")
        expect(points).to_have_count(len(collection))
    row = lonely_row(here)
    x, y = point_on_screen(here, row)
    hover_point(here, row)
    name = here.locator(f"#{ids.CARD} .name")
    expect(name).to_be_visible()
    shown = [words.short(path, 200) for path in map(collection.path, range(len(collection)))].index(
        name.inner_text()
    )
    assert math.dist(point_on_screen(here, shown), (x, y)) < OVERLAP_PX
    here.wait_for_function("() => document.querySelector('#card img').naturalWidth > 0")
    here.mouse.move(5, 5)
    expect(name).to_be_hidden()


def test_a_click_shows_true_neighbours_and_a_click_on_one_goes_on(here: Page, own_site: Site) -> None:
    x, y = point_on_screen(here, lonely_row(here))
    here.mouse.click(x, y)
    expect(focused(here)).to_be_visible()
    row = int(focused(here).get_attribute("data-row") or -1)
    assert math.dist(point_on_screen(here, row), (x, y)) < OVERLAP_PX
    found = api.nearest(own_site[0], [row])
    thumbs = here.locator(f"#{ids.NEIGHBOURS} .grid .thumb")
    expect(thumbs.locator(".caption:nth-child(2)")).to_have_text(
        [words.distance(float(far)) for far in found.distances]
    )
    thumbs.nth(2).click()
    expect(focused(here)).to_have_attribute("data-row", str(found.rows[2]))


def test_a_lasso_becomes_a_query_set_that_is_answered(here: Page, own_site: Site) -> None:
    collection = own_site[0]
    draw_lasso(here)
    rows = api.rows_in_polygon(collection, np.array(selection(here)["lasso"]))
    assert 0 < len(rows) < len(collection)
    expect(here.locator(".selected-count")).to_have_text(f"{len(rows)} images selected")
    here.fill(f"#{ids.SAVE_NAME}", "the middle")
    here.keyboard.press("Enter")
    expect(here.locator(f"#{ids.ANSWER} .question strong")).to_have_text("the middle")
    expect(here.locator(".verdict")).to_contain_text(
        str(api.answer(collection, "the-middle").verdict), ignore_case=True
    )
    assert api.find_query_set(collection, "the middle").rows == tuple(rows.tolist())


def test_dropped_images_are_asked_with(here: Page, own_site: Site) -> None:
    files = [(f"{number}.jpg", base64.b64encode(jpeg(number)).decode()) for number in range(3)]
    here.evaluate(DROP, files)
    expect(here.locator(f"#{ids.NAME_DIALOG}")).to_be_visible()
    here.keyboard.type("dropped cups")
    here.keyboard.press("Enter")
    expect(here.locator(f"#{ids.SETS} .set.active .name")).to_have_text("dropped cups")
    expect(here.locator(f"#{ids.NEIGHBOURS} .grid .thumb").first).to_be_visible()
    assert own_site[0].query_sets["dropped-cups"].outside == tuple(name for name, _ in files)


def test_a_reload_keeps_the_view_and_back_and_forward_walk_through_it(here: Page) -> None:
    for row in (3, 11):
        here.evaluate("row => dxr.change({focus: row}, {step: true})", row)
        expect(focused(here)).to_have_attribute("data-row", str(row))
    here.reload()
    wait_until_drawn(here)
    expect(focused(here)).to_have_attribute("data-row", "11")
    here.go_back()
    expect(focused(here)).to_have_attribute("data-row", "3")
    here.go_forward()
    expect(focused(here)).to_have_attribute("data-row", "11")


def test_two_tabs_of_one_browser_show_what_each_was_asked(here: Page, seen: Watch) -> None:
    first, second = here, here.context.new_page()
    seen.look_at(second)
    second.goto(here.url)
    wait_until_drawn(second)
    asked = ((first, 3, "cars"), (second, 11, "things without faces"))
    for tab, row, name in asked:
        tab.locator(f"#{ids.SETS} .choose", has_text=name).click()
        tab.evaluate("row => dxr.change({focus: row}, {step: true})", row)
    draw_lasso(second)
    for tab, row, name in asked:
        wait_until_drawn(tab)
        expect(focused(tab)).to_have_attribute("data-row", str(row))
        expect(tab.locator(f"#{ids.ANSWER} .question strong")).to_have_text(name)
    expect(first.locator(f"#{ids.SELECTED_PANEL}")).to_be_hidden()
    first.reload()
    wait_until_drawn(first)
    assert (selection(first)["focus"], selection(first)["lasso"]) == (3, [])
    expect(second.locator(".selected-count")).to_be_visible()


def test_a_reload_while_an_answer_is_on_its_way_shows_the_answer(here: Page, seen: Watch) -> None:
    here.evaluate("dxr.change({active: 'cars', shown: ['cars'], focus: 7}, {step: true})")
    here.reload()  # at once: nothing has come back yet
    wait_until_drawn(here)
    expect(here.locator(f"#{ids.ANSWER} .question strong")).to_have_text("cars")
    expect(focused(here)).to_have_attribute("data-row", "7")
    seen.problems = [one for one in seen.problems if one.strip() not in BROKEN_OFF]


def test_the_other_pages_open_and_back_leads_to_the_map(here: Page, own_site: Site) -> None:
    here.get_by_role("button", name="Compare").click()
    rows = here.locator(f"#{ids.COMPARED} .compare-table tbody tr")
    expect(rows.locator(".name")).to_have_text(
        [one.name for one in api.compare(own_site[0], selection(here)["shown"]).lines]
    )
    expect(here.locator("#compared-distances .js-plotly-plot")).to_be_visible()
    here.get_by_role("button", name="Explore").click()
    expect(here.locator(".rank-rows > *").first).to_be_visible()
    here.get_by_role("button", name="Scan", exact=True).click()
    here.locator("#scan-start").click()
    expect(here.locator(".scan-line").first).to_be_visible()
    for _ in range(3):
        here.go_back()
    expect(here.locator(f"#{ids.MAP}")).to_be_visible()
    wait_until_drawn(here)
