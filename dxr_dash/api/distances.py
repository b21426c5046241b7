"""Distances of images and query sets, and the baseline they are compared with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from dxr_dash import settings
from dxr_dash.analysis import set_distances as passes
from dxr_dash.analysis.baseline import baseline_distances, closer_than
from dxr_dash.analysis.distances import distances
from dxr_dash.analysis.distribution import distance_axis, distribution
from dxr_dash.analysis.polygon import inside_polygon
from dxr_dash.api.kept import ANSWERS_KEPT, kept
from dxr_dash.api.query_sets import checked_rows, find_query_set, query_vectors
from dxr_dash.collection.store import Collection, Space
from dxr_dash.errors import QueryError
from dxr_dash.records import (
    Distribution,
    DoubleArray,
    FloatArray,
    IntArray,
    SetDistances,
)

NEIGHBOURS_KEPT = 64  # of each member; more than any view shows


def set_distances(collection: Collection, query_set: str, *, space: str | None = None) -> SetDistances:
    """Measure a query set against the whole gallery in one pass; the last ones are kept.

    Raises:
        QueryError: there is no such set or space.
    """
    where = collection.space(space)
    one = find_query_set(collection, query_set)
    return _measured(collection, where, one.id, one.rows, one.outside)


@kept(ANSWERS_KEPT)
def _measured(
    collection: Collection, where: Space, query_set: str, _rows: tuple[int, ...], _outside: tuple[str, ...]
) -> SetDistances:
    one = find_query_set(collection, query_set)
    return passes.set_distances(
        query_vectors(one, where),
        one.items,
        where.vectors,
        metric=where.metric,
        k=NEIGHBOURS_KEPT,
    )


def set_distances_by(collection: Collection, where: Space, query_set: str, metric: str) -> SetDistances:
    """Measure a query set against the gallery by any metric; only by the space's own are neighbours kept."""
    if metric == where.metric:
        return set_distances(collection, query_set, space=where.id)
    one = find_query_set(collection, query_set)
    return passes.set_distances(
        query_vectors(one, where), one.items, where.vectors, metric=metric, k=1, n_bins=1
    )


def row_distances(
    collection: Collection, row: int, rows: Sequence[int], *, space: str | None = None
) -> tuple[FloatArray, DoubleArray]:
    """Measure the true distances from one image to others: (n,) distances, (n,) baseline percentiles in 0..1."""
    where = collection.space(space)
    others = checked_rows(collection, rows)
    found = distances(
        where.vectors[checked_rows(collection, [row])], where.vectors[others], metric=where.metric
    )[0]
    return found, closer_than(found, where.baseline)


def distributions(
    collection: Collection,
    query_sets: Sequence[str],
    *,
    space: str | None = None,
    items: Sequence[tuple[str, int]] = (),
    others: Sequence[tuple[str, str, FloatArray]] = (),
) -> list[tuple[str | None, Distribution]]:
    """Bin and smooth distances on one shared axis.

    Args:
        query_sets: ids; each gives "to gallery" and "within".
        items: (set id, item) of single members whose own distances to the gallery are wanted too.
        others: (set id, what it is, distances) of groups that were measured elsewhere.

    Returns:
        Pairs of set id and distribution; the baseline first, with None.

    Raises:
        QueryError: there is no such set, item or space.
    """
    where = collection.space(space)
    measured = {key: set_distances(collection, key, space=space) for key in query_sets}
    more = [far for _, _, far in others]
    edges = distance_axis(where.baseline[-1:], *more, binned=[one.edges for one in measured.values()])
    found: list[tuple[str | None, Distribution]] = [
        (None, distribution("baseline", edges=edges, values=where.baseline))
    ]
    for key, one in measured.items():
        pairs = one.within[np.triu_indices(len(one.items), 1)]
        found.append(
            (key, distribution("to gallery", edges=edges, counts=one.to_gallery, counts_edges=one.edges))
        )
        found.append((key, distribution("within", edges=edges, values=pairs)))
    found += [(key, distribution(name, edges=edges, values=far)) for key, name, far in others]
    for key, item in items:
        one = measured[key] if key in measured else set_distances(collection, key, space=space)
        place = np.flatnonzero(one.items == item)
        if len(place) == 0:
            raise QueryError(f"Image {item} is not in the query set.", "Reload the page.")
        counts = one.to_gallery[place]
        found.append((key, distribution(f"image {item}", edges=edges, counts=counts, counts_edges=one.edges)))
    return found


def baseline(collection: Collection, *, space: str | None = None, metric: str | None = None) -> FloatArray:
    """Return the (M,) ascending float32 distances of random gallery pairs, by any metric.

    The space's own are kept in the collection; those by another metric are measured when first asked for.
    """
    where = collection.space(space)
    return where.baseline if metric in (None, where.metric) else _baseline_by(where, str(metric))


@kept(4)
def _baseline_by(where: Space, metric: str) -> FloatArray:
    return baseline_distances(where.vectors, metric=metric, seed=settings.SEED)


def rows_in_polygon(
    collection: Collection,
    polygon: npt.ArrayLike,
    *,
    space: str | None = None,
    layout: str | None = None,
    mosaic: bool = False,
) -> IntArray:
    """Find the images that lie inside a polygon drawn on the map: (n,) rows, ascending.

    Args:
        polygon: (P, 2) corners in map coordinates, P >= 3; it closes itself.
        layout: "umap" or "tsne"; left out, UMAP.
        mosaic: whether the images lie in the cells of the mosaic; then the centres of their cells count.

    Raises:
        QueryError: it is no polygon, or there is no such space or layout.
    """
    where = collection.space(space).layout(layout)
    return inside_polygon(where.positions if mosaic else where.coordinates, polygon)
