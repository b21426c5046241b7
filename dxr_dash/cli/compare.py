"""The command that puts query sets and feature spaces beside each other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dxr_dash import settings
from dxr_dash.cli.ask import words_of
from dxr_dash.cli.frame import FOLDER, JSON, cli, in_words, progress

if TYPE_CHECKING:
    from dxr_dash.records import ComparedLine, Comparison, Estimate


@cli.command()
@FOLDER
@click.argument("sets", nargs=-1)
@click.option(
    "--reference",
    help="The set that the others are compared with; left out, the first that is a control set, else the first.",
)
@click.option(
    "--space", "spaces", multiple=True, help="Feature space, NETWORK.LAYER; give it twice to compare two."
)
@JSON
@in_words
def compare(
    collection: Path, sets: tuple[str, ...], reference: str | None, spaces: tuple[str, ...], as_json: bool
) -> None:
    """Compare query sets of COLLECTION, by name or id: measures, verdicts, and differences with intervals.

    \b
    dxr compare photos.dxr "faces in things" "things without faces"
    dxr compare photos.dxr "faces in things" --space alexnet.fc7 --space resnet50.avgpool

    Without SETS, all query sets are compared. Images that two sets share are resampled together.
    """  # noqa: D301
    from dxr_dash import api

    opened = api.open_collection(collection)
    with progress() as shown:
        shown("comparing", 0, 0)
        found = api.compare(
            opened, sets or list(opened.query_sets), reference=reference, spaces=spaces or None
        )
    if as_json:
        return click.echo(json.dumps(found.as_dict()))
    return _print(found)


def _print(found: Comparison) -> None:
    several = len({one.space for one in found.lines}) > 1
    for place, one in enumerate(found.lines):
        where = f" in {one.space}" if several else ""
        mark = ", the reference" if place == found.reference and len(found.lines) > 1 else ""
        click.secho(f"{one.name}{where}: {one.verdict}{mark}", bold=True)
        click.echo(f"  images              {one.n_images} against {one.n_compared} of the gallery")
        for name, estimate in _measures(one):
            click.echo(f"  {name:<18}  {words_of(estimate)}")
        if one.difference is not None:
            click.echo(f"  {one.said}")
        for warning in one.warnings:
            click.secho(f"  Mind: {warning}", fg="yellow")


def _measures(one: ComparedLine) -> list[tuple[str, Estimate]]:
    lines = [("AUROC", one.auroc)]
    if one.control is not None:
        lines.append(("AUROC over control", one.control.auroc))
    lines += [("mAP", one.mean_ap), (f"precision@{settings.PRECISION_AT}", one.precision)]
    lines.append((f"recall@{settings.RECALL_FIRST}", one.recall))
    return lines
