"""What a method says of itself in the docstring of its module, taken apart for tables and pages.

A docstring has a title; a paragraph that begins "Good for" and says "Not good" where it is not; how it works;
a paragraph that begins "Cost"; and a section "References" with DOIs.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from tocsin.detect.contract import Detector

_ROLE = re.compile(r":(?:mod|data|func|class|attr):`~?([^`]+)`")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A method in its own words; an empty text is not said.

    Parameters
    ----------
    title, good, not_good, cost : str
        One paragraph each.
    prose : tuple of str
        Every other paragraph: how it works.
    references : tuple of str
        One each.
    """

    title: str
    good: str
    not_good: str
    cost: str
    prose: tuple[str, ...]
    references: tuple[str, ...]


def described(kind: type) -> Described:
    """Take the docstring of the module of a class apart.

    Examples
    --------
    >>> from tocsin.catalog import detectors
    >>> described(detectors()["threshold"]).good.split(" (")[0]
    'Good for quantities with an agreed limit'
    """
    body, sections = _sections(inspect.getdoc(inspect.getmodule(kind)) or "")
    paragraphs = [_plain(p) for p in body.split("\n\n") if p.strip()]
    title = paragraphs[0].rstrip(".") if paragraphs else ""
    good = not_good = cost = ""
    prose = []
    for paragraph in paragraphs[1:]:
        if paragraph.startswith("Good ") and not good:
            good, mark, rest = paragraph.partition("Not good ")
            good, not_good = good.strip(), (mark + rest).strip()
        elif paragraph.startswith("Not good ") and not not_good:
            not_good = paragraph
        elif paragraph.startswith("Cost") and not cost:
            cost = paragraph
        else:
            prose.append(paragraph)
    cost = cost or _plain(sections.get("Cost", ""))
    found = [_plain(part) for part in re.split(r";\n|\n\n", sections.get("References", "")) if part.strip()]
    return Described(
        title=title,
        good=good,
        not_good=not_good,
        cost=re.sub(r"^Costs?(?:: ?)", "", cost),
        prose=tuple(prose),
        references=tuple(re.sub(r"^(?:\.\. \[\d+\]|\[\d+\]|[-*]) ?", "", f) for f in found),
    )


def needs(kind: type) -> tuple[str, ...]:
    """Columns besides the values that a method cannot do without, with its default settings."""
    given = getattr(_plainest(kind), "GIVEN", ())
    return tuple(given) if isinstance(given, tuple | list) else ()


def season(kind: type) -> str:
    """Kind of season that a method is told; a word for one that its settings choose."""
    found = getattr(kind, "SEASON", "none")
    return found if isinstance(found, str) else "by its settings"


def _plainest(kind: type) -> Any:
    """A method with its default settings, else its class."""
    required = [
        f
        for f in dataclasses.fields(kind)
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]
    return kind if required else kind()


def parameters(kind: type) -> dict[str, str]:
    """What the numpydoc section of a class, and of those that it builds on, says of each parameter.

    Examples
    --------
    >>> from tocsin.catalog import detectors
    >>> parameters(detectors()["threshold"])["side"]
    '`high`: bad above the limit; `low`: bad below it.'
    """
    found: dict[str, str] = {}
    for one in reversed(kind.__mro__):
        found |= _own_parameters(one)
    return found


def _own_parameters(kind: type) -> dict[str, str]:
    _, sections = _sections(inspect.cleandoc(kind.__doc__ or ""))
    found: dict[str, str] = {}
    names: list[str] = []
    for line in sections.get("Parameters", "").split("\n"):
        if line and not line.startswith(" ") and " : " in line:
            names = [n.strip() for n in line.split(" : ")[0].split(",")]
        elif line.startswith("    "):
            for name in names:
                found[name] = f"{found.get(name, '')} {_plain(line)}".strip()
    return found


def state_bytes(detector: Detector, n: int = 64) -> tuple[float, float]:
    """Bytes of state of a detector: for each series, and shared by all.

    Examples
    --------
    >>> from tocsin.catalog import detectors
    >>> per_series, shared = state_bytes(detectors()["threshold"](limit=1.0))
    >>> per_series > 0, shared
    (True, 0.0)
    """
    one, two = (_bytes(detector.start(k)) for k in (n, 2 * n))
    each = (two - one) / n
    return each, one - each * n


def _bytes(state: Mapping[str, np.ndarray[Any, Any]]) -> float:
    return float(sum(array.nbytes for array in state.values()))


def _sections(text: str) -> tuple[str, dict[str, str]]:
    """Text before the first section, and the sections by name."""
    parts = re.split(r"(?m)^([A-Z][A-Za-z ]+)\n-{3,}\n", text)
    return parts[0], {name: body.strip("\n") for name, body in zip(parts[1::2], parts[2::2], strict=True)}


def _plain(text: str) -> str:
    """A paragraph on one line, an item of a list on one each, in Markdown."""
    items = re.split(r"\n(?=[-*] )", _ROLE.sub(r"`\1`", text).replace("``", "`").strip())
    return "\n".join(" ".join(item.split()) for item in items)
