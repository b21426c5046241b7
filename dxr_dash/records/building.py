"""What a build makes and says."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Skipped:
    """A file that was not taken into the collection, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class Grown:
    """What has come to a layout and gone since it was laid out in full.

    Attributes:
        n_images: of the full layout.
        n_new, n_removed: since then; an image that was changed counts in both.
    """

    n_images: int
    n_new: int
    n_removed: int

    @property
    def share(self) -> float:
        """Both together, as a share of the images of the full layout."""
        return (self.n_new + self.n_removed) / self.n_images


@dataclass(frozen=True)
class BuildReport:
    """What a build did."""

    folder: Path
    n_images: int
    n_extracted: int
    n_removed: int
    skipped: tuple[Skipped, ...]
    graph_recall: float | None
    grown: Grown | None = None  # what came and went since the last full layout; None where this is one
    seconds: dict[str, float] = field(default_factory=dict)  # by step, in the order they ran


@dataclass(frozen=True)
class Removal:
    """What goes with feature spaces that are removed.

    Attributes:
        spaces: their ids; empty when an earlier removal was stopped and has only been ended now.
        n_bytes: what it takes on the disk, by kind, in the order of the chain; kinds that nothing goes of are left out.
        shared: kinds of which something stays, since other spaces are made from it.
        again: for each space the options of `dxr build` that make it again.
        left: ids of the spaces that stay.
    """

    spaces: tuple[str, ...]
    n_bytes: dict[str, int]
    shared: tuple[str, ...]
    again: tuple[str, ...]
    left: tuple[str, ...]


@dataclass(frozen=True)
class Mosaic:
    """Every image in its own cell of a grid over the map.

    Attributes:
        cells: (N,) int32, each image's cell: row-major, row 0 at the top.
        columns, rows: of the grid; columns * rows >= N.
        cell: side of a cell, in map coordinates.
        left, top: map coordinates of the grid's top left corner; y grows upwards.
        displacement: mean distance of an image from its cell's centre, in cells.
        method: "exact", or "windows" for the approximation.
    """

    cells: npt.NDArray[np.int32]
    columns: int
    rows: int
    cell: float
    left: float
    top: float
    displacement: float
    method: str

    @cached_property
    def grid(self) -> npt.NDArray[np.int32]:
        """(rows, columns) int32: the image in each cell, -1 for none."""
        found = np.full(self.rows * self.columns, -1, np.int32)
        found[self.cells] = np.arange(len(self.cells), dtype=np.int32)
        return found.reshape(self.rows, self.columns)
