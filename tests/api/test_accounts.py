"""Accounts over the API: listed, disabled, enabled by an administrator; every change is on the record."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.api.conftest import Clock, Officer
from tocsin.model import Role
from tocsin.ops import access, accounts, passwords
from tocsin.ops.commands import SYSTEM
from tocsin.ops.office import Office

Enter = Callable[[str], Officer]
PATH = "/api/v1/accounts"
WORD = "a-long-enough-word"
LAST = "root"


@pytest.fixture
def leaver(office: Office, clock: Clock, request: pytest.FixtureRequest) -> str:
    name = "leaver-" + re.sub(r"[^A-Za-z0-9]+", "-", request.node.name)[:50]
    accounts.put_account(office, name, Role.DUTY_OFFICER, WORD, at=clock(), actor=SYSTEM)
    return name


def actions(office: Office, account: str) -> list[tuple[str, str]]:
    entries = office.store.audit(subject=f"account:{account}")
    return [(e.decision.actor, e.decision.action) for e in entries]


@contextmanager
def inside(url: str, account: str) -> Iterator[Officer]:
    with httpx.Client(base_url=url, timeout=20) as client:
        answer = client.post("/api/v1/session", json={"account": account, "password": WORD})
        assert answer.status_code == 200, answer.text
        yield Officer(client, answer.json()["csrf"])


def test_an_administrator_disables_and_enables(enter: Enter, url: str, office: Office, leaver: str) -> None:
    root = enter("root")
    with inside(url, leaver) as gone:
        assert gone.get("/api/v1/status").status_code == 200
        answer = root.write("POST", f"{PATH}/{leaver}/disable", {"reason": "left the house"})
        assert answer.status_code == 200, answer.text
        assert (answer.json()["account"], answer.json()["disabled"]) == (leaver, True)
        assert gone.get("/api/v1/status").status_code == 401
        assert gone.get("/api/v1/session").json() == {"account": None}
        again = gone.client.post("/api/v1/session", json={"account": leaver, "password": WORD})
        assert again.status_code == 401
    # Twice is once: nothing happened the second time.
    assert root.write("POST", f"{PATH}/{leaver}/disable").status_code == 200
    assert root.write("POST", f"{PATH}/{leaver}/enable").json()["disabled"] is False
    with inside(url, leaver) as back:
        assert back.get("/api/v1/status").status_code == 200
    assert actions(office, leaver) == [
        ("system", "account.create"),
        ("root", "account.disable"),
        ("root", "account.enable"),
    ]
    rows = enter("ana").get(f"/api/v1/audit?subject=account:{leaver}").json()["items"]
    assert [r["reason"] for r in rows][1] == "left the house"
    assert "argon2" not in str(rows)


def test_the_list_has_roles_and_no_hashes(enter: Enter, leaver: str) -> None:
    body = enter("root").get(PATH)
    rows = {r["account"]: r for r in body.json()["items"]}
    assert set(rows[leaver]) == {"account", "role", "disabled", "changed_at"}
    assert rows[leaver]["role"] == "duty_officer"
    assert rows["chief"]["role"] == "approving_officer"
    assert "argon2" not in body.text


@pytest.mark.parametrize("account", ["vera", "ana", "duty", "chief"])
def test_nobody_else_may(enter: Enter, office: Office, leaver: str, account: str) -> None:
    other = enter(account)
    assert other.get(PATH).status_code == 403
    for verb in ("disable", "enable"):
        answer = other.write("POST", f"{PATH}/{leaver}/{verb}")
        assert answer.status_code == 403
        assert "account.manage" in answer.json()["detail"]
    assert actions(office, leaver) == [("system", "account.create")]


def test_who_is_not_logged_in_may_not(public: httpx.Client, leaver: str) -> None:
    assert public.get(PATH).status_code == 401
    assert public.post(f"{PATH}/{leaver}/disable").status_code == 401


def test_a_forged_request_disables_nobody(enter: Enter, office: Office, leaver: str) -> None:
    answer = enter("root").client.post(f"{PATH}/{leaver}/disable")
    assert answer.status_code == 403
    assert office.store.account(leaver).disabled is False


def test_the_last_administrator_stays(enter: Enter, office: Office, clock: Clock) -> None:
    root = enter("root")
    answer = root.write("POST", f"{PATH}/{LAST}/disable")
    assert answer.status_code == 403
    assert "last administrator" in answer.json()["detail"]
    accounts.put_account(office, "root2", Role.ADMINISTRATOR, WORD, at=clock(), actor=SYSTEM)
    assert root.write("POST", f"{PATH}/root2/disable").status_code == 200
    # One that is disabled counts for nothing.
    assert root.write("POST", f"{PATH}/{LAST}/disable").status_code == 403
    assert root.get(PATH).status_code == 200


def test_an_account_that_is_none_is_not_found(enter: Enter) -> None:
    assert enter("root").write("POST", f"{PATH}/nemo/disable").status_code == 404


def test_the_stream_of_a_disabled_account_ends(enter: Enter, url: str, leaver: str) -> None:
    with inside(url, leaver) as gone, gone.client.stream("GET", "/api/v1/stream") as answer:
        lines = answer.iter_lines()
        assert next(lines).startswith("retry:")
        assert enter("root").write("POST", f"{PATH}/{leaver}/disable").status_code == 200
        began = time.monotonic()
        assert all(not line.startswith("data:") for line in lines)
        assert time.monotonic() - began < 10


def test_a_lock_is_on_record_once_and_of_real_accounts_only(
    public: httpx.Client, office: Office, clock: Clock, leaver: str
) -> None:
    clock.forward(access.WINDOW)
    length = len(office.store.audit())
    for name in (leaver, "nemo-nobody"):
        for n in range(access.TRIES + 3):
            answer = public.post("/api/v1/session", json={"account": name, "password": f"guess-{n}"})
            assert answer.status_code == (401 if n < access.TRIES else 429)
        assert int(answer.headers["retry-after"]) >= 1
    for _ in range(100):  # it is written after the answer
        if len(office.store.audit()) > length:
            break
        time.sleep(0.05)
    (entry,) = office.store.audit()[length:]
    assert (entry.decision.subject, entry.decision.action) == (f"account:{leaver}", "account.lock")
    assert entry.decision.actor == "system"
    assert "5 failed log-ins from one address" in entry.decision.reason
    assert "guess" not in entry.decision.reason
    clock.forward(access.WINDOW)


@pytest.mark.parametrize("change", ["disabled", "password"])
def test_a_change_while_the_password_is_looked_at_gives_401(
    url: str, office: Office, clock: Clock, leaver: str, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    real = passwords.fits

    def slow(kept: str, word: str) -> bool:
        right = real(kept, word)
        monkeypatch.setattr(passwords, "fits", real)
        if change == "disabled":
            accounts.disable(office, leaver, at=clock(), actor=SYSTEM)
        else:
            accounts.set_password(office, leaver, f"new-{WORD}", at=clock(), actor=SYSTEM)
        return right

    monkeypatch.setattr(passwords, "fits", slow)
    answer = httpx.post(f"{url}/api/v1/session", json={"account": leaver, "password": WORD}, timeout=20)
    assert answer.status_code == 401
    assert "wrong account or password" in answer.text
    assert "set-cookie" not in answer.headers
