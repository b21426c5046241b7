from __future__ import annotations

import json
from contextlib import suppress
from urllib.parse import quote

import numpy as np
import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dxr_dash import api, settings
from dxr_dash.analysis.baseline import closer_than
from dxr_dash.browser import rankings, urls
from dxr_dash.browser.commands import carry_out
from dxr_dash.browser.queries import Query, parse_queries, queries_from_text
from dxr_dash.browser.rank_panel import ranks_of
from dxr_dash.browser.server import create_app
from dxr_dash.browser.state import Selection
from dxr_dash.collection.store import Collection
from dxr_dash.errors import QueryError
from dxr_dash.figures import theme as words
from tests.browser.conftest import Site


@pytest.fixture
def client(site: Site) -> FlaskClient:
    found: FlaskClient = create_app(site[0]).server.test_client()
    return found


def page_of(
    collection: Collection, client: FlaskClient, key: str, page: int = 0, metric: str = "cosine"
) -> bytes:
    space = collection.default_space
    answer = client.get(f"/ranking/{urls.version(collection)}/{space}/{metric}/{key}/{page}.bin")
    assert answer.status_code == 200
    assert "immutable" in answer.headers["Cache-Control"]
    return bytes(answer.data)


def read(data: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    n = len(data) // 10
    return (
        np.frombuffer(data, "<i4", n),
        np.frombuffer(data, "<f4", n, 4 * n),
        np.frombuffer(data, "<u2", n, 8 * n),
    )


def test_the_page_opens_with_the_rows_of_the_shown_sets(site: Site) -> None:
    usual = Selection.default(site[0])
    assert [one.key for one in usual.queries] == ["s.faces-in-things", "s.things-without-faces"]
    assert usual.metric == "cosine"


def test_a_row_says_what_it_asks_with() -> None:
    assert Query("r12").asked == 12
    assert Query("s.faces").asked == "faces"
    assert Query("o.my-set-2.3").asked == ("my-set-2", 3)


@given(
    st.lists(
        st.tuples(st.integers(0, 98), st.integers(0, 31), st.booleans(), st.text(max_size=80)),
        max_size=20,
        unique_by=lambda one: one[0],
    )
)
def test_rows_survive_the_address(rows: list[tuple[int, int, bool, str]]) -> None:
    queries = tuple(Query(f"r{row}", slot, pinned, name) for row, slot, pinned, name in rows)
    text = ",".join(
        f"{one.key}*{one.slot}{'!' if one.pinned else ''}{'~' + quote(one.name, safe='') if one.name else ''}"
        for one in queries
    )
    assert parse_queries(queries_from_text(text), {}, 99) == queries


@pytest.mark.parametrize(
    "value",
    [
        "r1",
        [{"key": "r-1"}],
        [{"key": "x1"}],
        [{"key": "s.../etc"}],
        [{"key": "r1", "slot": 32}],
        [{"key": "r1", "slot": True}],
        [{"key": "r1", "name": 5}],
        [{"key": "r1", "name": "x" * 81}],
        [{"key": ["r1"]}],
        ["r1"],
        [{"key": f"r{row}"} for row in range(65)],
    ],
)
def test_what_is_no_list_of_rows_is_refused(site: Site, value: object) -> None:
    with pytest.raises(QueryError, match="does not exist"):
        parse_queries(value, site[0].query_sets, len(site[0]))


def test_rows_that_have_gone_or_stand_twice_are_left_out(site: Site) -> None:
    keys = ["r1", "s.cars", "r1", "r999999", "s.nothing", "o.cars.0", "r2"]
    found = parse_queries([{"key": key} for key in keys], site[0].query_sets, len(site[0]))
    assert [one.key for one in found] == ["r1", "s.cars", "r2"]
    assert found[1].slot == site[0].query_sets["cars"].colour


def test_the_browser_gets_a_rankings_items_distances_and_percentiles(site: Site, client: FlaskClient) -> None:
    collection = site[0]
    items, far, tenths = read(page_of(collection, client, "r17"))
    expected = api.nearest(collection, [17], k=len(collection))
    assert items.tolist() == expected.rows.tolist()
    assert 17 not in items
    np.testing.assert_array_equal(far, expected.distances)
    texts = [words.percent(float(share)) for share in closer_than(far, collection.space().baseline)]
    assert [f"{tenth / 10:g}\u202f%" for tenth in tenths] == texts


def test_a_sets_members_are_hidden_in_its_ranking(site: Site, client: FlaskClient) -> None:
    collection = site[0]
    items, far, _ = read(page_of(collection, client, "s.cars"))
    assert sorted(items) == list(range(len(collection)))
    measured = api.nearest_members(collection, "cars")
    np.testing.assert_array_equal(far, measured.distances[items])


def test_long_rankings_come_in_pages(
    site: Site, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = read(page_of(site[0], client, "r3"))
    monkeypatch.setattr(rankings, "PAGE_RANKS", 40)
    monkeypatch.setattr(settings, "FIRST_RANKS", 40)
    pages = [read(page_of(site[0], client, "r3", page)) for page in range(4)]
    for place in range(3):
        np.testing.assert_array_equal(np.concatenate([page[place] for page in pages]), whole[place])
    space = site[0].default_space
    assert client.get(f"/ranking/{urls.version(site[0])}/{space}/cosine/r3/4.bin").status_code == 404


@pytest.mark.parametrize(
    "tail",
    [
        "cosine/r999999/0.bin",
        "cosine/s.nothing/0.bin",
        "cosine/o.cars.0/0.bin",
        "cosine/..%2f/0.bin",
        "manhattan/r1/0.bin",
        "cosine/r1/1.bin",
        "cosine/r1/-1.bin",
    ],
)
def test_a_ranking_that_does_not_exist_is_not_found(site: Site, client: FlaskClient, tail: str) -> None:
    version, space = urls.version(site[0]), site[0].default_space
    answer = client.get(f"/ranking/{version}/{space}/{tail}")
    assert answer.status_code == 404 or answer.mimetype == "text/html"  # no such address: the page itself
    assert client.get(f"/ranking/{version}/nowhere/cosine/r1/0.bin").status_code == 404
    assert client.get(f"/ranking/{'0' * 16}/{space}/cosine/r1/0.bin").status_code == 404


def test_labels_and_members_are_those_of_the_collection(site: Site, client: FlaskClient) -> None:
    collection, version = site[0], urls.version(site[0])
    codes = np.frombuffer(client.get(f"/labels/{version}.i32").data, "<i4")
    names = json.loads(client.get(f"/labels/{version}.json").data)
    assert [names[code] for code in codes] == [collection.label(row) for row in range(len(collection))]
    members = np.frombuffer(client.get(f"/members/{version}/cars.i32").data, "<i4")
    assert members.tolist() == list(collection.query_sets["cars"].rows)


def test_a_set_whose_images_have_gone_has_an_empty_curve_and_the_others_are_drawn(
    own_site: Site, client: FlaskClient
) -> None:
    collection = own_site[0]
    one, _ = api.add_query_set(collection, "gone", rows=[0])
    np.save(one.folder / "rows.npy", np.empty(0, np.int64))
    data = {**Selection.default(collection).dump(), "queries": [{"key": "s.gone"}, {"key": "r4"}]}
    figure, rows = ranks_of(collection, Selection.parse(data, collection))
    lines = {trace.meta["key"]: trace for trace in figure.data if "key" in trace.meta}
    assert len(lines["s.gone"].x) == 0
    assert len(lines["r4"].x) > 64
    assert [getattr(row, "data-key", None) for row in rows] == [None, "s.gone", "r4"]
    assert rankings.ranking_page(collection, collection.default_space, "cosine", "s.gone", 0) == (b"", 0)


def test_rows_are_merged_into_a_query_set(own_site: Site) -> None:
    collection = own_site[0]
    command = {
        "do": "merge",
        "fingerprint": collection.fingerprint,
        "name": "mine",
        "queries": ["r5", "s.cars", "r5"],
    }
    reply = carry_out(collection, command)
    assert reply.show == "mine"
    assert reply.merged == ("r5", "s.cars")
    assert collection.query_sets["mine"].rows == tuple(sorted({5, *collection.query_sets["cars"].rows}))


@pytest.mark.parametrize("queries", [[], "r1", None, [5], ["nothing"]])
def test_a_merge_of_nothing_is_refused(site: Site, queries: object) -> None:
    command = {"do": "merge", "fingerprint": site[0].fingerprint, "name": "x", "queries": queries}
    with pytest.raises(QueryError):
        carry_out(site[0], command)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=60))
def test_any_address_is_read_or_refused(site: Site, text: str) -> None:
    with suppress(QueryError):
        parse_queries(queries_from_text(text), site[0].query_sets, len(site[0]))
