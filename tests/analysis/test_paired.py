from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dxr_dash.analysis import bootstrap, paired
from dxr_dash.analysis.answer import answer
from dxr_dash.analysis.paired import FirstOrder, Side, difference, side
from dxr_dash.analysis.set_distances import set_distances
from dxr_dash.errors import QueryError
from tests.analysis.sets import gallery_set, integers, normal, outside_set


def of_matrix(auroc: np.ndarray, first: int = 0) -> Side:
    """A side of which only the AUROCs are known; its images are numbered from ``first``."""
    return Side(tuple(range(first, first + len(auroc))), (), paired._mean(auroc), auroc, {})


def auroc_only(one: Side, reference: Side, **options: int) -> tuple[float, float, float]:
    found = paired._draws(one, reference, options.get("seed", 0), options.get("draws", 500))[0]
    return found.value, float(found.draws.std()), float(np.square(found.pulls).sum())


def test_the_difference_is_that_of_the_two_answers() -> None:
    vectors = normal(200, 6)
    one, other = gallery_set(vectors, range(12), k=60), gallery_set(vectors, range(20, 39), k=60)
    baseline = np.sort(np.random.default_rng(0).random(100).astype(np.float32))
    answers = [answer("x", found, baseline) for found in (one, other)]
    found = difference(side(one, range(12)), side(other, range(20, 39)))
    for name in ("auroc", "mean_ap", "precision", "recall"):
        values = [getattr(one, name) for one in answers]
        estimate = getattr(found, name)
        assert estimate.value == pytest.approx(values[0].value - values[1].value)
        assert estimate.chance == pytest.approx(values[0].chance - values[1].chance)
        assert estimate.low <= estimate.value <= estimate.high
    assert found.n_shared == 0


def test_a_set_compared_with_itself_differs_by_nothing() -> None:
    one = side(gallery_set(normal(100, 4), range(10)), range(10))
    found = difference(one, one)
    for estimate in (found.auroc, found.mean_ap, found.precision, found.recall):
        assert (estimate.value, estimate.low, estimate.high, estimate.chance) == (0, 0, 0, 0)
    assert found.n_shared == 10


def test_the_order_of_the_images_does_not_matter_to_what_is_shared() -> None:
    vectors = normal(100, 4)
    one = side(gallery_set(vectors, range(10)), range(10))
    turned = side(gallery_set(vectors, range(9, -1, -1)), range(9, -1, -1))
    found = difference(one, turned)
    assert found.auroc.low == pytest.approx(0)
    assert found.auroc.high == pytest.approx(0)


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(0, 6))
def test_exchanging_the_sides_turns_the_difference_about(seed: int, shared: int) -> None:
    vectors = np.random.default_rng(seed).standard_normal((60, 3)).astype(np.float32)
    rows, others = range(8), range(8 - shared, 15 - shared)
    one, other = side(gallery_set(vectors, rows), rows), side(gallery_set(vectors, others), others)
    found, back = difference(one, other), difference(other, one)
    for name in ("auroc", "mean_ap", "precision", "recall"):
        there, again = getattr(found, name), getattr(back, name)
        assert there.value == pytest.approx(-again.value)
        assert there.chance == pytest.approx(-again.chance)
    assert found.n_shared == back.n_shared == shared


def test_the_same_images_are_drawn_together() -> None:
    # one side is the other plus a constant: drawn together the difference never changes
    auroc = np.random.default_rng(0).random((15, 15)) / 2
    together = auroc_only(of_matrix(auroc + 0.25), of_matrix(auroc))
    assert together == pytest.approx((0.25, 0, 0), abs=1e-9)
    apart = auroc_only(of_matrix(auroc + 0.25), of_matrix(auroc, first=15))
    assert apart[1] > 0.01


def test_images_that_two_sets_share_are_drawn_together() -> None:
    rng = np.random.default_rng(1)
    worth = rng.random(40)  # an image that is easily found is so in both sets
    auroc = (worth[:, None] + worth[None, :]) / 2
    rows = [np.arange(30), np.arange(10, 40)]
    overlapping = [of_matrix(auroc[np.ix_(r, r)], first=int(r[0])) for r in rows]
    shared = auroc_only(overlapping[0], overlapping[1], draws=4000)
    apart = auroc_only(overlapping[0], of_matrix(auroc[np.ix_(rows[1], rows[1])], first=100), draws=4000)
    assert shared[1] < 0.75 * apart[1]
    # only the 20 images that stand on one side alone move the difference
    assert shared[1] == pytest.approx(np.sqrt(shared[2]), rel=0.15)


def test_draws_of_separate_sets_are_those_of_each_alone() -> None:
    rng = np.random.default_rng(2)
    one, other = rng.random((5, 5)), rng.random((7, 7))
    found = paired._draws(of_matrix(one), of_matrix(other, first=5), 3, 200)[0]
    streams = np.random.default_rng(3).spawn(2)
    first = bootstrap.resample_pairs(one, bootstrap.image_weights(5, 200, streams[0]))
    second = bootstrap.resample_pairs(other, bootstrap.image_weights(7, 200, streams[1]))
    assert len(first.draws) == len(second.draws) == 200
    np.testing.assert_allclose(found.draws, first.draws - second.draws)
    np.testing.assert_allclose(found.pulls, np.concatenate([first.pulls / 5, -second.pulls / 7]))


