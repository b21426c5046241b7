from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dxr_dash.browser.commands import carry_out
from dxr_dash.browser.state import Selection
from dxr_dash.errors import QueryError
from tests.browser.conftest import Site


def test_a_page_opens_on_the_first_set_and_its_control(site: Site) -> None:
    usual = Selection.default(site[0])
    assert usual.active == "faces-in-things"
    assert usual.shown == ("faces-in-things", "things-without-faces")
    assert usual.colour == "column:label"


def test_what_is_dumped_is_parsed_again(site: Site) -> None:
    collection = site[0]
    one = replace(
        Selection.default(collection),
        focus=3,
        lasso=((0.0, 0.5), (1.0, 0.0), (1.0, 1.5)),
        picked=("column:label", 1),
        view=(0.0, 1.0, 2.0, 3.5),
        theme="dark",
        member=-1,
    )
    assert Selection.parse(one.dump(), collection) == one


@pytest.mark.parametrize(
    "change",
    [
        {"focus": -1},
        {"focus": 10**9},
        {"focus": True},
        {"focus": "1"},
        {"focus": 1.0},
        {"shown": "faces-in-things"},
        {"shown": ["nothing"]},
        {"shown": [["x"]]},
        {"active": 7},
        {"active": "../../etc/passwd"},
        {"colour": "column:path"},
        {"colour": None},
        {"lasso": [[0, 0], [1, 1]]},
        {"lasso": [[0, 0], [1, 1], [2]]},
        {"lasso": [[0, 0], [1, 1], [float("nan"), 2]]},
        {"lasso": [[0, 0]] * 10_000},
        {"picked": ["column:label", 999]},
        {"picked": ["column:nothing", 0]},
        {"picked": ["cluster", -1]},
        {"picked": [1]},
        {"view": [0, 0, 1, 2]},
        {"view": [1, 0, 1, 2]},
        {"view": [0, 1, 2]},
        {"theme": "pink"},
        {"space": "nothing"},
        {"aspect": "wide"},
        {"edition": -1},
        {"layout": "pca"},
        {"layout": None},
        {"arrangement": "heap"},
        {"drawn_on": "umap"},
        {"drawn_on": "pca points"},
    ],
    ids=str,
)
def test_what_does_not_exist_is_refused(site: Site, change: dict[str, Any]) -> None:
    with pytest.raises(QueryError):
        Selection.parse({**Selection.default(site[0]).dump(), **change}, site[0])


@pytest.mark.parametrize("data", [None, [], "text", {}, {"fingerprint": "another"}])
def test_a_page_of_another_collection_is_told_to_reload(site: Site, data: object) -> None:
    with pytest.raises(QueryError, match="Reload the page"):
        Selection.parse(data, site[0])


@given(search=st.text(max_size=80))
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_no_address_gives_anything_but_a_view_or_our_own_error(site: Site, search: str) -> None:
    for text in (
        search,
        f"?lasso={search}",
        f"?view={search}&focus={search}",
        f"?pick={search}&sets={search}",
    ):
        with suppress(QueryError):  # told to the reader; anything else would be a traceback
            assert isinstance(Selection.from_address(text, site[0]), Selection)


@pytest.mark.parametrize(
    "command", [None, {}, {"do": "format"}, {"do": ["open"]}, {"do": "save"}, {"do": "remove", "set": 1}]
)
def test_unknown_commands_are_refused(site: Site, command: object) -> None:
    with pytest.raises(QueryError, match="Reload the page"):
        carry_out(site[0], command)


def test_a_command_of_an_older_page_is_refused(site: Site) -> None:
    with pytest.raises(QueryError, match="changed since"):
        carry_out(site[0], {"do": "remove", "set": "cars", "fingerprint": "0"})
    assert "cars" in site[0].query_sets


def test_an_address_that_names_something_gone_keeps_the_rest(site: Site) -> None:
    search = "?page=explore&sets=gone&active=gone&queries=s.gone,r4*5!~mine&strip=s.gone&first=7&focus=999999"
    found, all_shown = Selection.closest(search, site[0])
    usual = Selection.default(site[0])
    assert not all_shown
    assert (found.page, found.first, found.strip) == ("explore", 7, "map")
    assert [(one.key, one.slot, one.pinned, one.name) for one in found.queries] == [("r4", 5, True, "mine")]
    assert (found.shown, found.active, found.focus) == (usual.shown, usual.active, None)
    assert Selection.closest("?page=explore&first=7", site[0])[1]
