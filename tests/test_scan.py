"""Every value as query set: a line is the answer that opening it gives, and no line is ever computed twice."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

import dxr_dash as dxr
from dxr_dash import api, settings
from dxr_dash.analysis import verdict
from dxr_dash.cli import cli
from dxr_dash.collection import scans
from dxr_dash.collection.store import Collection
from dxr_dash.errors import CollectionError, QueryError
from dxr_dash.records import Answer, ScanLine, Verdict
from tests.builders import build, digest, write_pictures

N_IMAGES = 120
HOSTILE = '=HYPERLINK("http://example.org","click")'
BELL = "bell\x07 \x1b[31mred"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three labels of unequal size, one of them hostile; a rare kind; numbers; and names that are all different."""
    folder = tmp_path_factory.mktemp("scan")
    images = write_pictures(folder / "images", N_IMAGES)
    paths = sorted(str(path.relative_to(images)) for path in images.rglob("*.jpg"))
    labels = [HOSTILE if i < 30 else BELL if i < 70 else None if i < 75 else "plain" for i in range(N_IMAGES)]
    rare = ["rare" if i < 3 else "usual" if i % 2 else None for i in range(N_IMAGES)]
    table = pd.DataFrame(
        {"path": paths, "label": labels, "rarity": rare, "cluster": [i % 4 for i in range(N_IMAGES)]}
    )
    table["name"] = [f"image {i}" for i in range(N_IMAGES)]
    table.to_csv(folder / "labels.csv", index=False)
    build(images, folder / "pictures.dxr", labels=folder / "labels.csv")
    return folder / "pictures.dxr"


@pytest.fixture
def target(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "pictures.dxr"))


@pytest.fixture
def collection(target: Path) -> Collection:
    return api.open_collection(target)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(one) for one in arguments])


def kept(folder: Path) -> list[Path]:
    """The scans that a collection keeps, finished or not."""
    return [path for path in folder.glob("scans/*") if not path.name.startswith(".")]


def same(line: ScanLine, found: Answer) -> bool:
    """Whether a line says what an answer says, to the last bit."""
    numbers = [(line.auroc, found.auroc), (line.mean_ap, found.mean_ap)]
    assert line.lift.low == verdict.lift(found.mean_ap)
    assert line.lift.value == (found.mean_ap.value - found.mean_ap.chance) / (1 - found.mean_ap.chance)
    words = (line.verdict, line.sentence, line.warnings, line.n_images, line.n_compared)
    assert words == (found.verdict, found.sentence, found.warnings, found.n_images, found.n_compared)
    return all(one == other for one, other in numbers)


@pytest.mark.parametrize("by", ["label", "cluster", "column:cluster"])
def test_a_line_is_the_answer_that_opening_it_gives(collection: Collection, by: str) -> None:
    found = dxr.scan(collection, by)
    assert found.is_done
    assert [line.code for line in found.lines] == list(range(found.n_values))
    measured = [line for line in found.lines if line.n_images >= settings.MIN_QUERY_IMAGES]
    assert measured
    for line in measured:
        one, made = api.open_scan_line(collection, by, line.code)
        assert made
        assert same(line, dxr.answer(collection, one.id))
        proofs = dxr.answer(collection, one.id).proofs
        assert line.examples == tuple(dict.fromkeys((proofs[0].item, proofs[-1].item)))


def test_a_line_of_a_large_value_is_asked_with_the_same_sample_as_its_answer(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "ANSWER_QUERIES", 12)
    monkeypatch.setattr(settings, "ANSWER_FEWEST", 6)
    for line in dxr.scan(collection, "label").lines:
        one, _ = api.open_scan_line(collection, "label", line.code)
        assert (line.n_asked, line.n_asked < line.n_images) == (12, True)
        assert same(line, dxr.answer(collection, one.id))


def test_one_thread_and_many_give_the_same_lines(built: Path, tmp_path: Path) -> None:
    one, many = (
        dxr.scan(api.open_collection(shutil.copytree(built, tmp_path / f"{n}.dxr")), "cluster", n_threads=n)
        for n in (1, 4)
    )
    assert one == many


