"""Who waits for whom: a page or a picture never stands behind an answer that takes seconds."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from waitress.task import ThreadedTaskDispatcher

from dxr_dash.analysis.cores import Turns, n_cores, one_blas_thread
from dxr_dash.browser import urls

P = ParamSpec("P")
T = TypeVar("T")

ASKING_THREADS = 48  # most of them wait for their turn
_SLOW_PATHS = tuple(path[: path.index("<")] for path in (urls.REPORT, urls.WHY))

# twice the cores, since the parts of one page wait for the same numbers
ANSWERS = Turns(max(4, 2 * n_cores()))
# what stands beside an answer takes several times as long: no answer waits behind it
EVIDENCE = Turns(n_cores())


class TwoLines:
    """Hands what has been asked to threads: what is only fetched to one line of them, what is sent to another.

    Pages, scripts, pictures and rankings are fetched with GET and take milliseconds; the panels that Dash asks for with
    POST, images that are dropped, reports and heat maps can take seconds. It stands where waitress has one dispatcher.
    """

    def __init__(self, fetching: ThreadedTaskDispatcher) -> None:
        self._fetching, self._asking = fetching, ThreadedTaskDispatcher()
        self._asking.set_thread_count(ASKING_THREADS)
        # that some wait is no fault, and a terminal full of how many hides what is one
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)

    def add_task(self, channel: Any) -> None:
        """Let a connection wait for a thread that answers its first question."""
        asked = channel.requests[0]
        # what is no request at all has neither command nor path
        slow = not asked.error and (asked.command == "POST" or any(one in asked.path for one in _SLOW_PATHS))
        (self._asking if slow else self._fetching).add_task(channel)

    def shutdown(self, cancel_pending: bool = True, timeout: float = 5) -> bool:
        """End both lines, as waitress's dispatcher does."""
        ended = [line.shutdown(cancel_pending, timeout) for line in (self._fetching, self._asking)]
        return any(ended)


def in_turn(part: Callable[P, T], turns: Turns = ANSWERS) -> Callable[P, T]:
    """Let a part of the page that can take seconds wait for its turn: so many at once that the cores are busy.

    Turns are taken before a result that is kept is asked for, never inside it: whoever makes one has a turn already.
    """

    def waiting(*args: P.args, **kwargs: P.kwargs) -> T:
        with turns, one_blas_thread:
            return part(*args, **kwargs)

    return waiting
