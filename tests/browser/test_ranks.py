from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from dxr_dash import api, settings
from dxr_dash.analysis.baseline import closer_than
from dxr_dash.browser import ids
from dxr_dash.collection.store import Collection
from dxr_dash.demo.world import draw
from dxr_dash.figures import theme as words
from tests.browser.conftest import OpenPage, Site, Watch, running
from tests.browser.steps import hover_point, lonely_row, point_on_screen, selection, wait_until_drawn

READY = f"""() => {{
    const plot = document.querySelector("#{ids.RANKS} .js-plotly-plot");
    const rows = [...document.querySelectorAll("#{ids.ROWS} > .rank-row")];
    const drawn = (plot?._fullData || []).filter((trace) => trace.meta?.key && trace.x?.length);
    const shown = document.querySelector(".page").dataset.page === "explore";
    return dxr.selection()?.page === "explore" && shown && rows.length === dxr.selection().queries.length
        && drawn.length === rows.length && document.querySelector(".brush-handle")
        && rows.every((row) => row.querySelector("path.curve"))
        && rows.every((row) => dxr.ranking(row.dataset.key).n && row.querySelector(".rank-film .thumb"))
        && (!rows.length || dxr.labels()) && !document.querySelector("[data-dash-is-loading=true]");
}}"""
RANK_ON_SCREEN = f"""(rank) => {{
    const plot = document.querySelector("#{ids.RANKS} .js-plotly-plot"), box = plot.getBoundingClientRect();
    const {{xaxis, yaxis}} = plot._fullLayout;
    return [box.left + xaxis._offset + xaxis.d2p(rank), box.top + yaxis._offset + yaxis._length / 2];
}}"""


def explore(page: Page) -> None:
    page.keyboard.press("e")
    page.wait_for_function(READY)


def row_of(page: Page, key: str) -> Locator:
    return page.locator(f"#{ids.ROWS} > .rank-row[data-key='{key}']")


def keys(page: Page) -> list[str]:
    return [one["key"] for one in selection(page)["queries"]]


def film(page: Page, key: str) -> list[int]:
    found: list[int] = page.evaluate(
        "key => [...document.querySelectorAll(`.rank-row[data-key='${key}'] .rank-film .thumb`)]"
        ".map((one) => Number(one.dataset.row ?? one.dataset.item))",
        key,
    )
    return found


def expect_film(page: Page, key: str, items: np.ndarray) -> None:
    page.wait_for_function(
        "([key, items]) => JSON.stringify("
        "[...document.querySelectorAll(`.rank-row[data-key='${key}'] .rank-film .thumb`)]"
        ".map((one) => Number(one.dataset.row ?? one.dataset.item))) === JSON.stringify(items)",
        arg=[key, items.tolist()],
    )


def drag_rank(page: Page, start: float, end: float, *, drop: bool = True) -> None:
    page.mouse.move(*page.evaluate(RANK_ON_SCREEN, start))
    page.mouse.down()
    page.mouse.move(*page.evaluate(RANK_ON_SCREEN, end), steps=5)
    if drop:
        page.mouse.up()


def test_explore_shows_a_curve_and_a_row_for_each_query_and_back_leads_back(page: Page) -> None:
    explore(page)
    assert "page=explore" in page.url
    assert keys(page) == ["s.faces-in-things", "s.things-without-faces"]
    for key in keys(page):
        expect(row_of(page, key).locator("path.curve")).to_have_count(1)
        expect(row_of(page, key).locator("path.curve-band")).to_have_count(1)
        expect(row_of(page, key).locator(".rank-sheet .thumb")).to_have_count(4)
    expect(page.locator(".answer.panel")).to_be_hidden()
    page.go_back()
    expect(page.locator(".answer.panel")).to_be_visible()
    expect(page.locator(".ranks-panel")).to_be_hidden()


