from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from dxr_dash import api
from dxr_dash.browser import ids
from dxr_dash.collection.store import Collection
from dxr_dash.collection.swatches import central_square
from dxr_dash.demo.world import draw
from dxr_dash.figures import theme as words
from tests.browser.conftest import OpenPage, Site, Watch
from tests.browser.steps import draw_lasso, hover_point, lonely_row, selection

DRAWN = "() => dxr.stripNow().lens && dxr.stripNow().line.n && !dxr.stripNow().moving"
HEIGHT_PX, TOP_PX = 70, 9

# Every law of the lens over many lines, as a list of what breaks it
LAWS = """() => {
    const broken = [];
    const height = 70;
    for (const n of [1, 2, 3, 7, 40, 850, 60000, 1000000])
    for (const panel of [180, 357, 620, 1800])
    for (const distortion of [0, 0.01, 0.5, 4, 7, 10])
    for (const share of [0, 1e-6, 0.03, 0.5, 0.77, 0.9999, 1]) {
        const width = Math.min(panel, n * height), at = share * n;
        const lens = dxr.lens({ width, n, at, height, distortion });
        const check = (what, holds) => holds || broken.push(`${what}: ${[n, width, distortion, share]}`);
        const near = (a, b) => Math.abs(a - b) < 1e-6;
        check("the ends stay", near(lens.place(0), 0) && near(lens.place(n), width));
        check("the focus stays under the pointer", near(lens.place(at), share * width));
        const steps = Math.min(n, 500), even = width / n;
        for (let i = 0; i < steps; i++) {
            const [from, to] = [n * i / steps, n * (i + 1) / steps];
            const [left, right] = [lens.place(from), lens.place(to)];
            check("positions rise", right > left);
            if (!distortion) check("no lens, no distortion", near(right - left, even * (to - from)));
            check("never wider than whole", lens.density(from) <= Math.max(height, even) * (1 + 1e-9));
            const back = lens.place(lens.image(left + (right - left) / 3));
            check("what stands at x stands at x", Math.abs(back - left - (right - left) / 3) < 1e-3);
        }
        for (const ratio of [1, 1.5, 2]) {
            const cuts = dxr.slivers(lens, ratio);
            check("slivers fill the line", cuts[0].left === 0 && cuts.at(-1).right === width);
            check("widths sum", near(cuts.reduce((sum, one) => sum + one.right - one.left, 0), width));
            for (let i = 0; i < cuts.length; i++) {
                const { image, left, right } = cuts[i];
                check("an image of the line", Number.isInteger(image) && image >= 0 && image < n);
                check("no gap", !i || (left === cuts[i - 1].right && image > cuts[i - 1].image));
                check("on whole pixels", near(left * ratio, Math.round(left * ratio)) || right === width);
                check("not wider than whole", right - left <= height + 1);
            }
            const x = share * width;
            if (distortion >= 4 && x >= 1 && x < width - 1) {
                const { image } = cuts.find(({ right }) => right > x);
                const [left, right] = [lens.place(image), lens.place(image + 1)];
                check("the focus is drawn under the pointer", left < x + 1 && right > x - 1);
            }
        }
    }
    return [...new Set(broken)].slice(0, 20);
}"""

CROPS = """() => {
    const broken = [];
    for (const picture of [[128, 128], [128, 40], [31, 128], [1, 128], [128, 1]])
    for (const width of [1, 5, 17.5, 40, 70]) {
        const [w, h] = picture, seen = dxr.cropped({ width: w, height: h }, { width, height: 70 });
        const squashed = Math.abs(width / seen.width - 70 / seen.height) > 1e-9;
        const outside = seen.left < -1e-9 || seen.top < -1e-9 || seen.left + seen.width > w + 1e-9
            || seen.top + seen.height > h + 1e-9;
        if (squashed || outside) broken.push([picture, width]);
    }
    return broken;
}"""

TILE = f"""(place) => {{
    const {{ lens }} = dxr.stripNow(), canvas = document.querySelector("#{ids.STRIP_STAGE} canvas");
    const [left, right] = [Math.ceil(lens.place(place)), Math.floor(lens.place(place + 1))];
    const pixels = canvas.getContext("2d").getImageData(left, {TOP_PX}, right - left, {HEIGHT_PX}).data;
    return {{ width: right - left, pixels: Array.from(pixels) }};
}}"""

