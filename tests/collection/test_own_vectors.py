"""Vectors that were made elsewhere: what files are taken, what is refused in which words, and spaces made of them."""

from __future__ import annotations

import io
import os
import shutil
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from PIL import Image

from dxr_dash import api
from dxr_dash.api.why import what_hiding_does
from dxr_dash.cli import cli
from dxr_dash.collection.own_vectors import read_vectors
from dxr_dash.errors import ImagesError, NetworkError, QueryError
from tests.builders import digest, picture, write_pictures

N_IMAGES = 30


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return write_pictures(tmp_path / "images", N_IMAGES)


def paths_in(images: Path) -> list[str]:
    return sorted(str(path.relative_to(images)) for path in images.rglob("*.jpg"))


def numbers(n: int = N_IMAGES, n_dims: int = 5, seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).normal(size=(n, n_dims)).astype(np.float32)


def write(file: Path, vectors: np.ndarray[Any, Any], paths: list[str] | None = None) -> Path:
    if file.suffix == ".npy":
        np.save(file, vectors)
    elif file.suffix == ".npz":
        named: dict[str, Any] = {} if paths is None else {"paths": np.array(paths, dtype=str)}
        np.savez(file, vectors=vectors, **named)
    else:
        columns = {"embedding": list(vectors)} | ({} if paths is None else {"path": paths})
        pq.write_table(pa.table(columns), file)
    return file


# Files


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".parquet"])
def test_vectors_go_to_images_by_order(suffix: str, images: Path, tmp_path: Path) -> None:
    vectors = numbers()
    report = api.build(images, tmp_path / "own.dxr", vectors=write(tmp_path / f"clip{suffix}", vectors))
    collection = api.open_collection(tmp_path / "own.dxr")
    assert report.n_images == N_IMAGES
    assert list(collection.spaces) == ["own.clip"]
    assert (collection.space().vectors == vectors).all()
    assert collection.image_size(0) == (72, 56)


@pytest.mark.parametrize("suffix", [".npz", ".parquet"])
def test_vectors_go_to_images_by_path_whatever_their_order(suffix: str, images: Path, tmp_path: Path) -> None:
    vectors, names = numbers(), paths_in(images)
    shuffled = np.random.default_rng(1).permutation(N_IMAGES)
    file = write(tmp_path / f"clip{suffix}", vectors[shuffled], [names[place] for place in shuffled])
    api.build(images, tmp_path / "own.dxr", vectors=file)
    assert (api.open_collection(tmp_path / "own.dxr").space().vectors == vectors).all()


@pytest.mark.parametrize("dtype", ["<f2", "<f8", ">f4", "u1", "<i8"])
def test_every_kind_of_number_is_taken(dtype: str, tmp_path: Path) -> None:
    vectors = np.arange(12).reshape(4, 3).astype(dtype)
    api.build(None, tmp_path / "own.dxr", vectors=write(tmp_path / "a.npy", vectors))
    found = api.open_collection(tmp_path / "own.dxr").space().vectors
    assert found.dtype == np.float32
    assert (found == vectors.astype(np.float32)).all()


def save(**arrays: Any) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        np.savez(folder / "x.npz", **arrays)
        return folder / "x.npz"

    return make


def npy(array: Any) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        np.save(folder / "x.npy", array, allow_pickle=True)
        return folder / "x.npy"

    return make


def table(**columns: Any) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        pq.write_table(pa.table(columns), folder / "x.parquet")
        return folder / "x.parquet"

    return make


def raw(name: str, content: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return make


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "x.npz")
    return folder / "x.npz"


