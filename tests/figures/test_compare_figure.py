from __future__ import annotations

import json

import numpy as np
import plotly.graph_objects as go
import pytest

from dxr_dash.figures.compare_figure import (
    PERCENTILE,
    Compared,
    compare_figure,
    compare_height_px,
    compare_rank_figure,
    shares,
)
from dxr_dash.figures.rank_figure import Drawn
from dxr_dash.figures.theme import DARK, LIGHT
from dxr_dash.records import Distribution, RankCurve

CENTRES = (np.arange(512) + 0.5) / 512


def distribution(name: str, middle: float, spread: float = 0.05, n: int = 1000) -> Distribution:
    density = np.exp(-(((CENTRES - middle) / spread) ** 2) / 2) if n else np.zeros(512)
    density /= density.sum() / 512 if n else 1.0
    quantiles = tuple(middle + spread * z for z in (-1.645, -0.674, 0.0, 0.674, 1.645))
    return Distribution(name, n, CENTRES, density, density, quantiles)  # type: ignore[arg-type]


BASELINE = distribution("baseline", 0.6)
TWO = (
    Compared("faces", 0, distribution("within", 0.3), distribution("to gallery", 0.55)),
    Compared("<b>things</b>", 1, distribution("within", 0.4), distribution("to gallery", 0.58)),
)


def drawn(compared: tuple[Compared, ...] = TWO, axis: str = "cosine distance") -> go.Figure:
    return compare_figure(BASELINE, compared, bound=0.003, axis=axis, theme=LIGHT, revision="r")


def curves(figure: go.Figure) -> dict[tuple[int, bool], go.Scatter]:
    return {(t.meta["line"], t.meta["within"]): t for t in figure.data if t.meta and "line" in t.meta}


def test_every_group_has_a_curve_of_shares_and_a_violin_on_one_axis() -> None:
    figure = drawn()
    assert {trace.xaxis or "x" for trace in figure.data} == {"x"}
    assert set(curves(figure)) == {(-1, True), (0, True), (0, False), (1, True), (1, False)}
    names = figure.layout.yaxis2.ticktext
    assert len(names) == 5
    assert "&lt;b&gt;things" in names[3]


def test_a_curve_says_what_share_is_nearer() -> None:
    curve = curves(drawn())[0, True]
    exact = np.interp(0.3, *shares(TWO[0].within))
    assert np.interp(0.3, curve.x, curve.y) == pytest.approx(exact, abs=0.005)
    assert exact == pytest.approx(0.5, abs=0.01)
    assert (np.diff(curve.x) >= 0).all()
    assert (np.diff(curve.y) >= -1e-12).all()
    assert (curve.x[0], curve.x[-1], curve.y[0], curve.y[-1]) == pytest.approx((0, 1, 0, 1))


def test_the_band_of_the_baseline_is_as_wide_as_its_bound() -> None:
    band = next(trace for trace in drawn().data if trace.uid == "baseline-band")
    half = len(band.x) // 2
    upper, lower = band.y[:half], band.y[half:][::-1]
    inside = (lower > 0) & (upper < 1)
    assert inside.any()
    np.testing.assert_allclose((upper - lower)[inside], 0.006)


def test_scripts_find_the_traces_of_a_set_by_their_names() -> None:
    figure = drawn()
    assert all(trace.uid for trace in figure.data)
    assert len({trace.uid for trace in figure.data}) == len(figure.data)
    of_first = [trace for trace in figure.data if trace.uid.startswith("line-0-")]
    assert len(of_first) == 2 * 5  # a curve, and the four parts of a violin, for either group
    assert {trace.line.color for trace in of_first if trace.meta} == {LIGHT.sets[0]}


def test_what_is_sent_is_small_whatever_the_bins() -> None:
    figure = drawn(tuple(TWO[0] for _ in range(16)))
    assert len(figure.to_json()) < 500_000
    assert max(len(trace.x) for trace in figure.data) < 400


def test_another_space_has_another_kind_of_line() -> None:
    figure = drawn((TWO[0], Compared("faces", 8, TWO[0].within, TWO[0].to_gallery)), axis=PERCENTILE)
    found = curves(figure)
    assert found[0, True].line.color == found[1, True].line.color
    assert found[0, True].line.dash != found[1, True].line.dash
    assert tuple(figure.layout.xaxis.range) == (0, 1)
    assert figure.layout.xaxis.tickformat == ".0%"


def test_an_empty_group_is_left_out_and_nothing_is_no_error() -> None:
    lonely = Compared("one", 0, distribution("within", 0, n=0), TWO[0].to_gallery)
    assert (0, True) not in curves(drawn((lonely,)))
    empty = compare_figure(distribution("baseline", 0, n=0), (), bound=1.0, axis="x", theme=DARK, revision="")
    assert not empty.data


def test_the_height_grows_with_the_sets_up_to_an_end() -> None:
    heights = [compare_height_px(n) for n in (0, 1, 2, 19, 30, 60)]
    assert heights == sorted(heights)
    assert heights[-1] == heights[-2]
    many = drawn(tuple(TWO[0] for _ in range(30)))
    assert len(many.layout.yaxis2.ticktext) <= 40
    assert len(curves(many)) == 61  # a curve has no need of room


def test_figures_can_be_sent() -> None:
    assert json.loads(drawn().to_json())["layout"]["uirevision"] == "r"


def test_rank_curves_are_found_by_their_places() -> None:
    ranks = np.arange(1, 6)
    curve = RankCurve(ranks, ranks / 10, ranks / 20, ranks / 5, 5, 3, 6)
    figure = compare_rank_figure(
        [Drawn("1", 0, curve), Drawn("0", 1, curve)],
        metric="cosine",
        axis="",
        references=[],
        scale="log",
        theme=LIGHT,
        revision="r",
    )
    assert {trace.uid for trace in figure.data} == {"line-0-key", "line-0-band", "line-1-key", "line-1-band"}
    assert figure.layout.yaxis.title.text == "cosine similarity"
