"""The neighbour graph -> UMAP and t-SNE coordinates, and clusters."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

from dxr_dash.analysis.cores import n_cores, one_blas_thread
from dxr_dash.collection.neighbours import NeighbourGraph
from dxr_dash.records import FloatArray, IntArray, OnProgress, silent

MAP_RECIPE = 1  # raised when the same graph gives another map
FEWEST_FOR_UMAP = 6  # images; below, umap-learn fails or its picture means nothing
START_SAMPLE = 5_000  # images that the starting axes are computed from
START_SPREAD = 10.0  # umap-learn scales its own starts to this
SMALL = 10_000  # images; umap-learn's own border between 500 and 200 epochs
ROWS_AT_ONCE = 8_192
TSNE_EARLY_EPOCHS, TSNE_EPOCHS = 250, 500  # openTSNE's own
TSNE_EXAGGERATION = 12.0
TSNE_FEW = (
    100  # images; fewer are nearly all each other's neighbours, and exaggeration would pull them into a point
)
TSNE_START_SPREAD = 1e-4  # standard deviation; larger starts slow the early epochs down
TSNE_SMALL = 10_000  # images; openTSNE's own border between the tree and the Fourier grid
TSNE_PROGRESS_EPOCHS = 25


def map_coordinates(
    vectors: FloatArray,
    graph: NeighbourGraph,
    *,
    metric: str,
    n_neighbours: int,
    min_distance: float,
    seed: int,
    on_progress: OnProgress = silent,
) -> FloatArray:
    """Lay the gallery out in two dimensions with UMAP, from the graph that exists already.

    Args:
        vectors: (N, D) float32; used for the starting picture only.
        graph: K >= n_neighbours columns, or all the others in a small collection.
        n_neighbours: of UMAP, the image itself counted.

    Returns:
        (N, 2) float32, no unit. The same arguments give the same coordinates, on any number of cores.

    Source:
        McInnes, Healy and Melville, "UMAP", arXiv:1802.03426. The graph of memberships is umap-learn's,
        the descent over it our own.
    """
    start = principal_axes(vectors, metric=metric, seed=seed)
    if len(vectors) < FEWEST_FOR_UMAP:
        return start
    flat = np.ptp(start, axis=0) == 0  # images that are all the same: they would never part
    start[:, flat] = np.random.default_rng(seed).normal(size=(len(start), int(flat.sum())))
    on_progress("map", 0, 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import umap.umap_ as umap  # seconds of numba that only a build should cost

        from dxr_dash.collection.umap_descent import descend
    n_epochs = 500 if len(vectors) <= SMALL else 200
    n_columns = min(n_neighbours, graph.rows.shape[1] + 1)
    # umap-learn counts each image as its own first neighbour
    rows = np.column_stack([np.arange(len(vectors)), graph.rows[:, : n_columns - 1]]).astype(np.int32)
    distances = np.column_stack([np.zeros(len(vectors), np.float32), graph.distances[:, : n_columns - 1]])
    for compiled in (umap.smooth_knn_dist, umap.compute_membership_strengths):
        compiled.enable_caching()  # five seconds of compilation, once a machine and not in every build
    random_state = np.random.RandomState(seed)  # umap-learn takes no Generator
    a, b = umap.find_ab_params(1.0, min_distance)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fuzzy, _, _ = umap.fuzzy_simplicial_set(
            start, n_columns, random_state, metric, knn_indices=rows, knn_dists=distances
        )
    return descend(start, fuzzy, a=a, b=b, n_epochs=n_epochs, seed=seed, on_progress=on_progress)


def tsne_coordinates(
    vectors: FloatArray,
    graph: NeighbourGraph,
    *,
    metric: str,
    perplexity: float,
    seed: int,
    on_progress: OnProgress = silent,
) -> FloatArray:
    """Lay the gallery out in two dimensions with t-SNE, from the graph that exists already.

    Args:
        vectors: (N, D) float32; used for the starting picture only.
        graph: all its columns are used.
        perplexity: the number of neighbours that count, softly; cut to half the graph's columns.

    Returns:
        (N, 2) float32, no unit. The same arguments give the same coordinates, on any number of cores.

    Source:
        van der Maaten and Hinton, "Visualizing Data using t-SNE", JMLR 9 (2008) 2579-2605; the implementation is
        Poličar, Stražar and Zupan, "openTSNE", Journal of Statistical Software 109 (2024) 3. Starting from the
        principal axes: Kobak and Berens, Nature Communications 10 (2019) 5416.
    """
    start = principal_axes(vectors, metric=metric, seed=seed)
    if len(vectors) < FEWEST_FOR_UMAP:
        return start
    on_progress("t-SNE", 0, 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from openTSNE import TSNEEmbedding  # a second that only a build should cost
        from openTSNE.affinity import PerplexityBasedNN
        from openTSNE.nearest_neighbors import PrecomputedNeighbors
    spread = np.std(start[:, 0])
    wide = start * (TSNE_START_SPREAD / spread) if spread > 0 else np.zeros_like(start)
    # images at one place would stay there for ever, and the tree of places cannot part them
    wide = wide + np.random.default_rng(seed).normal(scale=TSNE_START_SPREAD / 100, size=wide.shape)
    none = graph.rows < 0  # an edge from an image to itself pulls nowhere
    rows = np.where(none, np.arange(len(vectors))[:, None], graph.rows)
    distances = np.where(none, np.max(graph.distances, initial=0.0, where=~none), graph.distances)
    small = len(vectors) < TSNE_SMALL
    # the tree's short epochs gain a second from more cores, and lose a minute where the cores have other work to do
    n_jobs = 1 if small else n_cores()
    n_epochs = TSNE_EARLY_EPOCHS + TSNE_EPOCHS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        affinities = PerplexityBasedNN(
            perplexity=min(perplexity, graph.rows.shape[1] / 2),
            knn_index=PrecomputedNeighbors(rows, distances.astype(np.float64)),
            n_jobs=n_jobs,
        )
        found = TSNEEmbedding(
            wide,
            affinities,
            negative_gradient_method="bh" if small else "fft",
            n_jobs=n_jobs,
            random_state=seed,
            callbacks_every_iters=TSNE_PROGRESS_EPOCHS,
        )
        found = found.optimize(
            TSNE_EARLY_EPOCHS,
            exaggeration=TSNE_EXAGGERATION if len(vectors) >= TSNE_FEW else 1.0,
            momentum=0.5,
            callbacks=lambda epoch, *_: on_progress("t-SNE", epoch, n_epochs),
        )
        found = found.optimize(
            TSNE_EPOCHS,
            momentum=0.8,
            callbacks=lambda epoch, *_: on_progress("t-SNE", TSNE_EARLY_EPOCHS + epoch, n_epochs),
        )
    if np.ptp(found) < TSNE_START_SPREAD:  # images that are all the same: one place, without the noise
        return np.zeros_like(start)
    return np.ascontiguousarray(found, np.float32)


def principal_axes(vectors: FloatArray, *, metric: str, seed: int) -> FloatArray:
    """Project onto the two directions of largest variance: (N, 2) float32, scaled to -10..10.

    For cosine the vectors are brought to length one first. The axes come from a sample, so the cost stays
    linear in N; their signs are fixed, so the picture is the same every time. One thread of the linear algebra
    library: with more it adds in another order, and from another last bit the layouts end as another picture.
    """
    import sklearn.utils.extmath  # noqa: F401 - what is loaded later would not be held to one thread

    with one_blas_thread:
        return _principal_axes(vectors, metric, seed)


def _principal_axes(vectors: FloatArray, metric: str, seed: int) -> FloatArray:
    n_images = len(vectors)
    rows = np.arange(n_images)
    if n_images > START_SAMPLE:
        rows = np.sort(np.random.default_rng(seed).choice(n_images, START_SAMPLE, replace=False))
    sample = _prepared(vectors[rows], metric)
    mean = sample.mean(axis=0)
    from sklearn.utils.extmath import randomized_svd  # half a second that only a build should cost

    _, _, axes = randomized_svd(sample - mean, n_components=min(2, *sample.shape), random_state=seed)
    axes = axes * np.where(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)] < 0, -1, 1)[:, None]
    start = np.zeros((n_images, 2), np.float32)
    for at in range(0, n_images, ROWS_AT_ONCE):
        block = _prepared(vectors[at : at + ROWS_AT_ONCE], metric)
        start[at : at + len(block), : len(axes)] = (block - mean) @ axes.T
    largest = np.abs(start).max()
    return start * np.float32(START_SPREAD / largest) if largest > 0 else start


def cluster(graph: NeighbourGraph, *, n_neighbours: int, seed: int) -> npt.NDArray[np.int32]:
    """Group the gallery by the graph's communities: (N,) int32, 0 the largest.

    Louvain, not Leiden: scikit-network's Leiden draws from the C library's generator, which no seed reaches, so
    it groups the same graph differently each time.

    Source:
        Blondel, Guillaume, Lambiotte and Lefebvre, "Fast unfolding of communities in large networks", Journal of
        Statistical Mechanics (2008) P10008.
    """
    from scipy import sparse  # only a build needs these two
    from sknetwork.clustering import Louvain

    n_images, n_columns = graph.rows[:, :n_neighbours].shape
    if n_columns == 0:
        return np.zeros(n_images, np.int32)
    rows = graph.rows[:, :n_neighbours].ravel()
    found = rows >= 0
    left = np.repeat(np.arange(n_images), n_columns)[found]
    adjacency = sparse.csr_matrix((np.ones(len(left)), (left, rows[found])), shape=(n_images, n_images))
    groups = Louvain(random_state=seed).fit_predict(adjacency.maximum(adjacency.T).tocsr())
    _, first, codes, sizes = np.unique(groups, return_index=True, return_inverse=True, return_counts=True)
    rank = np.empty(len(sizes), np.int32)
    rank[np.lexsort((first, -sizes))] = np.arange(len(sizes))
    return rank[codes]


def representatives(vectors: FloatArray, clusters: npt.NDArray[np.int32], *, metric: str) -> IntArray:
    """Find each cluster's most central image, the one nearest to its mean: (C,) int64 rows."""
    n_clusters = int(clusters.max()) + 1
    means = np.zeros((n_clusters, vectors.shape[1]), np.float64)
    for at in range(0, len(vectors), ROWS_AT_ONCE):
        np.add.at(means, clusters[at : at + ROWS_AT_ONCE], _prepared(vectors[at : at + ROWS_AT_ONCE], metric))
    means = (means / np.bincount(clusters, minlength=n_clusters)[:, None]).astype(np.float32)
    spread = np.empty(len(vectors), np.float32)
    for at in range(0, len(vectors), ROWS_AT_ONCE):
        block = _prepared(vectors[at : at + ROWS_AT_ONCE], metric)
        spread[at : at + len(block)] = np.linalg.norm(block - means[clusters[at : at + len(block)]], axis=1)
    order = np.lexsort((np.arange(len(vectors)), spread, clusters))
    return order[np.searchsorted(clusters[order], np.arange(n_clusters))].astype(np.int64)


def _prepared(block: FloatArray, metric: str) -> FloatArray:
    """Bring vectors to length one for cosine; zero vectors stay zero."""
    if metric != "cosine":
        return np.asarray(block, np.float32)
    norms = np.linalg.norm(block, axis=1, keepdims=True)
    unit: FloatArray = np.divide(block, norms, out=np.zeros_like(block), where=norms > 0)
    return unit
