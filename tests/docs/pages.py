"""The documents that people read, and their parts."""

from __future__ import annotations

import functools
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from docs import reference_pages
from tocsin.catalog import detectors

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
GENERATED = DOCS / "reference" / "generated"
MADE = frozenset(
    {
        GENERATED / "budget.svg",
        GENERATED / "walkthrough" / "outbreak.md",
        *(GENERATED / "methods" / f"{name}.svg" for name in detectors()),
    }
)
"""What the build makes by running things: figures, and the page that is a script."""
FRONT = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "web/README.md")

_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)


@functools.cache
def written() -> dict[Path, str]:
    """Every page that a person wrote, by its path."""
    paths = [ROOT / name for name in FRONT] + sorted(DOCS.rglob("*.md"))
    kept = [p for p in paths if GENERATED not in p.parents and DOCS / "_build" not in p.parents]
    return {path: path.read_text("utf-8") for path in kept}


@functools.cache
def generated() -> dict[Path, str]:
    """Every page that the code writes when the documents are built, by the path that it will have."""
    return {GENERATED / name: text for name, text in reference_pages.pages().items()}


def blocks(text: str, language: str) -> list[str]:
    """Fenced blocks of a language."""
    return [body for name, body in _FENCE.findall(text) if name == language]


def prose(text: str) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", text)


@dataclass(frozen=True, slots=True)
class Command:
    """One line that a reader is told to type."""

    page: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page}: {' '.join(self.words)}"


def commands() -> Iterator[Command]:
    """Lines that begin with ``$`` in the pages, and commands in running text."""
    for path, text in written().items():
        page = path.relative_to(ROOT).as_posix()
        for block in blocks(text, "console"):
            for line in block.splitlines():
                if line.startswith("$ "):
                    yield Command(page, tuple(shlex.split(line[2:], comments=True)))
        for code in re.findall(r"`((?:tocsin|make|python -m) [^`\n]+)`", prose(text)):
            yield Command(page, tuple(shlex.split(code)))
