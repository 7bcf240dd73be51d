"""What nobody may read who is not logged in: drafts, exercises and tests, on every open route."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from tests.api.conftest import DURING, NOW, Clock, Officer, password, served, written
from tocsin.api import create_app
from tocsin.api.gate import OPEN
from tocsin.model import Role, iso
from tocsin.ops import accounts
from tocsin.ops.commands import SYSTEM
from tocsin.ops.office import open_office

Enter = Callable[[str], Officer]
MARK = "Zephyrhills"
"""A word of the text of every hidden warning, which nothing else says."""


def led(enter: Enter, state: str, status: str, mark: str = MARK) -> dict:
    """A warning with a mark in its text, led to a state."""
    duty, chief = enter("duty"), enter("chief")
    body = written(status=status, headline=f"{mark}: departures stopped", description=f"{mark}.")
    alert = duty.write("POST", "/api/v1/warnings", body).json()
    steps = {
        "draft": [],
        "submitted": [(duty, "submit", {})],
        "rejected": [(duty, "submit", {}), (chief, "reject", {"reason": MARK})],
        "approved": [(duty, "submit", {}), (chief, "approve", {"legal_basis": "ipaws"})],
        "issued": [(duty, "submit", {}), (chief, "approve", {"legal_basis": "ipaws"}), (duty, "issue", {})],
    }
    for officer, action, more in steps[state]:
        answer = officer.step(alert, action, **more)
        assert answer.status_code == 200, answer.text
        alert = answer.json()
    assert alert["state"] == state
    return alert


def addresses(schema: dict, alert: str) -> list[str]:
    """Every open address, filled in with the warning where it takes an id."""
    query = {
        "/api/v1/picture/cube": f"start={iso(NOW - timedelta(hours=2))}&end={iso(NOW)}",
        "/api/v1/series": f"region=US-AIR-BOS&quantity=air_transport.departures&start={iso(DURING)}"
        f"&end={iso(DURING + timedelta(hours=3))}",
        "/api/v1/series/revisions": "region=US-AIR-BOS&quantity=air_transport.departures",
        "/api/v1/quantities": "region=US-AIR-BOS",
        "/api/v1/warnings": "limit=5000",
    }
    found = []
    for path, item in schema["paths"].items():
        if item.get("get", {}).get("x-permission") == OPEN and path != "/api/v1/stream":
            filled = path.replace("{region}", "US-AIR-BOS")
            filled = filled.replace("{id}", alert).replace("{identifier}", alert)
            found.append(filled + (f"?{query[path]}" if path in query else ""))
    return found


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("draft", "Actual"),
        ("submitted", "Actual"),
        ("approved", "Actual"),
        ("rejected", "Actual"),
        ("draft", "Exercise"),
        ("submitted", "Exercise"),
        ("rejected", "Exercise"),
        ("issued", "Exercise"),
    ],
)
def test_no_open_route_tells_it(state: str, status: str, enter: Enter, public: httpx.Client) -> None:
    alert = led(enter, state, status)
    viewer = enter("vera").client
    told_to_staff = 0
    paths = addresses(public.get("/api/v1/openapi.json").json(), alert["id"])
    assert len(paths) > 20
    assert {"/cap/feed.xml", "/text", "/api/v1/picture", "/api/v1/assessments"} <= set(paths)
    for path in paths:
        answer = public.get(path)
        if alert["id"] in path:
            assert answer.status_code == 404, path
            assert MARK not in answer.text, path
        else:
            assert answer.status_code == 200, (path, answer.text)
            assert alert["id"] not in answer.text, path
            assert MARK not in answer.text, path
        told_to_staff += MARK in viewer.get(path).text
    # The same sweep finds it where it may be read: it does look.
    assert told_to_staff >= 4


def test_what_was_issued_in_earnest_is_told(enter: Enter, public: httpx.Client) -> None:
    alert = led(enter, "issued", "Actual", "Yazoo City")
    paths = addresses(public.get("/api/v1/openapi.json").json(), alert["id"])
    telling = {p for p in paths if "Yazoo City" in public.get(p).text}
    own = {f"/cap/{alert['id']}.xml", f"/text/warnings/{alert['id']}"}
    assert {"/cap/feed.xml", "/text", *own} <= telling


FAULT = "https://inside.example.net:8443/mirror?token=S3CRET ConnectError: refused"


def test_what_went_wrong_with_a_feed_is_for_staff(tmp_path: Path) -> None:
    """The outcome is for all; the text of a fault names machines and addresses of the house."""
    office = open_office(tmp_path / "store")
    accounts.put_account(office, "vera", Role.VIEWER, password("vera"), at=NOW, actor=SYSTEM)
    # As an older version kept it: with the key in it.
    for source in ("usgs_earthquakes", "cap_atom"):
        office.store.feed_run(source, NOW, "failed", FAULT)
    app = create_app(office, clock=Clock(NOW))
    with (
        served(app) as url,
        httpx.Client(base_url=url, timeout=20) as public,
        httpx.Client(base_url=url, timeout=20) as viewer,
    ):
        body = {"account": "vera", "password": password("vera")}
        assert viewer.post("/api/v1/session", json=body).status_code == 200

        def both(name: str, key: str, wanted: str) -> tuple[dict, dict]:
            found = [c.get(f"/api/v1/{name}").json()["items"] for c in (public, viewer)]
            to_all, to_staff = (next(r for r in rows if r[key] == wanted) for rows in found)
            return to_all, to_staff

        to_all, to_staff = both("feeds", "id", "usgs_earthquakes")
        assert (to_all["outcome"], to_all["message"]) == ("failed", "")
        assert "inside.example.net" in to_staff["message"]
        assert to_all == {**to_staff, "message": ""}
        to_all, to_staff = both("coverage", "domain", "seismic")
        assert (to_all["state"], to_all["message"]) == ("failed", "")
        assert "ConnectError" in to_staff["message"]
        paths = addresses(public.get("/api/v1/openapi.json").json(), "none")
        assert {"/api/v1/feeds", "/api/v1/coverage", "/api/v1/picture", "/text"} <= set(paths)
        told_to_staff = 0
        for path in [*paths, "/api/v1/status"]:
            assert "inside.example" not in public.get(path).text, path
            told = viewer.get(path).text
            assert "S3CRET" not in told, path
            told_to_staff += "inside.example" in told
        assert told_to_staff >= 4
        assert "Cookie" in public.get("/api/v1/feeds").headers["Vary"]
    office.store.close()
