"""Who gets what, and what is held back: the public's table, the drills' table, and stated silences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tocsin.model import Alert, ConfigError
from tocsin.warn.contract import Audience, Recipient
from tocsin.warn.wording import DRILLS


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressBook:
    """Who gets what: the public's table and the drills', which share nothing.

    Parameters
    ----------
    public : tuple of Recipient
        Get messages with status ``Actual``.
    drill : tuple of Recipient
        Get ``Exercise`` and ``Test``.

    Raises
    ------
    ConfigError
        If a recipient stands in the wrong table, or an id or an address stands twice.
    """

    public: tuple[Recipient, ...] = ()
    drill: tuple[Recipient, ...] = ()

    def __post_init__(self) -> None:
        for table, audience in ((self.public, Audience.PUBLIC), (self.drill, Audience.DRILL)):
            for to in table:
                if to.audience is not audience:
                    raise ConfigError("address book", f"{audience}.{to.id}.audience", to.audience, [audience])
        ids: set[str] = set()
        places: set[tuple[str, str]] = set()
        for to in (*self.public, *self.drill):
            if to.id in ids:
                raise ConfigError("address book", "id", to.id, "an id that stands once in both tables")
            if (to.channel, to.address) in places:
                raise ConfigError(
                    "address book",
                    f"{to.id}.address",
                    to.address,
                    "an address that stands once in both tables",
                )
            ids.add(to.id)
            places.add((to.channel, to.address))

    def routes(self, status: str) -> Mapping[str, Recipient]:
        """Recipients by id for a CAP status; none for what is neither real nor a drill."""
        table = self.drill if status in DRILLS else self.public if status == "Actual" else ()
        return {to.id: to for to in table}


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """A stated decision not to send certain warnings for a while; they stay visible with this reason.

    Parameters
    ----------
    id, reason, author : str
        What it is called, why, and the account that set it.
    starts, ends : datetime
        When it holds.
    domains, regions : frozenset of str
        What it is about; empty is everything. A warning is silenced only if all its regions are covered.
    max_level : int
        Highest level that it may hold back.
    """

    id: str
    reason: str
    author: str
    starts: datetime
    ends: datetime
    domains: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    max_level: int = 2

    def covers(self, alert: Alert, at: datetime) -> bool:
        """Whether it holds this warning back; a cancellation is never held back."""
        return (
            self.starts <= at < self.ends
            and alert.msg_type != "Cancel"
            and alert.level <= self.max_level
            and (not self.domains or alert.domain in self.domains)
            and (not self.regions or set(alert.regions) <= self.regions)
        )
