"""Addresses on the server. All carry the collection's version, so the browser may keep what it got for good.

What the functions return is relative to the page, which may stand under any path of a proxy.
"""

from __future__ import annotations

from urllib.parse import quote, urlencode

from dxr_dash.collection.store import Collection

THUMBNAIL = "/thumbnails/<version>/<int:row>.jpg"
OUTSIDE = "/outside/<version>/<query_set>/<int:index>.jpg"
COORDINATES = "/coordinates/<version>/<space>/<layout>/<arrangement>.f32"
MOSAIC = "/mosaic/<version>/<space>/<layout>/<int:level>/<int:x>_<int:y>.webp"
COLOURS = (
    "/colours/<version>/<space>/<layout>/<arrangement>/<theme>.png"  # ?by=COLOUR&set=QUERY_SET&beside=SPACE
)
DISTANCES = "/distances/<version>/<space>/<query_set>.f32"
RANKING = "/ranking/<version>/<space>/<metric>/<key>/<int:page>.bin"
MEMBERS = "/members/<version>/<query_set>.i32"
LABEL_CODES = "/labels/<version>.i32"
LABEL_NAMES = "/labels/<version>.json"
ORDER = "/order/<version>/<space>/<layout>.u32"
SELECTED = "/selected/<version>.u32"  # and what the page's address says of the selection
SLIVERS = "/slivers/<version>/<rows>.jpg"  # gallery rows, with commas between
SCAN = "/scan/<version>/<space>"  # ?by=WHAT&from=LINE; a POST with do=start or do=stop
REPORT = "/report/<version>/<space>/<query_set>.<form>"
PICTURE = "/pictures/<version>/<key>.jpg"  # of one image, larger than its thumbnail: r12, or o.SET.3
WHY = "/why/<version>/<space>/<first>/<second>.ndjson"  # keys of two images
QUERY_SETS = "/query-sets"


def version(collection: Collection) -> str:
    """Return the text that changes with everything these addresses lead to."""
    return collection.fingerprint[:16]


def thumbnail(collection: Collection, row: int) -> str:
    """Return where the thumbnail of a gallery image is."""
    return f"thumbnails/{version(collection)}/{row}.jpg"


def outside(collection: Collection, query_set: str, index: int) -> str:
    """Return where the thumbnail of a query set's outside image is."""
    return f"outside/{version(collection)}/{query_set}/{index}.jpg"


def colours(
    collection: Collection,
    space: str,
    layout: str,
    arrangement: str,
    theme: str,
    by: str,
    query_set: str | None,
    beside: str | None = None,
) -> str:
    """Return where each image's colour is, one pixel each.

    Args:
        by: what the map is coloured by, as the selection has it.
        query_set: id of the set that distances are measured to.
        beside: id of the space that neighbours are compared with.
    """
    asked = urlencode({"by": by, "set": query_set or "", **({"beside": beside} if beside else {})})
    return f"colours/{version(collection)}/{quote(space)}/{layout}/{arrangement}/{theme}.png?{asked}"
