"""What a panel holds, as one text: `assets/trees.js` puts it on the page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from dash import html
from dash.development.base_component import Component

from dxr_dash.browser.attributes import attributes

TREE = "data-tree"  # the attribute of a panel's element that holds the text


def tree(parts: Component | Sequence[Component | str] | None) -> str:
    """Describe components as JSON, just as Dash would send them."""
    return json.dumps([] if parts is None else parts, default=_plain, separators=(",", ":"))


def tree_about(query_set: str, parts: Component | Sequence[Component | str] | None) -> str:
    """Describe a panel about one query set: the page hides it once another is chosen, until that one's has come.

    Args:
        query_set: feature space and id, with a space between; empty where none is chosen.
    """
    if parts is None or not query_set:
        return tree(parts)
    marker = html.Span(hidden=True, **attributes({"data-of": query_set}))
    return tree([marker, *([parts] if isinstance(parts, Component) else parts)])


def drawn_and_tree(figure: object, parts: Sequence[Component | str]) -> tuple[object, str]:
    """Describe what stands beside a figure."""
    return figure, tree(parts)


def tree_and(parts: Sequence[Component | str], more: object) -> tuple[str, object]:
    """Describe a panel, and give one more thing along."""
    return tree(parts), more


def _plain(component: Component) -> Any:
    return component.to_plotly_json()  # type: ignore[no-untyped-call]
