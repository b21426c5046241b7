from __future__ import annotations

import json
import math

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from dxr_dash import api, settings
from dxr_dash.browser import ids
from dxr_dash.figures import theme as words
from dxr_dash.figures.colouring import by_category, by_distance, by_trust, plain
from dxr_dash.figures.map_figure import Marked, map_figure
from tests.browser.conftest import OpenPage, Site, Watch
from tests.browser.steps import (
    PLOT,
    colours_on,
    draw_lasso,
    drawn_colours,
    hover_point,
    lonely_row,
    point_on_screen,
    selection,
    wait_until_drawn,
)

# Pixels of the map that were drawn on, read from what the browser really shows
INKED = f"""async () => {{
    const canvases = [...document.querySelectorAll("{PLOT} canvas")];
    let inked = 0;
    for (const canvas of canvases) {{
        const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
        copy.drawImage(canvas, 0, 0);
        const pixels = copy.getImageData(0, 0, canvas.width, canvas.height).data;
        for (let i = 3; i < pixels.length; i += 4) inked += pixels[i] > 0;
    }}
    return inked;
}}"""

LOSE_WEBGL = f"""() => {{
    const gl = document.querySelector("{PLOT} canvas.gl-canvas-context").getContext("webgl");
    gl.getExtension("WEBGL_lose_context").loseContext();
}}"""


def test_the_map_is_drawn_with_webgl_and_holds_every_image(page: Page, site: Site) -> None:
    kinds = page.evaluate(f"document.querySelector('{PLOT}')._fullData.map(t => [t.type, t.x.length])")
    assert kinds[0] == ["scattergl", len(site[0])]
    assert page.evaluate(INKED) > 500


def test_points_are_in_row_order(page: Page, site: Site) -> None:
    x = page.evaluate(f"Array.from(document.querySelector('{PLOT}')._fullData[0].x)")
    np.testing.assert_allclose(x, site[0].space().coordinates[:, 0], rtol=1e-6)


def test_hovering_a_point_shows_its_card_without_asking_the_server_to_compute(
    page: Page, site: Site, watch: Watch
) -> None:
    collection = site[0]
    row = lonely_row(page)
    page.wait_for_function("dxr.distances()?.values")
    before = len(watch.callbacks)
    hover_point(page, row)
    card = page.locator(f"#{ids.CARD}")
    expect(card).to_be_visible()
    expect(card.locator(".name")).to_have_text(words.short(collection.path(row), 200))
    expect(card.locator(".label")).to_have_text(collection.label(row))
    distance = api.nearest_members(collection, "faces-in-things").distances[row]
    expect(card.locator(".distance")).to_have_text(f"{distance:.3f} to the active set")
    assert page.evaluate("document.querySelector('#card img').naturalWidth") > 0
    assert len(watch.callbacks) == before
    mark = page.locator(".distance-mark")
    expect(mark).to_be_visible()
    expect(mark).to_have_text(f"{distance:.3f}")
    expect(page.locator(f"#{ids.MAP_OVERLAY} .hover").last).to_be_attached()
    page.mouse.move(5, 5)
    expect(card).to_be_hidden()
    expect(mark).to_be_hidden()


def test_clicking_a_point_shows_its_true_neighbours(page: Page, site: Site) -> None:
    collection = site[0]
    row = lonely_row(page)
    page.mouse.click(*point_on_screen(page, row))
    expect(page.locator(f"#{ids.NEIGHBOURS} .focus-card .thumb")).to_have_attribute("data-row", str(row))
    found = api.nearest(collection, [row])
    thumbs = page.locator(f"#{ids.NEIGHBOURS} .grid .thumb")
    expect(thumbs).to_have_count(len(found.rows))
    rows = [int(thumb.get_attribute("data-row") or -1) for thumb in thumbs.all()]
    assert rows == found.rows.tolist()
    captions = [words.distance(float(far)) for far in found.distances]
    expect(thumbs.locator(".caption:nth-child(2)")).to_have_text(captions)
    note = thumbs.first.get_attribute("data-note") or ""
    assert words.closer_than(float(found.percentiles[0])) in note
    expect(page.locator("line.thread")).to_have_count(len(found.rows))


def test_hovering_a_neighbour_rings_it_on_the_map_and_marks_its_distance(page: Page, site: Site) -> None:
    page.wait_for_function("dxr.distances()?.values")
    thumb = page.locator(f"#{ids.NEIGHBOURS} .grid .thumb").nth(1)
    thumb.hover()
    row = int(thumb.get_attribute("data-row") or -1)
    expect(page.locator(f"#{ids.MAP_OVERLAY} .hover").last).to_be_attached()
    distance = api.nearest_members(site[0], "faces-in-things").distances[row]
    expect(page.locator(".distance-mark")).to_have_text(f"{distance:.3f}")


