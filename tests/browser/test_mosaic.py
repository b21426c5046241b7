from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from dxr_dash import api, settings
from dxr_dash.browser import ids
from dxr_dash.browser.map_panel import colouring_of
from dxr_dash.browser.state import Selection
from dxr_dash.collection.swatches import central_square
from dxr_dash.figures import theme as words
from dxr_dash.figures.paint import colour_at
from tests.browser.conftest import OpenPage, Site
from tests.browser.steps import (
    PLOT,
    arranged,
    draw_lasso,
    lonely_row,
    place_on_screen,
    point_on_screen,
    selection,
    wait_until_drawn,
)

# Colours of the canvas at places of the screen: [red, green, blue, opacity] each
CANVAS_AT = """([id, spots]) => {
    const canvas = document.getElementById(id), box = canvas.getBoundingClientRect();
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
    copy.drawImage(canvas, 0, 0);
    const scale = canvas.width / box.width;
    return spots.map(([x, y]) =>
        [...copy.getImageData(Math.floor((x - box.left) * scale), Math.floor((y - box.top) * scale), 1, 1).data]);
}"""


@pytest.fixture
def mosaic_page(page: Page) -> Page:
    """The page with the mosaic of the UMAP layout."""
    page.keyboard.press("m")
    arranged(page, "mosaic")
    return page


def pixels(page: Page, spots: list[tuple[float, float]]) -> np.ndarray:
    """What the canvas of the mosaic shows at places of the screen: (n, 4)."""
    return np.array(page.evaluate(CANVAS_AT, [ids.MAP_TILES, spots]))


def in_cell(page: Page, site: Site, row: int, right: float = 0.5, down: float = 0.5) -> tuple[float, float]:
    """Where a place inside an image's cell is on the screen; (0.5, 0.5) is its middle."""
    layout = site[0].space().layout(selection(page)["layout"])
    x, y = layout.positions[row]
    cell = layout.mosaic.cell
    return place_on_screen(page, (x + (right - 0.5) * cell, y - (down - 0.5) * cell))


def test_switching_keeps_focus_colours_and_selection_and_shows_the_whole_map(page: Page, site: Site) -> None:
    row = lonely_row(page)
    page.mouse.click(*point_on_screen(page, row))
    page.select_option(f"#{ids.COLOUR_BY}", "trust")
    draw_lasso(page)
    n_selected = page.locator(".selected-count").inner_text()
    page.keyboard.press("p")
    page.mouse.wheel(0, -300)
    page.wait_for_function("dxr.selection().view !== null")
    for arrangement, layout in (("mosaic", "umap"), ("mosaic", "tsne"), ("points", "tsne")):
        if selection(page)["arrangement"] != arrangement:
            page.locator(f"[data-do=arrangement][data-arrangement={arrangement}]").click()
        page.select_option("[data-do=layout]", layout)
        arranged(page, arrangement, layout)
        expect(page.locator(f"[data-arrangement={arrangement}][aria-pressed=true]")).to_be_visible()
        now = selection(page)
        assert (now["focus"], now["colour"], now["view"]) == (row, "trust", None)
        expect(page.locator(".selected-count")).to_have_text(n_selected)
        expect(page.locator(f"#{ids.MAP_OVERLAY} .focus").first).to_be_attached()
        assert page.locator("polygon.lasso").count() == 0  # it was drawn on the points of UMAP
    page.go_back()
    arranged(page, "mosaic", "tsne")
    page.go_back()
    arranged(page, "mosaic", "umap")
    page.keyboard.press("m")
    arranged(page, "points", "umap")
    expect(page.locator("polygon.lasso")).to_have_count(1)


