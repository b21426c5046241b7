"""How alike the images of a selection are, before it is saved and asked with."""

from __future__ import annotations

from math import isnan

import numpy as np
from dash import html
from dash.development.base_component import Component

from dxr_dash.analysis.baseline import closer_than
from dxr_dash.browser.attributes import attributes
from dxr_dash.figures import theme as words
from dxr_dash.records import DoubleArray, FloatArray, SelectionDistances

_QUARTILES = (0.25, 0.5, 0.75)
_ROOM = 1.15  # of the largest quartile: where the axis ends


def alike_panel(measured: SelectionDistances, baseline: FloatArray, n_selected: int) -> Component:
    """Show quartiles of distances on one axis: inside the selection, to the others, of random pairs.

    Args:
        baseline: (M,) ascending distances of random pairs; may be empty.
    """
    random = np.quantile(baseline.astype(np.float64), _QUARTILES) if len(baseline) else np.full(3, np.nan)
    groups = (
        ("inside", measured.within, "two of the selected images"),
        ("to the others", measured.to_others, "a selected image and one of the others"),
        ("random pairs", random, "two random images of the collection"),
    )
    ends = np.concatenate([quartiles for _, quartiles, _ in groups])
    last = float(np.max(ends, where=~np.isnan(ends), initial=0.0)) * _ROOM or 1.0
    lines = [
        _line(name, quartiles, what, last) for name, quartiles, what in groups if not isnan(quartiles[1])
    ]
    share = float(closer_than(measured.within[1:2], baseline)[0])
    said = [] if isnan(share) else [f"Half of the pairs inside are {words.closer_than(share)}."]
    if measured.n_members < n_selected:
        said.append(f"Measured on {measured.n_members} of them.")
    return html.Div(
        [html.H3("Distances"), html.Dl(lines), html.P(" ".join(said), className="hint")], className="alike"
    )


def _line(name: str, quartiles: DoubleArray, what: str, last: float) -> Component:
    low, middle, high = quartiles.tolist()
    bar = {"left": f"{100 * low / last:.2f}%", "width": f"{max(100 * (high - low) / last, 1.2):.2f}%"}
    track = html.Span(
        [
            html.Span(className="bar", style=bar),
            html.Span(className="dot", style={"left": f"{100 * middle / last:.2f}%"}),
        ],
        className="track",
    )
    half = f"the middle half {words.distance(low)} to {words.distance(high)}"
    said = f"Distances between {what}: median {words.distance(middle)}, {half}"
    return html.Div(
        [
            html.Dt(name),
            html.Dd(
                [
                    html.Span(track, className="graphic", role="img", **attributes({"aria-label": said})),
                    html.Span(words.distance(middle), className="numbers"),
                ]
            ),
        ],
        title=said,
        className="random" if name == "random pairs" else "",
    )
