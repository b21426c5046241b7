"""More than 300 bad, odd and hostile image files, made anew each time: none may stop a build, or take it over."""

from __future__ import annotations

import os
import socket
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from tests.bad_images import (
    bad_files,
    encoded,
    good_modes,
    noise,
    png_declaring,
    write_bad_folder,
    write_odd_names,
)

FORMATS = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "gif": "GIF", "bmp": "BMP", "tif": "TIFF"}
HUGE = (30_000, 50_000, 65_535)  # pixels a side


def write_hostile_folder(folder: Path) -> int:
    """Fill a folder with all of it; return how many files, links, pipes and sockets there are."""
    write_bad_folder(folder / "bad")
    (folder / "names").mkdir()
    write_odd_names(folder / "names")
    for kind, files in (("cut", _cut()), ("flipped", _flipped()), ("bombs", _bombs()), ("odd", _odd())):
        (folder / kind).mkdir()
        for name, data in files:
            (folder / kind / name).write_bytes(data)
    for odd in (
        b"line\xe2\x80\xa8separator.jpg",
        b"\xff\xfe.jpg",
        b"a" * 250 + b".jpg",
        b"tab\t.jpg",
        b"del\x7f.png",
    ):
        (folder / "names" / os.fsdecode(odd)).write_bytes(encoded(noise(seed=len(odd))))
    with socket.socket(socket.AF_UNIX) as one:
        here = Path.cwd()
        os.chdir(folder)  # the name of a socket is short
        one.bind("socket.jpg")
        os.chdir(here)
    deep = folder / "/".join(["deep"] * 40)
    deep.mkdir(parents=True)
    (deep / "good.jpg").write_bytes(encoded(noise(seed=77)))
    return sum(not path.is_dir() or path.is_symlink() for path in folder.rglob("*"))


def _whole() -> dict[str, bytes]:
    return {suffix: encoded(noise((64, 48), 5), format_) for suffix, format_ in FORMATS.items()}


