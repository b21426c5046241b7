"""What scripts draw beside the points: tiles, frames, veil, outlines and thumbnails need to know all this."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import numpy as np

from dxr_dash.browser import urls
from dxr_dash.browser.state import DISAGREEMENT, DISTANCE, MOSAIC, NOTHING, Selection
from dxr_dash.collection.store import Collection
from dxr_dash.figures.detail import View
from dxr_dash.figures.map_figure import Marked
from dxr_dash.figures.paint import Size, square_for
from dxr_dash.records import IntArray


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
    selected: bool,
    behind: View | None,
) -> dict[str, Any]:
    """Return what scripts draw with: plain values, as small as can be, since they come with every figure.

    Args:
        marked: query sets with the members to mark.
        selected: whether something is selected.
        behind: the part of the map whose density lies behind the points; None where every point is drawn.

    Returns:
        layout, arrangement: which ones the rest is about.
        grid: the mosaic's columns, rows, and its cells' place in map coordinates; None for points.
        colours: where each image's colour is, one pixel each; None where nothing colours the map.
        veil: where a picture of the same size is that lies over the others; None where nothing is selected.
        density: where the picture behind the points is, and its place on the map; None where there is none.
        sets: colour of each query set, and the pixels of its members.
        representatives: rows that stand for the clusters, largest cluster first.
    """
    space = collection.spaces[selection.space]
    places, _ = places_of(collection, selection)
    grid = None
    if selection.arrangement == MOSAIC:
        mosaic = space.layout(selection.layout).mosaic
        grid = {name: getattr(mosaic, name) for name in ("columns", "rows", "cell", "left", "top")}
    return {
        "layout": selection.layout,
        "arrangement": selection.arrangement,
        "grid": grid,
        "colours": _colours(collection, selection),
        "veil": _veil(collection, selection) if selected else None,
        "density": density_at(collection, selection, behind),
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
        look_of(selection),
        selection.colour,
        measured_to,
        beside,
    )


def look_of(selection: Selection) -> str:
    """Return the appearance that the page has now."""
    return "dark" if selection.theme == "dark" else "light"


def _veil(collection: Collection, selection: Selection) -> str:
    said = {}
    if selection.lasso:
        said["lasso"] = ",".join(f"{end:.6g}" for corner in selection.lasso for end in corner)
        said["on"] = selection.drawn_on
    if selection.picked is not None:
        said["pick"] = "=".join(map(str, selection.picked))
    where = selection.space, selection.layout, selection.arrangement, look_of(selection)
    return urls.veil(collection, *where, urlencode(said))


def density_at(
    collection: Collection, selection: Selection, view: View | None, beside: str | None = None
) -> dict[str, Any] | None:
    """Return where the picture of a view's density is, and its place on the map.

    Args:
        beside: the space whose map it is about; None: the space looked at.
    """
    if view is None:
        return None
    where = selection.space, selection.layout, look_of(selection), view
    return {"src": urls.density(collection, *where, beside), "view": view}
