"""Which images are meant: by a lasso, by a group of the legend, by a column's value, by what was clicked."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from dxr_dash import api
from dxr_dash.api.kept import kept
from dxr_dash.browser.state import CLUSTER, COLUMN, MOSAIC, Point, Selection
from dxr_dash.collection.store import Collection, Column
from dxr_dash.records import ImageKey, IntArray


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


def looked_at(collection: Collection, selection: Selection) -> ImageKey | None:
    """Return the one image whose neighbours are listed: the focus, a chosen member from outside, or a set's only one.

    None where the neighbours are those of a whole set, or of nothing.
    """
    if selection.focus is not None:
        return selection.focus
    one = collection.query_sets.get(selection.active or "")
    if one is None:
        return None
    member = selection.member
    if member is None or member >= 0 or member not in one.items:
        if len(one) != 1:
            return None
        member = int(one.items[0])
    return member if member >= 0 else (one.id, -1 - member)


@lru_cache(maxsize=32)
def column(collection: Collection, name: str) -> Column:
    """Read a metadata column; the last ones are kept."""
    return collection.column(name)
