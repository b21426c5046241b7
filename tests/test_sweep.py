"""A sweep as a notebook and the command line see it, on a real small collection."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result

import dxr_dash as dxr
from dxr_dash import api
from dxr_dash.analysis.swept import becomes_retrievable, first_retrieving
from dxr_dash.api.sweeps import split_layers
from dxr_dash.cli import cli
from dxr_dash.collection.build import add_spaces
from dxr_dash.collection.networks import before_training
from dxr_dash.errors import ImagesError, NetworkError, QueryError
from dxr_dash.figures.svg import as_svg
from dxr_dash.figures.sweep_figure import sweep_figure
from dxr_dash.figures.theme import LIGHT
from dxr_dash.records import Difference, Estimate, Verdict
from tests.builders import build, digest, write_pictures

LAYERS = "thingsnet:fc7,pool5"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection with one space, not by the usual seed."""
    folder = tmp_path_factory.mktemp("sweep")
    target = folder / "pictures.dxr"
    build(write_pictures(folder / "images", 60), target, labels="folder", name="My pictures", seed=5)
    collection = api.open_collection(target)
    things, _ = api.add_query_set(collection, "things", rows=range(20, 40))
    api.add_query_set(collection, "<b>faces</b>", rows=range(20), control=things.id)
    return target