CARET = f"""(place) => {{
    const {{ lens }} = dxr.stripNow(), canvas = document.querySelector("#{ids.STRIP_STAGE} canvas");
    const x = Math.floor((lens.place(place) + lens.place(place + 1)) / 2);
    const [red, green, blue, alpha] = canvas.getContext("2d").getImageData(x, 2, 1, 1).data;
    return alpha > 200 ? [red, green, blue] : null;
}}"""

ACCENT, INK = [11, 92, 173], [16, 20, 27]


def explore(page: Page, strip: str = "map") -> None:
    page.evaluate("strip => dxr.change({ page: 'explore', strip })", strip)
    page.wait_for_function(DRAWN)
    page.wait_for_function("strip => dxr.selection().strip === strip && dxr.stripNow().line.n", arg=strip)


def items(page: Page) -> list[int]:
    found: list[int] = page.evaluate(
        "() => { const { line } = dxr.stripNow(); return Array.from({ length: line.n }, (_, i) => line.item(i)); }"
    )
    return found


def stage(page: Page) -> dict[str, float]:
    page.locator(f"#{ids.STRIP_STAGE}").scroll_into_view_if_needed()
    box = page.locator(f"#{ids.STRIP_STAGE}").bounding_box()
    assert box is not None
    return {"x": box["x"], "y": box["y"]}


def point_at(page: Page, share: float, *, y: float = 40) -> float:
    """Move the pointer over the strip and wait for the lens; return its place in pixels of the strip."""
    box = stage(page)
    width = page.evaluate("dxr.stripNow().lens.width")
    x = float(round(share * width))
    page.mouse.move(box["x"] + x - 3, box["y"] + y)
    page.mouse.move(box["x"] + x, box["y"] + y)
    page.wait_for_function(DRAWN)
    return x


def focus_strip(page: Page) -> None:
    page.evaluate(
        f"document.querySelector('#{ids.STRIP_STAGE}').focus({{ focusVisible: true, preventScroll: true }})"
    )
    page.wait_for_function("dxr.stripNow().open && !dxr.stripNow().moving")


def test_the_lens_obeys_its_laws(page: Page) -> None:
    assert page.evaluate(LAWS) == []


def test_pictures_are_cropped_and_never_squashed(page: Page) -> None:
    assert page.evaluate(CROPS) == []


def test_all_images_stand_in_map_order(page: Page, site: Site) -> None:
    explore(page)
    assert items(page) == api.rows_in_map_order(site[0]).tolist()
    expect(page.locator(f"#{ids.STRIP_FACTS}")).to_have_text(f"{len(site[0])} images")
    page.evaluate("dxr.change({ page: 'answer' })")
    expect(page.locator(f"#{ids.STRIP_STAGE}")).to_be_hidden()


def test_tiles_in_the_lens_show_the_middle_of_their_images(page: Page, site: Site) -> None:
    explore(page)
    page.evaluate("dxr.change({ lens: 10 })")
    focus_strip(page)
    for _ in range(3):
        page.keyboard.press("Shift+ArrowRight")
    page.wait_for_function("() => dxr.stripNow().at === 30.5 && !dxr.stripNow().moving")
    shown = items(page)
    page.wait_for_function("rows => rows.every((row) => dxr.wholeOf(row))", arg=[shown[30], shown[33]])
    page.evaluate("dxr.leave()")  # the mark lies over the tile
    page.wait_for_function("dxr.underPointer() === null")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    for place, low, high in ((30, 55, HEIGHT_PX), (33, 20, 50)):
        found = page.evaluate(TILE, place)
        width = found["width"]
        assert low < width <= high
        pixels = np.array(found["pixels"], np.float64).reshape(HEIGHT_PX, width, 4)[..., :3]
        whole = np.asarray(central_square(site[0].thumbnail(shown[place]), HEIGHT_PX), np.float64)
        start = (HEIGHT_PX - width) // 2
        inner = np.s_[4:-4, 4:-4]
        assert np.abs(pixels - whole[:, start : start + width])[inner].mean() < 8
        squashed = np.asarray(Image.fromarray(whole.astype(np.uint8)).resize((width, HEIGHT_PX)), np.float64)
        if width < 50:
            assert np.abs(pixels - squashed)[inner].mean() > 12  # so a squashed one would be told apart


