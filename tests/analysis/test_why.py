"""Why two images match: the parts make up the whole, and patches cover the picture once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dxr_dash.analysis.distances import distances
from dxr_dash.analysis.why import (
    GREY,
    bin_parts,
    grid_cells,
    occluded,
    occlusion_map,
    pixel_parts,
    similarity_parts,
)


@given(st.integers(0, 2**32), st.tuples(*[st.integers(1, 5)] * 4), st.integers(1, 6))
def test_both_maps_sum_to_the_cosine_similarity(
    seed: int, sides: tuple[int, int, int, int], n_dims: int
) -> None:
    rng = np.random.default_rng(seed)
    first = rng.normal(size=(n_dims, *sides[:2])).astype(np.float32)
    second = rng.normal(size=(n_dims, *sides[2:])).astype(np.float32)
    similarity = 1 - distances([first.mean((1, 2))], second.mean((1, 2))[None], metric="cosine")[0, 0]
    maps = similarity_parts(first, second)
    assert [one.shape for one in maps] == [sides[:2], sides[2:]]
    for one in maps:
        assert one.sum() == pytest.approx(similarity, abs=1e-6)


def test_the_place_that_is_shared_has_all_of_the_similarity() -> None:
    first, second = np.zeros((3, 2, 2), np.float32), np.zeros((3, 1, 2), np.float32)
    first[:, 0, 1], first[:, 1, 0] = (1, 0, 0), (0, 2, 0)  # only the first feature is in both
    second[:, 0, 0], second[:, 0, 1] = (3, 0, 0), (0, 0, 4)
    of_first, of_second = similarity_parts(first, second)
    expected = 3 / (np.sqrt(5) * 5)
    np.testing.assert_allclose(of_first, [[0, expected], [0, 0]])
    np.testing.assert_allclose(of_second, [[expected, 0]])


def test_an_image_without_a_direction_is_like_nothing() -> None:
    something = np.ones((2, 3, 3), np.float32)
    for one in similarity_parts(np.zeros((2, 2, 2), np.float32), something):
        assert not one.any()


@given(st.integers(0, 2**32), st.integers(1, 6), st.integers(1, 6))
def test_the_products_of_pixels_sum_to_the_cosine_of_the_pictures(seed: int, height: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(2, 3, height, width)).astype(np.float32)
    similarity = 1 - distances(first.reshape(1, -1), second.reshape(1, -1), metric="cosine")[0, 0]
    for one in pixel_parts(first, second):
        assert one.shape == (height, width)
        assert one.sum() == pytest.approx(similarity, abs=1e-6)


def test_pixels_that_differ_take_away_and_a_picture_of_nothing_is_like_nothing() -> None:
    first = np.array([[[1, 0], [0, 2]]], np.float32)
    second = np.array([[[-2, 5], [0, 1]]], np.float32)
    np.testing.assert_allclose(pixel_parts(first, second)[0], np.array([[-2, 0], [0, 2]]) / np.sqrt(5 * 30))
    assert not pixel_parts(np.zeros_like(first), second)[1].any()


@given(st.integers(0, 2**32), st.tuples(*[st.integers(1, 7)] * 4), st.integers(1, 9))
def test_the_parts_of_bins_sum_to_the_cosine_of_the_square_roots_of_shares(
    seed: int, sides: tuple[int, int, int, int], n_bins: int
) -> None:
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, n_bins, sides[:2]), rng.integers(0, n_bins, sides[2:])
    roots = [np.sqrt(np.bincount(one.ravel(), minlength=n_bins) / one.size) for one in (first, second)]
    maps = bin_parts(first, second)
    assert [one.shape for one in maps] == [sides[:2], sides[2:]]
    for one in maps:
        assert one.min() >= 0
        assert one.sum() == pytest.approx(float(roots[0] @ roots[1]), abs=1e-12)


def test_pixels_of_one_colour_share_what_it_gives() -> None:
    first, second = np.array([[0, 0, 0, 1]]), np.array([[1], [2]])  # shares 3/4, 1/4, 0 and 0, 1/2, 1/2
    of_first, of_second = bin_parts(first, second)
    np.testing.assert_allclose(of_first, [[0, 0, 0, np.sqrt(1 / 8)]])
    np.testing.assert_allclose(of_second, [[np.sqrt(1 / 8)], [0]])


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 9))
def test_each_pixel_is_in_one_cell(height: int, width: int, cells: int) -> None:
    times = np.zeros((height, width), int)
    found = grid_cells(height, width, cells=cells)
    for cell in found:
        assert times[cell].size
        times[cell] += 1
    assert (times == 1).all()
    assert len(found) == min(cells, height) * min(cells, width)


def test_patches_are_hidden_one_by_one_and_the_picture_stays() -> None:
    picture = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    before = picture.copy()
    hidden = list(occluded(picture, cells=2))
    assert len(hidden) == 4
    assert (hidden[1][:2, 3:] == GREY).all()
    assert (hidden[1][2:] == before[2:]).all()
    assert (hidden[1][:2, :3] == before[:2, :3]).all()
    assert (picture == before).all()
    (all_grey,) = occluded(picture, cells=1)
    assert (all_grey == GREY).all()


def test_a_map_says_by_how_much_the_distance_grows_row_by_row() -> None:
    found = occlusion_map(np.array([0.5, 0.2, 0.3, 0.25], np.float32), 0.25, (2, 2))
    np.testing.assert_allclose(found, [[0.25, -0.05], [0.05, 0]], atol=1e-7)
