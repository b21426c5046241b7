"""The command ``dxr``: the only place that prints, and that ends the process."""

from __future__ import annotations

from dxr_dash.cli import ask, look, make, tell
from dxr_dash.cli.frame import cache_folder, cli, main

__all__ = ["ask", "cache_folder", "cli", "look", "main", "make", "tell"]
