"""The rank curves: a summary of all queries, and for each a row with its image, its curve and its filmstrip.

The server draws the summary and the frame of the rows. `assets/ranks.js` draws what moves: the brush, the rows'
curves and filmstrips, and the marks of the image under the pointer.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from dash import dcc, html
from dash.development.base_component import Component

from dxr_dash import api, settings
from dxr_dash.analysis.distances import METRICS
from dxr_dash.browser import ids
from dxr_dash.browser.attributes import attributes
from dxr_dash.browser.panels import (
    EMPTY_FIGURE,
    action,
    field,
    icon_action,
    message,
    picture,
    segments,
    thumb,
)
from dxr_dash.browser.queries import Query
from dxr_dash.browser.state import Selection
from dxr_dash.collection.query_sets import QuerySet
from dxr_dash.collection.store import Collection
from dxr_dash.errors import DxrError
from dxr_dash.figures import theme as words
from dxr_dash.figures.rank_figure import Drawn, line_style, rank_figure
from dxr_dash.figures.theme import theme
from dxr_dash.records import RankCurve

SHEET_IMAGES = 4  # of a set, in place of one image
_REFERENCES = (settings.NOISE_QUANTILE, 0.5)  # quantiles of the baseline that are drawn as lines


def rank_panel() -> Component:
    """Build the frame of the panel."""
    return html.Section(
        [_head(), _stage(), html.Ol(id=ids.ROWS, className="rank-rows")],
        className="panel ranks-panel",
        **attributes({"aria-label": "Rank curves"}),
    )


def _head() -> Component:
    metric = html.Label(
        [
            html.Span("Metric"),
            html.Select(
                [html.Option(one, value=one) for one in METRICS],
                id=ids.METRIC,
                title="Of the rank curves and filmstrips; map and answer keep their own",
                **attributes({"data-do": "metric"}),
            ),
        ],
        className="control",
    )
    scales = (("log", "Log", "Logarithmic ranks"), ("linear", "Linear", "Linear ranks"))
    brush = html.Div(
        [
            html.Label("Ranks from", htmlFor=ids.BRUSH_FIRST),
            field(ids.BRUSH_FIRST, "First rank of the brush", class_name="number"),
            html.Label("show", htmlFor=ids.BRUSH_WIDTH),
            field(ids.BRUSH_WIDTH, "Ranks in the brush", class_name="number"),
        ],
        className="control brush-fields",
        title="Type ranks, or drag on a curve; [ and ] step by one, { and } by a brush",
    )
    return html.Div(
        [
            html.H2("Rank curves"),
            segments("scale", scales, chosen="log", label="Scale of the ranks"),
            metric,
            html.Span(className="spring"),
            brush,
        ],
        className="panel-head",
    )


def _stage() -> Component:
    graph = dcc.Graph(
        id=ids.RANKS,
        figure=EMPTY_FIGURE,
        config={"displayModeBar": False, "doubleClick": False, "displaylogo": False},
        responsive=True,
        className="graph",
    )
    return html.Div(
        [graph, html.Div(id=ids.RANKS_OVERLAY, className="overlay")], id=ids.RANKS_STAGE, className="stage"
    )


def ranks_of(collection: Collection, selection: Selection) -> tuple[go.Figure, list[Component]]:
    """Draw the curves of all queries, and the frame of a row for each.

    A query whose ranking cannot be had keeps its row, which then says why.
    """
    colours = theme(selection.theme)
    drawn: list[Drawn] = []
    rows: list[Component] = []
    for place, query in enumerate(selection.queries):
        try:
            curve = api.rank_curve(collection, query.asked, space=selection.space, metric=selection.metric)
            drawn.append(Drawn(query.key, query.slot, curve))
            rows.append(_row(collection, query, curve, selection, place))
        except DxrError as error:
            rows.append(_failed_row(collection, query, error))
    figure = rank_figure(
        drawn[::-1],  # the first row's curve on top
        metric=selection.metric,
        references=_references(collection, selection),
        scale=selection.scale,
        theme=colours,
        revision=f"{selection.space} {selection.opened}",
    )
    return figure, [_tools(collection, selection), *rows]


def _references(collection: Collection, selection: Selection) -> list[tuple[float, str]]:
    base = api.baseline(collection, space=selection.space, metric=selection.metric)
    if not len(base):
        return []
    near, middle = (float(one) for one in np.quantile(base, _REFERENCES))
    return [
        (near, f"{words.percent(_REFERENCES[0])} of random pairs are nearer than this"),
        (middle, "half of them"),
    ]


def _row(
    collection: Collection, query: Query, curve: RankCurve, selection: Selection, place: int
) -> Component:
    one = collection.query_sets.get(query.set_id or "")
    name = query.name or _own_name(collection, query, one)
    colour, dash = line_style(query.slot, theme(selection.theme))
    text = html.Div(
        [
            html.P(name, className="name", dir="auto", title=name),
            html.P(_facts(collection, query, curve, one), className="hint", dir="auto"),
            html.P(className="precision hint"),
        ],
        className="rank-text",
    )
    return html.Li(
        [
            _head_of_row(collection, query, one),
            text,
            html.Div(className="rank-curve"),
            _row_actions(query, name, place, len(selection.queries)),
            html.Div(
                className="rank-film",
                role="group",
                **attributes({"aria-label": f"Images nearest to {name}"}),
            ),
        ],
        key=query.key,
        className="rank-row" + (" pinned" if query.pinned else ""),
        style={"--query": colour},
        **attributes({"data-key": query.key, "data-name": name, "data-dash": dash, "data-n": curve.n_ranked}),
    )


def _failed_row(collection: Collection, query: Query, error: DxrError) -> Component:
    one = collection.query_sets.get(query.set_id or "")
    name = query.name or _own_name(collection, query, one)
    remove = icon_action("close", f"Remove {name}", "remove-query", key=query.key)
    return html.Li(
        [message(name, str(error), tone="error"), html.Div(remove, className="rank-actions")],
        key=query.key,
        className="rank-row failed",
        **attributes({"data-key": query.key}),
    )


def _own_name(collection: Collection, query: Query, one: QuerySet | None) -> str:
    if query.row is not None:
        return words.short(collection.path(query.row), 200)
    if one is None:
        return "a set that has gone"
    return words.short(one.name if query.outside is None else one.outside[query.outside], 200)


def _head_of_row(collection: Collection, query: Query, one: QuerySet | None) -> Component:
    """Show the query image, or a contact sheet of the set."""
    if query.row is not None:
        return thumb(picture(collection, query.row), class_name="query")
    if one is not None and query.outside is not None:
        return thumb(picture(collection, -1 - query.outside, one), class_name="query")
    items = (
        []
        if one is None
        else one.items[np.linspace(0, len(one) - 1, min(len(one), SHEET_IMAGES)).astype(int)]
    )
    return html.Div([thumb(picture(collection, int(item), one)) for item in items], className="rank-sheet")


def _facts(collection: Collection, query: Query, curve: RankCurve, one: QuerySet | None) -> str:
    if query.row is not None:
        facts = [words.short(collection.label(query.row), 60)]
    elif query.outside is not None:
        facts = ["from outside"]
    else:
        size = len(one) if one is not None else 0
        of = f" (curve from {curve.n_members} of them)" if curve.n_members < size else ""
        facts = [f"{words.count(size)} images{of}, median and quartiles"]
    near = f"the nearest {words.percent(settings.NOISE_QUANTILE)}"
    if curve.beyond > curve.n_ranked:
        facts.append(f"all within {near} of random pairs")
    elif curve.beyond == 1:
        facts.append(f"none within {near} of random pairs")
    elif curve.beyond:
        facts.append(f"leaves {near} at rank {words.count(curve.beyond)}")
    return " · ".join(part for part in facts if part)


def _row_actions(query: Query, name: str, place: int, n_queries: int) -> Component:
    pin = html.Button(
        html.Span(className="icon pin"),
        type="button",
        className="icon-button",
        title="Pinned rows stay on top" if query.pinned else "Pin this row to the top",
        **attributes(
            {
                "data-do": "pin",
                "data-key": query.key,
                "aria-pressed": query.pinned,
                "aria-label": f"Pin {name}",
            }
        ),
    )
    patches = icon_action(
        "patches",
        f"The neighbours of {name}, patch by patch",
        "patches-of",
        key=query.key,
        order=settings.PATCH_ORDER,
    )
    return html.Div(
        [
            icon_action(
                "pencil",
                f"Name this row instead of {name}",
                "name-query",
                key=query.key,
                name=query.name or name,
            ),
            pin,
            icon_action("close", f"Remove {name}", "remove-query", key=query.key),
            icon_action("up", f"Move {name} up", "move-query", disabled=place == 0, key=query.key, by=-1),
            icon_action(
                "down",
                f"Move {name} down",
                "move-query",
                disabled=place == n_queries - 1,
                key=query.key,
                by=1,
            ),
            *([] if isinstance(query.asked, str) else [patches]),  # a set is not one image
        ],
        className="rank-actions",
    )


def _tools(collection: Collection, selection: Selection) -> Component:
    """Offer the query sets that have no row, say how images get one, and what can be done with the rows."""
    there = {query.key for query in selection.queries}
    absent = [one for one in collection.query_sets.values() if f"s.{one.id}" not in there]
    hint = "Click any image to ask with it" + (", or add" if absent else ".")
    parts = [html.Span(hint, className="hint"), *_offers(absent), html.Span(className="spring")]
    if selection.queries:
        merge = "Make a query set of the pinned rows, or of all images when none is pinned"
        parts.append(action("Make a set…", "merge", title=merge))
        parts.append(action("Clear", "clear-queries", title="Remove all rows that are not pinned"))
    return html.Li(parts, className="rank-tools", key="tools")


def _offers(sets: Sequence[QuerySet]) -> list[Component]:
    return [
        html.Button(
            [html.Span(className="ring"), html.Span(one.name, className="name", dir="auto")],
            type="button",
            className=f"button offer set-{one.colour}",
            title=f"Add the curve of {one.name}",
            **attributes({"data-do": "ask-set", "data-set": one.id, "data-slot": one.colour}),
        )
        for one in sets
    ]
