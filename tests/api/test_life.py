"""A real warning from draft to a public correction over the API; every refusal is a problem in words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest

from tests.api.conftest import NOW, Clock, Officer, written
from tests.api.test_steps import drafted, letters, refused, submitted
from tocsin.cap import parse_atom
from tocsin.model import ConfigError, iso
from tocsin.ops.address_book import read_recipients
from tocsin.ops.office import Office

Enter = Callable[[str], Officer]
QUAKE = {
    "domain": "seismic",
    "event": "Earthquake",
    "headline": "Strong shaking reported in King County",
    "description": "Callers report shaking.",
    "instruction": "Check gas and water before use.",
    "regions": ["US-53033"],
}


def turn(officer: Officer, verb: str, alert: dict, tail: str, body: object = None) -> dict:
    answer = officer.write(verb, f"/api/v1/warnings/{alert['id']}/{tail}", body, alert["etag"])
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_two_officers_and_a_third_without_the_role(
    enter: Enter, public: httpx.Client, office: Office
) -> None:
    duty, chief, ana = enter("duty"), enter("chief"), enter("ana")
    alert = drafted(duty, **QUAKE)
    spanish = f"/api/v1/warnings/{alert['id']}/translations/es-US"
    refused(ana.write("PUT", spanish, {}), 428, "If-Match")
    alert = turn(ana, "PUT", alert, "translations/es-US", {"headline": "Temblor fuerte en King County"})
    assert alert["translations"][0]["event"] == "Terremoto"  # the rest is from the template
    refused(ana.write("POST", f"{spanish}/check", None, alert["etag"]), 403, "ana", "es-US")
    alert = turn(duty, "POST", alert, "submit", {})
    refused(chief.step(alert, "approve", legal_basis="ipaws"), 409, "es-US unchecked")
    alert = turn(duty, "POST", alert, "translations/es-US/check")
    law = ("Integrated Public Alert and Warning System Modernization Act", "section 2 (6 U.S.C. § 321o)")
    for account in ("vera", "ana", "root"):
        refused(enter(account).step(alert, "approve", legal_basis="ipaws"), 403, *law, "approving_officer")
    refused(enter("vera").step(alert, "approve"), 403, "warning.approve")
    refused(duty.step(alert, "approve", legal_basis="ipaws"), 403, *law)
    alert = turn(chief, "POST", alert, "approve", {"legal_basis": "ipaws"})
    alert = turn(duty, "POST", alert, "issue", {})
    body = public.get(alert["cap"]).content.decode()
    assert body.count("<info>") == 2
    assert "Temblor fuerte en King County" in body
    told = public.get(f"/api/v1/warnings/{alert['id']}").json()
    assert {told["translations"][0][k] for k in ("author", "checked_by")} == {"staff"}
    assert {i.payload["status"] for i in letters(office, alert)} == {"Actual"}
    # an update, and a third who may not
    changes = {"headline": "Shaking ended in King County", "reason": "new figures"}
    refused(ana.write("POST", f"/api/v1/warnings/{alert['id']}/update", changes, alert["etag"]), 403)
    new = turn(duty, "POST", alert, "update", changes)
    new = turn(ana, "DELETE", new, "translations/es-US")
    new = turn(duty, "POST", new, "submit", {})
    new = turn(chief, "POST", new, "approve", {"legal_basis": "ipaws"})
    new = turn(duty, "POST", new, "issue", {})
    # it was wrong
    gone = turn(duty, "POST", new, "cancel", {"reason": "A quarry blast.", "correction": True})
    assert public.get("/api/v1/corrections").json()["items"] == []
    gone = turn(duty, "POST", gone, "submit", {})
    gone = turn(chief, "POST", gone, "approve", {"legal_basis": "ipaws"})
    gone = turn(duty, "POST", gone, "issue", {})
    (row,) = public.get("/api/v1/corrections").json()["items"]
    assert (row["id"], row["corrects"], row["reason"]) == (gone["id"], [new["id"]], "A quarry blast.")
    assert "duty" not in str(row)
    assert "Correction: A quarry blast." in public.get(gone["cap"]).text
    listed, _ = parse_atom(public.get("/cap/corrections.xml").content)
    assert [(e.title, e.summary) for e in listed.entries] == [
        ("Correction: Shaking ended in King County", "A quarry blast.")
    ]
    assert public.get(f"/cap/{listed.entries[0].link}").status_code == 200
    entries = public.get("/api/v1/ledger").json()["items"]
    assert next(e for e in entries if e["alert"] == alert["id"])["corrected_by"] == [gone["id"]]


def test_one_officer_alone_and_the_review(enter: Enter, clock: Clock) -> None:
    chief, root = enter("chief"), enter("root")
    alert = submitted(chief, **QUAKE)
    refused(chief.step(alert, "approve", legal_basis="ipaws"), 403, "chief")
    body = {"legal_basis": "ipaws", "break_glass": True}
    path = f"/api/v1/warnings/{alert['id']}"
    refused(chief.write("POST", f"{path}/approve", body, alert["etag"]), 403, "reason")
    alert = turn(chief, "POST", alert, "approve", {**body, "reason": "8 seconds are left"})
    alert = turn(chief, "POST", alert, "issue", {})
    (row,) = root.get("/api/v1/reviews?due=true").json()["items"]
    assert (row["alert"], row["policy"], row["overdue"]) == (alert["id"], "demo-seconds-1", False)
    assert root.get("/api/v1/status").json()["reviews"][0]["alert"] == alert["id"]
    found = {"verdict": "upheld", "finding": "The text was right."}
    refused(enter("duty").write("POST", f"{path}/review", found), 403, "warning.review")
    refused(chief.write("POST", f"{path}/review", found), 403, "took part")
    refused(root.write("POST", f"{path}/review", {**found, "verdict": "fine"}), 422, "verdict")
    refused(root.write("POST", f"{path}/review", {**found, "finding": ""}), 422, "finding")
    answer = root.write("POST", f"{path}/review", found)
    assert answer.json()["reviewed_by"] == "root", answer.text
    assert root.get("/api/v1/reviews?due=true").json()["items"] == []
    refused(root.write("POST", f"{path}/review", found), 404, alert["id"])


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"regions": []}, "regions"),
        ({"regions": ["US-AIR-XXX"]}, "allowed: a region of pack us"),
        ({"expires": iso(NOW - timedelta(hours=1))}, "expires: got"),
        ({"onset": iso(NOW + timedelta(days=3)), "expires": iso(NOW + timedelta(days=2))}, "after onset"),
        ({"headline": "x" * 8001}, "headline"),
        ({"language": "es-US"}, "language"),
    ],
)  # fmt: skip
def test_bad_input_is_no_draft(enter: Enter, changes: dict[str, object], word: str) -> None:
    refused(enter("duty").write("POST", "/api/v1/warnings", written(**changes)), 422, word)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"headline": "Stopped at [place]"}, "headline: got the unfilled placeholder '[place]'"),
        ({"description": "Since ${time}."}, "description: got the unfilled placeholder '${time}'"),
        ({"headline": "x" * 161}, "headline: got 161 characters, allowed: at most 160"),
        ({"instruction": "y" * 3001}, "instruction: got 3001 characters, allowed: at most 3000"),
    ],
)
def test_bad_text_is_not_submitted(enter: Enter, changes: dict[str, object], word: str) -> None:
    duty = enter("duty")
    refused(duty.step(drafted(duty, **changes), "submit"), 409, word)


def test_an_unknown_language_names_those_that_there_are(enter: Enter) -> None:
    duty = enter("duty")
    alert = drafted(duty)
    path = f"/api/v1/warnings/{alert['id']}/translations"
    refused(duty.write("PUT", f"{path}/de", {}, alert["etag"]), 409, "got 'de'", "en-US, es-US")
    refused(duty.write("DELETE", f"{path}/es-US", None, alert["etag"]), 409, "es-US")
    same = {"headline": "Departures stopped at Boston"}
    refused(duty.write("PUT", f"{path}/es-US", same, alert["etag"]), 409, "the same text as in en-US")


def test_a_clock_that_went_back(enter: Enter, clock: Clock) -> None:
    duty = enter("duty")
    alert = drafted(duty)
    clock.forward(-timedelta(minutes=30))
    try:
        refused(duty.step(alert, "submit"), 409, "allowed: not before it was made")
    finally:
        clock.forward(timedelta(minutes=30))


def test_a_recipient_that_cannot_be_stops_the_server_at_its_start(office: Office) -> None:
    file = office.path / "recipients.toml"
    file.write_text('[public.press]\nchannel = "pigeon"\naddress = "roof"\n', "utf-8")
    try:
        with pytest.raises(ConfigError, match=r"public.press.channel: got 'pigeon', allowed:"):
            read_recipients(office.path, office.channels)
    finally:
        file.unlink()
