from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from scipy.stats import binom

from dxr_dash import settings
from dxr_dash.analysis.random_sets import RandomAurocs, among_random_sets, random_aurocs, set_auroc
from dxr_dash.analysis.retrieval import auroc_matrix
from dxr_dash.errors import QueryError
from dxr_dash.records import AmongRandomSets, FloatArray
from tests.analysis.sets import gallery_set, integers, normal


def compared(
    vectors: FloatArray, rows: np.ndarray, random: RandomAurocs | None = None, seed: int = 0
) -> AmongRandomSets | None:
    drawn = random or random_aurocs(vectors, len(rows), metric="cosine", seed=seed)
    return among_random_sets(vectors[rows], rows, vectors, drawn)


@examples(max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_the_auroc_of_a_set_counts_every_triple_once(seed: int) -> None:
    rng = np.random.default_rng(seed)
    within = rng.integers(0, 4, (5, 5)).astype(np.float32)
    np.fill_diagonal(within, np.nan)
    others = rng.integers(0, 4, (5, 7)).astype(np.float32)
    triples = [
        (within[q, m] < others[q, g]) + (within[q, m] == others[q, g]) / 2
        for q in range(5)
        for m in range(5)
        for g in range(7)
        if m != q
    ]
    assert set_auroc(within, others) == pytest.approx(np.mean(triples))


@pytest.mark.parametrize("seed", range(3))
def test_in_a_small_gallery_it_is_the_auroc_of_the_answer(seed: int) -> None:
    vectors = integers(200, 3, 4, seed)
    rows = np.random.default_rng(seed).choice(200, 12, replace=False)
    found = compared(vectors, rows)
    measured = gallery_set(vectors, rows, metric="cosine")
    answer = np.nanmean(auroc_matrix(measured.within, measured.n_less, measured.n_equal, measured.n_compared))
    assert found is not None
    assert found.n_reference == 200
    assert found.auroc == pytest.approx(answer, abs=1e-9)


def test_a_cluster_is_nearer_to_itself_than_every_random_set() -> None:
    vectors = normal(400, 6)
    vectors[:15] = vectors[0] + normal(15, 6, seed=1) / 4
    found = compared(vectors, np.arange(15))
    assert found is not None
    assert (found.n_as_extreme, found.p_value) == (0, 1 / (1 + settings.RANDOM_SETS))
    assert found.largest < found.auroc


@pytest.mark.parametrize("kind", ["one cloud", "clusters", "copies"])
def test_random_sets_get_small_p_values_no_more_often_than_stated(kind: str) -> None:
    vectors = normal(300, 5)
    if kind == "clusters":
        vectors[:, :3] += 6 * integers(300, 3, 3)
    if kind == "copies":
        vectors = vectors[np.random.default_rng(1).integers(0, 60, 300)]
    trials, level = 400, 0.05
    # Random sets of its own for each of ten: those of one draw would err together.
    drawn = [random_aurocs(vectors, 8, metric="cosine", seed=seed) for seed in range(10)]
    rng = np.random.default_rng(7)
    small = 0
    for trial in range(trials):
        found = compared(vectors, rng.choice(300, 8, replace=False), drawn[trial % 10])
        assert found is not None
        small += found.p_value <= level
    assert small <= binom.ppf(0.999, trials, level) + 10


def test_distances_are_held_in_parts_and_the_result_does_not_know() -> None:
    vectors = normal(90, 4)
    whole, parts = (
        random_aurocs(vectors, 7, metric="euclidean", seed=3, table_numbers=size) for size in (10**9, 1)
    )
    np.testing.assert_array_equal(whole.aurocs, parts.aurocs)
    other = random_aurocs(vectors, 7, metric="euclidean", seed=4)
    assert (whole.aurocs != other.aurocs).any()


def test_a_large_gallery_and_a_large_set_are_represented_by_a_sample() -> None:
    vectors = normal(settings.REFERENCE_IMAGES + 500, 3)
    found = compared(vectors, np.arange(settings.RANDOM_SET_IMAGES + 40))
    assert found is not None
    assert found.n_images == settings.RANDOM_SET_IMAGES
    assert found.n_reference == settings.REFERENCE_IMAGES
    assert 0.01 < found.p_value <= 1


def test_constant_features_are_as_near_as_every_random_set() -> None:
    found = compared(np.ones((50, 4), np.float32), np.arange(6))
    assert found is not None
    assert (found.auroc, found.p_value) == (0.5, 1.0)


@pytest.mark.parametrize(("n_gallery", "n_images"), [(1, 1), (10, 1), (10, 10)])
def test_where_no_random_set_can_be_compared_there_is_no_p_value(n_gallery: int, n_images: int) -> None:
    assert compared(normal(n_gallery, 3), np.arange(n_images)) is None


def test_random_sets_of_another_size_are_refused() -> None:
    vectors = normal(60, 3)
    with pytest.raises(QueryError, match="random sets have 5 images, and the query set 6"):
        compared(vectors, np.arange(6), random_aurocs(vectors, 5, metric="cosine", seed=0))
