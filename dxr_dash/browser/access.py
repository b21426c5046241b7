"""Who may ask: this machine alone unless the user opens the door, and then only those who have the token."""

from __future__ import annotations

import hmac
import ipaddress
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Flask, Response, abort, make_response, redirect, request

from dxr_dash import settings
from dxr_dash.errors import DxrError

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

TOKEN = "token"  # noqa: S105 - its name in the address, not itself
OWN_HEADER = "X-Dxr"  # a page of another site cannot send it without asking first, and is then refused
_COOKIE_DAYS = 30
_CLOSED = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>dxr asks for its token</title>
<style>
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 34em; margin: 18vh auto; padding: 0 1em }
</style>
</head><body><h1>This page is not open to everybody</h1>
<p>Open the address that <code>dxr serve</code> printed when it was started: it ends in <code>?token=…</code>.
This browser is then let in until the page is started anew.</p></body></html>
"""


@dataclass(frozen=True)
class Access:
    """How the page is reached, and by whom.

    Attributes:
        host: the address that is listened on.
        token: what a browser must show once; None lets everybody in who reaches the port.
        public_url: where a reverse proxy shows the page, with its path; None without one.
    """

    host: str = settings.HOST
    token: str | None = None
    public_url: str | None = None

    def __post_init__(self) -> None:
        """Check the public address.

        Raises:
            DxrError: it is no http address.
        """
        if self.public_url is not None and not _is_page_address(self.public_url):
            raise DxrError(
                f"{self.public_url!r} is no address that a browser could open.",
                "Give the whole address, as in `--public-url https://example.org/photos/`.",
            )

    @property
    def prefix(self) -> str:
        """The path under which a proxy shows the page; begins and ends with a slash."""
        path = urlsplit(self.public_url or "").path.strip("/")
        return f"/{path}/" if path else "/"

    @property
    def open_to_others(self) -> bool:
        """Whether other machines can reach the page."""
        return self.public_url is not None or not is_loopback(self.host)

    def may_be_called(self, name: str) -> bool:
        """Say whether a Host header names this machine: a name on the net may be pointed here from outside."""
        public = urlsplit(self.public_url or "").hostname
        return (
            name in {"localhost", self.host.lower(), public} or _is_address(name) or name in _machine_names()
        )

    def is_own_origin(self, origin: str) -> bool:
        """Say whether an Origin header names our own page."""
        try:
            there = urlsplit(origin)
        except ValueError:
            return False
        public = urlsplit(self.public_url or "").netloc
        return there.scheme in ("http", "https") and there.netloc in {request.host, public} - {""}

    @cached_property
    def cookie(self) -> tuple[str, str]:
        """Name and value of what the token is traded for: other servers under this name see it, and not the token."""
        key = (self.token or "").encode()
        name, value = (hmac.new(key, what, "sha256").hexdigest() for what in (b"name", b"value"))
        return f"dxr-{name[:12]}", value

    def lets_in(self, shown: str | None) -> bool:
        """Compare a token in constant time."""
        return self.token is None or _same(shown, self.token)

    def knows(self, cookies: Mapping[str, str]) -> bool:
        """Say whether a browser has traded the token already, or needs none."""
        name, value = self.cookie
        return self.token is None or _same(cookies.get(name), value)


@cache
def _machine_names() -> frozenset[str]:
    """What this machine calls itself; looked up once, since the full name may be asked of a name server."""
    return frozenset({socket.gethostname().lower(), socket.getfqdn().lower()})


def is_loopback(host: str) -> bool:
    """Say whether only this machine reaches an address that is listened on."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def guard(server: Flask, access: Access) -> None:
    """Refuse, before anything else, requests by other names, from other sites and without the token."""

    @server.before_request
    def check() -> Response | None:
        if not access.may_be_called((urlsplit(f"//{request.host}").hostname or "").lower()):
            abort(403)
        if request.method not in ("GET", "HEAD", "OPTIONS") and not _from_this_site(access):
            abort(403)
        if access.knows(request.cookies):
            return None
        if request.method == "GET" and access.lets_in(request.args.get(TOKEN)):
            return _welcome(access)
        return make_response(_CLOSED, 401)


def behind_prefix(app: WsgiApp, prefix: str) -> WsgiApp:
    """Take a proxy's path off each request; proxies that take it off themselves are served as well."""
    start = prefix.rstrip("/")
    if not start:
        return app

    def stripped(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path.startswith(prefix):
            environ["PATH_INFO"] = path[len(start) :]
        return app(environ, start_response)

    return stripped


def _welcome(access: Access) -> Response:
    """Give the browser its cookie and take the token out of the address, where others could read it."""
    rest = urlencode([(key, value) for key, value in request.args.items(multi=True) if key != TOKEN])
    response = make_response(redirect(f"{access.prefix}?{rest}" if rest else access.prefix, 303))
    response.set_cookie(
        *access.cookie,
        max_age=_COOKIE_DAYS * 86_400,
        path=access.prefix,
        secure=(access.public_url or "").startswith("https:"),
        httponly=True,
        samesite="Lax",  # a link in a mail opens the page; a form on another site does not reach it
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def _same(shown: str | None, wanted: str) -> bool:
    return hmac.compare_digest((shown or "").encode(errors="replace"), wanted.encode())


def _is_page_address(url: str) -> bool:
    """Say whether a browser could open an address, and a page stand under it."""
    try:
        parts = urlsplit(url)
        named = parts.hostname and parts.port != 0
    except ValueError:  # an impossible host or port
        return False
    plain = url.isascii() and url.isprintable() and not set(url) & set(" <>\"'")
    return bool(
        named and plain and parts.scheme in ("http", "https") and not parts.query and not parts.fragment
    )


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _from_this_site(access: Access) -> bool:
    """Say whether a request that changes something comes from our own page: browsers name its origin with every one."""
    origin = request.headers.get("Origin")
    if origin is not None and not access.is_own_origin(origin):
        return False
    return request.headers.get("Sec-Fetch-Site", "same-origin") in ("same-origin", "none")