def test_clicking_an_image_adds_its_row_and_clicking_it_again_flashes_the_one_there(page: Page) -> None:
    explore(page)
    row = lonely_row(page)
    page.mouse.click(*point_on_screen(page, row))
    page.wait_for_function(READY)
    assert keys(page) == ["s.faces-in-things", "s.things-without-faces", f"r{row}"]
    expect(row_of(page, f"r{row}")).to_have_class(re.compile("focused"))
    page.keyboard.press("Escape")
    page.mouse.move(5, 5)
    page.mouse.click(*point_on_screen(page, row))
    expect(row_of(page, f"r{row}")).to_have_class(re.compile("flash"))
    assert keys(page).count(f"r{row}") == 1


def test_a_click_in_a_filmstrip_goes_on_from_there_and_the_trail_leads_back(page: Page, site: Site) -> None:
    explore(page)
    page.evaluate("dxr.follow('r10')")
    page.wait_for_function(READY)
    chain = [10]
    for _ in range(2):
        second = row_of(page, f"r{chain[-1]}").locator(".rank-film .thumb").nth(1)
        chain.append(int(second.get_attribute("data-row") or -1))
        second.click()
        page.wait_for_function(READY)
    steps = page.locator(f"#{ids.TRAIL} .thumb")
    assert [int(one.get_attribute("data-row") or -1) for one in steps.all()] == chain
    assert selection(page)["focus"] == chain[2]
    steps.nth(1).click()
    assert selection(page)["focus"] == chain[1]
    expect(steps.nth(1)).to_have_attribute("aria-current", "step")
    page.evaluate("dxr.follow('r20')")  # from here another way: what lay beyond is left
    assert selection(page)["trail"] == [*chain[:2], 20]
    page.go_back()
    page.wait_for_function(
        "trail => JSON.stringify(dxr.selection().trail) === trail", arg=str(chain).replace(" ", "")
    )
    assert len(site[0]) > 20


def test_a_filmstrip_shows_exactly_the_ranks_under_the_brush_with_what_is_known_of_each(
    page: Page, site: Site
) -> None:
    collection = site[0]
    explore(page)
    page.evaluate("dxr.follow('r30'); dxr.setBrush({ first: 4, width: 7 })")
    page.wait_for_function(READY)
    found = api.ranking(collection, 30)
    part = slice(3, 10)
    expect_film(page, "r30", found.items[part])
    frames = row_of(page, "r30").locator(".rank-film .thumb")
    far = found.distances[part]
    shares = closer_than(far, collection.space().baseline)
    expect(frames.locator(".far")).to_have_text([words.distance(float(one)) for one in far])
    expect(frames.locator(".share")).to_have_text([words.percent(float(one)) for one in shares])
    expect(frames.locator(".label")).to_have_text([collection.label(int(one)) for one in found.items[part]])
    notes = [one.get_attribute("data-note") for one in frames.all()]
    assert notes == [
        f"Rank {rank} · distance {words.distance(float(one))} · {words.closer_than(float(share))}"
        for rank, one, share in zip(range(4, 11), far, shares, strict=True)
    ]
    assert page.evaluate("document.querySelector('.rank-film img').naturalWidth") > 0


def test_relevant_images_are_marked_and_counted(page: Page, site: Site) -> None:
    collection = site[0]
    explore(page)
    cars = collection.query_sets["cars"].rows
    page.evaluate("row => dxr.follow(`r${row}`)", cars[0])
    page.evaluate("dxr.setBrush({ first: 1, width: 20 })")
    page.wait_for_function(READY)
    found = api.ranking(collection, cars[0]).items[:20]
    alike = [collection.label(int(row)) == collection.label(cars[0]) for row in found]
    frames = row_of(page, f"r{cars[0]}").locator(".rank-film .thumb")
    assert page.locator(f".rank-row[data-key='r{cars[0]}'] .same-label").count() == sum(alike)
    expect(row_of(page, f"r{cars[0]}").locator(".precision")).to_contain_text(
        f"{sum(alike)} of 20 with this label"
    )
    page.evaluate("dxr.change({ active: 'cars', shown: ['cars'] })")
    hits = [int(row) in cars for row in found]
    expect(row_of(page, f"r{cars[0]}").locator(".rank-film .hit")).to_have_count(sum(hits))
    classes = [("hit" in (one.get_attribute("class") or "").split()) for one in frames.all()]
    assert classes == hits
    members = collection.query_sets["faces-in-things"].rows
    ranked = api.ranking(collection, "faces-in-things").items[:20]
    n_hits = int(np.isin(ranked, members).sum())
    expect(row_of(page, "s.faces-in-things").locator(".rank-film .hit")).to_have_count(n_hits)
    expect(row_of(page, "s.faces-in-things").locator(".precision")).to_contain_text(
        f"{n_hits} of 20 in the set"
    )


