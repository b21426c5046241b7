"""The command ``dxr``: the only place that prints, and that ends the process."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dxr_dash import settings
from dxr_dash.errors import DxrError

if TYPE_CHECKING:
    from dxr_dash.collection.layouts import Layout
    from dxr_dash.collection.store import Collection
    from dxr_dash.records import Answer, Estimate, Findings, Skipped

SKIPPED_SHOWN = 50
SOONEST_RATE_S = 0.5  # a rate from less is a guess
INTERRUPTED = 130  # the exit code that shells expect after Ctrl-C
Path_ = click.Path(path_type=Path)
FOLDER = click.argument("collection", type=Path_)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON for a script.")
SPACE = click.option("--space", help="Feature space, NETWORK.LAYER; left out, the one built last.")


def main() -> None:
    """Run the command line."""
    cli(prog_name="dxr")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(settings.VERSION, prog_name="dxr")
def cli() -> None:
    """Do deep features retrieve X?

    \b
    dxr demo                                     see it on a drawn world, no download
    dxr build PHOTOS --to photos.dxr             your own images
    dxr serve photos.dxr                         the page
    dxr query photos.dxr FACES --name "faces"    the answer, in the terminal
    """  # noqa: D301 - \b is click's mark for text that keeps its lines


def in_words(command: Callable[..., None]) -> Callable[..., None]:
    """Turn the errors we raise on purpose into words and exit codes."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except DxrError as error:
            click.secho(f"dxr: {error.problem}", fg="red", err=True)
            click.echo(f"     {error.remedy}", err=True)
            sys.exit(1)
        except KeyboardInterrupt:
            click.echo("\nStopped. What was done is kept: run the same command again to go on.", err=True)
            sys.exit(INTERRUPTED)

    return run


class Progress:
    """Shows steps with rate and time left: a line that changes in a terminal, now and then a line elsewhere."""

    def __init__(self) -> None:
        self.live = sys.stderr.isatty()
        self.every_s = 0.1 if self.live else 5.0
        self.step = ""
        self.started = self.shown = self.began = 0.0
        self.total = self.first = 0

    def __call__(self, step: str, done: int, total: int) -> None:
        """Take progress, as ``records.OnProgress`` says."""
        now = time.monotonic()
        if step != self.step:
            self.close()
            self.step, self.started, self.shown, self.total = step, now, 0.0 if self.live else now, 0
        if total != self.total:  # the work proper begins: what came before is no part of the rate
            self.total, self.first, self.began = total, done, now
        if now - self.shown >= self.every_s:
            self.shown = now
            self._show(self._words(done, total, now))

    def close(self) -> None:
        """End the step with how long it took."""
        if self.step:
            self._show(f"{self.step}: {time.monotonic() - self.started:.1f} s", last=True)
        self.step = ""

    def _words(self, done: int, total: int, now: float) -> str:
        if not total:
            return f"{self.step} ... {now - self.started:.0f} s"
        words = f"{self.step}: {done} of {total}"
        if done > self.first and now - self.began > SOONEST_RATE_S:
            rate = (done - self.first) / (now - self.began)
            words += f", {rate:.0f} a second, {(total - done) / rate:.0f} s left"
        return words

    def _show(self, words: str, *, last: bool = False) -> None:
        if self.live:
            click.echo(f"\r\x1b[K{words}", nl=last, err=True)
        else:
            click.echo(words, err=True)


@contextmanager
def progress() -> Iterator[Progress]:
    """Show progress until the block ends."""
    shown = Progress()
    try:
        yield shown
    finally:
        shown.close()


def _page_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option(
            "--port", type=click.IntRange(0, 65535), help="Port; left out, 8050 or the next free one."
        ),
        click.option("--no-browser", is_flag=True, help="Do not open a browser."),
    ):
        command = option(command)
    return command


@cli.command()
@click.option(
    "--to", "folder", type=Path_, help="Where images and collection go; left out, the user's cache."
)
@click.option("--fresh", is_flag=True, help="Build the collection again.")
@click.option("--build-only", is_flag=True, help="Build it, but do not serve the page.")
@_page_options
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
        _serve(collection, settings.HOST, port, no_browser)


