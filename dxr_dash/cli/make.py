"""Commands that make a collection, or take something out of it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dxr_dash import settings
from dxr_dash.cli.frame import (
    FOLDER,
    JSON,
    PATH,
    cache_folder,
    cli,
    grown_words,
    in_words,
    list_skipped,
    page_options,
    progress,
    size_words,
)
from dxr_dash.cli.serve import open_page

if TYPE_CHECKING:
    from dxr_dash.records import Removal


@cli.command()
@click.option("--to", "folder", type=PATH, help="Where images and collection go; left out, the user's cache.")
@click.option("--fresh", is_flag=True, help="Build the collection again.")
@click.option("--build-only", is_flag=True, help="Build it, but do not serve the page.")
@page_options
@in_words
def demo(folder: Path | None, fresh: bool, build_only: bool, port: int | None, no_browser: bool) -> None:
    """Draw a small world of things, some with faces, and ask: do the features retrieve faces?

    Needs no network and no download. The first time takes about a minute; then it opens at once.
    """
    from dxr_dash import api

    folder = folder or cache_folder() / f"demo-{settings.VERSION}"
    with progress() as shown:
        collection = api.build_demo(folder, fresh=fresh, on_progress=shown)
    click.echo(f"The demo is {collection.folder}", err=True)
    if not build_only:
        open_page(collection, None, port, no_browser)


@cli.command()
@click.argument("images", type=PATH, required=False)
@click.option("--to", "folder", type=PATH, required=True, help="The collection, NAME.dxr.")
@click.option("--network", default=settings.NETWORK, show_default=True, help="See `dxr networks`.")
@click.option(
    "--layer",
    "layers",
    multiple=True,
    help="NAME or NAME:POOLING, see `dxr layers NETWORK`; again for more layers of the same pass. Left out, fc7 where "
    "there is one, else what the classifier reads.",
)
@click.option("--recipe", help="What is done to the features, such as l2,pca:128:whiten,l2.")
@click.option(
    "--vectors", type=PATH, help="Vectors of your own: .npy, .npz or .parquet; IMAGES may be left out."
)
@click.option("--weights", type=PATH, help="A weights file, instead of torchvision's own.")
@click.option("--labels", help="`folder`, or a CSV or Parquet file with a column `path`.")
@click.option("--label-column", help="The column of that file that holds the label.")
@click.option("--name", help="Shown on the page; left out, the name of the collection's folder.")
@click.option(
    "--seed",
    type=click.IntRange(0, settings.MOST_SEED),
    default=settings.SEED,
    show_default=True,
    help="Of graph, layouts, clusters and baseline.",
)
@click.option(
    "--tsne",
    is_flag=True,
    help=f"Draw a t-SNE layout, too; up to {settings.TSNE_LIMIT} images it is drawn anyway.",
)
@click.option(
    "--fresh",
    is_flag=True,
    help="Lay map, mosaic and clusters out afresh; left out, old images stay where they are, and new ones join them. "
    "Large JPEG files that an older dxr decoded whole are read anew, at half of their size or less.",
)
@JSON
@in_words
def build(
    images: Path | None,
    folder: Path,
    network: str,
    layers: tuple[str, ...],
    recipe: str | None,
    vectors: Path | None,
    weights: Path | None,
    labels: str | None,
    label_column: str | None,
    name: str | None,
    seed: int,
    tsne: bool,
    fresh: bool,
    as_json: bool,
) -> None:
    """Make a collection from the folder IMAGES, or bring it up to date.

    \b
    dxr build PHOTOS --to photos.dxr
    dxr build PHOTOS --to photos.dxr --network thingsnet          needs no download
    dxr build PHOTOS --to photos.dxr --layer fc6 --layer fc7 --layer pool5:max    one pass, three spaces
    dxr build PHOTOS --to photos.dxr --recipe l2,pca:128:whiten,l2
    dxr build PHOTOS --to photos.dxr --network tiny               a control for depth: small images as they are
    dxr build PHOTOS --to photos.dxr --vectors clip.npz                           features from elsewhere
    dxr build --vectors words.parquet --to words.dxr                              without any images
    dxr build PHOTOS --to photos.dxr --labels folder
    dxr build PHOTOS --to photos.dxr --labels facts.csv --label-column species
    dxr build PHOTOS --to photos.dxr --tsne                       two layouts of a large collection

    Only new and changed images cost anything. Stop it with Ctrl-C at any time; the same command goes on.
    """  # noqa: D301
    from dxr_dash import api

    context = click.get_current_context()
    if vectors is not None:
        for option in ("network", "layers", "weights"):
            if context.get_parameter_source(option) == click.core.ParameterSource.COMMANDLINE:
                raise click.UsageError("Give --vectors or a network with its layers and weights, not both.")
    with progress() as shown:
        report = api.build(
            images,
            folder,
            network=network,
            layer=layers,
            recipe=recipe,
            vectors=vectors,
            weights=weights,
            labels=labels,
            label_column=label_column,
            name=name,
            seed=seed,
            tsne=tsne,
            fresh=fresh,
            on_progress=shown,
        )
    if as_json:
        return click.echo(json.dumps({**asdict(report), "folder": str(report.folder)}))
    click.echo(f"{report.folder}: {report.n_images} images, {report.n_extracted} of them read now", nl=False)
    click.echo(f", {report.n_removed} removed, {len(report.skipped)} files skipped.")
    list_skipped(report.skipped)
    if report.graph_recall is not None:
        click.echo(
            f"Neighbour graph: {report.graph_recall:.1%} of the true neighbours, measured on a sample."
        )
    if report.grown is not None:
        click.echo(grown_words(report.grown))
    click.echo(
        "Time: " + ", ".join(f"{step} {seconds:.1f} s" for step, seconds in report.seconds.items()) + "."
    )
    return click.echo(f"Look at it with `dxr serve {report.folder}`.")


@cli.command("remove-space")
@FOLDER
@click.argument("spaces", metavar="SPACE...", nargs=-1, required=True)
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@JSON
@in_words
def remove_space(collection: Path, spaces: tuple[str, ...], dry_run: bool, as_json: bool) -> None:
    """Remove feature spaces of COLLECTION, and all that rests on them alone.

    \b
    dxr remove-space photos.dxr tiny.pixels32 --dry-run
    dxr remove-space photos.dxr alexnet.conv1 alexnet.conv2 alexnet.conv3

    Images, query sets and the other spaces stay as they are; `dxr info` lists the spaces.
    """  # noqa: D301
    from dxr_dash import api

    found = api.remove_spaces(collection, spaces, dry_run=dry_run)
    if as_json:
        return click.echo(json.dumps({**asdict(found), "dry_run": dry_run}))
    if not found.spaces:
        return click.echo(
            f"Nothing was left to remove: a removal that had been stopped is ended. {_left(found)}"
        )
    n_bytes = found.n_bytes
    went = "Would remove" if dry_run else "Removed"
    click.echo(f"{went} {', '.join(found.spaces)}: {size_words(sum(n_bytes.values()))}.")
    click.echo("  " + ", ".join(f"{kind} {size_words(size)}" for kind, size in n_bytes.items()))
    if found.shared:
        click.echo(f"  kept, since other spaces are made from it: {', '.join(found.shared)}")
    click.echo(_left(found))
    click.echo("To have it again, run the `dxr build` command that made the collection with")
    for options in found.again:
        click.echo(f"  {options}")
    return None


def _left(found: Removal) -> str:
    return f"It has {', '.join(found.left)}."
