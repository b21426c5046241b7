"""The distances of what is compared, on one axis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dxr_dash.analysis.baseline import closer_than
from dxr_dash.analysis.distances import distances
from dxr_dash.analysis.distribution import N_BINS, by_percentile, distance_axis, distribution
from dxr_dash.api.answers import Members, control_members, control_of, members_of
from dxr_dash.api.distances import set_distances
from dxr_dash.api.kept import kept
from dxr_dash.api.query_sets import find_query_set, query_vectors
from dxr_dash.collection.store import Collection, Space
from dxr_dash.records import Distribution, DoubleArray, FloatArray, SetDistances

Place = tuple[str, str]
"""Id of a query set and of a feature space."""


def compared_distributions(
    collection: Collection, places: Sequence[Place]
) -> tuple[Distribution, list[tuple[Distribution, Distribution]]]:
    """Bin the distances of query sets on one axis, in one feature space or in several.

    Distances of two spaces have no common unit, even by one metric. So with several spaces the axis is the share
    of random pairs of the same space that are nearer, 0..1: on it the baseline of every space is even.

    Args:
        places: sets and spaces; at least one.

    Returns:
        The baseline; and for each place the distances within the set, and from the set to the gallery.
    """
    spaces = {space: collection.space(space) for _, space in places}
    measured = [set_distances(collection, query_set, space=space) for query_set, space in places]
    if len(spaces) > 1:
        axis = np.linspace(0.0, 1.0, N_BINS + 1).astype(np.float32)
        even = distribution("baseline", edges=axis, values=(np.arange(N_BINS) + 0.5) / N_BINS)
        return even, [
            _by_percentile(one, spaces[space].baseline, axis)
            for one, (_, space) in zip(measured, places, strict=True)
        ]
    base = next(iter(spaces.values())).baseline
    axis = distance_axis(base[-1:], binned=[one.edges for one in measured])
    return distribution("baseline", edges=axis, values=base), [
        (
            distribution("within", edges=axis, values=_pairs(one)),
            distribution("to gallery", edges=axis, counts=one.to_gallery, counts_edges=one.edges),
        )
        for one in measured
    ]


def _by_percentile(
    one: SetDistances, base: FloatArray, axis: FloatArray
) -> tuple[Distribution, Distribution]:
    nearer = 1.0 - closer_than(_pairs(one), base)
    counts = by_percentile(one.to_gallery, one.edges, base)
    return (
        distribution("within", edges=axis, values=nearer),
        distribution("to gallery", edges=axis, counts=counts, counts_edges=axis),
    )


def _pairs(one: SetDistances) -> FloatArray:
    """List the distances within a set, each pair once where all members were asked with."""
    if len(one.asked) == len(one.items):
        return one.within[np.triu_indices(len(one.items), 1)]
    return one.within[~np.isnan(one.within)]


def control_distributions(
    collection: Collection, query_set: str, *, control: str | None = None, space: str | None = None
) -> dict[str, Distribution]:
    """Bin what a set and its control set are apart, on one axis: the picture of what the control set explains.

    Args:
        control: id of the control set; left out, the one stored with the query set, if any.

    Returns:
        "within", "to control", "to gallery", "control within", "baseline"; empty without a control set. Control
        images that are members are left out, as in the answer.

    Raises:
        QueryError: there is no such set or space, or every control image is a member.
    """
    where = collection.space(space)
    one = find_query_set(collection, query_set)
    other = control_of(collection, one, control)
    if other is None or not len(one) or not len(other):
        return {}
    return _against(collection, where, members_of(one), members_of(other))


@kept
def _against(collection: Collection, where: Space, one: Members, other: Members) -> dict[str, Distribution]:
    query, control = find_query_set(collection, one[0]), find_query_set(collection, other[0])
    measured = [set_distances(collection, key, space=where.id) for key in (query.id, control.id)]
    far = distances(
        query_vectors(query, where)[measured[0].asked],
        control_members(query, control, where),
        metric=where.metric,
    )
    axis = distance_axis(where.baseline[-1:], far, binned=[found.edges for found in measured])
    values: dict[str, FloatArray | DoubleArray] = {
        "within": _pairs(measured[0]),
        "to control": far,
        "control within": _pairs(measured[1]),
        "baseline": where.baseline,
    }
    found = {name: distribution(name, edges=axis, values=group) for name, group in values.items()}
    counts, edges = measured[0].to_gallery, measured[0].edges
    found["to gallery"] = distribution("to gallery", edges=axis, counts=counts, counts_edges=edges)
    return found
