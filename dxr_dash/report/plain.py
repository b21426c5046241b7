"""A report for programs: JSON with everything in it, and one long table of every number."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from dxr_dash.analysis.distribution import QUANTILES
from dxr_dash.collection.exports import harmless
from dxr_dash.records import Distribution, MemberMeasures, RankCurve, plain
from dxr_dash.report.record import Members, Report, Section

if TYPE_CHECKING:
    import pyarrow as pa

FORM = "dxr report"
FORM_VERSION = 1
COLUMNS = ("query_set", "part", "of", "item", "at", "measure", "value", "low", "high", "chance")
_ESTIMATE = {"value", "low", "high", "chance"}

Row = dict[str, Any]


def as_dict(report: Report) -> dict[str, Any]:
    """Describe a report in values that JSON can hold; what is not known is None."""
    return {
        "form": FORM,
        "form_version": FORM_VERSION,
        "note": report.note,
        "collection": dict(report.collection),
        "space": plain(dict(report.space)),
        "settings": dict(report.settings),
        "thresholds": [
            {"name": name, "value": value, "meaning": meaning}
            for name, (value, meaning) in report.thresholds.items()
        ],
        "versions": dict(report.versions),
        "commands": {"build": report.build, "query": list(report.asks), "report": report.command},
        "sections": [_section(one) for one in report.sections],
    }


def as_json(report: Report) -> bytes:
    """Write a report as JSON; the same report gives the same bytes."""
    text = json.dumps(as_dict(report), allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace") + b"\n"


def as_table(report: Report) -> pa.Table:
    """List every number of a report, one line each; an estimate is one line with its interval and chance.

    Returns:
        Columns query_set (its id; empty where the number belongs to all), part, of (whose number: a member, a group
        of distances), item (of a member), at (a distance, the share of a quantile, a rank; else the
        place in a list, from 1), measure, value, low, high, chance. low and high of a rank curve are quartiles over
        members, elsewhere they are the interval.
    """
    import pyarrow as pa

    lines = list(_lines(report))
    texts = {"query_set", "part", "of", "measure"}
    columns = {
        name: pa.array(
            [line.get(name, "" if name in texts else None) for line in lines],
            pa.string() if name in texts else pa.int64() if name == "item" else pa.float64(),
        )
        for name in COLUMNS
    }
    return pa.table(columns).replace_schema_metadata({FORM: report.command})


def as_csv(report: Report) -> bytes:
    """Write the table as CSV; text that a spreadsheet would run as a formula gets an apostrophe before it."""
    table = as_table(report).to_pandas()
    for name in ("query_set", "part", "of", "measure"):
        table[name] = table[name].map(harmless)
    table["item"] = table["item"].astype("Int64")
    return bytes(table.to_csv(index=False, lineterminator="\n").encode("utf-8", "backslashreplace"))


def as_parquet(report: Report) -> bytes:
    """Write the table as a Parquet file, texts as they are."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(as_table(report), sink)
    return bytes(sink.getvalue().to_pybytes())


def _section(section: Section) -> dict[str, Any]:
    curves = zip(("set", "control"), section.curves, strict=False)
    return {
        "query_set": _members(section.members, section.answer.members),
        "control": _members(section.control, None) if section.control else None,
        "answer": section.answer.as_dict(),
        "findings": section.findings.as_dict(),
        "distances": [{"of": one.of, **plain(asdict(one.distribution))} for one in section.groups],
        "rank_curves": [{"of": of, **plain(asdict(curve))} for of, curve in curves],
        "references": [{"distance": far, "says": says} for far, says in section.references],
    }


def _members(one: Members, measured: MemberMeasures | None) -> dict[str, Any]:
    """List members; those that were asked with bring their measures."""
    measures: dict[int, Row] = {}
    if measured is not None:
        found = plain(asdict(measured))
        items = found.pop("items")
        lines_of = zip(*found.values(), strict=True)
        measures = {
            item: dict(zip(found, line, strict=True)) for item, line in zip(items, lines_of, strict=True)
        }
    lines = zip(one.items.tolist(), one.names, one.contents, strict=True)
    return {
        "id": one.id,
        "name": one.name,
        "n_missing": one.n_missing,
        "fingerprint": one.fingerprint,
        "members": [
            {"item": item, "name": name, "content": content, **measures.get(item, {})}
            for item, name, content in lines
        ],
    }


def _lines(report: Report) -> Iterator[Row]:
    for section in report.sections:
        for line in _section_lines(section):
            yield {"query_set": section.members.id, **line}
    for part, facts in (("space", report.space), ("settings", report.settings)):
        yield from _numbers(part, plain(dict(facts)))
    for name, (value, _) in report.thresholds.items():
        yield {"part": "thresholds", "measure": name, "value": float(value)}


def _section_lines(section: Section) -> Iterator[Row]:
    answer = section.answer.as_dict()
    members = answer.pop("members")
    yield from _numbers("answer", answer)
    yield from _numbers("findings", section.findings.as_dict())
    names = dict(zip(section.members.items.tolist(), section.members.names, strict=True))
    items = members.pop("items")
    for place, item in enumerate(items):
        about = {"part": "members", "of": names[item], "item": item}
        for measure, values in members.items():
            yield {**about, "measure": measure, "value": values[place]}
    for group in section.groups:
        of = f"{group.of}: {group.distribution.name}"
        yield from ({"part": "distances", "of": of, **line} for line in _distribution(group.distribution))
    for of, curve in zip(("set", "control"), section.curves, strict=False):
        yield from ({"part": "rank curve", "of": of, **line} for line in _curve(curve))
    for far, says in section.references:
        yield {"part": "rank curve", "of": says, "measure": "reference", "value": far}


def _distribution(one: Distribution) -> Iterator[Row]:
    yield {"measure": "n", "value": float(one.n)}
    for share, value in zip(QUANTILES, plain(list(one.quantiles)), strict=True):
        yield {"measure": "quantile", "at": share, "value": value}
    for centre, density, smooth in zip(one.centres, one.density, one.smooth, strict=True):
        yield {"measure": "density", "at": float(centre), "value": float(density)}
        yield {"measure": "smooth density", "at": float(centre), "value": float(smooth)}


def _curve(one: RankCurve) -> Iterator[Row]:
    for name in ("n_ranked", "n_members", "beyond"):
        yield {"measure": name, "value": float(getattr(one, name))}
    low, high = (one.distances, one.distances) if one.low is None or one.high is None else (one.low, one.high)
    for rank, far, near_end, far_end in zip(one.ranks, one.distances, low, high, strict=True):
        ends = {"low": float(near_end), "high": float(far_end)}
        yield {"measure": "distance", "at": float(rank), "value": float(far), **ends}


def _numbers(part: str, value: Any, path: str = "", at: int | None = None) -> Iterator[Row]:
    """Go through plain values and yield every number with its path; places in a list of numbers count from 1."""
    if isinstance(value, Mapping):
        if value.keys() == _ESTIMATE:
            yield {"part": part, "measure": path, **value}
            return
        for key, one in value.items():
            yield from _numbers(part, one, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for place, one in enumerate(value, start=1):
            inner = isinstance(one, Mapping | list | tuple)
            yield from _numbers(part, one, f"{path}.{place}" if inner else path, None if inner else place)
    elif isinstance(value, bool | int | float):
        yield {"part": part, "measure": path, "at": at, "value": float(value)}