def test_hovering_shows_the_image_under_the_pointer_without_asking_for_an_answer(
    page: Page, site: Site, watch: Watch
) -> None:
    explore(page)
    before = len(watch.callbacks)
    x = point_at(page, 0.6)
    place = page.evaluate("x => Math.floor(dxr.stripNow().lens.image(x))", x)
    assert place == int(x / page.evaluate("dxr.stripNow().lens.width") * len(site[0]))
    row = items(page)[place]
    page.wait_for_function("row => dxr.underPointer()?.row === row", arg=row)
    card = page.locator(f"#{ids.CARD}")
    expect(card.locator(".name")).to_have_text(words.short(site[0].path(row), 200))
    expect(card.locator(".note")).to_have_text(f"{place + 1} of {len(site[0])} in map order")
    expect(page.locator("#map-overlay .hover").last).to_be_attached()
    assert page.evaluate(CARET, place) == ACCENT
    assert len(watch.callbacks) == before
    over, strip = card.bounding_box(), stage(page)
    assert over is not None
    assert over["y"] + over["height"] <= strip["y"]  # the lens stays in sight
    page.mouse.move(5, 5)
    expect(card).to_be_hidden()
    page.wait_for_function("!dxr.stripNow().open && !dxr.stripNow().moving")


def test_the_lens_follows_the_pointer_and_holds_still_below_the_slivers(page: Page, site: Site) -> None:
    explore(page)
    x = point_at(page, 0.5)
    focus = page.evaluate("dxr.stripNow().at")
    assert focus == pytest.approx(x / page.evaluate("dxr.stripNow().lens.width") * len(site[0]))
    box = stage(page)
    page.mouse.move(box["x"] + x, box["y"] + 88)
    page.mouse.move(box["x"] + x + 70, box["y"] + 88)
    place = page.evaluate("x => Math.floor(dxr.stripNow().lens.image(x))", x + 70)
    row = items(page)[place]
    page.wait_for_function("row => dxr.underPointer()?.row === row", arg=row)
    assert page.evaluate("dxr.stripNow().at") == focus
    assert 0 < place - int(focus) < 5


def test_clicking_a_sliver_follows_its_image(page: Page) -> None:
    explore(page)
    point_at(page, 0.4)
    page.wait_for_function("dxr.underPointer()")
    row = page.evaluate("dxr.underPointer().row")
    page.mouse.down()
    page.mouse.up()
    page.wait_for_function("row => dxr.selection().focus === row", arg=row)
    assert selection(page)["queries"][-1]["key"] == f"r{row}"
    assert selection(page)["strip"] == "map"


def test_what_is_hovered_or_looked_at_elsewhere_is_marked(page: Page) -> None:
    explore(page)
    row = lonely_row(page)
    place = items(page).index(row)
    hover_point(page, row)
    page.wait_for_function(
        f"([place, colour]) => String(({CARET})(place)) === colour", arg=[place, "11,92,173"]
    )
    page.mouse.move(5, 5)
    page.wait_for_function(f"place => !({CARET})(place)", arg=place)
    page.evaluate("row => dxr.change({ focus: row })", row)
    page.wait_for_function(
        f"([place, colour]) => String(({CARET})(place)) === colour", arg=[place, "16,20,27"]
    )


def test_members_of_the_active_set_are_ticked(page: Page, site: Site) -> None:
    explore(page)
    members = site[0].query_sets["faces-in-things"].rows
    page.wait_for_function("dxr.members('faces-in-things')")
    places = [items(page).index(row) for row in members]
    ticked = """places => {
        const { lens } = dxr.stripNow(), canvas = document.querySelector("#strip-stage canvas");
        return places.every((place) => canvas.getContext("2d").getImageData(
            Math.floor((lens.place(place) + lens.place(place + 1)) / 2), 83, 1, 1).data[3] > 60); }"""
    page.wait_for_function(ticked, arg=places)


