from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from dxr_dash.analysis.distances import METRICS, distances
from dxr_dash.analysis.nearest_members import nearest_members
from dxr_dash.analysis.set_distances import asked_members, set_distances
from dxr_dash.errors import QueryError
from dxr_dash.records import FloatArray, NearestMembers, SetDistances
from tests.analysis.sets import gallery_set, integers, normal, outside_set, slow_counts


def nearest(found: SetDistances) -> NearestMembers:
    assert found.nearest_members is not None
    return found.nearest_members


def assert_same(left: SetDistances, right: SetDistances) -> None:
    for name in vars(left):
        if name == "nearest_members":
            continue
        np.testing.assert_array_equal(getattr(left, name), getattr(right, name), err_msg=name)
    for name in vars(nearest(left)):
        np.testing.assert_array_equal(
            getattr(nearest(left), name), getattr(nearest(right), name), err_msg=name
        )


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("vectors", [normal(400, 16), integers(400, 4, 3), normal(400, 16) + np.float32(50)])
def test_counts_are_those_of_the_full_table(metric: str, vectors: np.ndarray) -> None:
    rows = np.random.default_rng(1).choice(400, 25, replace=False)
    found = gallery_set(vectors, rows, metric=metric, block=64)
    within, n_less, n_equal, compared = slow_counts(vectors[rows], rows, vectors, metric)
    np.testing.assert_allclose(found.within, within, atol=1e-6)
    np.testing.assert_array_equal(found.n_less, n_less)
    np.testing.assert_array_equal(found.n_equal, n_equal)
    assert found.n_compared == len(compared) == 375


def test_a_set_written_out() -> None:
    vectors = np.array([[0], [1], [3], [3], [7], [-3]], dtype=np.float32)
    found = gallery_set(vectors, [0, 2], k=3)
    nan = np.nan
    np.testing.assert_array_equal(found.within, np.array([[nan, 3], [3, nan]], dtype=np.float32))
    assert found.n_less.tolist() == [[0, 1], [2, 0]]
    assert found.n_equal.tolist() == [[0, 2], [0, 0]]
    assert found.n_compared == 4
    assert found.nearest_rows.tolist() == [[1, 3, 5], [3, 1, 4]]
    assert found.nearest_distances.tolist() == [[1, 3, 3], [0, 2, 4]]
    assert nearest(found).distances.tolist() == [3, 1, 3, 0, 4, 3]
    assert nearest(found).members.tolist() == [1, 0, 0, 1, 1, 0]
    assert found.edges[0] == 0
    assert found.edges[-1] == 8
    assert found.to_gallery.sum(axis=1).tolist() == [4, 4]
    assert found.to_gallery[1, [0, 128, 256, 384]].tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=30)
