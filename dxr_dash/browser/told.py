"""Slow work that tells the page how far it is: lines of JSON, sent while it goes on."""

from __future__ import annotations

import json
import logging
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping

from flask import Response

from dxr_dash.errors import DxrError
from dxr_dash.records import OnProgress

log = logging.getLogger(__name__)

Said = Mapping[str, object]


def told(
    work: Callable[[OnProgress], Said], failed: Callable[[DxrError], Said], crash: DxrError
) -> Iterator[str]:
    """Yield a line for each step of the work, and what came of it as the last.

    The work is done in a thread of its own, since the lines must go out while it goes on.

    Args:
        failed: what the last line says of an error.
        crash: what the page is told where dxr itself is at fault; the log has the rest.
    """
    lines: queue.Queue[str | None] = queue.Queue()

    def tell(step: str, done: int, total: int) -> None:
        lines.put(line({"step": step, "done": done, "total": total}))

    def run() -> None:
        try:
            last = work(tell)
        except DxrError as error:
            last = failed(error)
        except Exception:
            log.exception("What the page asked for could not be done.")
            last = failed(crash)
        lines.put(line(last))
        lines.put(None)

    threading.Thread(target=run, name="told", daemon=True).start()
    while (one := lines.get()) is not None:
        yield one


def line(said: Said) -> str:
    """Write one line."""
    return json.dumps(said) + "\n"


def line_by_line(lines: Iterable[str]) -> Response:
    """Send lines as they come."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Response(lines, mimetype="application/x-ndjson", headers=headers)
