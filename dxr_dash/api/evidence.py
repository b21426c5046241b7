"""What stands beside an answer: the p-value, what is retrieved instead, and the linear probe."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dxr_dash import settings
from dxr_dash.analysis.hubs import by_local_scaling, scaled, scaled_keys
from dxr_dash.analysis.instead import Values, instead, own_values
from dxr_dash.analysis.probe import negative_rows, probe
from dxr_dash.analysis.random_sets import RandomAurocs, among_random_sets, random_aurocs
from dxr_dash.api.answers import Members, answer, control_distances, control_members, control_of, members_of
from dxr_dash.api.distances import set_distances
from dxr_dash.api.kept import kept
from dxr_dash.api.query_sets import find_query_set, query_vectors
from dxr_dash.api.surroundings import gallery_scales, member_scales, near_in
from dxr_dash.collection.labels import LABEL
from dxr_dash.collection.query_sets import QuerySet
from dxr_dash.collection.store import Collection, Space
from dxr_dash.records import Findings, LocalScaling, Probe

CLUSTER = "cluster"


def findings(
    collection: Collection, query_set: str, *, control: str | None = None, space: str | None = None
) -> Findings:
    """Find what stands beside the answer for a query set; slower than the answer itself, and kept.

    Args:
        control: as for ``answer``.

    Raises:
        QueryError: as ``answer`` says.
    """
    where = collection.space(space)
    one = find_query_set(collection, query_set)
    other = control_of(collection, one, control)
    return _found(collection, where, members_of(one), members_of(other) if other else None)


@kept
def _found(collection: Collection, where: Space, one: Members, other: Members | None) -> Findings:
    query = find_query_set(collection, one[0])
    measured = set_distances(collection, one[0], space=where.id)
    sorts = _sorts(collection, where)
    values, n_values = instead(measured, sorts, where.k_occurrence)
    return Findings(
        among_random=among_random_sets(
            query_vectors(query, where), query.items, where.vectors, _random(where, len(query))
        ),
        instead=values,
        own=own_values(
            measured, sorts[:-1]
        ),  # clusters are made of neighbours: that they stay together says nothing
        n_values=n_values,
        probe=_probe(collection, where, one[0], other[0] if other else None),
        scaled=_scaled(collection, where, query, find_query_set(collection, other[0]) if other else None),
    )


def _scaled(collection: Collection, where: Space, one: QuerySet, control: QuerySet | None) -> LocalScaling:
    """Answer again by local scaling, everything else as it was."""
    as_it_is = answer(collection, one.id, control=control.id if control else None, space=where.id)
    measured = set_distances(collection, one.id, space=where.id)
    asked = query_vectors(one, where)[measured.asked]
    against = None
    if control is not None:
        far = control_distances(collection, one.id, control.id, where)
        scales = member_scales(where, control)[~np.isin(control.items, one.rows)]
        against = (control.name, far.shape[1], scaled_keys(far, scales, where.metric))
    keys = scaled(
        measured,
        asked,
        where.vectors,
        member_scales=member_scales(where, one),
        gallery_scales=gallery_scales(where),
        metric=where.metric,
    )
    near = near_in(collection, where, one)
    if near.to_copies is not None:
        by_scale = scaled_keys(near.to_copies, gallery_scales(where)[near.copies], where.metric)
        near = replace(near, to_copies=by_scale)
    return by_local_scaling(
        as_it_is,
        keys,
        against,
        near,
        metric=where.metric,
        seed=settings.SEED,
        draws=settings.BOOTSTRAP_DRAWS,
        confidence=settings.CONFIDENCE,
    )


@kept
def _random(where: Space, n_images: int) -> RandomAurocs:
    """Draw the random sets of one size; they serve every query set of that size."""
    return random_aurocs(where.vectors, n_images, metric=where.metric, seed=settings.SEED)


@kept
def _sorts(collection: Collection, where: Space) -> tuple[Values, ...]:
    """List the ways to sort the gallery: label, metadata whose values repeat, and last the clusters."""
    names = [name for name in collection.metadata_columns if name == LABEL or name in collection.columns]
    columns = [(name, collection.column(name)) for name in names]
    found = [Values(name, column.codes, column.categories) for name, column in columns]
    found.append(Values(CLUSTER, np.asarray(where.clusters), where.cluster_names))
    return tuple(found)


def _probe(collection: Collection, where: Space, query_set: str, control: str | None) -> Probe | None:
    query = find_query_set(collection, query_set)
    other = find_query_set(collection, control) if control else None
    found = answer(collection, query_set, control=control, space=where.id)
    measured = set_distances(collection, query_set, space=where.id)
    inside = np.asarray(query.rows, np.int64)
    negatives = negative_rows(len(collection), inside, settings.PROBE_NEGATIVES, settings.SEED)
    return probe(
        query_vectors(query, where)[measured.asked],
        where.vectors[negatives],
        control_members(query, other, where) if other else None,
        alike=near_in(collection, where, query).among_asked(measured.asked),
        retrieved=found.auroc,
        retrieved_control=found.control,
        verdict=found.verdict,
        seed=settings.SEED,
        draws=settings.BOOTSTRAP_DRAWS,
        confidence=settings.CONFIDENCE,
    )
