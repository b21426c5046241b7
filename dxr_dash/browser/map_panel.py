"""What the map shows for a selection: the figure, the legend, and what there is to say about it."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import plotly.graph_objects as go
from dash import html
from dash.development.base_component import Component

from dxr_dash import api, settings
from dxr_dash.browser import legends, urls
from dxr_dash.browser.chosen import column, selected_rows
from dxr_dash.browser.paint import paint_of, places_of
from dxr_dash.browser.state import CLUSTER, COLUMN, DISAGREEMENT, DISTANCE, MOSAIC, TRUST, Selection
from dxr_dash.browser.trees import tree
from dxr_dash.collection.layouts import Layout
from dxr_dash.collection.query_sets import QuerySet
from dxr_dash.collection.store import Collection
from dxr_dash.figures import colouring as colourings
from dxr_dash.figures import theme as words
from dxr_dash.figures.detail import points_in_view, stratified_order
from dxr_dash.figures.map_figure import Marked, map_figure, widened
from dxr_dash.figures.paint import colour_image
from dxr_dash.figures.theme import Theme, theme
from dxr_dash.records import BoolArray, IntArray, Mosaic

SVG_POINTS_LIMIT = 5_000  # without WebGL each point is an element of the page
GRID_MARGIN = 0.02  # of the mosaic's longer side, around it
NO_ROWS = np.zeros(0, np.int64)


def map_of(collection: Collection, selection: Selection) -> tuple[go.Figure, str, str, Component]:
    """Draw the map, its legend as a tree, what there is to say about it, and how far it can be trusted."""
    colours = theme(selection.theme)
    layout = _layout(collection, selection)
    in_cells = selection.arrangement == MOSAIC
    colouring = colouring_of(collection, selection, colours)
    drawn, marked = sets_on_map(collection, selection, selection.space, colours)
    rows = NO_ROWS if in_cells else _rows_drawn(collection, selection)
    lit = lit_rows(collection, selection)
    figure = map_figure(
        layout.positions if in_cells else layout.coordinates,
        colouring,
        # in the mosaic, scripts draw outlines of cells in place of rings
        [replace(one, rows=NO_ROWS) for one in marked] if in_cells else marked,
        theme=colours,
        revision=f"{selection.space} {layout.name} {selection.opened}",
        rows=rows,
        lit=lit,
        view=selection.view or (_whole_grid(layout.mosaic) if in_cells else None),
        aspect=selection.aspect,
        webgl=selection.webgl,
        meta=paint_of(collection, selection, marked, lit, colours),
    )
    legend = [
        legends.marks_legend(marked[::-1], [one.colour for one in drawn[::-1]], in_cells=in_cells),
        *_legend(collection, selection, colouring),
    ]
    note = "" if in_cells else _map_note(collection, selection, rows)
    return figure, tree(legend), note, legends.trust_line(layout, in_cells=in_cells)


def colours_of(collection: Collection, selection: Selection) -> bytes:
    """Paint the colour of each image, one pixel each: a PNG file."""
    places, size = places_of(collection, selection)
    return colour_image(colouring_of(collection, selection, theme(selection.theme)), places, size)


def colouring_of(collection: Collection, selection: Selection, colours: Theme) -> colourings.Colouring:
    """Return the colour of each image."""
    space = collection.spaces[selection.space]
    if selection.colour == CLUSTER:
        return colourings.by_category(np.asarray(space.clusters), len(space.representatives), colours)
    if selection.colour.startswith(COLUMN):
        values = column(collection, selection.colour.removeprefix(COLUMN))
        return colourings.by_category(values.codes, len(values.categories), colours)
    if selection.colour == DISTANCE and selection.active is not None:
        measured = api.nearest_members(collection, selection.active, space=selection.space)
        return colourings.by_distance(measured.distances, colours)
    if selection.colour == DISAGREEMENT and selection.beside is not None:
        compared = api.disagreement(collection, selection.space, selection.beside)
        return colourings.by_agreement(compared.shares, colours)
    if selection.colour == TRUST:
        return colourings.by_trust(_layout(collection, selection).kept, colours)
    return colourings.plain(len(collection), colours)


def _layout(collection: Collection, selection: Selection) -> Layout:
    return collection.spaces[selection.space].layout(selection.layout)


@lru_cache(maxsize=4)
def order_of(layout: Layout) -> IntArray:
    """Return the order in which more and more of a layout's images are drawn."""
    return stratified_order(np.asarray(layout.coordinates))


