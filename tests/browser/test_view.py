from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from dxr_dash.browser import ids
from tests.browser.conftest import HOSTILE_LABEL, HOSTILE_NAMES, OpenPage, Site, Watch, running, visitor
from tests.browser.steps import PLOT, draw_lasso, lonely_row, point_on_screen, selection, wait_until_drawn
from tests.builders import build, write_pictures


def test_the_address_alone_gives_the_same_view_in_another_browser(page: Page, open_page: OpenPage) -> None:
    page.locator(f"#{ids.SETS} .choose", has_text="cars").click()
    expect(page.locator(f"#{ids.ANSWER} .question strong")).to_have_text("cars")
    page.select_option(f"#{ids.COLOUR_BY}", "cluster")
    expect(page.locator(f"#{ids.MAP_LEGEND} .entry img").first).to_be_visible()
    wait_until_drawn(page)
    page.mouse.click(*point_on_screen(page, lonely_row(page)))
    page.wait_for_function("dxr.selection().focus !== null")
    box = page.locator(f"#{ids.MAP_STAGE}").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.wheel(0, -300)
    page.wait_for_function("dxr.selection().view !== null")
    draw_lasso(page, radius_px=150)
    page.keyboard.press("t")
    wait_until_drawn(page)
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    there = open_page("?" + urlsplit(page.url).query)
    ours, theirs = selection(page), selection(there)
    for state in (ours, theirs):
        for key in ("opened", "edition"):
            del state[key]
    assert theirs["view"] == pytest.approx(ours.pop("view"), rel=1e-3)
    del theirs["view"]
    assert theirs == ours
    ranges = f"document.querySelector('{PLOT}')._fullLayout"
    ranges = f"[...{ranges}.xaxis.range, ...{ranges}.yaxis.range]"
    there.wait_for_function(
        f"wanted => {ranges}.every((end, i) => Math.abs(end - wanted[i]) < 0.01)", arg=page.evaluate(ranges)
    )
    expect(there.locator(f"#{ids.NEIGHBOURS} .focus-card")).to_be_visible()
    expect(there.locator(".selected-count")).to_have_text(page.locator(".selected-count").inner_text())
    expect(there.locator(f"#{ids.COLOUR_BY}")).to_have_value("cluster")


@pytest.mark.parametrize(
    "search",
    [
        "?focus=999999",
        "?focus=one",
        "?sets=no-such-set",
        "?active=../../etc",
        "?colour=column:nothing",
        "?lasso=1,2,3",
        "?lasso=1,2,nan,4,5,6",
        "?view=1,1,0,1",
        "?theme=<script>",
        "?pick=cluster",
        "?space=other",
    ],
)
def test_a_broken_address_shows_a_message_and_what_it_can(page: Page, search: str) -> None:
    page.evaluate("search => dxr.command({ do: 'open', search })", search)
    expect(page.locator(f"#{ids.STATUS}")).to_contain_text("Everything else it says is shown")
    expect(page.locator(f"#{ids.ANSWER} .question strong")).to_have_text("faces in things")
    assert selection(page)["focus"] is None


def test_a_broken_address_can_be_opened(open_page: OpenPage) -> None:
    page = open_page("?focus=999999&view=x&sets=%00&theme=dark")
    expect(page.locator(f"#{ids.STATUS}")).to_contain_text("Everything else it says is shown")
    expect(page.locator(f"#{ids.ANSWER} .question strong")).to_have_text("faces in things")


def test_a_page_older_than_the_collection_is_told_to_reload(page: Page) -> None:
    page.evaluate("dxr.change({fingerprint: '0'.repeat(64), focus: 1})")
    expect(page.locator(f"#{ids.STATUS}")).to_contain_text("Reload the page")
    with page.expect_navigation():
        page.locator(f"#{ids.STATUS} .button").click()
    wait_until_drawn(page)
    expect(page.locator(f"#{ids.STATUS}")).to_be_empty()


