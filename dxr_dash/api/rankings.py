"""What is near: neighbours, rankings and rank curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from dxr_dash import settings
from dxr_dash.analysis import nearest_members as members
from dxr_dash.analysis import rank_curves as curves
from dxr_dash.analysis.baseline import closer_than
from dxr_dash.analysis.distances import distances
from dxr_dash.api.distances import baseline, nearest_members
from dxr_dash.api.kept import Asked, kept
from dxr_dash.api.query_sets import checked_rows, find_query_set, query_vectors
from dxr_dash.collection.store import Collection, Space
from dxr_dash.errors import QueryError
from dxr_dash.records import (
    FloatArray,
    IntArray,
    Neighbours,
    RankCurve,
    Ranking,
)


def nearest(
    collection: Collection,
    query: Sequence[int] | str | tuple[str, int],
    *,
    k: int = settings.NEIGHBOURS_SHOWN,
    space: str | None = None,
) -> Neighbours:
    """Find the images truly nearest to an image, to several, or to a query set; by comparing with every image.

    Args:
        query: gallery rows, a query set's id, or the (set, place) of an outside image. With several images, an image
            counts as near as it is to the nearest of them. The query's own rows are left out, by row: a duplicate of
            the query is a neighbour. Of a set of very many images a sample is asked with, as ``nearest_members`` says.
        k: how many, at most.

    Raises:
        QueryError: there is no such row, set or space.
    """
    where = collection.space(space)
    if isinstance(query, str):
        found = nearest_members(collection, query, space=space)
        items = find_query_set(collection, query).items
    elif isinstance(query, tuple) and len(query) == 2 and isinstance(query[0], str):
        ranked = first_ranks(collection, (query[0], query[1]), space=space)
        there = np.flatnonzero(ranked.items >= 0)[:k]  # other images from outside are no neighbours
        rows, far = ranked.items[there].astype(np.int64), ranked.distances[there]
        asked = np.full(len(rows), -1 - query[1], np.int64)
        return Neighbours(rows, far, closer_than(far, where.baseline), asked)
    else:
        items = checked_rows(collection, cast("Sequence[int]", query))
        if len(items) == 1:  # what the rank curves ask for as well: one pass serves both
            ranked = first_ranks(collection, int(items[0]), space=space)
            rows, far = ranked.items[:k].astype(np.int64), ranked.distances[:k]
            return Neighbours(rows, far, closer_than(far, where.baseline), np.repeat(items, len(rows)))
        found = members.nearest_members(where.vectors[items], items, where.vectors, metric=where.metric)
    far = found.distances.copy()
    far[items[items >= 0]] = np.inf
    rows = np.argsort(far, kind="stable")[: min(k, int(np.isfinite(far).sum()))]
    return Neighbours(rows, far[rows], closer_than(far[rows], where.baseline), items[found.members[rows]])


def nearest_by_graph(
    collection: Collection,
    rows: IntArray,
    *,
    k: int = settings.NEIGHBOURS_SHOWN,
    space: str | None = None,
) -> Neighbours:
    """Find the images nearest to a large group in the neighbour graph, which holds the nearest of every image.

    Takes no pass over the vectors, and asks with every image of the group. An image is missed that is in the graph a
    neighbour of none of them, since each has nearer ones inside the group; and as many as the graph's recall says.

    Args:
        rows: (n,) gallery rows, each once.
        k: how many, at most; fewer where the graph leads to fewer outside the group.

    Raises:
        QueryError: there is no such row or space.
    """
    where = collection.space(space)
    members = checked_rows(collection, rows)
    inside = np.zeros(len(collection), bool)
    inside[members] = True
    near = where.neighbours[members]
    place, column = np.nonzero((near >= 0) & ~inside[near])
    found, far = near[place, column].astype(np.int64), where.neighbour_distances[members[place], column]
    chosen, taken = np.empty(0, np.int64), 8 * k
    while (
        len(chosen) < k and taken < 2 * len(far) + 16 * k
    ):  # a few of a million pairs are sorted, if they do
        limit = np.partition(far, taken)[taken] if taken < len(far) else np.inf
        close = np.flatnonzero(far <= limit)
        order = close[np.lexsort((found[close], far[close]))]
        _, first = np.unique(found[order], return_index=True)
        chosen, taken = order[np.sort(first)[:k]], 8 * taken
    near_rows, distances_to = found[chosen], far[chosen]
    return Neighbours(
        near_rows, distances_to, closer_than(distances_to, where.baseline), members[place[chosen]]
    )


def ranking(
    collection: Collection, asked: Asked, *, space: str | None = None, metric: str | None = None
) -> Ranking:
    """Put all images in the order of their true distances from a query, by one pass over the gallery; kept.

    Args:
        asked: for a set, an image is as near as the nearest member, and the members themselves are hidden among
            the gallery at their distance to the nearest other one. So are the other outside images of a set that
            an outside image is asked with.
        metric: left out, the space's own.

    Raises:
        QueryError: there is no such row, set, image, space or metric.
    """
    return _ranked(collection, *_question(collection, asked, space, metric), None)


def first_ranks(
    collection: Collection, asked: Asked, *, space: str | None = None, metric: str | None = None
) -> Ranking:
    """Give the first ``settings.FIRST_RANKS`` ranks of a ranking: next to the pass, sorting is most of its time.

    Arguments and errors as in ``ranking``.
    """
    first = settings.FIRST_RANKS if len(collection) > 2 * settings.FIRST_RANKS else None
    return _ranked(collection, *_question(collection, asked, space, metric), first)


def _question(
    collection: Collection, asked: Asked, space: str | None, metric: str | None
) -> tuple[Space, Asked, str, str]:
    where = collection.space(space)
    metric = metric or where.metric
    if isinstance(asked, int):
        checked_rows(collection, [asked])
        return where, asked, metric, ""
    one = find_query_set(collection, asked if isinstance(asked, str) else asked[0])
    if not isinstance(asked, str) and not 0 <= asked[1] < len(one.outside):
        raise QueryError(f"{one.name} has no outside image {asked[1]}.", "Reload the page.")
    return where, one.id if isinstance(asked, str) else asked, metric, one.members


@kept
def _ranked(
    collection: Collection, where: Space, asked: Asked, metric: str, members: str, first: int | None
) -> Ranking:
    return curves.ranking(*_measured(collection, where, asked, metric, members), first)


@kept
def _measured(
    collection: Collection, where: Space, asked: Asked, metric: str, _members: str
) -> tuple[FloatArray, npt.NDArray[np.int32]]:
    """Measure how far every image is, infinitely where it is not ranked; and name the images."""
    gallery = np.arange(len(collection), dtype=np.int32)
    if isinstance(asked, int):
        far = distances(where.vectors[[asked]], where.vectors, metric=metric)[0]
        far[asked] = np.inf
        return far, gallery
    if isinstance(asked, str):
        items = find_query_set(collection, asked).items
        if not len(items):
            return np.empty(0, np.float32), gallery[:0]
        found = nearest_members(collection, asked, space=where.id, metric=metric)
        hidden = items < 0
        far = np.concatenate([found.distances, found.within[hidden]])
        far[np.isnan(far)] = np.inf
        return far, np.concatenate([gallery, items[hidden].astype(np.int32)])
    one = find_query_set(collection, asked[0])
    outside = query_vectors(one, where)[len(one.rows) :]
    query = outside[[asked[1]]]
    others = distances(query, outside, metric=metric)[0]
    others[asked[1]] = np.inf
    far = np.concatenate([distances(query, where.vectors, metric=metric)[0], others])
    return far, np.concatenate([gallery, -1 - np.arange(len(outside), dtype=np.int32)])


def rank_curve(
    collection: Collection, asked: Asked, *, space: str | None = None, metric: str | None = None
) -> RankCurve:
    """Measure how far the image at each rank is; for a set the median over its members, with quartiles.

    Args:
        asked, metric: as in ``ranking``.

    Raises:
        QueryError: as ``ranking`` says.
    """
    where = collection.space(space)
    metric = metric or where.metric
    base = baseline(collection, space=space, metric=metric)
    if isinstance(asked, str):
        one = find_query_set(collection, asked)
        return _set_curve(collection, where, one.id, metric, one.members)
    ranked = ranking(collection, asked, space=space, metric=metric).distances
    ranks = curves.sample_ranks(len(ranked))
    return RankCurve(
        ranks, ranked[ranks - 1].astype(np.float64), None, None, len(ranked), 1, _beyond(ranked, base)
    )


@kept
def _set_curve(
    collection: Collection,
    where: Space,
    query_set: str,
    metric: str,
    _members: str,
) -> RankCurve:
    one = find_query_set(collection, query_set)
    n_ranked = len(collection) - (1 if one.rows else 0)  # the longest ranking that every member has
    ranks = curves.sample_ranks(n_ranked)
    if not len(one) or not len(ranks):
        nothing = np.empty(0)
        return RankCurve(np.empty(0, np.int64), nothing, nothing, nothing, 0, len(one), 0)
    asked = np.unique(np.linspace(0, len(one) - 1, min(len(one), settings.CURVE_MEMBERS)).astype(np.int64))
    members = query_vectors(one, where)[asked]
    found = curves.member_curves(
        members, np.maximum(one.items[asked], -1), where.vectors, ranks, metric=metric
    )
    low, middle, high = curves.band(found)
    base = baseline(collection, space=where.id, metric=metric)
    point = _beyond(middle.astype(np.float32), base)  # of the sample; 1-based
    beyond = n_ranked + 1 if point > len(ranks) else int(ranks[point - 1]) if point else 0
    return RankCurve(ranks, middle, low, high, n_ranked, len(asked), beyond)


def _beyond(ranked: FloatArray, base: FloatArray) -> int:
    """Return the first rank farther than the nearest 1 % of random pairs; 0 without a baseline."""
    if not len(base):
        return 0
    return curves.first_rank_beyond(ranked, float(np.quantile(base, settings.NOISE_QUANTILE)))
