from __future__ import annotations

import numpy as np
import pytest

from dxr_dash.analysis.distances import distances
from dxr_dash.analysis.shift import (
    AT,
    gallery_distances,
    outside_distances,
    relative_distances,
    shift,
)
from dxr_dash.records import DoubleArray, FloatArray, IntArray, Shift
from tests.analysis.sets import normal

NO_COPIES = np.empty(0, np.int64)


def graph_of(vectors: FloatArray, k: int = 30) -> tuple[IntArray, FloatArray]:
    far = distances(vectors, vectors, metric="euclidean")
    np.fill_diagonal(far, np.inf)
    rows = np.argsort(far, axis=1, kind="stable")[:, :k]
    return rows, np.take_along_axis(far, rows, axis=1)


def relative(queries: FloatArray, vectors: FloatArray, copies: IntArray = NO_COPIES) -> DoubleArray:
    far = distances(queries, vectors, metric="euclidean")
    rows = np.argsort(far, axis=1, kind="stable")[:, : 2 * AT]
    return outside_distances(rows, np.take_along_axis(far, rows, axis=1), graph_of(vectors)[1], copies)


def compared(
    queries: FloatArray, vectors: FloatArray, control: FloatArray | None = None, seed: int = 0
) -> Shift:
    own = gallery_distances(*graph_of(vectors), seed=0)
    beside = None if control is None else relative(control, vectors)
    found = shift(relative(queries, vectors), own, beside, draws=500, seed=seed)
    assert found is not None
    return found


def unequal_classes(seed: int) -> tuple[FloatArray, IntArray]:
    """Classes from tight to loose."""
    rng = np.random.default_rng(seed)
    label = rng.integers(12, size=1200)
    vectors = 4 * rng.standard_normal((12, 16))[label]
    vectors += np.geomspace(0.1, 2.0, 12)[label][:, None] * rng.standard_normal((1200, 16))
    return vectors.astype(np.float32), label


def test_a_relative_distance_is_that_of_the_definition() -> None:
    vectors, queries = normal(80, 4), normal(6, 4, seed=1)
    far = distances(queries, vectors, metric="euclidean")
    graph = np.sort(distances(vectors, vectors, metric="euclidean"), axis=1)[
        :, 1:
    ]  # without the image itself
    for query, found in enumerate(relative(queries, vectors)):
        nearest = np.argsort(far[query])[:AT]
        usual = np.mean([graph[row, :AT].mean() for row in nearest])
        assert found == pytest.approx(far[query, nearest].mean() / usual, rel=1e-6)


def test_neighbours_that_were_not_found_count_nowhere() -> None:
    graph = np.array([[1.0, np.inf], [1.0, 3.0], [np.inf, np.inf]])
    rows = np.array([[0, 1, -1], [0, 2, -1], [-1, -1, -1]])
    far = np.array([[3.0, 6.0, np.inf], [2.0, 5.0, np.inf], [np.inf, np.inf, np.inf]])
    found = relative_distances(rows, far, graph)
    np.testing.assert_allclose(found, [4.5 / 1.5, 2.0, np.nan])


def test_copies_of_a_gallery_do_not_make_a_distance() -> None:
    graph = np.zeros((3, 2))
    assert relative_distances(np.array([[0, 1]]), np.zeros((1, 2)), graph)[0] == 1
    assert relative_distances(np.array([[0, 1]]), np.ones((1, 2)), graph)[0] > 1


@pytest.mark.parametrize("seed", range(5))
def test_images_of_the_gallerys_own_kinds_are_not_from_another_source(seed: int) -> None:
    vectors, label = unequal_classes(seed)
    held_out = np.random.default_rng(seed).permutation(1200)[:240]
    gallery = np.delete(vectors, held_out, axis=0)
    assert not compared(vectors[held_out[:40]], gallery).unlike_gallery
    for one in (0, 5, 11):  # the tightest class, a middling one, the loosest
        queries = vectors[held_out[label[held_out] == one]]
        assert not compared(queries, gallery).unlike_gallery


def test_images_that_are_farther_than_gallery_images_are_and_nearer_ones_are_suspected() -> None:
    vectors = normal(500, 16)
    far = compared(vectors[:25] + np.float32(3), vectors[25:])
    near = compared(vectors[:25] * np.float32(0.1), vectors[25:])
    for found in (far, near):
        assert found.unlike_gallery
        assert found.unexplained
        assert found.members.sum() == found.n_images == 25
        assert found.gallery.sum() == found.n_gallery == 475
        assert found.control is None
        assert found.control_counts is None
    assert near.auroc.high < 0.35
    assert far.auroc.low > 0.65


def test_a_control_set_of_the_same_source_takes_the_source_into_account() -> None:
    vectors = normal(540, 16)
    moved = vectors[:60] + np.float32(2)
    gallery = vectors[60:]
    found = compared(moved[:30], gallery, control=moved[30:])
    assert found.unlike_gallery
    assert not found.unexplained
    assert found.control is not None
    assert found.control.low < 0.5 < found.control.high
    assert found.control_counts is not None
    assert found.control_counts.sum() == 30
    other = compared(moved[:30], gallery, control=normal(30, 16, seed=9))
    assert other.unexplained


def test_copies_in_the_gallery_say_nothing_of_the_source() -> None:
    vectors = normal(500, 16)
    copied = np.arange(40)
    with_copies = relative(vectors[copied], vectors)
    without = relative(vectors[copied], vectors, copies=copied)
    assert (with_copies < without).all()
    own = gallery_distances(*graph_of(vectors), seed=0)
    found = shift(without, own, draws=300)
    assert found is not None
    assert not found.unlike_gallery


def test_few_images_are_not_compared_and_a_sample_stands_for_a_large_gallery() -> None:
    own = np.sort(np.random.default_rng(0).normal(1, 0.1, 100))
    assert shift(np.full(4, 9.0), own) is None
    assert shift(np.full(9, 9.0), own[:40]) is None
    few = shift(np.full(5, 9.0), own, draws=300)
    assert few is not None
    assert few.auroc.value == 1
    assert few.auroc.low < 0.8  # a sixth image might be like the gallery


def test_the_same_seed_gives_the_same_shift() -> None:
    vectors = normal(300, 8)
    one, again, other = (compared(vectors[:20] + 1, vectors[20:], seed=seed) for seed in (1, 1, 2))
    assert one.auroc == again.auroc
    assert one.auroc.value == other.auroc.value
    assert one.auroc.low != other.auroc.low
