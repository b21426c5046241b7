"""Labels and metadata from a file: what is taken is exact and can be shown, the rest is refused by name."""

from __future__ import annotations

import gzip
import os
import shutil
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dxr_dash import api
from dxr_dash.collection.gallery import Labels, Row, gallery_table
from dxr_dash.collection.labels import join_metadata, read_metadata
from dxr_dash.collection.store import Collection
from dxr_dash.collection.walk import FoundFile
from dxr_dash.errors import ImagesError
from tests.builders import build, digest, write_pictures

PATHS = ["blue/0002.jpg", "green/0001.jpg", "red/0000.jpg"]
EXACT = 2**53 + 1  # the first whole number that no double holds


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labelled")
    build(write_pictures(folder / "images", 3), folder / "x.dxr", labels="folder")
    return folder


def table(folder: Path, **columns: Any) -> Path:
    pq.write_table(pa.table({"path": PATHS} | columns), folder / "facts.parquet")
    return folder / "facts.parquet"


uuids = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0" * 16] * 3, pa.binary(16)))


def labelled(built: Path, target: Path, file: Path) -> Collection:
    """Build a copy again with other labels, and open it."""
    shutil.copytree(built / "x.dxr", target)
    build(built / "images", target, labels=file)
    return api.open_collection(target)


def test_a_column_without_a_value_leaves_a_collection_that_opens(built: Path, tmp_path: Path) -> None:
    file = table(tmp_path, label=["a", "b", "a"], nothing=pa.nulls(3))
    collection = labelled(built, tmp_path / "x.dxr", file)
    assert collection.columns == ("label",)
    assert collection.column("nothing").categories == ()
    assert collection.metadata(0) == {"label": "a"}


def test_a_collection_that_holds_such_a_column_already_opens_too(built: Path, tmp_path: Path) -> None:
    shutil.copytree(built / "x.dxr", tmp_path / "x.dxr")
    gallery = next((tmp_path / "x.dxr").glob("steps/gallery-*/images.parquet"))
    pq.write_table(pq.read_table(gallery).append_column("nothing", pa.nulls(3)), gallery)
    assert api.open_collection(tmp_path / "x.dxr").columns == ("label",)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (pa.array([2**62, None, -(2**62)], pa.timestamp("us")), r"`odd` of .* timestamp\[us\] that cannot be shown"),
        (pa.array([2**62, None, -(2**62)], pa.timestamp("ms")), r"`odd` of .* timestamp\[ms\] that cannot be shown"),
        (pa.array([2**30, 0, 0], pa.int32()).cast(pa.date32()), "`odd` of .* holds date32.* that cannot be shown"),
        (pa.array([1, 2, 3], pa.timestamp("s", "Mars/Phobos")), "`odd` of .* that cannot be shown: .*Mars/Phobos"),
        (uuids, "extension<arrow.uuid>, which is no text"),
        (pa.array([["a"], None, ["b"]]), "list<.*, which is no text"),
        (pa.array([b"a", None, b"b"]).dictionary_encode(), "holds binary, which is no text"),
        (pa.array([b"\xff", b"a", b"b"]).view(pa.string()), "holds .*string that cannot be shown"),
    ],
)  # fmt: skip
def test_values_that_could_not_be_shown_are_refused_and_the_collection_stays(
    built: Path, tmp_path: Path, values: pa.Array, words: str
) -> None:
    before = digest(built / "x.dxr")
    with pytest.raises(ImagesError, match=words):
        build(built / "images", built / "x.dxr", labels=table(tmp_path, odd=values))
    assert digest(built / "x.dxr") == before


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        (pa.array([EXACT, EXACT + 1, EXACT + 2]), str(EXACT + 1)),
        (pa.array([2**64 - 1, 2**64 - 2, 0], pa.uint64()), str(2**64 - 2)),
        (pa.array([EXACT, EXACT + 1, None]).dictionary_encode(), str(EXACT + 1)),
        (pa.array(["a", "b", None]).dictionary_encode(), "b"),
        (pa.array(["a", "b", None], pa.string_view()), "b"),
        (pa.array([1.5, 2.5, float("nan")]), "2.5"),
        (pa.array(np.array([1.5, 2.5, 3.5], np.float16)), "2.5"),
        (pa.array([True, False, None]), "False"),
        (pa.array([Decimal("1.5"), Decimal("2.5"), None], pa.decimal256(60, 1)), "2.5"),
        (pa.array([1, 2, None], pa.time64("ns")), "00:00:00"),
        (pa.array([0, 86400, None], pa.timestamp("s")), "1970-01-02 00:00:00"),
        (pa.array([1, 2, None], pa.duration("s")), "0:00:02"),
    ],
)  # fmt: skip
def test_values_are_kept_exactly_though_an_image_has_no_row(
    built: Path, tmp_path: Path, values: pa.Array, shown: str
) -> None:
    file = tmp_path / "facts.parquet"
    pq.write_table(pa.table({"path": [*PATHS[:2], "elsewhere.jpg"], "id": values}), file)
    collection = labelled(built, tmp_path / "x.dxr", file)
    assert collection.metadata(1) == {"id": shown}
    assert collection.metadata(2) == {}
    assert len(collection.column("id").categories) == 2
    assert build(built / "images", tmp_path / "x.dxr", labels=file).n_extracted == 0


