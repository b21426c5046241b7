from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from dxr_dash import api, settings
from dxr_dash.browser import beside_panel, ids, map_panel
from dxr_dash.browser.server import create_app
from dxr_dash.browser.state import Selection
from dxr_dash.figures import theme as words
from dxr_dash.figures.colouring import by_agreement
from dxr_dash.records import FloatArray
from tests.browser.conftest import OpenPage, Site, running
from tests.browser.steps import colours_on, drawn_colours, selection, wait_until_drawn

FIRST, SECOND = "thingsnet.fc7", "tiny.pixels32"
PLOT = f"#{ids.BESIDE} .js-plotly-plot"
BOTH_DRAWN = f"""() => {{
    const plot = document.querySelector("{PLOT}"), stage = document.querySelector("#{ids.BESIDE_STAGE}");
    const places = dxr.besidePlaces();
    if (!plot?._fullData?.length || stage.hidden || !(dxr.isLarge() ? places : places?.values)) return false;
    const {{xaxis, yaxis}} = plot._fullLayout, span = ({{range}}) => range[1] - range[0];
    const shape = span(xaxis) / span(yaxis) / (stage.clientWidth / stage.clientHeight);
    return Math.abs(shape - 1) < 0.02 && Boolean(document.querySelector("#{ids.PAIR} > *"))
        && !document.querySelector("[data-dash-is-loading=true]") && !dxr.layersWait();
}}"""
ON_SCREEN = f"""(row) => {{
    const box = document.querySelector("#{ids.BESIDE_STAGE}").getBoundingClientRect(), {{values}} = dxr.besidePlaces();
    const [x, y] = dxr.scales("{ids.BESIDE}").toScreen(values[2 * row], values[2 * row + 1]);
    return [box.left + x, box.top + y];
}}"""
PLACE_ON_SCREEN = f"""([x, y]) => {{
    const box = document.querySelector("#{ids.BESIDE_STAGE}").getBoundingClientRect();
    const [left, top] = dxr.scales("{ids.BESIDE}").toScreen(x, y);
    return [box.left + left, box.top + top];
}}"""
INKED = """(id) => {
    const canvas = document.getElementById(id);
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    let n = 0;
    for (let i = 3; i < pixels.length; i += 4) n += pixels[i] > 0;
    return n;
}"""
LONELIEST = """() => {
    const {values} = dxr.besidePlaces(), n = values.length / 2;
    let best = [-1, -1];
    for (let i = 0; i < n; i++) {
        let near = Infinity;
        for (let j = 0; j < n; j++)
            if (i !== j) near = Math.min(near, Math.hypot(values[2*i] - values[2*j], values[2*i+1] - values[2*j+1]));
        if (near > best[0]) best = [near, i];
    }
    return best[1];
}"""