def test_a_lasso_selects_the_images_whose_cells_lie_in_it(mosaic_page: Page, site: Site) -> None:
    page = mosaic_page
    draw_lasso(page, radius_px=110)
    now = selection(page)
    assert now["drawn_on"] == "umap mosaic"
    rows = api.rows_in_polygon(site[0], np.array(now["lasso"]), mosaic=True)
    on_points = api.rows_in_polygon(site[0], np.array(now["lasso"]))
    assert 0 < len(rows) < len(site[0])
    assert set(rows) != set(on_points)
    expect(page.locator(".selected-count")).to_have_text(f"{words.count(len(rows))} images selected")
    wait_until_drawn(page)
    others = np.setdiff1d(np.arange(len(site[0])), rows)
    paper = 255
    veiled = pixels(page, [in_cell(page, site, int(row)) for row in others])[:, :3]
    assert veiled.min() > paper * 0.7  # under the veil, nothing dark is left
    clear = pixels(page, [in_cell(page, site, int(row)) for row in rows])[:, :3]
    assert clear.mean() < veiled.mean() - 30


def test_every_image_is_drawn_in_its_cell(mosaic_page: Page, site: Site) -> None:
    page, collection = mosaic_page, site[0]
    page.select_option(f"#{ids.COLOUR_BY}", "nothing")
    page.wait_for_function(f"document.querySelector('{PLOT}').layout.meta.colours === null")
    wait_until_drawn(page)
    rows = [
        row
        for row in range(len(collection))
        if not page.evaluate("row => dxr.selection().focus === row", row)
    ]
    found = pixels(page, [in_cell(page, site, row, right, 0.5) for row in rows for right in (0.25, 0.75)])
    assert (found[:, 3] == 255).all()
    wanted = np.concatenate(
        [np.asarray(central_square(collection.thumbnail(row), 32))[16, [8, 24]] for row in rows]
    )
    off = np.abs(found[:, :3].astype(int) - wanted.astype(int)).mean(axis=1)
    assert np.median(off) < 14  # a pixel beside the one meant shows something else in a few of them
    shuffled = np.abs(found[::-1, :3].astype(int) - wanted.astype(int)).mean(axis=1)
    assert np.median(shuffled) > 2 * np.median(off)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_frames_have_the_colours_of_the_legend(open_page: OpenPage, site: Site, theme: str) -> None:
    collection = site[0]
    page = open_page(f"?arrangement=mosaic&colour=column:label&sets=&theme={theme}&layout=tsne")
    found = colouring_of(collection, Selection.default(collection), words.theme(theme))
    shares = (found.values - found.low) / (found.high - found.low)
    wanted = np.array([colour_at(found.scale, float(share)) for share in shares])
    spots = [in_cell(page, site, row, 0.03, 0.5) for row in range(len(collection))]
    off = np.abs(pixels(page, spots)[:, :3].astype(int) - wanted).max(axis=1)
    assert (off <= 2).mean() > 0.97  # rounding to whole pixels may put a few spots into the cell beside


def test_members_of_shown_sets_have_outlines(mosaic_page: Page, site: Site) -> None:
    page = mosaic_page
    rows = site[0].query_sets["faces-in-things"].rows
    spots = [in_cell(page, site, row, 0.5, 0.035) for row in rows]
    outline = np.array([int(words.LIGHT.sets[0][i : i + 2], 16) for i in (1, 3, 5)])
    off = np.abs(pixels(page, spots)[:, :3].astype(int) - outline).max(axis=1)
    assert (off < 12).mean() > 0.9


def test_hover_and_click_reach_the_cell_under_the_pointer(mosaic_page: Page, site: Site) -> None:
    page, collection = mosaic_page, site[0]
    for row in (0, 40, 77, 148):
        for right, down in ((0.08, 0.08), (0.92, 0.9)):
            page.mouse.move(5, 5)
            page.mouse.move(*in_cell(page, site, row, right, down))
            expect(page.locator(f"#{ids.CARD} .name")).to_have_text(words.short(collection.path(row), 200))
            assert page.evaluate("dxr.underPointer().row") == row
    expect(page.locator(f"#{ids.MAP_STAGE}")).to_have_class("stage on-point")
    page.mouse.click(*in_cell(page, site, 77, 0.9, 0.9))
    expect(page.locator(f"#{ids.NEIGHBOURS} .focus-card .thumb")).to_have_attribute("data-row", "77")
    assert "r77" in [one["key"] for one in selection(page)["queries"]]
    expect(page.locator(f"#{ids.MAP_OVERLAY} rect.focus").first).to_be_attached()


