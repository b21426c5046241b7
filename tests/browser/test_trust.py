from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from dxr_dash import api, settings
from dxr_dash.browser import ids
from dxr_dash.collection.store import Collection
from dxr_dash.figures import theme as words
from dxr_dash.records import Neighbours
from tests.browser.conftest import OpenPage, Site, running
from tests.browser.steps import arranged, colours_on, drawn_colours, selection, wait_until_drawn
from tests.builders import build, write_pictures

NEAREST = api.nearest
RANKS = (
    0,
    1,
    -2,
    -1,
)  # of the images that the tests call nearest: the small collection's own are never torn apart


def far_rows(collection: Collection, row: int, layout: str, arrangement: str) -> set[int]:
    """Those of the nearest that more than ten times as many images are nearer than on the map."""
    found = collection.space().layout(layout)
    places = np.asarray(found.positions if arrangement == "mosaic" else found.coordinates, np.float64)
    away = ((places - places[row]) ** 2).sum(axis=1)
    away[row] = np.inf
    rows = ranked(collection, [row]).rows
    return {int(one) for one in rows if 1 + np.count_nonzero(away < away[one]) > 10 * len(RANKS)}


def ranked(collection: Collection, query: Sequence[int], **_: object) -> Neighbours:
    """Stand in for ``api.nearest``: the nearest two and the farthest two of all images."""
    found = NEAREST(collection, query, k=len(collection))
    at = list(RANKS)
    return Neighbours(found.rows[at], found.distances[at], found.percentiles[at], found.members[at])


@pytest.mark.parametrize(
    ("layout", "arrangement"), [("umap", "points"), ("tsne", "points"), ("tsne", "mosaic")]
)
def test_true_neighbours_that_the_map_placed_far_away_are_marked_and_counted(
    open_page: OpenPage, site: Site, monkeypatch: pytest.MonkeyPatch, layout: str, arrangement: str
) -> None:
    collection = site[0]
    by_row = {row: far_rows(collection, row, layout, arrangement) for row in range(len(collection))}
    torn = max(by_row, key=lambda row: len(by_row[row]))
    assert by_row[torn]
    monkeypatch.setattr(api, "nearest", ranked)
    page = open_page(f"?focus={torn}&layout={layout}&arrangement={arrangement}")
    note = page.locator(f"#{ids.MAP_FAR}")
    n_far = len(by_row[torn])
    lie = "lies" if n_far == 1 else "lie"
    expect(note).to_have_text(
        f"{n_far} of the {len(RANKS)} nearest images {lie} far away on this map (over 40 others are nearer)"
    )
    expect(note).to_have_attribute("aria-live", "polite")
    expect(page.locator("line.thread")).to_have_count(len(RANKS))
    expect(page.locator("line.thread.far")).to_have_count(n_far)
    expect(page.locator("circle.near.far")).to_have_count(n_far)
    marked = page.evaluate("() => [...dxr.neighboursOnMap(dxr.selection()).far]")
    assert set(marked) == by_row[torn]
    page.evaluate("dxr.change({ focus: null })")
    expect(note).to_be_empty()
    expect(page.locator("line.thread.far")).to_have_count(0)


def test_the_map_can_be_coloured_by_trust(page: Page, site: Site) -> None:
    space = site[0].space()
    page.select_option(f"#{ids.COLOUR_BY}", "trust")
    for name, layout in space.layouts.items():
        page.select_option("[data-do=layout]", name)
        arranged(page, "points", name)
        legend = page.locator(f"#{ids.MAP_LEGEND} .scale")
        expect(legend).to_contain_text(f"{layout.honesty_k} nearest images {layout.title} has placed near")
        expect(legend).to_contain_text("100")
        wait_until_drawn(page)
        wanted = colours_on(words.LIGHT.lost_to_kept, layout.kept)  # from none to all
        np.testing.assert_allclose(drawn_colours(page)[:, :3], wanted, atol=1 / 250)


def test_the_head_says_how_far_each_layout_can_be_trusted(page: Page, site: Site) -> None:
    line = page.locator(f"#{ids.MAP_TRUST}")
    for name, layout in site[0].space().layouts.items():
        page.select_option("[data-do=layout]", name)
        arranged(page, "points", name)
        assert layout.trustworthiness is not None
        assert layout.neighbours_kept is not None
        shown = int(layout.trustworthiness * 100) / 100
        expect(line).to_contain_text(f"trustworthiness {shown:.2f}")
        expect(line).to_contain_text(f"keeps {round(100 * layout.neighbours_kept)}")
        assert "truly near" in (line.locator("span").get_attribute("title") or "")
    page.keyboard.press("m")
    moved = site[0].space().layout("tsne").mosaic.displacement
    expect(line).to_contain_text(f"tiles moved by {moved:.1f} cells")


def test_layout_and_arrangement_are_in_the_address(open_page: OpenPage) -> None:
    page = open_page("?layout=tsne&arrangement=mosaic&pictures=no&colour=trust")
    arranged(page, "mosaic", "tsne")
    now = selection(page)
    assert (now["layout"], now["arrangement"], now["pictures"]) == ("tsne", "mosaic", False)
    expect(page.locator("[data-do=layout]")).to_have_value("tsne")
    assert {"layout=tsne", "arrangement=mosaic", "pictures=no"} <= set(page.url.partition("?")[2].split("&"))


def test_a_collection_without_tsne_says_how_to_get_it(
    open_page: OpenPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "TSNE_LIMIT", 0)
    write_pictures(tmp_path / "images", 4)
    build(tmp_path / "images", tmp_path / "tiny.dxr")
    with running(tmp_path / "tiny.dxr") as (_, url):
        page = open_page("?layout=tsne", url=url)
        expect(page.locator(f"#{ids.STATUS}")).to_contain_text("Everything else it says is shown")
        expect(page.locator("[data-do=layout]")).to_have_count(0)
        assert "--tsne" in (page.locator(".layout-name").get_attribute("title") or "")
        page.keyboard.press("m")
        arranged(page, "mosaic")
