"""Another feature space beside the one looked at: its map, turned like the first, and whose neighbours differ.

The server draws; `assets/beside.js` links pointer, lasso and zoom of the two maps.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
from dash import dcc, html
from dash.development.base_component import Component

from dxr_dash import api, settings
from dxr_dash.api.kept import kept
from dxr_dash.browser import ids
from dxr_dash.browser.attributes import attributes
from dxr_dash.browser.map_panel import colouring_of, lit_rows, sets_on_map
from dxr_dash.browser.paint import density_at, paint_of
from dxr_dash.browser.panels import EMPTY_FIGURE, action, grid, icon_action, message, picture, thumb
from dxr_dash.browser.shown_points import density_picture, shown_points
from dxr_dash.browser.state import DISAGREEMENT, POINTS, TRUST, Selection
from dxr_dash.collection.layouts import Layout
from dxr_dash.collection.store import Collection
from dxr_dash.errors import QueryError
from dxr_dash.figures import colouring as colourings
from dxr_dash.figures import theme as words
from dxr_dash.figures.map_figure import map_figure
from dxr_dash.figures.theme import theme
from dxr_dash.records import Alignment, BoolArray, Disagreement, FloatArray, IntArray


def beside_choice(collection: Collection) -> Component:
    """Build the choice of the space whose map stands beside; hidden where there is one space only."""
    options = [html.Option("nothing", value="")]
    options += [html.Option(words.short(one, 40), value=one) for one in collection.spaces]
    return html.Label(
        [
            html.Span("Beside"),
            html.Select(options, id=ids.BESIDE_SPACE, **attributes({"data-do": "beside"})),
        ],
        className="control beside-control",
        title="The map of another feature space beside this one (d)",
        hidden=len(collection.spaces) < 2,
    )


def beside_stage() -> Component:
    """Build the place of the second map; it is hidden until a space is chosen for it."""
    graph = dcc.Graph(
        id=ids.BESIDE,
        figure=EMPTY_FIGURE,
        config={"displayModeBar": False, "scrollZoom": True, "doubleClick": False, "displaylogo": False},
        responsive=True,
        className="graph",
    )
    return html.Div(
        [
            html.Canvas(id=ids.BESIDE_TILES, className="layer", **attributes({"aria-hidden": True})),
            graph,
            html.Canvas(id=ids.BESIDE_MARKS, className="layer", **attributes({"aria-hidden": True})),
            html.Div(id=ids.BESIDE_OVERLAY, className="overlay"),
            html.P(className="map-name", **attributes({"aria-hidden": True})),
            html.Div(html.P(id=ids.BESIDE_NOTE), className="map-notes"),
        ],
        id=ids.BESIDE_STAGE,
        className="stage",
        role="group",
        hidden=True,
        **attributes({"aria-label": "Map of the same images in another feature space"}),
    )


def pair_panel() -> Component:
    """Build the panel of what two spaces do not agree on; it is hidden until a space is chosen."""
    head = html.Div(
        [
            html.H2("Side by side"),
            html.Span(className="spring"),
            icon_action("close", "Close the map beside (d)", "close-beside"),
        ],
        className="panel-head",
    )
    return html.Section(
        [head, html.Div(id=ids.PAIR, className="body")],
        id=ids.PAIR_PANEL,
        className="panel pair-panel",
        hidden=True,
        **attributes({"aria-label": "Side by side"}),
    )


def beside_of(collection: Collection, selection: Selection) -> tuple[go.Figure | dict[str, Any], str]:
    """Draw the same images on the map of the other space, in the same colours; and say how many are drawn."""
    if selection.beside is None:
        return EMPTY_FIGURE, ""
    colours = theme(selection.theme)
    layout = _its_layout(collection, selection, selection.beside)
    turned, coordinates = _turned(
        collection, selection.space, selection.layout, selection.beside, layout.name
    )
    colouring = colouring_of(collection, selection, colours)
    if selection.colour == TRUST:  # that is of a map, not of an image: each has its own
        colouring = colourings.by_trust(layout.kept, colours)
    points = shown_points(selection, layout, coordinates, selection.beside_view)
    lit = lit_rows(collection, selection)
    marked = [points.members(one) for one in sets_on_map(collection, selection, selection.beside, colours)[1]]
    # the first map's thumbnails and their frames: the same images, whatever the first map is arranged in
    paint = paint_of(collection, replace(selection, arrangement=POINTS), marked, lit is not None, None)
    paint["density"] = density_at(collection, selection, points.behind, selection.beside)
    figure = map_figure(
        coordinates,
        colouring,
        marked,
        theme=colours,
        revision=f"{selection.space} {selection.layout} {selection.beside} {layout.name} {selection.opened}",
        rows=points.rows,
        lit=lit,
        view=selection.beside_view,
        aspect=selection.aspect,
        webgl=selection.webgl,
        meta=paint | {"space": selection.beside, "layout": layout.name, "aligned": turned.as_list()},
    )
    return figure, points.note


def density_beside(collection: Collection, selection: Selection) -> bytes:
    """Paint how many images lie in each part of the selection's view, on the map of the other space: a PNG file.

    Raises:
        QueryError: there is no view, or no other space.
    """
    if selection.beside is None:
        raise QueryError("No feature space stands beside.", "Choose one above the map.")
    layout = _its_layout(collection, selection, selection.beside)
    where = selection.space, selection.layout, selection.beside, layout.name
    return density_picture(selection, _turned(collection, *where)[1])


def pair_of(collection: Collection, selection: Selection) -> list[Component]:
    """Say how far the two spaces agree, show an image's neighbours in both, and whose neighbours differ most."""
    if selection.beside is None:
        return []
    found = api.disagreement(collection, selection.space, selection.beside)
    parts: list[Component] = [
        html.P(said.replace(" %", f"{words.NARROW_SPACE}%"), className="hint", dir="auto")
        for said in (found.sentence, found.mind)
        if said
    ]
    if not found.k:
        return parts
    if selection.colour != DISAGREEMENT:
        parts.append(action("Colour by shared neighbours", "colour-by", colour=DISAGREEMENT))
    if selection.focus is not None:
        parts += _in_both(collection, selection.focus, found)
    rows = found.order[: settings.DISAGREEMENT_SHOWN]
    rows = rows[np.isfinite(found.shares[rows])]
    thumbs = (_differing(collection, int(row), found) for row in rows)
    parts += [
        html.H3("Neighbours differ most"),
        grid(thumbs, "Images whose neighbours differ most between the two spaces"),
    ]
    if selection.focus is None:
        parts.insert(
            -2, message("Click an image", "Its neighbours in both spaces appear here, side by side.")
        )
    return parts


