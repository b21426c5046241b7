"""Controls for depth: what a few pixels and plain colours find. A deep feature that beats neither is a finding.

``tiny``: the whole image shrunk to 32 x 32 (16 x 16, 8 x 8) pixels, less its own mean, so that the cosine is the
correlation of two images. Source: Torralba, Fergus and Freeman, "80 Million Tiny Images", TPAMI 30 (2008) 1958-1970.

``colour``: how much of the image has which colour, as square roots of shares, so that the cosine is the Hellinger
affinity of two histograms. Sources: Swain and Ballard, "Color Indexing", IJCV 7 (1991) 11-32; for the square root
Arandjelović and Zisserman, "Three things everyone should know to improve object retrieval", CVPR 2012.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from dxr_dash.analysis.why import bin_parts, pixel_parts
from dxr_dash.collection.preset import UInt8Array
from dxr_dash.collection.running import Stopped, never
from dxr_dash.errors import NetworkError
from dxr_dash.records import DoubleArray, FloatArray

PICTURES = "pictures"
CODE = 1  # raised when a change here changes vectors

TINY_PX = 32  # side of the tiny image
COLOUR_PX = 64  # side that an image is shrunk to before its colours are counted
COLOUR_STEPS = 32  # of each of red, green and blue, that colours are told apart by
LAB_BINS = (
    8,
    9,
    9,
)  # of L, a and b; odd for a and b, so that greys lie in the middle of a bin, not on an edge
LAB_EDGES = ((0.0, 100.0), (-110.0, 110.0), (-110.0, 110.0))  # hold every colour of sRGB
HSV_BINS = (12, 4, 4)

Measure = Callable[[UInt8Array], FloatArray]  # (B, 3, H, W) -> (B, D)


class Control:
    """Some layers of a control, run like a network; see ``running.Extractor``."""

    device = "cpu"

    def __init__(self, name: str, layers: Sequence[str]) -> None:
        side, measures = CONTROLS[name]
        self._side = side
        self._measures = [measures[layer] for layer in layers]
        black = np.zeros((1, 3, side, side), np.uint8)
        self.widths = tuple(measure(black).shape[1] for measure in self._measures)
        self.n_dims = sum(self.widths)
        self.recipes: tuple[dict[str, Any], ...] = tuple(
            {"code": CODE, "network": name, "layer": layer, "side_px": side, "control": True}
            for layer in layers
        )

    def prepare(self, image: Image.Image) -> UInt8Array:
        """Shrink the whole of an RGB image to a square, whatever its shape: (3, H, W) uint8."""
        return np.asarray(image.resize((self._side, self._side), Image.Resampling.BOX)).transpose(2, 0, 1)

    def prepare_patch(self, image: Image.Image) -> UInt8Array:
        """Do the same: nothing is ever cut off."""
        return self.prepare(image)

    def forward(self, batch: UInt8Array, *, stopped: Callable[[], bool] = never) -> FloatArray:
        """Measure (B, 3, H, W) uint8 images: (B, n_dims) float32."""
        if stopped():
            raise Stopped
        return np.concatenate([measure(batch) for measure in self._measures], axis=1)

    def parts(self, first: Image.Image, second: Image.Image) -> tuple[DoubleArray, DoubleArray]:
        """Split the cosine similarity of two images in the first layer over the pixels of each, exactly."""
        batch = np.stack([self.prepare(image) for image in (first, second)])
        layer = self.recipes[0]["layer"]
        if self.recipes[0]["network"] == "colour":
            bins = pixel_bins(batch, layer)
            return bin_parts(bins[0], bins[1])
        pixels = self._measures[0](batch)
        side = round((pixels.shape[1] / 3) ** 0.5)
        cells = pixels.reshape(2, 3, side, side)
        return pixel_parts(cells[0], cells[1])


def tiny_pixels(batch: UInt8Array, side: int) -> FloatArray:
    """Average (B, 3, TINY_PX, TINY_PX) images to side x side pixels, take each one's mean away, and flatten."""
    block = TINY_PX // side
    cells = batch.reshape(len(batch), 3, side, block, side, block).mean(axis=(3, 5)) / 255
    cells -= cells.mean(axis=(1, 2, 3), keepdims=True)
    pixels: FloatArray = cells.reshape(len(batch), 3 * side * side).astype(np.float32)
    return pixels


