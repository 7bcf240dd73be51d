"""The registers of an installation: its sources and data sets, its laws, its limits."""

from __future__ import annotations

from typing import Any

from tocsin import model
from tocsin.feeds import all_feeds
from tocsin.geo import load_pack
from tocsin.govern import law, registers
from tocsin.govern import limits as bounds
from tocsin.model import to_plain
from tocsin.ops.office import Office
from tocsin.ops.plan import make_plan


def sources(office: Office | None, pack: str = "us") -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """Feeds, packaged data sets and the parts of the country, each with its licence.

    Parameters
    ----------
    office : Office or None
        For the data sets that its store holds.
    pack : str
        The country, where there is no office.

    Returns
    -------
    rows : list of dict
        ``kind`` is ``feed``, ``dataset`` or ``pack``.
    faults : tuple of str
        What the register lacks, in words.
    """
    country = load_pack(pack) if office is None else office.pack
    declared = [feed.SOURCE for feed in all_feeds().values()]
    domains = make_plan(country).domains
    rows: list[dict[str, Any]] = [
        {"kind": "feed", **to_plain(entry)} for entry in registers.sources(declared, domains)
    ]
    if office is not None:
        rows += [{"kind": "dataset", **record} for record in office.store.list("dataset")]
    text = country.description
    for name in ("boundaries", "map", "populations"):
        part = getattr(text, name)
        rows.append(
            {
                "kind": "pack",
                "id": f"{country.id}.{name}",
                "publisher": part.source,
                "licence": part.licence,
                "sha256": country.digest,
            }
        )
    return rows, registers.faults(declared, domains)


def laws(pack: str) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """Every lawful way to approve a level, and the levels that nobody can issue."""
    country = load_pack(pack)
    rows = [
        {
            "level": m.level,
            "name": m.level_name,
            "role": str(m.role),
            "key": m.basis.key,
            "law": m.basis.law,
            "article": m.basis.article,
            "note": m.basis.note,
        }
        for m in law.mandates(country.levels, country.laws)
    ]
    return rows, law.gaps(country.levels, country.laws)


def limits(office: Office | None) -> tuple[list[str], list[str]]:
    """Look for fields on persons.

    Returns
    -------
    looked : list of str
        What was looked at.
    found : list of str
        Fields that are on persons, in words.
    """
    nouns = [noun for noun in vars(model).values() if isinstance(noun, type)]
    looked = ["the vocabulary", "the columns of observations", "the declarations of feeds"]
    found = [*bounds.in_nouns(nouns), *bounds.in_names("observations", model.OBSERVATION_SCHEMA.names)]
    for name, feed in all_feeds().items():
        found += bounds.in_names(name, [q.id for q in feed.SOURCE.quantities])
    if office is not None:
        looked.append("the records of the store")
        for kind in ("dataset", "verdict", "outcome", "replay"):
            for record in office.store.list(kind):
                found += bounds.in_document(f"{kind} {record['id']}", record)
    return looked, sorted(set(found))
