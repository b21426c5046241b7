"""What could overturn a verdict, in full sentences."""

from __future__ import annotations

import numpy as np

from dxr_dash.analysis.baseline import closer_than, dkw_bound
from dxr_dash.analysis.verdict import FEW_IMAGES, SMALL_GALLERY, counted
from dxr_dash.records import BoolArray, FloatArray, SetDistances

NEAR_QUANTILE = 0.0001  # of the baseline: a near-duplicate pair is nearer than that ...
NEAR_SHARE = (
    0.1  # ... and than this share of the baseline's median and of the set's own: a large or a tight set
)
# has pairs below that quantile without a duplicate
NEAR_MEMBERS = 0.05  # share of the set in such pairs from which on they could change the answer
LARGE_BOUND = 0.01  # error of a percentile that could be seen
USUAL_PLACE = (0.25, 0.75)  # mean percentile of the distances to the gallery; 0.5 for images of its own kind


def cautions(distances: SetDistances, baseline_sorted: FloatArray, confidence: float) -> tuple[str, ...]:
    """Collect the warnings that go with an answer.

    Args:
        distances: of the query set.
        baseline_sorted: (M,) float32, ascending.
        confidence: for the bound on the baseline.
    """
    found = [
        _few_images(distances),
        _near_duplicates(distances, baseline_sorted),
        _copies_in_gallery(distances),
        _other_source(distances, baseline_sorted),
        _small_gallery(distances),
        _rough_baseline(distances, baseline_sorted, confidence),
    ]
    return tuple(warning for warning in found if warning)


def _few_images(distances: SetDistances) -> str:
    n_images = len(distances.items)
    if n_images >= FEW_IMAGES:
        return ""
    return (
        f"The set has only {counted(n_images, 'image')}: one more or one less can change the answer. "
        f"{FEW_IMAGES} or more make it steady."
    )


def near_pairs(distances: SetDistances, baseline: FloatArray) -> BoolArray:
    """Find the pairs of members that are nearly the same image: (q, q) bool, symmetric, False on the diagonal."""
    within = distances.among_asked(distances.within)
    upper = np.triu_indices(len(within), k=1)
    pairs = within[upper]
    limit = 0.0
    if baseline.size and pairs.size:
        limit = min(
            float(baseline[int(NEAR_QUANTILE * baseline.size)]), NEAR_SHARE * float(np.median(baseline))
        )
        middle = float(np.median(pairs))
        if middle >= limit:  # else the set is little but copies
            limit = min(limit, NEAR_SHARE * middle)
    near = np.zeros(within.shape, np.bool_)
    near[upper] = (pairs < limit) | (pairs == 0)
    return near | near.T


def _near_duplicates(distances: SetDistances, baseline: FloatArray) -> str:
    close = near_pairs(distances, baseline)
    n_pairs = int(close.sum()) // 2
    if np.count_nonzero(close.any(axis=1)) < max(1.0, NEAR_MEMBERS * len(close)):
        return ""
    are = "pair of images is" if n_pairs == 1 else "pairs of images are"
    return (
        f"Within the set {n_pairs:,} {are} nearly the same: such pairs find each other whatever the features "
        "know about the rest. Keep one image of each."
    )


def _copies_in_gallery(distances: SetDistances) -> str:
    if distances.nearest_distances.shape[1] == 0:
        return ""
    copies = int((distances.nearest_distances[:, 0] == 0).sum())
    if copies == 0:
        return ""
    have = "image of the set has" if copies == 1 else "images of the set have"
    return (
        f"{copies:,} {have} a copy in the gallery that is not in the set: it counts as not X. "
        "Add the copies to the set or leave their images out."
    )


def _other_source(distances: SetDistances, baseline: FloatArray) -> str:
    counts = distances.to_gallery.sum(axis=0)
    if baseline.size == 0 or counts.sum() == 0:
        return ""
    centres = (distances.edges[:-1] + distances.edges[1:]) / 2
    place = float((closer_than(centres, baseline) * counts).sum() / counts.sum())
    if USUAL_PLACE[0] <= place <= USUAL_PLACE[1]:
        return ""
    way = "farther from" if place < USUAL_PLACE[0] else "nearer to"
    return (
        f"The images of the set lie {way} the gallery than its images lie from each other: they may come from "
        "another source, and a common source alone can make them find each other."
    )


def _small_gallery(distances: SetDistances) -> str:
    if distances.n_compared >= SMALL_GALLERY:
        return ""
    return (
        f"Only {counted(distances.n_compared, 'gallery image')} could be compared: in a larger collection the "
        "set is harder to find."
    )


def _rough_baseline(distances: SetDistances, baseline: FloatArray, confidence: float) -> str:
    n_images = distances.n_gallery
    if baseline.size == n_images * (n_images - 1) // 2:  # every pair: nothing was sampled
        return ""
    bound = dkw_bound(baseline.size, confidence)
    if bound <= LARGE_BOUND:
        return ""
    return (
        f"The baseline is {counted(baseline.size, 'random pair')}: its percentiles can be off by "
        f"{100 * bound:.1f} points (with {100 * confidence:.0f} % confidence)."
    )
