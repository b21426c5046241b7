"""Simulated people for `drill_load.py`: each asks what the page would ask, and knows what the answer must be."""

from __future__ import annotations

import http.client
import json
import random
import re
import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import numpy as np

from dxr_dash import api, settings
from dxr_dash.analysis.distances import distances
from dxr_dash.browser import ids, urls
from dxr_dash.browser.respond import SELECTION_PAIRS, SHEET_IMAGES
from dxr_dash.collection.store import Collection
from dxr_dash.collection.tiles import MOST_LEVEL, mosaic_tile
from dxr_dash.figures import theme as words
from dxr_dash.records import IntArray

LIMIT_S = 300  # for one answer; what takes longer is an error. A browser waits as long as it takes
CORNERS = 24  # of a lasso
HOVERED = 6  # thumbnails at once: a grid's first line
Data = dict[str, Any]


@dataclass
class Notes:
    """What all people saw, together."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    checked: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def took(self, kind: str, seconds: float) -> None:
        """Note how long an answer took."""
        with self.lock:
            self.seconds[kind].append(seconds)

    def check(self, kind: str, found: Any, expected: Any) -> None:
        """Note whether an answer is the one that this person's question has."""
        same = (
            bool(np.array_equal(found, expected)) if isinstance(expected, np.ndarray) else found == expected
        )
        with self.lock:
            self.checked[kind] += 1
            if not same:
                self.wrong.append(f"{kind}: {str(found)[:200]} instead of {str(expected)[:200]}")


@dataclass(frozen=True)
class Answered:
    """An answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class UnexpectedAnswerError(Exception):
    """An answer that nobody should get."""


class Caller:
    """One connection that is kept, as a browser keeps it."""

    def __init__(self, port: int, notes: Notes) -> None:
        self.port, self.notes = port, notes
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)

    def ask(
        self,
        kind: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        status: int = 200,
    ) -> bytes:
        """Ask, and return the body; the time and every failure are noted.

        Raises:
            UnexpectedAnswerError: the status is another one, or the connection broke.
        """
        start = time.perf_counter()
        try:
            self.connection.request(
                "GET" if body is None else "POST", f"/{path.lstrip('/')}", body, dict(headers or {})
            )
            got = self.connection.getresponse()
            data = got.read()
        except (OSError, http.client.HTTPException) as error:
            self.connection.close()
            raise UnexpectedAnswerError(f"{kind}: {type(error).__name__} {error}") from error
        self.notes.took(kind, time.perf_counter() - start)
        if got.status != status:
            raise UnexpectedAnswerError(f"{kind}: status {got.status} for {path[:120]}")
        return data


class Envelopes:
    """How the page words its questions, read from what the server itself says of its callbacks."""

    def __init__(self, dependencies: list[Data]) -> None:
        self.by_input: dict[str, list[Data]] = defaultdict(list)
        for one in dependencies:
            if one.get("clientside_function") is None:
                self.by_input[one["inputs"][0]["id"]].append(one)

    def of(self, view: str, value: object) -> list[tuple[str, bytes]]:
        """Return, for each callback of an input, its first output's id and what is posted."""
        return [_envelope(one, value) for one in self.by_input[view]]


def _envelope(one: Data, value: object) -> tuple[str, bytes]:
    several = one["output"].startswith("..")
    names = one["output"].strip(".").split("...") if several else [one["output"]]
    outputs = [dict(zip(("id", "property"), name.rsplit(".", 1), strict=True)) for name in names]
    asked = one["inputs"][0]
    changed = [f"{asked['id']}.{asked['property']}"]
    posted = {
        "output": one["output"],
        "outputs": outputs if several else outputs[0],
        "inputs": [{**asked, "value": value}],
        "changedPropIds": changed,
        "parsedChangedPropsIds": changed,
    }
    return outputs[0]["id"], json.dumps(posted).encode()


