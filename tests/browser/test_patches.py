"""The neighbours of one image, patch by patch: button, list, ways back, routes, and what is said where it fails."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Page, expect

from dxr_dash import api, settings
from dxr_dash.browser import ids, urls
from dxr_dash.browser.server import create_app
from dxr_dash.browser.state import Selection
from dxr_dash.collection.store import Collection
from dxr_dash.records import Reranked
from tests.browser.conftest import OpenPage, Site, running
from tests.browser.steps import selection
from tests.browser.test_sets import jpeg
from tests.builders import picture

TINY = "tiny.pixels8"
TOGGLE = f"#{ids.PATCH_TOGGLE}"
LIST = f"#{ids.PATCHES}"
WHOLE = f"#{ids.NEIGHBOURS} .grid"
SHOWN = "([css, rows]) => String([...document.querySelectorAll(css)].map((one) => one.dataset.row)) === String(rows)"
OURS = {"X-Dxr": "any"}


@pytest.fixture(scope="module")
def patch_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("patch-page")
    (folder / "images").mkdir()
    for number in range(40):
        picture(number, 96 + 12 * (number % 3), 72).save(folder / "images" / f"{number:02d}.png")
    api.build(folder / "images", folder / "x.dxr", network="tiny", layer="pixels8")
    collection = api.open_collection(folder / "x.dxr")
    api.add_query_set(collection, "some", rows=range(5), images=[("given 0.jpg", jpeg(0))])
    api.add_query_set(collection, "one", images=[("detail.jpg", jpeg(1))])
    return folder


@pytest.fixture(scope="module")
def patch_site(patch_folder: Path) -> Iterator[Site]:
    with running(patch_folder / "x.dxr") as served:
        yield served


def client_of(collection: Collection) -> FlaskClient:
    found: FlaskClient = create_app(collection).server.test_client()
    return found


def ask(client: FlaskClient, collection: Collection, search: str) -> dict[str, Any]:
    """Ask until it is there, as the page does."""
    while True:
        answer = client.get(f"/patches/{urls.version(collection)}.json?{search}", headers=OURS)
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-store"
        found: dict[str, Any] = answer.get_json()
        if not found["busy"]:
            return found


def expect_list(page: Page, found: Reranked) -> None:
    """Wait for a list, and compare it with the numbers; only the first images are in sight."""
    page.wait_for_function(SHOWN, arg=[f"{LIST} .thumb", found.rows.tolist()])
    moves = page.locator(f"{LIST} .thumb .picture + .caption")
    wanted = [f"{before} → {rank}" for rank, before in enumerate(found.ranks_before, 1)]
    assert [one.text_content() for one in moves.all()] == wanted
    assert page.locator(f"{LIST} .climbed").count() == int(
        (found.ranks_before > np.arange(1, len(found.rows) + 1)).sum()
    )
    expect(page.locator(WHOLE)).to_be_hidden()


def test_the_list_is_that_of_rerank_and_every_way_leads_back(patch_site: Site, open_page: OpenPage) -> None:
    collection, url = patch_site
    page = open_page("?focus=3", url=url)
    toggle = page.locator(TOGGLE)
    expect(toggle).to_have_attribute("aria-pressed", "false")
    expect(page.locator(LIST)).to_be_hidden()
    toggle.focus()
    page.keyboard.press("Enter")
    found = api.rerank(collection, 3, order=settings.PATCH_ORDER)
    expect_list(page, found)
    expect(toggle).to_have_attribute("aria-pressed", "true")
    expect(toggle).to_be_focused()
    assert "patches=3" in page.url
    page.locator(f"#{ids.PATCH_ORDER}").select_option("2")
    expect_list(page, api.rerank(collection, 3, order=2))
    page.go_back()
    expect_list(page, found)
    page.go_back()
    expect(page.locator(WHOLE)).to_be_visible()
    expect(page.locator(LIST)).to_be_hidden()
    assert "patches" not in page.url
    page.go_forward()
    expect_list(page, found)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("j")  # walks through what is in sight
    expect(page.locator(f"{LIST} .thumb").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(WHOLE)).to_be_visible()
    assert selection(page)["focus"] == 3  # it left the patches alone
    toggle.click()
    expect_list(page, found)
    toggle.click()
    expect(page.locator(WHOLE)).to_be_visible()


def test_another_image_is_not_compared_by_itself(patch_site: Site, open_page: OpenPage) -> None:
    page = open_page("?focus=3&patches=2", url=patch_site[1])
    found = api.rerank(patch_site[0], 3, order=2)
    expect_list(page, found)
    page.locator(f"{LIST} .thumb").first.click()
    expect(page.locator(WHOLE)).to_be_visible()
    assert (selection(page)["focus"], selection(page)["patches"]) == (int(found.rows[0]), 0)
    page.go_back()
    expect_list(page, found)


def test_a_set_has_no_patches_but_its_only_or_chosen_image_from_outside_has(
    patch_site: Site, open_page: OpenPage
) -> None:
    collection, url = patch_site
    page = open_page("?active=some", url=url)
    expect(page.locator(TOGGLE)).to_be_hidden()
    page.locator("#members .thumb", has=page.locator("xpath=self::*[@data-item='-1']")).click()
    expect(page.locator(f"#{ids.NEIGHBOURS} .focus-card .name")).to_have_text("given 0.jpg")
    whole = api.nearest(collection, ("some", 0))
    rows = page.locator(f"{WHOLE} .thumb").evaluate_all("all => all.map((one) => Number(one.dataset.row))")
    assert rows == whole.rows.tolist()
    page.locator(TOGGLE).click()
    expect_list(page, api.rerank(collection, ("some", 0)))
    page.keyboard.press("Escape")
    expect(page.locator(WHOLE)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(f"#{ids.NEIGHBOURS}")).to_contain_text("Nearest to the set")
    page.evaluate("dxr.change({ active: 'one' })")
    page.locator(TOGGLE).click()
    expect_list(page, api.rerank(collection, ("one", 0)))


def test_a_row_of_the_rank_curves_leads_to_the_list(patch_site: Site, open_page: OpenPage) -> None:
    collection, url = patch_site
    page = open_page("?page=explore&queries=s.some,r7*1,o.some.0*2", url=url)
    expect(page.locator("[data-do=patches-of]")).to_have_count(2)
    for key, image in (("r7", 7), ("o.some.0", ("some", 0))):
        page.locator(f"[data-do=patches-of][data-key='{key}']").click()
        expect_list(page, api.rerank(collection, image))
        page.go_back()
        expect(page.locator(".ranks-panel")).to_be_visible()


def test_it_works_under_the_content_security_policy_and_on_a_phone(
    patch_site: Site, chromium: Browser
) -> None:
    context = chromium.new_context(viewport={"width": 390, "height": 800}, color_scheme="dark")
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.goto(f"{patch_site[1]}?focus=2")
    page.locator(TOGGLE).click()
    expect(page.locator(f"{LIST} .thumb").first).to_be_visible()
    expect(page.locator(f"{LIST} details .thumb").first).to_be_hidden()
    page.locator(f"{LIST} summary").click()
    expect(page.locator(f"{LIST} details .thumb").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert problems == []
    context.close()


def test_images_that_have_gone_are_told_and_asked_for_again(
    patch_folder: Path, tmp_path: Path, open_page: OpenPage
) -> None:
    copy = Path(shutil.copytree(patch_folder, tmp_path / "gone"))
    api.build(copy / "images", copy / "x.dxr", network="tiny", layer="pixels8")  # its own folder of images
    shutil.move(copy / "images" / "03.png", tmp_path / "03.png")
    with running(copy / "x.dxr") as (collection, url):
        page = open_page("?focus=5", url=url)
        page.locator(TOGGLE).click()
        expect(page.locator(f"{LIST} .error")).to_contain_text("The image 03.png cannot be used")
        shutil.move(tmp_path / "03.png", copy / "images" / "03.png")
        page.get_by_role("button", name="Try again").click()
        expect_list(page, api.rerank(collection, 5))


def test_vectors_of_ones_own_are_told_in_words(patch_folder: Path, tmp_path: Path) -> None:
    names = np.array([f"{number:02d}.png" for number in range(40)])
    np.savez(tmp_path / "own.npz", vectors=np.random.default_rng(0).normal(size=(40, 8)), paths=names)
    api.build(patch_folder / "images", tmp_path / "own.dxr", vectors=tmp_path / "own.npz")
    api.build(None, tmp_path / "bare.dxr", vectors=tmp_path / "own.npz")
    for folder in ("own.dxr", "bare.dxr"):
        collection = api.open_collection(tmp_path / folder)
        said = ask(client_of(collection), collection, "focus=0&patches=3")
        assert "error" in said["tree"]
        assert "vectors" in said["tree"]
        assert "Try again" not in said["tree"]


@pytest.mark.parametrize(
    ("search", "words"),
    [
        ("focus=3", "one image"),
        ("focus=3&patches=0", "one image"),
        ("active=some&patches=3", "one image"),
        ("active=&patches=3", "one image"),
        ("focus=40&patches=3", "Reload the page"),
        ("focus=-1&patches=3", "Reload the page"),
        ("focus=3&patches=5", "Reload the page"),
        ("focus=3&patches=-1", "Reload the page"),
        ("focus=3&patches=x", "Reload the page"),
        ("focus=3&patches=3&space=nonet", "Reload the page"),
        ("active=nobody&member=-1&patches=3", "Reload the page"),
        ("active=some&member=-9&patches=3", "one image"),
        ("%ff=%ff&focus=%00&patches=3", "Reload the page"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_words(patch_site: Site, search: str, words: str) -> None:
    said = ask(client_of(patch_site[0]), patch_site[0], search)
    assert words in said["tree"]
    assert "error" in said["tree"]


def test_only_the_page_itself_begins_and_leaves_work(patch_site: Site) -> None:
    client, at = client_of(patch_site[0]), f"/patches/{urls.version(patch_site[0])}.json?focus=9&patches=4"
    assert client.get(at).status_code == 403
    assert client.delete(at).status_code == 403
    assert client.delete(at, headers={**OURS, "Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert client.delete(at, headers=OURS).get_json() == {}  # never asked for
    assert client.get(at.replace("patches/", "patches/x"), headers=OURS).status_code == 404
    assert client.post(at, headers=OURS).status_code == 405


def test_the_order_of_patches_is_read_from_the_address(patch_site: Site) -> None:
    assert Selection.from_address("focus=3&patches=4", patch_site[0]).patches == 4
    assert Selection.default(patch_site[0]).patches == 0
