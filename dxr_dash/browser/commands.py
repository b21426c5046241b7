"""What the page asks the server to do, beyond showing: open an address, change the query sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dxr_dash import api
from dxr_dash.browser.chosen import selected_rows
from dxr_dash.browser.queries import parse_queries
from dxr_dash.browser.state import Selection
from dxr_dash.collection.store import Collection
from dxr_dash.errors import QueryError
from dxr_dash.figures import theme as words

NOT_ALL_SHOWN = (
    "The address asks for something that is not in this collection. Everything else it says is shown."
)


@dataclass(frozen=True)
class Reply:
    """What the page does after a command; it merges this into the selection it has by then.

    Attributes:
        state: a whole selection to take over.
        usual: the selection that an address without "?" shows.
        slot: of the query set that is drawn: its colour.
        merged: keys of the queries that went into it.
        show, hide: id of the query set to draw and make active, or to let go of.
        alone: whether it is drawn alone, and gets no row of the rank curves.
        page: to go to; Back leads to the one before.
        then: id of the query set that becomes active in place of a hidden one.
        release: whether the selected images are let go of, as they now are a query set.
        changed: whether query sets have changed, so that the panels must be drawn again.
        note: a sentence for the user.
        undo: the command that takes it back.
        tone: "plain" or "error".
    """

    state: Mapping[str, Any] | None = None
    usual: Mapping[str, Any] | None = None
    show: str | None = None
    hide: str | None = None
    alone: bool = False
    page: str | None = None
    slot: int = 0
    merged: tuple[str, ...] = ()
    then: str | None = None
    release: bool = False
    changed: bool = False
    note: str = ""
    undo: Mapping[str, Any] | None = None
    tone: str = "plain"


def carry_out(collection: Collection, command: object) -> Reply:
    """Do what the page asks for.

    Raises:
        QueryError: it asks for something that does not exist, or the page is older than the collection.
    """
    wanted = command.get("do") if isinstance(command, Mapping) else None
    if not isinstance(command, Mapping) or not isinstance(wanted, str) or wanted not in _COMMANDS:
        raise QueryError("The page asked for something unknown.", "Reload the page.")
    if wanted != "open" and command.get("fingerprint") != collection.fingerprint:
        raise QueryError("The collection has changed since this page was opened.", "Reload the page.")
    return _COMMANDS[wanted](collection, command)


def _open(collection: Collection, command: Mapping[str, Any]) -> Reply:
    usual = Selection.default(collection)
    opened, all_shown = Selection.closest(_said(command, "search"), collection)
    note = "" if all_shown else NOT_ALL_SHOWN
    return Reply(state=opened.dump(), usual=usual.dump(), note=note, tone="error" if note else "plain")


def _save(collection: Collection, command: Mapping[str, Any]) -> Reply:
    selection = Selection.parse(command.get("selection"), collection)
    rows = selected_rows(collection, selection)
    if rows is None or not len(rows):
        raise QueryError("No image is selected.", "Draw a lasso round some images first.")
    one, _ = api.add_query_set(collection, _said(command, "name"), rows=rows.tolist())
    note = f"{_quoted(one.name)} saved with {words.count(len(one))} images."
    return Reply(show=one.id, slot=one.colour, release=True, changed=True, note=note)


def _save_words(collection: Collection, command: Mapping[str, Any]) -> Reply:
    """Keep the images nearest to some words as a query set."""
    text = _said(command, "words")
    found = api.nearest_to_text(collection, text, space=_said(command, "space"))
    one, _ = api.add_query_set(collection, _said(command, "name"), rows=found.rows.tolist())
    note = f"{_quoted(one.name)} saved with {words.count(len(one))} images."
    return Reply(show=one.id, slot=one.colour, changed=True, note=note)


def _merge(collection: Collection, command: Mapping[str, Any]) -> Reply:
    """Make one set of the images and sets that some rows of the rank curves ask with."""
    keys = command.get("queries")
    if not isinstance(keys, list) or not keys:
        raise QueryError("No row was chosen.", "Click some images first, or pin the rows to merge.")
    sets = collection.query_sets
    queries = parse_queries([{"key": key} for key in keys], sets, len(collection))
    rows: set[int] = set()
    images: dict[tuple[str, int], tuple[str, bytes]] = {}
    for query in queries:
        if query.row is not None:
            rows.add(query.row)
            continue
        one = sets[query.set_id or ""]
        rows |= set(one.rows) if query.outside is None else set()
        files = one.outside_images() if one.outside else []
        for index in range(len(files)) if query.outside is None else [query.outside]:
            images[one.id, index] = one.outside[index], files[index]
    one, _ = api.add_query_set(
        collection, _said(command, "name"), rows=sorted(rows), images=list(images.values())
    )
    note = f"{_quoted(one.name)} made of {words.count(len(one))} images."
    return Reply(
        show=one.id, slot=one.colour, merged=tuple(query.key for query in queries), changed=True, note=note
    )


def _rename(collection: Collection, command: Mapping[str, Any]) -> Reply:
    api.rename_query_set(collection, _said(command, "set"), _said(command, "name"))
    return Reply(changed=True)


def _control(collection: Collection, command: Mapping[str, Any]) -> Reply:
    api.set_control(collection, _said(command, "set"), _said(command, "control") or None)
    return Reply(changed=True)


def _remove(collection: Collection, command: Mapping[str, Any]) -> Reply:
    one = api.find_query_set(collection, _said(command, "set"))
    api.remove_query_set(collection, one.id)
    return Reply(
        hide=one.id,
        then=next(iter(collection.query_sets), None),
        changed=True,
        note=f"{_quoted(one.name)} removed.",
        undo={"do": "restore", "set": one.id},
    )


def _restore(collection: Collection, command: Mapping[str, Any]) -> Reply:
    api.restore_query_set(collection, _said(command, "set"))
    one = api.find_query_set(collection, _said(command, "set"))
    return Reply(show=one.id, slot=one.colour, changed=True)


def _open_line(collection: Collection, command: Mapping[str, Any]) -> Reply:
    """Open a line of a scan: its images become the active query set, unless they are one already."""
    code = command.get("code")
    if type(code) is not int:
        raise QueryError("The page asked for something unknown.", "Reload the page.")
    by, space = _said(command, "by"), _said(command, "space")
    one, made = api.open_scan_line(collection, by, code, space=space)
    note = ""
    if one.control in collection.query_sets:
        note = f"{_quoted(one.name)} has a control set, which the scan knows nothing of."
    return Reply(show=one.id, slot=one.colour, alone=True, page="answer", changed=made, note=note)


_COMMANDS: dict[str, Callable[[Collection, Mapping[str, Any]], Reply]] = {
    "open": _open,
    "save": _save,
    "save-words": _save_words,
    "merge": _merge,
    "rename": _rename,
    "control": _control,
    "remove": _remove,
    "restore": _restore,
    "open-line": _open_line,
}


def _said(command: Mapping[str, Any], key: str) -> str:
    value = command.get(key, "")
    if not isinstance(value, str):
        raise QueryError("The page asked for something unknown.", "Reload the page.")
    return value


def _quoted(name: str) -> str:
    return f"\u201c\u2068{words.short(name, 60)}\u2069\u201d"
