"""Finding a region by what people type: a code, a name, a name with its parent."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

from tocsin.model import Region, RegionLevel

_GAP = re.compile(r"[^\w]+")


def fold(text: str) -> str:
    """Lower case, without accents and punctuation, one space between words.

    Examples
    --------
    >>> fold("Doña Ana,  St. Louis")
    'dona ana st louis'
    """
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return _GAP.sub(" ", bare.casefold().replace("'", "").replace("ʻ", "")).strip()


class Index:
    """Names of all regions, folded once.

    Parameters
    ----------
    regions : mapping
        The pack's regions.
    words : iterable of str
        Words that a name may carry and a search leaves aside (``County``).
    """

    def __init__(self, regions: Mapping[str, Region], words: Iterable[str]) -> None:
        order = list(RegionLevel)
        self._rows: list[tuple[int, Region, str, str, frozenset[str]]] = []
        for region in regions.values():
            around = regions[region.parent].code if region.parent is not None else ""
            title = fold(region.title)
            whole = frozenset({title, fold(f"{region.name} {around}")})
            codes = fold(f"{region.code} {region.id}").split(" ", 1)
            self._rows.append(
                (order.index(region.level), region, fold(region.name), title, whole | {codes[0], codes[1]})
            )
        self._words = sorted((fold(w) for w in words), key=len, reverse=True)

    def find(self, text: str) -> tuple[Region, ...]:
        """Best first: equal code, id, name or title; then beginnings; then all words in the title."""
        asked = fold(text)
        if not asked:
            return ()
        wanted = {asked, self._bare(asked)} - {""}
        hits: list[tuple[int, int, str, str, Region]] = []
        for level, region, name, title, exact in self._rows:
            grade = min(self._grade(w, name, title, exact) for w in wanted)
            if grade < 9:
                hits.append((grade, level, title, region.id, region))
        return tuple(hit[-1] for hit in sorted(hits, key=lambda h: h[:-1]))

    def _bare(self, asked: str) -> str:
        for word in self._words:
            asked = re.sub(rf"(?<=\S) {re.escape(word)}\b", "", asked)
        return asked

    @staticmethod
    def _grade(asked: str, name: str, title: str, exact: frozenset[str]) -> int:
        if asked in exact or asked == name:
            return 0
        if name.startswith(asked):
            return 1
        if title.startswith(asked):
            return 2
        words = title.split()
        if all(any(w.startswith(part) for w in words) for part in asked.split()):
            return 3
        return 9
