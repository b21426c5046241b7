"""One picture: what is decided about it (cheap, and known without drawing) and how it is painted."""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

import numpy as np
from PIL import Image, ImageFilter

from dxr_dash.demo import foreground
from dxr_dash.demo.backgrounds import PAINTERS
from dxr_dash.demo.brush import Brush, placed_frame
from dxr_dash.demo.expression import MOODS, draw_expression
from dxr_dash.demo.kinds import HANGS, LIES, TABLE
from dxr_dash.demo.light import TIMES, FloatImage, Light, blurred, light_at, render, shifted
from dxr_dash.demo.palette import BODIES, BRASS, CHROME, CREAM, GLASS, GLOW, OAK, WALNUT, Palette, mix
from dxr_dash.demo.parts import Look

_OUTDOORS = ("meadow", "sea", "street", "woods")
_FOOT = 0.9  # where standing things touch the ground, in drawing units


@dataclass(frozen=True)
class Scene:
    """Everything decided before the first stroke; the same for the same kind, face and seed.

    Attributes:
        mood: of the face; "none" where the thing has none.
        turn_deg: rotation, clockwise.
        size: half width of the thing, in shares of the picture.
        x: of the thing's middle, in shares of the picture; ``y`` likewise, down.
        occluder: what stands in front, or "none".
        side: from which side the occluder comes, -1 left or 1 right.
    """

    kind: str
    face: bool
    seed: int
    mood: str
    background: str
    light: str
    colour: str
    occluder: str
    side: int
    sun_deg: float
    turn_deg: float
    shear: float
    tilt: tuple[float, float]
    size: float
    x: float
    y: float


def _stream(kind: str, seed: int, use: str) -> np.random.Generator:
    """Return the random numbers for one use; uses do not disturb each other when one takes more."""
    return np.random.default_rng([crc32(f"{kind}/{use}".encode()), seed])


def plan(kind: str, face: bool, seed: int) -> Scene:
    """Decide a scene. The face is asked last, so that it tells nothing about the rest of the scene."""
    rng = _stream(kind, seed, "scene")
    row = TABLE[kind]
    background = row.backgrounds[int(rng.integers(len(row.backgrounds)))]
    time = TIMES[int(rng.choice(len(TIMES), p=(0.13, 0.22, 0.24, 0.20, 0.21)))]
    colours = tuple(BODIES)
    choices: tuple[str, ...] = foreground.OUTDOORS if background in _OUTDOORS else foreground.INDOORS
    if background in LIES:
        choices = ("leaves", "ball")
    elif background in HANGS:
        choices = ("leaves", "curtain")
    occluder = choices[int(rng.integers(len(choices)))] if rng.random() < 0.36 else "none"
    size = row.size * rng.uniform(0.8, 1.14)
    cut = rng.random() < 0.12  # the border of the picture cuts the thing
    reach = 0.26 if cut else 0.08
    x = 0.5 + rng.uniform(-reach, reach)
    y = (0.53 if background not in LIES else 0.5) + rng.uniform(-0.04, 0.04)
    return Scene(
        kind=kind,
        face=face,
        seed=seed,
        background=background,
        light=time,
        colour=colours[int(rng.integers(len(colours)))],
        occluder=occluder,
        side=1 if rng.random() < 0.5 else -1,
        sun_deg=float(rng.choice([-1.0, 1.0]) * rng.uniform(18.0, 65.0)),
        turn_deg=float(rng.normal(0.0, 0.5) * row.turn_deg),
        shear=float(rng.uniform(-0.08, 0.08)),
        tilt=(float(rng.uniform(-0.07, 0.07)), float(rng.uniform(-0.05, 0.05))),
        size=float(size),
        x=float(x),
        y=float(y),
        mood=MOODS[int(rng.integers(len(MOODS)))] if face else "none",
    )


def _palette(scene: Scene, light: Light, rng: np.random.Generator) -> Palette:
    """Choose colours that go with the body's: an accent unlike it, a pale trim."""
    body = BODIES[scene.colour]
    others = [c for c in BODIES.values() if sum(abs(a - b) for a, b in zip(c, body, strict=True)) > 130]
    accent = others[int(rng.integers(len(others)))]
    body = mix(body, BODIES[tuple(BODIES)[int(rng.integers(len(BODIES)))]], rng.uniform(0.0, 0.12))
    wood = mix(OAK, WALNUT, rng.uniform(0.0, 0.9))
    metal = mix(CHROME, BRASS, rng.choice([0.0, 0.0, 0.7]))
    return Palette(scene.colour, body, accent, CREAM, metal, wood, mix(GLASS, GLOW, light.dusk))


