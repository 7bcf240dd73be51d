"""The life of a warning over the API: who may do what, and every refusal in words."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest

from tests.api.conftest import Clock, Officer, written
from tocsin.model import ConflictError, Decision, Role
from tocsin.ops import commands
from tocsin.ops.office import APPROVAL_LASTS, Office
from tocsin.store import OutboxItem

DUTY = commands.Actor(account="duty", role=Role.DUTY_OFFICER)

Enter = Callable[[str], Officer]


def drafted(officer: Officer, **changes: object) -> dict:
    answer = officer.write("POST", "/api/v1/warnings", written(**changes))
    assert answer.status_code == 201, answer.text
    assert answer.headers["etag"] == answer.json()["etag"]
    return answer.json()


def submitted(officer: Officer, **changes: object) -> dict:
    answer = officer.step(drafted(officer, **changes), "submit")
    assert answer.status_code == 200, answer.text
    return answer.json()


def approved(duty: Officer, chief: Officer, **changes: object) -> dict:
    answer = chief.step(submitted(duty, **changes), "approve", legal_basis="ipaws")
    assert answer.status_code == 200, answer.text
    return answer.json()


def letters(office: Office, alert: dict) -> list[OutboxItem]:
    both = (*office.store.outbox(), *office.store.outbox_of("drill").rows())
    return [i for i in both if i.payload["alert"] == alert["id"]]


def eventually(done: Callable[[], bool]) -> bool:
    """Sending goes on after the answer: give it some seconds."""
    until = time.monotonic() + 10
    while not done() and time.monotonic() < until:
        time.sleep(0.02)
    return done()


def refused(answer: httpx.Response, status: int, *words: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert body["title"]
    for word in words:
        assert word in body["detail"], body


def test_from_draft_to_the_world(enter: Enter, office: Office, public: httpx.Client) -> None:
    duty, chief = enter("duty"), enter("chief")
    alert = drafted(duty)
    assert alert["state"] == "draft"
    assert set(alert["actions"]) == {"edit", "submit", "reject", "translate"}
    alert = duty.step(alert, "submit").json()
    assert "approve" not in alert["actions"]
    mine = chief.get(f"/api/v1/warnings/{alert['id']}").json()
    assert {"approve", "reject"} <= set(mine["actions"])
    alert = chief.step(mine, "approve", legal_basis="ipaws").json()
    assert alert["approver"] == "chief"
    answer = duty.step(alert, "issue")
    assert answer.status_code == 200, answer.text
    alert = answer.json()
    assert alert["state"] == "issued"
    assert [h["action"] for h in alert["history"]][:4] == ["draft", "submit", "approve", "issue"]
    assert [t["state"] for t in alert["tasks"]] == ["open"] * len(alert["tasks"])
    assert alert["tasks"]
    body = public.get(alert["cap"])
    assert body.status_code == 200
    assert b"Departures stopped at Boston" in body.content
    assert alert["id"].encode() in public.get("/cap/feed.xml").content
    assert eventually(lambda: {"accepted"} == {i.status for i in letters(office, alert)})
    # A cancellation is a draft of its own until somebody else approves it.
    gone = duty.step(alert, "cancel", reason="flights go again")
    assert gone.status_code == 200, gone.text
    assert gone.json()["msg_type"] == "Cancel"
    assert gone.json()["state"] == "draft"
    assert public.get(f"/api/v1/warnings/{gone.json()['id']}").status_code == 404


def test_nobody_approves_their_own(enter: Enter) -> None:
    chief = enter("chief")
    mine = submitted(chief)
    refused(chief.step(mine, "approve", legal_basis="ipaws"), 403, "chief")
    refused(chief.step(mine, "approve", legal_basis="ipaws", reason="it is urgent"), 403)


def test_approval_needs_a_legal_basis_that_covers_it(enter: Enter) -> None:
    duty, chief = enter("duty"), enter("chief")
    alert = submitted(duty)
    refused(chief.step(alert, "approve"), 422, "legal_basis", "ipaws")
    refused(chief.step(alert, "approve", legal_basis="habit"), 403, "legal_basis")
    # That law allows no warning of this level.
    refused(chief.step(alert, "approve", legal_basis="eas"), 403, "level")


def test_an_edit_voids_the_approval(enter: Enter) -> None:
    duty, chief = enter("duty"), enter("chief")
    alert = approved(duty, chief)
    path = f"/api/v1/warnings/{alert['id']}"
    edited = duty.write(
        "PATCH", path, {"headline": "Departures stopped at Boston and Providence"}, alert["etag"]
    )
    assert edited.status_code == 200, edited.text
    assert edited.json()["state"] == "draft"
    assert edited.json()["approver"] is None
    assert edited.json()["etag"] != alert["etag"]
    refused(duty.step(alert, "issue"), 412, "If-Match")
    refused(duty.step(edited.json(), "issue"), 409, "draft")


def test_an_approval_lapses(enter: Enter, clock: Clock) -> None:
    duty, chief = enter("duty"), enter("chief")
    alert = approved(duty, chief, hours=48)
    clock.forward(APPROVAL_LASTS + timedelta(seconds=1))
    answer = duty.step(alert, "issue")
    assert answer.status_code in {403, 409}
    refused(answer, answer.status_code, "approv")
    now = duty.get(f"/api/v1/warnings/{alert['id']}").json()
    assert now["state"] == "submitted"
    assert now["sent"] is None


def test_two_at_once_and_only_one_wins(enter: Enter) -> None:
    duty, chief = enter("duty"), enter("chief")
    alert = submitted(duty)
    codes: list[int] = []

    def reject() -> None:
        with httpx.Client(base_url=chief.client.base_url, cookies=chief.client.cookies, timeout=20) as client:
            officer = Officer(client, chief.csrf)
            codes.append(officer.step(alert, "reject", reason="no stop").status_code)

    threads = [threading.Thread(target=reject) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes.count(200) == 1
    assert set(codes) <= {200, 409, 412}


def test_a_write_says_on_which_version_it_was_decided(enter: Enter) -> None:
    duty = enter("duty")
    alert = drafted(duty)
    path = f"/api/v1/warnings/{alert['id']}"
    refused(duty.write("POST", f"{path}/submit", {}), 428, "If-Match")
    refused(duty.write("POST", f"{path}/submit", {}, '"0-0000"'), 412, "If-Match")
    assert duty.step(alert, "submit").status_code == 200
    refused(duty.step(alert, "submit"), 412, "If-Match")


@pytest.mark.parametrize(
    ("account", "action"),
    [("vera", "submit"), ("ana", "submit"), ("root", "reject"), ("vera", "issue"), ("ana", "cancel")],
)
def test_a_role_without_the_permission_is_refused(enter: Enter, account: str, action: str) -> None:
    alert = drafted(enter("duty"))
    answer = enter(account).step(alert, action, reason="because")
    refused(answer, 403, f"warning.{action}")


def test_steps_that_the_state_does_not_allow(enter: Enter) -> None:
    duty, chief = enter("duty"), enter("chief")
    alert = drafted(duty)
    refused(chief.step(alert, "approve", legal_basis="ipaws"), 409, "draft")
    refused(chief.step(alert, "issue"), 409, "draft")
    refused(chief.step(alert, "cancel", reason="x"), 409, "draft")
    refused(chief.step(alert, "reject"), 422, "reason")
    assert chief.step(alert, "reject", reason="not a stop").json()["state"] == "rejected"


def test_a_draft_with_faults_is_refused(enter: Enter) -> None:
    duty = enter("duty")
    for changes, status, word in (
        ({"domain": "volcanoes"}, 422, "domain"),
        ({"regions": ["US-AIR-XXX"]}, 422, "region"),
        ({"regions": []}, 422, "regions"),
        ({"regions": ["US-AIR-BOS", "US-AIR-BOS"]}, 422, "twice"),
        ({"level": 7}, 422, "level"),
        ({"person": "somebody"}, 422, "person"),
        ({"onset": "2026-11-23T12:00:00"}, 422, "onset"),
        ({"status": "Test"}, 422, "status"),
    ):
        refused(duty.write("POST", "/api/v1/warnings", written(**changes)), status, word)
    # What is kept must be fit to be sent before anybody is asked to approve it.
    refused(duty.step(drafted(duty, headline="<b>stop</b>"), "submit"), 409, "markup")


def test_the_public_does_not_see_what_it_was_not_told(enter: Enter, public: httpx.Client) -> None:
    duty = enter("duty")
    alert = submitted(duty)
    path = f"/api/v1/warnings/{alert['id']}"
    for hidden in (path, f"/api/v1/why/{alert['id']}", alert["cap"], f"/text/warnings/{alert['id']}"):
        refused(public.get(hidden), 404)
    assert alert["id"] not in public.get("/api/v1/warnings").text
    assert alert["id"] in duty.get("/api/v1/warnings").text
    ours = duty.get("/api/v1/picture").json()["standing"]
    theirs = public.get("/api/v1/picture").json()["standing"]
    assert ours > theirs
    # Whoever kept the public answer must not be told that it is still right after logging in.
    tag = public.get("/api/v1/picture").headers["etag"]
    assert duty.client.get("/api/v1/picture", headers={"If-None-Match": tag}).status_code == 200


def test_the_public_reads_no_account_and_no_reason_of_the_house(enter: Enter, public: httpx.Client) -> None:
    duty, chief = enter("duty"), enter("chief")
    alert = submitted(duty)
    alert = chief.step(alert, "approve", legal_basis="ipaws", reason="the radar room called").json()
    alert = duty.step(alert, "issue").json()
    path = f"/api/v1/warnings/{alert['id']}"
    told, ours = public.get(path).json(), duty.get(path).json()
    assert {h["actor"] for h in told["history"]} - {"system"} == {"staff"}
    assert [h["role"] for h in told["history"]] == [h["role"] for h in ours["history"]]
    assert {h["reason"] for h in told["history"]} == {""}
    assert told["tasks"] == []
    row = next(w for w in public.get("/api/v1/warnings").json()["items"] if w["id"] == alert["id"])
    for shown in (told, row):
        assert (shown["author"], shown["submitter"], shown["reason"]) == ("staff", "staff", "")
        assert shown["approver"] == ("staff" if ours["approver"] else None)
    known = {h["actor"] for h in ours["history"]}
    assert known - {"system"} == {"duty", "chief"}
    for address in (path, f"/api/v1/why/{alert['id']}", f"/text/warnings/{alert['id']}"):
        text = public.get(address).text
        for word in ("by duty (", "by chief (", '"duty"', '"chief"', "radar room"):
            assert word not in text, (address, word)
    decisions = [s for s in duty.get(f"/api/v1/why/{alert['id']}").json()["items"] if s["kind"] == "decision"]
    hidden = public.get(f"/api/v1/why/{alert['id']}").text
    assert decisions
    assert all(d["id"] not in hidden for d in decisions if " by system " not in d["text"])
    assert duty.get(f"/api/v1/warnings/{alert['id']}").json()["tasks"]
    # What is sent says why: the reason of a cancellation is in its message.
    gone = duty.step(alert, "cancel", reason="flights go again").json()
    gone = duty.step(gone, "submit").json()
    gone = chief.step(gone, "approve", legal_basis="ipaws", reason="seen on the board").json()
    gone = duty.step(gone, "issue").json()
    told = public.get(f"/api/v1/warnings/{gone['id']}").json()
    assert told["reason"] == "flights go again"
    assert "seen on the board" not in str(told)


def test_one_successor_waits_at_a_time(enter: Enter, office: Office, clock: Clock) -> None:
    duty, chief = enter("duty"), enter("chief")
    alert = duty.step(approved(duty, chief), "issue").json()
    path = f"/api/v1/warnings/{alert['id']}/update"
    body = {"headline": "Departures stopped at Boston, still", "reason": "it goes on"}
    refused(duty.write("POST", path, body, '"0-0000"'), 412, "If-Match")
    with pytest.raises(ConflictError, match="If-Match"):
        commands.update(
            office, alert["id"], {"headline": "x"}, DUTY, reason="y", at=clock(), match='"0-0000"'
        )
    first = duty.write("POST", path, body, alert["etag"])
    assert first.status_code == 200, first.text
    refused(duty.write("POST", path, body, alert["etag"]), 409, first.json()["id"])
    assert duty.step(first.json(), "reject", reason="not needed").status_code == 200
    assert duty.write("POST", path, body, alert["etag"]).status_code == 200


def test_an_exercise_never_reaches_the_public(enter: Enter, public: httpx.Client, office: Office) -> None:
    duty, chief = enter("duty"), enter("chief")
    alert = approved(duty, chief, status="Exercise")
    alert = duty.step(alert, "issue").json()
    assert alert["state"] == "issued"
    refused(public.get(alert["cap"]), 404)
    assert b"EXERCISE" in duty.get(alert["cap"]).content
    assert alert["id"].encode() not in public.get("/cap/feed.xml").content
    assert {i.recipient for i in letters(office, alert)} == {"drill-folder"}
    # Nor does a view name it: what looks like a warning on the page of an authority is taken for one.
    refused(public.get(f"/api/v1/warnings/{alert['id']}"), 404)
    assert alert["id"] not in public.get("/api/v1/warnings").text
    assert alert["id"] in enter("vera").get("/api/v1/warnings").text


def test_tasks_are_settled_once(enter: Enter) -> None:
    duty, chief = enter("duty"), enter("chief")
    alert = duty.step(approved(duty, chief), "issue").json()
    first = duty.get(f"/api/v1/responses?state=open&alert={alert['id']}").json()["items"]
    task = next(t for t in first if not t["after"])
    refused(enter("vera").write("POST", f"/api/v1/responses/{task['id']}/done"), 403, "task.settle")
    done = duty.write("POST", f"/api/v1/responses/{task['id']}/done")
    assert done.status_code == 200, done.text
    assert done.json()["state"] == "done"
    refused(duty.write("POST", f"/api/v1/responses/{task['id']}/done"), 409)
    other = next(t for t in first if t["id"] != task["id"] and not t["after"])
    refused(duty.write("POST", f"/api/v1/responses/{other['id']}/drop", {}), 422, "reason")
    dropped = duty.write("POST", f"/api/v1/responses/{other['id']}/drop", {"reason": "not needed"})
    assert dropped.json()["state"] == "dropped"
    refused(duty.write("POST", "/api/v1/responses/none/done"), 404)


def test_an_acknowledgement_is_on_record_and_changes_nothing(enter: Enter, office: Office) -> None:
    alert = drafted(enter("duty"))
    answer = enter("vera").write("POST", f"/api/v1/warnings/{alert['id']}/ack")
    assert answer.status_code == 200, answer.text
    assert answer.json()["etag"] == alert["etag"]
    decision: Decision = office.store.audit(subject=alert["id"])[-1].decision
    assert (decision.actor, decision.action) == ("vera", "ack")


def test_the_journal_tells_who_and_only_to_those_who_may_read_it(enter: Enter, public: httpx.Client) -> None:
    alert = submitted(enter("duty"))
    refused(public.get("/api/v1/audit"), 401)
    refused(enter("vera").get("/api/v1/audit"), 403, "audit.read")
    rows = enter("ana").get(f"/api/v1/audit?subject={alert['id']}").json()["items"]
    assert [(r["actor"], r["action"]) for r in rows] == [("duty", "draft"), ("duty", "submit")]
    assert all(len(r["hash"]) == 64 for r in rows)


def test_status_shows_what_waits(enter: Enter) -> None:
    alert = submitted(enter("duty"))
    body = enter("vera").get("/api/v1/status").json()
    assert alert["id"] in {w["id"] for w in body["waiting"]}
    assert body["runs"][0]["domains"] == ["air_transport"]
    assert body["quarantined"] == len(body["quarantine"]) == 0
