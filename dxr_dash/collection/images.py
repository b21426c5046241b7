"""Find image files, read them without trusting them, and shrink them to thumbnails."""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
import threading
from contextlib import nullcontext, suppress
from pathlib import Path

from PIL import Image

from dxr_dash import settings
from dxr_dash.collection.pixels import upright_rgb
from dxr_dash.collection.quiet import pillow_warnings_ignored
from dxr_dash.collection.walk import Found, FoundFile, display_path, file_reason, find_images

__all__ = [
    "Found",
    "FoundFile",
    "UnreadableImage",
    "display_path",
    "find_images",
    "read_file",
    "read_image",
    "thumbnail",
]

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")  # no other decoder of Pillow is ever reached

JPEG_START = b"\xff\xd8\xff"
JPEGS = ("JPEG", "MPO")  # as Pillow calls them; MPO is a JPEG with more pictures behind it

# Images larger than this are decoded at most two at a time: one of 100 megapixels may take over 1 GB meanwhile.
LARGE_PIXELS = 25_000_000
# A JPEG may come in many scans, each of which costs a pass over all its blocks however few bytes it has; real ones
# have ten or so
MOST_SCANS = 100
_SCAN = b"\xff\xda"
# not a stuffed byte, a filler, or a marker without a length; a decoder skips what lies between
_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd7\xff])")
_END = b"\xd9"
_one_of_few_large = threading.BoundedSemaphore(2)

# Words in Pillow's messages
_SIGNS_OF_TRUNCATION = ("truncated", "unexpected end", "not enough data")


class UnreadableImage(Exception):  # noqa: N818 - it says what a file is; nobody sees it as an error
    """An image file that cannot be taken in.

    Attributes:
        reason: why, in a few fixed words.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read_file(root: Path, file: FoundFile) -> bytes:
    """Read all bytes of a found file.

    Raises:
        UnreadableImage: it vanished, may not be read, is too large, or is not a regular file.
    """
    path = os.fsencode(root) + b"/" + file.path
    flags = (
        os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    )  # opening a pipe would hang
    try:
        descriptor = os.open(path, flags)
        try:
            return _read_regular(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise UnreadableImage(file_reason(error)) from error


def _read_regular(descriptor: int) -> bytes:
    about = os.fstat(descriptor)
    if stat.S_ISDIR(about.st_mode):
        raise UnreadableImage("a folder, not a file")
    if not stat.S_ISREG(about.st_mode):
        raise UnreadableImage("not a regular file")
    limit = settings.MAX_IMAGE_BYTES
    data = b"" if about.st_size > limit else _read_up_to(descriptor, about.st_size, limit + 1)
    size = max(about.st_size, len(data))  # the file may grow while it is read
    if size > limit:
        raise UnreadableImage(f"too large: {-(-size // 2**20)} MB, the limit is {limit // 2**20} MB")
    return data


def _read_up_to(descriptor: int, expected: int, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    # one more byte than expected finds the end in the same call, as a rule
    while size < limit and (part := os.read(descriptor, min(max(expected + 1 - size, 4096), limit - size))):
        parts.append(part)
        size += len(part)
        if size == expected and len(parts) == 1:
            break
    return parts[0] if len(parts) == 1 else b"".join(parts)


def content_of(data: bytes) -> str:
    """Hash an image file's bytes: BLAKE2b, 128 bits, hexadecimal. The same content is the same image."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def read_image(data: bytes, *, max_pixels: int = settings.MAX_IMAGE_PIXELS, least_px: int = 0) -> Image.Image:
    """Decode an image file to what a person would see; see ``decode``."""
    return decode(data, max_pixels=max_pixels, least_px=least_px)[0]


def reduction(width: int, height: int, least_px: int) -> int:
    """Say how many times smaller a JPEG of this size is decoded: 1, 2, 4 or 8.

    Only what divides both sides will do: a decoder fills up the last block, and the picture would be moved by that.

    Args:
        least_px: what the shorter side stays at least; 0: it is decoded whole.
    """
    most = min(width, height) // least_px if least_px else 1
    return next((times for times in (8, 4, 2) if times <= most and not (width % times or height % times)), 1)


