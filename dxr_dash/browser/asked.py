"""What Dash is asked: a question that its own script cannot have sent is refused before Dash fails on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dash import Dash
from dash.exceptions import DependencyException
from flask import Flask, Response, abort, request

ASK = "/_dash-update-component"


def refuse_malformed(app: Dash) -> None:
    """Answer 400 to a question of another form than the page's, and 404 to a script that is none of Dash's."""
    server: Flask = app.server

    @server.before_request
    def check() -> None:
        if request.path != ASK or request.method != "POST":
            return
        try:
            body = request.get_json()
        except RecursionError:  # brackets within brackets
            abort(400)
        if not is_question(app.callback_map, body):
            abort(400)

    @server.errorhandler(DependencyException)
    def no_such_script(_error: DependencyException) -> Response:
        return Response(status=404)


def is_question(known: Mapping[str, Mapping[str, Any]], body: object) -> bool:
    """Say whether Dash can work with a question's body.

    Args:
        known: Dash's callbacks, by what they put out.
        body: the JSON that was sent.
    """
    if not isinstance(body, dict) or not isinstance(output := body.get("output"), str):
        return False
    callback = known.get(output, {})
    outputs, inputs, changed = body.get("outputs"), body.get("inputs"), body.get("changedPropIds")
    several = outputs if isinstance(outputs, list) else [outputs]
    return (
        "callback" in callback  # one that the browser answers itself has none
        and _names(several) == output.strip(".").split("...")
        and _names(inputs) == [f"{one['id']}.{one['property']}" for one in callback["inputs"]]
        and body.get("state", []) == []  # no callback of ours has any
        and isinstance(changed, list)
        and all(isinstance(one, str) for one in changed)
    )


def _names(parts: object) -> Sequence[str] | None:
    if not isinstance(parts, list) or not all(isinstance(one, dict) for one in parts):
        return None
    return [f"{one.get('id')}.{one.get('property')}" for one in parts]