def test_the_keyboard_walks_along_the_strip(page: Page, site: Site) -> None:
    explore(page)
    last = len(site[0])
    strip = page.locator(f"#{ids.STRIP_STAGE}")
    focus_strip(page)
    for key, expected in (
        ("Home", 1),
        ("ArrowRight", 2),
        ("Shift+ArrowRight", 12),
        ("ArrowLeft", 11),
        ("Shift+ArrowLeft", 1),
        ("ArrowLeft", 1),
        ("End", last),
        ("ArrowRight", last),
        ("PageUp", last - 10),
    ):
        page.keyboard.press(key)
        expect(strip).to_have_attribute("aria-valuenow", str(expected))
        place = page.evaluate("dxr.stripNow().at")
        assert place == expected - 0.5, key
    row = items(page)[last - 11]
    page.wait_for_function("row => dxr.underPointer()?.row === row", arg=row)
    page.wait_for_function("dxr.labels()")
    page.keyboard.press("ArrowLeft")
    row = items(page)[last - 12]
    note = f"{last - 11} of {last} in map order"
    expect(strip).to_have_attribute("aria-valuetext", f"{note}, {site[0].label(row)}")
    expect(strip).to_have_attribute("aria-valuemax", str(last))
    page.keyboard.press("Enter")
    page.wait_for_function("row => dxr.selection().focus === row", arg=row)
    strip.blur()
    expect(page.locator(f"#{ids.CARD}")).to_be_hidden()
    page.wait_for_function("!dxr.stripNow().open")


def test_turning_the_wheel_sideways_steps_from_image_to_image(page: Page) -> None:
    explore(page)
    point_at(page, 0.5)
    at = int(page.evaluate("dxr.stripNow().at"))
    page.mouse.wheel(50, 0)
    page.wait_for_function("at => dxr.stripNow().at === at + 2.5", arg=at)
    page.mouse.wheel(-25, 0)
    page.wait_for_function("at => dxr.stripNow().at === at + 1.5", arg=at)
    row = items(page)[at + 1]
    page.wait_for_function("row => dxr.underPointer()?.row === row", arg=row)
    page.mouse.wheel(0, 50)  # the page's own
    assert selection(page)["lens"] == 4
    assert page.evaluate("dxr.stripNow().at") == at + 1.5


@pytest.mark.parametrize(
    ("address", "strip", "said"),
    [
        ("**/order/**", "map", "These images could not be put in line. Reload the page."),
        ("**/ranking/**/r7/*", "r7", "This ranking cannot be had. Its row says why; show something else."),
    ],
)
def test_what_cannot_be_put_in_line_is_said(open_page: OpenPage, address: str, strip: str, said: str) -> None:
    page = open_page("?queries=r7")
    page.evaluate("console.error = () => {}")
    page.route(address, lambda route: route.fulfill(body=b"x", headers={"X-Dxr-Ranked": "-1"}))
    page.evaluate("strip => dxr.change({ page: 'explore', strip })", strip)
    expect(page.locator(f"#{ids.STRIP_NOTE}")).to_have_text(said)


def test_arrows_up_and_down_and_the_slider_change_the_lens_and_the_address(page: Page) -> None:
    explore(page)
    focus_strip(page)
    page.keyboard.press("ArrowUp")
    page.wait_for_function("dxr.selection().lens === 5 && location.search.includes('lens=5')")
    page.keyboard.press("ArrowDown")
    page.wait_for_function("dxr.selection().lens === 4 && !location.search.includes('lens')")
    slider = page.get_by_role("slider", name="Lens")
    expect(slider).to_have_value("4")
    slider.focus()
    slider.press("Home")
    page.wait_for_function("dxr.selection().lens === 0 && location.search.includes('lens=0')")
    page.wait_for_function("dxr.stripNow().open && !dxr.stripNow().moving")
    widths = page.evaluate("dxr.stripNow().drawn.map(({ left, right }) => right - left)")
    assert max(widths) - min(widths) <= 1
    slider.press("End")
    page.wait_for_function("dxr.selection().lens === 10")
    page.wait_for_function(
        "() => Math.max(...dxr.stripNow().drawn.map(({ left, right }) => right - left)) > 60"
    )
    slider.blur()
    page.wait_for_function("!dxr.stripNow().open")


