"""A page of every method: when it is good, its picture on a real series, its settings, cost and references.

The words are those of the docstring of its module (:mod:`tocsin.ops.described`); the cost is what a docstring
says, and beside it the state that a detector really holds.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from docs.markdown import table

from docs import method_pictures
from tocsin.catalog import detectors
from tocsin.detect.contract import Detector
from tocsin.ops.described import described, needs, parameters, season, state_bytes

FOLDER = "methods"


def pages() -> dict[str, str]:
    """Every page by its path below the folder of what is generated."""
    return {f"{FOLDER}/{name}.md": page(name) for name in detectors()}


def page(name: str) -> str:
    """The page of one method."""
    kind = detectors()[name]
    said = described(kind)
    kind_of_series, settings = method_pictures.chosen(name)
    title, _, subtitle = said.title.partition(": ")
    parts = [
        f"# {title}",
        f"`{name}`" + (f": {subtitle}." if subtitle else ""),
        "## Good for",
        _upper(said.good.removeprefix("Good for ")),
        "## Not good",
        _upper(said.not_good.removeprefix("Not good ")),
        "## On a real series",
        *_picture(name, kind_of_series, settings),
        "## How it works",
        *said.prose,
        "## What it is told",
        _told(kind),
        "## Settings",
        table(
            ["setting", "default", "meaning"],
            [[f"`{f.name}`", _default(f), parameters(kind).get(f.name)] for f in dataclasses.fields(kind)],
        ),
        "## Cost",
        " ".join(filter(None, [_upper(said.cost), _state(kind(**settings))])),
        "## On your own series",
        _command(name, kind, settings),
        "## References",
        "\n".join(f"- {_linked(text)}" for text in said.references),
    ]
    return "\n\n".join(parts) + "\n"


def _picture(name: str, kind_of_series: str, settings: Mapping[str, Any]) -> Sequence[str]:
    if not method_pictures.DATA.is_dir():
        return ["The picture is made where `make setup` has installed the data of the front."]
    shown = method_pictures.KINDS[kind_of_series]()
    how = ", ".join(f"`{k}` = {v}" for k, v in settings.items())
    words = f"with {how}, else with its defaults" if how else "with its defaults"
    caption = (
        f"{_upper(shown.what)}. The method judges {words}; every value by those before it only. Nobody has "
        "said which of these alarms were right."
    )
    return [f"![{described(detectors()[name]).title}, on a real series]({name}.svg)", caption]


def _told(kind: type) -> str:
    columns = needs(kind)
    words = f"Besides the values: {', '.join(f'`{c}`' for c in columns)}." if columns else "The values only."
    return f"{words} Season: `{season(kind)}`."


def _command(name: str, kind: type, settings: Mapping[str, Any]) -> str:
    sets = "".join(f" --set {k}={v}" for k, v in settings.items())
    columns = ",".join(("series", "time", "value", *needs(kind)))
    return (
        f"With a CSV of the columns `{columns}`:\n\n"
        f"```console\n$ tocsin detect run {name}{sets} --input series.csv --details\n```\n\n"
        "[What the columns mean, and what happens with gaps](../../../how-to/judge-a-csv.md)."
    )


def _state(detector: Detector) -> str:
    each, shared = state_bytes(detector)
    words = f"State held with the settings of the picture: {each:,.0f} bytes a series"
    return words + (f", and {shared:,.0f} bytes for all together." if shared else ".")


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default is not dataclasses.MISSING:
        return f"`{field.default!r}`"
    return "required" if field.default_factory is dataclasses.MISSING else f"`{field.default_factory()!r}`"


def _linked(text: str) -> str:
    """A reference with its DOI as a link."""
    head, mark, tail = text.partition("doi:")
    if not mark:
        return text
    doi, space, rest = tail.partition(" ")
    kept = doi.rstrip(".;,")
    address = f"https://doi.org/{quote(kept, safe='/')}"
    return f"{head}[doi:{kept}]({address}){doi[len(kept) :]}{space}{rest}"


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
