"""Which images are points of a map, where it holds more of them than a browser can draw."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dxr_dash import settings
from dxr_dash.api.kept import kept
from dxr_dash.browser.state import Selection
from dxr_dash.collection.layouts import Layout
from dxr_dash.errors import QueryError
from dxr_dash.figures import theme as words
from dxr_dash.figures.detail import View, density, points_in_view, stratified_order
from dxr_dash.figures.map_figure import Marked, whole, widened
from dxr_dash.figures.paint import density_image
from dxr_dash.figures.theme import theme
from dxr_dash.records import FloatArray, IntArray

SVG_POINTS_LIMIT = 5_000  # without WebGL each point is an element of the page
RINGS_LIMIT = 5_000  # of one set: more rings would be a blot
DENSITY_PX = 384  # longer side of the picture behind the points
BEYOND = 0.25  # of the view, on each side of it


@dataclass(frozen=True)
class ShownPoints:
    """What is drawn of a map.

    Attributes:
        rows: the rows to draw; None: all of them.
        n_images: how many the map has.
        n_in_view: how many of them lie in view.
        behind: the part of the map whose density lies behind the points; None where every point in view is drawn.
    """

    rows: IntArray | None
    n_images: int
    n_in_view: int
    behind: View | None

    def members(self, one: Marked) -> Marked:
        """Leave out members that are not drawn, where a set has more than can be told apart."""
        if self.rows is None or len(one.rows) <= RINGS_LIMIT:
            return one
        drawn = np.zeros(self.n_images, bool)
        drawn[self.rows] = True
        return replace(one, rows=one.rows[drawn[one.rows]][:RINGS_LIMIT])

    @property
    def note(self) -> str:
        """Say how many images are drawn, where those are not all."""
        if self.rows is None:
            return ""
        n_images = words.count(self.n_images)
        if self.n_in_view == len(self.rows):
            return f"{words.count(self.n_in_view)} of {n_images} images are in view."
        here = "" if self.n_in_view == self.n_images else " in view"
        share = f"{words.count(len(self.rows))} of {words.count(self.n_in_view)} images"
        return f"{share}{here} drawn; zoom in for more."


def shown_points(
    selection: Selection, layout: Layout, coordinates: FloatArray, view: View | None
) -> ShownPoints:
    """Choose the points to draw.

    Args:
        layout: where the images are, as stored: it says in which order more and more of them are drawn.
        coordinates: (N, 2) where they are on the screen's map, which may be turned.
        view: the part of that map that is seen; None is all of it.
    """
    n_images = len(coordinates)
    limit = settings.MAP_POINTS_LIMIT if selection.webgl else SVG_POINTS_LIMIT
    if n_images <= limit:
        return ShownPoints(None, n_images, n_images, None)
    seen = widened(view, selection.aspect) if view else None
    rows, n_in_view = points_in_view(coordinates, _order(layout), seen, limit)
    behind = None if n_in_view == len(rows) else _behind(view or whole(coordinates), selection.aspect)
    return ShownPoints(rows, n_images, n_in_view, behind)


def density_picture(selection: Selection, coordinates: FloatArray) -> bytes:
    """Paint how many of a map's images lie in each part of the selection's view: a PNG file.

    Raises:
        QueryError: there is no view.
    """
    if selection.view is None:
        raise QueryError("No part of the map is named.", "Name its ends: X0,X1,Y0,Y1.")
    x0, x1, y0, y1 = selection.view
    scale = DENSITY_PX / max(x1 - x0, y1 - y0)
    size = max(1, round(scale * (x1 - x0))), max(1, round(scale * (y1 - y0)))
    return density_image(density(coordinates, selection.view, size), theme(selection.theme).baseline)


@kept
def _order(layout: Layout) -> IntArray:
    return stratified_order(layout.coordinates)


def _behind(view: View, aspect: float) -> View:
    """Return the part of the map whose density is drawn: more than the view, for the sake of panning."""
    x0, x1, y0, y1 = widened(view, aspect)
    wide, high = BEYOND * (x1 - x0), BEYOND * (y1 - y0)
    return x0 - wide, x1 + wide, y0 - high, y1 + high
