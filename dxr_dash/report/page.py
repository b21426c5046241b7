"""A report as one HTML file: no script, no address, nothing to fetch; it opens anywhere and prints."""

from __future__ import annotations

import base64
import hashlib
import math
from functools import lru_cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from dxr_dash import settings
from dxr_dash.analysis import said
from dxr_dash.analysis.compared import signed
from dxr_dash.figures import theme as words
from dxr_dash.figures.distance_figure import Group as Drawn
from dxr_dash.figures.distance_figure import distance_figure
from dxr_dash.figures.rank_figure import Drawn as DrawnCurve
from dxr_dash.figures.rank_figure import rank_figure
from dxr_dash.figures.shift_figure import shift_figure
from dxr_dash.figures.svg import as_svg, css_colours
from dxr_dash.figures.theme import DARK, LIGHT
from dxr_dash.records import CountedOnce, Estimate, LocalScaling, Proof, Verdict
from dxr_dash.report.collect import FILM_IMAGES, MEMBERS_ENDS, listed
from dxr_dash.report.record import Group, Picture, Report, Section

GENERATOR = '<meta name="generator" content="dxr '
PARTS = (
    *(
        "verdict",
        "warnings",
        "contacts",
        "measures",
        "once",
        "source",
        "distances",
        "ranks",
        "proofs",
        "findings",
        "hubs",
    ),
    *("rests", "members"),
)
"""The parts of a section, in order: ``templates/parts/NAME.html`` each, which sees ``section`` and ``view``."""
SIGNS = {Verdict.YES: "yes", Verdict.PARTLY: "partly", Verdict.NO: "no", Verdict.CANNOT_TELL: "unclear"}
FIGURE_PX = 680
RANKS_HEIGHT_PX = 210
_TRACK = 200  # units of the little graphics of measures
MEMBER_COLUMNS = {
    "auroc": "AUROC",
    "average_precision": "AP",
    "precision": f"precision at {settings.PRECISION_AT}",
    "recall": f"recall at {settings.RECALL_FIRST}",
    "first_hit": "first hit",
}
"""Title of each measure of a member; others stand in JSON and tables only."""


def as_html(report: Report) -> bytes:
    """Write a report as a page that needs nothing but itself; the same report gives the same bytes."""
    style = page_style()
    page = (
        templates()
        .get_template("report.html")
        .render(
            report=report,
            parts=PARTS,
            views=[View(one, report) for one in report.sections],
            title=_title(report),
            style=Markup(style),  # noqa: S704 - ours
            style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
            generator=Markup(f'{GENERATOR}{settings.VERSION}">'),  # noqa: S704 - ours
        )
    )
    return page.encode("utf-8", "xmlcharrefreplace")


