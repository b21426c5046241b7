"""The page Scan: every value of a column, or every cluster, as query set, in one table.

The server says what there is and what has been found; `assets/scan.js` and `scan_table.js` draw it.
"""

from __future__ import annotations

from math import isnan
from typing import Any

from dash import html
from dash.development.base_component import Component

from dxr_dash import api, settings
from dxr_dash.browser import ids
from dxr_dash.browser.attributes import attributes
from dxr_dash.browser.panels import LONGEST_LABEL
from dxr_dash.collection.store import Collection
from dxr_dash.figures import theme as words
from dxr_dash.records import Estimate, Scan, ScanLine, ScanStatus

_COLUMNS = (
    ("value", "Value", ""),
    ("images", "Images", "How many images have the value"),
    ("verdict", "Verdict", "Do the features retrieve these images?"),
    ("auroc", "AUROC", "How often an image of the value is nearer to another than a gallery image is"),
    ("map", "mAP", "Mean average precision when each image looks for the others"),
    ("lift", "Lift", "mAP on a scale where chance is 0 and a perfect ranking 1"),
)


def scan_panel(collection: Collection) -> Component:
    """Build the frame of the panel; scripts fill it."""
    choices = api.scan_choices(collection)
    options = [html.Option(words.short(one.name, 40), value=one.by) for one in choices]
    select = html.Label(
        [html.Span("Scan by"), html.Select(options, id=ids.SCAN_BY, **attributes({"data-do": "scan-by"}))],
        className="control",
    )
    start, stop = (
        html.Button(
            text,
            id=button_id,
            type="button",
            className=f"button {kind}",
            title=title,
            hidden=True,
            **attributes({"data-do": do}),
        )
        for text, button_id, kind, title, do in (
            ("Scan", ids.SCAN_START, "primary", "Ask for every value", "start-scan"),
            ("Stop", ids.SCAN_STOP, "", "End the scan; what was found is kept", "stop-scan"),
        )
    )
    head = html.Div(
        [
            html.H2("What do these features retrieve at all?"),
            html.Span(className="spring"),
            select,
            start,
            stop,
        ],
        className="panel-head",
    )
    progress = html.Div(
        id=ids.SCAN_PROGRESS, className="scan-progress", hidden=True, **attributes({"aria-live": "off"})
    )
    totals = html.Div(
        id=ids.SCAN_TOTALS,
        className="scan-totals",
        hidden=True,
        role="group",
        **attributes({"aria-label": "Verdicts: choose which lines are shown"}),
    )
    table = html.Div(
        [
            html.Div(_head(), id=ids.SCAN_HEAD, className="scan-line scan-head", role="row"),
            html.Div(id=ids.SCAN_LINES, className="scan-lines", role="rowgroup"),
        ],
        className="scan-table",
        hidden=True,
        role="grid",
        **attributes({"aria-label": "What is retrieved, value by value"}),
    )
    note = html.Div(
        id=ids.SCAN_NOTE, className="scan-note", role="status", **attributes({"aria-live": "polite"})
    )
    return html.Section(
        [head, progress, note, totals, table],
        className="panel scan-panel",
        **attributes({"aria-label": "Scan", "data-least": settings.MIN_QUERY_IMAGES}),
    )


def _head() -> list[Component]:
    cells = [
        html.Span(
            html.Button(
                name,
                type="button",
                title=help_text,
                **attributes({"data-do": "sort-scan", "data-order": key}),
            ),
            role="columnheader",
            className=f"cell-{key}",
            **attributes({"aria-sort": "none"}),
        )
        for key, name, help_text in _COLUMNS
    ]
    blank = html.Span(role="columnheader", className="cell-thumbs", **attributes({"aria-label": "Examples"}))
    return [blank, *cells]


def scan_state(collection: Collection, found: Scan, status: ScanStatus, first: int) -> dict[str, Any]:
    """Say what a scan has found from its ``first`` line on, and what becomes of it."""
    return {
        "state": status.state,
        "n_values": found.n_values,
        "n_lines": len(found.lines),
        "lines": [_line(collection, line) for line in found.lines[first:]],
        "can_stop": status.can_stop,
        "seconds_left": status.seconds_left,
        "other": words.short(status.other, 40),
        "problem": status.problem,
        "remedy": status.remedy,
    }


def _line(collection: Collection, line: ScanLine) -> dict[str, Any]:
    pictures = [
        {
            "row": row,
            "name": words.short(collection.path(row), LONGEST_LABEL),
            "label": words.short(collection.label(row), LONGEST_LABEL),
        }
        for row in line.examples
    ]
    return {
        "code": line.code,
        "value": words.short(line.value, LONGEST_LABEL),
        "images": line.n_images,
        "verdict": str(line.verdict),
        "sentence": line.sentence,
        "warnings": line.warnings,
        "pictures": pictures,
        "auroc": _measure(line.auroc),
        "map": _measure(line.mean_ap),
        "lift": _measure(line.lift),
    }


def _measure(one: Estimate) -> dict[str, Any] | None:
    """Give a measure as numbers to sort and draw by, and as the words that the answer has for it."""
    if isnan(one.value):
        return None
    ends = {"low": one.low, "high": one.high}
    known = {name: end for name, end in ends.items() if not isnan(end)}
    return {
        "value": one.value,
        "chance": one.chance,
        **known,
        "said": words.measure(one.value),
        "between": f"{words.measure(one.low)}–{words.measure(one.high)}",
    }