def test_dragging_the_brush_moves_every_filmstrip_before_it_is_let_go(
    page: Page, site: Site, watch: Watch
) -> None:
    explore(page)
    page.evaluate("dxr.setBrush({ first: 1, width: 5 })")
    before = len(watch.callbacks)
    drag_rank(page, 60, 100, drop=False)
    first = page.evaluate("dxr.brush().first")
    assert 96 <= first <= 100
    assert selection(page)["first"] == 1
    for key, asked in (
        ("s.faces-in-things", "faces-in-things"),
        ("s.things-without-faces", "things-without-faces"),
    ):
        expect_film(page, key, api.ranking(site[0], asked).items[first - 1 : first + 4])
    assert len(watch.callbacks) == before
    page.mouse.up()
    assert selection(page)["first"] == first
    page.wait_for_function(
        "first => new URLSearchParams(location.search).get('first') === first", arg=str(first)
    )
    expect(page.locator(f"#{ids.BRUSH_FIRST}")).to_have_value(str(first))


def test_the_brush_is_clamped_to_whole_ranks(page: Page, site: Site) -> None:
    explore(page)
    n_ranked = len(site[0]) - 1
    drag_rank(page, 20, n_ranked * 1.1)  # beyond the last rank, within the window
    assert selection(page)["first"] == n_ranked - 9
    drag_rank(page, n_ranked - 4, 0.5)
    assert selection(page)["first"] == 1
    page.evaluate("dxr.setBrush({ first: 7.4, width: 3.6 })")
    assert (selection(page)["first"], selection(page)["width"]) == (7, 4)
    page.evaluate("dxr.setBrush({ width: 1000 })")
    assert selection(page)["width"] == 50


def test_an_edge_of_the_brush_changes_its_width(page: Page) -> None:
    explore(page)
    page.evaluate("dxr.setBrush({ first: 10, width: 20 })")
    page.wait_for_function("document.querySelector('.brush-handle').getAttribute('aria-valuenow') === '10'")
    drag_rank(page, 29.5, 40)
    assert (selection(page)["first"], selection(page)["width"]) == (10, 31)
    drag_rank(page, 9.5, 20)
    assert (selection(page)["first"], selection(page)["width"]) == (20, 21)


def test_a_rows_own_curve_carries_the_same_brush(page: Page) -> None:
    explore(page)
    box = row_of(page, "s.things-without-faces").locator(".rank-curve").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 20)
    page.mouse.down()
    page.mouse.up()
    first = selection(page)["first"]
    last = page.evaluate("dxr.lastRank()")
    assert first == pytest.approx(last**0.8 - 4.5, abs=2)
    expect(page.locator(".brush-handle")).to_have_attribute("aria-valuetext", f"ranks {first} to {first + 9}")


