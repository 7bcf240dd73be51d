"""Other authorities as an operator sees them: terms, freshness, what stands, and what contradicts itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from tocsin.cap import CapAlert, CapInfo
from tocsin.cap.chains import Arrival, Chains, Identity, Standing, real_by_real
from tocsin.cap.sets import findings_of
from tocsin.feeds.authorities import Authority
from tocsin.model import DAY, FeedState, iso, parse_time
from tocsin.ops import staleness
from tocsin.ops.aggregate import MESSAGE, register_of
from tocsin.ops.config import read_settings
from tocsin.ops.intake import CAP
from tocsin.ops.office import Office
from tocsin.ops.redaction import without_secrets

WINDOW = 30 * DAY
"""So long a message that is over is still shown; what stands is shown however old it is."""
_ALWAYS = "9999"  # after every time as it is written
_KEPT = ("headline", "event", "severity", "authority", "licence", "source", "raw", "findings", "languages")


def authorities(
    office: Office, at: datetime | None, now: datetime, *, desk: bool = True
) -> list[dict[str, Any]]:
    """Every authority whose feed is configured or was read, with its terms and how its feed does.

    Parameters
    ----------
    office : Office
        Store and country.
    at : datetime or None
        Moment of knowledge; None is now.
    now : datetime
        Wall time.
    desk : bool
        Whether it is also told what went wrong, in the words of machines that were asked.

    Returns
    -------
    list of dict
        ``id, name, country, licence, licence_url, url, outcome, last_ok, newest, since, message, cadence_s,
        stale_after_s, in_force, conflicts``; a licence that nobody stated is empty, never assumed.
    """
    moment = at or now
    addresses = read_settings(office.path).feeds.cap
    states = office.store.feeds(moment)
    named = [name.removeprefix(f"{CAP}:") for name in states if name.startswith(f"{CAP}:")]
    standing = Counter[str]()
    conflicts = Counter[str]()
    for row in messages(office, moment, now):
        name = row["source"].removeprefix(f"{CAP}:")
        standing[name] += row["shown"]
        conflicts[name] += row["state"] == "conflict"
    rows = []
    for name in dict.fromkeys([*addresses, *sorted(named)]):
        who = _who(office, name)
        state = state_of(states.get(f"{CAP}:{name}"), who, moment)
        rows.append(
            {
                "id": name,
                "name": who.name,
                "country": who.country,
                "licence": who.licence,
                "licence_url": who.licence_url,
                "url": without_secrets(addresses.get(name, "")),
                "outcome": state.outcome,
                "last_ok": None if state.last_ok is None else iso(state.last_ok),
                "newest": None if state.newest is None else iso(state.newest),
                "since": None if state.since is None else iso(state.since),
                "message": without_secrets(state.message) if desk else "",
                "cadence_s": None if who.cadence is None else who.cadence.total_seconds(),
                "stale_after_s": who.stale_after.total_seconds(),
                "in_force": standing[name],
                "conflicts": conflicts[name],
            }
        )
    return rows


def state_of(state: FeedState | None, who: Authority, at: datetime) -> FeedState:
    """State of one authority's feed at a moment: silence beyond its own limit is *stale*, never *ok*."""
    if state is None:
        return FeedState(source=f"{CAP}:{who.id}", outcome="never", message="was never read")
    return staleness.aged(state, who, at)


def of_source(office: Office, source: str) -> Authority | None:
    """The authority under which a reading is on record (``cap_atom:met``); None for any other source."""
    feed, _, name = source.partition(":")
    return _who(office, name) if feed == CAP and name else None


def troubles(office: Office, at: datetime) -> list[FeedState]:
    """States of the configured authorities that are not ok, the stale ones among them."""
    states = office.store.feeds(at)
    found = []
    for name in read_settings(office.path).feeds.cap:
        state = state_of(states.get(f"{CAP}:{name}"), _who(office, name), at)
        if state.outcome != "ok":
            found.append(state)
    return found


