"""The table of a comparison: every set with its measures, intervals, and how it differs from the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan

from dash import html
from dash.development.base_component import Component

from dxr_dash import settings
from dxr_dash.analysis.compared import is_told
from dxr_dash.browser.attributes import attributes
from dxr_dash.collection.query_sets import QuerySet
from dxr_dash.figures import theme as words
from dxr_dash.records import ComparedLine, Comparison, Distribution, Estimate, Verdict

SIGNS = {Verdict.YES: "yes", Verdict.PARTLY: "partly", Verdict.NO: "no", Verdict.CANNOT_TELL: "unclear"}
_SPANS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0)  # of the axis of differences, to either side
_HEADS = (
    ("Query set", "Choose what the others are compared with"),
    ("Images", "Of the set"),
    ("Verdict", "As on the page Answer"),
    ("AUROC", "How often a member is nearer to a member than a gallery image is; 0.5 is chance"),
    ("v. control", "The same against the set's own control set"),
    (
        "mAP",
        "Mean average precision when each member looks for the others; its chance depends on the set's size",
    ),
    (f"P@{settings.PRECISION_AT}", "Share of members among the nearest images of each member"),
    (
        f"R@{settings.RECALL_FIRST}",
        "Share of the other members among the first images of each member's ranking",
    ),
)


def compare_table(found: Comparison, sets: Mapping[str, QuerySet]) -> Component:
    """Build the table.

    Args:
        found: the comparison.
        sets: for their colours.
    """
    several = len({one.space for one in found.lines}) > 1
    span = _span(found)
    heads: list[Component] = [html.Th(name, title=title, scope="col") for name, title in _HEADS]
    heads.append(_difference_head(span))
    lines = [
        _line(place, one, found, sets[one.query_set].colour, several=several, span=span)
        for place, one in enumerate(found.lines)
    ]
    table = html.Table(
        [html.Thead(html.Tr(heads)), html.Tbody(lines)],
        className="compare-table",
        **attributes({"aria-label": "Measures of the shown query sets"}),
    )
    return html.Div(
        table, className="compare-scroll", tabIndex=0, role="region", **attributes({"aria-label": "Table"})
    )


def differences_said(found: Comparison, sets: Mapping[str, QuerySet]) -> Component:
    """Say each difference in a sentence, and how to read the table."""
    said = [
        html.Li(
            [html.Span(className="ring"), html.Span(one.said, dir="auto")],
            className=f"set-{sets[one.query_set].colour}" + (" told" if _told(one) else ""),
            **attributes({"data-line": place}),
        )
        for place, one in enumerate(found.lines)
        if one.said
    ]
    level = f"{words.percent(settings.CONFIDENCE)} interval"
    several = " Each interval is taken alone: of many, some miss." if len(said) > 2 else ""
    hint = f"Wide bar: {level}. Dotted line: chance. Images of both sets are resampled together.{several}"
    return html.Div([html.Ul(said, className="said"), html.P(hint, className="hint")])


def quantile_table(
    baseline: Distribution, groups: Sequence[tuple[str, int, Distribution, Distribution]], unit: str
) -> Component:
    """List the quantiles of every group, on demand.

    Args:
        baseline: of random pairs.
        groups: name, colour, and the distances within and to the gallery.
        unit: what the numbers are.
    """
    rows: list[tuple[str, int | None, Distribution]] = [("random pairs", None, baseline)]
    for name, colour, within, to_gallery in groups:
        rows += [(f"within {name}", colour, within), (f"{name} to gallery", colour, to_gallery)]
    heads = [html.Th(text, scope="col") for text in ("", "5 %", "25 %", "50 %", "75 %", "95 %", "distances")]
    body = [
        html.Tr(
            [
                html.Th([html.Span(className="ring"), html.Span(name, dir="auto")], scope="row"),
                *(html.Td(words.distance(value)) for value in one.quantiles),
                html.Td(words.count(one.n)),
            ],
            className="" if colour is None else f"set-{colour}",
        )
        for name, colour, one in rows
    ]
    return html.Details(
        [
            html.Summary(f"Quantiles: {unit}"),
            html.Div(
                html.Table([html.Thead(html.Tr(heads)), html.Tbody(body)], className="quantiles"),
                className="compare-scroll",
            ),
        ]
    )


def _line(
    place: int, one: ComparedLine, found: Comparison, colour: int, *, several: bool, span: float
) -> Component:
    control = one.control
    cells = [
        _name(place, one, found, several=several),
        html.Td(words.count(one.n_images)),
        html.Td(
            html.Span(str(one.verdict), className=f"verdict-word {SIGNS[one.verdict]}"), title=one.sentence
        ),
        _measure("AUROC", one.auroc),
        html.Td("–", className="nothing", title="It has no control set")
        if control is None
        else _measure(f"AUROC against {words.short(control.name, 60)}", control.auroc),
        _measure("mAP", one.mean_ap),
        _measure("precision", one.precision),
        _measure("recall", one.recall),
        _difference(one, span),
    ]
    return html.Tr(
        cells,
        key=f"{one.query_set} {one.space}",
        className=f"set-{colour}" + (" reference" if place == found.reference else ""),
        **attributes({"data-line": place}),
    )


def _name(place: int, one: ComparedLine, found: Comparison, *, several: bool) -> Component:
    chosen = place == found.reference
    text: list[Component] = [html.Span(one.name, className="name", dir="auto", title=one.name)]
    if several:
        text.append(html.Span(one.space, className="hint", dir="auto"))
    button = html.Button(
        [html.Span(className="radio"), html.Span(text, className="names")],
        type="button",
        className="choose",
        title="Compare the others with this one",
        **attributes(
            {
                "data-do": "reference",
                "data-set": one.query_set,
                "data-space": one.space,
                "aria-pressed": chosen,
                "aria-label": f"{one.name}{f' in {one.space}' if several else ''}: the reference",
            }
        ),
    )
    return html.Th(button, scope="row")


def _measure(name: str, one: Estimate) -> Component:
    said = (
        f"{name} {words.measure(one.value)}, interval {words.measure(one.low)} to {words.measure(one.high)}, "
        f"chance {words.measure(one.chance)}"
    )
    numbers = [
        html.Strong(words.measure(one.value)),
        html.Span(f"{words.measure(one.low)}–{words.measure(one.high)}", className="interval"),
    ]
    return html.Td([_track(one, 0.0, 1.0, said), html.Span(numbers, className="numbers")], title=said)


def _difference(one: ComparedLine, span: float) -> Component:
    if one.difference is None:
        return html.Td("reference", className="nothing")
    auroc = one.difference.auroc
    others = "; ".join(
        f"{name} {_signed(estimate)}, by chance {_signed_value(estimate.chance)}"
        for name, estimate in (
            ("mAP", one.difference.mean_ap),
            (f"P@{settings.PRECISION_AT}", one.difference.precision),
            (f"R@{settings.RECALL_FIRST}", one.difference.recall),
        )
    )
    numbers = [
        html.Strong(_signed_value(auroc.value)) if _told(one) else html.Span(_signed_value(auroc.value)),
        html.Span(f"{_signed_value(auroc.low)} to {_signed_value(auroc.high)}", className="interval"),
    ]
    shared = one.difference.n_shared
    said = (
        f"AUROC {_signed(auroc)}; {others}; {words.count(shared)} image{'' if shared == 1 else 's'} in common"
    )
    return html.Td(
        [_track(auroc, -span, span, said), html.Span(numbers, className="numbers")],
        className="difference" + (" told" if _told(one) else ""),
        title=said,
    )


def _difference_head(span: float) -> Component:
    return html.Th(
        [
            "AUROC, difference",
            html.Span(f"axis: {_signed_value(-span)} to {_signed_value(span)}", className="hint"),
        ],
        scope="col",
        title="AUROC minus that of the reference; the other measures' differences stand in the tooltip of each cell",
    )


def _told(one: ComparedLine) -> bool:
    return one.difference is not None and is_told(one.difference.auroc)


def _span(found: Comparison) -> float:
    """Choose the axis of differences: the smallest that holds every interval."""
    ends = [
        abs(end)
        for one in found.lines
        if one.difference is not None
        for end in (one.difference.auroc.low, one.difference.auroc.high)
        if not isnan(end)
    ]
    return next((span for span in _SPANS if span >= max(ends, default=0.0)), _SPANS[-1])


def _signed(one: Estimate) -> str:
    return f"{_signed_value(one.value)} ({_signed_value(one.low)} to {_signed_value(one.high)})"


def _signed_value(value: float) -> str:
    if isnan(value):
        return "–"
    places = 3 if 0 < abs(value) < 0.1 else 2
    return f"{value:+.{places}f}".replace("-", "\u2212")


def _track(one: Estimate, first: float, last: float, said: str) -> Component:
    """Draw an interval between two ends, with the value and what chance gives."""

    def place(value: float) -> float:
        share = (value - first) / (last - first)
        return 100 * min(max(share, 0.0), 1.0) if not isnan(share) else 0.0

    low, high = place(one.low), place(one.high)
    parts = [html.Span(className="chance", style={"left": f"{place(one.chance):.2f}%"})]
    if not isnan(one.low):
        bar = {"left": f"{low:.2f}%", "width": f"{max(high - low, 1.2):.2f}%"}
        parts.insert(0, html.Span(className="bar", style=bar))
    if not isnan(one.value):
        parts.append(html.Span(className="dot", style={"left": f"{place(one.value):.2f}%"}))
    return html.Span(
        html.Span(parts, className="track"),
        role="img",
        className="graphic",
        **attributes({"aria-label": said}),
    )
