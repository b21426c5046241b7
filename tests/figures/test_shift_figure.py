from __future__ import annotations

import numpy as np
import pytest

from dxr_dash.analysis.shift import shift
from dxr_dash.figures.shift_figure import SHIFT_PX, shift_figure
from dxr_dash.figures.theme import DARK, LIGHT, Theme
from dxr_dash.records import Shift


def moved(*, control: bool) -> Shift:
    rng = np.random.default_rng(0)
    found = shift(
        np.exp(rng.normal(1.2, 0.3, 40)),
        np.sort(np.exp(rng.normal(0, 0.2, 1000))),
        np.exp(rng.normal(1.2, 0.3, 30)) if control else None,
        draws=100,
    )
    assert found is not None
    return found


@pytest.mark.parametrize("theme", [LIGHT, DARK])
@pytest.mark.parametrize("control", [False, True])
def test_every_group_is_drawn_as_shares_on_one_axis(theme: Theme, control: bool) -> None:
    found = moved(control=control)
    figure = shift_figure(found, name="faces", control="things", colour=theme.sets[0], theme=theme)
    assert len(figure.data) == 2 + control
    for trace in figure.data:
        assert sum(trace.y) == pytest.approx(1)
        np.testing.assert_allclose(trace.x, figure.data[0].x)
    middles = [float(np.dot(np.log(trace.x), trace.y)) for trace in figure.data]
    np.testing.assert_allclose(middles, [0, 1.2, 1.2][: 2 + control], atol=0.15)
    assert figure.data[1].line.color == theme.sets[0]
    assert figure.layout.height == SHIFT_PX
    low, high = figure.layout.xaxis.range
    for trace in figure.data:
        seen = np.log10(np.asarray(trace.x)[np.asarray(trace.y) > 0])
        assert low < seen.min()
        assert seen.max() < high


def test_names_stay_text() -> None:
    found = moved(control=True)
    name = "<b>bold</b>" * 8
    figure = shift_figure(found, name=name, control="<img src=x>", colour=LIGHT.sets[0], theme=LIGHT)
    assert "<b>" not in figure.data[1].name
    assert "&lt;b&gt;" in figure.data[1].text[0]
    assert "<img" not in figure.data[2].name
