"""The page's server: a Dash app for one open collection, and waitress to run it."""

from __future__ import annotations

import html as markup
import logging
import socket
import threading
import webbrowser
from collections.abc import Callable
from functools import partial
from hashlib import blake2b
from pathlib import Path

from dash import Dash, html, set_props
from flask import Response, request

from dxr_dash import api, settings
from dxr_dash.analysis.set_distances import compile_loops
from dxr_dash.browser import ids, map_panel, respond
from dxr_dash.browser.access import TOKEN, Access, guard
from dxr_dash.browser.asked import refuse_malformed
from dxr_dash.browser.callbacks import register_callbacks
from dxr_dash.browser.connections import listening
from dxr_dash.browser.layout import page
from dxr_dash.browser.logs import log_in_plain_text
from dxr_dash.browser.panels import action
from dxr_dash.browser.routes import FOR_GOOD, register_routes
from dxr_dash.browser.state import Selection
from dxr_dash.browser.stopping import run_until_told
from dxr_dash.browser.trimming import Trimmer
from dxr_dash.collection.store import Collection
from dxr_dash.errors import DxrError

log = logging.getLogger(__name__)

_PACKAGE = Path(__file__).parents[1]
ONLY_HERE = Access()
_INDEX = """<!DOCTYPE html>
<html lang="en">
    <head>{%metas%}<title>{%title%}</title>{%favicon%}{%css%}</head>
    <body>{%app_entry%}<footer>{%config%}{%scripts%}{%renderer%}</footer></body>
</html>"""
# Nothing is fetched from elsewhere, whatever a file name or label says, and no text becomes a script: the scripts of
# Dash that stand in the page are named by their hashes. Plotly writes its styles into the page.
_POLICY = (
    "default-src 'self'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


def create_app(
    collection: Collection, *, access: Access = ONLY_HERE, scans: api.ScanWorker | None = None
) -> Dash:
    """Build the page of an open collection.

    Args:
        access: how the page is reached, and by whom.
        scans: runs the scans that the page asks for; whoever gives it closes it.
    """
    folder = _assets()
    app = Dash(
        "dxr_dash",
        assets_folder=str(folder),
        assets_url_path=f"assets/{_digest(folder)}",  # other files have other addresses: browsers keep them for good
        title=f"{markup.escape(collection.name)} · dxr",
        update_title="",
        index_string=_INDEX,
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
        use_pages=False,
        requests_pathname_prefix=access.prefix,
        routes_pathname_prefix="/",
        on_error=_tell,
    )
    app.layout = lambda: page(collection)
    guard(app.server, access)
    refuse_malformed(app)
    collection.hold()
    register_routes(app.server, collection, scans or api.ScanWorker(collection))
    register_callbacks(app, collection)
    policy = _POLICY.format(hashes=" ".join(app.csp_hashes()))
    app.server.after_request(partial(_harden, policy))
    app.server.after_request(partial(_keep, f"/{app.config.assets_url_path}/"))
    return app


def serve(
    collection: Collection,
    *,
    access: Access = ONLY_HERE,
    port: int = settings.PORT,
    open_browser: bool = False,
    on_ready: Callable[[str], None] = lambda _url: None,
) -> None:
    """Serve the page until Ctrl-C or SIGTERM; what has been asked by then is answered first.

    Args:
        access: how the page is reached, and by whom.
        port: 0 takes any free one.
        open_browser: where no token is asked for; as an argument of a browser every user of the machine could read it.
        on_ready: called with the page's address, its token included, once the server listens.

    Raises:
        DxrError: the address cannot be listened on.
    """
    log_in_plain_text()
    scans, trimmer = api.ScanWorker(collection), Trimmer()
    app = create_app(collection, access=access, scans=scans)
    host = access.host
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise DxrError(
            f"Port {port} on {host} cannot be used: {error.strerror or error}.",
            "Choose another with `--port`; `--port 0` takes any free one.",
        ) from error
    server = listening(app.server, access, listener)
    address = address_of(access, listener.getsockname()[1])
    threading.Thread(target=_answer_ahead, args=(collection,), name="answer ahead", daemon=True).start()
    on_ready(address)
    if open_browser and access.token is None:
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
    try:
        run_until_told(server)
    finally:
        scans.close()
        trimmer.close()
        server.close()


def _harden(policy: str, response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", policy)  # a report brings its own
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    return response


def _keep(assets: str, response: Response) -> Response:
    """Spare a browser that has the page's files from asking for each of them again."""
    if response.status_code == 200 and request.path.startswith(assets):
        response.headers["Cache-Control"] = FOR_GOOD
    return response


def address_of(access: Access, port: int) -> str:
    """Give the address that a browser opens the page by."""
    host = access.host
    name = socket.gethostname() if host in ("0.0.0.0", "::", "") else f"[{host}]" if ":" in host else host  # noqa: S104
    address = access.public_url or f"http://{name}:{port}/"
    return f"{address}?{TOKEN}={access.token}" if access.token else address


def _answer_ahead(collection: Collection) -> None:
    """Compute what the page asks for first while the browser is still starting."""
    try:
        first = Selection.default(collection)
        map_panel.map_of(collection, first)
        respond.answer_of(collection, first)
        respond.distances_of(collection, first)
        respond.evidence_of(collection, first)
        api.rows_in_map_order(collection)
        compile_loops()  # where there was no set to answer: the first one saved does not wait for it
    except Exception:  # the page will ask again, and say so
        log.debug("The first answer could not be computed ahead.", exc_info=True)


def _tell(error: Exception) -> None:
    """Write an error of a callback into the page's status line; nothing else on the page changes."""
    if isinstance(error, DxrError):
        parts: list[object] = [html.Span(f"{error.problem} {error.remedy}", dir="auto")]
        if error.remedy.startswith("Reload"):
            parts.append(action("Reload", "reload"))
    else:
        log.error("A part of the page failed.", exc_info=error)
        parts = [
            html.Span(
                "Something went wrong inside dxr; its log says where. The rest of the page still works."
            )
        ]
    set_props(ids.STATUS, {"children": parts})


def _assets() -> Path:
    """Find the files for the browser: inside an installed package, beside it in a checkout."""
    inside = _PACKAGE / "assets"
    return inside if inside.is_dir() else _PACKAGE.parent / "assets"


def _digest(folder: Path) -> str:
    """Name what the files in a folder hold."""
    found = blake2b(digest_size=8)
    for path in sorted(one for one in folder.iterdir() if one.is_file()):
        data = path.read_bytes()
        found.update(f"{path.name}\0{len(data)}\0".encode() + data)
    return found.hexdigest()