@cli.command()
@click.argument("images", type=Path_)
@click.option("--to", "folder", type=Path_, required=True, help="The collection, NAME.dxr.")
@click.option("--network", default=settings.NETWORK, show_default=True, help="See `dxr networks`.")
@click.option("--layer", default=settings.LAYER, show_default=True, help="See `dxr layers NETWORK`.")
@click.option("--weights", type=Path_, help="A weights file, instead of torchvision's own.")
@click.option("--labels", help="`folder`, or a CSV or Parquet file with a column `path`.")
@click.option("--label-column", help="The column of that file that holds the label.")
@click.option("--name", help="Shown on the page; left out, the name of the collection's folder.")
@click.option(
    "--seed", default=settings.SEED, show_default=True, help="Of graph, layouts, clusters and baseline."
)
@click.option(
    "--tsne",
    is_flag=True,
    help=f"Draw a t-SNE layout, too; up to {settings.TSNE_LIMIT} images it is drawn anyway.",
)
@JSON
@in_words
def build(
    images: Path,
    folder: Path,
    network: str,
    layer: str,
    weights: Path | None,
    labels: str | None,
    label_column: str | None,
    name: str | None,
    seed: int,
    tsne: bool,
    as_json: bool,
) -> None:
    """Make a collection from the folder IMAGES, or bring it up to date.

    \b
    dxr build PHOTOS --to photos.dxr
    dxr build PHOTOS --to photos.dxr --network thingsnet          needs no download
    dxr build PHOTOS --to photos.dxr --labels folder
    dxr build PHOTOS --to photos.dxr --labels facts.csv --label-column species
    dxr build PHOTOS --to photos.dxr --tsne                       two layouts of a large collection

    Only new and changed images cost anything. Stop it with Ctrl-C at any time; the same command goes on.
    """  # noqa: D301
    from dxr_dash import api

    with progress() as shown:
        report = api.build(
            images,
            folder,
            network=network,
            layer=layer,
            weights=weights,
            labels=labels,
            label_column=label_column,
            name=name,
            seed=seed,
            tsne=tsne,
            on_progress=shown,
        )
    if as_json:
        return click.echo(json.dumps({**asdict(report), "folder": str(report.folder)}))
    click.echo(f"{report.folder}: {report.n_images} images, {report.n_extracted} of them read now", nl=False)
    click.echo(f", {report.n_removed} removed, {len(report.skipped)} files skipped.")
    _list_skipped(report.skipped)
    if report.graph_recall is not None:
        click.echo(
            f"Neighbour graph: {report.graph_recall:.1%} of the true neighbours, measured on a sample."
        )
    click.echo(
        "Time: " + ", ".join(f"{step} {seconds:.1f} s" for step, seconds in report.seconds.items()) + "."
    )
    return click.echo(f"Look at it with `dxr serve {report.folder}`.")


@cli.command()
@FOLDER
@click.option("--host", default=settings.HOST, show_default=True, help="Address to listen on.")
@_page_options
@in_words
def serve(collection: Path, host: str, port: int | None, no_browser: bool) -> None:
    """Show the page of COLLECTION in a browser; Ctrl-C ends it."""
    from dxr_dash import api

    _serve(api.open_collection(collection), host, port, no_browser)


@cli.command()
@FOLDER
@click.argument("images", type=Path_, required=False)
@click.option("--name", required=True, help="What X is; without IMAGES, the stored query set to answer for.")
@click.option("--control", type=Path_, help="A folder of images like X in everything but X.")
@SPACE
@JSON
@in_words
def query(
    collection: Path, images: Path | None, name: str, control: Path | None, space: str | None, as_json: bool
) -> None:
    """Ask COLLECTION whether its features retrieve the X that the folder IMAGES shows.

    \b
    dxr query photos.dxr FACES --name "faces in things" --control THINGS
    dxr query photos.dxr --name "faces in things"

    The set is kept in the collection and shown on its page; a set of the same name is replaced.
    """  # noqa: D301
    from dxr_dash import api

    opened = api.open_collection(collection)
    skipped: tuple[Skipped, ...] = ()
    with progress() as shown:
        control_id = None
        if control is not None:
            control_set, more = _replace_set(opened, f"{name}, control", control, None, shown)
            control_id, skipped = control_set, more
        if images is not None:
            key, more = _replace_set(opened, name, images, control_id, shown)
            skipped += more
        else:
            key = api.find_query_set(opened, name).id
            if control_id is not None:
                api.set_control(opened, key, control_id)
        shown("comparing", 0, 0)
        found = api.answer(opened, key, space=space)
        shown("looking at what is retrieved", 0, 0)
        more_found = api.findings(opened, key, space=space)
    if as_json:
        return click.echo(json.dumps({**found.as_dict(), "findings": more_found.as_dict()}))
    _list_skipped(skipped)
    return _print_answer(found, more_found)


def _replace_set(
    opened: Collection, name: str, images: Path, control: str | None, shown: Progress
) -> tuple[str, tuple[Skipped, ...]]:
    """Keep a set under a name that may be taken; the old one goes only once the new one is there."""
    from dxr_dash import api

    before = [one.id for one in opened.query_sets.values() if one.name == name]
    added, skipped = api.add_query_set(opened, name, images=images, control=control, on_progress=shown)
    for query_id in before:
        api.remove_query_set(opened, query_id)
    return added.id, skipped


