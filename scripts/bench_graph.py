"""Measure graph and map of a collection's vectors beside the libraries that make them, each in a process of its own.

python scripts/bench_graph.py NAME.dxr [--images N ...] [--repeats 5] [--json FILE]
python scripts/bench_graph.py --border

A process of its own pays for its imports and for compilation, as a build does; what dxr compiles itself is kept on the
disk. Prints the median CPU and wall seconds, recall@15 against the exact neighbours, and for the maps trustworthiness
and the share of neighbours kept. PaCMAP and Embedding Atlas are measured where they are installed. With --border: from
how many images on the descent is quicker than comparing all pairs, on made-up vectors.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dxr_dash import settings
from dxr_dash.analysis.honesty import kept_neighbours, trustworthiness
from dxr_dash.api import open_collection
from dxr_dash.collection.map2d import map_coordinates, tsne_coordinates
from dxr_dash.collection.neighbours import NeighbourGraph, graph_recall, neighbour_graph
from dxr_dash.records import FloatArray

K = settings.GRAPH_NEIGHBOURS + settings.GRAPH_FURTHER


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


def umap_learn(vectors: FloatArray, metric: str, seed: int | None) -> FloatArray:
    from umap import UMAP

    model = UMAP(
        n_neighbors=settings.MAP_NEIGHBOURS,
        min_dist=settings.MAP_MIN_DISTANCE,
        metric=metric,
        init="pca",
        random_state=seed,
    )
    return np.asarray(model.fit_transform(vectors), np.float32)


def embedding_atlas(vectors: FloatArray, metric: str) -> FloatArray:
    """Its own path in Python: pynndescent, then umap-learn with what it found."""
    from embedding_atlas.projection import _run_umap

    how = {"metric": metric, "min_dist": settings.MAP_MIN_DISTANCE}
    return np.asarray(_run_umap(vectors, umap_args=how).projection, np.float32)


def pacmap(vectors: FloatArray) -> FloatArray:
    from pacmap import PaCMAP

    return np.asarray(PaCMAP(random_state=0).fit_transform(vectors), np.float32)


def measured(way: str, folder: Path, n_images: int) -> dict[str, float]:
    """Run one way in this process: seconds, and how good the result is."""
    vectors, metric = vectors_of(folder, n_images)

    def graph(method: str | None = None) -> NeighbourGraph:
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

    def tsne() -> tuple[NeighbourGraph, FloatArray]:
        found = graph()
        return found, tsne_coordinates(
            vectors, found, metric=metric, perplexity=settings.TSNE_PERPLEXITY, seed=0
        )

    ways: dict[str, Callable[[], Any]] = {
        GRAPH: graph,
        "all pairs": lambda: graph("exact"),
        "pynndescent": lambda: graph("pynndescent"),
        MAP: graph_and_map,
        SEEDED: lambda: umap_learn(vectors, metric, 0),
        "umap-learn without a seed": lambda: umap_learn(vectors, metric, None),
        "Embedding Atlas": lambda: embedding_atlas(vectors, metric),
        "PaCMAP": lambda: pacmap(vectors),
        "openTSNE, on dxr's graph": tsne,
    }
    wall, cpu = time.perf_counter(), time.process_time()
    result = ways[way]()
    facts = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    if isinstance(result, NeighbourGraph):
        return facts | graph_facts(vectors, metric, result)
    held, coordinates = result if isinstance(result, tuple) else (graph("exact"), result)
    return facts | map_facts(vectors, metric, held, coordinates)


GRAPH, MAP, SEEDED = "dxr's graph", "dxr's graph and map", "umap-learn with a seed, its own graph"
WAYS = (
    GRAPH,
    "all pairs",
    "pynndescent",
    MAP,
    SEEDED,
    "umap-learn without a seed",
    "Embedding Atlas",
    "PaCMAP",
    "openTSNE, on dxr's graph",
)
NEEDED = {"Embedding Atlas": "embedding_atlas", "PaCMAP": "pacmap"}


def border() -> None:
    """Time both ways to the graph on made-up vectors, in CPU seconds."""
    from synthetic import vectors as make_vectors

    print("| Images x dimensions | all pairs, CPU s | descent, CPU s |")
    print("|---|---|---|")
    for n_dims in (128, 512):
        with tempfile.TemporaryDirectory() as place:
            make_vectors(40_000, n_dims, 0, Path(place) / "vectors.npy")
            vectors = np.load(Path(place) / "vectors.npy")
        for n_images in (2_000, 5_000, 10_000, 20_000, 40_000):
            seconds = []
            for method in ("exact", "descent"):
                runs = []
                for _ in range(3):
                    start = time.process_time()
                    neighbour_graph(
                        vectors[:n_images], metric="cosine", n_neighbours=K, seed=0, method=method
                    )
                    runs.append(time.process_time() - start)
                seconds.append(f"{np.median(runs):.2f}")
            print(f"| {n_images:,} x {n_dims} | {' | '.join(seconds)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("collection", type=Path, nargs="?")
    parser.add_argument("--images", type=int, nargs="+", default=[10_000, 60_000])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--border", action="store_true")
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--way", choices=WAYS, help="run this one here and print JSON")
    chosen = parser.parse_args()
    if chosen.border:
        border()
        return
    if chosen.collection is None:
        parser.error("name a collection, or ask for --border")
    if chosen.way:
        print(json.dumps(measured(chosen.way, chosen.collection, chosen.images[0])))
        return
    ways = [way for way in WAYS if way not in NEEDED or importlib.util.find_spec(NEEDED[way])]
    figures: dict[str, dict[str, dict[str, float]]] = {}
    print("| Images | Way | wall s | CPU s | recall@15 | trustworthiness | neighbours kept |")
    print("|---|---|---|---|---|---|---|")
    for n_images in chosen.images:
        runs: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
        for _ in range(chosen.repeats):
            for way in ways:
                command = [sys.executable, __file__, str(chosen.collection), "--images", str(n_images)]
                done = subprocess.run([*command, "--way", way], capture_output=True, text=True, check=True)
                runs[way].append(json.loads(done.stdout.splitlines()[-1]))
        for way, found in runs.items():
            middle = {key: float(np.median([one[key] for one in found])) for key in found[0]}
            figures.setdefault(str(n_images), {})[way] = middle
            shown = [f"{middle[key]:.3f}" if key in middle else "" for key in ("recall", "trust", "kept")]
            seconds = f"{middle['wall']:.1f} | {middle['cpu']:.1f}"
            print(f"| {n_images:,} | {way} | {seconds} | {' | '.join(shown)} |", flush=True)
        pairs = list(zip(runs[MAP], runs[SEEDED], strict=True))
        for what in ("wall", "cpu"):
            ratios = [ours[what] / theirs[what] for ours, theirs in pairs]
            print(f"graph and map / umap-learn with a seed, {what}: {np.median(ratios):.2f}", file=sys.stderr)
    if chosen.json:
        chosen.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
