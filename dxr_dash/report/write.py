"""Where reports go: whole or not at all, and over nothing that is not a report."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from dxr_dash.collection.steps import atomic_write
from dxr_dash.errors import ReportError
from dxr_dash.report.page import GENERATOR, as_html
from dxr_dash.report.plain import COLUMNS, FORM, as_csv, as_json, as_parquet
from dxr_dash.report.record import Report

WRITERS: Mapping[str, Callable[[Report], bytes]] = {
    ".html": as_html,
    ".json": as_json,
    ".csv": as_csv,
    ".parquet": as_parquet,
}
IN_A_FOLDER = ("report.html", "report.json", "numbers.csv", "numbers.parquet")
_HEAD_BYTES = 4096


def rendered(report: Report, suffix: str) -> bytes:
    """Return a report as the bytes of a file: ".html", ".json", ".csv" or ".parquet"."""
    return WRITERS[suffix](report)


def check_targets(targets: Sequence[str | Path], *, force: bool = False) -> tuple[Path, ...]:
    """Decide before any work which files will be written.

    Args:
        targets: files, by suffix; or folders, existing or without a suffix, that get one file of each kind.
        force: write over files that are no report.

    Returns:
        The files, each once.

    Raises:
        ReportError: a suffix is unknown, a folder is missing or cannot be written to, or a file is no report.
    """
    files = [file for target in targets for file in _files(Path(target))]
    if not files:
        raise ReportError("No file to write was named.", "Give one with `-o report.html`.")
    for file in files:
        if file.is_dir():
            raise ReportError(f"{file} is a folder.", "Choose another name.")
        if file.exists() and not force and not _is_report(file):
            raise ReportError(
                f"{file} is there already, and is no report of dxr's.",
                "Choose another name, or write over it with `--force`.",
            )
    return tuple(dict.fromkeys(files))


def write_reports(
    report: Report, targets: Sequence[str | Path], *, force: bool = False
) -> tuple[tuple[Path, int], ...]:
    """Write a report into files, by their suffixes; each appears whole or not at all.

    Args:
        targets, force: as in ``check_targets``.

    Returns:
        The files, and how many bytes each has.

    Raises:
        ReportError: as ``check_targets`` says, or the disk does not take it.
    """
    files = check_targets(targets, force=force)
    ready = [
        (file, rendered(report, file.suffix.lower())) for file in files
    ]  # all, before the first is replaced
    for file, data in ready:
        try:
            file.parent.mkdir(exist_ok=True)
            with atomic_write(file) as out:
                out.write(data)
        except OSError as error:
            raise ReportError(
                f"{file} cannot be written: {error.strerror or error}.", "Choose another place."
            ) from None
    return tuple((file, len(data)) for file, data in ready)


def _files(target: Path) -> list[Path]:
    if target.suffix.lower() in WRITERS and not target.is_dir():
        _check_folder(target.parent)
        return [target]
    if target.is_dir() or not target.suffix:
        _check_folder(
            target if target.exists() else target.parent
        )  # a folder may be new, what it lies in not
        return [target / name for name in IN_A_FOLDER]
    raise ReportError(
        f"{target} has the suffix {target.suffix}, and dxr writes reports as {', '.join(WRITERS)}.",
        "Choose one of these, or a folder for one of each.",
    )


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise ReportError(f"{folder} is not a folder.", "Make it first, or choose another place.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ReportError(f"{folder} cannot be written to.", "Choose another place.")


def _is_report(file: Path) -> bool:
    suffix = file.suffix.lower()
    try:
        if suffix == ".parquet":
            import pyarrow.parquet as pq

            return FORM.encode() in (pq.read_schema(file).metadata or {})
        with file.open("rb") as opened:
            head = opened.read(_HEAD_BYTES)
    except (OSError, ValueError):  # pyarrow's errors are ValueErrors
        return False
    marks = {
        ".html": GENERATOR.encode() in head,
        ".json": head.startswith(f'{{"form":"{FORM}"'.encode()),
        ".csv": head.startswith(",".join(COLUMNS).encode()),
    }
    return marks[suffix]
