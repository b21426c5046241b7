"""One pass over the gallery: everything that a query set's distances say, without an N x Q array."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dxr_dash import settings
from dxr_dash.analysis.cores import passes
from dxr_dash.analysis.distances import Reference, as_rows, from_keys, same_rows
from dxr_dash.analysis.nearest_members import Nearest
from dxr_dash.errors import QueryError
from dxr_dash.records import FloatArray, IntArray, SetDistances


def set_distances(
    query_vectors: npt.ArrayLike,
    items: npt.ArrayLike,
    vectors: npt.NDArray[np.floating],
    *,
    metric: str,
    k: int,
    n_bins: int = 512,
    asked: npt.ArrayLike | None = None,
    with_nearest_members: bool = True,
    block: int | None = None,
    n_threads: int | None = None,
) -> SetDistances:
    """Compare a query set with itself and with the gallery.

    Members that are gallery rows are left out of "compared" for every member, by their row: another image
    that is identical to a member is a genuine gallery image at distance 0.

    Counts are those of the float32 distances that are shown. A gallery image whose distance would round to
    that of a member is equal to it, and one that differs by float64 rounding alone is equal too, so a copy of
    member m is as far from every q as m is, wherever in the gallery it stands.

    The histogram starts at 0 and ends at the smallest power of two that no distance exceeds, found on the
    way; bins are half open, so histograms of several sets can be brought to one axis exactly.

    Args:
        query_vectors: (Q, D).
        items: (Q,) distinct; a gallery row, or -1 - position of an outside image.
        vectors: (N, D), may be memory-mapped and read-only.
        metric: "cosine" or "euclidean".
        k: gallery images to keep per member; fewer when fewer are compared.
        n_bins: bins of the histogram.
        asked: (q,) positions of the members to ask with, ascending; all of them unless given. The others are still
            to be found, and never compared.
        with_nearest_members: whether to find, for every image, the nearest member; only when all are asked.
        block: gallery rows taken at once; chosen unless given.
        n_threads: left out, one a core. The result does not depend on it.

    Returns:
        The record; equal distances stand in the order of their rows. ``nearest_members`` is there when all members
        were asked, and it was wanted.

    Raises:
        QueryError: an empty set, items that repeat or are not in the gallery, shapes that do not fit, vectors
            that are not finite.
    """
    from dxr_dash.analysis.counted import Bounds  # brings numba, as does the pass
    from dxr_dash.analysis.gallery_pass import GalleryPass

    queries = np.asarray(query_vectors, dtype=np.float32)
    whole = Reference.of(queries, metric)
    members = _check_items(items, len(whole.vectors), len(vectors))
    chosen = _check_asked(asked, len(members))
    reference = whole.of_queries(chosen)
    own = members[members >= 0]
    n_compared = len(vectors) - len(own)
    wanted = with_nearest_members and len(chosen) == len(members)
    nearest = Nearest(len(vectors)) if wanted else None
    with passes:
        within = within_distances(queries, metric, chosen)
        bounds = Bounds.around(within, reference, whole.squares)
        found = GalleryPass(
            reference,
            vectors,
            bounds,
            np.maximum(members, -1),
            chosen,
            k=min(max(k, 0), n_compared),
            n_bins=n_bins,
            best=None if nearest is None else nearest.keys,
            members=None if nearest is None else nearest.members,
            block=block,
        ).run(n_threads)
    n_less = bounds.in_member_order(found.n_below)
    n_equal = bounds.in_member_order(found.n_up_to) - n_less
    to_other = np.where(np.isnan(within), np.inf, within).min(axis=1)
    to_other[np.isinf(to_other)] = np.nan
    return SetDistances(
        items=members,
        asked=chosen,
        within=within,
        n_less=n_less,
        n_equal=n_equal,
        n_compared=n_compared,
        edges=np.linspace(0.0, found.upper, n_bins + 1).astype(np.float32),
        to_gallery=found.histogram,
        nearest_rows=found.rows,
        nearest_distances=found.distances,
        nearest_members=None if nearest is None else nearest.record(to_other, metric),
    )


def compile_loops() -> None:
    """Have the loops of an answer compiled and kept on the disk, so that nobody waits for it before one."""
    from dxr_dash.analysis.kernels import halves_not_farther

    vectors = np.random.default_rng(0).standard_normal((64, 8), dtype=np.float32)
    for n_queries in (1, 8):  # in float64 and in float32
        rows = np.arange(n_queries)
        set_distances(vectors[rows], rows, vectors, metric="cosine", k=4)
    halves_not_farther(vectors, vectors[:, :-1])


def asked_members(n_images: int, seed: int) -> IntArray:
    """Choose the members that a set is asked with: all of a small one, a random sample of a large one.

    Returns:
        (q,) positions 0..Q-1, ascending.
    """
    most = max(
        settings.ANSWER_FEWEST, min(settings.ANSWER_QUERIES, settings.ANSWER_PAIRS // max(n_images, 1))
    )
    return np.sort(np.random.default_rng(seed).permutation(n_images)[:most]).astype(np.int64)


def within_distances(query_vectors: npt.ArrayLike, metric: str, asked: IntArray | None = None) -> FloatArray:
    """Measure the distances between the members of a set.

    Identical vectors are measured once and copied, so their rows and columns agree in every bit.

    Args:
        query_vectors: (Q, D).
        metric: "cosine" or "euclidean".
        asked: (q,) positions of the members to measure from; all unless given.

    Returns:
        (q, Q) float32, NaN from an image to itself; what lies between two asked members is symmetric.
    """
    vectors = np.asarray(query_vectors, dtype=np.float32)
    first, place = same_rows(vectors)
    unique = vectors[first]
    chosen = np.arange(len(place)) if asked is None else asked
    sources, source = np.unique(place[chosen], return_inverse=True)
    keys = Reference.of(unique[sources], metric).keys(unique.astype(np.float64))
    between = np.triu(keys[:, sources])
    keys[:, sources] = between + np.triu(between, k=1).T
    within: FloatArray = from_keys(keys, metric).astype(np.float32)[np.ix_(source, place)]
    within[np.arange(len(chosen)), chosen] = np.nan
    return within


def _check_items(items: npt.ArrayLike, n_queries: int, n_images: int) -> IntArray:
    members = np.asarray(items, dtype=np.int64)
    if n_queries == 0 or members.size == 0:
        raise QueryError("The query set is empty.", "Choose at least one image.")
    if members.shape != (n_queries,):
        raise QueryError(
            f"There are {members.size} items for {n_queries} query vectors.", "Pass one item per vector."
        )
    if len(np.unique(members)) < n_queries:
        raise QueryError("The query set names an image twice.", "Name every image once.")
    as_rows(members[members >= 0], n_images)
    return members


def _check_asked(asked: npt.ArrayLike | None, n_images: int) -> IntArray:
    if asked is None:
        return np.arange(n_images)
    chosen = as_rows(asked, n_images)
    if not len(chosen) or (np.diff(chosen) <= 0).any():
        raise QueryError(
            "The members to ask with are not in ascending order, each once.",
            "Use asked_members, or sort them.",
        )
    return chosen
