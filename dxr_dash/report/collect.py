"""Gather what a report says of query sets: the same calls as the page's, and what repeats them."""

from __future__ import annotations

import platform
import shlex
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np

from dxr_dash import api, settings
from dxr_dash.analysis.verdict import THRESHOLDS
from dxr_dash.collection.images import content_of
from dxr_dash.collection.query_sets import QuerySet
from dxr_dash.collection.steps import fingerprint
from dxr_dash.collection.store import Collection, Space
from dxr_dash.errors import QueryError
from dxr_dash.records import Answer, Findings, OnProgress, silent
from dxr_dash.report.record import Group, Members, Picture, Report, Section

CONTACTS = 16  # images that stand for a set
MEMBERS_ALL = 60  # members that are all listed on the page; of more, the first and the last
MEMBERS_ENDS = 20
FILM_IMAGES = 10
REFERENCES = ((settings.NOISE_QUANTILE, "of random pairs are nearer"), (0.5, "of random pairs are nearer"))
PACKAGES = ("numpy", "scipy", "scikit-learn", "pandas", "pyarrow", "pillow", "torch", "torchvision", "plotly")
SETTINGS = (
    *("SEED", "BASELINE_PAIRS", "BASELINE_ALL_PAIRS_LIMIT", "BOOTSTRAP_DRAWS", "CONFIDENCE"),
    *(
        "MIN_QUERY_IMAGES",
        "PRECISION_AT",
        "RECALL_FIRST",
        "ANSWER_QUERIES",
        "ANSWER_PAIRS",
        "ANSWER_FEWEST",
        "RANDOM_SETS",
        "RANDOM_SET_IMAGES",
        "REFERENCE_IMAGES",
    ),
    *("INSTEAD_AT", "INSTEAD_LEAST", "INSTEAD_RATE", "INSTEAD_LIFT", "PROBE_FOLDS", "PROBE_NEGATIVES"),
    *("PROBE_C", "NOISE_QUANTILE", "CURVE_MEMBERS"),
    *("SAME_SHARE", "SAME_ANYWHERE", "SAME_AT", "SAME_MEMBERS", "COPIED_MEMBERS"),
    *("SOURCE_AT", "SOURCE_OUTSIDE", "SOURCE_LEAST", "GALLERY_SAMPLE", "HUB_SHARE", "SCALING_AT"),
)


def make_report(
    collection: Collection,
    query_sets: Sequence[str],
    *,
    control: str | None = None,
    space: str | None = None,
    note: str = "",
    on_progress: OnProgress = silent,
) -> Report:
    """Gather a report on query sets of a collection.

    Args:
        query_sets: ids or names; one section each, in this order.
        control: id or name of the control set of all of them; left out, the one stored with each.
        note: the reader's own words.

    Raises:
        QueryError: there is no such set or space, one has no image, or is its own control.
    """
    where = collection.space(space)
    asked = [api.find_query_set(collection, one) for one in dict.fromkeys(query_sets)]
    if not asked:
        raise QueryError("A report needs a query set.", "Name one with `--query`.")
    for one in asked:
        _refuse_empty(one)
    pairs = [(one, api.control_of(collection, one, control)) for one in asked]
    sections = []
    for one, other in pairs:
        on_progress(f"asking for {one.name}", 0, 0)
        sections.append(_section(collection, where, one, other))
    return Report(
        collection={
            "name": collection.name,
            "folder": collection.folder.resolve().name,
            "n_images": len(collection),
            "n_skipped": len(collection.skipped),
            "fingerprint": collection.fingerprint,
        },
        space=_space_facts(where),
        settings={name: getattr(settings, name) for name in SETTINGS},
        thresholds=dict(THRESHOLDS),
        versions={
            "dxr": settings.VERSION,
            "Python": platform.python_version(),
            **{name: version(name) for name in PACKAGES},
        },
        build=_build_command(collection, where),
        asks=_asks(collection, [one for pair in pairs for one in pair if one is not None]),
        command=_command(collection, where, pairs, explicit=control is not None),
        note=note,
        sections=tuple(sections),
    )


def _refuse_empty(one: QuerySet) -> None:
    if not len(one):
        raise QueryError(
            f"{one.name} has no image any more: all of them have left the collection.", "Choose another set."
        )


