"""Collections that grow and shrink: what stays keeps its place, and the graph is that of a build from nothing."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dxr_dash import api, settings
from dxr_dash.analysis.distances import METRICS
from dxr_dash.analysis.mosaic import mosaic
from dxr_dash.analysis.mosaic_growth import grow_mosaic
from dxr_dash.collection import grown_map
from dxr_dash.collection.grown_graph import grow_graph
from dxr_dash.collection.neighbours import NeighbourGraph, neighbour_graph
from dxr_dash.collection.shared_images import Shared, shared_images
from dxr_dash.collection.store import Collection
from dxr_dash.records import FloatArray, Grown, IntArray
from tests.builders import build, digest, picture, write_pictures
from tests.collection.test_build import KILLED_BUILD

K, FURTHER = 30, 8
N_IMAGES = 100


def cloud(kind: str, n: int, random: np.random.Generator) -> FloatArray:
    vectors = random.normal(size=(n, 5)).astype(np.float32)
    if kind == "copies":
        vectors = vectors[random.integers(n // 3 + 1, size=n)]
    elif kind == "zero vectors":
        vectors[random.random(n) < 0.1] = 0
    elif kind == "far from the origin":
        vectors += 100
    return vectors


def changed(
    vectors: FloatArray, n_before: int, n_removed: int, random: np.random.Generator
) -> tuple[FloatArray, FloatArray, Shared]:
    """Split a cloud into what was there before and what is there now."""
    order = random.permutation(len(vectors))
    was = np.isin(np.arange(len(vectors)), order[:n_before])
    now = ~np.isin(np.arange(len(vectors)), order[:n_removed])
    rows_before, rows_now = np.cumsum(was) - 1, np.cumsum(now) - 1
    both = was & now
    shared = Shared(rows_before[both], rows_now[both], int(was.sum()), int(now.sum()))
    return vectors[was], vectors[now], shared


def full(vectors: FloatArray, metric: str) -> NeighbourGraph:
    return neighbour_graph(vectors, metric=metric, n_neighbours=K + FURTHER, seed=0)


def grown(before: NeighbourGraph, now: FloatArray, shared: Shared, metric: str) -> NeighbourGraph:
    return grow_graph(now, before, shared, metric=metric, n_shown=K, n_columns=K + FURTHER)


@hypothesis_settings(max_examples=60)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 90),
    st.integers(0, 60),
    st.floats(0, 1),
    st.sampled_from(METRICS),
    st.sampled_from(["apart", "copies", "zero vectors", "far from the origin"]),
)
def test_a_grown_graph_is_the_one_from_scratch(
    seed: int, n_before: int, n_new: int, gone: float, metric: str, kind: str
) -> None:
    random = np.random.default_rng(seed)
    n_removed = min(int(gone * n_before), n_before + n_new - 1)
    vectors = cloud(kind, n_before + n_new, random)
    before, now, shared = changed(vectors, n_before, n_removed, random)
    found, expected = grown(full(before, metric), now, shared, metric), full(now, metric)
    k = min(K, len(now) - 1)
    np.testing.assert_array_equal(found.distances[:, :k], expected.distances[:, :k])
    if kind in {"apart", "zero vectors"} and len(now) <= K + FURTHER:
        np.testing.assert_array_equal(found.rows[:, :k], expected.rows[:, :k])
    assert all(len(set(row) - {-1}) == (row >= 0).sum() for row in found.rows)
    assert (found.rows != np.arange(len(now))[:, None]).all()


def test_a_graph_that_grows_again_and_again_stays_exact() -> None:
    random = np.random.default_rng(0)
    vectors, graph = cloud("apart", 1_000, random), None
    here = np.sort(random.choice(1_000, 700, replace=False))
    graph = full(vectors[here], "cosine")
    for _ in range(6):
        others = np.setdiff1d(np.arange(1_000), here)
        stay = np.sort(random.choice(here, len(here) - 40, replace=False))
        now = np.sort(np.concatenate([stay, random.choice(others, 30, replace=False)]))
        shared = Shared(np.searchsorted(here, stay), np.searchsorted(now, stay), len(here), len(now))
        graph = grown(graph, vectors[now], shared, "cosine")
        expected = full(vectors[now], "cosine")
        np.testing.assert_array_equal(graph.rows[:, :K], expected.rows[:, :K])
        np.testing.assert_array_equal(graph.distances[:, :K], expected.distances[:, :K])
        known = graph.rows[:, K:] >= 0  # what is in reserve is right, too, as far as it goes
        np.testing.assert_array_equal(graph.rows[:, K:][known], expected.rows[:, K:][known])
        here = now
    assert not known.all()


def test_images_whose_neighbours_have_all_gone_are_searched_again() -> None:
    random = np.random.default_rng(1)
    groups = (random.normal(size=(8, 1, 6)) * 20 + random.normal(size=(8, 60, 6))).astype(np.float32)
    vectors = groups.reshape(-1, 6)
    stay = np.concatenate([np.arange(60, 480), [5]])  # of the first group one image is left
    stay.sort()
    shared = Shared(stay, np.arange(len(stay)), 480, len(stay))
    found = grown(full(vectors, "euclidean"), vectors[stay], shared, "euclidean")
    np.testing.assert_array_equal(found.rows[:, :K], full(vectors[stay], "euclidean").rows[:, :K])


def test_an_approximate_graph_stays_as_good_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(2)
    vectors = cloud("apart", 1_500, random)
    before, now, shared = changed(vectors, 1_400, 150, random)
    method = "pynndescent"
    start = neighbour_graph(before, metric="cosine", n_neighbours=K + FURTHER, seed=0, method=method)
    found = grown(start, now, shared, "cosine")
    assert found.method == method
    assert (found.rows[:, :K] >= 0).all()
    assert (found.distances[:, :K] == full(now, "cosine").distances[:, :K]).mean() > 0.97


def test_images_are_found_again_by_path_and_then_by_content() -> None:
    before = np.array([b"a", b"b", b"b", b"c", b"d"], "S32")
    rows = {b"1": 0, b"2": 1, b"3": 2, b"4": 3, b"5": 4}
    now = np.array([b"x", b"b", b"d", b"a", b"b"], "S32")
    found = shared_images(rows, before, [b"1", b"3", b"5", b"6", b"7"], now)
    # 1 was changed, 3 and 5 are as they were; 6 is 1 renamed, 7 is 2 renamed, since 3 is taken; 4 has gone
    assert dict(zip(found.now.tolist(), found.before.tolist(), strict=True)) == {1: 2, 2: 4, 3: 0, 4: 1}
    assert (found.n_new, found.n_removed, found.new.tolist()) == (1, 1, [0])


@pytest.mark.filterwarnings("ignore")
def test_memberships_and_curve_are_those_of_umap_learn() -> None:
    random = np.random.default_rng(3)
    vectors = cloud("copies", 300, random)
    graph = full(vectors, "euclidean")
    rows = np.column_stack([np.arange(300), graph.rows[:, :14]]).astype(np.int32)
    distances = np.column_stack([np.zeros(300, np.float32), graph.distances[:, :14]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import umap.umap_ as umap

        expected, _, _ = umap.fuzzy_simplicial_set(
            vectors, 15, np.random.RandomState(0), "euclidean", knn_indices=rows, knn_dists=distances
        )
    new = np.array([0, 7, 150, 299])
    found = grown_map._new_edges(graph, new, 15)
    np.testing.assert_allclose(found[new].toarray(), expected.tocsr()[new].toarray(), atol=1e-4)
    assert found.getnnz() == found[new].getnnz()
    np.testing.assert_allclose(grown_map.curve(0.5), umap.find_ab_params(1.0, 0.5), rtol=1e-6)


def test_new_images_join_the_cluster_of_most_of_their_neighbours() -> None:
    rows = np.array([[1, 2], [0, 2], [0, 1], [1, 0], [3, 5], [4, -1]], np.int32)
    shared = Shared(np.array([0, 1, 2]), np.array([0, 1, 2]), 4, 6)  # the only image of cluster 1 has gone
    graph = NeighbourGraph(rows, np.zeros(rows.shape, np.float32), "exact")
    found = grown_map.grow_clusters(np.array([2, 2, 0, 1], np.int32), shared, graph)
    assert found.tolist() == [1, 1, 0, 1, 1, 1]


@hypothesis_settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 200), st.integers(0, 60), st.integers(0, 60))
def test_every_image_has_its_own_cell_and_old_ones_hardly_move(
    seed: int, n_before: int, n_new: int, n_gone: int
) -> None:
    random = np.random.default_rng(seed)
    n_gone = min(n_gone, n_before - 1)
    points = random.normal(size=(n_before, 2))
    before = mosaic(points, exact_limit=0)
    stay = np.sort(random.choice(n_before, n_before - n_gone, replace=False))
    rows_now = np.sort(random.choice(len(stay) + n_new, len(stay), replace=False))
    coordinates = random.normal(size=(len(stay) + n_new, 2))
    coordinates[rows_now] = points[stay]
    found = grow_mosaic(before, coordinates, rows_before=stay, rows_now=rows_now)
    assert len(np.unique(found.cells)) == len(coordinates)
    assert found.cells.min() >= 0
    assert found.cells.max() < found.columns * found.rows
    above = round((found.top - before.top) / before.cell)
    assert found.rows - before.rows in {2 * above, 2 * above + 1}
    cells = before.cells[stay] + above * before.columns
    away = np.abs(np.array(np.divmod(found.cells[rows_now], found.columns)) - np.divmod(cells, found.columns))
    assert away.max(initial=0) <= n_new
    if not n_new:
        assert not away.any()


def test_room_is_made_where_a_new_image_belongs() -> None:
    columns, side = 30, 30
    y, x = np.divmod(np.arange(columns * side), columns)
    points = np.column_stack([x, -y]).astype(np.float64)
    before = mosaic(points, exact_limit=0)
    new = np.array([[15.0, -15.0]])
    found = grow_mosaic(
        before, np.concatenate([points, new]), rows_before=np.arange(900), rows_now=np.arange(900)
    )
    row, column = divmod(int(found.cells[-1]), found.columns)
    assert abs(column - 15) + abs(row - 15) <= 5
    assert (found.cells[:-1] == before.cells).mean() > 0.97


def paths_and_places(collection: Collection, layout: str = "umap") -> dict[str, FloatArray]:
    return dict(zip(collection.paths.to_pylist(), collection.space().layout(layout).coordinates, strict=True))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("growing")
    images = write_pictures(folder / "images", N_IMAGES)
    shutil.copy(images / "red" / "0000.jpg", images / "twin.jpg")
    build(images, folder / "pictures.dxr")
    return images, folder / "pictures.dxr"


@pytest.fixture
def copy(built: tuple[Path, Path], tmp_path: Path) -> tuple[Path, Path]:
    images, target = built
    shutil.copytree(images, tmp_path / "images")
    shutil.copytree(target, tmp_path / "pictures.dxr")
    return tmp_path / "images", tmp_path / "pictures.dxr"


def change(images: Path) -> None:
    for number in range(4):
        picture(1_000 + number).save(images / "green" / f"new{number}.jpg")
    (images / "red" / "0000.jpg").unlink()
    (images / "blue" / "0005.jpg").unlink()
    (images / "blue" / "0002.jpg").rename(images / "moved.jpg")


def test_old_images_stay_where_they_are_and_the_graph_is_exact(
    copy: tuple[Path, Path], tmp_path: Path
) -> None:
    images, target = copy
    old = api.open_collection(target)
    before = {name: paths_and_places(old, name) for name in ("umap", "tsne")}
    cells = dict(zip(old.paths.to_pylist(), old.space().layout().mosaic.cells.tolist(), strict=True))
    change(images)
    report = build(images, target)
    assert report.grown == Grown(N_IMAGES + 1, 4, 2)
    now = api.open_collection(target)
    assert now.space().grown == report.grown
    for name, places in before.items():
        after = paths_and_places(now, name)
        assert np.isfinite(list(after.values())).all()
        assert (after.pop("moved.jpg") == places["blue/0002.jpg"]).all()
        stay = [path for path in after if path in places]
        assert len(stay) == N_IMAGES - 2
        assert all((after[path] == places[path]).all() for path in stay)
    grid = now.space().layout().mosaic
    stay = [path for path in now.paths.to_pylist() if path in cells]
    cell_of = dict(zip(now.paths.to_pylist(), grid.cells.tolist(), strict=True))
    assert np.mean([cell_of[path] == cells[path] for path in stay]) > 0.9
    build(images, tmp_path / "afresh" / "pictures.dxr")
    afresh = api.open_collection(tmp_path / "afresh" / "pictures.dxr")
    for name in ("neighbours", "neighbour_distances", "k_occurrence", "baseline", "vectors"):
        np.testing.assert_array_equal(getattr(now.space(), name), getattr(afresh.space(), name))
    np.testing.assert_array_equal(now.swatches, afresh.swatches)
    assert [now.thumbnail(row) for row in range(len(now))] == [
        afresh.thumbnail(row) for row in range(len(now))
    ]
    assert api.check(now.folder) == []
    build(images, target, fresh=True)
    assert digest(target) == digest(tmp_path / "afresh" / "pictures.dxr")


def test_a_grown_collection_is_left_alone_when_nothing_has_changed(copy: tuple[Path, Path]) -> None:
    images, target = copy
    change(images)
    first = build(images, target)
    whole = digest(target)
    again = build(images, target)
    assert digest(target) == whole
    assert again.grown == first.grown
    assert set(again.seconds) == {"finding images"}
    (images / "moved.jpg").unlink()
    assert build(images, target).grown == Grown(N_IMAGES + 1, 4, 3)


def test_too_many_changes_are_laid_out_afresh(copy: tuple[Path, Path], tmp_path: Path) -> None:
    images, target = copy
    limit = int(settings.GROWTH_LIMIT * (N_IMAGES + 1))
    gone = sorted(images.rglob("*.jpg"))
    for path in gone[: limit - 5]:
        path.unlink()
    assert build(images, target).grown == Grown(N_IMAGES + 1, 0, limit - 5)
    for path in gone[limit - 5 : limit + 1]:
        path.unlink()
    assert build(images, target).grown is None
    build(images, tmp_path / "afresh" / "pictures.dxr")
    assert digest(target) == digest(tmp_path / "afresh" / "pictures.dxr")


@pytest.mark.parametrize(("n_before", "n_now"), [(1, 3), (7, 8), (20, 22), (33, 38), (100, 6), (10, 9)])
def test_small_collections_grow_and_shrink(n_before: int, n_now: int, tmp_path: Path) -> None:
    images = write_pictures(tmp_path / "images", max(n_before, n_now))
    files = sorted(images.rglob("*.jpg"))
    (tmp_path / "aside").mkdir()
    for path in files[n_before:]:
        path.rename(tmp_path / "aside" / path.name)
    build(images, tmp_path / "small.dxr")
    for path in files[n_before:n_now]:
        (tmp_path / "aside" / path.name).rename(path)
    for path in files[n_now:n_before]:
        path.unlink()
    report = build(images, tmp_path / "small.dxr")
    assert (report.grown is not None) == (abs(n_now - n_before) <= settings.GROWTH_LIMIT * n_before)
    space = api.open_collection(tmp_path / "small.dxr").space()
    assert space.neighbours.shape == (n_now, min(K, n_now - 1))
    assert (space.neighbours >= 0).all()
    assert all(np.isfinite(layout.coordinates).all() for layout in space.layouts.values())
    expected = neighbour_graph(np.array(space.vectors), metric=space.metric, n_neighbours=K, seed=0)
    np.testing.assert_array_equal(space.neighbour_distances, expected.distances)


@pytest.mark.parametrize("moment", ["graph", "mosaic", "clusters"])
def test_a_growing_build_that_is_killed_goes_on_and_ends_with_the_same_bytes(
    moment: str, built: tuple[Path, Path], copy: tuple[Path, Path], tmp_path: Path
) -> None:
    images, target = copy
    change(images)
    shutil.copytree(built[1], tmp_path / "undisturbed" / "pictures.dxr")
    undisturbed = build(images, tmp_path / "undisturbed" / "pictures.dxr")
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_BUILD, str(images), str(target), moment], check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert len(api.open_collection(target)) == N_IMAGES + 1  # as it was
    assert build(images, target).grown == undisturbed.grown
    assert digest(target) == digest(tmp_path / "undisturbed" / "pictures.dxr")


def test_a_grown_step_that_was_deleted_is_made_afresh(copy: tuple[Path, Path]) -> None:
    images, target = copy
    change(images)
    assert build(images, target).grown is not None
    shutil.rmtree(next(target.glob("steps/graph-*")))
    assert build(images, target).grown is None
    assert api.check(target) == []


def test_tsne_that_is_asked_for_later_is_drawn_whole(
    copy: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "TSNE_LIMIT", 10)
    images, target = copy[0], tmp_path / "other.dxr"
    build(images, target)
    change(images)
    assert build(images, target).grown is not None
    places = paths_and_places(api.open_collection(target))
    report = build(images, target, tsne=True)
    assert report.grown is not None
    assert {"tsne", "mosaic"} <= set(report.seconds)
    assert "map" not in report.seconds
    picture(2_000).save(images / "another.jpg")
    tsne = paths_and_places(api.open_collection(target), "tsne")
    build(images, target)
    now = api.open_collection(target)
    assert all((paths_and_places(now)[path] == place).all() for path, place in places.items())
    assert all((paths_and_places(now, "tsne")[path] == place).all() for path, place in tsne.items())


def test_own_vectors_that_have_changed_count_as_new(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    vectors = random.normal(size=(60, 8)).astype(np.float32)
    names = np.array([f"{row:03d}" for row in range(60)])
    file, target = tmp_path / "mine.npz", tmp_path / "words.dxr"
    np.savez(file, vectors=vectors, paths=names)
    api.build(None, target, vectors=file)
    before = paths_and_places(api.open_collection(target))
    vectors[:3] = random.normal(size=(3, 8))
    np.savez(file, vectors=vectors, paths=names)
    os.utime(file, ns=(1, 1))
    report = api.build(None, target, vectors=file)
    assert report.grown == Grown(60, 3, 3)
    after = paths_and_places(api.open_collection(target))
    assert [name for name in names.tolist() if not (before[name] == after[name]).all()] == [
        "000",
        "001",
        "002",
    ]


def rows_of(collection: Collection, paths: list[str]) -> IntArray:
    return np.array([collection.paths.to_pylist().index(path) for path in paths])


def test_recipes_keep_what_they_have_learnt_until_the_next_full_layout(
    copy: tuple[Path, Path], tmp_path: Path
) -> None:
    images, target = copy[0], tmp_path / "white.dxr"
    options = {"network": "thingsnet", "layer": "fc7", "recipe": "pca:6:whiten,l2"}
    api.build(images, target, **options)  # type: ignore[arg-type]
    old = api.open_collection(target)
    before, paths = np.array(old.space().vectors), old.paths.to_pylist()
    change(images)
    assert api.build(images, target, **options).grown is not None  # type: ignore[arg-type]
    now = api.open_collection(target)
    stay = [path for path in paths if path in now.paths.to_pylist()]
    np.testing.assert_array_equal(before[rows_of(old, stay)], now.space().vectors[rows_of(now, stay)])
    raw = np.load(next(target.glob("steps/vectors-*/vectors.npy")))
    np.testing.assert_allclose(now.space().process(raw), now.space().vectors, atol=1e-5)
    api.build(images, target, fresh=True, **options)  # type: ignore[arg-type]
    api.build(images, tmp_path / "afresh" / "white.dxr", **options)  # type: ignore[arg-type]
    assert digest(target) == digest(tmp_path / "afresh" / "white.dxr")