nan = np.array([[1, 2], [3, np.nan], [5, 6]])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: folder / "none.npy", "There is no file"),
        (pipe, "is no regular file"),
        (lambda _folder: Path("/dev/zero"), "is no regular file"),
        (lambda folder: folder / ("x" * 300 + ".npy"), "There is no file .* too long"),
        (raw("x.csv", b"1,2"), r"of no kind that vectors are read from\. Give \.npy, \.npz, \.parquet"),
        (raw("x.npy", b"nonsense"), "cannot be read as vectors"),
        (raw("x.npz", b"nonsense"), "cannot be read as vectors"),
        (raw("x.parquet", b"nonsense"), "cannot be read as vectors"),
        (npy(np.array([{"a": 1}], dtype=object)), "cannot be read as vectors: it holds Python objects"),
        (save(vectors=numbers(3), paths=np.array(["a"] * 3, dtype=object)), "it holds Python objects"),
        (npy(np.zeros(7)), "has the shape 7, not n x D"),
        (npy(np.zeros((2, 3, 4))), "has the shape 2 x 3 x 4, not n x D"),
        (npy(np.zeros((0, 3))), "holds no vectors"),
        (npy(np.zeros((3, 0))), "holds no vectors"),
        (npy(np.array([["a", "b"]])), "holds <U1, not numbers"),
        (npy(np.ones((2, 2), complex)), "holds complex128, not numbers"),
        (npy(nan), r"Row 1 of .* \(counted from 0\) holds a value that is no finite number"),
        (npy(np.array([[1.0], [2.0], [np.inf]])), "Row 2 of"),
        (npy(np.array([[1e300], [2.0]])), "Row 0 of .* in single precision"),
        (save(a=numbers(3), b=numbers(3)), "holds the arrays a, b, and it is not clear"),
        (save(vectors=numbers(3), paths=np.array(["a", "b"])), "holds 3 vectors, but 2 paths"),
        (save(vectors=numbers(3), paths=np.array(["a", "b", "a"])), "names 'a' twice"),
        (save(vectors=numbers(3), paths=np.array(["a", "b", "./a"])), "names 'a' twice"),
        (save(vectors=numbers(2), paths=np.array(["a", "\ud800"])), r"names '\\ud800', which no file can be called"),
        (table(vector=[[1.0, 2.0], [3.0]]), "are of 2 lengths, 1 to 2"),
        (table(vector=[[1.0, None]]), "have missing values"),
        (table(vector=[[1.0], None]), "has rows without a vector"),
        (table(vector=[[1.0]], path=pa.array([None], pa.string())), "has rows without a path"),
        (table(path=["a"], number=[1.0]), "has no column of vectors; its columns are path, number"),
    ],
)  # fmt: skip
def test_files_that_cannot_serve_are_refused_in_words(
    make: Callable[[Path], Path], words: str, tmp_path: Path
) -> None:
    file = make(tmp_path)
    with pytest.raises(ImagesError, match=words):
        read_vectors(file)
    with pytest.raises(ImagesError, match=words):
        api.build(None, tmp_path / "own.dxr", vectors=file)
    assert not (tmp_path / "own.dxr").exists()


def test_arrays_that_are_not_asked_for_are_not_unpacked(tmp_path: Path) -> None:
    idle = np.zeros((2**23, 4), np.float32)  # 128 MiB, in a file of 130 kB
    np.savez_compressed(tmp_path / "x.npz", vectors=numbers(3), idle=idle, paths=np.array(["a", "b", "c"]))
    tracemalloc.start()
    found = read_vectors(tmp_path / "x.npz")
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (found.vectors == numbers(3)).all()
    assert found.paths == ("a", "b", "c")
    assert most < 2**24


@pytest.mark.parametrize("name", ["vectors", "paths"])
def test_an_array_that_declares_more_than_memory_should_hold_is_not_unpacked(
    name: str, tmp_path: Path
) -> None:
    head = io.BytesIO()
    declared = {"descr": "<f4", "fortran_order": False, "shape": (2**31, 2)}
    np.lib.format.write_array_header_1_0(head, declared)
    save(vectors=numbers(3), paths=np.array(["a", "b", "c"]))(tmp_path)
    with zipfile.ZipFile(tmp_path / "x.npz") as whole, zipfile.ZipFile(tmp_path / "y.npz", "w") as packed:
        for member in whole.namelist():
            packed.writestr(member, head.getvalue() if member == f"{name}.npy" else whole.read(member))
    with pytest.raises(
        ImagesError, match=rf"`{name}` of .* is of 17,179,869,184 bytes.*Save the vectors as \.npy"
    ):
        read_vectors(tmp_path / "y.npz")


@pytest.mark.parametrize("suffix", [".npz", ".parquet"])
def test_names_without_images_may_hold_any_character(suffix: str, tmp_path: Path) -> None:
    names = ["a\nb", "a\\nb", "c\0d", "./e", "é\u202e"]
    file = write(tmp_path / f"odd{suffix}", numbers(5), names)
    api.build(None, tmp_path / "own.dxr", vectors=file)
    collection = api.open_collection(tmp_path / "own.dxr")
    assert collection.paths.to_pylist() == [r"a\nb", r"a\\nb", r"c\x00d", "e", r"é\u202e"]
    assert (collection.space().vectors == numbers(5)).all()


