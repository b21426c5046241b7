"""Ask in words on the page, in a space of a small random network of open_clip."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from dxr_dash import api
from dxr_dash.browser import ids
from dxr_dash.errors import QueryError
from tests.browser.conftest import OpenPage, Site, running
from tests.browser.steps import selection, wait_until_drawn
from tests.builders import write_pictures
from tests.collection.test_clip import NETWORK, model, weights  # noqa: F401 - fixtures

open_clip = pytest.importorskip("open_clip", reason="the extra dxr-dash[clip] is not installed")

IMAGE, OTHER = f"{NETWORK}.image", "tiny.pixels8"
ASKED = 'a face, "in" <b>things</b>'


@pytest.fixture(scope="module")
def words_site(weights, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:  # type: ignore[no-untyped-def] # noqa: F811
    folder = tmp_path_factory.mktemp("words-page")
    images = write_pictures(folder / "photos", 40)
    api.build(images, folder / "photos.dxr", network="tiny", layer="pixels8")
    api.build(images, folder / "photos.dxr", network=NETWORK, layer="image", weights=weights)
    with running(folder / "photos.dxr") as served:
        yield served


@pytest.fixture
def words_page(words_site: Site, open_page: OpenPage) -> Page:
    return open_page(f"?space={IMAGE}", url=words_site[1])


def test_words_find_the_images_that_the_function_finds(words_site: Site, words_page: Page) -> None:
    page, collection = words_page, words_site[0]
    page.locator(f"#{ids.WORDS_FIELD}").fill(ASKED)
    page.keyboard.press("Enter")
    thumbs = page.locator(f"#{ids.WORDS_FOUND} .thumb")
    found = api.nearest_to_text(collection, ASKED, space=IMAGE)
    expect(thumbs).to_have_count(len(found.rows))
    assert thumbs.evaluate_all("all => all.map((one) => Number(one.dataset.row))") == found.rows.tolist()
    expect(page.locator(f"#{ids.WORDS_FOUND}")).to_contain_text("no baseline and no verdict")
    expect(page.locator(f"#{ids.WORDS_FOUND} bdi")).to_have_text(f"\u201c{ASKED}\u201d")
    page.reload()  # the words are in the address
    wait_until_drawn(page)
    expect(thumbs).to_have_count(len(found.rows))
    expect(page.locator(f"#{ids.WORDS_FIELD}")).to_have_value(ASKED)
    page.locator("[data-do=save-words]").click()
    page.locator(f"#{ids.NAME_DIALOG}").get_by_role("button", name="OK").click()
    expect(page.locator(f"#{ids.TOASTS}")).to_contain_text(f"saved with {len(found.rows)} images.")
    one = collection.query_sets[str(selection(page)["active"])]
    assert list(one.rows) == sorted(found.rows.tolist())
    assert one.name == ASKED
    page.locator("[data-do=clear-words]").click()
    expect(thumbs).to_have_count(0)


def test_the_field_is_not_there_where_the_space_knows_no_words(words_page: Page) -> None:
    panel = words_page.locator(f"#{ids.WORDS_PANEL}")
    expect(panel).to_be_visible()
    words_page.locator(f"#{ids.SPACE}").select_option(OTHER)
    expect(panel).to_be_hidden()
    words_page.locator(f"#{ids.SPACE}").select_option(IMAGE)
    expect(panel).to_be_visible()


def test_the_page_cannot_save_words_where_none_are_known(words_site: Site) -> None:
    from dxr_dash.browser.commands import carry_out

    command = {"do": "save-words", "words": "a face", "space": OTHER, "name": "faces"}
    with pytest.raises(QueryError, match="knows no words"):
        carry_out(words_site[0], {**command, "fingerprint": words_site[0].fingerprint})
