"""The answer: verdict, sentence, measures against chance and warnings; and the images that prove it."""

from __future__ import annotations

from collections.abc import Callable
from math import isnan

from dash import html
from dash.development.base_component import Component

from dxr_dash import settings
from dxr_dash.analysis import said
from dxr_dash.browser.attributes import attributes
from dxr_dash.browser.panels import Picture, action, thumb
from dxr_dash.figures import theme as words
from dxr_dash.records import Answer, Estimate, Proof, Verdict

_SHOWN_OF_RANKING = 10
_KINDS = ("Best", "Median", "Worst")
_SIGNS = {Verdict.YES: "yes", Verdict.PARTLY: "partly", Verdict.NO: "no", Verdict.CANNOT_TELL: "unclear"}


def answer_panel(answer: Answer, space: str) -> list[Component]:
    """Show an answer so that it can be read from the back of a room."""
    return [
        question(answer.name, space),
        html.P(str(answer.verdict).capitalize(), className=f"verdict {_SIGNS[answer.verdict]}"),
        html.P(_beyond_verdict(answer), className="sentence", dir="auto"),
        html.Div(
            [
                html.P(_compared(answer), className="hint"),
                action(
                    "Report…", "report", title="Save all that stands behind this answer", name=answer.name
                ),
            ],
            className="answer-line",
        ),
        _measures(answer),
        _warnings(answer.warnings),
    ]


def proofs_panel(answer: Answer, colour: int, pictures: Callable[[int], Picture]) -> Component:
    """Show what the best, the median and the worst member retrieve.

    Args:
        colour: slot of the query set.
        pictures: finds what to show for an item of the answer.
    """
    strips = [_proof(proof, kind, colour, pictures) for kind, proof in _kinds(answer)]
    return html.Div(strips, className="proofs")


def question(name: str, space: str) -> Component:
    """Ask the question of the page about one query set."""
    return html.H2(
        ["Do ", html.Bdi(words.short(space, 40)), " features retrieve ", html.Strong(name, dir="auto"), "?"],
        className="question",
    )


def _beyond_verdict(answer: Answer) -> str:
    """Return the sentence without the verdict's word at its head, which stands large above it."""
    head = f"{str(answer.verdict).capitalize()}: "
    rest = answer.sentence.removeprefix(head)
    return rest[:1].upper() + rest[1:]


def _compared(answer: Answer) -> str:
    asked = f", asked with {words.count(answer.n_asked)}" if answer.n_asked < answer.n_images else ""
    images = f"{words.count(answer.n_images)} image{'' if answer.n_images == 1 else 's'}"
    return f"{images} against {words.count(answer.n_compared)} of the gallery{asked}"


def _kinds(answer: Answer) -> list[tuple[str, Proof]]:
    """Name the proofs; with few members some coincide and are told apart by their number alone."""
    if len(answer.proofs) == len(_KINDS):
        return list(zip(_KINDS, answer.proofs, strict=True))
    return [(f"Example {i}", proof) for i, proof in enumerate(answer.proofs, start=1)]


def _measures(answer: Answer) -> Component:
    lines = [
        measure(
            "AUROC",
            answer.auroc,
            "How often a member is nearer to a member than a gallery image is; 0.5 is chance.",
        ),
    ]
    if answer.control is not None:
        control = answer.control
        lines.append(
            measure(
                "against control",
                control.auroc,
                f"The same against {words.short(control.name, 60)}, {control.n_images} images, instead of the gallery.",
            )
        )
    lines += [
        measure("mAP", answer.mean_ap, "Mean average precision when each member looks for the others."),
        measure(
            f"precision at {answer.precision_at}",
            answer.precision,
            "Share of members among the nearest images of each member.",
        ),
        measure(
            f"recall at {settings.RECALL_FIRST}",
            answer.recall,
            f"Share of the other members among the {settings.RECALL_FIRST} nearest images of each member.",
        ),
    ]
    level = f"{settings.CONFIDENCE * 100:.0f} % interval"
    notes = [f"Wide bar: {level}. Dotted line: chance."]
    if answer.n_images > 1:
        notes.append(f"First other member: {said.first_hit(answer.first_hit)} (median).")
    notes.append(f"Rests on {said.basis(answer.basis)}.")
    return html.Div([*lines, *(html.P(note, className="hint") for note in notes)], className="measures")


def measure(name: str, one: Estimate, help_text: str, *, beside: Estimate | None = None) -> Component:
    """Show a measure between 0 and 1: value, interval, chance, and another measure to compare it with."""
    said = (
        f"{name} {words.measure(one.value)}, interval {words.measure(one.low)} to {words.measure(one.high)}, "
        f"chance {words.measure(one.chance)}"
    )
    if beside is not None:
        said += f"; retrieval {words.measure(beside.value)}"
    parts = []
    if not isnan(one.low):
        low, high = _place(one.low), _place(one.high)
        width = f"{max(high - low, 0.8):.2f}%"
        parts.append(html.Span(className="bar", style={"left": f"{low:.2f}%", "width": width}))
    parts += [
        html.Span(className=mark, style={"left": f"{_place(value):.2f}%"})
        for mark, value in (("chance", one.chance), ("dot", one.value))
        if not isnan(value)
    ]
    if beside is not None and not isnan(beside.value):
        parts.append(html.Span(className="beside", style={"left": f"{_place(beside.value):.2f}%"}))
    return html.Div(
        [
            html.Span(
                [
                    html.Span(name, className="measure-name", title=help_text),
                    html.Span(f"chance {words.measure(one.chance)}", className="interval"),
                ]
            ),
            html.Span(
                html.Span(parts, className="track"),
                role="img",
                className="graphic",
                **attributes({"aria-label": said}),
            ),
            html.Span(
                [
                    html.Strong(words.measure(one.value)),
                    html.Span(
                        "no interval"
                        if isnan(one.low)
                        else f"{words.measure(one.low)}–{words.measure(one.high)}",
                        className="interval",
                    ),
                ],
                className="value",
            ),
        ],
        className="measure",
    )


def _place(value: float) -> float:
    """Return the per cent of a track from 0 to 1."""
    return 100 * min(max(value, 0.0), 1.0)


def _warnings(warnings: tuple[str, ...]) -> Component:
    return html.Ul(
        [html.Li(text, dir="auto") for text in warnings], className="warnings", hidden=not warnings
    )


def _proof(proof: Proof, kind: str, colour: int, pictures: Callable[[int], Picture]) -> Component:
    query = pictures(proof.item)
    facts = "the only image: there is no other to find"
    if proof.first_hit:
        facts = (
            f"AP {words.measure(proof.average_precision)} · first hit at rank {words.count(proof.first_hit)}"
        )
    ranked = zip(proof.ranking, proof.distances, proof.percentiles, proof.hits, strict=True)
    film = []
    for rank, (item, far, share, hit) in enumerate(ranked, start=1):
        if rank > _SHOWN_OF_RANKING:
            break
        note = f"Rank {rank} · distance {words.distance(float(far))} · {words.closer_than(float(share))}"
        film.append(
            thumb(
                pictures(int(item)),
                note=f"{note} · {'a hit: it belongs to the set' if hit else 'not in the set'}",
                class_name="hit" if hit else "miss",
            )
        )
    return html.Figure(
        [
            html.Figcaption([html.Strong(kind), html.Span(facts)]),
            html.Div(
                [
                    thumb(query, class_name="query", note=f"Query image · {facts}"),
                    html.Div(film, className="film"),
                ],
                className="filmstrip",
            ),
        ],
        className=f"proof set-{colour}",
    )
