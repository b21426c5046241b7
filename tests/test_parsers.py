"""Whatever is read from outside is either right or refused in our words: never a traceback, never another answer."""

from __future__ import annotations

import json
import shutil
import struct
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from dxr_dash import api
from dxr_dash.browser.commands import carry_out
from dxr_dash.browser.server import create_app
from dxr_dash.browser.state import Selection
from dxr_dash.collection.gallery import Labels
from dxr_dash.collection.manifest import MANIFEST
from dxr_dash.collection.own_vectors import read_vectors
from dxr_dash.collection.store import Collection
from dxr_dash.errors import CollectionError, DxrError, ImagesError
from tests.builders import build, change_manifest, digest, write_pictures

N_IMAGES = 12
fuzz = hypothesis.settings(
    max_examples=80,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(10**300, 10**400)
    | st.floats()
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
PLACES = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("parsed")
    build(write_pictures(folder / "images", N_IMAGES), folder / "x.dxr", labels="folder")
    api.add_query_set(api.open_collection(folder / "x.dxr"), "some", rows=[0, 1, 2])
    yield folder / "x.dxr"
    assert api.check(folder / "x.dxr") == []


@pytest.fixture(scope="module")
def collection(target: Path) -> Collection:
    return api.open_collection(target)


def altered(data: bytes, places: list[tuple[float, int]]) -> bytes:
    changed = bytearray(data)
    for place, value in places:
        changed[int(place * len(changed))] ^= value
    return bytes(changed)


def use(folder: Path) -> None:
    """Read all that the page and the report read."""
    found = api.open_collection(folder).hold()
    assert len(found) == N_IMAGES
    for name in found.metadata_columns:
        found.column(name)
    for row in range(len(found)):
        assert found.thumbnail(row)
        found.metadata(row)
    assert found.skipped == ()
    for one in found.query_sets.values():
        assert set(one.rows) <= set(range(N_IMAGES))


# What dxr has written itself, and a disk or a hand has changed


@fuzz
@given(PLACES, st.sampled_from([0, 0.3, 0.99, 1]))
def test_a_changed_manifest_is_refused_or_means_the_same(
    target: Path, places: list[tuple[float, int]], share: float
) -> None:
    path = target / MANIFEST
    whole = path.read_bytes()
    try:
        path.write_bytes(
            altered(whole[: int(len(whole) * share)] or b" ", places) if share < 1 else altered(whole, places)
        )
        with suppress(CollectionError):
            assert api.open_collection(target).manifest == json.loads(whole)
    finally:
        path.write_bytes(whole)


@fuzz
@given(JSON)
def test_a_manifest_that_is_other_json_is_refused(target: Path, value: Any) -> None:
    path = target / MANIFEST
    whole = path.read_bytes()
    try:
        path.write_text(json.dumps(value))
        with pytest.raises(CollectionError):
            api.open_collection(target)
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize(
    ("form", "words"),
    [(2, "newer dxr.*pip install --upgrade"), (0, "older dxr.*dxr build"), ("1", "damaged")],
)
def test_another_format_is_refused_with_what_to_run(
    target: Path, tmp_path: Path, form: object, words: str
) -> None:
    shutil.copytree(target, tmp_path / "x.dxr")
    change_manifest(tmp_path / "x.dxr", lambda manifest: manifest.update(format=form))
    for ask in (api.open_collection, api.check, lambda folder: build(target.parent / "images", folder)):
        with pytest.raises(CollectionError, match=words):
            ask(tmp_path / "x.dxr")


def test_a_damaged_manifest_is_mended_as_its_message_says(target: Path, tmp_path: Path) -> None:
    copy = tmp_path / "x.dxr"
    shutil.copytree(target, copy)
    (copy / MANIFEST).write_bytes(b"{")
    with pytest.raises(CollectionError, match=r"Delete .*manifest.json and run the `dxr build`"):
        api.open_collection(copy)
    (copy / MANIFEST).unlink()
    build(target.parent / "images", copy, labels="folder")
    assert digest(copy) == digest(target)


@fuzz
@given(
    st.sampled_from(
        ["images.parquet", "skipped.parquet", "thumbnails.offsets.npy", "coordinates.npy", "mosaic.json"]
    ),
    PLACES,
)
def test_a_changed_step_is_found_by_check_and_opens_in_words_or_not_at_all(
    target: Path, name: str, places: list[tuple[float, int]]
) -> None:
    path = next(target.glob(f"steps/*/{name}"))
    whole = path.read_bytes()
    changed = altered(whole, places)
    try:
        path.write_bytes(changed)
        assert any(name in line for line in api.check(target)) == (changed != whole)
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(DxrError):
            use(target)
    finally:
        path.write_bytes(whole)


@fuzz
@given(
    st.dictionaries(
        st.sampled_from(["name", "gallery", "outside", "control", "colour", "order"]), JSON, min_size=1
    )
)
def test_a_damaged_query_set_costs_only_itself(target: Path, facts: dict[str, Any]) -> None:
    path = target / "queries" / "some" / "query.json"
    whole = path.read_bytes()
    try:
        path.write_text(json.dumps({**json.loads(whole), **facts}))
        found = api.open_collection(target).query_sets
        assert set(found) <= {"some"}
        assert found or any("query.json" in line for line in api.check(target))
        path.write_text(json.dumps(facts))
        assert api.open_collection(target).query_sets == {}
    finally:
        path.write_bytes(whole)


# What comes from the browser

KEYS = sorted(Selection("", "").dump())


@fuzz
@given(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=6))
def test_a_page_state_is_read_or_refused(collection: Collection, data: dict[str, Any]) -> None:
    with suppress(DxrError):
        found = Selection.parse({**data, "fingerprint": collection.fingerprint}, collection)
        assert Selection.parse(found.dump(), collection) == found


