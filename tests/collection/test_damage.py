"""What a disk or a hand has changed is named, in words, and never becomes the truth."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dxr_dash import api
from dxr_dash.collection.store import Collection
from dxr_dash.errors import CollectionError, DxrError
from tests.builders import build, change_manifest, digest, picture, write_pictures

N_IMAGES = 24
Change = Callable[[Path], object]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with images, x.dxr of them, and grown.dxr of them and one more."""
    folder = tmp_path_factory.mktemp("damage")
    build(write_pictures(folder / "images", N_IMAGES), folder / "x.dxr", labels="folder")
    shutil.copytree(folder / "x.dxr", folder / "grown.dxr")
    shutil.copytree(folder / "images", folder / "more")
    picture(900).save(folder / "more" / "red" / "new.jpg")
    build(folder / "more", folder / "grown.dxr", labels="folder")
    collection = api.open_collection(folder / "x.dxr")
    api.add_query_set(collection, "some", rows=[0, 1, 2])
    api.add_query_set(collection, "outside", images=write_pictures(folder / "faces", 3, first_seed=50))
    return folder


@pytest.fixture
def copy(built: Path, tmp_path: Path) -> Path:
    shutil.copytree(built / "x.dxr", tmp_path / "x.dxr")
    return tmp_path / "x.dxr"


def flip(path: Path) -> None:
    """Turn a bit in the last byte."""
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


def far(path: Path) -> None:
    """Put a number into an array that points nowhere."""
    array = np.load(path)
    array.flat[1] = 2**30
    np.save(path, array)


def one(target: Path, pattern: str) -> Path:
    return next(target.glob(pattern))


def use(target: Path) -> Collection:
    """Read all that the page reads."""
    found = api.open_collection(target).hold()
    for row in range(len(found)):
        assert found.thumbnail(row)
    for space in found.spaces.values():
        assert len(space.cluster_names)
    return found


# What a build makes of it


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("vectors-*/vectors.npy", flip),
        ("thumbnails-*/thumbnails.bin", flip),
        ("swatches-*/swatches.npy", flip),
        ("graph-*/further_distances.npy", flip),
        ("graph-*/neighbours.npy", far),
        ("map-*/coordinates.npy", flip),
        ("tsne-*/coordinates.npy", flip),
        ("mosaic-*/cells.npy", far),
        ("clusters-*/clusters.npy", far),
        ("clusters-*/representatives.npy", far),
    ],
)
def test_a_grown_collection_takes_over_nothing_that_is_damaged(
    built: Path, copy: Path, file: str, damage: Change
) -> None:
    damage(one(copy, f"steps/{file}"))
    build(built / "more", copy, labels="folder")
    assert api.check(copy) == []
    found, right = use(copy), api.open_collection(built / "grown.dxr")
    assert np.array_equal(found.space().vectors, right.space().vectors)
    assert np.array_equal(found.space().neighbours, right.space().neighbours)
    assert np.array_equal(found.swatches, right.swatches)
    assert all(found.thumbnail(row) == right.thumbnail(row) for row in range(N_IMAGES + 1))


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("gallery-*/images.parquet", cut),
        ("gallery-*/images.parquet", folder_instead),
        ("gallery-*/skipped.parquet", empty),
        ("gallery-*/skipped.parquet", folder_instead),
        ("vectors-*/vectors.npy", cut),
        ("graph-*/neighbours.npy", cut),
        ("graph-*/graph.json", empty),
        ("map-*/coordinates.npy", folder_instead),
    ],
)
def test_the_same_build_mends_what_it_reads(built: Path, copy: Path, file: str, damage: Change) -> None:
    before = digest(copy)
    damage(one(copy, f"steps/{file}"))
    build(built / "images", copy, labels="folder")
    assert digest(copy) == before


def test_damage_is_not_hidden_by_what_is_made_from_it(built: Path, copy: Path) -> None:
    flip(one(copy, "steps/vectors-*/vectors.npy"))
    shutil.rmtree(one(copy, "steps/baseline-*"))
    build(built / "images", copy, labels="folder")
    assert api.check(copy) == []
    assert digest(copy) == digest(built / "x.dxr")


def test_a_build_that_cannot_mend_leaves_what_is_there(built: Path, copy: Path, tmp_path: Path) -> None:
    flip(one(copy, "steps/vectors-*/vectors.npy"))
    before = digest(copy)
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "a.jpg").write_bytes(b"no image")
    with pytest.raises(DxrError):
        build(tmp_path / "none", copy)
    assert digest(copy).items() >= before.items()


