"""Re-ranks by patches for the page: one image at a time, beside everything else."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from cachetools import LRUCache

from dxr_dash import settings
from dxr_dash.api.patches import rerank
from dxr_dash.api.query_sets import find_query_set
from dxr_dash.collection.store import Collection
from dxr_dash.errors import DxrError, QueryError
from dxr_dash.records import ImageKey, Reranked, Reranking

log = logging.getLogger(__name__)

# who has not asked for so long has gone; browsers ask once a second where a page is out of sight
_LEFT_S = 20.0
_KEPT = 64  # results, of a few kB each
_CRASH = QueryError("dxr failed on these patches.", "Its log says where.")
_Key = tuple[ImageKey, str, str, int]


class _LeftError(Exception):
    """Nobody waits for it any more."""


@dataclass
class _Job:
    """One re-ranking that is waited for.

    Attributes:
        asked: when it was asked for last.
        left: whether whoever asked for it has left since.
        began: when its first image was compared.
        failed: why there will be no result; told once.
    """

    query: ImageKey
    space: str
    order: int
    asked: float
    left: bool = False
    step: str = ""
    done: int = 0
    total: int = 0
    began: float | None = None
    failed: DxrError | None = None


class PatchWorker:
    """The re-rankings that one server makes; safe to share between threads.

    Nobody waits inside: whoever wants a result asks for it until it is there. The same result is made once for all
    who ask for it. It is given up when they say that they have left, or have not asked for a while and others wait.
    """

    def __init__(self, collection: Collection, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._collection = collection
        self._clock = clock
        self._lock = threading.Lock()
        self._jobs: dict[_Key, _Job] = {}  # in the order of asking
        self._kept: LRUCache[_Key, Reranked] = LRUCache(_KEPT)
        self._working: _Key | None = None
        self._thread: threading.Thread | None = None

    def ask(self, query: ImageKey, *, order: int, space: str | None = None) -> Reranked | Reranking:
        """Return the result, where it is there; else see that it is made, and say how far that is.

        Args:
            query, order: as ``rerank`` has them.

        Raises:
            DxrError: as ``rerank`` says, or too many others wait.
        """
        key = self._key(query, order, space)
        with self._lock:
            if (found := self._kept.get(key)) is not None:
                return found
            now = self._clock()
            job = self._jobs.get(key)
            if job is None:
                self._drop_left()
                if len(self._jobs) >= settings.RERANKINGS_WAITING:
                    raise QueryError("Too many others compare patches just now.", "Try again in a minute.")
                job = self._jobs[key] = _Job(query, key[2], order, now)
            job.asked, job.left = now, False
            if job.failed is not None:
                del self._jobs[key]
                raise job.failed
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="patches", daemon=True)
                self._thread.start()
            ahead = [one for one in self._jobs.values() if one.failed is None].index(job)
            return Reranking(job.step, job.done, job.total, ahead, self._left(job, now))

    def leave(self, query: ImageKey, *, order: int, space: str | None = None) -> None:
        """Say that a result is not waited for any more; if others ask for it, they get it nevertheless."""
        key = self._key(query, order, space)
        with self._lock:
            if (job := self._jobs.get(key)) is not None:
                job.left = True

    def _key(self, query: ImageKey, order: int, space: str | None) -> _Key:
        members = "" if isinstance(query, int) else find_query_set(self._collection, query[0]).members
        return query, members, self._collection.space(space).id, order

    def _left(self, job: _Job, now: float) -> float | None:
        if job.began is None or not job.done:
            return None
        return (now - job.began) / job.done * (job.total - job.done)

    def _drop_left(self) -> None:
        """Forget what is not asked for any more; what is at work looks itself."""
        now = self._clock()
        for key in [key for key, job in self._jobs.items() if job.left or now - job.asked > _LEFT_S]:
            if key != self._working:
                del self._jobs[key]

    def _work(self) -> None:
        while True:
            with self._lock:
                self._working = None
                self._drop_left()
                # what failed waits for the next question, if it comes
                self._working = next((key for key, job in self._jobs.items() if job.failed is None), None)
                if self._working is None:
                    self._thread = None
                    return
                key, job = self._working, self._jobs[self._working]
            self._make(key, job)

    def _make(self, key: _Key, job: _Job) -> None:
        try:
            self._tell(job, "loading the network", 0, 0)
            found = rerank(
                self._collection,
                job.query,
                order=job.order,
                space=job.space,
                on_progress=lambda *how_far: self._tell(job, *how_far),
            )
        except _LeftError:
            with self._lock:
                del self._jobs[key]
        except DxrError as error:
            job.failed = error
        except Exception:
            log.exception("Patches could not be compared.")
            job.failed = _CRASH
        else:
            with self._lock:
                self._kept[key] = found
                del self._jobs[key]

    def _tell(self, job: _Job, step: str, done: int, total: int) -> None:
        with self._lock:
            now = self._clock()
            others = sum(one.failed is None for one in self._jobs.values()) > 1
            if job.left or (others and now - job.asked > _LEFT_S):
                raise _LeftError
            if total and job.began is None:
                job.began = now
            job.step, job.done, job.total = step, done, total
