"""What the panels hold: records in, HTML out. Each button says in data-do what it does; `assets/` listens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dash import html
from dash.development.base_component import Component

from dxr_dash.browser import urls
from dxr_dash.browser.attributes import attributes
from dxr_dash.collection.query_sets import LONGEST_NAME, QuerySet
from dxr_dash.collection.store import Collection
from dxr_dash.figures import theme as words
from dxr_dash.records import IntArray, MemberMeasures, Neighbours, Skipped

EMPTY_FIGURE: dict[str, Any] = {
    "layout": {
        "xaxis": {"visible": False},
        "yaxis": {"visible": False},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": dict.fromkeys("lrtb", 0),
    }
}
LONGEST_LABEL = 200  # characters of an untrusted name that are sent at all


@dataclass(frozen=True)
class Picture:
    """One image as a panel shows it; exactly one of row and outside place is meant.

    Attributes:
        name: untrusted text.
        label: untrusted text, may be empty.
        set_id: of the query set that an outside image belongs to.
        distance: for an outside image, to the nearest other member of its set; the page knows it of gallery images.
    """

    src: str
    name: str
    label: str
    item: int
    set_id: str = ""
    distance: float | None = None


def picture(
    collection: Collection, item: int, query_set: QuerySet | None = None, distance: float | None = None
) -> Picture:
    """Find what to show for an item: a gallery row, or an outside image of the query set."""
    if item >= 0:
        name = words.short(collection.path(item), LONGEST_LABEL)
        label = words.short(collection.label(item), LONGEST_LABEL)
        return Picture(urls.thumbnail(collection, item), name, label, item)
    if query_set is None:
        raise ValueError("An outside image belongs to a query set.")
    name = words.short(query_set.outside[-1 - item], LONGEST_LABEL)
    return Picture(
        urls.outside(collection, query_set.id, -1 - item), name, "from outside", item, query_set.id, distance
    )


def thumb(
    one: Picture,
    *,
    caption: Sequence[str] = (),
    note: str = "",
    class_name: str = "",
    do: str = "focus",
    extra: Mapping[str, object] | None = None,
) -> Component:
    """Build a thumbnail that can be clicked, hovered and reached by keyboard.

    Args:
        caption: short lines below the picture.
        note: a sentence for the card that hovering shows, and for screen readers.
        do: what a click does.
    """
    about: dict[str, object] = {
        "data-name": one.name,
        "data-label": one.label,
        "data-src": one.src,
        "data-note": note,
        "aria-label": ", ".join(part for part in (one.name, one.label, note) if part),
        **(extra or {}),
    }
    if one.item >= 0:
        about["data-row"] = one.item
    else:
        about |= {"data-set": one.set_id, "data-item": one.item}
    if one.distance is not None:
        about["data-distance"] = f"{one.distance:.5g}"
    about["data-do"] = do
    lines = [html.Span(line, className="caption", dir="auto") for line in caption]
    picture_box = html.Span(html.Img(src=one.src, alt=""), className="picture")
    return html.Button(
        [picture_box, *lines],
        key=f"{one.set_id} {one.item}",  # another image is another element: the pointer is over it anew
        type="button",
        className=f"thumb {class_name}".strip(),
        **attributes(about),
    )


def message(title: str, text: str, *actions: Component, tone: str = "plain") -> Component:
    """Build what stands where there is nothing to show, or where something went wrong."""
    return html.Div(
        [html.P(title, className="message-title"), html.P(text), html.Div(actions, className="actions")],
        className=f"message {tone}",
    )


def action(text: str, do: str, *, class_name: str = "", title: str = "", **data: Any) -> Component:
    """Build a button with words on it."""
    return html.Button(
        text,
        type="button",
        className=f"button {class_name}".strip(),
        title=title,
        **attributes({"data-do": do, **{f"data-{key}": value for key, value in data.items()}}),
    )


def icon_action(icon: str, label: str, do: str, *, disabled: bool = False, **data: Any) -> Component:
    """Build a button with a sign on it; the label is for screen readers and the tooltip."""
    named = {f"data-{key}": value for key, value in data.items()}
    return html.Button(
        html.Span(className=f"icon {icon}"),
        type="button",
        className="icon-button",
        title=label,
        disabled=disabled,
        **attributes({"data-do": do, "aria-label": label, **named}),
    )


def segments(do: str, choices: Sequence[tuple[str, str, str]], *, chosen: str, label: str) -> Component:
    """Build buttons of which one is pressed: (value, words on it, tooltip); scripts press them."""
    buttons = [
        html.Button(
            words_on_it,
            type="button",
            title=title,
            **attributes({"data-do": do, f"data-{do}": value, "aria-pressed": value == chosen}),
        )
        for value, words_on_it, title in choices
    ]
    return html.Div(buttons, className="segments", role="group", **attributes({"aria-label": label}))


def field(field_id: str, label: str, *, placeholder: str = "", class_name: str = "") -> Component:
    """Build a field for one line of text, which scripts read and write.

    No dcc.Input: that of Dash 4.4 moves the caret after each letter, and quick typing comes out in another order.
    """
    return html.Textarea(
        id=field_id,
        rows=1,
        wrap="off",
        placeholder=placeholder,
        maxLength=LONGEST_NAME,
        spellCheck="false",
        dir="auto",
        className=f"field {class_name}".strip(),
        **attributes({"aria-label": label}),
    )


def grid(thumbs: Iterable[Component], label: str) -> Component:
    """Lay thumbnails out in reading order; arrow keys walk through them."""
    return html.Div(list(thumbs), className="grid", role="group", **attributes({"aria-label": label}))


def neighbour_grid(
    collection: Collection, found: Neighbours, label: str, *, query_set: str = ""
) -> Component:
    """Show neighbours, nearest first, each with its distance and baseline percentile, and a way to ask why.

    Args:
        query_set: id of the set that was asked with, if it was one.
    """
    return grid(
        (
            _with_why(
                thumb(
                    picture(collection, int(row)),
                    caption=(words.distance(float(far)), words.percent(float(share))),
                    note=f"Rank {rank} · distance {words.distance(float(far))} · {words.closer_than(float(share))}",
                ),
                rank,
                _key(int(member), query_set),
                _key(int(row)),
            )
            for rank, (row, far, share, member) in enumerate(
                zip(found.rows, found.distances, found.percentiles, found.members, strict=True), start=1
            )
        ),
        label,
    )


def _with_why(shown: Component, rank: int, first: str, second: str) -> Component:
    """Put the button that asks why an image is near over the corner of its thumbnail."""
    about = {"data-do": "why", "data-first": first, "data-second": second}
    ask = html.Button(
        "Why?",
        type="button",
        className="why",
        title="Why is this image near? (w)",
        **attributes({**about, "aria-label": f"Why is the image at rank {rank} near?"}),
    )
    return html.Div([shown, ask], className="near-cell", key=second)


def _key(item: int, query_set: str = "") -> str:
    """Name an item as the rows of the rank curves do."""
    return f"r{item}" if item >= 0 else f"o.{query_set}.{-1 - item}"


def focus_card(collection: Collection, row: int) -> Component:
    """Show the one image looked at: large, with all that is known of it."""
    one = picture(collection, row)
    width, height = collection.image_size(row)
    size = {"size": f"{width} × {height} px"} if width else {}
    facts = {**collection.metadata(row), **size, "row": words.count(row)}
    lines = [
        part
        for key, value in facts.items()
        for part in (
            html.Dt(words.short(key, 40), dir="auto"),
            html.Dd(words.short(value, LONGEST_LABEL), dir="auto"),
        )
    ]
    text = html.Div(
        [html.P(one.name, className="name", dir="auto", title=one.name), html.Dl(lines, className="facts")]
    )
    close = icon_action("close", "Let go of this image (Esc)", "unfocus")
    return html.Div([thumb(one, class_name="large", do="show-on-map"), text, close], className="focus-card")


def outside_card(one: Picture) -> Component:
    """Show the one image from outside that is looked at."""
    lines = [
        html.P(one.name, className="name", dir="auto", title=one.name),
        html.P(one.label, className="hint"),
    ]
    close = icon_action("close", "Let go of this image (Esc)", "member", item=one.item)
    return html.Div([thumb(one, class_name="large"), html.Div(lines), close], className="focus-card")


def contact_sheet(collection: Collection, rows: IntArray, n_all: int) -> Component:
    """Show some images of a selection, and how many there are."""
    sheet = grid((thumb(picture(collection, int(row))) for row in rows), "Selected images")
    if len(rows) == n_all:
        return sheet
    return html.Div(
        [sheet, html.P(f"{len(rows)} of {words.count(n_all)} shown, evenly spaced.", className="hint")]
    )


def set_row(one: QuerySet, others: Sequence[QuerySet], *, active: bool, shown: bool) -> Component:
    """Show one query set: choose it, draw it or not; for the active one also control set, rename and remove."""
    size = f"{words.count(len(one))} images"
    if one.n_missing:
        size += f"; {one.n_missing} more have left the collection"
    name = html.Span(one.name, className="name", dir="auto", title=one.name)
    choose = html.Button(
        [html.Span(className="radio"), name, html.Span(words.count(len(one)), className="count", title=size)],
        type="button",
        className="choose",
        role="radio",
        **attributes({"data-do": "activate", "data-set": one.id, "aria-checked": active}),
    )
    eye = html.Button(
        html.Span(className="icon eye" if shown else "icon eye-off"),
        type="button",
        className="icon-button",
        title="Shown in map and distances" if shown else "Not shown in map and distances",
        **attributes(
            {
                "data-do": "show",
                "data-set": one.id,
                "aria-pressed": shown,
                "aria-label": f"Show {one.name} in map and distances",
            }
        ),
    )
    line = html.Div([choose, eye], className="set-line")
    if not active:
        return html.Li(line, className=f"set set-{one.colour}", key=one.id, role="presentation")
    options = [html.Option("none", value="", selected=one.control is None)]
    options += [
        html.Option(words.short(other.name, 40), value=other.id, selected=one.control == other.id)
        for other in others
        if other.id != one.id
    ]
    control = html.Label(
        [
            html.Span("Control"),
            html.Select(
                options,
                key=f"{one.id}={one.control}",  # a new list, not the old one with its old choice
                title="Images like this set in everything but what it is about",
                **attributes({"data-do": "control", "data-set": one.id}),
            ),
        ],
        className="control",
    )
    rename = icon_action("pencil", f"Rename {one.name}", "rename", set=one.id, name=one.name)
    remove = icon_action("bin", f"Remove {one.name}", "remove", set=one.id)
    more = html.Div([control, rename, remove], className="set-more")
    return html.Li([line, more], className=f"set set-{one.colour} active", key=one.id, role="presentation")


def member_strip(
    pictures: Sequence[Picture], notes: Sequence[str], chosen: int | None, slot: int
) -> Component:
    """Show a query set's members; a click draws one member's own distances."""
    return html.Div(
        [
            thumb(
                one,
                note=note,
                do="member",
                class_name="chosen" if one.item == chosen else "",
                extra={"data-item": one.item, "aria-pressed": one.item == chosen},
            )
            for one, note in zip(pictures, notes, strict=True)
        ],
        className=f"strip set-{slot}",
        role="group",
        **attributes({"aria-label": "Members: choose one to draw its own distances"}),
    )


def member_notes(measured: MemberMeasures, items: IntArray) -> list[str]:
    """Say what each of some members found; of a large set most are not asked with."""
    values = zip(measured.auroc, measured.average_precision, measured.first_hit, strict=True)
    notes = {
        int(
            item
        ): f"AUROC {words.measure(float(a))} · AP {words.measure(float(p))} · first hit at {words.count(int(h))}"
        for item, (a, p, h) in zip(measured.items, values, strict=True)
    }
    return [notes.get(int(item), "not asked with: the set is large") for item in items]


def refused_list(skipped: Sequence[Skipped]) -> str:
    """Say in one sentence which files were left out, and why."""
    first = "; ".join(f"{words.short(one.path, 60)}: {one.reason}" for one in skipped[:5])
    more = f"; and {len(skipped) - 5} more" if len(skipped) > 5 else ""
    return f"Left out {first}{more}."
