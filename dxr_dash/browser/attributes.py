"""HTML attributes that Dash has no arguments for: data-* and aria-*."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def attributes(pairs: Mapping[str, object]) -> dict[str, Any]:
    """Write values as HTML has them: true, false, numbers as text.

    For example ``html.Button("Pan", **attributes({"data-do": "tool", "aria-pressed": True}))``.
    """
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in pairs.items()
    }