WORDS = st.text(max_size=12) | st.sampled_from(
    ["r3", "s.some", "label=1", "cluster=0", "1,2,3", "nan,1", "1e999", "9" * 400]
)


@fuzz
@given(
    st.dictionaries(
        st.text(max_size=6) | st.sampled_from(["sets", "focus", "lasso", "pick", "view", "queries"]), WORDS
    )
)
def test_an_address_always_gives_a_page(collection: Collection, words: dict[str, str]) -> None:
    from urllib.parse import urlencode

    found, _ = Selection.closest("?" + urlencode(words, errors="replace"), collection)
    assert Selection.parse(found.dump(), collection) == found


@fuzz
@given(st.text(max_size=60))
def test_any_text_as_address_gives_a_page(collection: Collection, text: str) -> None:
    found, _ = Selection.closest(text, collection)
    assert found.space in collection.spaces


@fuzz
@given(
    st.sampled_from(["open", "merge", "rename", "control", "restore", "open-line", "save", "x"]),
    st.dictionaries(
        st.sampled_from(["set", "name", "control", "queries", "selection", "code", "by", "space", "search"]),
        JSON,
    ),
)
def test_a_command_is_carried_out_or_refused(collection: Collection, do: str, rest: dict[str, Any]) -> None:
    with suppress(DxrError):
        carry_out(collection, {**rest, "do": do, "fingerprint": collection.fingerprint})
    nothing: list[object] = [rest, [], None, do]
    for one in nothing:
        with pytest.raises(DxrError):
            carry_out(collection, one)


@fuzz
@given(
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30), st.sampled_from(["GET", "POST"])
)
def test_no_address_makes_the_server_fail(collection: Collection, path: str, method: str) -> None:
    from urllib.parse import quote

    client = _client(collection)
    for start in ("", "thumbnails/", "slivers/", "scan/", "rankings/", "coordinates/"):
        assert client.open(f"/{start}{quote(path)}", method=method).status_code < 500


_clients: dict[str, Any] = {}


def _client(collection: Collection) -> Any:
    key = str(collection.folder)
    if key not in _clients:
        _clients[key] = create_app(collection).server.test_client()
    return _clients[key]


# Vectors and labels of one's own