@given(data=st.data())
def test_a_copy_of_a_member_is_as_far_as_the_member_wherever_it_stands(
    metric: str, data: st.DataObject
) -> None:
    seed = data.draw(st.integers(0, 2**32 - 1))
    n, d = data.draw(st.integers(8, 120)), data.draw(st.sampled_from([1, 3, 64, 515]))
    rng = np.random.default_rng(seed)
    offset = data.draw(st.sampled_from([0.0, 1.0, 100.0]))
    vectors = (rng.standard_normal((n, d)) + offset).astype(np.float32)
    q = data.draw(st.integers(2, n // 2))
    rows, copies = np.split(rng.permutation(n)[: 2 * q], 2)
    vectors[copies] = vectors[rows]
    found = gallery_set(vectors, rows, metric=metric, block=data.draw(st.integers(1, n)))
    off = ~np.eye(q, dtype=np.bool_)
    assert (found.n_equal[off] >= 1).all()
    if d > 1:  # in one dimension cosine distances are 0 or 2, and all tie
        assert (found.nearest_rows[:, 0] == copies).all()
    assert (found.nearest_distances[:, 0] == 0).all()


@pytest.mark.parametrize("metric", METRICS)
def test_self_is_left_out_by_its_row_and_copies_of_it_are_kept(metric: str) -> None:
    vectors = np.ones((6, 3), dtype=np.float32)
    found = gallery_set(vectors, [1, 4], metric=metric)
    assert found.n_equal.tolist() == [[0, 4], [4, 0]]
    assert found.n_less.tolist() == [[0, 0], [0, 0]]
    assert found.nearest_rows.tolist() == [[0, 2, 3, 5]] * 2
    assert found.nearest_distances.tolist() == [[0] * 4] * 2
    assert nearest(found).members.tolist() == [0, 1, 0, 0, 0, 0]  # the members have each other
    assert found.to_gallery[:, 0].tolist() == [4, 4]


@pytest.mark.parametrize("metric", METRICS)
def test_neighbours_histogram_and_set_distance_are_those_of_the_full_table(metric: str) -> None:
    vectors, queries = normal(500, 12), normal(9, 12, seed=2)
    items = np.array([3, -1, 77, -2, 499, 0, -3, 10, 11])
    queries[items >= 0] = vectors[items[items >= 0]]
    found = set_distances(queries, items, vectors, metric=metric, k=30, block=90)
    table = distances(queries, vectors, metric=metric)
    compared = np.setdiff1d(np.arange(500), items)
    for q in range(9):
        order = compared[np.argsort(table[q, compared], kind="stable")]
        np.testing.assert_array_equal(found.nearest_rows[q], order[:30])
        np.testing.assert_allclose(found.nearest_distances[q], table[q, order[:30]], atol=1e-6)
        counts, _ = np.histogram(table[q, compared], bins=found.edges)
        np.testing.assert_array_equal(found.to_gallery[q], counts)
        if items[q] >= 0:
            table[q, items[q]] = np.inf
    np.testing.assert_allclose(nearest(found).distances, table.min(axis=0), atol=1e-6)
    np.testing.assert_array_equal(nearest(found).members, table.argmin(axis=0))


@pytest.mark.parametrize("metric", METRICS)
def test_the_block_changes_nothing(metric: str) -> None:
    vectors = integers(200, 3, 3)
    rows = np.arange(0, 60, 3)
    whole = gallery_set(vectors, rows, metric=metric)
    for block in (1, 13, 199):
        assert_same(gallery_set(vectors, rows, metric=metric, block=block), whole)


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.sampled_from(METRICS))
def test_renumbering_the_gallery_only_renumbers_the_rows(seed: int, metric: str) -> None:
    rng = np.random.default_rng(seed)
    vectors = integers(60, 3, 4, seed)
    new_row = rng.permutation(60)
    renumbered = np.empty_like(vectors)
    renumbered[new_row] = vectors
    rows = rng.choice(60, 7, replace=False)
    before = gallery_set(vectors, rows, metric=metric)
    after = gallery_set(renumbered, new_row[rows], metric=metric)
    np.testing.assert_array_equal(after.n_less, before.n_less)
    np.testing.assert_array_equal(after.n_equal, before.n_equal)
    np.testing.assert_array_equal(after.to_gallery, before.to_gallery)
    np.testing.assert_array_equal(after.nearest_distances, before.nearest_distances)
    np.testing.assert_array_equal(nearest(after).distances[new_row], nearest(before).distances)


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.floats(4, 64))
def test_a_far_image_adds_to_nothing_but_the_number_compared(seed: int, factor: float) -> None:
    vectors = integers(50, 3, 4, seed)
    far = np.full((1, 3), 4 * factor, dtype=np.float32)
    before = gallery_set(vectors, [1, 2, 30], k=10)
    after = gallery_set(np.concatenate([vectors, far]), [1, 2, 30], k=10)
    np.testing.assert_array_equal(after.n_less, before.n_less)
    np.testing.assert_array_equal(after.n_equal, before.n_equal)
    np.testing.assert_array_equal(after.nearest_rows, before.nearest_rows)
    assert after.n_compared == before.n_compared + 1
    assert after.to_gallery.sum() == before.to_gallery.sum() + 3


def test_a_memory_mapped_read_only_gallery_works(tmp_path: Path) -> None:
    vectors = normal(300, 8)
    np.save(tmp_path / "vectors.npy", vectors)
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    rows = np.arange(5)
    assert_same(
        set_distances(mapped[rows], rows, mapped, metric="cosine", k=4),
        set_distances(vectors[rows], rows, vectors, metric="cosine", k=4),
    )


