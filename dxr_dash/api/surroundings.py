"""What lies around a query set: near-duplicates, its source, local scales; from the neighbour graph."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dxr_dash import settings
from dxr_dash.analysis import set_distances as passes
from dxr_dash.analysis import shift as shifts
from dxr_dash.analysis.distances import distances
from dxr_dash.analysis.duplicates import NearlySame, nearly_same, usual_distance
from dxr_dash.analysis.hubs import local_scales
from dxr_dash.api.distances import set_distances
from dxr_dash.api.kept import kept
from dxr_dash.api.query_sets import query_vectors
from dxr_dash.collection.query_sets import QuerySet
from dxr_dash.collection.store import Collection, Space
from dxr_dash.records import DoubleArray, FloatArray, IntArray, SetDistances, Shift


def near_in(collection: Collection, where: Space, one: QuerySet) -> NearlySame:
    """Find what is nearly the same image in a query set and in the gallery, and measure the copies there."""
    measured = set_distances(collection, one.id, space=where.id)
    return near_among(where, measured, query_vectors(one, where)[measured.asked])


def near_among(where: Space, measured: SetDistances, asked_vectors: FloatArray) -> NearlySame:
    """Find the same from a set's distances and the (q, D) vectors of the members that were asked with."""
    found = nearly_same(measured, usual=_usual(where), metric=where.metric)
    if not len(found.copies):
        return found
    to_copies = distances(asked_vectors, where.vectors[found.copies], metric=where.metric)
    return replace(found, to_copies=to_copies)


def shift_of(
    collection: Collection, where: Space, one: QuerySet, control: QuerySet | None, near: NearlySame
) -> Shift | None:
    """Compare the images of a set that come from outside with the gallery's own; None when few of them do.

    Args:
        near: copies of an image say nothing of its source, in the gallery and among the members.
    """
    n_outside = len(one.outside)
    if n_outside < max(settings.MIN_QUERY_IMAGES, settings.SOURCE_OUTSIDE * len(one)):
        return None
    twins = one.items[near.pairs.any(axis=0)]
    members = _relative(collection, where, one, np.concatenate([near.copies, twins[twins >= 0]]))
    first = shifts.shift(members, _gallery(where))
    if first is None or control is None or not first.unlike_gallery:
        return first
    own = np.isin(control.rows, one.rows)
    rows = np.asarray(control.rows, np.int64)[~own]
    graph = where.neighbour_distances
    inside = shifts.relative_distances(where.neighbours[rows, : shifts.AT], graph[rows, : shifts.AT], graph)
    outside = np.empty(0)
    if control.outside:
        outside = _relative(collection, where, control, np.empty(0, np.int64))
    return shifts.shift(members, _gallery(where), np.concatenate([inside, outside]))


def member_scales(where: Space, one: QuerySet) -> DoubleArray:
    """Give the local scale of each member: (Q,), from the graph, or measured for an image from outside."""
    inside = local_scales(where.neighbour_distances[np.asarray(one.rows, np.int64)])
    if not one.outside:
        return inside
    outside = query_vectors(one, where)[len(one.rows) :]
    return np.concatenate([inside, local_scales(nearest_in_gallery(where, outside, settings.SCALING_AT)[1])])


@kept
def gallery_scales(where: Space) -> DoubleArray:
    """Give the local scale of every gallery image: (N,)."""
    return local_scales(where.neighbour_distances)


@kept
def _usual(where: Space) -> float:
    return usual_distance(where.neighbour_distances, settings.SEED)


@kept
def _gallery(where: Space) -> DoubleArray:
    return shifts.gallery_distances(where.neighbours, where.neighbour_distances, settings.SEED)


def _relative(collection: Collection, where: Space, one: QuerySet, copies: IntArray) -> DoubleArray:
    """Measure the relative distances of the images from outside that are asked with."""
    measured = set_distances(collection, one.id, space=where.id)
    if not one.rows:
        rows, far = measured.nearest_rows, measured.nearest_distances
    else:  # there the set's own gallery images are left out, which are neighbours as good as any
        asked = measured.asked_items
        outside = query_vectors(one, where)[measured.asked[asked < 0]]
        rows, far = nearest_in_gallery(where, outside, 2 * shifts.AT)
    return shifts.outside_distances(rows, far, where.neighbour_distances, copies)


def nearest_in_gallery(where: Space, vectors: FloatArray, k: int) -> tuple[IntArray, FloatArray]:
    """Find the k gallery images nearest to each of some vectors: (n, k) rows and distances, nearest first."""
    rows, far = [np.empty((0, 0), np.int64)], [np.empty((0, 0), np.float32)]
    for start in range(0, len(vectors), settings.ANSWER_FEWEST):
        some = vectors[start : start + settings.ANSWER_FEWEST]
        items = -1 - np.arange(len(some))
        found = passes.set_distances(some, items, where.vectors, metric=where.metric, k=k, n_bins=1)
        rows.append(found.nearest_rows)
        far.append(found.nearest_distances)
    if len(rows) == 1:
        return rows[0], far[0]
    return np.concatenate(rows[1:]), np.concatenate(far[1:])
