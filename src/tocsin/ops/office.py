"""The office: store, country, plan and channels, opened together and passed to every command and query."""

from __future__ import annotations

import functools
import hashlib
import os
import secrets
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

from tocsin import __version__
from tocsin.catalog import detectors, plugins
from tocsin.geo import Pack, load_pack
from tocsin.model import Plan, RegionLevel
from tocsin.model.law import LegalBasis
from tocsin.ops.address_book import read_recipients, receipt_secret, replay_recipients
from tocsin.ops.outlines import Outlines
from tocsin.ops.plan import make_plan
from tocsin.respond.playbook import Playbook, playbooks
from tocsin.store import KEEP, Store, open_store
from tocsin.warn.addresses import AddressBook
from tocsin.warn.contract import PLUGIN
from tocsin.warn.deliver import Desk
from tocsin.warn.message import Issuer

APPROVAL_LASTS = timedelta(hours=1)
"""How long an approval may be used."""


# No slots: the plan and the detectors are made when first asked for.
@dataclass(frozen=True, kw_only=True, eq=False)
class Office:
    """Everything that commands and queries need.

    Parameters
    ----------
    path : Path
        Folder of the store.
    store : Store
        What is kept.
    pack : Pack
        The country.
    domains : tuple of str
        Ids of the domains watched.
    """

    path: Path
    store: Store
    pack: Pack
    domains: tuple[str, ...]
    channels: Mapping[str, ModuleType] = field(
        default_factory=lambda: plugins("tocsin.warn.channels", PLUGIN)
    )

    @cached_property
    def plan(self) -> Plan:
        """The plan of all domains."""
        return make_plan(self.pack, self.domains, store=self.path)

    def plan_of(self, domains: Sequence[str]) -> Plan:
        """The plan of some domains, as a replay of an archive uses it."""
        key = ",".join(sorted(domains))
        if key not in self._plans:
            self._plans[key] = make_plan(self.pack, tuple(sorted(domains)), store=self.path)
        return self._plans[key]

    @cached_property
    def _plans(self) -> dict[str, Plan]:
        return {}

    @cached_property
    def detectors(self) -> dict[str, type[Any]]:
        """Detector classes by name."""
        return detectors()

    @cached_property
    def laws(self) -> dict[str, LegalBasis]:
        """Legal bases by key."""
        return {law.key: law for law in self.pack.laws}

    @cached_property
    def playbooks(self) -> dict[str, Playbook]:
        """Playbooks by id."""
        return playbooks()

    @cached_property
    def desk(self) -> Desk:
        """What delivery needs to know."""
        return self._desk(
            read_recipients(self.path, self.channels), functools.partial(receipt_secret, self.path)
        )

    @cached_property
    def replay_desk(self) -> Desk:
        """What delivery needs to know in a replay: it has folders of its own."""
        return self._desk(replay_recipients(self.path))

    @cached_property
    def issuer(self) -> Issuer:
        """In whose name messages go out; known whatever is wrong with the address book."""
        return Issuer(
            sender=self.pack.sender,
            name=self.pack.sender_name,
            matrix=self.pack.matrix,
            schemes=self.pack.schemes,
            geocodes={
                level: tuple((c.scheme, c.code) for c in self.pack.description.codes if c.level is level)
                for level in RegionLevel
            },
        )

    def _desk(self, book: AddressBook, secret: Callable[[], bytes] = bytes) -> Desk:
        return Desk(
            issuer=self.issuer,
            levels=self.pack.levels,
            regions=self.pack.regions,
            book=book,
            polygons=Outlines(self.pack),
            secret=secret,
        )


def open_office(
    path: Path,
    *,
    pack: str = "us",
    domains: Sequence[str] | None = None,
    create: bool = True,
    keep: int = KEEP,
) -> Office:
    """Open the store in a folder and the country beside it.

    Parameters
    ----------
    path : Path
        Folder of the store.
    pack : str
        Id of the country.
    domains : sequence of str, optional
        All of the pack by default.
    create : bool
        Whether a new store may be made.
    keep : int
        Bytes of batches and of cycles, each, that the store keeps decoded in memory.

    Returns
    -------
    Office
    """
    country = load_pack(pack)
    return Office(
        path=path,
        store=open_store(path, create=create, keep=keep),
        pack=country,
        domains=tuple(domains or country.domains),
    )


def sender() -> str:
    """A new name for something that sends: of no other process, nor of another sender of this one."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(8)}"


@functools.cache
def code_version() -> str:
    """Version of the package and a hash over its own source, as recorded with every cycle."""
    digest = hashlib.sha256()
    root = Path(__file__).parents[1]
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes())
    return f"{__version__}+{digest.hexdigest()[:12]}"
