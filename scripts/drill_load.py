"""Let many simulated people use one server, then interrupt it, and look at what went wrong.

    python scripts/drill_load.py NAME.dxr [--people 50] [--minutes 10] [--uploads 1000] [--json FILE]

A real server process on this machine's loopback; the collection must still have its images, of which files are sent.
Each person (`people.py`) has a state of their own and compares every answer with what the library gives for it.
At the same time some clients send or read one byte a second, and some drop their connections. Then come uploads in a
row, one after the other, and at last Ctrl-C (SIGINT) while questions are being answered. The collection is left as it
is: sets are saved in a folder of links. Memory is the server's RssAnon; its slope is a least-squares line through
30 means, from a third of the time on.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
from bench_page import cpu_ms, linked, memory_mb, quantile
from drawing import standalone
from people import Notes, Person, UnexpectedAnswerError
from scipy import stats
from take_screenshots import ROOT, wait_for

from dxr_dash import api
from dxr_dash.browser import ids
from dxr_dash.figures.theme import LIGHT, template

SLOW_EACH = 8  # clients that send, and as many that read, one byte a second
BLOCKS = 30  # of time, after warm-up: means of so long are next to independent
WARM_SHARE = 1 / 3
IN_FLIGHT = 24  # questions under way at Ctrl-C
END_LIMIT_S = 30


@contextmanager
def server(folder: Path, log: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Serve a collection as a user does; give the process and its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "dxr_dash", "serve", str(folder), "--port", str(port), "--no-browser"]
    # Python leaves SIGINT ignored where it is so at the start, as it is for what a shell runs in the background
    default = signal.signal(signal.SIGINT, signal.default_int_handler)
    with log.open("wb") as said, subprocess.Popen(command, cwd=ROOT, stderr=said) as process:
        signal.signal(signal.SIGINT, default)
        try:
            wait_for(f"http://127.0.0.1:{port}/", process)
            yield process, port
        finally:
            process.kill()


class Memory(threading.Thread):
    """Reads the server's own memory once a second."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.seen, self.over = pid, list[tuple[float, float]](), threading.Event()
        self.start()

    def run(self) -> None:
        """Read until it is over."""
        begin = time.monotonic()
        while not self.over.wait(1):
            with suppress(OSError, KeyError):
                self.seen.append((time.monotonic() - begin, own_memory_mb(self.pid)))

    def slope(self) -> dict[str, float]:
        """Return MB a minute with its 95 % interval, after warm-up."""
        times, sizes = np.array(self.seen).T
        late = times > WARM_SHARE * times[-1]
        blocks = (times[late] // ((1 - WARM_SHARE) * times[-1] / BLOCKS)).astype(int)
        means = [
            (times[late][blocks == b].mean(), sizes[late][blocks == b].mean()) for b in np.unique(blocks)
        ]
        if len(means) < 4:
            return {}
        x, y = np.array(means).T
        line = stats.linregress(x / 60, y)
        half = float(stats.t.ppf(0.975, len(x) - 2) * line.stderr)
        low, high = line.slope - half, line.slope + half
        return {
            "first": float(sizes[0]),
            "warm": float(y[0]),
            "last": float(y[-1]),
            "MB/min": float(line.slope),
            "from": float(low),
            "to": float(high),
        }


def own_memory_mb(pid: int) -> float:
    """Return a process's own memory in MB, finer than `memory_mb` does."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1024
    raise KeyError("RssAnon")


class Rough:
    """Clients that nobody wishes for: slow ones, and some that go away in the middle."""

    def __init__(self, port: int, until: float) -> None:
        self.port, self.until = port, until
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
            page = answer.read().decode()
        path = next(part for part in page.split('"') if "plotly-strict" in part)
        self.ask_largest = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
        self.done: Counter[str] = Counter()
        jobs = [self.send_slowly, self.read_slowly, self.post_slowly] * SLOW_EACH + [self.drop] * 2
        self.threads = [
            threading.Thread(target=job, args=(number,), daemon=True) for number, job in enumerate(jobs)
        ]
        for thread in self.threads:
            thread.start()

    def left_s(self) -> float:
        """Return for how long to go on."""
        return self.until - time.monotonic()

    def connect(self) -> socket.socket:
        """Open a connection of its own."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def send_slowly(self, _: int) -> None:
        """Ask for something, a byte a second."""
        with suppress(OSError), self.connect() as one:
            for byte in b"GET /_dash-dependencies HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n":
                if self.left_s() < 0:
                    return
                one.sendall(bytes([byte]))
                time.sleep(1)
            while one.recv(65536):
                pass
            self.done["slow questions answered"] += 1

    def post_slowly(self, _: int) -> None:
        """Send a large form, a byte a second."""
        with suppress(OSError), self.connect() as one:
            one.sendall(
                b"POST /query-sets HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Dxr: x\r\nContent-Length: 100000\r\n"
                b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
            )
            while self.left_s() > 0:
                one.sendall(b"-")
                self.done["bytes posted slowly"] += 1
                time.sleep(1)

    def read_slowly(self, _: int) -> None:
        """Ask for the largest file, and read a byte a second."""
        with suppress(OSError), socket.socket() as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.connect(("127.0.0.1", self.port))
            one.sendall(self.ask_largest)
            while self.left_s() > 0 and one.recv(1):
                self.done["bytes read slowly"] += 1
                time.sleep(1)

    def drop(self, number: int) -> None:
        """Ask, or send half a form, and close the connection at once, every other time with a reset."""
        view = json.dumps({"output": "x"}).encode()
        asked = (
            self.ask_largest,
            b"POST /query-sets HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Dxr: x\r\nContent-Length: 900000\r\n\r\n"
            + b"-" * 5000,
            b"POST /_dash-update-component HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n"
            % len(view)
            + view[:5],
            b"GET /thumb",
        )
        while self.left_s() > 0:
            number += 1
            with suppress(OSError), self.connect() as one:
                one.sendall(asked[number % len(asked)])
                time.sleep(0.01 * (number % 3))
                if number % 2:
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.done["connections dropped"] += 1
            time.sleep(0.1)


def use(people: list[Person], seconds: float, pause_s: float) -> None:
    """Let all people use the page for a while."""
    until = time.monotonic() + seconds
    threads = [threading.Thread(target=one.live, args=(until, pause_s)) for one in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def upload_in_a_row(person: Person, count: int, pid: int) -> dict[str, float]:
    """Send so many images, one after the other, and remove each set again."""
    warm, start = own_memory_mb(pid), time.perf_counter()
    for number in range(count):
        person.upload_and_remove()
        if number + 1 == count // 5:
            warm = own_memory_mb(pid)
    last = own_memory_mb(pid)
    return {
        "uploads": count,
        "seconds": time.perf_counter() - start,
        "MB after a fifth": warm,
        "MB at the end": last,
    }


def interrupt(people: list[Person], process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Press Ctrl-C while questions are under way: all that were sent before it must be answered, to the last byte."""
    ends: list[tuple[float, float | None, str]] = []
    pressed = [float("inf")]

    def ask(person: Person) -> None:
        while time.monotonic() < pressed[0]:
            value = person.state | {"focus": person._row(), "active": None}
            _, posted = person.envelopes.of(ids.NEIGHBOURS_VIEW, value)[0]
            sent = time.monotonic()
            try:
                person.connection.request(
                    "POST", "/_dash-update-component", posted, {"Content-Type": "application/json"}
                )
                sent = time.monotonic()
                json.loads(person.connection.getresponse().read())
                ends.append((sent, time.monotonic(), ""))
            except Exception as error:  # whatever it is, it is counted
                ends.append((sent, None, type(error).__name__))
                return

    threads = [threading.Thread(target=ask, args=(one,)) for one in people]
    for thread in threads:
        thread.start()
    time.sleep(3)
    moment = time.monotonic()
    process.send_signal(signal.SIGINT)
    pressed[0] = moment
    try:
        code: int | None = process.wait(END_LIMIT_S)
    except subprocess.TimeoutExpired:
        code = None
    took = time.monotonic() - moment
    for thread in threads:
        thread.join(10)
    under_way = [one for one in ends if one[0] < moment and (one[1] is None or one[1] > moment)]
    return {
        "under way": len(under_way),
        "answered": sum(end is not None for _, end, _ in under_way),
        "lost": dict(Counter(why for _, end, why in under_way if end is None)),
        "exit code": code,
        "seconds": took,
    }


def drill(folder: Path, chosen: argparse.Namespace) -> dict[str, Any]:
    """Do it all with one collection."""
    notes = Notes()
    with linked(folder) as there:
        collection = api.open_collection(there)
        api.add_query_set(collection, "kept", rows=range(min(30, len(collection))))
        log = there.parent / "server.txt"
        with server(there, log) as (process, port):
            people = [Person(number, port, notes, collection) for number in range(chosen.people)]
            memory, seconds = Memory(process.pid), 60 * chosen.minutes
            start, cpu = time.monotonic(), cpu_ms(process.pid)
            rough = Rough(port, start + seconds) if not chosen.gentle else None
            use(people, seconds, chosen.pause)
            wall = time.monotonic() - start
            found: dict[str, Any] = {
                "images": len(collection),
                "people": chosen.people,
                "seconds": wall,
                "server CPU s": (cpu_ms(process.pid) - cpu) / 1000,
                "memory": memory.slope(),
                "rough": dict(rough.done) if rough else {},
            }
            patient = Person(10_000, port, notes, collection)
            found["uploads"] = guarded(
                notes, lambda: upload_in_a_row(opened(patient), chosen.uploads, process.pid)
            )
            found["memory at the end"] = memory_mb(process.pid)
            memory.over.set()
            found["memory curve"] = memory.seen
            lasting = Rough(port, time.monotonic() + 120) if not chosen.gentle else None
            last = [opened(Person(20_000 + number, port, notes, collection)) for number in range(IN_FLIGHT)]
            found["ctrl-c"] = interrupt(last, process)
            if lasting:
                lasting.until = 0
        found["server said"] = log.read_text(errors="replace").splitlines()
    found["requests"] = {kind: table(times) for kind, times in sorted(notes.seconds.items())}
    found["checked"], found["wrong"], found["errors"] = dict(notes.checked), notes.wrong, notes.errors
    return found


def opened(person: Person) -> Person:
    """Open somebody's page."""
    person.open()
    return person


def guarded(notes: Notes, do: Callable[[], dict[str, float]]) -> dict[str, float]:
    """Do something; a failure is noted like everybody's."""
    try:
        return do()
    except UnexpectedAnswerError as error:
        notes.errors.append(f"uploads, {error}")
        return {}


def table(times: list[float]) -> dict[str, float]:
    """Return how often, and quantiles in ms."""
    return {
        "asked": len(times),
        **{f"p{round(100 * share)}": 1000 * quantile(times, share) for share in (0.5, 0.95, 0.99)},
    }


def picture(curve: list[tuple[float, float]]) -> str:
    """Draw the server's memory over time as an SVG file, up to the last upload."""
    figure = go.Figure()
    times, sizes = np.array(curve).T
    figure.add_scatter(
        x=times / 60, y=sizes, mode="lines", line={"color": LIGHT.sets[0], "width": 1.5}, showlegend=False
    )
    figure.update_layout(template=template(LIGHT), margin={"l": 56, "r": 12, "t": 24, "b": 40})
    figure.update_xaxes(title="minutes", range=[0, float(times[-1]) / 60])
    figure.update_yaxes(title="MB of the server's own", range=[0, 1.1 * float(sizes.max())])
    return standalone(figure, title="Memory of the server", height_px=280)


def show(found: dict[str, Any]) -> None:
    """Print what was seen."""
    print(f"{'request':28}{'asked':>8}{'p50 ms':>10}{'p95 ms':>10}{'p99 ms':>10}")
    for kind, one in found["requests"].items():
        print(f"{kind:28}{one['asked']:8}{one['p50']:10.1f}{one['p95']:10.1f}{one['p99']:10.1f}")
    for name in ("images", "people", "seconds", "server CPU s", "memory", "rough", "uploads", "ctrl-c"):
        print(f"{name}: {found[name]}")
    print(f"answers compared: {sum(found['checked'].values())}, wrong: {len(found['wrong'])}")
    print(f"errors: {len(found['errors'])}")
    for line in [*found["wrong"][:10], *found["errors"][:10]]:
        print(f"  {line}")
    said = [line for line in found["server said"] if "Task queue depth" not in line]
    print("the server said:", *said[:20], sep="\n  ")


def main() -> None:
    """Drill and print; the exit code is 1 where anything went wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("collection", type=Path)
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument(
        "--pause", type=float, default=2, help="seconds between what one person does, on average"
    )
    parser.add_argument("--uploads", type=int, default=1000, help="in a row, afterwards")
    parser.add_argument("--gentle", action="store_true", help="no slow clients, no dropped connections")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    parser.add_argument("--svg", type=Path, help="draw the memory there")
    chosen = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    found = drill(chosen.collection, chosen)
    show(found)
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=2))
    if chosen.svg:
        chosen.svg.write_text(picture(found["memory curve"]))
    end = found["ctrl-c"]
    bad = found["wrong"] or found["errors"] or end["lost"] or end["exit code"] != 0
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
