"""The command that shows the page, to this machine or to others."""

from __future__ import annotations

import os
import secrets
import socket
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dxr_dash import settings
from dxr_dash.cli.frame import FOLDER, cli, in_words, page_options
from dxr_dash.errors import DxrError

if TYPE_CHECKING:
    from dxr_dash.browser.access import Access
    from dxr_dash.collection.store import Collection

SHORTEST_TOKEN = 16  # characters


@cli.command()
@FOLDER
@click.option("--host", default=settings.HOST, show_default=True, help="Address to listen on.")
@click.option("--public-url", help="Where a reverse proxy shows the page, as in https://example.org/photos/.")
@click.option("--no-token", is_flag=True, help="Let in everybody who reaches the port.")
@page_options
@in_words
def serve(
    collection: Path, host: str, public_url: str | None, no_token: bool, port: int | None, no_browser: bool
) -> None:
    """Show the page of COLLECTION in a browser; Ctrl-C ends it.

    Only this machine can open it. With another --host, or a --public-url, the printed address carries a token, which a
    browser must show once; DXR_TOKEN in the environment sets one that stays the same.
    """
    from dxr_dash import api
    from dxr_dash.browser.access import Access

    access = Access(host, None, public_url)
    if access.open_to_others and not no_token:
        access = replace(access, token=_token())
    opened = api.open_collection(collection)
    if access.open_to_others and no_token:
        click.secho(
            "Everybody who reaches this port can look at the images, and add and remove query sets.",
            fg="yellow",
            err=True,
        )
    open_page(opened, access, port, no_browser)


def _token() -> str:
    """Take the token from the environment, where other users of the machine cannot read it, or make one."""
    token = os.environ.get("DXR_TOKEN")
    if token is None:
        return secrets.token_urlsafe(24)
    if (
        len(token) < SHORTEST_TOKEN
        or not token.isascii()
        or not token.replace("-", "").replace("_", "").isalnum()
    ):
        raise DxrError(
            "DXR_TOKEN is too easy to guess, or cannot stand in an address.",
            f"Use at least {SHORTEST_TOKEN} letters, digits, - and _.",
        )
    return token


def open_page(collection: Collection, access: Access | None, port: int | None, no_browser: bool) -> None:
    """Serve the page until Ctrl-C; without an access, to this machine alone."""
    from dxr_dash.browser.server import ONLY_HERE
    from dxr_dash.browser.server import serve as serve_page
    from dxr_dash.collection.walk import visible

    access = access or ONLY_HERE

    def ready(address: str) -> None:
        click.echo(f"dxr shows {visible(collection.name)} at {address} (Ctrl-C ends it)", err=True)

    with suppress(KeyboardInterrupt):  # pressed twice: nobody waits for what was asked
        serve_page(
            collection,
            access=access,
            port=_usual_or_free_port(access.host) if port is None else port,
            open_browser=not no_browser,
            on_ready=ready,
        )
    click.echo("\nThe page is closed.", err=True)


def _usual_or_free_port(host: str) -> int:
    """Choose the usual port, or 0 (any free one) when something listens there already."""
    try:
        socket.create_connection((host, settings.PORT), timeout=1).close()
    except OSError:  # nothing there, or no such host, which is told when it is listened on
        return settings.PORT
    return 0
