"""What arrives on a connection is bounded before it is kept, and a full house still opens to a newcomer."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import Any

import pytest
from waitress import wasyncore

from dxr_dash import settings
from dxr_dash.browser.access import Access
from dxr_dash.browser.connections import FORM_SLACK_BYTES, QUESTION_BYTES, STRANGER_BYTES, listening

PATIENCE_S = 60
MOST = 5
TOKEN = "a-secret-of-the-test"  # noqa: S105  # pragma: allowlist secret
OPEN, SECRET = Access(), Access(token=TOKEN)
COOKIE = "=".join(SECRET.cookie)


def counts(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """An app that says how many bytes it was sent."""
    body = str(len(environ["wsgi.input"].read())).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


@contextmanager
def serving(access: Access) -> Iterator[int]:
    server = listening(counts, access, socket.create_server(("127.0.0.1", 0)), most=MOST)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server.effective_port
    finally:
        server.trigger.pull_trigger(partial(wasyncore.close_all, server._map))
        thread.join()
        server.task_dispatcher.shutdown()


def first_line(port: int, head: str, body: bytes = b"") -> str:
    """Send a header, and perhaps a body; return the first line of what comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as raw:
        raw.sendall(f"{head}\r\nHost: 127.0.0.1\r\n\r\n".encode() + body)
        return raw.makefile("rb").readline().decode()


@pytest.mark.parametrize(
    ("access", "path", "headers", "most"),
    [
        (OPEN, "/_dash-update-component", "", QUESTION_BYTES),
        (OPEN, "/query-sets", "", QUESTION_BYTES),  # as another site could send it
        (OPEN, "/query-sets", "X-Dxr: x", settings.UPLOAD_MAX_TOTAL_BYTES + FORM_SLACK_BYTES),
        (SECRET, "/query-sets", "X-Dxr: x", STRANGER_BYTES),
        (SECRET, "/query-sets", "X-Dxr: x\r\nCookie: dxr-0=1; " + COOKIE[:-1] + "?", STRANGER_BYTES),
        (SECRET, "/", f"Cookie: {COOKIE}", QUESTION_BYTES),
        (
            SECRET,
            "/some/where/query-sets",
            f"X-Dxr: x\r\nCookie: a=b; {COOKIE}",
            settings.UPLOAD_MAX_TOTAL_BYTES + FORM_SLACK_BYTES,
        ),
    ],
)
def test_a_body_is_refused_by_its_header_alone(access: Access, path: str, headers: str, most: int) -> None:
    with serving(access) as port:
        head = f"POST {path} HTTP/1.1\r\n{headers}\r\n" if headers else f"POST {path} HTTP/1.1\r\n"
        assert " 413 " in first_line(port, f"{head}Content-Length: {most + 1}")
        if most <= QUESTION_BYTES:
            assert " 200 " in first_line(port, f"{head}Content-Length: {most}", bytes(most))


def test_a_body_of_unknown_length_is_refused_where_it_becomes_too_long() -> None:
    chunk = b"10000\r\n" + bytes(2**16) + b"\r\n"
    head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked"
    with serving(OPEN) as port:
        assert " 200 " in first_line(port, head, chunk * 3 + b"0\r\n\r\n")
        assert " 413 " in first_line(port, head, chunk * 17)


def test_a_full_house_lets_a_newcomer_in_and_the_longest_idle_out() -> None:
    with serving(OPEN) as port, ExitStack() as stack:
        idle = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S))
            for _ in range(MOST + 2)
        ]
        for one in idle:
            one.sendall(b"GET / HTTP/1.1\r\nX-A: ")  # and nothing more
        newcomer = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        newcomer.request("GET", "/")
        assert newcomer.getresponse().read() == b"0"
        with suppress(
            ConnectionResetError
        ):  # the other way to be told: what it had sent was not read any more
            assert idle[0].recv(10) == b""
        newcomer.request("GET", "/")
        assert newcomer.getresponse().status == 200
        newcomer.close()
