from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from dxr_dash.analysis.answer import answer, control_shares
from dxr_dash.analysis.baseline import baseline_distances
from dxr_dash.analysis.distances import METRICS, distances
from dxr_dash.analysis.set_distances import asked_members, set_distances
from dxr_dash.analysis.shift import shift
from dxr_dash.errors import QueryError
from dxr_dash.records import Answer, FloatArray, Verdict
from tests.analysis.sets import gallery_set, integers, normal, outside_set


def clusters(n: int, n_clusters: int, *, spread: float = 0.3, seed: int = 0) -> tuple[FloatArray, np.ndarray]:
    rng = np.random.default_rng(seed)
    label = rng.integers(n_clusters, size=n)
    vectors = rng.standard_normal((n_clusters, 16))[label] + spread * rng.standard_normal((n, 16))
    return vectors.astype(np.float32), label


def asked(
    vectors: FloatArray, rows: np.ndarray, *, control: np.ndarray | None = None, metric: str = "cosine"
) -> Answer:
    found = gallery_set(vectors, rows, metric=metric)
    against = None
    if control is not None:
        against = ("the control", len(control), distances(vectors[rows], vectors[control], metric=metric))
    return answer("X", found, baseline_distances(vectors, metric=metric), control=against, draws=500)


def test_a_cluster_is_retrieved_and_random_images_are_not() -> None:
    vectors, label = clusters(900, 12)
    cluster = np.flatnonzero(label == 3)
    found = asked(vectors, cluster)
    assert found.verdict is Verdict.YES
    assert found.auroc.low > 0.9
    assert found.mean_ap.value > 0.9
    assert found.warnings == ()
    random = asked(vectors, np.random.default_rng(0).choice(900, 40, replace=False))
    assert random.verdict is Verdict.NO
    assert "where chance gives 0.50" in random.sentence


def test_half_of_a_cluster_against_its_other_half_is_the_things_not_x() -> None:
    vectors, label = clusters(900, 6)
    one, other = np.array_split(np.flatnonzero(label == 3), 2)
    found = asked(vectors, one, control=other)
    assert found.verdict is Verdict.NO
    assert "They retrieve the things: against the control set the control the AUROC is 0." in found.sentence
    assert found.control is not None
    assert found.control.n_images == len(other)
    assert found.control.auroc.low < 0.5 < found.control.auroc.high


@pytest.mark.parametrize("metric", METRICS)
def test_the_numbers_are_those_of_scikit_learn(metric: str) -> None:
    vectors, _ = clusters(300, 5, spread=1.0)
    rows, control = np.arange(20), np.arange(20, 45)
    found = asked(vectors, rows, control=control, metric=metric)
    table = distances(vectors[rows], vectors, metric=metric)
    area, precision, against = [], [], []
    for q in range(20):
        others = np.delete(rows, q)
        gallery = np.arange(20, 300)
        hits = np.r_[np.ones(19), np.zeros(280)]
        values = -table[q, np.r_[others, gallery]]
        area.append(roc_auc_score(hits, values))
        precision.append(average_precision_score(hits, values))
        against.append(roc_auc_score(np.r_[np.ones(19), np.zeros(25)], -table[q, np.r_[others, control]]))
    np.testing.assert_allclose(found.members.auroc, area, atol=1e-9)
    np.testing.assert_allclose(found.members.average_precision, precision, atol=1e-9)
    assert found.auroc.value == pytest.approx(np.mean(area), abs=1e-9)
    assert found.mean_ap.value == pytest.approx(np.mean(precision), abs=1e-9)
    assert found.control is not None
    assert found.control.auroc.value == pytest.approx(np.mean(against), abs=1e-9)


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_control_shares_count_every_triple_once(seed: int) -> None:
    vectors = integers(12, 2, 3, seed)
    within = gallery_set(vectors, np.arange(5)).within
    to_control = distances(vectors[:5], vectors[5:], metric="euclidean")
    matrix, shares = control_shares(within, to_control)
    triples = np.full((5, 5, 7), np.nan)
    for q in range(5):
        for m in range(5):
            if q != m:
                triples[q, m] = (within[q, m] < to_control[q]) + (within[q, m] == to_control[q]) / 2
    off = ~np.eye(5, dtype=np.bool_)
    np.testing.assert_allclose(matrix[off], triples[off].mean(axis=1))
    np.testing.assert_allclose(shares, triples[off].mean(axis=0))


