"""The page of a collection that holds vectors of the user's own and no images."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import expect

from dxr_dash import api
from dxr_dash.browser import ids
from tests.browser.conftest import OpenPage, Site, running
from tests.browser.steps import arranged, draw_lasso
from tests.browser.test_sets import DROP, jpeg

KINDS = ("bird", "fish", "<b>tree</b>")
PER_KIND = 30


@pytest.fixture(scope="module")
def words_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("words")
    random = np.random.default_rng(0)
    names = [f"{kind} {number:02d}" for kind in KINDS for number in range(PER_KIND)]
    centres = np.repeat(random.normal(size=(len(KINDS), 16)) * 2, PER_KIND, axis=0)
    np.savez(folder / "words.npz", vectors=centres + random.normal(size=centres.shape), paths=np.array(names))
    (folder / "facts.csv").write_text(
        "path,label\n" + "".join(f"{name},{name.rsplit(' ', 1)[0]}\n" for name in names)
    )
    target = folder / "words.dxr"
    api.build(None, target, vectors=folder / "words.npz", labels=folder / "facts.csv")
    collection = api.open_collection(target)
    api.add_query_set(collection, "fish", rows=np.flatnonzero(collection.column("label").codes == 2).tolist())
    with running(target) as served:
        yield served


def test_map_mosaic_neighbours_answer_and_lasso_work_without_images(
    words_site: Site, open_page: OpenPage
) -> None:
    page = open_page(url=words_site[1])
    expect(page.locator(f"#{ids.ANSWER} .question strong")).to_have_text("fish")
    expect(page.locator(f"#{ids.ANSWER}")).to_contain_text("Yes")
    tiles = page.locator(f"#{ids.NEIGHBOURS} img")
    expect(tiles.first).to_be_visible()
    assert tiles.first.evaluate("image => image.decode().then(() => image.naturalWidth)") == 128
    tiles.first.click()
    card = page.locator(".focus-card")
    expect(card.locator(".name")).to_contain_text("bird")  # the fish are all in the set
    expect(card.locator(".facts")).not_to_contain_text("px")  # there is no image that has a size
    draw_lasso(page, radius_px=205.0)  # the three kinds lie far apart, with nothing in the middle
    expect(page.locator(".selected-count")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("m")
    arranged(page, "mosaic")


def test_an_image_dropped_where_no_network_is_is_refused_in_words(
    words_site: Site, open_page: OpenPage
) -> None:
    page = open_page(url=words_site[1])
    page.evaluate(DROP, [["given.jpg", base64.b64encode(jpeg(1)).decode()]])
    page.locator(f"#{ids.NAME_DIALOG}").get_by_role("button", name="OK").click()
    expect(page.locator(f"#{ids.STATUS}")).to_contain_text("there is no network that could turn other images")
