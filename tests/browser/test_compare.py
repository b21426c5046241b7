"""The page "Compare": sets side by side, one lit up everywhere, and what a control set explains."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from dxr_dash import api
from dxr_dash.analysis import compared
from dxr_dash.browser import compare_page, explained_panel, ids
from dxr_dash.browser.state import Selection
from dxr_dash.browser.trees import tree
from dxr_dash.collection.store import Collection
from tests.browser.conftest import OpenPage, Site, Watch, running, visitor
from tests.browser.steps import selection, wait_until_drawn
from tests.builders import build, write_pictures

ROWS = f"#{ids.COMPARED} .compare-table tbody tr"
SAID = f"#{ids.COMPARED} .said li"
READOUT = f"#{ids.COMPARED_OVERLAY} .readout"
FACES, THINGS, CARS = "faces-in-things", "things-without-faces", "cars"
ALL = f"?page=compare&sets={FACES},{THINGS},{CARS}"

ON_CURVE = """([line, within, share]) => {
    // the place on the screen of a point of a curve of shares, where it has a share of its group below it
    const plot = document.querySelector("#compared-distances .js-plotly-plot");
    const box = plot.getBoundingClientRect(), {xaxis, yaxis} = plot._fullLayout;
    const curve = plot._fullData.find(({meta}) => meta?.line === line && meta.within === within);
    const at = [...curve.y].findIndex((y) => y >= share);
    return [box.left + xaxis._offset + xaxis.l2p(curve.x[at]), box.top + yaxis._offset + yaxis.l2p(curve.y[at]),
        curve.x[at]];
}"""
DIMMED = """(id) => new Set([...document.querySelectorAll(`#${id} .scatterlayer .trace.dim`)]
    .map((one) => /traceline-(\\d+)-/.exec(one.getAttribute("class"))[1])).size"""


@pytest.fixture
def comparing(page: Page) -> Page:
    """The page Compare with three sets."""
    page.evaluate(f"dxr.change({{page: 'compare', shown: ['{FACES}', '{THINGS}', '{CARS}']}})")
    expect(page.locator(ROWS)).to_have_count(3)
    page.wait_for_function(
        "document.querySelector('#compared-distances .js-plotly-plot')?._fullData?.length > 20"
        " && document.querySelector('#compared-ranks .js-plotly-plot')?._fullData?.length >= 6"
    )
    wait_until_drawn(page)
    return page


def test_the_table_says_what_the_notebook_says(comparing: Page, site: Site) -> None:
    found = api.compare(site[0], [FACES, THINGS, CARS])
    for place, one in enumerate(found.lines):
        row = comparing.locator(ROWS).nth(place)
        expect(row.locator(".name")).to_have_text(one.name)
        expect(row.locator("td").nth(0)).to_have_text(str(one.n_images))
        expect(row.locator(".verdict-word")).to_have_text(str(one.verdict))
        expect(row.locator("td").nth(2).locator("strong")).to_have_text(f"{one.auroc.value:.2f}")
    sets = site[0].query_sets
    n_shared = len({*sets[CARS].rows} & {*sets[THINGS].rows})
    assert n_shared > 0
    expect(comparing.locator(ROWS).nth(2).locator(".difference")).to_have_attribute(
        "title", re.compile(rf"^AUROC \+.*; mAP .*; {n_shared} images in common$")
    )
    expect(comparing.locator(f"{ROWS}.reference .name")).to_have_text("things without faces")
    expect(comparing.locator(SAID)).to_have_text([one.said for one in found.lines if one.said])


def test_a_key_and_a_button_lead_there_and_back_leads_away(page: Page) -> None:
    page.keyboard.press("c")
    expect(page.locator(f"#{ids.COMPARED} .compare-table")).to_be_visible()
    expect(page.locator(f"#{ids.MAP}")).to_be_hidden()
    assert "page=compare" in page.url
    page.locator("[data-do=page][data-page=answer]").click()
    expect(page.locator(f"#{ids.MAP}")).to_be_visible()
    expect(page.locator(".compared-panel")).to_be_hidden()
    wait_until_drawn(page)
    page.go_back()
    expect(page.locator(".compared-panel")).to_be_visible()


def test_any_set_can_be_the_reference_and_the_address_holds_it(
    comparing: Page, site: Site, open_page: OpenPage
) -> None:
    comparing.locator(f"{ROWS} .choose", has_text="cars").click()
    expect(comparing.locator(f"{ROWS}.reference .name")).to_have_text("cars")
    found = api.compare(site[0], [FACES, THINGS, CARS], reference=CARS)
    expect(comparing.locator(SAID)).to_have_text([one.said for one in found.lines if one.said])
    assert f"reference={CARS}@thingsnet.fc7" in comparing.url
    there = open_page("?" + comparing.url.partition("?")[2])
    expect(there.locator(f"{ROWS}.reference .name")).to_have_text("cars")
    comparing.go_back()
    expect(comparing.locator(f"{ROWS}.reference .name")).to_have_text("things without faces")


def test_a_set_lights_up_in_table_curves_and_violins_at_once(comparing: Page) -> None:
    page = comparing
    page.locator(ROWS).nth(2).locator("td").nth(1).hover()
    expect(page.locator(f"{ROWS}.dim")).to_have_count(2)
    expect(page.locator(f"{SAID}.dim")).to_have_count(1)
    for plot in (ids.COMPARED_DISTANCES, ids.COMPARED_RANKS):
        assert page.evaluate(DIMMED, plot) == 2
    x, y, _ = page.evaluate(ON_CURVE, [2, True, 0.5])
    page.mouse.move(x, y - 1)
    expect(page.locator(ROWS).nth(0)).to_have_class(re.compile("dim"))
    expect(page.locator(ROWS).nth(2)).not_to_have_class(re.compile("dim"))
    page.mouse.move(5, 5)
    expect(page.locator(".compare .dim")).to_have_count(0)


def test_the_line_under_the_pointer_reads_every_curve_at_one_distance(comparing: Page, site: Site) -> None:
    page = comparing
    x, y, at = page.evaluate(ON_CURVE, [0, True, 0.4])
    page.mouse.move(x, y + 3)
    expect(page.locator(READOUT)).to_be_visible()
    head = page.locator(f"{READOUT} .readout-head").inner_text()
    assert float(re.findall(r"at (\d\.\d+):", head)[0]) == pytest.approx(at, abs=0.002)
    base = site[0].space().baseline
    assert number(head.partition(":")[2]) == pytest.approx(100 * (base < at).mean(), abs=1.5)
    cells = page.locator(f"{READOUT} tr").nth(1).locator("td")
    measured = api.set_distances(site[0], FACES)
    pairs = measured.within[np.triu_indices(len(measured.items), 1)]
    assert number(cells.nth(0).inner_text()) == pytest.approx(100 * (pairs < at).mean(), abs=1.5)
    counts = np.concatenate([[0], np.cumsum(measured.to_gallery.sum(axis=0))])
    share = np.interp(at, measured.edges, counts) / counts[-1]
    assert number(cells.nth(1).inner_text()) == pytest.approx(100 * share, abs=1.5)
    inside = page.evaluate(
        """() => { const box = document.querySelector("#compared-overlay .readout").getBoundingClientRect();
        const stage = document.querySelector("#compared-stage").getBoundingClientRect();
        return box.left >= stage.left - 1 && box.right <= stage.right + 1; }"""
    )
    assert inside


def test_the_reading_line_moves_by_keys_and_goes(comparing: Page) -> None:
    page = comparing
    page.mouse.move(5, 5)
    page.locator(f"#{ids.COMPARED_STAGE}").focus()
    page.keyboard.press("ArrowRight")
    first = page.locator(f"{READOUT} .readout-head").inner_text()
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator(f"{READOUT} .readout-head")).not_to_have_text(first)
    page.keyboard.press("Escape")
    expect(page.locator(READOUT)).to_have_count(0)
    assert selection(page)["page"] == "compare"


def test_quantiles_are_there_on_demand(comparing: Page, site: Site) -> None:
    table = comparing.locator(f"#{ids.COMPARED_FACTS} .quantiles")
    expect(table).to_be_hidden()
    comparing.locator(f"#{ids.COMPARED_FACTS} summary").click()
    expect(table.locator("tbody tr")).to_have_count(7)
    measured = api.set_distances(site[0], FACES)
    pairs = measured.within[np.triu_indices(len(measured.items), 1)]
    expect(table.locator("tbody tr").nth(1).locator("td").nth(2)).to_have_text(f"{np.median(pairs):.3f}")


def test_fewer_than_two_sets_say_how_to_show_another(page: Page) -> None:
    page.evaluate(f"dxr.change({{page: 'compare', shown: ['{CARS}']}})")
    note = page.locator(f"#{ids.COMPARED} .message")
    expect(note).to_contain_text("Show a second query set")
    expect(page.locator(ROWS)).to_have_count(1)
    note.locator("button", has_text="faces in things").click()
    expect(page.locator(ROWS)).to_have_count(2)
    expect(note).to_have_count(0)
    page.evaluate("dxr.change({shown: []})")
    expect(note).to_contain_text("Show two query sets")
    expect(page.locator(".compare-plots")).to_be_hidden()


def test_a_page_opened_here_draws_the_map_when_it_is_wanted(open_page: OpenPage) -> None:
    page = open_page(ALL)
    assert selection(page)["page"] == "compare"
    expect(page.locator(ROWS)).to_have_count(3)
    page.keyboard.press("a")
    wait_until_drawn(page)
    expect(page.locator(f"#{ids.MAP} .js-plotly-plot")).to_be_visible()


@pytest.mark.parametrize("look", ["light", "dark"])
def test_a_narrow_page_holds_all_of_it(open_page: OpenPage, look: str) -> None:
    page = open_page(ALL, width=390, height=844, color_scheme=look)
    for panel in (
        ".compared-panel",
        ".compared-distances-panel",
        ".compared-ranks-panel",
        ".explained-panel",
    ):
        page.locator(panel).scroll_into_view_if_needed()
        expect(page.locator(panel)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_answer_says_what_its_control_set_explains_with_the_picture(page: Page, site: Site) -> None:
    said = compared.explained(api.answer(site[0], FACES))
    panel = page.locator(".answer .explained")
    expect(panel.locator(".finding")).to_have_text(said)
    expect(panel.locator(".js-plotly-plot")).to_be_visible()
    expect(panel.locator(".annotation-text", has_text="AUROC")).to_have_count(2)
    page.locator(f"#{ids.SETS} .choose", has_text="cars").click()
    expect(panel).to_be_hidden()


def test_two_feature_spaces_stand_on_one_axis_of_percentiles(
    chromium: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("spaces")
    images = write_pictures(folder / "images", 40)
    build(images, folder / "two.dxr", labels="folder", layer="pool5")
    build(images, folder / "two.dxr", labels="folder")
    api.add_query_set(api.open_collection(folder / "two.dxr"), "some", rows=range(12))
    watch = Watch()
    with running(folder / "two.dxr") as (collection, url), visitor(chromium, url, watch) as page:
        page.keyboard.press("c")
        expect(page.locator(f"#{ids.COMPARED} .message")).to_contain_text("that makes another set")
        page.locator(f"#{ids.COMPARED} .message button", has_text="Compare its feature spaces").click()
        expect(page.locator(f"#{ids.EVERYWHERE}")).to_have_attribute("aria-pressed", "true")
        expect(page.locator(ROWS)).to_have_count(2)
        expect(page.locator(f"{ROWS} .names .hint")).to_have_text(["thingsnet.fc7", "thingsnet.pool5"])
        found = api.compare(collection, ["some"], spaces=["thingsnet.fc7", "thingsnet.pool5"])
        expect(page.locator(SAID)).to_have_text(found.lines[1].said)
        expect(page.locator(f"#{ids.COMPARED_FACTS}")).to_contain_text("no common unit")
        expect(page.locator(f"#{ids.COMPARED_DISTANCES} .xtitle")).to_contain_text("share of random pairs")
        assert "spaces=all" in page.url
        x, y, _ = page.evaluate(ON_CURVE, [1, True, 0.5])
        page.mouse.move(x, y)
        expect(page.locator(f"{READOUT} .readout-head")).to_contain_text("where")
        page.keyboard.press("a")
        wait_until_drawn(page)
    watch.calm()


def view(collection: Collection, **changes: object) -> Selection:
    usual = Selection.default(collection).dump()
    return Selection.parse({**usual, "page": "compare", **changes}, collection)


def test_a_reference_that_has_gone_gives_way_to_the_usual_one(own_site: Site) -> None:
    collection = own_site[0]
    assert view(collection, reference=["gone", "thingsnet.fc7"]).reference is None
    assert view(collection, reference=[FACES, "gone.fc7"]).reference is None
    chosen = view(collection, reference=[CARS, "thingsnet.fc7"])  # not shown: cannot be compared with
    assert "reference" in tree(compare_page.compared_of(collection, chosen))


def test_a_set_that_cannot_be_answered_for_says_why(own_site: Site) -> None:
    collection = own_site[0]
    api.set_control(collection, CARS, None)
    rows = collection.query_sets[CARS].rows
    wider, _ = api.add_query_set(collection, "part of it", rows=rows[:5])
    api.set_control(collection, CARS, wider.id)
    broken, _ = api.add_query_set(collection, "inside", rows=rows[:5])
    api.set_control(collection, broken.id, CARS)
    api.set_control(collection, wider.id, broken.id)
    asked = view(collection, shown=[wider.id, FACES], active=wider.id)
    shown = tree(compare_page.compared_of(collection, asked))
    assert "Choose another control set" in shown
    assert "faces in things" in shown  # what can be answered for keeps its line
    assert compare_page.places_of(collection, asked)[0] == [(FACES, "thingsnet.fc7")]
    assert explained_panel.explained_of(collection, asked)[0] == "[]"


def test_hostile_names_stay_text(own_site: Site) -> None:
    collection = own_site[0]
    name = "<img src=x onerror=alert(1)>"
    one, _ = api.add_query_set(collection, name, rows=range(10))
    api.set_control(collection, one.id, THINGS)
    asked = view(collection, shown=[one.id, FACES], active=one.id)
    assert json.dumps(name)[1:-1] in tree(compare_page.compared_of(collection, asked))
    figure, _, facts = compare_page.distances_of(collection, asked)
    assert "&lt;img" in figure.to_json().replace("\\u003c", "<").replace("\\u003e", ">").replace(
        "\\u0026", "&"
    )
    assert name in facts
    _, picture, _ = explained_panel.explained_of(collection, asked)
    assert all("<img" not in part.text for part in picture.layout.annotations)


def number(text: str) -> float:
    return float(re.findall(r"[\d.]+", text)[0])
