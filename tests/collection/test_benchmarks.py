"""Reading benchmarks: the published layouts are understood, and whatever is missing or odd is named."""

from __future__ import annotations

import copy
import io
import json
import pickle
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dxr_dash.cli.benchmark import NAMES
from dxr_dash.collection.benchmarks import BENCHMARKS, Truth, query_crops, read_benchmark
from dxr_dash.errors import BenchmarkError
from tests.miniatures import BOX, OXFORD, REVISITED, write_holidays, write_oxford, write_truth, write_ukbench

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def oxford(tmp_path: Path) -> Path:
    return write_oxford(tmp_path / "oxford")


def refused(name: str, data: Path, words: str) -> None:
    with pytest.raises(BenchmarkError, match=re.escape(words)):
        read_benchmark(name, data, partial=True)


def test_the_command_knows_every_benchmark() -> None:
    assert tuple(BENCHMARKS) == NAMES


def test_holidays_asks_with_the_first_of_each_group_and_leaves_it_out(tmp_path: Path) -> None:
    found = read_benchmark("holidays", write_holidays(tmp_path), partial=True)
    assert [query.image for query in found.queries] == ["100000", "100100", "130000"]
    truth = found.queries[1].parts[""]
    assert truth.relevant == {"100101", "100102", "100103"}
    assert truth.junk == {"100100"}
    assert len(found.images) == 9
    assert found.queries[0].box is None


def test_ukbench_asks_with_every_image_for_its_four(tmp_path: Path) -> None:
    found = read_benchmark("ukbench", write_ukbench(tmp_path), partial=True)
    assert len(found.queries) == 12
    assert found.queries[5].parts[""].relevant == {f"ukbench{number:05d}" for number in range(4, 8)}
    assert not found.queries[5].parts[""].junk


def test_oxford_takes_good_and_ok_as_relevant_and_junk_as_junk(oxford: Path) -> None:
    found = read_benchmark("oxford5k", oxford, partial=True)
    first = found.queries[0]
    assert (first.name, first.image, first.box) == ("all_souls_1", OXFORD[0], BOX)
    assert first.parts[""].relevant == set(OXFORD[:3])
    assert first.parts[""].junk == {OXFORD[3], OXFORD[9]}
    assert set(found.images) == set(OXFORD)


def test_the_ground_truth_may_lie_in_any_one_folder(oxford: Path) -> None:
    (oxford / "gt_files_170407").rename(oxford / "lab")
    assert len(read_benchmark("oxford5k", oxford, partial=True).queries) == 2
    (oxford / "more").mkdir()
    (oxford / "more" / "x_query.txt").write_text("x 0 0 1 1")
    refused("oxford5k", oxford, "more than one ground truth: lab, more")


def test_the_revision_has_three_parts_and_ranks_only_its_own_list(oxford: Path) -> None:
    found = read_benchmark("roxford5k", oxford, partial=True)
    assert list(found.images) == REVISITED["imlist"]
    parts = found.queries[0].parts
    place = REVISITED["imlist"]
    assert parts["easy"] == Truth(frozenset(place[:2]), frozenset(place[2:5]))
    assert parts["medium"] == Truth(frozenset(place[:3]), frozenset(place[3:5]))
    assert parts["hard"] == Truth(frozenset(place[2:3]), frozenset([*place[:2], *place[3:5]]))
    assert not found.queries[1].parts["easy"].relevant


