"""Answers: JSON without NaN, times of requests, pages of lists."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from fastapi import Response

from tocsin.model import iso, parse_time

MOST_ITEMS = 5000
"""Items that one page of a list may have."""


def as_json(content: Any, *, headers: dict[str, str] | None = None, status: int = 200) -> Response:
    """An answer in JSON; a NaN is an error of ours and never leaves."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Response(text.encode(), status_code=status, media_type="application/json", headers=headers)


def moment(text: str | None, name: str, now: datetime) -> datetime | None:
    """Read the moment of knowledge that a request asks for.

    Raises
    ------
    ValueError
        When it is no time with a zone, or lies in the future: nobody knows what will be known.
    """
    if text is None or not text.strip():
        return None
    at = parse_time(text.replace(" ", "+"), name)  # a plus sign in a query arrives as a space
    if at > now:
        raise ValueError(f"{name}: got {iso(at)}, allowed: not after now, {iso(now)}")
    return at


def page(
    items: Sequence[dict[str, Any]],
    cursor: str | None,
    limit: int,
    key: Callable[[dict[str, Any]], str] = lambda item: str(item["id"]),
) -> dict[str, Any]:
    """One page of a list and the cursor of the next.

    A cursor names the last item seen, so that a list that grows at its head does not repeat or skip.

    Raises
    ------
    ValueError
        When the cursor is none of this list.

    Examples
    --------
    >>> first = page([{"id": "a"}, {"id": "b"}], None, 1)
    >>> page([{"id": "a"}, {"id": "b"}], first["next"], 1)
    {'items': [{'id': 'b'}], 'next': None}
    """
    start = 0
    if cursor is not None:
        try:
            last = base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)).decode()
            start = next(i for i, item in enumerate(items) if key(item) == last) + 1
        except (ValueError, StopIteration) as error:
            raise ValueError(f"cursor: got {cursor!r}, allowed: the 'next' of an earlier page") from error
    shown = list(items[start : start + limit])
    more = start + limit < len(items)
    after = base64.urlsafe_b64encode(key(shown[-1]).encode()).decode().rstrip("=") if more else None
    return {"items": shown, "next": after}
