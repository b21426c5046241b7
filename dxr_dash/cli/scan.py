"""The command that asks for everything: what do these features retrieve at all?"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dxr_dash import settings
from dxr_dash.cli.frame import FOLDER, FORCE, JSON, PATH, SPACE, cli, in_words, progress

if TYPE_CHECKING:
    from dxr_dash.records import Estimate, Scan, ScanLine

SORTS: dict[str, Callable[[ScanLine], Any]] = {
    "value": lambda line: line.value.casefold(),
    "images": lambda line: -line.n_images,
    "auroc": lambda line: -line.auroc.value,
    "map": lambda line: -line.mean_ap.value,
    "lift": lambda line: -line.lift.value,
}
COLOURS = {"yes": "green", "partly": "yellow", "no": "red", "cannot tell": None}


@cli.command()
@FOLDER
@click.option(
    "--by", help="label, cluster, or a column; left out, the label, or clusters where there is none."
)
@SPACE
@click.option("--sort", type=click.Choice(list(SORTS)), default="auroc", show_default=True, help="Order.")
@JSON
@click.option("-o", "--output", type=PATH, help="Write the table to FILE.csv, .parquet or .json.")
@FORCE
@in_words
def scan(
    collection: Path,
    by: str | None,
    space: str | None,
    sort: str,
    as_json: bool,
    output: Path | None,
    force: bool,
) -> None:
    """Ask COLLECTION what its features retrieve at all: every label, value or cluster as X.

    \b
    dxr scan photos.dxr
    dxr scan photos.dxr --by cluster --sort lift
    dxr scan photos.dxr --by species -o species.csv

    Lines are kept as they come: Ctrl-C stops, the same command goes on, and a finished scan is only read again.
    """  # noqa: D301
    from dxr_dash import api
    from dxr_dash.collection.exports import check_target, without_nan, write_rows
    from dxr_dash.collection.scans import SCHEMA
    from dxr_dash.records import scan_row

    if output is not None:
        check_target(output, force=force)
    opened = api.open_collection(collection)
    with progress() as shown:
        found = api.scan(opened, by, space=space, on_progress=shown)
    lines = in_order(found.lines, sort)
    rows = [scan_row(line) for line in lines]
    if output is not None:
        write_rows(output, rows, SCHEMA)
    if as_json:
        counts = {str(verdict): n for verdict, n in found.verdicts.items()}
        facts = {"by": found.by, "space": found.space, "verdicts": counts}
        return click.echo(json.dumps({**facts, "lines": [without_nan(row) for row in rows]}))
    _print_lines(found, lines)
    return click.echo(f"Written to {output}.") if output is not None else None


def in_order(lines: Sequence[ScanLine], sort: str) -> list[ScanLine]:
    """Sort lines, the largest measure first; lines without one come last."""

    def key(line: ScanLine) -> tuple[bool, Any, int]:
        place = SORTS[sort](line)
        unknown = isinstance(place, float) and isnan(place)
        return unknown, 0 if unknown else place, line.code

    return sorted(lines, key=key)


def _print_lines(found: Scan, lines: Sequence[ScanLine]) -> None:
    words = "; ".join(f"{verdict}: {n}" for verdict, n in found.verdicts.items() if n)
    by = found.by.removeprefix("column:")
    click.secho(f"{found.space} by {_plain(by, 60)}, {found.n_values} values. {words}.", bold=True)
    width = min(32, max([5, *(len(_plain(line.value, 32)) for line in lines)]))
    head = f"{'':<11}  {'value':<{width}}  images  {'AUROC':<20}  {'mAP':<20}  {'lift':<22}"
    click.echo(head.rstrip())
    for line in lines:
        click.secho(f"{line.verdict:<11}  ", fg=COLOURS[line.verdict], nl=False)
        text = f"{_plain(line.value, 32):<{width}}  {line.n_images:>6}  {_words(line.auroc):<20}  "
        text += f"{_words(line.mean_ap):<20}  {_words(line.lift):<22}"
        click.echo(f"{text.rstrip()}{'  !' if line.warnings else ''}")
    if any(line.warnings for line in lines):
        click.secho(
            "!  has warnings that could overturn the verdict: --json, -o, or the page show them.", fg="yellow"
        )
    if any(line.n_images < settings.MIN_QUERY_IMAGES for line in lines):
        click.echo(f"Values of fewer than {settings.MIN_QUERY_IMAGES} images are not measured.")


def _plain(text: str, limit: int) -> str:
    """Return untrusted text for a terminal: no control characters, which could move its cursor."""
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def _words(one: Estimate) -> str:
    return "–" if isnan(one.value) else f"{one.value:.2f} ({one.low:.2f} to {one.high:.2f})"
