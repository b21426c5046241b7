"""What the map shows for a selection: the figure, the legend, and what there is to say about it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import plotly.graph_objects as go
from dash import html
from dash.development.base_component import Component

from dxr_dash import api, settings
from dxr_dash.browser import legends, urls
from dxr_dash.browser.chosen import column, selected_rows
from dxr_dash.browser.state import CLUSTER, COLUMN, DISTANCE, Selection
from dxr_dash.collection.query_sets import QuerySet
from dxr_dash.collection.store import Collection
from dxr_dash.figures import colouring as colourings
from dxr_dash.figures import theme as words
from dxr_dash.figures.detail import points_in_view, stratified_order
from dxr_dash.figures.map_figure import Marked, map_figure, widened
from dxr_dash.figures.theme import Theme, theme
from dxr_dash.records import IntArray

SVG_POINTS_LIMIT = 5_000  # without WebGL each point is an element of the page


def map_of(collection: Collection, selection: Selection) -> tuple[go.Figure, list[Component], str]:
    """Draw the map, its legend, and what there is to say about it."""
    colours = theme(selection.theme)
    coordinates = collection.spaces[selection.space].coordinates
    colouring = _colouring(collection, selection, colours)
    sets = collection.query_sets
    # the active set last: on top, and in the widest rings
    drawn = [sets[key] for key in sorted(selection.shown, key=lambda key: key == selection.active)]
    marked = [_marked(collection, one, selection.space, colours) for one in drawn]
    rows = _rows_drawn(collection, selection)
    chosen = selected_rows(collection, selection)
    lit = None
    if chosen is not None:
        lit = np.zeros(len(collection), bool)
        lit[chosen] = True
    figure = map_figure(
        coordinates,
        colouring,
        marked,
        theme=colours,
        revision=f"{selection.space} {selection.opened}",
        rows=rows,
        lit=lit,
        view=selection.view,
        aspect=selection.aspect,
        webgl=selection.webgl,
    )
    legend = [
        legends.marks_legend(marked[::-1], [one.colour for one in drawn[::-1]]),
        *_legend(collection, selection, colouring),
    ]
    return figure, legend, _map_note(collection, selection, rows)


@lru_cache(maxsize=4)
def _order(collection: Collection, space: str) -> IntArray:
    return stratified_order(np.asarray(collection.spaces[space].coordinates))


def _rows_drawn(collection: Collection, selection: Selection) -> IntArray | None:
    """Return the rows to draw, or None where all of them can be drawn."""
    limit = settings.MAP_POINTS_LIMIT if selection.webgl else SVG_POINTS_LIMIT
    if len(collection) <= limit:
        return None
    coordinates = np.asarray(collection.spaces[selection.space].coordinates)
    view = widened(selection.view, selection.aspect) if selection.view else None
    return points_in_view(coordinates, _order(collection, selection.space), view, limit)


def _map_note(collection: Collection, selection: Selection, rows: IntArray | None) -> str:
    parts = []
    if not selection.webgl:
        parts.append("This browser has no WebGL, so the map is drawn more slowly.")
    if rows is not None:
        parts.append(
            f"{words.count(len(rows))} of {words.count(len(collection))} images drawn; zoom in for more."
        )
    return " ".join(parts)


def _colouring(collection: Collection, selection: Selection, colours: Theme) -> colourings.Colouring:
    space = collection.spaces[selection.space]
    if selection.colour == CLUSTER:
        return colourings.by_category(np.asarray(space.clusters), len(space.representatives), colours)
    if selection.colour.startswith(COLUMN):
        values = column(collection, selection.colour.removeprefix(COLUMN))
        return colourings.by_category(values.codes, len(values.categories), colours)
    if selection.colour == DISTANCE and selection.active is not None:
        measured = api.set_distances(collection, selection.active, space=selection.space)
        return colourings.by_distance(measured.set_distance, colours)
    return colourings.plain(len(collection), colours)


def _legend(collection: Collection, selection: Selection, colouring: colourings.Colouring) -> list[Component]:
    what, code = selection.picked or ("", -1)
    picked = code if what == selection.colour else None
    space = collection.spaces[selection.space]
    if selection.colour == CLUSTER:
        names, pictures = (
            space.cluster_names,
            [urls.thumbnail(collection, int(row)) for row in space.representatives],
        )
        counts = np.bincount(space.clusters, minlength=len(names))
        return [legends.category_legend(names, counts, colouring, CLUSTER, picked, pictures)]
    if selection.colour.startswith(COLUMN):
        values = column(collection, selection.colour.removeprefix(COLUMN))
        counts = np.bincount(values.codes[values.codes >= 0], minlength=len(values.categories))
        return [legends.category_legend(values.categories, counts, colouring, selection.colour, picked)]
    if selection.colour == DISTANCE:
        if selection.active is None:
            return [html.P("Choose a query set to colour by the distance to it.", className="hint")]
        return [legends.distance_legend(colouring, collection.query_sets[selection.active].name)]
    return []


def _marked(collection: Collection, one: QuerySet, space: str, colours: Theme) -> Marked:
    outside_at = np.zeros(0, np.int64)
    if one.outside:
        measured = api.set_distances(collection, one.id, space=space)
        outside_at = measured.nearest_rows[measured.items < 0, 0]
    return Marked(one.name, colours.sets[one.colour], np.array(one.rows, np.int64), outside_at)
