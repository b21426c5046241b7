"""Compare ways to lay one map over another: ``python scripts/measure_alignment.py NAME.dxr [--space ID ...]``.

For the pairs (first space named, each other one), or of the collection's default space with all others: how far an
image's two places lie apart, in units of the map's spread; what the second map is worth by itself; CPU seconds.
No collection is changed.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dxr_dash import api, settings
from dxr_dash.analysis.alignment import alignment, displacement
from dxr_dash.analysis.honesty import kept_neighbours, trustworthiness
from dxr_dash.collection.map2d import SMALL
from dxr_dash.collection.store import Collection, Space
from dxr_dash.records import DoubleArray, FloatArray

ROUNDS = 30
Way = Callable[[Space, Space, FloatArray], FloatArray]


def placed(reference: DoubleArray, points: DoubleArray, weights: DoubleArray) -> DoubleArray:
    """Lay points over a reference by Procrustes with weights, both spread equally far by these weights."""
    share = (weights / weights.sum())[:, None]
    middle, own_middle = (share * reference).sum(axis=0), (share * points).sum(axis=0)
    fixed, moved = reference - middle, points - own_middle
    left, _, right = np.linalg.svd((share * moved).T @ fixed)
    size = np.sqrt((share * fixed**2).sum() / (share * moved**2).sum())
    laid: DoubleArray = size * moved @ (left @ right) + middle
    return laid


def as_stored(one: Space, other: Space, _shares: FloatArray) -> FloatArray:
    """Only moved and brought to one size: neither turned nor mirrored."""
    fixed, points = np.asarray(one.coordinates, np.float64), np.asarray(other.coordinates, np.float64)
    moved = points - points.mean(axis=0)
    laid: FloatArray = (moved * (fixed.std() / moved.std()) + fixed.mean(axis=0)).astype(np.float32)
    return laid


def by_procrustes(one: Space, other: Space, _shares: FloatArray) -> FloatArray:
    """What the page does."""
    return alignment(one.coordinates, other.coordinates).moved(other.coordinates)


def by_least_distances(one: Space, other: Space, _shares: FloatArray) -> FloatArray:
    """Procrustes with the sum of distances, not of their squares, as small as can be: reweighted step by step."""
    fixed, points = np.asarray(one.coordinates, np.float64), np.asarray(other.coordinates, np.float64)
    found = placed(fixed, points, np.ones(len(points)))
    for _ in range(ROUNDS):
        away = np.linalg.norm(found - fixed, axis=1)
        found = placed(fixed, points, 1 / np.maximum(away, 1e-3 * away.mean()))
    return found.astype(np.float32)


def by_agreement(one: Space, other: Space, shares: FloatArray) -> FloatArray:
    """Procrustes on the images whose neighbours agree, each as much as they do."""
    fixed, points = np.asarray(one.coordinates, np.float64), np.asarray(other.coordinates, np.float64)
    weights = np.nan_to_num(shares).astype(np.float64) + 1e-6
    return placed(fixed, points, weights).astype(np.float32)


def by_descent(one: Space, other: Space, _shares: FloatArray) -> FloatArray:
    """A second UMAP descent that starts at the places of the first map, then Procrustes."""
    import umap.umap_ as umap

    from dxr_dash.collection.umap_descent import descend

    n_columns = min(settings.MAP_NEIGHBOURS, other.neighbours.shape[1] + 1)
    rows = np.column_stack([np.arange(len(other.neighbours)), other.neighbours[:, : n_columns - 1]]).astype(
        np.int32
    )
    far = np.asarray(other.neighbour_distances[:, : n_columns - 1])
    distances = np.column_stack([np.zeros(len(rows), np.float32), far])
    a, b = umap.find_ab_params(1.0, settings.MAP_MIN_DISTANCE)
    start = np.array(one.coordinates, np.float32)
    fuzzy, _, _ = umap.fuzzy_simplicial_set(
        start, n_columns, np.random.RandomState(0), other.metric, knn_indices=rows, knn_dists=distances
    )
    found = descend(start, fuzzy, a=a, b=b, n_epochs=500 if len(rows) <= SMALL else 200, seed=settings.SEED)
    return alignment(one.coordinates, found).moved(found)


def aligned_umap(one: Space, other: Space) -> tuple[FloatArray, FloatArray]:
    """Lay both out anew with umap-learn's AlignedUMAP: both maps are others than the stored ones."""
    import umap

    same = {row: row for row in range(len(one.neighbours))}
    model = umap.AlignedUMAP(
        n_neighbors=settings.MAP_NEIGHBOURS,
        min_dist=settings.MAP_MIN_DISTANCE,
        metric=one.metric,
        random_state=0,
    )
    found = model.fit_transform([np.asarray(one.vectors), np.asarray(other.vectors)], relations=[same])
    first, second = (np.asarray(part, np.float32) for part in found)
    return first, alignment(first, second).moved(second)


WAYS: dict[str, Way] = {
    "as stored": as_stored,
    "Procrustes": by_procrustes,
    "least distances": by_least_distances,
    "by agreement": by_agreement,
    "second descent": by_descent,
}


def worth(space: Space, coordinates: FloatArray) -> str:
    """Say how far a map of a space can be trusted."""
    k = settings.HONESTY_K
    trust = trustworthiness(
        space.vectors,
        coordinates,
        metric=space.metric,
        k=k,
        sample=settings.HONESTY_SAMPLE,
        seed=settings.SEED,
    )
    kept = float(np.nanmean(kept_neighbours(space.neighbours, coordinates, k)))
    return f"trustworthiness {trust:.3f}, neighbours kept {kept:.3f}"


def measure(collection: Collection, one: Space, other: Space, *, with_umap: bool) -> None:
    """Print one line for each way."""
    compared = api.disagreement(collection, one.id, other.id)
    print(f"{one.id} and {other.id}: {100 * compared.mean:.1f} % of neighbours in common", flush=True)
    print(f"  {'the first map':<16} {worth(one, np.asarray(one.coordinates))}")
    for name, way in WAYS.items():
        start = time.process_time()
        found = way(one, other, compared.shares)
        seconds = time.process_time() - start
        away = displacement(one.coordinates, found)
        print(f"  {name:<16} apart {away:.3f}, {worth(other, found)}, {seconds:.2f} CPU s", flush=True)
    if with_umap:
        start = time.process_time()
        first, second = aligned_umap(one, other)
        seconds = time.process_time() - start
        line = f"apart {displacement(first, second):.3f}, {worth(other, second)}, {seconds:.2f} CPU s; "
        print(f"  {'AlignedUMAP':<16} {line}its first map: {worth(one, first)}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("collection", type=Path)
    parser.add_argument("--space", action="append", default=[], help="Id; the first is the map that stays.")
    parser.add_argument("--no-aligned-umap", action="store_true", help="Leave the slowest one out.")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")  # umap-learn's, on seeds and threads
    collection = api.open_collection(asked.collection)
    names = asked.space or [collection.default_space, *collection.spaces]
    first, *others = dict.fromkeys(names)
    for other in others:
        measure(
            collection, collection.space(first), collection.space(other), with_umap=not asked.no_aligned_umap
        )


if __name__ == "__main__":
    main()
