"""Two feature spaces beside each other: whose neighbours differ, and two maps turned the same way."""

from __future__ import annotations

import numpy as np

from dxr_dash import settings
from dxr_dash.analysis import alignment as alignments
from dxr_dash.analysis import disagreement as disagreements
from dxr_dash.api.kept import kept
from dxr_dash.api.query_sets import checked_rows
from dxr_dash.collection.store import Collection, Space
from dxr_dash.errors import QueryError
from dxr_dash.records import Alignment, BoolArray, Disagreement, IntArray


def disagreement(collection: Collection, first: str, second: str, *, k: int | None = None) -> Disagreement:
    """Compare the neighbours of every image in two feature spaces, from their stored neighbour graphs.

    Args:
        first, second: ids of the spaces.
        k: neighbours of each image to look at; left out, ``settings.DISAGREEMENT_AT`` or as many as there are.

    Raises:
        QueryError: there is no such space, the two are one, there is one image, or the graphs hold fewer than k
            neighbours.
    """
    one, other = collection.space(first), collection.space(second)
    if one.id == other.id:
        raise QueryError(
            f"{one.id} has nothing to disagree about with itself.",
            f"Name two of {', '.join(collection.spaces)}; `dxr build` adds others.",
        )
    if len(collection) < 2:
        raise QueryError("A single image has no neighbours to disagree about.", "Build with more images.")
    most = min(one.neighbours.shape[1], other.neighbours.shape[1])
    return _compared(one, other, min(settings.DISAGREEMENT_AT, most) if k is None else k)


@kept
def _compared(one: Space, other: Space, k: int) -> Disagreement:
    exact = tuple(None if space.graph_method == "exact" else space.recall for space in (one, other))
    graphs = tuple((space.neighbours, space.neighbour_distances) for space in (one, other))
    return disagreements.disagreement((one.id, other.id), graphs, k=k, recalls=exact)  # type: ignore[arg-type]


def neighbours_in_both(
    collection: Collection, row: int, first: str, second: str
) -> tuple[tuple[IntArray, BoolArray], tuple[IntArray, BoolArray]]:
    """Find an image's nearest images in two spaces, as many as are compared, from the stored graphs.

    Returns:
        For each space the rows, nearest first, and which of them the other space has as well.

    Raises:
        QueryError: there is no such row or space.
    """
    checked_rows(collection, [row])
    k = settings.DISAGREEMENT_AT
    found = [np.asarray(collection.space(one).neighbours[row, :k], np.int64) for one in (first, second)]
    a, b = (rows[rows >= 0] for rows in found)
    return (a, np.isin(a, b)), (b, np.isin(b, a))


def alignment(
    collection: Collection, first: str, second: str, *, layouts: tuple[str | None, str | None] = (None, None)
) -> Alignment:
    """Turn the map of the second space so that images lie as near as can be to where the first has them.

    Args:
        layouts: of the first and of the second space; left out, UMAP.

    Returns:
        What moves the second map; nothing that is stored changes.

    Raises:
        QueryError: there is no such space or layout.
    """
    return _aligned(collection.space(first), collection.space(second), *layouts)


@kept
def _aligned(one: Space, other: Space, layout: str | None, its_layout: str | None) -> Alignment:
    return alignments.alignment(one.layout(layout).coordinates, other.layout(its_layout).coordinates)
