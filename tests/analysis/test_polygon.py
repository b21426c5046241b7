from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dxr_dash.analysis.polygon import inside_polygon

PLACES = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=3, max_size=14)


@given(PLACES, st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=30))
def test_a_point_is_inside_when_a_ray_from_it_crosses_an_odd_number_of_sides(
    corners: list[tuple[int, int]], points: list[tuple[int, int]]
) -> None:
    places = np.array(points, np.float32).reshape(-1, 2)
    expected = []
    for row, (x, y) in enumerate(points):
        crossed = 0
        for (x1, y1), (x2, y2) in zip(corners, corners[1:] + corners[:1], strict=True):
            if (y1 > y) != (y2 > y):
                crossed += bool(x < x1 + (y - y1) * ((x2 - x1) / (y2 - y1)))
        if crossed % 2:
            expected.append(row)
    assert inside_polygon(places, corners).tolist() == expected
