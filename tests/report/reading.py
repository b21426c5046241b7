"""Reads a page as a browser would: elements and texts, not a string of characters."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "img", "br", "hr"}


@dataclass
class Element:
    tag: str
    about: dict[str, str]
    parts: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text below, spaces joined."""
        whole = "".join(part if isinstance(part, str) else f"{part.text} " for part in self.parts)
        return " ".join(whole.split())

    def all(self, tag: str = "", **about: str) -> list[Element]:
        """Every element below with this tag and these attributes; ``class_`` looks for one class."""
        found = []
        for part in self.parts:
            if isinstance(part, str):
                continue
            wanted_class = about.get("class_")
            fits = not tag or part.tag == tag
            fits &= wanted_class is None or wanted_class in part.about.get("class", "").split()
            fits &= all(part.about.get(key) == value for key, value in about.items() if key != "class_")
            found += [part] if fits else []
            found += part.all(tag, **about)
        return found

    def one(self, tag: str = "", **about: str) -> Element:
        (found,) = self.all(tag, **about)
        return found


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {key: value or "" for key, value in attrs})
        self.open[-1].parts.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].parts.append(Element(tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag, tag

    def handle_data(self, data: str) -> None:
        self.open[-1].parts.append(data)


def read(page: bytes) -> Element:
    """Parse a page; every element must be closed."""
    reader = _Reader()
    reader.feed(page.decode())
    reader.close()
    (root,) = reader.open
    return root
