"""Turn image files into vectors: reading and decoding overlap with the forward pass.

Each worker thread takes the next image, reads, decodes and shrinks it; the worker that finishes the last image
of a batch also runs the batch through the network, on one core, while the others go on decoding. So every core
always has work, whichever of the two is slower, and no core waits for another inside a layer.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Container, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image

from dxr_dash import settings
from dxr_dash.analysis.cores import n_cores
from dxr_dash.collection.decoding import WHOLE, Decoding
from dxr_dash.collection.images import (
    JPEG_START,
    FoundFile,
    UnreadableImage,
    content_of,
    decode,
    read_file,
    read_image,
    reduction,
    thumbnail,
)
from dxr_dash.collection.preset import UInt8Array
from dxr_dash.collection.running import Extractor, Stopped
from dxr_dash.records import FloatArray, OnProgress

PROGRESS_S = 0.1  # between two reports
MAX_STREAMS = 4  # forward passes at once: each holds the activations of a whole batch


@dataclass(frozen=True)
class Extracted:
    """What came of one image file.

    Attributes:
        file: the file.
        content: hash of its bytes (BLAKE2b, 128 bits, hexadecimal); empty if they could not be read.
        width, height: in pixels, upright; None if it was not decoded.
        thumbnail: JPEG; None if the same bytes are known or came before, or if it was skipped.
        vector: (D,) float32; None when ``thumbnail`` is.
        skipped: why it was not taken in, or None.
    """

    file: FoundFile
    content: str
    width: int | None = None
    height: int | None = None
    thumbnail: bytes | None = None
    vector: FloatArray | None = None
    skipped: str | None = None


@dataclass
class _Batch:
    """Files on their way, in file order."""

    results: list[Extracted]
    pixels: list[UInt8Array | None]
    n_open: int
    lock: threading.Lock = field(default_factory=threading.Lock)
    done: Future[None] = field(default_factory=Future)


def extract(
    root: Path,
    files: Sequence[FoundFile],
    network: Extractor,
    *,
    known: Callable[[str], bool],
    decoding: Decoding = WHOLE,
    on_progress: OnProgress,
) -> Generator[list[Extracted]]:
    """Run image files through a network.

    What is yielded depends on the files alone, not on timing: of several files with the same bytes the first one
    carries vector and thumbnail.

    Args:
        root: the folder that the paths are relative to.
        files: what to read, in the order to yield.
        network: the network.
        known: asked with the hash of a file's bytes, from several threads; True: vector and thumbnail of these
            bytes exist, so they are not decoded again.
        decoding: how large JPEG files are decoded.
        on_progress: called in the consumer's thread, at most ten times a second.

    Yields:
        Batches of ``settings.BATCH_IMAGES`` files in order; the last one may be smaller. At most a few batches
        are read ahead. Closing the generator ends its threads, in the middle of a forward pass if need be.
    """
    import torch

    cores = n_cores()
    n_streams = min(cores, MAX_STREAMS) if network.device == "cpu" else 1
    settled: dict[str, str | None] = {}  # hash -> why skipped, of what has been yielded
    work = _Work(root, network, known, decoding, settled, threading.Semaphore(n_streams))
    n_threads = torch.get_num_threads()
    # in each stream; more than one thread only where there are more cores than streams
    torch.set_num_threads(max(1, cores // n_streams))
    # where cores outnumber streams, a worker that waits for its turn must not leave a core idle
    n_workers = cores + (n_streams if cores > n_streams else 0)
    pool = ThreadPoolExecutor(n_workers, thread_name_prefix="dxr-extract")
    progress = _Progress(on_progress, len(files))
    try:
        ahead: deque[_Batch] = deque()
        starts = iter(range(0, len(files), settings.BATCH_IMAGES))
        while True:
            while len(ahead) < n_workers + 2 and (start := next(starts, None)) is not None:
                ahead.append(work.start(pool, files[start : start + settings.BATCH_IMAGES]))
            if not ahead:
                break
            while not wait([ahead[0].done], timeout=PROGRESS_S).done:
                progress.report(work.n_done)
            batch = ahead.popleft()
            batch.done.result()
            yield [_settle(one, settled) for one in batch.results]
            progress.report(work.n_done)
        progress.report(len(files), last=True)
    finally:
        work.stopped.set()
        pool.shutdown(wait=True, cancel_futures=True)
        torch.set_num_threads(n_threads)


def _settle(one: Extracted, settled: dict[str, str | None]) -> Extracted:
    """Let the first file with some bytes stand for all later ones, however the threads raced."""
    if not one.content:
        return one
    if one.content in settled:
        return Extracted(one.file, one.content, skipped=settled[one.content])
    settled[one.content] = one.skipped
    return one


class _Progress:
    """Reports now and then."""

    def __init__(self, on_progress: OnProgress, total: int) -> None:
        self._on_progress = on_progress
        self._total = total
        self._next = 0.0

    def report(self, done: int, *, last: bool = False) -> None:
        now = time.monotonic()
        if now >= self._next or last:
            self._next = now + PROGRESS_S
            self._on_progress("reading images", done, self._total)


class _Work:
    """What the worker threads do."""

    def __init__(
        self,
        root: Path,
        network: Extractor,
        known: Callable[[str], bool],
        decoding: Decoding,
        settled: Container[str],
        streams: threading.Semaphore,
    ) -> None:
        self.stopped = threading.Event()
        self.n_done = 0
        self._root = root
        self._network = network
        self._known = known
        self._decoding = decoding
        self._streams = streams
        self._lock = threading.Lock()
        self._settled = settled

    def start(self, pool: ThreadPoolExecutor, files: Sequence[FoundFile]) -> _Batch:
        batch = _Batch([Extracted(file, "") for file in files], [None] * len(files), len(files))
        for place in range(len(files)):
            pool.submit(self._run, batch, place)
        return batch

    def _run(self, batch: _Batch, place: int) -> None:
        try:
            if not self.stopped.is_set():
                batch.results[place], batch.pixels[place] = self._read(batch.results[place].file)
            with batch.lock:
                batch.n_open -= 1
                is_last = not batch.n_open
            if is_last and not self.stopped.is_set():
                self._forward(batch)
        except Stopped:
            pass
        except BaseException as error:
            with batch.lock:
                if not batch.done.done():
                    batch.done.set_exception(error)

    def _read(self, file: FoundFile) -> tuple[Extracted, UInt8Array | None]:
        content = ""
        try:
            data = read_file(self._root, file)
            content = content_of(data)
            if content in self._settled or self._known(content):
                return Extracted(file, content), None
            image, times = decode(data, least_px=self._decoding.features_px)
            small = self._thumbnail(data, image, times)
        except UnreadableImage as error:
            return Extracted(file, content, skipped=error.reason), None
        done = Extracted(file, content, image.width * times, image.height * times, small)
        return done, self._network.prepare(image)

    def _thumbnail(self, data: bytes, image: Image.Image, times: int) -> bytes:
        """Make the thumbnail that every network makes of a file: only a network of large images decodes twice."""
        least_px = self._decoding.thumbnail_px
        others = least_px != self._decoding.features_px and data.startswith(JPEG_START)
        if others and reduction(image.width * times, image.height * times, least_px) != times:
            image = read_image(data, least_px=least_px)
        return thumbnail(image)

    def _forward(self, batch: _Batch) -> None:
        # by place in the batch; stacked as they are in memory, with channels last
        prepared = {place: pixels for place, pixels in enumerate(batch.pixels) if pixels is not None}
        if prepared:
            pixels = np.stack([np.moveaxis(one, -3, -1) for one in prepared.values()])
            batch.pixels = []
            with self._streams:
                vectors = self._network.forward(np.moveaxis(pixels, -1, -3), stopped=self.stopped.is_set)
            for place, vector in zip(prepared, vectors, strict=True):
                batch.results[place] = _with_vector(batch.results[place], vector)
        with self._lock:
            self.n_done += len(batch.results)
        batch.done.set_result(None)


def _with_vector(one: Extracted, vector: FloatArray) -> Extracted:
    if not np.isfinite(vector).all():  # no distance could be computed from it
        return replace(one, thumbnail=None, skipped="its features are not finite numbers")
    return replace(one, vector=vector)