def test_a_drag_pans_and_follows_nothing(mosaic_page: Page, site: Site) -> None:
    page = mosaic_page
    x, y = in_cell(page, site, 50)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 70, y + 30, steps=6)
    page.mouse.up()
    page.wait_for_function("dxr.selection().view !== null")
    assert selection(page)["focus"] is None
    wait_until_drawn(page)
    moved = in_cell(page, site, 50)
    assert moved == pytest.approx((x - 70, y + 30), abs=2)
    page.mouse.move(moved[0] + 3, moved[1] + 3)
    page.wait_for_function("dxr.underPointer()?.row === 50")


def test_zooming_in_fetches_sharper_tiles_and_only_those_in_view(mosaic_page: Page, site: Site) -> None:
    page = mosaic_page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.mouse.move(*in_cell(page, site, 60))
    while not any("/7/" in url for url in asked):
        before = page.evaluate("dxr.scales().perX")
        page.mouse.wheel(0, -350)
        page.wait_for_function("before => dxr.scales().perX > before", arg=before)
        wait_until_drawn(page)
    tiles = [url.split("/")[-2:] for url in asked if "/mosaic/" in url]
    assert "7" in {level for level, _ in tiles}
    grid = site[0].space().layout("umap").mosaic
    sharpest = {name for level, name in tiles if level == "7"}
    assert len(sharpest) < grid.columns * grid.rows / 4 / 2  # at level 7 a tile holds 4 cells


def test_the_mosaic_needs_no_webgl_and_no_limit_of_points(
    open_page: OpenPage, no_webgl: Browser, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "MAP_POINTS_LIMIT", 60)
    page = open_page("?arrangement=mosaic&colour=nothing", browser=no_webgl)
    spots = [in_cell(page, site, row) for row in range(len(site[0]))]
    assert (pixels(page, spots)[:, 3] == 255).all()
    expect(page.locator(f"#{ids.MAP_NOTE}")).to_be_empty()
    page.mouse.move(*spots[133])
    page.wait_for_function("dxr.underPointer()?.row === 133")


def test_an_empty_cell_is_no_image(mosaic_page: Page, site: Site) -> None:
    page = mosaic_page
    grid = site[0].space().layout("umap").mosaic
    empty = np.setdiff1d(np.arange(grid.columns * grid.rows), grid.cells)
    assert len(empty)
    column, line = int(empty[0]) % grid.columns, int(empty[0]) // grid.columns
    spot = place_on_screen(
        page, (grid.left + (column + 0.5) * grid.cell, grid.top - (line + 0.5) * grid.cell)
    )
    assert pixels(page, [spot])[0, 3] == 0
    page.mouse.move(*in_cell(page, site, 3))
    page.wait_for_function("dxr.underPointer()?.row === 3")
    page.mouse.move(*spot)
    page.wait_for_function("dxr.underPointer() === null")
    page.mouse.click(*spot)
    assert selection(page)["focus"] is None


def test_tiles_on_the_way_are_stood_in_for_by_coarser_ones(open_page: OpenPage, site: Site) -> None:
    page = open_page("?arrangement=mosaic&colour=nothing&sets=")
    asked: list[str] = []
    # those are never answered
    page.route(re.compile("/mosaic/.*/[67]/"), lambda route: asked.append(route.request.url))
    spot = in_cell(page, site, 60)
    page.mouse.move(*spot)
    while not asked:
        before = page.evaluate("dxr.scales().perX")
        page.mouse.wheel(0, -350)
        page.wait_for_function("before => dxr.scales().perX > before", arg=before)
        page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert (pixels(page, [in_cell(page, site, 60)])[:, 3] == 255).all()


def test_tiles_are_webp_pictures_of_the_cells(site: Site) -> None:
    from dxr_dash.collection.tiles import mosaic_tile

    grid = site[0].space().layout("umap").mosaic
    picture = np.asarray(Image.open(io.BytesIO(mosaic_tile(site[0], grid, 3, 0, 0))).convert("RGBA"))
    lit = picture.reshape(32, 8, 32, 8, 4)[: grid.rows, :, : grid.columns, :, 3].min(axis=(1, 3)) == 255
    assert lit.sum() == len(site[0])
