from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dxr_dash.analysis.answer import answer
from dxr_dash.analysis.baseline import baseline_distances
from dxr_dash.analysis.distances import METRICS, distances
from dxr_dash.analysis.duplicates import counted_once, nearly_same, usual_distance
from dxr_dash.analysis.set_distances import set_distances
from dxr_dash.records import Answer, FloatArray, IntArray, Verdict
from tests.analysis.sets import gallery_set, integers, normal, outside_set


def shaken(vectors: FloatArray, share: float, seed: int = 7) -> FloatArray:
    """Copies a little off: moved by a share of their own length."""
    noise = np.random.default_rng(seed).standard_normal(vectors.shape)
    noise *= (
        share * np.linalg.norm(vectors, axis=1, keepdims=True) / np.linalg.norm(noise, axis=1, keepdims=True)
    )
    return (vectors + noise).astype(np.float32)


def classes(n_each: int, n_classes: int, spread: float, seed: int = 0) -> tuple[FloatArray, IntArray]:
    rng = np.random.default_rng(seed)
    label = np.repeat(np.arange(n_classes), n_each)
    centres = rng.standard_normal((n_classes, 32))
    return (centres[label] + spread * rng.standard_normal((len(label), 32))).astype(np.float32), label


def answered(vectors: FloatArray, queries: FloatArray, items: IntArray) -> Answer:
    found = set_distances(queries, items, vectors, metric="cosine", k=64)
    near = nearly_same(found)
    to_copies = distances(queries, vectors[near.copies], metric="cosine") if len(near.copies) else None
    return answer(
        "X",
        found,
        baseline_distances(vectors, metric="cosine"),
        near=replace(near, to_copies=to_copies),
        draws=300,
    )


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("off", [0.0, 1e-4, 1e-2])
def test_a_copy_that_was_saved_again_is_found_in_the_set_and_in_the_gallery(metric: str, off: float) -> None:
    vectors = normal(400, 32)
    copies = shaken(vectors[:3], off)
    inside = outside_set(np.concatenate([vectors[:10], copies]), vectors[10:], metric=metric, k=64)
    near = nearly_same(inside, metric=metric)
    assert near.n_pairs == 3
    assert sorted(zip(*np.nonzero(near.pairs), strict=True)) == sorted(
        [(i, 10 + i) for i in range(3)] + [(10 + i, i) for i in range(3)]
    )
    assert not near.copied.any()
    outside = outside_set(copies, vectors, metric=metric, k=64)
    near = nearly_same(outside, metric=metric)
    assert near.copies.tolist() == [0, 1, 2]
    assert near.copied.all()
    assert near.n_pairs == 0


@pytest.mark.parametrize("metric", METRICS)
def test_different_images_are_not_nearly_the_same_however_tight_their_class(metric: str) -> None:
    for spread in (1.0, 0.1, 0.001):
        vectors, label = classes(60, 8, spread)
        for rows in (np.flatnonzero(label == 3), np.flatnonzero(label == 3)[:20], np.arange(0, 480, 9)):
            near = nearly_same(gallery_set(vectors, rows, metric=metric, k=64), metric=metric)
            assert near.n_pairs == 0
            assert len(near.copies) == 0


def test_five_images_of_a_tight_class_that_the_gallery_lacks_are_not_copies() -> None:
    vectors, label = classes(60, 8, 0.02)
    others, few = vectors[label != 3], vectors[label == 3][:5]
    found = outside_set(few, others, metric="cosine", k=64)
    graph = np.sort(distances(others, others, metric="cosine"), axis=1)[:, 1:31]
    assert nearly_same(found, usual=usual_distance(graph, 0)).n_pairs == 0
    assert nearly_same(found).n_pairs == 10  # nothing near to measure them by


def test_a_set_of_one_image_many_times_is_found() -> None:
    vectors = normal(300, 16)
    found = outside_set(shaken(np.repeat(vectors[:1], 40, axis=0), 1e-3), vectors[1:], metric="cosine", k=64)
    assert nearly_same(found, usual=0.3).n_pairs == 40 * 39 // 2
    assert len(counted_once(found, nearly_same(found, usual=0.3))[0].items) == 1


