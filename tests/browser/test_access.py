"""Who may open the page, under which address, and what a browser lets it do."""

from __future__ import annotations

import http.client
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Page, expect

from dxr_dash.browser.access import Access, is_loopback
from dxr_dash.browser.server import address_of, create_app
from dxr_dash.cli import cli
from dxr_dash.errors import DxrError
from tests.browser.conftest import PATIENCE_MS, Site, Watch, running

SECRET = "a-secret-of-the-test"  # noqa: S105  # pragma: allowlist secret
PUBLIC = Access(token=SECRET, public_url="https://photos.example/some/where/")


def client_of(site: Site, access: Access) -> FlaskClient:
    found: FlaskClient = create_app(site[0], access=access).server.test_client()
    return found


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("127.8.0.1", True)]
    + [("0.0.0.0", False), ("::", False), ("192.168.1.7", False), ("photos.example", False), ("", False)],
)
def test_only_a_loopback_address_is_this_machine_alone(host: str, local: bool) -> None:
    assert is_loopback(host) is local
    assert Access(host).open_to_others is not local


def test_without_the_token_there_is_nothing_but_how_to_get_in(site: Site) -> None:
    client = client_of(site, Access(token=SECRET))
    version = site[0].fingerprint[:16]
    for path in ("/", f"/thumbnails/{version}/1.jpg", "/_dash-layout", "/assets/state.js", "/?token=wrong"):
        answer = client.get(path)
        assert answer.status_code == 401, path
        assert b"dxr serve" in answer.data
        assert b"drawn things" not in answer.data
        assert "Set-Cookie" not in answer.headers
    assert client.post("/_dash-update-component", json={}).status_code == 401
    assert client.post(f"/query-sets?token={SECRET}").status_code == 401


def test_the_token_lets_a_browser_in_and_leaves_the_address(site: Site) -> None:
    client = client_of(site, Access(token=SECRET))
    answer = client.get(f"/?focus=3&token={SECRET}&page=explore")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/?focus=3&page=explore"
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert SECRET not in cookie  # other servers under this name are sent it
    assert answer.headers["Cache-Control"] == "no-store"
    assert client.get("/").status_code == 200
    assert client.get(f"/thumbnails/{site[0].fingerprint[:16]}/1.jpg").status_code == 200


@pytest.mark.parametrize("path", ["//evil.example/", "/%5Cevil.example/", "/x/../..//evil.example"])
def test_letting_in_leads_to_the_page_and_nowhere_else(site: Site, path: str) -> None:
    answer = client_of(site, Access(token=SECRET)).get(f"{path}?token={SECRET}")
    assert answer.headers.get("Location", "/") == "/"


def test_behind_a_proxy_the_public_name_and_origin_are_our_own(site: Site) -> None:
    client = client_of(site, PUBLIC)
    name = {"Host": "photos.example"}
    assert client.get("/", headers={"Host": "other.example"}).status_code == 403
    answer = client.get(f"/?token={SECRET}", headers=name)
    assert answer.headers["Location"] == "/some/where/"
    assert "Secure" in answer.headers["Set-Cookie"]
    assert "Path=/some/where/" in answer.headers["Set-Cookie"]
    posts = [("https://photos.example", 401), ("https://evil.example", 403), ("null", 403)]
    for origin, status in posts:  # 401: past the check of the origin, and without a token
        for host in ("photos.example", "127.0.0.1:8050"):
            found = client.post("/query-sets", headers={"Host": host, "Origin": origin})
            assert found.status_code == status, origin


@pytest.mark.parametrize(
    "url",
    [
        "photos.example",
        "ftp://photos.example/",
        "https://",
        "https://a/?b",
        "//a/",
        "http://[::1",
        "http://h:99999/",
    ]
    + ["http://h/<x>/", "http://h/a b/", 'http://h/"/', "http://h/\n"],
)
def test_a_public_address_must_be_one(url: str) -> None:
    with pytest.raises(DxrError, match="no address"):
        Access(public_url=url)


