"""Warnings as the page shows them: what is said, the picture beside it, and the answer without hubs."""

from __future__ import annotations

import io
from itertools import pairwise

import numpy as np
from PIL import Image
from playwright.sync_api import Page, expect

from dxr_dash import api
from dxr_dash.analysis import said
from dxr_dash.browser import ids, respond
from dxr_dash.browser.state import Selection
from tests.browser.conftest import OpenPage, Site

HOSTILE = "<script>alert(1)</script> & <b>x</b>"


def noise(n: int, first: int = 0) -> list[tuple[str, bytes]]:
    """Pictures unlike any drawn thing: coarse coloured noise."""
    found = []
    for seed in range(first, first + n):
        cells = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
        file = io.BytesIO()
        Image.fromarray(cells).resize((96, 96), Image.Resampling.NEAREST).save(file, "PNG")
        found.append((f"{seed}.png", file.getvalue()))
    return found


def test_a_set_from_another_source_is_shown_beside_the_gallery(open_page: OpenPage, own_site: Site) -> None:
    collection, url = own_site
    control, _ = api.add_query_set(collection, "other noise", images=noise(12, 50))
    one, _ = api.add_query_set(collection, HOSTILE, images=noise(12))
    found = api.answer(collection, one.id)
    assert found.shift is not None
    assert found.shift.unlike_gallery
    page = open_page(f"?active={one.id}", url=url)
    answer, picture = page.locator(f"#{ids.ANSWER}"), page.locator(f"#{ids.SHIFT}")
    expect(answer.locator(".warnings li", has_text="may come from another source")).to_have_count(1)
    expect(answer.locator(".sentence")).to_contain_text("common source alone could explain it")
    expect(picture).to_be_visible()
    expect(picture.locator(".legendtext")).to_have_count(2)
    expect(picture.locator(".legendtext").last).to_contain_text("<script>")
    api.set_control(collection, one.id, control.id)
    page = open_page(f"?active={one.id}", url=url)
    expect(page.locator(f"#{ids.SHIFT} .legendtext")).to_have_count(3)
    expect(page.locator(f"#{ids.ANSWER} .warnings li", has_text="takes that into account")).to_have_count(1)


def test_the_picture_is_hidden_for_sets_that_are_like_the_gallery(page: Page) -> None:
    expect(page.locator(f"#{ids.SHIFT_STAGE}")).to_be_hidden()
    page.locator(f"#{ids.SETS} .choose", has_text="cars").click()
    expect(page.locator(f"#{ids.ANSWER} .question strong")).to_have_text("cars")
    expect(page.locator(f"#{ids.SHIFT_STAGE}")).to_be_hidden()


def test_near_duplicates_are_counted_once_in_words(open_page: OpenPage, own_site: Site) -> None:
    collection, url = own_site
    files = []
    for row in range(8):
        file = io.BytesIO()
        Image.open(collection.images_root / collection.path(row)).save(file, "JPEG", quality=70)
        files.append((f"{row}.jpg", file.getvalue()))
    one, _ = api.add_query_set(collection, "twice", rows=range(8), images=files)
    page = open_page(f"?active={one.id}", url=url)
    warnings = page.locator(f"#{ids.ANSWER} .warnings li")
    expect(warnings.filter(has_text="8 pairs of images are nearly the same")).to_have_count(1)
    expect(warnings.filter(has_text="counted once, 8 images")).to_have_count(1)


def test_the_answer_without_hubs_stands_beside_it(page: Page, site: Site) -> None:
    collection = site[0]
    answer, found = api.answer(collection, "faces-in-things"), api.findings(collection, "faces-in-things")
    assert found.scaled is not None
    section = page.locator(f"#{ids.EVIDENCE} section", has_text="Does it hang on hubs?")
    expect(section).to_contain_text(said.without_hubs(found.scaled, answer.verdict))
    assert answer.hubs is not None
    expect(section).to_contain_text(said.hubs(answer.hubs).capitalize())
    lines = section.locator(".measure")
    expect(lines).to_have_count(3)
    expect(lines.first.locator(".value strong")).to_have_text(f"{found.scaled.auroc.value:.2f}")
    boxes = [lines.nth(i).bounding_box() for i in range(3)]
    assert all(a and b and a["y"] + a["height"] <= b["y"] + 1 for a, b in pairwise(boxes))


def test_a_set_without_an_answer_has_no_picture(site: Site) -> None:
    collection = site[0]
    usual = Selection.default(collection).dump()
    nothing = Selection.parse({**usual, "active": None}, collection)
    assert respond.shift_of(collection, nothing)[1] is True