def test_one_image_has_no_other_member() -> None:
    found = gallery_set(normal(5, 3), [2], k=9)
    assert np.isnan(found.within).all()
    assert found.n_compared == 4
    assert found.nearest_rows.shape == (1, 4)
    assert nearest(found).members.tolist() == [0, 0, -1, 0, 0]
    assert np.isnan(nearest(found).distances).tolist() == [False, False, True, False, False]


def test_when_all_rows_are_members_nothing_is_compared() -> None:
    vectors = normal(4, 3)
    found = gallery_set(vectors, [3, 1, 0, 2])
    assert found.n_compared == 0
    assert found.nearest_rows.shape == (4, 0)
    assert found.to_gallery.sum() == 0
    assert np.isfinite(nearest(found).distances).all()
    assert gallery_set(vectors[:1], [0]).n_compared == 0


@pytest.mark.parametrize("metric", METRICS)
def test_zero_and_constant_features_tie_everywhere(metric: str) -> None:
    found = gallery_set(np.zeros((9, 4), dtype=np.float32), [0, 5], metric=metric)
    assert found.n_equal.tolist() == [[0, 7], [7, 0]]
    distance = 1 if metric == "cosine" else 0
    assert (nearest(found).distances == distance).all()
    assert found.to_gallery.sum() == 14


def test_an_outside_image_that_copies_a_row_keeps_that_row_as_a_gallery_image() -> None:
    vectors = normal(20, 6)
    found = outside_set(vectors[[4, 9]], vectors, metric="cosine")
    assert found.n_compared == 20
    assert found.nearest_rows[:, 0].tolist() == [4, 9]
    assert found.nearest_distances[:, 0].tolist() == [0, 0]
    assert found.n_equal[0, 1] == 1


def test_the_histogram_grows_by_joining_whole_bins() -> None:
    vectors = np.array([[0.0], [0.001], [0.3], [5.0], [900.0]], dtype=np.float32)
    found = set_distances(vectors[:1], [0], vectors, metric="euclidean", k=0, block=1, n_bins=5)
    assert found.edges[-1] == 1024
    assert found.to_gallery.tolist() == [[3, 0, 0, 0, 1]]


def test_what_does_not_fit_is_refused_with_a_remedy() -> None:
    vectors = normal(6, 3)
    with pytest.raises(QueryError, match=r"The query set is empty\. Choose"):
        gallery_set(vectors, [])
    with pytest.raises(QueryError, match="names an image twice"):
        gallery_set(vectors, [1, 1])
    with pytest.raises(QueryError, match="not in the gallery"):
        set_distances(vectors[:1], [6], vectors, metric="cosine", k=1)
    with pytest.raises(QueryError, match="2 items for 1 query vectors"):
        set_distances(vectors[:1], [0, 1], vectors, metric="cosine", k=1)
    broken = vectors.copy()
    broken[3, 1] = np.nan
    with pytest.raises(QueryError, match="gallery vector holds a value that is not a finite number"):
        gallery_set(broken, [0, 1])


def mixed_set(metric: str, vectors: FloatArray, **wanted: Any) -> SetDistances:
    """Measure a set of three images from outside and some gallery rows; two of them are copies."""
    items = np.array([3, -1, 77, -2, 99, 0, -3, 10, 11, 50])
    queries = normal(len(items), vectors.shape[1], seed=2)
    queries[items >= 0] = vectors[items[items >= 0]]
    queries[3] = queries[0]
    return set_distances(queries, items, vectors, metric=metric, k=7, **wanted)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("vectors", [normal(200, 12), integers(200, 3, 3)])
