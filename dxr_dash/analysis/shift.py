"""Whether images from outside are like those of the gallery, as far as distances can tell.

The distances from X to the whole gallery say little: those of any ordinary class differ from those of random images.
Like is compared with like: how far an image is from its nearest gallery images, measured by how far those are from
*their* nearest ones. For an image of the gallery that is about 1, in a dense class and in a sparse one.

Source:
    Breunig, Kriegel, Ng and Sander, "LOF: Identifying Density-Based Local Outliers", SIGMOD (2000) 93-104; here with
    mean distances, without the smoothing by reachability.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dxr_dash import settings
from dxr_dash.analysis.bootstrap import STRANGER, Resampled, image_weights, interval
from dxr_dash.analysis.verdict import SOURCE_AUROC
from dxr_dash.records import DoubleArray, Estimate, FloatArray, IntArray, Shift

AT = settings.SOURCE_AT
WIDEST = 16.0  # relative distances beyond this, or below 1 / this, are drawn at the end of the axis
N_BINS = 64


def relative_distances(
    rows: npt.NDArray[np.integer],
    distances: npt.NDArray[np.floating],
    graph_distances: npt.NDArray[np.floating],
) -> DoubleArray:
    """Measure how far images are from their nearest gallery images, relative to what is usual there.

    Args:
        rows: (n, k) nearest gallery rows of each image, nearest first; -1 is none.
        distances: (n, k) of those rows; infinite ones count nowhere.
        graph_distances: (N, K) of the gallery's neighbour graph.

    Returns:
        (n,) float64, about 1 for images of the gallery; NaN for an image without neighbours.
    """
    known = (rows >= 0) & np.isfinite(distances)
    theirs = _means(graph_distances[np.where(known, rows, 0), :AT])
    known &= ~np.isnan(theirs)
    n_known = np.maximum(known.sum(axis=1), 1)
    here = np.where(known, distances, 0.0).sum(axis=1, dtype=np.float64) / n_known
    there = np.where(known, theirs, 0.0).sum(axis=1) / n_known
    result: DoubleArray = np.divide(here, there, out=np.where(here > 0, WIDEST, 1.0), where=there > 0)
    result[~known.any(axis=1)] = np.nan
    return result


def gallery_distances(
    graph_rows: npt.NDArray[np.integer], graph_distances: npt.NDArray[np.floating], seed: int
) -> DoubleArray:
    """Measure the relative distances of the gallery's own images, or of a random sample of many: ascending."""
    chosen = np.sort(np.random.default_rng(seed).permutation(len(graph_rows))[: settings.GALLERY_SAMPLE])
    found = relative_distances(graph_rows[chosen, :AT], graph_distances[chosen, :AT], graph_distances)
    return np.sort(found[~np.isnan(found)])


def outside_distances(
    rows: IntArray, distances: FloatArray, graph_distances: npt.NDArray[np.floating], copies: IntArray
) -> DoubleArray:
    """Measure the relative distances of images from outside: (n,).

    Args:
        rows: (n, k) nearest gallery rows, nearest first: twice as many as are looked at, or all.
        distances: (n, k) of those rows.
        graph_distances: (N, K) of the gallery's neighbour graph.
        copies: gallery rows that are nearly the same as an image of the set: they say nothing of its source.
    """
    far = np.where(np.isin(rows, copies), np.inf, distances)
    first = np.argsort(far, axis=1, kind="stable")[:, :AT]
    return relative_distances(
        np.take_along_axis(rows, first, 1), np.take_along_axis(far, first, 1), graph_distances
    )


