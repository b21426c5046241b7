"""Measure what float16 vectors would change: ``python scripts/measure_precision.py NAME.dxr``.

The vectors of a collection are rounded to float16 and widened again: how far do cosine distances move, beside the
bound, how many of the 15 true neighbours stay, and how much does the AUROC of made-up sets move? A set is an image and
its nearest 19, so it lies together. docs/performance.md holds the figures this prints.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from dxr_dash import api
from dxr_dash.analysis.distances import distances
from dxr_dash.analysis.retrieval import auroc_matrix
from dxr_dash.analysis.set_distances import set_distances
from dxr_dash.records import FloatArray, IntArray

NEAR = 15
N_SETS, SET_SIZE = 50, 20
MOST = 2_000  # images asked with


def nearest(table: FloatArray, rows: IntArray) -> IntArray:
    """Find the NEAR nearest of each line, itself left out by row."""
    table = table.copy()
    table[np.arange(len(rows)), rows] = np.inf
    return np.argsort(table, axis=1, kind="stable")[:, :NEAR]


def bound(n_dimensions: int, smallest: float) -> float:
    """Bound how far a cosine distance moves: by the angles of both vectors, each of a relative error.

    Source: rounding moves a component by at most 2^-11 of itself, or by 2^-25 where float16 has no more digits; so a
    vector moves by at most 2^-11 of its length and sqrt(D) 2^-25, and a cosine by no more than the angles do.
    """
    moved = 2.0**-11 + np.sqrt(n_dimensions) * 2.0**-25 / smallest
    return float(2.0 * np.arcsin(min(1.0, moved)))


def auroc(vectors: FloatArray, items: IntArray) -> float:
    """Measure a set of gallery images as an answer does."""
    found = set_distances(vectors[items], items, vectors, metric="cosine", k=1)
    return float(np.nanmean(auroc_matrix(found.within, found.n_less, found.n_equal, found.n_compared)))


def main() -> None:
    """Round, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("collection", type=Path)
    chosen = parser.parse_args()
    wide = np.array(api.open_collection(chosen.collection).space().vectors)
    narrow = wide.astype(np.float16).astype(np.float32)
    if not np.isfinite(narrow).all():
        raise SystemExit("A feature is larger than float16 can be, 65,504.")
    rows = np.sort(np.random.default_rng(0).permutation(len(wide))[:MOST])
    before = distances(wide[rows], wide, metric="cosine")
    after = distances(narrow[rows], narrow, metric="cosine")
    lengths = np.linalg.norm(wide, axis=1)
    worst = float(np.abs(before - after).max())
    print(
        f"{len(wide):,} x {wide.shape[1]}: {wide.nbytes / 1e6:.1f} MB, as float16 {wide.nbytes / 2e6:.1f} MB"
    )
    print(
        f"cosine distance: worst change {worst:.2e}, bound {bound(wide.shape[1], lengths[lengths > 0].min()):.2e}"
    )
    left, right = nearest(before, rows), nearest(after, rows)
    kept = np.mean([len(np.intersect1d(a, b)) / NEAR for a, b in zip(left, right, strict=True)])
    print(f"recall@{NEAR}: {kept:.4f}; same order throughout: {np.mean((left == right).all(axis=1)):.3f}")
    moved = []
    for place in np.random.default_rng(1).permutation(len(rows))[:N_SETS]:
        items = np.concatenate([rows[[place]], np.argsort(before[place], kind="stable")])
        items = items[np.sort(np.unique(items, return_index=True)[1])][:SET_SIZE]
        both = [auroc(one, items) for one in (wide, narrow)]
        moved.append(abs(both[0] - both[1]))
    print(f"AUROC of {N_SETS} sets of {SET_SIZE}: mean change {np.mean(moved):.1e}, worst {max(moved):.1e}")


if __name__ == "__main__":
    main()
