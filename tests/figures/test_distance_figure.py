from __future__ import annotations

import json

import numpy as np
import plotly.graph_objects as go
import pytest

from dxr_dash.figures.distance_figure import Group, distance_figure, figure_height_px
from dxr_dash.figures.theme import DARK, LIGHT
from dxr_dash.records import Distribution

CENTRES = (np.arange(300) + 0.5) / 300


def distribution(name: str, middle: float, spread: float = 0.05, n: int = 1000) -> Distribution:
    density = np.exp(-(((CENTRES - middle) / spread) ** 2) / 2)
    density /= density.sum() / 300
    quantiles = tuple(middle + spread * z for z in (-1.645, -0.674, 0.0, 0.674, 1.645))
    return Distribution(name, n, CENTRES, density, density, quantiles)  # type: ignore[arg-type]


GROUPS = (
    Group("random pairs", LIGHT.baseline, True, distribution("baseline", 0.6)),
    Group("X · to gallery", LIGHT.sets[0], False, distribution("to gallery", 0.55)),
    Group("X · within", LIGHT.sets[0], True, distribution("within", 0.2)),
)


def drawn(groups: tuple[Group, ...] = GROUPS) -> go.Figure:
    return distance_figure(groups, metric="cosine", theme=LIGHT, revision="r")


def test_histogram_and_violins_share_one_axis() -> None:
    figure = drawn()
    assert {trace.xaxis or "x" for trace in figure.data} == {"x"}
    assert {trace.yaxis or "y" for trace in figure.data} == {"y", "y2"}
    low, high = figure.layout.xaxis.range
    assert low < 0.1
    assert 0.7 < high < 0.95  # where nothing is, the axis ends
    assert "cosine distance" in figure.layout.xaxis.title.text


def test_every_group_is_labelled_once_from_top_to_bottom() -> None:
    axis = drawn().layout.yaxis2
    assert [text.strip("\u2068\u2069") for text in axis.ticktext] == [one.label for one in GROUPS]
    assert list(axis.tickvals) == [0, -1, -2]


def test_the_median_of_each_violin_stands_at_its_quantile() -> None:
    medians = [trace for trace in drawn().data if trace.mode == "markers"]
    assert [trace.x[0] for trace in medians] == pytest.approx([0.6, 0.55, 0.2])
    assert [trace.y[0] for trace in medians] == [0, -1, -2]


def test_bars_are_joined_without_losing_their_area() -> None:
    bars = drawn().data[0]
    width = bars.x[1] - bars.x[0]
    assert len(bars.x) <= 80
    assert sum(bars.y) * width == pytest.approx(1, abs=0.01)


def test_hovering_says_how_many_are_nearer() -> None:
    line = drawn().data[1]
    at = int(np.argmin(np.abs(np.array(line.x) - 0.6)))
    share = float(line.text[at].split("<br>")[1].split("\u202f%")[0])
    assert share == pytest.approx(50, abs=3)
    assert "are nearer than 0." in line.text[at]


def test_names_are_not_markup_and_do_not_reach_a_template() -> None:
    hostile = Group("<b>x</b> %{x} <script>", LIGHT.ink, True, distribution("within", 0.3))
    text = json.dumps(drawn((hostile,)).to_plotly_json(), default=str)
    assert "<b>x" not in text
    assert "<script" not in text
    assert "hovertemplate" not in json.dumps(
        [trace.to_plotly_json() for trace in drawn((hostile,)).data], default=str
    )


def test_nothing_to_draw_is_an_empty_figure() -> None:
    assert len(drawn(()).data) == 0


def test_a_single_distance_can_be_drawn() -> None:
    density = np.zeros(300)
    density[90] = 300
    one = Distribution("within", 1, CENTRES, density, density, (0.3, 0.3, 0.3, 0.3, 0.3))
    low, high = drawn((Group("pair", LIGHT.ink, True, one),)).layout.xaxis.range
    assert low < 0.3 < high


def test_each_violin_has_the_same_room() -> None:
    heights = [figure_height_px(n) for n in (1, 2, 3, 9)]
    assert heights[1] - heights[0] == heights[2] - heights[1] == (heights[3] - heights[2]) / 6


def test_the_input_is_not_changed_and_the_figure_can_be_sent() -> None:
    before = GROUPS[0].distribution.density.copy()
    figure = distance_figure(GROUPS, metric="cosine", theme=DARK, revision="r")
    np.testing.assert_array_equal(before, GROUPS[0].distribution.density)
    assert len(figure.to_json()) < 120_000
