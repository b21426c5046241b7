from __future__ import annotations

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from dxr_dash import settings
from dxr_dash.analysis.distances import distances
from dxr_dash.analysis.instead import Values, false_discovery_rates, instead, own_values, retrieved_images
from dxr_dash.analysis.said import also_of_x, rounded_up
from dxr_dash.analysis.said import instead as said_instead
from dxr_dash.records import FloatArray, IntArray
from tests.analysis.sets import gallery_set, normal, outside_set

Found = tuple[FloatArray, IntArray]


def kinds(n_images: int, n_kinds: int, *, spread: float = 0.2, seed: int = 0) -> Found:
    """Kinds of things, far apart."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(n_kinds, size=n_images)
    vectors = rng.standard_normal((n_kinds, 12))[codes] + spread * rng.standard_normal((n_images, 12))
    return vectors.astype(np.float32), codes


def named(codes: IntArray) -> Values:
    return Values("label", codes, [f"kind {code}" for code in range(int(codes.max()) + 1)])


def occurrence(vectors: FloatArray, k: int = 10) -> IntArray:
    far = distances(vectors, vectors, metric="cosine")
    np.fill_diagonal(far, np.inf)
    return np.bincount(np.argsort(far, axis=1)[:, :k].ravel(), minlength=len(vectors))


@examples(max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_every_retrieved_image_counts_once_for_the_member_it_is_nearest_to(seed: int) -> None:
    vectors = normal(60, 3, seed=seed % 1000)
    rows = np.random.default_rng(seed).choice(60, 9, replace=False)
    found = retrieved_images(gallery_set(vectors, rows, metric="cosine"), k=5)
    far = distances(vectors[rows], vectors, metric="cosine")
    far[:, rows] = np.inf
    nearest = np.argsort(far, axis=1, kind="stable")[:, :5]
    assert sorted(found.rows) == sorted(set(nearest.ravel()))
    assert (np.diff(found.distances) >= 0).all()
    for row, member, distance in zip(found.rows, found.members, found.distances, strict=True):
        asked = [q for q in range(9) if row in nearest[q]]
        assert distance == min(far[q, row] for q in asked)
        assert far[member, row] == distance


@examples(max_examples=100)
@given(st.lists(st.floats(0, 1), max_size=30))
def test_the_correction_is_that_of_scipy(p_values: list[float]) -> None:
    expected = false_discovery_control(p_values) if p_values else []
    np.testing.assert_allclose(false_discovery_rates(p_values), expected, atol=1e-12)


def test_the_p_value_is_the_hypergeometric_one_with_one_vote_for_each_member() -> None:
    # Twelve members on a line, each beside one gallery image of its own; seven of those are of kind 1.
    places = np.arange(12.0) * 10
    gallery = np.concatenate([places + 1, np.arange(28) * 10.0 + 1000])
    codes = np.zeros(40, np.int64)
    codes[:7] = codes[30:32] = 1
    vectors = np.column_stack([gallery, np.zeros(40)]).astype(np.float32)
    found = outside_set(np.column_stack([places, np.zeros(12)]).astype(np.float32), vectors)
    (one,), n_values = instead(found, [named(codes)], np.ones(40, np.int64), k=1)
    expected = sum(comb(9, hits) * comb(31, 12 - hits) for hits in range(7, 10)) / comb(40, 12)
    assert one.p_value == pytest.approx(expected)
    assert one.q_value == pytest.approx(2 * expected)
    assert (one.value, one.n_found, one.n_retrieved, n_values) == ("kind 1", 7, 12, 2)
    assert one.lift.value == pytest.approx((7 / 12) / (9 / 40))
    assert one.lift.low < one.lift.value < one.lift.high
    assert one.examples.tolist() == list(range(6))
    assert (one.n_members, one.n_known) == (0, 0)
    assert said_instead(one).startswith("7 of 12 nearest, 2.6 times chance (")
    assert also_of_x(one) == ""


def test_neighbours_of_one_member_are_one_vote() -> None:
    vectors, codes = kinds(300, 6)
    codes[codes == 5] = 4
    lonely = np.flatnonzero(codes == 0)[:1]
    rest = np.flatnonzero(codes == 1)[:9]
    found = gallery_set(vectors, np.concatenate([lonely, rest]), metric="cosine")
    values, _ = instead(found, [named(codes)], occurrence(vectors))
    assert [one.value for one in values] == ["kind 1"]
    assert (values[0].n_members, values[0].n_known) == (9, 10)
    assert also_of_x(values[0]) == "9 of 10 images of X are, too"


def test_what_everybody_retrieves_is_not_said_of_x() -> None:
    vectors, codes = normal(400, 40), np.zeros(400, np.int64)
    hubs = np.arange(20)
    vectors[hubs] *= np.float32(0.05)  # near the middle of everything
    codes[hubs] = 1
    far = distances(vectors, vectors, metric="euclidean")
    np.fill_diagonal(far, np.inf)
    often = np.bincount(np.argsort(far, axis=1)[:, :10].ravel(), minlength=400)
    rows = np.random.default_rng(0).choice(np.arange(20, 400), 30, replace=False)
    found = gallery_set(vectors, rows)
    assert instead(found, [named(codes)], np.ones(400, np.int64))[0]
    assert not instead(found, [named(codes)], often)[0]


def test_a_cluster_that_is_a_label_is_not_said_twice() -> None:
    vectors, codes = kinds(300, 6)
    rows = np.flatnonzero(codes == 2)[:20]
    clusters = Values("cluster", codes, [f"cluster {code}" for code in range(6)])
    values, n_values = instead(
        gallery_set(vectors, rows, metric="cosine"), [named(codes), clusters], occurrence(vectors)
    )
    assert [(one.kind, one.value) for one in values] == [("label", "kind 2")]
    assert n_values == 12


@pytest.mark.parametrize("spread", [0.2, 1.0])
@pytest.mark.parametrize("n_images", [6, 40])
def test_random_sets_get_a_false_instead_no_more_often_than_stated(spread: float, n_images: int) -> None:
    vectors, codes = kinds(500, 20, spread=spread)
    often = occurrence(vectors)
    rng = np.random.default_rng(1)
    sorts = [named(codes), named(rng.integers(0, 5, 500))]
    false = 0
    for _ in range(150):
        rows = rng.choice(500, n_images, replace=False)
        found = gallery_set(vectors, rows, metric="cosine", k=settings.INSTEAD_AT)
        false += bool(instead(found, sorts, often, draws=20)[0])
    assert false <= settings.INSTEAD_RATE * 150


def test_a_diverse_set_retrieves_each_image_s_own_kind() -> None:
    vectors, codes = kinds(400, 10)
    rows = np.concatenate([np.flatnonzero(codes == code)[:3] for code in range(10)])
    found = gallery_set(vectors, rows, metric="cosine")
    (one,) = own_values(found, [named(codes), named(np.random.default_rng(5).integers(0, 8, 400))])
    assert (one.kind, one.n_images, one.n_values) == ("label", 30, 10)
    assert one.share.value > 0.9
    assert one.share.chance == pytest.approx(0.1, abs=0.02)
    assert one.share.low <= one.share.value <= one.share.high
    assert not instead(found, [named(codes)], occurrence(vectors))[0]


def test_a_set_of_one_kind_and_images_from_outside_have_no_own_kinds() -> None:
    vectors, codes = kinds(400, 10)
    rows = np.flatnonzero(codes == 3)
    assert own_values(gallery_set(vectors, rows[:20], metric="cosine"), [named(codes)]) == ()
    assert own_values(gallery_set(vectors, rows, metric="cosine"), [named(codes)]) == ()
    assert own_values(outside_set(vectors[:20], vectors, metric="cosine"), [named(codes)]) == ()


def test_with_nothing_to_retrieve_nothing_is_tested() -> None:
    found = gallery_set(normal(6, 3), np.arange(6))
    assert instead(found, [named(np.arange(6))], np.zeros(6, np.int64)) == ((), 0)
    lone = gallery_set(normal(2, 3), np.array([0]))
    values, n_values = instead(lone, [named(np.array([0, -1]))], np.zeros(2, np.int64))
    assert (values, n_values) == ((), 0)


def test_a_p_value_is_never_written_smaller_than_it_is() -> None:
    assert [rounded_up(p) for p in (1 / 201, 7 / 201, 0.005, 1.0)] == ["0.005", "0.035", "0.005", "1.000"]
