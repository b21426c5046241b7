"""What the map shows for a selection: the figure, the legend, and what there is to say about it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
from dash import html
from dash.development.base_component import Component

from dxr_dash import api, settings
from dxr_dash.api.kept import kept
from dxr_dash.browser import legends, urls
from dxr_dash.browser.chosen import column, selected_rows
from dxr_dash.browser.paint import paint_of, places_of
from dxr_dash.browser.state import CLUSTER, COLUMN, DISTANCE, MOSAIC, TRUST, Selection
from dxr_dash.browser.trees import tree
from dxr_dash.collection.layouts import Layout
from dxr_dash.collection.query_sets import QuerySet
from dxr_dash.collection.store import Collection
from dxr_dash.errors import QueryError
from dxr_dash.figures import colouring as colourings
from dxr_dash.figures import theme as words
from dxr_dash.figures.detail import View, density, points_in_view, stratified_order
from dxr_dash.figures.map_figure import Marked, map_figure, whole, widened
from dxr_dash.figures.paint import colour_image, density_image, veil_image
from dxr_dash.figures.theme import Theme, theme
from dxr_dash.records import BoolArray, IntArray, Mosaic

SVG_POINTS_LIMIT = 5_000  # without WebGL each point is an element of the page
RINGS_LIMIT = 5_000  # of one set: more rings would be a blot
DENSITY_PX = 384  # longer side of the picture behind the points
BEYOND = 0.25  # of the view, on each side of it
GRID_MARGIN = 0.02  # of the mosaic's longer side, around it
NO_ROWS = np.zeros(0, np.int64)


def map_of(collection: Collection, selection: Selection) -> tuple[go.Figure, str, str, Component]:
    """Draw the map, its legend as a tree, what there is to say about it, and how far it can be trusted."""
    colours = theme(selection.theme)
    layout = _layout(collection, selection)
    in_cells = selection.arrangement == MOSAIC
    colouring = colouring_of(collection, selection, colours)
    sets = collection.query_sets
    # the active set last: on top, and in the widest rings
    drawn = [sets[key] for key in sorted(selection.shown, key=lambda key: key == selection.active)]
    rows, n_in_view = (NO_ROWS, 0) if in_cells else _rows_drawn(collection, selection)
    marked = [_marked(collection, one, selection.space, colours) for one in drawn]
    if rows is not None and not in_cells:
        marked = [_in_view(one, rows, len(collection)) for one in marked]
    lit = lit_rows(collection, selection)
    view = selection.view or (_whole_grid(layout.mosaic) if in_cells else None)
    behind = None
    if rows is not None and n_in_view > len(rows):
        behind = _behind(view or whole(layout.coordinates), selection.aspect)
    figure = map_figure(
        layout.positions if in_cells else layout.coordinates,
        colouring,
        # in the mosaic, scripts draw outlines of cells in place of rings
        [replace(one, rows=NO_ROWS) for one in marked] if in_cells else marked,
        theme=colours,
        revision=f"{selection.space} {layout.name} {selection.opened}",
        rows=rows,
        lit=lit,
        view=view,
        aspect=selection.aspect,
        webgl=selection.webgl,
        meta=paint_of(collection, selection, marked, lit is not None, behind),
    )
    legend = [
        legends.marks_legend(marked[::-1], [one.colour for one in drawn[::-1]], in_cells=in_cells),
        *_legend(collection, selection, colouring),
    ]
    note = "" if in_cells else _map_note(collection, selection, rows, n_in_view)
    return figure, tree(legend), note, legends.trust_line(layout, in_cells=in_cells)


def colours_of(collection: Collection, selection: Selection) -> bytes:
    """Paint the colour of each image, one pixel each: a PNG file."""
    places, size = places_of(collection, selection)
    return colour_image(colouring_of(collection, selection, theme(selection.theme)), places, size)


def veil_of(collection: Collection, selection: Selection) -> bytes:
    """Paint what lies over the images that are not selected, one pixel each: a PNG file.

    Raises:
        QueryError: nothing is selected.
    """
    lit = lit_rows(collection, selection)
    if lit is None:
        raise QueryError("Nothing is selected.", "Draw a lasso on the map, or choose a group in its legend.")
    return veil_image(lit, *places_of(collection, selection), theme(selection.theme).paper)


def density_of(collection: Collection, selection: Selection) -> bytes:
    """Paint how many images lie in each part of the selection's view: a PNG file.

    Raises:
        QueryError: there is no view.
    """
    if selection.view is None:
        raise QueryError("No part of the map is named.", "Name its ends: X0,X1,Y0,Y1.")
    x0, x1, y0, y1 = selection.view
    scale = DENSITY_PX / max(x1 - x0, y1 - y0)
    size = max(1, round(scale * (x1 - x0))), max(1, round(scale * (y1 - y0)))
    counts = density(_layout(collection, selection).coordinates, selection.view, size)
    return density_image(counts, theme(selection.theme).baseline)


def lit_rows(collection: Collection, selection: Selection) -> BoolArray | None:
    """Say of each image whether it is selected: (N,); None when nothing is selected."""
    chosen = selected_rows(collection, selection)
    if chosen is None:
        return None
    lit = np.zeros(len(collection), bool)
    lit[chosen] = True
    return lit


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
    if selection.colour == TRUST:
        return colourings.by_trust(_layout(collection, selection).kept, colours)
    return colourings.plain(len(collection), colours)


def _layout(collection: Collection, selection: Selection) -> Layout:
    return collection.spaces[selection.space].layout(selection.layout)


@kept(4)
def _order(layout: Layout) -> IntArray:
    return stratified_order(layout.coordinates)


def _points_limit(selection: Selection) -> int:
    return settings.MAP_POINTS_LIMIT if selection.webgl else SVG_POINTS_LIMIT


def _rows_drawn(collection: Collection, selection: Selection) -> tuple[IntArray | None, int]:
    """Return the rows to draw, None where all of them can be drawn; and how many lie in view."""
    limit = _points_limit(selection)
    if len(collection) <= limit:
        return None, len(collection)
    layout = _layout(collection, selection)
    view = widened(selection.view, selection.aspect) if selection.view else None
    return points_in_view(layout.coordinates, _order(layout), view, limit)


def _behind(view: View, aspect: float) -> View:
    """Return the part of the map whose density is drawn: more than the view, for the sake of panning."""
    x0, x1, y0, y1 = widened(view, aspect)
    wide, high = BEYOND * (x1 - x0), BEYOND * (y1 - y0)
    return x0 - wide, x1 + wide, y0 - high, y1 + high


def _in_view(one: Marked, rows: IntArray, n_images: int) -> Marked:
    """Leave out members that are not drawn, where a set has more than can be told apart."""
    if len(one.rows) <= RINGS_LIMIT:
        return one
    drawn = np.zeros(n_images, bool)
    drawn[rows] = True
    return replace(one, rows=one.rows[drawn[one.rows]][:RINGS_LIMIT])


def _whole_grid(mosaic: Mosaic) -> tuple[float, float, float, float]:
    """Return the view that shows every cell, with a margin."""
    width, height = mosaic.columns * mosaic.cell, mosaic.rows * mosaic.cell
    pad = GRID_MARGIN * max(width, height)
    left, top = mosaic.left - pad, mosaic.top + pad
    return left, left + width + 2 * pad, top - height - 2 * pad, top


def _map_note(collection: Collection, selection: Selection, rows: IntArray | None, n_in_view: int) -> str:
    parts = []
    if not selection.webgl:
        parts.append("This browser has no WebGL, so the map is drawn more slowly.")
    if rows is not None:
        n_images = words.count(len(collection))
        if n_in_view == len(rows):
            parts.append(f"{words.count(n_in_view)} of {n_images} images are in view.")
        else:
            here = "" if n_in_view == len(collection) else " in view"
            share = f"{words.count(len(rows))} of {words.count(n_in_view)} images"
            parts.append(f"{share}{here} drawn; zoom in for more.")
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
    if selection.colour == DISTANCE:
        if selection.active is None:
            return [html.P("Choose a query set to colour by the distance to it.", className="hint")]
        return [legends.distance_legend(colouring, collection.query_sets[selection.active].name)]
    if selection.colour == TRUST:
        return [legends.trust_legend(colouring, _layout(collection, selection))]
    return []


def _marked(collection: Collection, one: QuerySet, space: str, colours: Theme) -> Marked:
    outside_at = np.zeros(0, np.int64)
    if one.outside:
        outside_at = api.nearest_to_outside(collection, one.id, space=space)
    return Marked(one.name, colours.sets[one.colour], np.array(one.rows, np.int64), outside_at)