@pytest.fixture(scope="session")
def pair(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The collection with a second feature space, served; tests change nothing in it."""
    folder = Path(shutil.copytree(built, tmp_path_factory.mktemp("pair") / built.name))
    images = built.parent / "images"
    api.build(images, folder, network="tiny", layer="pixels32", labels=images.with_suffix(".csv"))
    with running(folder) as served:
        yield served


@pytest.fixture
def beside(open_page: OpenPage, pair: Site) -> Page:
    return both_drawn(open_page(f"?space={FIRST}&beside={SECOND}&pictures=no", url=pair[1]))


def both_drawn(page: Page) -> Page:
    wait_until_drawn(page)
    page.wait_for_function(BOTH_DRAWN)
    return page


def aligned(site: Site) -> FloatArray:
    return api.alignment(site[0], FIRST, SECOND).moved(site[0].space(SECOND).coordinates)


def drawn_at(page: Page, trace: int = 0) -> np.ndarray:
    found = page.evaluate(
        f"n => {{ const t = document.querySelector('{PLOT}')._fullData[n]; return [[...t.x], [...t.y]]; }}",
        trace,
    )
    return np.array(found).T


def test_the_second_map_holds_every_image_turned_like_the_first(beside: Page, pair: Site) -> None:
    wanted = aligned(pair)
    np.testing.assert_allclose(drawn_at(beside), wanted, atol=1e-5)
    values = np.array(beside.evaluate("[...dxr.besidePlaces().values]")).reshape(-1, 2)
    np.testing.assert_allclose(values, wanted, atol=1e-4)
    names = beside.locator(".map-name")
    expect(names).to_have_text([FIRST, SECOND])
    first, second = (beside.locator(f"#{one}").bounding_box() for one in (ids.MAP_STAGE, ids.BESIDE_STAGE))
    assert first is not None
    assert second is not None
    assert second["x"] >= first["x"] + first["width"] - 1
    assert abs(second["width"] - first["width"]) < 4


def test_query_sets_have_their_rings_on_both(beside: Page, pair: Site) -> None:
    collection = pair[0]
    shown = selection(beside)["shown"]
    order = sorted(shown, key=lambda key: key == selection(beside)["active"])
    for place, key in enumerate(order, start=1):
        rows = list(collection.query_sets[key].rows)
        np.testing.assert_allclose(drawn_at(beside, place), aligned(pair)[rows], atol=1e-5)


@pytest.mark.parametrize("on", [ids.MAP_OVERLAY, ids.BESIDE_OVERLAY])
def test_the_pointer_on_the_second_map_rings_the_image_on_both(beside: Page, pair: Site, on: str) -> None:
    row = int(beside.evaluate(LONELIEST))
    x, y = beside.evaluate(ON_SCREEN, row)
    beside.mouse.move(x - 6, y - 6)
    beside.mouse.move(x, y, steps=4)
    expect(beside.locator(f"#{ids.CARD} .label")).to_have_text(pair[0].label(row))
    expect(beside.locator(f"#{on} .hover").last).to_be_attached()
    beside.mouse.move(5, 5)
    expect(beside.locator(f"#{on} .hover")).to_have_count(0)


def test_a_thumbnail_anywhere_rings_its_image_on_the_second_map_where_it_lies(beside: Page) -> None:
    thumb = beside.locator(f"#{ids.NEIGHBOURS} .grid .thumb").nth(2)
    thumb.hover()
    row = int(thumb.get_attribute("data-row") or -1)
    beside.wait_for_function(
        f"""([x, y]) => {{ const ring = document.querySelector("#{ids.BESIDE_OVERLAY} .hover");
        if (!ring) return false;
        const box = ring.getBoundingClientRect();
        return Math.hypot(box.left + box.width / 2 - x, box.top + box.height / 2 - y) < 2; }}""",
        arg=beside.evaluate(ON_SCREEN, row),
    )


def test_a_click_on_the_second_map_asks_in_the_active_space_and_shows_both(beside: Page, pair: Site) -> None:
    collection = pair[0]
    row = int(beside.evaluate(LONELIEST))
    beside.mouse.click(*beside.evaluate(ON_SCREEN, row))
    beside.wait_for_function("row => dxr.selection().focus === row", arg=row)
    near = api.nearest(collection, [row], space=FIRST).rows
    thumbs = beside.locator(f"#{ids.NEIGHBOURS} .grid .thumb")
    expect(thumbs.first).to_have_attribute("data-row", str(near[0]))
    columns = beside.locator(f"#{ids.PAIR} .pair-columns > div")
    expect(columns).to_have_count(2)
    k = settings.DISAGREEMENT_AT
    lists = [collection.space(one).neighbours[row, :k].tolist() for one in (FIRST, SECOND)]
    for place in range(2):
        found = columns.nth(place).locator(".thumb")
        expect(found).to_have_count(k)
        assert [int(one.get_attribute("data-row") or -1) for one in found.all()] == lists[place]
        marked = columns.nth(place).locator(".thumb.in-both")
        expect(marked).to_have_count(len(set(lists[0]) & set(lists[1])))
    for overlay in (ids.MAP_OVERLAY, ids.BESIDE_OVERLAY):
        expect(beside.locator(f"#{overlay} line.thread")).to_have_count(len(near))
        expect(beside.locator(f"#{overlay} .focus").last).to_be_attached()


def test_a_lasso_on_the_second_map_selects_what_the_server_counts_there(beside: Page, pair: Site) -> None:
    beside.keyboard.press("b")
    box = beside.locator(f"#{ids.BESIDE_STAGE}").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    beside.mouse.move(x - 70, y - 70)
    beside.mouse.down()
    beside.mouse.move(x + 60, y + 50, steps=6)
    beside.mouse.up()
    beside.wait_for_function("dxr.selection().lasso.length === 4")
    now = selection(beside)
    assert now["drawn_on"] == f"umap points {SECOND}"
    rows = api.rows_in_polygon(pair[0], np.array(now["lasso"]), space=SECOND)
    assert 0 < len(rows) < len(pair[0])
    expect(beside.locator(".selected-count")).to_have_text(f"{len(rows)} images selected")
    expect(beside.locator(f"#{ids.BESIDE_OVERLAY} polygon.lasso")).to_have_count(1)
    expect(beside.locator(f"#{ids.MAP_OVERLAY} polygon.lasso")).to_have_count(0)
    both_drawn(beside)
    for graph in (ids.MAP, ids.BESIDE):  # what is not selected fades on both
        faint = beside.evaluate(
            f"[...document.querySelector('#{graph} .js-plotly-plot')._fullData[0].marker.opacity]"
            ".map((o, i) => [o, i]).filter(([o]) => o === 1).map(([, i]) => i)"
        )
        assert faint == rows.tolist()
    # the box is drawn round just these images
    # (Playwright's own box of it holds the ends of a stroke with pointed corners)
    polygon = beside.locator(f"#{ids.BESIDE_OVERLAY} polygon.lasso")
    edges = polygon.evaluate("one => one.getBoundingClientRect().toJSON()")
    assert [edges["left"], edges["top"], edges["right"], edges["bottom"]] == pytest.approx(
        [x - 70, y - 70, x + 60, y + 50], abs=0.5
    )
    spots = np.array([beside.evaluate(ON_SCREEN, row) for row in range(len(pair[0]))])
    low, size = np.array([edges["x"], edges["y"]]), np.array([edges["width"], edges["height"]])
    outside = ((spots < low - 0.5) | (spots > low + size + 0.5)).any(axis=1)
    inside = ((spots > low + 0.5) & (spots < low + size - 0.5)).all(axis=1)
    assert not outside[rows].any()
    assert set(np.flatnonzero(inside)) <= set(rows.tolist())
    address = beside.evaluate("location.search")
    beside.goto(beside.url.partition("?")[0] + address)
    both_drawn(beside)
    assert selection(beside)["drawn_on"] == f"umap points {SECOND}"
    expect(beside.locator(".selected-count")).to_have_text(f"{len(rows)} images selected")
    beside.keyboard.press("Escape")
    expect(beside.locator("polygon.lasso")).to_have_count(0)


def test_the_panel_lists_the_images_whose_neighbours_differ_most(beside: Page, pair: Site) -> None:
    found = api.disagreement(pair[0], FIRST, SECOND)
    thumbs = beside.locator(f"#{ids.PAIR} > .grid .thumb")
    expect(thumbs).to_have_count(settings.DISAGREEMENT_SHOWN)
    rows = [int(one.get_attribute("data-row") or -1) for one in thumbs.all()]
    assert rows == found.order[: settings.DISAGREEMENT_SHOWN].tolist()
    same = [f"{round(found.shares[row] * found.k)} of {found.k}" for row in rows]
    expect(thumbs.locator(".caption")).to_have_text(same)
    said = beside.locator(f"#{ids.PAIR} .hint").first.inner_text()
    assert said.replace("\u202f", " ") == found.sentence
    thumbs.nth(3).click()
    beside.wait_for_function("row => dxr.selection().focus === row", arg=rows[3])
    expect(beside.locator(f"#{ids.PAIR} .thumb.line")).to_have_attribute("data-row", str(rows[3]))


def test_both_maps_are_coloured_by_the_neighbours_in_common(beside: Page, pair: Site) -> None:
    found = by_agreement(api.disagreement(pair[0], FIRST, SECOND).shares, words.LIGHT)
    wanted = colours_on(found.scale, found.values / found.high)
    beside.locator(f"#{ids.PAIR} [data-do=colour-by]").click()
    expect(beside.locator(f"#{ids.MAP_LEGEND} .scale")).to_contain_text(SECOND)
    both_drawn(beside)
    for graph in (ids.MAP, ids.BESIDE):
        np.testing.assert_allclose(drawn_colours(beside, graph)[:, :3], wanted, atol=1 / 250)
    beside.locator("[data-do=close-beside]").click()
    expect(beside.locator(f"#{ids.BESIDE_STAGE}")).to_be_hidden()
    assert selection(beside)["colour"] != "disagreement"  # it means nothing without a second space
    wait_until_drawn(beside)


def test_each_map_has_its_own_zoom_and_the_address_keeps_it(beside: Page, open_page: OpenPage) -> None:
    box = beside.locator(f"#{ids.BESIDE_STAGE}").bounding_box()
    assert box is not None
    beside.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    beside.mouse.wheel(0, -300)
    beside.wait_for_function("dxr.selection().beside_view !== null")
    now = selection(beside)
    assert now["view"] is None
    again = both_drawn(open_page(beside.evaluate("location.search"), url=beside.url.partition("?")[0]))
    assert selection(again)["beside_view"] == now["beside_view"]
    ranges = again.evaluate(f"document.querySelector('{PLOT}')._fullLayout.xaxis.range")
    assert ranges == pytest.approx(now["beside_view"][:2], rel=0.02, abs=0.02)
    beside.mouse.move(5, 5)
    beside.keyboard.press("0")
    beside.wait_for_function("dxr.selection().beside_view === null")


def test_the_key_opens_and_closes_it_and_back_leads_there(open_page: OpenPage, pair: Site) -> None:
    page = open_page(f"?space={FIRST}", url=pair[1])
    stage = page.locator(f"#{ids.BESIDE_STAGE}")
    expect(stage).to_be_hidden()
    page.keyboard.press("d")
    expect(stage).to_be_visible()
    both_drawn(page)
    assert "beside=tiny.pixels32" in page.evaluate("location.search")
    assert page.locator(f"#{ids.BESIDE_SPACE}").input_value() == SECOND
    page.keyboard.press("d")
    expect(stage).to_be_hidden()
    page.go_back()
    expect(stage).to_be_visible()
    both_drawn(page)


def test_choosing_the_other_space_lets_the_two_change_places(beside: Page, pair: Site) -> None:
    beside.select_option(f"#{ids.SPACE}", SECOND)
    expect(beside.locator(".map-name")).to_have_text([SECOND, FIRST])
    both_drawn(beside)
    collection = pair[0]
    beside.wait_for_function(
        f"x => Math.abs(document.querySelector('{PLOT}')._fullData[0].x[0] - x) < 1e-3",
        arg=float(api.alignment(collection, SECOND, FIRST).moved(collection.space(FIRST).coordinates)[0, 0]),
    )


def test_thumbnails_stand_on_both_maps_and_a_click_on_one_asks_with_it(
    open_page: OpenPage, pair: Site
) -> None:
    page = both_drawn(open_page(f"?space={FIRST}&beside={SECOND}", url=pair[1]))
    assert page.evaluate(INKED, ids.BESIDE_MARKS) > 2_000
    row = int(pair[0].space(FIRST).representatives[0])  # the largest cluster's comes first on either map
    x, y = page.evaluate(ON_SCREEN, row)
    page.mouse.move(x - 4, y - 4)
    page.mouse.click(x + 1, y - 1)
    page.wait_for_function("dxr.selection().focus !== null")
    expect(
        page.locator(f"#{ids.BESIDE_OVERLAY} rect.focus, #{ids.BESIDE_OVERLAY} circle.focus").last
    ).to_be_attached()


def test_on_a_narrow_screen_the_maps_stand_one_above_the_other(open_page: OpenPage, pair: Site) -> None:
    page = both_drawn(open_page(f"?space={FIRST}&beside={SECOND}", url=pair[1], width=390, height=844))
    first, second = (page.locator(f"#{one}").bounding_box() for one in (ids.MAP_STAGE, ids.BESIDE_STAGE))
    assert first is not None
    assert second is not None
    assert second["y"] >= first["y"] + first["height"] - 1
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_large_collection_is_drawn_in_part_on_the_second_map_too(
    open_page: OpenPage, pair: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "MAP_POINTS_LIMIT", 60)
    page = both_drawn(open_page(f"?space={FIRST}&beside={SECOND}&pictures=no", url=pair[1]))
    drawn = f"document.querySelector('{PLOT}')._fullData[0]"
    assert page.evaluate(f"{drawn}.x.length") == 60
    expect(page.locator(f"#{ids.BESIDE_NOTE}")).to_contain_text(f"60 of {len(pair[0])} images drawn")
    places = aligned(pair)
    rows = f"dxr.drawnRows(document.querySelector('{PLOT}'))"
    shown = page.evaluate(f"[...{rows}]")
    np.testing.assert_allclose(drawn_at(page), places[shown], atol=1e-5)
    row = next(row for row in range(len(places)) if row not in shown)
    x, y = places[row].tolist()
    page.evaluate("view => dxr.change({ beside_view: view })", [x - 0.5, x + 0.5, y - 0.5, y + 0.5])
    page.wait_for_function(f"row => {rows}?.includes(row)", arg=row)
    both_drawn(page)


def test_two_maps_of_a_large_collection_work_without_all_numbers(
    open_page: OpenPage, pair: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "ALL_AT_ONCE", 60)
    monkeypatch.setattr(settings, "MAP_POINTS_LIMIT", 60)
    collection, places = pair[0], aligned(pair)
    page = both_drawn(open_page(f"?space={FIRST}&beside={SECOND}&focus=3", url=pair[1]))
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url))
    near = api.nearest(collection, [3], space=FIRST).rows
    threads = page.locator(f"#{ids.BESIDE_OVERLAY} line.thread")
    expect(threads).to_have_count(len(near))
    found = page.evaluate("rows => rows.map((row) => [...dxr.besidePlaces().at(row)])", near.tolist())
    np.testing.assert_allclose(found, places[near], atol=1e-4)
    page.wait_for_function(INKED, arg=ids.BESIDE_MARKS)
    page.wait_for_function(INKED, arg=ids.BESIDE_TILES)
    page.evaluate("dxr.change({ pictures: false, focus: null })")
    both_drawn(page)
    rows = page.evaluate(f"[...dxr.drawnRows(document.querySelector('{PLOT}'))]")
    spread = np.linalg.norm(drawn_at(page)[:, None] - drawn_at(page)[None], axis=2) + 1e9 * np.eye(len(rows))
    lonely = int(spread.min(axis=1).argmax())
    page.mouse.click(*page.evaluate(PLACE_ON_SCREEN, drawn_at(page)[lonely].tolist()))
    page.wait_for_function("row => dxr.selection().focus === row", arg=rows[lonely])
    assert not [one for one in asked if one.endswith(".f32")]


def test_the_density_of_the_second_map_lies_where_its_points_are(
    pair: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "MAP_POINTS_LIMIT", 60)
    asked = Selection.from_address(f"?space={FIRST}&beside={SECOND}", pair[0])
    figure, note = beside_panel.beside_of(pair[0], asked)
    assert note == f"60 of {len(pair[0])} images drawn; zoom in for more."
    assert isinstance(figure, go.Figure)
    behind = figure.layout.meta["density"]
    x0, x1, y0, y1 = behind["view"]
    client = create_app(pair[0]).server.test_client()
    shown = Image.open(io.BytesIO(client.get(f"/{behind['src']}").data)).convert("RGBA")
    opacity = np.asarray(shown)[..., 3]
    height, width = opacity.shape
    places = aligned(pair)
    for x, y in places:
        assert opacity[int((y1 - y) / (y1 - y0) * height), int((x - x0) / (x1 - x0) * width)] > 0
    assert (opacity > 0).sum() <= len(places)
    # the first map's lies elsewhere
    own, *_ = map_panel.map_of(pair[0], asked)
    assert "beside" not in own.layout.meta["density"]["src"]
    assert client.get(f"/{own.layout.meta['density']['src']}").data != client.get(f"/{behind['src']}").data


def test_the_veil_of_a_lasso_on_the_second_map_spares_what_it_holds(pair: Site) -> None:
    x, y = pair[0].space(SECOND).coordinates.mean(axis=0)
    corners = ",".join(f"{x + dx:.5g},{y + dy:.5g}" for dx, dy in ((-9, -2), (-9, 2), (1, 2), (1, -2)))
    said = f"?space={FIRST}&beside={SECOND}&lasso={corners}&on=umap+points+{SECOND}"
    asked = Selection.from_address(said, pair[0])
    rows = api.rows_in_polygon(pair[0], np.array(asked.lasso), space=SECOND)
    assert 0 < len(rows) < len(pair[0])
    client = create_app(pair[0]).server.test_client()
    for figure in (map_panel.map_of(pair[0], asked)[0], beside_panel.beside_of(pair[0], asked)[0]):
        assert isinstance(figure, go.Figure)
        answer = client.get(f"/{figure.layout.meta['veil']}")
        veil = np.asarray(Image.open(io.BytesIO(answer.data)).convert("RGBA"))[..., 3].ravel()[: len(pair[0])]
        assert np.flatnonzero(veil == 0).tolist() == rows.tolist()


def test_without_webgl_the_second_map_is_drawn_too(
    open_page: OpenPage, no_webgl: Browser, pair: Site
) -> None:
    page = both_drawn(open_page(f"?space={FIRST}&beside={SECOND}", url=pair[1], browser=no_webgl))
    assert page.evaluate(f"document.querySelector('{PLOT}')._fullData[0].type") == "scatter"
    np.testing.assert_allclose(drawn_at(page), aligned(pair), atol=1e-5)


def test_a_space_that_is_not_there_costs_only_the_second_map(open_page: OpenPage, pair: Site) -> None:
    page = open_page(f"?space={FIRST}&beside=nothing&focus=3", url=pair[1])
    expect(page.locator(f"#{ids.STATUS}")).to_contain_text("not in this collection")
    expect(page.locator(f"#{ids.BESIDE_STAGE}")).to_be_hidden()
    assert selection(page)["focus"] == 3


def test_with_one_space_there_is_nothing_to_put_beside(page: Page) -> None:
    expect(page.locator(f"#{ids.BESIDE_SPACE}")).to_be_hidden()
    expect(page.locator(f"#{ids.COLOUR_BY} option[value=disagreement]")).to_have_count(0)
    page.keyboard.press("d")
    assert selection(page)["beside"] is None


def test_where_all_spaces_are_compared_the_active_set_is_drawn_against_depth(
    open_page: OpenPage, pair: Site
) -> None:
    page = open_page(f"?page=compare&space={FIRST}&spaces=all", url=pair[1])
    expect(page.locator(f"#{ids.SWEEP_PANEL}")).to_be_visible()
    drawn = f"document.querySelector('#{ids.SWEEP} .js-plotly-plot')?._fullData"
    page.wait_for_function(f"{drawn}?.length > 3")
    found = api.swept_spaces(pair[0], "faces-in-things", [FIRST, SECOND])
    assert [one.space for one in found.spaces] == [SECOND, FIRST]
    values = page.evaluate(f"{drawn}.filter(t => t.meta?.what === 'AUROC').map(t => t.y[0])")
    assert values == pytest.approx([one.found.auroc.value for one in found.spaces])
    expect(page.locator(f"#{ids.SWEEP_SAID} p").first).to_have_text(found.answers[0].sentence)
    page.locator(f"#{ids.EVERYWHERE}").click()
    expect(page.locator(f"#{ids.SWEEP_PANEL}")).to_be_hidden()
    wait_until_drawn(page)
