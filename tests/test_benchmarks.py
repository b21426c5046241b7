"""Benchmarks from files to figures, on miniatures whose answers are known."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from dxr_dash import api, settings
from dxr_dash.analysis.distances import distances
from dxr_dash.cli import cli
from dxr_dash.collection.benchmarks import crops as crops_module
from dxr_dash.collection.benchmarks import query_crops, read_benchmark
from dxr_dash.errors import BenchmarkError
from dxr_dash.records import BenchmarkReport
from tests.analysis.test_benchmarks import ap_by_definition, precision_by_definition
from tests.miniatures import OXFORD, write_holidays, write_oxford, write_ukbench

NET = settings.BUNDLED_NETWORK


@pytest.fixture(scope="module")
def oxford(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_oxford(tmp_path_factory.mktemp("benchmarks") / "oxford")


def measure(name: str, data: Path) -> BenchmarkReport:
    return api.benchmark(name, data, data.parent / "b.dxr", network=NET, partial=True)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["benchmark", *arguments])


@pytest.mark.parametrize("name", ["oxford5k", "roxford5k"])
def test_figures_are_the_definitions_applied_to_the_collections_vectors(oxford: Path, name: str) -> None:
    report = measure(name, oxford)
    truth = read_benchmark(name, oxford, partial=True)
    collection = api.open_collection(report.folder)
    names = [Path(path).stem for path in collection.paths.to_pylist()]
    rows = [names.index(image) for image in truth.images]
    crops = [(crop.name, crop.png) for crop in query_crops(truth)]
    asked, _ = api.add_query_set(collection, f"queries of {name}", images=crops)
    space = collection.space()
    found = distances(api.query_vectors(asked, space), space.vectors[rows], metric=space.metric)
    assert report.queries == asked.outside
    for part in report.parts:
        for number, (query, values) in enumerate(zip(truth.queries, found, strict=True)):
            relevant, junk = (
                {truth.images.index(image) for image in images}
                for images in (query.parts[part.name].relevant, query.parts[part.name].junk)
            )
            assert part.n_relevant[number] == len(relevant)
            if not relevant:
                assert all(math.isnan(per_query[number]) for per_query in part.per_query.values())
                continue
            ranking = np.argsort(values, kind="stable").tolist()
            assert part.per_query["mAP"][number] == pytest.approx(ap_by_definition(ranking, relevant, junk))
            for k in truth.precision_at:
                expected = precision_by_definition(ranking, relevant, junk, k)
                assert part.per_query[f"mP@{k}"][number] == pytest.approx(expected)
        assert part.n_queries == np.count_nonzero(part.n_relevant)
        assert part.measures["mAP"].value == pytest.approx(np.nanmean(part.per_query["mAP"]))


def test_a_query_that_is_cut_out_whole_has_the_vector_of_its_image(oxford: Path) -> None:
    report = measure("oxford5k", oxford)
    collection = api.open_collection(report.folder)
    (path,) = (report.folder / "benchmarks").glob("oxford5k-*.npy")
    row = [Path(path).stem for path in collection.paths.to_pylist()].index(OXFORD[6])
    np.testing.assert_array_equal(np.load(path)[1], collection.space().vectors[row])


def test_the_revision_and_a_second_run_read_no_image_again(
    oxford: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    first = measure("oxford5k", oxford)
    measure("roxford5k", oxford)
    monkeypatch.setattr(crops_module, "embed_outside", None)  # whoever calls it fails
    again = api.benchmark(
        "oxford5k",
        oxford,
        first.folder,
        network=NET,
        partial=True,
        on_progress=lambda step, _done, _total: steps.append(step),
    )
    assert again.as_dict() == first.as_dict()
    assert "reading images" not in steps
    by_space = api.benchmark("oxford5k", oxford, first.folder, space=first.space, partial=True)
    assert by_space.as_dict() == first.as_dict()


def test_vectors_of_spaces_that_are_gone_are_forgotten_and_damaged_ones_made_again(oxford: Path) -> None:
    first = measure("oxford5k", oxford)
    folder = first.folder / "benchmarks"
    (kept,) = folder.glob("oxford5k-*.npy")
    old = folder / "oxford5k-0123456789ab.0123456789ab.npy"
    np.save(old, np.zeros(3))
    kept.write_bytes(kept.read_bytes()[:50])
    assert measure("oxford5k", oxford).as_dict() == first.as_dict()
    assert not old.exists()
    assert np.load(kept).shape[0] == 2


def test_copies_are_found_first_in_holidays_and_half_of_each_four_in_ukbench(tmp_path: Path) -> None:
    report = measure("holidays", write_holidays(tmp_path / "holidays"))
    assert report.parts[0].measures["mAP"].value == 1.0
    assert report.parts[0].n_relevant.tolist() == [1, 3, 2]
    assert report.n_groups == 3
    assert "INRIA Holidays has 1,491" in report.notes[0]
    assert not report.published
    data = write_ukbench(tmp_path / "u" / "ukbench")
    report = measure("ukbench", data)
    score = report.parts[0].measures["N-S"]
    assert 2.0 <= score.value <= 4.0  # itself and its copy are always first
    assert (report.parts[0].per_query["N-S"] >= 2).all()
    assert score.chance == pytest.approx(1 + 9 / 11)
    assert (report.n_images, report.n_groups) == (12, 3)


def test_an_unreadable_image_is_an_error_if_it_is_relevant_and_a_note_otherwise(tmp_path: Path) -> None:
    data = write_oxford(tmp_path / "oxford")
    before = measure("oxford5k", data)
    (data / "jpg" / f"{OXFORD[10]}.jpg").write_text("no picture")
    report = measure("oxford5k", data)
    assert report.n_images == before.n_images - 1
    assert report.notes[-1].startswith(
        "1 images that cannot be read are not ranked: radcliffe_000004 (not an image"
    )
    (data / "jpg" / f"{OXFORD[8]}.jpg").write_text("no picture")
    never_found = measure("oxford5k", data).parts[0]
    assert never_found.n_relevant.tolist() == [3, 3]
    assert never_found.per_query["mAP"][1] <= 2 / 3
    whole = read_benchmark("oxford5k", data, partial=True)
    from dxr_dash.api import benchmarks

    with pytest.raises(
        BenchmarkError, match=r"2 images of Oxford 5k are not in .*: radcliffe_000002, radcliffe_000004"
    ):
        benchmarks._ranked(replace(whole, notes=()), api.open_collection(before.folder), partial=False)


def test_the_command_prints_a_table_notes_and_json(oxford: Path, tmp_path: Path) -> None:
    there = ["--data", str(oxford), "--to", str(oxford.parent / "b.dxr"), "--network", NET]
    result = run("roxford5k", *there, "--partial")
    assert result.exit_code == 0, result.output
    report = measure("roxford5k", oxford)
    for part in report.parts:
        for name, one in part.measures.items():
            assert f"  {part.name:<8}{name:<7}{one.value:.3f} (" in result.stdout
    assert result.stdout.count("without 1 query for which nothing is relevant") == 1
    assert "no interval" in result.stdout
    assert "Mind: The ground truth has 2 queries; Revisited Oxford has 70." in result.stdout
    found = json.loads(run("roxford5k", *there, "--partial", "--json").stdout)
    assert found == json.loads(json.dumps(report.as_dict()))
    assert found["parts"][0]["per_query"]["mAP"][1] is None
    result = run("oxford5k", *there)
    assert result.exit_code == 1
    assert "holds 14 images; Oxford 5k has 5,063." in result.output
    assert "Complete the copy; or add --partial" in result.output
    assert run("oxford5k", "--data", str(oxford), "--space", "x").exit_code == 2
    assert run("sculptures", "--data", str(oxford)).exit_code == 2


def test_without_to_the_collection_lies_in_the_cache_once_for_each_copy_of_the_images(
    oxford: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DXR_CACHE", str(tmp_path))
    for name in ("oxford5k", "roxford5k"):
        assert run(name, "--data", str(oxford), "--network", NET, "--partial").exit_code == 0
    (collection,) = (tmp_path / "benchmarks").iterdir()
    assert collection.name.startswith("oxford5k-")
    assert len(api.open_collection(collection)) == len(OXFORD)


def test_published_figures_stand_beside_a_full_copy_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from dxr_dash.collection import benchmarks

    data = write_ukbench(tmp_path / "ukbench")
    about = replace(benchmarks.BENCHMARKS["ukbench"], n_images=(12,), n_queries=12)
    monkeypatch.setitem(benchmarks.BENCHMARKS, "ukbench", about)
    report = api.benchmark("ukbench", data, tmp_path / "u.dxr", network=NET)
    assert list(report.published.values()) == pytest.approx([3.04, 3.476, 3.644])
    assert not report.notes