@cli.command()
@FOLDER
@JSON
@in_words
def info(collection: Path, as_json: bool) -> None:
    """Say what COLLECTION holds."""
    from dxr_dash import api

    opened = api.open_collection(collection)
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
        }
        for one in opened.spaces.values()
    ]
    skipped = [asdict(one) for one in opened.skipped]
    if as_json:
        facts = {"name": opened.name, "images": len(opened), "images_root": str(opened.images_root)}
        facts["fingerprint"] = opened.fingerprint
        return click.echo(json.dumps({**facts, "spaces": spaces, "query_sets": sets, "skipped": skipped}))
    click.echo(f"{opened.name}: {len(opened)} images from {opened.images_root}")
    click.echo(f"metadata: {', '.join(opened.metadata_columns) or 'none'}")
    for space in opened.spaces.values():
        recall = "" if space.recall is None else f", recall@{space.recall_at} {space.recall:.3f}"
        click.echo(
            f"feature space {space.id}: {space.n_dims} dimensions, {space.metric}; {space.graph_method} graph{recall}; "
            f"{len(space.representatives)} clusters; baseline of {len(space.baseline)} pairs"
        )
        for layout in space.layouts.values():
            click.echo(f"  {_layout_words(layout)}")
    for one in sets:
        click.echo(
            f"query set {one['name']!r}: {one['images']} images"
            + (f", {one['missing']} gone" if one["missing"] else "")
        )
    return _list_skipped(opened.skipped)


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

    opened = api.open_collection(collection)
    damage = opened.damage()
    if as_json:
        click.echo(json.dumps({"damage": damage}))
    elif damage:
        for problem in damage:
            click.secho(problem, fg="red")
        click.echo(
            "Delete the folders named above and run the `dxr build` command again that made the collection."
        )
    else:
        click.echo(f"{collection}: all files are as they were written.")
    sys.exit(1 if damage else 0)


@cli.command()
@in_words
def networks() -> None:
    """List the networks that `dxr build --network` knows."""
    from dxr_dash.collection.networks import network_names

    click.echo("\n".join(network_names()))


@cli.command()
@click.argument("network")
@in_words
def layers(network: str) -> None:
    """List the layers of NETWORK that `dxr build --layer` knows."""
    from dxr_dash.collection.networks import layer_names

    click.echo("\n".join(layer_names(network)))


def cache_folder() -> Path:
    """Say where files go that can be made again: $DXR_CACHE, or the system's place for them."""
    if "DXR_CACHE" in os.environ:
        return Path(os.environ["DXR_CACHE"])
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "dxr"
    place = os.environ.get("LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME")
    return Path(place) / "dxr" if place else Path.home() / ".cache" / "dxr"


def _serve(collection: Collection, host: str, port: int | None, no_browser: bool) -> None:
    from dxr_dash.browser.server import serve as serve_page

    def ready(address: str) -> None:
        click.echo(f"dxr shows {collection.name} at {address} (Ctrl-C ends it)", err=True)

    try:
        serve_page(
            collection,
            host=host,
            port=_usual_or_free_port(host) if port is None else port,
            open_browser=not no_browser,
            on_ready=ready,
        )
    except KeyboardInterrupt:
        click.echo("\nThe page is closed.", err=True)


def _usual_or_free_port(host: str) -> int:
    """Choose the usual port, or 0 (any free one) when something listens there already."""
    with socket.socket() as probe:
        return 0 if probe.connect_ex((host, settings.PORT)) == 0 else settings.PORT


def _list_skipped(skipped: tuple[Skipped, ...]) -> None:
    for one in skipped[:SKIPPED_SHOWN]:
        click.echo(f"  skipped {one.path}: {one.reason}", err=True)
    if len(skipped) > SKIPPED_SHOWN:
        click.echo(f"  ... and {len(skipped) - SKIPPED_SHOWN} more; `dxr info --json` lists all.", err=True)


def _print_answer(found: Answer, beside: Findings) -> None:
    from dxr_dash.analysis import said

    def words(estimate: Estimate) -> str:
        return (
            f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f}; chance {estimate.chance:.3f})"
        )

    click.secho(found.sentence, bold=True)
    click.echo(f"  images              {found.n_images} against {found.n_compared} of the gallery")
    click.echo(f"  AUROC               {words(found.auroc)}")
    random, line = beside.among_random, beside.probe
    if random is not None:
        click.echo(f"  {said.p_value(random):<18}  {said.among_random(random)}")
    if found.control is not None:
        control = found.control
        click.echo(f"  AUROC over control  {words(control.auroc)}; {control.name}, {control.n_images} images")
    click.echo(f"  mAP                 {words(found.mean_ap)}")
    click.echo(f"  precision@{settings.PRECISION_AT}        {words(found.precision)}")
    if line is not None:
        click.echo(
            f"  linear probe        {words(line.auroc)}; AUROC on held-out images, {line.n_folds} folds"
        )
        if line.control is not None:
            click.echo(f"  probe over control  {words(line.control)}")
        if line.readable_not_near:
            click.echo(f"  {said.line_separates(found.name)}")
    word = said.in_place(found.verdict)
    for value in beside.instead:
        also = said.also_of_x(value)
        words_of_it = f"{said.instead(value)}{f'; {also}' if also else ''}"
        click.echo(f"  {word}: {value.kind} {value.value!r}, {words_of_it}")
    for own in beside.own[: settings.OWN_SHOWN]:
        click.echo(f"  {word}: its own {own.kind}, {said.own(own, settings.INSTEAD_AT)}")
    for warning in found.warnings:
        click.secho(f"  Mind: {warning}", fg="yellow")
