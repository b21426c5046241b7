"""Why two images match: button, dialog, heat maps, routes, and what is said where it cannot be had."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Page, expect

from dxr_dash import api
from dxr_dash.browser import ids, urls
from dxr_dash.browser.server import create_app
from dxr_dash.collection.store import Collection
from tests.browser.conftest import OpenPage, Site, running
from tests.browser.test_sets import jpeg
from tests.builders import picture
from tests.random_networks import SMALL, weights_maker

CONV, FC, TINY = "thingsnet.conv4", "thingsnet.fc7", "tiny.pixels8"
DIALOG = f"#{ids.WHY_DIALOG}"
SHARE_OF_ORANGE = """([side, left, top, right, bottom]) => {
    // how much more red than blue a part of the canvas is, 0..1
    const canvas = document.querySelectorAll("#why-pair canvas")[side], { width, height } = canvas;
    const [x, y] = [Math.round(left * width), Math.round(top * height)];
    const box = [Math.max(1, Math.round(right * width) - x), Math.max(1, Math.round(bottom * height) - y)];
    const { data } = canvas.getContext("2d").getImageData(x, y, ...box);
    let sum = 0;
    for (let i = 0; i < data.length; i += 4) sum += data[i] - data[i + 2];
    return sum / (data.length / 4) / 255;
}"""


@pytest.fixture(scope="module")
def why_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("why-page")
    (folder / "images").mkdir()
    for number in range(12):
        picture(number, *((300, 200), (160, 160), (120, 260))[number % 3]).save(
            folder / "images" / f"{number:02d}.png"
        )
    for space in (CONV, FC, TINY):
        network, layer = space.split(".")
        api.build(folder / "images", folder / "why.dxr", network=network, layer=layer)
    made = [(f"given {seed}.jpg", jpeg(seed)) for seed in range(5)]
    api.add_query_set(api.open_collection(folder / "why.dxr"), "given", images=made)
    return folder


@pytest.fixture(scope="module")
def why_site(why_folder: Path) -> Iterator[Site]:
    with running(why_folder / "why.dxr") as served:
        yield served


@pytest.fixture
def client(why_site: Site) -> FlaskClient:
    return client_of(why_site[0])


def client_of(collection: Collection) -> FlaskClient:
    found: FlaskClient = create_app(collection).server.test_client()
    return found


def asked(client: FlaskClient, collection: Collection, space: str, first: str, second: str) -> dict[str, Any]:
    """The last line that the route sends; the others are steps."""
    answer = client.get(f"/why/{urls.version(collection)}/{space}/{first}/{second}.ndjson")
    assert answer.status_code == 200
    *steps, last = [json.loads(line) for line in answer.text.splitlines()]
    assert all(set(one) == {"step", "done", "total"} for one in steps)
    found: dict[str, Any] = last
    return found


def ask(page: Page, place: int = 0) -> None:
    """Press "w" on a neighbour, and wait for what comes of it."""
    page.locator(f"#{ids.NEIGHBOURS} .near-cell .thumb").nth(place).focus()
    page.keyboard.press("w")
    expect(page.locator(DIALOG)).to_be_visible()
    expect(page.locator(DIALOG)).to_have_attribute("aria-busy", "false")


@pytest.mark.parametrize(("space", "title"), [(CONV, "Exact"), (FC, "By hiding places"), (TINY, "Exact")])
def test_heat_lies_where_the_numbers_say(why_site: Site, open_page: OpenPage, space: str, title: str) -> None:
    collection, url = why_site
    page = open_page(f"?focus=3&space={space}", url=url)
    ask(page)
    expect(page.locator(f"#{ids.WHY_SAID} strong")).to_have_text(f"{title}. ")
    expect(page.locator(f"#{ids.WHY_SCALE}")).to_contain_text("more alike: +")
    second = int(api.nearest(collection, [3], space=space).rows[0])
    expect(page.locator(f"#{ids.WHY_PAIR} figcaption")).to_have_text(["03.png", collection.path(second)])
    match = api.why_match(collection, 3, second, space=space)
    for side, one in enumerate(match.maps):
        cells = np.argsort(one.values, axis=None)
        strong, weak = (orange(page, side, one, int(cell)) for cell in (cells[-1], cells[0]))
        assert strong > weak
        most = max(float(np.abs(two.values).max()) for two in match.maps)
        if one.values.max() > most / 2:
            assert strong > 0.1
    page.locator("[data-do=heat]").click()
    assert page.locator("[data-do=heat]").get_attribute("aria-pressed") == "false"
    page.keyboard.press("Escape")
    expect(page.locator(DIALOG)).to_be_hidden()
    assert page.evaluate("dxr.selection().focus") == 3  # Escape closed the dialog alone


def orange(page: Page, side: int, one: Any, cell: int) -> float:
    rows, columns = one.values.shape
    left, top, right, bottom = one.box
    wide, high = (right - left) / columns, (bottom - top) / rows
    x, y = left + wide * (cell % columns), top + high * (cell // columns)
    inner = [x + wide / 4, y + high / 4, x + 3 * wide / 4, y + 3 * high / 4]
    return float(page.evaluate(SHARE_OF_ORANGE, [side, *inner]))


def test_the_button_is_reached_with_tab_and_asks_about_the_nearest_member_of_a_set(
    why_site: Site, open_page: OpenPage
) -> None:
    page = open_page(
        f"?space={CONV}", url=why_site[1]
    )  # no focus: the set asks, and its images are from outside
    page.locator(f"#{ids.NEIGHBOURS} .near-cell .thumb").first.focus()
    page.keyboard.press("Tab")
    button = page.locator(f"#{ids.NEIGHBOURS} .why").first
    expect(button).to_be_focused()
    expect(button).to_have_css("opacity", "1")
    page.keyboard.press("Enter")
    expect(page.locator(f"#{ids.WHY_PAIR} figcaption").first).to_have_text(
        api.find_query_set(why_site[0], "given").outside[
            int(str(button.get_attribute("data-first")).split(".")[2])
        ]
    )
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_it_works_under_the_content_security_policy_and_on_a_phone(why_site: Site, chromium: Browser) -> None:
    context = chromium.new_context(viewport={"width": 390, "height": 800}, color_scheme="dark")
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.goto(f"{why_site[1]}?focus=2&space={CONV}")
    expect(page.locator(f"#{ids.NEIGHBOURS} .near-cell").first).to_be_visible()
    ask(page)
    box = page.locator(DIALOG).bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    assert page.locator(DIALOG).evaluate("(one) => one.scrollWidth <= one.clientWidth")
    expect(page.locator(f"#{ids.WHY_SAID}")).to_contain_text("nothing is left over")
    assert problems == []
    context.close()


def test_the_route_sends_what_the_function_finds(why_site: Site, client: FlaskClient) -> None:
    collection = why_site[0]
    found = asked(client, collection, CONV, "o.given.1", "r4")["found"]
    match = api.why_match(collection, ("given", 1), 4, space=CONV)
    for sent, one in zip(found["maps"], match.maps, strict=True):
        np.testing.assert_allclose(sent["values"], one.values, rtol=1e-5)
        assert sum(map(sum, sent["values"])) == pytest.approx(match.value, rel=1e-4)
        assert tuple(sent["box"]) == one.box
    assert found["names"] == ["given 1.jpg", collection.path(4)]
    assert found["smooth"]
    assert not asked(client, collection, FC, "r1", "r4")["found"]["smooth"]


@pytest.mark.parametrize(
    "path",
    [
        "/why/{v}/thingsnet.fc7/r0/r12.ndjson",
        "/why/{v}/thingsnet.fc7/r0/r-1.ndjson",
        "/why/{v}/thingsnet.fc7/s.given/r1.ndjson",
        "/why/{v}/thingsnet.fc7/o.given.5/r1.ndjson",
        "/why/{v}/thingsnet.fc7/o.nobody.0/r1.ndjson",
        "/why/other/thingsnet.fc7/r0/r1.ndjson",
        "/pictures/{v}/r12.jpg",
        "/pictures/{v}/s.given.jpg",
        "/pictures/{v}/o.given.9.jpg",
        "/pictures/other/r0.jpg",
    ],
)
def test_what_is_not_in_the_collection_is_not_found(why_site: Site, client: FlaskClient, path: str) -> None:
    assert client.get(path.format(v=urls.version(why_site[0]))).status_code == 404


def test_pictures_are_the_originals_made_smaller(why_site: Site, client: FlaskClient) -> None:
    for key in ("r0", "o.given.0"):
        answer = client.get(f"/pictures/{urls.version(why_site[0])}/{key}.jpg")
        assert answer.status_code == 200
        assert answer.data[:2] == b"\xff\xd8"
    unknown = asked(client, why_site[0], "nonet", "r0", "r1")
    assert "no feature space" in unknown["problem"]


def test_images_that_have_gone_are_told_and_their_thumbnails_shown(
    why_folder: Path, tmp_path: Path, open_page: OpenPage
) -> None:
    copy = tmp_path / "gone"
    shutil.copytree(why_folder, copy)
    api.build(
        copy / "images", copy / "why.dxr", network="thingsnet", layer="fc7"
    )  # its own folder of images now
    (copy / "images" / "03.png").unlink()
    with running(copy / "why.dxr") as (collection, url):
        page = open_page(f"?focus=3&space={FC}", url=url)
        ask(page)
        expect(page.locator(f"#{ids.WHY_SAID}")).to_contain_text("The image 03.png cannot be used")
        expect(page.locator(f"#{ids.WHY_SCALE}")).to_be_hidden()
        page.wait_for_function("document.querySelector('#why-pair canvas').width === 128")  # the thumbnail
        kept = client_of(collection).get(f"/pictures/{urls.version(collection)}/r3.jpg").data
        assert kept == collection.thumbnail(3)


def test_vectors_of_ones_own_and_lost_weights_are_told_in_words(why_folder: Path, tmp_path: Path) -> None:
    names = np.array([f"{number:02d}.png" for number in range(12)])
    np.savez(tmp_path / "own.npz", vectors=np.random.default_rng(0).normal(size=(12, 8)), paths=names)
    api.build(why_folder / "images", tmp_path / "own.dxr", vectors=tmp_path / "own.npz")
    api.build(None, tmp_path / "bare.dxr", vectors=tmp_path / "own.npz")
    for folder, words in (
        ("own.dxr", "vectors that were made elsewhere"),
        ("bare.dxr", "holds vectors without images"),
    ):
        collection = api.open_collection(tmp_path / folder)
        said = asked(client_of(collection), collection, collection.default_space, "r0", "r1")
        assert words in said["problem"]
        assert said["remedy"]
    weights = weights_maker(tmp_path)(SMALL)
    api.build(why_folder / "images", tmp_path / "lost.dxr", network=SMALL, weights=weights)
    weights.unlink()
    collection = api.open_collection(tmp_path / "lost.dxr")
    said = asked(client_of(collection), collection, collection.default_space, "r0", "r1")
    assert weights.name in said["problem"]