def test_the_images_of_a_line_are_those_with_the_value_and_no_others(collection: Collection) -> None:
    labels = collection.table.column("label").to_pylist()
    found = dxr.scan(collection)
    assert found.by == "column:label"
    assert sum(line.n_images for line in found.lines) == sum(label is not None for label in labels)
    for line in found.lines:
        one, _ = api.open_scan_line(collection, "label", line.code)
        assert one.rows == tuple(row for row, label in enumerate(labels) if label == line.value)


def test_a_rare_value_is_listed_without_being_measured(collection: Collection) -> None:
    rare, usual = dxr.scan(collection, "rarity").lines
    assert (rare.value, rare.n_images, rare.verdict) == ("rare", 3, Verdict.CANNOT_TELL)
    assert np.isnan([rare.auroc.value, rare.mean_ap.value, rare.lift.value]).all()
    assert "the set has 3 images, and an answer needs 5 images" in rare.sentence
    assert len(rare.examples) == settings.SCAN_EXAMPLES
    assert usual.verdict != Verdict.CANNOT_TELL or usual.auroc.value > 0


def test_opening_a_line_twice_gives_the_same_set_and_never_takes_another_ones_name(
    collection: Collection,
) -> None:
    code = next(line.code for line in dxr.scan(collection).lines if line.value == "plain")
    taken, _ = dxr.add_query_set(collection, "label: plain", rows=[1, 2, 3])
    one, made = api.open_scan_line(collection, "label", code)
    again, made_again = api.open_scan_line(collection, "label", code)
    assert (made, made_again, one.id == again.id, one.id != taken.id) == (True, False, True, True)
    assert one.name == "label: plain (2)"
    api.remove_query_set(collection, taken.id)
    api.remove_query_set(collection, one.id)
    assert api.open_scan_line(collection, "label", code)[0].name == "label: plain"
    with pytest.raises(QueryError, match="no line 99"):
        api.open_scan_line(collection, "label", 99)


