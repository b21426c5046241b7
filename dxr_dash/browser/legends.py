"""What the colours, rings and diamonds of the map mean."""

from __future__ import annotations

import math
from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from dxr_dash.browser.attributes import attributes
from dxr_dash.browser.panels import LONGEST_LABEL
from dxr_dash.collection.layouts import Layout
from dxr_dash.figures import theme as words
from dxr_dash.figures.colouring import Colouring
from dxr_dash.figures.map_figure import Marked
from dxr_dash.records import Disagreement, IntArray


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
    ends = f"near {words.distance(colouring.low)}", f"{words.distance(colouring.high)} far"
    return _ramp(colouring, html.P(["Distance to ", html.Bdi(words.short(name, 60))]), ends)


def trust_legend(colouring: Colouring, layout: Layout) -> Component:
    """Show the colour scale of trust in the map, and say what it means."""
    means = f"How many of an image's {layout.honesty_k} nearest images {layout.title} has placed near it"
    ends = f"none: 0{words.NARROW_SPACE}%", f"100{words.NARROW_SPACE}%: all"
    return _ramp(colouring, html.P(means), ends)


def agreement_legend(colouring: Colouring, found: Disagreement) -> Component:
    """Show the colour scale of the neighbours that two spaces have in common."""
    first, second = found.spaces
    title = html.P(
        [
            f"How many of an image's {found.k} nearest images are the same in ",
            html.Bdi(words.short(first, 40)),
            " and ",
            html.Bdi(words.short(second, 40)),
        ]
    )
    high = f"{round(100 * colouring.high)}{words.NARROW_SPACE}%"
    ends = f"none: 0{words.NARROW_SPACE}%", f"{high}: all" if colouring.high >= 1 else f"{high} and more"
    return _ramp(colouring, title, ends)


def _ramp(colouring: Colouring, title: Component, ends: tuple[str, str]) -> Component:
    stops = ", ".join(f"{colour} {at * 100:.0f}%" for at, colour in colouring.scale)
    return html.Div(
        [
            title,
            html.Div(className="ramp", style={"background": f"linear-gradient(90deg, {stops})"}),
            html.Div([html.Span(end) for end in ends], className="ramp-ends"),
        ],
        className="scale",
    )


def trust_line(layout: Layout, *, in_cells: bool) -> Component:
    """Say in one line how far a layout can be trusted; its tooltip says what the figures mean."""
    trust, kept, k = layout.trustworthiness, layout.neighbours_kept, layout.honesty_k
    figures, means = [], []
    if trust is not None:
        figures.append(f"trustworthiness {math.floor(trust * 100) / 100:.2f}")  # 0.997 is not 1.00
        means.append("Trustworthiness: whether images that are near on the map are truly near; 1 is always.")
    if kept is not None:
        figures.append(f"keeps {round(kept * 100)}{words.NARROW_SPACE}% of neighbours")
        means.append(
            f"Kept: the mean share of an image's {k} nearest images that lie near it on the map, too."
        )
    if in_cells:
        moved = layout.mosaic.displacement
        figures.append(f"tiles moved by {moved:.1f} cells")
        means.append("Tiles moved: the mean distance of an image's cell from its place on the map.")
    return html.Span(" · ".join(figures), title="\n".join(means))


def marks_legend(marked: Sequence[Marked], slots: Sequence[int], *, in_cells: bool) -> Component:
    """Say whose rings, or outlines of cells, and whose diamonds are on the map."""
    lines: list[Component] = []
    for one, slot in zip(marked, slots, strict=True):
        signs = [html.Span(className="outline" if in_cells else "ring")] if len(one.rows) else []
        signs += [html.Span(className="diamond")] if len(one.outside_at) else []
        name = html.Span(words.short(one.name, 60), className="name", dir="auto")
        lines.append(html.Li([*signs, name], className=f"set-{slot}"))
    if any(len(one.outside_at) for one in marked):
        lines.append(html.Li("◇ from outside, drawn at the nearest gallery image", className="hint"))
    return html.Ul(lines, className="marks", hidden=not lines)
