"""Compiled loops over tiles of keys: counting, keeping the nearest, and measuring single pairs in float64.

Every pair is measured by ``exact_key`` or, in tiles that are float64 as a whole, by a matrix product; both agree to
far less than ``distances.NOISE``. All release the interpreter lock and are kept on the disk once compiled.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from dxr_dash.analysis.distances import NOISE

STEP = 25  # bits that count the thresholds below a cell
BELOW = np.uint32((1 << STEP) - 1)
MANY = np.uint32(1 << 31)
STEPS = np.uint32(MANY - 1 - BELOW)
SUMS = {"reassoc", "contract", "nsz"}  # sums may be split over vector registers; NaN and infinity still count


@numba.njit(nogil=True, cache=True, fastmath=SUMS)
def squares(block: Any, out: Any) -> None:
    """Sum the squares of each of (b, D) float32 rows in float64: (b,)."""
    for r in range(block.shape[0]):
        total = 0.0
        for c in range(block.shape[1]):
            x = np.float64(block[r, c])
            total += x * x
        out[r] = total


@numba.njit(nogil=True, cache=True, fastmath=SUMS)
def dot(left: Any, right: Any) -> float:
    """Multiply two (D,) vectors in float64, wherever they come from."""
    total = 0.0
    for c in range(left.shape[0]):
        total += np.float64(left[c]) * np.float64(right[c])
    return total


@numba.njit(nogil=True, cache=True, fastmath=SUMS)
def products_of_few(queries: Any, block: Any, out: Any, row_squares: Any) -> None:
    """Multiply (q, D) float64 queries with (b, D) float32 rows, q small: (q, b), and the rows' squares.

    A row comes from memory once and is widened in registers: the memory is the only limit.
    """
    for r in range(block.shape[0]):
        product, total = 0.0, 0.0
        for c in range(block.shape[1]):
            x = np.float64(block[r, c])
            product += x * queries[0, c]
            total += x * x
        out[0, r] = product
        row_squares[r] = total
        for q in range(1, queries.shape[0]):
            out[q, r] = dot(queries[q], block[r])


@numba.njit(nogil=True, cache=True)
def measured(pairs: Any, q: int, r: int) -> float:
    """Measure one pair as ``Reference.keys`` does; ``pairs`` as in ``count``."""
    queries, rows, query_squares, row_squares, cosine = pairs
    product = dot(queries[q], rows[r])
    if cosine:
        key = 1.0 - product / np.sqrt(row_squares[r]) if row_squares[r] > 0.0 else 1.0
        return 0.0 if key < NOISE else min(key, 2.0)
    both = query_squares[q] + row_squares[r]
    key = both - 2.0 * product
    return 0.0 if key <= NOISE * both else key


@numba.njit(nogil=True, cache=True, fastmath={"nnan", "ninf", "nsz"})
def products_to_keys(products: Any, of_query: Any, of_row: Any, factor: Any) -> None:
    """Turn (q, b) float32 products into keys in place, ``of_query + of_row + factor * product``."""
    for q in range(products.shape[0]):
        first = of_query[q]
        for r in range(products.shape[1]):
            products[q, r] = (first + of_row[r]) + factor[r] * products[q, r]


@numba.njit(nogil=True, cache=True)
def largest_key(keys: Any, above: float, pairs: Any) -> float:
    """Measure the keys larger than ``above`` in float64, and return the largest; ``pairs`` as in ``count``."""
    largest = 0.0
    for q in range(keys.shape[0]):
        for r in range(keys.shape[1]):
            if keys[q, r] > above:
                largest = max(largest, measured(pairs, q, r))
    return largest


@numba.njit(nogil=True, cache=True)
def make_cells(thresholds: Any, scale: float, width: Any, cells: Any, edges: Any) -> None:
    """Say for each cell of a grid of keys how many of the thresholds lie below it, and where the next ones are.

    Args:
        thresholds: (q, T) float64, ascending.
        scale: cells in a unit of the keys; the last cell has no upper end.
        width: (q,) how near to an edge a key is looked at more closely; several thresholds in half of it are one edge.
        cells: (q, G) uint32, written: thresholds below the cell; above STEP those at its edge; MANY where it has
            more than one edge.
        edges: (q, G) float32, written: the edge; infinity where a cell has none.
    """
    n_cells, n_thresholds = cells.shape[1], thresholds.shape[1]
    for q in range(cells.shape[0]):
        below = 0
        margin = width[q] + 1e-6 / scale  # and what float32 may do to the place in the grid
        for cell in range(n_cells):
            low = cell / scale * (1.0 - 1e-6) - margin if cell else -np.inf
            high = (cell + 1) / scale * (1.0 + 1e-6) + margin if cell < n_cells - 1 else np.inf
            while below < n_thresholds and thresholds[q, below] <= low:
                below += 1
            after = below
            while after < n_thresholds and thresholds[q, after] <= high:
                after += 1
            cells[q, cell], edges[q, cell] = below, np.inf
            if after > below:
                edges[q, cell] = thresholds[q, below]
                if after - below < 64 and thresholds[q, after - 1] - thresholds[q, below] <= 0.5 * width[q]:
                    cells[q, cell] = below + ((after - below) << STEP)
                else:
                    cells[q, cell] = below + MANY


@numba.njit(nogil=True, cache=True, fastmath={"nnan", "ninf", "nsz"})
def in_grid(keys: Any, scale: Any, last: Any, places: Any) -> None:
    """Find the cells of (b,) keys: (b,) uint32."""
    zero = keys.dtype.type(0)
    for r in range(keys.shape[0]):
        places[r] = np.uint32(np.int32(max(min(keys[r] * scale, last), zero)))


@numba.njit(nogil=True, cache=True)
def count(
    keys: Any,
    scale: float,
    slack: Any,
    width: Any,
    thresholds: Any,
    cells: Any,
    edges: Any,
    counts: Any,
    pairs: Any,
) -> int:
    """Count each key between its neighbouring thresholds; what is too near to one is measured in float64.

    Args:
        keys: (q, b) float32 or float64.
        scale, width, thresholds, cells, edges: as in ``make_cells``.
        slack: (q,) how far a key may be off, at most half of ``width``; 0 where keys are float64.
        counts: (q, T + 1) int32, added to.
        pairs: (q, D) float64 queries, (b, D) float32 rows, the squares of both, and whether the metric is cosine.

    Returns:
        How many were measured.
    """
    n_measured, n_close = 0, np.int64(0)
    places = np.empty(keys.shape[1], np.uint32)
    close = np.empty(keys.shape[1] + 1, np.int32)
    n_thresholds = thresholds.shape[1]
    for q in range(keys.shape[0]):
        of_query, edge_of, counted, bounds, margin = cells[q], edges[q], counts[q], thresholds[q], slack[q]
        near = keys.dtype.type(width[q])
        row = keys[q]
        in_grid(row, keys.dtype.type(scale), keys.dtype.type(cells.shape[1] - 1), places)
        n_close = np.int64(0)
        for r in range(keys.shape[1]):
            # without a branch that depends on the key: half of the guesses about it would be wrong
            cell = of_query[places[r]]
            over = row[r] - edge_of[places[r]]
            slow = np.int64((cell >= MANY) | (abs(over) <= near))
            counted[np.int64(cell & BELOW) + np.int64((cell & STEPS) >> STEP) * np.int64(over > 0)] += (
                1 - slow
            )
            close[n_close] = r
            n_close += slow
        for one in range(n_close):
            r = close[one]
            place = np.int64(of_query[places[r]] & BELOW)
            key: float = np.float64(row[r])
            while place < n_thresholds and bounds[place] <= key - margin:
                place += 1
            if margin > 0.0 and place < n_thresholds and bounds[place] <= key + margin:
                n_measured += 1
                key = measured(pairs, q, r)
                while place < n_thresholds and bounds[place] <= key:
                    place += 1
            counted[place] += 1
    return n_measured


@numba.njit(nogil=True, cache=True)
def leave_out(columns: Any, keys: Any, slack: Any, thresholds: Any, counts: Any, pairs: Any) -> None:
    """Take the keys of some columns out of the counts again: of members, which are not compared."""
    for q in range(keys.shape[0]):
        for r in columns:
            key = measured(pairs, q, r) if slack[q] > 0.0 else np.float64(keys[q, r])
            counts[q, np.searchsorted(thresholds[q], key, side="right")] -= 1


@numba.njit(nogil=True, cache=True)
def shown(key: float, low: Any, high: Any, distance: Any, euclidean: bool) -> Any:
    """Turn the key of one query into a float32 distance; one equal to a member's becomes that number."""
    place = np.searchsorted(low, key, side="right") - 1
    if place >= 0 and key <= high[place]:
        return distance[place]
    return np.float32(np.sqrt(key)) if euclidean else np.float32(key)


