"""Commands that look at a collection, or at what dxr knows."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dxr_dash.cli.frame import (
    FOLDER,
    JSON,
    cli,
    grown_words,
    in_words,
    list_skipped,
    size_words,
)

if TYPE_CHECKING:
    from dxr_dash.collection.layouts import Layout


@cli.command()
@FOLDER
@JSON
@in_words
def info(collection: Path, as_json: bool) -> None:
    """Say what COLLECTION holds."""
    from dxr_dash import api
    from dxr_dash.collection.benchmarks.patch_files import kept_bytes
    from dxr_dash.collection.walk import visible

    opened = api.open_collection(collection)
    patches = {one.id: kept_bytes(collection, one.features_step) for one in opened.spaces.values()}
    sets = [
        {"id": one.id, "name": one.name, "images": len(one), "missing": one.n_missing, "control": one.control}
        for one in opened.query_sets.values()
    ]
    spaces = [
        {
            "id": one.id,
            "dimensions": one.n_dims,
            "metric": one.metric,
            "graph": one.graph_method,
            "recall": one.recall,
            "recall_at": one.recall_at,
            "clusters": len(one.representatives),
            "baseline_pairs": len(one.baseline),
            "layouts": [_layout_facts(layout) for layout in one.layouts.values()],
            "grown": None if one.grown is None else asdict(one.grown),
            "patches_bytes": patches[one.id],
        }
        for one in opened.spaces.values()
    ]
    skipped = [asdict(one) for one in opened.skipped]
    if as_json:
        facts = {"name": opened.name, "images": len(opened), "images_root": opened.manifest["images_root"]}
        facts["fingerprint"] = opened.fingerprint
        return click.echo(json.dumps({**facts, "spaces": spaces, "query_sets": sets, "skipped": skipped}))
    origin = f"images from {opened.images_root}" if opened.has_images else "vectors without images"
    click.echo(f"{visible(opened.name)}: {len(opened)} {origin}")
    click.echo(f"metadata: {', '.join(map(visible, opened.metadata_columns)) or 'none'}")
    for space in opened.spaces.values():
        recall = "" if space.recall is None else f", recall@{space.recall_at} {space.recall:.3f}"
        click.echo(
            f"feature space {space.id}: {space.n_dims} dimensions, {space.metric}; {space.graph_method} graph{recall}; "
            f"{len(space.representatives)} clusters; baseline of {len(space.baseline)} pairs"
        )
        for layout in space.layouts.values():
            click.echo(f"  {_layout_words(layout)}")
        if space.grown is not None:
            click.echo(f"  {grown_words(space.grown)}")
        if patches[space.id]:
            click.echo(
                f"  {size_words(patches[space.id])} of patches of its features, kept for `dxr benchmark`"
            )
    for one in sets:
        click.echo(
            f"query set {one['name']!r}: {one['images']} images"
            + (f", {one['missing']} gone" if one["missing"] else "")
        )
    return list_skipped(opened.skipped)


def _layout_facts(layout: Layout) -> dict[str, Any]:
    grid = layout.mosaic
    return {
        "name": layout.name,
        "trustworthiness": layout.trustworthiness,
        "neighbours_kept": layout.neighbours_kept,
        "k": layout.honesty_k,
        "mosaic": {
            "columns": grid.columns,
            "rows": grid.rows,
            "displacement": grid.displacement,
            "method": grid.method,
        },
    }


def _layout_words(layout: Layout) -> str:
    """Say how far a layout can be trusted, and how far its mosaic moves the images."""
    k, grid = layout.honesty_k, layout.mosaic
    words = f"layout {layout.title}: "
    if layout.trustworthiness is not None:
        words += f"trustworthiness@{k} {layout.trustworthiness:.3f}, "
    if layout.neighbours_kept is not None:
        words += f"neighbours kept@{k} {layout.neighbours_kept:.3f}, "
    return (
        words
        + f"mosaic of {grid.columns} x {grid.rows} cells, moved by {grid.displacement:.1f} cells on average"
    )


@cli.command()
@FOLDER
@JSON
@in_words
def check(collection: Path, as_json: bool) -> None:
    """Verify every file of COLLECTION against its recorded size and hash."""
    from dxr_dash import api

    damage = api.check(collection)
    if as_json:
        click.echo(json.dumps({"damage": damage}))
    elif damage:
        for problem in damage:
            click.secho(problem, fg="red")
    else:
        click.echo(f"{collection}: all files are as they were written.")
    sys.exit(1 if damage else 0)


@cli.command()
@in_words
def networks() -> None:
    """List the networks that `dxr build --network` knows."""
    from dxr_dash.collection.networks import network_names

    click.echo("\n".join(network_names()))
    for name, what in (
        ("timm:NAME", 'a network of timm; pip install "dxr-dash[timm]"'),
        ("clip:ARCH/PRETRAINED", 'the image tower of an open_clip network; pip install "dxr-dash[clip]"'),
        ("random:NETWORK[:SEED]", "any of these as it is before training"),
    ):
        click.echo(f"{name:<21}  {what}", err=True)


@cli.command()
@click.argument("network")
@JSON
@in_words
def layers(network: str, as_json: bool) -> None:
    """List the layers of NETWORK that `dxr build --layer` knows, with the shapes of what they give for an image.

    After a layer's name stand the ways to pool it into one vector, the usual one first: NAME:POOLING asks for another.
    """
    from dxr_dash.collection.networks import layer_shapes
    from dxr_dash.collection.pooling import fitting_poolings, pooled_dims

    shapes = {name: shape for name, shape in layer_shapes(network).items() if shape is not None}
    if as_json:
        found = [
            {
                "layer": name,
                "shape": shape[1:],
                "dimensions": {way: pooled_dims(shape, way) for way in fitting_poolings(shape)}
                or pooled_dims(shape),
            }
            for name, shape in shapes.items()
        ]
        return click.echo(json.dumps(found))
    width = max(map(len, shapes), default=0)
    for name, shape in shapes.items():
        ways = ", ".join(f"{way} {pooled_dims(shape, way)}" for way in fitting_poolings(shape))
        click.echo(f"{name:<{width}}  {' x '.join(map(str, shape[1:])):<16}  {ways}".rstrip())
    return None