def test_proofs_are_the_best_the_median_and_the_worst_member() -> None:
    vectors, label = clusters(300, 5, spread=1.0)
    rows = np.flatnonzero(label == 1)[:21]
    found = asked(vectors, rows)
    order = np.sort(found.members.average_precision)[::-1]
    assert [proof.average_precision for proof in found.proofs] == [order[0], order[10], order[20]]
    for proof in found.proofs:
        assert proof.ranking.shape == proof.distances.shape == proof.percentiles.shape == (12,)
        np.testing.assert_array_equal(np.isin(proof.ranking, rows), proof.hits)
        assert (np.diff(proof.distances) >= 0).all()
        assert (np.diff(proof.percentiles) <= 0).all()
        assert proof.item not in proof.ranking
        if proof.hits.any():
            assert proof.first_hit == 1 + np.argmax(proof.hits)


@pytest.mark.parametrize("n_members", [1, 2, 3, 4])
def test_very_few_images_cannot_tell_but_show_what_they_find(n_members: int) -> None:
    found = asked(normal(50, 4), np.arange(n_members))
    assert found.verdict is Verdict.CANNOT_TELL
    assert len(found.proofs) == min(n_members, 3)
    assert len(found.proofs[0].ranking) == 12
    assert np.isnan(found.auroc.value) == (n_members == 1)
    assert np.isnan(found.auroc.low) == (n_members < 3)
    assert np.isnan(found.members.average_precision).all() == (n_members == 1)
    assert any(warning.startswith(f"The set has only {n_members} image") for warning in found.warnings)


def test_with_every_image_in_the_set_there_is_nothing_to_compare() -> None:
    found = asked(normal(30, 4), np.arange(30), control=np.arange(3))
    assert found.verdict is Verdict.CANNOT_TELL
    assert found.n_compared == 0
    assert np.isnan(found.auroc.value)
    assert np.isnan(found.members.auroc).all()
    assert found.mean_ap.value == found.mean_ap.chance == 1


def test_one_image_alone_in_its_collection_is_answered() -> None:
    found = asked(normal(1, 4), np.array([0]))
    assert found.verdict is Verdict.CANNOT_TELL
    assert found.proofs[0].ranking.shape == (0,)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_constant_features_are_no_better_than_chance(metric: str, value: float) -> None:
    vectors = np.full((60, 4), value, dtype=np.float32)
    found = asked(vectors, np.arange(10), control=np.arange(10, 20), metric=metric)
    assert found.verdict is Verdict.NO
    assert found.auroc.value == found.auroc.low == found.auroc.high == 0.5
    assert found.mean_ap.value == pytest.approx(9 / 59)
    assert found.precision.value == pytest.approx(9 / 59)


def test_the_same_seed_gives_the_same_answer() -> None:
    vectors, _ = clusters(200, 4)
    found = gallery_set(vectors, np.arange(9))
    baseline = baseline_distances(vectors, metric="euclidean")
    one, again, other = (answer("X", found, baseline, seed=seed, draws=300) for seed in (1, 1, 2))
    assert one.auroc == again.auroc
    assert one.auroc.value == other.auroc.value
    assert one.auroc.low != other.auroc.low


def test_renaming_the_images_does_not_change_the_answer() -> None:
    vectors, _ = clusters(200, 4)
    inside = gallery_set(vectors, np.arange(12))
    outside = outside_set(vectors[:12], vectors[12:])
    baseline = baseline_distances(vectors, metric="euclidean")
    assert answer("X", inside, baseline).auroc == answer("X", outside, baseline).auroc


def test_near_duplicate_pairs_are_named_once_they_could_change_the_answer() -> None:
    vectors, label = clusters(900, 12)
    rows = np.flatnonzero(label == 3)
    assert not any("nearly the same" in warning for warning in asked(vectors, rows).warnings)
    vectors[rows[1]] = vectors[rows[0]] * np.float32(1.0001)
    few = len(rows) <= 40  # two images are 5 % of forty
    assert few == any("nearly the same" in warning for warning in asked(vectors, rows).warnings)
    for place in (2, 4):
        vectors[rows[place + 1]] = vectors[rows[place]] * np.float32(1.0001)
    found = asked(vectors, rows)
    assert any(
        "Within the set 3 pairs of images are nearly the same" in warning for warning in found.warnings
    )


