"""A real desk for the state machine, store and outboxes as they ship, and where it can be cut.

:func:`cut` counts the points at which a process can die in a command: before each statement that it writes,
before the commit and after it. At the chosen one the disk fails, or the process is killed.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tests.warn.desk import Post, alert, member, spanish
from tests.warn.life_model import STAFF
from tocsin.geo import load_pack
from tocsin.geo.description import TranslationTable
from tocsin.model import Alert, Role
from tocsin.ops import commands, translating
from tocsin.ops.commands import Actor
from tocsin.ops.office import Office
from tocsin.ops.plan import make_plan
from tocsin.store import open_store
from tocsin.store.backup import DATABASE
from tocsin.warn.addresses import AddressBook
from tocsin.warn.contract import Audience, Recipient

ACTORS = {name: Actor(account=name, role=Role(role)) for name, role in STAFF.items()}
DOMAINS = ("air_transport", "seismic")


class Failed(Exception):  # noqa: N818 - named for what happened
    """The disk failed at the chosen point."""


class World:
    """What every example of the machine shares: reading a country takes longer than a life."""

    def __init__(self) -> None:
        asked = (TranslationTable(language="es-US", required_from=3),)
        self.pack = replace(load_pack("us"), translations=asked)
        self.plan = make_plan(self.pack, DOMAINS)
        self._empty = tempfile.TemporaryDirectory(prefix="tocsin-empty-")
        open_store(Path(self._empty.name)).close()

    def open(self, path: Path) -> tuple[Office, Post]:
        """A desk in a new folder; its commits do not wait for the disk: a killed process needs no disk."""
        post = Post()
        if not (path / DATABASE).exists():
            shutil.copytree(self._empty.name, path, dirs_exist_ok=True)
        office = Office(
            path=path, store=open_store(path), pack=self.pack, domains=DOMAINS, channels={"post": post}
        )
        database = office.store.database
        for engine in (database._writers, database._readers):
            sa.event.listen(engine, "connect", lambda c, _: c.execute("PRAGMA synchronous = OFF"))
        database.close()
        office.__dict__["plan"] = self.plan
        book = AddressBook(
            public=(_to("feed", Audience.PUBLIC), _to("press", Audience.PUBLIC)),
            drill=(_to("players", Audience.DRILL),),
        )
        office.__dict__["desk"] = office._desk(book)
        office.__dict__["replay_desk"] = office._desk(AddressBook())
        return office, post


def _to(name: str, audience: Audience) -> Recipient:
    return Recipient(id=name, channel="post", address=name, audience=audience)


def act(office: Office, step: str, who: str, now: datetime, id: str, **more: Any) -> Alert | None:  # noqa: A002
    """Take one step by the command that every door uses."""
    actor = ACTORS[who]
    if step == "draft":
        texts = {k: v for k, v in more["texts"].items() if k != "kind"}
        made = alert(
            id=id, chain=id, created_at=now, onset=now, author=who, inputs=(),
            members=(member(since=now),), **texts,
        )  # fmt: skip
        return commands.draft(office, made, actor, at=now)
    if step == "ack":
        commands.acknowledge(office, id, actor, at=now)
        return commands.get_alert(office, id)
    match = more.get("match")
    words: dict[str, Any] = {"at": now, "match": match}
    if step == "edit":
        return commands.edit(office, id, more["changes"], actor, **words)
    if step == "translate":
        texts = spanish(headline=more["words"]).texts
        return translating.translate(office, id, "es-US", texts, actor, **words)
    if step == "drop":
        return translating.drop(office, id, "es-US", actor, **words)
    if step == "check":
        return translating.check(office, id, "es-US", actor, **words)
    if step == "submit":
        return commands.submit(office, id, actor, **words)
    if step == "approve":
        glass = commands.policy_of(office) if more.get("glass") else None
        return commands.approve(
            office,
            id,
            actor,
            legal_basis=more["law"],
            reason=more.get("reason", ""),
            break_glass=glass,
            **words,
        )
    if step == "reject":
        return commands.reject(office, id, actor, reason=more.get("reason", "no"), **words)
    if step == "issue":
        return commands.issue(office, id, actor, **words)
    said = {"reason": more.get("reason", ""), "correction": more.get("correction", False)}
    if step == "update":
        return commands.update(office, id, more["changes"], actor, **said, **words)
    assert step == "cancel"
    return commands.cancel(office, id, actor, **said, **words)


@contextmanager
def cut(office: Office, point: int, die: Callable[[], None]) -> Iterator[list[str]]:
    """Call ``die`` at the chosen point of the next writes; gives the points passed, that one as the last."""
    engine = office.store.database._writers
    passed: list[str] = []

    def reach(what: str) -> None:
        if len(passed) < point and what != "SELECT":  # what only reads leaves nothing behind
            passed.append(what)
            if len(passed) == point:
                die()

    hooks = [
        (engine, "before_cursor_execute", lambda c, cur, sql, *_: reach(sql.split(None, 1)[0])),
        (engine, "commit", lambda _: reach("COMMIT")),
        (engine.pool, "checkin", lambda *_: reach("after") if "COMMIT" in passed else None),
    ]
    for target, name, hook in hooks:
        sa.event.listen(target, name, hook)
    try:
        yield passed
    finally:
        for target, name, hook in hooks:
            sa.event.remove(target, name, hook)


def fail() -> None:
    raise Failed


def in_a_process_that_is_killed(office: Office, point: int, step: Callable[[], Any]) -> str:
    """Take a step in a child that is killed at a point: ``killed``, else ``done`` or ``refused``."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(read)
            database = office.store.database
            for engine in (database._writers, database._readers):
                engine.dispose(close=False)  # the connections are the parent's
            with cut(office, point, lambda: os.kill(os.getpid(), signal.SIGKILL)):
                try:
                    step()
                    said = b"done"
                except Exception as error:  # noqa: BLE001 - the parent judges it
                    said = f"refused {type(error).__name__}: {error}".encode()
                os.write(write, said)  # this is the acknowledgement
        finally:
            os._exit(0)
    os.close(write)
    said = b""
    while part := os.read(read, 65536):
        said += part
    os.close(read)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return said.decode() or "killed"
    return said.decode()
