"""The strip: many images in a line as slivers, and a lens over them.

The server says which images stand in line and draws their slivers. `assets/strip.js` does the rest.
"""

from __future__ import annotations

import re

from dash import html
from dash.development.base_component import Component

from dxr_dash import api
from dxr_dash.browser import ids
from dxr_dash.browser.attributes import attributes
from dxr_dash.browser.chosen import selected_rows
from dxr_dash.browser.state import Selection
from dxr_dash.collection.store import Collection
from dxr_dash.collection.tiles import MOST_SLIVERS
from dxr_dash.errors import QueryError
from dxr_dash.records import IntArray

_ROWS = re.compile(rf"\d{{1,9}}(?:,\d{{1,9}}){{0,{MOST_SLIVERS - 1}}}", re.ASCII)


def strip_panel() -> Component:
    """Build the frame of the panel; the script fills it."""
    source = html.Label(
        [
            html.Span("Show"),
            html.Select(
                html.Option("All images, in map order", value="map"),
                id=ids.STRIP_SOURCE,
                title="Which images stand in line",
            ),
        ],
        className="control strip-source",
    )
    lens = html.Label(
        html.Span("Lens"),
        id=ids.STRIP_LENS,
        className="control",
        title="How strongly the lens enlarges; at the left end not at all. Below the slivers it holds still",
    )
    head = html.Div(
        [
            html.H2("Strip"),
            source,
            html.Span(id=ids.STRIP_FACTS, className="hint"),
            html.Span(className="spring"),
            lens,
        ],
        className="panel-head",
    )
    stage = html.Div(
        html.P(id=ids.STRIP_NOTE, className="hint strip-note", hidden=True),
        id=ids.STRIP_STAGE,
        className="strip-stage",
        role="slider",
        tabIndex=0,
        **attributes({"aria-label": "Strip of images", "aria-valuemin": 1, "aria-valuenow": 1}),
    )
    return html.Section([head, stage], className="panel strip-panel", **attributes({"aria-label": "Strip"}))


def selected_in_map_order(collection: Collection, search: str) -> IntArray:
    """Return the rows of the images that an address selects, in the order of its layout.

    Raises:
        QueryError: the address cannot be shown, or selects nothing.
    """
    selection = Selection.from_address(search, collection)
    rows = selected_rows(collection, selection)
    if rows is None:
        raise QueryError("Nothing is selected.", "Draw a lasso on the map, or choose a group in its legend.")
    return api.rows_in_map_order(collection, space=selection.space, layout=selection.layout, among=rows)


def rows_named(text: str) -> list[int]:
    """Read gallery rows from an address.

    Raises:
        QueryError: it is no list of rows, or too long.
    """
    if not _ROWS.fullmatch(text):
        raise QueryError("An address names no list of images.", f"Give 1 to {MOST_SLIVERS} rows with commas.")
    return [int(row) for row in text.split(",")]
