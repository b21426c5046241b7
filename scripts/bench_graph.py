"""Measure graph and map of a collection's vectors beside the libraries that make them, each in a process of its own.

python scripts/bench_graph.py NAME.dxr [--images N ...] [--repeats 3]

A process of its own pays for its imports and for compilation, as a build does; what dxr compiles itself is kept on the
disk. Prints the median CPU and wall seconds, recall@15 against the exact neighbours, and for the maps trustworthiness
and the share of neighbours kept.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dxr_dash import settings
from dxr_dash.analysis.honesty import kept_neighbours, trustworthiness
from dxr_dash.api import open_collection
from dxr_dash.collection.map2d import map_coordinates
from dxr_dash.collection.neighbours import NeighbourGraph, graph_recall, neighbour_graph
from dxr_dash.records import FloatArray

K = settings.GRAPH_NEIGHBOURS


def vectors_of(folder: Path, n_images: int) -> tuple[FloatArray, str]:
    where = open_collection(folder).space()
    return np.array(where.vectors[:n_images]), where.metric


def graph_facts(vectors: FloatArray, metric: str, graph: NeighbourGraph) -> dict[str, float]:
    found = graph_recall(vectors, graph, metric=metric, k=15, sample=1_000, seed=1)
    return {"recall": found if found is not None else 1.0}


def map_facts(
    vectors: FloatArray, metric: str, graph: NeighbourGraph, coordinates: FloatArray
) -> dict[str, float]:
    kept = kept_neighbours(graph.rows, coordinates, 15)
    trust = trustworthiness(vectors, coordinates, metric=metric, k=15, sample=1_000, seed=1)
    return {"trust": float(trust or np.nan), "kept": float(np.nanmean(kept))}


def umap_learn(vectors: FloatArray, metric: str) -> FloatArray:
    from umap import UMAP

    model = UMAP(
        n_neighbors=settings.MAP_NEIGHBOURS,
        min_dist=settings.MAP_MIN_DISTANCE,
        metric=metric,
        init="pca",
        random_state=0,
    )
    return np.asarray(model.fit_transform(vectors), np.float32)


def measured(way: str, folder: Path, n_images: int) -> dict[str, float]:
    """Run one way in this process: seconds, and how good the result is."""
    vectors, metric = vectors_of(folder, n_images)
    method = "pynndescent" if way.startswith("pynndescent") else "exact"

    def graph() -> NeighbourGraph:
        return neighbour_graph(vectors, metric=metric, n_neighbours=K, seed=0, method=method)

    def graph_and_map() -> tuple[NeighbourGraph, FloatArray]:
        found = graph()
        return found, map_coordinates(
            vectors,
            found,
            metric=metric,
            n_neighbours=settings.MAP_NEIGHBOURS,
            min_distance=settings.MAP_MIN_DISTANCE,
            seed=0,
        )

    ways: dict[str, Callable[[], Any]] = {
        "exact graph": graph,
        "pynndescent graph": graph,
        "graph and map": graph_and_map,
        "umap-learn, seeded": lambda: umap_learn(vectors, metric),
    }
    wall, cpu = time.perf_counter(), time.process_time()
    result = ways[way]()
    facts = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    if isinstance(result, NeighbourGraph):
        return facts | graph_facts(vectors, metric, result)
    held, coordinates = result if isinstance(result, tuple) else (graph(), result)
    return facts | map_facts(vectors, metric, held, coordinates)


WAYS = ("exact graph", "pynndescent graph", "graph and map", "umap-learn, seeded")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("collection", type=Path)
    parser.add_argument("--images", type=int, nargs="+", default=[10_000, 60_000])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--way", choices=WAYS, help="run this one here and print JSON")
    chosen = parser.parse_args()
    if chosen.way:
        print(json.dumps(measured(chosen.way, chosen.collection, chosen.images[0])))
        return
    print("| Images | Way | wall s | CPU s | recall@15 | trustworthiness | neighbours kept |")
    print("|---|---|---|---|---|---|---|")
    for n_images in chosen.images:
        runs: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
        for _ in range(chosen.repeats):
            for way in WAYS:
                command = [sys.executable, __file__, str(chosen.collection), "--images", str(n_images)]
                done = subprocess.run([*command, "--way", way], capture_output=True, text=True, check=True)
                runs[way].append(json.loads(done.stdout.splitlines()[-1]))
        for way, found in runs.items():
            middle = {key: float(np.median([one[key] for one in found])) for key in found[0]}
            shown = [f"{middle[key]:.3f}" if key in middle else "" for key in ("recall", "trust", "kept")]
            seconds = f"{middle['wall']:.1f} | {middle['cpu']:.1f}"
            print(f"| {n_images:,} | {way} | {seconds} | {' | '.join(shown)} |", flush=True)


if __name__ == "__main__":
    main()
