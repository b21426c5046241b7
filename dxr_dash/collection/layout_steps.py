"""Coordinates -> the mosaic and the measures of trust that belong to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from dxr_dash import settings
from dxr_dash.analysis import mosaic as mosaics
from dxr_dash.analysis.honesty import kept_neighbours, trustworthiness
from dxr_dash.collection.chain import Chain
from dxr_dash.collection.growing import Growth, SpaceKeys
from dxr_dash.collection.neighbours import NeighbourGraph
from dxr_dash.collection.steps import write_json
from dxr_dash.records import FloatArray


def make_layout(
    chain: Chain,
    keys: SpaceKeys,
    name: str,
    coordinates_step: str,
    opened: Sequence[str],
    graph: NeighbourGraph,
    vectors: FloatArray,
    metric: str,
    growth: Growth | None,
) -> dict[str, str]:
    """Make what follows from a layout's coordinates: its mosaic and its honesty; return its steps.

    Args:
        opened: the steps of the vectors and the graph.
        growth: what the layout was grown from, and its mosaic is; None if it was drawn afresh.
    """
    coordinates = np.array(chain.open(coordinates_step, "coordinates", "f", (len(vectors), 2)))

    def write_mosaic(part: Path) -> None:
        chain.on_progress("mosaic", 0, 0)
        found = growth.mosaic(name, coordinates) if growth else mosaics.mosaic(coordinates)
        np.save(part / "cells.npy", found.cells)
        facts = ("columns", "rows", "cell", "left", "top", "displacement", "method")
        write_json(part / "mosaic.json", {fact: getattr(found, fact) for fact in facts})

    honesty_settings = [metric, settings.HONESTY_K, settings.HONESTY_SAMPLE, chain.seed]
    return {
        "coordinates": coordinates_step,
        "mosaic": chain.step(
            "mosaic", keys.mosaic(name, coordinates_step), write_mosaic, opened=(coordinates_step,)
        ),
        "honesty": chain.step(
            "honesty",
            [coordinates_step, opened[1], honesty_settings],
            _write_honesty(chain, coordinates, graph, vectors, metric),
            opened=(coordinates_step, *opened),
        ),
    }


def _write_honesty(
    chain: Chain, coordinates: FloatArray, graph: NeighbourGraph, vectors: FloatArray, metric: str
) -> Callable[[Path], None]:
    def write(part: Path) -> None:
        chain.on_progress("trust", 0, 0)
        n_images = len(vectors)
        most = max(1, (n_images - 1) // 2)  # trustworthiness is defined up to there
        k = min(settings.HONESTY_K, graph.rows.shape[1], most)
        kept = np.full(n_images, np.nan, np.float32)
        if k:
            kept = kept_neighbours(graph.rows, coordinates, k)
        known = kept[~np.isnan(kept)]
        np.save(part / "kept.npy", kept)
        facts = {
            "honesty_k": k,
            "neighbours_kept": float(known.mean(dtype=np.float64)) if len(known) else None,
            "trustworthiness": trustworthiness(
                vectors,
                coordinates,
                metric=metric,
                k=k,
                sample=settings.HONESTY_SAMPLE,
                seed=chain.seed,
            ),
        }
        write_json(part / "honesty.json", facts)

    return write
