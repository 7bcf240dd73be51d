"""A small store with one of everything that seals vouch for, made by the functions themselves."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from pathlib import Path

from tests.warn.desk import APPROVING, DUTY, GLASS, LAWS, LEVELS, alert, at
from tocsin.model import Decision, Role
from tocsin.store import Account, Store, open_store
from tocsin.warn import lifecycle as life


def lived(changes=None, *, glass=False):
    """Each revision of one warning with its decision, from draft to issue."""
    a, made = life.draft(alert(**(changes or {})), actor="system", role=Role.SYSTEM, at=at("09:10"))
    steps = [(a, made)]
    submitter, role = ("olga", APPROVING) if glass else ("dan", DUTY)
    steps.append(life.submit(a, actor=submitter, role=role, at=at("09:12")))
    more = {"break_glass": GLASS, "reason": "seconds"} if glass else {}
    steps.append(
        life.approve(
            steps[-1][0], actor="olga", role=APPROVING, at=at("09:20"), legal_basis="act", laws=LAWS,
            levels=LEVELS, expires_after=timedelta(minutes=30), **more,
        )
    )  # fmt: skip
    out, ds = life.issue(steps[-1][0], at=at("09:21"), break_glass=GLASS if glass else None)
    return [*steps, *zip(out, ds, strict=True)]


def keep_account(store: Store, name: str, role: Role) -> None:
    said = {"account": name, "role": str(role), "disabled": False}
    text = json.dumps(said, sort_keys=True, ensure_ascii=False)
    with store.transaction():
        store.put_account(Account(name=name, role=role, password_hash="scrypt$invented"))
        store.journal(
            Decision(
                id=f"account {name}", at=at("08:00"), actor="system", role=Role.SYSTEM,
                action="account.create", subject=f"account:{name}",
                content_hash=hashlib.sha256(text.encode()).hexdigest(),
            )
        )  # fmt: skip


def write_record(path: Path, lives: int = 2) -> Path:
    """A store with accounts, warnings that were issued, and messages that were sent, wait or are dead."""
    store = open_store(path)
    keep_account(store, "dan", Role.DUTY_OFFICER)
    keep_account(store, "olga", Role.APPROVING_OFFICER)
    for n in range(lives):
        name = f"us.air.{n}"
        for message, decision in lived({"id": name, "chain": name}):
            with store.transaction():
                store.put("alert", name, message, known_at=decision.at, revision=message.revision)
                store.journal(decision)
                if decision.action == "approve":
                    store.approve(
                        alert=name, content_hash=message.content_hash, approver="olga", submitter="dan",
                        legal_basis="act", at=decision.at, expires=message.approval_expires,
                    )  # fmt: skip
                if decision.action == "issue":
                    store.issue(
                        alert=name, content_hash=message.content_hash,
                        approval_expires=message.approval_expires, at=decision.at, issuer="system",
                    )  # fmt: skip
                    for recipient in ("feed", "mail", "radio"):
                        store.enqueue(
                            group=name, recipient=recipient, content_hash=message.content_hash,
                            channel="file", payload={"alert": name, "key": recipient + name},
                            at=decision.at,
                        )  # fmt: skip
        store.settle(3 * n + 1, status="delivered", at=at("09:22"), detail="taken")
        store.settle(3 * n + 2, status="dead", at=at("09:40"), detail="no such address")
    store.close()
    return path
