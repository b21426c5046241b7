"""Prepare images for a network: resize and cut, once from the middle or several times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

# An image this many times as long as wide is cropped before it is enlarged: resized whole, a strip of
# 1 x 60,000 pixels would take 12 GB.
LONGEST_RESIZED_WHOLE = 32

CROPS = {1: "the middle", 2: "the middle and its mirror image", 5: "the middle and the four corners",
         10: "the middle and the four corners, each with its mirror image"}  # fmt: skip

UInt8Array = npt.NDArray[np.uint8]
Box = tuple[int, int, int, int]  # left, top, right, bottom, in pixels


@dataclass(frozen=True)
class Preset:
    """How a network wants its images; the numbers of torchvision's preset for its weights.

    Attributes:
        resize_px: length of the shorter side; of both sides where images are squashed.
        crop_px: side of the squares then cut.
        interpolation: "bilinear" or "bicubic".
        mean, std: per colour, of values in 0..1.
        squash: resize to a square whatever the shape, so that nothing at the sides is cut off.
    """

    resize_px: int
    crop_px: int
    interpolation: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    squash: bool = False

    def prepare(self, image: Image.Image, crops: int = 1) -> UInt8Array:
        """Resize and crop an RGB image, bit for bit as torchvision does (CenterCrop, FiveCrop, TenCrop).

        Args:
            crops: one of ``CROPS``.

        Returns:
            (3, H, W) uint8, a view of an (H, W, 3) array; for more than one crop (P, 3, H, W).
        """
        width, height = image.size
        short, long = min(width, height), max(width, height)
        longer = self.resize_px if self.squash else int(self.resize_px * long / short)
        size = (self.resize_px, longer) if width <= height else (longer, self.resize_px)
        filter_ = self._filter
        resized = None
        if self.squash or long <= LONGEST_RESIZED_WHOLE * short:
            resized = image if size == image.size else image.resize(size, filter_)
        cuts = []
        for box in self._boxes(size, 1 if crops <= 2 else 5):
            if resized is None:
                x, y = width / size[0], height / size[1]
                part = (box[0] * x, box[1] * y, min(box[2] * x, width), min(box[3] * y, height))
                cut = image.resize((self.crop_px, self.crop_px), filter_, box=part)
            else:
                cut = resized.crop(box)
            cuts.append(np.asarray(cut))
        if crops in {2, 10}:
            cuts += [cut[:, ::-1] for cut in cuts]
        return cuts[0].transpose(2, 0, 1) if crops == 1 else np.stack(cuts).transpose(0, 3, 1, 2)

    def squashed(self, image: Image.Image) -> UInt8Array:
        """Resize all of an RGB image to the square that is otherwise cut: (3, H, W) uint8."""
        small = image.resize((self.crop_px, self.crop_px), self._filter)
        return np.asarray(small).transpose(2, 0, 1)

    @property
    def _filter(self) -> Image.Resampling:
        return Image.Resampling.BICUBIC if self.interpolation == "bicubic" else Image.Resampling.BILINEAR

    def _boxes(self, size: tuple[int, int], n: int) -> list[Box]:
        side = self.crop_px
        left, top = (round((length - side) / 2) for length in size)
        places = [(left, top)]
        if n == 5:
            right, bottom = size[0] - side, size[1] - side
            places += [(0, 0), (right, 0), (0, bottom), (right, bottom)]
        return [(x, y, x + side, y + side) for x, y in places]
