"""Length 1, signed power, and principal components against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.decomposition import PCA

from dxr_dash.analysis.post_processing import fit_pca, signed_power, unit_length
from dxr_dash.errors import QueryError

VALUES = st.floats(-1e3, 1e3, width=32)
VECTORS = arrays.arrays(np.float32, st.tuples(st.integers(1, 6), st.integers(1, 5)), elements=VALUES)


@given(VECTORS)
def test_vectors_have_length_one_or_stay_zero(vectors: np.ndarray) -> None:
    lengths = np.linalg.norm(unit_length(vectors).astype(np.float64), axis=1)
    zero = ~vectors.any(axis=1)
    assert (lengths[zero] == 0).all()
    assert np.allclose(lengths[~zero], 1, atol=1e-6)


def test_a_signed_power_keeps_signs() -> None:
    vectors = np.array([[4, -9, 0, 0.25]], np.float32)
    assert signed_power(vectors, 0.5).tolist() == [[2, -3, 0, 0.5]]
    assert signed_power(vectors, 1).tolist() == vectors.tolist()
    assert signed_power(vectors, 0.5).dtype == np.float32


@pytest.mark.parametrize(("n", "n_dims"), [(200, 20), (20, 20), (15, 60), (9_000, 6), (12, 9_000)])
def test_components_are_those_of_scikit_learn(n: int, n_dims: int) -> None:
    random = np.random.default_rng(n)
    vectors = (random.normal(size=(n, n_dims)) * np.linspace(3, 0.1, n_dims) + 2).astype(np.float32)
    found = fit_pca(vectors, 4)
    theirs = PCA(4, svd_solver="full", whiten=True).fit(vectors.astype(np.float64))
    assert np.allclose(found.mean, theirs.mean_, atol=1e-5)
    assert np.allclose(found.deviations, np.sqrt(theirs.explained_variance_), rtol=1e-5)
    signs = np.sign((found.components * theirs.components_).sum(axis=1))
    assert np.allclose(found.components, theirs.components_ * signs[:, None], atol=1e-5)
    assert np.allclose(
        found.apply(vectors, whiten=True), theirs.transform(vectors.astype(np.float64)) * signs, atol=1e-4
    )
    assert np.allclose(found.components @ found.components.T, np.eye(4), atol=1e-6)


def test_signs_do_not_depend_on_the_solver() -> None:
    vectors = np.random.default_rng(0).normal(size=(30, 8)).astype(np.float32)
    components = fit_pca(vectors, 5).components
    assert (components[np.arange(5), np.abs(components).argmax(axis=1)] > 0).all()
    assert np.allclose(fit_pca(vectors[::-1].copy(), 5).components, components, atol=1e-5)


def test_more_components_than_directions_are_refused() -> None:
    flat = np.outer(np.arange(10), [1, 2, 3]).astype(np.float32)
    with pytest.raises(
        QueryError, match=r"10 images vary in 1 directions, fewer than the 2 of pca\. Use pca:1"
    ):
        fit_pca(flat, 2)
    with pytest.raises(QueryError, match="vary in 0 directions"):
        fit_pca(np.ones((5, 3), np.float32), 1)
