"""Figures drawn without plotly's script: places, colours and texts."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import plotly.graph_objects as go
import pytest

from dxr_dash.figures.svg import as_svg, css_colours
from dxr_dash.figures.theme import DARK, LIGHT, as_label, see_through, template


def drawn(figure: go.Figure, **more: int) -> ET.Element:
    figure.update_layout(template=template(LIGHT))
    return ET.fromstring(as_svg(figure, title="a picture", **{"width_px": 100, "height_px": 100, **more}))  # noqa: S314 - our own


def test_a_line_goes_where_the_axes_say() -> None:
    figure = go.Figure(
        go.Scatter(x=[0, 1, 2], y=[0, 2, 1], mode="lines", line={"color": LIGHT.sets[2], "width": 2})
    )
    figure.update_layout(
        xaxis={"range": [0, 2]}, yaxis={"range": [0, 2]}, margin={"l": 10, "r": 10, "t": 20, "b": 20}
    )
    svg = drawn(figure)
    (path,) = svg.iter("path")
    assert path.get("d") == "M10 80L50 20L90 50"
    assert path.get("stroke") == "var(--set-2)"
    assert path.get("fill") == "none"
    assert svg.get("aria-label") == "a picture"


def test_bars_reach_half_way_to_their_neighbours_and_down_to_zero() -> None:
    trace = go.Scatter(
        x=[1, 2, 3], y=[1, 2, 1], mode="lines", fill="tozeroy", fillcolor=see_through(LIGHT.baseline, 0.25),
        line={"shape": "hvh", "width": 1, "color": LIGHT.baseline},
    )  # fmt: skip
    figure = go.Figure(trace)
    figure.update_layout(xaxis={"range": [1, 3]}, yaxis={"rangemode": "tozero", "visible": False})
    filled, line = drawn(figure).iter("path")
    assert line.get("d") == "M0 50L25 50L25 0L75 0L75 50L100 50"
    assert filled.get("d") == "M0 50L25 50L25 0L75 0L75 50L100 50L100 100L0 100Z"
    assert (filled.get("fill"), filled.get("fill-opacity")) == ("var(--baseline)", "0.25")


def test_ranks_stand_on_a_logarithmic_axis() -> None:
    figure = go.Figure(
        go.Scatter(x=[1, 100, 10000], y=[1, 1, 1], mode="lines", line={"width": 1, "color": "#000000"})
    )
    figure.update_layout(xaxis={"type": "log", "range": [0, 4]}, yaxis={"range": [0, 2], "nticks": 3})
    svg = drawn(figure)
    (path,) = svg.iter("path")
    assert path.get("d") == "M0 50L50 50L100 50"
    assert [one.text for one in svg.iter("text")][:13] == [
        *("1", "2", "5", "10", "20", "50", "100", "200", "500", "1k", "2k", "5k", "10k")
    ]


def test_lines_and_names_stand_where_they_are_asked_for() -> None:
    trace = go.Scatter(
        x=[1, 2], y=[0, 1], name=as_label("a & b"), mode="lines", line={"width": 1, "color": LIGHT.ink}
    )
    figure = go.Figure(trace)
    line = {"width": 1, "color": LIGHT.muted}
    figure.update_layout(
        xaxis={"range": [0, 4], "tickvals": [1, 9], "ticktext": ["one", "nine"]},
        yaxis={"range": [0, 1], "visible": False},
        margin={"t": 20},
        shapes=[{"type": "line", "x0": 1, "x1": 1, "yref": "paper", "y0": 0, "y1": 1, "line": line}],
    )
    figure.update_layout(template=template(LIGHT), showlegend=True)
    svg = ET.fromstring(as_svg(figure, width_px=100, height_px=120, title="x"))  # noqa: S314 - our own
    upright = next(one for one in svg.iter("line") if one.get("stroke") == "var(--muted)")
    assert [upright.get(key) for key in ("x1", "x2", "y1", "y2")] == ["25", "25", "120", "20"]
    assert [one.text for one in svg.iter("text")] == ["one", "\u2068a & b\u2069"]  # nine lies beyond the axis


def test_a_hostile_label_is_text() -> None:
    figure = go.Figure(go.Scatter(x=[0, 1], y=[0, 0], mode="lines", line={"width": 1, "color": LIGHT.ink}))
    label = '<script>alert(1)</script> & "x"'
    figure.update_layout(yaxis={"range": [-1, 1], "tickvals": [0], "ticktext": [as_label(label)]})
    text = as_svg(figure, width_px=200, height_px=50, title='"><script>')
    svg = ET.fromstring(text)  # noqa: S314 - our own
    assert "<script" not in text
    assert f"\u2068{label}\u2069" in [one.text for one in svg.iter("text")]
    assert svg.get("aria-label") == '"><script>'
    assert {one.tag for one in svg.iter()} <= {"svg", "path", "line", "text"}


@pytest.mark.parametrize(
    "trace",
    [go.Bar(y=[1, 2]), go.Scatter(y=[1], mode="text"), go.Scatter(y=[1, 2], mode="lines", fill="tonexty")],
)
def test_what_cannot_be_drawn_is_refused(trace: object) -> None:
    with pytest.raises(ValueError, match="cannot be drawn as SVG"):
        drawn(go.Figure(trace))


def test_a_shape_that_cannot_be_drawn_is_refused() -> None:
    figure = go.Figure(go.Scatter(x=[0, 1], y=[0, 1], mode="lines", line={"width": 1, "color": LIGHT.ink}))
    figure.add_shape(type="rect", x0=0, x1=1, y0=0, y1=1)
    with pytest.raises(ValueError, match="shape of type 'rect' cannot be drawn"):
        drawn(figure)


def test_every_colour_has_a_value_in_light_and_in_dark() -> None:
    names = [[part.split(":")[0] for part in css_colours(one).split(";")] for one in (LIGHT, DARK)]
    assert names[0] == names[1]
    assert f"--set-7:{DARK.sets[7]};" in css_colours(DARK)
