"""Figures of the scripts as SVG files of their own, for the docs."""

from __future__ import annotations

import plotly.graph_objects as go

from dxr_dash.figures.svg import as_svg, css_colours
from dxr_dash.figures.theme import LIGHT


def standalone(figure: go.Figure, *, title: str, width_px: int = 640, height_px: int = 360) -> str:
    """Draw a figure as a file that needs nothing else."""
    drawn = as_svg(figure, width_px=width_px, height_px=height_px, title=title)
    return drawn.replace(
        "<svg ", f'<svg xmlns="http://www.w3.org/2000/svg" style="{css_colours(LIGHT)}background:white" ', 1
    )