def _section(collection: Collection, where: Space, one: QuerySet, other: QuerySet | None) -> Section:
    control = other.id if other else None
    answer = api.answer(collection, one.id, control=control, space=where.id)
    findings = api.findings(collection, one.id, control=control, space=where.id)
    sets = [one.id, other.id] if other else [one.id]
    to_control = []
    if other is not None:
        far = api.control_distances(collection, one.id, other.id, where)
        to_control = [(one.id, "to control", far)]
    groups = [
        Group("gallery" if key is None else "set" if key == one.id else "control", part)
        for key, part in api.distributions(collection, sets, space=where.id, others=to_control)
        if part.n
    ]
    spread = _spread(len(one), CONTACTS)
    shown = tuple(int(one.items[place]) for place in spread)
    wanted = {
        *shown,
        *_shown_items(answer, findings),
        *(int(answer.members.items[i]) for i in listed(answer)),
    }
    return Section(
        members=_members(collection, one),
        control=_members(collection, other) if other else None,
        answer=answer,
        findings=findings,
        groups=tuple(groups),
        curves=tuple(api.rank_curve(collection, key, space=where.id) for key in sets),
        references=_references(where),
        shown=shown,
        pictures={item: _picture(collection, one, item) for item in sorted(wanted)},
        control_pictures=tuple(
            _picture(collection, other, int(other.items[place])) for place in _spread(len(other), CONTACTS)
        )
        if other
        else (),
    )


def listed(answer: Answer) -> list[int]:
    """Return which of the asked members the page lists, by average precision: all, or the first and the last."""
    order = np.argsort(-answer.members.average_precision, kind="stable").tolist()
    return order if len(order) <= MEMBERS_ALL else [*order[:MEMBERS_ENDS], *order[-MEMBERS_ENDS:]]


def _shown_items(answer: Answer, findings: Findings) -> Iterable[int]:
    for proof in answer.proofs:
        yield proof.item
        yield from proof.ranking[:FILM_IMAGES].tolist()
    for value in findings.instead:
        yield from value.examples.tolist()


def _spread(n: int, most: int) -> list[int]:
    """Choose at most so many places, evenly spaced."""
    return list(range(n)) if n <= most else np.linspace(0, n - 1, most).astype(int).tolist()


def _picture(collection: Collection, one: QuerySet, item: int) -> Picture:
    if item >= 0:
        return Picture(collection.path(item), collection.label(item), collection.thumbnail(item))
    return Picture(one.outside[-1 - item], "from outside", one.thumbnail(-1 - item))


def _members(collection: Collection, one: QuerySet) -> Members:
    rows = list(one.rows)
    inside = collection.table.column("content").take(rows).to_pylist() if rows else []
    contents = [*inside, *(content_of(data) for data in (one.outside_images() if one.outside else ()))]
    names = [*(collection.path(row) for row in rows), *one.outside]
    return Members(
        id=one.id,
        name=one.name,
        colour=one.colour,
        items=one.items,
        names=tuple(names),
        contents=tuple(contents),
        n_missing=one.n_missing,
        fingerprint=fingerprint(sorted(contents)),
    )


def _references(where: Space) -> tuple[tuple[float, str], ...]:
    if not len(where.baseline):
        return ()
    levels = np.quantile(where.baseline, [share for share, _ in REFERENCES])
    return tuple(
        (float(level), f"{100 * share:g} % {words}")
        for level, (share, words) in zip(levels, REFERENCES, strict=True)
    )


def _space_facts(where: Space) -> dict[str, Any]:
    return {
        "id": where.id,
        "network": where.network,
        "layer": where.layer,
        "metric": where.metric,
        "n_dims": where.n_dims,
        "fingerprint": where.fingerprint,
        "weights_sha256": where.recipe.get("weights_sha256"),
        "recipe": where.recipe,
        "graph": where.graph_method,
        "graph_recall": where.recall,
        "graph_recall_at": where.recall_at,
        "built_with": {name: where.request.get(name) for name in ("dxr", "torch", "torchvision")},
    }


def _build_command(collection: Collection, where: Space) -> str:
    words = ["dxr", "build", "IMAGES", "--to", collection.folder.resolve().name]
    words += ["--network", where.network, "--layer", where.layer]
    if where.request.get("weights"):
        words += ["--weights", "FILE"]  # its hash stands in the report; where it lay says nothing elsewhere
    return shlex.join(words)


def _asks(collection: Collection, sets: Sequence[QuerySet]) -> tuple[str, ...]:
    """Say how sets of images from outside were kept; sets of gallery images are kept in the collection alone."""
    outside = {one.id: one for one in sets if one.outside and not one.rows}
    words = ["dxr", "query", collection.folder.resolve().name, "FOLDER", "--name"]
    return tuple(shlex.join([*words, one.name]) for one in outside.values())


def _command(
    collection: Collection,
    where: Space,
    pairs: Sequence[tuple[QuerySet, QuerySet | None]],
    *,
    explicit: bool,
) -> str:
    known = collection.query_sets
    words = ["dxr", "report", collection.folder.resolve().name]
    for one, _ in pairs:
        words += ["--query", _said(known, one)]
    other = pairs[0][1]
    if other is not None and (explicit or len(pairs) == 1):
        words += ["--control", _said(known, other)]
    return shlex.join([*words, "--space", where.id, "-o", "report.html"])


def _said(known: dict[str, QuerySet], one: QuerySet) -> str:
    """Return the name that finds a set again; its id where the name would find another or none."""
    alone = [two.id for two in known.values() if two.name == one.name] == [one.id]
    return one.name if alone and known.get(one.name, one).id == one.id else one.id
