"""What stands beside the answer: random sets, the linear probe, and what is retrieved instead."""

from __future__ import annotations

from collections.abc import Callable

from dash import html
from dash.development.base_component import Component

from dxr_dash import settings
from dxr_dash.analysis import said
from dxr_dash.browser.answer_panel import measure
from dxr_dash.browser.panels import Picture, thumb
from dxr_dash.figures import theme as words
from dxr_dash.records import AmongRandomSets, Answer, Findings, Instead, LocalScaling, OwnValue, Probe

_LONGEST_VALUE = 60  # characters of a label


def evidence_panel(answer: Answer, found: Findings, pictures: Callable[[int], Picture]) -> Component:
    """Show the findings that go with an answer.

    Args:
        pictures: finds what to show for an item.
    """
    parts: list[Component] = []
    if found.among_random is not None:
        parts.append(_among_random(found.among_random))
    if found.probe is not None:
        parts.append(_probe(answer, found.probe))
    if found.scaled is not None:
        parts.append(_scaled(answer, found.scaled))
    parts.append(_instead(f"Retrieved {said.in_place(answer.verdict).lower()}", found, pictures))
    return html.Div(parts, className="evidence")


def _among_random(found: AmongRandomSets) -> Component:
    stands_for = (
        f"The AUROC against {words.count(found.n_reference)} gallery images, {words.measure(found.auroc)}, "
        f"among those of random gallery sets of {words.count(found.n_images)} images; the best of them has "
        f"{words.measure(found.largest)}."
    )
    return html.P(
        [html.Strong(said.p_value(found)), html.Span(said.among_random(found))],
        className="retrieved",
        title=stands_for,
    )


def _probe(answer: Answer, found: Probe) -> Component:
    negatives = f"{words.count(found.n_negatives)} gallery images"
    lines = [
        measure(
            "linear probe",
            found.auroc,
            f"AUROC of a linear classifier on held-out images: X against {negatives}, {found.n_folds} folds.",
            beside=answer.auroc,
        )
    ]
    if found.control is not None and answer.control is not None:
        lines.append(
            measure(
                "probe v. control",
                found.control,
                f"The same against {words.short(answer.control.name, 60)}, {found.n_control} images.",
                beside=answer.control.auroc,
            )
        )
    parts: list[Component] = [
        html.H3("Can it be read off?"),
        html.Div(lines, className="measures"),
        html.P("Hollow mark: the AUROC of retrieval.", className="hint"),
    ]
    if found.readable_not_near:
        name = words.short(answer.name, settings.LONGEST_SAID)
        parts.insert(1, html.P(said.line_separates(name), className="finding", dir="auto"))
    return html.Section(parts)


def _scaled(answer: Answer, found: LocalScaling) -> Component:
    """Show what changes when hubs are taken into account."""
    before = answer.once or answer
    lines = [
        measure(
            f"AUROC, {found.name}",
            found.auroc,
            "The AUROC by local scaling: distances relative to how near each image is to its nearest others.",
            beside=before.auroc,
        ),
        measure(
            f"mAP, {found.name}",
            found.mean_ap,
            "Mean average precision by local scaling.",
            beside=before.mean_ap,
        ),
    ]
    if found.control is not None and before.control is not None:
        control = found.control
        lines.insert(
            1,
            measure(
                "against control",
                control.auroc,
                f"The AUROC by local scaling against {words.short(control.name, 60)}, {control.n_images} images.",
                beside=before.control.auroc,
            ),
        )
    text = said.without_hubs(found, answer.verdict)
    changes = found.verdict is not answer.verdict
    parts: list[Component] = [html.H3("Does it hang on hubs?")]
    if changes:
        parts.append(html.Ul([html.Li(text)], className="warnings"))
    parts += [
        html.Div(lines, className="measures"),
        html.P("Hollow mark: by the distances as they are.", className="hint"),
        *([html.P(f"{said.hubs(answer.hubs)}.".capitalize(), className="hint")] if answer.hubs else []),
    ]
    if not changes:
        parts.insert(1, html.P(text, className="hint"))
    return html.Section(parts)


def _instead(title: str, found: Findings, pictures: Callable[[int], Picture]) -> Component:
    own = [_own(one) for one in found.own[: settings.OWN_SHOWN]]
    values = [_value(one, pictures) for one in found.instead]
    if own or values:
        return html.Section([html.H3(title), *own, *values])
    tested = f"{words.count(found.n_values)} labels, clusters and other values"
    nothing = f"No value stands out among what it retrieves ({tested} tested)."
    return html.Section([html.H3(title), html.P(nothing, className="hint")])


def _own(one: OwnValue) -> Component:
    share = one.share
    interval = f"interval {words.percent(share.low)} to {words.percent(share.high)}, {one.n_images} images"
    name: list[str | Component] = ["its own ", html.Bdi(words.short(one.kind, 40))]
    return html.P(
        [html.Strong(name), html.Span(said.own(one, settings.INSTEAD_AT))],
        className="retrieved",
        title=interval,
    )


def _value(one: Instead, pictures: Callable[[int], Picture]) -> Component:
    name = words.short(one.value, _LONGEST_VALUE)
    kind = words.short(one.kind, 40)
    film = [
        thumb(
            pictures(int(row)),
            note=f"{kind} {name} · distance {words.distance(float(far))}",
        )
        for row, far in zip(one.examples, one.distances, strict=True)
    ]
    facts = "; ".join(part for part in (said.instead(one), said.also_of_x(one)) if part)
    exact = f"{kind}; p = {one.p_value:.2g}, {one.q_value:.2g} after correction for all values tested"
    return html.Figure(
        [
            html.Figcaption(
                [html.Strong(html.Bdi(name)), html.Span(facts)], className="retrieved", title=exact
            ),
            html.Div(film, className="film"),
        ],
        className="value-retrieved",
    )
