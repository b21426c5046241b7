"""Moods, and the few shapes from which things make a face out of their own parts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dxr_dash.demo.brush import Points, bow, ellipse, ribbon

MOODS = ("grumpy", "happy", "sleepy", "surprised", "worried")


@dataclass(frozen=True)
class Expression:
    """How the parts of a thing lie when they look like a face.

    Attributes:
        lid: share of the eye hidden from above, 0 to 1.
        slant: slope of that lid; above 0 it falls towards the nose (grumpy), below 0 it rises (worried).
        curve: above 0 the corners of the mouth go up.
        open: 0 is a line, 1 is a round hole.
        look: where the eyes look, (right, down), each -1 to 1.
        odd: difference in size between the two eyes, -1 to 1.
    """

    mood: str
    lid: float
    slant: float
    curve: float
    open: float
    look: tuple[float, float]
    odd: float

    def eye_size(self, side: int, size: float) -> float:
        """Return the size of the left (-1) or right (+1) eye; no found face is quite even."""
        return size * (1.0 + 0.1 * side * self.odd)

    def _lid_edge(self, points: Points, side: int) -> Points:
        """Return, for each point of an eye, how far down the lid comes there: (N,) y values."""
        low, high = points.min(axis=0), points.max(axis=0)
        half = (high - low) / 2
        nose_ward = -side * (points[:, 0] - (low[0] + half[0])) / half[0]
        edge: Points = low[1] + 2 * half[1] * self.lid + self.slant * half[1] * nose_ward
        return edge

    def lidded(self, points: Points, side: int) -> Points:
        """Cut a convex eye from above by the lid; ``side`` is -1 for the left eye, +1 for the right."""
        cut = points.copy()
        cut[:, 1] = np.maximum(points[:, 1], np.minimum(self._lid_edge(points, side), points[:, 1].max()))
        return cut

    def lid_shape(self, points: Points, side: int) -> Points:
        """Return the part of a convex eye that the lid hides."""
        cap = points.copy()
        cap[:, 1] = np.minimum(points[:, 1], np.maximum(self._lid_edge(points, side), points[:, 1].min()))
        return cap

    def mouth(self, x: float, y: float, half_width: float, thick: float) -> Points:
        """Return a mouth: a hole when open, else a band that bends with the mood."""
        if self.open > 0.6:
            return ellipse(x, y, half_width * 0.52, half_width * (0.5 + 0.2 * self.open))
        if self.open > 0.25:  # laughing: flat above, round below
            at = np.linspace(0.0, np.pi, 18)
            depth = half_width * (0.45 + 0.5 * self.open)
            return np.stack([x + half_width * 0.85 * np.cos(at), y - depth * 0.4 + depth * np.sin(at)], 1)
        return ribbon(bow(x, y, half_width, self.curve * half_width), thick)


_USUAL = {  # lid, slant, curve, open
    "grumpy": (0.22, 0.42, -0.42, 0.0),
    "happy": (0.0, 0.0, 0.62, 0.0),
    "sleepy": (0.52, 0.0, 0.12, 0.0),
    "surprised": (0.0, 0.0, 0.0, 1.0),
    "worried": (0.14, -0.42, -0.36, 0.0),
}


def draw_expression(mood: str, rng: np.random.Generator) -> Expression:
    """Return the mood's usual face with the small differences that make each one somebody."""
    lid, slant, curve, opened = _USUAL[mood]
    jitter = rng.uniform(-1.0, 1.0, 6)
    if mood == "happy" and jitter[5] > 0.1:
        opened = 0.45
    return Expression(
        mood=mood,
        lid=max(0.0, lid + 0.06 * float(jitter[0]) if lid else 0.0),
        slant=slant * (1.0 + 0.2 * float(jitter[1])),
        curve=curve * (1.0 + 0.25 * float(jitter[2])),
        open=opened,
        look=(float(jitter[3]), float(jitter[4]) * 0.6),
        odd=float(rng.uniform(-1.0, 1.0)),
    )
