"""Messages from files as one set: which chains they form, and how each of them stands at an instant."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from tocsin.cap.chains import Arrival, Chains
from tocsin.cap.containers import messages_in
from tocsin.cap.sets import findings_of
from tocsin.model import ParseError, iso
from tocsin.ops.messages import files_in


def chains_in(paths: Iterable[Path], at: datetime) -> list[dict[str, Any]]:
    """Every message of some files with its chain and its state.

    Parameters
    ----------
    paths : iterable of Path
        Files and folders; of any form, feeds too.
    at : datetime
        The instant. Files do not say when they were received, so each message counts from its ``sent`` on.

    Returns
    -------
    list of dict
        Chain by chain in the order of sending: ``chain`` (its number), ``sent, msg_type, sender, identifier,
        state, shown, by, expires, references`` (what became of each), ``problems, files``.

    Raises
    ------
    ParseError
        When a file cannot be read: a set with a hole says wrong things about all that is in it.
    """
    arrivals = []
    for path in files_in(paths):
        found = messages_in(path.read_bytes())
        if found.reason:
            raise ParseError(f"{path}: {found.reason}")
        arrivals += [Arrival(alert=m.alert, name=str(path)) for m in found.messages]
    chains = Chains(arrivals)
    problems: dict[int, list[str]] = {}
    for message, finding in findings_of(chains):
        problems.setdefault(id(message), []).append(f"{finding.rule}: {finding.message}")
    rows = []
    for number, chain in enumerate(chains.chains(), 1):
        for message in chain:
            standing = chains.state(message, at)
            identity = message.identity
            rows.append(
                {
                    "chain": number,
                    "sent": None if identity.sent is None else iso(identity.sent),
                    "msg_type": message.alert.msg_type,
                    "sender": identity.sender,
                    "identifier": identity.identifier,
                    "state": str(standing.state),
                    "shown": standing.state.shown,
                    "by": [m.identity.identifier for m in standing.by],
                    "expires": None if message.expires is None else iso(message.expires),
                    "references": {link.item: str(link.verdict) for link in chains.links(message)},
                    "problems": sorted(problems.get(id(message), ())),
                    "files": [a.name for a in message.arrivals],
                }
            )
    return rows
