from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import procrustes

from dxr_dash.analysis.alignment import alignment, displacement


def rotated(points: np.ndarray, angle: float, *, mirror: bool) -> np.ndarray:
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    found: np.ndarray = points @ turn
    return found * [-1, 1] if mirror else found


@given(
    st.floats(-math.pi, math.pi),
    st.booleans(),
    st.floats(0.01, 100),
    st.floats(-50, 50),
    st.integers(0, 2**32 - 1),
)
def test_a_map_that_was_turned_mirrored_moved_and_resized_is_laid_back(
    angle: float, mirror: bool, size: float, shift: float, seed: int
) -> None:
    reference = np.random.default_rng(seed).normal(size=(30, 2))
    points = size * rotated(reference, angle, mirror=mirror) + [shift, -shift]
    found = alignment(reference, points)
    np.testing.assert_allclose(found.moved(points), reference, atol=2e-4)
    assert displacement(reference, found.moved(points)) < 1e-3


def test_the_rotation_is_that_of_scipy() -> None:
    random = np.random.default_rng(1)
    reference = random.normal(size=(200, 2)) * [3, 1]
    points = rotated(reference, 2.0, mirror=True) + random.normal(size=(200, 2))
    _, other, _ = procrustes(reference, points)
    mine = alignment(reference, points).moved(points)
    mine = mine - mine.mean(axis=0)
    ratio = mine / np.where(np.abs(other) > 1e-3, other, np.nan)  # scipy's differs by a factor alone
    assert np.nanstd(ratio) < 1e-3 * np.nanmean(ratio)


def test_both_maps_spread_equally_far_however_little_they_have_in_common() -> None:
    random = np.random.default_rng(2)
    reference, points = random.normal(size=(500, 2)), 7 * random.normal(size=(500, 2)) + 90
    moved = alignment(reference, points).moved(points).astype(float)
    assert moved.mean(axis=0) == pytest.approx(reference.mean(axis=0), abs=1e-4)
    spread = [np.sqrt(((one - one.mean(axis=0)) ** 2).sum()) for one in (moved, reference)]
    assert spread[0] == pytest.approx(spread[1], rel=1e-5)
    assert 1.0 < displacement(reference, moved) < 1.5


@pytest.mark.parametrize("points", [np.zeros((0, 2)), np.ones((1, 2)), np.ones((4, 2))])
def test_maps_without_any_spread_are_only_moved(points: np.ndarray) -> None:
    reference = np.full(points.shape, 5.0)
    moved = alignment(reference, points).moved(points)
    np.testing.assert_allclose(moved, reference)
