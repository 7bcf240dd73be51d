"""The page about pack `us` says what its record of provenance says."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tocsin.geo import Pack
from tocsin.geo.build import PROVENANCE

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_counts_releases_and_laws_of_the_reference_page(us: Pack) -> None:
    text = (DOCS / "reference" / "pack-us.md").read_text(encoding="utf-8")
    record = json.loads((us.folder / PROVENANCE).read_text(encoding="utf-8"))
    rows = {int(n.replace(",", "")) for n in re.findall(r"\| ([\d,]+) \|$", text, flags=re.MULTILINE)}
    # The nation and the airports that have their own row under another name.
    assert set(record["counts"].values()) - {1} <= rows
    for entry in record["inputs"]:
        assert f"`{entry['package']}` {entry['release']}" in text
        assert entry["file"].rsplit("/", 1)[-1] in text
    assert re.findall(r"^\| `([a-z0-9-]+)` \|", text, flags=re.MULTILINE) == [law.key for law in us.laws]
    lone = [r for r in us.at_level("county") if not us.neighbours(r.id)]
    assert f"{len(lone)} counties have none" in text


def test_the_how_to_names_every_table_and_column(us: Pack) -> None:
    text = (DOCS / "how-to" / "add-a-country.md").read_text(encoding="utf-8")
    for name, field in type(us.description).model_fields.items():
        assert re.search(rf"[`\[]{field.alias or name}[`\].= ]", text), name
    for file in ("regions.csv", "sites.csv"):
        head = (us.folder / file).read_text(encoding="utf-8").split("\n", 1)[0]
        assert head in text