def test_random_images_of_a_large_set_are_not_called_near_duplicates() -> None:
    vectors = normal(3000, 16)
    found = gallery_set(vectors, np.arange(800), metric="cosine")
    baseline = baseline_distances(vectors, metric="cosine", n_pairs=50_000)
    assert answer("X", found, baseline, draws=50).warnings == ()


def test_a_copy_in_the_gallery_is_named() -> None:
    vectors, label = clusters(900, 12)
    rows = np.flatnonzero(label == 3)
    vectors[np.flatnonzero(label == 4)[0]] = vectors[rows[0]]
    assert any(
        "1 image of the set has a copy in the gallery" in warning for warning in asked(vectors, rows).warnings
    )


@pytest.mark.parametrize("explained", [False, True])
def test_images_from_another_source_get_no_yes_unless_the_control_set_is_as_unlike(explained: bool) -> None:
    vectors, label = clusters(900, 12)
    x = vectors[label == 3] + np.float32(4)
    found = outside_set(x, vectors, metric="cosine")
    baseline = baseline_distances(vectors, metric="cosine")
    alone = answer("X", found, baseline)
    assert alone.verdict is Verdict.YES
    assert [warning[:27] for warning in alone.warnings] == ["The images come from outsid"]
    own = np.linspace(0.8, 1.2, 200)
    moved = shift(np.full(len(x), 9.0), own, np.full(30, 9.0) if explained else None)
    shifted = answer("X", found, baseline, shift=moved)
    assert shifted.shift is moved
    said = [warning for warning in shifted.warnings if "farther from their nearest gallery images" in warning]
    assert len(said) == 1
    if explained:
        assert shifted.verdict is Verdict.YES
        assert said[0].endswith("The control set is as unlike the gallery, so it takes that into account.")
    else:
        assert shifted.verdict is Verdict.CANNOT_TELL
        assert "a common source alone could explain it" in shifted.sentence
        assert said[0].endswith("Choose a control set from the same source.")
    like = answer("X", found, baseline, shift=shift(np.linspace(0.8, 1.2, len(x)), own))
    assert like.verdict is Verdict.YES
    assert like.warnings == alone.warnings


def test_a_yes_for_images_from_outside_without_a_control_set_says_so() -> None:
    vectors, label = clusters(900, 12)
    x, rest = vectors[label == 3], vectors[label != 3]
    baseline = baseline_distances(rest, metric="cosine")
    outside = outside_set(x, rest, metric="cosine")
    mind = "there is no control set"
    assert mind in " ".join(answer("X", outside, baseline).warnings)
    far = ("C", 30, distances(x, rest[:30], metric="cosine"))
    assert mind not in " ".join(answer("X", outside, baseline, control=far).warnings)
    assert mind not in " ".join(asked(vectors, np.flatnonzero(label == 3)).warnings)
    random = outside_set(rest[::20], np.delete(rest, slice(None, None, 20), axis=0), metric="cosine")
    assert mind not in " ".join(answer("X", random, baseline).warnings)


def test_a_small_gallery_and_a_rough_baseline_are_named() -> None:
    vectors = normal(120, 8)
    found = gallery_set(vectors, np.arange(20))
    every = answer("X", found, baseline_distances(vectors, metric="euclidean"))
    assert [warning[:28] for warning in every.warnings] == ["Only 100 gallery images coul"]
    few = baseline_distances(vectors, metric="euclidean", n_pairs=1000, all_pairs_limit=10)
    rough = answer("X", found, few)
    assert rough.warnings[-1] == (
        "The baseline is 1,000 random pairs: its percentiles can be off by 4.3 points (with 95 % confidence)."
    )


