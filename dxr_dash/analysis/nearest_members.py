"""For every image, the member of a query set that is nearest to it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dxr_dash.analysis.distances import Reference, from_keys, key_blocks
from dxr_dash.errors import QueryError
from dxr_dash.records import DoubleArray, FloatArray, IntArray, NearestMembers


def nearest_members(
    query_vectors: npt.ArrayLike,
    items: npt.ArrayLike,
    vectors: npt.NDArray[np.floating],
    *,
    metric: str,
    block: int | None = None,
) -> NearestMembers:
    """Measure how near every image is to a query set, by one pass over the gallery.

    Args:
        query_vectors: (Q, D).
        items: (Q,) distinct; a gallery row, or -1 - position of an outside image.
        vectors: (N, D), may be memory-mapped and read-only.
        metric: "cosine" or "euclidean".
        block: gallery rows taken at once; chosen from Q and D unless given.

    Raises:
        QueryError: an empty set, an unknown metric, or vectors that do not fit.
    """
    reference = Reference.of(query_vectors, metric)
    members = np.asarray(items, np.int64)
    if not len(members):
        raise QueryError("The query set is empty.", "Choose at least one image.")
    found = Nearest.empty(len(vectors))
    for start, keys in key_blocks(reference, vectors, block):
        found.leave_out_self(start, keys, members)
        found.add(start, keys)
    within = np.full(len(members), np.inf)
    # vectors of length 1 are as far apart by cosine as they were before
    for start, keys in key_blocks(reference, reference.vectors, block):
        own = np.arange(start, start + keys.shape[1])
        keys[own, own - start] = np.inf
        within[own] = keys.min(axis=0)
    return found.record(_float32(within, metric), metric)


class Nearest:
    """The nearest member of each gallery row, as far as blocks have been seen."""

    def __init__(self, keys: DoubleArray, members: IntArray) -> None:
        self.keys = keys  # (N,)
        self.members = members

    @classmethod
    def empty(cls, n_images: int) -> Nearest:
        """Begin with no block seen."""
        return cls(np.full(n_images, np.inf), np.full(n_images, -1, dtype=np.int64))

    @staticmethod
    def leave_out_self(start: int, keys: DoubleArray, members: IntArray) -> None:
        """Make the keys of every member with itself infinite, in place."""
        inside = np.flatnonzero((members >= start) & (members < start + keys.shape[1]))
        keys[inside, members[inside] - start] = np.inf

    def add(self, start: int, keys: DoubleArray) -> None:
        """Note the nearest member of each gallery row of a block of (Q, b) keys; infinite keys do not count."""
        nearest = keys.min(axis=0)
        self.keys[start : start + keys.shape[1]] = nearest
        # Faster than argmin down the columns. Members are visited last to first: the first one stays.
        members, columns = np.nonzero(keys == nearest)
        members, columns = members[::-1], columns[::-1]
        finite = np.isfinite(nearest[columns])
        self.members[start + columns[finite]] = members[finite]

    def record(self, within: FloatArray, metric: str) -> NearestMembers:
        """Give what was found, with the (Q,) distances of the members to the nearest other one."""
        return NearestMembers(_float32(self.keys, metric), self.members, within)


def _float32(keys: DoubleArray, metric: str) -> FloatArray:
    return np.where(np.isinf(keys), np.nan, from_keys(keys, metric)).astype(np.float32)