def test_a_lasso_selects_what_the_server_counts_in_it(page: Page, site: Site) -> None:
    draw_lasso(page)
    rows = api.rows_in_polygon(site[0], np.array(selection(page)["lasso"]))
    assert 0 < len(rows) < len(site[0])
    expect(page.locator(".selected-count")).to_have_text(f"{words.count(len(rows))} images selected")
    assert page.locator("polygon.lasso").count() == 1


def test_a_box_selects_too_and_escape_lets_go(page: Page, site: Site) -> None:
    draw_lasso(page, tool="box", radius_px=90)
    corners = selection(page)["lasso"]
    assert len(corners) == 4
    rows = api.rows_in_polygon(site[0], np.array(corners))
    expect(page.locator(".selected-count")).to_have_text(f"{len(rows)} images selected")
    page.keyboard.press("Escape")
    expect(page.locator(f"#{ids.SELECTED_PANEL}")).to_be_hidden()
    assert selection(page)["lasso"] == []


def test_panning_and_zooming_move_the_map_and_what_lies_over_it(page: Page) -> None:
    row = lonely_row(page)
    page.mouse.click(*point_on_screen(page, row))
    expect(page.locator(f"#{ids.MAP_OVERLAY} .focus").last).to_be_attached()
    box = page.locator(f"#{ids.MAP_STAGE}").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, -400)
    page.wait_for_function("dxr.selection().view !== null")
    x, y = point_on_screen(page, row)
    page.wait_for_function(
        """([x, y]) => { const ring = document.querySelector("#map-overlay .focus").getBoundingClientRect();
        return Math.hypot(ring.left + ring.width / 2 - x, ring.top + ring.height / 2 - y) < 2; }""",
        arg=[x, y],
    )
    page.keyboard.press("0")
    page.wait_for_function("dxr.selection().view === null")


def test_every_cluster_has_a_picture_and_a_click_selects_it(page: Page, site: Site) -> None:
    space = site[0].space()
    page.select_option(f"#{ids.COLOUR_BY}", "cluster")
    entries = page.locator(f"#{ids.MAP_LEGEND} .entry")
    expect(entries).to_have_count(len(space.representatives))
    expect(entries.locator("img")).to_have_count(len(space.representatives))
    entries.first.click()
    largest = np.bincount(space.clusters).max()
    expect(page.locator(".selected-count")).to_have_text(f"{largest} images selected")
    expect(page.locator(f"#{ids.MAP_LEGEND} .entry").first).to_have_attribute("aria-pressed", "true")


def test_the_map_can_be_coloured_by_the_distance_to_the_active_set(page: Page, site: Site) -> None:
    page.select_option(f"#{ids.COLOUR_BY}", "distance")
    expect(page.locator(f"#{ids.MAP_LEGEND} .ramp")).to_be_visible()
    found = by_distance(api.nearest_members(site[0], "faces-in-things").distances, words.LIGHT)
    wanted = colours_on(found.scale, (found.values - found.low) / (found.high - found.low))
    page.wait_for_function(
        f"""([red, green, blue]) => {{
        const drawn = document.querySelector('{PLOT}')._fullData[0].marker.color[0];
        return [red, green, blue].every((value, i) => Math.abs(value - drawn[i]) < 0.004);
    }}""",
        arg=wanted[0].tolist(),
    )
    wait_until_drawn(page)
    np.testing.assert_allclose(drawn_colours(page)[:, :3], wanted, atol=1 / 250)


BOTH_WAYS = """async (figure) => {
    const coloursOf = async (draw) => {
        const box = document.body.appendChild(document.createElement("div"));
        await draw(box, structuredClone(figure));
        const seen = box._fullLayout._plots.xy._scene.markerOptions.map((one, i) => {
            const parts = (colour) => Array.from(colour, (part) => (colour.BYTES_PER_ELEMENT ? part / 255 : part));
            const of = (colour, j) => parts(Array.isArray(colour[0]) ? colour[j] : colour);
            const written = (colour) => Array.from(box._fullData[i].x, (_, j) => {
                const [red, green, blue, alpha] = of(colour, j);
                return [red, green, blue, alpha * one.opacity];
            });
            return [written(one.colors ?? one.color), written(one.borderColors ?? one.borderColor)];
        });
        Plotly.purge(box);
        box.remove();
        return seen;
    };
    return [await coloursOf(Plotly.newPlot), await coloursOf(Plotly.react)];
}"""


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("selected", [False, True])
@pytest.mark.parametrize("kind", ["category", "distance", "trust", "nothing"])
def test_points_get_the_colours_that_plotly_would_have_given_them(
    page: Page, kind: str, selected: bool, large: bool
) -> None:
    """Plotly itself reads the figure in ``newPlot``; ``react``, which Dash calls, gets colours that are ready."""
    random = np.random.default_rng(0)
    n = 400
    colouring = {
        "category": by_category(random.integers(-1, 40, n), 40, words.LIGHT),
        "distance": by_distance(random.random(n).astype(np.float32), words.DARK),
        "trust": by_trust(random.random(n).astype(np.float32), words.LIGHT),
        "nothing": plain(n, words.DARK),
    }[kind]
    figure = map_figure(
        random.normal(size=(n, 2)).astype(np.float32),
        colouring,
        [Marked("X", "#0067a5", np.arange(9), np.zeros(0, np.int64))],
        theme=words.LIGHT,
        revision="r",
        rows=np.arange(n) if large else None,
        lit=random.random(n) < 0.3 if selected else None,
    )
    plotlys, ours = page.evaluate(BOTH_WAYS, json.loads(figure.to_json()))
    assert len(plotlys) == len(ours) == 2
    of_255 = 3 if kind in ("distance", "trust") and not large else 1  # a quantity is drawn in 256 steps
    for theirs, own in zip(plotlys, ours, strict=True):
        for one, other in zip(theirs, own, strict=True):
            np.testing.assert_allclose(other, one, rtol=0, atol=(of_255 + 0.01) / 255)


