from __future__ import annotations

import re
from pathlib import Path

import pytest

from dxr_dash import settings
from dxr_dash.analysis.verdict import (
    MIN_COMPARED,
    RULES,
    SENTENCES,
    THRESHOLDS,
    VERDICTS,
    Evidence,
    Reason,
    decide,
    lift,
    sentence,
    thresholds_table,
    written,
)
from dxr_dash.records import AgainstControl, Estimate, Verdict

NAN = float("nan")
Interval = tuple[float, float, float]


def evidence(
    auroc: Interval,
    mean_ap: Interval = (0.5, 0.4, 0.6),
    control: Interval | None = None,
    *,
    n_images: int = 30,
    n_control: int = 30,
    n_compared: int = 1000,
    other_source: bool = False,
) -> Evidence:
    against = None
    if control:
        against = AgainstControl("things without faces", n_control, Estimate(*control, 0.5))
    measures = Estimate(*auroc, 0.5), Estimate(*mean_ap, 0.03)
    return Evidence("faces in things", n_images, n_compared, *measures, against, other_source)


LOW_AP = (0.05, 0.04, 0.06)
CASES = {
    Reason.FEW_IMAGES: evidence((0.9, 0.8, 1.0), n_images=settings.MIN_QUERY_IMAGES - 1),
    Reason.FEW_COMPARED: evidence((0.9, 0.8, 1.0), n_compared=MIN_COMPARED - 1),
    Reason.FEW_CONTROL: evidence((0.9, 0.8, 1.0), control=(0.9, 0.8, 1.0), n_control=4),
    Reason.CHANCE: evidence((0.51, 0.48, 0.54)),
    Reason.THINGS: evidence((0.9, 0.85, 0.95), control=(0.51, 0.48, 0.54)),
    Reason.CHANCE_CONTROL: evidence((0.56, 0.52, 0.59), LOW_AP, control=(0.51, 0.48, 0.54)),
    Reason.WIDE_CHANCE_CONTROL: evidence((0.9, 0.85, 0.95), control=(0.6, 0.45, 0.75)),
    Reason.SOURCE: evidence((0.9, 0.85, 0.95), other_source=True),
    Reason.FOUND: evidence((0.9, 0.7, 0.95)),
    Reason.FOUND_CONTROL: evidence((0.9, 0.85, 0.95), control=(0.8, 0.7, 0.85)),
    Reason.NOT_FIRST: evidence((0.9, 0.85, 0.95), LOW_AP),
    Reason.PART: evidence((0.7, 0.6, 0.8)),
    Reason.PART_CONTROL: evidence((0.9, 0.85, 0.95), control=(0.7, 0.6, 0.8)),
    Reason.GROUPS: evidence((0.6, 0.55, 0.65)),
    Reason.WIDE: evidence((0.7, 0.59, 0.81), LOW_AP),
    Reason.WIDE_CONTROL: evidence((0.9, 0.85, 0.95), control=(0.65, 0.59, 0.71)),
    Reason.WEAK: evidence((0.6, 0.55, 0.65), LOW_AP),
    Reason.WEAK_CONTROL: evidence((0.9, 0.85, 0.95), control=(0.56, 0.52, 0.6)),
}


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_case_a_verdict_and_a_sentence_that_opens_with_it(reason: Reason) -> None:
    assert decide(CASES[reason]) is reason
    said = sentence(reason, CASES[reason])
    assert said.lower().startswith(VERDICTS[reason].value)
    assert said.endswith(".")
    assert "faces in things" in said
    assert not re.search(r"[{}]|nan|None", said)


def test_every_reason_stands_in_the_rules() -> None:
    assert {reason for reason, _ in RULES} == set(Reason) == set(VERDICTS) == set(SENTENCES)


def test_the_words_are_fixed() -> None:
    assert sentence(Reason.THINGS, CASES[Reason.THINGS]) == (
        "No: these features do not retrieve faces in things. They retrieve the things: against the control set "
        "things without faces the AUROC is 0.51 (0.48 to 0.54)."
    )
    assert sentence(Reason.FOUND, CASES[Reason.FOUND]) == (
        "Yes: these features retrieve faces in things. The AUROC is 0.90 (0.70 to 0.95)."
    )
    assert sentence(Reason.FEW_IMAGES, CASES[Reason.FEW_IMAGES]) == (
        "Cannot tell whether these features retrieve faces in things: the set has 4 images, and an answer needs "
        "5 images."
    )


