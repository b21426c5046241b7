from __future__ import annotations

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest

from dxr_dash.analysis.answer import answer
from dxr_dash.figures.control_figure import control_figure, medians
from dxr_dash.figures.theme import LIGHT
from dxr_dash.records import AgainstControl, Answer, Estimate
from tests.analysis.sets import gallery_set, normal
from tests.figures.test_compare_figure import distribution

FOUND = {
    "within": distribution("within", 0.3),
    "to control": distribution("to control", 0.35),
    "to gallery": distribution("to gallery", 0.6),
    "control within": distribution("control within", 0.33),
    "baseline": distribution("baseline", 0.62),
}


@pytest.fixture
def found() -> Answer:
    one = answer("<i>faces</i>", gallery_set(normal(80, 4), range(10), k=60), np.sort(normal(50, 1).ravel()))
    return replace(
        one,
        auroc=Estimate(0.81, 0.7, 0.9, 0.5),
        control=AgainstControl("things", 20, Estimate(0.52, 0.48, 0.56, 0.5)),
    )


def drawn(found: Answer) -> go.Figure:
    return control_figure(
        FOUND, found, colours=("#0067a5", "#d1560f"), metric="cosine", theme=LIGHT, revision="r"
    )


def test_the_set_its_control_and_the_gallery_stand_on_one_axis_in_this_order(found: Answer) -> None:
    figure = drawn(found)
    texts = [part.text for part in figure.layout.annotations]
    rows = [text for text in texts if not text.startswith("AUROC")]
    assert [text.strip("\u2068\u2069") for text in rows] == [
        "within &lt;i&gt;faces&lt;/i&gt;",
        "… to things",
        "… to the gallery",
        "within things",
        "random pairs",
    ]
    assert {trace.xaxis or "x" for trace in figure.data} == {"x"}
    medians_drawn = [float(trace.x[0]) for trace in figure.data if trace.mode == "markers"]
    assert medians_drawn == [0.3, 0.35, 0.6, 0.33, 0.62]


def test_each_auroc_stands_beside_what_it_is_against(found: Answer) -> None:
    heights = {part.text.strip("\u2068\u2069"): part.y for part in drawn(found).layout.annotations}
    assert heights["AUROC 0.52"] == heights["… to things"]
    assert heights["AUROC 0.81"] == heights["… to the gallery"]


def test_a_line_stands_at_the_median_within_the_set(found: Answer) -> None:
    (line,) = drawn(found).layout.shapes
    assert line.x0 == line.x1 == 0.3


def test_without_a_control_set_there_is_no_picture(found: Answer) -> None:
    with pytest.raises(ValueError, match="no control set"):
        drawn(replace(found, control=None))


def test_the_picture_has_words(found: Answer) -> None:
    assert "to control: median 0.350" in medians(FOUND)
