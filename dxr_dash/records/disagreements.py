"""Two feature spaces that do not agree on who is near to whom."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dxr_dash.records.arrays import DoubleArray, FloatArray, IntArray, plain

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Disagreement:
    """How many of each image's nearest images are the same in two feature spaces.

    Attributes:
        spaces: their ids.
        k: neighbours of each image that were looked at; 0 for a single image.
        shares: (N,) float32 in 0..1: the share of an image's neighbours that is the same; NaN = it has none.
        order: (N,) gallery rows, those first whose neighbours differ most.
        mean: of the shares. chance: what two unrelated spaces would have in common.
        none_shared: share of the images that have no neighbour in common.
        recalls: of each neighbour graph, the share of the true neighbours that it holds; None: it is exact.
    """

    spaces: tuple[str, str]
    k: int
    shares: FloatArray
    order: IntArray
    mean: float
    chance: float
    none_shared: float
    recalls: tuple[float | None, float | None] = (None, None)

    @property
    def sentence(self) -> str:
        """The whole in fixed words."""
        first, second = self.spaces
        if not self.k or math.isnan(self.mean):
            return f"{first} and {second} have no neighbours to compare: there are too few images."
        many = f"{self.k} nearest images" if self.k > 1 else "nearest image"
        return (
            f"Of an image's {many}, {first} and {second} have {_percent(self.mean)} in common on average; "
            f"unrelated spaces would have {_percent(self.chance)}. "
            + (
                f"{_percent(self.none_shared)} of the images have none in common."
                if self.none_shared
                else "Every image has at least one in common."
            )
        )

    @property
    def mind(self) -> str:
        """What is to be kept in mind; empty when both graphs are exact."""
        graphs = zip(self.spaces, self.recalls, strict=True)
        parts = [
            f"{recall:.3f} of the true neighbours of {space}"
            for space, recall in graphs
            if recall is not None
        ]
        if not parts:
            return ""
        held = " and ".join(parts)
        return (
            f"The neighbour graphs are approximate: they hold {held}. What they miss looks like disagreement."
        )

    @property
    def table(self) -> pd.DataFrame:
        """One line for each image, those first whose neighbours differ most: row and share in common."""
        import pandas as pd

        return pd.DataFrame({"row": self.order, "share in common": self.shares[self.order]})

    def as_dict(self, n_images: int) -> dict[str, Any]:
        """The figures, and the first images of the order, as plain values that JSON can hold."""
        first = self.order[:n_images]
        found: dict[str, Any] = plain(
            {
                "spaces": self.spaces,
                "k": self.k,
                "mean": self.mean,
                "chance": self.chance,
                "none_shared": self.none_shared,
                "recalls": self.recalls,
                "most_different": [{"row": int(row), "share": float(self.shares[row])} for row in first],
            }
        )
        return found


@dataclass(frozen=True, eq=False)
class Alignment:
    """What lays one map over another: places times ``matrix``, plus ``shift``.

    Attributes:
        matrix: (2, 2) a rotation or reflection, times a size.
        shift: (2,) in units of the map that stays.
    """

    matrix: DoubleArray
    shift: DoubleArray

    def moved(self, points: npt.NDArray[np.floating]) -> FloatArray:
        """Return (n, 2) float32: the places on the map that stays."""
        return (np.asarray(points, np.float64) @ self.matrix + self.shift).astype(np.float32)

    def as_list(self) -> list[float]:
        """The six numbers, as scripts take them: the matrix row by row, then the shift."""
        return [*self.matrix.ravel().tolist(), *self.shift.tolist()]


def _percent(share: float) -> str:
    """Write a share as a percentage; small ones with one or two digits that count."""
    value = 100 * share
    if 0 < value < 0.01:
        return "less than 0.01 %"
    if 99.5 <= value < 100:
        return f"{math.floor(10 * value) / 10:.1f} %"  # 99.96 is not all
    return (
        f"{value:.2f} %" if value < 1 and value else f"{value:.1f} %" if 0 < value < 10 else f"{value:.0f} %"
    )