def test_where_everything_is_identical_nothing_is_a_copy() -> None:
    near = nearly_same(gallery_set(np.ones((50, 4), np.float32), np.arange(8)))
    assert near.n_pairs == 0
    assert len(near.copies) == 0


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_counted_once_are_the_counts_of_a_gallery_without_the_copies(seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = integers(60, 3, 4, seed)
    rows = np.sort(rng.choice(60, 12, replace=False))
    found = gallery_set(vectors, rows, k=60)
    near = nearly_same(found)
    near = replace(near, to_copies=distances(vectors[rows], vectors[near.copies], metric="euclidean"))
    left, stays = counted_once(found, near)
    assert len(np.unique(vectors[rows], axis=0)) == len(np.unique(vectors[rows[stays]], axis=0)) == len(stays)
    keep = np.setdiff1d(np.arange(60), np.concatenate([np.setdiff1d(rows, rows[stays]), near.copies]))
    again = gallery_set(vectors[keep], np.searchsorted(keep, rows[stays]), k=60)
    assert left.n_compared == again.n_compared
    np.testing.assert_array_equal(left.within, again.within)
    np.testing.assert_array_equal(left.n_less, again.n_less)
    np.testing.assert_array_equal(left.n_equal, again.n_equal)


def test_a_large_set_keeps_the_members_that_were_asked_with() -> None:
    vectors = normal(300, 16)
    rows = np.arange(40)
    vectors[1] = vectors[0]  # only the second of them is asked with
    found = set_distances(vectors[rows], rows, vectors, metric="cosine", k=64, asked=np.arange(1, 40, 3))
    left, stays = counted_once(found, nearly_same(found))
    assert 0 not in stays
    assert len(left.items) == 39
    np.testing.assert_array_equal(left.items[left.asked], np.arange(1, 40, 3))


def test_the_verdict_counts_near_duplicates_once_and_says_so() -> None:
    vectors = normal(600, 32)
    rows = np.arange(5)
    vectors[rows] += np.float32(0.4)
    everyone = np.concatenate([vectors[rows], *(shaken(vectors[rows], 0.01, seed) for seed in range(6))])
    items = np.concatenate([rows, -1 - np.arange(30)])
    found = answered(vectors, everyone, items)
    assert found.once is not None
    assert (found.once.n_images, found.once.n_left_out, found.once.n_compared) == (5, 30, 595)
    # seven copies of each find each other first: as the set stands, in groups that lie apart
    assert found.mean_ap.low > 0.15
    assert found.verdict is found.once.verdict is Verdict.CANNOT_TELL
    assert 'as the set stands, the answer would be "partly"' in found.sentence
    assert any("pairs of images are nearly the same" in warning for warning in found.warnings)
    assert any("counted once, 5 images against 595" in warning for warning in found.warnings)


def test_copies_in_the_gallery_no_longer_count_as_not_x() -> None:
    vectors, label = classes(60, 8, 1.0)
    rows = np.flatnonzero(label == 3)[:30]
    plain = answered(np.delete(vectors, np.flatnonzero(label == 3)[30:], axis=0), vectors[rows], rows)
    assert plain.once is None
    copied = np.concatenate(
        [np.delete(vectors, np.flatnonzero(label == 3)[30:], axis=0), shaken(vectors[rows], 0.01)]
    )
    found = answered(copied, vectors[rows], rows)
    assert any("30 images of the set have a copy in the gallery" in warning for warning in found.warnings)
    assert found.once is not None
    assert found.mean_ap.value < plain.mean_ap.value - 0.2
    assert found.once.auroc.value == pytest.approx(plain.auroc.value)
    assert found.once.mean_ap.value == pytest.approx(plain.mean_ap.value)


def test_one_near_pair_in_a_large_set_is_not_worth_a_warning() -> None:
    vectors = normal(600, 16)
    vectors[1] = shaken(vectors[:1], 0.001)[0]
    many, few = (
        answered(vectors, vectors[:100], np.arange(100)),
        answered(vectors, vectors[:30], np.arange(30)),
    )
    assert many.once is None
    assert few.once is not None
    assert few.once.n_left_out == 1
