"""Bytes that are counted while they come and while they unfold."""

from __future__ import annotations

import zlib


class TooLarge(Exception):  # noqa: N818 - a signal to the fetcher
    """More bytes than allowed."""


class Plain:
    """Collects bytes as they come, up to a limit.

    Examples
    --------
    >>> plain = Plain(3)
    >>> plain.take(b"ab")
    >>> plain.whole()
    b'ab'
    """

    def __init__(self, limit: int) -> None:
        self._limit, self._size = limit, 0
        self._pieces: list[bytes] = []

    def take(self, piece: bytes) -> None:
        """Take one piece; raises TooLarge beyond the limit."""
        self._size += len(piece)
        if self._size > self._limit:
            raise TooLarge
        self._pieces.append(piece)

    def whole(self) -> bytes:
        """All bytes."""
        return b"".join(self._pieces)


class Gunzip(Plain):
    """Unfolds gzip (one member or several) and never holds more than the limit."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self._member = zlib.decompressobj(wbits=31)
        self._begun = False

    def take(self, piece: bytes) -> None:
        while piece:
            if self._member.eof:
                self._member = zlib.decompressobj(wbits=31)
            self._begun = True
            super().take(self._member.decompress(piece, self._limit - self._size + 1))
            piece = self._member.unused_data if self._member.eof else self._member.unconsumed_tail

    def whole(self) -> bytes:
        if self._begun and not self._member.eof:
            raise EOFError("the packed stream ends before its end mark")
        return super().whole()