def npy(shape: str, kind: str = "<f4", data: bytes = b"") -> bytes:
    head = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    head += b" " * (-(len(head) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + data


@pytest.mark.parametrize(
    "data",
    [
        *(
            b"",
            b"\x93NUMPY",
            npy("(1000000000000, 512)"),
            npy("(-1, 3)"),
            npy("(9" + "9" * 30 + ", 3)"),
            npy("()"),
        ),
        *(npy("(2, 0)"), npy("(" * 400), npy("(2, 3", "<f4", bytes(24)), npy("(2, 3)", "<c8", bytes(48))),
        *(
            npy("(2, 3)", "|b1", bytes(6)),
            npy("(2, 3)", "<U2", bytes(48)),
            npy("(1, 2, 3)", "<f4", bytes(24)),
        ),
        npy("(2, 3)", "|O", b"cos\nsystem\n(S'false'\ntR."),
        npy("(2, 3)", "<f8", struct.pack("<6d", *[1e300] * 6)),
        npy("(2, 3)", "<f4", struct.pack("<6f", 1, 2, float("nan"), 4, 5, 6)),
    ],
)
@pytest.mark.parametrize("suffix", [".npy", ".npz", ".parquet"])
def test_vectors_that_are_none_are_refused_in_words(data: bytes, suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"vectors{suffix}"
    if suffix == ".npz":
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.writestr("vectors.npy", data)
    else:
        file.write_bytes(data)
    with pytest.raises(ImagesError, match=r"vectors\.np|vectors\.parquet"):
        read_vectors(file)


def whole_files(folder: Path) -> dict[str, bytes]:
    vectors = np.arange(24, dtype=np.float32).reshape(6, 4)
    np.save(folder / "a.npy", vectors)
    np.savez_compressed(folder / "a.npz", vectors=vectors, paths=np.array([f"{i}.jpg" for i in range(6)]))
    table = pa.table({"path": [f"{i}.jpg" for i in range(6)], "vector": vectors.tolist()})
    pq.write_table(table, folder / "a.parquet")
    return {suffix: (folder / f"a{suffix}").read_bytes() for suffix in (".npy", ".npz", ".parquet")}


@fuzz
@given(st.sampled_from([".npy", ".npz", ".parquet"]), PLACES, st.sampled_from([0.1, 0.5, 0.9, 1]))
def test_changed_vectors_are_refused_or_are_numbers(
    tmp_path: Path, suffix: str, places: list[tuple[float, int]], share: float
) -> None:
    whole = whole_files(tmp_path)[suffix]
    file = tmp_path / f"b{suffix}"
    file.write_bytes(altered(whole[: int(share * len(whole))], places))
    with suppress(ImagesError):
        found = read_vectors(file)
        assert found.vectors.ndim == 2
        assert np.isfinite(np.asarray(found.vectors, np.float32)).all()


def test_rows_of_zeros_are_far_from_everything_and_break_nothing(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).normal(size=(20, 8)).astype(np.float32)
    vectors[[3, 7]] = 0
    np.save(tmp_path / "v.npy", vectors)
    api.build(None, tmp_path / "x.dxr", vectors=tmp_path / "v.npy")
    space = api.open_collection(tmp_path / "x.dxr").space()
    assert np.isfinite(space.coordinates).all()
    assert np.isfinite(np.asarray(space.neighbour_distances)).all()
    assert api.check(tmp_path / "x.dxr") == []


CELL = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ['"', ",", "\n", "0000.jpg", "=1+1"]
)


@fuzz
@given(
    st.lists(
        st.sampled_from(["path", "label", "kind", "width", "width_given", "file", "", "content"]) | CELL,
        max_size=5,
    ),
    st.lists(st.lists(CELL, max_size=6), max_size=5),
    st.sampled_from([None, "label", "kind", "path", "nothing"]),
)
def test_a_table_of_labels_is_read_or_refused(
    tmp_path: Path, header: list[str], rows: list[list[str]], column: str | None
) -> None:
    import csv

    file = tmp_path / "labels.csv"
    with file.open("w", newline="") as text:
        csv.writer(text).writerows([header, *rows])
    _check_labels(file, column)


@fuzz
@given(st.binary(max_size=200), st.sampled_from(["labels.csv", "labels.parquet"]))
def test_any_bytes_as_labels_are_read_or_refused(tmp_path: Path, data: bytes, name: str) -> None:
    (tmp_path / name).write_bytes(data)
    _check_labels(tmp_path / name, None)


@pytest.mark.parametrize(
    "more",
    [{"label": [1.5, None]}, {"label": [["a"], ["b"]]}, {"label": [{"a": 1}, {"a": 2}]}, {"label": [b"\xff", b"\x00"]},
     {"label": [True, False]}, {"label": ["a", "b"], "kind": ["c", "d"]},
     {"path_bytes": [1, 2], "path_bytes_given": [3, 4]},
     {"label": pd.to_datetime(["2015-12-01", "2016-01-02"])}, {"label": pd.Categorical(["x", "y"])}],
)  # fmt: skip
@pytest.mark.parametrize("column", [None, "kind"])
def test_labels_of_every_type_can_be_built_with_or_are_refused(
    target: Path, tmp_path: Path, more: dict[str, Any], column: str | None
) -> None:
    file = tmp_path / "labels.parquet"
    pd.DataFrame({"path": ["red/0000.jpg", "red/0003.jpg"], **more}).to_parquet(file)
    if column is not None and column not in more:
        with pytest.raises(ImagesError, match=r"no column `kind`|which is no text"):
            Labels(file=file, column=column).read()
        return
    copy = tmp_path / "x.dxr"
    shutil.copytree(target, copy)
    with suppress(ImagesError):
        build(target.parent / "images", copy, labels=file, label_column=column)
    use(copy)
    assert api.check(copy) == []


def _check_labels(file: Path, column: str | None) -> None:
    from dxr_dash.collection.gallery import gallery_table

    labels = Labels(file=file, column=column)
    with suppress(ImagesError):
        table = labels.read()
        paths = [*table.index[:3], "other.jpg"] if table is not None else []
        joined = labels.join(table, [str(path) for path in paths])
        assert joined is not None
        assert len(joined) == len(paths)
        names = [*gallery_table([], Labels(), None).column_names, *map(str, joined.columns)]
        assert len(set(names)) == len(names)
