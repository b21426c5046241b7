from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from dxr_dash.analysis.distances import METRICS, distances
from dxr_dash.analysis.retrieval import (
    auroc_matrix,
    average_precision,
    chance_average_precision,
    chance_first_hit,
    first_hit_rank,
    known_item_ranking,
    precision_at,
    recall_at,
)
from dxr_dash.errors import QueryError
from dxr_dash.records import FloatArray, SetDistances
from tests.analysis.sets import gallery_set, integers, normal, outside_set

Sorted = tuple[FloatArray, np.ndarray, np.ndarray]


def arrays_of(found: SetDistances) -> Sorted:
    return found.within, found.n_less, found.n_equal


def rankings(found: SetDistances, vectors: FloatArray, metric: str) -> list[tuple[FloatArray, np.ndarray]]:
    """Per query: distances of compared gallery and other members, and which are members; by the full table."""
    members = found.items
    compared = np.setdiff1d(np.arange(len(vectors)), members)
    table = distances(vectors[members], vectors, metric=metric)
    result = []
    for q in range(len(members)):
        others = np.delete(members, q)
        hits = np.r_[np.zeros(len(compared), np.bool_), np.ones(len(others), np.bool_)]
        result.append((table[q, np.r_[compared, others]], hits))
    return result


COLLECTIONS = {
    "no ties": normal(300, 20),
    "many ties": integers(300, 3, 3),
    "only ties": np.ones((300, 4), dtype=np.float32),
    "zero vectors": np.zeros((300, 4), dtype=np.float32),
    "copies": np.repeat(normal(100, 20), 3, axis=0),
    "one line": integers(300, 1, 9),
}


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("collection", COLLECTIONS)
@pytest.mark.parametrize("n_members", [2, 3, 40, 299, 300])
def test_average_precision_and_auroc_are_those_of_scikit_learn(
    collection: str, metric: str, n_members: int
) -> None:
    vectors = COLLECTIONS[collection]
    rows = np.random.default_rng(4).permutation(300)[:n_members]
    found = gallery_set(vectors, rows, metric=metric)
    precision = average_precision(*arrays_of(found))
    area = auroc_matrix(*arrays_of(found), found.n_compared)
    assert np.isnan(np.diagonal(area)).all()
    for q, (values, hits) in enumerate(rankings(found, vectors, metric)[:40]):
        assert precision[q] == pytest.approx(average_precision_score(hits, -values), abs=1e-9)
        if found.n_compared:
            expected = roc_auc_score(hits, -values)
            assert np.delete(area[q], q).mean() == pytest.approx(expected, abs=1e-9)
        else:
            assert np.isnan(area).all()
            assert precision[q] == 1


def test_a_ranking_written_out() -> None:
    # From the image at 0: member 1, gallery 2 and 2, member 2, gallery 3.
    vectors = np.array([[0], [1], [2], [-2], [-2], [3]], dtype=np.float32)
    found = gallery_set(vectors, [0, 1, 2])
    assert auroc_matrix(*arrays_of(found), 3)[0, 1:].tolist() == [1, 1 - 1 / 3]
    assert average_precision(*arrays_of(found))[0] == pytest.approx((1 / 1 + 2 / 4) / 2)
    assert precision_at(*arrays_of(found), k=2)[0] == pytest.approx((1 + 1 / 3) / 2)
    assert precision_at(*arrays_of(found), k=1)[0] == 1
    assert first_hit_rank(*arrays_of(found))[0] == 1
    items, values, hits = known_item_ranking(found, k=9)
    assert items[0].tolist() == [1, 3, 4, 2, 5]
    assert values[0].tolist() == [1, 2, 2, 2, 3]
    assert hits[0].tolist() == [True, False, False, True, False]


def test_on_ties_the_gallery_stands_before_the_members() -> None:
    vectors = np.ones((6, 2), dtype=np.float32)
    found = gallery_set(vectors, [0, 3, 5])
    items, _, hits = known_item_ranking(found, k=5)
    assert items.tolist() == [[1, 2, 4, 3, 5], [1, 2, 4, 0, 5], [1, 2, 4, 0, 3]]
    assert hits[0].tolist() == [False, False, False, True, True]
    assert first_hit_rank(*arrays_of(found)).tolist() == [4, 4, 4]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("collection", COLLECTIONS)
def test_the_listed_ranking_is_the_full_one_cut_off(collection: str, metric: str) -> None:
    vectors = COLLECTIONS[collection]
    rows = np.random.default_rng(6).permutation(300)[:30]
    found = gallery_set(vectors, rows, metric=metric, k=60)
    items, values, hits = known_item_ranking(found, k=60)
    first = first_hit_rank(*arrays_of(found))
    for q, (full, is_member) in enumerate(rankings(found, vectors, metric)):
        order = np.lexsort((is_member, full))[:60]
        np.testing.assert_allclose(values[q], full[order], atol=1e-6)
        np.testing.assert_array_equal(hits[q], is_member[order])
        np.testing.assert_array_equal(np.isin(items[q], rows), hits[q])
        assert rows[q] not in items[q]
        if hits[q].any():
            assert first[q] == 1 + np.argmax(hits[q])


def test_a_ranking_longer_than_the_neighbours_held_is_refused() -> None:
    found = gallery_set(normal(50, 3), [1, 2, 3], k=5)
    assert known_item_ranking(found, k=5)[0].shape == (3, 5)
    with pytest.raises(QueryError, match="6 images of the ranking were asked for, but only 5 neighbours"):
        known_item_ranking(found, k=6)


