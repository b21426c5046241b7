"""Measure how good the baseline is: ``python scripts/measure_baseline.py NAME.dxr [--images 3000] [--draws 200]``.

Baselines of some numbers of pairs are drawn again and again, and compared with the distances of all pairs of the same
images: how often is the whole distribution within the bound of Dvoretzky, Kiefer, Wolfowitz and Massart, how often is
one quantile within its binomial bound, and how far is the worst? docs/statistics.md holds the table this prints.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np

from dxr_dash import api, settings
from dxr_dash.analysis.baseline import baseline_distances, dkw_bound
from dxr_dash.records import DoubleArray, FloatArray

SHARES = np.array([0.01, 0.5, 0.99])
NORMAL = 1.959964  # 95 % of a normal distribution lie within


def pairs_for(error: float) -> int:
    """Say how many pairs put the whole distribution within an error, with settings.CONFIDENCE."""
    return math.ceil(math.log(2.0 / (1.0 - settings.CONFIDENCE)) / (2.0 * error**2))


def distance_between(drawn: FloatArray, every: FloatArray) -> float:
    """Measure the largest difference between two distribution functions of ascending values."""
    at = np.unique(drawn)
    worst = 0.0
    for side in ("left", "right"):
        shares = [np.searchsorted(one, at, side=side) / len(one) for one in (drawn, every)]
        worst = max(worst, float(np.abs(shares[0] - shares[1]).max()))
    return worst


def quantile_errors(drawn: FloatArray, every: FloatArray) -> DoubleArray:
    """Say how far the drawn quantiles are from the shares they are taken for: 0 where a tie reaches across it."""
    found = drawn[np.ceil(SHARES * len(drawn)).astype(int) - 1]
    low, high = (np.searchsorted(every, found, side=side) / len(every) for side in ("left", "right"))
    errors: DoubleArray = np.maximum(0.0, np.maximum(low - SHARES, SHARES - high))
    return errors


def main() -> None:
    """Draw, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("collection", type=Path)
    parser.add_argument("--images", type=int, default=3000, help="of which all pairs are measured")
    parser.add_argument("--draws", type=int, default=200)
    chosen = parser.parse_args()
    where = api.open_collection(chosen.collection).space()
    rows = np.sort(np.random.default_rng(0).permutation(len(where.vectors))[: chosen.images])
    vectors = np.array(where.vectors[rows])
    every = baseline_distances(vectors, metric=where.metric, all_pairs_limit=len(vectors))
    print(f"{len(every):,} pairs of {len(vectors):,} images")
    print(
        "| Pairs drawn | bound, points | within it | worst, points | "
        + " | ".join(f"{p:.0%} quantile within" for p in SHARES)
        + " |"
    )
    print("|---|---|---|---|" + "---|" * len(SHARES))
    for m in (pairs_for(0.01), settings.BASELINE_PAIRS):
        apart, errors = [], []
        for seed in range(chosen.draws):
            drawn = baseline_distances(vectors, metric=where.metric, n_pairs=m, all_pairs_limit=0, seed=seed)
            apart.append(distance_between(drawn, every))
            errors.append(quantile_errors(drawn, every))
        bounds = NORMAL * np.sqrt(SHARES * (1.0 - SHARES) / m)
        within = (np.array(errors) <= bounds).mean(axis=0)
        print(
            f"| {m:,} | {100 * dkw_bound(m):.2f} | {np.mean(np.array(apart) <= dkw_bound(m)):.3f} "
            f"| {100 * max(apart):.2f} | "
            + " | ".join(
                f"{one:.3f} (± {100 * bound:.2f})" for one, bound in zip(within, bounds, strict=True)
            )
            + " |"
        )


if __name__ == "__main__":
    main()
