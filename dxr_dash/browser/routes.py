"""Plain routes beside Dash: pictures, tiles, coordinates, distances, uploads."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import numpy as np
from flask import Flask, Response, abort, request

from dxr_dash import api, settings
from dxr_dash.browser import beside_panel, map_panel, uploads, urls
from dxr_dash.browser.access import OWN_HEADER
from dxr_dash.browser.panels import picture
from dxr_dash.browser.patch_panel import register_patches
from dxr_dash.browser.rankings import label_table, ranking_page
from dxr_dash.browser.report_dialog import register_report
from dxr_dash.browser.scan_panel import scan_state
from dxr_dash.browser.state import ARRANGEMENTS, MOSAIC, Selection
from dxr_dash.browser.strip_panel import rows_named, selected_in_map_order
from dxr_dash.browser.told import line, line_by_line
from dxr_dash.browser.why_panel import register_why
from dxr_dash.collection.store import Collection
from dxr_dash.collection.tiles import mosaic_tile, rows_of_cells
from dxr_dash.errors import DxrError, QueryError
from dxr_dash.records import FloatArray, IntArray

T = TypeVar("T")

FOR_GOOD = "private, max-age=31536000, immutable"  # not for a cache that serves those without the token


def register_routes(server: Flask, collection: Collection, scans: api.ScanWorker) -> None:
    """Add the routes of one collection."""
    version = urls.version(collection)

    @server.url_value_preprocessor
    def refuse_other_versions(_endpoint: str | None, values: dict[str, Any] | None) -> None:
        if values and values.pop("version", version) != version:
            abort(404)

    _picture_routes(server, collection)
    _number_routes(server, collection)
    _map_routes(server, collection)
    _ranking_routes(server, collection)
    _strip_routes(server, collection)
    _scan_routes(server, collection, scans)
    register_report(server, collection)
    register_why(server, collection)
    register_patches(server, collection)

    @server.post(urls.QUERY_SETS)
    def query_sets() -> Response:
        return _upload(collection)


def _picture_routes(server: Flask, collection: Collection) -> None:
    @server.get(urls.THUMBNAIL)
    def thumbnail(row: int) -> Response:
        response = _kept(_or_404(lambda: collection.thumbnail(row)), "image/jpeg")
        one = picture(collection, row)
        response.headers["X-Dxr-Image"] = quote(json.dumps({"name": one.name, "label": one.label}))
        return response

    @server.get(urls.OUTSIDE)
    def outside(query_set: str, index: int) -> Response:
        return _kept(
            _or_404(lambda: api.find_query_set(collection, query_set).thumbnail(index)), "image/jpeg"
        )


def _number_routes(server: Flask, collection: Collection) -> None:
    @server.get(urls.DISTANCES)
    def distances(space: str, query_set: str) -> Response:
        found = _or_404(lambda: api.nearest_members(collection, query_set, space=space).distances)
        return _numbers(_asked_rows(found))


def _ranking_routes(server: Flask, collection: Collection) -> None:
    @server.get(urls.RANKING)
    def ranking(space: str, metric: str, key: str, page: int) -> Response:
        return _kept_ranking(*_or_404(lambda: ranking_page(collection, space, metric, key, page)))

    @server.get(urls.MEMBERS)
    def members(query_set: str) -> Response:
        rows = _or_404(lambda: api.find_query_set(collection, query_set).rows)
        return _kept(np.array(rows, "<i4").tobytes(), "application/octet-stream")

    @server.get(urls.LABEL_CODES)
    def label_codes() -> Response:
        codes, _ = label_table(collection)
        return _kept(codes.astype("<i4").tobytes(), "application/octet-stream")

    @server.get(urls.LABEL_NAMES)
    def label_names() -> Response:
        _, names = label_table(collection)
        return _kept(json.dumps(names).encode(), "application/json")


def _scan_routes(server: Flask, collection: Collection, scans: api.ScanWorker) -> None:
    """Add what the page Scan asks for: lines as they come, and to start and stop."""

    @server.get(urls.SCAN)
    def scan(space: str) -> Response:
        return _scan_answer(collection, scans, space)

    @server.post(urls.SCAN)
    def change_scan(space: str) -> Response:
        if request.headers.get(OWN_HEADER) is None:
            abort(403)
        by, do = request.args.get("by", ""), request.args.get("do")
        if do == "stop":
            scans.stop()
        return _scan_answer(
            collection, scans, space, (lambda: scans.start(by, space=space)) if do == "start" else None
        )


def _scan_answer(
    collection: Collection, scans: api.ScanWorker, space: str, before: Callable[[], None] | None = None
) -> Response:
    """Send what a scan has found from some line on; an error goes to the page in words."""
    by, first = request.args.get("by", ""), request.args.get("from", 0, type=int)
    try:
        if before is not None:
            before()
        said = scan_state(collection, *scans.status(by, space=space), max(first, 0))
    except DxrError as error:
        said = {"state": "failed", "problem": error.problem, "remedy": error.remedy}
    return Response(json.dumps(said), mimetype="application/json", headers={"Cache-Control": "no-store"})


def _strip_routes(server: Flask, collection: Collection) -> None:
    @server.get(urls.ORDER)
    def order(space: str, layout: str, size: int, page: int) -> Response:
        found = _or_404(lambda: api.rows_in_map_order(collection, space=space, layout=layout))
        return _line(found, size, page)

    @server.get(urls.SELECTED)
    def selected(size: int, page: int) -> Response:
        return _line(_or_404(lambda: selected_in_map_order(collection, _query_text())), size, page)

    @server.get(urls.SLIVERS)
    def slivers(rows: str) -> Response:
        return _kept(_or_404(lambda: api.sliver_picture(collection, rows_named(rows))), "image/jpeg")


def _map_routes(server: Flask, collection: Collection) -> None:
    """Add what the map is drawn from: places, tiles of the mosaic, the images' colours."""

    @server.get(urls.COORDINATES)
    def coordinates(space: str, layout: str, arrangement: str) -> Response:
        if arrangement not in ARRANGEMENTS:
            abort(404)
        found = _or_404(lambda: collection.space(space).layout(layout))
        return _numbers(_asked_rows(found.positions if arrangement == MOSAIC else found.coordinates))

    @server.get(urls.MAP_RANKS)
    def map_ranks(space: str, layout: str, arrangement: str, row: int) -> Response:
        if arrangement not in ARRANGEMENTS:
            abort(404)
        rows = _or_404(lambda: rows_named(request.args.get("rows", "")))
        mosaic = arrangement == MOSAIC
        return _rows(
            _or_404(lambda: api.map_ranks(collection, row, rows, space=space, layout=layout, mosaic=mosaic))
        )

    @server.get(urls.CELLS)
    def cells(space: str, layout: str, x: int, y: int) -> Response:
        found = _or_404(lambda: collection.space(space).layout(layout))
        return _kept(_or_404(lambda: rows_of_cells(found.mosaic, x, y)), "application/octet-stream")

    @server.get(urls.MOSAIC)
    def mosaic(space: str, layout: str, level: int, x: int, y: int) -> Response:
        found = _or_404(lambda: collection.space(space).layout(layout))
        return _kept(_or_404(lambda: mosaic_tile(collection, found.mosaic, level, x, y)), "image/webp")

    @server.get(urls.COLOURS)
    def colours(space: str, layout: str, arrangement: str, theme: str) -> Response:
        asked = {"space": space, "layout": layout, "arrangement": arrangement, "theme": theme}
        asked |= {"colour": request.args.get("by", ""), "fingerprint": collection.fingerprint}
        others = {"active": request.args.get("set") or None, "beside": request.args.get("beside") or None}
        selection = _or_404(lambda: Selection.parse({**asked, **others}, collection))
        return _kept(map_panel.colours_of(collection, selection), "image/png")

    @server.get(urls.VEIL)
    def veil(space: str, layout: str, arrangement: str, theme: str) -> Response:
        where = urlencode({"space": space, "layout": layout, "arrangement": arrangement, "theme": theme})
        selection = _or_404(lambda: Selection.from_address(f"{_query_text()}&{where}", collection))
        return _kept(_or_404(lambda: map_panel.veil_of(collection, selection)), "image/png")

    @server.get(urls.DENSITY)
    def density(space: str, layout: str, theme: str) -> Response:
        where = urlencode({"space": space, "layout": layout, "theme": theme})
        selection = _or_404(lambda: Selection.from_address(f"{_query_text()}&{where}", collection))
        paint = beside_panel.density_beside if selection.beside else map_panel.density_of
        return _kept(_or_404(lambda: paint(collection, selection)), "image/png")


