"""When a space is grown from the finished collection's, instead of being laid out afresh.

A grown graph, layout, mosaic and clustering name in their keys what they were grown from, so a build that was stopped
and goes on ends with the same bytes. The manifest keeps that key: it is what tells that nothing has changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dxr_dash import settings
from dxr_dash.analysis import mosaic_growth
from dxr_dash.collection.chain import Chain
from dxr_dash.collection.features import step_of
from dxr_dash.collection.grown_graph import grow_graph
from dxr_dash.collection.grown_map import grow_clusters, grow_representatives
from dxr_dash.collection.layouts import GROWN, TSNE, UMAP, Layout, grown_since
from dxr_dash.collection.map2d import FEWEST_FOR_UMAP
from dxr_dash.collection.neighbours import NeighbourGraph
from dxr_dash.collection.recipes import write_joined
from dxr_dash.collection.shared_images import Shared
from dxr_dash.records import FloatArray, Grown, IntArray, Mosaic

CODE = 1  # raised when the same changes give other bytes


@dataclass(frozen=True)
class Before:
    """The finished collection, as far as another can be grown from it.

    Attributes:
        spaces: their parts of the manifest.
        shared: the images that stay.
    """

    spaces: Mapping[str, Any]
    shared: Shared


@dataclass(frozen=True)
class SpaceKeys:
    """The keys of a space's steps, as settings and versions are now.

    Attributes:
        settings: of each step, by its name.
        growth: what the graph's key names beside vectors and settings; nothing for a full layout.
        layouts: those that were grown.
    """

    settings: Mapping[str, Any]
    growth: Sequence[Any] = ()
    layouts: Sequence[str] = ()

    def processed(self, features_step: str) -> list[Any]:
        """Key of the features after the steps of a recipe."""
        return [features_step, *self.settings["processed"], *self.growth]

    def graph(self, vectors_step: str) -> list[Any]:
        """Key of the graph."""
        return [vectors_step, self.settings["graph"], *self.growth]

    def layout(self, name: str, graph_step: str) -> list[Any]:
        """Key of a layout's coordinates."""
        return [graph_step, self.settings[name], *self._grown(name)]

    def mosaic(self, name: str, coordinates_step: str) -> list[Any]:
        """Key of a layout's mosaic."""
        return [coordinates_step, self.settings["mosaic"], *self._grown(name)]

    def clusters(self, graph_step: str) -> list[Any]:
        """Key of the clusters."""
        return [graph_step, *self.settings["clusters"]]

    def fit(self, chain: Chain, facts: dict[str, Any]) -> bool:
        """Say whether a finished space was made with these keys, and its steps are there."""
        steps, layouts = facts["steps"], facts["layouts"]
        processed = [("processed", self.processed(step_of(facts)), steps["vectors"])]
        named = [
            *(processed if "features" in steps else []),
            ("graph", self.graph(steps["vectors"]), steps["graph"]),
            ("clusters", self.clusters(steps["graph"]), steps["clusters"]),
        ]
        for name, step in ((UMAP, "map"), (TSNE, "tsne")):
            if name in layouts:
                coordinates = layouts[name]["coordinates"]
                named.append((step, self.layout(name, steps["graph"]), coordinates))
                named.append(("mosaic", self.mosaic(name, coordinates), layouts[name].get("mosaic")))
        there = [*steps.values(), *(step for layout in layouts.values() for step in layout.values())]
        return all(chain.name_of(name, key) == found for name, key, found in named) and all(
            chain.has(step) for step in there
        )

    def _grown(self, name: str) -> list[str]:
        return [GROWN] if name in self.layouts else []


