"""The report: everything behind an answer in one file, so that another person can read, check and repeat it.

from dxr_dash.report import make_report, write_reports
write_reports(make_report(photos, ["faces in things"]), ["report.html", "numbers.csv"])
"""

from __future__ import annotations

from dxr_dash.report.collect import make_report
from dxr_dash.report.page import as_html
from dxr_dash.report.plain import as_json, as_table
from dxr_dash.report.write import check_targets, rendered, write_reports

__all__ = ["as_html", "as_json", "as_table", "check_targets", "make_report", "rendered", "write_reports"]