def test_a_control_that_does_not_fit_is_refused_with_a_remedy() -> None:
    found = gallery_set(normal(30, 4), np.arange(6))
    baseline = np.ones(3, dtype=np.float32)
    with pytest.raises(QueryError, match=r"control set C have shape \(5, 4\), not \(6, 4\)"):
        answer("X", found, baseline, control=("C", 4, np.ones((5, 4), dtype=np.float32)))
    with pytest.raises(QueryError, match="control set C is empty"):
        answer("X", found, baseline, control=("C", 0, np.ones((6, 0), dtype=np.float32)))


@pytest.mark.parametrize("n_members", [5, 20, 100])
def test_random_sets_never_get_a_yes(n_members: int) -> None:
    vectors, _ = clusters(1000, 10, spread=0.5)
    baseline = baseline_distances(vectors, metric="cosine")
    rng = np.random.default_rng(n_members)
    for _ in range(25):
        rows = rng.choice(1000, n_members, replace=False)
        found = answer("X", gallery_set(vectors, rows, metric="cosine"), baseline, draws=200)
        assert found.verdict in (Verdict.NO, Verdict.CANNOT_TELL)


def test_a_large_set_is_answered_by_a_sample_of_its_members() -> None:
    vectors, label = clusters(3_000, 3, spread=2.0)
    rows = np.flatnonzero(label == 1)
    assert len(rows) > 900
    baseline = baseline_distances(vectors, metric="cosine")
    everyone = answer("X", gallery_set(vectors, rows, metric="cosine"), baseline, draws=500)
    sampled = asked_members(len(rows), seed=0)
    measured = set_distances(vectors[rows], rows, vectors, metric="cosine", k=20, asked=sampled)
    found = answer("X", measured, baseline, draws=500)
    assert (found.n_images, found.n_asked, everyone.n_asked) == (len(rows), 512, len(rows))
    assert found.verdict is everyone.verdict
    for name in ("auroc", "average_precision", "precision", "recall", "first_hit"):
        some, all_of_them = getattr(found.members, name), getattr(everyone.members, name)
        np.testing.assert_allclose(some, all_of_them[sampled], atol=1e-12, err_msg=name)
    for name in ("auroc", "mean_ap", "precision", "recall", "first_hit"):
        some, true = getattr(found, name), getattr(everyone, name)
        assert some.low <= true.value <= some.high, name
        assert some.chance == true.chance
        width, full_width = some.high - some.low, true.high - true.low
        assert name == "first_hit" or full_width < width < 1.8 * full_width, name
    to_control = distances(vectors[rows[sampled]], vectors[label == 2][:50], metric="cosine")
    against = answer("X", measured, baseline, control=("c", 50, to_control), draws=500).control
    assert against is not None
    expected = [
        roc_auc_score(np.r_[np.ones(len(rows) - 1), np.zeros(50)], -np.r_[within[~np.isnan(within)], far])
        for within, far in zip(measured.within, to_control, strict=True)
    ]
    assert against.auroc.value == pytest.approx(np.mean(expected), abs=1e-9)


def test_the_basis_says_what_was_drawn_and_what_that_bounds() -> None:
    vectors, _ = clusters(300, 5)
    found = asked(vectors, np.arange(30))
    assert found.basis.n_baseline == 300 * 299 // 2
    assert found.basis.all_pairs
    assert found.basis.baseline_bound == 0
    assert (found.basis.n_draws, found.basis.confidence, found.basis.seed) == (500, 0.95, 0)
    few = answer("X", gallery_set(vectors, np.arange(30)), baseline_distances(vectors, metric="cosine")[::50])
    assert not few.basis.all_pairs
    assert few.basis.baseline_bound == pytest.approx(np.sqrt(np.log(40) / 2 / few.basis.n_baseline))


def test_the_first_hit_of_a_set_is_a_median_between_two_ranks() -> None:
    vectors, _ = clusters(400, 8, spread=3.0)
    found = asked(vectors, np.arange(40))
    ranks = np.sort(found.members.first_hit)
    assert found.first_hit.value == np.median(ranks)
    # 40 ranks: P(at most 13 below the median) = 0.019 on each side, and 0.040 with one more
    assert (found.first_hit.low, found.first_hit.high) == (ranks[13], ranks[26])
    assert np.isnan(asked(vectors, np.arange(5)).first_hit.low)