def _shadow(cover: FloatImage, light: Light, size_px: int, scene: Scene, foot_px: float) -> FloatImage:
    """Return how much shadow the thing throws on what is behind and below it, (n, n), 0 to 1."""
    scale = size_px / 128.0
    mask = Image.fromarray(np.uint8(cover * 255.0))
    lying = scene.background in LIES
    hanging = scene.background in HANGS
    reach = (4.0 if lying else 3.4) * scale
    thrown = shifted(blurred(mask, 2.4 * scale), -reach * light.sun[0], -reach * light.sun[1])
    shade: FloatImage = thrown * (0.62 if lying or hanging else 0.3) * min(1.0, light.contrast)
    if not (lying or hanging):  # a pool where it touches the ground, drawn out away from the sun
        columns = np.flatnonzero(cover[max(0, min(size_px - 1, round(foot_px - 0.06 * size_px)))] > 0.5)
        if len(columns):
            left, right = float(columns[0]), float(columns[-1])
            down, across = np.mgrid[0:size_px, 0:size_px].astype(np.float32)
            half = (right - left) / 2 * 1.12
            shift = -0.22 * half * light.sun[0]
            bowl = ((across - (left + right) / 2 - shift) / half) ** 2 + (
                (down - foot_px) / (0.05 * size_px)
            ) ** 2
            shade = np.maximum(shade, 0.75 * np.clip(1.35 - bowl, 0.0, 1.0) ** 1.2)
    return shade


def paint(scene: Scene, size_px: int) -> Image.Image:
    """Paint a scene: background, shadow, thing, what stands in front, then the camera."""
    rng = _stream(scene.kind, scene.seed, "surroundings")
    light = light_at(scene.light, scene.sun_deg)
    whole = np.diag([float(size_px), float(size_px), 1.0])

    foot = scene.y + _FOOT * scene.size
    behind = Brush(size_px, whole)
    PAINTERS[scene.background](behind, rng, light, foot - rng.uniform(0.02, 0.09))
    picture, _ = render(behind, light, texture_scale=230.0, corner=tuple(rng.random(2)), relief=0.8)
    depth = rng.uniform(0.3, 1.0)
    picture = _blur(picture, depth * size_px / 128.0)

    frame = placed_frame(
        scene.x * size_px, scene.y * size_px, scene.size * size_px, scene.turn_deg, scene.shear, *scene.tilt
    )
    brush = Brush(size_px, frame)
    mood = draw_expression(scene.mood, _stream(scene.kind, scene.seed, "mood")) if scene.face else None
    body = _stream(scene.kind, scene.seed, "body")
    palette = _palette(scene, light, body)
    TABLE[scene.kind].paint(brush, palette, Look(mood, body, _stream(scene.kind, scene.seed, "parts")))
    thing, cover = render(brush, light, texture_scale=84.0, corner=tuple(rng.random(2)))
    shade = _shadow(cover, light, size_px, scene, foot * size_px)
    picture *= 1.0 - shade[..., None] * (1.0 - np.array(light.shade, np.float32) * 0.8)
    picture = picture * (1.0 - cover[..., None]) + thing

    if scene.occluder != "none":
        front = Brush(size_px, whole)
        foreground.PAINTERS[scene.occluder](front, rng, float(scene.side))
        layer, hides = render(front, light, texture_scale=230.0, corner=tuple(rng.random(2)))
        soft = rng.uniform(0.2, 1.3) * size_px / 128.0
        hides = blurred(Image.fromarray(np.uint8(hides * 255.0)), soft)
        fall = shifted(
            blurred(Image.fromarray(np.uint8(hides * 255.0)), 3.0 * size_px / 128.0), 0, 3 * size_px / 128
        )
        picture *= 1.0 - 0.35 * fall[..., None]
        picture = picture * (1.0 - hides[..., None]) + _blur(layer, soft)
    return _photograph(picture, rng, size_px)


def _blur(picture: FloatImage, radius_px: float) -> FloatImage:
    image = Image.fromarray(np.uint8(np.clip(picture, 0.0, 255.0)))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(radius_px)), dtype=np.float32)


def _photograph(picture: FloatImage, rng: np.random.Generator, size_px: int) -> Image.Image:
    """Add what a camera adds: vignette, exposure, a little blur now and then, grain."""
    ramp = np.linspace(-1.0, 1.0, size_px, dtype=np.float32)
    far = ramp[None, :] ** 2 + ramp[:, None] ** 2
    picture = picture * (1.0 - rng.uniform(0.02, 0.11) * far)[..., None] * np.float32(rng.uniform(0.98, 1.09))
    if rng.random() < 0.15:
        picture = _blur(picture, rng.uniform(0.4, 0.9) * size_px / 128.0)
    strength = rng.uniform(1.0, 3.0) if rng.random() < 0.8 else rng.uniform(3.5, 7.0)
    picture = picture + strength * rng.standard_normal((size_px, size_px, 1), dtype=np.float32)
    return Image.fromarray(np.uint8(np.clip(picture + 0.5, 0.0, 255.0)))
