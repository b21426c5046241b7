"""The command that asks for one query set layer by layer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dxr_dash.analysis.compared import signed
from dxr_dash.analysis.verdict import written
from dxr_dash.cli.frame import FOLDER, FORCE, JSON, PATH, cli, in_words, progress

if TYPE_CHECKING:
    from dxr_dash.records import Sweep


@cli.command()
@FOLDER
@click.argument("query_set", metavar="SET")
@click.option("--layers", multiple=True, help="NETWORK:LAYER,LAYER; again for more networks.")
@click.option("--network", "networks", multiple=True, help="All layers of a network; again for more.")
@click.option(
    "--controls",
    is_flag=True,
    help="Ask tiny images, colours and the same layers before training, too: does it take depth?",
)
@click.option(
    "-o", "--output", "outputs", type=PATH, multiple=True, help="A .html, .svg, .csv or .json file."
)
@FORCE
@JSON
@in_words
def sweep(
    collection: Path,
    query_set: str,
    layers: tuple[str, ...],
    networks: tuple[str, ...],
    controls: bool,
    outputs: tuple[Path, ...],
    force: bool,
    as_json: bool,
) -> None:
    """Find the layer at which the query set SET of COLLECTION becomes retrievable.

    \b
    dxr sweep photos.dxr "faces in things"                        every feature space that is there
    dxr sweep photos.dxr "faces in things" --layers alexnet:conv1,conv3,conv5,fc7
    dxr sweep photos.dxr "faces in things" --network thingsnet --controls -o sweep.html

    Spaces that are missing are built first, those of one network in one pass over the images. Stop it with Ctrl-C
    at any time; the same command goes on.
    """  # noqa: D301
    from dxr_dash import api

    if outputs:
        from dxr_dash.report.sweep import check_sweep_targets

        check_sweep_targets(outputs, force=force)
    with progress() as shown:
        found = api.sweep(
            collection, query_set, layers=layers, networks=networks, controls=controls, on_progress=shown
        )
    if as_json:
        click.echo(json.dumps(found.as_dict()))
    else:
        _print(found)
    for file in outputs:
        from dxr_dash.report.sweep import write_sweep

        click.echo(f"  {file}  {max(1, round(write_sweep(found, file) / 1e3))} kB", err=as_json)


def _print(found: Sweep) -> None:
    for answer in found.answers:
        click.secho(answer.sentence, bold=True)
    head = ["", "verdict", "AUROC", "over control", "mAP", "AUROC, over the layer before"]
    lines = [
        [
            one.space,
            str(one.found.verdict),
            written(one.found.auroc),
            written(one.found.control.auroc) if one.found.control else "",
            written(one.found.mean_ap),
            signed(one.found.difference.auroc) if one.found.difference else "",
        ]
        for one in found.spaces
    ]
    kept = [place for place in range(len(head)) if place == 0 or any(line[place] for line in lines)]
    widths = [max(len(line[place]) for line in [head, *lines]) for place in kept]
    for line in [head, *lines]:
        words = "  ".join(line[place].ljust(width) for place, width in zip(kept, widths, strict=True))
        click.echo(f"  {words}".rstrip())
    n_controls = sum(one.is_control for one in found.spaces)
    if 0 < n_controls < len(found.spaces):
        click.echo(f"  The first {n_controls} are controls for depth.")
