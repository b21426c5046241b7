"""Colours, text and number formats of every figure and panel, in light and in dark.

The palettes were chosen by greedy search in OKLab for the largest smallest distance under normal vision,
protanopia and deuteranopia (simulation after Machado, Oliveira and Fernandes, IEEE TVCG 15 (2009) 1291-1298).
`assets/base.css` repeats the colours that plain HTML needs; a test compares the two.
"""

from __future__ import annotations

import html
import math
import re
from dataclasses import dataclass

import plotly.graph_objects as go

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif"
# blanks, and what a terminal obeys or what turns the text around it about
_BREAKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+")
NARROW_SPACE = "\u202f"


@dataclass(frozen=True)
class Theme:
    """The colours of one appearance.

    Attributes:
        sets: one colour for each slot of a query set; at least 3:1 against ``paper``.
        categories: colours of the gallery's points; the first eight stay apart for colour-blind readers.
        rest: points of categories beyond the palette, and points without a value.
        near_to_far: colour scale of a distance; near stands out from the paper, far recedes.
        lost_to_kept: colour scale of trust in the map; both ends stand out, and apart for colour-blind readers.
    """

    name: str
    paper: str
    ink: str
    muted: str
    grid: str
    baseline: str
    rest: str
    sets: tuple[str, ...]
    categories: tuple[str, ...]
    near_to_far: tuple[tuple[float, str], ...]
    lost_to_kept: tuple[tuple[float, str], ...]


LIGHT = Theme(
    name="light",
    paper="#ffffff",
    ink="#1b1f27",
    muted="#59616e",
    grid="#e6e8ec",
    baseline="#8b929d",
    rest="#b9bec7",
    sets=("#0067a5", "#d1560f", "#a51e69", "#0c9d80", "#784b00", "#693ce1", "#bb5cfa", "#8787c3"),
    categories=(
        *("#3f8fd8", "#e8871e", "#12806a", "#870fa5", "#2dc396", "#e1002d", "#d2a5f0", "#4b4bf0"),
        *("#e13ca5", "#694b78", "#a5003c", "#789669", "#9669ff", "#78690f", "#d2b45a", "#ff96b4"),
        *("#9696ff", "#964bc3", "#c387b4", "#c34b78", "#8778b4", "#1eb41e", "#78c3c3", "#a55a4b"),
        *("#a52d96", "#692dd2", "#69a5d2", "#a5a569", "#5a69e1", "#873c5a", "#e16987", "#c369e1"),
    ),
    near_to_far=((0.0, "#2c0a5e"), (0.25, "#5b2a9d"), (0.5, "#3f7fc4"), (0.75, "#7fc4c9"), (1.0, "#dbe7c9")),
    lost_to_kept=((0.0, "#b3400a"), (0.5, "#b5a79c"), (1.0, "#0b5cad")),
)
DARK = Theme(
    name="dark",
    paper="#171a20",
    ink="#e8eaee",
    muted="#a3abb8",
    grid="#2b3039",
    baseline="#8d95a1",
    rest="#5b626d",
    sets=("#5bb8f5", "#ff9a52", "#e13c96", "#5af0b4", "#788700", "#9669ff", "#f0d200", "#1e87c3"),
    categories=(
        *("#4a9be8", "#f0923a", "#2fb98c", "#ffc3ff", "#e1002d", "#d2e100", "#874bf0", "#966987"),
        *("#1ef0a5", "#f04bc3", "#5a784b", "#a5b4ff", "#e196c3", "#b43cb4", "#e1c369", "#b4874b"),
        *("#78e1d2", "#ff7878", "#8778ff", "#ff5a00", "#7887b4", "#e11e78", "#a5c396", "#c3c300"),
        *("#d26978", "#00c3d2", "#3c69d2", "#d25aa5", "#96a569", "#96f078", "#0087e1", "#e14b1e"),
    ),
    near_to_far=((0.0, "#fff3a0"), (0.25, "#8fd96b"), (0.5, "#2fa58d"), (0.75, "#3a5f8f"), (1.0, "#3a3357")),
    lost_to_kept=((0.0, "#ff8a3d"), (0.5, "#7d7872"), (1.0, "#5bb8f5")),
)


def theme(name: str) -> Theme:
    """Return the colours of "dark", and those of light for any other name."""
    return DARK if name == "dark" else LIGHT


def template(colours: Theme) -> go.layout.Template:
    """Return what every figure of one appearance shares: fonts, paper, grid."""
    axis = {
        "gridcolor": colours.grid,
        "linecolor": colours.grid,
        "zeroline": False,
        "tickfont": {"color": colours.muted, "size": 11},
        "title": {"font": {"color": colours.muted, "size": 12}},
    }
    return go.layout.Template(
        layout={
            "font": {"family": FONT, "color": colours.ink, "size": 12},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
            "showlegend": False,
            "xaxis": axis,
            "yaxis": axis,
            "hoverlabel": {
                "bgcolor": colours.paper,
                "bordercolor": colours.muted,
                "font": {"color": colours.ink, "family": FONT, "size": 12},
            },
        }
    )


def see_through(colour: str, opacity: float) -> str:
    """Return a "#rrggbb" colour as an rgba() text."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"


def short(text: str, limit: int) -> str:
    """Return untrusted text on one line, cut with "…" to at most ``limit`` characters."""
    line = _BREAKS.sub(" ", text).strip()
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def as_label(text: str, limit: int = 40) -> str:
    """Return untrusted text for a plotly label, which would read "<b>" as markup.

    It is isolated from the text around it: a right-to-left name must not turn a label about.
    """
    return f"\u2068{html.escape(short(text, limit), quote=False)}\u2069"


def count(number: int) -> str:
    """Return a whole number with narrow spaces between the thousands: 20 000."""
    return f"{number:,}".replace(",", NARROW_SPACE)


def distance(value: float) -> str:
    """Return a distance with three decimals; a missing one as a dash."""
    return f"{value:.3f}" if math.isfinite(value) else "–"


def measure(value: float) -> str:
    """Return AUROC, mAP or a precision: two decimals, three below 0.1."""
    if not math.isfinite(value):
        return "–"
    return f"{value:.3f}" if 0 < abs(value) < 0.1 else f"{value:.2f}"


def percent(share: float) -> str:
    """Return a share as a percentage with one decimal, never rounded up: 0.9996 is not 100 %."""
    if not math.isfinite(share):
        return "–"
    tenths = math.floor(share * 1000 + 1e-9) / 10
    return f"{tenths:g}{NARROW_SPACE}%"


def closer_than(percentile: float) -> str:
    """Return a baseline percentile as words: closer than 99.7 % of random pairs."""
    if not math.isfinite(percentile):
        return "no baseline to compare with"
    if percentile >= 1:
        return "closer than every random pair"
    return f"closer than {percent(percentile)} of random pairs"
