"""Do these features retrieve X?"""

from __future__ import annotations

import numpy as np

from dxr_dash import settings
from dxr_dash.analysis import answer as answers
from dxr_dash.analysis.distances import distances
from dxr_dash.analysis.duplicates import NearlySame
from dxr_dash.analysis.hubs import hubs
from dxr_dash.api.distances import measure, set_distances
from dxr_dash.api.kept import kept
from dxr_dash.api.query_sets import find_query_set, query_vectors
from dxr_dash.api.surroundings import near_among, near_in, shift_of
from dxr_dash.collection.query_sets import QuerySet
from dxr_dash.collection.store import Collection, Space
from dxr_dash.errors import QueryError
from dxr_dash.records import Answer, FloatArray, IntArray, SetDistances, Shift

Members = tuple[str, str, str]  # id, name, and what names the members
"""Id, name, gallery rows and outside images of a query set."""


def answer(
    collection: Collection, query_set: str, *, control: str | None = None, space: str | None = None
) -> Answer:
    """Answer "do these features retrieve X?" for a query set.

    Args:
        control: id of the control set; left out, the one stored with the query set, if any.

    Raises:
        QueryError: there is no such set or space, or the set has no image.
    """
    where = collection.space(space)
    one = find_query_set(collection, query_set)
    other = control_of(collection, one, control)
    return _answered(collection, where, members_of(one), members_of(other) if other else None)


def control_of(collection: Collection, one: QuerySet, control: str | None) -> QuerySet | None:
    """Find the control set that was asked for; else the one stored with the query set, if it is still there.

    Raises:
        QueryError: it is the query set itself, or there is no such set.
    """
    other = find_query_set(collection, control) if control else collection.query_sets.get(one.control or "")
    if other is not None and other.id == one.id:
        raise QueryError(f"{one.name} cannot be its own control.", "Choose another set.")
    return other


def members_of(one: QuerySet) -> Members:
    """Return all that an answer depends on: what is kept for a set must not outlive its members or its name."""
    return one.id, one.name, one.members


def control_members(query: QuerySet, control: QuerySet, where: Space) -> FloatArray:
    """Read the (C, D) vectors of the control images that are not X: an image cannot be both.

    Raises:
        QueryError: none is left.
    """
    own = ~np.isin(control.items, query.rows)  # negative items never match
    controls = query_vectors(control, where)[own]
    if not len(controls):
        raise QueryError(
            f"Every image of {control.name} is in {query.name}, too.", "Choose another control set."
        )
    return controls


def control_distances(collection: Collection, query_set: str, control: str, where: Space) -> FloatArray:
    """Measure the asked members of a query set against the images of its control set that are not X: (q, C) float32.

    Raises:
        QueryError: there is no such set, or no such image.
    """
    query, other = find_query_set(collection, query_set), find_query_set(collection, control)
    controls = control_members(query, other, where)
    asked = set_distances(collection, query.id, space=where.id).asked
    return distances(query_vectors(query, where)[asked], controls, metric=where.metric)


@kept
def _answered(collection: Collection, where: Space, one: Members, other: Members | None) -> Answer:
    measured = set_distances(collection, one[0], space=where.id)
    query = find_query_set(collection, one[0])
    control, against = None, None
    if other is not None:
        control = find_query_set(collection, other[0])
        far = control_distances(collection, query.id, control.id, where)
        against = (control.name, far.shape[1], far)
    near = near_in(collection, where, query)
    shift = shift_of(collection, where, query, control, near)
    return _answer(one[1], measured, where, against, near, shift)


def answer_rows(where: Space, name: str, rows: IntArray) -> Answer:
    """Answer in brief for gallery rows as if they were a query set without a control set; nothing is kept.

    Args:
        name: what the set would be called.
        rows: (Q,) distinct gallery rows, ascending.
    """
    measured = measure(where, where.vectors[rows], rows, with_nearest_members=False)
    near = near_among(where, measured, where.vectors[rows[measured.asked]])
    return _answer(name, measured, where, None, near, None, brief=True)


def _answer(
    name: str,
    measured: SetDistances,
    where: Space,
    control: answers.Control | None,
    near: NearlySame,
    shift: Shift | None,
    *,
    brief: bool = False,
) -> Answer:
    return answers.answer(
        name,
        measured,
        where.baseline,
        control=control,
        near=near,
        shift=shift,
        hubs=hubs(measured, where.k_occurrence),
        seed=settings.SEED,
        draws=settings.BOOTSTRAP_DRAWS,
        confidence=settings.CONFIDENCE,
        brief=brief,
    )
