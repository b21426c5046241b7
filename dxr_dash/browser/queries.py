"""The rows of the rank curves: which image or set each asks with, and how it is told apart."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from dxr_dash import api
from dxr_dash.collection.query_sets import ID, LONGEST_NAME, QuerySet
from dxr_dash.errors import QueryError

MOST_QUERIES = 64
N_SLOTS = 32  # colours times kinds of line
_KEY = re.compile(
    rf"r(?P<row>\d{{1,9}})|s\.(?P<set>{ID.pattern})|o\.(?P<outside>{ID.pattern})\.(?P<index>\d{{1,6}})"
)
_TEXT = re.compile(r"(?P<key>[^!~*]+)(?:\*(?P<slot>\d{1,3}))?(?P<pinned>!?)(?:~(?P<name>.*))?", re.DOTALL)


@dataclass(frozen=True)
class Query:
    """One row of the rank curves.

    Attributes:
        key: "r12" asks with gallery row 12, "s.ID" with a query set, "o.ID.3" with outside image 3 of a set.
        slot: colour and kind of line, 0..N_SLOTS - 1; of a set, its own colour.
        pinned: stays on top, and is what "make a query set" takes.
        name: given by a person; empty: the image's or set's own.
    """

    key: str
    slot: int = 0
    pinned: bool = False
    name: str = ""

    @classmethod
    def of_set(cls, one: QuerySet) -> Query:
        """Ask with a query set."""
        return cls(f"s.{one.id}", one.colour)

    @property
    def asked(self) -> api.Asked:
        """What the ranking asks with."""
        if self.row is not None:
            return self.row
        return self.set_id or "" if self.outside is None else (self.set_id or "", self.outside)

    @property
    def row(self) -> int | None:
        """The gallery row it asks with; None for a set or an image from outside."""
        found = _KEY.fullmatch(self.key)
        return int(found["row"]) if found and found["row"] else None

    @property
    def set_id(self) -> str | None:
        """The query set it asks with, or that its outside image belongs to."""
        found = _KEY.fullmatch(self.key)
        return (found["set"] or found["outside"]) if found else None

    @property
    def outside(self) -> int | None:
        """The place of its outside image in the set."""
        found = _KEY.fullmatch(self.key)
        return int(found["index"]) if found and found["index"] else None


def parse_query(value: object, sets: Mapping[str, QuerySet], n_images: int) -> Query | None:
    """Check one query that came from outside; None for one whose set or image has gone.

    Raises:
        QueryError: it is no query.
    """
    if not isinstance(value, Mapping):
        raise _wrong()
    key, slot, name = value.get("key"), value.get("slot", 0), value.get("name", "")
    found = _KEY.fullmatch(key) if isinstance(key, str) else None
    if found is None or type(slot) is not int or not 0 <= slot < N_SLOTS:
        raise _wrong()
    if not isinstance(name, str) or len(name) > LONGEST_NAME:
        raise _wrong()
    query = Query(str(key), slot, value.get("pinned", False) is True, name)
    if query.row is not None:
        return query if query.row < n_images else None
    one = sets.get(query.set_id or "")
    if one is None or (query.outside is not None and query.outside >= len(one.outside)):
        return None
    return query if query.outside is not None else Query(query.key, one.colour, query.pinned, name)


def parse_queries(value: object, sets: Mapping[str, QuerySet], n_images: int) -> tuple[Query, ...]:
    """Check the list of queries; one that has gone is left out, and the second of two alike.

    Raises:
        QueryError: it is no list of queries, or too long.
    """
    if not isinstance(value, (list, tuple)) or len(value) > MOST_QUERIES:
        raise _wrong()
    found = (parse_query(one, sets, n_images) for one in value)
    kept: dict[str, Query] = {}
    for one in found:
        if one is not None:
            kept.setdefault(one.key, one)
    return tuple(kept.values())


def queries_from_text(text: str) -> list[dict[str, Any]]:
    """Read queries from an address: key, then "*" and the slot, "!" where pinned, "~" and the name."""
    parts = [_TEXT.fullmatch(part) for part in text.split(",")] if text else []
    if any(part is None for part in parts):
        raise _wrong()
    return [
        {
            "key": part["key"],
            "slot": int(part["slot"] or 0),
            "pinned": bool(part["pinned"]),
            "name": unquote(part["name"] or ""),
        }
        for part in parts
        if part is not None
    ]


def _wrong() -> QueryError:
    return QueryError("The page asked for a query that does not exist.", "Reload the page.")
