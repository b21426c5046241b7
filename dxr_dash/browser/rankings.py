"""What the browser keeps of each query's ranking, so that hovering and brushing ask the server nothing."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from dxr_dash import api, settings
from dxr_dash.analysis.baseline import closer_than
from dxr_dash.browser.panels import LONGEST_LABEL
from dxr_dash.browser.queries import parse_query
from dxr_dash.collection.labels import LABEL
from dxr_dash.collection.store import Collection
from dxr_dash.errors import QueryError
from dxr_dash.figures import theme as words

PAGE_RANKS = settings.FIRST_RANKS  # in one answer: 640 KiB
MOST_LABELS = 10_000  # more of them are names rather than labels; none is sent
UNKNOWN = 65_535  # where there is no baseline


def ranking_page(collection: Collection, space: str, metric: str, key: str, page: int) -> tuple[bytes, int]:
    """Return one page of a ranking, and how many images are ranked in all.

    Args:
        key: of the query.
        page: from 0; ranks page * PAGE_RANKS + 1 and on.

    Returns:
        The page's items as int32, then its distances as float32, then for each the tenths of a per cent of random
        pairs that are farther apart, rounded down, as uint16 (1000: every one; UNKNOWN); all little-endian.

    Raises:
        QueryError: there is no such space, metric, query or page.
    """
    query = parse_query({"key": key}, collection.query_sets, len(collection))
    if query is None:
        raise QueryError("The page asked for a query that does not exist.", "Reload the page.")
    ranks = api.ranking if page else api.first_ranks
    ranked = ranks(collection, query.asked, space=space, metric=metric)
    part = slice(page * PAGE_RANKS, (page + 1) * PAGE_RANKS)
    items, far = ranked.items[part], ranked.distances[part]
    if page and not len(items):
        raise QueryError(f"The ranking has no page {page}.", "Reload the page.")
    shares = closer_than(far, api.baseline(collection, space=space, metric=metric))
    tenths = np.where(np.isnan(shares), UNKNOWN, np.floor(np.nan_to_num(shares) * 1000 + 1e-9))
    parts = items.astype("<i4"), far.astype("<f4"), tenths.astype("<u2")
    return b"".join(one.tobytes() for one in parts), ranked.n_all


@lru_cache(maxsize=4)
def label_table(collection: Collection) -> tuple[npt.NDArray[np.int32], list[str]]:
    """Return each image's label: (N,) int32 codes, -1 where there is none, and the names; both empty without labels."""
    if LABEL not in collection.metadata_columns:
        return np.empty(0, np.int32), []
    labels = collection.column(LABEL)
    if len(labels.categories) > MOST_LABELS:
        return np.empty(0, np.int32), []
    return labels.codes, [words.short(name, LONGEST_LABEL) for name in labels.categories]
