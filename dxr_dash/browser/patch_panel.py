"""The neighbours of one image, patch by patch: asked for with a button, and made beside everything else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from dash import html
from dash.development.base_component import Component
from flask import Flask, Response, abort, request

from dxr_dash import api, settings
from dxr_dash.analysis.patches import n_patches
from dxr_dash.browser import ids, urls
from dxr_dash.browser.access import OWN_HEADER
from dxr_dash.browser.attributes import attributes
from dxr_dash.browser.chosen import looked_at
from dxr_dash.browser.panels import action, grid, message, picture, thumb
from dxr_dash.browser.state import Selection
from dxr_dash.browser.trees import tree
from dxr_dash.collection.store import Collection
from dxr_dash.errors import DxrError, NetworkError, QueryError
from dxr_dash.figures import theme as words
from dxr_dash.records import Reranked, Reranking

_FIRST = 10  # ranks that the sentence is about
_ORDERS = range(2, settings.PATCH_MOST_ORDER + 1)  # order 1 is the whole image
_NO_IMAGE = QueryError("Only the neighbours of one image can be compared patch by patch.", "Click an image.")


def patch_toggle() -> Component:
    """Build the button that asks for the list, and leads back; hidden where there is no image to ask with."""
    return html.Button(
        "Patch by patch",
        id=ids.PATCH_TOGGLE,
        type="button",
        className="button toggle",
        title=f"Put the {settings.RERANKED} nearest in another order: "
        "each patch of the image looks for the nearest patch in them. Press again for whole images (Esc)",
        **attributes({"data-do": "patches", "data-order": settings.PATCH_ORDER, "aria-pressed": False}),
    )


def patch_list() -> Component:
    """Build the place of the list; scripts show it and fill it."""
    orders = [html.Option(f"{n_patches(order)} patches", value=str(order)) for order in _ORDERS]
    choice = html.Label(
        [
            html.Span("Cut into"),
            html.Select(
                orders,
                id=ids.PATCH_ORDER,
                title="How many patches each image is cut into: more find smaller details, and take longer",
                **attributes({"data-do": "patch-order"}),
            ),
        ],
        className="control",
    )
    place = html.Div(id=ids.PATCHES, **attributes({"aria-label": "Neighbours, patch by patch"}))
    return html.Div([choice, place], className="body patch-list")


def register_patches(server: Flask, collection: Collection) -> None:
    """Add the route that the page asks until the list is there, and tells when it has left."""
    worker = api.PatchWorker(collection)

    @server.route(urls.PATCHES, methods=["GET", "DELETE"])
    def patches() -> Response:
        if request.headers.get(OWN_HEADER) is None:  # it begins work: no link or picture elsewhere may
            abort(403)
        said = patches_said(collection, worker, request.query_string.decode(errors="replace"), request.method)
        return Response(json.dumps(said), mimetype="application/json", headers={"Cache-Control": "no-store"})


def patches_said(
    collection: Collection, worker: api.PatchWorker, address: str, method: str = "GET"
) -> dict[str, Any]:
    """Answer the page: what to show, and whether to ask again.

    Args:
        address: what the page's address says of space, image and patches.
        method: "DELETE" where the page does not wait any more.
    """
    try:
        selection = Selection.from_address(address, collection)
        image = looked_at(collection, selection)
        if image is None or not selection.patches:
            raise _NO_IMAGE
        if method == "DELETE":
            worker.leave(image, order=selection.patches, space=selection.space)
            return {}
        found = worker.ask(image, order=selection.patches, space=selection.space)
    except DxrError as error:
        # a network that cannot be had now cannot be had in a moment
        again = [] if isinstance(error, NetworkError) else [action("Try again", "patches-again")]
        return {"busy": False, "tree": tree(message(error.problem, error.remedy, *again, tone="error"))}
    if isinstance(found, Reranking):
        return {"busy": True, "tree": tree(_busy(found))}
    return {"busy": False, "tree": tree(reranked_list(collection, found))}


def _busy(now: Reranking) -> list[Component]:
    """Say how far it is; only the first line is read out."""
    bar: dict[str, Any] = {"max": now.total, "value": now.done} if now.total else {}
    return [
        html.P("Comparing patches\u2026", role="status", className="message-title"),
        html.Progress(**bar, **attributes({"aria-label": "Images compared"})),
        html.P(_how_far(now), className="hint"),
    ]


def _how_far(now: Reranking) -> str:
    if now.ahead:
        others = "1 other comes" if now.ahead == 1 else f"{now.ahead} others come"
        return f"Waiting: {others} first"
    if not now.total:
        return f"{now.step.capitalize() or 'Starting'}\u2026"
    done = f"{now.done} of {now.total} images"
    return (
        done if now.seconds_left is None else f"{done} \u00b7 about {max(1, round(now.seconds_left))} s left"
    )


def reranked_list(collection: Collection, found: Reranked) -> list[Component]:
    """Show images in their new order, each with its old place."""
    shown = settings.NEIGHBOURS_SHOWN
    thumbs = [
        thumb(
            picture(collection, int(row)),
            caption=(f"{before} \u2192 {rank}", words.distance(float(far))),
            note=f"Rank {rank} by patches, {before} by whole images \u00b7 "
            f"mean distance of patches {words.distance(float(far))}",
            class_name="climbed" if rank < before else "",
        )
        for rank, (row, far, before) in enumerate(
            zip(found.rows, found.distances, found.ranks_before, strict=True), start=1
        )
    ]
    parts: list[Component] = [
        html.P(
            [html.Strong(_moved(found)), " ", _meaning(found)], role="status", className="hint", dir="auto"
        ),
        grid(thumbs[:shown], "Nearest by patches, nearest first"),
    ]
    if rest := thumbs[shown:]:
        parts.append(_rest(rest))
    return parts


def _rest(thumbs: Sequence[Component]) -> Component:
    return html.Details(
        [html.Summary(f"The other {len(thumbs)}"), grid(thumbs, "Further images, nearest by patches first")],
        key="rest",
    )


def _moved(found: Reranked) -> str:
    """Say what the patches have changed in front."""
    first = min(_FIRST, len(found.rows))
    n_new = int(np.count_nonzero(found.ranks_before[:first] > first))
    if (found.ranks_before == np.arange(1, len(found.rows) + 1)).all():
        return "The order stays as it was."
    if not n_new:
        return f"The first {first} stay the first {first}."
    return f"{n_new} of the first {first} {'is' if n_new == 1 else 'are'} new there."


def _meaning(found: Reranked) -> str:
    return (
        f"The {len(found.rows)} nearest by whole images, compared by {found.n_patches} patches each. "
        "Below each: its place before \u2192 now, and the mean distance of its patches."
    )
