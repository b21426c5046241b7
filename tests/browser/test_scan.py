"""The page Scan: start, progress, lines as they come, sort, filter, open a line and come back."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from dxr_dash import api
from dxr_dash.browser import ids
from dxr_dash.browser.scan_panel import scan_state
from dxr_dash.browser.server import create_app
from dxr_dash.browser.state import Selection
from dxr_dash.collection import scans
from dxr_dash.errors import QueryError
from dxr_dash.records import Scan, ScanStatus, Verdict
from tests.browser.conftest import HOSTILE_LABEL, KINDS, PER_KIND, OpenPage, Site, running
from tests.browser.steps import selection
from tests.builders import build, change_manifest, write_pictures

LINES = f"#{ids.SCAN_LINES} .scan-line"
N_VALUES = len(KINDS) + 1


@pytest.fixture(scope="module")
def scanned(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site whose labels have been scanned already, for tests that only look."""
    folder = Path(shutil.copytree(built, tmp_path_factory.mktemp("scanned") / built.name))
    api.scan(api.open_collection(folder), "label")
    with running(folder) as site:
        yield site


@pytest.fixture
def table(open_page: OpenPage, scanned: Site) -> Page:
    """The page Scan with its lines."""
    page = open_page("?page=scan", url=scanned[1])
    expect(page.locator(LINES)).to_have_count(N_VALUES)
    return page


def lines_of(site: Site, by: str = "label") -> Scan:
    return api.kept_scan(site[0], by)


def values(page: Page) -> list[str]:
    """The values from top to bottom, as they stand on the screen."""
    found: list[str] = page.locator(LINES).evaluate_all(
        "rows => rows.sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top)"
        ".map(row => row.querySelector('.name').textContent)"
    )
    return found


def line(page: Page, value: str) -> Locator:
    return page.locator(LINES).filter(has=page.locator(".name", has_text=re.compile(f"^{re.escape(value)}$")))


def test_nothing_runs_until_asked_then_lines_come_and_stay(own_page: Page, own_site: Site) -> None:
    page = own_page
    page.keyboard.press("x")
    expect(page.locator(f"#{ids.SCAN_NOTE}")).to_contain_text(f"{N_VALUES} values of label, each asked as X")
    expect(page.locator(f"#{ids.SCAN_START}")).to_have_text(f"Scan {N_VALUES} values")
    assert not (own_site[0].folder / "scans").exists()
    page.locator(f"#{ids.SCAN_START}").click()
    expect(page.locator(f"#{ids.SCAN_PROGRESS} progress")).to_be_visible()
    expect(page.locator(f"#{ids.SCAN_STOP}")).to_be_visible()
    expect(page.locator(LINES)).to_have_count(N_VALUES)
    expect(page.locator(f"#{ids.SCAN_PROGRESS}")).to_be_hidden()
    expect(page.locator(f"#{ids.SCAN_START}")).to_be_hidden()
    found = lines_of(own_site)
    assert found.is_done
    yes = found.verdicts[Verdict.YES]
    expect(page.locator(".scan-sum")).to_have_text(f"{yes} of {N_VALUES} values: yes")
    page.reload()
    expect(page.locator(LINES)).to_have_count(N_VALUES)


def test_a_line_says_what_the_scan_found(table: Page, scanned: Site) -> None:
    for one in lines_of(scanned).lines:
        row = line(table, one.value)
        expect(row.locator(".verdict-word")).to_have_text(str(one.verdict))
        expect(row.locator(".cell-images")).to_have_text(str(one.n_images))
        expect(row).to_have_attribute("title", one.sentence)
        assert row.locator(".warned").count() == (1 if one.warnings else 0)
        assert row.locator(".thumb").count() == len(one.examples)
        if one.auroc.value == one.auroc.value:
            said = row.locator(".cell-auroc .graphic").get_attribute("aria-label") or ""
            assert said.startswith(f"AUROC {one.auroc.value:.2f}, interval {one.auroc.low:.2f}–")