def test_what_cannot_be_scanned_is_refused_before_anything_is_computed(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(QueryError, match="no column 'nothing' to scan by"):
        dxr.scan(collection, "nothing")
    with pytest.raises(QueryError, match="No value of the column 'name' has 5 images or more"):
        dxr.scan(collection, "name")
    choices = api.scan_choices(collection)
    assert [one.by for one in choices] == ["column:label", "column:rarity", "column:cluster", "cluster"]
    assert [(one.n_values, one.n_measured) for one in choices[:3]] == [(3, 3), (2, 1), (4, 4)]
    monkeypatch.setattr(settings, "SCAN_MOST_VALUES", 2)
    with pytest.raises(QueryError, match="has 3 values; a scan takes at most 2"):
        dxr.scan(api.open_collection(collection.folder), "label")
    assert not (collection.folder / "scans").exists()


def test_without_labels_the_clusters_are_scanned(tmp_path: Path) -> None:
    images = write_pictures(tmp_path / "images", 40)
    build(images, tmp_path / "bare.dxr")
    bare = api.open_collection(tmp_path / "bare.dxr")
    assert dxr.scan(bare).by == "cluster"


def test_a_value_that_every_image_has_leaves_nothing_to_compare_with(tmp_path: Path) -> None:
    images = write_pictures(tmp_path / "images" / "all", 30)
    for path in sorted(images.rglob("*.jpg")):
        path.rename(images / path.name)
    build(tmp_path / "images", tmp_path / "one.dxr", labels="folder")
    (line,) = dxr.scan(api.open_collection(tmp_path / "one.dxr"), "label").lines
    assert (line.value, line.n_images, line.n_compared, line.verdict) == ("all", 30, 0, Verdict.CANNOT_TELL)


def test_a_finished_scan_is_read_and_not_computed(collection: Collection) -> None:
    before = dxr.scan(collection, "cluster")
    files = digest(collection.folder)
    asked: list[int] = []
    again = dxr.scan(
        api.open_collection(collection.folder), "cluster", on_progress=lambda *_: asked.append(1)
    )
    assert (again, asked, digest(collection.folder)) == (before, [], files)


class StoppedError(Exception):
    """What the test throws in mid-scan."""


def stop_at(n_lines: int) -> Any:
    def progress(_step: str, done: int, _total: int) -> None:
        if done == n_lines:
            raise StoppedError

    return progress


@pytest.mark.parametrize("cut", [b"", b'{"code": 2, "value', b"\0\0\0\0\n", b"[]\n", b"{}\n"])
def test_an_interrupted_scan_goes_on_and_ends_with_the_same_bytes(
    built: Path, tmp_path: Path, cut: bytes
) -> None:
    calm, torn = (Path(shutil.copytree(built, tmp_path / f"{name}.dxr")) for name in ("calm", "torn"))
    whole = dxr.scan(api.open_collection(calm), "column:cluster")
    with pytest.raises(StoppedError):
        dxr.scan(api.open_collection(torn), "column:cluster", on_progress=stop_at(2))
    (journal,) = torn.glob("scans/*.jsonl")
    with journal.open("ab") as file:
        file.write(cut)
    half = api.kept_scan(api.open_collection(torn), "column:cluster")
    assert half.lines == whole.lines[:2]
    assert not half.is_done
    asked: list[str] = []
    resumed = dxr.scan(
        api.open_collection(torn), "column:cluster", on_progress=lambda _s, done, _t: asked.append(str(done))
    )
    assert asked == ["2", "3", "4"]  # the first two are not computed again
    assert resumed == whole
    assert digest(calm / "scans") == digest(torn / "scans")
    assert not list(torn.glob("scans/*.jsonl"))


def _lines_written(target: Path) -> bool:
    return any(path.stat().st_size > 2_000 for path in target.glob("scans/*.jsonl"))


def test_a_killed_scan_loses_at_most_the_line_at_work(target: Path) -> None:
    command = [sys.executable, "-m", "dxr_dash", "scan", str(target), "--by", "cluster", "--json"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 120
        while process.poll() is None and not _lines_written(target):
            assert time.monotonic() < deadline
        process.send_signal(signal.SIGKILL)
    opened = api.open_collection(target)
    assert api.running_scan(opened) is None
    found = json.loads(run("scan", target, "--by", "cluster", "--json").stdout)
    assert sorted(row["code"] for row in found["lines"]) == list(range(len(opened.space().representatives)))
    assert run("check", target).exit_code == 0


def test_two_scans_at_once_are_one_too_many(collection: Collection) -> None:
    facts = {"by": "cluster", "space": "x"}
    with scans.scan_at_work(collection.folder, facts):
        assert api.running_scan(collection) == scans.scan_key(facts)
        with pytest.raises(CollectionError, match="Another scan"):
            dxr.scan(collection, "label")
    assert api.running_scan(collection) is None
    assert dxr.scan(collection, "label").is_done


def test_a_build_removes_the_scans_that_no_longer_hold_and_keeps_the_others(
    target: Path, built: Path
) -> None:
    images = api.open_collection(target).images_root
    dxr.scan(api.open_collection(target))
    with pytest.raises(StoppedError):
        dxr.scan(api.open_collection(target), "cluster", on_progress=stop_at(1))
    labels = built.parent / "labels.csv"
    build(images, target, labels=labels)
    assert len(kept(target)) == 2  # nothing has changed
    assert api.kept_scan(api.open_collection(target), "label").is_done
    other = target.parent / "labels.csv"
    other.write_text(labels.read_text().replace("plain", "simple"))
    build(images, target, labels=other)
    assert kept(target) == []
    assert api.kept_scan(api.open_collection(target), "label").lines == ()


def test_another_rule_makes_the_old_lines_invisible_and_a_new_scan_removes_them(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    dxr.scan(collection, "label")
    (old,) = kept(collection.folder)
    monkeypatch.setattr(settings, "BOOTSTRAP_DRAWS", 300)
    again = api.open_collection(collection.folder)
    assert api.kept_scan(again, "label").lines == ()
    dxr.scan(again, "label")
    assert not old.exists()
    assert len(kept(collection.folder)) == 1


def test_a_damaged_scan_is_named_by_check(collection: Collection) -> None:
    dxr.scan(collection, "label")
    next(collection.folder.glob("scans/*/lines.parquet")).write_bytes(b"")
    assert "lines.parquet has 0 bytes" in run("check", collection.folder).output


def test_the_command_prints_sorts_and_says_the_totals(target: Path) -> None:
    result = run("scan", target, "--sort", "images")
    assert result.exit_code == 0, result.output
    found = api.kept_scan(api.open_collection(target), "label")
    lines = result.output.splitlines()
    head = next(i for i, line in enumerate(lines) if line.startswith("thingsnet.fc7 by label, 3 values."))
    sizes = [line.n_images for line in sorted(found.lines, key=lambda line: -line.n_images)]
    printed = [next(n for n in sizes if f" {n}  " in line) for line in lines[head + 2 : head + 5]]
    assert printed == sizes == sorted(sizes, reverse=True)
    for verdict_, count in found.verdicts.items():
        assert (f"{verdict_}: {count}" in lines[head]) == (count > 0)
    assert "\x1b[31m" not in result.output
    assert "\x07" not in result.output


@pytest.mark.parametrize("sort", ["value", "images", "auroc", "map", "lift"])
def test_lines_come_in_the_order_that_was_asked_for_and_unknown_ones_last(target: Path, sort: str) -> None:
    rows = json.loads(run("scan", target, "--by", "rarity", "--sort", sort, "--json").stdout)["lines"]
    column = {"images": "n_images", "map": "mean_ap"}.get(sort, sort)
    values = [row[column] for row in rows]
    known = [value for value in values if value is not None]
    assert values == known + [None] * (len(values) - len(known))
    assert known == (sorted(known) if sort == "value" else sorted(known, reverse=True))


def test_files_hold_every_number_and_no_formula(target: Path, tmp_path: Path) -> None:
    for suffix in (".csv", ".parquet", ".json"):
        result = run("scan", target, "-o", tmp_path / f"out{suffix}")
        assert (result.exit_code, "Written to" in result.output) == (0, True)
    lines = sorted(
        api.kept_scan(api.open_collection(target), "label").lines, key=lambda one: -one.auroc.value
    )
    parquet = pd.read_parquet(tmp_path / "out.parquet")
    assert parquet["value"].tolist() == [line.value for line in lines]
    assert parquet["auroc_low"].tolist() == [line.auroc.low for line in lines]
    written = json.loads((tmp_path / "out.json").read_text())
    assert [row["mean_ap"] for row in written] == [line.mean_ap.value for line in lines]
    with (tmp_path / "out.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [float(row["lift_high"]) for row in table] == [line.lift.high for line in lines]
    assert f"'{HOSTILE}" in [row["value"] for row in table]
    assert not any(cell.startswith(("=", "+", "@")) for row in table for cell in row.values())


def test_a_file_that_cannot_be_written_is_refused_before_the_work(target: Path, tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    labels = tmp_path / "labels.csv"
    labels.write_text("path,label")
    for name, words in (
        ("out.xlsx", "no suffix that dxr can write"),
        ("nowhere/out.csv", "is not a folder"),
        ("folder.csv", "is a folder"),
        ("labels.csv", "is there already"),
    ):
        result = run("scan", target, "-o", tmp_path / name)
        assert (result.exit_code, words in result.output) == (1, True), result.output
    assert not (target / "scans").exists()
    assert labels.read_text() == "path,label"
    result = run("scan", target, "-o", labels, "--force")
    assert (result.exit_code, labels.read_text().splitlines()[0]) == (0, ",".join(scans.SCHEMA.names))


def test_the_table_is_a_pandas_table(collection: Collection) -> None:
    found = dxr.scan(collection)
    assert found.table["value"].tolist() == [line.value for line in found.lines]
    assert sum(found.verdicts.values()) == len(found.lines)
    assert not replace(found, n_values=9).is_done


@pytest.fixture(autouse=True)
def _nothing_left(tmp_path: Path) -> Iterator[None]:
    yield
    assert list(tmp_path.rglob("*.part")) == []
