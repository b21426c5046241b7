from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import skew
from sklearn.metrics import average_precision_score, roc_auc_score

from dxr_dash.analysis.answer import answer, measured
from dxr_dash.analysis.baseline import baseline_distances
from dxr_dash.analysis.cautions import cautions
from dxr_dash.analysis.distances import METRICS, distances
from dxr_dash.analysis.duplicates import nearly_same
from dxr_dash.analysis.hubs import by_local_scaling, hubs, local_scales, scaled, scaled_keys
from dxr_dash.records import DoubleArray, FloatArray, Verdict
from tests.analysis.sets import gallery_set, normal


def scales_of(vectors: FloatArray, metric: str) -> DoubleArray:
    far = distances(vectors, vectors, metric=metric)
    np.fill_diagonal(far, np.inf)
    return local_scales(np.sort(far, axis=1)[:, :30])


def with_hubs(seed: int = 0) -> FloatArray:
    """Images round a centre, and 20 right at it, which are near to all."""
    vectors = normal(500, 64, seed)
    vectors[:20] *= np.float32(0.05)
    return vectors


def occurrence_of(vectors: FloatArray, metric: str, k: int = 15) -> np.ndarray:
    far = distances(vectors, vectors, metric=metric)
    np.fill_diagonal(far, np.inf)
    return np.bincount(np.argsort(far, axis=1)[:, :k].ravel(), minlength=len(vectors))


def test_hubs_are_counted_and_their_skewness_is_that_of_scipy() -> None:
    vectors = with_hubs()
    occurrence = occurrence_of(vectors, "euclidean")
    found = hubs(gallery_set(vectors, np.arange(100, 130)), occurrence)
    assert found is not None
    assert found.skewness == pytest.approx(skew(occurrence))
    assert found.n_hubs == 20
    assert found.share > 0.95
    assert found.usual > 0.9
    quiet = normal(500, 4)
    few = hubs(gallery_set(quiet, np.arange(100, 130)), occurrence_of(quiet, "euclidean"))
    assert few is not None
    assert few.skewness < 1
    assert few.share < 0.3


def test_the_warning_speaks_of_hubs_only_where_they_take_many_places() -> None:
    vectors, quiet = with_hubs(), normal(500, 4)
    said = []
    for one in (vectors, quiet):
        found = gallery_set(one, np.arange(100, 130), k=64)
        beside = hubs(found, occurrence_of(one, "euclidean"))
        baseline = baseline_distances(one, metric="euclidean")
        said.append(cautions(found, baseline, 0.95, near=nearly_same(found), hubs=beside))
    assert [text for text in said[0] if "Hubs take 99 % of the places" in text]
    assert not [text for text in said[1] if "Hubs" in text]
    few = gallery_set(vectors, np.arange(100, 109), k=64)
    beside = hubs(few, occurrence_of(vectors, "euclidean"))
    assert beside is not None
    assert beside.share > 0.9
    baseline = baseline_distances(vectors, metric="euclidean")
    assert not [
        one for one in cautions(few, baseline, 0.95, near=nearly_same(few), hubs=beside) if "Hubs" in one
    ]


def test_without_neighbours_there_is_nothing_to_say() -> None:
    vectors = normal(20, 4)
    assert hubs(gallery_set(vectors, np.arange(20)), np.arange(20)) is None
    assert hubs(gallery_set(vectors, np.arange(5)), np.full(20, 3)) is None


def test_keys_are_those_of_the_definitions() -> None:
    far = np.array([[0.2, 0.5, np.nan]], np.float32)
    scales = np.array([0.1, 0.4, 0.3])
    np.testing.assert_allclose(scaled_keys(far, scales, "cosine"), [[0.3, 0.6, np.nan]], rtol=1e-6)
    roots = far / np.sqrt(scales)
    np.testing.assert_allclose(scaled_keys(far, scales, "euclidean"), roots, rtol=1e-6)
    # a copy of many: at 0 it stays first, anywhere else it is far
    assert scaled_keys(np.array([[0.0, 2.0]]), np.zeros(2), "euclidean").tolist() == [[0.0, np.inf]]


@pytest.mark.parametrize("metric", METRICS)
def test_the_measures_are_those_of_scikit_learn_on_scaled_distances(metric: str) -> None:
    vectors = normal(250, 12)
    rows = np.arange(20, 45)
    scales = scales_of(vectors, metric)
    found = gallery_set(vectors, rows, metric=metric)
    keys = scaled(
        found,
        vectors[rows],
        vectors,
        member_scales=scales[rows],
        gallery_scales=scales,
        metric=metric,
    )
    by_scale = measured("X", keys, None, draws=200)
    table = scaled_keys(distances(vectors[rows], vectors, metric=metric), scales, metric)
    gallery = np.delete(np.arange(250), rows)
    area, precision = [], []
    for q in range(len(rows)):
        others = np.delete(rows, q)
        hits = np.r_[np.ones(24), np.zeros(225)]
        values = -table[q, np.r_[others, gallery]]
        area.append(roc_auc_score(hits, values))
        precision.append(average_precision_score(hits, values))
    np.testing.assert_allclose(by_scale.members.auroc, area, atol=1e-9)
    np.testing.assert_allclose(by_scale.members.average_precision, precision, atol=1e-9)


def test_scales_of_one_size_change_nothing() -> None:
    vectors = normal(200, 8)
    rows = np.arange(30)
    found = gallery_set(vectors, rows, metric="euclidean")
    keys = scaled(
        found,
        vectors[rows],
        vectors,
        member_scales=np.full(30, 4.0),
        gallery_scales=np.full(200, 4.0),
        metric="euclidean",
    )
    np.testing.assert_array_equal(keys.n_less, found.n_less)
    np.testing.assert_array_equal(keys.n_equal, found.n_equal)


def test_a_class_behind_hubs_is_found_by_local_scaling() -> None:
    rng = np.random.default_rng(0)
    vectors = normal(600, 64)
    vectors[:150] *= np.float32(0.02)  # hubs: nearer to everything than anything else
    x = np.arange(560, 600)
    vectors[x] += (0.62 * rng.standard_normal(64)).astype(np.float32)
    baseline = baseline_distances(vectors, metric="euclidean")
    found = gallery_set(vectors, x, metric="euclidean", k=64)
    plain = answer("X", found, baseline, draws=500)
    scales = scales_of(vectors, "euclidean")
    keys = scaled(
        found, vectors[x], vectors, member_scales=scales[x], gallery_scales=scales, metric="euclidean"
    )
    other = by_local_scaling(plain, keys, None, nearly_same(found), metric="euclidean", draws=500)
    assert other.name == "NICDM"
    assert other.n_images == 40
    assert other.auroc.low > plain.auroc.high
    assert plain.verdict is not Verdict.YES
    assert other.verdict is Verdict.YES