def decode(
    data: bytes, *, max_pixels: int = settings.MAX_IMAGE_PIXELS, least_px: int = 0
) -> tuple[Image.Image, int]:
    """Decode an image file to what a person would see: upright, opaque, RGB, the first frame.

    Args:
        data: the bytes of a JPEG, PNG, WebP, GIF, BMP or TIFF file, whatever its name says.
        max_pixels: width x height that the file may declare; more is refused before anything is decoded.
        least_px: a JPEG may be decoded smaller, as ``reduction`` says; 0: never.

    Returns:
        An image in mode RGB without metadata, and how many times smaller it is than the file says.
        ``pixels.upright_rgb`` says how other modes are turned into it.

    Raises:
        UnreadableImage: for every file that cannot be decoded; no other error and no warning gets out.
    """
    if not data:
        raise UnreadableImage("the file is empty")
    with pillow_warnings_ignored():
        try:
            image = _open(data)
            if image.width * image.height > max_pixels:
                size = f"{image.width} x {image.height} pixels"
                raise UnreadableImage(f"too large: {size}, the limit is {_megapixels(max_pixels)}")
            if image.format in JPEGS and _has_many_scans(data):
                raise UnreadableImage(f"a JPEG of more than {MOST_SCANS} scans")
            with _one_of_few_large if image.width * image.height > LARGE_PIXELS else nullcontext():
                if image.format in JPEGS and (times := reduction(*image.size, least_px)) > 1:
                    # what is wrong with a file is told below; lossless JPEGs cannot be decoded smaller
                    with suppress(Exception):
                        return _decoded_smaller(image, times), times
                    image = _open(data)
                image.load()  # by now, so that a fault in the data shows here and nowhere else
                return upright_rgb(image), 1
        except UnreadableImage:
            raise
        except Exception as error:  # decoders raise nearly everything on broken data
            raise UnreadableImage(_decode_reason(error, data, max_pixels)) from error


def _has_many_scans(data: bytes) -> bool:
    # never fewer than there are: what lies in other segments, or behind the picture, may look like one
    if data.count(_SCAN) <= MOST_SCANS:
        return False
    n_scans, at = 0, len(JPEG_START) - 1
    while n_scans <= MOST_SCANS and (found := _MARKER.search(data, at)) and found[1] != _END:
        n_scans += found[1] == _SCAN[1:]
        at = found.end() + int.from_bytes(data[found.end() : found.end() + 2], "big")
    return n_scans > MOST_SCANS


def _decoded_smaller(image: Image.Image, times: int) -> Image.Image:
    size = (image.width // times, image.height // times)
    image.draft(None, size)
    if image.size != size:
        raise ValueError("it cannot be decoded smaller")
    image.load()
    return upright_rgb(image)


class _BrokenHeaderError(Exception):
    """A header that begins like the named format and goes on wrong."""


def _open(data: bytes) -> Image.Image:
    """Read the header as Image.open would, less its own size limit: ours is told with width and height."""
    for name in FORMATS:
        if name not in Image.OPEN:
            Image.init()
        factory, accept = Image.OPEN[name]
        accepted = accept is None or accept(data[:16])  # a text: Pillow was built without the format
        if accepted and not isinstance(accepted, str):
            try:
                return factory(io.BytesIO(data), "")
            except (SyntaxError, IndexError, TypeError) as error:
                raise _BrokenHeaderError(name) from error
    raise UnreadableImage("not an image: its content is not a format dxr reads")


def _decode_reason(error: Exception, data: bytes, max_pixels: int) -> str:
    cause = error.__cause__ if isinstance(error, _BrokenHeaderError) else error
    words = str(cause).lower()
    if isinstance(cause, Image.DecompressionBombError):
        return f"too large: the limit is {_megapixels(max_pixels)}"
    if isinstance(cause, MemoryError):
        return "too large: not enough memory to decode it"
    shorter_than_said = data.startswith(b"RIFF") and len(data) < 8 + int.from_bytes(
        data[4:8], "little"
    )  # WebP
    if (
        isinstance(cause, EOFError)
        or shorter_than_said
        or any(sign in words for sign in _SIGNS_OF_TRUNCATION)
    ):
        return "the file is truncated"
    return f"broken image data ({error})" if isinstance(error, _BrokenHeaderError) else "broken image data"


def _megapixels(pixels: int) -> str:
    return f"{pixels / 1e6:g} megapixels"


def thumbnail(image: Image.Image, *, longer_px: int = settings.THUMBNAIL_PX) -> bytes:
    """Shrink an RGB image to a JPEG file whose longer side is at most ``longer_px``.

    The same pixels give the same bytes; nothing but pixels is in them. Small images are not enlarged.
    """
    scale = min(1.0, longer_px / max(image.size))
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    same = size == image.size
    small = image.copy() if same else image.resize(size, Image.Resampling.BICUBIC, reducing_gap=1.0)
    small.info = {}  # Pillow would write a comment found here
    out = io.BytesIO()
    small.save(out, "JPEG", quality=settings.THUMBNAIL_QUALITY)
    return out.getvalue()
