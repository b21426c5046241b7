"""Rank-similarity curves of any number of queries on one pair of axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dxr_dash.figures.theme import Theme, see_through, template
from dxr_dash.records import DoubleArray, RankCurve

DASHES = ("solid", "dash", "dot", "dashdot")
_PAD = 0.04  # of the range of similarities, above and below the curves
_MARGIN = {"l": 46, "r": 14, "t": 8, "b": 36}


@dataclass(frozen=True)
class Drawn:
    """One curve and how it is told apart: colours repeat after the palette, with another kind of line.

    Attributes:
        key: of the query; scripts find its line by it.
        slot: colour and kind of line.
    """

    key: str
    slot: int
    curve: RankCurve


def line_style(slot: int, theme: Theme) -> tuple[str, str]:
    """Return the colour and the dash of a slot."""
    return theme.sets[slot % len(theme.sets)], DASHES[slot // len(theme.sets) % len(DASHES)]


def rank_figure(
    drawn: Sequence[Drawn],
    *,
    metric: str,
    references: Sequence[tuple[float, str]],
    scale: str,
    theme: Theme,
    revision: str,
) -> go.Figure:
    """Draw similarity against rank; near is up.

    The vertical range comes from the data, so no curve leaves it, and every row of the page shares it. Cosine
    similarity is 1 minus the distance. A Euclidean distance has no similarity of its own: it is drawn as it is,
    with the axis turned over.

    Args:
        drawn: from bottom to top. Each gives a line with its key as ``meta``; a set's quartiles lie under it.
        references: distances of the baseline to draw as horizontal lines, with what they say.
        scale: of the ranks, "log" or "linear".
        revision: the same as long as zoom is to be kept.
    """
    banded = [one for one in drawn if one.curve.low is not None and one.curve.n_members > 1]
    bands = [_band(one, metric, theme) for one in banded]
    figure = go.Figure([*bands, *(_line(one, metric, theme) for one in drawn)])
    low, high = _range(drawn, [at for at, _ in references], metric)
    last = max((one.curve.n_ranked for one in drawn), default=1)
    figure.update_layout(
        template=template(theme),
        margin=_MARGIN,
        uirevision=revision,
        hovermode=False,
        dragmode=False,
        shapes=[_reference(at, metric, theme) for at, _ in references],
        annotations=[_says(at, text, metric, theme) for at, text in references],
        xaxis={
            "title": {"text": "rank", "standoff": 4},
            "type": scale,
            "range": [-0.02, math.log10(max(last, 2)) * 1.01] if scale == "log" else [0, last * 1.01],
            "tickformat": "~s",
            **({"dtick": "D2"} if scale == "log" else {}),  # 1, 2, 5, 10, ...
            "fixedrange": True,
        },
        yaxis={
            "title": {
                "text": "cosine similarity" if metric == "cosine" else f"{metric} distance",
                "standoff": 4,
            },
            "range": [low, high],
            "nticks": 5,
            "fixedrange": True,
        },
    )
    return figure


def height(distance: float | DoubleArray, metric: str) -> float | DoubleArray:
    """Return where a distance is drawn: as similarity for cosine, else as it is."""
    return 1.0 - distance if metric == "cosine" else distance


def _reference(at: float, metric: str, theme: Theme) -> dict[str, Any]:
    line = {"width": 1, "color": theme.muted, "dash": "dot"}
    y = height(at, metric)
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": y, "y1": y, "line": line}


def _says(at: float, text: str, metric: str, theme: Theme) -> dict[str, Any]:
    place = {"xref": "paper", "x": 1, "y": height(at, metric), "xanchor": "right", "yanchor": "bottom"}
    return {
        **place,
        "text": text,
        "showarrow": False,
        "borderpad": 1,
        "font": {"size": 11, "color": theme.muted},
    }


def _line(one: Drawn, metric: str, theme: Theme) -> go.Scatter:
    colour, dash = line_style(one.slot, theme)
    return go.Scatter(
        x=one.curve.ranks,
        y=height(one.curve.distances, metric),
        mode="lines" if len(one.curve.ranks) > 1 else "markers",
        line={"color": colour, "width": 2.2, "dash": dash},
        marker={"color": colour},
        meta={"key": one.key},
        hoverinfo="skip",
    )


def _band(one: Drawn, metric: str, theme: Theme) -> go.Scatter:
    colour, _ = line_style(one.slot, theme)
    ranks, curve = one.curve.ranks, one.curve
    return go.Scatter(
        x=np.concatenate([ranks, ranks[::-1]]),
        y=height(np.concatenate([curve.low, curve.high[::-1]]), metric),  # type: ignore[index]
        mode="lines",
        line={"width": 0},
        fill="toself",
        fillcolor=see_through(colour, 0.16),
        meta={"band": one.key},
        hoverinfo="skip",
    )


def _range(drawn: Sequence[Drawn], references: Sequence[float], metric: str) -> tuple[float, float]:
    """Return the two ends of the vertical axis, from bottom to top."""
    curves = [one.curve for one in drawn if len(one.curve.ranks)]
    values = [end for curve in curves for end in (curve.distances[0], curve.distances[-1])]
    values += [curve.low[0] for curve in curves if curve.low is not None]
    values += [curve.high[-1] for curve in curves if curve.high is not None]
    values += references
    near, far = (float(min(values)), float(max(values))) if values else (0.0, 1.0)
    pad = _PAD * (far - near) or 0.05
    bottom, top = height(far + pad, metric), height(near - pad, metric)
    return float(bottom), float(top)