@dataclass(frozen=True)
class Growth:
    """What a space is grown from.

    Attributes:
        chain: the build.
        facts: the finished space's part of the manifest.
        shared: the images that stay, with the same vectors.
    """

    chain: Chain
    facts: Mapping[str, Any]
    shared: Shared

    def has(self, layout: str) -> bool:
        """Say whether there is such a layout to be grown."""
        return layout in self.facts["layouts"]

    def coordinates(self, layout: str) -> FloatArray:
        """(N, 2) float32 of the finished layout."""
        return self._layout(layout).coordinates

    def process(self, part: Path, features: FloatArray, steps: Sequence[str]) -> None:
        """Take the new images' features through the steps of a recipe, and write them with those that stay."""
        write_joined(part, features, steps, self.chain.path(self.facts["steps"]["vectors"]), self.shared)

    def graph(self, vectors: FloatArray, metric: str) -> NeighbourGraph:
        """Grow the graph, with all its columns."""
        step, shape = self.facts["steps"]["graph"], (self.shared.n_before, None)
        rows, distances = (
            np.concatenate(
                [self.chain.open(step, f"{part}{name}", kind, shape) for part in ("", "further_")], axis=1
            )
            for name, kind in (("neighbours", "i"), ("distances", "f"))
        )
        return grow_graph(
            vectors,
            NeighbourGraph(rows, distances, self.facts["graph_method"]),
            self.shared,
            metric=metric,
            n_shown=settings.GRAPH_NEIGHBOURS,
            n_columns=settings.GRAPH_NEIGHBOURS + settings.GRAPH_FURTHER,
            on_progress=self.chain.on_progress,
        )

    def clusters(
        self, graph: NeighbourGraph, vectors: FloatArray, metric: str
    ) -> tuple[npt.NDArray[np.int32], IntArray]:
        """Grow the clusters, and choose what stands for each."""
        step = self.facts["steps"]["clusters"]
        held = self.chain.open(step, "clusters", "i", (self.shared.n_before,))
        clusters = grow_clusters(held, self.shared, graph)
        before = self.chain.open(step, "representatives", "i", (None,))
        return clusters, grow_representatives(before, clusters, self.shared, vectors, metric=metric)

    def mosaic(self, layout: str, coordinates: FloatArray) -> Mosaic:
        """Grow a layout's mosaic; its coordinates are grown already."""
        return mosaic_growth.grow_mosaic(
            self._layout(layout).mosaic,
            coordinates,
            rows_before=self.shared.before,
            rows_now=self.shared.now,
        )

    def _layout(self, name: str) -> Layout:
        steps = self.facts["layouts"][name]
        folders = {step: self.chain.path(folder) for step, folder in steps.items()}
        return Layout(name, folders, self.shared.n_before)


@dataclass(frozen=True)
class Plan:
    """How a space is made.

    Attributes:
        keys: of its steps.
        since: what has come and gone since the last full layout, this time included; None for a full layout.
        growth: what it is grown from; None for a full layout, and where all is there already.
    """

    keys: SpaceKeys
    since: Grown | None = None
    growth: Growth | None = None

    @property
    def record(self) -> dict[str, Any]:
        """What the manifest keeps of it."""
        if self.since is None:
            return {}
        facts = {"images": self.since.n_images, "new": self.since.n_new, "removed": self.since.n_removed}
        return {GROWN: {"key": list(self.keys.growth), "layouts": list(self.keys.layouts), **facts}}


def plan_space(
    chain: Chain,
    before: Before | None,
    space_id: str,
    features_step: str,
    settings_of: Mapping[str, Any],
) -> Plan:
    """Decide whether a space is grown from what is there, or laid out afresh.

    Args:
        settings_of: what ``SpaceKeys.settings`` is.
    """
    afresh = Plan(SpaceKeys(settings_of))
    facts = before.spaces.get(space_id) if before and not chain.fresh else None
    if before is None or facts is None or UMAP not in facts.get("layouts", {}):
        return afresh
    record = facts.get(GROWN)
    keys = SpaceKeys(settings_of, record["key"], record["layouts"]) if record else afresh.keys
    if not keys.fit(chain, facts):
        return afresh
    if step_of(facts) == features_step:
        return Plan(keys, grown_since(facts))
    shared = before.shared.where_vectors_stay(chain.vectors(step_of(facts)), chain.vectors(features_step))
    was = grown_since(facts) or Grown(shared.n_before, 0, 0)
    since = Grown(was.n_images, was.n_new + shared.n_new, was.n_removed + shared.n_removed)
    if since.share > settings.GROWTH_LIMIT or len(shared.now) < FEWEST_FOR_UMAP:
        return afresh
    key = [GROWN, CODE, facts["steps"]["graph"], shared.key]
    return Plan(SpaceKeys(settings_of, key, list(facts["layouts"])), since, Growth(chain, facts, shared))