@pytest.mark.parametrize(
    ("order", "key"),
    [
        ("value", lambda one: one.value.casefold()),
        ("images", lambda one: -one.n_images),
        ("auroc", lambda one: -one.auroc.value),
        ("map", lambda one: -one.mean_ap.value),
        ("lift", lambda one: -one.lift.value),
    ],
)
def test_a_click_on_a_heading_sorts_and_another_turns_it_round(
    table: Page, scanned: Site, order: str, key: Any
) -> None:
    keys = [key(one) for one in lines_of(scanned).lines]
    by_value = {one.value: key(one) for one in lines_of(scanned).lines}
    heading = table.locator(f"[data-order={order}]")
    if order != "auroc":  # which is how lines stand at first
        heading.click()
    cell = table.locator(f"#{ids.SCAN_HEAD} .cell-{order}")
    expect(cell).to_have_attribute("aria-sort", "ascending" if order == "value" else "descending")
    assert [by_value[value] for value in values(table)] == sorted(keys)
    assert selection(table)["order"] == order
    heading.click()
    expect(cell).to_have_attribute("aria-sort", "descending" if order == "value" else "ascending")
    assert [by_value[value] for value in values(table)] == sorted(keys, reverse=True)
    expect(table).to_have_url(re.compile(f"order=-{order}"))


def test_totals_choose_what_is_shown_and_the_address_keeps_it(
    table: Page, scanned: Site, open_page: OpenPage
) -> None:
    found = lines_of(scanned)
    verdict = next(one for one, count in found.verdicts.items() if 0 < count < N_VALUES)
    chip = table.locator(f"[data-only='{verdict}']")
    expect(chip).to_have_text(f"{found.verdicts[verdict]} {verdict}")
    chip.click()
    expect(table.locator(LINES)).to_have_count(found.verdicts[verdict])
    expect(chip).to_have_attribute("aria-pressed", "true")
    assert set(values(table)) == {one.value for one in found.lines if one.verdict == verdict}
    table.locator("[data-order=value]").click()
    expect(table).to_have_url(re.compile("order=value"))
    again = open_page(url=table.url)
    expect(again.locator(LINES)).to_have_count(found.verdicts[verdict])
    assert values(again) == values(table)
    chip.click()
    expect(table.locator(LINES)).to_have_count(N_VALUES)


def test_a_click_opens_the_query_and_back_leads_to_the_table_as_it_was(
    own_page: Page, own_site: Site
) -> None:
    collection, url = own_site
    api.scan(collection, "label")
    page = own_page
    page.goto(f"{url}?page=scan&order=-value")
    expect(page.locator(LINES)).to_have_count(N_VALUES)
    order = values(page)
    line(page, "house").click()
    question = page.locator(f"#{ids.ANSWER} .question strong")
    expect(question).to_have_text("label: house")
    found = next(one for one in lines_of(own_site).lines if one.value == "house")
    one = collection.query_sets["label-house"]
    assert len(one) == PER_KIND
    assert selection(page)["page"] == "answer"
    assert selection(page)["active"] == selection(page)["shown"][0] == "label-house"
    expect(page.locator(f"#{ids.ANSWER} .verdict")).to_have_text(str(found.verdict).capitalize())
    assert api.answer(collection, one.id).auroc == found.auroc
    page.go_back()
    expect(page.locator(LINES).first).to_be_visible()
    assert values(page) == order
    expect(line(page, "house")).to_be_focused()
    assert selection(page)["order"] == "-value"
    page.keyboard.press("Enter")  # the same set, not another one
    expect(question).to_have_text("label: house")
    assert [key for key in collection.query_sets if key.startswith("label-house")] == ["label-house"]


