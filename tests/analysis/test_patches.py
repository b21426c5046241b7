"""Multi-patch matching: patches cover the image, and the distance is the mean of the nearest ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from dxr_dash.analysis.patches import n_patches, patch_boxes, patch_distances

SIDE = st.integers(1, 60)


@given(SIDE, SIDE, st.integers(1, 4))
def test_the_patches_of_each_order_are_h_times_h_and_cover_the_image(
    width: int, height: int, order: int
) -> None:
    boxes = patch_boxes(width, height, range(1, order + 1))
    assert len(boxes) == n_patches(order) == sum(h * h for h in range(1, order + 1))
    assert boxes[0] == (0, 0, width, height)
    first = 0
    for h in range(1, order + 1):
        covered = np.zeros((height, width), bool)
        for left, top, right, bottom in boxes[first : first + h * h]:
            assert 0 <= left < right <= width
            assert 0 <= top < bottom <= height
            covered[top:bottom, left:right] = True
        assert covered.all()
        first += h * h


def test_patches_overlap_by_half() -> None:
    assert patch_boxes(6, 3, [2]) == [(0, 0, 4, 2), (2, 0, 6, 2), (0, 1, 4, 3), (2, 1, 6, 3)]
    assert [box[:3:2] for box in patch_boxes(8, 4, [3])[:3]] == [(0, 4), (2, 6), (4, 8)]


@given(st.integers(0, 2**32), st.tuples(*[st.integers(1, 5)] * 4))
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_the_distance_is_the_mean_over_the_query_of_the_nearest_patch(
    metric: str, seed: int, sizes: tuple[int, int, int, int]
) -> None:
    q, n, p, n_dims = sizes
    rng = np.random.default_rng(seed)
    query = rng.normal(size=(q, n_dims)).astype(np.float32)
    images = rng.normal(size=(n, p, n_dims)).astype(np.float32)
    expected = [
        np.mean([min(cdist(one[None], image, metric)[0]) for one in query.astype(np.float64)])
        for image in images.astype(np.float64)
    ]
    np.testing.assert_allclose(patch_distances(query, images, metric=metric), expected, atol=1e-5)


def test_a_patch_is_asked_for_its_nearest_and_not_the_other_way_round() -> None:
    query = np.array([[1, 0]], np.float32)
    images = np.array([[[0, 1], [1, 0]], [[1, 1], [1, 1]]], np.float32)
    np.testing.assert_allclose(
        patch_distances(query, images, metric="cosine"), [0, 1 - np.sqrt(1 / 2)], atol=1e-6
    )
    back = patch_distances(images[0], query[None], metric="cosine")
    np.testing.assert_allclose(back, [1 / 2], atol=1e-6)