@pytest.mark.parametrize("low", [0.0, 0.3, 0.5])
@pytest.mark.parametrize("auroc", [(0.9, 0.85, 0.95), (0.65, 0.6, 0.7), (0.55, 0.52, 0.58), (0.5, 0.4, 0.6)])
def test_a_control_that_is_not_beaten_never_leaves_more_than_no(low: float, auroc: Interval) -> None:
    assert VERDICTS[decide(evidence(auroc, control=(0.55, low, 0.65)))] is Verdict.NO
    assert VERDICTS[decide(evidence(auroc, control=(0.9, low, 1.0)))] in (Verdict.NO, Verdict.CANNOT_TELL)


def test_another_source_leaves_no_yes_and_makes_none() -> None:
    for auroc in ((0.9, 0.85, 0.95), (0.7, 0.62, 0.8), (0.6, 0.55, 0.65), (0.56, 0.52, 0.6), (0.5, 0.4, 0.6)):
        for mean_ap in ((0.5, 0.4, 0.6), LOW_AP):
            for control in (None, (0.9, 0.85, 0.95), (0.51, 0.45, 0.55)):
                before = VERDICTS[decide(evidence(auroc, mean_ap, control))]
                after = VERDICTS[decide(evidence(auroc, mean_ap, control, other_source=True))]
                assert after in (Verdict.NO, Verdict.CANNOT_TELL)
                if before in (Verdict.NO, Verdict.CANNOT_TELL):
                    assert after is before


def test_the_sentence_names_what_a_set_from_another_source_is_unlike() -> None:
    alone = sentence(Reason.SOURCE, CASES[Reason.SOURCE])
    assert "unlike those of the gallery" in alone
    assert "0.90 (0.85 to 0.95)" in alone
    beside = evidence((0.9, 0.85, 0.95), control=(0.8, 0.7, 0.9), other_source=True)
    assert "of the gallery and of the control set things without faces" in sentence(Reason.SOURCE, beside)
    assert "0.80 (0.70 to 0.90)" in sentence(Reason.SOURCE, beside)


def test_features_that_do_not_retrieve_the_things_either_are_not_said_to() -> None:
    assert decide(evidence((0.51, 0.45, 0.56), control=(0.5, 0.45, 0.55))) is Reason.CHANCE


def test_a_control_that_is_easier_than_the_gallery_changes_no_verdict() -> None:
    for auroc in ((0.9, 0.8, 0.95), (0.7, 0.6, 0.8), (0.52, 0.45, 0.6)):
        alone, beside = evidence(auroc), evidence(auroc, control=(0.99, 0.97, 1.0))
        assert VERDICTS[decide(alone)] is VERDICTS[decide(beside)]


def test_unknown_numbers_never_carry_a_verdict() -> None:
    for auroc in ((NAN, NAN, NAN), (0.9, NAN, NAN)):
        for n_images in (1, 2, 30):
            unknown = evidence(auroc, (NAN, NAN, NAN), n_images=n_images)
            assert VERDICTS[decide(unknown)] is Verdict.CANNOT_TELL


def test_lift_puts_chance_at_zero_and_a_perfect_ranking_at_one() -> None:
    assert lift(Estimate(0.3, 0.2, 0.4, 0.2)) == 0
    assert lift(Estimate(1.0, 1.0, 1.0, 0.2)) == 1
    assert lift(Estimate(1.0, 1.0, 1.0, 1.0)) == 0


def test_estimates_are_written_with_what_is_known() -> None:
    assert written(Estimate(0.514, 0.4751, 0.542, 0.5)) == "0.51 (0.48 to 0.54)"
    assert written(Estimate(0.5, NAN, NAN, 0.5)) == "0.50"
    assert written(Estimate(NAN, NAN, NAN, 0.5)) == "unknown"


def test_the_thresholds_are_in_order() -> None:
    value = {name: threshold for name, (threshold, _) in THRESHOLDS.items()}
    assert value["chance"] < value["partly"] < value["yes"]


def test_the_documentation_shows_the_table_of_thresholds() -> None:
    page = Path(__file__).parents[2] / "docs" / "statistics.md"
    assert thresholds_table() in page.read_text(encoding="utf-8")
