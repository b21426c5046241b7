"""Distances of one group, binned and smoothed on an axis that several groups share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from dxr_dash.errors import QueryError
from dxr_dash.records import Distribution, DoubleArray, FloatArray

QUANTILES = (0.05, 0.25, 0.50, 0.75, 0.95)
N_BINS = 512


def distance_axis(
    *values: npt.ArrayLike, binned: Sequence[FloatArray] = (), n_bins: int = N_BINS
) -> FloatArray:
    """Choose bin edges on which several groups of distances can be drawn together.

    The axis runs from 0 to the smallest power of two that nothing exceeds. Histograms that SetDistances made
    with the same number of bins fit into it exactly: their bins are joined, never split.

    Args:
        values: groups of distances, any shape, NaN ignored.
        binned: edges of groups that are histograms already.
        n_bins: bins of the axis.

    Returns:
        (n_bins + 1,) float32 edges.
    """
    largest = max((float(edges[-1]) for edges in binned), default=0.0)
    for group in values:
        numbers = np.asarray(group, dtype=np.float64)
        largest = max(largest, float(np.max(numbers, where=~np.isnan(numbers), initial=0.0)))
    upper = 2.0 ** np.ceil(np.log2(largest)) if largest > 0 else 1.0
    return np.linspace(0.0, upper, n_bins + 1).astype(np.float32)


def distribution(
    name: str,
    *,
    edges: FloatArray,
    values: npt.ArrayLike | None = None,
    counts: npt.ArrayLike | None = None,
    counts_edges: FloatArray | None = None,
) -> Distribution:
    """Bin and smooth one group of distances.

    The curve is a Gaussian kernel density estimate of the bin centres. Its bandwidth is Silverman's rule of
    thumb taken from the bins, 0.9 min(standard deviation, interquartile range / 1.34) n^(-1/5), and at least
    one bin. What the kernel would carry over an end of the axis is reflected, so no mass is lost at 0.

    Args:
        name: what the group is called.
        edges: (n_bins + 1,) from ``distance_axis``.
        values: distances, any shape, NaN ignored; or give
        counts: (n_bins,) or (Q, n_bins), summed over Q.
        counts_edges: edges of the counts, if they are others than ``edges``.

    Returns:
        The record. An empty group has density 0 and NaN quantiles.

    Raises:
        QueryError: neither or both of values and counts; counts that do not fit the axis.

    Source:
        Silverman, Density Estimation for Statistics and Data Analysis (1986), p. 48, equation 3.31, and
        section 2.10 on reflection.
    """
    if (values is None) == (counts is None):
        raise QueryError(f"The distribution {name!r} needs either values or counts.", "Pass one of them.")
    axis = np.asarray(edges, dtype=np.float64)
    if values is not None:
        numbers = np.asarray(values, dtype=np.float64).ravel()
        numbers = numbers[~np.isnan(numbers)]
        binned = np.histogram(np.clip(numbers, axis[0], axis[-1]), bins=axis)[0].astype(np.float64)
        quantiles = np.quantile(numbers, QUANTILES) if numbers.size else np.full(len(QUANTILES), np.nan)
    else:
        binned = _rebin(np.atleast_2d(np.asarray(counts, dtype=np.float64)).sum(axis=0), counts_edges, axis)
        quantiles = _binned_quantiles(binned, axis)
    centres = (axis[:-1] + axis[1:]) / 2.0
    density = np.zeros_like(binned)
    smooth = np.zeros_like(binned)
    total = float(binned.sum())
    if total > 0:
        width = float(axis[1] - axis[0])
        density = binned / (total * width)
        bandwidth = max(_bandwidth(binned, centres, quantiles), width)
        smooth = gaussian_filter1d(density, bandwidth / width, mode="reflect")
    q05, q25, q50, q75, q95 = (float(quantile) for quantile in quantiles)
    return Distribution(name, int(total), centres, density, smooth, (q05, q25, q50, q75, q95))


def by_percentile(counts: npt.ArrayLike, edges: FloatArray, baseline_sorted: FloatArray) -> DoubleArray:
    """Count a histogram of distances again by the share of baseline pairs that are nearer.

    Distances of two metrics cannot stand on one axis; these shares can. Within a bin distances count as evenly
    spread.

    Args:
        counts: (n_bins,) or (Q, n_bins), summed over Q.
        edges: (n_bins + 1,) of the bins, in the baseline's metric.
        baseline_sorted: (M,) ascending, not empty.

    Returns:
        (N_BINS,) float64 counts on even bins of 0..1; what is nearer than every pair stands in the first bin,
        what is farther than every pair in the last.
    """
    binned = np.atleast_2d(np.asarray(counts, dtype=np.float64)).sum(axis=0)
    up_to = np.concatenate([[0.0], np.cumsum(binned)])
    shares = np.linspace(0.0, 1.0, N_BINS + 1)
    found = np.interp(np.quantile(baseline_sorted, shares), np.asarray(edges, np.float64), up_to)
    found[0], found[-1] = 0.0, up_to[-1]
    return np.diff(found)


def _rebin(counts: DoubleArray, edges: FloatArray | None, axis: DoubleArray) -> DoubleArray:
    """Join bins of counts into the bins of a wider axis."""
    n_bins = len(axis) - 1
    own = axis if edges is None else np.asarray(edges, dtype=np.float64)
    factor = axis[-1] / own[-1]
    if (
        len(counts) != n_bins
        or len(own) != n_bins + 1
        or factor < 1
        or factor != 2.0 ** np.round(np.log2(factor))
    ):
        raise QueryError(
            "A histogram does not fit the axis it is to be drawn on.",
            "Make the axis with distance_axis(binned=...) and the same number of bins.",
        )
    joined = np.zeros(n_bins)
    np.add.at(joined, np.arange(n_bins) // int(factor), counts)
    return joined


def _binned_quantiles(counts: DoubleArray, axis: DoubleArray) -> DoubleArray:
    """Read quantiles off the histogram, straight lines within bins."""
    total = counts.sum()
    if total == 0:
        return np.full(len(QUANTILES), np.nan)
    up_to = np.cumsum(counts)
    wanted = np.array(QUANTILES) * total
    places = np.searchsorted(up_to, wanted)  # never an empty bin: its cumulative count equals the one before
    shares = (wanted - (up_to[places] - counts[places])) / counts[places]
    result: DoubleArray = axis[places] + shares * (axis[places + 1] - axis[places])
    return result


def _bandwidth(counts: DoubleArray, centres: DoubleArray, quantiles: DoubleArray) -> float:
    total = counts.sum()
    mean = (counts * centres).sum() / total
    deviation = float(np.sqrt((counts * (centres - mean) ** 2).sum() / total))
    spread = float(quantiles[3] - quantiles[1]) / 1.34
    narrower = min(deviation, spread) if spread > 0 else deviation
    return float(0.9 * narrower * total**-0.2)
