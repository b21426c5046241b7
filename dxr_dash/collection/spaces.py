"""One feature space: what is asked for, what is there already, and its chain from vectors to layouts and baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from dxr_dash import settings
from dxr_dash.analysis.baseline import baseline_distances
from dxr_dash.analysis.set_distances import compile_loops
from dxr_dash.collection.chain import Chain
from dxr_dash.collection.features import Features, find_features, step_of
from dxr_dash.collection.layout_steps import make_layout
from dxr_dash.collection.layouts import TSNE, UMAP
from dxr_dash.collection.map2d import MAP_RECIPE, cluster, map_coordinates, representatives, tsne_coordinates
from dxr_dash.collection.neighbours import NeighbourGraph, graph_recall, k_occurrence, neighbour_graph
from dxr_dash.collection.networks import Loader
from dxr_dash.collection.own_features import OwnFeatures, find_own
from dxr_dash.collection.recipes import CODE as RECIPE_CODE
from dxr_dash.collection.recipes import Recipe, write_processed
from dxr_dash.collection.requests import OwnRequest, Request, again
from dxr_dash.collection.steps import read_json, write_json


@dataclass(frozen=True)
class SpaceWork:
    """One feature space while it is brought up to date.

    Attributes:
        features: what it is made from.
        has_tsne: whether the finished collection has its t-SNE layout.
    """

    request: Request | OwnRequest
    features: Features | OwnFeatures
    has_tsne: bool

    @property
    def recipe(self) -> dict[str, Any]:
        """All that decides the vectors."""
        steps = self.request.recipe.steps
        return self.features.recipe | ({"steps": list(steps)} if steps else {})


def plan_spaces(
    chain: Chain,
    manifest: dict[str, Any] | None,
    *,
    readable: bool,
    requests: Sequence[Request | OwnRequest],
    loader: Loader,
) -> list[SpaceWork]:
    """List the feature spaces to bring up to date: those that the collection has, then those asked for."""
    spaces = manifest["spaces"] if manifest else {}
    held = {key: facts for key, facts in spaces.items() if readable and chain.path(step_of(facts)).is_dir()}
    asked = {request.space_id: request for request in requests}
    kept = [again(facts["request"]) for key, facts in spaces.items() if key not in asked]
    wanted = [*kept, *asked.values()]
    found = iter(find_features(chain, [one for one in wanted if isinstance(one, Request)], held, loader))
    return [
        SpaceWork(
            one,
            next(found) if isinstance(one, Request) else find_own(chain, one, held),
            TSNE in spaces.get(one.space_id, {}).get("layouts", {}),
        )
        for one in wanted
    ]


def make_space(chain: Chain, space: SpaceWork, features_step: str) -> dict[str, Any]:
    """Make one feature space's vectors, graph, layouts, clusters and baseline; return its part of the manifest."""
    metric, seed = settings.METRIC, chain.seed
    vectors_step = _processed(chain, space.request.recipe, features_step)
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
        compile_loops()  # once a machine

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
        "request": dict(space.request.facts),
        "recipe": space.recipe,
        "metric": metric,
        "n_dims": vectors.shape[1],
        **graph_facts,
        "steps": {
            **({"features": features_step} if features_step != vectors_step else {}),
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


def _processed(chain: Chain, recipe: Recipe, features_step: str) -> str:
    """Take features through the steps of a recipe, if it has any."""
    if not recipe.steps:
        return features_step

    def write(part: Path) -> None:
        features = np.load(chain.path(features_step) / "vectors.npy", mmap_mode="r")
        write_processed(part, features, recipe.steps, seed=chain.seed, on_progress=chain.on_progress)

    made_from = [features_step, list(recipe.steps), RECIPE_CODE, chain.seed]
    return chain.step("processed", made_from, write)
