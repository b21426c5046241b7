from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from dxr_dash.analysis.disagreement import disagreement, most_different, shared_neighbours
from dxr_dash.errors import QueryError
from dxr_dash.records import FloatArray, IntArray

Graph = tuple[IntArray, FloatArray]


def graph_of(vectors: np.ndarray, n_columns: int) -> Graph:
    """The neighbour graph by brute force; equal distances in row order."""
    far = cdist(vectors, vectors)
    np.fill_diagonal(far, np.inf)
    rows = np.argsort(far, axis=1, kind="stable")[:, :n_columns]
    return rows, np.take_along_axis(far, rows, axis=1).astype(np.float32)


def choices(rows: list[int], far: list[float], k: int) -> list[set[int]]:
    """Every list of k nearest that some order of equal distances gives."""
    pairs = [(row, one) for row, one in zip(rows, far, strict=True) if row >= 0]
    k = min(k, len(pairs))
    if not k:
        return [set()]
    bound = pairs[k - 1][1]
    nearer = {row for row, one in pairs if one < bound}
    tied = [row for row, one in pairs if one == bound]
    return [nearer | set(some) for some in combinations(tied, k - len(nearer))]


def most_shared(first: Graph, second: Graph, k: int) -> list[int]:
    """The same count by trying every order of equal distances."""
    counts = []
    for row in range(len(first[0])):
        ways = [choices(rows[row].tolist(), far[row].tolist(), k) for rows, far in (first, second)]
        counts.append(max(len(a & b) for a in ways[0] for b in ways[1]))
    return counts


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Graph, Graph, int]:
    """Two graphs of a few images, with many equal distances, and with neighbours that were not found."""
    n_images = draw(st.integers(3, 8))
    n_columns = draw(st.integers(1, n_images - 1))
    found = []
    for _ in range(2):
        places = draw(st.lists(st.integers(0, 3), min_size=n_images, max_size=n_images))
        rows, far = graph_of(np.array(places, float)[:, None], n_columns)
        n_found = np.array(draw(st.lists(st.integers(0, n_columns), min_size=n_images, max_size=n_images)))
        none = np.arange(n_columns) >= n_found[:, None]
        found.append((np.where(none, -1, rows), np.where(none, np.inf, far).astype(np.float32)))
    return found[0], found[1], draw(st.integers(1, n_columns))


def test_neighbours_in_common_are_counted_whatever_their_order() -> None:
    first = np.array([[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]])
    second = np.array([[2, 1, 4], [4, 5, 6], [1, 4, 0], [2, 1, 0]])
    far = np.tile(np.array([1, 2, 3], np.float32), (4, 1))
    shared, possible = shared_neighbours(first, far, second, far, 2)
    assert shared.tolist() == [2, 0, 1, 1]
    assert possible.tolist() == [2, 2, 2, 2]


def test_what_the_graph_did_not_find_is_in_common_with_nothing() -> None:
    first, second = np.array([[1, -1, -1], [-1, -1, -1]]), np.array([[1, -1, -1], [0, 2, 3]])
    far = np.where(first >= 0, 1, np.inf).astype(np.float32)
    other_far = np.where(second >= 0, 1, np.inf).astype(np.float32)
    shared, possible = shared_neighbours(first, far, second, other_far, 3)
    assert shared.tolist() == [1, 0]
    assert possible.tolist() == [1, 0]
    found = disagreement(("a", "b"), ((first, far), (second, other_far)), k=3)
    assert found.shares.tolist()[0] == 1
    assert np.isnan(found.shares[1])
    assert found.mean == 1
    assert found.none_shared == 0
    assert found.order.tolist() == [0, 1]


@given(graphs())
def test_equal_distances_count_as_any_order_of_them_could(case: tuple[Graph, Graph, int]) -> None:
    first, second, k = case
    shared, possible = shared_neighbours(*first, *second, k)
    assert shared.tolist() == most_shared(first, second, k)
    backwards, _ = shared_neighbours(*second, *first, k)
    assert backwards.tolist() == shared.tolist()
    assert (shared <= possible).all()
    itself, full = shared_neighbours(*first, *first, k)
    assert itself.tolist() == full.tolist()


