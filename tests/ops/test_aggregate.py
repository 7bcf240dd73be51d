"""Warnings of other authorities: kept whole, ended only by whom they may be, shown where they contradict."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.cap import CapAlert, CapArea, CapInfo, render
from tocsin.cap.chains import Arrival, Chains
from tocsin.feeds import NotModified
from tocsin.feeds.authorities import Authority, read_register, shipped
from tocsin.feeds.formats.warning import CONTENT
from tocsin.model import ConfigError, Event, FetchError, Raw, Source
from tocsin.ops import health
from tocsin.ops.ingest import Ingested, take
from tocsin.ops.intake import CAP, poll_authorities
from tocsin.ops.office import Office, open_office
from tocsin.ops.queries import feeds
from tocsin.ops.queries.authorities import authorities, messages

NINE = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def message(
    name: str,
    minutes: float,
    *names: CapAlert,
    verb: str = "Alert",
    sender: str = "desk@met.example",
    text: str = "",
) -> CapAlert:
    sent = NINE + minutes * MINUTE
    area = CapArea(area_desc="King", geocodes=(("SAME", "053033"),))
    info = CapInfo(
        language="en-US", category=("Met",), event="Flood", urgency="Expected", severity="Severe",
        certainty="Likely", headline=text or f"Flood {name}", areas=(area,),
        expires=NINE + timedelta(hours=12),
    )  # fmt: skip
    return CapAlert(
        identifier=name, sender=sender, sent=sent, msg_type=verb,
        references=tuple(n.reference for n in names), infos=(info,),
    )  # fmt: skip


def document(*alerts: CapAlert) -> bytes:
    return b"<alerts>" + b"".join(render(a).partition(b"\n")[2] for a in alerts) + b"</alerts>"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    one = open_office(tmp_path)
    yield one
    one.store.close()


def hear(office: Office, minutes: float, *alerts: CapAlert, authority: str | None = "met") -> Ingested:
    """One document of a feed, at so many minutes past nine."""
    at = NINE + minutes * MINUTE
    url = "https://met.example/cap"
    raw = Raw(source=CAP, url=url, fetched_at=at, media_type="", content=document(*alerts))
    return take(office, raw, at=at, authority=authority)[0]


def standing(office: Office, minutes: float) -> list[tuple[str, str]]:
    """Events at a moment: what the map shows and what it does not."""
    at = NINE + minutes * MINUTE
    found = office.store.as_of(at).events(domain="weather_alerts", start=NINE, end=NINE + timedelta(days=1))
    return sorted((event.title, event.status) for event in found)


def states(office: Office, minutes: float) -> dict[str, str]:
    at = NINE + minutes * MINUTE
    return {row["headline"]: row["state"] for row in messages(office, at, at)}


A = message("a", 0)


def test_an_update_replaces_and_what_was_said_stays_readable(office: Office) -> None:
    hear(office, 1, A)
    hear(office, 11, message("b", 10, A, verb="Update"))
    assert standing(office, 5) == [("Flood a", "actual")]
    assert standing(office, 12) == [("Flood a", "withdrawn"), ("Flood b", "actual")]
    assert states(office, 12) == {"Flood a": "superseded", "Flood b": "in_force"}
    assert states(office, 5) == {"Flood a": "in_force"}


def test_an_alert_that_comes_after_its_update_is_not_in_force(office: Office) -> None:
    hear(office, 11, message("b", 10, A, verb="Update"))
    hear(office, 20, A)
    assert ("Flood a", "withdrawn") in standing(office, 21)
    assert states(office, 21) == {"Flood a": "superseded", "Flood b": "in_force"}


@pytest.mark.parametrize("together", [True, False])
def test_the_same_identity_with_other_content_is_kept_beside_it(office: Office, together: bool) -> None:
    other = message("a", 0, text="Snow")
    for minutes, alerts in ((1, (A, other)),) if together else ((1, (A,)), (2, (other,))):
        hear(office, minutes, *alerts)
    assert standing(office, 5) == [("Flood a", "actual"), ("Snow", "actual")]
    assert states(office, 5) == {"Flood a": "conflict", "Snow": "conflict"}
    rows = messages(office, NINE + 5 * MINUTE, NINE + 5 * MINUTE, state="conflict")
    assert all("set.duplicate-identity" in row["problems"][0] for row in rows)
    hear(office, 11, message("c", 10, A, verb="Cancel"))
    assert {status for _, status in standing(office, 12)} == {"withdrawn"}
    assert {s for h, s in states(office, 12).items() if h != "Flood c"} == {"cancelled"}


def test_the_same_feed_again_and_again_writes_nothing(office: Office) -> None:
    documents = [(A, message("a", 0, text="Snow")), (message("b", 10, A, verb="Update"),)]
    for alerts in documents:
        hear(office, 11, *alerts)
    before = [len(office.store.event_history(e.id)) for e in events(office, 12)]
    for minutes in (12, 13, 14):
        for alerts in documents:
            hear(office, minutes, *alerts)
    assert [len(office.store.event_history(e.id)) for e in events(office, 15)] == before
    assert len(messages(office, None, NINE + 15 * MINUTE)) == 3
    assert office.store.quarantined() == []


def events(office: Office, minutes: float) -> list[Event]:
    at = NINE + minutes * MINUTE
    return list(
        office.store.as_of(at).events(domain="weather_alerts", start=NINE, end=NINE + timedelta(days=1))
    )


def test_another_authority_ends_nothing_and_is_told_once(office: Office) -> None:
    hear(office, 1, A)
    theirs = message("c", 10, A, verb="Cancel", sender="mallory@else.example")
    for minutes in (11, 12):
        hear(office, minutes, theirs, authority="else")
    assert ("Flood a", "actual") in standing(office, 13)
    assert states(office, 13)["Flood a"] == "in_force"
    (entry,) = office.store.quarantined()
    assert "mallory@else.example" in entry.error
    assert "[feeds.authorities]" in entry.error


def test_two_senders_of_one_authority_end_each_other(office: Office) -> None:
    (office.path / "tocsin.toml").write_text(
        '[feeds.authorities.met]\nsenders = ["*@met.example"]\n', "utf-8"
    )
    hear(office, 1, A)
    hear(office, 11, message("c", 10, A, verb="Cancel", sender="night@met.example"))
    assert standing(office, 12) == [("Flood a", "withdrawn")]
    assert office.store.quarantined() == []


def test_messages_that_name_each_other_at_one_instant_both_stay(office: Office) -> None:
    one, two = message("x", 5, verb="Update"), message("y", 5, verb="Update")
    hear(office, 6, replace(one, references=(two.reference,)), replace(two, references=(one.reference,)))
    assert standing(office, 7) == [("Flood x", "actual"), ("Flood y", "actual")]
    rows = messages(office, None, NINE + 7 * MINUTE)
    assert {p.partition(":")[0] for row in rows for p in row["problems"]} == {"set.references.circular"}


def test_an_archive_is_replayed_as_it_was_known(office: Office) -> None:
    """All at once in a file: each is known from its sent on, and ends the other from its own on."""
    content = document(message("b", 10, A, verb="Update"), A)
    raw = Raw(source=CAP, url="week.xml", fetched_at=NINE + 60 * MINUTE, media_type="", content=content)
    take(office, raw, at=NINE + 60 * MINUTE)
    assert standing(office, 5) == [("Flood a", "actual")]
    assert standing(office, 12) == [("Flood a", "withdrawn"), ("Flood b", "actual")]


@st.composite
def arrivals(draw: st.DrawFn) -> list[CapAlert]:
    """Messages that name each other at random, some of one identity, in the order in which they come."""
    base = [
        message(draw(st.sampled_from("abc")), draw(st.integers(0, 3)), text=draw(st.sampled_from(["", "x"])))
        for _ in range(draw(st.integers(1, 6)))
    ]
    found = []
    for one in base:
        named = draw(st.lists(st.sampled_from(base), max_size=2))
        verb = draw(st.sampled_from(["Alert", "Update", "Update", "Cancel"])) if named else "Alert"
        found.append(replace(one, msg_type=verb, references=tuple(n.reference for n in named)))
    return found


@settings(max_examples=25, deadline=None)
@given(alerts=arrivals(), split=st.booleans())
def test_the_map_shows_what_the_chains_say_whatever_came_first(alerts: list[CapAlert], split: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        office = open_office(Path(folder))
        try:
            batches = [(a,) for a in alerts] if split else [tuple(alerts)]
            for k, batch in enumerate(batches):
                hear(office, 10 + k, *batch)
            chains = Chains(Arrival(alert=a) for a in alerts)
            want = {
                s.message.fingerprint[:CONTENT]: s.state.shown
                for s in chains.states(NINE + 30 * MINUTE)
                if s.message.alert.msg_type != "Cancel"
            }
            got = {
                e.details["content"]: e.status == "actual"
                for e in events(office, 30)
                if "content" in e.details
            }
            assert got == want
        finally:
            office.store.close()


# -- authorities --------------------------------------------------------------------------------------------


class Pages:
    """A fetcher over pages in memory: what the network would give."""

    def __init__(self, pages: dict[str, bytes]) -> None:
        self.pages = pages
        self.asked: list[str] = []
        self.compared: list[str] = []
        self.state = ""

    def fetch(
        self, source: Source, url: str, *, at: datetime, previous: Raw | None = None
    ) -> Raw | NotModified:
        self.asked.append(url.rpartition("/")[2])
        if url not in self.pages:
            raise FetchError(f"{url}: 404", retry=False)
        if previous is not None:
            self.compared.append(previous.headers["etag"])
            if self.state and previous.headers["etag"] == self.state:
                return NotModified(source=source.id, url=url, at=at)
        headers = {"etag": self.state} if self.state and url.endswith("feed") else {}
        content = self.pages[url]
        return Raw(source=source.id, url=url, fetched_at=at, media_type="", content=content, headers=headers)


def configured(office: Office, text: str) -> dict[str, str]:
    (office.path / "tocsin.toml").write_text(text, "utf-8")
    from tocsin.ops.config import read_settings

    return read_settings(office.path).feeds.cap


def poll(
    office: Office, minutes: float, pages: dict[str, bytes], addresses: dict[str, str]
) -> list[Ingested]:
    return poll_authorities(office, addresses, Pages(pages), at=NINE + minutes * MINUTE)  # type: ignore[arg-type]


TOML = """
[feeds.cap]
met = "https://met.example/feed"
sea = "https://sea.example/feed"

