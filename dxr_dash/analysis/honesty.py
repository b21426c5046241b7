"""How far a map can be trusted: what becomes of the true neighbours in two dimensions.

Two errors are possible, and each has its measure. ``kept_neighbours`` says which true neighbours are still near on
the map (what is lost); ``trustworthiness`` says whether those near on the map are truly near (what is made up).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dxr_dash.analysis.distances import NOISE, Reference
from dxr_dash.errors import QueryError
from dxr_dash.records import FloatArray, IntArray

ROUNDING = 1e-12  # relative; what two ways to square the same distance may differ by
ROWS_AT_ONCE = 65_536


def kept_neighbours(
    neighbours: npt.NDArray[np.integer], coordinates: npt.NDArray[np.floating], k: int
) -> FloatArray:
    """Measure for each image what share of its true nearest neighbours the map keeps near.

    A neighbour is kept when it is among the image's k nearest on the map, the image itself left out; one exactly as
    far as the k-th counts, since ties have no order.

    Args:
        neighbours: (N, K) gallery rows, nearest first, without the image itself; -1 is none, and is not counted.
        coordinates: (N, 2) of the map.
        k: neighbours to look at, 1 <= k <= K.

    Returns:
        (N,) float32 in 0..1; NaN for an image that has no neighbour in the graph.

    Raises:
        QueryError: k is outside 1..K.
    """
    n_images, n_columns = neighbours.shape
    if not 1 <= k <= n_columns:
        raise QueryError(f"k is {k}, but the graph holds {n_columns} neighbours.", f"Use 1 to {n_columns}.")
    from scipy.spatial import cKDTree

    points = np.asarray(coordinates, np.float64)
    tree = cKDTree(points)
    kept = np.empty(n_images, np.float32)
    for start in range(0, n_images, ROWS_AT_ONCE):
        here = points[start : start + ROWS_AT_ONCE]
        others = np.asarray(neighbours[start : start + ROWS_AT_ONCE, :k])
        # the image itself is at 0 and one of the k + 1, whichever of its duplicates the tree names
        farthest = tree.query(here, k=[k + 1], workers=-1)[0][:, 0]
        away = points[np.maximum(others, 0)] - here[:, None]
        near = (away * away).sum(axis=2) <= (farthest * farthest * (1 + ROUNDING))[:, None]
        there = others >= 0
        counts = there.sum(axis=1)
        shares = np.full(len(here), np.nan)
        np.divide((near & there).sum(axis=1), counts, out=shares, where=counts > 0)
        kept[start : start + len(here)] = shares
    return kept


def trustworthiness(
    vectors: npt.NDArray[np.floating],
    coordinates: npt.NDArray[np.floating],
    *,
    metric: str,
    k: int,
    sample: int,
    seed: int,
) -> float | None:
    """Measure whether images that are near on the map are truly near.

    Each of an image's k nearest on the map that is not among its k true nearest costs its true rank less k; the sum
    is scaled so that 1 is no such image and 0 the worst map. A rank counts the images that are strictly nearer, so
    that ties cost nothing. On a sample the mean cost of the sampled images stands for that of all; true ranks always
    count every image.

    Args:
        vectors: (N, D), may be memory-mapped.
        coordinates: (N, 2) of the map.
        metric: "cosine" or "euclidean".
        k: neighbours on the map to look at, 1 <= k < N / 2.
        sample: images to look at; all when there are no more.
        seed: of the sample.

    Returns:
        A value in 0..1; None when there are fewer than three images, for which no k does.

    Raises:
        QueryError: k is not in 1..(N - 1) / 2, or the metric is unknown.

    Source:
        Venna and Kaski, "Neighborhood preservation in nonlinear projection methods: an experimental study", ICANN
        2001, LNCS 2130, 485-491.
    """
    n_images = len(vectors)
    if n_images < 3:
        return None
    most = (n_images - 1) // 2
    if not 1 <= k <= most:
        raise QueryError(f"k is {k}, but {n_images} images allow 1 to {most}.", f"Use 1 to {most}.")
    rows = np.arange(n_images)
    if sample < n_images:
        rows = np.sort(np.random.default_rng(seed).choice(n_images, sample, replace=False))
    near = _nearest_on_map(coordinates, rows, k)
    cost = float(np.maximum(_true_ranks(vectors, rows, near, metric) - k, 0).sum())
    worst = len(rows) * k * (2 * n_images - 3 * k - 1) / 2
    return 1.0 - cost / worst


def _nearest_on_map(coordinates: npt.NDArray[np.floating], rows: IntArray, k: int) -> IntArray:
    """Find the (n, k) rows nearest on the map, each image itself left out by row."""
    from scipy.spatial import cKDTree

    points = np.asarray(coordinates, np.float64)
    found = np.asarray(cKDTree(points).query(points[rows], k=k + 1, workers=-1)[1], np.int64)
    is_self = found == rows[:, None]
    is_self[~is_self.any(axis=1), -1] = True  # duplicates tie with it and crowded it out: the last one goes
    others: IntArray = found[~is_self].reshape(len(rows), k)
    return others


def _true_ranks(vectors: npt.NDArray[np.floating], rows: IntArray, others: IntArray, metric: str) -> IntArray:
    """Rank ``others`` among all images by their distance to each of ``rows``, 1 = nearest: (n, k) int64."""
    from dxr_dash.analysis.counted import Bounds  # brings numba, as does the pass
    from dxr_dash.analysis.gallery_pass import GalleryPass

    reference = Reference.of(vectors[rows], metric)
    bounds = np.empty(others.shape)
    own = np.empty((len(rows), 1))
    for line, (row, near) in enumerate(zip(rows, others, strict=True)):
        one = reference.of_queries(np.array([line]))
        own[line] = one.keys(np.asarray(vectors[[row]], np.float64))[0]
        wide = np.asarray(vectors[near], np.float64)
        # two ways to one distance differ by rounding: what is nearer by less than that is as near
        noise = NOISE * (1.0 if metric == "cosine" else reference.squares[line] + np.square(wide).sum(axis=1))
        bounds[line] = one.keys(wide)[0] - noise
    limits, nobody = Bounds.at(bounds), np.empty(0, np.int64)
    nearer = limits.in_member_order(GalleryPass(reference, vectors, limits, nobody, nobody).run().n_below)
    return 1 + nearer - (own < bounds)  # an image has no rank in its own list
