"""A layout and the clusters after images have come and gone: what stays keeps its place, what is new finds one."""

from __future__ import annotations

import warnings
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

from dxr_dash.analysis.cores import n_cores
from dxr_dash.collection.map2d import TSNE_SMALL, representatives
from dxr_dash.collection.neighbours import NeighbourGraph
from dxr_dash.collection.shared_images import Shared
from dxr_dash.records import DoubleArray, FloatArray, IntArray, OnProgress, silent

EPOCHS = 100  # of the descent over the new points
ROUNDS = 10  # in which new images among new images are reached from those that have a place
SEARCH_ROUNDS = 64  # these three are umap-learn's own
TOLERANCE = 1e-5
LEAST_SCALE = 1e-3
TSNE_EPOCHS = 250  # these two are openTSNE's own, for points that join a finished embedding
TSNE_EXAGGERATION = 1.5
TSNE_RATE = 0.1
TSNE_LONGEST_STEP = 0.25


def grow_map(
    before: FloatArray,
    shared: Shared,
    graph: NeighbourGraph,
    *,
    n_neighbours: int,
    min_distance: float,
    seed: int,
    on_progress: OnProgress = silent,
) -> FloatArray:
    """Lay new images out on a finished map; all others keep their coordinates, bit for bit.

    They start at the mean of their neighbours, weighted by membership, and are moved by the descent that made the map.

    Args:
        before: (N, 2) float32 of the map as it was.
        shared: which images stay, and where their rows are now.
        graph: of all images as they are now.
        n_neighbours: of UMAP, the image itself counted.

    Returns:
        (N, 2) float32. The same arguments give the same coordinates, on any number of cores.
    """
    from dxr_dash.collection.umap_descent import descend  # brings numba

    new = shared.new
    edges = _new_edges(graph, new, n_neighbours)
    placed = np.full((shared.n_now, 2), np.nan, np.float32)
    placed[shared.now] = before[shared.before]
    start = _started(placed, edges, seed)
    if len(new):
        on_progress("map", 0, 0)
        order = np.concatenate([shared.now, new])  # of the descent's points: first those that stay
        a, b = curve(min_distance)
        found = descend(
            start[order],
            edges[order][:, order],
            a=a,
            b=b,
            n_epochs=EPOCHS,
            seed=seed,
            n_fixed=len(shared.now),
            on_progress=on_progress,
        )
        start[new] = found[len(shared.now) :]
    return start


def grow_tsne(
    before: FloatArray,
    shared: Shared,
    graph: NeighbourGraph,
    *,
    perplexity: float,
    seed: int,
    on_progress: OnProgress = silent,
) -> FloatArray:
    """Lay new images out on a finished t-SNE layout; all others keep their coordinates, bit for bit.

    Each new image is drawn by its neighbours that have a place and pushed by all that have one; new images do not
    act on each other.

    Args:
        before, shared, graph: as for ``grow_map``.
        perplexity: of the layout; cut to a third of an image's neighbours that have a place.

    Returns:
        (N, 2) float32.

    Source:
        Poličar, Stražar and Zupan, "Embedding to reference t-SNE space addresses batch effects in single-cell
        classification", Machine Learning 112 (2023) 721-740.
    """
    new = shared.new
    placed = np.full((shared.n_now, 2), np.nan, np.float32)
    placed[shared.now] = before[shared.before]
    start = _started(placed, _new_edges(graph, new, graph.rows.shape[1] + 1), seed)
    there = graph.rows[new] >= 0
    is_old = np.zeros(shared.n_now, bool)
    is_old[shared.now] = True
    there &= is_old[graph.rows[new]]
    asked = np.flatnonzero(there.any(axis=1))  # others stay where they started
    if not len(asked):
        return start
    on_progress("t-SNE", 0, 0)
    point = np.cumsum(is_old) - 1
    weights = _tsne_weights(graph, new[asked], there[asked], point, perplexity, len(shared.now))
    found = _tsne_descent(start[shared.now], start[new[asked]], weights, seed)
    start[new[asked]] = found
    return start