def test_the_brush_obeys_the_keyboard(page: Page) -> None:
    explore(page)
    page.keyboard.press("]")
    page.keyboard.press("}")
    assert selection(page)["first"] == 12
    page.keyboard.press("[")
    assert selection(page)["first"] == 11
    page.locator(".brush-handle").focus()
    for key, expected in (
        ("ArrowRight", (12, 10)),
        ("Shift+ArrowRight", (22, 10)),
        ("ArrowLeft", (21, 10)),
        ("Shift+ArrowLeft", (11, 10)),
        ("ArrowUp", (11, 11)),
        ("ArrowDown", (11, 10)),
        ("PageDown", (21, 10)),
        ("Home", (1, 10)),
    ):
        page.keyboard.press(key)
        assert (selection(page)["first"], selection(page)["width"]) == expected, key
    page.keyboard.press("End")
    assert selection(page)["first"] == page.evaluate("dxr.lastRank()") - 9


def test_a_rank_can_be_typed(page: Page) -> None:
    explore(page)
    field = page.locator(f"#{ids.BRUSH_FIRST}")
    field.fill("33")
    field.press("Enter")
    assert selection(page)["first"] == 33
    page.locator(f"#{ids.BRUSH_WIDTH}").fill("4")
    page.locator(f"#{ids.BRUSH_WIDTH}").press("Enter")
    assert selection(page)["width"] == 4
    field.fill("nonsense")
    field.press("Enter")
    expect(field).to_have_value("33")
    field.fill("99999999")
    field.press("Enter")
    assert selection(page)["first"] == page.evaluate("dxr.lastRank()") - 3


def test_hovering_a_point_marks_it_on_every_curve_at_its_rank_without_asking_the_server(
    page: Page, site: Site, watch: Watch
) -> None:
    explore(page)
    page.evaluate("dxr.follow('r50')")
    page.wait_for_function(READY)
    row = lonely_row(page)
    before = len(watch.callbacks)
    hover_point(page, row)
    expect(page.locator(f"#{ids.RANKS_OVERLAY} .dots circle")).to_have_count(3)
    asked: dict[str, api.Asked] = {
        "s.faces-in-things": "faces-in-things",
        "s.things-without-faces": "things-without-faces",
        "r50": 50,
    }
    for place, key in enumerate(keys(page)):
        rank = int(np.flatnonzero(api.ranking(site[0], asked[key]).items == row)[0]) + 1
        x, _ = page.evaluate(RANK_ON_SCREEN, rank)
        dot = page.locator(f"#{ids.RANKS_OVERLAY} .dots circle").nth(place).bounding_box()
        assert dot is not None
        assert dot["x"] + dot["width"] / 2 == pytest.approx(x, abs=1.5)
        line = page.locator(f"#{ids.CARD} tr").nth(place)
        expect(line.locator("td").nth(1)).to_have_text(f"rank {rank}")
        own = row_of(page, key).locator("circle.dot")
        assert float(own.get_attribute("cx") or -1) > 0
    assert len(watch.callbacks) == before
    page.mouse.move(5, 5)
    expect(page.locator(f"#{ids.RANKS_OVERLAY} .dots circle")).to_have_count(0)


def test_hovering_a_frame_lights_it_up_everywhere(page: Page, site: Site) -> None:
    explore(page)
    frame = row_of(page, "s.faces-in-things").locator(".rank-film .thumb").nth(2)
    frame.hover()
    row = int(frame.get_attribute("data-row") or -1)
    expect(page.locator("#map-overlay .hover").last).to_be_attached()
    expect(page.locator(f"#{ids.RANKS_OVERLAY} .dots circle")).to_have_count(2)
    lit = page.locator(".thumb.lit")
    assert {one.get_attribute("data-row") for one in lit.all()} == {str(row)}
    expect(page.locator(f"#{ids.CARD} .name")).to_have_text(words.short(site[0].path(row), 200))