def colour_shares(batch: UInt8Array, space: str) -> FloatArray:
    """Count the colours of (B, 3, H, W) images: square roots of the shares of "lab" or "hsv" bins."""
    n_bins = int(np.prod(LAB_BINS if space == "lab" else HSV_BINS))
    places = pixel_bins(batch, space).reshape(len(batch), batch.shape[2] * batch.shape[3])
    found = places + np.arange(len(batch))[:, None] * n_bins
    counts = np.bincount(found.ravel(), minlength=len(batch) * n_bins).reshape(len(batch), n_bins)
    shares: FloatArray = np.sqrt(counts / found.shape[1]).astype(np.float32)
    return shares


def pixel_bins(batch: UInt8Array, space: str) -> npt.NDArray[np.intp]:
    """Say which bin each pixel of (B, 3, H, W) images falls into: (B, H, W), of "lab" or "hsv"."""
    red, green, blue = (batch[:, channel].astype(np.intp) // (256 // COLOUR_STEPS) for channel in range(3))
    return colour_bins(space)[red, green, blue]


@lru_cache(maxsize=2)
def colour_bins(space: str) -> npt.NDArray[np.intp]:
    """Say which bin each step of red, green and blue falls into: (32, 32, 32), of "lab" or "hsv"."""
    step = 256 // COLOUR_STEPS
    levels = (np.arange(COLOUR_STEPS) * step + (step - 1) / 2) / 255
    rgb = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1)
    values, edges, bins = (
        (lab_of(rgb), LAB_EDGES, LAB_BINS) if space == "lab" else (_hsv_of(rgb), ((0.0, 1.0),) * 3, HSV_BINS)
    )
    places = [
        np.clip(((values[..., axis] - low) / (high - low) * n).astype(np.intp), 0, n - 1)
        for axis, ((low, high), n) in enumerate(zip(edges, bins, strict=True))
    ]
    return np.asarray(np.ravel_multi_index(places, bins))


def lab_of(rgb: DoubleArray) -> DoubleArray:
    """Turn (..., 3) sRGB values in 0..1 into CIE L*a*b* under D65.

    Source: IEC 61966-2-1 and CIE 15.
    """
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    ratios = linear @ to_xyz.T / to_xyz.sum(axis=1)  # white is (1, 1, 1)
    roots = np.where(ratios > (6 / 29) ** 3, np.cbrt(ratios), ratios * (29 / 6) ** 2 / 3 + 4 / 29)
    x, y, z = np.moveaxis(roots, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def _hsv_of(rgb: DoubleArray) -> DoubleArray:
    import colorsys

    return np.array([colorsys.rgb_to_hsv(*one) for one in rgb.reshape(-1, 3)]).reshape(rgb.shape)


CONTROLS: Mapping[str, tuple[int, Mapping[str, Measure]]] = {
    "tiny": (
        TINY_PX,
        {f"pixels{side}": partial(tiny_pixels, side=side) for side in (32, 16, 8)},
    ),
    "colour": (COLOUR_PX, {space: partial(colour_shares, space=space) for space in ("lab", "hsv")}),
}
"""Name -> side in pixels, and its layers."""


def load_control(name: str, layers: Sequence[str], *, weights: object = None, crops: int = 1) -> Control:
    """Make a control ready.

    Raises:
        NetworkError: it has no such layer, or it is asked for what only networks have.
    """
    measures = CONTROLS[name][1]
    for layer in layers:
        if layer not in measures:
            raise NetworkError(
                f"{name} has no layer {layer}.", f"Its layers are {', '.join(measures)}; they are not pooled."
            )
    if weights is not None:
        raise NetworkError(f"{name} has no weights.", "Leave out `--weights`.")
    if crops != 1:
        raise NetworkError(
            f"{name} looks at the whole image, never at crops.", "Leave out `crops` in the recipe."
        )
    return Control(name, layers)


class Pictures:
    """Reads images for their thumbnails alone, where vectors come from elsewhere; see ``running.Extractor``."""

    device = "cpu"
    n_dims = 1  # of a zero that nobody reads
    widths: tuple[int, ...] = (1,)
    recipes: tuple[dict[str, Any], ...] = ({"code": CODE, "network": PICTURES, "layer": PICTURES},)

    def prepare(self, _image: Image.Image) -> UInt8Array:
        """Keep nothing of an image."""
        return np.zeros((1, 1, 1), np.uint8)

    prepare_patch = prepare

    def forward(self, batch: UInt8Array, *, stopped: Callable[[], bool] = never) -> FloatArray:  # noqa: ARG002
        """Give each image a zero."""
        return np.zeros((len(batch), 1), np.float32)
