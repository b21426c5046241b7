"""Distances: histogram and violins of several groups on one shared axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from dxr_dash.figures.theme import Theme, as_label, count, distance, percent, see_through, template
from dxr_dash.records import Distribution, DoubleArray

HISTOGRAM_PX = 112
VIOLIN_PX = 22
_FRAME_PX = 48  # the gap between the two and the axis below
_LABEL_PX = 190
_HALF_VIOLIN = 0.44  # of the space between two violins
_FAINT = 2e-3  # of the peak: below it a violin ends
_LINE_POINTS = 120
_BARS = 72  # of the histogram at most; the smooth line keeps the finer bins


@dataclass(frozen=True)
class Group:
    """One distribution and how it is told apart: by colour, and by a full or an empty shape.

    Attributes:
        label: untrusted text.
        filled: whether its shape is filled; an empty one is drawn with a broken line.
    """

    label: str
    colour: str
    filled: bool
    distribution: Distribution


def figure_height_px(n_groups: int) -> int:
    """Return the height that gives every violin the same room."""
    return HISTOGRAM_PX + VIOLIN_PX * max(n_groups, 1) + _FRAME_PX


def distance_figure(groups: Sequence[Group], *, metric: str, theme: Theme, revision: str) -> go.Figure:
    """Draw every group twice on one axis: its histogram with a smooth line above, its violin below.

    Args:
        groups: from top to bottom; all share the same bins.
        metric: names the axis.
        revision: zoom survives redrawing while this text stays the same.
    """
    height = figure_height_px(len(groups))
    violins_end = VIOLIN_PX * max(len(groups), 1) / (height - 34)
    figure = go.Figure()
    for i, group in enumerate(groups):
        figure.add_traces([*_histogram(group), *violin(group, -i, theme)])
    if not groups:
        figure.add_annotation(
            text="Too few images for random pairs", showarrow=False, xref="paper", yref="paper", x=0.5, y=0.5
        )
    figure.update_layout(
        template=template(theme),
        uirevision=revision,
        height=height,
        hovermode="closest",
        dragmode="zoom",
        margin={"l": _LABEL_PX, "r": 12, "t": 4, "b": 34},
        xaxis={
            "title": {"text": as_label(f"{metric} distance"), "standoff": 4},
            "anchor": "y2",
            "showspikes": True,
            "spikemode": "across",
            "spikesnap": "cursor",
            "spikethickness": 1,
            "spikedash": "dot",
            "spikecolor": theme.muted,
            "range": axis_range(groups),
        },
        yaxis={
            "domain": [min(violins_end + 18 / height, 0.95), 1],
            "visible": False,
            "rangemode": "tozero",
            "fixedrange": True,
        },
        yaxis2={
            "domain": [0, violins_end],
            "range": [0.5 - max(len(groups), 1), 0.5],
            "tickvals": [-i for i in range(len(groups))],
            "ticktext": [as_label(group.label, 34) for group in groups],
            "tickfont": {"color": theme.ink, "size": 11},
            "showgrid": False,
            "fixedrange": True,
            "zeroline": False,
            "ticks": "",
        },
    )
    return figure


def axis_range(groups: Sequence[Group]) -> list[float] | None:
    """Return the part of the axis where any group has distances, with a margin."""
    ends = [one.distribution.centres[seen_part(one.distribution.density)] for one in groups]
    ends = [centres for centres in ends if len(centres)]
    if not ends:
        return None
    low, high = min(float(e[0]) for e in ends), max(float(e[-1]) for e in ends)
    pad = 0.03 * (high - low) or 0.01
    return [low - pad, high + pad]


def seen_part(density: DoubleArray) -> slice:
    """Return the bins from the first to the last that can be seen beside the peak."""
    found = np.flatnonzero(density > _FAINT * density.max(initial=0))
    return slice(found[0], found[-1] + 1) if len(found) else slice(0, 0)


def _histogram(group: Group) -> list[go.Scatter]:
    one = group.distribution
    seen = seen_part(np.maximum(one.density, one.smooth))
    centres, density = _coarse(one.centres, one.density)
    step = {"width": 0.8, "color": see_through(group.colour, 0.6), "shape": "hvh"}
    line = {"width": 2, "color": group.colour, "dash": "solid" if group.filled else "dot"}
    return [
        go.Scatter(
            x=centres,
            y=density,
            mode="lines",
            line=step,
            fill="tozeroy" if group.filled else "none",
            fillcolor=see_through(group.colour, 0.22),
            hoverinfo="skip",
        ),
        go.Scatter(
            x=thin(one.centres[seen]),
            y=thin(one.smooth[seen]),
            mode="lines",
            line=line,
            hoverinfo="text",
            text=thin(_hover_texts(group)[seen]).tolist(),
        ),
    ]


def _coarse(centres: DoubleArray, density: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
    """Join neighbouring bins: bars are for the eye. The same bins for every group, so bars can be compared."""
    width = max(1, -(-len(centres) // _BARS))
    whole = len(centres) // width * width
    joined = density[:whole].reshape(-1, width).mean(axis=1)
    middle = centres[:whole].reshape(-1, width).mean(axis=1)
    seen = seen_part(joined)
    first, last = (
        max((seen.start or 0) - 1, 0),
        (seen.stop or 0) + 1,
    )  # an empty bar at either end closes the shape
    return middle[first:last], joined[first:last]


def thin(values: np.ndarray) -> np.ndarray:
    """Keep as many points of a smooth line as a screen can show; the last always, so that it ends where it did."""
    step = max(1, len(values) // _LINE_POINTS)
    return values if step == 1 else np.concatenate([values[:-1:step], values[-1:]])


def _hover_texts(group: Group) -> np.ndarray:
    one = group.distribution
    width = float(one.centres[1] - one.centres[0]) if len(one.centres) > 1 else 1.0
    nearer = (np.cumsum(one.density) - one.density / 2) * width
    label = as_label(group.label, 60)
    texts = [
        f"{label}<br>{percent(min(float(share), 1.0))} of {count(one.n)} are nearer than {distance(float(x))}"
        for x, share in zip(one.centres, nearer, strict=True)
    ]
    return np.array(texts, dtype=object)


def violin(group: Group, at: int, theme: Theme, *, half: float = _HALF_VIOLIN) -> list[go.Scatter]:
    """Draw a violin at a height of the second y axis: its shape, the middle 90 and 50 %, and the median.

    Args:
        half: half of its height, as a share of the space between two violins.
    """
    one = group.distribution
    seen = seen_part(one.smooth)
    centres, peak = thin(one.centres[seen]), float(one.smooth.max(initial=0)) or 1.0
    half_shape = half * thin(one.smooth[seen]) / peak
    shape = go.Scatter(
        x=np.concatenate([centres, centres[::-1]]),
        y=np.concatenate([at + half_shape, at - half_shape[::-1]]),
        mode="lines",
        line={"width": 1.2, "color": group.colour, "dash": "solid" if group.filled else "dot"},
        fill="toself",
        fillcolor=see_through(group.colour, 0.35 if group.filled else 0.1),
        hoverinfo="skip",
        yaxis="y2",
    )
    q5, q25, q50, q75, q95 = one.quantiles
    text = (
        f"{as_label(group.label, 60)}<br>median {distance(q50)} · half within {distance(q25)}–{distance(q75)}"
        f"<br>{count(one.n)} distances"
    )
    shared = {"mode": "lines", "hoverinfo": "text", "text": text, "yaxis": "y2"}
    return [
        shape,
        go.Scatter(x=[q5, q95], y=[at, at], line={"width": 1, "color": theme.ink}, **shared),
        go.Scatter(x=[q25, q75], y=[at, at], line={"width": 5, "color": theme.ink}, **shared),
        go.Scatter(
            x=[q50],
            y=[at],
            mode="markers",
            marker={"size": 7, "color": theme.paper, "line": {"width": 1.6, "color": theme.ink}},
            hoverinfo="text",
            text=text,
            yaxis="y2",
        ),
    ]
