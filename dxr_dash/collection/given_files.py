"""Files that a person names: looked at before they are opened."""

from __future__ import annotations

import stat
from pathlib import Path

from dxr_dash.errors import DxrError


def check_regular(file: Path, option: str, kind: type[DxrError]) -> None:
    """Refuse what is no regular file: opening a pipe waits, perhaps for ever, and a device may have no end.

    Args:
        option: of the command, which names the file.
        kind: of the error.
    """
    try:
        regular = stat.S_ISREG(file.stat().st_mode)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise kind(
            f"There is no file {file} ({reason}).", f"Give the path of a file with {option}."
        ) from None
    if not regular:
        raise kind(f"{file} is no regular file.", f"Give the path of a file with {option}.")
