"""One feature space: what is asked for, what is there already, and its chain from vectors to layouts and baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from dxr_dash import settings
from dxr_dash.analysis import mosaic as mosaics
from dxr_dash.analysis.baseline import baseline_distances
from dxr_dash.analysis.set_distances import compile_loops
from dxr_dash.collection.chain import Chain, DamagedStepError
from dxr_dash.collection.features import Features, find_features, step_of
from dxr_dash.collection.growing import Before, Growth, SpaceKeys, plan_space
from dxr_dash.collection.grown_map import grow_map, grow_tsne
from dxr_dash.collection.layout_steps import make_layout
from dxr_dash.collection.layouts import TSNE, UMAP
from dxr_dash.collection.manifest import GRAPH_FACTS
from dxr_dash.collection.map2d import MAP_RECIPE, cluster, map_coordinates, representatives, tsne_coordinates
from dxr_dash.collection.neighbours import (
    GRAPH_RECIPE,
    NeighbourGraph,
    graph_recall,
    k_occurrence,
    neighbour_graph,
)
from dxr_dash.collection.networks import Loader
from dxr_dash.collection.own_features import OwnFeatures, find_own
from dxr_dash.collection.reading import read_facts
from dxr_dash.collection.recipes import CODE as RECIPE_CODE
from dxr_dash.collection.recipes import Recipe, write_processed
from dxr_dash.collection.requests import OwnRequest, Request, again
from dxr_dash.collection.steps import write_json
from dxr_dash.errors import CollectionError
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
    held = {key: facts for key, facts in spaces.items() if readable and chain.has(step_of(facts))}
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
    recipe = space.request.recipe
    plan = plan_space(chain, before, space.request.space_id, features_step, _settings_of(recipe, chain.seed))
    steps = _Steps(chain, plan.keys, plan.growth, settings.METRIC)
    vectors_step = steps.vectors(features_step, recipe)
    vectors = chain.vectors(vectors_step)
    graph_step = steps.graph(vectors_step, vectors)
    graph_facts = _graph_facts(chain, graph_step)
    graph = NeighbourGraph(
        np.array(chain.open(graph_step, "neighbours", "i", (len(vectors), None))),
        np.array(chain.open(graph_step, "distances", "f", (len(vectors), None))),
        graph_facts["graph_method"],
    )
    steps = replace(steps, opened=(vectors_step, graph_step))

    def layout(name: str, coordinates_step: str) -> dict[str, str]:
        grows = plan.growth if plan.growth and plan.growth.has(name) else None
        return make_layout(
            chain, plan.keys, name, coordinates_step, steps.opened, graph, vectors, settings.METRIC, grows
        )

    map_step = steps.umap(graph_step, graph, vectors)
    layouts = {UMAP: layout(UMAP, map_step)}
    if chain.tsne or space.has_tsne or len(vectors) <= settings.TSNE_LIMIT:
        layouts[TSNE] = layout(TSNE, steps.tsne(graph_step, graph, vectors))
    return {
        "request": dict(space.request.facts),
        "recipe": space.recipe,
        "metric": settings.METRIC,
        "n_dims": vectors.shape[1],
        **graph_facts,
        "steps": {
            **({"features": features_step} if features_step != vectors_step else {}),
            "vectors": vectors_step,
            "graph": graph_step,
            "map": map_step,
            "clusters": steps.clusters(graph_step, graph, vectors),
            "baseline": steps.baseline(vectors_step, vectors),
        },
        "layouts": layouts,
        **plan.record,
    }


def _graph_facts(chain: Chain, step: str) -> dict[str, Any]:
    """Read what the manifest says of a graph."""
    try:
        return read_facts(chain.path(step) / "graph.json", GRAPH_FACTS)
    except CollectionError as error:
        raise DamagedStepError.found(step, error.problem) from None


@dataclass(frozen=True)
class _Steps:
    """The steps of one space, each made afresh or grown; each method returns its step.

    Attributes:
        opened: the steps of the vectors and the graph, once they are there.
    """

    chain: Chain
    keys: SpaceKeys
    growth: Growth | None
    metric: str
    opened: tuple[str, ...] = ()

    def vectors(self, features_step: str, recipe: Recipe) -> str:
        """Take features through the steps of a recipe, if it has any."""
        if not recipe.steps:
            return features_step
        chain, growth = self.chain, self.growth

        def write(part: Path) -> None:
            features = chain.vectors(features_step)
            if growth:
                growth.process(part, features, recipe.steps)
            else:
                write_processed(part, features, recipe.steps, seed=chain.seed, on_progress=chain.on_progress)

        return chain.step("processed", self.keys.processed(features_step), write)

    def graph(self, vectors_step: str, vectors: FloatArray) -> str:
        """Find the neighbours: those that are shown, and those kept for the time when images go."""
        chain, metric, sample = self.chain, self.metric, settings.RECALL_SAMPLE

        def write(part: Path) -> None:
            if self.growth:
                graph = self.growth.graph(vectors, metric)
            else:
                graph = neighbour_graph(
                    vectors,
                    metric=metric,
                    n_neighbours=settings.GRAPH_NEIGHBOURS + settings.GRAPH_FURTHER,
                    seed=chain.seed,
                    on_progress=chain.on_progress,
                )
            # nothing is left to chance when an exact graph grows: fewer images will do to see that it is right
            fewer = self.growth and graph.method == "exact"
            shown = min(settings.GRAPH_NEIGHBOURS, len(vectors) - 1)
            k = min(settings.RECALL_AT, shown)
            recall = graph_recall(
                vectors, graph, metric=metric, k=k, sample=sample // 10 if fewer else sample, seed=chain.seed
            )
            for name, columns in (("neighbours", graph.rows), ("distances", graph.distances)):
                np.save(part / f"{name}.npy", columns[:, :shown])
                np.save(part / f"further_{name}.npy", columns[:, shown:])
            np.save(part / "k_occurrence.npy", k_occurrence(graph, k))
            write_json(part / "graph.json", {"recall": recall, "recall_at": k, "graph_method": graph.method})

        return chain.step("graph", self.keys.graph(vectors_step), write, opened=(vectors_step,))

    def umap(self, graph_step: str, graph: NeighbourGraph, vectors: FloatArray) -> str:
        """Lay the map out."""
        how: dict[str, Any] = {
            "n_neighbours": settings.MAP_NEIGHBOURS,
            "min_distance": settings.MAP_MIN_DISTANCE,
            "seed": self.chain.seed,
            "on_progress": self.chain.on_progress,
        }

        def write(part: Path) -> None:
            if self.growth:
                found = grow_map(self.growth.coordinates(UMAP), self.growth.shared, graph, **how)
            else:
                found = map_coordinates(vectors, graph, metric=self.metric, **how)
            np.save(part / "coordinates.npy", found)

        return self.chain.step("map", self.keys.layout(UMAP, graph_step), write, opened=self.opened)

    def tsne(self, graph_step: str, graph: NeighbourGraph, vectors: FloatArray) -> str:
        """Lay t-SNE out; a space that grows may have had none so far."""
        how: dict[str, Any] = {
            "perplexity": settings.TSNE_PERPLEXITY,
            "seed": self.chain.seed,
            "on_progress": self.chain.on_progress,
        }

        def write(part: Path) -> None:
            if self.growth and self.growth.has(TSNE):
                found = grow_tsne(self.growth.coordinates(TSNE), self.growth.shared, graph, **how)
            else:
                found = tsne_coordinates(vectors, graph, metric=self.metric, **how)
            np.save(part / "coordinates.npy", found)

        return self.chain.step("tsne", self.keys.layout(TSNE, graph_step), write, opened=self.opened)

    def clusters(self, graph_step: str, graph: NeighbourGraph, vectors: FloatArray) -> str:
        """Find the clusters, and the image that stands for each."""

        def write(part: Path) -> None:
            self.chain.on_progress("clusters", 0, 0)
            if self.growth:
                clusters, central = self.growth.clusters(graph, vectors, self.metric)
            else:
                clusters = cluster(graph, n_neighbours=settings.MAP_NEIGHBOURS, seed=self.chain.seed)
                central = representatives(vectors, clusters, metric=self.metric)
            np.save(part / "clusters.npy", clusters)
            np.save(part / "representatives.npy", central)

        return self.chain.step("clusters", self.keys.clusters(graph_step), write, opened=self.opened)

    def baseline(self, vectors_step: str, vectors: FloatArray) -> str:
        """Measure random pairs."""
        n_pairs, limit, seed = settings.BASELINE_PAIRS, settings.BASELINE_ALL_PAIRS_LIMIT, self.chain.seed
        how = [self.metric, n_pairs, limit, seed]

        def write(part: Path) -> None:
            self.chain.on_progress("baseline", 0, 0)
            found = baseline_distances(
                vectors, metric=self.metric, n_pairs=n_pairs, all_pairs_limit=limit, seed=seed
            )
            np.save(part / "baseline.npy", found)
            if not self.growth:
                compile_loops()  # once a machine

        return self.chain.step("baseline", [vectors_step, how], write, opened=(vectors_step,))


def _settings_of(recipe: Recipe, seed: int) -> dict[str, Any]:
    """All that decides the steps of a space beside what they are made from, by the name of the step or layout."""
    return {
        "processed": [list(recipe.steps), RECIPE_CODE, seed],
        "graph": [
            settings.METRIC,
            [settings.GRAPH_NEIGHBOURS, settings.GRAPH_FURTHER],
            [settings.EXACT_GRAPH_WORK, settings.EXACT_GRAPH_DIMS],
            seed,
            GRAPH_RECIPE,
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