def test_queries_are_cut_out_as_pillow_rounds_and_end_where_the_image_ends(oxford: Path) -> None:
    crops = query_crops(read_benchmark("oxford5k", oxford, partial=True))
    sizes = [Image.open(io.BytesIO(crop.png)).size for crop in crops]
    assert sizes == [(57, 48), (72, 56)]
    whole = Image.open(oxford / "jpg" / f"{OXFORD[6]}.jpg")
    assert (np.asarray(Image.open(io.BytesIO(crops[1].png))) == np.asarray(whole)).all()
    truth = copy.deepcopy(REVISITED)
    truth["gnd"][1]["bbx"] = [-5, -5, 900, 900]
    write_truth(oxford, truth)
    crops = query_crops(read_benchmark("roxford5k", oxford, partial=True))
    assert Image.open(io.BytesIO(crops[1].png)).size == (72, 56)
    truth["gnd"][1]["bbx"] = [72, 0, 90, 40]
    write_truth(oxford, truth)
    with pytest.raises(BenchmarkError, match="lies outside its image of 72 x 56 pixels"):
        query_crops(read_benchmark("roxford5k", oxford, partial=True))
    (oxford / "jpg" / f"{OXFORD[7]}.jpg").write_bytes(b"no picture")
    with pytest.raises(BenchmarkError, match=f"{OXFORD[7]}.jpg cannot be read: not an image"):
        query_crops(read_benchmark("roxford5k", oxford, partial=True))


def test_a_copy_that_lacks_something_is_refused_or_measured_with_a_note(oxford: Path, tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="holds 14 images; Oxford 5k has 5,063"):
        read_benchmark("oxford5k", oxford)
    (oxford / "jpg" / f"{OXFORD[1]}.jpg").unlink()
    with pytest.raises(BenchmarkError, match="The ground truth has 2 queries; Revisited Oxford has 70"):
        read_benchmark("roxford5k", oxford)
    found = read_benchmark("roxford5k", oxford, partial=True)
    assert OXFORD[1] not in found.images
    assert "1 images that the ground truth names are not in" in " ".join(found.notes)
    assert not found.published
    (oxford / "jpg" / f"{OXFORD[0]}.jpg").unlink()
    refused("oxford5k", oxford, f"1 query images are not in {oxford / 'jpg'}: {OXFORD[0]}")
    write_holidays(tmp_path / "h")
    with pytest.raises(BenchmarkError, match="holds 9 images; INRIA Holidays has 1,491"):
        read_benchmark("holidays", tmp_path / "h")


def test_odd_image_folders_are_named(tmp_path: Path) -> None:
    refused("holidays", tmp_path / "nowhere", "is not a folder")
    refused("holidays", tmp_path, "holds no image")
    refused("nothing", tmp_path, "There is no benchmark 'nothing'")
    data = write_holidays(tmp_path / "h")
    picture = (data / "jpg" / "100001.jpg").read_bytes()
    for name, words in (
        ("cover.jpg", "images that are not of this benchmark: cover"),
        ("140001.jpg", "holds 140001 but not 140000"),
        ("140000.jpg", "holds 140000 but not 140001"),
        ("more/100001.jpg", "two images of one name: 100001.jpg and more/100001.jpg"),
    ):
        odd = data / "jpg" / name
        odd.parent.mkdir(exist_ok=True)
        odd.write_bytes(picture)
        refused("holidays", data, words)
        odd.unlink()
    (data / "jpg" / "100001.jpg").write_bytes(b"")
    refused("holidays", data, "100001.jpg is empty")
    data = write_ukbench(tmp_path / "u")
    (data / "full" / "ukbench00006.jpg").unlink()
    refused("ukbench", data, "lacks ukbench00006, of a group of four")


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("all_souls_1_query.txt", "", "does not hold an image's name and a box"),
        ("all_souls_1_query.txt", f"oxc1_{OXFORD[0]} 1 2 3", "does not hold an image's name and a box"),
        ("all_souls_1_query.txt", f"oxc1_{OXFORD[0]} 1 2 3 4 5", "does not hold an image's name and a box"),
        ("all_souls_1_query.txt", f"oxc1_{OXFORD[0]} 9 2 3 4", "does not hold an image's name and a box"),
        ("all_souls_1_query.txt", f"oxc1_{OXFORD[0]} nan 2 inf 4", "does not hold an image's name and a box"),
        ("all_souls_1_good.txt", "two words\n", "a line that is no name of an image: 'two words'"),
        ("all_souls_1_junk.txt", f"{OXFORD[2]}\n", f"calls {OXFORD[2]} both relevant and junk"),
        ("all_souls_1_ok.txt", None, "all_souls_1_ok.txt cannot be read: no such file"),
    ],
)
def test_odd_files_of_oxford_are_named(oxford: Path, file: str, text: str | None, words: str) -> None:
    path = oxford / "gt_files_170407" / file
    path.unlink() if text is None else path.write_text(text)
    refused("oxford5k", oxford, words)


