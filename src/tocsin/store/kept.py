"""What is kept at hand: things read and decoded once, as many as fit into so many bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

KEEP = 64 * 2**20
"""Bytes of one kind that are kept unless said otherwise."""

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")


class Kept(Generic[_K, _V]):
    """Things by key, those used last; what was not used for longest goes first. Threads may share it.

    Parameters
    ----------
    limit : int
        Bytes that all of them may take; one that is larger alone is not kept.

    Examples
    --------
    >>> kept = Kept[str, bytes](10)
    >>> kept.put("a", b"a", 6)
    >>> kept.put("b", b"b", 6)
    >>> kept.get("a"), kept.get("b"), kept.bytes
    (None, b'b', 6)
    """

    def __init__(self, limit: int) -> None:
        if limit < 0:
            raise ValueError(f"limit: got {limit}, allowed: 0 or more bytes")
        self.limit = limit
        self._held: OrderedDict[_K, tuple[_V, int]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def bytes(self) -> int:
        """What is at hand now takes so many bytes."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._held)

    def get(self, key: _K) -> _V | None:
        """The thing; None when it is not at hand."""
        with self._lock:
            found = self._held.get(key)
            if found is None:
                return None
            self._held.move_to_end(key)
            return found[0]

    def put(self, key: _K, thing: _V, size: int) -> None:
        """Keep a thing of so many bytes."""
        with self._lock:
            before = self._held.pop(key, None)
            if before is not None:
                self._bytes -= before[1]
            if size > self.limit:
                return
            self._held[key] = (thing, size)
            self._bytes += size
            while self._bytes > self.limit:
                self._bytes -= self._held.popitem(last=False)[1][1]