@pytest.mark.parametrize("k", [1, 5, 15])
def test_it_agrees_with_sets_on_real_valued_vectors(k: int) -> None:
    random = np.random.default_rng(3)
    vectors = random.normal(size=(300, 20))
    first, second = graph_of(vectors, 30), graph_of(vectors[:, :6], 30)
    found = disagreement(("a", "b"), (first, second), k=k)
    wanted = [
        len(set(a[:k].tolist()) & set(b[:k].tolist())) / k for a, b in zip(first[0], second[0], strict=True)
    ]
    np.testing.assert_allclose(found.shares, wanted, rtol=1e-6)
    assert found.mean == pytest.approx(np.mean(wanted))
    assert found.none_shared == pytest.approx(np.mean(np.array(wanted) == 0))
    assert found.chance == pytest.approx(k / 299)
    assert found.mean > 3 * found.chance
    assert (np.diff(found.shares[found.order]) >= 0).all()


def test_unrelated_spaces_have_in_common_what_chance_gives() -> None:
    random = np.random.default_rng(5)
    first, second = (graph_of(random.normal(size=(1_000, 8)), 16) for _ in range(2))
    found = disagreement(("a", "b"), (first, second), k=15)
    # the mean of 1,000 nearly independent counts of mean 0.225 and variance below 0.23, out of 15
    assert abs(found.mean - found.chance) < 4 * np.sqrt(0.23 / 1_000) / 15


def test_among_equals_come_those_first_whose_neighbours_are_near_in_both() -> None:
    shares = np.array([0.5, 0, 0, 0, np.nan], np.float32)
    first = np.array([[1, 1], [9, 9], [2, 2], [3, 3], [1, 1]], np.float32)
    second = np.array([[1, 1], [1, 1], [2, 2], [9, 9], [1, 1]], np.float32)
    assert most_different(shares, first, second).tolist() == [2, 1, 3, 0, 4]


@given(graphs(), st.randoms(use_true_random=False))
def test_renumbering_the_images_renumbers_the_shares(case: tuple[Graph, Graph, int], random: object) -> None:
    first, second, k = case
    n_images = len(first[0])
    new = np.array(random.sample(range(n_images), n_images))  # type: ignore[attr-defined]

    def renumbered(graph: Graph) -> Graph:
        rows, far = np.empty_like(graph[0]), np.empty_like(graph[1])
        rows[new] = np.where(graph[0] >= 0, new[graph[0]], -1)
        far[new] = graph[1]
        return rows, far

    before = disagreement(("a", "b"), (first, second), k=k)
    after = disagreement(("a", "b"), (renumbered(first), renumbered(second)), k=k)
    np.testing.assert_array_equal(after.shares[new], before.shares)


def test_the_sentence_says_the_figures_and_what_approximate_graphs_miss() -> None:
    random = np.random.default_rng(3)
    vectors = random.normal(size=(61, 20))
    graphs = graph_of(vectors, 15), graph_of(vectors[:, :6], 15)
    found = disagreement(("deep", "tiny"), graphs, k=15)
    assert found.sentence.startswith("Of an image's 15 nearest images, deep and tiny have ")
    assert "unrelated spaces would have 25 %" in found.sentence
    assert found.mind == ""
    mind = disagreement(("deep", "tiny"), graphs, k=15, recalls=(0.987, None)).mind
    assert "0.987 of the true neighbours of deep." in mind
    assert "tiny" not in mind


def test_one_image_alone_has_nothing_to_compare() -> None:
    alone = np.empty((1, 0), np.int64), np.empty((1, 0), np.float32)
    found = disagreement(("a", "b"), (alone, alone), k=0)
    assert "too few images" in found.sentence
    assert found.order.tolist() == [0]


def test_more_neighbours_than_the_graphs_hold_are_refused() -> None:
    graph = graph_of(np.arange(6.0)[:, None], 4)
    shorter = graph_of(np.arange(6.0)[:, None], 3)
    for k in (0, 4):
        with pytest.raises(QueryError, match=f"k is {k}, but the graphs hold 3 neighbours. Use 1 to 3"):
            shared_neighbours(*graph, *shorter, k)
    with pytest.raises(QueryError, match="one collection"):
        shared_neighbours(*graph, shorter[0][:2], shorter[1][:2], 1)
