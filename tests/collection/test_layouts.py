"""Layouts on the disk: mosaic, trust and t-SNE, in new collections and in those of an older dxr."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dxr_dash import api, settings
from dxr_dash.analysis.honesty import kept_neighbours, trustworthiness
from dxr_dash.collection.map2d import tsne_coordinates
from dxr_dash.collection.neighbours import NeighbourGraph, neighbour_graph
from dxr_dash.errors import CollectionError, QueryError
from dxr_dash.records import FloatArray
from tests.builders import build, change_manifest, digest, write_pictures

N_IMAGES = 60


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("layouts")
    images = write_pictures(folder / "images", N_IMAGES)
    build(images, folder / "pictures.dxr")
    return images, folder / "pictures.dxr"


@pytest.fixture
def copy(built: tuple[Path, Path], tmp_path: Path) -> tuple[Path, Path]:
    images, target = built
    return images, shutil.copytree(target, tmp_path / "pictures.dxr")


def age(target: Path) -> None:
    """Turn a collection into what dxr made before there were layouts."""

    def without_layouts(manifest: dict[str, Any]) -> None:
        del manifest["swatches"]
        for facts in manifest["spaces"].values():
            del facts["layouts"]

    change_manifest(target, without_layouts)
    for name in ("swatches", "mosaic", "honesty", "tsne"):
        for step in target.glob(f"steps/{name}-*"):
            shutil.rmtree(step)


def tsne(vectors: FloatArray, graph: NeighbourGraph | None = None) -> FloatArray:
    if graph is None:
        graph = neighbour_graph(vectors, metric="cosine", n_neighbours=30, seed=0)
    return tsne_coordinates(vectors, graph, metric="cosine", perplexity=15, seed=0)


def random_vectors(n_images: int) -> FloatArray:
    return np.random.default_rng(n_images).normal(size=(n_images, 8)).astype(np.float32)


def test_a_small_collection_has_both_layouts_umap_first(built: tuple[Path, Path]) -> None:
    space = api.open_collection(built[1]).space()
    assert [(one.name, one.title) for one in space.layouts.values()] == [("umap", "UMAP"), ("tsne", "t-SNE")]
    assert space.layout() is space.layout("umap") is space.layouts["umap"]
    assert (space.coordinates == space.layout().coordinates).all()
    assert not (space.layout("tsne").coordinates == space.coordinates).all()


@pytest.mark.parametrize("name", ["umap", "tsne"])
def test_every_layout_has_its_mosaic_and_its_measures(name: str, built: tuple[Path, Path]) -> None:
    space = api.open_collection(built[1]).space()
    layout = space.layout(name)
    grid = layout.mosaic
    assert grid.method == "exact"
    assert len(np.unique(grid.cells)) == N_IMAGES
    assert layout.positions.dtype == np.float32
    moved = np.linalg.norm(layout.positions - layout.coordinates, axis=1) / grid.cell
    assert moved.mean() == pytest.approx(grid.displacement, rel=1e-4)
    top_left = layout.positions[grid.cells == grid.cells.min()][0]
    assert top_left[1] == layout.positions[:, 1].max()  # row 0 is at the top
    assert layout.honesty_k == settings.HONESTY_K
    expected = kept_neighbours(space.neighbours, layout.coordinates, settings.HONESTY_K)
    np.testing.assert_array_equal(layout.kept, expected)
    assert layout.neighbours_kept == pytest.approx(expected.mean())
    options = {"metric": space.metric, "k": layout.honesty_k, "sample": N_IMAGES, "seed": 0}
    assert layout.trustworthiness == trustworthiness(space.vectors, layout.coordinates, **options)  # type: ignore[arg-type]


def test_the_lasso_catches_what_lies_inside_in_each_picture(built: tuple[Path, Path]) -> None:
    collection = api.open_collection(built[1])
    for name in ("umap", "tsne"):
        layout = collection.space().layout(name)
        for points, mosaic in ((layout.coordinates, False), (layout.positions, True)):
            (x0, y0), (x1, y1) = np.quantile(points, (0.2, 0.7), axis=0)
            box = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
            inside = ((points > (x0, y0)) & (points < (x1, y1))).all(axis=1)
            found = api.rows_in_polygon(collection, box, layout=name, mosaic=mosaic)
            assert set(np.flatnonzero(inside)) <= set(found)
            assert len(found) < N_IMAGES
    with pytest.raises(QueryError, match="no layout 'pca'"):
        api.rows_in_polygon(collection, box, layout="pca")


def test_a_large_collection_has_tsne_only_when_asked_and_keeps_it(
    copy: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, small = copy
    monkeypatch.setattr(settings, "TSNE_LIMIT", 10)
    target = tmp_path / "large.dxr"
    build(images, target)
    space = api.open_collection(target).space()
    assert list(space.layouts) == ["umap"]
    with pytest.raises(QueryError, match="no t-SNE layout yet") as caught:
        space.layout("tsne")
    for words in (f"dxr build IMAGES --to {target}", "--network thingsnet --layer fc7", "--tsne"):
        assert words in caught.value.remedy
    build(images, target, tsne=True)
    assert list(api.open_collection(target).space().layouts) == ["umap", "tsne"]
    asked = digest(target)
    build(images, target)
    assert digest(target) == asked
    build(images, small)
    assert list(api.open_collection(small).space().layouts) == ["umap", "tsne"]


def test_a_collection_of_an_older_dxr_is_refused_and_the_same_build_adds_only_what_is_missing(
    built: tuple[Path, Path], copy: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    images, target = copy
    age(target)
    with pytest.raises(CollectionError, match=r"older dxr: it has no swatches .*Run the `dxr build` command"):
        api.open_collection(target)
    kept = {path: path.stat().st_mtime_ns for path in target.glob("steps/*/*")}
    with monkeypatch.context() as patch:
        patch.setattr("dxr_dash.collection.features.extract", None)  # calling it would fail
        report = build(images, target)
    assert report.n_extracted == 0
    assert {"swatches", "mosaic", "honesty", "tsne"} <= set(report.seconds)
    assert {"vectors", "thumbnails", "graph", "map"}.isdisjoint(report.seconds)
    assert all(path.stat().st_mtime_ns == time for path, time in kept.items())
    assert digest(target) == digest(built[1])


def test_a_manifest_without_a_mosaic_is_named_so(copy: tuple[Path, Path]) -> None:
    _, target = copy
    change_manifest(
        target, lambda manifest: next(iter(manifest["spaces"].values()))["layouts"]["umap"].pop("mosaic")
    )
    with pytest.raises(CollectionError, match="it has no mosaic yet"):
        api.open_collection(target)


def test_an_older_demo_is_brought_up_to_date(
    built: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dxr_dash import demo

    def write_world(folder: Path, **_: object) -> Path:
        table = folder / "things.csv"
        if not folder.exists():
            shutil.copytree(built[0], folder)
        names = [str(path.relative_to(folder)) for path in sorted(folder.rglob("*.jpg"))]
        lines = [
            f"{name},{('camera', 'mug')[at % 2]},{('yes', 'no', 'no')[at % 3]}"
            for at, name in enumerate(names)
        ]
        table.write_text("\n".join(["path,kind,face", *lines]))
        return table

    monkeypatch.setattr(demo, "write_world", write_world)
    first = api.build_demo(tmp_path)
    sets = list(first.query_sets)
    whole = digest(tmp_path)
    age(tmp_path / "demo.dxr")
    again = api.build_demo(tmp_path)
    assert list(again.query_sets) == sets
    assert len(again.swatches) == N_IMAGES
    assert digest(tmp_path) == whole


@pytest.mark.parametrize("n_images", [1, 2, 3, 5, 6, 15, 31, 100])
def test_tsne_of_few_images_gives_each_its_place(n_images: int) -> None:
    coordinates = tsne(random_vectors(n_images))
    assert coordinates.shape == (n_images, 2)
    assert coordinates.dtype == np.float32
    assert np.isfinite(coordinates).all()
    assert len(np.unique(coordinates, axis=0)) == n_images


@pytest.mark.parametrize("n_images", [20, 120])
def test_tsne_of_images_that_are_all_the_same_is_finite(n_images: int) -> None:
    assert np.isfinite(tsne(np.ones((n_images, 8), np.float32))).all()


def test_tsne_takes_duplicates_and_neighbours_that_were_not_found() -> None:
    vectors = np.concatenate([random_vectors(100), np.repeat(random_vectors(1), 40, axis=0)])
    graph = neighbour_graph(vectors, metric="cosine", n_neighbours=30, seed=0)
    assert np.isfinite(tsne(vectors, graph)).all()
    rows, distances = graph.rows.copy(), graph.distances.copy()
    rows[:5, 10:], distances[:5, 10:] = -1, np.inf
    rows[7], distances[7] = -1, np.inf
    assert np.isfinite(tsne(vectors, NeighbourGraph(rows, distances, "pynndescent"))).all()


def test_tsne_is_the_same_for_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = random_vectors(400)
    graph = neighbour_graph(vectors, metric="cosine", n_neighbours=30, seed=0)
    monkeypatch.setattr("dxr_dash.collection.map2d.TSNE_EPOCHS", 50)
    monkeypatch.setattr("dxr_dash.collection.map2d.TSNE_EARLY_EPOCHS", 50)
    monkeypatch.setattr(
        "dxr_dash.collection.map2d.TSNE_SMALL", 100
    )  # the Fourier grid, which uses every core
    found = []
    for n in (1, 2, 3):
        monkeypatch.setattr("dxr_dash.collection.map2d.n_cores", lambda n=n: n)
        found.append(tsne(vectors, graph))
    assert (found[0] == found[1]).all()
    assert (found[0] == found[2]).all()


def test_tsne_keeps_clusters_apart_and_tells_how_far_it_has_got() -> None:
    random = np.random.default_rng(0)
    group = np.arange(150) % 3
    vectors = (np.eye(3, 8)[group] + random.normal(scale=0.05, size=(150, 8))).astype(np.float32)
    seen: list[tuple[str, int, int]] = []
    graph = neighbour_graph(vectors, metric="cosine", n_neighbours=30, seed=0)
    coordinates = tsne_coordinates(
        vectors, graph, metric="cosine", perplexity=15, seed=0, on_progress=lambda *now: seen.append(now)
    )
    centres = np.array([coordinates[group == one].mean(axis=0) for one in range(3)])
    nearest = np.linalg.norm(coordinates[:, None] - centres, axis=2).argmin(axis=1)
    assert (nearest == group).all()
    assert seen[0] == ("t-SNE", 0, 0)
    assert seen[-1] == ("t-SNE", 750, 750)
