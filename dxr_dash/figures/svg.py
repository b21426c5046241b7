"""A figure of ours as one static SVG element: what a report shows without any script.

plotly's own script is 4.8 MB, wants to make code while it runs, and leaves an empty box on paper or with scripts off.
Our figures need little of it: lines, filled shapes and points on straight axes. That little is drawn here, from the
same figures as on the page, in colours that follow the reader's system. Anything else is refused, not left out.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import plotly.graph_objects as go

from dxr_dash.figures.theme import DARK, LIGHT, Theme
from dxr_dash.records import DoubleArray

Element = ET.Element
DASHES = {"solid": "", "dot": "2 3", "dash": "7 4", "dashdot": "7 3 2 3"}
_ANCHORS = {"left": "start", "center": "middle", "right": "end"}
_SI = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
_LETTER_PX = 6.2  # of a letter in a legend, about
_TICK_PX = 60  # between two ticks of a horizontal axis, about
_RGBA = re.compile(r"rgba\((\d+),(\d+),(\d+),([\d.]+)\)")
_NAMED = ("paper", "ink", "muted", "grid", "baseline", "rest")


@dataclass(frozen=True)
class _Axis:
    """One axis on the paper: `at` turns a value into pixels.

    Attributes:
        start, end: pixels of the two ends of its range.
        low, high: the range; logarithms where the axis is logarithmic.
    """

    facts: Any
    start: float
    end: float
    low: float
    high: float

    @property
    def is_log(self) -> bool:
        return bool(self.facts.type == "log")

    def at(self, values: Any) -> DoubleArray:
        numbers = np.asarray(values, np.float64)
        if self.is_log:
            numbers = np.log10(numbers)
        shares: DoubleArray = (numbers - self.low) / ((self.high - self.low) or 1.0)
        return self.start + shares * (self.end - self.start)

    def ticks(self) -> list[tuple[float, str]]:
        """Return the values to mark, and what stands beside each."""
        low, high = sorted((self.low, self.high))
        if self.facts.tickvals is not None:
            named = zip(map(float, self.facts.tickvals), self.facts.ticktext, strict=True)
            return [
                (one, words)
                for one, words in named
                if low <= (math.log10(one) if self.is_log else one) <= high
            ]
        if self.is_log:
            powers = range(math.floor(low), math.ceil(high) + 1)
            found = [digit * 10.0**power for power in powers for digit in (1, 2, 5)]
            return [(one, _si(one)) for one in found if low <= math.log10(one) <= high]
        most = self.facts.nticks or max(2, abs(self.end - self.start) // _TICK_PX)
        step = _step((high - low) / most)
        found = [round(k * step, 12) for k in range(math.ceil(low / step), math.floor(high / step) + 1)]
        return [(one, _si(one) if self.facts.tickformat == "~s" else f"{one:g}") for one in found]


def as_svg(figure: go.Figure, *, width_px: int, height_px: int | None = None, title: str) -> str:
    """Draw a figure as an SVG element.

    Args:
        figure: of lines, filled shapes and points, with its colours from ``theme.LIGHT``.
        height_px: left out, the figure's own.
        title: what is seen, for readers who do not see it.

    Returns:
        ``<svg ...>`` without scripts, styles or addresses; colours are CSS variables as ``css_colours`` sets them.

    Raises:
        ValueError: the figure holds what cannot be drawn here.
    """
    layout = figure.layout
    margin, height = layout.margin, height_px or layout.height
    left, right = float(margin.l or 0), float(width_px - (margin.r or 0))
    top, bottom = float(margin.t or 0), float(height - (margin.b or 0))
    svg = Element("svg", {"viewBox": f"0 0 {width_px} {height}", "role": "img", "class": "figure"})
    svg.set("aria-label", title)
    traces = [_checked(trace) for trace in figure.data]
    xs = [trace.x for trace in traces]
    across = _axis(layout.xaxis, left, right, xs)
    ups = {}
    for name in sorted({trace.yaxis or "y" for trace in traces} | {"y"}):
        facts = layout[name.replace("y", "yaxis")]
        low, high = facts.domain or (0.0, 1.0)
        ends = bottom - low * (bottom - top), bottom - high * (bottom - top)
        ups[name] = _axis(facts, *ends, [trace.y for trace in traces if (trace.yaxis or "y") == name])
    _grid_across(svg, across, top, bottom)
    for up in ups.values():
        _grid_up(svg, up, left, right)
    for shape in layout.shapes:
        if shape.type != "line":
            raise ValueError(f"A shape of type {shape.type!r} cannot be drawn as SVG.")
        x1, x2 = (_place(across, one, shape.xref, left, right) for one in (shape.x0, shape.x1))
        y1, y2 = (_place(ups["y"], one, shape.yref, bottom, top) for one in (shape.y0, shape.y1))
        _add(svg, "line", x1=x1, x2=x2, y1=y1, y2=y2, **_stroke(shape.line))
    for trace in traces:
        _draw(svg, trace, across, ups[trace.yaxis or "y"])
    for one in layout.annotations:
        x = _place(across, one.x, one.xref, left, right)
        y = _place(ups["y"], one.y, one.yref, bottom, top) - (0 if one.yref == "paper" else 3)
        # it may cross a curve: the paper shines through round its letters
        halo = {"stroke": "var(--paper)", "stroke-width": "3", "paint-order": "stroke"}
        look = {"fill": _paint(one.font.color)[0]} if one.font.color else {}
        _text(svg, one.text, x, y, **{"text-anchor": _ANCHORS[one.xanchor or "center"]}, **halo, **look)
    if layout.showlegend:
        _legend(svg, traces, left, top)
    return ET.tostring(svg, encoding="unicode")


def css_colours(theme: Theme) -> str:
    """Set the CSS variables that the drawings are coloured with: declarations, each with its semicolon."""
    named = {f"--{name}": getattr(theme, name) for name in _NAMED}
    named |= {f"--set-{slot}": colour for slot, colour in enumerate(theme.sets)}
    return "".join(f"{name}:{colour};" for name, colour in named.items())


_VARIABLES = {
    line.split(":")[1]: f"var({line.split(':')[0]})" for line in css_colours(LIGHT).split(";") if line
}
assert len(DARK.sets) == len(LIGHT.sets)  # noqa: S101 - every variable has a value in the dark, too


def _checked(trace: Any) -> Any:
    if trace.type != "scatter":
        raise ValueError(f"A trace of type {trace.type!r} cannot be drawn as SVG.")
    if trace.mode not in (None, "lines", "markers") or trace.fill not in (None, "none", "tozeroy", "toself"):
        raise ValueError(f"A trace of mode {trace.mode!r}, filled {trace.fill!r}, cannot be drawn as SVG.")
    return trace


def _place(axis: _Axis, value: Any, reference: str | None, start: float, end: float) -> float:
    """Return the pixels of a place on an axis, or of a share of the paper."""
    return start + float(value) * (end - start) if reference == "paper" else float(axis.at(value))


def _legend(svg: Element, traces: Sequence[Any], left: float, top: float) -> None:
    """Name the traces above the axes, in one line."""
    x = left
    for trace in traces:
        words = html.unescape(trace.name or "")
        if not words or trace.showlegend is False:
            continue
        _add(svg, "line", x1=x, x2=x + 16, y1=top - 10, y2=top - 10, **_stroke(trace.line))
        _text(svg, trace.name, x + 21, top - 6)
        x += 21 + _LETTER_PX * len(words) + 16


def _axis(facts: Any, start: float, end: float, values: Sequence[Any]) -> _Axis:
    if facts.range is not None:
        return _Axis(facts, start, end, float(facts.range[0]), float(facts.range[1]))
    numbers = np.concatenate([np.asarray(one, np.float64) for one in values]) if values else np.zeros(0)
    numbers = numbers[np.isfinite(numbers)]
    low, high = (float(numbers.min()), float(numbers.max())) if len(numbers) else (0.0, 1.0)
    return _Axis(facts, start, end, min(low, 0.0) if facts.rangemode == "tozero" else low, high)


def _grid_across(svg: Element, axis: _Axis, top: float, bottom: float) -> None:
    if axis.facts.visible is False:
        return
    for value, words in axis.ticks():
        x = float(axis.at(value))
        if axis.facts.showgrid is not False:
            _add(svg, "line", x1=x, x2=x, y1=top, y2=bottom, stroke="var(--grid)")
        if (
            axis.facts.tickangle
        ):  # plotly turns clockwise, and so does SVG; the end of the words is at the tick
            turned = f"rotate({_number(axis.facts.tickangle)} {_number(x + 3)} {_number(bottom + 12)})"
            _text(svg, words, x + 3, bottom + 12, **{"text-anchor": "end", "transform": turned})
        else:
            _text(svg, words, x, bottom + 14, **{"text-anchor": "middle"})
    if axis.facts.title.text:
        middle = (axis.start + axis.end) / 2
        _text(svg, axis.facts.title.text, middle, bottom + 30, **{"text-anchor": "middle"})


def _grid_up(svg: Element, axis: _Axis, left: float, right: float) -> None:
    if axis.facts.visible is False or (axis.facts.range is None and axis.facts.tickvals is None):
        return
    named = axis.facts.tickvals is not None  # what is drawn at each height, not numbers
    for value, words in axis.ticks():
        y = float(axis.at(value))
        if axis.facts.showgrid is not False:
            _add(svg, "line", x1=left, x2=right, y1=y, y2=y, stroke="var(--grid)")
        colour = "var(--ink)" if named else "var(--muted)"
        _text(svg, words, left - 8, y + 4, fill=colour, **{"text-anchor": "end"})
    if axis.facts.title.text:
        middle = (axis.start + axis.end) / 2
        turned = {"transform": f"rotate(-90 12 {_number(middle)})", "text-anchor": "middle"}
        _text(svg, axis.facts.title.text, 12, middle, **turned)


def _draw(svg: Element, trace: Any, across: _Axis, up: _Axis) -> None:
    x, y = across.at(trace.x), up.at(trace.y)
    if (trace.mode or "lines") == "markers":
        marker = trace.marker
        look = {**_fill(marker.color), **_stroke(marker.line)} if marker.line.width else _fill(marker.color)
        for one_x, one_y in zip(x, y, strict=True):
            _add(svg, "circle", cx=one_x, cy=one_y, r=(marker.size or 6) / 2, **look)
        return
    if trace.line.shape == "hvh":  # bars without sides: each value reaches half-way to the next
        middle = np.repeat((x[1:] + x[:-1]) / 2, 2)
        x, y = np.concatenate([x[:1], middle, x[-1:]]), np.repeat(y, 2)
    points = list(zip(x, y, strict=True))
    if len(points) < 2:
        return
    path = "M" + "L".join(f"{_number(one)} {_number(other)}" for one, other in points)
    if trace.fill == "tozeroy":
        floor = _number(float(up.at(0.0)))
        closed = f"{path}L{_number(points[-1][0])} {floor}L{_number(points[0][0])} {floor}Z"
        _add(svg, "path", d=closed, **_fill(trace.fillcolor))
    look = _fill(trace.fillcolor) if trace.fill == "toself" else {"fill": "none"}
    if trace.fill == "toself" or trace.line.width != 0:
        ends = "Z" if trace.fill == "toself" else ""
        _add(svg, "path", d=path + ends, **{**look, **_stroke(trace.line)})


def _paint(colour: str) -> tuple[str, float]:
    """Return a colour as CSS has it, and how opaque it is."""
    found = _RGBA.fullmatch(colour)
    if found is None:
        return _VARIABLES.get(colour, colour), 1.0
    solid = "#" + "".join(f"{int(part):02x}" for part in found.groups()[:3])
    return _VARIABLES.get(solid, solid), float(found.group(4))


def _fill(colour: str) -> dict[str, Any]:
    paint, opacity = _paint(colour)
    return {"fill": paint} if opacity == 1 else {"fill": paint, "fill-opacity": opacity}


def _stroke(line: Any) -> dict[str, Any]:
    if not line.width:
        return {}
    paint, opacity = _paint(line.color)
    found = {"stroke": paint, "stroke-width": line.width}
    if opacity != 1:
        found["stroke-opacity"] = opacity
    dash = DASHES[line.dash or "solid"] if "dash" in line else ""
    return {**found, "stroke-dasharray": dash} if dash else found


def _add(svg: Element, tag: str, **about: Any) -> Element:
    texts = {name: one if isinstance(one, str) else _number(float(one)) for name, one in about.items()}
    return ET.SubElement(svg, tag, texts)


def _text(svg: Element, words: str, x: float, y: float, **about: str) -> None:
    """Write text; plotly's labels are escaped for its own markup, which this is not."""
    one = _add(svg, "text", **{"fill": "var(--muted)", "font-size": "11", "x": x, "y": y, **about})
    one.text = html.unescape(words)


def _number(value: float) -> str:
    """Write pixels with two decimals at most: no screen and no paper shows more."""
    return f"{round(value, 2):g}" if abs(value) < 1e5 else f"{value:.0f}"


def _si(value: float) -> str:
    """Write 20000 as 20k."""
    for size, letter in _SI:
        if abs(value) >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def _step(least: float) -> float:
    """Return the smallest of 1, 2, 5, 10, ... that is at least this."""
    if not least > 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9))
