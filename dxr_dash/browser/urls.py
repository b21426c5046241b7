"""Addresses on the server. All carry the collection's version, so the browser may keep what it got for good.

What the functions return is relative to the page, which may stand under any path of a proxy.
"""

from __future__ import annotations

from urllib.parse import quote, urlencode

from dxr_dash.collection.store import Collection

THUMBNAIL = "/thumbnails/<version>/<int:row>.jpg"
OUTSIDE = "/outside/<version>/<query_set>/<int:index>.jpg"
COORDINATES = (
    "/coordinates/<version>/<space>/<layout>/<arrangement>.f32"  # ?rows= for some, with commas between
)
MOSAIC = "/mosaic/<version>/<space>/<layout>/<int:level>/<int:x>_<int:y>.webp"
COLOURS = (
    "/colours/<version>/<space>/<layout>/<arrangement>/<theme>.png"  # ?by=COLOUR&set=QUERY_SET&beside=SPACE
)
VEIL = "/veil/<version>/<space>/<layout>/<arrangement>/<theme>.png"  # and what is selected, as in the page's address
DENSITY = "/density/<version>/<space>/<layout>/<theme>.png"  # ?view=X0,X1,Y0,Y1&beside=SPACE
MAP_RANKS = "/map-ranks/<version>/<space>/<layout>/<arrangement>/<int:row>.u32"  # ?rows=, with commas between
CELLS = "/cells/<version>/<space>/<layout>/<int:x>_<int:y>.i32"
DISTANCES = "/distances/<version>/<space>/<query_set>.f32"
RANKING = "/ranking/<version>/<space>/<metric>/<key>/<int:page>.bin"
MEMBERS = "/members/<version>/<query_set>.i32"
LABEL_CODES = "/labels/<version>.i32"
LABEL_NAMES = "/labels/<version>.json"
ORDER = "/order/<version>/<space>/<layout>/<int:size>/<int:page>.u32"
SELECTED = (
    "/selected/<version>/<int:size>/<int:page>.u32"  # and what the page's address says of the selection
)
SLIVERS = "/slivers/<version>/<rows>.jpg"  # gallery rows, with commas between
SCAN = "/scan/<version>/<space>"  # ?by=WHAT&from=LINE; a POST with do=start or do=stop
REPORT = "/report/<version>/<space>/<query_set>.<form>"
PICTURE = "/pictures/<version>/<key>.jpg"  # of one image, larger than its thumbnail: r12, or o.SET.3
WHY = "/why/<version>/<space>/<first>/<second>.ndjson"  # keys of two images
PATCHES = "/patches/<version>.json"  # and what the page's address says of the image and the patches
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


def veil(collection: Collection, space: str, layout: str, arrangement: str, theme: str, said: str) -> str:
    """Return where the picture is that lies over what is not selected.

    Args:
        said: what is selected, as the page's address says it.
    """
    return f"veil/{version(collection)}/{quote(space)}/{layout}/{arrangement}/{theme}.png?{said}"


def density(
    collection: Collection,
    space: str,
    layout: str,
    theme: str,
    view: tuple[float, ...],
    beside: str | None = None,
) -> str:
    """Return where the picture is of how many images lie in each part of a view of the map.

    Args:
        beside: id of the space whose map it is about, turned like that of ``space``; None: that of ``space``.
    """
    asked = urlencode(
        {"view": ",".join(f"{end:.6g}" for end in view), **({"beside": beside} if beside else {})}
    )
    return f"density/{version(collection)}/{quote(space)}/{layout}/{theme}.png?{asked}"
