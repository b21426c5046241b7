"""Ask in words: a field below the query sets, where the feature space holds texts beside images."""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from dxr_dash import api, settings
from dxr_dash.browser import ids
from dxr_dash.browser.attributes import attributes
from dxr_dash.browser.panels import action, field, grid, icon_action, message, picture, thumb
from dxr_dash.browser.state import Selection
from dxr_dash.collection.store import Collection
from dxr_dash.errors import DxrError
from dxr_dash.figures import theme as words

_SCALE = (
    "Distances from words are of another scale than those between images: they have no baseline and no verdict. "
    "Saved as a query set, the images can be asked with like any others."
)


def words_panel() -> Component:
    """Build the field and the place for what it finds; hidden until the space is known to hold texts."""
    ask = html.Div(
        [
            field(ids.WORDS_FIELD, "Find images in words", placeholder="Find in words"),
            action("Find", "ask-words", class_name="primary"),
        ],
        className="save",
    )
    return html.Div([ask, html.Div(id=ids.WORDS_FOUND, className="body")], id=ids.WORDS_PANEL, hidden=True)


def words_of(collection: Collection, selection: Selection) -> tuple[list[Component], bool]:
    """Show the images nearest to the words that were asked with; and say whether the field is hidden."""
    if not api.knows_words(collection.spaces[selection.space]):
        return [], True
    if not selection.words:
        return [], False
    try:
        found = api.nearest_to_text(collection, selection.words, space=selection.space)
    except DxrError as error:
        return [message(error.problem, error.remedy, tone="error")], False
    name = words.short(selection.words, settings.LONGEST_SAID)
    head = html.Div(
        [
            html.P(["Nearest to ", html.Bdi(f"\u201c{name}\u201d")], className="hint"),
            html.Span(className="spring"),
            icon_action("close", "Clear the words", "clear-words"),
        ],
        className="words-head",
    )
    thumbs = (
        thumb(
            picture(collection, int(row)),
            caption=(words.distance(float(far)),),
            note=f"Rank {rank} · distance {words.distance(float(far))} from the words",
        )
        for rank, (row, far) in enumerate(zip(found.rows, found.distances, strict=True), start=1)
    )
    save = action("Save as query set", "save-words", title="Keep these images as a query set")
    return [
        head,
        grid(thumbs, f"Images nearest to {name}, nearest first"),
        html.P(_SCALE, className="hint"),
        html.Div(save, className="actions", **attributes({"data-words": selection.words})),
    ], False
