"""A few queries against a large gallery, as quick as the vectors come from the memory; exact, as all distances are."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from dxr_dash.analysis import kernels
from dxr_dash.analysis.cores import n_cores
from dxr_dash.analysis.distances import Reference, check_shape
from dxr_dash.records import DoubleArray, FloatArray

ROWS = 16_384  # of a tile


def key_tiles(
    reference: Reference, vectors: FloatArray, n_threads: int | None = None
) -> Iterator[tuple[int, DoubleArray]]:
    """Pass once over (N, D) float32 vectors, one thread a core: ``distances.key_blocks`` for a few queries.

    Yields:
        The first row of a tile, and its (Q, b) keys, in the order of the rows. They do not depend on the threads.
    """
    check_shape(reference, vectors)

    def keys(start: int) -> DoubleArray:
        rows = np.ascontiguousarray(vectors[start : start + ROWS]).view()
        rows.flags.writeable = False  # as memory-mapped ones are: one compiled loop serves both
        products, squares = np.empty((len(reference.vectors), len(rows))), np.empty(len(rows))
        kernels.products_of_few(reference.vectors, rows, products, squares)
        return reference.keys_of(products, squares)

    starts = range(0, len(vectors), ROWS)
    with ThreadPoolExecutor(n_threads or n_cores()) as threads:
        yield from zip(starts, threads.map(keys, starts), strict=True)
