"""The button "Why?" of a neighbour: a dialog with a heat map over both images, and the routes behind it."""

from __future__ import annotations

from typing import Any

import numpy as np
from dash import html
from dash.development.base_component import Component
from flask import Flask, Response, abort

from dxr_dash import api
from dxr_dash.browser import ids, urls
from dxr_dash.browser.attributes import attributes
from dxr_dash.browser.panels import action, picture
from dxr_dash.browser.queries import parse_query
from dxr_dash.browser.told import line_by_line, told
from dxr_dash.collection.store import Collection, Space
from dxr_dash.errors import QueryError
from dxr_dash.figures import theme as words
from dxr_dash.records import HeatMap, ImageKey, Match

_DIGITS = 6  # of a value that is sent
_CRASH = QueryError("dxr failed on these two images.", "Its log says where.")


def why_dialog() -> Component:
    """Build the dialog; scripts fill it."""
    foot = html.Div(
        [
            html.Button(
                "Heat map",
                type="button",
                className="button toggle",
                title="Show or hide the heat map",
                **attributes({"data-do": "heat", "aria-pressed": True}),
            ),
            html.Span(className="spring"),
            action("Close", "close-dialog"),
        ],
        className="actions",
    )
    return html.Dialog(
        [
            html.H2("Why do these two match?"),
            html.Div(id=ids.WHY_PAIR, className="why-pair"),
            html.Div(id=ids.WHY_SCALE, className="why-scale", hidden=True),
            html.Div(
                id=ids.WHY_SAID, className="why-said", role="status", **attributes({"aria-live": "polite"})
            ),
            foot,
        ],
        id=ids.WHY_DIALOG,
        className="dialog why-dialog",
        **attributes({"aria-label": "Why do these two match?"}),
    )


def register_why(server: Flask, collection: Collection) -> None:
    """Add the routes: the two pictures, and the heat maps over them."""

    @server.get(urls.PICTURE)
    def large(key: str) -> Response:
        data = api.large_picture(collection, _image(collection, key))
        headers = {"Cache-Control": "private, max-age=600"}  # the original can go, and come back
        return Response(data, mimetype="image/jpeg", headers=headers)

    @server.get(urls.WHY)
    def why(space: str, first: str, second: str) -> Response:
        one, other = _image(collection, first), _image(collection, second)
        return line_by_line(
            told(
                lambda tell: {
                    "found": shown(
                        collection, api.why_match(collection, one, other, space=space, on_progress=tell)
                    )
                },
                lambda error: {"problem": error.problem, "remedy": error.remedy},
                _CRASH,
            )
        )


def _image(collection: Collection, key: str) -> ImageKey:
    try:
        query = parse_query({"key": key}, collection.query_sets, len(collection))
    except QueryError:
        query = None
    asked = query.asked if query else ""
    if isinstance(asked, str):  # a query set is not one image
        abort(404)
    return asked


def shown(collection: Collection, match: Match) -> dict[str, Any]:
    """Say a match in words and numbers that the page draws: heat maps, their scale, and what they mean."""
    values = np.concatenate([one.values.ravel() for one in match.maps])
    ends = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    most = max(-ends[0], ends[1])
    exact = match.measure == "similarity"
    said = (
        _exact(match, collection.space(match.space))
        if exact
        else _hiding(match, collection.space(match.space).metric)
    )
    return {
        "maps": [_map(one) for one in match.maps],
        "names": [_name(collection, one) for one in match.images],
        "most": most,
        "low": ends[0],
        "high": ends[1],
        "ends": [_end(one, match) for one in ends],
        "smooth": exact,
        "title": "Exact" if exact else "By hiding places",
        "lines": said if most else [_NOTHING],
    }


_NOTHING = "Nothing to see: no place of either image makes a difference in this feature space."


def _name(collection: Collection, image: ImageKey) -> str:
    if isinstance(image, int):
        return picture(collection, image).name
    return picture(collection, -1 - image[1], api.find_query_set(collection, image[0])).name


def _map(one: HeatMap) -> dict[str, Any]:
    values = [[float(f"{value:.{_DIGITS}g}") for value in row] for row in one.values.tolist()]
    return {"values": values, "box": one.box}


def _end(value: float, match: Match) -> str:
    """Name an end of the scale: in shares of the similarity, or as a change of the distance."""
    if not value:
        return "0"
    if match.measure == "similarity" and match.value > 0:
        return _signed(f"{100 * value / match.value:+.1f}{words.NARROW_SPACE}% of the similarity")
    return _signed(f"{value:+.2g}")


def _signed(text: str) -> str:
    return text.replace("-", "\u2212", 1)


def _exact(match: Match, where: Space) -> list[str]:
    of_one_place = _OF_CONTROLS.get(
        where.network,
        "A place stands for all that the network sees around it, not only for the pixels below.",
    )
    return [
        f"The cosine similarity of the two, {words.measure(match.value)}, is a sum over the places of each image. "
        "Each map shows the whole of that sum: nothing is left over.",
        "Orange places make the two alike, blue ones less so. "
        f"The strongest tenth of the places gives {_both([_top_share(one) for one in match.maps])} of the similarity. "
        + of_one_place,
    ]


_OF_CONTROLS = {
    "tiny": "Tiny images are compared pixel by pixel, each with the one in the same place: both maps are the same.",
    "colour": "Pixels of one colour share equally what their colour gives; where they lie does not matter.",
}


def _hiding(match: Match, metric: str) -> list[str]:
    n_cells = match.maps[0].values.size
    return [
        f"The {metric} distance of the two is {words.distance(match.value)}. One of {n_cells} places after the other "
        "was hidden under grey, in each image; the maps show by how much the distance then grows.",
        "Orange: hiding the place takes the two apart, so it makes them alike. Blue: hiding it brings them nearer. "
        + _strongest(match, metric),
    ]


def _strongest(match: Match, metric: str) -> str:
    most = [float(one.values.max()) for one in match.maps]
    if metric == "cosine" and match.value < 1:
        shares = _both([max(one, 0.0) / (1 - match.value) for one in most])
        said = (
            f"Hiding the strongest place costs {shares} of the similarity, {words.measure(1 - match.value)}. "
        )
    else:
        one, other = (words.distance(match.value + more) for more in most)
        said = f"With the strongest place hidden the distance is {one} and {other}. "
    return said + "These shares do not add up: hiding two places is not hiding one and then the other."


def _both(shares: list[float]) -> str:
    one, other = (f"{100 * share:.0f}{words.NARROW_SPACE}%" for share in shares)
    return f"{one} (left) and {other} (right)"


def _top_share(one: HeatMap) -> float:
    """Return the share of a sum that its largest tenth of summands has."""
    values = np.sort(one.values.ravel())[::-1]
    total = float(values.sum())
    return float(values[: max(1, round(len(values) / 10))].sum()) / total if total > 0 else 0.0
