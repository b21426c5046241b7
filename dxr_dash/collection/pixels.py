"""Turn the pixels of any mode that Pillow decodes into upright 8-bit RGB."""

from __future__ import annotations

import numpy as np
from PIL import ExifTags, Image, ImageCms

from dxr_dash.records import FloatArray

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_DEEP_GREY = frozenset({"I;16", "I;16L", "I;16B", "I;16N", "I", "F"})


def upright_rgb(image: Image.Image) -> Image.Image:
    """Turn a decoded image into an upright, opaque RGB image without metadata.

    - The EXIF orientation is applied.
    - Transparency (alpha channel, transparent palette entry or colour) shows white behind it.
    - 16-bit grey: 0..65535 becomes 0..255, rounded. The range is that of the file, not of its values, so that
      the brightness of two images can still be compared.
    - 32-bit and floating-point grey declare no range: values all within 0..1 are taken as shares of white,
      values within 0..255 as they are, 16-bit values in a PNG as above; any others are stretched from their
      least (black) to their greatest (white). NaN is black, infinities are the ends.
    - CMYK and YCbCr go by Pillow's own formulas, Lab by its colour profile; embedded profiles are not
      applied, as they are not when networks are trained.

    Args:
        image: decoded, in any mode.

    Raises:
        Exception: whatever Pillow raises for a mode that it cannot convert.
    """
    orientation = _orientation(image)  # before conversion: the converted image has no EXIF
    rgb = _opaque_rgb(image)
    if orientation in _UPRIGHT:
        rgb = rgb.transpose(_UPRIGHT[orientation])
    if rgb is image:
        rgb = image.copy()  # off the decoder's object, which holds the file's bytes
    rgb.info = {}
    return rgb


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
        return int(value)
    except (
        Exception
    ):  # EXIF is written by everyone and parsed by hand; a broken one is no reason to refuse an image
        return 1


def _opaque_rgb(image: Image.Image) -> Image.Image:
    if image.mode in _DEEP_GREY:
        return Image.fromarray(_grey8(image)).convert("RGB")
    if image.mode == "LAB":
        to_rgb = ImageCms.buildTransform(
            ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB"
        )
        converted = ImageCms.applyTransform(image, to_rgb)
        if converted is None:
            raise ValueError("Lab could not be converted")
        return converted
    if image.mode == "La":
        image = image.convert("LA")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        paper = Image.new("RGB", image.size, "white")
        paper.paste(layer, mask=layer.getchannel("A"))
        return paper
    return image if image.mode == "RGB" else image.convert("RGB")


def _grey8(image: Image.Image) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    values = np.asarray(image)
    if values.dtype.kind == "u" or (image.format == "PNG" and image.mode == "I"):
        wide = values.astype(np.uint32)
        wide += 128
        wide //= 257  # 65535 / 255
        return wide.astype(np.uint8)
    return _grey8_of_any_range(values.astype(np.float32))


def _grey8_of_any_range(values: FloatArray) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    if low >= 0 and high <= 255:
        low, high = 0.0, 1.0 if high <= 1 else 255.0
    if high <= low:
        high = low + 1.0
    share = (np.clip(values, low, high).astype(np.float64) - low) / (high - low)
    return np.nan_to_num(np.rint(share * 255), nan=0.0).astype(np.uint8)
