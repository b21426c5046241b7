"""One feature space: what is asked for, what is there already, and its chain from vectors to layouts and baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from dxr_dash import settings
from dxr_dash.analysis import mosaic as mosaics
from dxr_dash.analysis.baseline import baseline_distances
from dxr_dash.collection.chain import Chain
from dxr_dash.collection.features import Features, find_features, step_of
from dxr_dash.collection.growing import Before, plan_space
from dxr_dash.collection.grown_map import grow_map, grow_tsne
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
from dxr_dash.records import FloatArray


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


def make_space(
    chain: Chain, space: SpaceWork, features_step: str, before: Before | None = None
) -> dict[str, Any]:
    """Make one feature space's vectors, graph, layouts, clusters and baseline; return its part of the manifest.

    Args:
        before: the finished collection, which it is grown from if little has changed; left out, all is made afresh.
    """
    metric, seed, settings_of = settings.METRIC, chain.seed, _settings_of(chain.seed)
    vectors_step = _processed(chain, space.request.recipe, features_step)
    vectors = np.load(chain.path(vectors_step) / "vectors.npy", mmap_mode="r")
    plan = plan_space(chain, before, space.request.space_id, vectors_step, vectors, settings_of)
    keys, growth = plan.keys, plan.growth

    def write_graph(part: Path) -> None:
        graph = growth.graph(vectors, metric) if growth else _full_graph(chain, vectors, metric)
        _write_graph(part, graph, vectors, metric, seed)

    graph_step = chain.step("graph", keys.graph(vectors_step), write_graph)
    graph_folder = chain.path(graph_step)
    graph_facts = read_json(graph_folder / "graph.json")
    graph = NeighbourGraph(
        np.load(graph_folder / "neighbours.npy"),
        np.load(graph_folder / "distances.npy"),
        graph_facts["graph_method"],
    )

    def write_map(part: Path) -> None:
        how: dict[str, Any] = {
            "n_neighbours": settings.MAP_NEIGHBOURS,
            "min_distance": settings.MAP_MIN_DISTANCE,
            "seed": seed,
            "on_progress": chain.on_progress,
        }
        if growth:
            found = grow_map(growth.coordinates(UMAP), growth.shared, graph, **how)
        else:
            found = map_coordinates(vectors, graph, metric=metric, **how)
        np.save(part / "coordinates.npy", found)

    def write_tsne(part: Path) -> None:
        how: dict[str, Any] = {
            "perplexity": settings.TSNE_PERPLEXITY,
            "seed": seed,
            "on_progress": chain.on_progress,
        }
        if growth and growth.has(TSNE):
            found = grow_tsne(growth.coordinates(TSNE), growth.shared, graph, **how)
        else:
            found = tsne_coordinates(vectors, graph, metric=metric, **how)
        np.save(part / "coordinates.npy", found)

    def write_clusters(part: Path) -> None:
        chain.on_progress("clusters", 0, 0)
        full = partial(cluster, n_neighbours=settings.MAP_NEIGHBOURS, seed=seed)
        clusters = growth.clusters(graph) if growth else full(graph)
        np.save(part / "clusters.npy", clusters)
        np.save(part / "representatives.npy", representatives(vectors, clusters, metric=metric))

    def layout(name: str, step: str) -> dict[str, str]:
        grows = growth if growth and growth.has(name) else None
        return make_layout(chain, keys, name, step, graph_step, graph, vectors, metric, grows)

    map_step = chain.step("map", keys.layout(UMAP, graph_step), write_map)
    layouts = {UMAP: layout(UMAP, map_step)}
    if chain.tsne or space.has_tsne or len(vectors) <= settings.TSNE_LIMIT:
        layouts[TSNE] = layout(TSNE, chain.step("tsne", keys.layout(TSNE, graph_step), write_tsne))
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
            "clusters": chain.step("clusters", keys.clusters(graph_step), write_clusters),
            "baseline": _baseline(chain, vectors_step, vectors, metric),
        },
        "layouts": layouts,
        **plan.record,
    }


def _baseline(chain: Chain, vectors_step: str, vectors: FloatArray, metric: str) -> str:
    n_pairs, limit, seed = settings.BASELINE_PAIRS, settings.BASELINE_ALL_PAIRS_LIMIT, chain.seed

    def write(part: Path) -> None:
        chain.on_progress("baseline", 0, 0)
        found = baseline_distances(vectors, metric=metric, n_pairs=n_pairs, all_pairs_limit=limit, seed=seed)
        np.save(part / "baseline.npy", found)

    return chain.step("baseline", [vectors_step, [metric, n_pairs, limit, seed]], write)


def _full_graph(chain: Chain, vectors: FloatArray, metric: str) -> NeighbourGraph:
    """Make the graph from nothing, with all its columns."""
    return neighbour_graph(
        vectors,
        metric=metric,
        n_neighbours=settings.GRAPH_NEIGHBOURS + settings.GRAPH_FURTHER,
        seed=chain.seed,
        on_progress=chain.on_progress,
    )


def _settings_of(seed: int) -> dict[str, Any]:
    """All that decides the steps of a space beside what they are made from, by the name of the step or layout."""
    return {
        "graph": [
            settings.METRIC,
            [settings.GRAPH_NEIGHBOURS, settings.GRAPH_FURTHER],
            [settings.EXACT_GRAPH_WORK, settings.EXACT_GRAPH_DIMS],
            seed,
            version("pynndescent"),
        ],
        UMAP: [
            settings.MAP_NEIGHBOURS,
            settings.MAP_MIN_DISTANCE,
            seed,
            MAP_RECIPE,
            version("umap-learn"),
        ],
        TSNE: [settings.TSNE_PERPLEXITY, seed, version("openTSNE")],
        "mosaic": [settings.MOSAIC_EXACT_LIMIT, mosaics.RECIPE, version("scipy")],
        "clusters": ["louvain", seed, version("scikit-network")],
    }


def _write_graph(part: Path, graph: NeighbourGraph, vectors: FloatArray, metric: str, seed: int) -> None:
    """Write a graph: what is shown of it, what is kept for the time when images go, and its measured recall."""
    shown = min(settings.GRAPH_NEIGHBOURS, len(vectors) - 1)
    recall_at = min(settings.RECALL_AT, shown)
    recall = graph_recall(
        vectors, graph, metric=metric, k=recall_at, sample=settings.RECALL_SAMPLE, seed=seed
    )
    for name, columns in (("neighbours", graph.rows), ("distances", graph.distances)):
        np.save(part / f"{name}.npy", columns[:, :shown])
        np.save(part / f"further_{name}.npy", columns[:, shown:])
    np.save(part / "k_occurrence.npy", k_occurrence(graph, recall_at))
    write_json(part / "graph.json", {"recall": recall, "recall_at": recall_at, "graph_method": graph.method})


def _processed(chain: Chain, recipe: Recipe, features_step: str) -> str:
    """Take features through the steps of a recipe, if it has any."""
    if not recipe.steps:
        return features_step

    def write(part: Path) -> None:
        features = np.load(chain.path(features_step) / "vectors.npy", mmap_mode="r")
        write_processed(part, features, recipe.steps, seed=chain.seed, on_progress=chain.on_progress)

    made_from = [features_step, list(recipe.steps), RECIPE_CODE, chain.seed]
    return chain.step("processed", made_from, write)