def test_the_keyboard_walks_through_the_lines_and_opens_one(own_page: Page, own_site: Site) -> None:
    api.scan(own_site[0], "label")
    page = own_page
    page.goto(f"{own_site[1]}?page=scan&order=value")
    expect(page.locator(LINES)).to_have_count(N_VALUES)
    order = values(page)
    page.locator(f"{LINES}[tabindex='0']").focus()
    for key, place in (("ArrowDown", 1), ("End", N_VALUES - 1), ("ArrowUp", N_VALUES - 2), ("Home", 0)):
        page.keyboard.press(key)
        expect(line(page, order[place])).to_be_focused()
        assert page.locator(f"{LINES}[tabindex='0']").count() == 1
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(f"#{ids.ANSWER} .question strong")).to_have_text(f"label: {order[1]}")


def test_hostile_values_stay_text(table: Page) -> None:
    expect(line(table, HOSTILE_LABEL)).to_have_count(1)
    assert table.locator(f"#{ids.SCAN_LINES} :is(b, script, a)").count() == 0
    assert table.locator(f"#{ids.SCAN_LINES} img[src=x]").count() == 0


def test_clusters_say_what_they_cannot_show(table: Page, scanned: Site) -> None:
    table.locator(f"#{ids.SCAN_BY}").select_option("cluster")
    n_clusters = len(scanned[0].space().representatives)
    note = table.locator(f"#{ids.SCAN_NOTE}")
    expect(note).to_contain_text(f"{n_clusters} clusters, each asked as X")
    expect(note).to_contain_text("Clusters are made of near neighbours")
    assert "scan=cluster" in table.url
    expect(table.locator(LINES).first).to_be_hidden()


def test_a_scan_of_another_process_is_found_and_cannot_be_doubled(
    open_page: OpenPage, own_site: Site
) -> None:
    collection, url = own_site
    facts = {"by": "column:look", "space": "x"}
    with scans.scan_at_work(collection.folder, facts):
        page = open_page("?page=scan", url=url)
        page.locator(f"#{ids.SCAN_START}").click()
        note = page.locator(f"#{ids.SCAN_NOTE}")
        expect(note).to_contain_text("Another scan")
    page.locator(f"#{ids.SCAN_START}").click()
    expect(page.locator(LINES)).to_have_count(N_VALUES)


def test_a_stopped_scan_says_how_far_it_came_and_goes_on(open_page: OpenPage, own_site: Site) -> None:
    collection, url = own_site

    class EnoughError(Exception):
        pass

    def stop(_step: str, done: int, _total: int) -> None:
        if done == 2:
            raise EnoughError

    with pytest.raises(EnoughError):
        api.scan(collection, "label", on_progress=stop)
    page = open_page("?page=scan", url=url)
    expect(page.locator(f"#{ids.SCAN_NOTE}")).to_contain_text(f"Stopped after 2 of {N_VALUES}")
    expect(page.locator(LINES)).to_have_count(2)
    expect(page.locator(".scan-sum")).to_contain_text("of 2 values: yes, so far")
    page.locator(f"#{ids.SCAN_START}", has_text="Go on").click()
    expect(page.locator(LINES)).to_have_count(N_VALUES)


def test_without_labels_the_page_says_where_they_come_from(tmp_path: Path, open_page: OpenPage) -> None:
    build(write_pictures(tmp_path / "images", 40), tmp_path / "bare.dxr")
    with running(tmp_path / "bare.dxr") as (_, url):
        page = open_page("?page=scan", url=url)
        expect(page.locator(f"#{ids.SCAN_NOTE}")).to_contain_text("dxr build --labels adds them")
        expect(page.locator(f"#{ids.SCAN_BY} option")).to_have_text(["clusters"])


def test_a_changed_collection_fails_in_words(own_page: Page, own_site: Site) -> None:
    collection, url = own_site
    change_manifest(collection.folder, lambda manifest: manifest.update(name="another"))
    own_page.goto(f"{url}?page=scan")
    own_page.locator(f"#{ids.SCAN_START}").click()
    note = own_page.locator(f"#{ids.SCAN_NOTE} .message.error")
    expect(note).to_contain_text("The collection has changed since this page was opened.")
    expect(own_page.locator(f"#{ids.SCAN_START}")).to_be_visible()


