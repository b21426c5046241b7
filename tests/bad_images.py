"""A small corpus of bad and odd image files, made anew each time: every reason to skip a file, every trap in a name."""

from __future__ import annotations

import io
import os
import struct
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dxr_dash import settings

RED, GREEN, BLUE, WHITE, BLACK, GREY = (
    (255, 0, 0),
    (0, 255, 0),
    (0, 0, 255),
    (255, 255, 255),
    (0, 0, 0),
    (128,) * 3,
)

# Names that break programs which take names for text, for one line, for HTML or for shell words
ODD_NAMES = [
    b"two  spaces .jpg",
    b'it\'s "quoted".jpg',
    b"new\nline.jpg",
    b"<script>alert(1)</script>".replace(b"/", b"\xe2\x81\x84") + b".jpg",
    b"not utf-8 \xff\xe9.jpg",
    b"-rf $(echo) `x` %s {0}.jpg",
    "žluťoučký 花 🙂.jpg".encode(),
    b"back\\slash.jpg",
    b"right\xe2\x80\xaegpj.jpg",
    b"UPPER.JPG",
]


def encoded(image: Image.Image, format_: str = "JPEG", **options: object) -> bytes:
    """Write an image to bytes."""
    out = io.BytesIO()
    image.save(out, format_, **options)
    return out.getvalue()


def noise(size: tuple[int, int] = (40, 30), seed: int = 0) -> Image.Image:
    """An image that compresses badly, so that half a file is half an image."""
    width, height = size
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(pixels)


def quarters(size: int = 32) -> Image.Image:
    """Red, green / blue, white: whichever way it is turned, it shows."""
    pixels = np.zeros((size, size, 3), np.uint8)
    half = size // 2
    pixels[:half, :half], pixels[:half, half:] = RED, GREEN
    pixels[half:, :half], pixels[half:, half:] = BLUE, WHITE
    return Image.fromarray(pixels)


