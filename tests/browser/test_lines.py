"""Pages and pictures are there at once, however many answers are waited for."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from waitress import wasyncore
from waitress.server import create_server

from dxr_dash.analysis.cores import Turns
from dxr_dash.browser.lines import ASKING_THREADS, TwoLines, in_turn

PATIENCE_S = 60


class Answers:
    """A server whose slow answers wait until they are let go."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Event()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        if environ["REQUEST_METHOD"] == "POST" or "/report/" in environ["PATH_INFO"]:
            self.begun.release()
            assert self.go_on.wait(PATIENCE_S)
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
def port(answers: Answers) -> Iterator[int]:
    server = create_server(answers, host="127.0.0.1", port=0, threads=2, asyncore_use_poll=True)
    server.task_dispatcher = TwoLines(server.task_dispatcher)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield server.effective_port
    answers.go_on.set()
    server.trigger.pull_trigger(partial(wasyncore.close_all, server._map))
    thread.join()
    server.task_dispatcher.shutdown()


def ask(port: int, method: str, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request(method, path)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/_dash-update-component"), ("GET", "/report/x/y/z.html")]
)
def test_a_page_does_not_wait_for_answers(
    answers: Answers, port: int, method: str, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    n_asked = ASKING_THREADS + 9  # more than there are threads: the last ones wait
    with ThreadPoolExecutor(n_asked) as people:
        slow = [people.submit(ask, port, method, path) for _ in range(n_asked)]
        for _ in range(ASKING_THREADS):
            assert answers.begun.acquire(timeout=PATIENCE_S)
        assert [ask(port, "GET", "/") for _ in range(5)] == [200] * 5
        assert not any(one.done() for one in slow)
        answers.go_on.set()
        assert [one.result() for one in slow] == [200] * n_asked
    assert not caplog.records  # in the terminal there is nothing about who waits


def test_what_is_no_request_is_refused_and_the_server_goes_on(port: int) -> None:
    for nonsense in (b"NONSENSE\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as raw:
            raw.sendall(nonsense)
            assert b" 400 " in raw.recv(1000)
    assert ask(port, "GET", "/") == 200


def test_parts_of_a_page_wait_for_their_turn() -> None:
    n_turns = 3
    turns = Turns(n_turns)
    at_work, most, lock = 0, 0, threading.Lock()
    full = threading.Barrier(n_turns)

    def part(number: int) -> int:
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
        full.wait(PATIENCE_S)  # passes only when as many as may are at work together
        with lock:
            at_work -= 1
        return number

    numbers = range(4 * n_turns)
    with ThreadPoolExecutor(len(numbers)) as people:
        assert list(people.map(in_turn(part, turns), numbers)) == list(numbers)
    assert most <= n_turns


def test_a_failure_gives_its_turn_back() -> None:
    def fails() -> None:
        raise ValueError("wrong")

    turns = Turns(1)
    for _ in range(2):
        with pytest.raises(ValueError, match="wrong"):
            in_turn(fails, turns)()
    assert in_turn(len, turns)("ab") == 2