@numba.njit(nogil=True, cache=True)
def keep_nearest(
    keys: Any,
    slack: Any,
    first_row: int,
    hidden: Any,
    bounds: Any,
    limits: Any,
    rows: Any,
    distances: Any,
    pairs: Any,
) -> None:
    """Keep the k nearest of each query; of equal distances those of the lowest rows.

    Args:
        keys, slack, pairs: as in ``count``.
        first_row: the gallery row of column 0.
        hidden: (b,) bool, columns that do not count.
        bounds: low, high and distance, (q, Q) each, as in ``set_distances``.
        limits: (q,) float64, the key that the next one must not exceed; kept.
        rows, distances: (q, k) int64 and float32, nearest first; kept.
    """
    k = rows.shape[1]
    low, high, distance = bounds
    for q in range(keys.shape[0]):
        limit = keys.dtype.type(limits[q] + slack[q])
        nearest = keys.dtype.type(np.inf)
        for r in range(keys.shape[1]):
            nearest = min(nearest, keys[q, r])
        if nearest > limit:
            continue
        for r in range(keys.shape[1]):
            if keys[q, r] > limit or hidden[r]:
                continue
            key = measured(pairs, q, r) if slack[q] > 0.0 else np.float64(keys[q, r])
            far = shown(key, low[q], high[q], distance[q], not pairs[4])
            row = first_row + r
            if far > distances[q, k - 1] or (far == distances[q, k - 1] and row >= rows[q, k - 1] >= 0):
                continue
            place = k - 1
            while place > 0 and (
                rows[q, place - 1] < 0
                or far < distances[q, place - 1]
                or (far == distances[q, place - 1] and row < rows[q, place - 1])
            ):
                distances[q, place], rows[q, place] = distances[q, place - 1], rows[q, place - 1]
                place -= 1
            distances[q, place], rows[q, place] = far, row
            if rows[q, k - 1] >= 0:
                worst = np.float64(np.nextafter(distances[q, k - 1], np.float32(np.inf)))
                limits[q] = worst * worst if not pairs[4] else worst
                limit = keys.dtype.type((limits[q] + slack[q]) * (1.0 + 1e-6))


