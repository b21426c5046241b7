"""What the map shows for a selection: the figure, the legend, and what there is to say about it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
from dash import html
from dash.development.base_component import Component

from dxr_dash import api
from dxr_dash.browser import legends, urls
from dxr_dash.browser.chosen import column, selected_rows
from dxr_dash.browser.paint import paint_of, places_of
from dxr_dash.browser.shown_points import ShownPoints, density_picture, shown_points
from dxr_dash.browser.state import CLUSTER, COLUMN, DISAGREEMENT, DISTANCE, MOSAIC, TRUST, Selection
from dxr_dash.browser.trees import tree
from dxr_dash.collection.layouts import Layout
from dxr_dash.collection.query_sets import QuerySet
from dxr_dash.collection.store import Collection
from dxr_dash.errors import QueryError
from dxr_dash.figures import colouring as colourings
from dxr_dash.figures.map_figure import Marked, map_figure
from dxr_dash.figures.paint import colour_image, veil_image
from dxr_dash.figures.theme import Theme, theme
from dxr_dash.records import BoolArray, Mosaic

GRID_MARGIN = 0.02  # of the mosaic's longer side, around it
NO_ROWS = np.zeros(0, np.int64)
NO_POINTS = ShownPoints(NO_ROWS, 0, 0, None)


def map_of(collection: Collection, selection: Selection) -> tuple[go.Figure, str, str, Component]:
    """Draw the map, its legend as a tree, what there is to say about it, and how far it can be trusted."""
    colours = theme(selection.theme)
    layout = _layout(collection, selection)
    in_cells = selection.arrangement == MOSAIC
    colouring = colouring_of(collection, selection, colours)
    drawn, marked = sets_on_map(collection, selection, selection.space, colours)
    lit = lit_rows(collection, selection)
    view, points = selection.view, NO_POINTS
    if in_cells:
        view = view or _whole_grid(layout.mosaic)
    else:
        points = shown_points(selection, layout, layout.coordinates, view)
        marked = [points.members(one) for one in marked]
    figure = map_figure(
        layout.positions if in_cells else layout.coordinates,
        colouring,
        # in the mosaic, scripts draw outlines of cells in place of rings
        [replace(one, rows=NO_ROWS) for one in marked] if in_cells else marked,
        theme=colours,
        revision=f"{selection.space} {layout.name} {selection.opened}",
        rows=points.rows,
        lit=lit,
        view=view,
        aspect=selection.aspect,
        webgl=selection.webgl,
        meta=paint_of(collection, selection, marked, lit is not None, points.behind),
    )
    legend = [
        legends.marks_legend(marked[::-1], [one.colour for one in drawn[::-1]], in_cells=in_cells),
        *_legend(collection, selection, colouring),
    ]
    slow = "" if selection.webgl else "This browser has no WebGL, so the map is drawn more slowly. "
    note = "" if in_cells else f"{slow}{points.note}".strip()
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
    return density_picture(selection, _layout(collection, selection).coordinates)


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
    if selection.colour == DISAGREEMENT and selection.beside is not None:
        compared = api.disagreement(collection, selection.space, selection.beside)
        return colourings.by_agreement(compared.shares, colours)
    if selection.colour == TRUST:
        return colourings.by_trust(_layout(collection, selection).kept, colours)
    return colourings.plain(len(collection), colours)


def _layout(collection: Collection, selection: Selection) -> Layout:
    return collection.spaces[selection.space].layout(selection.layout)


def _whole_grid(mosaic: Mosaic) -> tuple[float, float, float, float]:
    """Return the view that shows every cell, with a margin."""
    width, height = mosaic.columns * mosaic.cell, mosaic.rows * mosaic.cell
    pad = GRID_MARGIN * max(width, height)
    left, top = mosaic.left - pad, mosaic.top + pad
    return left, left + width + 2 * pad, top - height - 2 * pad, top


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


def _marked(collection: Collection, one: QuerySet, space: str, colours: Theme) -> Marked:
    outside_at = np.zeros(0, np.int64)
    if one.outside:
        outside_at = api.nearest_to_outside(collection, one.id, space=space)
    return Marked(one.name, colours.sets[one.colour], np.array(one.rows, np.int64), outside_at)