def grow_clusters(
    before: npt.NDArray[np.int32], shared: Shared, graph: NeighbourGraph
) -> npt.NDArray[np.int32]:
    """Give new images the cluster that most of their neighbours have; all others keep theirs.

    Args:
        before: (N,) int32 clusters as they were.

    Returns:
        (N,) int32. Of clusters with equal claims that of the nearest image; 0 where no neighbour has one. The numbers
        behind a cluster whose images have all gone move up.
    """
    clusters = np.full(shared.n_now, -1, np.int32)
    clusters[shared.now] = before[shared.before]
    waiting = shared.new
    for _ in range(ROUNDS):
        rows = graph.rows[waiting]
        theirs = np.where(rows >= 0, clusters[rows], -1)
        votes = (theirs[:, :, None] == theirs[:, None, :]).sum(axis=2)
        votes[theirs < 0] = 0
        if not votes.any():
            break
        chosen = theirs[np.arange(len(rows)), votes.argmax(axis=1)]
        settled = votes.any(axis=1)
        clusters[waiting[settled]] = chosen[settled]
        waiting = waiting[~settled]
        if not len(waiting):
            break
    clusters[waiting] = 0
    return np.unique(clusters, return_inverse=True)[1].astype(np.int32)


def grow_representatives(
    before: IntArray, clusters: npt.NDArray[np.int32], shared: Shared, vectors: FloatArray, *, metric: str
) -> IntArray:
    """Keep the images that stand for clusters; where one has gone, find the most central anew: (C,) int64 rows."""
    row_now = np.full(shared.n_before, -1, np.int64)
    row_now[shared.before] = shared.now
    stay = row_now[before][row_now[before] >= 0]
    found = np.full(int(clusters.max()) + 1, -1, np.int64)
    found[clusters[stay]] = stay
    for number in np.flatnonzero(found < 0).tolist():
        rows = np.flatnonzero(clusters == number)
        found[number] = rows[representatives(vectors[rows], np.zeros(len(rows), np.int32), metric=metric)[0]]
    return found


def curve(min_distance: float) -> tuple[float, float]:
    """Fit a and b of 1 / (1 + a d^2b) to umap-learn's target, without importing umap-learn: it takes seconds."""
    from scipy.optimize import curve_fit

    x = np.linspace(0.0, 3.0, 300)
    y = np.where(x < min_distance, 1.0, np.exp(-(x - min_distance)))
    (a, b), _ = curve_fit(lambda x, a, b: 1.0 / (1.0 + a * x ** (2.0 * b)), x, y)
    return float(a), float(b)


def memberships(distances: FloatArray, usual: float) -> DoubleArray:
    """Say how strongly each image belongs to its neighbours, as umap-learn does: (n, k) in 0..1.

    Args:
        distances: (n, k) of the neighbours, nearest first, the image itself left out; inf is none.
        usual: the mean distance in the whole graph, the images themselves counted.
    """
    wide = distances.astype(np.float64)
    k = wide.shape[1] + 1
    positive = np.where(wide > 0, wide, np.inf)
    nearest = positive.min(axis=1, initial=np.inf)
    nearest[np.isinf(nearest)] = 0.0
    beyond = wide - nearest[:, None]
    target = np.log2(k)
    low, high, middle = np.zeros(len(wide)), np.full(len(wide), np.inf), np.ones(len(wide))
    for _ in range(SEARCH_ROUNDS):
        total = np.where(beyond > 0, np.exp(-np.maximum(beyond, 0) / middle[:, None]), 1.0).sum(axis=1)
        open_ = np.abs(total - target) >= TOLERANCE
        if not open_.any():
            break
        over, under = open_ & (total > target), open_ & (total <= target)
        high[over], low[under] = middle[over], middle[under]
        middle = np.where(open_, np.where(np.isinf(high), middle * 2, (low + high) / 2), middle)
    finite = np.isfinite(wide)
    own = np.where(finite, wide, 0.0).sum(axis=1) / (finite.sum(axis=1) + 1)
    scale = np.maximum(middle, LEAST_SCALE * np.where(nearest > 0, own, usual))[:, None]
    strengths = np.exp(-np.divide(beyond, scale, out=np.zeros_like(wide), where=scale > 0))
    return np.where(beyond <= 0, 1.0, strengths)


def _new_edges(graph: NeighbourGraph, new: IntArray, n_neighbours: int) -> Any:
    """Make the lines of the fuzzy union that belong to new images: (N, N) scipy sparse, all other lines empty."""
    from scipy import sparse

    n_images = len(graph.rows)
    columns = min(n_neighbours, graph.rows.shape[1] + 1) - 1
    rows, distances = graph.rows[:, :columns], graph.distances[:, :columns]
    is_new = np.zeros(n_images + 1, bool)
    is_new[new] = True
    asked = np.flatnonzero(is_new[:-1] | is_new[rows].any(axis=1))  # new images, and those that have one near
    finite = np.isfinite(distances)
    usual = float(np.where(finite, distances, 0).sum(dtype=np.float64) / max(1, n_images * (columns + 1)))
    strengths = memberships(distances[asked], usual)
    there = rows[asked] >= 0
    left = np.repeat(asked, columns)[there.ravel()]
    right = rows[asked][there]
    outward = sparse.csr_matrix((strengths[there], (left, right)), shape=(n_images, n_images))
    inward = outward.T.tocsr()
    union = (outward + inward - outward.multiply(inward)).tocsr()
    own = sparse.diags_array(is_new[:-1].astype(np.float64))
    found = sparse.csr_matrix(own @ union)
    found.eliminate_zeros()
    return found


