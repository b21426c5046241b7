"""Other processes that do a share of the drawing, so that every core works.

A helper is a plain Python process that reads one batch per line from its input and answers with one
line. It is no ``multiprocessing`` pool: that would run the caller's own script again in every process
(unless guarded), and this must also work from five lines in a script or a notebook. When the caller
ends, however it ends, the helpers' input ends, and so do they after the batch in hand.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import IO, cast

from dxr_dash.errors import CollectionError

Batch = Sequence[tuple[str, str, bool, int]]
DrawBatch = Callable[[Path, Batch], int]

_PACKAGE_FOLDER = Path(__file__).parents[2]
_CODE = "from dxr_dash.demo.world import serve; serve()"


class _Helper:
    """One process that draws batches into a folder."""

    def __init__(self, folder: Path) -> None:
        paths = [str(_PACKAGE_FOLDER), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _CODE, str(folder.absolute())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            start_new_session=True,  # Ctrl-C is for the caller, who then lets the batch in hand end
        )
        self._to, self._from = cast("IO[str]", self._process.stdin), cast("IO[str]", self._process.stdout)

    def draw(self, batch: Batch) -> int:
        """Have a batch drawn; return its size.

        Raises:
            OSError: as the helper met it, such as a full disk.
            CollectionError: the helper is gone.
        """
        try:
            self._to.write(json.dumps(batch) + "\n")
            self._to.flush()
            answer = self._from.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise CollectionError(
                f"A process that drew the demo ended with exit code {self._process.wait()}.",
                "Start again: what is drawn is kept.",
            )
        told = json.loads(answer)
        if "problem" in told:
            raise OSError(*told["problem"])
        return int(told["drawn"])

    def close(self) -> None:
        """Let the process end and wait for it."""
        with suppress(BrokenPipeError):  # it may have gone before us
            self._to.close()
        self._from.close()
        self._process.wait()


def draw_with_helpers(folder: Path, batches: Sequence[Batch], n_helpers: int) -> Generator[int]:
    """Yield the size of each batch when it is on disk, in the order they are finished.

    Raises:
        OSError: a file cannot be written.
        CollectionError: a helper is gone.
    """
    helpers = [_Helper(folder) for _ in range(n_helpers)]
    idle: SimpleQueue[_Helper] = SimpleQueue()
    for helper in helpers:
        idle.put(helper)

    def draw(batch: Batch) -> int:
        helper = idle.get()
        try:
            return helper.draw(batch)
        finally:
            idle.put(helper)

    threads = ThreadPoolExecutor(n_helpers, thread_name_prefix="dxr-demo")
    try:
        for done in as_completed([threads.submit(draw, batch) for batch in batches]):
            yield done.result()
    finally:
        # After Ctrl-C or a full disk too: the batches in hand end (no half file stays), the rest is dropped.
        threads.shutdown(wait=True, cancel_futures=True)
        for helper in helpers:
            helper.close()


def serve_batches(draw_batch: DrawBatch) -> None:
    """Be a helper: draw the batches that come in, into the folder named on the command line."""
    folder = Path(sys.argv[1])
    for line in sys.stdin:
        try:
            answer: dict[str, object] = {"drawn": draw_batch(folder, json.loads(line))}
        except OSError as error:
            answer = {"problem": [error.errno, error.strerror, error.filename]}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