@pytest.mark.parametrize("asked", [[0], [1, 3, 4, 9], list(range(10))])
def test_a_set_that_is_asked_with_some_members_finds_what_they_find_among_all(
    metric: str, vectors: FloatArray, asked: list[int]
) -> None:
    everyone = mixed_set(metric, vectors)
    some = mixed_set(metric, vectors, asked=asked)
    assert some.asked.tolist() == asked
    assert some.asked_items.tolist() == everyone.items[asked].tolist()
    for name in ("within", "n_less", "n_equal", "nearest_rows", "nearest_distances"):
        np.testing.assert_allclose(
            getattr(some, name), getattr(everyone, name)[asked], atol=1e-7, err_msg=name
        )
    assert some.n_compared == everyone.n_compared
    assert some.n_gallery == 200
    np.testing.assert_array_equal(some.to_gallery.sum(axis=1), some.n_compared)
    assert (some.nearest_members is None) == (len(asked) < 10)
    square = some.among_asked(some.within)
    np.testing.assert_array_equal(square, square.T)


@pytest.mark.parametrize("metric", METRICS)
def test_nearest_members_are_the_same_by_either_pass(metric: str) -> None:
    vectors = normal(200, 12)
    expected = nearest(mixed_set(metric, vectors))
    items = np.array([3, -1, 77, -2, 99, 0, -3, 10, 11, 50])
    queries = normal(len(items), 12, seed=2)
    queries[items >= 0] = vectors[items[items >= 0]]
    queries[3] = queries[0]
    found = nearest_members(queries, items, vectors, metric=metric, block=17)
    np.testing.assert_array_equal(found.members, expected.members)
    np.testing.assert_allclose(found.distances, expected.distances, atol=1e-6)
    np.testing.assert_allclose(found.within, expected.within, atol=1e-6)
    alone = nearest_members(vectors[[4]], [4], vectors, metric=metric)
    assert np.flatnonzero(np.isnan(alone.distances)).tolist() == [4]
    assert np.isnan(alone.within).all()


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("n_members", [2, 300])
def test_the_nearest_of_many_members_are_those_of_float64_brute_force(metric: str, n_members: int) -> None:
    vectors = normal(5_000, 24)
    vectors[4_000:4_050] = vectors[:50]  # copies: of members, too
    vectors[77] = 0.0
    items = np.sort(np.random.default_rng(3).choice(5_000, n_members, replace=False))
    items[-1] = -1
    queries = vectors[np.maximum(items, 0)]
    queries[-1] = vectors[9] + np.float32(1e-3)
    found = nearest_members(queries, items, vectors, metric=metric)
    wide = vectors.astype(np.float64)
    with np.errstate(invalid="ignore"):
        far = cdist(queries.astype(np.float64), wide, metric)
    far[np.isnan(far)] = 1.0  # of a vector without a direction
    far[np.arange(n_members - 1), items[:-1]] = np.inf
    np.testing.assert_allclose(found.distances, far.min(axis=0), atol=2e-6)
    nearest_of = far[found.members, np.arange(5_000)]
    np.testing.assert_allclose(nearest_of, far.min(axis=0), rtol=0, atol=1e-9)
    among = cdist(queries.astype(np.float64), queries.astype(np.float64), metric)
    np.fill_diagonal(among, np.inf)
    among[np.isnan(among)] = 1.0
    np.testing.assert_allclose(found.within, among.min(axis=1), atol=2e-6)
    for n_threads, block in ((1, 500), (2, 4_096)):
        again = nearest_members(queries, items, vectors, metric=metric, n_threads=n_threads, block=block)
        np.testing.assert_array_equal(again.members, found.members)
        np.testing.assert_array_equal(again.distances, found.distances)


def test_a_large_set_is_asked_with_the_same_random_members_each_time() -> None:
    assert asked_members(512, seed=0).tolist() == list(range(512))
    some = asked_members(6_000, seed=0)
    assert len(some) == 512
    assert (np.diff(some) > 0).all()
    assert some.tolist() == asked_members(6_000, seed=0).tolist()
    assert some.tolist() != asked_members(6_000, seed=1).tolist()
    assert len(asked_members(10**6, seed=0)) == 64


@pytest.mark.parametrize("asked", [[], [3, 1], [1, 1], [40], [-1]])
def test_members_to_ask_with_must_be_members_in_order(asked: list[int]) -> None:
    with pytest.raises(QueryError):
        mixed_set("cosine", normal(200, 12), asked=asked)