class View:
    """What the templates ask about a section: its drawings, and the forms of its numbers.

    Methods, not properties: Jinja takes an attribute that fails for one that is not there.
    """

    def __init__(self, section: Section, report: Report) -> None:
        self.section = section
        self.anchor = f"set-{section.members.id}"
        self.colour = section.members.colour
        # One of the eight colours each, even where the page gave both sets the same one
        other = section.control.colour if section.control else 0
        self.control_colour = other if other != self.colour else (other + 1) % len(LIGHT.sets)
        self.sign = SIGNS[section.answer.verdict]
        self._metric = str(report.space["metric"])

    def sentence(self) -> str:
        """The sentence without the verdict's word at its head, which stands large above it."""
        answer = self.section.answer
        rest = answer.sentence.removeprefix(f"{str(answer.verdict).capitalize()}: ")
        return rest[:1].upper() + rest[1:]

    def measures(self) -> list[tuple[str, str, Estimate]]:
        """Name, meaning and value of each measure of the answer that lies between 0 and 1."""
        answer = self.section.answer
        found = [("AUROC", "how often a member is nearer to a member than a gallery image is", answer.auroc)]
        if answer.control is not None:
            than = f"the same against the {words.count(answer.control.n_images)} images of the control set"
            found.append(("AUROC against control", than, answer.control.auroc))
        at, first = answer.precision_at, settings.RECALL_FIRST
        among = f"share of members among the {at} nearest images of each member"
        found_again = f"share of the other members among the first {first} images"
        return [
            *found,
            ("mAP", "mean average precision when each member looks for the others", answer.mean_ap),
            (f"precision at {at}", among, answer.precision),
            (f"recall at {first}", found_again, answer.recall),
        ]

    def compared(self, one: CountedOnce | LocalScaling) -> list[tuple[str, Estimate, Estimate]]:
        """Name, value, and the answer's own value of each measure of an answer that was given in another way."""
        answer = self.section.answer
        before = answer.once or answer if isinstance(one, LocalScaling) else answer
        found = [("AUROC", one.auroc, before.auroc)]
        if one.control is not None and before.control is not None:
            found.append(("AUROC against control", one.control.auroc, before.control.auroc))
        at = answer.precision_at
        return [
            *found,
            ("mAP", one.mean_ap, before.mean_ap),
            (f"precision at {at}", one.precision, before.precision),
        ]

    def source(self) -> Markup:
        """The picture of how unlike the gallery the set is."""
        answer = self.section.answer
        assert answer.shift is not None  # noqa: S101 - the template asks before
        control = answer.control.name if answer.control else ""
        colour = LIGHT.sets[self.colour]
        figure = shift_figure(answer.shift, name=answer.name, control=control, colour=colour, theme=LIGHT)
        title = "Distances to the nearest gallery images, of the gallery's own images and of the set's"
        return Markup(as_svg(figure, width_px=FIGURE_PX, title=title))  # noqa: S704 - built as a tree

    def distances(self) -> Markup:
        """The picture of all distances on one axis."""
        groups = [
            Drawn(
                self.label(one),
                self._colour_of(one),
                one.distribution.name in ("baseline", "within"),
                one.distribution,
            )
            for one in self.section.groups
        ]
        figure = distance_figure(groups, metric=self._metric, theme=LIGHT, revision="")
        title = f"Distances of {len(groups)} groups on one axis; the table has their quantiles"
        return Markup(as_svg(figure, width_px=FIGURE_PX, title=title))  # noqa: S704 - built as a tree

    def label(self, group: Group) -> str:
        """Name a group of distances."""
        if group.of == "gallery":
            return "random pairs (baseline)"
        if group.distribution.name == "to control":
            return "X to control"
        return f"{'X' if group.of == 'set' else 'control'} {group.distribution.name}"

    def _colour_of(self, group: Group) -> str:
        if group.of == "gallery":
            return LIGHT.baseline
        if group.distribution.name == "to control":
            return LIGHT.ink
        return LIGHT.sets[self.colour if group.of == "set" else self.control_colour]

    def ranks(self) -> Markup:
        """The picture of the rank curves."""
        slots = (self.colour, self.control_colour)
        drawn = [
            DrawnCurve(key, slot, curve)
            for key, slot, curve in zip(("set", "control"), slots, self.section.curves, strict=False)
            if len(curve.ranks)
        ]
        figure = rank_figure(
            drawn[::-1],
            metric=self._metric,
            references=self.section.references,
            scale="log",
            theme=LIGHT,
            revision="",
        )
        for one in figure.layout.annotations[1:]:  # far lines are crossed by the curves at their right ends
            one.update(x=0.01, xanchor="left")
        title = "Similarity at each rank, median over the members with quartiles"
        return Markup(  # noqa: S704 - built as a tree
            as_svg(figure, width_px=FIGURE_PX, height_px=RANKS_HEIGHT_PX, title=title)
        )

    def proofs(self) -> list[tuple[str, Proof, list[tuple[int, bool, str]]]]:
        """Kind of member, its proof, and its film: item, whether it is a hit, and what is said of it."""
        proofs = self.section.answer.proofs
        kinds = ("Best", "Median", "Worst") if len(proofs) == 3 else [f"Example {i + 1}" for i in range(9)]
        found = []
        for kind, proof in zip(kinds, proofs, strict=False):
            ranked = zip(proof.ranking, proof.distances, proof.percentiles, proof.hits, strict=True)
            film = [
                (int(item), bool(hit), f"{words.distance(float(far))}, {words.closer_than(float(share))}")
                for item, far, share, hit in ranked
            ]
            found.append((kind, proof, film[:FILM_IMAGES]))
        return found

    def member_table(self) -> tuple[list[str], list[tuple[int, int, str, list[str]]], int]:
        """Titles; rank, item, name and measures of each listed member; and how many are left out after the first."""
        measured = self.section.answer.members
        names = dict(zip(self.section.members.items.tolist(), self.section.members.names, strict=True))
        places = listed(self.section.answer)
        left_out = len(measured.items) - len(places)
        lines = []
        for line, place in enumerate(places):
            item = int(measured.items[place])
            values = [getattr(measured, name)[place] for name in MEMBER_COLUMNS]
            texts = [*(words.measure(float(value)) for value in values[:-1]), rank(float(values[-1]))]
            number = line + 1 if not left_out or line < MEMBERS_ENDS else line + 1 + left_out
            lines.append((number, item, names[item], texts))
        return list(MEMBER_COLUMNS.values()), lines, left_out

    def picture(self, item: int) -> Picture:
        """Find what to show for an item."""
        return self.section.pictures[int(item)]


def rank(value: float) -> str:
    """Return a rank; the median of two may lie between them. 0 and what is not known are a dash."""
    if not math.isfinite(value) or value < 1:
        return "–"
    return (
        words.count(int(value)) if value == int(value) else f"{value:,.1f}".replace(",", words.NARROW_SPACE)
    )


def track(one: Estimate, beside: Estimate | None = None) -> dict[str, float | None]:
    """Place a measure between 0 and 1 on a line: chance, interval, value, and another measure to compare with."""

    def at(value: float) -> float:
        return round(_TRACK * min(max(value, 0.0), 1.0), 1) if math.isfinite(value) else 0.0

    return {
        "low": at(one.low),
        "width": max(round(at(one.high) - at(one.low), 1), 1.6),
        "value": at(one.value),
        "chance": at(one.chance),
        "beside": at(beside.value) if beside else None,
        "length": _TRACK,
    }


def _title(report: Report) -> str:
    names = [f"\u201c{words.short(one.members.name, 60)}\u201d" for one in report.sections[:3]]
    more = len(report.sections) - len(names)
    listed_names = ", ".join(names) + (f" and {more} more" if more > 0 else "")
    return f"Do {report.space['id']} features retrieve {listed_names}?"


def _source(picture: Picture) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(picture.thumbnail).decode()}"


def page_style() -> str:
    """Return the style sheet of every page, colours of both appearances included."""
    own = (files("dxr_dash.report") / "templates" / "report.css").read_text("utf-8")
    dark = f"@media screen and (prefers-color-scheme: dark){{:root{{{css_colours(DARK)}}}}}"
    return f":root{{{css_colours(LIGHT)}}}{dark}\n{own}"


@lru_cache(maxsize=1)
def templates() -> Environment:
    """Return the templates of all pages, with their filters."""
    found = Environment(
        loader=PackageLoader("dxr_dash.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    forms: dict[str, Any] = {
        "measure": words.measure,
        "count": words.count,
        "percent": words.percent,
        "distance": words.distance,
        "short": words.short,
        "rank": rank,
        "signed": signed,
        "source": _source,
    }
    found.filters.update(forms)
    found.globals.update(said=said, settings=settings, track=track)
    return found