@numba.njit(nogil=True, cache=True)
def nearest_of_all(keys: Any, slack: Any, first_query: int, best: Any, members: Any, pairs: Any) -> int:
    """Note for each column the nearest of all queries seen; of equally near ones the first.

    Args:
        keys, slack, pairs: as in ``count``; infinite keys do not count.
        first_query: the number of the first query.
        best: (b,) float64 keys; kept.
        members: (b,) int64 numbers of the queries; kept.

    Returns:
        How many keys were measured.
    """
    widest, n_measured = 0.0, 0
    for q in range(keys.shape[0]):
        widest = max(widest, slack[q])
    limits = np.empty(keys.shape[1], keys.dtype)
    for r in range(keys.shape[1]):
        limits[r] = best[r] + widest
    for q in range(keys.shape[0]):
        for r in range(keys.shape[1]):
            limits[r] = min(limits[r], keys[q, r] + keys.dtype.type(2.0 * widest))
    for q in range(keys.shape[0]):
        for r in range(keys.shape[1]):
            if keys[q, r] <= limits[r] and keys[q, r] < np.inf:
                key: float = np.float64(keys[q, r])
                if slack[q] > 0.0:
                    n_measured += 1
                    key = measured(pairs, q, r)
                if key < best[r]:
                    best[r], members[r] = key, first_query + q
    return n_measured


@numba.njit(nogil=True, cache=True)
def halves_not_farther(others: Any, members: Any) -> int:
    """Count, in rows of ascending (q, n) and (q, m) float32, the pairs of another that is nearer than a member.

    Returns:
        Twice their number, and once that of the pairs that are equally near.
    """
    halves = 0
    for q in range(members.shape[0]):
        n_nearer, n_not_farther = 0, 0
        for m in range(members.shape[1]):
            far = members[q, m]
            while n_nearer < others.shape[1] and others[q, n_nearer] < far:
                n_nearer += 1
            n_not_farther = max(n_not_farther, n_nearer)
            while n_not_farther < others.shape[1] and others[q, n_not_farther] == far:
                n_not_farther += 1
            halves += n_nearer + n_not_farther
    return halves