def test_images_may_be_named_as_they_are_or_as_they_are_shown(images: Path, tmp_path: Path) -> None:
    (images / "red" / "0000.jpg").rename(images / "red" / "a\\b\n.jpg")
    names = sorted(paths_in(images), key=os.fsencode)
    shown = [name.replace("\\", "\\\\").replace("\n", "\\n") for name in names]
    for paths in (names, shown):
        api.build(images, tmp_path / "own.dxr", vectors=write(tmp_path / "clip.npz", numbers(), paths))
        assert (api.open_collection(tmp_path / "own.dxr").space().vectors == numbers()).all()


def test_vectors_that_do_not_fit_the_images_are_refused_before_an_image_is_read(
    images: Path, tmp_path: Path
) -> None:
    names = paths_in(images)
    for vectors, paths, words in [
        (numbers(29), None, "holds 29 vectors without paths, but there are 30 image files"),
        (
            numbers(30),
            [*names[:-2], "x.jpg", "y.jpg"],
            r"'x\.jpg', 'y\.jpg' of .* are not among the 30 image files",
        ),
        (numbers(28), names[:-2], r"has no vector for 2 of 30 image files: 'red/00"),
    ]:
        file = write(tmp_path / "clip.npz", vectors, paths)
        with pytest.raises(ImagesError, match=words):
            api.build(images, tmp_path / "own.dxr", vectors=file)
        assert not (tmp_path / "own.dxr").exists()


# Spaces


def test_own_vectors_join_a_networks_space_and_both_stay_up_to_date(images: Path, tmp_path: Path) -> None:
    target = tmp_path / "pictures.dxr"
    api.build(images, target, network="thingsnet", layer="fc7")
    names = paths_in(images)
    file = write(tmp_path / "clip.npz", numbers(), names)
    assert api.build(None, target, vectors=file).n_extracted == 0  # the collection knows its images
    api.build(images, target, network="thingsnet", layer="fc6")
    collection = api.open_collection(target)
    assert list(collection.spaces) == ["thingsnet.fc7", "own.clip", "thingsnet.fc6"]
    assert (collection.space("own.clip").vectors == numbers()).all()

    (images / names[4]).unlink()  # fewer images: the collection's own copy serves, even without the file
    file.rename(tmp_path / "elsewhere.npz")
    api.build(images, target, network="thingsnet", layer="fc6")
    assert (api.open_collection(target).space("own.clip").vectors == np.delete(numbers(), 4, axis=0)).all()

    picture(900).save(images / "red" / "new.jpg")  # one more: it cannot be known
    before = digest(target)
    with pytest.raises(
        ImagesError, match=r"own\.clip has no vectors for 1 new images, and .* has gone or changed"
    ):
        api.build(images, target, network="thingsnet", layer="fc6")
    assert digest(target) == before
    write(tmp_path / "clip.npz", numbers(seed=2), paths_in(images))
    api.build(images, target, vectors=tmp_path / "clip.npz")
    assert (api.open_collection(target).space("own.clip").vectors == numbers(seed=2)).all()


def test_unreadable_images_are_left_out_with_their_vectors(images: Path, tmp_path: Path) -> None:
    (images / paths_in(images)[7]).write_text("no picture")
    report = api.build(images, tmp_path / "own.dxr", vectors=write(tmp_path / "clip.npy", numbers()))
    assert (report.n_images, len(report.skipped)) == (N_IMAGES - 1, 1)
    assert (
        api.open_collection(tmp_path / "own.dxr").space().vectors == np.delete(numbers(), 7, axis=0)
    ).all()


def test_the_same_build_twice_reads_nothing_and_changes_nothing(images: Path, tmp_path: Path) -> None:
    target, file = tmp_path / "own.dxr", write(tmp_path / "clip.npy", numbers())
    assert api.build(images, target, vectors=file).n_extracted == N_IMAGES  # for the thumbnails
    before = digest(target)
    assert api.build(images, target, vectors=file).n_extracted == 0
    assert digest(target) == before


