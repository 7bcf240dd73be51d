"""Accounts on the command line: made, disabled, enabled, given a password, and all of it in the audit."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Ran, password, run

NEW = "a-new-and-long-word"


@pytest.fixture
def admin(own: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOCSIN_PASSWORD", password("root"))
    assert run("init", "--account", "root:administrator").status == 0
    monkeypatch.delenv("TOCSIN_PASSWORD")
    monkeypatch.setenv("TOCSIN_NEW_PASSWORD", NEW)
    return own


def change(*words: str, account: str = "root") -> Ran:
    return run("accounts", *words, "--json", account=account)


def test_the_life_of_an_account(admin: Path) -> None:
    made = change("add", "third", "--role", "duty_officer", "--reason", "a third shift")
    assert made.status == 0, made.err
    assert (made.row["role"], made.row["disabled"]) == ("duty_officer", False)
    assert change("disable", "third", "--reason", "left").row["disabled"] is True
    assert change("enable", "third").row["disabled"] is False
    assert change("password", "third").status == 0
    rows = {r["account"]: r for r in run("accounts", "list", "--json").rows}
    assert set(rows) == {"duty", "second", "chief", "viewer", "root", "third"}
    assert "third" in run("accounts", "list").out
    rows = run("govern", "audit", "--subject", "account:third", "--json").rows
    assert [(r["actor"], r["action"], r["reason"]) for r in rows[:2]] == [
        ("root", "account.create", "a third shift"),
        ("root", "account.disable", "left"),
    ]
    assert [r["action"] for r in rows[2:]] == ["account.enable", "account.password"]
    made = run("govern", "audit", "--subject", "account:duty", "--json").row
    assert (made["actor"], made["action"], made["reason"]) == (
        "system",
        "account.create",
        "tocsin init at the console",
    )
    audit = run("govern", "audit")
    assert audit.status == 0, audit.err
    assert NEW not in audit.out


def test_who_is_disabled_acts_no_more(admin: Path) -> None:
    assert change("disable", "duty").status == 0
    assert run("warnings", "ack", "x", account="duty").status == 4
    assert change("enable", "duty").status == 0
    assert run("warnings", "ack", "x", account="duty").status == 3  # there is no such warning


def test_only_an_administrator_may(admin: Path) -> None:
    for words in (("disable", "viewer"), ("enable", "viewer"), ("password", "viewer")):
        done = change(*words, account="chief")
        assert done.status == 4
        assert "account.manage" in done.err
    assert change("add", "x", "--role", "viewer", account="duty").status == 4
    assert change("disable", "root").status == 4
    assert "last administrator" in change("disable", "root").err


def test_wrong_words_are_wrong_use(admin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert change("add", "x", "--role", "king").status == 2
    assert change("add", "system", "--role", "viewer").status == 2
    assert change("disable", "nemo").status == 3
    monkeypatch.setenv("TOCSIN_NEW_PASSWORD", "short")
    assert change("password", "viewer").status == 2


def test_init_keeps_the_accounts_that_are_there(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = run("accounts", "list", "--json").rows
    monkeypatch.setenv("TOCSIN_PASSWORD", NEW)
    refused = run("init", "--account", "new:viewer", "--account", "chief:viewer")
    assert refused.status == 2
    assert "chief" in refused.err
    assert "--change" in refused.err
    assert run("accounts", "list", "--json").rows == before, "nor was the other one made"
    monkeypatch.delenv("TOCSIN_PASSWORD")
    assert run("warnings", "ack", "x", account="chief").status == 3, "the password is what it was"
    monkeypatch.setenv("TOCSIN_PASSWORD", NEW)
    assert run("init", "--account", "chief:viewer", "--change").status == 0
    rows = {r["account"]: r["role"] for r in run("accounts", "list", "--json").rows}
    assert rows["chief"] == "viewer"
    assert "new" not in rows