def test_numbers_in_a_csv_file_are_texts_and_stay_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "facts.csv").write_text(f"path,id\na.jpg,{EXACT}\nb.jpg,007\n")
    found = join_metadata(read_metadata(tmp_path / "facts.csv", None), ["a.jpg", "b.jpg", "c.jpg"], tmp_path)
    assert found["id"].fillna("").tolist() == [str(EXACT), "007", ""]


def test_a_path_is_the_same_with_and_without_a_dot_before_it(tmp_path: Path) -> None:
    (tmp_path / "facts.csv").write_text("path,label\n./a.jpg,first\na.jpg,second\n")
    found = join_metadata(read_metadata(tmp_path / "facts.csv", None), ["a.jpg"], tmp_path)
    assert found["label"].tolist() == ["first"]


def test_images_may_be_named_as_they_are_or_as_they_are_shown(tmp_path: Path) -> None:
    (tmp_path / "facts.csv").write_text('path,label\n"a\\b.jpg",1\n"a\nb.jpg",2\n')
    shown = [r"a\\b.jpg", r"a\nb.jpg"]
    raw = read_metadata(tmp_path / "facts.csv", None)
    assert join_metadata(raw, shown, tmp_path)["label"].tolist() == ["1", "2"]
    assert join_metadata(raw.set_axis(shown), shown, tmp_path)["label"].tolist() == ["1", "2"]


@pytest.mark.parametrize("index", ["path", None])
def test_what_pandas_writes_of_its_index_is_a_column_if_it_has_a_name(
    index: str | None, tmp_path: Path
) -> None:
    facts = pd.DataFrame({"path": PATHS, "label": ["a", "b", "c"]})[1:]
    (facts.set_index(index) if index else facts).to_parquet(tmp_path / "facts.parquet")
    found = read_metadata(tmp_path / "facts.parquet", None)
    assert found.index.tolist() == PATHS[1:]
    assert found.columns.tolist() == ["label"]


def two_headings(file: Path) -> None:
    columns = pd.MultiIndex.from_tuples([("path", ""), ("label", "x")])
    pd.DataFrame([["a.jpg", "a"]], columns=columns).to_parquet(file)


@pytest.mark.parametrize(
    ("name", "make", "words"),
    [
        ("facts.csv", str, r"There is no file .*facts\.csv .*--labels"),
        ("facts.csv", Path.mkdir, "facts.csv is no regular file"),
        ("facts.csv", os.mkfifo, "facts.csv is no regular file"),
        ("facts.parquet", os.mkfifo, "facts.parquet is no regular file"),
        ("facts.csv.gz", lambda file: file.write_bytes(gzip.compress(b"path\na.jpg")), "is compressed.* Unpack it"),
        ("facts.csv", lambda file: file.write_bytes(gzip.compress(b"path\na.jpg")), "cannot be read"),
        ("facts.parquet", two_headings, "has no column of image paths"),
    ],
)  # fmt: skip
def test_files_that_are_no_tables_are_refused_in_words(
    name: str, make: Callable[[Path], object], words: str, tmp_path: Path
) -> None:
    make(tmp_path / name)
    with pytest.raises(ImagesError, match=words):
        read_metadata(tmp_path / name, None)


def test_twenty_thousand_columns_take_seconds(tmp_path: Path) -> None:
    names = ["width", "width_given", *(f"c{number}" for number in range(20_000))]
    lines = [["path", *names], *([path, *["v"] * len(names)] for path in PATHS)]
    (tmp_path / "wide.csv").write_text("\n".join(map(",".join, lines)))
    labels = Labels(file=tmp_path / "wide.csv")
    rows = [Row(FoundFile(path.encode(), 1, 1), "content", 1, 1) for path in PATHS]
    begin = time.process_time()
    found = gallery_table(rows, labels, labels.read())
    assert time.process_time() - begin < 15  # 2 s as a rule; 40 if each column were put to the others
    assert {"width_given", "width_given_given", "c0"} <= set(found.column_names)
    assert found.num_columns == len(names) + 7
