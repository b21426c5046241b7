"""What the colours, rings and diamonds of the map mean."""

from __future__ import annotations

from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from dxr_dash.browser.attributes import attributes
from dxr_dash.browser.panels import LONGEST_LABEL
from dxr_dash.figures import theme as words
from dxr_dash.figures.colouring import Colouring
from dxr_dash.figures.map_figure import Marked
from dxr_dash.records import IntArray


def category_legend(
    names: Sequence[str],
    counts: IntArray,
    colouring: Colouring,
    what: str,
    picked: int | None,
    pictures: Sequence[str] = (),
) -> Component:
    """Show every category with its colour, name and count, largest first; a click selects its images.

    Args:
        pictures: for clusters, the address of the image that stands for each.
    """
    order = sorted(range(len(names)), key=lambda code: -int(counts[code]))
    entries = []
    for code in order:
        if not counts[code]:
            continue
        name = words.short(names[code], LONGEST_LABEL) or "(empty)"
        parts: list[Component] = [
            html.Span(className="swatch", style={"background": colouring.swatches[code]})
        ]
        if pictures:
            parts.append(html.Img(src=pictures[code], alt=""))
        parts += [
            html.Span(name, className="name", dir="auto"),
            html.Span(words.count(int(counts[code])), className="count"),
        ]
        entries.append(
            html.Button(
                parts,
                type="button",
                className="entry",
                title=name,
                **attributes(
                    {
                        "data-do": "pick",
                        "data-what": what,
                        "data-code": code,
                        "aria-pressed": code == picked,
                        "aria-label": f"Select {name}, {int(counts[code])} images",
                    }
                ),
            )
        )
    return html.Div(
        entries,
        className="entries",
        role="group",
        **attributes({"aria-label": "Legend: select a group of images"}),
    )


def distance_legend(colouring: Colouring, name: str) -> Component:
    """Show the colour scale of the distance to a query set."""
    stops = ", ".join(f"{colour} {at * 100:.0f}%" for at, colour in colouring.scale)
    return html.Div(
        [
            html.P(["Distance to ", html.Bdi(words.short(name, 60))]),
            html.Div(className="ramp", style={"background": f"linear-gradient(90deg, {stops})"}),
            html.Div(
                [
                    html.Span(f"near {words.distance(colouring.low)}"),
                    html.Span(f"{words.distance(colouring.high)} far"),
                ],
                className="ramp-ends",
            ),
        ],
        className="scale",
    )


def marks_legend(marked: Sequence[Marked], slots: Sequence[int]) -> Component:
    """Say whose rings and diamonds are on the map."""
    lines: list[Component] = []
    for one, slot in zip(marked, slots, strict=True):
        signs = [html.Span(className="ring")] if len(one.rows) else []
        signs += [html.Span(className="diamond")] if len(one.outside_at) else []
        name = html.Span(words.short(one.name, 60), className="name", dir="auto")
        lines.append(html.Li([*signs, name], className=f"set-{slot}"))
    if any(len(one.outside_at) for one in marked):
        lines.append(html.Li("◇ from outside, drawn at the nearest gallery image", className="hint"))
    return html.Ul(lines, className="marks", hidden=not lines)