@pytest.fixture(scope="module")
def swept(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = shutil.copytree(plain, tmp_path_factory.mktemp("swept") / "pictures.dxr")
    dxr.sweep(target, "<b>faces</b>", layers=[LAYERS], controls=True)
    return target


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


def test_controls_come_first_then_layers_as_they_are_computed(swept: Path) -> None:
    found = dxr.sweep(swept, "<b>faces</b>")  # all that is there
    assert [one.space for one in found.spaces] == [
        "tiny.pixels32",
        "colour.lab",
        "random:thingsnet.pool5",
        "random:thingsnet.fc7",
        "thingsnet.pool5",
        "thingsnet.fc7",
    ]
    assert [one.is_control for one in found.spaces] == [True] * 4 + [False] * 2
    assert [one.network for one in found.answers] == ["thingsnet"]


def test_numbers_are_those_of_the_answer_and_differences_go_layer_by_layer(swept: Path) -> None:
    found = dxr.sweep(swept, "<b>faces</b>")
    collection = api.open_collection(swept)
    before = None
    for one in found.spaces:
        answer = api.answer(collection, "<b>faces</b>", space=one.space)
        line = one.found
        assert (line.auroc, line.mean_ap, line.verdict) == (answer.auroc, answer.mean_ap, answer.verdict)
        assert line.control == answer.control
        if before is None or before.network != one.network:
            assert line.difference is None
        else:
            assert line.difference is not None
            assert line.difference.n_shared == 20
            assert line.difference.auroc.value == pytest.approx(answer.auroc.value - before.found.auroc.value)
        before = one
    pair = dxr.compare(collection, ["<b>faces</b>"], spaces=["thingsnet.pool5", "thingsnet.fc7"])
    assert found.spaces[-1].found.difference == pair.lines[1].difference


def test_spaces_are_added_and_all_else_stays(plain: Path, swept: Path) -> None:
    one, other = api.open_collection(plain), api.open_collection(swept)
    assert other.default_space == one.default_space == "thingsnet.fc7"
    assert other.name == "My pictures"
    assert other.manifest["gallery"] == one.manifest["gallery"]
    assert other.manifest["spaces"]["thingsnet.fc7"] == one.manifest["spaces"]["thingsnet.fc7"]
    assert (other.column("label").codes == one.column("label").codes).all()
    assert other.query_sets.keys() == one.query_sets.keys()


def test_what_is_there_is_not_built_again(swept: Path) -> None:
    before = digest(swept)
    assert add_spaces(swept, [("thingsnet", "pool5"), ("tiny", "pixels32")]) is None
    dxr.sweep(swept, "<b>faces</b>", layers=[LAYERS], controls=True)
    assert digest(swept) == before


class StoppedError(Exception):
    pass


def test_an_interrupted_sweep_goes_on_and_ends_with_the_same_bytes(
    plain: Path, swept: Path, tmp_path: Path
) -> None:
    target = shutil.copytree(plain, tmp_path / "pictures.dxr")

    def stop(step: str, _done: int, _total: int) -> None:
        if step == "neighbour graph":
            raise StoppedError

    with pytest.raises(StoppedError):
        dxr.sweep(target, "<b>faces</b>", layers=[LAYERS], controls=True, on_progress=stop)
    assert list(api.open_collection(target).spaces) == ["thingsnet.fc7"]
    steps: list[str] = []
    dxr.sweep(
        target,
        "<b>faces</b>",
        layers=[LAYERS],
        controls=True,
        on_progress=lambda step, _done, _total: steps.append(step),
    )
    assert "extracting features" not in steps
    assert digest(target) == digest(swept)


def test_changed_images_are_refused(plain: Path, tmp_path: Path) -> None:
    target = shutil.copytree(plain, tmp_path / "pictures.dxr")
    extra = plain.parent / "images" / "red" / "new.jpg"
    shutil.copy(plain.parent / "images" / "red" / "0000.jpg", extra)
    try:
        with pytest.raises(ImagesError, match="1 images are new or changed, 0 gone"):
            dxr.sweep(target, "<b>faces</b>", layers=["tiny:pixels8"])
    finally:
        extra.unlink()
    assert digest(target) == digest(plain)


def test_what_cannot_be_swept_is_refused_in_words(plain: Path) -> None:
    with pytest.raises(QueryError, match="no query set 'nobody'"):
        dxr.sweep(plain, "nobody", layers=[LAYERS])
    for layers, words in (
        ("thingsnet", "names no layer of thingsnet"),
        ("thingsnet:fc7,,", "names no layer"),
        ("thingsnet:fc99", "has no layer fc99"),
        ("nonet:fc7", "does not begin with a network"),
    ):
        with pytest.raises(NetworkError, match=words):
            dxr.sweep(plain, "things", layers=[layers])


def test_layers_are_read_with_seeds_and_poolings() -> None:
    assert split_layers("alexnet:conv1, pool5:max") == [("alexnet", "conv1"), ("alexnet", "pool5:max")]
    assert split_layers("random:alexnet:7:pool5:max") == [("random:alexnet:7", "pool5:max")]
    assert split_layers("random:alexnet:fc7") == [("random:alexnet", "fc7")]


def test_only_networks_that_can_be_made_anew_have_an_untrained_twin() -> None:
    assert before_training("alexnet") == "random:alexnet"
    assert before_training("tiny") is None
    assert before_training("random:alexnet") is None


def difference(value: float, low: float, high: float) -> Difference:
    one = Estimate(value, low, high, 0.0)
    return Difference(one, one, one, one, 20)


def test_the_answer_has_fixed_words() -> None:
    yes, partly, no, open_ = Verdict.YES, Verdict.PARTLY, Verdict.NO, Verdict.CANNOT_TELL
    assert first_retrieving([no, partly, yes, yes]) == 2
    assert first_retrieving([no, partly, partly]) == 1
    assert first_retrieving([no, open_]) is None
    layers = ["conv1", "conv2", "fc7"]

    def said(verdicts: list[Verdict], *over: tuple[str, Difference]) -> str:
        return becomes_retrievable("X", "net", list(zip(layers, verdicts, strict=False)), over)

    weak, strong = ("tiny", difference(0.1, 0.05, 0.2)), ("colour", difference(0.01, -0.02, 0.03))
    assert said([no, yes, yes], weak) == (
        "X becomes retrievable at conv2, number 2 of the 3 layers of net; there it beats every control for depth, "
        "the nearest of them, tiny, by AUROC +0.10 (+0.05 to +0.20)."
    )
    assert "but it does not beat the control for depth colour: AUROC +0.01 (" in said(
        [no, yes, yes], weak, strong
    )
    assert said([no, partly, no]).startswith(
        "X becomes retrievable at none of the 3 layers of net, and in part from conv2 on"
    )
    assert said([no, open_, no]) == (
        "X becomes retrievable at none of the 3 layers of net; 1 of them cannot tell."
    )
    assert said([no]) == "X is not retrievable at conv1 of net."
    assert said([open_]) == "Whether X is retrievable at conv1 of net cannot be told."
    assert said([partly], strong).startswith("X is in part retrievable at conv1 of net; but it does not beat")
    assert said([yes], weak).startswith("X is retrievable at conv1 of net; there it beats every control")


def test_the_picture_has_a_column_for_each_space_and_rings_for_controls(swept: Path) -> None:
    found = dxr.sweep(swept, "<b>faces</b>")
    figure = sweep_figure(found, theme=LIGHT)
    dots = {(one.meta["network"], one.meta["what"]): one for one in figure.data if one.mode == "markers"}
    deep = dots["thingsnet", "AUROC"]
    assert list(deep.y) == [one.found.auroc.value for one in found.spaces[-2:]]
    assert deep.marker.color == LIGHT.sets[0]
    assert dots["tiny", "mAP"].marker.color == LIGHT.paper
    assert len(figure.layout.xaxis.tickvals) == len(found.spaces)
    assert sorted(figure.layout.xaxis.tickvals) == list(figure.layout.xaxis.tickvals)
    drawn = ET.fromstring(as_svg(figure, width_px=600, title="t"))  # noqa: S314 - our own
    assert len(drawn.findall("circle")) == sum(len(one.x) for one in dots.values())


def test_the_command_prints_and_writes_what_the_notebook_sees(swept: Path, tmp_path: Path) -> None:
    found = dxr.sweep(swept, "<b>faces</b>")
    files = [tmp_path / f"sweep{suffix}" for suffix in (".html", ".svg", ".csv", ".json")]
    outputs = [word for file in files for word in ("-o", str(file))]
    result = run("sweep", str(swept), "<b>faces</b>", *outputs)
    assert result.exit_code == 0, result.output
    assert found.answers[0].sentence in result.stdout
    assert "The first 4 are controls for depth." in result.stdout
    page = files[0].read_text()
    assert "&lt;b&gt;faces&lt;/b&gt;" in page
    assert "<b>" not in page
    ET.parse(files[1])  # noqa: S314 - our own
    assert files[2].read_text().count("\n") == 7
    assert json.loads(files[3].read_text()) == found.as_dict()
    again = run("sweep", str(swept), "<b>faces</b>", "-o", str(files[0]))
    assert again.exit_code == 1
    assert "is there already" in again.output


def test_the_command_speaks_json_and_sweeps_a_whole_network(swept: Path) -> None:
    result = run("sweep", str(swept), "things", "--layers", "thingsnet:pool5", "--json")
    spaces = json.loads(result.stdout)["spaces"]
    assert [one["found"]["space"] for one in spaces] == ["thingsnet.pool5"]