def shift(
    members: DoubleArray,
    gallery: DoubleArray,
    control: DoubleArray | None = None,
    *,
    seed: int = settings.SEED,
    draws: int = settings.BOOTSTRAP_DRAWS,
    confidence: float = settings.CONFIDENCE,
) -> Shift | None:
    """Compare the relative distances of a set with those of the gallery's own images.

    Args:
        members: (n,) of the set.
        gallery: (G,) of gallery images, ascending.
        control: (C,) of the control set; if it is as unlike the gallery as the set, it takes the source into account.

    Returns:
        None with too few images on either side.
    """
    members = members[~np.isnan(members)]
    if len(members) < settings.MIN_QUERY_IMAGES or len(gallery) < settings.SOURCE_LEAST:
        return None
    rng = np.random.default_rng(seed)
    to_gallery = _estimate(members, gallery, rng, draws, confidence, fixed=True)
    to_control = None
    if control is not None:
        control = np.sort(control[~np.isnan(control)])
        if len(control) >= settings.MIN_QUERY_IMAGES:
            to_control = _estimate(members, control, rng, draws, confidence, fixed=False)
    unlike = _differs(to_gallery)
    # The control explains the source only if it is on the same side of the gallery, and not far behind.
    explained = to_control is not None and not _differs(to_control)
    edges = np.geomspace(1.0 / WIDEST, WIDEST, N_BINS + 1)
    return Shift(
        auroc=to_gallery,
        control=to_control,
        n_images=len(members),
        n_gallery=len(gallery),
        unlike_gallery=unlike,
        unexplained=unlike and not explained,
        edges=edges,
        gallery=_counts(gallery, edges),
        members=_counts(members, edges),
        control_counts=None if control is None else _counts(control, edges),
    )


def _differs(one: Estimate) -> bool:
    return one.low >= SOURCE_AUROC or one.high <= 1.0 - SOURCE_AUROC


def _estimate(
    values: DoubleArray,
    others: DoubleArray,
    rng: np.random.Generator,
    draws: int,
    confidence: float,
    *,
    fixed: bool,
) -> Estimate:
    """Estimate the chance that a value is larger than one of the others (ascending); ties count half.

    Images are resampled, those of the gallery not: it is the gallery that the answer speaks about. Both ends are also
    computed with a stranger, as for an AUROC of retrieval.
    """
    n = len(values)
    above = (others.searchsorted(values) + others.searchsorted(values, side="right")) / (2.0 * len(others))
    value = float(above.mean())
    moved: DoubleArray = np.zeros(draws)
    pulls = (above - value) / n
    if not fixed:
        ascending = np.sort(values)
        below = 1.0 - (ascending.searchsorted(others) + ascending.searchsorted(others, side="right")) / (
            2.0 * n
        )
        other_pulls = (below - below.mean()) / len(others)
        moved = image_weights(len(others), draws, rng) @ other_pulls
        pulls = np.concatenate([pulls, other_pulls])
    drawn = np.clip(value + image_weights(n, draws, rng) @ (above - value) / n + moved, 0.0, 1.0)
    low, high = interval(Resampled(value, drawn, pulls, min(n, len(others))), confidence)
    strange = np.append(above, STRANGER)
    strange_draws = image_weights(n + 1, draws, rng) @ strange / (n + 1) + moved
    tail = (1.0 - confidence) / 2.0
    ends = np.quantile(strange_draws, [tail, 1.0 - tail])
    return Estimate(value, max(0.0, min(low, float(ends[0]))), min(1.0, max(high, float(ends[1]))), 0.5)


def _means(table: npt.NDArray[np.floating]) -> DoubleArray:
    """Average over the last axis what is finite; NaN where nothing is."""
    finite = np.isfinite(table)
    n_finite = finite.sum(axis=-1)
    sums = np.where(finite, table, 0.0).sum(axis=-1, dtype=np.float64)
    means: DoubleArray = np.divide(sums, n_finite, out=np.full(n_finite.shape, np.nan), where=n_finite > 0)
    return means


def _counts(values: DoubleArray, edges: DoubleArray) -> IntArray:
    counts: IntArray = np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0].astype(np.int64)
    return counts


def means_of(distances: FloatArray) -> DoubleArray:
    """Average the distances to the nearest images: (n, k), infinite where there is none, to (n,)."""
    return _means(distances)