def _differing(collection: Collection, row: int, found: Disagreement) -> Component:
    same = f"{round(found.shares[row] * found.k)} of {found.k}"
    return thumb(picture(collection, row), caption=(same,), note=f"{same} nearest images in common")


def _in_both(collection: Collection, row: int, found: Disagreement) -> list[Component]:
    """Show an image's neighbours in two columns, one for each space; those in both are marked."""
    one = picture(collection, row)
    both = api.neighbours_in_both(collection, row, *found.spaces)
    columns = [
        _column(collection, space, near, shared, one.name)
        for space, (near, shared) in zip(found.spaces, both, strict=True)
    ]
    n_same = int(both[0][1].sum())
    says = f"{n_same} of its {len(both[0][0])} nearest images are nearest in both"
    return [
        html.H3("Its neighbours in both"),
        thumb(one, caption=(says,), class_name="line"),
        html.Div(columns, className="pair-columns"),
    ]


def _column(collection: Collection, space: str, near: IntArray, shared: BoolArray, name: str) -> Component:
    thumbs = (
        thumb(
            picture(collection, int(row)),
            note=f"Rank {rank} in {space}" + (", in both" if same else ""),
            class_name="in-both" if same else "",
        )
        for rank, (row, same) in enumerate(zip(near, shared, strict=True), start=1)
    )
    return html.Div(
        [
            html.P(html.Bdi(words.short(space, 40)), className="caption", title=space),
            grid(thumbs, f"Images nearest to {name} in {space}, nearest first"),
        ]
    )


def _its_layout(collection: Collection, selection: Selection, beside: str) -> Layout:
    """Find the layout of the other space of the same kind; UMAP, which every space has, where it has none."""
    space = collection.space(beside)
    return space.layout(selection.layout if selection.layout in space.layouts else None)


@kept
def _turned(
    collection: Collection, space: str, layout: str, beside: str, its_layout: str
) -> tuple[Alignment, FloatArray]:
    found = api.alignment(collection, space, beside, layouts=(layout, its_layout))
    return found, found.moved(collection.space(beside).layout(its_layout).coordinates)
