"""What every command shares: the group, errors in words, progress, options."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dxr_dash import settings
from dxr_dash.errors import DxrError

if TYPE_CHECKING:
    from dxr_dash.records import Grown, Skipped

SKIPPED_SHOWN = 50
SOONEST_RATE_S = 0.5  # a rate from less is a guess
INTERRUPTED = 130  # the exit code that shells expect after Ctrl-C
PATH = click.Path(path_type=Path)
FOLDER = click.argument("collection", type=PATH)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON for a script.")
FORCE = click.option("--force", is_flag=True, help="Write over files that are there.")
SPACE = click.option(
    "--space", help="Feature space, NETWORK.LAYER; left out, the one built last that is no control for depth."
)


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
    dxr compare photos.dxr                       query sets beside each other
    dxr sweep photos.dxr "faces"                 at which layer does it become retrievable?
    dxr report photos.dxr --query faces -o report.html    the answer, as one file to keep
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
        except OSError as error:  # a name too long, a place that has gone: what no check of ours has foreseen
            if error.errno == errno.EPIPE:  # whoever reads the output has stopped
                raise
            where = f": {error.filename!r}" if error.filename is not None else ""
            click.secho(f"dxr: {error.strerror or error}{where}.", fg="red", err=True)
            click.echo("     Check that name and place, and that they can be read and written.", err=True)
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


def page_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of serving the page."""
    for option in (
        click.option(
            "--port", type=click.IntRange(0, 65535), help="Port; left out, 8050 or the next free one."
        ),
        click.option("--no-browser", is_flag=True, help="Do not open a browser."),
    ):
        command = option(command)
    return command


def cache_folder() -> Path:
    """Say where files go that can be made again: $DXR_CACHE, or the system's place for them."""
    if "DXR_CACHE" in os.environ:
        return Path(os.environ["DXR_CACHE"])
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "dxr"
    place = os.environ.get("LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME")
    return Path(place) / "dxr" if place else Path.home() / ".cache" / "dxr"


def grown_words(grown: Grown) -> str:
    """Say how far a layout is from the last full one, and when there will be another."""
    return (
        f"Grown: {grown.n_new} new and {grown.n_removed} removed since the full layout of {grown.n_images} images; "
        f"beyond {settings.GROWTH_LIMIT:.0%} of them `dxr build` lays out afresh, with --fresh it does so now."
    )


def size_words(n_bytes: int) -> str:
    """Say how much room something takes."""
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes >= 1e6 else f"{max(1, round(n_bytes / 1e3))} kB"


def list_skipped(skipped: tuple[Skipped, ...]) -> None:
    """Print which files were left out, and why; the first of many."""
    for one in skipped[:SKIPPED_SHOWN]:
        click.echo(f"  skipped {one.path}: {one.reason}", err=True)
    if len(skipped) > SKIPPED_SHOWN:
        click.echo(f"  ... and {len(skipped) - SKIPPED_SHOWN} more; `dxr info --json` lists all.", err=True)
