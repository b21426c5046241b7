"""What is done to feature vectors before they are compared: length 1, PCA, whitening, signed power.

Sources: Razavian, Azizpour, Sullivan and Carlsson, "CNN Features off-the-shelf: an Astounding Baseline for
Recognition", CVPR Workshops 2014, section 4 (L2 normalise, PCA, whiten, L2 normalise, and a signed power); of whitening
for retrieval Jégou and Chum, "Negative evidences and co-occurrences in image retrieval: the benefit of PCA and
whitening", ECCV 2012; of the signed square root Perronnin, Sánchez and Mensink, "Improving the Fisher Kernel for
Large-Scale Image Classification", ECCV 2010.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dxr_dash.analysis.cores import one_blas_thread
from dxr_dash.errors import QueryError
from dxr_dash.records import DoubleArray, FloatArray

BLOCK_ROWS = 4_096
BLOCK_COLUMNS = 4_096
NO_VARIANCE = 1e-10  # of the largest one: less is rounding, and whitening would blow it up


@dataclass(frozen=True)
class Pca:
    """A fitted projection onto principal components.

    Attributes:
        mean: (D,) float32.
        components: (k, D) float32, orthonormal rows, the greatest variance first.
        deviations: (k,) float32 standard deviations along them.
    """

    mean: FloatArray
    components: FloatArray
    deviations: FloatArray

    def apply(self, vectors: FloatArray, *, whiten: bool) -> FloatArray:
        """Project (n, D) vectors: (n, k) float32; whitened, each component has variance 1 where it was fitted."""
        centred = vectors.astype(np.float64) - self.mean
        projected = centred @ self.components.T.astype(np.float64)
        return (projected / self.deviations if whiten else projected).astype(np.float32)


def unit_length(vectors: FloatArray) -> FloatArray:
    """Give (n, D) vectors length 1; a zero vector stays zero."""
    lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64))[:, None]
    units: FloatArray = np.divide(vectors, lengths, out=np.zeros(vectors.shape), where=lengths > 0).astype(
        np.float32
    )
    return units


def signed_power(vectors: FloatArray, exponent: float) -> FloatArray:
    """Raise the sizes of all values to a power; signs stay."""
    powers: FloatArray = np.copysign(np.abs(vectors) ** np.float32(exponent), vectors)
    return powers


def fit_pca(vectors: FloatArray, n_components: int) -> Pca:
    """Find the principal components of (n, D) vectors.

    By the eigenvectors of the covariance matrix, or, where there are fewer vectors than dimensions, of the matrix of
    their products: D x D or n x n numbers, whichever is less. The largest coefficient of each component is positive,
    so that the result does not depend on the library's choice of signs; nor does it on the number of cores, as one
    thread of the linear algebra library does the sums.

    Raises:
        QueryError: the vectors do not vary in so many directions.
    """
    import scipy.linalg  # noqa: F401 - what is loaded later would not be held to one thread

    with one_blas_thread:
        return _fitted(vectors, n_components)


def _fitted(vectors: FloatArray, n_components: int) -> Pca:
    from scipy import linalg  # takes a while to import

    n, n_dims = vectors.shape
    mean = vectors.mean(axis=0, dtype=np.float64)
    products = np.zeros((min(n, n_dims),) * 2)
    if n_dims <= n:
        for start in range(0, n, BLOCK_ROWS):
            block = vectors[start : start + BLOCK_ROWS] - mean
            products += block.T @ block
    else:
        for start in range(0, n_dims, BLOCK_COLUMNS):
            columns = slice(start, start + BLOCK_COLUMNS)
            block = vectors[:, columns] - mean[columns]
            products += block @ block.T
    found, directions = linalg.eigh(products)
    found, directions = found[::-1], directions[:, ::-1]  # greatest first
    n_varying = int(np.count_nonzero(found > NO_VARIANCE * max(float(found[0]), 0.0))) if found[0] > 0 else 0
    if n_components > n_varying:
        raise QueryError(
            f"The features of {n} images vary in {n_varying} directions, fewer than the {n_components} of pca.",
            f"Use pca:{n_varying} at most, or more images." if n_varying else "These images are all alike.",
        )
    kept, variances = directions[:, :n_components], found[:n_components]
    if n_dims > n:
        kept = _in_feature_space(vectors, mean, kept) / np.sqrt(variances)
    components = kept.T * np.sign(kept[np.abs(kept).argmax(axis=0), np.arange(n_components)])[:, None]
    deviations = np.sqrt(variances / max(n - 1, 1))
    return Pca(mean.astype(np.float32), components.astype(np.float32), deviations.astype(np.float32))


def _in_feature_space(vectors: FloatArray, mean: DoubleArray, weights: DoubleArray) -> DoubleArray:
    """Turn (n, k) weights of images into (D, k) directions, some columns at a time."""
    found = np.empty((vectors.shape[1], weights.shape[1]))
    for start in range(0, vectors.shape[1], BLOCK_COLUMNS):
        columns = slice(start, start + BLOCK_COLUMNS)
        found[columns] = (vectors[:, columns] - mean[columns]).T @ weights
    return found