[feeds.authorities.met]
name = "Example Met Service"
country = "XX"
senders = ["desk@met.example"]
licence = "CC-BY-4.0"
licence_url = "https://met.example/terms"
cadence_minutes = 5
stale_after_hours = 2
"""


def test_each_authority_has_its_terms_and_its_own_freshness(office: Office) -> None:
    addresses = configured(office, TOML)
    pages = {"https://met.example/feed": document(A), "https://sea.example/feed": b"<html/>"}
    done = poll(office, 5, pages, addresses)
    assert [(d.source, d.outcome) for d in done] == [("cap_atom:met", "ok"), ("cap_atom:sea", "failed")]
    now = NINE + 6 * MINUTE
    met, sea = authorities(office, None, now)
    assert (met["name"], met["country"], met["licence"]) == ("Example Met Service", "XX", "CC-BY-4.0")
    assert (met["outcome"], met["in_force"], met["conflicts"]) == ("ok", 1, 0)
    assert (sea["name"], sea["country"], sea["licence"]) == ("sea", "", "")  # unknown, not assumed
    assert sea["outcome"] == "failed"
    assert "doc.container" in sea["message"]
    late = NINE + timedelta(hours=3)
    assert {
        c.name: c.ok for c in health.examine(office.path, now=late) if c.name.startswith("feed cap_atom:")
    } == {
        "feed cap_atom:met": False,
        "feed cap_atom:sea": False,
    }
    assert [row["outcome"] for row in authorities(office, None, late)] == ["stale", "failed"]


def test_a_silent_authority_makes_the_source_stale(office: Office) -> None:
    addresses = configured(office, TOML.replace('sea = "https://sea.example/feed"\n', ""))
    pages = {"https://met.example/feed": document(A)}
    for hours in range(4):  # read well every hour, and never anything new
        poll(office, 60 * hours + 5, pages, addresses)
    row = {r["id"]: r for r in feeds(office, None, NINE + timedelta(hours=3, minutes=6))}[CAP]
    assert row["outcome"] == "stale"
    assert "cap_atom:met" in row["message"]


def test_a_linked_message_is_fetched_again_only_when_its_entry_changed(office: Office) -> None:
    addresses = configured(office, '[feeds.cap]\nmet = "https://met.example/feed"\n')

    def asked(minutes: float, *entries: tuple[int, str], gone: int = 0) -> list[str]:
        time = "<updated>{}</updated>"
        written = "".join(
            f"<entry><id>{n}</id><title>A</title>{time.format(t)}<link href='{n}.xml'/></entry>"
            for n, t in entries
        )
        head = f"<id>f</id><title>t</title>{time.format('2026-11-24T09:00:00Z')}"
        feed = f'<feed xmlns="http://www.w3.org/2005/Atom">{head}{written}</feed>'
        pages = {f"https://met.example/{n}.xml": render(message(str(n), 0)) for n, _ in entries if n != gone}
        fetcher = Pages({"https://met.example/feed": feed.encode(), **pages})
        at = NINE + minutes * MINUTE
        poll_authorities(office, addresses, fetcher, at=at)  # type: ignore[arg-type]
        return fetcher.asked

    nine, ten = "2026-11-24T09:00:00Z", "2026-11-24T10:00:00Z"
    assert asked(5, (1, nine), (2, nine), gone=2) == ["feed", "1.xml", "2.xml"]
    assert asked(10, (1, nine), (2, nine)) == ["feed", "2.xml"]  # the one that was missing, and no other
    assert asked(65, (1, nine), (2, ten), (3, ten)) == ["feed", "2.xml", "3.xml"]
    assert asked(70, (1, ""), (2, ten)) == ["feed", "1.xml"]  # who says nothing is asked
    assert asked(25 * 60, (1, nine), (2, ten)) == ["feed", "1.xml"]
    assert asked(30 * 60, (2, ten)) == ["feed", "2.xml"]  # once a day all the same


def test_a_linked_document_that_is_missing_costs_no_other_and_is_no_calm(office: Office) -> None:
    addresses = configured(office, '[feeds.cap]\nmet = "https://met.example/feed"\n')
    time = "<updated>2026-11-24T09:00:00Z</updated>"
    entry = "<entry><id>{0}</id><title>A</title>" + time + "<link href='{0}.xml'/></entry>"
    head = "<id>f</id><title>t</title>" + time
    feed = f'<feed xmlns="http://www.w3.org/2005/Atom">{head}{entry.format(1)}{entry.format(2)}</feed>'
    pages = {"https://met.example/feed": feed.encode(), "https://met.example/2.xml": render(A)}
    (one,) = poll(office, 5, pages, addresses)
    assert (one.outcome, one.events) == ("failed", 1)
    assert one.message == "1 of 3 not read; https://met.example/1.xml: 404"
    assert [q.where for q in office.store.quarantined()] == ["link"]


def test_a_feed_that_was_read_whole_is_asked_for_only_when_it_changed(office: Office) -> None:
    addresses = configured(office, '[feeds.cap]\nmet = "https://met.example/feed"\n')
    time = "<updated>2026-11-24T09:00:00Z</updated>"
    entry = f"<entry><id>1</id><title>A</title>{time}<link href='1.xml'/></entry>"
    feed = f'<feed xmlns="http://www.w3.org/2005/Atom"><id>f</id><title>t</title>{time}{entry}</feed>'
    met = "https://met.example/feed"
    whole = {met: feed.encode(), "https://met.example/1.xml": render(A)}

    def read(minutes: float, state: str, pages: dict[str, bytes]) -> tuple[str, int, list[str], list[str]]:
        fetcher = Pages(pages)
        fetcher.state = state
        (one,) = poll_authorities(office, addresses, fetcher, at=NINE + minutes * MINUTE)  # type: ignore[arg-type]
        return one.outcome, one.events, fetcher.asked, fetcher.compared

    assert read(5, "a", {met: feed.encode()}) == ("failed", 0, ["feed", "1.xml"], [])
    assert read(10, "a", whole) == ("ok", 1, ["feed", "1.xml"], [])  # not whole yet, so no condition
    newest = office.store.feeds(NINE + 11 * MINUTE)["cap_atom:met"].newest
    assert newest is not None
    assert read(15, "a", whole) == ("ok", 0, ["feed"], ["a"])
    assert office.store.feeds(NINE + 16 * MINUTE)["cap_atom:met"].newest == newest  # no younger by asking
    assert read(20, "b", whole) == ("ok", 0, ["feed"], ["a"])  # changed, and its entries did not
    assert read(25, "b", whole)[3] == ["b"]
    assert read(26 * 60, "b", whole) == ("ok", 0, ["feed", "1.xml"], [])  # once a day the whole


def test_what_was_over_long_ago_leaves_the_list_and_ends_what_it_ended(office: Office) -> None:
    def endless(name: str) -> CapAlert:
        one = message(name, 0)
        return replace(one, infos=(replace(one.infos[0], expires=None),))

    first, lone = endless("a"), endless("lone")
    hear(office, 15, first, message("b", 10, first, verb="Update"), lone)
    month = 30 * 24 * 60
    assert states(office, month) == {
        "Flood a": "superseded",
        "Flood b": "expired",
        "Flood lone": "in_force",
    }
    # Who never expires stands; whom an update ended that is long over does not stand again.
    assert states(office, month + 24 * 60) == {"Flood lone": "in_force"}


def test_the_shipped_register_is_sound() -> None:
    found = shipped().authorities
    assert len(found) >= 10
    assert all(isinstance(a, Authority) and a.senders and len(a.country) == 2 for a in found.values())
    assert all(bool(a.licence) == bool(a.licence_url) for a in found.values())
    senders = [s for a in found.values() for s in a.senders]
    assert len(senders) == len(set(senders))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[x]\ncountry = "Norway"', "x.country"),
        ('[x]\nsender = ["a"]', "x.sender"),
        ("[x]\ncadence_minutes = 0", "x.cadence_minutes"),
        ("x = 1", "x"),
        ("[x", "file"),
    ],
)
def test_a_register_that_is_wrong_says_where(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "authorities.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError) as error:
        read_register(path)
    assert words in str(error.value)
