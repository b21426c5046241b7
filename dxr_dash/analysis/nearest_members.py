"""For every image, the member of a query set that is nearest to it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dxr_dash.analysis.cores import passes
from dxr_dash.analysis.distances import Reference, from_keys
from dxr_dash.errors import QueryError
from dxr_dash.records import DoubleArray, FloatArray, IntArray, NearestMembers


def nearest_members(
    query_vectors: npt.ArrayLike,
    items: npt.ArrayLike,
    vectors: npt.NDArray[np.floating],
    *,
    metric: str,
    asked: IntArray | None = None,
    block: int | None = None,
    n_threads: int | None = None,
) -> NearestMembers:
    """Measure how near every image is to a query set, by one pass over the gallery.

    Args:
        query_vectors: (Q, D).
        items: (Q,) distinct; a gallery row, or -1 - position of an outside image.
        vectors: (N, D), may be memory-mapped and read-only.
        metric: "cosine" or "euclidean".
        asked: (q,) ascending positions of the members that count; all unless given. The others are near to nothing.
        block: gallery rows taken at once; chosen unless given.
        n_threads: left out, one a core. The result does not depend on it.

    Raises:
        QueryError: an empty set, an unknown metric, or vectors that do not fit.
    """
    from dxr_dash.analysis.gallery_pass import GalleryPass  # brings numba

    members = np.asarray(items, np.int64)
    if not len(members):
        raise QueryError("The query set is empty.", "Choose at least one image.")
    chosen = np.arange(len(members)) if asked is None else asked
    members, queries = members[chosen], np.asarray(query_vectors, np.float32)[chosen]
    reference = Reference.of(queries, metric)
    all_of_them = np.arange(len(members))
    found, within = Nearest(len(vectors)), Nearest(len(members))
    for nearest, rows, own in ((found, vectors, np.maximum(members, -1)), (within, queries, all_of_them)):
        with passes:
            GalleryPass(
                reference,
                rows,
                None,
                own,
                all_of_them,
                best=nearest.keys,
                members=nearest.members,
                block=block,
            ).run(n_threads)
    to_other = np.full(np.shape(items), np.nan, np.float32)
    to_other[chosen] = _float32(within.keys, metric)
    found.members = np.where(found.members < 0, -1, chosen[found.members])
    return found.record(to_other, metric)


class Nearest:
    """The nearest member of each gallery row, as far as tiles have been seen."""

    def __init__(self, n_images: int) -> None:
        self.keys = np.full(n_images, np.inf)
        self.members = np.full(n_images, -1, dtype=np.int64)

    def record(self, within: FloatArray, metric: str) -> NearestMembers:
        """Give what was found, with the (Q,) distances of the members to the nearest other one."""
        return NearestMembers(_float32(self.keys, metric), self.members, within)


def _float32(keys: DoubleArray, metric: str) -> FloatArray:
    return np.where(np.isinf(keys), np.nan, from_keys(keys, metric)).astype(np.float32)
