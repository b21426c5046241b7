"""The command that measures features on standard retrieval benchmarks."""

from __future__ import annotations

import json
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dxr_dash import settings
from dxr_dash.cli.frame import JSON, PATH, cache_folder, cli, in_words, progress

if TYPE_CHECKING:
    from dxr_dash.records import BenchmarkReport, Estimate

NAMES = ("holidays", "oxford5k", "paris6k", "roxford5k", "rparis6k", "ukbench")


@cli.command()
@click.argument("name", type=click.Choice(NAMES))
@click.option("--data", type=PATH, required=True, help="Your copy of its images and ground truth.")
@click.option(
    "--to",
    "folder",
    type=PATH,
    help="The collection to make or bring up to date, NAME.dxr; left out, one in the user's cache.",
)
@click.option("--network", default=settings.NETWORK, show_default=True, help="See `dxr networks`.")
@click.option("--layer", default=settings.LAYER, show_default=True, help="See `dxr layers NETWORK`.")
@click.option("--weights", type=PATH, help="A weights file, instead of torchvision's own.")
@click.option("--recipe", default="", help="Steps that features are taken through, as for `dxr build`.")
@click.option("--space", help="Measure this feature space of the collection --to as it is; nothing is built.")
@click.option(
    "--patches",
    default=1,
    show_default=True,
    help="Up to which order images are cut into patches: h is h x h overlapping ones, 1 the whole image alone.",
)
@click.option("--query-patches", type=int, help="The same for queries; left out, as --patches.")
@click.option("--partial", is_flag=True, help="Take a copy that lacks images or queries.")
@JSON
@in_words
def benchmark(
    name: str,
    data: Path,
    folder: Path | None,
    network: str,
    layer: str,
    weights: Path | None,
    recipe: str,
    space: str | None,
    patches: int,
    query_patches: int | None,
    partial: bool,
    as_json: bool,
) -> None:
    """Measure features on a standard retrieval benchmark, with its published protocol.

    \b
    dxr benchmark holidays --data HOLIDAYS
    dxr benchmark oxford5k --data OXFORD --network vgg16 --layer fc7
    dxr benchmark oxford5k --data OXFORD --to oxford.dxr --space vgg16.fc7
    dxr benchmark oxford5k --data OXFORD --layer fc6 --patches 4 --query-patches 3

    The images become a collection: nothing is extracted twice, and `dxr serve` shows it. Stop it with Ctrl-C at any
    time; the same command goes on. docs/benchmarks.md says how to lay out the files and what is measured.

    With --patches each patch of a query looks for the nearest patch of an image; their mean distance ranks. Each patch
    costs a forward pass, once: its features are kept in the collection.
    """  # noqa: D301
    from dxr_dash import api

    if space is not None and folder is None:
        raise click.UsageError("--space needs --to: the collection that has the feature space.")
    with progress() as shown:
        found = api.benchmark(
            name,
            data,
            folder or _kept(name, data),
            network=network,
            layer=layer,
            weights=weights,
            recipe=recipe,
            space=space,
            patches=patches,
            query_patches=query_patches,
            partial=partial,
            on_progress=shown,
        )
    if as_json:
        return click.echo(json.dumps(found.as_dict()))
    return _print(found)


def _kept(name: str, data: Path) -> Path:
    """Say where the collection of one copy of a benchmark's images is kept."""
    from dxr_dash.collection.benchmarks import BENCHMARKS
    from dxr_dash.collection.steps import fingerprint

    folder = cache_folder() / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    place = fingerprint(str(data.resolve()))[:8]
    return folder / f"{BENCHMARKS[name].pictures}-{place}{settings.SUFFIX}"


def _print(found: BenchmarkReport) -> None:
    n_queries = len(found.queries)
    wide = max(len(part.name) for part in found.parts) + 2 if found.parts[0].name else 0
    click.secho(f"{found.title}, {found.space}, {found.metric}", bold=True)
    patches = f", by {found.n_patches} patches of each image and {found.n_query_patches} of each query"
    cut = max(found.n_patches, found.n_query_patches) > 1
    click.echo(f"  {found.n_images:,} images ranked for {n_queries:,} queries{patches if cut else ''}")
    for part in found.parts:
        for measure, estimate in part.measures.items():
            click.echo(f"  {part.name:<{wide}}{measure:<7}{_words(estimate)}")
        left_out = n_queries - part.n_queries
        if left_out:
            words = "1 query" if left_out == 1 else f"{left_out:,} queries"
            click.echo(f"  {'':<{wide}}without {words} for which nothing is relevant")
    for source, figure in found.published.items():
        click.echo(f"         {figure:.3f} published: {source}")
    click.echo(
        f"Intervals: {settings.CONFIDENCE:.0%}, from resampling {found.n_groups:,} groups of queries that look for "
        "the same images."
    )
    for note in found.notes:
        click.secho(f"Mind: {note} Not to be compared with published figures.", fg="yellow")
    click.echo(f"Look at the images with `dxr serve {found.folder}`.")


def _words(estimate: Estimate) -> str:
    between = "no interval" if isnan(estimate.low) else f"{estimate.low:.3f} to {estimate.high:.3f}"
    return f"{estimate.value:.3f} ({between}; chance {estimate.chance:.3f})"