def _started(placed: FloatArray, edges: Any, seed: int) -> FloatArray:
    """Put each new image at the weighted mean of its neighbours that have a place, round after round.

    Args:
        placed: (N, 2) float32; NaN for images without a place.
        edges: their lines of the graph.
    """
    found = placed.copy()
    for _ in range(ROUNDS):
        there = np.isfinite(found[:, 0])
        if there.all():
            return found
        waiting = np.flatnonzero(~there)
        weights = edges[waiting].multiply(there[None, :]).tocsr()
        total = np.asarray(weights.sum(axis=1)).ravel()
        reached = total > 0
        if not reached.any():
            break
        means = weights[reached] @ np.where(there[:, None], found, 0).astype(np.float64)
        found[waiting[reached]] = means / total[reached, None]
    lost = np.flatnonzero(
        ~np.isfinite(found[:, 0])
    )  # a group of its own: the middle, where nothing pulls it away
    middle, spread = found[np.isfinite(found[:, 0])].mean(axis=0), np.nanstd(found, axis=0)
    found[lost] = middle + np.random.default_rng(seed).normal(size=(len(lost), 2)) * spread * 0.01
    return found


def _tsne_weights(
    graph: NeighbourGraph, images: IntArray, there: Any, point: IntArray, perplexity: float, n_old: int
) -> Any:
    """Make the (n, n_old) affinities of images to those that have a place; each line sums to 1."""
    from scipy import sparse

    rows, distances = graph.rows[images], graph.distances[images].astype(np.float64)
    wanted = np.log(np.minimum(perplexity, np.maximum(1.0, there.sum(axis=1) / 3.0)))  # entropy
    squares = np.where(there, np.square(distances), np.inf)
    squares -= squares.min(axis=1, keepdims=True)
    precision = 1.0 / np.maximum(np.where(there, squares, 0.0).sum(axis=1) / there.sum(axis=1), 1e-12)
    low, high = np.zeros(len(rows)), np.full(len(rows), np.inf)
    for _ in range(SEARCH_ROUNDS):
        strengths = np.exp(-np.where(there, squares * precision[:, None], np.inf))
        total = strengths.sum(axis=1)
        mean = (np.where(there, squares, 0.0) * strengths).sum(axis=1) / total
        wide = np.log(total) + precision * mean > wanted
        low, high = np.where(wide, precision, low), np.where(wide, high, precision)
        precision = np.where(np.isinf(high), precision * 2, (low + high) / 2)
    line, column = np.nonzero(there)
    values = (strengths / total[:, None])[line, column]
    return sparse.csr_matrix((values, (line, point[rows[line, column]])), shape=(len(rows), n_old))


def _tsne_descent(old: FloatArray, start: FloatArray, weights: Any, seed: int) -> FloatArray:
    """Move new points while the old ones stay: (n, 2) float32."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from openTSNE.tsne import PartialTSNEEmbedding, TSNEEmbedding
    small = len(old) < TSNE_SMALL
    middle = (old.max(axis=0).astype(np.float64) + old.min(axis=0)) / 2  # openTSNE's grid is centred
    settings = {
        "negative_gradient_method": "bh" if small else "fft",
        "n_jobs": 1 if small else n_cores(),
        "random_state": seed,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # of the old points' affinities only their number is asked for
        reference = TSNEEmbedding(old - middle, SimpleNamespace(P=np.empty((len(old), 0))), **settings)
        found = PartialTSNEEmbedding(start - middle, reference, weights, **reference.gradient_descent_params)
        found = found.optimize(
            TSNE_EPOCHS,
            learning_rate=TSNE_RATE,
            exaggeration=TSNE_EXAGGERATION,
            momentum=0.0,
            max_grad_norm=TSNE_LONGEST_STEP,
        )
    return np.ascontiguousarray(np.asarray(found) + middle, np.float32)
