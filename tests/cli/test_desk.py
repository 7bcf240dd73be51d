"""A warning led by hand from draft to cancellation: two officers, four eyes, and a record."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.conftest import Ran, run

DRAFT = (
    "warnings", "draft", "--domain", "seismic", "--region", "US-53033", "--level", "2", "--hours", "6",
    "--headline", "Strong shaking reported in King County", "--description", "Callers report shaking.",
    "--instruction", "Check gas and water before use.", "--status", "Exercise", "--json",
)  # fmt: skip


def act(*words: object, account: str) -> Ran:
    return run("warnings", *words, "--json", account=account)


def drafted(account: str = "duty") -> str:
    done = run(*DRAFT, account=account)
    assert done.status == 0, done.err
    return str(done.row["id"])


def test_the_whole_life(own: Path) -> None:
    name = drafted()
    assert act("submit", name, account="duty").row["state"] == "submitted"
    approved = act("approve", name, "--basis", "ipaws", account="chief")
    assert approved.row["state"] == "approved"
    assert approved.row["approver"] == "chief"
    assert act("issue", name, account="duty").row["state"] == "issued"
    assert act("ack", name, account="second").status == 0
    tasks = run("respond", "tasks", "--warning", name, "--open", "--json").rows
    assert tasks
    assert all(t["title"].startswith("EXERCISE: ") for t in tasks)
    ready = next(t for t in tasks if not t["after"])
    run("respond", "tasks", "--done", ready["id"], account="duty")
    left = {t["id"] for t in run("respond", "tasks", "--warning", name, "--open", "--json").rows}
    assert left == {t["id"] for t in tasks} - {ready["id"]}
    assert run("respond", "activate", name, "--json", account="duty").rows == []
    end = act("cancel", name, "--reason", "it is over", account="duty").row
    assert (end["state"], end["msg_type"]) == ("draft", "Cancel")
    act("submit", end["id"], account="duty")
    act("approve", end["id"], "--basis", "ipaws", account="chief")
    act("issue", end["id"], account="chief")
    assert run("warnings", "show", name, "--json").row["state"] == "cancelled"
    actions = [r["action"] for r in run("govern", "audit", "--subject", name, "--json").rows]
    assert actions[:4] == ["draft", "submit", "approve", "issue"]
    assert list((own / "public").glob(f"*{name}*")) == []  # an exercise never reaches the public
    assert list((own / "drill").glob(f"*{name}*"))


def test_nobody_approves_their_own(own: Path) -> None:
    name = drafted("chief")
    act("submit", name, account="duty")
    done = act("approve", name, "--basis", "ipaws", account="chief")
    assert done.status == 4
    assert "chief" in done.err
    assert run("warnings", "show", name, "--json").row["state"] == "submitted"


def test_nobody_approves_what_they_submitted(own: Path) -> None:
    name = drafted("duty")
    act("submit", name, account="chief")
    assert act("approve", name, "--basis", "ipaws", account="chief").status == 4


@pytest.mark.parametrize("account", ["viewer", "duty"])
def test_a_role_that_may_not_is_told_so(own: Path, account: str) -> None:
    name = drafted("second")
    act("submit", name, account="second")
    assert act("approve", name, "--basis", "ipaws", account=account).status == 4


def test_a_law_that_is_none_is_not_allowed(own: Path) -> None:
    name = drafted()
    act("submit", name, account="duty")
    done = act("approve", name, "--basis", "divine-right", account="chief")
    assert done.status == 4
    assert "divine-right" in done.err
    assert "ipaws" in done.err


def test_an_edit_voids_the_approval(own: Path) -> None:
    name = drafted()
    act("submit", name, account="duty")
    act("approve", name, "--basis", "ipaws", account="chief")
    edited = act(
        "update", name, "--reason", "clearer", "--headline", "Shaking in King County", account="duty"
    )
    assert edited.row["state"] == "draft"
    assert edited.row["approver"] is None
    assert act("issue", name, account="chief").status == 2


def test_a_version_that_is_gone_is_a_conflict(own: Path) -> None:
    name = drafted()
    seen = run("warnings", "show", name, "--json").row["etag"]
    assert act("submit", name, "--match", seen, account="duty").status == 0
    late = act("reject", name, "--reason", "too late", "--match", seen, account="chief")
    assert late.status == 3
    assert "somebody changed it" in late.err


def test_an_update_of_a_version_that_is_gone_is_a_conflict(own: Path) -> None:
    words = ("--reason", "clearer", "--headline", "Shaking in King County")
    name = drafted()
    seen = run("warnings", "show", name, "--json").row["etag"]
    edited = act("update", name, *words, "--match", seen, account="duty")
    assert edited.status == 0, edited.err
    late = act("update", name, *words, "--match", seen, account="second")
    assert late.status == 3
    assert "somebody changed it" in late.err
    # The same holds for what is issued: the version that was read is the one that is replaced.
    act("submit", name, account="duty")
    approved = act("approve", name, "--basis", "ipaws", account="chief").row["etag"]
    issued = act("issue", name, account="chief").row["etag"]
    assert act("update", name, *words, "--match", approved, account="duty").status == 3
    assert run("warnings", "list", "--state", "draft", "--json").rows == []
    words = ("--reason", "clearer", "--headline", "Shaking went on in King County")
    assert act("update", name, *words, "--match", issued, account="duty").row["msg_type"] == "Update"


def test_a_step_that_the_state_does_not_allow_is_wrong_use(own: Path) -> None:
    name = drafted()
    assert act("issue", name, account="chief").status == 2
    assert act("reject", name, "--reason", "no need", account="chief").row["state"] == "rejected"
    assert act("submit", name, account="duty").status == 2


def test_a_wrong_password_is_not_allowed(own: Path) -> None:
    name = drafted()
    os.environ["TOCSIN_PASSWORD"] = "wrong"
    try:
        wrong = run("warnings", "submit", name, "--as", "duty")
        nobody = run("warnings", "submit", name, "--as", "nobody")
    finally:
        del os.environ["TOCSIN_PASSWORD"]
    assert (wrong.status, nobody.status) == (4, 4)
    assert wrong.err == nobody.err


@pytest.mark.parametrize(
    ("option", "value"),
    [("--domain", "tides"), ("--level", "5"), ("--status", "Joke"), ("--hours", "0")],
)
def test_a_draft_with_a_wrong_word_is_wrong_use(own: Path, option: str, value: str) -> None:
    words = list(DRAFT)
    words[words.index(option) + 1] = value
    done = run(*words, account="duty")
    assert done.status == 2, done.err


def test_an_account_needs_a_role_and_a_password(own: Path) -> None:
    assert run("init", "--account", "x:king").status == 2
    assert run("init", "--account", "x:system").status == 2
    os.environ["TOCSIN_PASSWORD"] = "short"
    try:
        assert run("init", "--account", "x:viewer").status == 2
    finally:
        del os.environ["TOCSIN_PASSWORD"]
