"""Distances of images and query sets, and the baseline they are compared with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from dxr_dash import settings
from dxr_dash.analysis import nearest_members as members
from dxr_dash.analysis import selected
from dxr_dash.analysis import set_distances as passes
from dxr_dash.analysis.baseline import baseline_distances, closer_than
from dxr_dash.analysis.distances import distances
from dxr_dash.analysis.distribution import distance_axis, distribution
from dxr_dash.analysis.polygon import inside_polygon
from dxr_dash.api.kept import kept
from dxr_dash.api.query_sets import checked_rows, find_query_set, query_vectors
from dxr_dash.collection.query_sets import QuerySet
from dxr_dash.collection.store import Collection, Space
from dxr_dash.errors import QueryError
from dxr_dash.records import (
    Distribution,
    DoubleArray,
    FloatArray,
    IntArray,
    NearestMembers,
    SelectionDistances,
    SetDistances,
)

NEIGHBOURS_KEPT = 64  # of each member; more than any view shows


def set_distances(collection: Collection, query_set: str, *, space: str | None = None) -> SetDistances:
    """Measure a query set against the whole gallery in one pass; the last ones are kept.

    A large set is asked with a random sample of its members (``settings.ANSWER_QUERIES``).

    Raises:
        QueryError: there is no such set or space.
    """
    where = collection.space(space)
    one = find_query_set(collection, query_set)
    return _measured(collection, where, one.id, one.members)


@kept
def _measured(collection: Collection, where: Space, query_set: str, _members: str) -> SetDistances:
    one = find_query_set(collection, query_set)
    return measure(where, query_vectors(one, where), one.items)


def measure(
    where: Space, vectors: FloatArray, items: IntArray, *, with_nearest_members: bool = True
) -> SetDistances:
    """Measure members against the whole gallery by the space's own metric: the one way in which answers do it.

    Args:
        with_nearest_members: whether the map's distances to the set are wanted; no answer needs them.
    """
    return passes.set_distances(
        vectors,
        items,
        where.vectors,
        metric=where.metric,
        k=NEIGHBOURS_KEPT,
        asked=passes.asked_members(len(items), settings.SEED),
        with_nearest_members=with_nearest_members,
    )


def nearest_members(
    collection: Collection, query_set: str, *, space: str | None = None, metric: str | None = None
) -> NearestMembers:
    """Measure how near every image is to a query set; kept.

    Of a large set every member counts, too, up to ``settings.NEAREST_PAIRS``; beyond, a random sample of them, and all
    images from outside.

    Args:
        metric: left out, the space's own.

    Raises:
        QueryError: there is no such set, space or metric, or the set is empty.
    """
    where = collection.space(space)
    one = find_query_set(collection, query_set)
    return _nearest_members(collection, where, metric or where.metric, one.id, one.members)


@kept
def _nearest_members(
    collection: Collection,
    where: Space,
    metric: str,
    query_set: str,
    _members: str,
) -> NearestMembers:
    if metric == where.metric:
        found = set_distances(collection, query_set, space=where.id).nearest_members
        if found is not None:
            return found
    one = find_query_set(collection, query_set)
    return members.nearest_members(
        query_vectors(one, where),
        one.items,
        where.vectors,
        metric=metric,
        asked=near_members(one, len(collection)),
    )


def near_members(one: QuerySet, n_images: int) -> IntArray | None:
    """Choose the members of a set that images are compared with for the nearest: (q,) positions; None for all."""
    most = max(
        settings.NEAREST_PAIRS // max(n_images, 1), settings.ANSWER_QUERIES
    )  # which an answer asks anyhow
    if len(one) <= most:
        return None
    n_rows = len(one.rows)  # they come first
    some = np.random.default_rng(settings.SEED).permutation(n_rows)[: max(most - len(one.outside), 1)]
    return np.concatenate([np.sort(some), np.arange(n_rows, len(one))])


def nearest_to_outside(collection: Collection, query_set: str, *, space: str | None = None) -> IntArray:
    """Find for each outside image of a set the nearest gallery image that is no member: (n,) rows."""
    where = collection.space(space)
    one = find_query_set(collection, query_set)
    measured = set_distances(collection, query_set, space=where.id)
    if len(measured.asked) == len(measured.items):
        nearest: IntArray = measured.nearest_rows[measured.items < 0, 0]
        return nearest
    return _nearest_to_outside(collection, where, one.id, one.members)


@kept
def _nearest_to_outside(collection: Collection, where: Space, query_set: str, _members: str) -> IntArray:
    one = find_query_set(collection, query_set)
    queries = query_vectors(one, where)
    found = [np.empty(0, np.int64)]
    outside = np.flatnonzero(one.items < 0)
    for start in range(0, len(outside), settings.ANSWER_FEWEST):
        some = outside[start : start + settings.ANSWER_FEWEST]
        part = passes.set_distances(
            queries, one.items, where.vectors, metric=where.metric, k=1, n_bins=1, asked=some
        )
        found.append(part.nearest_rows[:, 0])
    return np.concatenate(found)


def selection_distances(
    collection: Collection, rows: IntArray, *, space: str | None = None
) -> SelectionDistances:
    """Measure how alike some images are before they are a query set, on a sample of them and of the others.

    Args:
        rows: (n,) gallery rows, ascending, each once.

    Raises:
        QueryError: there is no such row or space, or the rows do not ascend.
    """
    where = collection.space(space)
    return selected.selection_distances(where.vectors, checked_rows(collection, rows), metric=where.metric)


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
        pairs = one.within[~np.isnan(one.within)]
        if len(one.asked) == len(
            one.items
        ):  # else each pair stands there once, but for those between asked members
            pairs = one.within[np.triu_indices(len(one.items), 1)]
        found.append(
            (key, distribution("to gallery", edges=edges, counts=one.to_gallery, counts_edges=one.edges))
        )
        found.append((key, distribution("within", edges=edges, values=pairs)))
    found += [(key, distribution(name, edges=edges, values=far)) for key, name, far in others]
    for key, item in items:
        one = _member_distances(collection, where, key, item)
        found.append(
            (
                key,
                distribution(f"image {item}", edges=edges, counts=one.to_gallery, counts_edges=one.edges),
            )
        )
    return found


def _member_distances(collection: Collection, where: Space, query_set: str, item: int) -> SetDistances:
    """Measure a set against the gallery, asked with one member alone.

    Raises:
        QueryError: it is no member.
    """
    one = find_query_set(collection, query_set)
    place = np.flatnonzero(one.items == item)
    if len(place) == 0:
        raise QueryError(f"Image {item} is not in the query set.", "Reload the page.")
    return passes.set_distances(
        query_vectors(one, where), one.items, where.vectors, metric=where.metric, k=1, asked=place
    )


def baseline(collection: Collection, *, space: str | None = None, metric: str | None = None) -> FloatArray:
    """Return the (M,) ascending float32 distances of random gallery pairs, by any metric.

    The space's own are kept in the collection; those by another metric are measured when first asked for.
    """
    where = collection.space(space)
    return where.baseline if metric in (None, where.metric) else _baseline_by(where, str(metric))


@kept
def _baseline_by(where: Space, metric: str) -> FloatArray:
    return baseline_distances(where.vectors, metric=metric, seed=settings.SEED)


def map_ranks(
    collection: Collection,
    row: int,
    rows: Sequence[int],
    *,
    space: str | None = None,
    layout: str | None = None,
    mosaic: bool = False,
) -> IntArray:
    """Say how near some images lie to another one on the map: (n,) ranks.

    Returns:
        For each of ``rows`` 1 + the images that lie strictly nearer to ``row``, itself left out.

    Raises:
        QueryError: there is no such row, space or layout.
    """
    where = collection.space(space).layout(layout)
    places = where.positions if mosaic else where.coordinates
    centre = places[checked_rows(collection, [row])[0]]
    across, up = places[:, 0] - centre[0], places[:, 1] - centre[1]
    away = across * across + up * up  # a tenth of what a sum along rows of two costs
    asked = away[checked_rows(collection, rows)]
    away[row] = np.inf
    nearer = np.sort(away[away < asked.max(initial=0.0)])
    ranks: IntArray = 1 + np.searchsorted(nearer, asked)
    return ranks


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
