"""Connections: how much may arrive on one, from whom, and which one goes when there are too many."""

from __future__ import annotations

import socket
from copy import copy
from functools import partial
from typing import Any

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import create_server
from werkzeug.http import parse_cookie

from dxr_dash import settings
from dxr_dash.browser import urls
from dxr_dash.browser.access import OWN_HEADER, Access, WsgiApp, behind_prefix
from dxr_dash.browser.lines import TwoLines

MOST = 1000  # a browser keeps six
STRANGER_BYTES = 64 * 1024  # what may be sent to be told that the token is missing
QUESTION_BYTES = 2**20  # what the page asks has a few kB; JSON takes thirty times its size in memory
FORM_SLACK_BYTES = 2**20  # what a multipart form needs beside the files
_THREADS = 8  # for what is fetched
_OUT_BYTES = 32 * 2**20  # of one answer that wait in memory rather than in a file: plotly's script is 5 MB
_OWN_HEADER = OWN_HEADER.upper().replace("-", "_")  # as waitress keeps it


def listening(app: WsgiApp, access: Access, listener: socket.socket, *, most: int = MOST) -> Any:
    """Make waitress's server for an app, with two lines of threads and bounds on what arrives.

    Args:
        listener: a socket that listens already.
        most: connections at once; one more, and the one that has been idle for longest is closed.
    """
    server = create_server(
        behind_prefix(app, access.prefix),
        sockets=[listener],
        threads=_THREADS,
        ident=None,
        outbuf_overflow=_OUT_BYTES,
        connection_limit=2 * most,  # beyond, waitress takes no more: only where none of them is idle
        asyncore_use_poll=True,  # select takes no file beyond the 1,024th
    )
    server.task_dispatcher = TwoLines(server.task_dispatcher)
    server.channel_class = partial(_Channel, access, most)
    return server


class _Channel(HTTPChannel):  # type: ignore[misc]
    """A connection; a new one is always taken in, at the cost of the one that has waited for nothing the longest."""

    def __init__(self, access: Access, most: int, server: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(server, *args, **kwargs)
        self.parser_class = partial(_Request, access)
        if len(server.active_channels) > most:
            others = [one for one in server.active_channels.values() if one is not self]
            idle = [one for one in others if not one.requests and not one.total_outbufs_len]
            if idle:
                min(idle, key=lambda one: one.last_activity).handle_close()


class _Request(HTTPRequestParser):  # type: ignore[misc]
    """A request whose body is refused by its header, before a byte of it is kept."""

    def __init__(self, access: Access, adj: Any) -> None:
        super().__init__(adj)
        self.adj: Any = copy(adj)  # of its own: the limit is
        self._access = access

    def parse_header(self, header_plus: bytes) -> None:
        """Read the header, and decide how large the body may be."""
        super().parse_header(header_plus)
        self.adj.max_request_body_size = 1 + self._most_bytes()  # waitress refuses what fills it

    def _most_bytes(self) -> int:
        if not self._access.knows(parse_cookie(self.headers.get("COOKIE", ""))):
            return STRANGER_BYTES
        # no page of another site can send the header
        if self.path.endswith(urls.QUERY_SETS) and _OWN_HEADER in self.headers:
            return settings.UPLOAD_MAX_TOTAL_BYTES + FORM_SLACK_BYTES
        return QUESTION_BYTES
