"""The page of a report, read as a browser reads it."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dxr_dash import api, settings
from dxr_dash.analysis.verdict import THRESHOLDS
from dxr_dash.collection.store import Collection
from dxr_dash.errors import DxrError
from dxr_dash.figures import theme as words
from dxr_dash.report import as_html, make_report
from dxr_dash.report.collect import MEMBERS_ENDS
from dxr_dash.report.record import Report
from tests.report.conftest import HOSTILE_FILES, HOSTILE_SET, N_LARGE
from tests.report.reading import Element, read

ASSETS = Path(__file__).parents[2] / "assets"
TAGS = {
    *("html", "head", "meta", "link", "title", "style", "body", "header", "main", "section"),
    *("h1", "h2", "h3", "p", "ul", "li", "dl", "dt", "dd", "figure", "figcaption", "pre", "code", "a"),
    *("table", "thead", "tbody", "tr", "th", "td", "div", "span", "strong", "bdi", "img"),
    *("svg", "path", "line", "rect", "circle", "text"),
}


@pytest.fixture(scope="module")
def page(report: Report) -> Element:
    return read(as_html(report))


def test_the_sentence_comes_first_then_the_numbers_of_the_answer(
    page: Element, collection: Collection
) -> None:
    answer = api.answer(collection, HOSTILE_SET)
    (main,) = page.all("main")
    head = f"{str(answer.verdict).capitalize()}: "
    assert page.one("p", class_="verdict").text == str(answer.verdict).capitalize()
    said = page.all("p", class_="sentence")[0].text
    assert said.lower() == " ".join(answer.sentence.removeprefix(head).split()).lower()
    assert main.text.index(said) < main.text.index("Measures")
    table = page.all("table", class_="measures")[0]
    lines = {line.all("th")[0].parts[0]: line for line in table.all("tbody")[0].all("tr")}
    assert answer.control is not None
    shown = {
        "AUROC": answer.auroc,
        "AUROC against control": answer.control.auroc,
        "mAP": answer.mean_ap,
        f"precision at {settings.PRECISION_AT}": answer.precision,
        f"recall at {settings.RECALL_FIRST}": answer.recall,
    }
    for name, one in shown.items():
        assert words.measure(one.value) in lines[name].text
        assert f"({words.measure(one.low)} to {words.measure(one.high)})" in lines[name].text
        assert lines[name].all("td")[-1].text == words.measure(one.chance)
    assert "first hit" in lines
    for warning in answer.warnings:
        assert warning in page.one("ul", class_="warnings").text


def test_what_the_numbers_rest_on_and_how_to_repeat_them_is_there(
    page: Element, report: Report, collection: Collection
) -> None:
    text = page.text
    for name, (value, meaning) in THRESHOLDS.items():
        assert f"{name} {value:g} {meaning}" in text
    basis = api.answer(collection, HOSTILE_SET).basis
    assert f"{basis.n_draws:,} bootstrap draws".replace(",", " ") in text  # narrow spaces are spaces here
    assert report.command in page.all("code")[0].text
    assert collection.fingerprint in text
    assert collection.space().recipe["weights_sha256"] in text
    for name, version in report.versions.items():
        assert f"{name} {version}" in text
    assert {"dxr", "Python", "numpy", "torch"} <= set(report.versions)


def test_nothing_in_it_leads_elsewhere_and_nothing_runs(page: Element, report: Report) -> None:
    elements = page.all()
    assert {one.tag for one in elements} <= TAGS
    ids = {f"#{one.about['id']}" for one in elements if "id" in one.about}
    for one in elements:
        assert not [key for key in one.about if key.startswith("on") or key == "style"]
        for key in ("src", "href", "action", "srcset", "data", "xlink:href"):
            address = one.about.get(key, "data:")
            assert address.startswith("data:") or address in ids
    text = as_html(report).decode()
    assert not re.search(r"https?:|//[a-z]|url\(|@import", re.sub(r"base64,[\w+/=]+", "", text))


def test_the_policy_lets_in_its_own_style_and_no_other(page: Element) -> None:
    (policy,) = [
        one.about["content"]
        for one in page.all("meta")
        if one.about.get("http-equiv") == "Content-Security-Policy"
    ]
    (style,) = page.all("style")
    (css,) = style.parts
    assert isinstance(css, str)
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")


def test_hostile_names_are_text(page: Element) -> None:
    assert HOSTILE_SET in page.one("h1", class_="question").text
    assert HOSTILE_SET in page.one("title").text
    names = {
        line.all("td", class_="name")[0].text for line in page.all("tr") if line.all("td", class_="name")
    }
    assert {" ".join(name.split()) for name in HOSTILE_FILES} <= names
    assert "<i>by</i> Ada" in page.one("p", class_="note").text
    assert page.all("p", class_="about")[0].text.startswith("a <small> world")


def test_every_member_is_listed_by_average_precision_with_its_picture(
    page: Element, report: Report, collection: Collection
) -> None:
    (section,) = report.sections
    answer, one = section.answer, api.find_query_set(collection, HOSTILE_SET)
    lines = page.one("table", class_="members").all("tbody")[0].all("tr")
    assert len(lines) == len(one) == answer.n_images
    values = [float(line.all("td")[4].text) for line in lines]
    assert values == sorted(values, reverse=True)
    best = answer.members.average_precision.argmax()
    assert lines[0].all("td")[4].text == words.measure(float(answer.members.average_precision[best]))
    sources = {line.all("img")[0].about["src"] for line in lines}
    thumbnails = [*map(collection.thumbnail, one.rows), *map(one.thumbnail, range(len(one.outside)))]
    assert sources == {f"data:image/jpeg;base64,{base64.b64encode(data).decode()}" for data in thumbnails}


def test_all_distances_stand_on_one_picture(page: Element, report: Report, collection: Collection) -> None:
    figure = page.all("svg", class_="figure")[0]
    labels = [one.text.strip("\u2068\u2069") for one in figure.all("text")]
    (section,) = report.sections
    assert section.control is not None
    for name in (
        "random pairs (baseline)", "X to gallery", "X within", "control within", "X to control"
    ):  # fmt: skip
        assert name in labels
    (far,) = [one.distribution for one in section.groups if one.distribution.name == "to control"]
    own = set(api.find_query_set(collection, HOSTILE_SET).rows)
    others = [item for item in section.control.items.tolist() if item not in own]
    assert far.n == section.answer.n_asked * len(others)


def test_two_sets_are_two_sections_under_one_table(two: Report) -> None:
    page = read(as_html(two))
    table = page.one("section", class_="overview").all("tbody")[0]
    links = [one.about["href"] for one in table.all("a")]
    assert links == [f"#{one.about['id']}" for one in page.all("section", class_="section")]
    assert [one.text for one in table.all("a")] == ["large", "plain ones"]
    assert len(page.all("h1")) == 1
    assert "against control" not in table.text


def test_a_large_set_shows_its_first_and_its_last(two: Report) -> None:
    data = as_html(two)
    table = read(data).all("table", class_="members")[0]
    lines = table.all("tbody")[0].all("tr")
    assert len(lines) == 2 * MEMBERS_ENDS + 1
    assert f"{N_LARGE - 2 * MEMBERS_ENDS} members not shown" in lines[MEMBERS_ENDS].text
    assert lines[MEMBERS_ENDS + 1].all("td")[0].text == str(N_LARGE - MEMBERS_ENDS + 1)
    assert lines[-1].all("td")[0].text == str(N_LARGE)
    assert len(data) < 1_000_000


def test_the_same_collection_set_and_versions_give_the_same_bytes(made: Path, report: Report) -> None:
    """Another process, in which sets and dictionaries of texts may have another order."""
    code = (
        "import sys; from dxr_dash import api; from dxr_dash.report import as_html, make_report;"
        "made = make_report(api.open_collection(sys.argv[1]), [sys.argv[2]], note=sys.argv[3]);"
        "sys.stdout.buffer.write(as_html(made))"
    )
    command = [sys.executable, "-c", code, str(made), HOSTILE_SET, report.note]
    again = subprocess.run(
        command, capture_output=True, check=True, env={**os.environ, "PYTHONHASHSEED": "7"}
    )
    assert again.stdout == as_html(report)


def test_its_colours_are_those_of_the_page() -> None:
    pattern = re.compile(r"(--(?:accent|yes|partly|no|unclear|caution-soft|sunken|line)): (#\w{6});")
    own = pattern.findall(
        (Path(words.__file__).parents[1] / "report" / "templates" / "report.css").read_text()
    )
    assert len(own) == 16
    light, dark = (ASSETS / "base.css").read_text().split('[data-theme="dark"]')
    assert set(own[:8]) <= set(pattern.findall(light))
    assert set(own[8:]) <= set(pattern.findall(dark))


def test_a_set_without_an_image_or_a_set_that_is_not_there_has_no_report(collection: Collection) -> None:
    with pytest.raises(DxrError, match="no query set 'nobody'"):
        make_report(collection, ["nobody"])
    with pytest.raises(DxrError, match="needs a query set"):
        make_report(collection, [])
    with pytest.raises(DxrError, match="cannot be its own control"):
        make_report(collection, ["large"], control="large")
