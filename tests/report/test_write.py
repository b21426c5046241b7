"""Where reports go, what they do not write over, and the command."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dxr_dash import api
from dxr_dash.cli import cli
from dxr_dash.errors import ReportError
from dxr_dash.report import as_html, check_targets, write_reports
from dxr_dash.report.record import Report
from dxr_dash.report.write import IN_A_FOLDER
from tests.report.conftest import HOSTILE_SET


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["report", *arguments])


def test_a_folder_gets_one_file_of_each_kind(report: Report, tmp_path: Path) -> None:
    written = write_reports(report, [tmp_path / "out", tmp_path / "more.HTML"])
    assert [path.name for path, _ in written] == [*IN_A_FOLDER, "more.HTML"]
    assert [path.stat().st_size for path, _ in written] == [size for _, size in written]
    assert (tmp_path / "more.HTML").read_bytes() == (tmp_path / "out" / "report.html").read_bytes()
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == sorted(
        [*IN_A_FOLDER, "more.HTML"]
    )


@pytest.mark.parametrize("name", IN_A_FOLDER)
def test_a_report_is_replaced_and_anything_else_is_not(report: Report, tmp_path: Path, name: str) -> None:
    target = tmp_path / name
    write_reports(report, [target])
    first = target.read_bytes()
    write_reports(report, [target])
    target.write_bytes(b"my own words")
    with pytest.raises(ReportError, match="is there already, and is no report"):
        write_reports(report, [target])
    assert target.read_bytes() == b"my own words"
    write_reports(report, [target], force=True)
    assert target.read_bytes() == first


def test_what_cannot_be_written_is_said_before_any_work(tmp_path: Path) -> None:
    nowhere = str(tmp_path / "no.dxr")
    for output, words in (
        ("report.pdf", "has the suffix .pdf, and dxr writes reports as .html, .json, .csv, .parquet"),
        ("no/report.html", "no is not a folder. Make it first"),
        ("no/such/folder", "is not a folder. Make it first"),
    ):
        result = run(nowhere, "--query", "x", "-o", str(tmp_path / output))
        assert result.exit_code == 1
        assert words in result.output.replace("\n     ", " ")
    (tmp_path / "x.html").mkdir()
    assert check_targets([tmp_path / "x.html"])[0] == tmp_path / "x.html" / "report.html"
    assert check_targets([tmp_path / "a.csv", tmp_path / "a.csv"]) == (tmp_path / "a.csv",)
    assert run(nowhere, "--query", "x", "-o", str(tmp_path / "x.html")).exit_code == 1
    assert not any((tmp_path / "x.html").iterdir())


def test_the_command_in_a_report_makes_it_again(
    report: Report, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    words = shlex.split(report.command)
    assert words[:2] == ["dxr", "report"]
    result = run(*words[2:], "--note", report.note)
    assert result.exit_code == 0, result.output
    assert Path("report.html").read_bytes() == as_html(report)
    assert report.sections[0].answer.sentence in result.output
    assert "report.html  " in result.output


def test_a_name_that_finds_another_set_gives_way_to_the_id(folder: Path) -> None:
    opened = api.open_collection(folder)
    twin, _ = api.add_query_set(opened, "large", rows=range(30, 50))
    result = run(str(folder), "--query", twin.id, "-o", str(folder.parent / "r.html"))
    assert result.exit_code == 0, result.output
    assert f"--query {twin.id} --space" in (folder.parent / "r.html").read_text()


def test_a_control_can_be_chosen_for_the_report_alone(folder: Path, tmp_path: Path) -> None:
    result = run(
        str(folder), "--query", HOSTILE_SET, "--control", "large", "-o", str(tmp_path / "r.html")
    )  # the stored control is another one
    assert result.exit_code == 0, result.output
    text = (tmp_path / "r.html").read_text()
    assert "--control large" in text
    assert "of the control set <bdi>large</bdi>" in text
    opened = api.open_collection(folder)
    assert opened.query_sets[api.find_query_set(opened, HOSTILE_SET).id].control == "plain-ones"
