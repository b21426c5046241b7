"""Distances between feature vectors: one definition, float64 inside and float32 outside.

Blocks of the gallery are widened to float64 before they are multiplied. That costs a factor of two in the
product and buys three things: the expanded form of the Euclidean distance loses nothing that float32 could
show, identical vectors are exactly 0 apart, and two equal gallery images cannot end on different sides of a
comparison because the matrix product met them at different places (docs/statistics.md, "Ties").
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dxr_dash.errors import QueryError
from dxr_dash.records import DoubleArray, FloatArray, IntArray

METRICS = ("cosine", "euclidean")
NOISE = 1e-12
"""What counts as no difference: of cosine distances as they are, of squared Euclidean distances relative to
the two squared norms. Rounding in float64 stays below 1e-14 for any D in use; rounding the vectors to float32
moves a cosine distance near 0 by less than 1e-14 as well."""

BLOCK_NUMBERS = 8_388_608  # in one float64 buffer: 64 MiB
BLOCK_ROWS = 8_192  # longer blocks no longer speed up the product and fall out of the cache
NARROW_ROWS = 1_024  # for few queries the widened block is the largest array: it must stay in the cache
NARROW_QUERIES = 4
COMPILED_FROM = 8_388_608  # numbers in a gallery; below, a pass takes milliseconds anyhow


@dataclass(frozen=True)
class Reference:
    """Query vectors made ready for any number of blocks.

    Attributes:
        metric: one of METRICS.
        vectors: (Q, D) float64; of length 1 for cosine, where a zero vector stays zero.
        squares: (Q,) float64 squared norms before that.
    """

    metric: str
    vectors: DoubleArray
    squares: DoubleArray

    @classmethod
    def of(cls, vectors: npt.ArrayLike, metric: str) -> Reference:
        """Check (Q, D) vectors and prepare them.

        Raises:
            QueryError: the metric is unknown, the array is not two-dimensional, or it is not finite.
        """
        check_metric(metric)
        wide = np.array(vectors, dtype=np.float64)
        if wide.ndim != 2:
            raise QueryError(
                f"The query vectors have {wide.ndim} dimensions, not 2.", "Pass one row per image: (Q, D)."
            )
        if not np.isfinite(wide).all():
            raise QueryError(
                "A query vector holds a value that is not a finite number.", "Extract its features again."
            )
        squares = _squares(wide)
        if metric == "cosine":
            wide *= _inverse(np.sqrt(squares))[:, None]
        return cls(metric, wide, squares)

    def of_queries(self, places: IntArray) -> Reference:
        """Keep some of the queries: (q,) positions."""
        return Reference(self.metric, self.vectors[places], self.squares[places])

    def keys(self, block: DoubleArray, out: DoubleArray | None = None) -> DoubleArray:
        """Compare every query with (b, D) float64 vectors.

        Returns:
            (Q, b) float64, ordered as the distances are: the cosine distance in 0..2, or the *squared*
            Euclidean distance. Below NOISE it is exactly 0.
        """
        return self.keys_of(self._products(block, out), _squares(block))

    def keys_of(self, products: DoubleArray, squares: DoubleArray) -> DoubleArray:
        """Turn (Q, b) products with rows into keys, in place.

        Args:
            products: float64, of ``vectors`` with the rows.
            squares: (b,) squared norms of the rows.
        """
        if self.metric == "cosine":
            products *= -_inverse(np.sqrt(squares))
            products += 1.0
            np.minimum(products, 2.0, out=products)
            np.copyto(products, 0.0, where=products < NOISE)
            return products
        products *= -2.0
        products += self.squares[:, None]
        products += squares
        largest = self.squares.max(initial=0.0) + squares.max(initial=0.0)
        queries, rows = np.nonzero(products <= NOISE * largest)  # few: candidates for "the same image"
        same = products[queries, rows] <= NOISE * (self.squares[queries] + squares[rows])
        products[queries[same], rows[same]] = 0.0
        # An unequal pair beside a vector of huge norm is a candidate too; rounding may have made it negative.
        np.maximum(products, 0.0, out=products)
        return products

    def _products(self, block: DoubleArray, out: DoubleArray | None) -> DoubleArray:
        """Multiply every query with every row of a block: (Q, b) float64.

        For few queries the vectors' way from memory is the limit, and one core is enough for it. Threads of a BLAS
        would wait for each other at every block: twenty times as long on a machine that does something else as well.
        """
        if len(self.vectors) > NARROW_QUERIES:
            wide: DoubleArray = np.matmul(self.vectors, block.T, out=out)
            return wide
        products = np.empty((len(self.vectors), len(block))) if out is None else out
        for query, row in zip(self.vectors, products, strict=True):
            np.vecdot(block, query, out=row)
        return products


def same_rows(vectors: npt.NDArray[np.floating]) -> tuple[IntArray, IntArray]:
    """Group (n, D) vectors that are the same: (g,) row of the first of each group, and (n,) the group of each.

    Compared by their bytes, which is quicker than by their numbers; groups are in no order that means anything.
    """
    rows = np.ascontiguousarray(vectors) + vectors.dtype.type(0)  # -0 is 0
    if not rows.size:
        return np.zeros(min(len(rows), 1), np.int64), np.zeros(len(rows), np.int64)
    as_bytes = rows.view(f"V{rows.itemsize * rows.shape[1]}").ravel()
    _, first, group = np.unique(as_bytes, return_index=True, return_inverse=True)
    return first, group.ravel()


def check_metric(metric: str) -> None:
    """Raise QueryError unless ``metric`` is one that dxr knows."""
    if metric not in METRICS:
        raise QueryError(f"The metric {metric!r} is unknown.", f"Use one of: {', '.join(METRICS)}.")


def check_shape(reference: Reference, vectors: npt.NDArray[np.floating]) -> None:
    """Raise QueryError unless a gallery has as many dimensions as the queries."""
    n_dimensions = reference.vectors.shape[1]
    if vectors.ndim != 2 or vectors.shape[1] != n_dimensions:
        raise QueryError(
            f"The query has {n_dimensions} features per image, but the gallery has shape {vectors.shape}.",
            "Use the same network and layer for both.",
        )


def from_keys(keys: npt.ArrayLike, metric: str) -> DoubleArray:
    """Turn what Reference.keys gives into distances."""
    wide = np.asarray(keys, dtype=np.float64)
    return np.sqrt(wide) if metric == "euclidean" else wide


def to_keys(values: npt.ArrayLike, metric: str) -> DoubleArray:
    """Turn distances into what Reference.keys gives; a negative one, met only as a bound, becomes 0."""
    wide = np.maximum(np.asarray(values, dtype=np.float64), 0.0)
    return np.square(wide) if metric == "euclidean" else wide


def block_rows(n_queries: int, n_dimensions: int) -> int:
    """Choose how many gallery rows to take at once, so that no buffer outgrows BLOCK_NUMBERS by much."""
    widest = max(n_queries, n_dimensions, 1)
    longest = NARROW_ROWS if n_queries <= NARROW_QUERIES else BLOCK_ROWS
    return max(256, min(longest, BLOCK_NUMBERS // widest))


def key_blocks(
    reference: Reference, vectors: npt.NDArray[np.floating], block: int | None = None
) -> Iterator[tuple[int, DoubleArray]]:
    """Pass once over (N, D) vectors, which may be memory-mapped and read-only.

    Yields:
        The first row of a block, and its (Q, b) keys. The array is used again for the next block.

    Raises:
        QueryError: the vectors have another number of dimensions than the queries.
    """
    n_queries, n_dimensions = reference.vectors.shape
    check_shape(reference, vectors)
    step = min(block or block_rows(n_queries, n_dimensions), max(len(vectors), 1))
    wide = np.empty((step, n_dimensions))
    keys = np.empty((n_queries, step))
    for start in range(0, len(vectors), step):
        rows = vectors[start : start + step]
        n_rows = len(rows)
        np.copyto(wide[:n_rows], rows)
        # A slice of columns is not contiguous, and matmul would copy it: the last block gets its own array.
        yield start, reference.keys(wide[:n_rows], keys if n_rows == step else None)


def distances(queries: npt.ArrayLike, vectors: npt.NDArray[np.floating], *, metric: str) -> FloatArray:
    """Measure how far each query is from each gallery image.

    Cosine: 1 - cosine similarity, clipped to 0..2; a zero vector is 1 from everything, another zero vector
    included (scikit-learn's convention), since it has no direction. Euclidean: the expanded form in float64;
    its error is below 1e-8 times the longer norm. In both, identical vectors are exactly 0 apart.

    Args:
        queries: (Q, D).
        vectors: (N, D), may be memory-mapped.
        metric: "cosine" or "euclidean".

    Returns:
        (Q, N) float32.

    Raises:
        QueryError: an unknown metric, unequal D, or a query that is not finite.
    """
    reference = Reference.of(queries, metric)
    result = np.empty((len(reference.vectors), len(vectors)), dtype=np.float32)
    if len(result) <= NARROW_QUERIES and vectors.dtype == np.float32 and vectors.size >= COMPILED_FROM:
        from dxr_dash.analysis.few_queries import (
            key_tiles,
        )  # brings numba, which small arrays should not wait for

        tiles = key_tiles(reference, vectors)
    else:
        tiles = key_blocks(reference, vectors)
    for start, keys in tiles:
        result[:, start : start + keys.shape[1]] = from_keys(keys, metric)
    return result


def pair_distances(
    vectors: npt.NDArray[np.floating],
    left: npt.ArrayLike,
    right: npt.ArrayLike,
    *,
    metric: str,
    block: int | None = None,
) -> FloatArray:
    """Measure the distance of each pair of gallery rows, a block of pairs at a time.

    Args:
        vectors: (N, D), may be memory-mapped.
        left: (M,) rows.
        right: (M,) rows.
        metric: "cosine" or "euclidean".
        block: pairs held at once.

    Returns:
        (M,) float32, as ``distances`` defines them.
    """
    check_metric(metric)
    left_rows = np.asarray(left, dtype=np.int64)
    right_rows = np.asarray(right, dtype=np.int64)
    step = block or max(1, BLOCK_NUMBERS // 8 // max(vectors.shape[1], 1))
    result = np.empty(len(left_rows), dtype=np.float32)
    for start in range(0, len(left_rows), step):
        part = slice(start, start + step)
        a = vectors[left_rows[part]].astype(np.float64)
        b = vectors[right_rows[part]].astype(np.float64)
        result[part] = _cosine(a, b) if metric == "cosine" else _euclidean(a, b)
    return result


def row_norms(vectors: npt.NDArray[np.floating], *, block: int = 8_192) -> FloatArray:
    """Measure the Euclidean length of each row of (N, D) vectors: (N,) float32."""
    result = np.empty(len(vectors), dtype=np.float32)
    for start in range(0, len(vectors), block):
        rows = vectors[start : start + block].astype(np.float64)
        result[start : start + block] = np.sqrt(_squares(rows))
    return result


def distance_range(metric: str, norms: npt.NDArray[np.floating] | None = None) -> float:
    """Give a distance that no pair exceeds: 2 for cosine, twice the largest norm for Euclidean.

    Args:
        metric: "cosine" or "euclidean".
        norms: (N,) from ``row_norms``, needed for Euclidean only.
    """
    check_metric(metric)
    if metric == "cosine":
        return 2.0
    if norms is None:
        raise QueryError("A bound on Euclidean distances needs the norms.", "Pass row_norms(vectors).")
    return 2.0 * float(norms.max(initial=0.0))


def as_rows(rows: npt.ArrayLike, n_images: int) -> IntArray:
    """Check that rows are whole numbers in 0..N-1 and return them as (m,) int64."""
    checked = np.asarray(rows)
    if checked.size == 0:
        return np.empty(0, dtype=np.int64)
    if checked.dtype.kind not in "iu" or checked.min() < 0 or checked.max() >= n_images:
        raise QueryError(
            "A row was asked for that is not in the gallery.", f"Use whole numbers from 0 to {n_images - 1}."
        )
    return checked.astype(np.int64)


def _squares(rows: DoubleArray) -> DoubleArray:
    squares: DoubleArray = np.einsum("ij,ij->i", rows, rows)
    return squares


def _inverse(norms: DoubleArray) -> DoubleArray:
    """Invert, and leave 0 where the norm is 0: a product with it then says "at a right angle", distance 1."""
    return np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0.0)


def _cosine(a: DoubleArray, b: DoubleArray) -> DoubleArray:
    products: DoubleArray = np.einsum("ij,ij->i", a, b)
    values: DoubleArray = 1.0 - products * _inverse(np.sqrt(_squares(a))) * _inverse(np.sqrt(_squares(b)))
    values[values < NOISE] = 0.0
    np.minimum(values, 2.0, out=values)
    return values


def _euclidean(a: DoubleArray, b: DoubleArray) -> DoubleArray:
    result: DoubleArray = np.sqrt(_squares(a - b))
    return result
