"""Silences, what was held back, and the page of groups on the command line."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.cli.conftest import run
from tests.cycle.small_world import quake
from tocsin.model import HOUR
from tocsin.ops import commands
from tocsin.ops.office import open_office
from tocsin.warn.propose import Context, propose

WHY = ("--reason", "blasting at the quarry, announced")


def shelve(*words: object, account: str = "duty"):
    return run("warnings", "shelve", *words, *WHY, "--json", account=account)


def quakes(path: Path, *regions: str, magnitude: float = 5.2) -> None:
    """A live cycle now that would ask about an earthquake in each region."""
    now = datetime.now(UTC)
    office = open_office(path)
    with contextlib.closing(office.store):
        domain = next(d for d in office.plan.domains if d.id == "seismic")
        context = Context(
            at=now, domain=domain, regions=office.pack.regions, pack="us", sender=office.pack.sender,
            likelihood=float("nan"), inputs=("cycle:now",),
        )  # fmt: skip
        for n, region in enumerate(regions):
            event = replace(quake(magnitude, now - HOUR, region=region), external_id=f"q{n}", id=f"usgs:q{n}")
            commands.record_proposals(office, propose(context, (), [event], ()))


def test_shelved_seen_and_taken_off_again(own: Path) -> None:
    done = shelve("--domain", "seismic", "--region", "US-53", "--hours", "6")
    assert done.status == 0, done.err
    name = done.row["id"]
    assert (done.row["author"], done.row["max_level"], done.row["regions"]) == ("duty", 2, ["US-53"])
    quakes(own, "US-53033", "US-06037")
    held = [r for r in run("warnings", "list", "--suppressed", "--json").rows if r["entry"] == "suppressed"]
    assert [(r["stage"], r["by"], r["regions"]) for r in held] == [("silenced", name, ["US-53033"])]
    table = run("warnings", "list", "--suppressed")
    assert "blasting" in table.out
    assert "silenced" in table.out
    (shelf,) = run("warnings", "shelved", "--json").rows
    assert (shelf["id"], len(shelf["holding"])) == (name, 1)
    # beside the warnings, with all that was ever held back
    everything = run("warnings", "list", "--all", "--json").rows
    assert [r["regions"] for r in everything if r.get("entry") == "suppressed"] == [["US-53033"]]
    assert any(r.get("state") == "draft" for r in everything)
    end = run("warnings", "unshelve", name, "--reason", "blasting is over", account="second")
    assert end.status == 0, end.err
    assert run("warnings", "shelved", "--json").rows == []
    quakes(own, "US-53033")
    drafts = run("warnings", "list", "--state", "draft", "--domain", "seismic", "--json").rows
    assert any(m["region"] == "US-53033" for r in drafts for m in r["members"])
    office = open_office(own)
    with contextlib.closing(office.store):
        actions = [(e.decision.action, e.decision.actor) for e in office.store.audit(subject=name)]
    assert actions == [("shelve", "duty"), ("unshelve", "second")]


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("--region", "US-99", "--hours", "1"), 3, "US-99"),
        (("--domain", "floods", "--hours", "1"), 2, "allowed:"),
        (("--hours", "1"), 2, "at least one domain, hazard or region"),
        (("--domain", "seismic", "--hours", "200"), 2, "168"),
        (("--domain", "seismic", "--hours", "1", "--max-level", "4"), 2, "3"),
    ],
)
def test_a_bad_silence_says_what_is_allowed(
    own: Path, words: tuple[str, ...], status: int, said: str
) -> None:
    done = shelve(*words)
    assert done.status == status, done.err
    assert said in done.err
    assert run("warnings", "shelved", "--json").rows == []


def test_a_viewer_may_not(own: Path) -> None:
    done = shelve("--domain", "seismic", "--hours", "1", account="viewer")
    assert done.status == 4
    assert "duty_officer" in done.err


def test_the_page_of_groups(own: Path) -> None:
    quakes(own, "US-53033", "US-53053", "US-06037")
    rows = run("warnings", "list", "--grouped", "--json").rows
    assert sorted(r["count"] for r in rows) == [1, 2]  # King and Pierce are side by side
    (one,) = run("warnings", "list", "--grouped", "--most", "1", "--json").rows
    assert one["count"] == len(one["members"]) == 3
    assert "Earthquake" in run("warnings", "list", "--grouped").out
    assert run("warnings", "list", "--grouped", "--at", "2001-01-01T00:00:00Z", "--json").rows == []


@pytest.mark.parametrize(
    "words", [("--grouped", "--suppressed"), ("--all", "--grouped"), ("--state", "open", "--suppressed")]
)
def test_one_view_at_a_time(store: Path, words: tuple[str, ...]) -> None:
    done = run("warnings", "list", *words)
    assert done.status == 2
    assert "got two views" in done.err
