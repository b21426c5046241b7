"""The fixed words of what stands beside an answer; the command line and the page say the same."""

from __future__ import annotations

from math import isnan

from dxr_dash.analysis.verdict import counted
from dxr_dash.records import AmongRandomSets, Basis, Estimate, Hubs, Instead, LocalScaling, OwnValue, Verdict


def p_value(found: AmongRandomSets) -> str:
    """Say a p-value and what bounds it: "p <= 0.005, 200 random sets"."""
    sign = "≤" if found.n_as_extreme == 0 else "="
    return f"p {sign} {rounded_up(found.p_value)}"


def among_random(found: AmongRandomSets) -> str:
    """Say how many random sets do as well: "none of 200 random sets does as well"."""
    many = found.n_as_extreme > 1
    return (
        f"{found.n_as_extreme or 'none'} of {found.n_sets:,} random sets {'do' if many else 'does'} as well"
    )


def rounded_up(p: float) -> str:
    """Write a p-value with three decimals, never as less than it is."""
    return f"{-(-round(p * 1e6) // 1000) / 1000:.3f}"


def instead(one: Instead) -> str:
    """Say how often a value is retrieved: "12 of 20 nearest, 31 times chance (19 to 40)"."""
    lift = one.lift
    often = f"{times(lift.value)} times chance ({times(lift.low)} to {times(lift.high)})"
    return f"{one.n_found:,} of {one.n_retrieved:,} nearest, {often}"


def also_of_x(one: Instead) -> str:
    """Say how many of X have the value themselves; empty when none has."""
    if one.n_members == 0:
        return ""
    return f"{one.n_members:,} of {counted(one.n_known, 'image')} of X {'is' if one.n_members == 1 else 'are'}, too"


def own(one: OwnValue, k: int) -> str:
    """Say how often an image of X retrieves its own kind."""
    share, lift = one.share.value, one.share.value / one.share.chance
    return f"{100 * share:.0f} % of the {k} nearest outside X of each image, {times(lift)} times chance"


def hubs(found: Hubs) -> str:
    """Say how many of the places that X fills hubs take."""
    return (
        f"hubs take {100 * found.share:.0f} % of the places among the {found.k} nearest, {100 * found.usual:.0f} % for "
        f"any image; skewness {found.skewness:.1f}"
    )


def without_hubs(found: LocalScaling, verdict: Verdict) -> str:
    """Say what distances that take hubs into account make of a verdict."""
    if found.verdict is verdict:
        return "Distances that take hubs into account change no verdict."
    said = (
        "would leave it open" if found.verdict is Verdict.CANNOT_TELL else f'would answer "{found.verdict}"'
    )
    return f"The verdict hangs on the distance: {found.name}, which takes hubs into account, {said}."


def in_place(verdict: Verdict) -> str:
    """Choose the word for what is retrieved that is not X: it takes the place of X only where X is not found."""
    return "Besides" if verdict is Verdict.YES else "Instead"


def line_separates(name: str) -> str:
    """Say that X is readable, but not near."""
    return f"A line separates {name}, but its neighbours are not {name}."


def first_hit(ranks: Estimate) -> str:
    """Say the median rank of the first other member: "rank 4 (3 to 6), where chance gives 17"."""
    if isnan(ranks.value):
        return "not measured"
    ends = "" if isnan(ranks.low) else f" ({ranks.low:,.0f} to {ranks.high:,.0f})"
    return f"rank {ranks.value:,g}{ends}, where chance gives {ranks.chance:,.0f}"


def basis(rests_on: Basis) -> str:
    """Say what the numbers of an answer rest on, and what that bounds."""
    level = f"{100 * rests_on.confidence:.0f} %"
    pairs = f"all {rests_on.n_baseline:,} pairs of the gallery"
    if not rests_on.all_pairs:
        pairs = (
            f"{rests_on.n_baseline:,} random pairs of the gallery (percentiles within "
            f"{100 * rests_on.baseline_bound:.1f} points at {level})"
        )
    return f"{pairs}; {rests_on.n_draws:,} bootstrap draws for {level} intervals"


def times(lift: float) -> str:
    """Write a lift: one decimal below 10, none above."""
    return f"{lift:.1f}" if lift < 9.95 else f"{lift:,.0f}"