def test_without_webgl_the_page_says_so_and_draws_with_svg(
    open_page: OpenPage, no_webgl: Browser, site: Site
) -> None:
    page = open_page(browser=no_webgl)
    expect(page.locator(f"#{ids.MAP_NOTE}")).to_contain_text("no WebGL")
    assert page.evaluate(f"document.querySelector('{PLOT}')._fullData[0].type") == "scatter"
    expect(page.locator(f"{PLOT} .scatterlayer .trace").first.locator("path.point")).to_have_count(
        len(site[0])
    )
    x, y = point_on_screen(page, lonely_row(page))
    page.mouse.click(x, y)
    expect(page.locator(f"#{ids.NEIGHBOURS} .focus-card .thumb")).to_be_visible()
    found_x, found_y = point_on_screen(page, selection(page)["focus"])
    assert math.hypot(found_x - x, found_y - y) < 8  # points that overlap are all meant by a click


def test_where_the_browser_takes_webgl_away_the_page_says_so_and_draws_with_svg(
    open_page: OpenPage, site: Site
) -> None:
    page = open_page()
    page.evaluate(LOSE_WEBGL)
    expect(page.locator(f"#{ids.MAP_NOTE}")).to_contain_text("no WebGL")
    points = page.locator(f"{PLOT} .scatterlayer .trace").first.locator("path.point")
    expect(points).to_have_count(len(site[0]))
    page.evaluate("dxr.command({ do: 'open', search: '?focus=3' })")
    expect(page.locator(f"#{ids.NEIGHBOURS} .focus-card .thumb")).to_have_attribute("data-row", "3")
    expect(points).to_have_count(len(site[0]))


def test_a_large_collection_is_drawn_in_part_and_zooming_in_draws_more(
    open_page: OpenPage, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection = site[0]
    monkeypatch.setattr(settings, "MAP_POINTS_LIMIT", 60)
    page = open_page()
    drawn = f"document.querySelector('{PLOT}')._fullData[0]"
    assert page.evaluate(f"{drawn}.x.length") == 60
    expect(page.locator(f"#{ids.MAP_NOTE}")).to_contain_text(f"60 of {len(collection)} images drawn")
    point = lonely_row(page)  # the number of a point here
    row = page.evaluate(f"dxr.drawnRows()[{point}]")
    page.mouse.click(*point_on_screen(page, point))
    expect(page.locator(f"#{ids.NEIGHBOURS} .focus-card .thumb")).to_have_attribute("data-row", str(row))
    x, y = collection.space().coordinates[row]
    page.evaluate("view => dxr.change({ view })", [float(x) - 1, float(x) + 1, float(y) - 1, float(y) + 1])
    page.wait_for_function(f"dxr.drawnRows()?.includes({row}) && {drawn}.x.length < 60")
    range_now = page.evaluate(f"document.querySelector('{PLOT}')._fullLayout.xaxis.range")
    inside = page.evaluate(f"Array.from({drawn}.x)")
    assert all(range_now[0] <= one <= range_now[1] for one in inside)


def test_threads_go_from_each_focus_to_its_own_neighbours(page: Page, site: Site) -> None:
    threads = page.locator("line.thread")
    for row in (10, 90, 40):
        page.evaluate("row => dxr.follow(`r${row}`)", row)
        focus = page.locator(f"#{ids.NEIGHBOURS} .focus-card .thumb")
        expect(focus).to_have_attribute("data-row", str(row))
        expect(threads).to_have_count(len(api.nearest(site[0], [row]).rows))
        page.wait_for_function(
            """row => { const [x, y] = [...dxr.coordinates().values.slice(2 * row, 2 * row + 2)];
            const [left, top] = dxr.scales().toScreen(x, y), line = document.querySelector("line.thread");
            return Math.hypot(line.getAttribute("x1") - left, line.getAttribute("y1") - top) < 1; }""",
            arg=row,
        )
