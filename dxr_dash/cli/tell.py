"""The command that writes a report."""

from __future__ import annotations

from pathlib import Path

import click

from dxr_dash.cli.frame import FOLDER, PATH, SPACE, cli, in_words, progress, size_words


@cli.command()
@FOLDER
@click.option("--query", "queries", multiple=True, required=True, help="A query set; again for more.")
@click.option("--control", help="The control set of them all; left out, the one stored with each.")
@SPACE
@click.option(
    "-o",
    "--output",
    "outputs",
    type=PATH,
    multiple=True,
    required=True,
    help="A .html, .json, .csv or .parquet file, or a folder for one of each; again for more.",
)
@click.option("--note", default="", help="Your own words under the title: who, when, what for.")
@click.option("--force", is_flag=True, help="Write over files that are no report.")
@in_words
def report(
    collection: Path,
    queries: tuple[str, ...],
    control: str | None,
    space: str | None,
    outputs: tuple[Path, ...],
    note: str,
    force: bool,
) -> None:
    """Write all that stands behind an answer of COLLECTION into one file, to be read, checked and repeated.

    \b
    dxr report photos.dxr --query "faces in things" -o report.html
    dxr report photos.dxr --query faces --query masks -o report.html -o numbers.csv
    dxr report photos.dxr --query faces -o FOLDER

    The page needs no network and no script. The same collection, sets and versions give the same bytes.
    """  # noqa: D301
    from dxr_dash import api
    from dxr_dash.report import check_targets, make_report, write_reports

    check_targets(outputs, force=force)
    opened = api.open_collection(collection)
    with progress() as shown:
        made = make_report(
            opened, queries, control=control, space=space, note=note.strip(), on_progress=shown
        )
        shown("writing", 0, 0)
        written = write_reports(made, outputs, force=force)
    for one in made.sections:
        click.secho(one.answer.sentence, bold=True)
    for file, n_bytes in written:
        click.echo(f"  {file}  {size_words(n_bytes)}")
