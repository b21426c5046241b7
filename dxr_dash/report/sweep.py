"""A sweep as one file: a page, its picture alone, a table, or JSON."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from markupsafe import Markup

from dxr_dash import settings
from dxr_dash.collection.exports import check_target
from dxr_dash.collection.steps import atomic_write
from dxr_dash.errors import ReportError
from dxr_dash.figures.svg import as_svg, css_colours
from dxr_dash.figures.sweep_figure import SWEEP_PX, in_words, sweep_figure, sweep_width_px
from dxr_dash.figures.theme import DARK, LIGHT
from dxr_dash.records import Sweep
from dxr_dash.report.page import GENERATOR, SIGNS, page_style, templates

_FONT = "text{font-family:system-ui,'Segoe UI',Roboto,'Noto Sans','DejaVu Sans',sans-serif}"


def check_sweep_targets(targets: tuple[Path, ...], *, force: bool) -> None:
    """Decide before any work whether the files can be written.

    Raises:
        ReportError: as ``check_target`` says.
    """
    for target in targets:
        check_target(target, suffixes=WRITERS, force=force)


def write_sweep(found: Sweep, target: Path) -> int:
    """Write a sweep by the file's suffix, whole or not at all; return its size in bytes.

    Raises:
        ReportError: the disk does not take it.
    """
    data = WRITERS[target.suffix.lower()](found)
    try:
        with atomic_write(target) as out:
            out.write(data)
    except OSError as error:
        raise ReportError(
            f"{target} cannot be written: {error.strerror or error}.", "Choose another place."
        ) from None
    return len(data)


def _drawn(found: Sweep) -> str:
    figure = sweep_figure(found, theme=LIGHT)
    return as_svg(figure, width_px=sweep_width_px(found), height_px=SWEEP_PX, title=in_words(found))


def _as_svg(found: Sweep) -> bytes:
    """Write the picture alone, in colours that follow the reader's system."""
    paper = "svg{background:var(--paper)}"
    dark = f"@media (prefers-color-scheme:dark){{:root{{{css_colours(DARK)}}}}}"
    style = f"<style>:root{{{css_colours(LIGHT)}}}{dark}{paper}{_FONT}</style>"
    size = f'width="{sweep_width_px(found)}" height="{SWEEP_PX}"'
    begin, rest = _drawn(found).split(">", 1)
    namespace = 'xmlns="http://www.w3.org/2000/svg"'
    return f"{begin.replace('<svg', f'<svg {namespace} {size}', 1)}>{style}{rest}\n".encode()


def _as_html(found: Sweep) -> bytes:
    style = page_style()
    page = (
        templates()
        .get_template("sweep.html")
        .render(
            found=found,
            signs=SIGNS,
            picture=Markup(_drawn(found)),  # noqa: S704 - ours; its texts are escaped
            style=Markup(style),  # noqa: S704 - ours
            style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
            generator=Markup(f'{GENERATOR}{settings.VERSION}">'),  # noqa: S704 - ours
        )
    )
    return page.encode("utf-8", "xmlcharrefreplace")


def _as_csv(found: Sweep) -> bytes:
    table = found.table
    # a name that begins like a formula would be run by a spreadsheet
    for column in ("set", "space"):
        table[column] = [f"'{one}" if one[:1] in "=+-@\t\r" else one for one in table[column]]
    return bytes(table.to_csv(index=False, lineterminator="\n").encode())


def _as_json(found: Sweep) -> bytes:
    return json.dumps(found.as_dict(), ensure_ascii=False, indent=1).encode() + b"\n"


WRITERS: Mapping[str, Callable[[Sweep], bytes]] = {
    ".html": _as_html,
    ".svg": _as_svg,
    ".csv": _as_csv,
    ".json": _as_json,
}
"""How each kind of file is written."""