def test_light_or_dark_follows_the_system_until_the_reader_chooses(open_page: OpenPage) -> None:
    page = open_page(color_scheme="dark")
    root = page.locator("html")
    expect(root).to_have_attribute("data-theme", "dark")
    ink = f"document.querySelector('#{ids.DISTANCES} .js-plotly-plot')._fullLayout.font.color"
    page.wait_for_function(f"{ink} === '#e8eaee'")
    page.locator(".header [data-do=theme]").click()
    expect(root).to_have_attribute("data-theme", "light")
    page.wait_for_function(f"{ink} === '#1b1f27'")
    assert "theme=light" in page.url


def test_the_keyboard_walks_focuses_and_closes(page: Page) -> None:
    page.keyboard.press("j")
    thumbs = page.locator(f"#{ids.NEIGHBOURS} .grid .thumb")
    expect(thumbs.nth(0)).to_be_focused()
    expect(page.locator(f"#{ids.CARD}")).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("ArrowRight")
    expect(thumbs.nth(2)).to_be_focused()
    page.keyboard.press("k")
    expect(thumbs.nth(1)).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    expect(thumbs.nth(1)).to_be_focused()
    row = thumbs.nth(1).get_attribute("data-row")
    page.keyboard.press("Enter")
    expect(page.locator(f"#{ids.NEIGHBOURS} .focus-card .thumb")).to_have_attribute("data-row", row or "")
    page.keyboard.press("Escape")
    expect(page.locator(f"#{ids.NEIGHBOURS} .focus-card")).to_have_count(0)
    page.keyboard.press("?")
    expect(page.locator(f"#{ids.HELP_DIALOG}")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(f"#{ids.HELP_DIALOG}")).to_be_hidden()
    for key, tool in (("l", "lasso"), ("b", "box"), ("p", "pan")):
        page.keyboard.press(key)
        expect(page.locator(f"#{ids.MAP_STAGE}")).to_have_attribute("data-tool", tool)


def test_an_image_is_found_by_its_name(page: Page, site: Site) -> None:
    page.keyboard.press("/")
    expect(page.locator(f"#{ids.FIND_TEXT}")).to_be_focused()
    page.keyboard.type("PADLOCK 03")
    hit = page.locator(f"#{ids.FOUND} .thumb")
    expect(hit).to_have_count(1)
    row = int(hit.get_attribute("data-row") or -1)
    assert "padlock 03" in site[0].path(row)
    page.keyboard.press("Enter")
    expect(page.locator(f"#{ids.NEIGHBOURS} .focus-card .thumb")).to_have_attribute("data-row", str(row))
    expect(page.locator(f"#{ids.FOUND}")).to_be_empty()


@pytest.mark.parametrize("width", [390, 1280, 2560])
def test_the_graph_recall_is_shown_at_every_width(open_page: OpenPage, width: int) -> None:
    page = open_page(width=width, height=900)
    expect(page.locator(".header .fact", has_text="graph recall 100")).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("width", [390, 1280, 2560])
def test_nothing_is_wider_than_the_screen(open_page: OpenPage, width: int) -> None:
    page = open_page("?colour=column:label&focus=2", width=width, height=900)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    over = """() => [...document.querySelectorAll(".panel, .panel-head, .body, .set-line, .header > *")]
        .filter(e => e.offsetParent && e.scrollWidth > e.clientWidth + 1).map(e => e.className)"""
    assert page.evaluate(over) == []
    stage = page.locator(f"#{ids.MAP_STAGE}").bounding_box()
    assert stage is not None
    assert stage["width"] > 300
    assert stage["height"] > 250