def test_the_printed_address_can_be_opened() -> None:
    assert address_of(Access(), 8050) == "http://127.0.0.1:8050/"
    assert address_of(Access("::1", "abc"), 80) == "http://[::1]:80/?token=abc"
    assert address_of(PUBLIC, 8050) == f"https://photos.example/some/where/?token={SECRET}"
    assert "0.0.0.0" not in address_of(Access("0.0.0.0"), 80)


@pytest.mark.parametrize(
    "token", ["short", "", "with spaces in between", "sécret-sécret-sécret", "a/b?c&d=e#f%20gh"]
)
def test_a_token_of_ones_own_must_be_long_and_plain(
    site: Site, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("DXR_TOKEN", token)
    result = CliRunner().invoke(cli, ["serve", str(site[0].folder), "--host", "0.0.0.0", "--no-browser"])
    assert result.exit_code == 1
    assert "DXR_TOKEN is too easy to guess" in result.output


LOADED = "[...document.images].filter((one) => one.complete && one.naturalWidth).length"
LATER_EVAL = """new Promise((told) => setTimeout(() => {
  try { told(window.eval("1")); } catch (error) { told(error.name); }
}))"""  # at once it would be the test's own script, which may


def drawn_without_eval(page: Page) -> None:
    """Wait for the page with locators alone: Playwright's other ways to wait need eval, which is forbidden here."""
    expect(page.locator("#map canvas").first).to_be_visible()
    expect(page.locator(".verdict")).to_be_visible()
    expect(page.locator(".set")).not_to_have_count(0)


@pytest.mark.parametrize("way", ["alone", "behind a proxy that keeps the path", "with a token"])
def test_the_page_works_under_its_own_policy(chromium: Browser, folder: Path, way: str) -> None:
    access = {
        "alone": Access(),
        "behind a proxy that keeps the path": Access(public_url="http://127.0.0.1/some/where/"),
        "with a token": Access(token=SECRET),
    }[way]
    watch = Watch()
    with running(folder, access) as (collection, url):
        context = chromium.new_context(viewport={"width": 1280, "height": 860})
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        watch.look_at(page)
        start = url.rstrip("/") + access.prefix
        page.goto(start + (f"?token={access.token}" if access.token else ""))
        drawn_without_eval(page)
        assert SECRET not in page.url
        assert urlsplit(page.url).path == access.prefix
        page.get_by_role("button", name="Explore").click()
        expect(page.locator(".rank-rows > *").first).to_be_visible()
        page.get_by_role("button", name="Compare").click()
        expect(page.locator(".compare-table tbody tr").first).to_be_visible()
        expect(page.locator("#compared-distances .js-plotly-plot")).to_be_visible()
        page.get_by_role("button", name="Scan", exact=True).click()
        page.locator("#scan-start").click()
        expect(page.locator(".scan-line").first).to_be_visible()
        page.get_by_role("button", name="Answer").click()
        page.get_by_role("button", name="Report…").click()
        expect(page.locator("dialog[open]")).to_be_visible()
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Mosaic").click()
        expect(page.locator("#map canvas").first).to_be_visible()
        assert page.evaluate(LOADED) > 0
        assert page.evaluate(LATER_EVAL) == "EvalError"
        context.close()
    assert collection.query_sets
    assert [one for one in watch.problems if "eval" not in one] == []


OPENING = (
    "import sys, webbrowser\nfrom dxr_dash import api\nfrom dxr_dash.browser.access import Access\n"
    "from dxr_dash.browser.server import serve\n"
    "webbrowser.open = lambda url: print('a browser opens', url, flush=True)\n"
    "serve(api.open_collection(sys.argv[1]), access=Access(token=sys.argv[2] or None), port=0, open_browser=True, "
    "on_ready=lambda url: print(url, flush=True))"
)


@pytest.mark.parametrize("token", ["", SECRET])
def test_a_token_never_stands_in_the_command_line_of_a_browser(site: Site, token: str) -> None:
    command = [sys.executable, "-c", OPENING, str(site[0].folder), token]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        there = urlsplit(url)
        connection = http.client.HTTPConnection(there.hostname or "", there.port, timeout=PATIENCE_MS / 1000)
        connection.request("GET", "/")  # once it is answered, a browser would have been told
        status = connection.getresponse().status
        connection.close()
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
    assert status == (401 if token else 200)
    assert rest == ("" if token else f"a browser opens {url}\n")
