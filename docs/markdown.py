"""Markdown that the pages made by code are built of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Rows = Iterable[Sequence[object]]


def table(head: Sequence[str], rows: Rows) -> str:
    """A Markdown table; bars in cells are escaped.

    Examples
    --------
    >>> print(table(["a", "b"], [[1, "x|y"]]))
    | a | b |
    |---|---|
    | 1 | x\\|y |
    """
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(_cell(c) for c in row) + " |" for row in rows]
    return "\n".join(lines)


def _cell(value: object) -> str:
    text = "–" if value is None or value == "" else str(value)
    return " ".join(text.replace("|", "\\|").split())
