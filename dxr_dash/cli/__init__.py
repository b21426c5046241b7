"""The command ``dxr``: the only place that prints, and that ends the process."""

from __future__ import annotations

from dxr_dash.cli import ask, benchmark, compare, disagree, look, make, rerank, scan, serve, sweep, tell
from dxr_dash.cli.frame import cache_folder, cli, main

__all__ = [
    "ask",
    "benchmark",
    "cache_folder",
    "cli",
    "compare",
    "disagree",
    "look",
    "main",
    "make",
    "rerank",
    "scan",
    "serve",
    "sweep",
    "tell",
]
