"""The command that compares who is near to whom in two feature spaces."""

from __future__ import annotations

import json
from pathlib import Path

import click

from dxr_dash import settings
from dxr_dash.cli.frame import FOLDER, FORCE, JSON, PATH, cli, in_words


@cli.command()
@FOLDER
@click.argument("first", metavar="SPACE")
@click.argument("second", metavar="SPACE")
@click.option(
    "--k", type=int, help=f"Nearest images to compare; left out, {settings.DISAGREEMENT_AT}, at most 30."
)
@click.option(
    "--show",
    type=click.IntRange(0),
    default=settings.DISAGREEMENT_SHOWN,
    show_default=True,
    help="Images to list, those first whose neighbours differ most.",
)
@click.option("-o", "--output", type=PATH, help="Write every image's share to FILE.csv, .parquet or .json.")
@FORCE
@JSON
@in_words
def disagree(
    collection: Path,
    first: str,
    second: str,
    k: int | None,
    show: int,
    output: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Compare who is near to whom in two feature spaces of COLLECTION.

    \b
    dxr disagree photos.dxr alexnet.fc7 tiny.pixels32
    dxr disagree photos.dxr alexnet.fc7 alexnet.fc6 --show 100 -o differ.csv

    The spaces are named as `dxr info` lists them. Images whose neighbours differ most come first; among equals those
    whose neighbours are near in both spaces.
    """  # noqa: D301
    import pyarrow as pa

    from dxr_dash import api
    from dxr_dash.collection.exports import check_target, write_rows

    if output is not None:
        check_target(output, force=force)
    opened = api.open_collection(collection)
    found = api.disagreement(opened, first, second, k=k)
    first_rows = found.order[:show].tolist()
    if output is not None:
        lines = [
            {"row": row, "path": opened.path(row), "share": float(found.shares[row])}
            for row in found.order.tolist()
        ]
        schema = pa.schema([("row", pa.int64()), ("path", pa.string()), ("share", pa.float32())])
        write_rows(output, lines, schema)
    if as_json:
        paths = [opened.path(row) for row in first_rows]
        facts = found.as_dict(show)
        for line, path in zip(facts["most_different"], paths, strict=True):
            line["path"] = path
        return click.echo(json.dumps(facts))
    click.secho(found.sentence, bold=True)
    if found.mind:
        click.secho(f"  Mind: {found.mind}", fg="yellow")
    for row in first_rows:
        click.echo(f"  {100 * found.shares[row]:3.0f} %  row {row}  {opened.path(row)}")
    return click.echo(f"Written to {output}.") if output is not None else None
