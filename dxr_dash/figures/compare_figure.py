"""Several query sets on shared axes: how near each is to itself and to the gallery, as shares and as violins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dxr_dash.figures.distance_figure import Group, axis_range, seen_part, thin, violin
from dxr_dash.figures.rank_figure import Drawn, line_style, rank_figure
from dxr_dash.figures.theme import Theme, as_label, see_through, template
from dxr_dash.records import Distribution, DoubleArray

SHARES_PX = 230
VIOLIN_PX = 20
_FRAME_PX = 56  # the gap between the two and the axis below
_LABEL_PX = 190
_LABEL_CHARACTERS = 29
_MOST_VIOLINS = 40
PERCENTILE = "share of random pairs that are nearer"
BASELINE = "random pairs"


@dataclass(frozen=True)
class Compared:
    """One query set in one feature space, ready to draw.

    Attributes:
        label: untrusted text.
        slot: colour and kind of line, as of a rank curve.
        within: distances between its images.
        to_gallery: distances from its images to the gallery.
    """

    label: str
    slot: int
    within: Distribution
    to_gallery: Distribution


def compare_height_px(n_compared: int) -> int:
    """Return the height that gives every violin the same room."""
    return SHARES_PX + VIOLIN_PX * _n_violins(n_compared) + _FRAME_PX


def _n_violins(n_compared: int) -> int:
    return min(1 + 2 * n_compared, _MOST_VIOLINS)


def uid(place: int | None) -> str:
    """Name the traces of what is compared at a place; scripts find them by it. None is the baseline."""
    return "baseline" if place is None else f"line-{place}-"


def compare_figure(
    baseline: Distribution,
    compared: Sequence[Compared],
    *,
    bound: float,
    axis: str,
    theme: Theme,
    revision: str,
) -> go.Figure:
    """Draw the empirical distribution of every group above, its violin below, on one axis.

    Each curve above says at each distance what share of a group is nearer; full for distances within a set,
    dotted for those from the set to the gallery.

    Args:
        baseline: of random pairs.
        compared: from top to bottom.
        bound: how far the baseline's curve can be from the truth, anywhere; drawn as a band.
        axis: names the axis: a distance, or ``PERCENTILE``.
        theme: the colours.
        revision: zoom survives redrawing while this text stays the same.
    """
    height = compare_height_px(len(compared))
    n_violins = _n_violins(len(compared))
    violins_end = VIOLIN_PX * n_violins / (height - 40)
    groups = [Group(BASELINE, theme.baseline, True, baseline)]
    places: list[int | None] = [None]
    dashes = ["solid"]
    for place, one in enumerate(compared):
        colour, dash = line_style(one.slot, theme)
        groups += [
            Group(one.label, colour, True, one.within),
            Group("to gallery", colour, False, one.to_gallery),
        ]
        places += [place, place]
        dashes += [dash, "dot"]
    figure = go.Figure()
    if baseline.n:
        figure.add_traces(_band(baseline, bound, theme))
    for at, (group, where, dash) in enumerate(zip(groups, places, dashes, strict=True)):
        if not group.distribution.n:
            continue
        traces = [_shares(group, where, dash)]
        if at < n_violins:
            traces += violin(group, -at, theme)
        for part, trace in enumerate(traces):
            trace.uid = f"{uid(where)}{at}-{part}"
            trace.hoverinfo = "skip"
        figure.add_traces(traces)
    figure.update_layout(_layout(groups, n_violins, height, violins_end, axis, theme, revision))
    return figure


def _layout(
    groups: Sequence[Group],
    n_violins: int,
    height: int,
    violins_end: float,
    axis: str,
    theme: Theme,
    revision: str,
) -> dict[str, Any]:
    shown = groups[:n_violins]
    return {
        "template": template(theme),
        "uirevision": revision,
        "height": height,
        "hovermode": False,
        "dragmode": "zoom",
        "margin": {"l": _LABEL_PX, "r": 14, "t": 8, "b": 36},
        "xaxis": {
            "title": {"text": as_label(axis, 80), "standoff": 4},
            "anchor": "y2",
            "range": [0, 1] if axis == PERCENTILE else axis_range(groups),
            **({"tickformat": ".0%"} if axis == PERCENTILE else {}),
        },
        "yaxis": {
            "domain": [min(violins_end + 20 / height, 0.95), 1],
            "title": {"text": "share that is nearer", "standoff": 6},
            "range": [-0.01, 1.01],
            "tickvals": [0, 0.25, 0.5, 0.75, 1],
            "tickformat": ".0%",
            "fixedrange": True,
        },
        "yaxis2": {
            "domain": [0, violins_end],
            "range": [0.5 - n_violins, 0.5],
            "tickvals": [-at for at in range(len(shown))],
            "ticktext": [as_label(one.label, _LABEL_CHARACTERS) for one in shown],
            "tickfont": {"color": theme.ink, "size": 11},
            "showgrid": False,
            "fixedrange": True,
            "zeroline": False,
            "ticks": "",
        },
    }


def shares(one: Distribution) -> tuple[DoubleArray, DoubleArray]:
    """Return the empirical distribution at the ends of the bins: (n,) distances, (n,) shares in 0..1."""
    width = float(one.centres[1] - one.centres[0])
    edges = np.concatenate([[one.centres[0] - width / 2], one.centres + width / 2])
    up_to = np.concatenate([[0.0], np.cumsum(one.density) * width])
    return edges, np.minimum(up_to, 1.0)


def _drawn_part(one: Distribution) -> tuple[DoubleArray, DoubleArray]:
    """Return the curve from where it leaves 0 to where it reaches 1, in as many points as a screen can show."""
    edges, up_to = shares(one)
    seen = seen_part(one.density)
    first, last = seen.start or 0, (seen.stop or 0) + 1
    x, y = thin(edges[first:last]), thin(up_to[first:last])
    # It runs on at 0 and at 1 to the ends of the axis, so that the cursor reads it there as well.
    return np.concatenate([edges[:1], x, edges[-1:]]), np.concatenate([[0.0], y, [1.0]])


def _shares(group: Group, place: int | None, dash: str) -> go.Scatter:
    x, y = _drawn_part(group.distribution)
    width = 1.6 if place is None else 2.4 if group.filled else 1.3
    return go.Scatter(
        x=x,
        y=y,
        mode="lines",
        line={"width": width, "color": group.colour, "dash": dash},
        meta={"line": -1 if place is None else place, "within": group.filled, "label": group.label},
    )


def _band(baseline: Distribution, bound: float, theme: Theme) -> go.Scatter:
    x, y = _drawn_part(baseline)
    return go.Scatter(
        x=np.concatenate([x, x[::-1]]),
        y=np.concatenate([np.minimum(y + bound, 1.0), np.maximum(y - bound, 0.0)[::-1]]),
        mode="lines",
        line={"width": 0},
        fill="toself",
        fillcolor=see_through(theme.baseline, 0.3),
        hoverinfo="skip",
        uid="baseline-band",
    )


def compare_rank_figure(
    drawn: Sequence[Drawn],
    *,
    metric: str,
    axis: str,
    references: Sequence[tuple[float, str]],
    scale: str,
    theme: Theme,
    revision: str,
) -> go.Figure:
    """Draw the rank curves of what is compared; ``rank_figure`` says how.

    Args:
        drawn: with places as keys.
        axis: names the vertical axis; empty: the metric's own name.
    """
    figure = rank_figure(
        drawn, metric=metric, references=references, scale=scale, theme=theme, revision=revision
    )
    for trace in figure.data:
        place = trace.meta.get("key", trace.meta.get("band"))
        trace.uid = f"{uid(int(place))}{'key' if 'key' in trace.meta else 'band'}"
    if axis:
        figure.layout.yaxis.title.text = axis
    return figure
