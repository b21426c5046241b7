"""Which images are meant: by a lasso, by a group of the legend, by a column's value."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from dxr_dash import api
from dxr_dash.api.kept import kept
from dxr_dash.browser.state import CLUSTER, COLUMN, MOSAIC, Point, Selection
from dxr_dash.collection.store import Collection, Column
from dxr_dash.records import IntArray


def selected_rows(collection: Collection, selection: Selection) -> IntArray | None:
    """Return the rows in the lasso or in the picked group; None when nothing is selected."""
    if not selection.lasso and selection.picked is None:
        return None
    return _selected(collection, selection.space, selection.lasso, selection.drawn_on, selection.picked)


@kept
def _selected(
    collection: Collection,
    space: str,
    lasso: tuple[Point, ...],
    drawn_on: str,
    picked: tuple[str, int] | None,
) -> IntArray:
    if lasso or picked is None:
        corners = np.array(lasso, np.float64)
        layout, arrangement, *named = drawn_on.split(" ", 2)
        space = named[0] if named else space
        return api.rows_in_polygon(
            collection, corners, space=space, layout=layout, mosaic=arrangement == MOSAIC
        )
    what, code = picked
    if what == CLUSTER:
        return np.flatnonzero(np.asarray(collection.spaces[space].clusters) == code)
    return np.flatnonzero(column(collection, what.removeprefix(COLUMN)).codes == code)


@lru_cache(maxsize=32)
def column(collection: Collection, name: str) -> Column:
    """Read a metadata column; the last ones are kept."""
    return collection.column(name)
