r"""Where disk and numbers meet: what a notebook imports, and what the command line and the page call.

import dxr_dash as dxr
photos = dxr.open_collection("photos.dxr")
faces, skipped = dxr.add_query_set(photos, "faces in things", images="FACES/")
found = dxr.answer(photos, faces.id)
print(found.sentence, found.table, sep="\n")
"""

from __future__ import annotations

from dxr_dash.api.answers import answer, control_distances, control_of
from dxr_dash.api.benchmarks import benchmark
from dxr_dash.api.collections import build, build_demo, check, open_collection, remove_spaces
from dxr_dash.api.compared_distances import compared_distributions, control_distributions
from dxr_dash.api.comparisons import compare
from dxr_dash.api.disagreements import alignment, disagreement, neighbours_in_both
from dxr_dash.api.distances import (
    baseline,
    distributions,
    map_ranks,
    near_members,
    nearest_members,
    nearest_to_outside,
    row_distances,
    rows_in_polygon,
    selection_distances,
    set_distances,
)
from dxr_dash.api.evidence import findings
from dxr_dash.api.kept import Asked
from dxr_dash.api.patch_worker import PatchWorker
from dxr_dash.api.patches import rerank
from dxr_dash.api.query_sets import (
    add_query_set,
    checked_rows,
    find_query_set,
    query_vectors,
    remove_query_set,
    rename_query_set,
    replace_query_set,
    restore_query_set,
    set_control,
)
from dxr_dash.api.rankings import first_ranks, nearest, nearest_by_graph, rank_curve, ranking
from dxr_dash.api.scan_worker import ScanWorker
from dxr_dash.api.scans import (
    checked_by,
    kept_scan,
    open_scan_line,
    running_scan,
    scan,
    scan_choices,
    scan_key,
)
from dxr_dash.api.strip import rows_in_map_order, sliver_picture
from dxr_dash.api.sweeps import sweep, swept_spaces
from dxr_dash.api.texts import knows_words, nearest_to_text
from dxr_dash.api.why import large_picture, what_hiding_does, why_match, why_similar

__all__ = [
    "Asked",
    "PatchWorker",
    "ScanWorker",
    "add_query_set",
    "alignment",
    "answer",
    "baseline",
    "benchmark",
    "build",
    "build_demo",
    "check",
    "checked_by",
    "checked_rows",
    "compare",
    "compared_distributions",
    "control_distances",
    "control_distributions",
    "control_of",
    "disagreement",
    "distributions",
    "find_query_set",
    "findings",
    "first_ranks",
    "kept_scan",
    "knows_words",
    "large_picture",
    "map_ranks",
    "near_members",
    "nearest",
    "nearest_by_graph",
    "nearest_members",
    "nearest_to_outside",
    "nearest_to_text",
    "neighbours_in_both",
    "open_collection",
    "open_scan_line",
    "query_vectors",
    "rank_curve",
    "ranking",
    "remove_query_set",
    "remove_spaces",
    "rename_query_set",
    "replace_query_set",
    "rerank",
    "restore_query_set",
    "row_distances",
    "rows_in_map_order",
    "rows_in_polygon",
    "running_scan",
    "scan",
    "scan_choices",
    "scan_key",
    "selection_distances",
    "set_control",
    "set_distances",
    "sliver_picture",
    "sweep",
    "swept_spaces",
    "what_hiding_does",
    "why_match",
    "why_similar",
]
