"""Many small files in one: their bytes one after the other, and a list of where each begins."""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from dxr_dash.collection.reading import damaged, in_words, open_array
from dxr_dash.records import IntArray


class Pack:
    """A packed set of byte strings, read in place.

    On disk: ``NAME.bin``, the bytes one after the other; ``NAME.offsets.npy``, (n + 1,) int64.

    Raises:
        CollectionError: it is missing or damaged, or holds another number of strings than asked for.
    """

    def __init__(self, folder: Path, name: str, n_strings: int | None = None) -> None:
        places = folder / f"{name}.offsets.npy"
        self.offsets: IntArray = open_array(places, "i", (None if n_strings is None else n_strings + 1,))
        if not len(self.offsets) or self.offsets[0] != 0 or (self.offsets[1:] < self.offsets[:-1]).any():
            raise damaged(places, "it is no list of places")
        path = folder / f"{name}.bin"
        n_bytes = int(self.offsets[-1])
        with in_words(path), path.open("rb") as file:
            self._bytes: bytes | mmap.mmap = (
                mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if n_bytes else b""
            )
        if len(self._bytes) < n_bytes:
            raise damaged(path, f"it has {len(self._bytes)} bytes, not {n_bytes}")

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def bytes_of(self, first: int, last: int) -> memoryview:
        """Look at the bytes of the strings first..last - 1, one after the other, without a copy."""
        return memoryview(self._bytes)[int(self.offsets[first]) : int(self.offsets[last])]

    def __getitem__(self, index: int) -> bytes:
        if not 0 <= index < len(self):
            raise IndexError(index)
        return bytes(self._bytes[int(self.offsets[index]) : int(self.offsets[index + 1])])


def write_pack(folder: Path, name: str, blobs: Iterable[bytes]) -> None:
    """Write byte strings as a pack into a folder that nobody reads yet."""
    ends = [0]
    with (folder / f"{name}.bin").open("xb") as file:
        for blob in blobs:
            file.write(blob)
            ends.append(ends[-1] + len(blob))
    np.save(folder / f"{name}.offsets.npy", np.array(ends, np.int64))
