"""JSON, CSV and Parquet: every number, once, and as it is."""

from __future__ import annotations

import hashlib
import io
import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from dxr_dash import api
from dxr_dash.collection.exports import harmless
from dxr_dash.collection.store import Collection
from dxr_dash.report import as_json, make_report
from dxr_dash.report.plain import COLUMNS, as_csv, as_parquet, as_table
from dxr_dash.report.record import Report
from tests.report.conftest import HOSTILE_FILES, HOSTILE_SET


@pytest.fixture(scope="module")
def described(report: Report) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(as_json(report))
    return found


def numbers_in(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from numbers_in(one)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield float(value)


def test_json_holds_the_answer_the_findings_and_who_the_members_are(
    described: dict[str, Any], collection: Collection, made: Path
) -> None:
    (section,) = described["sections"]
    assert section["answer"] == json.loads(json.dumps(api.answer(collection, HOSTILE_SET).as_dict()))
    assert section["findings"] == json.loads(json.dumps(api.findings(collection, HOSTILE_SET).as_dict()))
    one = api.find_query_set(collection, HOSTILE_SET)
    members = section["query_set"]["members"]
    assert [member["item"] for member in members] == one.items.tolist()
    for member in members:
        path = made.parent / ("images" if member["item"] >= 0 else "outside") / member["name"]
        assert member["content"] == hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
    assert {member["name"] for member in members} >= set(HOSTILE_FILES)
    measured = section["answer"]["members"]
    assert [member["average_precision"] for member in members] == measured["average_precision"]
    assert section["control"]["name"] == "plain ones"
    assert described["thresholds"][0].keys() == {"name", "value", "meaning"}
    assert str(made.parent) not in as_json_text(described)


def as_json_text(described: dict[str, Any]) -> str:
    return json.dumps(described, ensure_ascii=False)


def test_the_fingerprint_of_a_set_is_that_of_its_images_under_any_name(folder: Path) -> None:
    opened = api.open_collection(folder)
    again, _ = api.add_query_set(opened, "again", rows=range(60, 80))
    other, _ = api.add_query_set(opened, "other", rows=range(60, 79))
    first, second, third = make_report(opened, ["plain ones", again.id, other.id]).sections
    assert first.members.fingerprint == second.members.fingerprint != third.members.fingerprint


def test_every_number_of_the_json_is_in_the_table(described: dict[str, Any], report: Report) -> None:
    table = as_table(report).to_pandas()
    known = set(table[["value", "low", "high", "chance", "at", "item"]].to_numpy(np.float64).ravel())
    (section,) = described["sections"]
    for part in ("answer", "findings", "distances", "references"):
        assert set(numbers_in(section[part])) - {np.nan} <= known, part
    for curve in section["rank_curves"]:
        assert set(numbers_in({**curve, "low": 0, "high": 0})) <= known
    assert set(numbers_in(described["settings"])) <= known
    assert set(numbers_in([one["value"] for one in described["thresholds"]])) <= known


def test_an_estimate_is_one_line_and_a_member_has_one_line_a_measure(
    report: Report, collection: Collection
) -> None:
    table = as_table(report).to_pandas()
    answer = api.answer(collection, HOSTILE_SET)
    (line,) = table[(table.part == "answer") & (table.measure == "auroc")].to_dict("records")
    found = (line["value"], line["low"], line["high"], line["chance"])
    assert found == (answer.auroc.value, answer.auroc.low, answer.auroc.high, 0.5)
    assert answer.control is not None
    (line,) = table[table.measure == "control.auroc"].to_dict("records")
    assert line["value"] == answer.control.auroc.value
    members = table[(table.part == "members") & (table.measure == "first_hit")]
    assert members["item"].tolist() == answer.members.items.tolist()
    assert members["value"].tolist() == answer.members.first_hit.tolist()
    densities = table[(table.of == "set: within") & (table.measure == "density")]
    step = float(densities["at"].iloc[1] - densities["at"].iloc[0])
    assert densities["value"].sum() * step == pytest.approx(1.0)


def test_csv_and_parquet_hold_the_table(report: Report) -> None:
    table = as_table(report).to_pandas()
    parquet = pq.read_table(io.BytesIO(as_parquet(report))).to_pandas()
    pd.testing.assert_frame_equal(parquet, table)
    csv = pd.read_csv(io.BytesIO(as_csv(report)), dtype=str, keep_default_na=False)
    assert tuple(csv) == COLUMNS
    for name in ("item", "at", "value", "low", "high", "chance"):
        numbers = [float(text) if text else np.nan for text in csv[name]]
        np.testing.assert_array_equal(numbers, table[name].to_numpy(np.float64), err_msg=name)
    assert csv["of"].str.removeprefix("'").tolist() == table["of"].tolist()


def test_csv_holds_no_formula(report: Report) -> None:
    csv = pd.read_csv(io.BytesIO(as_csv(report)))
    of = set(csv["of"].dropna())
    for name in HOSTILE_FILES[:3]:
        assert f"'{name}" in of
        assert name not in of
        assert name in set(as_table(report)["of"].to_pylist())
    assert not [text for text in of if text.lstrip()[:1] in "=+-@"]


@pytest.mark.parametrize(
    "text", ["=1", " =1", "\xa0+1", '"=1', "\ufeff@x", "\u200b-1", "\x0b=1", "\uff1d1", "\tx", "\n"]
)
def test_what_a_spreadsheet_would_run_is_text(text: str) -> None:
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "a=1", "cup - blue", "1+1", "é@x"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert harmless(text) == text


def test_the_same_report_gives_the_same_bytes(collection: Collection, report: Report) -> None:
    again = make_report(collection, [HOSTILE_SET], note=report.note)
    for form in (as_json, as_csv, as_parquet):
        assert form(again) == form(report)


def test_a_set_of_images_from_outside_says_how_it_was_kept(folder: Path, made: Path) -> None:
    opened = api.open_collection(folder)
    one, _ = api.add_query_set(opened, "it's \u2026 outside", images=made.parent / "outside")
    found = make_report(opened, [one.id], control="plain ones")
    (command,) = found.asks
    assert shlex.split(command) == ["dxr", "query", folder.name, "FOLDER", "--name", one.name]
    assert json.loads(as_json(found))["commands"]["query"] == [command]
    assert make_report(opened, ["plain ones"]).asks == ()
