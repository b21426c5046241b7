"""Query sets of an open collection: keep, find, change; and the vectors of their members."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np

from dxr_dash.analysis.cores import Turns
from dxr_dash.collection import query_sets as sets
from dxr_dash.collection.outside import Outside, embed_outside
from dxr_dash.collection.query_sets import QuerySet
from dxr_dash.collection.store import Collection, Space
from dxr_dash.errors import QueryError
from dxr_dash.records import (
    FloatArray,
    IntArray,
    OnProgress,
    Skipped,
    silent,
)

_embedding = Turns(1)  # one network at a time: two would only fight for the same cores


def add_query_set(
    collection: Collection,
    name: str,
    *,
    rows: Sequence[int] = (),
    images: Sequence[tuple[str, bytes]] | Path | str = (),
    control: str | None = None,
    on_progress: OnProgress = silent,
) -> tuple[QuerySet, tuple[Skipped, ...]]:
    """Keep a query set in the collection: gallery rows, images from outside, or both.

    Args:
        name: 1 to 80 characters.
        rows: gallery rows of members.
        images: a folder or file, or (name, bytes of the file) pairs. They are embedded with the collection's own
            networks; a bad file is left out and named.
        control: id of the control set.

    Returns:
        The set, and the files that were left out.

    Raises:
        QueryError: the name does not do, or there is no such row or control set.
        UploadError: no row, and no image that can be read.
        NetworkError: the collection's network cannot be loaded.
    """
    name = sets.checked_name(name)
    members = np.unique(checked_rows(collection, rows))
    if control is not None:
        find_query_set(collection, control)
    outside = _embedded(collection, images, any_rows=len(members) > 0, on_progress=on_progress)
    return _kept(collection, name, members, outside, control), tuple(outside.skipped)


def replace_query_set(
    collection: Collection,
    name: str,
    *,
    images: Sequence[tuple[str, bytes]] | Path | str | None,
    control: str | None = None,
    control_images: Sequence[tuple[str, bytes]] | Path | str | None = None,
    on_progress: OnProgress = silent,
) -> tuple[QuerySet, tuple[Skipped, ...]]:
    """Keep a query set of outside images under a name that may be taken; the old one goes once the new one is there.

    All images are read before anything is written. A set that holds these very images stays, so that the same call
    twice, or again after a kill, changes nothing.

    Args:
        images: as for ``add_query_set``; None: the stored set of that name or id stays, but for its control set.
        control: id of the control set.
        control_images: of a control set that is kept beside this one, in the same way.

    Returns, Raises:
        As ``add_query_set``.
    """
    stored = find_query_set(collection, name) if images is None else None
    name = sets.checked_name(name if stored is None else stored.name)
    beside = sets.checked_name(f"{name}, control")
    if control is not None:
        find_query_set(collection, control)
    outside, against = (
        None if one is None else _embedded(collection, one, any_rows=False, on_progress=on_progress)
        for one in (images, control_images)
    )
    gone: list[QuerySet] = []
    if against is not None:
        control = _put(collection, beside, against, None, gone).id
    if outside is not None:
        stored = _put(collection, name, outside, control, gone)
    assert stored is not None  # noqa: S101 - found, or just put there
    if control is not None and stored.control != control:
        sets.change_query_set(stored, control=control)
    for other in gone:
        remove_query_set(collection, other.id)
    skipped = [one for part in (against, outside) if part is not None for one in part.skipped]
    return find_query_set(collection, stored.id), tuple(skipped)


def _put(
    collection: Collection, name: str, outside: Outside, control: str | None, gone: list[QuerySet]
) -> QuerySet:
    """Find the set of this name that holds these images, or write it; add to ``gone`` what it takes the place of."""
    before = [one for one in collection.query_sets.values() if one.name == name]
    one = next((one for one in before if _holds(one, outside)), None)
    if one is None:
        one = _kept(collection, name, np.empty(0, np.int64), outside, control)
    elif one.control != control:
        sets.change_query_set(one, control=control)
        one = find_query_set(collection, one.id)
    gone += [other for other in before if other.id != one.id]
    return one


def _holds(one: QuerySet, outside: Outside) -> bool:
    n_inside = len(one.rows) + one.n_missing
    return not n_inside and one.outside == tuple(outside.names) and one.outside_images() == outside.files


def _embedded(
    collection: Collection,
    images: Sequence[tuple[str, bytes]] | Path | str,
    *,
    any_rows: bool,
    on_progress: OnProgress,
) -> Outside:
    # without images there is no network to wait for
    with _embedding if isinstance(images, Path) or images else nullcontext():
        return embed_outside(
            images, list(collection.spaces.values()), any_rows=any_rows, on_progress=on_progress
        )


def _kept(
    collection: Collection, name: str, members: IntArray, outside: Outside, control: str | None
) -> QuerySet:
    query_id = sets.write_query_set(
        collection.folder,
        name,
        gallery=collection.manifest["gallery"],
        rows=members,
        members=collection.table.select(["path_bytes", "content"]).take(members),
        outside=outside.names,
        images=outside.files,
        thumbnails=outside.thumbnails,
        vectors=outside.vectors,
        control=control,
    )
    return find_query_set(collection, query_id)


def find_query_set(collection: Collection, query_set: str) -> QuerySet:
    """Find a query set by its id, or by its name when no id fits.

    Raises:
        QueryError: there is no such set.
    """
    known = collection.query_sets
    if query_set in known:
        return known[query_set]
    named = [one for one in known.values() if one.name == query_set]
    if len(named) == 1:
        return named[0]
    there = ", ".join(one.name for one in known.values()) or "none yet"
    raise QueryError(f"{collection.name} has no query set {query_set!r}.", f"It has: {there}.")


def rename_query_set(collection: Collection, query_set: str, name: str) -> None:
    """Give a query set another name."""
    sets.change_query_set(find_query_set(collection, query_set), name=sets.checked_name(name))


def set_control(collection: Collection, query_set: str, control: str | None) -> None:
    """Choose the control set of a query set, or none."""
    one = find_query_set(collection, query_set)
    other = find_query_set(collection, control) if control is not None else None
    if other is not None and other.id == one.id:
        raise QueryError(f"{one.name} cannot be its own control.", "Choose another set.")
    sets.change_query_set(one, control=other.id if other else None)


def remove_query_set(collection: Collection, query_set: str) -> None:
    """Remove a query set; ``restore_query_set`` brings it back until the next build."""
    sets.remove_query_set(collection.folder, query_set)


def restore_query_set(collection: Collection, query_set: str) -> None:
    """Bring back a query set that was removed."""
    sets.restore_query_set(collection.folder, query_set)


def query_vectors(one: QuerySet, where: Space) -> FloatArray:
    """Read the (Q, D) float32 vectors of a set's members, in the order of its items.

    Outside images that this feature space has not seen yet are embedded now, and kept.
    """
    inside = where.vectors[np.asarray(one.rows, np.int64)]
    if not one.outside:
        return inside
    outside = one.outside_vectors(where.fingerprint, where.n_dims)
    if outside is None:
        images = list(zip(one.outside, one.outside_images(), strict=True))
        with _embedding:
            outside = embed_outside(images, [where]).vectors[where.fingerprint]
        sets.keep_outside_vectors(one, where.fingerprint, outside)
    return np.concatenate([inside, outside])


def checked_rows(collection: Collection, rows: Sequence[int] | IntArray) -> IntArray:
    """Check gallery rows that came from outside.

    Raises:
        QueryError: one of them does not exist.
    """
    try:
        found = np.asarray(rows, np.int64).reshape(-1)
    except OverflowError:  # a number of more than 18 digits
        found = np.array([-1])
    if len(found) and (found.min() < 0 or found.max() >= len(collection)):
        raise QueryError(
            "An image was asked for that is not in the collection.",
            f"Rows go from 0 to {len(collection) - 1}.",
        )
    return found
