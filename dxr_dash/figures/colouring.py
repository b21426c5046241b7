"""Which colour each point of the map has, and what the legend says about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dxr_dash.figures.theme import Theme
from dxr_dash.records import FloatArray


@dataclass(frozen=True)
class Colouring:
    """One number for each gallery row, and the scale that turns it into a colour.

    Attributes:
        values: (N,) float32.
        scale: plotly colour scale over low..high.
        swatches: the colour of each category; empty where the colour is a quantity.
        others: colour of rows that are in no category of ``swatches``.
    """

    values: FloatArray
    scale: tuple[tuple[float, str], ...]
    low: float
    high: float
    swatches: tuple[str, ...] = ()
    others: str = ""


def plain(n_images: int, theme: Theme) -> Colouring:
    """Give every point the same quiet colour."""
    return Colouring(
        np.zeros(n_images, np.float32),
        ((0.0, theme.baseline), (1.0, theme.baseline)),
        0.0,
        1.0,
        (),
        theme.baseline,
    )


def by_category(codes: np.ndarray, n_categories: int, theme: Theme) -> Colouring:
    """Colour by category; the largest get colours of their own, the others share one.

    Args:
        codes: (N,) integer codes, -1 where the value is missing.
        n_categories: C, codes are below it.
    """
    counts = np.bincount(codes[codes >= 0], minlength=n_categories)
    palette = theme.categories
    largest = np.argsort(-counts, kind="stable")[: len(palette)]
    slot = np.full(n_categories + 1, 0, np.int64)  # the last entry answers code -1
    slot[np.sort(largest)] = np.arange(1, len(largest) + 1)
    colours = (theme.rest, *palette[: len(largest)])
    steps = np.linspace(0, 1, len(colours) + 1)
    scale = tuple(
        (float(edge), colour) for i, colour in enumerate(colours) for edge in (steps[i], steps[i + 1])
    )
    swatches = tuple(colours[slot[code]] for code in range(n_categories))
    return Colouring(slot[codes].astype(np.float32), scale, -0.5, len(colours) - 0.5, swatches, theme.rest)


def by_distance(distances: FloatArray, theme: Theme) -> Colouring:
    """Colour by distance to a query set, from its 1 % to its 99 % quantile so that one stray image cannot flatten it.

    A row without a distance takes the far end.
    """
    known = distances[np.isfinite(distances)]
    low, high = (float(edge) for edge in np.quantile(known, (0.01, 0.99))) if len(known) else (0.0, 1.0)
    if high <= low:
        high = low + 1e-6
    filled = np.where(np.isfinite(distances), distances, np.float32(high)).astype(np.float32)
    return Colouring(filled, theme.near_to_far, low, high, (), theme.near_to_far[-1][1])


def by_agreement(shares: FloatArray, theme: Theme) -> Colouring:
    """Colour by the share of an image's neighbours that another space has as well, from none to what few images reach.

    Few images share many, so that the scale ends at the 99 % quantile. An image without neighbours has none to share.
    """
    known = shares[np.isfinite(shares)]
    high = max(float(np.quantile(known, 0.99)) if len(known) else 0.0, 0.05)
    return Colouring(np.nan_to_num(shares).astype(np.float32), theme.lost_to_kept, 0.0, high)


def by_trust(kept: FloatArray, theme: Theme) -> Colouring:
    """Colour by the share of an image's neighbours that the map keeps, from none to all.

    An image without neighbours in the graph, NaN, has none to keep.
    """
    return Colouring(np.nan_to_num(kept).astype(np.float32), theme.lost_to_kept, 0.0, 1.0)