def test_the_selection_stands_in_line_and_follows_the_lasso(page: Page, site: Site) -> None:
    explore(page)
    source = page.locator(f"#{ids.STRIP_SOURCE}")
    expect(source.locator("option[value=selection]")).to_have_attribute("disabled", "")
    draw_lasso(page)
    ordered = api.rows_in_map_order(site[0])

    def chosen() -> list[int]:
        rows = api.rows_in_polygon(site[0], np.array(selection(page)["lasso"]))
        return [int(row) for row in ordered[np.isin(ordered, rows)]]

    expect(source.locator("option[value=selection]")).to_have_text(f"Selection ({len(chosen())})")
    source.select_option("selection")
    page.wait_for_function("n => dxr.stripNow().line.n === n", arg=len(chosen()))
    assert items(page) == chosen()
    assert "strip=selection" in page.url
    page.evaluate("dxr.change({ lasso: [], picked: ['cluster', 0] })")
    rows = np.flatnonzero(np.asarray(site[0].space().clusters) == 0)
    page.wait_for_function("n => dxr.stripNow().line.n === n", arg=len(rows))
    assert sorted(items(page)) == rows.tolist()
    page.evaluate("dxr.change({ picked: null })")
    note = page.locator(f"#{ids.STRIP_NOTE}")
    expect(note).to_have_text(
        "Nothing is selected. Draw a lasso on the map, or choose a group in its legend."
    )
    page.evaluate("dxr.change({ lasso: [[900, 900], [901, 900], [901, 901]] })")
    expect(note).to_have_text("The lasso holds no image. Draw a larger one.")


def test_a_ranking_stands_in_line_and_has_the_name_of_its_row(page: Page, site: Site) -> None:
    explore(page)
    page.evaluate("dxr.follow('r50')")
    option = page.locator(f"#{ids.STRIP_SOURCE} option[value=r50]")
    name = words.short(site[0].path(50), 200)
    expect(option).to_have_text(f"Ranking: {name if len(name) <= 40 else name[:39] + '…'}")
    page.locator(f"#{ids.STRIP_SOURCE}").select_option("r50")
    page.wait_for_function("dxr.stripNow().line.key === 'r50'")
    page.wait_for_function(DRAWN)
    assert items(page) == api.ranking(site[0], 50).items.tolist()
    focus_strip(page)
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    note = page.locator(f"#{ids.CARD} .note")
    expect(note).to_contain_text(f"Rank 2 · distance {api.ranking(site[0], 50).distances[1]:.3f}")
    page.evaluate("dxr.removeQueries(({ key }) => key === 'r50')")
    page.wait_for_function("dxr.selection().strip === 'map' && !dxr.stripNow().line.key")
    expect(page.locator(f"#{ids.STRIP_SOURCE}")).to_have_value("map")


def test_the_brush_of_the_curves_is_the_brush_of_the_strip(page: Page) -> None:
    explore(page, "s.faces-in-things")
    page.evaluate("dxr.setBrush({ first: 40, width: 8 })")
    page.wait_for_function(DRAWN)
    where = "() => dxr.brushOnStrip().map((x) => dxr.stripNow().lens.image(x))"
    assert page.evaluate(where) == pytest.approx([39, 47], abs=0.01)
    box = stage(page)

    def drag(start: float, end: float, y: float) -> None:
        page.mouse.move(box["x"] + start, box["y"] + y)
        page.wait_for_function("dxr.stripNow().open && !dxr.stripNow().moving")
        page.mouse.down()
        page.mouse.move(box["x"] + end, box["y"] + y, steps=4)

    # over the slivers: the brush goes to the rank under the pointer, live
    target = page.evaluate("dxr.stripNow().lens.width") * 0.7
    drag(target - 60, target, 40)
    rank = page.evaluate("x => dxr.stripNow().lens.image(x) + 1", target)
    page.wait_for_function("rank => Math.abs(dxr.brush().first + 3.5 - rank) <= 1", arg=rank)
    assert selection(page)["first"] == 40
    page.mouse.up()
    page.wait_for_function("dxr.selection().first !== 40")
    first = selection(page)["first"]
    assert first + 3.5 == pytest.approx(rank, abs=1)
    assert selection(page)["width"] == 8
    expect(page.locator(f"#{ids.BRUSH_FIRST}")).to_have_value(str(first))
    assert len(selection(page)["queries"]) == 2  # a drag is no click

    # below them the lens holds still, and the ends can be taken hold of
    page.evaluate("dxr.setBrush({ first: 60, width: 8 })")
    middle = page.evaluate("dxr.stripNow().lens.width * 63 / dxr.stripNow().line.n")
    page.mouse.move(box["x"] + middle, box["y"] + 40)
    page.wait_for_function("dxr.stripNow().open && !dxr.stripNow().moving")
    end = page.evaluate("dxr.brushOnStrip()[1]")
    further = page.evaluate("dxr.stripNow().lens.place(70.5)")
    page.mouse.move(box["x"] + middle, box["y"] + 88)
    drag(end, further, 88)
    page.mouse.up()
    page.wait_for_function("dxr.selection().width === 12")
    assert selection(page)["first"] == 60


