"""One build's chain of steps: each is made once, and kept for good."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dxr_dash.collection.decoding import REDUCED
from dxr_dash.collection.steps import fingerprint, new_step
from dxr_dash.collection.store import STEPS
from dxr_dash.records import OnProgress


@dataclass
class Chain:
    """One build of one collection: what it was asked for, and where it has got to."""

    root: Path | None  # of the images; None where there are none
    folder: Path
    name: str
    seed: int
    tsne: bool  # asked for, however many images there are
    on_progress: OnProgress
    fresh: bool = False  # lay everything out anew, however little has changed
    reduced: int = (
        0  # ``settings.REDUCED_LEAST`` as the collection was begun with; 0: JPEGs are decoded whole
    )
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def decoding(self) -> dict[str, int]:
        """What manifest and recipes say of how images are decoded: nothing where they are decoded whole."""
        return {REDUCED: self.reduced} if self.reduced else {}

    def step(self, name: str, made_from: list[Any], write: Callable[[Path], None]) -> str:
        """Make one step, unless it has been made from the same things before; return its folder's name."""
        step = self.name_of(name, made_from)
        folder = self.folder / STEPS / step
        if not folder.is_dir():
            with self.timed(name), new_step(folder) as part:
                write(part)
        return step

    @staticmethod
    def name_of(name: str, made_from: list[Any]) -> str:
        """Say what the step's folder is called."""
        return f"{name}-{fingerprint(name, made_from)[:12]}"

    def path(self, step: str) -> Path:
        """Say where a finished step lies."""
        return self.folder / STEPS / step

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Add the block's time to the report."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