def test_a_curve_under_the_pointer_shows_the_image_at_that_rank(page: Page, site: Site) -> None:
    explore(page)
    page.evaluate("dxr.follow('r50')")
    page.wait_for_function(READY)
    row_of(page, "r50").scroll_into_view_if_needed()
    box = row_of(page, "r50").locator(".rank-curve").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 10)
    page.mouse.move(box["x"] + box["width"] / 2 + 1, box["y"] + 10)
    expect(page.locator(f"#{ids.CARD} .note")).to_contain_text("Rank ")
    note = page.locator(f"#{ids.CARD} .note").inner_text()
    found = re.match(r"Rank (\d+)", note)
    assert found
    rank = int(found[1])
    assert rank == pytest.approx(page.evaluate("dxr.lastRank()") ** 0.5, abs=1)
    row = int(api.ranking(site[0], 50).items[rank - 1])
    expect(page.locator(f"#{ids.CARD} .name")).to_have_text(words.short(site[0].path(row), 200))
    page.mouse.move(5, 5)
    expect(page.locator(f"#{ids.CARD}")).to_be_hidden()


def test_the_histogram_under_the_pointer_shows_the_image_at_that_distance(page: Page, site: Site) -> None:
    box = page.locator(f"#{ids.DISTANCES_STAGE}").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] * 0.6, box["y"] + 40
    page.mouse.move(x, y)
    page.wait_for_function("dxr.ranking('s.faces-in-things').n")
    page.mouse.move(x + 1, y)
    expect(page.locator(f"#{ids.CARD}")).to_be_visible()
    at = page.evaluate(
        """x => { const plot = document.querySelector("#distances .js-plotly-plot"), axis = plot._fullLayout.xaxis;
        return axis.p2l(x - plot.getBoundingClientRect().left - axis._offset); }""",
        x + 1,
    )
    far = api.nearest_members(site[0], "faces-in-things").distances
    row = page.evaluate("dxr.underPointer().row")
    assert abs(far[row] - at) == pytest.approx(np.abs(far - at).min(), abs=1e-6)
    expect(page.locator("#map-overlay .hover").last).to_be_attached()


def test_a_row_is_removed_and_comes_back_with_undo(page: Page) -> None:
    explore(page)
    row_of(page, "s.faces-in-things").get_by_label("Remove faces in things").click()
    page.wait_for_function(READY)
    assert keys(page) == ["s.things-without-faces"]
    page.locator(".toast").get_by_role("button", name="Undo").click()
    page.wait_for_function(READY)
    assert keys(page) == ["s.faces-in-things", "s.things-without-faces"]


def test_undo_brings_back_its_own_row_and_leaves_what_has_come_since(page: Page) -> None:
    explore(page)
    for row in (3, 9):
        page.evaluate("row => dxr.follow(`r${row}`)", row)
    page.evaluate(
        "for (const key of ['s.faces-in-things', 'r3']) dxr.removeQueries((one) => one.key === key)"
    )
    page.evaluate("dxr.follow('r20')")
    undo = page.locator(".toast").get_by_role("button", name="Undo")
    undo.first.click()
    undo.first.click()
    page.wait_for_function(READY)
    assert keys(page) == ["s.faces-in-things", "s.things-without-faces", "r3", "r9", "r20"]


def test_rows_are_pinned_moved_and_named(page: Page) -> None:
    explore(page)
    page.evaluate("dxr.follow('r3')")
    page.wait_for_function(READY)
    row_of(page, "s.things-without-faces").get_by_label("Move things without faces up").click()
    page.wait_for_function("dxr.selection().queries[0].key === 's.things-without-faces'")
    page.wait_for_function(READY)
    row_of(page, "r3").locator("[data-do=pin]").click()
    page.wait_for_function("dxr.selection().queries[0].key === 'r3'")
    expect(page.locator(f"#{ids.ROWS} > .rank-row").first).to_have_attribute("data-key", "r3")
    page.wait_for_function(READY)
    row_of(page, "r3").locator("[data-do=name-query]").click()
    page.locator(f"#{ids.NAME_FIELD}").fill("the first, <b>bold</b> one!")
    page.keyboard.press("Enter")
    expect(row_of(page, "r3").locator(".rank-text .name")).to_have_text("the first, <b>bold</b> one!")
    page.wait_for_function(READY)
    page.get_by_role("button", name="Clear").click()
    page.wait_for_function(READY)
    assert keys(page) == ["r3"]