def test_hostile_names_and_labels_stay_text(open_page: OpenPage, own_site: Site) -> None:
    collection, url = own_site
    rows = {collection.path(row): row for row in range(len(collection))}
    assert set(HOSTILE_NAMES) <= set(rows)
    page = open_page("?colour=column:label", url=url)
    legend = page.locator(f"#{ids.MAP_LEGEND}")
    expect(legend).to_contain_text("<b>bold</b>")
    for name in HOSTILE_NAMES:
        row = rows[name]
        page.evaluate("row => dxr.change({focus: row})", row)
        expect(page.locator(f"#{ids.NEIGHBOURS} .focus-card .name")).to_have_text(
            name.strip(), use_inner_text=False
        )
        page.locator(f"#{ids.NEIGHBOURS} .focus-card .thumb").hover()
        expect(page.locator(f"#{ids.CARD} .name")).to_have_text(name)
        expect(page.locator(f"#{ids.CARD} .label")).to_have_text(HOSTILE_LABEL)
    names = [
        "<b>x</b><script>alert(9)</script>",
        "<a href='javascript:alert(8)'>",
        "%{x} &lt;i&gt; $\\alpha$",
        "\u202ereversed",
    ]
    for name in names:
        command = {"do": "rename", "set": "faces-in-things", "name": name}
        page.evaluate("command => dxr.command(command)", command)
        shown = " ".join("".join(c if c.isprintable() else " " for c in name).split())
        expect(page.locator(f"#{ids.SETS} .set.active .name")).to_have_text(shown)
        expect(page.locator(f"#{ids.ANSWER} .question strong")).to_have_text(shown)
        ticks = (
            f"[...document.querySelectorAll('#{ids.DISTANCES} .ytick text, #{ids.DISTANCES} .y2tick text')]"
        )
        page.wait_for_function(
            f"start => {ticks}.some(t => t.textContent.includes(start))", arg=shown[:10].rstrip()
        )
        assert page.evaluate(f"{ticks}.every(t => !t.querySelector('a, [style*=bold]'))")
    assert page.locator("script", has_text="alert").count() == 0
    assert page.locator("img[src='x']").count() == 0


def test_no_request_leaves_the_machine(page: Page, watch: Watch) -> None:
    draw_lasso(page)
    page.keyboard.press("?")
    assert len(watch.requests) > 20
    hosts = {urlsplit(url).hostname for url in watch.requests if not url.startswith(("data:", "blob:"))}
    assert hosts == {"127.0.0.1"}


def test_what_panels_ask_for_is_small(page: Page, watch: Watch) -> None:
    draw_lasso(page)
    expect(page.locator(".selected-count")).to_be_visible()
    assert max(map(len, watch.callbacks)) < 10_000, json.dumps([len(body) for body in watch.callbacks])


def test_an_error_inside_dxr_is_told_without_its_traceback(
    page: Page, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from dxr_dash.browser import respond

    def broken(*_: object) -> None:
        raise ZeroDivisionError("the reason")

    monkeypatch.setattr(respond, "neighbours_of", broken)
    page.evaluate("dxr.change({focus: 5})")
    expect(page.locator(f"#{ids.STATUS}")).to_contain_text("Something went wrong inside dxr")
    assert "the reason" not in page.inner_text("body")
    assert "the reason" in caplog.text


def test_a_server_that_has_gone_is_told(chromium: Browser, site: Site) -> None:
    with visitor(chromium, site[1], Watch()) as page:
        page.route("**/_dash-update-component*", lambda route: route.abort())
        page.evaluate("dxr.change({ focus: 4 })")
        expect(page.locator(f"#{ids.STATUS}")).to_contain_text("dxr does not answer")


@pytest.mark.parametrize("n_images", [1, 3])
def test_a_tiny_collection_without_labels_and_sets_has_a_page(
    open_page: OpenPage, tmp_path: Path, n_images: int
) -> None:
    write_pictures(tmp_path / "images", n_images)
    build(tmp_path / "images", tmp_path / "tiny.dxr")
    with running(tmp_path / "tiny.dxr") as (_, url):
        page = open_page("?focus=0", url=url)
        expect(page.locator(f"#{ids.NEIGHBOURS} .focus-card")).to_be_visible()
        expect(page.locator(f"#{ids.NEIGHBOURS} .grid .thumb")).to_have_count(n_images - 1)
        expect(page.locator(f"#{ids.ANSWER}")).to_contain_text("Draw a lasso")
        page.locator(f"#{ids.MAP_LEGEND} .entry").first.click()
        expect(page.locator(".selected-count")).to_be_visible()
        page.fill(f"#{ids.SAVE_NAME}", "all of them")
        page.keyboard.press("Enter")
        expect(page.locator(f"#{ids.SETS} .set.active .name")).to_have_text("all of them")
        wait_until_drawn(page)
