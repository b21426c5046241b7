"""How alike a selection is: quartiles against all pairs, and a sample that leaves nothing out that it should hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist, pdist

from dxr_dash.analysis import selected
from dxr_dash.analysis.selected import selection_distances
from dxr_dash.errors import QueryError


def test_a_small_selection_is_measured_whole() -> None:
    vectors = np.random.default_rng(0).normal(size=(300, 8)).astype(np.float32)
    rows = np.array([3, 4, 77, 150, 299])
    found = selection_distances(vectors, rows, metric="euclidean")
    others = np.setdiff1d(np.arange(300), rows)
    assert (found.n_members, found.n_others) == (5, 295)
    np.testing.assert_allclose(found.within, np.quantile(pdist(vectors[rows]), [0.25, 0.5, 0.75]), rtol=1e-5)
    np.testing.assert_allclose(
        found.to_others, np.quantile(cdist(vectors[rows], vectors[others]), [0.25, 0.5, 0.75]), rtol=1e-5
    )


@given(n=st.integers(2, 60), data=st.data())
def test_others_are_never_members(n: int, data: st.DataObject) -> None:
    rows = np.array(sorted(data.draw(st.sets(st.integers(0, n - 1), min_size=1))))
    vectors = np.zeros((n, 2), np.float32)
    vectors[rows, 0] = 1.0
    vectors[np.setdiff1d(np.arange(n), rows), 1] = 1.0
    found = selection_distances(vectors, rows, metric="cosine")
    assert found.n_others == n - len(rows)
    if len(rows) > 1:
        assert found.within.tolist() == [0.0] * 3
    else:
        assert np.isnan(found.within).all()
    if len(rows) < n:
        assert found.to_others.tolist() == [1.0] * 3
    else:
        assert np.isnan(found.to_others).all()


def test_a_large_selection_is_measured_on_a_sample_that_is_the_same_each_time() -> None:
    vectors = np.random.default_rng(1).normal(size=(20_000, 4)).astype(np.float32)
    rows = np.arange(0, 20_000, 4)
    found = selection_distances(vectors, rows, metric="euclidean")
    assert (found.n_members, found.n_others) == (selected.MEMBERS, selected.OTHERS)
    again = selection_distances(vectors, rows, metric="euclidean")
    assert again.within.tolist() == found.within.tolist()
    whole = np.quantile(pdist(vectors[rows]), [0.25, 0.5, 0.75])
    # two-sample deviations of 256 members move a quartile by a few per cent of the spread
    np.testing.assert_allclose(found.within, whole, atol=0.15 * (whole[2] - whole[0]))
    np.testing.assert_allclose(found.to_others, whole, atol=0.15 * (whole[2] - whole[0]))


def test_rows_that_do_not_ascend_are_refused() -> None:
    with pytest.raises(QueryError, match="ascend"):
        selection_distances(np.ones((5, 2), np.float32), np.array([2, 1]), metric="cosine")
