from __future__ import annotations

import math

import numpy as np
import plotly.graph_objects as go
import pytest

from dxr_dash.figures.rank_figure import Drawn, line_style, rank_figure
from dxr_dash.figures.theme import DARK, LIGHT
from dxr_dash.records import RankCurve


def curve(near: float, far: float, *, n: int = 1000, spread: float = 0.0) -> RankCurve:
    ranks = np.unique(np.geomspace(1, n, 50).astype(np.int64))
    middle = near + (far - near) * np.log(ranks) / math.log(n)
    low, high = (middle - spread, middle + spread) if spread else (None, None)
    return RankCurve(ranks, middle, low, high, n, 5 if spread else 1, 10)


IMAGE, SET = Drawn("r7", 9, curve(0.1, 0.9)), Drawn("s.faces", 0, curve(0.2, 0.7, spread=0.05))


def drawn(*queries: Drawn, **more: object) -> go.Figure:
    usual = {"metric": "cosine", "references": [(0.15, "near"), (0.6, "half")], "scale": "log"}
    return rank_figure(queries, theme=LIGHT, revision="r", **{**usual, **more})  # type: ignore[arg-type]


def lines(figure: go.Figure) -> dict[str, go.Scatter]:
    return {trace.meta["key"]: trace for trace in figure.data if "key" in trace.meta}


def test_every_query_has_one_line_and_a_set_its_band_below_it() -> None:
    figure = drawn(IMAGE, SET)
    assert set(lines(figure)) == {"r7", "s.faces"}
    assert [trace.meta for trace in figure.data if "band" in trace.meta] == [{"band": "s.faces"}]
    assert "band" in figure.data[0].meta
    np.testing.assert_allclose(lines(figure)["r7"].y, 1 - IMAGE.curve.distances)
    assert lines(figure)["r7"].x[0] == 1


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_no_curve_and_no_reference_leaves_the_axis_and_near_is_up(metric: str) -> None:
    figure = drawn(IMAGE, SET, metric=metric)
    bottom, top = figure.layout.yaxis.range
    for trace in figure.data:
        assert min(bottom, top) <= min(trace.y) <= max(trace.y) <= max(bottom, top)
    for line in figure.layout.shapes:
        assert min(bottom, top) <= line.y0 <= max(bottom, top)
    near = lines(figure)["r7"].y[0]
    far = lines(figure)["r7"].y[-1]
    assert abs(near - top) < abs(near - bottom)
    assert abs(far - bottom) < abs(far - top)


@pytest.mark.parametrize(("scale", "last"), [("log", 3), ("linear", 1000)])
def test_the_axis_of_ranks_reaches_the_last_one(scale: str, last: float) -> None:
    axis = drawn(IMAGE, scale=scale).layout.xaxis
    assert axis.type == scale
    assert axis.range[1] == pytest.approx(last, rel=0.02)
    assert axis.range[1] >= last


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_thirty_two_queries_look_different(theme: object) -> None:
    styles = {line_style(slot, theme) for slot in range(32)}  # type: ignore[arg-type]
    assert len(styles) == 32
    assert line_style(32, theme) == line_style(0, theme)  # type: ignore[arg-type]


def test_without_queries_there_are_axes_still() -> None:
    figure = rank_figure([], metric="cosine", references=[], scale="log", theme=LIGHT, revision="r")
    assert len(figure.data) == 0
    bottom, top = figure.layout.yaxis.range
    assert bottom < top


def test_a_single_ranked_image_is_a_point() -> None:
    one = RankCurve(np.array([1]), np.array([0.4]), None, None, 1, 1, 0)
    assert lines(drawn(Drawn("r0", 0, one)))["r0"].mode == "markers"
