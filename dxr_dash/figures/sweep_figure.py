"""One query set through feature spaces: AUROC and mAP against depth, with the controls for depth beside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from math import isfinite

import plotly.graph_objects as go

from dxr_dash.figures.theme import Theme, as_label, see_through, short, template
from dxr_dash.records import Estimate, Sweep, SweptSpace

SWEEP_PX = 470
_COLUMN_PX = 44  # of one space
_LEAST_PX = 560
_FRAME_PX = 80
_GAP = 0.6  # between two networks, in columns
_SPLIT = 0.56  # share of the height, from below, at which the AUROC begins
_LABEL_CHARACTERS = 18
_AUROC_BEGINS = 0.4
_ASIDE = 0.17  # how far the small dots stand beside the large ones, in columns


@dataclass(frozen=True)
class _Look:
    colour: str
    size: int
    width: float
    dash: str


def sweep_width_px(found: Sweep) -> int:
    """Return the width that gives every space the same room."""
    return max(_LEAST_PX, _FRAME_PX + _COLUMN_PX * len(found.spaces))


def sweep_figure(found: Sweep, *, theme: Theme) -> go.Figure:
    """Draw AUROC above and mAP below, a column for each space: the controls for depth first, then by depth.

    Dots are joined within a network. Full dots are networks that have learnt, rings are controls for depth; the best
    of these is a dashed line across. Small dots are the AUROC against the control set, where there is one. Thin
    lines are what chance gives.
    """
    groups = [list(group) for _, group in groupby(found.spaces, key=lambda one: one.network)]
    figure = go.Figure()
    ticks: list[tuple[float, str]] = []
    names = []
    at, slot = 0.0, 0
    for group in groups:
        places = [at + step for step in range(len(group))]
        colour = theme.muted
        if not group[0].is_control:
            colour, slot = theme.sets[slot % len(theme.sets)], slot + 1
        _draw_group(figure, group, places, colour, theme)
        ticks += [(x, as_label(one.layer, _LABEL_CHARACTERS)) for x, one in zip(places, group, strict=True)]
        room = max(6, 7 * len(group))
        names.append(
            {
                "x": (places[0] + places[-1]) / 2,
                "text": as_label(group[0].network, room),
                "font": {"color": colour},
            }
        )
        at = places[-1] + 1 + _GAP
    ends = (-0.6, at - _GAP - 0.4)
    _across(figure, found, ends, theme)
    ends_below = [one.found.auroc.low for one in found.spaces]
    ends_below += [one.found.control.auroc.low for one in found.spaces if one.found.control is not None]
    lowest = min([value for value in ends_below if isfinite(value)], default=_AUROC_BEGINS)
    figure.update_layout(
        template=template(theme),
        height=SWEEP_PX,
        width=sweep_width_px(found),
        margin={"l": 52, "r": 12, "t": 26, "b": 84},
        hovermode="closest",
        dragmode=False,
        xaxis={
            "anchor": "y2",
            "range": ends,
            "tickvals": [x for x, _ in ticks],
            "ticktext": [text for _, text in ticks],
            "tickangle": -45,
            "showgrid": False,
            "fixedrange": True,
        },
        yaxis={
            "fixedrange": True,
            "domain": [_SPLIT, 1],
            "title": {"text": "AUROC"},
            "range": [min(_AUROC_BEGINS, max(0.0, lowest - 0.03)), 1.02],
            "nticks": 7,
        },
        yaxis2={
            "fixedrange": True,
            "domain": [0, _SPLIT - 0.07],
            "title": {"text": "mAP"},
            "range": [-0.02, 1.02],
            "nticks": 6,
        },
        annotations=[
            {**one, "xref": "x", "y": 1.025, "yref": "paper", "yanchor": "bottom", "showarrow": False}
            for one in names
        ],
    )
    return figure


def _draw_group(
    figure: go.Figure, group: Sequence[SweptSpace], places: Sequence[float], colour: str, theme: Theme
) -> None:
    """Draw one network's spaces in both halves."""
    both = list(zip(places, group, strict=True))
    beyond = [(x + _ASIDE, one, one.found.control.auroc) for x, one in both if one.found.control is not None]
    auroc = [(x, one, one.found.auroc) for x, one in both]
    mean_ap = [(x, one, one.found.mean_ap) for x, one in both]
    faint = see_through(colour, 0.55)
    for what, half, points, look in (
        ("AUROC over the control set", "y", beyond, _Look(faint, 5, 1.2, "dot")),
        ("AUROC", "y", auroc, _Look(colour, 8, 1.8, "solid")),
        ("mAP", "y2", mean_ap, _Look(colour, 8, 1.8, "solid")),
    ):
        known = [point for point in points if isfinite(point[2].value)]
        x, y = [at for at, _, _ in known], [one.value for _, _, one in known]
        if len(known) > 1:
            figure.add_trace(_line(x, y, half, look.colour, look.width, look.dash))
        for at, _, one in known:
            if isfinite(one.low):
                figure.add_trace(_line([at, at], [one.low, one.high], half, look.colour, look.width, "solid"))
        ring = {"color": theme.paper, "line": {"width": 1.6, "color": look.colour}}
        marker = ring if group[0].is_control else {"color": look.colour, "line": {"width": 0}}
        figure.add_trace(
            go.Scatter(
                x=x,
                y=y,
                yaxis=half,
                mode="markers",
                marker={"size": look.size, **marker},
                hoverinfo="text",
                text=[f"{as_label(space.space)}<br>{what} {_words(one)}" for _, space, one in known],
                meta={"what": what, "network": group[0].network},
            )
        )


def _across(figure: go.Figure, found: Sweep, ends: tuple[float, float], theme: Theme) -> None:
    """Draw what goes through all columns: chance, and the best control for depth."""
    figure.add_trace(_line(ends, [0.5, 0.5], "y", theme.muted, 1, "dot"))
    chance = found.spaces[0].found.mean_ap.chance
    if isfinite(chance):
        figure.add_trace(_line(ends, [chance, chance], "y2", theme.muted, 1, "dot"))
    controls = [one.found for one in found.spaces if one.is_control]
    if not controls or len(controls) == len(found.spaces):
        return
    for half, values in (
        ("y", [one.auroc.value for one in controls]),
        ("y2", [one.mean_ap.value for one in controls]),
    ):
        best = max((value for value in values if isfinite(value)), default=None)
        if best is not None:
            figure.add_trace(_line(ends, [best, best], half, theme.muted, 1.2, "dash"))


def _line(
    x: Sequence[float], y: Sequence[float], half: str, colour: str, width: float, dash: str
) -> go.Scatter:
    return go.Scatter(
        x=list(x),
        y=list(y),
        yaxis=half,
        mode="lines",
        line={"width": width, "color": colour, "dash": dash},
        hoverinfo="skip",
    )


def _words(one: Estimate) -> str:
    return f"{one.value:.2f} ({one.low:.2f} to {one.high:.2f})"


def in_words(found: Sweep) -> str:
    """Say what the picture shows, for readers who do not see it."""
    values = "; ".join(f"{short(one.space, 40)} {_words(one.found.auroc)}" for one in found.spaces)
    return f"AUROC and mAP of {short(found.name, 60)} against depth. AUROC: {values}."
