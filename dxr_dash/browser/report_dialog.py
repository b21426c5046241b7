"""The button "Report…": a dialog with the forms of a report, and the route that writes them."""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component
from flask import Flask, Response, abort

from dxr_dash.browser import ids, urls
from dxr_dash.browser.attributes import attributes
from dxr_dash.browser.panels import action
from dxr_dash.collection.store import Collection
from dxr_dash.errors import DxrError
from dxr_dash.report import make_report, rendered

_FORMS = (
    ("html", "Page", "One HTML file to read, send and print: opens anywhere, needs no network."),
    ("json", "JSON", "Everything for a program: numbers, members with hashes, settings, versions."),
    ("csv", "CSV", "Every number, one line each, for a spreadsheet."),
    ("parquet", "Parquet", "The same table for pandas and its like."),
)
_TYPES = {
    "html": "text/html; charset=utf-8",
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}
_NO_PAGE = "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'"


def report_dialog() -> Component:
    """Build the dialog; scripts say what it is for and save what is chosen."""
    forms = [
        html.Div(
            [
                action(title, "save-report", class_name="primary" if form == "html" else "", form=form),
                html.P(text),
            ],
            className="report-form",
        )
        for form, title, text in _FORMS
    ]
    return html.Dialog(
        [
            html.H2(["Report on ", html.Bdi(id=ids.REPORT_OF)]),
            *forms,
            html.Div(
                [
                    html.P(
                        id=ids.REPORT_WORK,
                        className="hint",
                        role="status",
                        **attributes({"aria-live": "polite"}),
                    ),
                    action("Close", "close-dialog"),
                ],
                className="actions",
            ),
        ],
        id=ids.REPORT_DIALOG,
        className="dialog report-dialog",
        **attributes({"aria-label": "Report"}),
    )


def register_report(server: Flask, collection: Collection) -> None:
    """Add the route that writes a report of one query set."""

    @server.get(urls.REPORT)
    def report(space: str, query_set: str, form: str) -> Response:
        if form not in _TYPES or query_set not in collection.query_sets:
            abort(404)
        try:
            data = rendered(make_report(collection, [query_set], space=space), f".{form}")
        except DxrError as error:  # what the answer panel says, too: too few images, an empty control set
            return Response(str(error), 422, mimetype="text/plain")
        what = "report" if form in ("html", "json") else "numbers"
        response = Response(data, content_type=_TYPES[form])
        # the id of a set is letters, digits and dashes: nothing in it can end the name or begin another header
        response.headers["Content-Disposition"] = f'attachment; filename="{what}-{query_set}.{form}"'
        response.headers["Cache-Control"] = "no-store"  # a set can get another name or control at any time
        response.headers["Content-Security-Policy"] = _NO_PAGE
        return response