def png_declaring(width: int, height: int) -> bytes:
    """A few valid bytes that promise a picture of any size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


def bad_files() -> dict[str, tuple[bytes, str]]:
    """Name -> bytes and the reason they are refused with."""
    files = {
        "empty.jpg": (b"", "the file is empty"),
        "text.jpg": (b"This is no picture.\n" * 9, "not an image: its content is not a format dxr reads"),
        "page.png": (
            b"<!doctype html><title>404</title>",
            "not an image: its content is not a format dxr reads",
        ),
        "postscript.tif": (
            b"%!PS-Adobe-3.0 EPSF-3.0\n",
            "not an image: its content is not a format dxr reads",
        ),
        "huge.png": (
            png_declaring(40_000, 40_000),
            "too large: 40000 x 40000 pixels, the limit is 100 megapixels",
        ),
        "header.jpg": (b"\xff\xd8\xff\xe0" + b"\0" * 20, "broken image data (JPEG)"),
        "header.bmp": (b"BM" + bytes(12) + struct.pack("<I", 13) + bytes(60), "broken image data"),
    }
    for suffix, format_ in (
        ("jpg", "JPEG"), ("png", "PNG"), ("webp", "WEBP"), ("gif", "GIF"), ("bmp", "BMP"), ("tif", "TIFF"),
    ):  # fmt: skip
        whole = encoded(noise(), format_)
        files[f"half.{suffix}"] = (whole[: len(whole) // 2], "the file is truncated")
    return files


def good_modes() -> dict[str, tuple[bytes, tuple[int, int, int]]]:
    """Name -> bytes and the one colour that every pixel must come out as, within 2 of 255."""
    size = (12, 10)
    palette = Image.new("P", size, 1)
    palette.putpalette([0, 0, 255, 255, 0, 0])
    deep = np.full((10, 12), 32_896, np.uint16)
    modes = {
        "rgb.png": (encoded(Image.new("RGB", size, RED), "PNG"), RED),
        "grey.jpg": (encoded(Image.new("L", size, 128)), GREY),
        "grey.png": (encoded(Image.new("L", size, 128), "PNG"), GREY),
        "one bit.png": (encoded(Image.new("1", size, 1), "PNG"), WHITE),
        "one bit.tif": (encoded(Image.new("1", size, 0), "TIFF"), BLACK),
        "palette.png": (encoded(palette, "PNG"), RED),
        "palette.gif": (encoded(palette, "GIF"), RED),
        "palette.bmp": (encoded(palette, "BMP"), RED),
        "palette, entry transparent.png": (encoded(palette, "PNG", transparency=1), WHITE),
        "palette, entries half transparent.png": (
            encoded(palette, "PNG", transparency=b"\xff\x7f"),
            (255, 128, 128),
        ),
        "palette, entry transparent.gif": (encoded(palette, "GIF", transparency=1), WHITE),
        "colour transparent.png": (encoded(Image.new("RGB", size, RED), "PNG", transparency=RED), WHITE),
        "grey transparent.png": (encoded(Image.new("L", size, 9), "PNG", transparency=9), WHITE),
        "alpha 0.png": (encoded(Image.new("RGBA", size, (255, 0, 0, 0)), "PNG"), WHITE),
        "alpha half.png": (encoded(Image.new("RGBA", size, (255, 0, 0, 127)), "PNG"), (255, 128, 128)),
        "alpha half.webp": (
            encoded(Image.new("RGBA", size, (255, 0, 0, 127)), "WEBP", lossless=True),
            (255, 128, 128),
        ),
        "alpha half.tif": (encoded(Image.new("RGBA", size, (255, 0, 0, 127)), "TIFF"), (255, 128, 128)),
        "grey alpha.png": (encoded(Image.new("LA", size, (0, 127)), "PNG"), GREY),
        "16 bit.png": (encoded(Image.fromarray(deep), "PNG"), GREY),
        "16 bit.tif": (encoded(Image.fromarray(deep), "TIFF"), GREY),
        "32 bit.tif": (encoded(Image.fromarray(np.full((10, 12), 128, np.int32)), "TIFF"), GREY),
        "float 0..1.tif": (encoded(Image.fromarray(np.full((10, 12), 0.5, np.float32)), "TIFF"), GREY),
        "float 0..255.tif": (encoded(Image.fromarray(np.full((10, 12), 128, np.float32)), "TIFF"), GREY),
        "float nan.tif": (encoded(Image.fromarray(np.full((10, 12), np.nan, np.float32)), "TIFF"), BLACK),
        "cmyk.jpg": (encoded(Image.new("CMYK", size, (0, 255, 255, 0)), quality=100), RED),
        "cmyk.tif": (encoded(Image.new("CMYK", size, (0, 255, 255, 0)), "TIFF"), RED),
        "ycbcr.tif": (encoded(Image.new("RGB", size, RED).convert("YCbCr"), "TIFF"), RED),
        "lab.tif": (encoded(Image.new("LAB", size, (137, 128, 128)), "TIFF"), GREY),
    }
    first, second = Image.new("RGB", size, RED), Image.new("RGB", size, BLUE)
    for suffix, format_ in (("gif", "GIF"), ("webp", "WEBP"), ("png", "PNG"), ("tif", "TIFF")):
        options = {"lossless": True} if format_ == "WEBP" else {}
        data = encoded(first, format_, save_all=True, append_images=[second], **options)
        modes[f"two frames.{suffix}"] = (data, RED)
    return modes


def oriented(orientation: int, format_: str = "JPEG", **options: object) -> bytes:
    """``quarters`` stored as a camera held in one of the eight ways would store it."""
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }  # fmt: skip
    stored = quarters()
    if orientation in undo:
        stored = stored.transpose(undo[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(stored, format_, exif=exif, **options)


def write_bad_folder(folder: Path) -> dict[str, str]:
    """Fill a folder with one file for every reason to skip one, three good files, and traps.

    Returns:
        Name as shown -> reason, for all that must be skipped. ``settings.MAX_IMAGE_BYTES`` is exceeded by a
        sparse file. A test that runs as root cannot make a file unreadable: see ``without_permission``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, (data, _) in bad_files().items():
        (folder / name).write_bytes(data)
    reasons = {name: reason for name, (_, reason) in bad_files().items()}
    with (folder / "heavy.tif").open("wb") as heavy:
        heavy.truncate(settings.MAX_IMAGE_BYTES + 1)
    reasons["heavy.tif"] = "too large: 257 MB, the limit is 256 MB"
    (folder / "nothing.jpg").symlink_to("not there.jpg")
    reasons["nothing.jpg"] = "a broken link: it points to nothing"
    (folder / "itself.jpg").symlink_to("itself.jpg")
    reasons["itself.jpg"] = "a link that leads back to itself"
    os.mkfifo(folder / "pipe.jpg")
    reasons["pipe.jpg"] = "not a regular file"
    (folder / "round").mkdir()
    (folder / "round" / "and round").symlink_to("..")  # a loop of folders: no reason, read once
    (folder / "round" / "good.jpg").write_bytes(encoded(noise(seed=1)))
    (folder / "folder.jpg").mkdir()  # a folder with an image's name is a folder
    (folder / "folder.jpg" / "good.png").write_bytes(encoded(noise(seed=2), "PNG"))
    (folder / ".hidden.jpg").write_bytes(encoded(noise(seed=3)))
    (folder / "notes.txt").write_bytes(b"other")
    (folder / "good.webp").write_bytes(encoded(noise(seed=4), "WEBP"))
    return reasons


def write_odd_names(folder: Path) -> None:
    """Write one good image under each odd name; all differ."""
    for seed, name in enumerate(ODD_NAMES):
        (folder / os.fsdecode(name)).write_bytes(encoded(noise(seed=100 + seed)))


@contextmanager
def folder_for_everybody() -> Iterator[Path]:
    """A temporary folder that everybody may enter; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@contextmanager
def without_permission(path: Path) -> Iterator[None]:
    """Take all permissions from a file or folder; as root, which may read anything, be somebody else meanwhile.

    The path must lie in a ``folder_for_everybody``.
    """
    mode = path.stat().st_mode
    path.chmod(0)
    is_root = os.geteuid() == 0
    if is_root:
        try:
            os.seteuid(65_534)
        except OSError:  # a container without that right
            path.chmod(mode)
            pytest.skip("runs as root and cannot be anybody else")
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
        path.chmod(mode)
