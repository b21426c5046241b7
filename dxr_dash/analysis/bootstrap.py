"""Intervals that resample images, not pairs: two distances that share an image are not two observations.

The images of a query set are the nodes of a complete graph and the pairs its edges. A draw takes Q images with
replacement; an image drawn w times counts w times as query and w times as target, and copies of one image are
never paired with each other. docs/statistics.md gives the measured coverage.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr, ndtri, stdtrit

from dxr_dash.records import DoubleArray, Estimate

STRANGER = 0.5  # AUROC of an image that has nothing to do with the others


@dataclass(frozen=True)
class Resampled:
    """A measure, its values over the draws, and how much each image pulls at it.

    Attributes:
        value: the measure on the images as they are.
        draws: (B,) float64.
        pulls: (n,) float64 jackknife influences of the images, summing to about 0.
        n_images: how many images carry the measure: of two sets, the smaller.
    """

    value: float
    draws: DoubleArray
    pulls: DoubleArray
    n_images: int


def image_weights(n_images: int, draws: int, rng: np.random.Generator) -> DoubleArray:
    """Draw n images with replacement, B times: (B, n) float64, how often each image was drawn."""
    return rng.multinomial(n_images, np.full(n_images, 1.0 / n_images), size=draws).astype(np.float64)


def resample_pairs(matrix: DoubleArray, weights: DoubleArray) -> Resampled:
    """Resample the mean of a (Q, Q) matrix over its off-diagonal entries.

    Args:
        matrix: [q, m] is what m means to q; the diagonal is never looked at. Q is at least 3.
        weights: (B, Q) from ``image_weights``.

    Source:
        Snijders and Borgatti, "Non-Parametric Standard Errors and Tests for Network Statistics", Connections
        22 (1999) 161-170: resampling nodes and leaving them out.
    """
    n = len(matrix)
    off = matrix.copy()
    np.fill_diagonal(off, 0.0)
    total = off.sum()
    value = total / (n * (n - 1))
    pairs = float(n * n) - np.square(weights).sum(axis=1)
    usable = pairs > 0  # a draw of one image alone has no pair
    drawn = weights[usable]
    draws = ((drawn @ off) * drawn).sum(axis=1) / pairs[usable]
    without = (total - off.sum(axis=0) - off.sum(axis=1)) / ((n - 1) * (n - 2))
    return Resampled(float(value), draws, (n - 1) * (without.mean() - without), n)


def resample_pulls(
    value: float,
    without: DoubleArray,
    weights: DoubleArray,
    *,
    targets: DoubleArray | None = None,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> Resampled:
    """Resample a measure to first order, from its values with each image left out.

    Args:
        value: the measure on all images.
        without: (q,) the measure without each image.
        weights: (B, q) from ``image_weights``.
        targets: (r,) the measure without each image that only is a target, where others alone were asked with. They
            are many: their effect is added as a normal deviate.
        bounds: of the measure.

    Source:
        Efron and Tibshirani, An Introduction to the Bootstrap (1993), section 20.3 (the infinitesimal and the
        ordinary jackknife as approximations to the bootstrap).
    """
    n = len(without)
    pulls = (n - 1) * (without.mean() - without)
    draws = value + weights @ pulls / n
    if targets is not None and len(targets) > 1:
        draws += normal_deviates(float(np.sqrt(np.square(targets - targets.mean()).sum())), len(draws))
    return Resampled(value, np.clip(draws, *bounds), pulls, n)


def normal_deviates(spread: float, draws: int) -> DoubleArray:
    """Give normal deviates in an order of their own: evenly spaced quantiles, so without an error of sampling."""
    normal: DoubleArray = ndtri((np.arange(draws) + 0.5) / draws)
    return spread * np.random.default_rng(draws).permutation(normal)


def interval(found: Resampled, confidence: float) -> tuple[float, float]:
    """Give the bias-corrected and accelerated bootstrap interval, widened for few images.

    The normal quantiles of BCa are replaced by sqrt(n / (n - 1)) times Student's t with n - 1 degrees of
    freedom, as in Hesterberg's expanded percentile interval.

    Returns:
        Low and high; both the value itself when no draw differs from it.

    Source:
        Efron, "Better Bootstrap Confidence Intervals", JASA 82 (1987) 171-185. Hesterberg, "What Teachers
        Should Know About the Bootstrap", The American Statistician 69 (2015) 371-386, section 5.
    """
    draws = found.draws
    if draws.size == 0 or np.ptp(draws) == 0.0:
        return found.value, found.value
    n = max(2, found.n_images)
    spread = np.square(found.pulls).sum()
    acceleration = np.power(found.pulls, 3).sum() / (6.0 * spread**1.5) if spread > 0 else 0.0
    below = np.mean(draws < found.value) + np.mean(draws == found.value) / 2.0
    shift = ndtri(np.clip(below, 0.5 / draws.size, 1.0 - 0.5 / draws.size))
    reach = np.sqrt(n / (n - 1)) * stdtrit(n - 1, (1.0 + confidence) / 2.0)
    levels = []
    for side in (-reach, reach):
        moved = shift + side
        slope = 1.0 - acceleration * moved
        # Beyond the pole of the transformation the level has run off its end.
        levels.append(ndtr(shift + moved / slope) if slope > 0 else float(side > 0))
    low, high = np.quantile(draws, levels)
    return float(low), float(high)


def pair_estimate(
    matrix: DoubleArray,
    weights: DoubleArray,
    strange_weights: DoubleArray,
    confidence: float,
    *,
    value: float | None = None,
    control_shares: DoubleArray | None = None,
    control_weights: DoubleArray | None = None,
) -> Estimate:
    """Estimate an AUROC over a set, with its interval.

    A bootstrap cannot see what the sample happens to lack: when all of five images find each other, every draw
    says 1. So the lower end is also computed with a stranger in the set, one more image whose AUROC with every
    other is 0.5, and the lower of the two ends is taken.

    Args:
        matrix: (Q, Q), Q at least 3.
        weights: (B, Q) from ``image_weights``.
        strange_weights: (B, Q + 1), for the set with the stranger.
        confidence: of the interval.
        value: of the measure over more pairs than the matrix has; the interval is moved to it.
        control_shares: (C,) share of the pairs of members that are nearer than this control image.
        control_weights: (B, C); the control images are resampled too, to first order: their effect is added
            to that of the query images.

    Returns:
        The estimate, with chance 0.5.
    """
    n = len(matrix)
    found = resample_pairs(matrix, weights)
    with_stranger = np.full((n + 1, n + 1), STRANGER)
    with_stranger[:n, :n] = matrix
    strange = resample_pairs(with_stranger, strange_weights)
    if control_shares is not None and control_weights is not None:
        drawn = control_weights @ control_shares / len(control_shares) - control_shares.mean()
        # Draws without any pair are missing from the others; the control's draws do not depend on them.
        pulls = np.concatenate(
            [found.pulls / n, (control_shares - control_shares.mean()) / len(control_shares)]
        )
        fewer = min(n, len(control_shares))
        found = Resampled(
            found.value, np.clip(found.draws + drawn[: len(found.draws)], 0.0, 1.0), pulls, fewer
        )
        strange = replace(strange, draws=strange.draws + drawn[: len(strange.draws)])
    low, high = interval(found, confidence)
    strange_low = float(np.quantile(strange.draws, (1.0 - confidence) / 2.0))
    moved = 0.0 if value is None else value - found.value
    return Estimate(found.value + moved, max(0.0, min(low, strange_low) + moved), min(1.0, high + moved), 0.5)
