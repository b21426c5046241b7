"""What the control set explains: one sentence, and X, control and gallery on one picture below it."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
from dash import dcc, html
from dash.development.base_component import Component

from dxr_dash import api
from dxr_dash.analysis import compared
from dxr_dash.browser.attributes import attributes
from dxr_dash.browser.panels import EMPTY_FIGURE
from dxr_dash.browser.state import Selection
from dxr_dash.browser.trees import tree
from dxr_dash.collection.query_sets import QuerySet
from dxr_dash.collection.store import Collection
from dxr_dash.errors import DxrError
from dxr_dash.figures.control_figure import CONTROL_HEIGHT_PX, control_figure, medians
from dxr_dash.figures.theme import theme

_HOW_TO_READ = (
    "Dashed line: the median within the set. What has its median there, too, is as near as the set itself."
)
_HIDDEN = {"display": "none"}


def explained(text_id: str, stage_id: str, figure_id: str) -> Component:
    """Build the frame; it is out of sight while there is no control set."""
    graph = dcc.Graph(
        id=figure_id,
        figure=EMPTY_FIGURE,
        config={"displayModeBar": False, "doubleClick": False, "displaylogo": False},
        responsive=True,
        className="graph",
    )
    return html.Div(
        [
            html.Div(id=text_id, className="explained-text"),
            html.Div(graph, id=stage_id, className="stage", style=_HIDDEN),
        ],
        className="explained",
    )


def explained_of(collection: Collection, selection: Selection) -> tuple[str, Any, dict[str, str]]:
    """Return the sentence, the picture and how high it is; nothing where no set in question has a control set."""
    one = _in_question(collection, selection)
    try:
        answer = None if one is None else api.answer(collection, one.id, space=selection.space)
        found = {} if one is None else api.control_distributions(collection, one.id, space=selection.space)
    except DxrError:  # the answer itself says why
        return tree(None), EMPTY_FIGURE, _HIDDEN
    if one is None or answer is None or answer.control is None or not found:
        return tree(None), EMPTY_FIGURE, _HIDDEN
    colours = theme(selection.theme)
    control = collection.query_sets[one.control or ""]
    figure: go.Figure = control_figure(
        found,
        answer,
        colours=(colours.sets[one.colour], colours.sets[control.colour]),
        metric=collection.space(selection.space).metric,
        theme=colours,
        revision=selection.space,
    )
    text = [
        html.H3("What the control set explains"),
        html.P(compared.explained(answer), className="finding", dir="auto"),
        html.P(
            _HOW_TO_READ, className="hint", **attributes({"aria-label": f"{_HOW_TO_READ} {medians(found)}"})
        ),
    ]
    return tree(text), figure, {"height": f"{CONTROL_HEIGHT_PX}px"}


def _in_question(collection: Collection, selection: Selection) -> QuerySet | None:
    """Choose the set to explain: the active one, else the first shown one, that has a control set."""
    sets = collection.query_sets
    for key in dict.fromkeys((selection.active, *selection.shown)):
        one = sets.get(key or "")
        if one is not None and one.control in sets:
            return one
    return None
