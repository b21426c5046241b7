"""What one image of the set is worth: mAP and precision with each image left out, as query and as target.

Average precisions of two queries share their targets, so they are not independent, and an interval that
resamples them as if they were is far too narrow (docs/statistics.md). Leaving an image out takes it from
the queries and from every other query's targets; the sizes of these changes carry both dependences.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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
    def of(cls, query: int, within: FloatArray, n_less: IntArray, n_equal: IntArray) -> _Row:
        others = np.delete(np.arange(len(within)), query)
        order = others[np.argsort(within[query, others], kind="stable")]
        values = within[query, order]
        return cls(
            order,
            np.searchsorted(values, values, side="left"),
            np.searchsorted(values, values, side="right"),
            n_less[query, order],
            n_equal[query, order],
        )

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
        within: (Q, Q), Q at least 3.
        n_less: (Q, Q).
        n_equal: (Q, Q).

    Returns:
        (Q,) float64.
    """
    n = len(within)
    total = np.zeros(n)
    for query in range(n):
        row = _Row.of(query, within, n_less, n_equal)
        gallery = row.gallery_before + row.gallery_equal
        fewer = row.end - 1
        less = fewer / np.maximum(fewer + gallery, 1)
        total[row.order] += row.sums_without(row.end / (row.end + gallery), less, less) / (n - 2)
    return total / (n - 1)


def precision_without(within: FloatArray, n_less: IntArray, n_equal: IntArray, *, k: int) -> DoubleArray:
    """Give mean precision at k without each image; arguments and result as in ``mean_ap_without``."""
    n = len(within)
    places = min(k, n - 2)
    total = np.zeros(n)
    for query in range(n):
        row = _Row.of(query, within, n_less, n_equal)
        room = places - row.first - row.gallery_before
        tied = row.end - row.first + row.gallery_equal
        fewer = np.maximum(tied - 1, 1)
        farther = np.clip(room, 0, tied) / tied
        equal = np.clip(room, 0, fewer) / fewer
        nearer = np.clip(room + 1, 0, tied) / tied
        total[row.order] += row.sums_without(farther, equal, nearer) / places
    return total / (n - 1)