def test_outside_members_are_listed_as_items() -> None:
    vectors = normal(30, 3)
    found = outside_set(vectors[:2] + np.float32(0.01), vectors, k=31)
    items, _, hits = known_item_ranking(found, k=31)
    assert items[0, hits[0]].tolist() == [-2]
    assert items[1, hits[1]].tolist() == [-1]


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_precision_is_the_mean_over_all_ways_to_break_ties(seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.integers(0, 3, size=(6, 1)).astype(np.float32)
    found = gallery_set(vectors, [0, 1, 2])
    for q, (values, hits) in enumerate(rankings(found, vectors, "euclidean")):
        for k in (1, 2):
            tops = []
            for order in permutations(range(5)):
                first = sorted(order, key=lambda i: values[i])[:k]  # stable: ties in the order drawn
                tops.append(hits[first].mean())
            assert precision_at(*arrays_of(found), k=k)[q] == pytest.approx(np.mean(tops), abs=1e-9)


def test_precision_is_asked_for_at_no_more_images_than_there_are_others() -> None:
    found = gallery_set(normal(40, 2), [1, 2, 3, 4])
    at_three = precision_at(*arrays_of(found), k=3)
    assert (precision_at(*arrays_of(found), k=10) == at_three).all()
    with pytest.raises(QueryError, match="first 0 images of a ranking"):
        precision_at(*arrays_of(found), k=0)


@pytest.mark.parametrize("vectors", [normal(60, 3), integers(60, 2, 4), np.ones((60, 2), dtype=np.float32)])
@pytest.mark.parametrize("k", [1, 5, 30, 59, 200])
def test_recall_is_the_mean_over_all_ways_to_break_ties(vectors: FloatArray, k: int) -> None:
    found = gallery_set(vectors, np.arange(12))
    recall = recall_at(*arrays_of(found), k=k)
    for q, (values, hits) in enumerate(rankings(found, vectors, "euclidean")):
        border = np.sort(values)[min(k, len(values)) - 1]
        before, tied = values < border, values == border
        places = min(k, len(values)) - before.sum()
        expected = hits[before].sum() + hits[tied].sum() * places / tied.sum()
        assert recall[q] == pytest.approx(expected / 11, abs=1e-9)


@pytest.mark.parametrize(("n_relevant", "n_ranked"), [(1, 1), (1, 6), (2, 6), (3, 6), (5, 6), (6, 6), (2, 9)])
def test_chance_of_the_first_hit_is_the_median_over_all_orders(n_relevant: int, n_ranked: int) -> None:
    first = sorted(1 + min(places) for places in combinations(range(n_ranked), n_relevant))
    expected = next(r for r in first if sum(one <= r for one in first) >= len(first) / 2)
    assert chance_first_hit(n_relevant, n_ranked) == expected


def test_chance_of_the_first_hit_at_scale() -> None:
    assert chance_first_hit(1, 10**6) == 500_000
    assert chance_first_hit(39, 60_000) == pytest.approx(60_000 * (1 - 0.5 ** (1 / 39)), rel=0.01)
    assert np.isnan(chance_first_hit(0, 5))


@pytest.mark.parametrize(("n_relevant", "n_ranked"), [(1, 1), (1, 6), (2, 6), (3, 6), (6, 6)])
def test_chance_is_the_mean_over_all_orders(n_relevant: int, n_ranked: int) -> None:
    hits = np.arange(n_ranked) < n_relevant
    every = [average_precision_score(hits, order) for order in permutations(range(n_ranked))]
    assert chance_average_precision(n_relevant, n_ranked) == pytest.approx(np.mean(every), abs=1e-9)


def test_chance_at_scale_is_close_to_the_share_of_relevant_images() -> None:
    assert chance_average_precision(1, 10**6) == pytest.approx(14.392727e-6, rel=1e-6)
    assert chance_average_precision(1000, 10**6) == pytest.approx(0.001, rel=0.02)
    assert np.isnan(chance_average_precision(0, 5))
    assert np.isnan(chance_average_precision(6, 5))


def test_one_image_has_nothing_to_find() -> None:
    found = gallery_set(normal(9, 2), [4])
    assert np.isnan(average_precision(*arrays_of(found))).tolist() == [True]
    assert np.isnan(precision_at(*arrays_of(found), k=3)).tolist() == [True]
    assert first_hit_rank(*arrays_of(found)).tolist() == [0]
    assert known_item_ranking(found, k=3)[0].shape == (1, 3)


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.sampled_from(METRICS))
def test_a_farther_gallery_image_never_lowers_a_measure(seed: int, metric: str) -> None:
    vectors = integers(40, 3, 4, seed)
    rows = np.arange(6)
    before = gallery_set(vectors, rows, metric=metric)
    far = vectors.mean(axis=0, keepdims=True) * np.float32(-50) - np.float32(300)
    after = gallery_set(np.concatenate([vectors, far]), rows, metric=metric)
    if metric == "euclidean":
        assert (average_precision(*arrays_of(after)) == average_precision(*arrays_of(before))).all()
    area = auroc_matrix(*arrays_of(after), after.n_compared)
    old = auroc_matrix(*arrays_of(before), before.n_compared)
    off = ~np.eye(6, dtype=np.bool_)
    if metric == "euclidean":
        assert (area[off] >= old[off] - 1e-12).all()
    assert ((area[off] >= 0) & (area[off] <= 1)).all()