def test_the_address_brings_rows_brush_and_trail_back(page: Page, open_page: OpenPage) -> None:
    explore(page)
    page.evaluate("dxr.follow('r3'); dxr.follow('r9'); dxr.pin('r9'); dxr.nameQuery('r9', 'a, b')")
    page.evaluate(
        "dxr.setBrush({ first: 12, width: 6 }); dxr.change({ scale: 'linear', metric: 'euclidean' })"
    )
    page.wait_for_function(READY)
    other = open_page(page.url.partition("/?")[2] and "?" + page.url.partition("/?")[2])
    other.wait_for_function(READY)
    kept = ("queries", "trail", "first", "width", "scale", "metric", "focus", "page")
    assert [selection(other)[key] for key in kept] == [selection(page)[key] for key in kept]
    expect(row_of(other, "r9").locator(".rank-text .name")).to_have_text("a, b")
    axis = other.evaluate(f"document.querySelector('#{ids.RANKS} .js-plotly-plot')._fullLayout.xaxis.type")
    assert axis == "linear"


def test_another_metric_ranks_anew(page: Page, site: Site) -> None:
    explore(page)
    page.evaluate("dxr.follow('r30')")
    page.wait_for_function(READY)
    page.select_option(f"#{ids.METRIC}", "euclidean")
    expect_film(page, "r30", api.ranking(site[0], 30, metric="euclidean").items[:10])
    far = api.ranking(site[0], 30, metric="euclidean").distances[:10]
    captions = row_of(page, "r30").locator(".rank-film .far")
    expect(captions).to_have_text(
        [words.distance(float(one)) for one in far]
    )  # of images that kept their rank, too
    title = f"document.querySelector('#{ids.RANKS} .js-plotly-plot')._fullLayout.yaxis.title.text"
    page.wait_for_function(f"{title} === 'euclidean distance'")


def test_rows_become_a_query_set(own_page: Page, own_site: Site) -> None:
    page, collection = own_page, own_site[0]
    explore(page)
    for row in (5, 40, 77):
        page.evaluate("row => dxr.follow(`r${row}`)", row)
    page.wait_for_function(READY)
    page.get_by_role("button", name="Make a set…").click()
    expect(page.locator(f"#{ids.NAME_FACTS}")).to_have_text("3 rows become one query set.")
    page.locator(f"#{ids.NAME_FIELD}").fill("my three")
    page.keyboard.press("Enter")
    page.wait_for_function("dxr.selection().active === 'my-three'")
    page.wait_for_function(READY)
    assert collection.query_sets["my-three"].rows == (5, 40, 77)
    assert keys(page) == ["s.faces-in-things", "s.things-without-faces", "s.my-three"]
    page.locator(".toast").filter(has_text="my three").get_by_role("button", name="Undo").click()
    page.wait_for_function("!dxr.selection().queries.some(({ key }) => key === 's.my-three')")
    page.wait_for_function(READY)
    assert keys(page) == ["s.faces-in-things", "s.things-without-faces", "r5", "r40", "r77"]
    assert "my-three" not in collection.query_sets


def test_the_row_of_an_image_that_was_just_clicked_is_seen_with_its_filmstrip(page: Page) -> None:
    explore(page)
    for row in range(0, 60, 10):
        page.evaluate("row => dxr.follow(`r${row}`)", row)
    page.wait_for_function(READY)
    page.wait_for_function(
        """() => { const row = document.querySelector(".rank-row[data-key=r50]").getBoundingClientRect();
        const box = document.querySelector("#rows").getBoundingClientRect();
        return row.top >= box.top && row.bottom <= box.bottom + 1; }"""
    )


def outside_files() -> list[tuple[str, bytes]]:
    files = []
    for seed in range(6):
        buffer = io.BytesIO()
        draw("car", face=True, seed=5_000 + seed, size_px=96).save(buffer, "PNG")
        files.append((f"outside {seed}.png", buffer.getvalue()))
    return files