@pytest.mark.parametrize("first", [5, 10])
def test_blocks_of_draws_do_not_change_them(monkeypatch: pytest.MonkeyPatch, first: int) -> None:
    vectors = normal(80, 4)
    sides = [side(gallery_set(vectors, rows), rows) for rows in (range(10), range(first, 20))]
    before = difference(*sides)
    monkeypatch.setattr(paired, "DRAWN_AT_ONCE", 20 * 7)
    after = difference(*sides)
    for name in ("auroc", "mean_ap", "precision", "recall"):
        one, other = getattr(before, name), getattr(after, name)
        assert (one.low, one.high) == pytest.approx((other.low, other.high), abs=1e-12)


def test_perfect_sets_of_five_do_not_prove_a_difference_beyond_the_stranger() -> None:
    perfect, chance = np.ones((5, 5)), np.full((5, 5), 0.5)
    for first in (0, 5):  # the same images in two spaces, and two sets
        found = difference(_with_rest(of_matrix(perfect)), _with_rest(of_matrix(chance, first=first))).auroc
        assert found.value == 0.5
        assert found.low < 0.2
        assert found.high <= 0.5 + 1e-9


def _with_rest(one: Side) -> Side:
    flat = FirstOrder(0.5, 0.1, np.zeros(len(one)), np.empty(0))
    return replace(one, measures=dict.fromkeys(("mean_ap", "precision", "recall"), flat))


@pytest.mark.parametrize(("n_one", "n_other"), [(1, 10), (2, 10), (10, 2), (2, 2)])
def test_fewer_than_three_images_cannot_be_compared(n_one: int, n_other: int) -> None:
    vectors = normal(50, 3)
    rows, others = range(n_one), range(20, 20 + n_other)
    found = difference(side(gallery_set(vectors, rows), rows), side(gallery_set(vectors, others), others))
    assert np.isnan([found.auroc.value, found.mean_ap.low, found.precision.high]).all()


def test_a_set_with_nothing_to_compare_with_is_not_known() -> None:
    vectors = normal(6, 3)
    whole = side(gallery_set(vectors, range(6)), range(6))
    assert np.isnan(difference(whole, whole).auroc.value)


def test_ties_and_copies_give_finite_numbers() -> None:
    vectors = integers(60, 2, 2)
    one = side(gallery_set(vectors, range(12)), range(12))
    other = side(outside_set(vectors[:9], vectors), [f"o{i}" for i in range(9)])
    found = difference(one, other)
    for estimate, end in product(
        (found.auroc, found.mean_ap, found.precision, found.recall), ("value", "low", "high")
    ):
        assert np.isfinite(getattr(estimate, end))


def test_names_must_fit_the_set_and_differ() -> None:
    found = gallery_set(normal(30, 3), range(5))
    for names in (range(4), [1, 2, 3, 4, 4]):
        with pytest.raises(QueryError, match="4 different names were given for 5 images"):
            side(found, names)


def of_large(vectors: np.ndarray, rows: np.ndarray, n_asked: int) -> Side:
    asked = np.sort(np.random.default_rng(5).permutation(len(rows))[:n_asked])
    found = set_distances(vectors[rows], rows, vectors, metric="euclidean", k=20, asked=asked)
    return side(found, rows.tolist())


def test_a_large_set_is_drawn_by_the_images_it_was_asked_with() -> None:
    vectors = normal(900, 6)
    rows = [np.argsort(vectors[:, 0])[:200], np.argsort(vectors[:, 1])[100:300]]
    whole = difference(*(of_large(vectors, one, 200) for one in rows))
    asked = difference(*(of_large(vectors, one, 60) for one in rows))
    assert whole.n_shared == asked.n_shared == len(set(rows[0]) & set(rows[1]))
    for name in ("auroc", "mean_ap", "precision", "recall"):
        one, other = getattr(whole, name), getattr(asked, name)
        assert other.low < one.value < other.high
        assert other.high - other.low < 4 * (one.high - one.low)
        assert other.chance == one.chance


def test_a_large_set_compared_with_itself_differs_by_nothing() -> None:
    one = of_large(normal(300, 4), np.arange(80), 30)
    found = difference(one, one)
    for estimate in (found.auroc, found.mean_ap, found.precision, found.recall):
        assert (estimate.value, estimate.low, estimate.high) == (0, 0, 0)
    assert found.n_shared == 80


def test_what_the_others_do_is_added_image_by_image() -> None:
    one = Side(
        (1, 2), (3, 4), 0.5, np.eye(2), {"mean_ap": FirstOrder(0, 0, np.zeros(2), np.array([3.0, 0.0]))}
    )
    other = replace(
        one, others=(4, 5), measures={"mean_ap": FirstOrder(0, 0, np.zeros(2), np.array([4.0, 0]))}
    )
    assert paired._spread_of_others(one, other, "mean_ap") == 5.0
    assert paired._spread_of_others(one, one, "mean_ap") == 0.0
