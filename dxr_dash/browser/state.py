"""The state of the page: one frozen record, checked whenever it arrives."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qs

from dxr_dash import api, settings
from dxr_dash.analysis.distances import METRICS
from dxr_dash.browser.queries import Query, parse_queries, queries_from_text
from dxr_dash.collection.query_sets import LONGEST_NAME, QuerySet
from dxr_dash.collection.store import Collection
from dxr_dash.errors import QueryError
from dxr_dash.figures.detail import View
from dxr_dash.records import Verdict

CLUSTER = "cluster"
DISTANCE = "distance"
TRUST = "trust"
DISAGREEMENT = "disagreement"
NOTHING = "nothing"
COLUMN = "column:"  # and the column's name: a column may itself be called "cluster"
THEMES = ("auto", "light", "dark")
PAGES = ("answer", "compare", "scan", "explore")
POINTS, MOSAIC = "points", "mosaic"
ARRANGEMENTS = (POINTS, MOSAIC)
SCALES = ("log", "linear")
ORDERS = ("value", "images", "verdict", "auroc", "map", "lift")  # of a scan; "-" before one turns it round
STRIPS = ("map", "selection")  # or a query's key
MOST_TRAIL = 64  # images that the trail keeps
MOST_WIDTH = 50  # ranks in the brush
MOST_LENS = 10.0
FARTHEST, NARROWEST = 1e9, 1e-9  # of what may be named on a map, which is some tens across
MOST_CORNERS = 512  # of a lasso; the page draws far fewer
FEW_CATEGORIES = 40  # up to so many, labels colour the map at first

T = TypeVar("T")
Point = tuple[float, float]


@dataclass(frozen=True)
class Selection:
    """What the page looks at: names, rows and settings, never data.

    Attributes:
        fingerprint: of the collection that the page was opened on.
        space: id of the feature space.
        shown: ids of the query sets that are drawn.
        active: id of the query set that the answer is about.
        focus: row of the one image looked at.
        member: item of the active set whose own distances are drawn.
        colour: what colours the map: ``COLUMN`` and a name, or one of the words above it.
        lasso: corners of the polygon drawn on the map, in coordinates of ``drawn_on``; none: no lasso.
        picked: (what, code): all images with one value of a column or in one cluster; what is as in ``colour``.
        view: the part of the map that is seen; None is all of it.
        beside: id of the space whose map stands beside; None: there is none.
        beside_view: the part of that map that is seen; None is all of it.
        aspect: width by height of the map on the screen.
        webgl: whether the browser can draw with it.
        page: "answer" shows the verdict and distances, "compare" the shown sets side by side, "scan" every value as
            query set, "explore" rank curves.
        reference: query set and feature space that the others are compared with; None: the usual one.
        everywhere: whether the shown sets are compared in every feature space.
        layout: which layout of the map: "umap" or "tsne".
        arrangement: "points" where the layout put them, or "mosaic", each image in a cell of its own.
        drawn_on: layout and arrangement that the lasso was drawn on, with a space between; and after another one the
            id of the feature space, where that is not ``space``.
        queries: the rows of the rank curves, from top to bottom.
        trail: rows of the images followed, oldest first; the focus is one of them.
        first, width: the brush covers ranks first..first + width - 1.
        scale: of the ranks, "log" or "linear".
        metric: of the rank curves; the map and the answer keep the space's own.
        strip: what the strip shows: "map", all images in map order; "selection"; or the key of a query.
        lens: how strongly the strip's lens enlarges; 0 is not at all.
        pictures: whether the map shows thumbnails where there is room.
        scan: what is scanned by: "cluster", or ``COLUMN`` and a name.
        order: of the scan's lines, one of ``ORDERS`` or "-" and one of them.
        only: the verdict whose lines are shown; empty: all.
        words: that images are looked for by, where the space knows words.
        patches: up to which order the neighbours of an image are compared patch by patch; 0: they are not.
        edition: raised by the page whenever query sets change, so that panels ask again.
        opened: raised by the page whenever a view is opened from an address, so that the map takes its zoom.
    """

    fingerprint: str
    space: str
    shown: tuple[str, ...] = ()
    active: str | None = None
    focus: int | None = None
    member: int | None = None
    colour: str = CLUSTER
    lasso: tuple[Point, ...] = ()
    picked: tuple[str, int] | None = None
    view: View | None = None
    beside: str | None = None
    beside_view: View | None = None
    theme: str = "auto"
    aspect: float = 1.0
    webgl: bool = True
    page: str = "answer"
    reference: tuple[str, str] | None = None
    everywhere: bool = False
    layout: str = "umap"
    arrangement: str = "points"
    drawn_on: str = "umap points"
    queries: tuple[Query, ...] = ()
    trail: tuple[int, ...] = ()
    first: int = 1
    width: int = 10
    scale: str = "log"
    metric: str = "cosine"
    strip: str = "map"
    lens: float = 4.0
    pictures: bool = True
    scan: str = CLUSTER
    order: str = "auroc"
    only: str = ""
    words: str = ""
    patches: int = 0
    edition: int = 0
    opened: int = 0

    @classmethod
    def default(cls, collection: Collection) -> Selection:
        """Return what a page shows at first: the first query set and its control, if there is one."""
        sets = collection.query_sets
        controls = {one.control for one in sets.values()}
        asked = [
            one for one in sets.values() if one.id not in controls
        ]  # a control set is no question of its own
        first = next(iter([*asked, *sets.values()]), None)
        shown = () if first is None else tuple(key for key in (first.id, first.control) if key in sets)
        return cls(
            fingerprint=collection.fingerprint,
            space=collection.default_space,
            shown=shown,
            active=first.id if first else None,
            colour=default_colour(collection),
            queries=tuple(Query.of_set(sets[key]) for key in shown),
            metric=collection.space().metric,
            scan=api.checked_by(collection, None),
        )

    @classmethod
    def parse(cls, data: object, collection: Collection) -> Selection:
        """Read what the browser sent: it may come from an older page, or be altered.

        Raises:
            QueryError: the collection has changed since, or something asked for is not in it.
        """
        if not isinstance(data, Mapping) or data.get("fingerprint") != collection.fingerprint:
            # first: an old page may lack fields
            raise QueryError("The collection has changed since this page was opened.", "Reload the page.")
        sets = collection.query_sets
        space = collection.space(_text(data.get("space", collection.default_space)))
        n_images = len(collection)
        queries = parse_queries(data.get("queries", ()), sets, n_images)
        return cls(
            fingerprint=collection.fingerprint,
            space=space.id,
            shown=tuple(dict.fromkeys(_set_id(one, sets) for one in _list(data.get("shown", ())))),
            active=_optional(data.get("active"), lambda one: _set_id(one, sets)),
            focus=_optional(data.get("focus"), lambda row: _whole(row, 0, n_images)),
            member=_optional(data.get("member"), lambda item: _whole(item, -n_images - 100_000, n_images)),
            colour=_colour(data.get("colour", CLUSTER), collection),
            lasso=_lasso(data.get("lasso", ())),
            picked=_optional(data.get("picked"), lambda pair: _picked(pair, collection)),
            view=_optional(data.get("view"), _view),
            beside=_optional(data.get("beside"), lambda one: _other_space(one, space.id, collection)),
            beside_view=_optional(data.get("beside_view"), _view),
            theme=_one_of(data.get("theme", "auto"), THEMES),
            aspect=min(max(_number(data.get("aspect", 1.0)), 0.05), 20.0),
            webgl=data.get("webgl", True) is not False,
            page=_one_of(data.get("page", "answer"), PAGES),
            reference=_optional(data.get("reference"), lambda pair: _reference(pair, collection)),
            everywhere=data.get("everywhere", False) is True,
            layout=_one_of(data.get("layout", "umap"), tuple(space.layouts)),
            arrangement=_one_of(data.get("arrangement", "points"), ARRANGEMENTS),
            drawn_on=_drawn_on(data.get("drawn_on", "umap points"), space.id, collection),
            queries=queries,
            trail=tuple(_whole(row, 0, n_images) for row in _list(data.get("trail", ()))[-MOST_TRAIL:]),
            first=_whole(data.get("first", 1), 1, 2**31),
            width=_whole(data.get("width", 10), 1, MOST_WIDTH + 1),
            scale=_one_of(data.get("scale", "log"), SCALES),
            metric=_one_of(data.get("metric", space.metric), METRICS),
            strip=_strip(data.get("strip", "map"), queries),
            lens=min(max(_number(data.get("lens", 4.0)), 0.0), MOST_LENS),
            pictures=data.get("pictures", True) is not False,
            scan=api.checked_by(collection, _optional(data.get("scan"), _text)),
            order=_one_of(
                data.get("order", "auroc"), tuple(f"{end}{one}" for one in ORDERS for end in ("", "-"))
            ),
            only=_one_of(data.get("only", ""), ("", *Verdict)),
            words=_words(data.get("words", "")),
            patches=_whole(data.get("patches", 0), 0, settings.PATCH_MOST_ORDER + 1),
            edition=_whole(data.get("edition", 0), 0, 2**53),
            opened=_whole(data.get("opened", 0), 0, 2**53),
        )

    @classmethod
    def from_address(cls, search: str, collection: Collection) -> Selection:
        """Read the part of an address after "?"; what it does not say is as at first.

        Raises:
            QueryError: some of it cannot be shown; ``closest`` gives the rest.
        """
        found, all_shown = cls.closest(search, collection)
        if not all_shown:
            raise QueryError(
                "The address asks for something that is not in this collection.", "Reload the page."
            )
        return found

    @classmethod
    def closest(cls, search: str, collection: Collection) -> tuple[Selection, bool]:
        """Read as much of an address as can be shown, and say whether that is all of it.

        A set that has been removed, or a damaged word, costs what it says and nothing else.
        """
        given = parse_qs(search.lstrip("?"), keep_blank_values=True)
        found, all_shown = cls.default(collection), True
        for key in [key for key in _FIELDS if key in given]:
            name, read = _FIELDS[key]
            try:
                found = cls.parse({**found.dump(), name: read(given[key][-1])}, collection)
            except (ValueError, QueryError):
                all_shown = False
        return found, all_shown

    def dump(self) -> dict[str, Any]:
        """Return what goes to the browser."""
        return asdict(self)


def default_colour(collection: Collection) -> str:
    """Colour by label where there are few enough; by cluster otherwise."""
    labelled = "label" in collection.columns
    few = labelled and len(collection.column("label").categories) <= FEW_CATEGORIES
    return f"{COLUMN}label" if few else CLUSTER


def colour_choices(collection: Collection) -> dict[str, str]:
    """Name everything that can colour the map: value, words."""
    columns = {f"{COLUMN}{name}": name for name in collection.columns}
    others = {
        CLUSTER: "cluster",
        DISTANCE: "distance to the active set",
        TRUST: "trust in the map",
        **({DISAGREEMENT: "shared neighbours"} if len(collection.spaces) > 1 else {}),
        NOTHING: "nothing",
    }
    return {**columns, **others}


def _wrong(what: str) -> QueryError:
    return QueryError(f"The page asked for {what} that does not exist.", "Reload the page.")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _wrong("a name")
    return value


def _words(value: object) -> str:
    if len(_text(value)) > LONGEST_NAME:
        raise _wrong("a text")
    return _text(value)


def _list(value: object) -> list[Any]:
    if not isinstance(value, (list, tuple)) or len(value) > MOST_CORNERS:
        raise _wrong("a list")
    return list(value)


def _optional(value: object, check: Callable[[object], T]) -> T | None:
    return None if value is None else check(value)


def _one_of(value: object, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise _wrong("a setting")
    return str(value)


def _whole(value: object, low: int, end: int) -> int:
    if type(value) is not int or not low <= value < end:  # a bool is an int to isinstance
        raise _wrong("an image")
    return value


def _number(value: object) -> float:
    try:
        number = float(value) if type(value) in (int, float) else math.nan  # type: ignore[arg-type]
    except OverflowError:  # a whole number of hundreds of digits
        number = math.nan
    if not abs(number) <= FARTHEST:  # nor where it is not a number
        raise _wrong("a place on the map")
    return number


def _set_id(value: object, sets: Mapping[str, QuerySet]) -> str:
    if _text(value) not in sets:
        raise _wrong("a query set")
    return _text(value)


def _colour(value: object, collection: Collection) -> str:
    if _text(value) not in colour_choices(collection):
        raise _wrong("a colouring")
    return _text(value)


def _reference(value: object, collection: Collection) -> tuple[str, str] | None:
    """Return what the others are compared with; the usual one where that set or space has gone."""
    pair = _list(value)
    if len(pair) != 2:
        raise _wrong("a reference")
    query_set, space = _text(pair[0]), _text(pair[1])
    return (query_set, space) if query_set in collection.query_sets and space in collection.spaces else None


def _other_space(value: object, space: str, collection: Collection) -> str | None:
    """Return the space whose map stands beside; none where that is the one looked at."""
    other = collection.space(_text(value)).id
    return None if other == space else other


def _drawn_on(value: object, space: str, collection: Collection) -> str:
    """Return what a lasso was drawn on: a layout and an arrangement of the space, or of the one named after them."""
    said = _text(value).split(" ", 2)
    where = collection.space(said[2] if len(said) > 2 else space)
    _one_of(" ".join(said[:2]), tuple(f"{layout} {how}" for layout in where.layouts for how in ARRANGEMENTS))
    return _text(value)


def _strip(value: object, queries: tuple[Query, ...]) -> str:
    """Return what the strip shows; all images where the query it showed has gone."""
    return _text(value) if value in (*STRIPS, *(one.key for one in queries)) else STRIPS[0]


def _lasso(value: object) -> tuple[Point, ...]:
    corners = [_list(corner) for corner in _list(value)]
    if any(len(corner) != 2 for corner in corners) or 0 < len(corners) < 3:
        raise _wrong("a lasso")
    return tuple((_number(x), _number(y)) for x, y in corners)


def _picked(value: object, collection: Collection) -> tuple[str, int]:
    pair = _list(value)
    if len(pair) != 2:
        raise _wrong("a group of images")
    what = _text(pair[0])
    if what == CLUSTER:
        return what, _whole(pair[1], 0, 2**31)
    if what.startswith(COLUMN) and what.removeprefix(COLUMN) in collection.columns:
        n_categories = len(collection.column(what.removeprefix(COLUMN)).categories)
        return what, _whole(pair[1], 0, n_categories)
    raise _wrong("a group of images")


def _view(value: object) -> View:
    ends = [_number(one) for one in _list(value)]
    if len(ends) != 4 or min(ends[1] - ends[0], ends[3] - ends[2]) < NARROWEST:
        raise _wrong("a part of the map")
    return ends[0], ends[1], ends[2], ends[3]


def _numbers(text: str) -> list[float]:
    return [float(part) for part in text.split(",")]


def _corners(text: str) -> list[list[float]]:
    flat = _numbers(text)
    return [flat[i : i + 2] for i in range(0, len(flat), 2)]


def _pair(text: str) -> list[object]:
    what, _, code = text.rpartition("=")
    return [what, int(code)]


def _ids(text: str) -> list[str]:
    return text.split(",") if text else []


# Name in the address: field, how to read it
_FIELDS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "space": ("space", str),
    "sets": ("shown", _ids),
    "active": ("active", lambda text: text or None),
    "focus": ("focus", int),
    "member": ("member", int),
    "colour": ("colour", str),
    "lasso": ("lasso", _corners),
    "pick": ("picked", _pair),
    "view": ("view", _numbers),
    "beside": ("beside", str),
    "beside-view": ("beside_view", _numbers),
    "theme": ("theme", str),
    "page": ("page", str),
    "reference": ("reference", lambda text: text.split("@", 1)),
    "spaces": ("everywhere", lambda text: text == "all"),
    "layout": ("layout", str),
    "arrangement": ("arrangement", str),
    "on": ("drawn_on", str),
    "queries": ("queries", queries_from_text),
    "trail": ("trail", lambda text: [int(row) for row in _ids(text)]),
    "first": ("first", int),
    "width": ("width", int),
    "scale": ("scale", str),
    "metric": ("metric", str),
    "strip": ("strip", str),
    "lens": ("lens", float),
    "scan": ("scan", str),
    "order": ("order", str),
    "only": ("only", str),
    "words": ("words", str),
    "patches": ("patches", int),
    "pictures": ("pictures", lambda text: text != "no"),
}