def messages(
    office: Office, at: datetime | None, now: datetime, *, state: str | None = None
) -> list[dict[str, Any]]:
    """Messages of other authorities that stand or ended lately, and how each stands at a moment.

    Parameters
    ----------
    office : Office
        Store and country.
    at : datetime or None
        Both the instant and the moment of knowledge; None is now.
    now : datetime
        Wall time.
    state : str or None
        Only those in this state, for instance ``conflict``.

    Returns
    -------
    list of dict
        In the order in which they were sent, without those that were over :data:`WINDOW` before: identity,
        ``state``, ``shown``, ``by`` (who ended it), ``problems`` (rules on the set of messages), and what
        was kept of it.
    """
    moment = at or now
    register = register_of(office)
    kept = {row["id"]: row for row in office.store.list(MESSAGE, at=moment)}
    start = iso(moment - WINDOW)
    arrivals = [_arrival(kept[name]) for name in _around(kept, start)]
    chains = Chains(arrivals, same_authority=register.same, may_end=real_by_real)
    problems: dict[int, list[str]] = {}
    for message, finding in findings_of(chains):
        problems.setdefault(id(message), []).append(f"{finding.rule}: {finding.message}")
    found = [s for s in chains.states(moment) if s.state.shown or _last(kept[_name(s)]) >= start]
    rows = (_row(s, kept, problems.get(id(s.message), ())) for s in found)
    return [row for row in rows if state in (None, row["state"])]


def _name(standing: Standing) -> str:
    return standing.message.arrivals[0].name


def _last(row: dict[str, Any]) -> str:
    """The last moment of a message; one that cannot be told is never over."""
    return max(row["sent"] or _ALWAYS, row["expires"] or "")


def _around(kept: dict[str, dict[str, Any]], start: str) -> Iterator[str]:
    """Messages that matter from a moment on: those that may stand then, whom they name, and who names them.

    One that does not say when it expires stands until another ends it, however long ago that was.
    """

    def over(row: dict[str, Any]) -> bool:
        stands = row["expires"] is None and row["msg_type"] in ("Alert", "Update")
        return not stands and _last(row) < start

    live = {name for name, row in kept.items() if not over(row)}
    here = {_identity(kept[name]) for name in live}
    named = {item for name in live for item in _named(kept[name])}
    for name, row in kept.items():
        if name in live or _identity(row) in named or not here.isdisjoint(_named(row)):
            yield name


def _identity(row: dict[str, Any]) -> tuple[str, str, str | None]:
    return row["sender"], row["identifier"], row["sent"]


def _named(row: dict[str, Any]) -> Iterator[tuple[str, str, str | None]]:
    for item in row["references"]:
        if (identity := Identity.read(item)) is not None and identity.sent is not None:
            yield identity.sender, identity.identifier, iso(identity.sent)


def _who(office: Office, name: str) -> Authority:
    known = register_of(office).authorities
    return known.get(name) or Authority(id=name, name=name)


def _row(standing: Standing, kept: dict[str, dict[str, Any]], problems: Iterable[str]) -> dict[str, Any]:
    message = standing.message
    body = kept[_name(standing)]
    return {
        "id": body["id"],
        "sender": message.identity.sender,
        "identifier": message.identity.identifier,
        "sent": body["sent"],
        "status": body["status"],
        "msg_type": body["msg_type"],
        "state": str(standing.state),
        "shown": standing.state.shown,
        "by": [m.alert.reference for m in standing.by],
        "expires": body["expires"],
        "problems": sorted(problems),
        **{name: body[name] for name in _KEPT},
    }


def _arrival(row: dict[str, Any]) -> Arrival:
    """As much of a message as its place in a chain needs."""
    expires = None if row["expires"] is None else parse_time(row["expires"])
    info = CapInfo(event=row["event"], headline=row["headline"], severity=row["severity"], expires=expires)
    alert = CapAlert(
        identifier=row["identifier"],
        sender=row["sender"],
        sent=None if row["sent"] is None else parse_time(row["sent"]),
        status=row["status"],
        msg_type=row["msg_type"],
        scope=row["scope"],
        references=tuple(row["references"]),
        infos=(info,),
    )
    return Arrival(alert=alert, name=row["id"], digest=row["fingerprint"], content=row["content"])
