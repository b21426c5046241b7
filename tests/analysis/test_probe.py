from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from dxr_dash import settings
from dxr_dash.analysis.probe import folds, held_out_shares, negative_rows, probe
from dxr_dash.analysis.said import line_separates
from dxr_dash.records import AgainstControl, BoolArray, Estimate, FloatArray, Probe, Verdict
from tests.analysis.sets import normal

NEAR = Estimate(0.5, 0.45, 0.55, 0.5)
FOUND = Estimate(0.95, 0.9, 0.99, 0.5)


def probed(
    members: FloatArray,
    negatives: FloatArray,
    control: FloatArray | None = None,
    *,
    retrieved: Estimate = NEAR,
    alike: BoolArray | None = None,
    verdict: Verdict | None = None,
    seed: int = 0,
) -> Probe:
    against = None if control is None else AgainstControl("things", len(control), retrieved)
    found = probe(
        members,
        negatives,
        control,
        alike=alike,
        retrieved=retrieved,
        retrieved_control=against,
        seed=seed,
        draws=300,
        verdict=verdict,
    )
    assert found is not None
    return found


def marked(n_images: int, seed: int) -> FloatArray:
    """Noise, and one weak direction that tells X."""
    vectors = normal(n_images, 30, seed=seed)
    vectors[:, 0] = 2.0 + vectors[:, 0] / 4
    return vectors


def test_the_auroc_is_that_of_scikit_learn_in_every_fold() -> None:
    positives, negatives = marked(23, 1) / np.float32(2), normal(81, 30, seed=2)
    places, negative_places = folds(positives, 0), folds(negatives, 1)
    above, below = held_out_shares(positives, negatives, places, negative_places)
    for fold in range(settings.PROBE_FOLDS):
        ours, theirs = places == fold, negative_places == fold
        learnt = np.concatenate([positives[~ours], negatives[~theirs]]).astype(np.float64)
        middle = learnt.mean(axis=0)
        length = np.sqrt(((learnt - middle) ** 2).sum(axis=1).mean())
        model = LogisticRegression(C=settings.PROBE_C, class_weight="balanced", tol=1e-3, max_iter=200)
        model.fit((learnt - middle) / length, np.repeat([1, 0], [(~ours).sum(), (~theirs).sum()]))
        held_out = np.concatenate([positives[ours], negatives[theirs]])
        scores = model.decision_function((held_out - middle) / length)
        area = roc_auc_score(np.repeat([1, 0], [ours.sum(), theirs.sum()]), scores)
        assert above[ours].mean() == pytest.approx(area, abs=1e-9)
        assert below[theirs].mean() == pytest.approx(area, abs=1e-9)


def test_a_line_finds_what_no_neighbour_knows() -> None:
    members, gallery = marked(60, 1), normal(400, 30, seed=2)
    found = probed(members, gallery)
    assert found.readable_not_near
    assert found.auroc.low > 0.9
    assert (found.n_images, found.n_negatives, found.n_folds) == (60, 400, settings.PROBE_FOLDS)
    assert not probed(members, gallery, retrieved=FOUND).readable_not_near
    assert probed(members, gallery, verdict=Verdict.NO).readable_not_near
    assert not probed(members, gallery, verdict=Verdict.CANNOT_TELL).readable_not_near
    assert line_separates("X") == "A line separates X, but its neighbours are not X."


def test_with_a_control_set_the_control_decides() -> None:
    members, gallery = marked(60, 1), normal(400, 30, seed=2)
    alike, unlike = marked(60, 3), normal(60, 30, seed=4)
    same = probed(members, gallery, alike)
    assert same.control is not None
    assert same.control.low < 0.5 < same.control.high
    assert not same.readable_not_near  # a line finds the things, not X
    other = probed(members, gallery, unlike)
    assert other.control is not None
    assert other.n_control == 60
    assert other.readable_not_near


def test_a_random_set_is_not_readable() -> None:
    above = 0
    for seed in range(60):
        vectors = normal(340, 16, seed=seed)
        above += probed(vectors[:20], vectors[20:], seed=seed).auroc.low > 0.5
    assert above <= 4  # of 60; 2.5 % is 1.5


def test_copies_are_not_learnt_by_heart() -> None:
    members = np.repeat(normal(20, 200), 2, axis=0)
    gallery = np.repeat(normal(60, 200, seed=1), 2, axis=0)
    assert probed(members, gallery).auroc.value < 0.75
    # Nearly the same images are not the same vectors: the caller knows which are.
    nearly = (members + normal(40, 200, seed=2) / 1000).astype(np.float32)
    alike = np.kron(np.eye(20), np.ones((2, 2))).astype(np.bool_)
    assert probed(nearly, gallery).auroc.value > 0.95
    assert probed(nearly, gallery, alike=alike).auroc.value < 0.75


def test_an_image_is_in_the_same_fold_in_every_space() -> None:
    one, other = folds(normal(43, 3), 5), folds(normal(43, 60, seed=9), 5)
    np.testing.assert_array_equal(one, other)
    assert np.ptp(np.bincount(one)) <= 1
    assert (folds(normal(43, 3), 6) != one).any()
    copies = normal(43, 3)
    copies[[7, 20]] = copies[3]
    places = folds(copies, 5)
    assert (places[[7, 20]] == one[3]).all()
    np.testing.assert_array_equal(np.delete(places, [7, 20]), np.delete(one, [7, 20]))


def test_the_gallery_is_represented_by_images_that_are_not_x() -> None:
    members = np.array([3, 40, 41, 99])
    few = negative_rows(100, members, 20, 0)
    assert len(np.unique(few)) == 20
    assert not np.isin(few, members).any()
    assert negative_rows(100, members, 500, 0).tolist() == [row for row in range(100) if row not in members]


def test_too_few_images_have_no_probe() -> None:
    for n_images, n_negatives in ((4, 50), (50, 4)):
        none = probe(
            normal(n_images, 3), normal(n_negatives, 3), None, retrieved=NEAR, retrieved_control=None
        )
        assert none is None
    found = probed(normal(9, 3), normal(40, 3, seed=1), normal(4, 3, seed=2))
    assert (found.control, found.n_control, found.readable_not_near) == (None, 0, False)


def test_constant_features_are_read_by_chance() -> None:
    found = probed(np.ones((10, 4), np.float32), np.ones((40, 4), np.float32))
    assert not found.auroc.value > 0.5
    assert not found.readable_not_near


def test_few_images_that_a_line_separates_perfectly_do_not_prove_it() -> None:
    members = (normal(5, 4) / 10 + 3).astype(np.float32)
    found = probed(members, (normal(60, 4, seed=1) / 10).astype(np.float32))
    assert found.auroc.value == found.auroc.high == 1.0
    assert found.auroc.low < 0.9
