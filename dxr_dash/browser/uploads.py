"""Image files dropped on the page: limits, progress while they are embedded, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from dxr_dash import api, settings
from dxr_dash.browser.commands import Reply
from dxr_dash.browser.panels import refused_list
from dxr_dash.browser.told import line, told
from dxr_dash.collection.store import Collection
from dxr_dash.errors import DxrError, UploadError
from dxr_dash.figures import theme as words
from dxr_dash.records import OnProgress, Skipped


def within_limits(files: Sequence[tuple[str, bytes]]) -> tuple[list[tuple[str, bytes]], list[Skipped]]:
    """Set aside files that are too large.

    Raises:
        UploadError: there is none, or there are too many.
    """
    if not files:
        raise UploadError("No image file arrived.", "Choose at least one.")
    if len(files) > settings.UPLOAD_MAX_IMAGES:
        raise UploadError(
            f"{words.count(len(files))} files are too many.",
            f"Add at most {settings.UPLOAD_MAX_IMAGES} at once.",
        )
    limit = settings.UPLOAD_MAX_IMAGE_BYTES
    reason = f"larger than {limit // 2**20} MB"
    good = [(name, data) for name, data in files if len(data) <= limit]
    return good, [Skipped(name, reason) for name, data in files if len(data) > limit]


def embed(collection: Collection, name: str, files: Sequence[tuple[str, bytes]]) -> Iterator[str]:
    """Make a query set from outside images; yield a line of JSON for each step, and the reply as the last."""
    yield line({"step": "Reading images", "done": 0, "total": len(files)})
    yield from told(
        lambda tell: {"reply": asdict(_make(collection, name, files, tell))},
        failure,
        UploadError("dxr failed on these images.", "Its log says where."),
    )


def failure(error: DxrError) -> dict[str, object]:
    """Return the line that ends an upload which came to nothing."""
    return {"reply": asdict(Reply(note=str(error), tone="error"))}


def _make(collection: Collection, name: str, files: Sequence[tuple[str, bytes]], tell: OnProgress) -> Reply:
    good, too_large = within_limits(files)
    if not good:
        raise UploadError("No file could be taken.", refused_list(too_large))
    one, unread = api.add_query_set(collection, name, images=good, on_progress=tell)
    left_out = (*too_large, *unread)
    note = f"\u201c\u2068{words.short(one.name, 60)}\u2069\u201d made from {words.count(len(one))} images."
    if left_out:
        note = f"{note} {refused_list(left_out)}"
    return Reply(show=one.id, slot=one.colour, changed=True, note=note)
