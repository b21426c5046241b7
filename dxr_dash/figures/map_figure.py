"""The map: the gallery as points, query sets as rings, images from outside as diamonds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dxr_dash.figures.colouring import Colouring
from dxr_dash.figures.detail import View, extent
from dxr_dash.figures.theme import Theme, template
from dxr_dash.records import BoolArray, FloatArray, IntArray

_SIZES = ((300, 9), (1_000, 7), (2_000, 6), (8_000, 5), (30_000, 4))  # up to so many points: so many pixels
_CROWD = 120  # rings or diamonds; more of them must be finer, or they hide the points
_FAINT = 0.12  # opacity of what is not selected
_FAINTEST = 0.04  # the same where thousands lie one over the other
_MARGIN = 0.06  # of the map's side, around the points: thumbnails reach out beyond theirs


@dataclass(frozen=True)
class Marked:
    """The members of one query set on the map.

    Attributes:
        rows: members that are gallery images.
        outside_at: for each image from outside, the gallery row nearest to it: it has no place of its own.
    """

    name: str
    colour: str
    rows: IntArray
    outside_at: IntArray


def map_figure(
    coordinates: FloatArray,
    colouring: Colouring,
    marked: Sequence[Marked],
    *,
    theme: Theme,
    revision: str,
    rows: IntArray | None = None,
    lit: BoolArray | None = None,
    view: View | None = None,
    aspect: float = 1.0,
    webgl: bool = True,
    meta: Mapping[str, Any] | None = None,
) -> go.Figure:
    """Draw the gallery, and the query sets on top.

    Args:
        coordinates: (N, 2) float32; no unit and no zero, so axes are hidden and have one scale.
        marked: query sets, drawn in this order; later rings are wider, so an image in two sets shows both.
        revision: zoom and pan survive redrawing while this text stays the same.
        rows: draw only these rows; None draws all, and then a point's number is its row.
        lit: (N,) the selected rows; all others fade. None: nothing is selected.
        view: the part of the map to show; None shows all of it.
        aspect: width by height of the map on the screen. The view is widened to it, so that both axes have one scale:
            plotly's own ``scaleanchor`` shifts the ranges with every redraw and resize.
        webgl: False draws with SVG, for browsers without it.
        meta: what scripts draw under and over the figure; it arrives with it, so that the two always agree.

    Returns:
        First the gallery's trace; then for each query set its rings and, if it has any, its diamonds. Where ``rows``
        is given, ``meta`` says in ``steps`` how far each point's row is from the one before, which is half as long
        as the rows, and points have one of 256 colours: 50,000 of them are less than a megabyte.
    """
    kind = go.Scattergl if webgl else go.Scatter
    figure = go.Figure(_gallery(kind, coordinates, colouring, rows, lit))
    if rows is not None:
        meta = {**(meta or {}), "steps": np.diff(rows, prepend=0).tolist()}
    size = _point_size(len(coordinates) if rows is None else len(rows))
    crowded = sum(len(one.rows) for one in marked) > _CROWD
    first, step, width = (1.8, 2.2, 1.0) if crowded else (4.0, 4.0, 1.6)
    for i, one in enumerate(marked):
        figure.add_trace(_rings(kind, coordinates, one, size + first + step * i, width, lit))
        if len(one.outside_at):
            figure.add_trace(_diamonds(kind, coordinates, one, theme))
    x0, x1, y0, y1 = widened(view or whole(coordinates), aspect)
    figure.update_layout(template=template(theme), uirevision=revision, dragmode="pan", hovermode="closest")
    figure.update_layout(hoverdistance=12, meta=meta)
    figure.update_xaxes(visible=False, range=[x0, x1])
    figure.update_yaxes(visible=False, range=[y0, y1])
    return figure


def whole(coordinates: FloatArray) -> View:
    """Return the view that shows every point, with a margin; a unit square around a single place."""
    low, high = extent(coordinates)
    pad = _MARGIN * float(max(high - low)) or 0.5
    return float(low[0] - pad), float(high[0] + pad), float(low[1] - pad), float(high[1] + pad)


def widened(view: View, aspect: float) -> View:
    """Return the smallest view of an aspect (width by height) that holds a view in its middle."""
    x0, x1, y0, y1 = view
    width, height = max(x1 - x0, aspect * (y1 - y0)), max(y1 - y0, (x1 - x0) / aspect)
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    return x - width / 2, x + width / 2, y - height / 2, y + height / 2


def _point_size(n_points: int) -> int:
    return next((size for limit, size in _SIZES if n_points <= limit), 3)


def _gallery(
    kind: type, coordinates: FloatArray, colouring: Colouring, rows: IntArray | None, lit: BoolArray | None
) -> object:
    x, y = np.ascontiguousarray(coordinates[slice(None) if rows is None else rows].T, dtype=np.float32)
    marker = {"size": _point_size(len(x)), "line": {"width": 0}}
    if rows is None:
        marker |= {
            "color": colouring.values,
            "colorscale": colouring.scale,
            "cmin": colouring.low,
            "cmax": colouring.high,
            "opacity": _opacity(lit, slice(None), 0.85),
        }
    else:
        marker |= _few_colours(colouring, rows, lit)
    # the page shows a card with the picture instead
    return kind(x=x, y=y, mode="markers", marker=marker, hoverinfo="none")


def _few_colours(colouring: Colouring, rows: IntArray, lit: BoolArray | None) -> dict[str, Any]:
    """Colour points with one byte each; where some are lit, the lower half of the scale is that of the faint ones."""
    share = (colouring.values[rows] - colouring.low) / (colouring.high - colouring.low)
    if lit is None:
        colour = np.rint(share.clip(0, 1) * 255).astype(np.uint8)
        return {"color": colour, "colorscale": colouring.scale, "cmin": 0, "cmax": 255, "opacity": 0.85}
    colour = np.rint(share.clip(0, 1) * 127).astype(np.uint8) + np.where(lit[rows], 128, 0).astype(np.uint8)
    faint = [(at * 127 / 255, _see_through(name)) for at, name in colouring.scale]
    full = [((128 + at * 127) / 255, name) for at, name in colouring.scale]
    return {"color": colour, "colorscale": [*faint, *full], "cmin": 0, "cmax": 255, "opacity": 1.0}


def _see_through(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{_FAINTEST})"


def _opacity(lit: BoolArray | None, rows: IntArray | slice, usual: float) -> float | FloatArray:
    """Return the usual opacity, or where something is selected, full for what is and faint for the rest."""
    return usual if lit is None else np.where(lit[rows], 1.0, _FAINT).astype(np.float32)


def _rings(
    kind: type, coordinates: FloatArray, one: Marked, size: float, width: float, lit: BoolArray | None
) -> object:
    x, y = np.ascontiguousarray(coordinates[one.rows].T, dtype=np.float32)
    marker = {
        "symbol": "circle-open",
        "size": size,
        "color": one.colour,
        "line": {"width": width, "color": one.colour},
        "opacity": _opacity(lit, one.rows, 1.0),
    }
    return kind(
        x=x, y=y, mode="markers", marker=marker, hoverinfo="skip"
    )  # a click reaches the point under it


def _diamonds(kind: type, coordinates: FloatArray, one: Marked, theme: Theme) -> object:
    x, y = np.ascontiguousarray(coordinates[one.outside_at].T, dtype=np.float32)
    size, edge = (7, 0.5) if len(x) > _CROWD else (12, 1.5)
    line = {"width": edge, "color": theme.paper}
    marker = {"symbol": "diamond", "size": size, "color": one.colour, "line": line}
    return kind(x=x, y=y, mode="markers", marker=marker, hoverinfo="skip")
