"""One feature space: what is asked for, what is there already, and its chain from vectors to layouts and baseline."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from dxr_dash import settings
from dxr_dash.analysis.baseline import baseline_distances
from dxr_dash.collection.chain import Chain
from dxr_dash.collection.journal import Journal
from dxr_dash.collection.layout_steps import make_layout
from dxr_dash.collection.layouts import TSNE, UMAP
from dxr_dash.collection.map2d import MAP_RECIPE, cluster, map_coordinates, representatives, tsne_coordinates
from dxr_dash.collection.neighbours import NeighbourGraph, graph_recall, k_occurrence, neighbour_graph
from dxr_dash.collection.networks import Network, load_network
from dxr_dash.collection.steps import read_json, write_json
from dxr_dash.errors import NetworkError


@dataclass
class Request:
    """One feature space that is asked for; its network is loaded only if an image needs it."""

    network: str
    layer: str
    weights: Path | None
    known: dict[str, Any] | None = None

    @cached_property
    def facts(self) -> dict[str, Any]:
        """All that decides which vectors come out, as far as it shows without loading the network."""
        if self.known is not None:
            return self.known
        if self.weights is not None and not self.weights.is_file():
            raise NetworkError(
                f"The weights file {self.weights} does not exist.", "Give the path of a file with --weights."
            )
        stat = self.weights.stat() if self.weights else None
        return {
            "network": self.network,
            "layer": self.layer,
            "weights": str(self.weights.resolve()) if self.weights else None,
            "weights_stamp": [stat.st_size, stat.st_mtime_ns] if stat else None,
            "torch": version("torch"),
            "torchvision": version("torchvision"),
            "dxr": settings.VERSION,
        }

    @classmethod
    def again(cls, facts: dict[str, Any]) -> Request:
        """Ask for a space that the collection holds, in the words that are kept of it."""
        weights = Path(facts["weights"]) if facts["weights"] else None
        return cls(facts["network"], facts["layer"], weights, facts)

    @cached_property
    def loaded(self) -> Network:
        """The network, ready to run."""
        return load_network(self.network, self.layer, weights=self.weights)

    @property
    def space_id(self) -> str:
        """The name of the space in the collection."""
        return f"{self.network}.{self.layer}"


@dataclass
class SpaceWork:
    """One feature space while it is brought up to date.

    Attributes:
        recipe: all that decides the vectors.
        vectors_step: the step of the finished collection that holds its vectors; None when there is none.
        has_tsne: whether the finished collection has its t-SNE layout.
    """

    request: Request
    recipe: dict[str, Any]
    n_dims: int
    vectors_step: str | None
    has_tsne: bool
    journal: Journal = field(init=False)

    @classmethod
    def of(cls, request: Request, held: dict[str, Any] | None) -> SpaceWork:
        """Find out whether what the collection holds of a space is what is asked for.

        The network is loaded only if that cannot be told without.
        """
        has_tsne = held is not None and TSNE in held.get("layouts", {})
        if held is not None and (held["request"] == request.facts or held["recipe"] == request.loaded.recipe):
            return cls(request, held["recipe"], held["n_dims"], held["steps"]["vectors"], has_tsne)
        return cls(request, request.loaded.recipe, request.loaded.n_dims, None, has_tsne)


def make_space(chain: Chain, space: SpaceWork, vectors_step: str) -> dict[str, Any]:
    """Make one feature space's graph, layouts, clusters and baseline; return its part of the manifest."""
    metric, seed = settings.METRIC, chain.seed
    vectors = np.load(chain.path(vectors_step) / "vectors.npy", mmap_mode="r")

    def write_graph(part: Path) -> None:
        graph = neighbour_graph(
            vectors,
            metric=metric,
            n_neighbours=settings.GRAPH_NEIGHBOURS,
            seed=seed,
            on_progress=chain.on_progress,
        )
        recall_at = min(settings.RECALL_AT, graph.rows.shape[1])
        recall = graph_recall(
            vectors, graph, metric=metric, k=recall_at, sample=settings.RECALL_SAMPLE, seed=seed
        )
        np.save(part / "neighbours.npy", graph.rows)
        np.save(part / "distances.npy", graph.distances)
        np.save(part / "k_occurrence.npy", k_occurrence(graph, recall_at))
        write_json(
            part / "graph.json", {"recall": recall, "recall_at": recall_at, "graph_method": graph.method}
        )

    graph_settings = [
        metric,
        settings.GRAPH_NEIGHBOURS,
        [settings.EXACT_GRAPH_WORK, settings.EXACT_GRAPH_DIMS],
        seed,
        version("pynndescent"),
    ]
    graph_step = chain.step("graph", [vectors_step, graph_settings], write_graph)
    graph_folder = chain.path(graph_step)
    graph_facts = read_json(graph_folder / "graph.json")
    graph = NeighbourGraph(
        np.load(graph_folder / "neighbours.npy"),
        np.load(graph_folder / "distances.npy"),
        graph_facts["graph_method"],
    )

    def write_map(part: Path) -> None:
        coordinates = map_coordinates(
            vectors,
            graph,
            metric=metric,
            n_neighbours=settings.MAP_NEIGHBOURS,
            min_distance=settings.MAP_MIN_DISTANCE,
            seed=seed,
            on_progress=chain.on_progress,
        )
        np.save(part / "coordinates.npy", coordinates)

    def write_tsne(part: Path) -> None:
        coordinates = tsne_coordinates(
            vectors,
            graph,
            metric=metric,
            perplexity=settings.TSNE_PERPLEXITY,
            seed=seed,
            on_progress=chain.on_progress,
        )
        np.save(part / "coordinates.npy", coordinates)

    def write_clusters(part: Path) -> None:
        chain.on_progress("clusters", 0, 0)
        clusters = cluster(graph, n_neighbours=settings.MAP_NEIGHBOURS, seed=seed)
        np.save(part / "clusters.npy", clusters)
        np.save(part / "representatives.npy", representatives(vectors, clusters, metric=metric))

    def write_baseline(part: Path) -> None:
        chain.on_progress("baseline", 0, 0)
        n_pairs, limit = settings.BASELINE_PAIRS, settings.BASELINE_ALL_PAIRS_LIMIT
        found = baseline_distances(vectors, metric=metric, n_pairs=n_pairs, all_pairs_limit=limit, seed=seed)
        np.save(part / "baseline.npy", found)

    map_settings = [
        settings.MAP_NEIGHBOURS,
        settings.MAP_MIN_DISTANCE,
        seed,
        MAP_RECIPE,
        version("umap-learn"),
    ]
    baseline_settings = [metric, settings.BASELINE_PAIRS, settings.BASELINE_ALL_PAIRS_LIMIT, seed]
    map_step = chain.step("map", [graph_step, map_settings], write_map)
    layouts = {UMAP: make_layout(chain, map_step, graph_step, graph, vectors, metric)}
    if chain.tsne or space.has_tsne or len(vectors) <= settings.TSNE_LIMIT:
        tsne_settings = [settings.TSNE_PERPLEXITY, seed, version("openTSNE")]
        tsne_step = chain.step("tsne", [graph_step, tsne_settings], write_tsne)
        layouts[TSNE] = make_layout(chain, tsne_step, graph_step, graph, vectors, metric)
    return {
        "request": space.request.facts,
        "recipe": space.recipe,
        "metric": metric,
        "n_dims": space.n_dims,
        **graph_facts,
        "steps": {
            "vectors": vectors_step,
            "graph": graph_step,
            "map": map_step,
            "clusters": chain.step(
                "clusters", [graph_step, "louvain", seed, version("scikit-network")], write_clusters
            ),
            "baseline": chain.step("baseline", [vectors_step, baseline_settings], write_baseline),
        },
        "layouts": layouts,
    }