def _cut() -> Iterator[tuple[str, bytes]]:
    """Every format cut at every tenth of the file, and within its header."""
    for suffix, data in _whole().items():
        for tenth in range(1, 10):
            yield f"{tenth}0.{suffix}", data[: len(data) * tenth // 10]
        for n_bytes in (1, 3, 8, 13, 30):
            yield f"{n_bytes} bytes.{suffix}", data[:n_bytes]


def _flipped() -> Iterator[tuple[str, bytes]]:
    """Every format with some bits turned, early, late and throughout."""
    for seed in range(18):
        draw = np.random.default_rng(seed)
        for suffix, data in _whole().items():
            changed = bytearray(data)
            end = (60, 400, len(data))[seed % 3]
            for place in draw.integers(2, min(end, len(data)), 1 + seed):
                changed[int(place)] ^= 1 << int(draw.integers(8))
            yield f"{seed}.{suffix}", bytes(changed)


def _bombs() -> Iterator[tuple[str, bytes]]:
    """Few bytes that promise, or unfold to, very many."""
    for side in HUGE:
        yield f"{side}.png", png_declaring(side, side)
        yield (
            f"{side}.gif",
            b"GIF89a" + struct.pack("<HHBBB", side, side, 0x80, 0, 0) + bytes(6) + _gif_frame(side),
        )
        yield (
            f"{side}.bmp",
            b"BM" + struct.pack("<IHHIIiiHHIIiiII", 99, 0, 0, 54, 40, side, side, 1, 24, *[0] * 6),
        )
        yield f"{side}.tif", _tiff(side, side, 5)
        yield f"{side} deflated.tif", _tiff(side, side, 8)
    for side in (16_383, 12_000):
        size = struct.pack("<I", (side - 1) | (side - 1) << 14)
        yield (
            f"{side}.webp",
            b"RIFF" + struct.pack("<I", 26) + b"WEBPVP8L" + struct.pack("<I", 13) + b"\x2f" + size + bytes(8),
        )
    yield (
        "2 gigapixel canvas.webp",
        (
            b"RIFF"
            + struct.pack("<I", 22)
            + b"WEBPVP8X"
            + struct.pack("<I", 10)
            + bytes(4)
            + b"\xff\xff\x00"
            + b"\xff\xff\x00"
        ),
    )
    png = encoded(noise(), "PNG")
    for kind, head in ((b"zTXt", b"Comment\0\0"), (b"iCCP", b"profile\0\0"), (b"iTXt", b"Comment\0\1\0\0\0")):
        unfolded = zlib.compress(bytes(300_000_000), 9)
        yield f"{kind.decode()}.png", png[:33] + _chunk(kind, head + unfolded) + png[33:]
    black = Image.new("1", (9_900, 9_900))
    yield "one bit, 98 megapixels.png", encoded(black, "PNG")
    yield "one bit, 98 megapixels.tif", encoded(black, "TIFF", compression="group4")
    yield "zero.png", png_declaring(0, 0)
    yield "zero wide.png", png_declaring(0, 10)
    yield "zero.bmp", b"BM" + struct.pack("<IHHIIiiHHIIiiII", 99, 0, 0, 54, 40, 0, 0, 1, 24, *[0] * 6)
    yield "zero.tif", _tiff(0, 0, 1)
    yield "zero.gif", b"GIF89a" + struct.pack("<HHBBB", 0, 0, 0x80, 0, 0) + bytes(6) + _gif_frame(0)


def _odd() -> Iterator[tuple[str, bytes]]:
    """What is unusual, and may be read or not."""
    for name, (data, _) in good_modes().items():
        yield name, data
    for name, (data, _) in bad_files().items():
        yield f"again {name}", data
    for width, height in ((1, 60_000), (60_000, 1), (1, 1), (2, 3)):
        for suffix in ("png", "jpg", "bmp", "tif"):
            yield (
                f"{width} x {height}.{suffix}",
                encoded(Image.new("RGB", (width, height), (9, 99, 199)), FORMATS[suffix]),
            )
    whole = _whole()
    for suffix, data in whole.items():
        wrong = "gif" if suffix == "jpg" else "jpg"
        yield f"{suffix} by content.{wrong}", data
        yield f"twice.{suffix}", data + data
        yield f"trailing zip.{suffix}", data + b"PK\x03\x04" + bytes(200)
        yield f"page.{suffix}", b"<script>alert(1)</script>" + data
        yield f"page after.{suffix}", data + b"<script>alert(1)</script>"
    frames = [noise((30, 20), seed) for seed in range(40)]
    for suffix in ("gif", "png", "webp", "tif"):
        yield (
            f"forty frames.{suffix}",
            encoded(frames[0], FORMATS[suffix], save_all=True, append_images=frames[1:]),
        )
    for number, exif in enumerate(
        (b"", b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", _exif_loop(), b"Exif\0\0" + bytes(60_000))
    ):
        yield f"exif {number}.jpg", encoded(noise(seed=number), exif=exif)
    for number, profile in enumerate((b"no profile", bytes(128), os.urandom(0) + b"\xff" * 5_000)):
        yield f"profile {number}.jpg", encoded(noise(seed=number), icc_profile=profile)
        yield f"cmyk profile {number}.jpg", encoded(noise(seed=number).convert("CMYK"), icc_profile=profile)
        yield f"profile {number}.png", encoded(noise(seed=number), "PNG", icc_profile=profile)
    for value in (np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-40):
        yield f"float {value}.tif", encoded(Image.fromarray(np.full((9, 9), value, np.float32)), "TIFF")
    for value in (-(2**31), 2**31 - 1, 0):
        yield f"whole {value}.tif", encoded(Image.fromarray(np.full((9, 9), value, np.int32)), "TIFF")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _gif_frame(side: int) -> bytes:
    return b"," + struct.pack("<HHHHB", 0, 0, side, side, 0) + b"\x02\x02\x4c\x01\x00;"


def _tiff(width: int, height: int, compression: int) -> bytes:
    entries = [
        (256, 4, width),
        (257, 4, height),
        (258, 3, 8),
        (259, 3, compression),
        (262, 3, 1),
        (273, 4, 122),
    ]
    entries += [(277, 3, 1), (278, 4, max(height, 1)), (279, 4, 20)]
    body = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    return (
        b"II*\0"
        + struct.pack("<I", 8)
        + struct.pack("<H", len(entries))
        + body
        + bytes(4)
        + zlib.compress(bytes(99_999))
    )


def _exif_loop() -> bytes:
    """Directories that lead to themselves, and a thumbnail that lies outside."""
    entry = struct.pack("<HHII", 0x8769, 4, 1, 8) + struct.pack("<HHII", 0x0112, 3, 1, 6)
    return b"Exif\0\0II*\0" + struct.pack("<I", 8) + struct.pack("<H", 2) + entry + struct.pack("<I", 8)