def test_a_collection_of_vectors_alone_has_names_labels_and_placeholders(tmp_path: Path) -> None:
    names = [f"word {number} <b>.txt" for number in range(12)]
    target = tmp_path / "words.dxr"
    file = write(tmp_path / "words.parquet", numbers(12), names)
    (tmp_path / "facts.csv").write_text("path,label\n" + "".join(f"{name},{len(name)}\n" for name in names))
    api.build(None, target, vectors=file, labels=tmp_path / "facts.csv")
    collection = api.open_collection(target)
    assert not collection.has_images
    assert collection.paths.to_pylist() == sorted(names)
    assert collection.label(0) == str(len("word 0 <b>.txt"))
    tiles = [Image.open(io.BytesIO(collection.thumbnail(row))) for row in range(12)]
    assert {tile.size for tile in tiles} == {(128, 128)}
    assert len({collection.thumbnail(row) for row in range(12)}) == 12
    assert collection.image_size(0) == (0, 0)
    assert collection.space().vectors.shape == (12, 5)
    before = digest(target)
    api.build(None, target, vectors=file, labels=tmp_path / "facts.csv")
    assert digest(target) == before
    api.build(
        None,
        target,
        vectors=write(tmp_path / "other.npz", numbers(12, 3), names),
        labels=tmp_path / "facts.csv",
    )
    assert list(api.open_collection(target).spaces) == ["own.words", "own.other"]


def test_rows_of_vectors_alone_are_numbered_where_they_have_no_names(tmp_path: Path) -> None:
    api.build(None, tmp_path / "own.dxr", vectors=write(tmp_path / "a.npy", numbers(12)))
    collection = api.open_collection(tmp_path / "own.dxr")
    assert collection.paths.to_pylist() == [f"{number:02d}" for number in range(1, 13)]
    assert (collection.space().vectors == numbers(12)).all()


def test_images_from_outside_are_refused_where_no_network_is_and_rows_are_not(
    images: Path, tmp_path: Path
) -> None:
    target = tmp_path / "own.dxr"
    api.build(images, target, vectors=write(tmp_path / "clip.npy", numbers()))
    collection = api.open_collection(target)
    picture(1).save(tmp_path / "given.png")
    with pytest.raises(
        NetworkError, match=r"own\.clip holds vectors that were made elsewhere.*Ask with images of"
    ):
        api.add_query_set(collection, "outside", images=tmp_path / "given.png")
    one, _ = api.add_query_set(collection, "inside", rows=range(6))
    assert api.answer(collection, one.id).verdict
    api.build(images, target, network="thingsnet", layer="fc7")
    collection = api.open_collection(target)
    both, _ = api.add_query_set(collection, "outside", images=tmp_path / "given.png")  # thingsnet can
    assert len(api.nearest(collection, both.id, space="thingsnet.fc7").rows) > 0
    with pytest.raises(NetworkError, match="made elsewhere"):
        api.nearest(collection, both.id, space="own.clip")


def test_what_needs_the_pixels_says_that_there_are_none(tmp_path: Path) -> None:
    api.build(None, tmp_path / "own.dxr", vectors=write(tmp_path / "a.npy", numbers(12)))
    collection = api.open_collection(tmp_path / "own.dxr")
    with pytest.raises(QueryError, match="own holds vectors without images"):
        what_hiding_does(collection, 0, 1)


def test_images_can_be_given_later(images: Path, tmp_path: Path) -> None:
    target = tmp_path / "own.dxr"
    file = write(tmp_path / "clip.npz", numbers(), paths_in(images))
    api.build(None, target, vectors=file)
    api.build(images, target, vectors=file)
    collection = api.open_collection(target)
    assert collection.has_images
    assert collection.image_size(0) == (72, 56)
    assert (collection.space().vectors == numbers()).all()
    shutil.rmtree(images)
    with pytest.raises(ImagesError, match="is not a folder"):
        api.build(None, target, vectors=file)


def test_the_command_takes_vectors_or_a_network_not_both(tmp_path: Path) -> None:
    file, target = write(tmp_path / "a.npy", numbers(8)), tmp_path / "own.dxr"
    both = CliRunner().invoke(
        cli, ["build", "--vectors", str(file), "--to", str(target), "--network", "alexnet"]
    )
    assert both.exit_code == 2
    assert "not both" in both.output
    neither = CliRunner().invoke(cli, ["build", "--to", str(target)])
    assert "There is nothing to build from" in neither.output
    assert CliRunner().invoke(cli, ["build", "--vectors", str(file), "--to", str(target)]).exit_code == 0
    assert "8 vectors without images" in CliRunner().invoke(cli, ["info", str(target)]).output
