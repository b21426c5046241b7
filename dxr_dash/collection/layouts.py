"""One picture of the gallery in two dimensions, with its mosaic and the measures of how far it can be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from dxr_dash.analysis.mosaic import cell_centres
from dxr_dash.collection.reading import damaged, is_number, is_text, is_whole, open_array, or_none, read_facts
from dxr_dash.records import FloatArray, Grown, Mosaic

UMAP, TSNE = "umap", "tsne"
MOSAIC_FACTS = {
    **dict.fromkeys(("columns", "rows"), is_whole),
    **dict.fromkeys(("cell", "left", "top", "displacement"), is_number),
    "method": is_text,
}
HONESTY_FACTS = {
    "honesty_k": is_whole,
    "neighbours_kept": or_none(is_number),
    "trustworthiness": or_none(is_number),
}
GROWN = "grown"  # what a manifest keeps of how a space was grown
TITLES = {UMAP: "UMAP", TSNE: "t-SNE"}


class Layout:
    """One layout of an open feature space; arrays are opened, memory-mapped, when first used.

    Attributes:
        name: "umap" or "tsne".
        title: the name to show.
    """

    def __init__(self, name: str, steps: dict[str, Path], n_images: int) -> None:
        self.name = name
        self.n_images = n_images
        self.title = TITLES[name]
        self._steps = steps

    @cached_property
    def coordinates(self) -> FloatArray:
        """(N, 2) float32 of the map; no unit."""
        return open_array(self._steps["coordinates"] / "coordinates.npy", "f", (self.n_images, 2))

    @cached_property
    def mosaic(self) -> Mosaic:
        """Every image in its own cell."""
        path = self._steps["mosaic"] / "mosaic.json"
        facts = read_facts(path, MOSAIC_FACTS)
        n_cells = facts["columns"] * facts["rows"]
        if n_cells < self.n_images or facts["columns"] < 1:
            raise damaged(path, f"{self.n_images} images do not fit into its grid")
        cells = open_array(path.parent / "cells.npy", "i", (self.n_images,), rows=(0, n_cells))
        return Mosaic(cells=cells, **{fact: facts[fact] for fact in MOSAIC_FACTS})

    @cached_property
    def positions(self) -> FloatArray:
        """(N, 2) float32: the centres of the images' cells, in map coordinates."""
        grid = self.mosaic
        x, y = cell_centres(grid.cells, grid.columns).T * grid.cell
        return np.column_stack([grid.left + x, grid.top - y]).astype(np.float32)

    @cached_property
    def kept(self) -> FloatArray:
        """(N,) float32 in 0..1: the share of each image's true neighbours that the map keeps; NaN = it has none."""
        return open_array(self._steps["honesty"] / "kept.npy", "f", (self.n_images,))

    @cached_property
    def _honesty(self) -> dict[str, Any]:
        return read_facts(self._steps["honesty"] / "honesty.json", HONESTY_FACTS)

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
