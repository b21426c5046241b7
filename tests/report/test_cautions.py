"""What the report says of near-duplicates, another source and hubs: what changes the words must be on the page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from dxr_dash import api
from dxr_dash.analysis import said
from dxr_dash.figures import theme as words
from dxr_dash.records import Answer, Findings
from dxr_dash.report import as_html, as_json, as_table, make_report
from dxr_dash.report.record import Report
from tests.builders import picture
from tests.report.reading import Element, read


@pytest.fixture(scope="module")
def copied(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A report on a set from outside of which half are copies, saved again."""
    folder = tmp_path_factory.mktemp("copied")
    for number in range(10):
        path = folder / f"{number}.jpg"
        picture(5000 + number).save(path, quality=95)
        Image.open(path).save(folder / f"{number} again.jpg", quality=80)
    opened = api.open_collection(made)
    one, _ = api.add_query_set(opened, "copies", images=folder)
    try:
        return make_report(opened, [one.id], control="plain ones")
    finally:
        api.remove_query_set(opened, one.id)


@pytest.fixture(scope="module")
def answer(copied: Report) -> Answer:
    return copied.sections[0].answer


@pytest.fixture(scope="module")
def findings(copied: Report) -> Findings:
    return copied.sections[0].findings


@pytest.fixture(scope="module")
def page(copied: Report) -> Element:
    return read(as_html(copied))


def lines_of(page: Element, title: str) -> dict[str, Element]:
    (table,) = [one for one in page.all("table") if one.all("th")[0].text == title]
    return {line.all("th")[0].text: line for line in table.all("tbody")[0].all("tr")}


def test_what_the_verdict_rests_on_when_copies_are_counted_once_is_shown(
    page: Element, answer: Answer
) -> None:
    once = answer.once
    assert once is not None
    assert "Near-duplicates counted once" in page.text
    assert (
        f"Of X {once.n_images} stay, of the gallery {once.n_compared}: the verdict rests on these."
        in page.text
    )
    lines = lines_of(page, "counted once")
    assert words.measure(once.auroc.value) in lines["AUROC"].all("td")[1].text
    assert lines["AUROC"].all("td")[2].text == words.measure(answer.auroc.value)
    assert once.control is not None
    assert words.measure(once.control.auroc.low) in lines["AUROC against control"].text
    assert words.measure(once.mean_ap.value) in lines["mAP"].text


def test_whether_the_set_is_like_the_gallery_is_drawn(page: Element, answer: Answer) -> None:
    shift = answer.shift
    assert shift is not None
    (caption,) = [one.text for one in page.all("figcaption") if one.text.startswith("Is X like the gallery?")]
    assert f"{words.measure(shift.auroc.value)} ({words.measure(shift.auroc.low)} to" in caption
    figure = page.all("svg", class_="figure")[0]
    texts = [one.text.strip("\u2068\u2069") for one in figure.all("text")]
    assert {"gallery images", "copies"} <= set(texts)


def test_what_hubs_would_change_is_said(page: Element, answer: Answer, findings: Findings) -> None:
    scaled = findings.scaled
    assert scaled is not None
    assert said.without_hubs(scaled, answer.verdict) in page.text
    lines = lines_of(page, scaled.name)
    assert words.measure(scaled.auroc.value) in lines["AUROC"].text
    assert answer.once is not None
    assert lines["AUROC"].all("td")[2].text == words.measure(answer.once.auroc.value)


def test_json_and_table_hold_them(copied: Report, answer: Answer, findings: Findings) -> None:
    (section,) = json.loads(as_json(copied))["sections"]
    assert answer.once is not None
    assert findings.scaled is not None
    assert section["answer"]["once"]["auroc"]["value"] == answer.once.auroc.value
    table = as_table(copied).to_pandas().set_index("measure")
    assert table.loc["once.auroc", "value"] == answer.once.auroc.value
    assert table.loc["scaled.mean_ap", "high"] == findings.scaled.mean_ap.high


def test_a_set_of_the_gallery_without_copies_has_neither(two: Report) -> None:
    page = read(as_html(two))
    assert "Near-duplicates counted once" not in page.text
    assert "Is X like the gallery?" not in page.text
