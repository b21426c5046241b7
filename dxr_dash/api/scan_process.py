"""The process that a page's scan runs in: ``python -m dxr_dash.api.scan_process FOLDER FINGERPRINT BY SPACE``.

A process of its own, and of low priority, so that the page stays quick: threads of one process would wait for each
other at the interpreter's lock, and one that has it must not be slowed down.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from contextlib import suppress

from dxr_dash import api
from dxr_dash.errors import DxrError, QueryError

NICENESS = 10
REFUSED = 3  # the exit code that goes with an error in words


def main(folder: str, fingerprint: str, by: str, space: str) -> int:
    """Scan; an error goes to the standard output as JSON, the lines go into the collection."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(AttributeError, OSError):  # Windows
        os.nice(NICENESS)
    try:
        collection = api.open_collection(folder)
        if collection.fingerprint != fingerprint:
            raise QueryError("The collection has changed since this page was opened.", "Reload the page.")
        api.scan(collection, by, space=space)
    except DxrError as error:
        print(json.dumps({"problem": error.problem, "remedy": error.remedy}))  # noqa: T201 - to the parent
        return REFUSED
    return 0


def _end_with_parent() -> None:
    """End when the standard input does: then the page's server has gone, however it went."""
    while os.read(0, 1):  # not sys.stdin: its lock would be held when the interpreter ends
        pass
    os._exit(0)  # every line that was written is kept


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
