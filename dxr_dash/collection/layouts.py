"""One picture of the gallery in two dimensions, with its mosaic and the measures of how far it can be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dxr_dash.analysis.mosaic import cell_centres
from dxr_dash.collection.reading import open_array
from dxr_dash.collection.steps import read_json
from dxr_dash.records import FloatArray, Grown, Mosaic

UMAP, TSNE = "umap", "tsne"
GROWN = "grown"  # what a manifest keeps of how a space was grown
TITLES = {UMAP: "UMAP", TSNE: "t-SNE"}


class Layout:
    """One layout of an open feature space; arrays are opened, memory-mapped, when first used.

    Attributes:
        name: "umap" or "tsne".
        title: the name to show.
    """

    def __init__(self, name: str, steps: dict[str, Path]) -> None:
        self.name = name
        self.title = TITLES[name]
        self._steps = steps

    def _open(self, step: str, name: str) -> npt.NDArray[Any]:
        return open_array(self._steps[step] / f"{name}.npy")

    @cached_property
    def coordinates(self) -> FloatArray:
        """(N, 2) float32 of the map; no unit."""
        return self._open("coordinates", "coordinates")

    @cached_property
    def mosaic(self) -> Mosaic:
        """Every image in its own cell."""
        return Mosaic(cells=self._open("mosaic", "cells"), **read_json(self._steps["mosaic"] / "mosaic.json"))

    @cached_property
    def positions(self) -> FloatArray:
        """(N, 2) float32: the centres of the images' cells, in map coordinates."""
        grid = self.mosaic
        x, y = cell_centres(grid.cells, grid.columns).T * grid.cell
        return np.column_stack([grid.left + x, grid.top - y]).astype(np.float32)

    @cached_property
    def kept(self) -> FloatArray:
        """(N,) float32 in 0..1: the share of each image's true neighbours that the map keeps; NaN = it has none."""
        return self._open("honesty", "kept")

    @cached_property
    def _honesty(self) -> dict[str, Any]:
        return dict(read_json(self._steps["honesty"] / "honesty.json"))

    @property
    def honesty_k(self) -> int:
        """How many neighbours the measures look at; 0 for a single image."""
        return int(self._honesty["honesty_k"])

    @property
    def neighbours_kept(self) -> float | None:
        """The mean of ``kept``; None for a single image."""
        found: float | None = self._honesty["neighbours_kept"]
        return found

    @property
    def trustworthiness(self) -> float | None:
        """Whether images near on the map are truly near, 1 = always; None for fewer than three images."""
        found: float | None = self._honesty["trustworthiness"]
        return found


def grown_since(facts: Mapping[str, Any]) -> Grown | None:
    """Read from a space's part of the manifest what came and went since its last full layout; None for a full one."""
    record = facts.get(GROWN)
    return Grown(record["images"], record["new"], record["removed"]) if record else None
