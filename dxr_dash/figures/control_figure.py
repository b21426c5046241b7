"""A query set against its control set, and both against the gallery: one picture, one axis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from dxr_dash.figures.distance_figure import Group, axis_range, violin
from dxr_dash.figures.theme import Theme, as_label, distance, measure, short, template
from dxr_dash.records import Answer, Distribution

ROW_PX = 37
_FRAME_PX = 40
_HALF_PX = 10  # of a violin
_NAME = 24  # characters of a set's name

CONTROL_HEIGHT_PX = 5 * ROW_PX + _FRAME_PX


def control_figure(
    found: Mapping[str, Distribution],
    answer: Answer,
    *,
    colours: tuple[str, str],
    metric: str,
    theme: Theme,
    revision: str,
) -> go.Figure:
    """Draw what the control set explains: whether X is nearer to X than to its control set, and to the gallery.

    A line stands at the median distance within X. Where "… to the control set" has its median there as well, X is
    as near to the control set as to itself, and nothing is retrieved that is X alone. At the right of a row
    stands the AUROC of X against it.

    Args:
        found: from ``api.control_distributions``; "within", "to control", "control within", "to gallery" and
            "baseline".
        answer: for the same sets.
        colours: of the query set and of its control set.
        metric: names the axis.
        theme: the colours of text and paper.
        revision: zoom survives redrawing while this text stays the same.
    """
    if answer.control is None or not found:
        raise ValueError("There is no control set to draw.")
    one, other = (short(name, _NAME) for name in (answer.name, answer.control.name))
    rows = [
        (f"within {one}", colours[0], True, "within", ""),
        (f"… to {other}", colours[1], False, "to control", _says(answer.control.auroc.value)),
        ("… to the gallery", colours[0], False, "to gallery", _says(answer.auroc.value)),
        (f"within {other}", colours[1], True, "control within", ""),
        ("random pairs", theme.baseline, True, "baseline", ""),
    ]
    groups = [Group(label, colour, filled, found[name]) for label, colour, filled, name, _ in rows]
    figure = go.Figure()
    for at, group in enumerate(groups):
        if group.distribution.n:
            figure.add_traces(violin(group, -at, theme, half=_HALF_PX / ROW_PX))
    middle = found["within"].quantiles[2]
    line = {"width": 1.4, "color": colours[0], "dash": "dash"}
    figure.update_layout(
        template=template(theme),
        uirevision=revision,
        height=CONTROL_HEIGHT_PX,
        hovermode="closest",
        dragmode=False,
        margin={"l": 6, "r": 6, "t": 2, "b": 34},
        annotations=[part for at, row in enumerate(rows) for part in _row_labels(at, row[0], row[4], theme)],
        shapes=[{"type": "line", "x0": middle, "x1": middle, "yref": "paper", "y0": 0, "y1": 1, "line": line}]
        if found["within"].n
        else [],
        xaxis={
            "title": {"text": as_label(f"{metric} distance"), "standoff": 4},
            "anchor": "y2",
            "range": axis_range(groups),
            "nticks": 6,
            "fixedrange": True,
        },
        yaxis={"visible": False, "domain": [0.99, 1], "fixedrange": True},
        yaxis2={"visible": False, "domain": [0, 1], "range": [-4.45, 0.62], "fixedrange": True},
    )
    return figure


def _says(auroc: float) -> str:
    return f"AUROC {measure(auroc)}"


def _row_labels(at: int, label: str, auroc: str, theme: Theme) -> list[dict[str, Any]]:
    """Write a row's name above its violin on the left, and its AUROC on the right."""
    shared = {
        "xref": "paper",
        "yref": "y2",
        "y": 0.27 - at,
        "yanchor": "bottom",
        "showarrow": False,
        "borderpad": 0,
        "bgcolor": theme.paper,
        "opacity": 0.9,
    }
    left = {**shared, "x": 0, "xanchor": "left", "text": as_label(label, 60), "font": {"size": 11}}
    if not auroc:
        return [left]
    bold = {"size": 11, "color": theme.ink, "weight": 700}
    return [left, {**shared, "x": 1, "xanchor": "right", "text": auroc, "font": bold}]


def medians(found: Mapping[str, Distribution]) -> str:
    """Say the picture in words, for those who cannot see it."""
    return "; ".join(f"{name}: median {distance(one.quantiles[2])}" for name, one in found.items() if one.n)
