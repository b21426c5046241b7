"""Every error that dxr raises on purpose: what is wrong, and what to do.

DxrError
├── BenchmarkError    a benchmark's files are not as they were published
├── CollectionError   the folder of a collection cannot be used as it is
├── ImagesError       there is nothing to build from
├── NetworkError      a network, layer or its weights cannot be had
├── QueryError        a query set, row or setting that was asked for does not fit
├── ReportError       a report or a table cannot be written where it was asked for
└── UploadError       files dropped on the page that are refused
"""

from __future__ import annotations


class DxrError(Exception):
    """A problem that the user can mend, with the way to mend it.

    Args:
        problem: what is wrong, as a full sentence.
        remedy: what to do about it, as a full sentence.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem, remedy)  # both in args: it must survive the way between processes
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.problem} {self.remedy}"


class BenchmarkError(DxrError):
    """A benchmark's files are not as they were published."""


class CollectionError(DxrError):
    """The folder of a collection cannot be used as it is."""


class ImagesError(DxrError):
    """There is nothing to build a collection or a query set from."""


class NetworkError(DxrError):
    """A network, one of its layers, or its weights cannot be had."""


class QueryError(DxrError):
    """A query set, row or setting that was asked for does not fit the collection."""


class ReportError(DxrError):
    """A report or a table cannot be written where it was asked for."""


class UploadError(DxrError):
    """Files dropped on the page that are refused."""
