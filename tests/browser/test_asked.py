"""What nobody's page can have sent is refused, and nothing of it reaches a terminal as it is."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

import pytest
from dash import Dash
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from dxr_dash.browser import ids
from dxr_dash.browser.asked import ASK, is_question
from dxr_dash.browser.logs import PlainText
from dxr_dash.browser.server import create_app
from tests.browser.conftest import Site

GOOD: Mapping[str, Any] = {
    "output": f"{ids.FOUND}.data-tree",
    "outputs": {"id": ids.FOUND, "property": "data-tree"},
    "inputs": [{"id": ids.FOUND_VIEW, "property": "data", "value": "cup"}],
    "changedPropIds": [f"{ids.FOUND_VIEW}.data"],
}
ORIGIN = {"Origin": "http://localhost"}


@pytest.fixture(scope="module")
def app(site: Site) -> Dash:
    found = create_app(site[0])
    found.server.test_client().get("/_dash-dependencies")
    return found


@pytest.fixture
def client(app: Dash) -> FlaskClient:
    found: FlaskClient = app.server.test_client()
    return found


def ask(client: FlaskClient, body: str) -> int:
    return client.post(ASK, data=body, content_type="application/json", headers=ORIGIN).status_code


def test_the_pages_own_question_is_answered(client: FlaskClient) -> None:
    assert ask(client, json.dumps(GOOD)) == 200


WRONG: tuple[Any, ...] = (None, 5, "x", {}, [5], [None])


@pytest.mark.parametrize(
    "body",
    ["null", "[]", "1", '"x"', "{}", "NaN", "", "{", '{"output":5}', '{"output":["a"]}', "[" * 50_000]
    + [json.dumps({**GOOD, key: value}) for key in GOOD for value in WRONG]
    + [json.dumps({**GOOD, "state": [{}]}), json.dumps({**GOOD, "output": f"{ids.SELECTION}.data"})],
)
def test_a_question_of_another_form_is_refused(client: FlaskClient, body: str) -> None:
    assert ask(client, body) == 400


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.sampled_from(["output", "inputs", "outputs", "state", "changedPropIds"]), JSON))
def test_nothing_at_random_is_a_question(body: dict[str, Any]) -> None:
    known = {"a.b": {"callback": print, "inputs": [{"id": "c", "property": "d"}]}}
    assert not is_question(known, body)


@pytest.mark.parametrize("path", ["%1b[31mRED%0aFAKE/x.js", "dxr_dash/server.py", "os/../x.js", "dash/x.js"])
def test_a_script_that_is_not_there_is_not_found(client: FlaskClient, path: str) -> None:
    assert client.get(f"/_dash-component-suites/{path}").status_code == 404


@pytest.mark.parametrize(
    "origin", ["http://[", "//localhost", "ftp://localhost", "javascript:x", "http://localhost:1"]
)
def test_an_origin_that_is_not_ours_is_refused(client: FlaskClient, origin: str) -> None:
    assert client.post(ASK, json=GOOD, headers={"Origin": origin}).status_code == 403


def test_what_is_logged_is_one_line_that_no_terminal_obeys() -> None:
    try:
        raise ValueError("\x1b]0;title\x07\nnext\u202e")
    except ValueError as error:
        record = logging.LogRecord(
            "x",
            logging.ERROR,
            "",
            0,
            "GET %s",
            ("/\x1b[31mred\r\nfake",),
            (ValueError, error, error.__traceback__),
        )
    said = PlainText("%(message)s").format(record)
    first, *rest = said.split("\n")
    assert first == r"GET /\x1b[31mred\r\nfake"
    assert rest[0] == "Traceback (most recent call last):"
    assert rest[-1] == r"next\u202e"
    assert all(line.isprintable() for line in [first, *rest])