def test_the_address_brings_strip_and_lens_back(open_page: OpenPage, site: Site) -> None:
    page = open_page("?page=explore&strip=s.cars&lens=7.5&queries=s.cars*2")
    page.wait_for_function("dxr.stripNow().line.key === 's.cars'")
    assert items(page) == api.ranking(site[0], "cars").items.tolist()
    expect(page.locator(f"#{ids.STRIP_SOURCE}")).to_have_value("s.cars")
    expect(page.get_by_role("slider", name="Lens")).to_have_value("7.5")


def outside_images(collection: Collection) -> str:
    files: list[tuple[str, bytes]] = []
    for seed in range(3):
        buffer = io.BytesIO()
        draw("car", face=True, seed=7_000 + seed, size_px=96).save(buffer, "PNG")
        files.append((f"outside {seed}.png", buffer.getvalue()))
    one, _ = api.add_query_set(collection, "from outside", images=files)
    return one.id


def test_images_from_outside_stand_in_their_ranking_too(own_site: Site, open_page: OpenPage) -> None:
    key = outside_images(own_site[0])
    page = open_page(f"?page=explore&queries=s.{key}*3&strip=s.{key}", url=own_site[1])
    page.wait_for_function("dxr.stripNow().line.key")
    ranked = items(page)
    place = ranked.index(-2)
    focus_strip(page)
    page.evaluate("place => dxr.openLens(place + 0.5)", place)
    page.wait_for_function("set => dxr.wholeOf(-2, set)", arg=key)
    page.keyboard.press("Home")
    for _ in range(place):
        page.keyboard.press("ArrowRight")
    expect(page.locator(f"#{ids.CARD} .name")).to_have_text("an image from outside")
    page.keyboard.press("Enter")
    page.wait_for_function("key => dxr.selection().queries.some((one) => one.key === key)", arg=f"o.{key}.1")


def test_on_a_narrow_screen_a_tap_opens_the_lens_and_a_second_one_follows(open_page: OpenPage) -> None:
    more: dict[str, Any] = {"has_touch": True}
    page = open_page("?page=explore", width=390, height=844, **more)
    page.wait_for_function(DRAWN)
    box = stage(page)
    page.touchscreen.tap(box["x"] + 200, box["y"] + 40)
    page.wait_for_function("dxr.stripNow().open && !dxr.stripNow().moving && dxr.underPointer()")
    assert selection(page)["focus"] is None
    row = page.evaluate("dxr.underPointer().row")
    page.touchscreen.tap(box["x"] + 200, box["y"] + 40)
    page.wait_for_function("row => dxr.selection().focus === row", arg=row)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_without_motion_the_lens_is_there_at_once(open_page: OpenPage) -> None:
    page = open_page("?page=explore", reduced_motion="reduce")
    page.wait_for_function(DRAWN)
    page.evaluate("dxr.openLens(50)")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.evaluate("dxr.stripNow().moving") is False
    widths = page.evaluate("dxr.stripNow().drawn.map(({ left, right }) => right - left)")
    assert max(widths) > 40


def test_slivers_are_asked_for_once_and_many_at_a_time(open_page: OpenPage, site: Site) -> None:
    page = open_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate("dxr.change({ page: 'explore' })")
    page.wait_for_function(DRAWN)
    rows = api.rows_in_map_order(site[0]).tolist()
    page.wait_for_function("rows => rows.every((row) => dxr.sliverOf(row))", arg=rows)
    sliver_files = [url for url in asked if "/slivers/" in url]
    assert len(sliver_files) == -(-len(rows) // 64)
    picture = Image.open(io.BytesIO(api.sliver_picture(site[0], rows[:2])))
    assert picture.width < picture.height