class Person(Caller):
    """Somebody with a page of their own: what they look at, and what they saved."""

    def __init__(self, number: int, port: int, notes: Notes, collection: Collection) -> None:
        super().__init__(port, notes)
        self.number, self.collection = number, collection
        self.random = random.Random(number)  # noqa: S311
        self.space = collection.space()
        self.version = urls.version(collection)
        self.state: Data = {}
        self.envelopes = Envelopes([])
        self.n_saved = 0
        self.acts: list[tuple[Callable[[], None], int]] = [
            (self.hover, 30),
            (self.click, 22),
            (self.lasso, 12),
            (self.tiles, 10),
            (self.colours, 6),
            (self.curves, 8),
            (self.find, 4),
            (self.save_and_remove, 4),
            (self.upload_and_remove, 2),
            (self.open, 2),
        ]

    def live(self, until: float, pause_s: float) -> None:
        """Go on until a moment, with pauses; whatever fails is noted, and the page opened anew."""
        fresh = True
        while time.monotonic() < until:
            act = self.random.choices([one for one, _ in self.acts], [often for _, often in self.acts])[0]
            try:
                (self.open if fresh else act)()
                fresh = False
            except UnexpectedAnswerError as error:
                with self.notes.lock:
                    self.notes.errors.append(f"person {self.number}, {error}")
                fresh = True
            time.sleep(self.random.expovariate(1 / pause_s))
        self.connection.close()

    # What a person does

    def open(self) -> None:
        """Open the page at an address that says a focus and a lasso, as reloading does."""
        self.ask("page", "")
        self.ask("layout", "_dash-layout")
        self.envelopes = Envelopes(json.loads(self.ask("dependencies", "_dash-dependencies")))
        row, corners = self._row(), self._corners()
        flat = ",".join(f"{value:.5g}" for corner in corners for value in corner)
        reply = self.command({"do": "open", "search": f"?focus={row}&lasso={flat}"})
        self.state = reply["state"]
        self.notes.check("open", self.state["focus"], row)
        self.notes.check("open", flat, ",".join(f"{v:.5g}" for corner in self.state["lasso"] for v in corner))
        self._look("map", ids.MAP_VIEW, self._map())
        self._look("sets", ids.SETS_VIEW, self._base() | {"shown": self.state["shown"]})
        self._look("answer", ids.ANSWER_VIEW, self._base() | {"theme": "light"})
        self._see_neighbours()
        self._see_selected()

    def hover(self) -> None:
        """Run along a line of thumbnails."""
        for _ in range(HOVERED):
            row = self._row()
            found = self.ask("thumbnail", urls.thumbnail(self.collection, row))
            self.notes.check("thumbnail", found, self.collection.thumbnail(row))

    def click(self) -> None:
        """Look at an image: its neighbours, its ranking, where they lie on the map."""
        row = self.state["focus"] = self._row()
        self._see_neighbours()
        self._see_ranking(f"r{row}", api.ranking(self.collection, row).items)

    def lasso(self) -> None:
        """Draw round a part of the map."""
        self.state |= {"lasso": self._corners(), "drawn_on": "umap points"}
        self._look("map", ids.MAP_VIEW, self._map())
        self._see_selected()
        flat = ",".join(f"{value:.5g}" for corner in self.state["lasso"] for value in corner)
        self.ask(
            "veil", urls.veil(self.collection, self.space.id, "umap", "points", "light", f"lasso={flat}")
        )

    def tiles(self) -> None:
        """Look at a part of the mosaic."""
        mosaic = self.space.layout("umap").mosaic
        for _ in range(2):
            level = self.random.randrange(3, MOST_LEVEL)
            across = 256 >> level
            y = self.random.randrange(-(-mosaic.grid.shape[0] // across))
            x = self.random.randrange(-(-mosaic.grid.shape[1] // across))
            path = f"mosaic/{self.version}/{quote(self.space.id)}/umap/{level}/{x}_{y}.webp"
            self.notes.check(
                "tile", self.ask("tile", path), mosaic_tile(self.collection, mosaic, level, x, y)
            )

    def colours(self) -> None:
        """Colour the map by something else."""
        by = self.state["colour"] = self.random.choice(["cluster", "trust", "nothing"])
        self._look("map", ids.MAP_VIEW, self._map())
        self.ask("colours", urls.colours(self.collection, self.space.id, "umap", "points", "dark", by, None))

    def curves(self) -> None:
        """Look at the rank curves of some images."""
        rows = [self._row() for _ in range(3)]
        queries = [
            {"key": f"r{row}", "slot": slot, "pinned": False, "name": f"of {self.number}"}
            for slot, row in enumerate(dict.fromkeys(rows))
        ]
        view = {
            "theme": "light",
            "opened": 1,
            "queries": queries,
            "metric": self.space.metric,
            "scale": "log",
        }
        found = self._look("rank curves", ids.RANKS_VIEW, self._base() | view)
        told = json.dumps(found[ids.RANKS])
        self.notes.check("rank curves", all(f"r{row}" in told for row in rows), True)

    def find(self) -> None:
        """Look for an image by its name."""
        row = self._row()
        path = self.collection.path(row)
        found = self._look("find", ids.FOUND_VIEW, path)
        self.notes.check("find", row in _rows(found[ids.FOUND]), True)

    def save_and_remove(self) -> None:
        """Keep what the lasso holds as a query set, look at its answer, and remove it."""
        self.lasso()
        rows = self._selected()
        if len(rows) < 2:
            return
        self.n_saved += 1
        name = f"set {self.n_saved} of person {self.number}"
        reply = self.command({"do": "save", "name": name, "selection": self.state})
        one = reply["show"]
        self.notes.check("save", name in reply["note"] and words.count(len(rows)) in reply["note"], True)
        with self._active(one):
            kept = np.frombuffer(self.ask("members", f"members/{self.version}/{one}.i32"), "<i4")
            self.notes.check("members", kept, rows.astype("<i4"))
            found = self._look("answer", ids.ANSWER_VIEW, self._base() | {"theme": "light"})
            told = found[ids.ANSWER]
            images = f"{words.count(len(rows))} images against"
            about = f"{self.space.id} {one}"
            self.notes.check(
                "answer", (_about(told), name in _text(told), images in _text(told)), (about, True, True)
            )
            self._look("distances", ids.DISTANCES_VIEW, self._map() | {"shown": [one], "member": None})
            path = f"distances/{self.version}/{quote(self.space.id)}/{one}.f32"
            far = np.frombuffer(self.ask("set distances", path), "<f4")
            spot = self._row()
            others = rows[rows != spot]
            true = distances(
                self.space.vectors[[spot]], self.space.vectors[others], metric=self.space.metric
            ).min()
            self.notes.check("set distances", bool(abs(far[spot] - true) < 1e-4), True)
        self._remove(one)

    def upload_and_remove(self) -> None:
        """Ask with a file from outside that is an image of the gallery, too: that image must be the nearest."""
        row = self._row()
        one = self.upload(row, f"upload of person {self.number}")
        self.ask("outside thumbnail", urls.outside(self.collection, one, 0))
        path = f"ranking/{self.version}/{quote(self.space.id)}/{self.space.metric}/o.{one}.0/0.bin"
        data = self.ask("ranking", path)
        n_ranked = len(data) // 10
        items = np.frombuffer(data, "<i4", n_ranked)
        far = np.frombuffer(data, "<f4", n_ranked, 4 * n_ranked)
        at = far[items == row]
        self.notes.check("upload", bool(len(at) and at[0] <= far[0] + 1e-4), True)
        self._remove(one)

    def content_of(self, row: int) -> bytes:
        """Read the file of a gallery image."""
        return (self.collection.images_root / self.collection.path(row)).read_bytes()

    def upload(self, row: int, name: str) -> str:
        """Send the file of a gallery image; return the new set's id.

        Raises:
            UnexpectedAnswerError: no set came of it.
        """
        content = self.content_of(row)
        edge = secrets.token_hex(12)
        body = (
            (
                f'--{edge}\r\nContent-Disposition: form-data; name="name"\r\n\r\n{name}\r\n'
                f'--{edge}\r\nContent-Disposition: form-data; name="images"; filename="{row}.jpg"\r\n\r\n'
            ).encode()
            + content
            + f"\r\n--{edge}--\r\n".encode()
        )
        headers = {
            "X-Dxr": self.collection.fingerprint,
            "Content-Type": f"multipart/form-data; boundary={edge}",
        }
        lines = self.ask("upload", "query-sets", body=body, headers=headers).decode().splitlines()
        reply = json.loads(lines[-1]).get("reply", {})
        if not reply.get("show"):
            raise UnexpectedAnswerError(f"upload: {reply.get('note')}")
        self.notes.check("upload", name in reply["note"], True)
        return str(reply["show"])

    def command(self, command: Data) -> Data:
        """Ask the server to do something."""
        value = {"fingerprint": self.collection.fingerprint, **command, "at": time.perf_counter()}
        reply = self._look(f"command {command['do']}", ids.COMMAND, value)[ids.REPLY]
        return dict(reply)

    # What they see of it

    def _look(self, kind: str, view: str, value: object) -> Data:
        """Ask for all that hangs on one part of the state; return the answers' first values, by id."""
        found = {}
        for first, posted in self.envelopes.of(view, value):
            name = kind if len(self.envelopes.by_input[view]) == 1 else f"{kind}: {first}"
            body = self.ask(
                name, "_dash-update-component", body=posted, headers={"Content-Type": "application/json"}
            )
            answer = json.loads(body)
            if "sideUpdate" in answer:
                raise UnexpectedAnswerError(f"{name}: {json.dumps(answer['sideUpdate'])[:300]}")
            found[first] = next(iter(answer["response"][first].values()))
        return found

    def _see_neighbours(self) -> None:
        row = self.state["focus"]
        found = self._look("neighbours", ids.NEIGHBOURS_VIEW, self._base() | {"active": None, "focus": row})
        near = api.nearest(self.collection, [row], k=settings.NEIGHBOURS_SHOWN)
        self.notes.check("neighbours", _rows(found[ids.NEIGHBOURS]), [row, *near.rows.tolist()])

    def _see_ranking(self, key: str, expected: np.ndarray) -> None:
        path = f"ranking/{self.version}/{quote(self.space.id)}/{self.space.metric}/{key}/0.bin"
        data = self.ask("ranking", path)
        n_ranked = len(data) // 10
        self.notes.check("ranking", np.frombuffer(data, "<i4", n_ranked), expected[:n_ranked].astype("<i4"))

    def _see_selected(self) -> None:
        view = self._base() | {"active": None, "edition": 0, "picked": None}
        found = self._look(
            "lasso", ids.SELECTED_VIEW, view | {key: self.state[key] for key in ("lasso", "drawn_on")}
        )[ids.SELECTED]
        rows = self._selected()
        if not len(rows):
            self.notes.check("lasso", "No image selected" in _text(found), True)
            return
        self.notes.check("lasso", f"{words.count(len(rows))} image" in _text(found), True)
        sheet = (
            rows
            if len(rows) <= SHEET_IMAGES
            else rows[np.linspace(0, len(rows) - 1, SHEET_IMAGES).astype(int)]
        )
        near: list[int] = []
        shown = _rows(found)
        if len(rows) * len(self.collection) > SELECTION_PAIRS:
            shown = shown[: len(sheet)]
        else:
            near = api.nearest(self.collection, rows.tolist(), k=settings.NEIGHBOURS_SHOWN).rows.tolist()
        self.notes.check("lasso", shown, [*sheet.tolist(), *near])

    def _remove(self, one: str) -> None:
        reply = self.command({"do": "remove", "set": one})
        self.notes.check("remove", reply["hide"], one)
        self.ask("removed", f"members/{self.version}/{one}.i32", status=404)

    # What they look at

    @contextmanager
    def _active(self, one: str) -> Iterator[None]:
        before, self.state["active"] = self.state["active"], one
        try:
            yield
        finally:
            self.state["active"] = before

    def _base(self) -> Data:
        return {key: self.state[key] for key in ("fingerprint", "space", "edition", "active")}

    def _map(self) -> Data:
        keys = "opened", "shown", "layout", "arrangement", "drawn_on", "lasso", "picked", "colour", "view"
        return (
            self._base()
            | {key: self.state[key] for key in keys}
            | {"theme": "light", "webgl": True, "aspect": 1.3}
        )

    def _row(self) -> int:
        return self.random.randrange(len(self.collection))

    def _corners(self) -> list[list[float]]:
        places = self.space.layout("umap").coordinates
        x, y = places[self._row()].tolist()
        radius = float(np.ptp(places, axis=0).max()) * self.random.uniform(0.01, 0.12)
        turns = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
        return [
            [float(f"{x + radius * np.cos(t):.5g}"), float(f"{y + radius * np.sin(t):.5g}")] for t in turns
        ]

    def _selected(self) -> IntArray:
        corners = np.array(self.state["lasso"], np.float64)
        return api.rows_in_polygon(self.collection, corners, space=self.space.id, layout="umap", mosaic=False)


def _rows(tree: str) -> list[int]:
    """Return the gallery rows of the thumbnails that a panel shows, in order."""
    return [int(row) for row in re.findall(r'"data-row":\s*"?(\d+)', tree)]


def _about(tree: str) -> str:
    found = re.search(r'"data-of":\s*"([^"]*)"', tree)
    return found[1] if found else ""


def _text(tree: str) -> str:
    """Return a panel's text: its JSON without escapes."""
    return json.dumps(json.loads(tree), ensure_ascii=False)
