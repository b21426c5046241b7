"""One build's chain of steps: each is made once, and kept for good."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dxr_dash.collection.decoding import REDUCED
from dxr_dash.collection.manifest import STEPS
from dxr_dash.collection.reading import open_array
from dxr_dash.collection.steps import damaged_files, fingerprint, new_step
from dxr_dash.errors import CollectionError
from dxr_dash.records import FloatArray, OnProgress

log = logging.getLogger(__name__)


class DamagedStepError(CollectionError):
    """A step of the finished collection, which another would be made from, is not as it was written."""

    step = ""

    @classmethod
    def found(cls, step: str, problem: str) -> DamagedStepError:
        """Say what is wrong with it."""
        error = cls(problem, "Run `dxr check`: it says what to do.")
        error.step = step
        return error


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
    _whole: set[str] = field(default_factory=set)  # steps that are as they were written
    _damaged: set[str] = field(default_factory=set)  # those to be made again
    _making: int = 0

    @property
    def decoding(self) -> dict[str, int]:
        """What manifest and recipes say of how images are decoded: nothing where they are decoded whole."""
        return {REDUCED: self.reduced} if self.reduced else {}

    def step(
        self, name: str, made_from: list[Any], write: Callable[[Path], None], *, opened: Sequence[str] = ()
    ) -> str:
        """Make one step, unless it has been made from the same things before; return its folder's name.

        Args:
            opened: steps that it is made from, as far as ``write`` does not ask for their path itself.

        Raises:
            DamagedStepError: what it is made from is not as it was written, and would become the truth.
        """
        step = self.name_of(name, made_from)
        if not self.has(step):
            for source in opened:
                self.check(source)
            self._making += 1
            try:
                with self.timed(name), new_step(self.folder / STEPS / step) as part:
                    write(part)
            finally:
                self._making -= 1
            self._whole.add(step)
            self._damaged.discard(step)
        return step

    def has(self, step: str) -> bool:
        """Say whether a step is there, and not known to be damaged."""
        return step not in self._damaged and (self.folder / STEPS / step).is_dir()

    def check(self, step: str) -> None:
        """Compare the files of a step that is there with their hashes, once a build.

        Raises:
            DamagedStepError: one is another.
        """
        if step not in self._whole and (self.folder / STEPS / step).is_dir():
            found = damaged_files(self.folder / STEPS / step)
            if found:
                raise DamagedStepError.found(step, f"{found[0]}.")
            self._whole.add(step)

    def make_again(self, damage: DamagedStepError) -> None:
        """Take a damaged step for one that is not there: it is replaced as soon as another is made.

        Raises:
            DamagedStepError: it cannot be made again.
        """
        if damage.step in self._damaged:
            raise damage
        self._damaged.add(damage.step)
        log.warning("%s It is made again.", damage.problem)

    @staticmethod
    def name_of(name: str, made_from: list[Any]) -> str:
        """Say what the step's folder is called."""
        return f"{name}-{fingerprint(name, made_from)[:12]}"

    def path(self, step: str) -> Path:
        """Say where a finished step lies; while another is made from it, only once it is checked.

        Raises:
            DamagedStepError: it is not as it was written.
        """
        if self._making:
            self.check(step)
        return self.folder / STEPS / step

    def vectors(self, step: str) -> FloatArray:
        """Open the (N, D) float32 vectors of a finished step.

        Raises:
            DamagedStepError: they cannot be opened.
        """
        found: FloatArray = self.open(step, "vectors", "f", (None, None))
        return found

    def open(self, step: str, name: str, kind: str, shape: Sequence[int | None]) -> Any:
        """Open an array of a finished step, as ``open_array`` does.

        Raises:
            DamagedStepError: it cannot be opened.
        """
        try:
            return open_array(self.path(step) / f"{name}.npy", kind, shape)
        except CollectionError as error:
            raise DamagedStepError.found(step, error.problem) from None

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Add the block's time to the report."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
