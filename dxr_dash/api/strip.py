"""What the strip shows: images in line, and their slivers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dxr_dash import settings
from dxr_dash.analysis.map_order import map_order
from dxr_dash.api.kept import kept
from dxr_dash.api.query_sets import checked_rows
from dxr_dash.collection.layouts import Layout
from dxr_dash.collection.store import Collection
from dxr_dash.collection.tiles import slivers
from dxr_dash.records import IntArray


def rows_in_map_order(
    collection: Collection,
    *,
    space: str | None = None,
    layout: str | None = None,
    among: IntArray | None = None,
) -> IntArray:
    """Put images in line so that neighbours in line are neighbours on the map: (n,) rows.

    Args:
        layout: "umap" or "tsne"; left out, UMAP.
        among: the rows to put in line; left out, all of them.

    Raises:
        QueryError: there is no such space, layout or row.
    """
    ordered = _in_map_order(collection.space(space).layout(layout))
    if among is None:
        return ordered
    meant = np.zeros(len(collection), bool)
    meant[checked_rows(collection, among)] = True
    return ordered[meant[ordered]]


@kept
def _in_map_order(layout: Layout) -> IntArray:
    return map_order(layout.coordinates)


def sliver_picture(collection: Collection, rows: Sequence[int]) -> bytes:
    """Draw the middle of each image as a narrow strip, side by side: a JPEG file.

    Args:
        rows: from left to right; as many as ``collection.tiles`` allows.

    Raises:
        QueryError: there is no such row, or there are none or too many.
    """
    return slivers(collection, rows, width_px=settings.SLIVER_WIDTH_PX, height_px=settings.SLIVER_HEIGHT_PX)