def _upload(collection: Collection) -> Response:
    asked_by = request.headers.get(OWN_HEADER)
    if asked_by is None:
        abort(403)
    if request.mimetype != "multipart/form-data":  # any other form is read in one piece, and slowly
        abort(415)
    try:
        if asked_by != collection.fingerprint:
            raise QueryError("The collection has changed since this page was opened.", "Reload the page.")
        files = [(one.filename or "unnamed", one.read()) for one in request.files.getlist("images")]
        name = request.form.get("name", "")
    except DxrError as error:
        return line_by_line([line(uploads.failure(error))])
    return line_by_line(uploads.embed(collection, name, files))


def _or_404(ask: Callable[[], T]) -> T:
    try:
        return ask()
    except DxrError:
        abort(404)


def _query_text() -> str:
    return request.query_string.decode(errors="replace")


def _asked_rows(values: FloatArray) -> FloatArray:
    """Keep the rows that an address names, or all; all of a large collection at once are refused."""
    if (named := request.args.get("rows")) is not None:
        rows = np.array(_or_404(lambda: rows_named(named)), np.int64)
        return values[rows] if rows.max() < len(values) else abort(404)
    return values if len(values) <= settings.ALL_AT_ONCE else abort(404)


def _line(rows: IntArray, size: int, page: int) -> Response:
    """Send a page of images in line, and how many stand there in all."""
    if not 1 <= size <= settings.ALL_AT_ONCE:
        abort(404)
    response = _rows(rows[page * size : (page + 1) * size])
    response.headers["X-Dxr-Images"] = str(len(rows))
    return response


def _kept(data: bytes, mimetype: str) -> Response:
    return Response(data, mimetype=mimetype, headers={"Cache-Control": FOR_GOOD})


def _kept_ranking(data: bytes, n_ranked: int) -> Response:
    """Send a page of a ranking, and how many images are ranked in all."""
    response = _kept(data, "application/octet-stream")
    response.headers["X-Dxr-Ranked"] = str(n_ranked)
    return response


def _numbers(values: FloatArray) -> Response:
    return _kept(np.ascontiguousarray(values, dtype="<f4").tobytes(), "application/octet-stream")


def _rows(rows: IntArray) -> Response:
    return _kept(rows.astype("<u4").tobytes(), "application/octet-stream")
