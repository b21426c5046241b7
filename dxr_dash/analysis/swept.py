"""The fixed words of a sweep: at which layer does X become retrievable?"""

from __future__ import annotations

from collections.abc import Sequence

from dxr_dash.analysis.compared import is_told, signed
from dxr_dash.analysis.verdict import counted
from dxr_dash.records import Difference, Verdict


def first_retrieving(verdicts: Sequence[Verdict]) -> int | None:
    """Find the first yes in the order of depth, else the first partly: its place, or None."""
    return next(
        (verdicts.index(wanted) for wanted in (Verdict.YES, Verdict.PARTLY) if wanted in verdicts), None
    )


def becomes_retrievable(
    name: str, network: str, lines: Sequence[tuple[str, Verdict]], over: Sequence[tuple[str, Difference]]
) -> str:
    """Say at which layer of a network a query set becomes retrievable, and whether it takes depth.

    Args:
        lines: layer and verdict of each space of the network, in the order of depth.
        over: of each control for depth, its name and how much better the set is retrieved at that layer.
    """
    verdicts = [verdict for _, verdict in lines]
    place = first_retrieving(verdicts)
    only = len(lines) == 1
    if place is None:
        open_ = verdicts.count(Verdict.CANNOT_TELL)
        if only and open_:
            return f"Whether {name} is retrievable at {lines[0][0]} of {network} cannot be told."
        if only:
            return f"{name} is not retrievable at {lines[0][0]} of {network}."
        end = f"; {open_} of them cannot tell" if open_ else ""
        return f"{name} becomes retrievable at none of the {_layers(lines, network)}{end}."
    layer = lines[place][0]
    part = "" if verdicts[place] is Verdict.YES else "in part "
    if only:
        said = f"{name} is {part}retrievable at {layer} of {network}"
    elif part:
        said = (
            f"{name} becomes retrievable at none of the {_layers(lines, network)}, and in part from {layer} on, "
            f"number {place + 1}"
        )
    else:
        said = f"{name} becomes retrievable at {layer}, number {place + 1} of the {_layers(lines, network)}"
    return f"{said}; {_beyond(over)}."


def _layers(lines: Sequence[object], network: str) -> str:
    return f"{counted(len(lines), 'layer')} of {network}"


def _beyond(over: Sequence[tuple[str, Difference]]) -> str:
    if not over:
        return "no control for depth was asked"
    unbeaten = [(name, found) for name, found in over if not (is_told(found.auroc) and found.auroc.value > 0)]
    nearest, found = min(unbeaten or over, key=lambda one: one[1].auroc.value)
    if unbeaten:
        return f"but it does not beat the control for depth {nearest}: AUROC {signed(found.auroc)}"
    return f"there it beats every control for depth, the nearest of them, {nearest}, by AUROC {signed(found.auroc)}"
