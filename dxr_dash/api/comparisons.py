"""Query sets beside each other, in one feature space or in several."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Hashable, Sequence

from dxr_dash import settings
from dxr_dash.analysis import compared, paired
from dxr_dash.api.answers import Members, answer, members_of
from dxr_dash.api.distances import set_distances
from dxr_dash.api.kept import kept
from dxr_dash.api.query_sets import find_query_set, query_vectors
from dxr_dash.collection.query_sets import QuerySet
from dxr_dash.collection.store import Collection, Space
from dxr_dash.errors import QueryError
from dxr_dash.records import ComparedLine, Comparison, Difference


def compare(
    collection: Collection,
    query_sets: Sequence[str],
    *,
    reference: str | None = None,
    spaces: Sequence[str] | None = None,
    reference_space: str | None = None,
) -> Comparison:
    """Put query sets beside each other, each in every space asked for, and measure how they differ from one.

    Args:
        query_sets: ids or names; the same set twice counts once.
        reference: id or name of the set that the others are compared with, one of them. Left out, the first
            that is the control set of another one, else the first.
        spaces: ids of the feature spaces; left out, the collection's own choice.
        reference_space: the space of the reference; left out, the first.

    Returns:
        The comparison; each set is answered for with its stored control set.

    Raises:
        QueryError: there is no such set or space, a set is empty, or the reference is not among those compared.
    """
    sets = list(dict.fromkeys(find_query_set(collection, one).id for one in query_sets))
    where = list(dict.fromkeys(collection.space(one).id for one in (spaces or [collection.default_space])))
    if not sets:
        raise QueryError("No query set was named.", "Name the sets to compare.")
    places = [(one, space) for one in sets for space in where]
    other = (
        _usual_reference(collection, sets) if reference is None else find_query_set(collection, reference).id
    )
    base = (other, where[0] if reference_space is None else collection.space(reference_space).id)
    if base not in places:
        name = find_query_set(collection, other).name
        raise QueryError(
            f"The reference, {name} in {base[1]}, is not among what is compared.",
            "Name it as one of the sets and spaces.",
        )
    lines = tuple(_line(collection, place, base, several=len(where) > 1) for place in places)
    return Comparison(lines, places.index(base))


FEWEST_COMPARED = 3  # images of a set; with fewer there is nothing to resample


def _usual_reference(collection: Collection, sets: Sequence[str]) -> str:
    """Choose the control set of another one: it is what that one must beat."""
    controls = {find_query_set(collection, one).control for one in sets}
    usable = [one for one in sets if len(find_query_set(collection, one)) >= FEWEST_COMPARED] or list(sets)
    return next((one for one in usable if one in controls), usable[0])


def _line(
    collection: Collection, place: tuple[str, str], base: tuple[str, str], *, several: bool
) -> ComparedLine:
    query_set, space = place
    found = answer(collection, query_set, space=space)
    differs = None if place == base else difference_between(collection, place, base)
    return ComparedLine(
        query_set=query_set,
        name=found.name,
        space=space,
        n_images=found.n_images,
        n_compared=found.n_compared,
        verdict=found.verdict,
        sentence=found.sentence,
        auroc=found.auroc,
        mean_ap=found.mean_ap,
        precision=found.precision,
        recall=found.recall,
        control=found.control,
        warnings=found.warnings,
        difference=differs,
        said="" if differs is None else _said(collection, place, base, differs, several=several),
    )


def _said(
    collection: Collection,
    place: tuple[str, str],
    base: tuple[str, str],
    differs: Difference,
    *,
    several: bool,
) -> str:
    one, other = (answer(collection, query_set, space=space) for query_set, space in (place, base))
    if place[0] == base[0]:
        return compared.spaces_differ(
            one.name, (place[1], one.verdict), (base[1], other.verdict), differs.auroc
        )
    names = [
        f"{found.name} in {space}" if several else found.name
        for found, (_, space) in ((one, place), (other, base))
    ]
    return compared.sets_differ((names[0], one.verdict), (names[1], other.verdict), differs.auroc)


def difference_between(collection: Collection, place: tuple[str, str], base: tuple[str, str]) -> Difference:
    """Measure how much better a set is retrieved in a space than another, or in another; ids of both."""
    (one, where), (other, there) = (
        (members_of(find_query_set(collection, query_set)), collection.space(space))
        for query_set, space in (place, base)
    )
    return _difference(collection, where, one, there, other)


@kept
def _difference(
    collection: Collection, where: Space, one: Members, there: Space, other: Members
) -> Difference:
    return paired.difference(
        _side(collection, where, one),
        _side(collection, there, other),
        seed=settings.SEED,
        draws=settings.BOOTSTRAP_DRAWS,
        confidence=settings.CONFIDENCE,
    )


@kept
def _side(collection: Collection, where: Space, one: Members) -> paired.Side:
    query = find_query_set(collection, one[0])
    return paired.side(set_distances(collection, one[0], space=where.id), _names(query, collection.space()))


def _names(query: QuerySet, where: Space) -> list[Hashable]:
    """Name the members so that an image of two sets has one name: its row, or what an outside image looks like.

    Outside images are told apart by their vectors, in a space that is the same for all sets: the same file in
    two sets has one vector. Equal ones within a set are numbered.
    """
    names: list[Hashable] = list(query.rows)
    seen: Counter[str] = Counter()
    for vector in query_vectors(query, where)[len(query.rows) :]:
        looks = hashlib.sha256(vector.tobytes()).hexdigest()
        names.append((looks, seen[looks]))
        seen[looks] += 1
    return names
