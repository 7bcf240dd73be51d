"""Who gets what: the public's table and the drills' table."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tocsin.model import ConfigError
from tocsin.warn.contract import Audience, Channel, Recipient
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
        # By whatever channel: a drill in a folder or at an address of the public's is before the public.
        public = {_place(to.address) for to in self.public}
        for to in self.drill:
            if _place(to.address) in public:
                raise ConfigError(
                    "address book", f"drill.{to.id}.address", to.address, "an address of no public recipient"
                )

    @property
    def everybody(self) -> tuple[Recipient, ...]:
        """Recipients of both tables, the public's first."""
        return (*self.public, *self.drill)

    def routes(self, status: str) -> Mapping[str, Recipient]:
        """Recipients by id for a CAP status; none for what is neither real nor a drill."""
        table = self.drill if status in DRILLS else self.public if status == "Actual" else ()
        return {to.id: to for to in table}


def _place(address: str) -> str:
    """An address without what makes no other place of it: capitals, a last slash, dots of a path."""
    if "://" in address or "@" in address:
        return address.casefold().rstrip("/")
    return os.path.normpath(address)


_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_SECRET = ("_file", "_env")
_LOG_IN = re.compile(r"//[^/\s]*@")
"""Of an address that should have none: an error is logged."""

Reveal = Callable[[str, str], str]
"""Takes ``file`` or ``env`` and where to look, gives the secret; raises OSError or KeyError."""


def read_book(
    plain: Mapping[str, Any], *, channels: Mapping[str, Channel], reveal: Reveal, file: str
) -> AddressBook:
    """Read the recipients of a settings file, and hold each to what its channel allows.

    Parameters
    ----------
    plain : mapping
        Tables ``public`` and ``drill``, each of recipients by id.
    channels : mapping of str to Channel
        By name.
    reveal : callable
        Looks a secret up.
    file : str
        Named in errors.

    Raises
    ------
    ConfigError
        For an unknown table, channel or setting, a bad address, a secret that is unset or stands in the file.

    Examples
    --------
    >>> from tocsin.warn.channels import file
    >>> book = read_book(
    ...     {"public": {"press": {"channel": "file", "address": "/srv/press"}}},
    ...     channels={"file": file},
    ...     reveal=lambda kind, where: "",
    ...     file="recipients.toml",
    ... )
    >>> [to.id for to in book.public]
    ['press']
    """
    for table in plain:
        if table not in list(Audience):
            raise ConfigError(file, table, table, [str(a) for a in Audience])
    tables = {
        audience: tuple(_recipients(plain.get(audience, {}), audience, channels, reveal, file))
        for audience in Audience
    }
    return AddressBook(public=tables[Audience.PUBLIC], drill=tables[Audience.DRILL])


def _recipients(
    table: Any, audience: Audience, channels: Mapping[str, Channel], reveal: Reveal, file: str
) -> Iterator[Recipient]:
    if not isinstance(table, Mapping):
        raise ConfigError(file, str(audience), table, f"a table of recipients: [{audience}.ID]")
    for name, row in table.items():
        key = f"{audience}.{name}"
        if not _ID.fullmatch(name):
            raise ConfigError(file, key, name, "an id: a-z, 0-9, full stop, _ and -; at most 64 characters")
        if not isinstance(row, Mapping):
            raise ConfigError(file, key, row, "a table with channel and address")
        channel = channels.get(str(row.get("channel")))
        if channel is None:
            raise ConfigError(file, f"{key}.channel", row.get("channel"), sorted(channels))
        if not isinstance(row.get("address"), str) or not row["address"]:
            raise ConfigError(file, f"{key}.address", row.get("address"), "a text: where it is sent")
        rest = {k: v for k, v in row.items() if k not in ("channel", "address")}
        settings, secrets = _sorted_out(rest, channel, reveal, file, key)
        to = Recipient(
            id=name,
            channel=channel.NAME,
            address=row["address"],
            audience=audience,
            settings=settings,
            secrets=secrets,
        )
        for fault in channel.faults(to):
            got = _LOG_IN.sub("//…@", fault.got) if isinstance(fault.got, str) else fault.got
            raise ConfigError(file, f"{key}.{fault.key}", got, fault.allowed)
        yield to


def _sorted_out(
    row: Mapping[str, Any], channel: Channel, reveal: Reveal, file: str, key: str
) -> tuple[dict[str, str | int | bool], dict[str, str]]:
    """Settings and secrets of one recipient; a secret is never in the file itself."""
    places = {f"{name}{end}": (name, end[1:]) for name in channel.SECRETS for end in _SECRET}
    settings: dict[str, str | int | bool] = {}
    secrets: dict[str, str] = {}
    for name, value in row.items():
        if name in channel.SECRETS:
            raise ConfigError(
                file, f"{key}.{name}", "a secret", f"{name}_file or {name}_env: secrets stand elsewhere"
            )
        if name in places:
            of, kind = places[name]
            try:
                secrets[of] = reveal(kind, str(value))
            except (OSError, KeyError, ValueError) as error:
                said = error.strerror if isinstance(error, OSError) else "it is not set"
                what = "a file with one line of text" if kind == "file" else "a variable that is set"
                raise ConfigError(file, f"{key}.{name}", value, f"{what} ({said})") from error
            if not secrets[of]:
                raise ConfigError(file, f"{key}.{name}", value, "one that is not empty")
        elif name not in channel.SETTINGS:
            raise ConfigError(file, f"{key}.{name}", name, ["channel", "address", *channel.SETTINGS, *places])
        elif not isinstance(value, str | int | bool):
            raise ConfigError(file, f"{key}.{name}", value, "a text, a whole number, true or false")
        else:
            settings[name] = value
    return settings, secrets
