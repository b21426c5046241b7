"""Ctrl-C and SIGTERM: what has been asked is answered to its last byte, then the server ends."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from waitress import wasyncore

FINISH_S = 10.0  # for clients that read what they asked for too slowly, or never


def run_until_told(server: Any) -> None:
    """Serve until Ctrl-C or SIGTERM, then answer what has arrived by then; a second one ends at once.

    waitress's own ``run`` cancels the questions that wait for a thread, and sends no more of the answers that a client
    has not taken yet.

    Args:
        server: what waitress's ``create_server`` returned for one socket.

    Raises:
        KeyboardInterrupt: Ctrl-C once more, or in a thread that gets no signals.
    """
    with _told(server) as told:
        while not told.is_set():
            _turn(server, server.adj.asyncore_loop_timeout)
    for _ in range(2):  # connections that wait, then what they sent
        _turn(server, 0)
    wasyncore.dispatcher.close(server)  # nobody else comes in; server.close ends the rest
    end = time.monotonic() + FINISH_S
    while _end_idle(server) and time.monotonic() < end:
        _turn(server, 0.1)
    server.task_dispatcher.shutdown(timeout=1)


def _turn(server: Any, timeout_s: float) -> None:
    """Let every connection that is ready read or write once."""
    wasyncore.loop(timeout=timeout_s, map=server._map, use_poll=server.adj.asyncore_use_poll, count=1)


def _end_idle(server: Any) -> bool:
    """Close the connections that wait for nothing, and say whether any are left."""
    for channel in list(server.active_channels.values()):
        if not channel.requests and not channel.total_outbufs_len:
            channel.handle_close()
    return bool(server.active_channels)


@contextmanager
def _told(server: Any) -> Iterator[threading.Event]:
    """Set an event at Ctrl-C or SIGTERM, rather than break off whatever the loop was doing with a connection."""
    told = threading.Event()
    before: dict[int, Any] = {}

    def tell(_number: int, _frame: FrameType | None) -> None:
        for number, handler in before.items():
            signal.signal(number, handler)
        told.set()
        server.pull_trigger()

    if threading.current_thread() is threading.main_thread():
        for caught in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(caught) is not signal.SIG_IGN:
                before[caught] = signal.signal(caught, tell)
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