def test_a_folder_without_ground_truth_says_so(tmp_path: Path) -> None:
    refused("oxford5k", write_holidays(tmp_path), "holds no ground truth: no file that ends in _query.txt")
    refused("roxford5k", tmp_path, "gnd_roxford5k.json cannot be read: no such file")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"gnd": None}, "'gnd' is not a list of 2 objects"),
        ({"gnd": [REVISITED["gnd"][0]]}, "'gnd' is not a list of 2 objects"),
        ({"imlist": "x"}, "'imlist' is not a list of names"),
        ({"imlist": [*REVISITED["imlist"], OXFORD[1]]}, "'imlist' has a name twice"),
        ({"qimlist": [1, 2]}, "'qimlist' is not a list of names"),
        ({"easy": [99]}, "'easy' of the query all_souls_000000 is not a list of places"),
        ({"easy": [-1]}, "'easy' of the query all_souls_000000 is not a list of places"),
        ({"easy": [0.5]}, "'easy' of the query all_souls_000000 is not a list of places"),
        ({"hard": [True]}, "'hard' of the query all_souls_000000 is not a list of places"),
        ({"junk": [0]}, "both relevant and junk"),
        ({"easy": [2]}, "both relevant and junk"),
        ({"bbx": [1, 2, 3]}, "'bbx' of the query all_souls_000000 is not left, top, right, bottom"),
        ({"bbx": [9, 2, 3, 4]}, "'bbx' of the query all_souls_000000 is not left, top, right, bottom"),
        (
            {"bbx": [1, 2, float("nan"), 4]},
            "'bbx' of the query all_souls_000000 is not left, top, right, bottom",
        ),
    ],
)
def test_odd_ground_truth_of_the_revision_is_named(oxford: Path, change: dict[str, Any], words: str) -> None:
    truth = copy.deepcopy(REVISITED)
    for key, value in change.items():
        (truth if key in truth else truth["gnd"][0])[key] = value
    write_truth(oxford, truth)
    refused("roxford5k", oxford, words)


@pytest.mark.parametrize("text", ["", "[", "[]", "nonsense", "[" * 100_000, '{"gnd": {}}'])
def test_a_ground_truth_that_is_no_json_of_ours_is_named(oxford: Path, text: str) -> None:
    (oxford / "gnd_roxford5k.json").write_text(text)
    refused("roxford5k", oxford, "is not as published")


def test_the_pickle_is_not_read_but_the_command_of_the_docs_turns_it_into_json(oxford: Path) -> None:
    (oxford / "gnd_roxford5k.json").unlink()
    arrays = {
        **REVISITED,
        "gnd": [{key: np.array(value) for key, value in one.items()} for one in REVISITED["gnd"]],
    }
    arrays["gnd"][1] |= {
        "easy": np.array([]),
        "hard": np.array([6.0, 7.0]),
    }  # floats, as other programs may leave
    (oxford / "gnd_roxford5k.pkl").write_bytes(pickle.dumps(arrays))
    refused("roxford5k", oxford, "a pickle, which dxr does not read")
    text = (ROOT / "docs" / "benchmarks.md").read_text()
    (command,) = re.findall(r"^python (-c .*gnd_roxford5k)$", text, re.MULTILINE)
    subprocess.run([sys.executable, *shlex.split(command)], cwd=oxford, check=True)
    assert json.loads((oxford / "gnd_roxford5k.json").read_text()) == REVISITED
    assert len(read_benchmark("roxford5k", oxford, partial=True).queries) == 2