def test_own_vectors_that_are_damaged_are_read_from_their_file_again(tmp_path: Path) -> None:
    names = [f"{number:02d}" for number in range(N_IMAGES)]
    vectors = np.random.default_rng(0).normal(size=(N_IMAGES, 8)).astype(np.float32)
    np.savez(tmp_path / "v.npz", vectors=vectors, paths=np.array(names))
    api.build(None, tmp_path / "x.dxr", vectors=tmp_path / "v.npz")
    flip(one(tmp_path, "x.dxr/steps/vectors-*/vectors.npy"))
    shutil.rmtree(one(tmp_path, "x.dxr/steps/graph-*"))
    api.build(None, tmp_path / "x.dxr", vectors=tmp_path / "v.npz")
    assert np.array_equal(api.open_collection(tmp_path / "x.dxr").space().vectors, vectors)
    assert api.check(tmp_path / "x.dxr") == []


# What opening makes of it


@pytest.mark.parametrize(
    "file",
    [
        "graph-*/neighbours.npy",
        "mosaic-*/cells.npy",
        "clusters-*/clusters.npy",
        "clusters-*/representatives.npy",
    ],
)
def test_numbers_that_point_nowhere_are_refused(copy: Path, file: str) -> None:
    far(one(copy, f"steps/{file}"))
    with pytest.raises(CollectionError, match=rf"{file.partition('/')[2]} is damaged \(its numbers are not"):
        use(copy)


@pytest.mark.parametrize("places", [[0, 10], [0, -5, *range(2, N_IMAGES + 1)], [*range(N_IMAGES, -1, -1)]])
def test_thumbnails_whose_places_do_not_fit_are_refused(copy: Path, places: list[int]) -> None:
    np.save(one(copy, "steps/thumbnails-*/thumbnails.offsets.npy"), np.array(places, np.int64))
    with pytest.raises(CollectionError, match=r"thumbnails\.offsets\.npy is damaged"):
        api.open_collection(copy)


@pytest.mark.parametrize(
    ("file", "facts"),
    [
        ("mosaic-*/mosaic.json", {"columns": None}),
        ("mosaic-*/mosaic.json", {"columns": 1, "rows": 2}),
        ("mosaic-*/mosaic.json", {"cell": "x"}),
        ("honesty-*/honesty.json", {"honesty_k": None}),
        ("honesty-*/honesty.json", {"trustworthiness": [1]}),
    ],
)
def test_facts_of_a_layout_that_are_others_are_refused(copy: Path, file: str, facts: dict[str, Any]) -> None:
    path = one(copy, f"steps/{file}")
    path.write_text(json.dumps({**json.loads(path.read_text()), **facts}))
    with pytest.raises(CollectionError, match=r"\.json is damaged"):
        use(copy)
    path.write_text("null")
    with pytest.raises(CollectionError, match=r"\.json is damaged"):
        use(copy)


LIES: list[Callable[[dict[str, Any]], object]] = [
    lambda manifest: manifest.update(spaces=[]),
    lambda manifest: manifest.update(spaces={}),
    lambda manifest: manifest.update(spaces={manifest["default_space"]: {}}),
    lambda manifest: manifest.pop("name"),
    lambda manifest: manifest.update(n_images="x"),
    lambda manifest: manifest.update(gallery=5),
    lambda manifest: manifest.update(gallery="../../images"),
    lambda manifest: manifest.update(default_space="x"),
    lambda manifest: [manifest.pop(key) for key in list(manifest) if key != "format"],
]


@pytest.mark.parametrize("lie", LIES)
def test_a_manifest_that_lies_with_a_right_fingerprint_is_refused(
    built: Path, copy: Path, lie: Callable[[dict[str, Any]], object]
) -> None:
    change_manifest(copy, lie)
    for ask in (api.open_collection, api.check, lambda folder: build(built / "images", folder)):
        with pytest.raises(CollectionError, match=r"manifest\.json is damaged"):
            ask(copy)


def test_a_number_of_images_that_is_none_is_refused(copy: Path) -> None:
    change_manifest(copy, lambda manifest: manifest.update(n_images=N_IMAGES + 1))
    with pytest.raises(CollectionError, match="is damaged"):
        use(copy)


# Query sets


@pytest.mark.parametrize(
    "rows",
    [
        np.array([b"a"]),
        np.array(["a"]),
        np.array([1, 2]).astype("M8[s]"),
        np.array([(1, 2)], "i4,i4"),
        np.int64(5),
        np.array([[1, 2]]),
        np.array([1.5]),
        np.array([1, N_IMAGES]),
        np.array([-1, 3]),
    ],
)
def test_a_set_whose_rows_are_none_is_left_out_and_the_others_stay(copy: Path, rows: Any) -> None:
    np.save(copy / "queries" / "some" / "rows.npy", rows)
    assert list(api.open_collection(copy).query_sets) == ["outside"]


@pytest.mark.parametrize(
    "members", [{"x": [1]}, {"content": [1], "path_bytes": [2]}, {"content": [None], "path_bytes": [b"a"]}]
)
def test_a_set_whose_members_are_none_is_left_out_where_they_are_asked_for(
    built: Path, copy: Path, members: dict[str, list[Any]]
) -> None:
    pq.write_table(pa.table(members), copy / "queries" / "some" / "members.parquet")
    build(built / "more", copy, labels="folder")
    assert list(api.open_collection(copy).query_sets) == ["outside"]


