"""The command that compares images patch by patch."""

from __future__ import annotations

import json
from pathlib import Path

import click

from dxr_dash import settings
from dxr_dash.cli.frame import FOLDER, JSON, PATH, SPACE, cli, in_words, progress


@cli.command()
@FOLDER
@click.argument("image", type=PATH)
@click.option(
    "--order",
    default=settings.PATCH_ORDER,
    show_default=True,
    help="Up to which order images are cut into patches: h is h x h overlapping ones, 1 the whole image alone.",
)
@click.option("--query-order", type=int, help="The same for IMAGE; left out, as --order.")
@click.option("--first", default=settings.RERANKED, show_default=True, help="How many of the nearest images.")
@SPACE
@JSON
@in_words
def rerank(
    collection: Path,
    image: Path,
    order: int,
    query_order: int | None,
    first: int,
    space: str | None,
    as_json: bool,
) -> None:
    """List the images of COLLECTION nearest to IMAGE, re-ranked patch by patch.

    \b
    dxr rerank photos.dxr DETAIL.jpg                           a detail of a larger scene
    dxr rerank photos.dxr PHOTO.jpg --order 4 --first 200
    dxr rerank photos.dxr PHOTO.jpg --order 1 --query-order 3  jitter of the query alone

    IMAGE is any image file. The nearest ones by the whole image are found first; then each patch of IMAGE looks for
    its nearest patch in each of them. Their mean distance decides. Needs the network and the original images.
    """  # noqa: D301
    from dxr_dash import api

    opened = api.open_collection(collection)
    with progress() as shown:
        found = api.rerank(
            opened, image, order=order, query_order=query_order, first=first, space=space, on_progress=shown
        )
    lines = [
        {"path": opened.path(int(row)), "distance": float(far), "rank": rank, "rank_before": int(before)}
        for rank, (row, far, before) in enumerate(
            zip(found.rows, found.distances, found.ranks_before, strict=True), 1
        )
    ]
    if as_json:
        facts = {"space": found.space, "patches": found.n_patches, "query_patches": found.n_query_patches}
        return click.echo(json.dumps({**facts, "nearest": lines}))
    click.secho(
        f"The {len(lines)} nearest to {image} in {found.space}, by {found.n_patches} patches of each and "
        f"{found.n_query_patches} of the query:",
        bold=True,
    )
    for line in lines:
        click.echo(
            f"  {line['rank']:>4}  was {line['rank_before']:>4}  {line['distance']:.3f}  {line['path']}"
        )
    return None
