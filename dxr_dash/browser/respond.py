"""What each panel shows for a selection: plain functions, so that a test needs no browser."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import plotly.graph_objects as go
from dash import html
from dash.development.base_component import Component

from dxr_dash import api, settings
from dxr_dash.browser import panels
from dxr_dash.browser.alike_panel import alike_panel
from dxr_dash.browser.answer_panel import answer_panel, proofs_panel, question
from dxr_dash.browser.attributes import attributes
from dxr_dash.browser.chosen import column, looked_at, selected_rows
from dxr_dash.browser.evidence_panel import evidence_panel
from dxr_dash.browser.state import Selection
from dxr_dash.collection.query_sets import QuerySet
from dxr_dash.collection.store import Collection
from dxr_dash.errors import DxrError
from dxr_dash.figures import theme as words
from dxr_dash.figures.distance_figure import Group, distance_figure, figure_height_px
from dxr_dash.figures.shift_figure import shift_figure
from dxr_dash.figures.theme import Theme, theme
from dxr_dash.records import Distribution, IntArray

SHEET_IMAGES = 24  # of a selection
SELECTION_PAIRS = 10_000_000  # of selected images and all images; for more the neighbour graph is asked
FOUND_IMAGES = 12
MEMBERS_SHOWN = 60


def answer_of(collection: Collection, selection: Selection) -> list[Component]:
    """Show the answer for the active query set; without one, say how to ask."""
    if selection.active is None:
        return [_how_to_ask(collection)]
    one = collection.query_sets[selection.active]
    try:
        found = api.answer(collection, one.id, space=selection.space)
    except DxrError as error:
        return [
            question(one.name, selection.space),
            panels.message(error.problem, error.remedy, tone="error"),
        ]
    return answer_panel(found, selection.space)


def shift_of(collection: Collection, selection: Selection) -> tuple[go.Figure | dict[str, Any], bool]:
    """Draw how unlike the gallery the active set is, where it is; and say whether there is nothing to draw."""
    if selection.active is None:
        return panels.EMPTY_FIGURE, True
    one = collection.query_sets[selection.active]
    try:
        found = api.answer(collection, one.id, space=selection.space)
    except DxrError:  # the answer panel says why
        return panels.EMPTY_FIGURE, True
    if found.shift is None or not found.shift.unlike_gallery:
        return panels.EMPTY_FIGURE, True
    colours = theme(selection.theme)
    figure = shift_figure(
        found.shift,
        name=found.name,
        control=found.control.name if found.control else "",
        colour=colours.sets[one.colour],
        theme=colours,
    )
    return figure, False


def proofs_of(collection: Collection, selection: Selection) -> Component | None:
    """Show the images that prove the answer."""
    if selection.active is None:
        return None
    one = collection.query_sets[selection.active]
    try:
        found = api.answer(collection, one.id, space=selection.space)
    except DxrError:  # the answer panel says why
        return None
    return proofs_panel(found, one.colour, _pictures(collection, one, selection.space))


def evidence_of(collection: Collection, selection: Selection) -> Component | None:
    """Show what stands beside the answer; it is computed later than the answer, which does not wait for it."""
    if selection.active is None:
        return None
    one = collection.query_sets[selection.active]
    try:
        answer = api.answer(collection, one.id, space=selection.space)
        found = api.findings(collection, one.id, space=selection.space)
    except DxrError:  # the answer panel says why
        return None
    return evidence_panel(answer, found, _pictures(collection, one, selection.space))


def members_of(collection: Collection, selection: Selection) -> Component | None:
    """Show the members of the active query set."""
    if selection.active is None:
        return None
    one = collection.query_sets[selection.active]
    items = one.items[:MEMBERS_SHOWN]
    try:
        found = api.answer(collection, one.id, space=selection.space)
        notes = panels.member_notes(found.members, items)
    except DxrError:  # the answer panel says why; members can still be looked at
        notes = [""] * len(items)
    show = _pictures(collection, one, selection.space)
    return panels.member_strip([show(int(item)) for item in items], notes, selection.member, one.colour)


def sets_of(collection: Collection, selection: Selection) -> Component:
    """List the query sets."""
    sets = list(collection.query_sets.values())
    if not sets:
        return panels.message(
            "No query set yet",
            "Draw a lasso on the map and save it, or drop image files anywhere on this page.",
        )
    rows = [
        panels.set_row(one, sets, active=one.id == selection.active, shown=one.id in selection.shown)
        for one in sets
    ]
    return html.Ul(rows, role="radiogroup", **attributes({"aria-label": "Query sets: choose the active one"}))


def neighbours_of(collection: Collection, selection: Selection) -> list[Component]:
    """Show the images nearest to the one in focus; without one, those nearest to the active query set."""
    k = settings.NEIGHBOURS_SHOWN
    image = looked_at(collection, selection)
    if selection.focus is not None:
        found = api.nearest(collection, [selection.focus], k=k, space=selection.space)
        name = panels.picture(collection, selection.focus).name
        grid = panels.neighbour_grid(collection, found, f"Images nearest to {name}, nearest first")
        return [panels.focus_card(collection, selection.focus), _hint(_PERCENT_HINT), grid, _ONE_IMAGE]
    if isinstance(image, tuple) and selection.member is not None:
        found = api.nearest(collection, image, k=k, space=selection.space)
        asked = panels.picture(collection, -1 - image[1], api.find_query_set(collection, image[0]))
        label = f"Images nearest to {asked.name}, nearest first"
        grid = panels.neighbour_grid(collection, found, label, query_set=image[0])
        return [panels.outside_card(asked), _hint(_PERCENT_HINT), grid, _ONE_IMAGE]
    if selection.active is None:
        return [panels.message("Click an image", "Its nearest neighbours in the feature space appear here.")]
    one = collection.query_sets[selection.active]
    if not len(one):
        return [panels.message("An empty set", "All its images have left the collection.")]
    found = api.nearest(collection, one.id, k=k, space=selection.space)
    label = f"Images nearest to {one.name}, nearest first"
    grid = panels.neighbour_grid(collection, found, label, query_set=one.id)
    some = api.near_members(one, len(collection))
    share = "" if some is None else f"{words.count(len(some))} of the {words.count(len(one))} images of "
    hint = _hint(f"Nearest to {share}the set \u2068{words.short(one.name, 60)}\u2069. {_PERCENT_HINT}")
    return [hint, grid] if image is None else [hint, grid, _ONE_IMAGE]


# only an image has patches; the page looks for this
_ONE_IMAGE = html.Span(hidden=True, className="one-image")
_PERCENT_HINT = "Below each image: its distance, and the share of random pairs that are farther apart."


def selected_of(collection: Collection, selection: Selection) -> list[Component]:
    """Show the selected images and the neighbours of them all."""
    rows = selected_rows(collection, selection)
    if rows is None:
        return []
    if not len(rows):
        return [panels.message("No image selected", "The lasso holds no point. Draw a larger one.")]
    shown = _spread(rows, SHEET_IMAGES)
    parts: list[Component] = [
        _hint(f"{words.count(len(rows))} image{'' if len(rows) == 1 else 's'} selected", "selected-count"),
        panels.contact_sheet(collection, shown, len(rows)),
    ]
    if len(rows) > 1:
        measured = api.selection_distances(collection, rows, space=selection.space)
        parts.append(alike_panel(measured, collection.space(selection.space).baseline, len(rows)))
    k, basis = settings.NEIGHBOURS_SHOWN, ""
    if len(rows) * len(collection) > SELECTION_PAIRS:
        near, basis = api.nearest_by_graph(collection, rows, k=k, space=selection.space), " (neighbour graph)"
    else:
        near = api.nearest(collection, rows.tolist(), k=k, space=selection.space)
    if len(near.rows):
        parts += [
            html.H3(f"Nearest to the selection{basis}"),
            panels.neighbour_grid(collection, near, "Images nearest to the selection, nearest first"),
        ]
    return parts


def distances_of(collection: Collection, selection: Selection) -> tuple[go.Figure, dict[str, str]]:
    """Draw the baseline and the distances of every shown query set on one axis; and say how high that is."""
    colours = theme(selection.theme)
    sets = collection.query_sets
    drawn = [key for key in selection.shown if len(sets[key])]
    one = sets.get(selection.active or "")
    items: list[tuple[str, int]] = []
    if one is not None and selection.member is not None and selection.member in one.items:
        items = [(one.id, selection.member)]
    found = api.distributions(collection, drawn, space=selection.space, items=items)
    groups = [_group(collection, key, part, sets, colours, selection.member) for key, part in found if part.n]
    figure = distance_figure(
        groups,
        metric=collection.spaces[selection.space].metric,
        theme=colours,
        revision=f"{selection.space} {selection.opened}",
    )
    return figure, {"height": f"{figure_height_px(len(groups))}px"}


def found_by_name(collection: Collection, text: str) -> list[Component]:
    """List the first images whose name or label holds a text, in any case."""
    wanted = text.strip().casefold()
    if not wanted:
        return []
    rows = _matching(collection, wanted)
    if not len(rows):
        return [_hint(f"No image is called \u2068{words.short(text, 40)}\u2069.")]
    hits = [
        panels.thumb(one, caption=(one.name,), class_name="line")
        for one in (panels.picture(collection, int(row)) for row in rows[:FOUND_IMAGES])
    ]
    more = len(rows) - FOUND_IMAGES
    return [*hits, _hint(f"and {words.count(more)} more")] if more > 0 else list(hits)


def _pictures(collection: Collection, one: QuerySet, space: str) -> Callable[[int], panels.Picture]:
    """Return what finds the picture of an item of a set; an outside image brings its distance to the set along."""
    if not one.outside:
        return lambda item: panels.picture(collection, item, one)
    within = api.nearest_members(collection, one.id, space=space).within
    nearest = {int(item): float(far) for item, far in zip(one.items, within, strict=True) if np.isfinite(far)}
    return lambda item: panels.picture(collection, item, one, nearest.get(item))


def _hint(text: str, class_name: str = "") -> Component:
    return html.P(text, className=f"hint {class_name}".strip(), dir="auto")


def _how_to_ask(collection: Collection) -> Component:
    return panels.message(
        "Do these features retrieve X?",
        f"X is anything you can show examples of. Draw a lasso round some of the {words.count(len(collection))} images "
        "on the map and save it under a name, or drop example images anywhere on this page. dxr then compares their "
        "distances with those of random images, and answers.",
        panels.action("Draw a lasso", "tool", tool="lasso", class_name="primary"),
        panels.action("Choose image files…", "open-files"),
        tone="inviting",
    )


def _spread(rows: IntArray, limit: int) -> IntArray:
    """Return at most ``limit`` rows, evenly spaced."""
    if len(rows) <= limit:
        return rows
    return rows[np.linspace(0, len(rows) - 1, limit).astype(np.int64)]


@lru_cache(maxsize=2)
def _folded_names(collection: Collection) -> list[str]:
    labels = [""] * len(collection)
    if "label" in collection.columns:
        label = column(collection, "label")
        labels = [label.categories[code] if code >= 0 else "" for code in label.codes]
    return [
        f"{path}\n{label}".casefold()
        for path, label in zip(collection.paths.to_pylist(), labels, strict=True)
    ]


def _matching(collection: Collection, wanted: str) -> IntArray:
    return np.array([row for row, name in enumerate(_folded_names(collection)) if wanted in name], np.int64)


def _group(
    collection: Collection,
    key: str | None,
    part: Distribution,
    sets: dict[str, QuerySet],
    colours: Theme,
    member: int | None,
) -> Group:
    if key is None:
        return Group("random pairs (baseline)", colours.baseline, True, part)
    one = sets[key]
    if part.name in ("to gallery", "within"):
        return Group(
            f"{words.short(one.name, 17)} · {part.name}",
            colours.sets[one.colour],
            part.name == "within",
            part,
        )
    name = panels.picture(collection, member or 0, one).name
    return Group(f"{_tail(name)} · to gallery", colours.ink, False, part)


def _tail(name: str, limit: int = 16) -> str:
    """Keep the end of a path: there the files of one folder differ."""
    return name if len(name) <= limit else "…" + name[1 - limit :]
