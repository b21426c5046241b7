"""What scripts draw beside the points: tiles, frames, veil, outlines and thumbnails need to know all this."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

from dxr_dash.browser import urls
from dxr_dash.browser.state import DISAGREEMENT, DISTANCE, MOSAIC, NOTHING, Selection
from dxr_dash.collection.store import Collection
from dxr_dash.figures.map_figure import Marked
from dxr_dash.figures.paint import Size, square_for, veil_image
from dxr_dash.figures.theme import Theme
from dxr_dash.records import BoolArray, IntArray


def places_of(collection: Collection, selection: Selection) -> tuple[IntArray, Size]:
    """Return each image's pixel in a picture of one pixel each: its cell in the mosaic, else its row."""
    if selection.arrangement == MOSAIC:
        mosaic = collection.spaces[selection.space].layout(selection.layout).mosaic
        return mosaic.cells.astype(np.int64), (mosaic.columns, mosaic.rows)
    return np.arange(len(collection)), square_for(len(collection))


def paint_of(
    collection: Collection,
    selection: Selection,
    marked: Sequence[Marked],
    lit: BoolArray | None,
    colours: Theme,
) -> dict[str, Any]:
    """Return what scripts draw with: plain values, as small as can be, since they come with every figure.

    Args:
        lit: (N,) the selected rows; None: nothing is selected.

    Returns:
        layout, arrangement: which ones the rest is about.
        grid: the mosaic's columns, rows, and its cells' place in map coordinates; None for points.
        colours: where each image's colour is, one pixel each; None where nothing colours the map.
        veil: a picture of the same size as a data address; None where nothing is selected.
        sets: colour of each query set, and the pixels of its members.
        representatives: rows that stand for the clusters, largest cluster first.
    """
    space = collection.spaces[selection.space]
    places, size = places_of(collection, selection)
    grid = None
    if selection.arrangement == MOSAIC:
        mosaic = space.layout(selection.layout).mosaic
        grid = {name: getattr(mosaic, name) for name in ("columns", "rows", "cell", "left", "top")}
    return {
        "layout": selection.layout,
        "arrangement": selection.arrangement,
        "grid": grid,
        "colours": _colours(collection, selection),
        "veil": None if lit is None else _data(veil_image(lit, places, size, colours.paper)),
        "sets": [{"colour": one.colour, "places": places[one.rows].tolist()} for one in marked],
        "representatives": space.representatives.tolist(),
    }


def _colours(collection: Collection, selection: Selection) -> str | None:
    measured_to = selection.active if selection.colour == DISTANCE else None
    beside = selection.beside if selection.colour == DISAGREEMENT else None
    if selection.colour == NOTHING or (selection.colour == DISTANCE and measured_to is None):
        return None
    if selection.colour == DISAGREEMENT and beside is None:
        return None
    return urls.colours(
        collection,
        selection.space,
        selection.layout,
        selection.arrangement,
        "dark" if selection.theme == "dark" else "light",
        selection.colour,
        measured_to,
        beside,
    )


def _data(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
