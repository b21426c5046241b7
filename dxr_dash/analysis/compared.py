"""The fixed words of a comparison; the command line and the page say the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isnan

from dxr_dash.analysis.verdict import CHANCE, PARTLY_AUROC, YES_AUROC, written
from dxr_dash.records import Answer, Estimate, Verdict


def is_told(difference: Estimate) -> bool:
    """Whether the interval of a difference leaves out what chance alone gives."""
    return difference.low > difference.chance or difference.high < difference.chance


def signed(difference: Estimate) -> str:
    """Write a difference with its interval: "+0.12 (+0.05 to +0.19)"."""
    if isnan(difference.value):
        return "unknown"
    return f"{difference.value:+.2f} ({difference.low:+.2f} to {difference.high:+.2f})".replace("-", "\u2212")


def sets_differ(one: tuple[str, Verdict], reference: tuple[str, Verdict], difference: Estimate) -> str:
    """Say whether one set is retrieved better than another, by their AUROCs.

    Args:
        one: its name and its verdict: what is retrieved better may still not be retrieved.
        reference: the same.
        difference: of their AUROCs.
    """
    if isnan(difference.low):
        needed = "each needs three images or more, and gallery images beside them"
        return f"{one[0]} and {reference[0]} cannot be compared: {needed}."
    if not is_told(difference):
        return f"No difference between {one[0]} and {reference[0]} can be told: AUROC {signed(difference)}."
    better, worse = (one, reference) if difference.value > 0 else (reference, one)
    return f"{better[0]} is retrieved better than {worse[0]} {_size(difference)}{_yet(better[1])}."


def spaces_differ(
    name: str, one: tuple[str, Verdict], reference: tuple[str, Verdict], difference: Estimate
) -> str:
    """Say whether one feature space retrieves a set better than another does; arguments as in ``sets_differ``."""
    if isnan(difference.low):
        return f"{one[0]} and {reference[0]} cannot be compared for {name}: it needs three images, and a gallery."
    if not is_told(difference):
        return (
            f"No difference between {one[0]} and {reference[0]} can be told for {name}: "
            f"AUROC {signed(difference)}."
        )
    better, worse = (one, reference) if difference.value > 0 else (reference, one)
    return f"{better[0]} retrieves {name} better than {worse[0]} {_size(difference)}{_yet(better[1])}."


def _size(difference: Estimate) -> str:
    """Write how large a difference is, whichever side is better: "by an AUROC of 0.12 (0.05 to 0.19)"."""
    low, high = sorted((abs(difference.low), abs(difference.high)))
    return f"by an AUROC of {abs(difference.value):.2f} ({low:.2f} to {high:.2f})"


def _yet(better: Verdict) -> str:
    """Hold back who reads "better" as "well"."""
    return "" if better is Verdict.YES else f", yet the verdict on it is “{better}”"


EXPLAINED: Sequence[tuple[Callable[[Estimate, Estimate], bool], str]] = (
    (lambda all_of_it, _: isnan(all_of_it.low), "Too few images to tell what {other} explains of {one}."),
    (lambda _, beyond: isnan(beyond.low), "Too few images to tell what {other} explains of {one}."),
    (
        lambda all_of_it, _: all_of_it.low <= CHANCE,
        "There is nothing to explain: {one} is not told from the gallery, AUROC {auroc}; {nearer}.",
    ),
    (
        lambda _, beyond: beyond.low <= CHANCE and beyond.high >= YES_AUROC,
        "Whether {other} explains it cannot be told: {nearer}.",
    ),
    (lambda _, beyond: beyond.low <= CHANCE, "{other} explains it: {nearer}."),
    (
        lambda _, beyond: beyond.value < PARTLY_AUROC,
        "{other} explains nearly all of it: {nearer}.",
    ),
    (lambda _all, _: True, "There is more than {other} explains: {nearer}."),
)
"""What the control set explains, by the AUROC against the gallery and the one against the control; the first holds."""


def explained(answer: Answer) -> str:
    """Say what the control set explains of an answer; empty without a control set.

    It is one sentence that names both sets, so that a picture below it cannot be read as "X is retrieved" where
    the control set does as well.
    """
    if answer.control is None:
        return ""
    one, other, beyond = answer.name, answer.control.name, answer.control.auroc
    nearer = (
        f"{one} is nearer to itself than to {other} in {100 * beyond.value:.0f} % of comparisons "
        f"({100 * beyond.low:.0f} to {100 * beyond.high:.0f} %; 50 % is no preference)"
    )
    text = next(text for holds, text in EXPLAINED if holds(answer.auroc, beyond))
    return text.format(one=one, other=other, nearer=nearer, auroc=written(answer.auroc))
