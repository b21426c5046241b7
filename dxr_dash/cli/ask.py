"""The command that asks: do these features retrieve X?"""

from __future__ import annotations

import json
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dxr_dash import settings
from dxr_dash.cli.frame import (
    FOLDER,
    JSON,
    PATH,
    SPACE,
    cli,
    in_words,
    list_skipped,
    progress,
)

if TYPE_CHECKING:
    from dxr_dash.collection.store import Collection
    from dxr_dash.records import Answer, Estimate, Findings, LocalScaling


@cli.command()
@FOLDER
@click.argument("images", type=PATH, required=False)
@click.option("--name", help="What X is; without IMAGES, the stored query set to answer for.")
@click.option(
    "--text", help="Words instead of images, in a space of a `clip:` network: lists what is nearest."
)
@click.option("--control", type=PATH, help="A folder of images like X in everything but X.")
@SPACE
@JSON
@in_words
def query(
    collection: Path,
    images: Path | None,
    name: str | None,
    text: str | None,
    control: Path | None,
    space: str | None,
    as_json: bool,
) -> None:
    """Ask COLLECTION whether its features retrieve the X that the folder IMAGES shows.

    \b
    dxr query photos.dxr FACES --name "faces in things" --control THINGS
    dxr query photos.dxr --name "faces in things"
    dxr query photos.dxr --text "a face in a thing" --space clip:ViT-B-32.laion2b_s34b_b79k.image

    The set is kept in the collection and shown on its page; a set of the same name is replaced.
    """  # noqa: D301
    from dxr_dash import api

    if (name is None) == (text is None) or (text is not None and (images is not None or control is not None)):
        raise click.UsageError("Give --name, with IMAGES or for a stored set, or --text alone.")
    opened = api.open_collection(collection)
    if text is not None:
        return _print_nearest_to_text(opened, text, space, as_json)
    assert name is not None  # noqa: S101 - one of the two was given
    where = opened.space(space).id
    with progress() as shown:
        one, skipped = api.replace_query_set(
            opened, name, images=images, control_images=control, on_progress=shown
        )
        shown("comparing", 0, 0)
        found = api.answer(opened, one.id, space=where)
        shown("looking at what is retrieved", 0, 0)
        more_found = api.findings(opened, one.id, space=where)
    if as_json:
        return click.echo(json.dumps({**found.as_dict(), "findings": more_found.as_dict()}))
    list_skipped(skipped)
    return _print_answer(found, more_found)


def _print_nearest_to_text(opened: Collection, text: str, space: str | None, as_json: bool) -> None:
    from dxr_dash import api

    found = api.nearest_to_text(opened, text, space=space)
    paths = [opened.path(int(row)) for row in found.rows]
    far = [float(distance) for distance in found.distances]
    if as_json:
        near = [{"path": path, "distance": distance} for path, distance in zip(paths, far, strict=True)]
        return click.echo(json.dumps({"text": found.text, "space": found.space, "nearest": near}))
    click.secho(f"Nearest to the words {found.text!r} in {found.space}:", bold=True)
    for path, distance in zip(paths, far, strict=True):
        click.echo(f"  {distance:.3f}  {path}")
    return click.echo(
        "Distances from words to images are of another scale than those between images: no baseline, no verdict."
    )


def _print_answer(found: Answer, beside: Findings) -> None:
    from dxr_dash.analysis import said
    from dxr_dash.collection.walk import visible

    click.secho(found.sentence, bold=True)
    asked = "" if found.n_asked == found.n_images else f", asked with {found.n_asked} of them"
    click.echo(f"  images              {found.n_images} against {found.n_compared} of the gallery{asked}")
    click.echo(f"  AUROC               {words_of(found.auroc)}")
    random, line = beside.among_random, beside.probe
    if random is not None:
        click.echo(f"  {said.p_value(random):<18}  {said.among_random(random)}")
    if found.control is not None:
        control = found.control
        click.echo(
            f"  AUROC over control  {words_of(control.auroc)}; {control.name}, {control.n_images} images"
        )
    click.echo(f"  mAP                 {words_of(found.mean_ap)}")
    click.echo(f"  {f'precision@{found.precision_at}':<18}  {words_of(found.precision)}")
    click.echo(f"  recall@{settings.RECALL_FIRST}          {words_of(found.recall)}")
    click.echo(f"  first hit           {said.first_hit(found.first_hit)}; median over its images")
    if line is not None:
        click.echo(
            f"  linear probe        {words_of(line.auroc)}; AUROC on held-out images, {line.n_folds} folds"
        )
        if line.control is not None:
            click.echo(f"  probe over control  {words_of(line.control)}")
        if line.readable_not_near:
            click.echo(f"  {said.line_separates(found.name)}")
    if beside.scaled is not None:
        _print_without_hubs(found, beside.scaled)
    word = said.in_place(found.verdict)
    for value in beside.instead:
        also = said.also_of_x(value)
        words_of_it = f"{said.instead(value)}{f'; {also}' if also else ''}"
        click.echo(f"  {word}: {visible(value.kind)} {value.value!r}, {words_of_it}")
    for own in beside.own[: settings.OWN_SHOWN]:
        click.echo(f"  {word}: its own {visible(own.kind)}, {said.own(own, settings.INSTEAD_AT)}")
    click.echo(f"  rests on            {said.basis(found.basis)}")
    for warning in found.warnings:
        click.secho(f"  Mind: {warning}", fg="yellow")


def words_of(estimate: Estimate) -> str:
    """Write a measure with its interval and chance value; what is not known is said in words."""
    if isnan(estimate.value):
        return "not measured"
    ends = "no interval" if isnan(estimate.low) else f"{estimate.low:.3f} to {estimate.high:.3f}"
    return f"{estimate.value:.3f} ({ends}; chance {estimate.chance:.3f})"


def _print_without_hubs(found: Answer, scaled: LocalScaling) -> None:
    from dxr_dash.analysis import said

    click.echo(f"  {f'AUROC by {scaled.name}':<18}  {words_of(scaled.auroc)}; takes hubs into account")
    if found.once is not None:
        click.echo(
            f"  by {scaled.name}             of the {scaled.n_images} images with near-duplicates counted once"
        )
    if scaled.control is not None:
        click.echo(f"  {f'{scaled.name} over control':<18}  {words_of(scaled.control.auroc)}")
    click.echo(f"  {f'mAP by {scaled.name}':<18}  {words_of(scaled.mean_ap)}")
    if found.hubs is not None:
        click.echo(f"  {said.hubs(found.hubs)}")
    if scaled.verdict is not found.verdict:
        click.secho(f"  Mind: {said.without_hubs(scaled, found.verdict)}", fg="yellow")
