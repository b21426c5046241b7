"""How unlike the gallery a query set is: relative distances of gallery images, of the set, and of its control set."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from dxr_dash.figures.theme import Theme, as_label, count, percent, see_through, template
from dxr_dash.records import DoubleArray, IntArray, Shift

SHIFT_PX = 152
_BINS = 32  # at most: a set has few images
_TICKS = {0.125: "⅛", 0.25: "¼", 0.5: "½", 1.0: "1", 2.0: "2", 4.0: "4", 8.0: "8", 16.0: "16"}


def shift_figure(shift: Shift, *, name: str, control: str, colour: str, theme: Theme) -> go.Figure:
    """Draw the two distributions, three with a control set, on one axis whose 1 is an image of the gallery.

    Args:
        name: of the query set, untrusted text.
        control: of the control set; not shown without one.
        colour: of the query set.
    """
    width = max(1, len(shift.gallery) // _BINS)
    edges = shift.edges[::width]
    figure = go.Figure()
    groups = [
        ("gallery images", shift.gallery, theme.baseline, "solid", True),
        (name, shift.members, colour, "solid", True),
    ]
    if shift.control_counts is not None:
        groups.append((control, shift.control_counts, theme.ink, "dot", False))
    for label, counts, line, dash, filled in groups:
        figure.add_trace(_steps(label, _joined(counts, width), edges, line, dash, filled=filled))
    seen = np.flatnonzero(sum(_joined(one[1], width) for one in groups))
    figure.update_layout(
        template=template(theme),
        height=SHIFT_PX,
        margin={"l": 2, "r": 8, "t": 24, "b": 38},
        hovermode="closest",
        dragmode=False,
        showlegend=True,
        legend={
            "orientation": "h",
            "x": 0,
            "y": 1.02,
            "yanchor": "bottom",
            "font": {"size": 11},
            "itemclick": False,
        },
        xaxis={
            "type": "log",
            "range": np.log10([edges[seen[0]] / 1.1, edges[seen[-1] + 1] * 1.1]).tolist(),
            "tickvals": list(_TICKS),
            "ticktext": [*_TICKS.values()],
            "title": {"text": "distance to the nearest gallery images, usual = 1", "standoff": 4},
            "fixedrange": True,
        },
        yaxis={"visible": False, "rangemode": "tozero", "fixedrange": True},
        shapes=[
            {
                "type": "line",
                "x0": 1,
                "x1": 1,
                "yref": "paper",
                "y0": 0,
                "y1": 1,
                "line": {"color": theme.muted, "width": 1, "dash": "dot"},
            }
        ],
    )
    return figure


def _joined(counts: IntArray, width: int) -> IntArray:
    joined: IntArray = np.add.reduceat(counts, np.arange(0, len(counts), width))
    return joined


def _steps(
    label: str, counts: IntArray, edges: DoubleArray, colour: str, dash: str, *, filled: bool
) -> go.Scatter:
    """Draw a histogram as one stepped line, so that several can lie over each other."""
    shares = counts / max(int(counts.sum()), 1)
    middle = np.sqrt(edges[:-1] * edges[1:])
    texts = [
        f"{as_label(label)}<br>{percent(float(share))} of {count(int(counts.sum()))} at {low:.2g} to {high:.2g}"
        for share, low, high in zip(shares, edges[:-1], edges[1:], strict=True)
    ]
    return go.Scatter(
        x=middle,
        y=shares,
        name=as_label(label, 24),
        mode="lines",
        line={"width": 1.8, "color": colour, "dash": dash, "shape": "hvh"},
        fill="tozeroy" if filled else "none",
        fillcolor=see_through(colour, 0.22),
        hoverinfo="text",
        text=texts,
    )
