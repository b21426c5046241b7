from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dxr_dash.figures import colouring as colourings
from dxr_dash.figures.map_figure import Marked, map_figure, whole, widened
from dxr_dash.figures.theme import DARK, LIGHT

NO_ROWS = np.zeros(0, np.int64)
COORDINATES = np.array([[0, 0], [4, 1], [2, 2], [1, 3]], np.float32)


def drawn(
    coordinates: np.ndarray = COORDINATES, marked: tuple[Marked, ...] = (), **more: object
) -> go.Figure:
    colouring = colourings.plain(len(coordinates), LIGHT)
    return map_figure(coordinates, colouring, marked, theme=LIGHT, revision="r", **more)  # type: ignore[arg-type]


def test_the_first_trace_is_the_gallery_in_row_order() -> None:
    figure = drawn()
    gallery = figure.data[0]
    assert gallery.type == "scattergl"
    np.testing.assert_array_equal(np.column_stack([gallery.x, gallery.y]), COORDINATES)
    assert "steps" not in (figure.layout.meta or {})
    assert gallery.hoverinfo == "none"


def test_a_subset_carries_its_rows_as_a_plain_list() -> None:
    figure = drawn(rows=np.array([1, 3]))
    assert figure.layout.meta["steps"] == [1, 2]
    assert figure.data[0].x.tolist() == [4, 1]


def test_members_are_rings_and_outside_images_diamonds_that_let_the_pointer_through() -> None:
    one = Marked("X", "#0067a5", np.array([2, 0]), np.array([3]))
    _, rings, diamonds = drawn(marked=(one,)).data
    assert (rings.marker.symbol, rings.x.tolist(), rings.hoverinfo) == ("circle-open", [2, 0], "skip")
    assert (diamonds.marker.symbol, diamonds.x.tolist(), diamonds.hoverinfo) == ("diamond", [1], "skip")


def test_an_image_in_two_sets_has_rings_of_two_sizes() -> None:
    sets = tuple(Marked(name, "#0067a5", np.array([1]), NO_ROWS) for name in "ab")
    _, first, second = drawn(marked=sets).data
    assert first.marker.size < second.marker.size


def test_what_is_not_selected_fades() -> None:
    lit = np.array([False, True, False, False])
    opacity = drawn(lit=lit).data[0].marker.opacity
    assert opacity[1] == 1
    assert max(opacity[~lit]) < 0.2


def test_without_webgl_it_is_drawn_as_svg() -> None:
    one = Marked("X", "#0067a5", np.array([2]), np.array([3]))
    assert {trace.type for trace in drawn(marked=(one,), webgl=False).data} == {"scatter"}


@pytest.mark.parametrize("n_images", [0, 1, 5])
def test_images_that_all_lie_in_one_place_still_have_a_map(n_images: int) -> None:
    coordinates = np.full((n_images, 2), 3, np.float32)
    x0, x1, y0, y1 = whole(coordinates)
    assert x1 - x0 == y1 - y0 == 1
    drawn(coordinates)


@given(st.tuples(*[st.floats(-1e3, 1e3)] * 2), st.floats(0.01, 1e3), st.floats(0.01, 1e3), st.floats(0.1, 10))
def test_a_widened_view_holds_the_view_and_has_the_aspect(
    corner: tuple[float, float], width: float, height: float, aspect: float
) -> None:
    x, y = corner
    x0, x1, y0, y1 = widened((x, x + width, y, y + height), aspect)
    assert (x1 - x0) / (y1 - y0) == pytest.approx(aspect)
    slack = 1e-6 * (width + height + 1e3)
    assert x0 <= x + slack
    assert x1 >= x + width - slack
    assert y0 <= y + slack
    assert y1 >= y + height - slack


def test_categories_beyond_the_palette_share_one_colour() -> None:
    n_categories = len(LIGHT.categories) + 3
    codes = np.concatenate([np.repeat(np.arange(n_categories), 2), [5, 5, -1]])
    found = colourings.by_category(codes, n_categories, LIGHT)
    assert found.swatches.count(LIGHT.rest) == 3
    assert found.swatches[5] != LIGHT.rest
    assert len(set(found.swatches)) == len(LIGHT.categories) + 1
    assert found.values[-1] == 0  # a missing value has the colour of the rest


def test_each_point_gets_the_colour_that_the_legend_says() -> None:
    codes = np.array([2, 0, 1, -1, 2])
    found = colourings.by_category(codes, 3, DARK)
    colours = [_colour_at(found, value) for value in found.values]
    assert colours == [*(found.swatches[code] for code in (2, 0, 1)), DARK.rest, found.swatches[2]]


def _colour_at(found: colourings.Colouring, value: float) -> str:
    share = (value - found.low) / (found.high - found.low)
    ends = zip(found.scale[::2], found.scale[1::2], strict=True)
    return next(colour for (start, colour), (end, _) in ends if start <= share < end)


def test_a_missing_distance_takes_the_far_end() -> None:
    found = colourings.by_distance(np.array([0.1, np.nan, 0.5], np.float32), LIGHT)
    assert np.isfinite(found.values).all()
    assert found.values[1] == pytest.approx(found.high)
    same = colourings.by_distance(np.full(3, 0.2, np.float32), LIGHT)
    assert same.low < same.high
