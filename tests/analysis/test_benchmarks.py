"""The published protocols, against slow programs that follow their definitions step by step."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dxr_dash.analysis import benchmarks
from dxr_dash.analysis.benchmarks import (
    chance_n_s,
    chance_precision_at,
    chance_trapezoid_ap,
    mean_over_queries,
    n_s_score,
    positions,
    precision_at,
    sharing_groups,
    trapezoid_ap,
)
from dxr_dash.records import Estimate, IntArray


def rows(numbers: Iterable[int]) -> IntArray:
    return np.array(sorted(numbers), np.int64)


def ap_by_definition(ranking: list[int], relevant: set[int], junk: set[int]) -> float:
    """Walk down the ranking as compute_ap does: junk is skipped, recall and precision make trapezoids."""
    area, recall_before, precision_before = 0.0, 0.0, 1.0
    n_hits = n_seen = 0
    for image in ranking:
        if image in junk:
            continue
        n_seen += 1
        n_hits += image in relevant
        recall, precision = n_hits / len(relevant), n_hits / n_seen
        area += (recall - recall_before) * (precision_before + precision) / 2
        recall_before, precision_before = recall, precision
    return area


def precision_by_definition(ranking: list[int], relevant: set[int], junk: set[int], k: int) -> float:
    """Count among the first k images that are no junk; of a list that ends with the last relevant one."""
    clean = [image for image in ranking if image not in junk]
    last = max(clean.index(image) for image in relevant)
    listed = clean[: last + 1][:k]
    return sum(image in relevant for image in listed) / len(listed)


def measured(ranking: list[int], relevant: set[int], junk: set[int]) -> IntArray:
    distances = np.empty(len(ranking))
    distances[ranking] = np.arange(len(ranking)) / 7.0
    return positions(distances, rows(relevant), rows(junk))


@st.composite
def rankings(draw: st.DrawFn) -> tuple[list[int], set[int], set[int]]:
    ranking = draw(st.permutations(range(draw(st.integers(1, 14)))))
    kinds = [draw(st.sampled_from(["relevant", "junk", "other"])) for _ in ranking]
    relevant = {image for image, kind in enumerate(kinds) if kind == "relevant"} or {ranking[0]}
    junk = {image for image, kind in enumerate(kinds) if kind == "junk"} - relevant
    return ranking, relevant, junk


@given(rankings(), st.integers(1, 12))
def test_ap_and_precision_are_those_of_the_published_definitions(
    case: tuple[list[int], set[int], set[int]], k: int
) -> None:
    ranking, relevant, junk = case
    found = measured(ranking, relevant, junk)
    assert trapezoid_ap(found, len(relevant)) == pytest.approx(
        ap_by_definition(ranking, relevant, junk), abs=1e-12
    )
    expected = precision_by_definition(ranking, relevant, junk, k)
    assert precision_at(found, len(relevant), k) == pytest.approx(expected, abs=1e-12)


def test_small_rankings_worked_out_by_hand() -> None:
    # relevant at ranks 1 and 3 of 4: (1 + 1)/2 * 1/2 + (1/2 + 2/3)/2 * 1/2
    assert trapezoid_ap(rows([0, 2]), 2) == pytest.approx(0.5 + 7 / 24)
    assert trapezoid_ap(rows([1]), 1) == 0.25  # (0 + 1/2) / 2
    assert trapezoid_ap(rows([0, 1, 2]), 3) == 1.0
    assert trapezoid_ap(rows([0]), 2) == 0.5  # the other one is not ranked: never found
    assert trapezoid_ap(rows([]), 3) == 0.0
    assert precision_at(rows([0, 2]), 2, 1) == 1.0
    assert precision_at(rows([0, 2]), 2, 10) == pytest.approx(
        2 / 3
    )  # the list ends with the last relevant one
    assert precision_at(rows([0, 2]), 3, 10) == 0.2  # but not where one was never found
    assert n_s_score(rows([0, 1, 3, 4])) == 3.0
    assert n_s_score(rows([0, 1, 2, 3])) == 4.0
    assert math.isnan(trapezoid_ap(rows([]), 0))
    assert math.isnan(precision_at(rows([]), 0, 5))


def test_junk_at_any_positions_changes_nothing() -> None:
    clean, relevant = [4, 0, 3, 1, 2], {0, 1}
    expected = measured(clean, relevant, set())
    for n_junk in (1, 2, 3):
        for places in combinations(range(len(clean) + n_junk), n_junk):
            ranking = list(clean)
            for number, place in enumerate(places):
                ranking.insert(place, 5 + number)
            junk = set(range(5, 5 + n_junk))
            assert measured(ranking, relevant, junk).tolist() == expected.tolist(), ranking


@given(rankings())
def test_trapezoids_never_give_more_than_the_usual_ap(case: tuple[list[int], set[int], set[int]]) -> None:
    ranking, relevant, junk = case
    found = measured(ranking, relevant, junk)
    usual = float(np.mean((np.arange(len(found)) + 1) / (found + 1)))
    perfect = found[-1] == len(found) - 1
    area = trapezoid_ap(found, len(found))
    assert area == 1.0 if perfect else area < usual


@given(rankings())
def test_moving_a_relevant_image_up_never_lowers_ap(case: tuple[list[int], set[int], set[int]]) -> None:
    ranking, relevant, junk = case
    before = trapezoid_ap(measured(ranking, relevant, junk), len(relevant))
    for place in range(1, len(ranking)):
        if ranking[place] in relevant and ranking[place - 1] not in relevant:
            better = [*ranking]
            better[place - 1], better[place] = better[place], better[place - 1]
            assert trapezoid_ap(measured(better, relevant, junk), len(relevant)) >= before - 1e-12


def test_at_one_distance_the_irrelevant_stand_first_wherever_they_are_in_the_gallery() -> None:
    same = np.zeros(5, np.float32)
    for relevant in combinations(range(5), 2):
        assert positions(same, rows(relevant), rows([])).tolist() == [3, 4]
    junk_too = positions(same, rows([1, 2]), rows([0]))
    assert junk_too.tolist() == [2, 3]


@pytest.mark.parametrize(("n_relevant", "n_ranked"), [(1, 1), (1, 4), (2, 5), (4, 6), (5, 5)])
def test_chance_is_the_mean_over_all_orders(n_relevant: int, n_ranked: int) -> None:
    orders = [rows(one[:n_relevant]) for one in permutations(range(n_ranked))]
    aps = [trapezoid_ap(one, n_relevant) for one in orders]
    assert chance_trapezoid_ap(n_relevant, n_ranked) == pytest.approx(np.mean(aps), abs=1e-12)
    for k in (1, 3, 5, 10):
        values = [precision_at(one, n_relevant, k) for one in orders]
        assert chance_precision_at(n_relevant, n_ranked, k) == pytest.approx(np.mean(values), abs=1e-12), k


def test_chance_of_the_n_s_score_is_the_mean_over_all_orders_behind_the_query() -> None:
    orders = [rows([0, *(1 + place for place in one)]) for one in combinations(range(7), 3)]
    assert chance_n_s(8) == pytest.approx(np.mean([n_s_score(one) for one in orders]))
    assert chance_n_s(4) == 4.0
    assert math.isnan(chance_trapezoid_ap(0, 9))
    assert math.isnan(chance_precision_at(0, 9, 5))


@given(st.lists(st.sets(st.integers(0, 8), max_size=3), min_size=1, max_size=8))
def test_queries_are_grouped_when_they_share_a_relevant_image_also_by_way_of_others(
    wanted: list[set[int]],
) -> None:
    groups = sharing_groups([rows(one) for one in wanted], 9)
    linked = [[bool(a & b) or i == j for j, b in enumerate(wanted)] for i, a in enumerate(wanted)]
    reach = np.linalg.matrix_power(np.array(linked, float), len(wanted)) > 0
    assert ((groups[:, None] == groups) == reach).all()


def average(values: list[float], groups: list[int]) -> Estimate:
    return mean_over_queries(
        np.array(values),
        np.array(groups, np.int64),
        chance=0.1,
        bounds=(0.0, 1.0),
        confidence=0.95,
        draws=500,
        seed=0,
    )


def test_asking_again_for_the_same_images_makes_no_interval_narrower() -> None:
    values = [0.2, 0.9, 0.4, 0.6, 0.1, 0.8, 0.5]
    once = average(values, list(range(7)))
    again = average(
        [value for value in values for _ in range(4)], [group for group in range(7) for _ in range(4)]
    )
    assert again.low == pytest.approx(once.low)
    assert again.high == pytest.approx(once.high)
    assert once.low < once.value < once.high
    as_if_independent = average([value for value in values for _ in range(4)], list(range(28)))
    assert as_if_independent.high - as_if_independent.low < 0.7 * (once.high - once.low)


def test_queries_without_a_relevant_image_are_left_out_and_few_groups_have_no_interval() -> None:
    nan = float("nan")
    found = average([0.2, nan, 0.6, 0.4, 0.1, 0.7, 0.4], [0, 1, 2, 3, 4, 4, 5])
    assert found.value == pytest.approx(0.4)
    assert 0.1 < found.low < 0.4 < found.high < 0.7
    few = average([0.2, 0.4, nan, 0.5, 0.1], [3, 3, 4, 5, 6])
    assert few.value == pytest.approx(0.3)
    assert math.isnan(few.low)
    assert math.isnan(few.high)
    assert math.isnan(average([nan], [0]).value)


def test_drawing_in_blocks_gives_the_same_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    values = [0.2, 0.9, 0.4, 0.6, 0.1, 0.8, 0.5]
    at_once = average(values, list(range(7)))
    monkeypatch.setattr(benchmarks, "WEIGHTS_AT_ONCE", 70)
    assert average(values, list(range(7))) == at_once
