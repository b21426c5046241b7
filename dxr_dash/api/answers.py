"""Do these features retrieve X?"""

from __future__ import annotations

import numpy as np

from dxr_dash import settings
from dxr_dash.analysis import answer as answers
from dxr_dash.analysis.distances import distances
from dxr_dash.api.distances import set_distances
from dxr_dash.api.kept import ANSWERS_KEPT, kept
from dxr_dash.api.query_sets import find_query_set, query_vectors
from dxr_dash.collection.store import Collection, Space
from dxr_dash.errors import QueryError
from dxr_dash.records import (
    Answer,
)


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
    other = find_query_set(collection, control) if control else collection.query_sets.get(one.control or "")
    if other is not None and other.id == one.id:
        raise QueryError(f"{one.name} cannot be its own control.", "Choose another set.")
    key = (other.id, other.name, other.rows, other.outside) if other else None
    return _answered(collection, where, (one.id, one.name, one.rows, one.outside), key)


@kept(ANSWERS_KEPT)
def _answered(
    collection: Collection,
    where: Space,
    one: tuple[str, str, tuple[int, ...], tuple[str, ...]],
    other: tuple[str, str, tuple[int, ...], tuple[str, ...]] | None,
) -> Answer:
    against = None
    if other is not None:
        query, control = find_query_set(collection, one[0]), find_query_set(collection, other[0])
        members = query_vectors(query, where)
        own = ~np.isin(
            control.items, query.rows
        )  # an image cannot be X and its control; negative items never match
        controls = query_vectors(control, where)[own]
        if not len(controls):
            raise QueryError(
                f"Every image of {control.name} is in {query.name}, too.", "Choose another control set."
            )
        against = (other[1], len(controls), distances(members, controls, metric=where.metric))
    return answers.answer(
        one[1],
        set_distances(collection, one[0], space=where.id),
        where.baseline,
        control=against,
        seed=settings.SEED,
        draws=settings.BOOTSTRAP_DRAWS,
        confidence=settings.CONFIDENCE,
    )
