from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.metrics import pairwise_distances

from dxr_dash.analysis.rank_curves import band, first_rank_beyond, member_curves, ranking, sample_ranks
from dxr_dash.errors import QueryError
from tests.analysis.sets import integers, normal

DISTANCES = arrays.arrays(
    np.float32,
    st.integers(0, 60),
    elements=st.one_of(
        st.sampled_from([0.0, -0.0, 0.25, 1.0]),
        st.floats(0, 2, width=32),
        st.just(float("inf")),
        st.just(float("nan")),
    ),
)


def test_nearest_come_first_and_the_query_is_left_out_by_its_row() -> None:
    found = ranking([0.5, np.inf, 0.0, 0.5, np.nan, 0.2], [10, 11, 12, 13, 14, 15])
    assert found.items.tolist() == [12, 15, 10, 13]
    assert found.distances.tolist() == pytest.approx([0.0, 0.2, 0.5, 0.5])


@given(DISTANCES)
def test_a_ranking_is_numpys_stable_order_of_what_has_a_distance(distances: np.ndarray) -> None:
    found = ranking(distances, np.arange(len(distances)))
    there = np.flatnonzero(np.isfinite(distances))
    expected = there[np.argsort(distances[there], kind="stable")]
    assert found.items.tolist() == expected.tolist()
    np.testing.assert_array_equal(found.distances, np.abs(distances[expected]))


def test_what_is_no_distance_is_refused() -> None:
    with pytest.raises(QueryError, match="A distance is negative"):
        ranking([0.1, -0.2], [0, 1])
    with pytest.raises(QueryError, match="1 items for 2 distances"):
        ranking([0.1, 0.2], [0])


@given(st.integers(0, 3_000_000))
def test_a_curve_goes_from_the_first_to_the_last_rank_through_every_near_one(n_ranked: int) -> None:
    ranks = sample_ranks(n_ranked)
    assert len(ranks) <= 64 + 2 * 160
    assert (np.diff(ranks) > 0).all()
    assert ranks[: min(n_ranked, 64)].tolist() == list(range(1, min(n_ranked, 64) + 1))
    assert n_ranked == 0 or ranks[-1] == n_ranked


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_member_curves_are_the_sorted_rows_of_the_full_table(metric: str) -> None:
    vectors = normal(70, 6)
    rows = np.array([3, 69, 0, *range(20, 40)])
    ranks = sample_ranks(69)
    found = member_curves(vectors[rows], rows, vectors, ranks, metric=metric)
    for member, row in enumerate(rows):
        others = np.delete(np.arange(70), row)
        true = np.sort(pairwise_distances(vectors[[row]], vectors[others], metric=metric)[0])
        np.testing.assert_allclose(found[member], true[ranks - 1], atol=2e-6)


def test_an_outside_member_is_compared_with_every_image_and_a_duplicate_stays() -> None:
    vectors = integers(30, 3, 2)
    ranks = np.arange(1, 30)
    inside, outside = member_curves(vectors[[4, 4]], [4, -1], vectors, ranks, metric="euclidean")
    assert outside[0] == 0.0  # the image itself is in the gallery
    table = np.sort(pairwise_distances(vectors[[4]], np.delete(vectors, 4, axis=0))[0])
    np.testing.assert_allclose(inside, table, atol=1e-6)


def test_the_band_holds_the_quartiles_of_the_members() -> None:
    curves = np.array([[0.0, 1.0], [1.0, 2.0], [2.0, 3.0], [3.0, 4.0], [10.0, 50.0]], np.float32)
    np.testing.assert_allclose(band(curves), [[1, 2], [2, 3], [3, 4]])


def test_a_ranking_leaves_a_neighbourhood_after_its_last_image() -> None:
    ranked = np.array([0.1, 0.2, 0.2, 0.4], np.float32)
    assert [first_rank_beyond(ranked, far) for far in (0.0, 0.1, 0.2, 0.3, 0.4, 9)] == [1, 2, 4, 4, 5, 5]
