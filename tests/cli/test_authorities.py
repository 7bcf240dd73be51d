"""``tocsin feeds show cap_atom`` and ``tocsin cap show --chain``: who says what, who contradicts whom."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.cli.conftest import run
from tests.ops.test_aggregate import MINUTE, NINE, A, hear, message
from tocsin.cap import render
from tocsin.model import iso
from tocsin.ops.office import open_office


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    office = open_office(folder)
    (folder / "tocsin.toml").write_text(
        '[feeds.cap]\nmet = "https://met.example/feed?token=S3CRET"\n'
        '[feeds.authorities.met]\nname = "Met"\ncountry = "XX"\nlicence = "CC-BY-4.0"\n',
        "utf-8",
    )
    hear(office, 1, A)
    hear(office, 2, message("a", 0, text="Snow"))
    hear(office, 11, message("b", 10, verb="Update"))
    office.store.feed_run("cap_atom:met", NINE + 11 * MINUTE, "ok", newest=NINE + 10 * MINUTE)
    office.store.close()
    return folder


def test_all_authorities_with_their_terms_and_what_contradicts_itself(store: Path) -> None:
    at = iso(NINE + 20 * MINUTE)
    row = run("feeds", "show", "cap_atom", "--store", str(store), "--at", at, "--json").row
    (met,) = row["authorities"]
    assert (met["name"], met["country"], met["licence"], met["outcome"]) == ("Met", "XX", "CC-BY-4.0", "ok")
    assert (met["in_force"], met["conflicts"]) == (3, 2)
    assert {m["headline"] for m in row["conflicts"]} == {"Flood a", "Snow"}
    text = run("feeds", "show", "cap_atom", "--store", str(store), "--at", at).out
    assert "Messages that contradict each other" in text
    assert "S3CRET" not in text + str(row)


def test_one_authority_with_its_messages_as_known_then(store: Path) -> None:
    def told(minutes: float) -> dict[str, str]:
        at = iso(NINE + minutes * MINUTE)
        row = run("feeds", "show", "cap_atom:met", "--store", str(store), "--at", at, "--json").row
        return {m["headline"]: m["state"] for m in row["messages"]}

    assert told(1.5) == {"Flood a": "in_force"}
    assert told(5) == {"Flood a": "conflict", "Snow": "conflict"}
    assert told(20) == {"Flood a": "conflict", "Snow": "conflict", "Flood b": "in_force"}
    assert set(told(13 * 60).values()) == {"expired"}


def test_an_authority_that_nobody_configured(store: Path, tmp_path: Path) -> None:
    done = run("feeds", "show", "cap_atom:sea", "--store", str(store))
    assert (done.status, "allowed: met" in done.err) == (2, True)
    done = run("feeds", "show", "cap_atom:met", "--store", str(tmp_path / "none"))
    assert done.status == 2


def test_a_folder_of_messages_as_chains(tmp_path: Path) -> None:
    first, update = A, message("b", 10, A, verb="Update")
    for k, alert in enumerate((update, first)):
        (tmp_path / f"{k}.xml").write_bytes(render(alert))
    at = iso(NINE + timedelta(minutes=20))
    rows = run("cap", "show", str(tmp_path), "--chain", "--at", at, "--json").rows
    assert [(r["chain"], r["identifier"], r["state"], r["by"]) for r in rows] == [
        (1, "a", "superseded", ["b"]),
        (1, "b", "in_force", []),
    ]
    assert rows[1]["references"] == {first.reference: "resolved"}
    assert "superseded" in run("cap", "show", str(tmp_path), "--chain", "--at", at).out
    (tmp_path / "2.xml").write_bytes(b"<alert>")
    broken = run("cap", "show", str(tmp_path), "--chain")
    assert (broken.status, "2.xml" in broken.err) == (3, True)
    assert run("cap", "show", "no-such-folder", "--chain").status == 2