def test_many_lines_cost_no_more_than_those_in_sight(table: Page) -> None:
    table.evaluate(
        """() => {
            const said = { said: "0.50", between: "0.40–0.60", low: 0.4, high: 0.6, chance: 0.5 };
            const lines = Array.from({ length: 5000 }, (_, code) => ({ code, value: `value ${code}`, images: 10,
                verdict: "no", sentence: "No.", warnings: [], pictures: [],
                auroc: { ...said, value: code / 5000 }, map: { ...said, value: 0 }, lift: { ...said, value: 0 } }));
            dxr.drawLines(lines, { order: "auroc", only: "" }, "many");
        }"""
    )
    assert 5 < table.locator(LINES).count() < 60
    assert values(table)[0] == "value 4999"
    table.locator(f"{LINES}[tabindex='0']").focus()
    table.keyboard.press("End")
    expect(line(table, "value 0")).to_be_focused()
    expect(line(table, "value 0")).to_be_in_viewport()
    assert table.locator(LINES).count() < 60


def test_the_route_answers_in_words_and_refuses_other_sites(scanned: Site) -> None:
    collection = scanned[0]
    client = create_app(collection).server.test_client()
    address = f"/scan/{collection.fingerprint[:16]}/{collection.default_space}"
    whole = client.get(f"{address}?by=label").json
    assert (whole["state"], whole["n_lines"], len(whole["lines"])) == ("done", N_VALUES, N_VALUES)
    assert client.get(f"{address}?by=label&from=5").json["lines"] == whole["lines"][5:]
    assert client.get(f"{address}?by=label&from=-3").json["lines"] == whole["lines"]
    assert client.get(f"{address}?by=nothing").json["problem"].endswith("has no column 'nothing' to scan by.")
    assert client.get(f"{address}x?by=label").json["state"] == "failed"
    ours = {"X-Dxr": collection.fingerprint}
    for headers in ({}, {**ours, "Origin": "http://evil.example"}, {**ours, "Sec-Fetch-Site": "cross-site"}):
        assert client.post(f"{address}?by=look&do=start", headers=headers).status_code == 403
    assert client.get("/scan/0000000000000000/x?by=label").status_code == 404
    assert not list(collection.folder.glob("scans/*.jsonl"))


def test_the_worker_runs_one_scan_stops_it_and_ends_with_the_server(folder: Path) -> None:
    collection = api.open_collection(folder)
    worker = api.ScanWorker(collection)
    worker.start("label")
    worker.start("label")  # it is at work: nothing happens
    with pytest.raises(QueryError, match="The scan by label is at work"):
        worker.start("cluster")
    _, status = worker.status("label")
    assert (status.state, status.can_stop) == ("running", True)
    assert worker.status("cluster")[1].other == "label"
    worker.stop()
    assert worker.status("label")[1].state in ("none", "stopped", "done")
    worker.start("label")
    deadline = time.monotonic() + 120
    while worker.status("label")[1].state == "running":
        assert time.monotonic() < deadline
    found, status = worker.status("label")
    assert (status.state, found.is_done) == ("done", True)
    worker.close()


def test_the_state_is_checked_like_all_else(scanned: Site) -> None:
    collection = scanned[0]
    first = Selection.default(collection)
    assert (first.scan, first.order, first.only) == ("column:label", "auroc", "")
    search = "?page=scan&scan=cluster&order=-lift&only=cannot+tell"
    found, whole = Selection.closest(search, collection)
    assert (found.scan, found.order, found.only, whole) == ("cluster", "-lift", "cannot tell", True)
    for wrong in ("scan=column:nothing", "order=--auroc", "order=size", "only=maybe"):
        found, whole = Selection.closest(f"?page=scan&{wrong}", collection)
        assert not whole
        assert (found.page, found.scan, found.order, found.only) == ("scan", "column:label", "auroc", "")


def test_what_the_page_gets_holds_no_number_that_json_has_not(scanned: Site) -> None:
    said = scan_state(scanned[0], lines_of(scanned), ScanStatus("done"), 0)
    assert json.loads(json.dumps(said, allow_nan=False)) == json.loads(json.dumps(said))
