from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dxr_dash.analysis.leave_one_out import mean_ap_without, precision_without, recall_without
from dxr_dash.analysis.retrieval import average_precision, precision_at, recall_at
from dxr_dash.analysis.set_distances import set_distances
from dxr_dash.records import FloatArray, SetDistances
from tests.analysis.sets import gallery_set, integers, normal


def check(found: SetDistances, k: int) -> None:
    """Leave each image out for good and measure again."""
    n = len(found.items)
    arrays = (found.within, found.n_less, found.n_equal)
    ap, precision, recall = np.empty((3, n))
    for image in range(n):
        rest = np.ix_(found.asked != image, np.arange(n) != image)
        smaller = found.within[rest], found.n_less[rest], found.n_equal[rest]
        if len(smaller[0]) == 0:
            ap[image] = precision[image] = recall[image] = np.nan
            continue
        ap[image] = average_precision(*smaller).mean()
        precision[image] = precision_at(*smaller, k=k).mean()
        recall[image] = recall_at(*smaller, k=k).mean()
    np.testing.assert_allclose(mean_ap_without(*arrays), ap, atol=1e-12)
    np.testing.assert_allclose(precision_without(*arrays, k=k), precision, atol=1e-12)
    np.testing.assert_allclose(recall_without(*arrays, k=k), recall, atol=1e-12)


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(3, 12), st.integers(1, 12))
def test_without_an_image_is_the_measure_of_the_smaller_set(seed: int, n_members: int, k: int) -> None:
    vectors = integers(30, 2, 4, seed)
    rows = np.random.default_rng(seed).permutation(30)[:n_members]
    check(gallery_set(vectors, rows), k)
    asked = np.sort(np.random.default_rng(k).permutation(n_members)[: max(1, n_members // 2)])
    check(set_distances(vectors[rows], rows, vectors, metric="euclidean", k=5, asked=asked), k)


@pytest.mark.parametrize("vectors", [normal(60, 5), np.ones((60, 2), dtype=np.float32), normal(9, 3)])
def test_it_holds_without_ties_with_nothing_but_ties_and_without_a_gallery(vectors: FloatArray) -> None:
    check(gallery_set(vectors, np.arange(9)), 5)
