"""Links inside of the documents lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, MADE, ROOT, generated, prose, written

_LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"")


def slug(heading: str) -> str:
    """Anchor of a heading, as the pages' builder makes it."""
    text = re.sub(r"[`*]", "", heading.strip().lower())
    return re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", text))


def anchors(text: str) -> set[str]:
    return {slug(h) for h in re.findall(r"^#{1,3} (.+)$", prose(text), re.MULTILINE)}


def links(text: str) -> list[str]:
    found = ["".join(pair) for pair in _LINK.findall(prose(text))]
    return [link for link in found if not re.match(r"[a-z]+:", link)]


def broken(path: Path, text: str, known: dict[Path, str]) -> list[str]:
    """Links of a page that lead nowhere."""
    out = []
    for link in links(text):
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        if target in known:
            if anchor and anchor not in anchors(known[target]):
                out.append(f"{link}: no such heading")
        elif not (target.exists() or target in MADE):
            out.append(link)
    return out


@pytest.mark.parametrize("path", written(), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_of_a_written_page_lead_somewhere(path: Path) -> None:
    assert broken(path, written()[path], written() | generated()) == []


def test_links_of_generated_pages_lead_somewhere() -> None:
    known = written() | generated()
    assert {p.name: found for p, text in generated().items() if (found := broken(p, text, known))} == {}


def test_a_broken_link_is_found() -> None:
    page = DOCS / "index.md"
    text = "[a](nowhere.md) [b](index.md#no-such) [c](index.md) [d](https://example.org/x)"
    assert broken(page, text, written()) == ["nowhere.md", "index.md#no-such: no such heading"]


def test_every_page_is_in_a_table_of_contents() -> None:
    listed: set[Path] = set()
    for path, text in (written() | generated()).items():
        for body in re.findall(r"^```\{toctree\}\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
            entries = [e for e in body.split() if not e.startswith(":") and not e.isdigit()]
            listed |= {(path.parent / e).resolve() for e in entries}
    pages = {p for p in written() | generated() if DOCS in p.parents and p != DOCS / "index.md"}
    assert {p.relative_to(ROOT).as_posix() for p in pages if p.with_suffix("") not in listed} == set()