def add_outside(collection: Collection) -> str:
    one, _ = api.add_query_set(collection, "from outside", images=outside_files())
    return one.id


def test_an_image_from_outside_can_be_asked_with(own_site: Site, open_page: OpenPage) -> None:
    collection = own_site[0]
    key = add_outside(collection)
    page = open_page("?page=explore&queries=", url=own_site[1])
    page.get_by_title("Add the curve of from outside").click()
    page.wait_for_function(READY)
    ranked = api.ranking(collection, key).items
    assert sorted(ranked[ranked < 0]) == [-6, -5, -4, -3, -2, -1]
    expect_film(page, f"s.{key}", ranked[:10])
    row_of(page, f"s.{key}").locator(".rank-sheet .thumb").first.click()
    page.wait_for_function(READY)
    assert keys(page) == [f"s.{key}", f"o.{key}.0"]
    found = api.ranking(collection, (key, 0)).items
    assert -1 not in found
    expect_film(page, f"o.{key}.0", found[:10])
    hits = row_of(page, f"o.{key}.0").locator(".rank-film .hit")
    expect(hits).to_have_count(int((found[:10] < 0).sum()))


def test_a_set_takes_its_own_colour_from_an_image_that_has_it(page: Page, site: Site) -> None:
    page.evaluate("dxr.change({ page: 'explore', queries: [] })")
    slot = site[0].query_sets["cars"].colour
    page.evaluate("slot => dxr.change({ queries: [{ key: 'r1', slot, pinned: false, name: '' }] })", slot)
    page.wait_for_function(READY)
    page.get_by_title("Add the curve of cars").click()
    page.wait_for_function(READY)
    slots = {one["key"]: one["slot"] for one in selection(page)["queries"]}
    assert slots["s.cars"] == slot
    assert slots["r1"] != slot


@pytest.mark.parametrize("look", ["light", "dark"])
def test_colours_of_rows_are_those_of_their_curves(open_page: OpenPage, look: str) -> None:
    page = open_page("?page=explore", color_scheme=look)
    page.wait_for_function(READY)
    for row in range(8):
        page.evaluate("row => dxr.follow(`r${row}`)", row)
    page.wait_for_function(READY)
    drawn = page.evaluate(
        f"""[...document.querySelector("#{ids.RANKS} .js-plotly-plot")._fullData].filter((t) => t.meta.key)
        .map((t) => [t.meta.key, t.line.color + t.line.dash])"""
    )
    assert len({style for _, style in drawn}) == 10
    wait_until_drawn(page)


def test_another_feature_space_ranks_and_draws_anew(built: Path, folder: Path, open_page: OpenPage) -> None:
    images = built.parent / "images"
    table = images.with_suffix(".csv")
    api.build(images, folder, network=settings.BUNDLED_NETWORK, layer="fc6", labels=table, name="two spaces")
    with running(folder) as (collection, url):
        assert set(collection.spaces) == {"thingsnet.fc7", "thingsnet.fc6"}
        page = open_page("?page=explore&space=thingsnet.fc7&queries=r30", url=url)
        page.wait_for_function(READY)
        expect_film(page, "r30", api.ranking(collection, 30, space="thingsnet.fc7").items[:10])
        page.select_option(f"#{ids.SPACE}", "thingsnet.fc6")
        expect_film(page, "r30", api.ranking(collection, 30, space="thingsnet.fc6").items[:10])
        x = collection.space("thingsnet.fc6").coordinates[:, 0]
        page.wait_for_function(
            "x => Math.abs(document.querySelector('#map .js-plotly-plot')._fullData[0].x[0] - x) < 1e-4",
            arg=float(x[0]),
        )
        assert page.evaluate(
            "dxr.coordinates().ready.then(() => dxr.coordinates().values[0])"
        ) == pytest.approx(x[0])
        page.go_back()
        page.wait_for_function("dxr.selection().space === 'thingsnet.fc7'")
