"""Measure mosaic, trust and tiles: ``python scripts/bench_layouts.py [NAME.dxr ...] [--exact N] [--bound]``.

Without a collection, the mosaic is measured on made-up maps of 1,000, 10,000 and 60,000 images. No collection is
changed.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import spsolve
from scipy.spatial import cKDTree

from dxr_dash import api
from dxr_dash.analysis.mosaic import assign_cells, cell_centres, grid_over, mosaic
from dxr_dash.collection.store import Collection
from dxr_dash.collection.swatches import make_swatches
from dxr_dash.collection.tiles import MOST_LEVEL, TILE_PX, mosaic_tile, slivers
from dxr_dash.records import DoubleArray, IntArray

SIZES = (1_000, 10_000, 60_000)
GROUPS = 40
BOUND_STEPS = 12
REPEATS = 8
SWATCHES = 10_000


def made_up_map(n_images: int) -> DoubleArray:
    """Draw dense groups with nothing between, as a map has them: (N, 2)."""
    random = np.random.default_rng(0)
    group = random.integers(0, GROUPS, n_images)
    spread = random.uniform(0.1, 0.8, GROUPS)[group][:, None]
    return random.normal(size=(n_images, 2)) * spread + 4 * random.normal(size=(GROUPS, 2))[group]


def on_grid(points: DoubleArray) -> tuple[DoubleArray, int, int]:
    """Express points in cells of their grid, from its top left corner; with its columns and rows."""
    columns, rows, cell, left, top = grid_over(points)
    return np.column_stack([points[:, 0] - left, top - points[:, 1]]) / cell, columns, rows


def moved(places: DoubleArray, cells: IntArray, columns: int) -> tuple[float, float]:
    """Mean distance and mean squared distance of images from their cells, in cells."""
    away = np.linalg.norm(places - cell_centres(cells, columns), axis=1)
    return float(away.mean()), float((away**2).mean())


def least_mean_square(places: DoubleArray, cells: IntArray, columns: int, rows: int) -> float:
    """Bound the optimum from below by duality: no assignment has a smaller mean squared distance.

    For any prices p >= 0 of cells, the sum over images of min over cells of (squared distance + p), less the sum
    of p, is at most the cost of every assignment. The prices start from those that the given assignment suggests.
    """
    n_cells = columns * rows
    centres = cell_centres(np.arange(n_cells), columns)
    images = np.full(n_cells, -1)
    images[cells] = np.arange(len(cells))
    grid = np.arange(n_cells).reshape(rows, columns)
    a = np.concatenate([grid[:, :-1].ravel(), grid[:-1].ravel()])
    b = np.concatenate([grid[:, 1:].ravel(), grid[1:].ravel()])
    there = (images[a] >= 0) & (images[b] >= 0)
    a, b = a[there], b[there]

    def cost(of: IntArray, at: IntArray) -> DoubleArray:
        squares: DoubleArray = ((places[images[of]] - centres[at]) ** 2).sum(axis=1)
        return squares

    wanted = (cost(a, a) - cost(a, b) + cost(b, a) - cost(b, b)) / 2  # p(b) - p(a)
    lines, ones = np.arange(len(a)), np.ones(len(a))
    steps = sparse.coo_matrix(
        (np.concatenate([ones, -ones]), (np.concatenate([lines, lines]), np.concatenate([b, a]))),
        shape=(len(a), n_cells),
    ).tocsr()
    prices = spsolve((steps.T @ steps + 1e-9 * sparse.eye(n_cells)).tocsc(), steps.T @ wanted)
    best, step = -np.inf, 0.5
    for _ in range(BOUND_STEPS):
        prices = prices - prices.min()
        tree = cKDTree(np.column_stack([centres, np.sqrt(prices)]))  # the price as a third dimension
        away, nearest = tree.query(np.column_stack([places, np.zeros(len(places))]), workers=-1)
        best = max(best, float((away**2).sum() - prices.sum()) / len(places))
        prices = prices + step * (np.bincount(nearest, minlength=n_cells) - 1)
        step *= 0.97
    return best


def show_mosaic(name: str, points: DoubleArray, exact: int, *, bound: bool) -> None:
    """Print time and displacement of the mosaic, beside the optimum where that can be had."""
    start, cpu_start = time.perf_counter(), time.process_time()
    found = mosaic(points)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    places, columns, rows = on_grid(np.asarray(points, np.float64))
    near = found.cells.astype(np.int64)
    if found.method == "exact":
        near = assign_cells(places, columns, rows, exact_limit=0)
    mean, square = moved(places, near, columns)
    words = f"{name}, {len(points)} images: {seconds:.2f} s, {cpu_seconds:.2f} CPU s, {found.method}, "
    words += f"moved by {found.displacement:.2f} cells"
    if len(points) <= exact:
        start = time.perf_counter()
        best = moved(places, assign_cells(places, columns, rows, exact_limit=exact), columns)
        words += f"; exact in {time.perf_counter() - start:.1f} s: {best[0]:.2f}; windows over exact: "
        words += f"{mean / best[0]:.4f} (mean), {square / best[1]:.4f} (mean square)"
    if bound:
        words += "; mean square over its lower bound: "
        words += f"{square / least_mean_square(places, near, columns, rows):.4f}"
    print(words, flush=True)


def show_trust(collection: Collection) -> None:
    """Print what each layout keeps."""
    for space in collection.spaces.values():
        for layout in space.layouts.values():
            trust = "none" if layout.trustworthiness is None else f"{layout.trustworthiness:.3f}"
            kept = "none" if layout.neighbours_kept is None else f"{layout.neighbours_kept:.3f}"
            k = layout.honesty_k
            print(
                f"{collection.name} {space.id} {layout.title}: trustworthiness@{k} {trust}, kept@{k} {kept}"
            )


def show_tiles(collection: Collection) -> None:
    """Print how long tiles of every level, slivers and swatches take."""
    grid = collection.space().layout().mosaic
    for level in range(MOST_LEVEL + 1):
        across = TILE_PX >> level
        n_right, n_down = -(-grid.columns // across), -(-grid.rows // across)
        times, n_bytes = [], []
        for number in range(REPEATS):
            start = time.perf_counter()
            tile = mosaic_tile(collection, grid, level, number * 7 % n_right, number * 5 % n_down)
            times.append(time.perf_counter() - start)
            n_bytes.append(len(tile))
        milliseconds, kilobytes = 1000 * statistics.median(times), statistics.median(n_bytes) / 1000
        print(f"tile of level {level}: {milliseconds:.1f} ms, {kilobytes:.0f} kB")
    rows = np.linspace(0, len(collection) - 1, 128).astype(int).tolist()
    start = time.perf_counter()
    strip = slivers(collection, rows)
    print(f"128 slivers: {1000 * (time.perf_counter() - start):.1f} ms, {len(strip) / 1000:.0f} kB")
    thumbnails = [collection.thumbnail(number % len(collection)) for number in range(SWATCHES)]
    start = time.perf_counter()
    make_swatches(thumbnails)
    print(f"{SWATCHES} swatches: {time.perf_counter() - start:.2f} s")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("collections", type=Path, nargs="*")
    parser.add_argument(
        "--exact", type=int, default=2_000, help="Images up to which the optimum is computed."
    )
    parser.add_argument("--bound", action="store_true", help="Bound the optimum from below; takes minutes.")
    asked = parser.parse_args()
    if not asked.collections:
        for size in SIZES:
            show_mosaic("made up", made_up_map(size), asked.exact, bound=asked.bound)
    for folder in asked.collections:
        collection = api.open_collection(folder)
        points = np.asarray(collection.space().coordinates, np.float64)
        draw = np.random.default_rng(0)
        for size in sorted({min(asked.exact, len(points)), len(points)}):
            part = (
                points
                if size == len(points)
                else points[np.sort(draw.choice(len(points), size, replace=False))]
            )
            show_mosaic(collection.name, part, asked.exact, bound=asked.bound)
        show_trust(collection)
        show_tiles(collection)


if __name__ == "__main__":
    main()