def test_vectors_of_another_width_are_refused(copy: Path) -> None:
    path = one(copy, "queries/outside/vectors.*.npy")
    np.save(path, np.load(path)[:, :5])
    collection = api.open_collection(copy)
    with pytest.raises(CollectionError, match="is damaged"):
        api.query_vectors(collection.query_sets["outside"], collection.space())


# What check says


@pytest.mark.parametrize(
    "listing",
    [
        "{}",
        '{"a": {"bytes": Infinity, "blake2b": "x"}}',
        '{"a": {"bytes": 1e400, "blake2b": "x"}}',
        '{"/etc/passwd": {"bytes": 1, "blake2b": "x"}}',
        '{"../x": {"bytes": 1, "blake2b": "x"}}',
        json.dumps({"a" * 300: {"bytes": 1, "blake2b": "x"}}),
    ],
)
def test_a_list_of_files_that_is_none_is_named(copy: Path, listing: str) -> None:
    one(copy, "steps/graph-*/files.json").write_text(listing)
    (problem,) = api.check(copy)
    assert "files.json is damaged" in problem


def test_files_that_nobody_listed_are_named(copy: Path) -> None:
    for folder in (one(copy, "steps/vectors-*"), copy / "queries" / "some"):
        (folder / "extra.bin").write_text("x")
        (folder / ".hidden").write_text("x")
    problems = api.check(copy)
    assert len(problems) == 2
    assert all("extra.bin is none of the files that dxr wrote there" in problem for problem in problems)


@pytest.mark.parametrize("name", ["queries", "queries/some", "scans", "scans/0123456789abcdef0123"])
@pytest.mark.parametrize("instead", ["file", "link"])
def test_a_file_or_a_link_in_place_of_a_folder_is_named(copy: Path, name: str, instead: str) -> None:
    path = copy / name
    shutil.rmtree(path, ignore_errors=True)
    path.parent.mkdir(exist_ok=True)
    if instead == "file":
        path.write_text("x")
    else:
        path.symlink_to(path.name)
    (problem,) = api.check(copy)
    assert f"{name} is no folder" in problem


def test_a_scan_where_no_scan_can_be_is_refused_in_words(copy: Path) -> None:
    (copy / "scans").write_text("x")
    with pytest.raises(CollectionError, match="scans cannot be read or written"):
        api.scan(api.open_collection(copy), "cluster")


def test_lines_of_a_scan_that_are_damaged_are_refused_in_words(copy: Path) -> None:
    api.scan(api.open_collection(copy), "label")
    cut(one(copy, "scans/*/lines.parquet"))
    with pytest.raises(CollectionError, match=r"lines\.parquet is damaged"):
        api.scan(api.open_collection(copy), "label")


def test_another_name_of_a_set_is_named_and_sets_of_older_dxr_are_read(copy: Path) -> None:
    path = copy / "queries" / "some" / "query.json"
    facts = json.loads(path.read_text())
    path.write_text(json.dumps({**facts, "name": "none"}))
    (problem,) = api.check(copy)
    assert "query.json is damaged" in problem
    del facts["fingerprint"]
    path.write_text(json.dumps(facts))
    assert api.check(copy) == []
    api.rename_query_set(api.open_collection(copy), "some", "another")
    assert api.check(copy) == []
    assert api.open_collection(copy).query_sets["some"].name == "another"


def test_vectors_that_a_set_got_later_are_checked(copy: Path) -> None:
    path = one(copy, "queries/outside/vectors.*.npy")
    right = path.read_bytes()
    path.unlink()
    listing = json.loads((path.parent / "files.json").read_text())
    del listing[path.name]
    (path.parent / "files.json").write_text(json.dumps(listing))
    collection = api.open_collection(copy)
    api.query_vectors(collection.query_sets["outside"], collection.space())
    assert path.read_bytes() == right
    assert api.check(copy) == []
    flip(path)
    (problem,) = api.check(copy)
    assert f"{path.name} has been altered" in problem


# Names, and notes


@pytest.mark.skipif(os.name == "nt", reason="all names are UTF-8 there")
def test_a_folder_whose_name_is_no_text_is_built_opened_and_checked(built: Path, tmp_path: Path) -> None:
    target = tmp_path / "bad\udcff.dxr"
    build(built / "images", target, labels="folder")
    api.add_query_set(use(target), "some", rows=[1])
    assert list(api.open_collection(target).query_sets) == ["some"]
    assert api.check(target) == []


def test_a_note_of_a_removal_that_is_none_says_that_it_can_be_deleted(copy: Path) -> None:
    (copy / ".removing.json").write_text("{")
    with pytest.raises(CollectionError, match=r"\.removing\.json is damaged.*Delete it, then run the same"):
        api.remove_spaces(copy, ["x"])
