"""The button "Report…", the route behind it, and the saved page opened from the disk without a network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Page, Route, expect

from dxr_dash import api
from dxr_dash.browser import ids, urls
from dxr_dash.browser.server import create_app
from dxr_dash.report import as_html, make_report, rendered
from tests.browser.conftest import HOSTILE_LABEL, Site, Watch, visitor

DIALOG = f"#{ids.REPORT_DIALOG}"


@pytest.fixture
def client(site: Site) -> FlaskClient:
    found: FlaskClient = create_app(site[0]).server.test_client()
    return found


@pytest.mark.parametrize(
    ("form", "kind", "name"),
    [
        ("html", "text/html; charset=utf-8", "report-cars.html"),
        ("json", "application/json", "report-cars.json"),
        ("csv", "text/csv; charset=utf-8", "numbers-cars.csv"),
        ("parquet", "application/vnd.apache.parquet", "numbers-cars.parquet"),
    ],
)
def test_the_route_sends_a_file_to_save(
    site: Site, client: FlaskClient, form: str, kind: str, name: str
) -> None:
    collection = site[0]
    answer = client.get(f"/report/{urls.version(collection)}/thingsnet.fc7/cars.{form}")
    assert answer.status_code == 200
    assert answer.data == rendered(make_report(collection, ["cars"]), f".{form}")
    assert answer.headers["Content-Type"] == kind
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")


@pytest.mark.parametrize(
    "path",
    [
        "/report/other/thingsnet.fc7/cars.html",
        "/report/{v}/thingsnet.fc7/nobody.html",
        "/report/{v}/thingsnet.fc7/cars.exe",
        "/report/{v}/thingsnet.fc7/faces in things.html",
        "/report/{v}/thingsnet.fc7/..%2Fcars.html",
    ],
)
def test_what_does_not_exist_has_no_report(site: Site, client: FlaskClient, path: str) -> None:
    answer = client.get(path.format(v=urls.version(site[0])))
    assert answer.status_code == 404 or b"<title>" in answer.data  # Dash answers unknown paths with its page
    assert "Content-Disposition" not in answer.headers


def test_what_cannot_be_answered_is_said_in_words(site: Site, client: FlaskClient) -> None:
    answer = client.get(f"/report/{urls.version(site[0])}/nonet/cars.html")
    assert answer.status_code == 422
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert "no feature space 'nonet'" in answer.text


def test_a_report_is_saved_from_the_page(page: Page, site: Site) -> None:
    page.locator(f"#{ids.ANSWER} [data-do=report]").click()
    dialog = page.locator(DIALOG)
    expect(dialog).to_be_visible()
    expect(dialog.locator("h2")).to_have_text("Report on faces in things")
    with page.expect_download() as saved:
        page.keyboard.press("Enter")  # the first form has the focus
    assert saved.value.suggested_filename == "report-faces-in-things.html"
    assert Path(saved.value.path()).read_bytes() == as_html(make_report(site[0], ["faces-in-things"]))
    expect(dialog).to_be_hidden()
    expect(page.locator(f"#{ids.TOASTS}")).to_contain_text("Saved report-faces-in-things.html, ")


def test_while_it_is_written_the_dialog_says_so_and_can_be_left(page: Page) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/report/**", hold)
    dialog = page.locator(DIALOG)
    work = page.locator(f"#{ids.REPORT_WORK}")
    page.locator(f"#{ids.ANSWER} [data-do=report]").click()
    dialog.get_by_role("button", name="CSV").click()
    expect(work).to_contain_text("Writing…")
    expect(dialog).to_have_attribute("aria-busy", "true")
    expect(dialog.get_by_role("button", name="Page")).to_be_disabled()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.unroute("**/report/**")
    page.locator(f"#{ids.ANSWER} [data-do=report]").click()
    expect(work).to_be_empty()
    expect(dialog.get_by_role("button", name="Page")).to_be_enabled()
    with page.expect_download() as saved:
        dialog.get_by_role("button", name="CSV").click()
    assert saved.value.suggested_filename == "numbers-faces-in-things.csv"
    assert len(held) == 1


def test_a_report_that_cannot_be_had_says_why(chromium: Browser, own_site: Site) -> None:
    collection, url = own_site
    watch = Watch()
    with visitor(chromium, url, watch) as page:
        page.locator(f"#{ids.ANSWER} [data-do=report]").click()
        api.remove_query_set(collection, "faces-in-things")
        dialog = page.locator(DIALOG)
        dialog.get_by_role("button", name="JSON").click()
        expect(page.locator(f"#{ids.REPORT_WORK}")).to_contain_text("Reload the page.")
        expect(dialog.get_by_role("button", name="JSON")).to_be_enabled()
        api.restore_query_set(collection, "faces-in-things")
        with page.expect_download() as saved:
            dialog.get_by_role("button", name="JSON").click()
        assert saved.value.suggested_filename == "report-faces-in-things.json"
    assert [one for one in watch.problems if "404" not in one] == []  # the browser itself notes that


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_saved_page_opens_from_the_disk_without_a_network(
    chromium: Browser, own_site: Site, tmp_path: Path, scripts: bool, scheme: str
) -> None:
    collection = own_site[0]
    label = collection.column("label")
    hostile = np.flatnonzero(label.codes == label.categories.index(HOSTILE_LABEL))
    name = "<script>alert(1)</script>"
    one, _ = api.add_query_set(collection, name, rows=[*hostile.tolist(), 0, 1, 2])
    api.set_control(collection, one.id, "cars")
    made = make_report(collection, [one.id, "faces-in-things"], note="<img src=x onerror=alert(2)>")
    path = tmp_path / "report.html"
    path.write_bytes(as_html(made))
    watch = Watch()
    context = chromium.new_context(
        offline=True,
        java_script_enabled=scripts,
        color_scheme="dark" if scheme == "dark" else "light",
        viewport={"width": 390, "height": 800},
    )
    page = context.new_page()
    watch.look_at(page)
    page.goto(path.as_uri())
    expect(page.locator("h2.question").first).to_contain_text(name)
    expect(page.locator(".sentence").first).to_be_visible()
    expect(page.locator(".note")).to_have_text("<img src=x onerror=alert(2)>")
    boxes = page.locator("img")
    assert boxes.count() > 60
    for index in (0, boxes.count() // 2, boxes.count() - 1):
        boxes.nth(index).scroll_into_view_if_needed()
        shown = boxes.nth(index).bounding_box()
        assert shown is not None
        assert shown["width"] > 20
    if scripts:
        assert page.evaluate("[...document.images].every((one) => one.complete && one.naturalWidth > 0)")
        paper = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert paper == ("rgb(23, 26, 32)" if scheme == "dark" else "rgb(255, 255, 255)")
        assert page.evaluate(
            "document.documentElement.scrollWidth <= innerWidth"
        )  # nothing hangs over on a phone
        line = page.locator(".figure path[stroke]").first
        assert line.evaluate("(one) => getComputedStyle(one).stroke") not in ("none", "")
    assert [url for url in watch.requests if not url.startswith(("file:", "data:"))] == []
    watch.problems = [one for one in watch.problems if not one.startswith("request to file:")]
    watch.calm()
    context.close()
