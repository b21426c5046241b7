"""On the page "Compare", once all feature spaces are looked at: the active set against depth, as in a sweep."""

from __future__ import annotations

from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from dxr_dash import api
from dxr_dash.browser import ids
from dxr_dash.browser.attributes import attributes
from dxr_dash.browser.panels import EMPTY_FIGURE
from dxr_dash.browser.state import Selection
from dxr_dash.browser.trees import tree
from dxr_dash.collection.store import Collection
from dxr_dash.errors import DxrError
from dxr_dash.figures import theme as words
from dxr_dash.figures.sweep_figure import SWEEP_PX, in_words, sweep_figure
from dxr_dash.figures.theme import theme


def sweep_panel() -> Component:
    """Build the panel; it is hidden unless all feature spaces are compared."""
    graph = dcc.Graph(
        id=ids.SWEEP,
        figure=EMPTY_FIGURE,
        config={"displayModeBar": False, "doubleClick": "reset", "displaylogo": False},
        responsive=False,  # every space has the same room, however many there are
        style={"height": f"{SWEEP_PX}px"},
    )
    return html.Section(
        [
            html.Div([html.H2("Against depth")], className="panel-head"),
            html.Div(id=ids.SWEEP_SAID, className="body"),
            html.Div(graph, className="sweep-stage"),
        ],
        id=ids.SWEEP_PANEL,
        className="panel sweep-panel",
        hidden=True,
        **attributes({"aria-label": "Against depth"}),
    )


def sweep_of(collection: Collection, selection: Selection) -> tuple[Any, str, bool]:
    """Draw the active set through all feature spaces; say what that says, and whether there is nothing to show."""
    key = _asked(collection, selection)
    if key is None:
        return EMPTY_FIGURE, tree(None), True
    try:
        found = api.swept_spaces(collection, key, list(collection.spaces))
    except DxrError:  # the table says why
        return EMPTY_FIGURE, tree(None), True
    said: list[Component] = [html.P(one.sentence, dir="auto") for one in found.answers]
    reading = [
        "AUROC above, mAP below, with their intervals; the layers of a network from left to right.",
        "Rings are controls for depth, the best of them the dashed line; dotted is chance.",
    ]
    if found.control:
        reading.append(f"Small dots: against the control set \u2068{words.short(found.control, 40)}\u2069.")
    said.append(html.P(" ".join(reading), className="hint", dir="auto"))
    said.append(html.P(in_words(found), className="spoken", dir="auto"))
    return sweep_figure(found, theme=theme(selection.theme)), tree(said), False


def _asked(collection: Collection, selection: Selection) -> str | None:
    """Return the set to draw: the active one, else the first that is shown; none where one space is compared."""
    if not selection.everywhere or len(collection.spaces) < 2:
        return None
    sets = collection.query_sets
    shown = sorted(selection.shown, key=lambda key: key != selection.active)
    return next((key for key in shown if len(sets[key])), None)
