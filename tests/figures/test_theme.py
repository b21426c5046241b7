from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dxr_dash.figures import theme as words
from dxr_dash.figures.theme import DARK, LIGHT, Theme

ASSETS = Path(__file__).parents[2] / "assets"
BOTH = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)

# Machado, Oliveira and Fernandes, IEEE TVCG 15 (2009) 1291-1298, full severity
SIGHT = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}


def linear(colour: str) -> np.ndarray:
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2."""
    lights = [float(linear(colour) @ (0.2126, 0.7152, 0.0722)) + 0.05 for colour in (one, other)]
    return max(lights) / min(lights)


def oklab(light: np.ndarray) -> np.ndarray:
    to_cones = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    to_lab = np.array(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    found: np.ndarray = to_lab @ np.cbrt(to_cones @ light)
    return found


def least_difference(colours: tuple[str, ...], sight: np.ndarray) -> float:
    seen = [oklab(np.clip(sight @ linear(colour), 0, 1)) for colour in colours]
    return min(float(np.linalg.norm(a - b)) for a, b in itertools.combinations(seen, 2))


@BOTH
@pytest.mark.parametrize("sight", SIGHT)
def test_query_sets_and_the_first_categories_stay_apart(theme: Theme, sight: str) -> None:
    for colours in (theme.sets, theme.categories[:8]):
        assert least_difference(colours, SIGHT[sight]) > 0.08  # about four just noticeable differences


@BOTH
def test_colours_can_be_seen_on_the_paper(theme: Theme) -> None:
    assert all(contrast(colour, theme.paper) >= 3 for colour in theme.sets)
    assert contrast(theme.ink, theme.paper) >= 7
    assert contrast(theme.muted, theme.paper) >= 4.5
    assert all(contrast(colour, theme.paper) >= 1.9 for colour in theme.categories)
    assert contrast(theme.near_to_far[0][1], theme.paper) > contrast(theme.near_to_far[-1][1], theme.paper)


@BOTH
def test_the_style_sheet_has_the_same_colours(theme: Theme) -> None:
    said = sheet_colours(theme)
    assert tuple(said[f"set-{slot}"] for slot in range(8)) == theme.sets
    assert (said["paper"], said["ink"], said["muted"]) == (theme.paper, theme.ink, theme.muted)


# Text, its ground, and the least contrast that WCAG AA asks for: 4.5, and 3 for large text and for signs
PAIRS = [
    ("ink", "paper", 4.5),
    ("ink", "raised", 4.5),
    ("ink", "sunken", 4.5),
    ("ink", "danger-soft", 4.5),
    ("ink", "caution-soft", 4.5),
    ("ink", "accent-soft", 4.5),
    ("muted", "paper", 4.5),
    ("muted", "raised", 4.5),
    ("muted", "ground", 4.5),
    ("muted", "sunken", 4.5),
    ("muted", "accent-soft", 4.5),
    ("on-accent", "accent", 4.5),
    ("yes", "paper", 4.5),
    ("partly", "paper", 4.5),
    ("no", "paper", 4.5),
    ("unclear", "paper", 4.5),
    ("accent", "paper", 3),
    ("focus-ring", "paper", 3),
    ("focus-ring", "ground", 3),
    ("line-strong", "paper", 3),
    ("line-strong", "raised", 3),
    ("map-mark", "paper", 3),
    *((f"set-{slot}", ground, 3) for slot in range(8) for ground in ("paper", "sunken")),
]


def sheet_colours(theme: Theme) -> dict[str, str]:
    sheet = (ASSETS / "base.css").read_text()
    selector = ":root {" if theme is LIGHT else ':root[data-theme="dark"] {'
    block = sheet.split(selector)[1].split("}")[0]
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))


@BOTH
@pytest.mark.parametrize(("text", "ground", "least"), PAIRS)
def test_what_is_read_stands_out_from_its_ground(theme: Theme, text: str, ground: str, least: float) -> None:
    colours = sheet_colours(theme)
    assert contrast(colours[text], colours[ground]) >= least


@given(st.text())
def test_no_text_is_markup_in_a_label(text: str) -> None:
    label = words.as_label(text)
    assert "<" not in label
    assert ">" not in label
    assert not re.search(r"&(?!(amp|lt|gt);)", label)
    assert not re.search(r"[\n\r\t]", label)


@given(st.text(), st.integers(1, 60))
def test_a_short_text_is_no_longer_than_asked(text: str, limit: int) -> None:
    assert len(words.short(text, limit)) <= limit


def test_numbers_are_written_as_people_read_them() -> None:
    assert words.count(1234567) == "1\u202f234\u202f567"
    assert words.distance(0.12345) == "0.123"
    assert words.distance(float("nan")) == "–"
    assert words.measure(0.5349) == "0.53"
    assert words.measure(0.0123) == "0.012"
    assert words.percent(0.9996) == "99.9\u202f%"
    assert words.percent(0.5) == "50\u202f%"


def test_a_percentile_is_never_rounded_up_to_all() -> None:
    assert words.closer_than(0.99999) == "closer than 99.9\u202f% of random pairs"
    assert words.closer_than(1.0) == "closer than every random pair"