def points_limit(selection: Selection) -> int:
    """Return how many points a map can carry in this browser."""
    return settings.MAP_POINTS_LIMIT if selection.webgl else SVG_POINTS_LIMIT


def _rows_drawn(collection: Collection, selection: Selection) -> IntArray | None:
    """Return the rows to draw, or None where all of them can be drawn."""
    limit = points_limit(selection)
    if len(collection) <= limit:
        return None
    layout = _layout(collection, selection)
    view = widened(selection.view, selection.aspect) if selection.view else None
    return points_in_view(np.asarray(layout.coordinates), order_of(layout), view, limit)


def _whole_grid(mosaic: Mosaic) -> tuple[float, float, float, float]:
    """Return the view that shows every cell, with a margin."""
    width, height = mosaic.columns * mosaic.cell, mosaic.rows * mosaic.cell
    pad = GRID_MARGIN * max(width, height)
    left, top = mosaic.left - pad, mosaic.top + pad
    return left, left + width + 2 * pad, top - height - 2 * pad, top


def _map_note(collection: Collection, selection: Selection, rows: IntArray | None) -> str:
    parts = []
    if not selection.webgl:
        parts.append("This browser has no WebGL, so the map is drawn more slowly.")
    if rows is not None:
        share = f"{words.count(len(rows))} of {words.count(len(collection))} images"
        whole_view = len(rows) < points_limit(selection)
        parts.append(f"{share} are in view." if whole_view else f"{share} drawn; zoom in for more.")
    return " ".join(parts)


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
    return _legend_of_quantity(collection, selection, colouring)


def _legend_of_quantity(
    collection: Collection, selection: Selection, colouring: colourings.Colouring
) -> list[Component]:
    if selection.colour == DISTANCE:
        if selection.active is None:
            return [html.P("Choose a query set to colour by the distance to it.", className="hint")]
        return [legends.distance_legend(colouring, collection.query_sets[selection.active].name)]
    if selection.colour == DISAGREEMENT:
        if selection.beside is None:
            return [
                html.P(
                    "Choose a map beside this one: two spaces share neighbours, or do not.", className="hint"
                )
            ]
        compared = api.disagreement(collection, selection.space, selection.beside)
        return [legends.agreement_legend(colouring, compared)]
    if selection.colour == TRUST:
        return [legends.trust_legend(colouring, _layout(collection, selection))]
    return []


def sets_on_map(
    collection: Collection, selection: Selection, space: str, colours: Theme
) -> tuple[list[QuerySet], list[Marked]]:
    """List the sets to draw, and their rings and diamonds on the map of a space."""
    sets = collection.query_sets
    # the active set last: on top, and in the widest rings
    drawn = [sets[key] for key in sorted(selection.shown, key=lambda key: key == selection.active)]
    return drawn, [_marked(collection, one, space, colours) for one in drawn]


def lit_rows(collection: Collection, selection: Selection) -> BoolArray | None:
    """Say which images are selected: (N,); None when nothing is."""
    chosen = selected_rows(collection, selection)
    if chosen is None:
        return None
    lit = np.zeros(len(collection), np.bool_)
    lit[chosen] = True
    return lit


def _marked(collection: Collection, one: QuerySet, space: str, colours: Theme) -> Marked:
    outside_at = np.zeros(0, np.int64)
    if one.outside:
        outside_at = api.nearest_to_outside(collection, one.id, space=space)
    return Marked(one.name, colours.sets[one.colour], np.array(one.rows, np.int64), outside_at)
