"""What a server says in its terminal: addresses and names that others chose stay text there."""

from __future__ import annotations

import logging
from copy import copy
from types import TracebackType

from dxr_dash.collection.walk import visible

LOGGERS = ("dxr_dash", "waitress")
_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class PlainText(logging.Formatter):
    """Writes one line for a message, whatever is in it, and no character that a terminal would obey."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a copy: other handlers may want the record as it is."""
        plain = copy(record)
        plain.msg, plain.args, plain.exc_text = visible(record.getMessage()), None, None
        return super().format(plain)

    def formatException(self, ei: _ExcInfo) -> str:  # noqa: N802 - logging's name for it
        """Keep a traceback's lines; what an error says of its cause is as little to be trusted."""
        return "\n".join(map(visible, super().formatException(ei).split("\n")))


def log_in_plain_text() -> None:
    """Send what is logged to the terminal, unless whoever uses dxr as a library has decided otherwise."""
    for name in LOGGERS:
        logger = logging.getLogger(name)
        if not logger.hasHandlers():
            handler = logging.StreamHandler()
            handler.setFormatter(PlainText("%(levelname)s %(name)s: %(message)s"))
            logger.addHandler(handler)
