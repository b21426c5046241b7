from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dxr_dash.analysis import compared
from dxr_dash.analysis.answer import answer
from dxr_dash.records import AgainstControl, Answer, Estimate, Verdict
from tests.analysis.sets import gallery_set, normal

NAN = float("nan")
YES, NO = Verdict.YES, Verdict.NO


def estimate(value: float, low: float, high: float, chance: float = 0.0) -> Estimate:
    return Estimate(value, low, high, chance)


def test_a_difference_is_told_when_its_interval_leaves_out_chance() -> None:
    assert compared.is_told(estimate(0.12, 0.05, 0.19))
    assert compared.is_told(estimate(-0.12, -0.19, -0.05))
    assert not compared.is_told(estimate(0.12, -0.05, 0.19))
    assert not compared.is_told(estimate(0.12, 0.05, 0.19, chance=0.1))
    assert not compared.is_told(estimate(NAN, NAN, NAN, NAN))
    assert not compared.is_told(estimate(0.0, 0.0, 0.0))


def test_the_better_set_is_named_first_whichever_it_is() -> None:
    words = "faces is retrieved better than things by an AUROC of 0.12 (0.05 to 0.19)"
    assert compared.sets_differ(("faces", YES), ("things", NO), estimate(0.12, 0.05, 0.19)) == f"{words}."
    assert compared.sets_differ(("things", NO), ("faces", YES), estimate(-0.12, -0.19, -0.05)) == f"{words}."


def test_better_is_not_said_of_what_is_not_retrieved_without_its_verdict() -> None:
    said = compared.sets_differ(("faces", NO), ("things", NO), estimate(0.03, 0.01, 0.05))
    assert said.endswith("0.03 (0.01 to 0.05), yet the verdict on it is “no”.")


def test_no_difference_says_so() -> None:
    said = compared.sets_differ(("faces", YES), ("things", NO), estimate(-0.02, -0.09, 0.05))
    assert said == "No difference between faces and things can be told: AUROC −0.02 (−0.09 to +0.05)."
    said = compared.spaces_differ("faces", ("a.fc7", YES), ("b.fc6", YES), estimate(0.02, -0.05, 0.09))
    assert (
        said == "No difference between a.fc7 and b.fc6 can be told for faces: AUROC +0.02 (−0.05 to +0.09)."
    )


def test_spaces_are_what_retrieves() -> None:
    said = compared.spaces_differ("faces", ("a.fc7", YES), ("b.fc6", YES), estimate(-0.2, -0.3, -0.1))
    assert said == "b.fc6 retrieves faces better than a.fc7 by an AUROC of 0.20 (0.10 to 0.30)."


def test_what_is_not_known_is_said() -> None:
    nothing = estimate(NAN, NAN, NAN, NAN)
    assert "cannot be compared" in compared.sets_differ(("faces", NO), ("things", NO), nothing)
    assert "cannot be compared" in compared.spaces_differ("faces", ("a", NO), ("b", NO), nothing)
    assert compared.signed(nothing) == "unknown"


@pytest.fixture
def found() -> Answer:
    distances = gallery_set(normal(100, 4), range(10), k=60)
    return answer("faces", distances, np.sort(normal(50, 1).ravel()))


@pytest.mark.parametrize(
    ("gallery", "control", "words"),
    [
        ((0.80, 0.75, 0.85), (0.50, 0.47, 0.53), "things explains it:"),
        ((0.80, 0.75, 0.85), (0.44, 0.40, 0.48), "things explains it:"),
        ((0.80, 0.75, 0.85), (0.53, 0.51, 0.55), "things explains nearly all of it:"),
        ((0.80, 0.75, 0.85), (0.72, 0.66, 0.78), "There is more than things explains:"),
        ((0.80, 0.75, 0.85), (0.60, 0.45, 0.75), "Whether things explains it cannot be told:"),
        (
            (0.50, 0.48, 0.52),
            (0.50, 0.47, 0.53),
            "There is nothing to explain: faces is not told from the gallery",
        ),
        ((NAN, NAN, NAN), (0.5, 0.4, 0.6), "Too few images"),
        ((0.8, 0.7, 0.9), (NAN, NAN, NAN), "Too few images"),
    ],
)
def test_what_the_control_set_explains_is_one_sentence_with_both_names(
    found: Answer, gallery: tuple[float, float, float], control: tuple[float, float, float], words: str
) -> None:
    against = AgainstControl("things", 10, Estimate(*control, 0.5))
    said = compared.explained(replace(found, auroc=Estimate(*gallery, 0.5), control=against))
    assert said.startswith(words)
    assert "faces" in said
    assert "things" in said
    if "Too few" not in words:
        assert f"nearer to itself than to things in {100 * control[0]:.0f} % of comparisons" in said


def test_nothing_is_explained_without_a_control_set(found: Answer) -> None:
    assert compared.explained(found) == ""
