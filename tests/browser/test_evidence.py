"""What stands beside the answer, as the page shows it."""

from __future__ import annotations

import json

import numpy as np
from playwright.sync_api import Page, expect

from dxr_dash import api
from dxr_dash.analysis import said
from dxr_dash.browser import ids, respond
from dxr_dash.browser.state import Selection
from dxr_dash.browser.trees import tree
from tests.browser.conftest import HOSTILE_LABEL, Site
from tests.browser.steps import selection, wait_until_drawn

EVIDENCE = f"#{ids.EVIDENCE} .evidence"


def test_the_page_shows_the_p_value_the_probe_and_what_is_retrieved(page: Page, site: Site) -> None:
    collection = site[0]
    found = api.findings(collection, "faces-in-things")
    assert found.among_random is not None
    assert found.probe is not None
    evidence = page.locator(EVIDENCE)
    expect(evidence).to_contain_text(said.p_value(found.among_random))
    expect(evidence).to_contain_text(said.among_random(found.among_random))
    bars = evidence.locator("section", has_text="Can it be read off?").locator(".measure")
    expect(bars).to_have_count(1 if found.probe.control is None else 2)
    expect(bars.first.locator(".value strong")).to_have_text(f"{found.probe.auroc.value:.2f}")
    expect(bars.first.locator(".beside")).to_have_count(1)
    (own, *_) = found.own
    expect(evidence).to_contain_text(said.own(own, 10))


def test_an_image_retrieved_instead_can_be_hovered_and_followed(page: Page, site: Site) -> None:
    page.locator(f"#{ids.SETS} .choose", has_text="cars").click()
    (first, *_) = api.findings(site[0], "cars").instead
    figure = page.locator(f"{EVIDENCE} .value-retrieved").first
    expect(figure.locator("figcaption strong")).to_have_text(first.value)
    expect(figure.locator("figcaption")).to_contain_text(said.instead(first))
    thumbs = figure.locator(".film .thumb")
    expect(thumbs).to_have_count(len(first.examples))
    thumbs.first.hover()
    expect(page.locator(f"#{ids.CARD}")).to_be_visible()
    expect(page.locator(f"#{ids.CARD}")).to_contain_text(first.value)
    thumbs.first.click()
    wait_until_drawn(page)
    assert selection(page)["focus"] == first.examples[0]


def test_a_hostile_label_is_text(own_site: Site) -> None:
    collection = own_site[0]
    label = collection.column("label")
    hostile = np.flatnonzero(label.codes == label.categories.index(HOSTILE_LABEL))
    cups, _ = api.add_query_set(collection, "</p><script>alert(1)</script>", rows=hostile.tolist())
    view = Selection.parse({**Selection.default(collection).dump(), "active": cups.id}, collection)
    text = tree(respond.evidence_of(collection, view))
    assert {part["type"] for part in walk(json.loads(text))} <= {
        *("Div", "P", "Section", "H3", "Strong", "Span", "Bdi", "Figure", "Figcaption", "Button", "Img"),
    }


def test_a_set_without_an_answer_has_no_evidence(own_site: Site) -> None:
    collection = own_site[0]
    usual = Selection.default(collection).dump()
    assert respond.evidence_of(collection, Selection.parse({**usual, "active": None}, collection)) is None
    one, _ = api.add_query_set(collection, "one", rows=[3])
    view = Selection.parse({**usual, "active": one.id}, collection)
    assert "nearest" in tree(respond.evidence_of(collection, view)) or "stands out" in tree(
        respond.evidence_of(collection, view)
    )


def walk(parts: object) -> list[dict[str, object]]:
    """List every element of a tree."""
    if isinstance(parts, list):
        return [one for part in parts for one in walk(part)]
    if isinstance(parts, dict):
        return [parts, *walk(parts["props"].get("children"))]
    return []


def test_what_is_about_another_set_is_hidden_until_the_new_ones_has_come(page: Page, site: Site) -> None:
    """No number of one set is ever to be read under the name of another."""
    expect(page.locator("#evidence .evidence")).to_be_visible()
    hidden = page.evaluate(
        """() => {
          dxr.change({ active: 'cars' });  // nothing has come yet: all that is shown is about the set before
          return ['answer', 'evidence', 'proofs', 'members'].map(
            (id) => getComputedStyle(document.getElementById(id)).visibility);
        }"""
    )
    assert hidden == ["hidden"] * 4
    expect(page.locator("#answer .question strong")).to_have_text("cars")
    expect(page.locator("#evidence .evidence")).to_be_visible()
    assert page.locator("#evidence").get_attribute("data-of") == f"{site[0].default_space} cars"
    page.evaluate("() => { dxr.change({ active: 'faces-in-things' }); dxr.change({ active: 'cars' }); }")
    expect(page.locator("#evidence .evidence")).to_be_visible()
    expect(page.locator("#answer .question strong")).to_have_text("cars")


def test_measures_that_do_not_exist_have_no_mark_and_say_so(own_page: Page, own_site: Site) -> None:
    one, _ = api.add_query_set(own_site[0], "one image", rows=[3])
    own_page.evaluate("id => dxr.change({active: id, shown: [id], edition: 1})", one.id)
    expect(own_page.locator("#answer .question strong")).to_have_text("one image")
    measures = own_page.locator("#answer .measures .measure")
    expect(measures.first).to_contain_text("no interval")
    expect(measures.first).to_contain_text("chance 0.50")
    assert own_page.locator("#answer .measures .dot, #answer .measures .bar").count() == 0
    expect(own_page.locator("#answer")).to_contain_text("1 image against")
    expect(own_page.locator("#proofs")).to_contain_text("there is no other to find")
