"""The page "Compare": the shown query sets side by side, in one feature space or in all of them.

The server draws; `assets/compare.js` lights up one set everywhere and reads all curves at one distance.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from dash import dcc, html
from dash.development.base_component import Component

from dxr_dash import api, settings
from dxr_dash.analysis.baseline import closer_than
from dxr_dash.browser import ids
from dxr_dash.browser.attributes import attributes
from dxr_dash.browser.compare_table import compare_table, differences_said, quantile_table
from dxr_dash.browser.explained_panel import explained
from dxr_dash.browser.panels import EMPTY_FIGURE, action, message, segments
from dxr_dash.browser.state import Selection
from dxr_dash.browser.sweep_panel import sweep_panel
from dxr_dash.browser.trees import tree
from dxr_dash.collection.query_sets import N_COLOURS
from dxr_dash.collection.store import Collection
from dxr_dash.errors import DxrError
from dxr_dash.figures import theme as words
from dxr_dash.figures.compare_figure import (
    PERCENTILE,
    Compared,
    compare_figure,
    compare_height_px,
    compare_rank_figure,
)
from dxr_dash.figures.rank_figure import Drawn
from dxr_dash.figures.theme import theme
from dxr_dash.records import Basis, RankCurve

_OFFERED = 6  # hidden sets that the empty page offers
_HIDDEN = {"display": "none"}
Place = tuple[str, str]


def compare_column(collection: Collection) -> Component:
    """Build the frame of the page."""
    return html.Div(
        [
            _table_panel(collection),
            html.Div([_distances_panel(), _ranks_panel()], className="compare-plots"),
            sweep_panel(),
        ],
        className="column compare",
    )


def explained_panel() -> Component:
    """Build the panel of what a control set explains."""
    return html.Section(
        explained(ids.COMPARED_EXPLAINED, ids.COMPARED_EXPLAINED_STAGE, ids.COMPARED_EXPLAINED_FIGURE),
        className="panel explained-panel",
        **attributes({"aria-label": "What the control set explains"}),
    )


def _table_panel(collection: Collection) -> Component:
    head = [
        html.H2("Compare"),
        html.Span("the query sets with an open eye", className="hint"),
        html.Span(className="spring"),
    ]
    several = len(collection.spaces) > 1
    head.append(
        html.Button(
            "All feature spaces",
            id=ids.EVERYWHERE,
            type="button",
            className="button toggle",
            title=f"Compare in all {len(collection.spaces)} feature spaces"
            if several
            else "This collection has one feature space; `dxr build` with another network or layer adds one",
            disabled=not several,
            **attributes({"data-do": "everywhere", "aria-pressed": False}),
        )
    )
    return html.Section(
        [html.Div(head, className="panel-head"), html.Div(id=ids.COMPARED, className="body")],
        className="panel compared-panel",
        **attributes({"aria-label": "Compare"}),
    )


def _distances_panel() -> Component:
    stage = html.Div(
        [_graph(ids.COMPARED_DISTANCES), html.Div(id=ids.COMPARED_OVERLAY, className="overlay")],
        id=ids.COMPARED_STAGE,
        className="stage",
        style=_HIDDEN,
        tabIndex=0,
        role="group",
        **attributes({"aria-label": "Distances of the compared sets; arrow keys move the reading line"}),
    )
    head = [
        html.H2("Distances"),
        html.Span("point at it to read all curves at one distance", className="hint"),
    ]
    return html.Section(
        [
            html.Div(head, className="panel-head"),
            stage,
            html.Div(id=ids.COMPARED_FACTS, className="body facts-body"),
        ],
        className="panel compared-distances-panel",
        **attributes({"aria-label": "Distances"}),
    )


def _ranks_panel() -> Component:
    scales = (("log", "Log", "Logarithmic ranks"), ("linear", "Linear", "Linear ranks"))
    head = [
        html.H2("Rank curves"),
        html.Span(className="spring"),
        segments("scale", scales, chosen="log", label="Scale of the ranks"),
    ]
    return html.Section(
        [
            html.Div(head, className="panel-head"),
            html.Div(_graph(ids.COMPARED_RANKS), id=ids.COMPARED_RANKS_STAGE, className="stage"),
            html.P("Median over the members of a set; band: its quartiles.", className="hint body"),
        ],
        className="panel compared-ranks-panel",
        **attributes({"aria-label": "Rank curves of the compared sets"}),
    )


def _graph(graph_id: str) -> Component:
    return dcc.Graph(
        id=graph_id,
        figure=EMPTY_FIGURE,
        config={"displayModeBar": False, "doubleClick": "reset", "displaylogo": False},
        responsive=True,
        className="graph",
    )


def places_of(collection: Collection, selection: Selection) -> tuple[list[Place], dict[str, DxrError]]:
    """List what is compared: the shown sets that have images, each in the chosen space, or in every space.

    Returns:
        Sets and spaces; and the sets that cannot be answered for, with the reason.
    """
    spaces = [selection.space]
    if selection.everywhere:
        spaces += [one for one in collection.spaces if one != selection.space]
    places: list[Place] = []
    refused: dict[str, DxrError] = {}
    for key in [key for key in selection.shown if len(collection.query_sets[key])]:
        try:
            for space in spaces:
                api.answer(collection, key, space=space)  # kept: the table asks for it again
            places += [(key, space) for space in spaces]
        except DxrError as error:
            refused[key] = error
    return places, refused


def compared_of(collection: Collection, selection: Selection) -> list[Component]:
    """Show the table and what it says; where there is nothing to compare, how there would be."""
    places, refused = places_of(collection, selection)
    notes = [message(error.problem, error.remedy, tone="error") for error in refused.values()]
    if len(places) < 2:
        notes.append(_too_few(collection, selection))
    if not places:
        return notes
    reference = selection.reference if selection.reference in places else None
    found = api.compare(
        collection,
        list(dict.fromkeys(query_set for query_set, _ in places)),
        spaces=list(dict.fromkeys(space for _, space in places)),
        reference=reference and reference[0],
        reference_space=reference and reference[1],
    )
    sets = collection.query_sets
    return [*notes, compare_table(found, sets), differences_said(found, sets)]


def _too_few(collection: Collection, selection: Selection) -> Component:
    hidden = [one for one in collection.query_sets.values() if len(one) and one.id not in selection.shown]
    one_there = any(len(collection.query_sets[key]) for key in selection.shown)
    title = "Show a second query set" if one_there else "Show two query sets"
    if hidden:
        text = "An open eye in the list of query sets shows a set here as well."
        offers = [
            action(f"Show {words.short(one.name, 40)}", "show", set=one.id) for one in hidden[:_OFFERED]
        ]
    else:
        text = (
            "Draw a lasso on the map and save it, or drop image files anywhere on this page: that makes another set, "
            "and sets are compared here as soon as two are shown."
        )
        offers = [action("To the map", "page", page="answer", class_name="primary")]
    if one_there and len(collection.spaces) > 1:
        offers.append(action("Compare its feature spaces", "everywhere"))
    return message(title, text, *offers)


def distances_of(collection: Collection, selection: Selection) -> tuple[Any, dict[str, str], str]:
    """Draw the distances of all that is compared; say how high that is, and what it rests on."""
    places, _ = places_of(collection, selection)
    if not places:
        return EMPTY_FIGURE, _HIDDEN, tree(None)
    baseline, groups = api.compared_distributions(collection, places)
    several = len({space for _, space in places}) > 1
    labels = [_label(collection, place, several=several) for place in places]
    drawn = [
        Compared(label, _slot(collection, selection, place), within, to_gallery)
        for label, place, (within, to_gallery) in zip(labels, places, groups, strict=True)
    ]
    first = {space: query_set for query_set, space in reversed(places)}  # the baseline is that of the space
    bases = [api.answer(collection, query_set, space=space).basis for space, query_set in first.items()]
    bound = max(one.baseline_bound for one in bases)
    figure = compare_figure(
        baseline,
        drawn,
        bound=bound,
        axis=PERCENTILE if several else f"{collection.space(selection.space).metric} distance",
        theme=theme(selection.theme),
        revision=f"{[space for _, space in places]} {selection.opened}",
    )
    colours = [collection.query_sets[query_set].colour for query_set, _ in places]
    unit = PERCENTILE if several else "distances"
    quantiles = quantile_table(
        baseline,
        [(label, colour, *group) for label, colour, group in zip(labels, colours, groups, strict=True)],
        unit,
    )
    facts = [html.P(_how_to_read(bases, several=several), className="hint"), quantiles]
    return figure, {"height": f"{compare_height_px(len(drawn))}px"}, tree(facts)


def _how_to_read(bases: Sequence[Basis], *, several: bool) -> str:
    how = "Full: distances within a set. Dotted: from the set to the gallery."
    if several:
        how += (
            " Distances of two feature spaces have no common unit, so each is placed among the random pairs of its "
            "own space: the diagonal is random."
        )
    one = max(bases, key=lambda one: one.baseline_bound)
    if one.all_pairs:
        return f"{how} Grey: all {words.count(one.n_baseline)} pairs of the gallery."
    return (
        f"{how} Grey: {words.count(one.n_baseline)} random pairs; with {words.percent(one.confidence)} confidence the "
        f"curve is nowhere off by more than {100 * one.baseline_bound:.1f} points."
    )


def ranks_of(collection: Collection, selection: Selection) -> Any:
    """Draw the rank curves of all that is compared."""
    places, _ = places_of(collection, selection)
    if not places:
        return EMPTY_FIGURE
    several = len({space for _, space in places}) > 1
    drawn = []
    for number, place in enumerate(places):
        curve = api.rank_curve(collection, place[0], space=place[1])
        if several:
            curve = _among_pairs(curve, collection.space(place[1]).baseline)
        drawn.append(Drawn(str(number), _slot(collection, selection, place), curve))
    metric = PERCENTILE if several else collection.space(selection.space).metric
    figure: go.Figure = compare_rank_figure(
        drawn[::-1],
        metric=metric,
        axis=PERCENTILE if several else "",
        references=_references(collection, selection, several=several),
        scale=selection.scale,
        theme=theme(selection.theme),
        revision=f"{selection.space} {selection.opened}",
    )
    return figure


def _references(collection: Collection, selection: Selection, *, several: bool) -> list[tuple[float, str]]:
    base = api.baseline(collection, space=selection.space)
    if several or not len(base):
        return []
    near = float(np.quantile(base, settings.NOISE_QUANTILE))
    return [(near, f"{words.percent(settings.NOISE_QUANTILE)} of random pairs are nearer than this")]


def _among_pairs(curve: RankCurve, base: np.ndarray) -> RankCurve:
    """Replace a curve's distances by the share of random pairs that are nearer."""
    middle, low, high = (
        None if part is None else 1.0 - closer_than(part, base)
        for part in (curve.distances, curve.low, curve.high)
    )
    return RankCurve(
        curve.ranks,
        np.empty(0) if middle is None else middle,
        low,
        high,
        curve.n_ranked,
        curve.n_members,
        curve.beyond,
    )


def _slot(collection: Collection, selection: Selection, place: Place) -> int:
    """Choose colour and kind of line: the set's colour, and another kind of line in every other space."""
    spaces = [selection.space, *(one for one in collection.spaces if one != selection.space)]
    return collection.query_sets[place[0]].colour + N_COLOURS * spaces.index(place[1])


def _label(collection: Collection, place: Place, *, several: bool) -> str:
    name = collection.query_sets[place[0]].name
    return f"{words.short(name, 15)} · {words.short(place[1], 22)}" if several else words.short(name, 28)
