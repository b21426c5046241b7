"""What one image of the set is worth: mAP, precision and recall with each image left out, as query and as target.

Average precisions of two queries share their targets, so they are not independent, and an interval that
resamples them as if they were is far too narrow (docs/statistics.md). Leaving an image out takes it from
the queries and from every other query's targets; the sizes of these changes carry both dependences.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dxr_dash.analysis.ordering import ascending, equal_runs, nearest_and_ties
from dxr_dash.records import DoubleArray, FloatArray, IntArray


@dataclass(frozen=True)
class _Row:
    """One query's other members by ascending distance, and where each one's equals begin and end."""

    order: IntArray
    first: IntArray
    end: IntArray
    gallery_before: IntArray
    gallery_equal: IntArray

    @classmethod
    def of(cls, within: FloatArray, n_less: IntArray, n_equal: IntArray) -> _Row:
        places, distances = ascending(within)
        return cls._of(places[:-1], distances[:-1], n_less, n_equal)  # NaN, the query itself, comes last

    @classmethod
    def of_nearest(cls, k: int, within: FloatArray, n_less: IntArray, n_equal: IntArray) -> _Row:
        """Take the k nearest only, and what is as far as the last of them."""
        near = nearest_and_ties(within, k)
        places, distances = ascending(within[near])
        return cls._of(near[places], distances, n_less, n_equal)

    @classmethod
    def _of(cls, order: IntArray, distances: FloatArray, n_less: IntArray, n_equal: IntArray) -> _Row:
        return cls(order, *equal_runs(distances), n_less[order], n_equal[order])

    def sums_without(self, farther: DoubleArray, equal: DoubleArray, nearer: DoubleArray) -> DoubleArray:
        """Sum over the members but one, for each of them.

        Args:
            farther: (R,) what a member adds when the one left out is farther than it,
            equal: when it is as far,
            nearer: when it is nearer.
        """
        up_to = [np.concatenate([[0.0], np.cumsum(values)]) for values in (farther, equal, nearer)]
        sums: DoubleArray = up_to[0][self.first] + up_to[1][self.end] - up_to[1][self.first] - equal
        sums += up_to[2][-1] - up_to[2][self.end]
        return sums


def mean_ap_without(within: FloatArray, n_less: IntArray, n_equal: IntArray) -> DoubleArray:
    """Give mean average precision without each image.

    Args:
        within: (q, Q), NaN from an image to itself; Q at least 3.
        n_less: (q, Q).
        n_equal: (q, Q).

    Returns:
        (Q,) float64; NaN for the only query.
    """
    n = within.shape[1]
    total = np.zeros(n)
    for counts in zip(within, n_less, n_equal, strict=True):
        row = _Row.of(*counts)
        gallery = row.gallery_before + row.gallery_equal
        fewer = row.end - 1
        less = fewer / np.maximum(fewer + gallery, 1)
        total[row.order] += row.sums_without(row.end / (row.end + gallery), less, less) / (n - 2)
    return total / _queries_left(within)


def precision_without(within: FloatArray, n_less: IntArray, n_equal: IntArray, *, k: int) -> DoubleArray:
    """Give mean precision at k without each image; arguments and result as in ``mean_ap_without``."""
    places = min(k, within.shape[1] - 2)
    result: DoubleArray = _hits_without(within, n_less, n_equal, places) / places
    return result


def recall_without(within: FloatArray, n_less: IntArray, n_equal: IntArray, *, k: int) -> DoubleArray:
    """Give mean recall at k without each image; arguments and result as in ``mean_ap_without``."""
    result: DoubleArray = _hits_without(within, n_less, n_equal, k) / (within.shape[1] - 2)
    return result


def _hits_without(within: FloatArray, n_less: IntArray, n_equal: IntArray, places: int) -> DoubleArray:
    total = np.zeros(within.shape[1])
    for counts in zip(within, n_less, n_equal, strict=True):
        row = _Row.of_nearest(
            places + 1, *counts
        )  # no other member gets among the first, whichever is left out
        room = places - row.first - row.gallery_before
        tied = row.end - row.first + row.gallery_equal
        fewer = np.maximum(tied - 1, 1)
        farther = np.clip(room, 0, tied) / tied
        equal = np.clip(room, 0, fewer) / fewer
        nearer = np.clip(room + 1, 0, tied) / tied
        hits = np.where(np.isnan(counts[0]), 0.0, farther.sum())  # without a member farther than all of these
        hits[row.order] = row.sums_without(farther, equal, nearer)
        total += hits
    return total / _queries_left(within)


def _queries_left(within: FloatArray) -> DoubleArray:
    """Count the queries that are left without each image: (Q,); NaN where none is."""
    left = len(within) - np.isnan(within).sum(axis=0)
    return np.where(left > 0, left, np.nan)
