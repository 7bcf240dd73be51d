"""Log-in, forged requests, limits, and what every route must declare."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request

from tests.api.conftest import DURING, NOW, Clock, Officer, password, served, written
from tocsin.api import create_app
from tocsin.api.gate import OPEN, caller
from tocsin.govern.permissions import Permission
from tocsin.model import AuthorityError, Role, StoreError, iso
from tocsin.ops import access, accounts
from tocsin.ops.commands import SYSTEM
from tocsin.ops.office import Office

Enter = Callable[[str], Officer]
VERBS = ("get", "post", "put", "patch", "delete")


def undeclared(schema: dict[str, Any]) -> list[str]:
    """Operations without a permission that exists, and writes that are open to all."""
    allowed = {OPEN, *map(str, Permission)}
    found = []
    for path, item in schema["paths"].items():
        for verb in VERBS:
            if verb not in item:
                continue
            permission = item[verb].get("x-permission")
            # The log-in has no session yet; a receiver has no account, but the key of what it got.
            session = path in ("/api/v1/session", "/api/v1/receipts")
            if permission not in allowed or (permission == OPEN and verb != "get" and not session):
                found.append(f"{verb} {path}")
    return found


def test_every_route_declares_its_permission(public: httpx.Client) -> None:
    schema = public.get("/api/v1/openapi.json").json()
    assert schema["openapi"].startswith("3.1")
    assert len(schema["paths"]) > 30
    assert undeclared(schema) == []


def test_a_route_that_declares_none_is_found(office: Office, clock: Clock) -> None:
    router = APIRouter()

    @router.post("/planted")
    def planted() -> None: ...

    app = create_app(office, clock=clock)
    app.include_router(router)
    assert undeclared(app.openapi()) == ["post /planted"]


def fill(path: str, alert: str) -> str | None:
    """An address for a path of the schema, that exists."""
    query = {
        "/api/v1/picture/cube": f"?start={iso(DURING)}&end={iso(DURING + timedelta(hours=3))}",
        "/api/v1/series": f"?region=US-AIR-BOS&quantity=air_transport.departures&start={iso(DURING)}"
        f"&end={iso(DURING + timedelta(hours=3))}",
        "/api/v1/series/revisions": "?region=US-AIR-BOS&quantity=air_transport.departures",
        "/api/v1/quantities": "?region=US-AIR-BOS",
        "/api/v1/stream": None,
    }
    if path in query:
        return None if query[path] is None else f"{path}{query[path]}"
    return path.replace("{region}", "US-AIR-BOS").replace("{id}", alert).replace("{identifier}", alert)


def test_every_get_has_an_etag_and_answers_304(public: httpx.Client, enter: Enter, clock: Clock) -> None:
    alert = public.get("/api/v1/warnings", params={"asof": iso(DURING)}).json()["items"][0]["id"]
    root = enter("root").client
    paths = [p for p, item in public.get("/api/v1/openapi.json").json()["paths"].items() if "get" in item]
    seen = 0
    for path in paths:
        address = fill(path, alert)
        if address is None:
            continue
        mark = "&" if "?" in address else "?"
        address = f"{address}{mark}asof={iso(DURING)}"
        first = root.get(address)
        assert first.status_code == 200, (address, first.text)
        tag = first.headers["etag"]
        again = root.get(address, headers={"If-None-Match": f'"other", {tag}'})
        if path in {"/api/v1/health", "/api/v1/status"}:
            continue  # they tell the time
        assert again.status_code == 304, address
        assert again.content == b""
        assert again.headers["etag"] == tag
        assert root.get(address, headers={"If-None-Match": '"other"'}).status_code == 200
        seen += 1
    assert seen >= 20
    assert clock() > NOW


def test_headers_of_every_answer(public: httpx.Client) -> None:
    for path in ("/", "/text", "/api/v1/picture", "/nothing", "/cap/feed.xml", "/assets/index-abc123.js"):
        headers = public.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'self';"), path
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers or "uvicorn" in headers["server"]


def test_a_head_is_the_get_without_its_body(public: httpx.Client) -> None:
    for path in ("/", f"/api/v1/picture?asof={iso(DURING)}", "/cap/feed.xml"):
        got, head = public.get(path), public.head(path)
        assert head.status_code == got.status_code == 200
        assert head.content == b""
        assert head.headers["content-type"] == got.headers["content-type"]


def test_long_answers_are_packed(public: httpx.Client) -> None:
    answer = public.get("/api/v1/regions/map")
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["cache-control"].endswith("immutable")
    assert int(answer.headers["content-length"]) < 300_000 < len(answer.content)
    whole = public.get("/api/v1/regions/map", headers={"Accept-Encoding": "identity"})
    assert whole.content == answer.content
    assert public.get("/api/v1/regions?level=county").headers["content-encoding"] == "gzip"


def test_files_of_the_front(public: httpx.Client) -> None:
    page = public.get("/")
    assert page.headers["cache-control"] == "no-cache"
    assert "the page" in page.text
    asset = public.get("/assets/index-abc123.js")
    assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert asset.headers["content-type"].startswith("text/javascript")
    for path in (
        "/../tocsin.db",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/assets/..%2f..%2ftocsin.db",
        "/assets",
        "/a%00b",
    ):
        answer = public.get(path)
        assert answer.status_code == 404, path
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_front_that_was_not_built_is_said_so(office: Office, clock: Clock, tmp_path: Any) -> None:
    with (
        served(create_app(office, clock=clock, static=tmp_path)) as url,
        httpx.Client(base_url=url) as client,
    ):
        page = client.get("/")
        assert page.status_code == 503
        assert 'href="/text"' in page.text
        assert "<script" not in page.text
        assert client.get("/text").status_code == 200
        assert client.get("/api/v1/health").json()["clock"]["mode"] == "live"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("PUT", "/api/v1/picture", 405),
        ("GET", "/api/v1/picture?asof=yesterday", 422),
        ("GET", "/api/v1/picture?asof=2001-03-05T18:05:00", 422),
        ("GET", "/api/v1/picture?asof=2999-01-01T00:00:00Z", 422),
        ("GET", "/api/v1/picture?asof=0001-01-01T00:00:00Z", 422),
        ("GET", "/api/v1/picture?asof=0001-01-01T00:00:00%2B10:00", 422),
        ("GET", "/api/v1/ledger?asof=9999-12-31T23:59:59-10:00", 422),
        ("GET", "/api/v1/ledger?asof=0001-01-01T00:00:00Z", 422),
        ("GET", "/api/v1/picture/cube?start=0001-01-01T00:00:00Z&end=0001-01-01T03:00:00Z", 422),
        ("GET", "/api/v1/picture/cube?start=9999-12-31T20:00:00Z&end=9999-12-31T23:00:00Z", 422),
        ("GET", "/api/v1/regions?asof=x", 422),
        ("GET", "/api/v1/regions/US-AIR-BOS?asof=2999-01-01T00:00:00Z", 422),
        ("GET", "/api/v1/quantities?region=US-AIR-BOS&asof=x", 422),
        ("GET", "/api/v1/picture/cube?start=2001-01-09T00:00:00Z&end=2000-01-09T00:00:00Z", 422),
        ("GET", "/api/v1/picture/cube?start=1801-01-09T00:00:00Z&end=2000-01-09T00:00:00Z", 422),
        ("GET", "/api/v1/picture/cube", 422),
        ("GET", "/api/v1/regions?level=moon", 422),
        ("GET", "/api/v1/regions?cursor=%F0%9F%98%80", 422),
        ("GET", "/api/v1/regions?limit=0", 422),
        ("GET", "/api/v1/regions/US-AIR-XXX", 422),
        (
            "GET",
            "/api/v1/series?region=US&quantity=x&start=2001-01-09T00:00Z&end=2001-01-10T00:00Z",
            422,
        ),
        ("GET", "/api/v1/warnings?state=maybe", 422),
        ("GET", "/api/v1/ledger?domain=moon", 422),
        ("GET", "/api/v1/why/nothing", 404),
        ("GET", "/cap/nothing.xml", 404),
        ("GET", "/text?asof=x", 422),
        ("POST", "/api/v1/warnings", 401),
        ("DELETE", "/api/v1/warnings/x", 405),
    ],
)
def test_every_refusal_is_a_problem_in_words(
    public: httpx.Client, method: str, path: str, status: int
) -> None:
    answer = public.request(method, path, json={} if method == "POST" else None)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert body["type"] == "about:blank"
    assert body["detail"]
    assert "Traceback" not in answer.text


def test_an_error_of_ours_tells_nothing_to_the_world(
    public: httpx.Client, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fall(*_: object, **__: object) -> None:
        raise RuntimeError("secret of the house")

    monkeypatch.setattr(office.store, "audit", fall)
    answer = public.get("/api/v1/warnings/anything")
    assert answer.status_code in {404, 500}
    monkeypatch.setattr(office.store, "list", fall)
    answer = public.get("/api/v1/ledger")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_too_much_is_refused(public: httpx.Client, enter: Enter) -> None:
    long = b'{"account":"' + b"x" * 70_000 + b'"}'
    headers = {"Content-Type": "application/json"}
    assert public.post("/api/v1/session", content=long, headers=headers).status_code == 413
    # One that does not say how long it is.
    assert public.post("/api/v1/session", content=iter([long]), headers=headers).status_code == 413
    answer = enter("duty").write("POST", "/api/v1/warnings", written(headline="x" * 9000))
    assert answer.status_code == 422


def test_a_session_is_a_cookie_that_scripts_cannot_read(public: httpx.Client, office: Office) -> None:
    body = {"account": "ana", "password": password("ana")}
    answer = public.post("/api/v1/session", json=body)
    assert answer.json()["role"] == "analyst"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    token = public.cookies["tocsin-session"]
    kept = office.store.session(hashlib.sha256(token.encode()).hexdigest(), NOW)
    assert kept is not None
    assert token not in repr(kept)
    assert public.get("/api/v1/session").json() == answer.json()
    assert answer.headers["cache-control"] == "no-store"
    csrf = {"X-CSRF-Token": answer.json()["csrf"]}
    assert public.delete("/api/v1/session").status_code == 403
    assert public.delete("/api/v1/session", headers=csrf).json() == {"account": None}
    assert public.get("/api/v1/session").json() == {"account": None}
    public.cookies.set("tocsin-session", token)
    assert public.get("/api/v1/session").json() == {"account": None}


def test_over_https_the_cookie_is_secure(public: httpx.Client) -> None:
    body = {"account": "ana", "password": password("ana")}
    answer = public.post("/api/v1/session", json=body, headers={"X-Forwarded-Proto": "https"})
    assert "Secure" in answer.headers["set-cookie"]


def test_a_session_ends_by_itself(office: Office) -> None:
    token, visitor = access.log_in(office, "vera", password("vera"), NOW)
    assert visitor.expires == NOW + access.LASTS
    assert access.visitor(office, token, NOW + access.LASTS - timedelta(seconds=1)) is not None
    assert access.visitor(office, token, NOW + access.LASTS) is None
    assert access.visitor(office, "x" * 10_000, NOW) is None


def test_a_closed_account_is_out_at_once(office: Office) -> None:
    accounts.put_account(office, "leaver", Role.VIEWER, "a-long-enough-word", at=NOW, actor=SYSTEM)
    token, _ = access.log_in(office, "leaver", "a-long-enough-word", NOW)
    accounts.disable(office, "leaver", at=NOW, actor=SYSTEM)
    assert access.visitor(office, token, NOW) is None
    with pytest.raises(AuthorityError, match="wrong account or password"):
        access.authenticate(office, "leaver", "a-long-enough-word", NOW)


def test_a_wrong_name_and_a_wrong_password_are_answered_alike(public: httpx.Client) -> None:
    answers = [
        public.post("/api/v1/session", json={"account": a, "password": "not-the-word"})
        for a in ("vera", "nemo")
    ]
    assert [a.status_code for a in answers] == [401, 401]
    assert answers[0].json() == answers[1].json()


def test_guessing_is_slowed_by_account(public: httpx.Client, office: Office, clock: Clock) -> None:
    accounts.put_account(office, "target", Role.VIEWER, "the-right-word", at=NOW, actor=SYSTEM)
    codes = [
        public.post("/api/v1/session", json={"account": "target", "password": f"guess-{i}"}).status_code
        for i in range(access.TRIES + 2)
    ]
    assert codes == [401] * access.TRIES + [429] * 2
    right = {"account": "target", "password": "the-right-word"}
    answer = public.post("/api/v1/session", json=right)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= access.WINDOW.total_seconds()
    # Another account is not locked by it, and the lock opens by itself.
    assert (
        public.post("/api/v1/session", json={"account": "ana", "password": password("ana")}).status_code
        == 200
    )
    public.cookies.clear()
    clock.forward(access.WINDOW)
    assert public.post("/api/v1/session", json=right).status_code == 200


def test_guesses_side_by_side_are_counted_before_they_are_looked_at() -> None:
    tries = access.Tries()
    passed: list[int] = []
    ready = threading.Barrier(20)

    def guess() -> None:
        ready.wait()
        try:
            tries.admit("duty", "192.0.2.1", NOW)
        except access.TooManyTries:
            return
        passed.append(1)

    threads = [threading.Thread(target=guess) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(passed) == access.TRIES


def test_a_stranger_does_not_lock_an_officer_out() -> None:
    tries = access.Tries(most=2, most_account=4, most_address=3)
    tries.admit("duty", "home", NOW)
    tries.passed("duty", "home", NOW)
    for i in range(4):
        tries.admit("duty", f"stranger-{i % 2}", NOW)
    with pytest.raises(access.TooManyTries):
        tries.admit("duty", "stranger-1", NOW)
    # Every address together is a ceiling, but not for where the officer got in before.
    with pytest.raises(access.TooManyTries):
        tries.admit("duty", "stranger-2", NOW)
    tries.admit("duty", "home", NOW)
    # One address that goes from account to account is stopped too; what passed is not held against it.
    tries.admit("a", "stranger-0", NOW)
    with pytest.raises(access.TooManyTries) as stopped:
        tries.admit("b", "stranger-0", NOW)
    assert stopped.value.wait == access.WINDOW
    tries.admit("b", "stranger-0", NOW + access.WINDOW)


def test_names_made_up_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "MOST_NAMES", 10)
    tries = access.Tries()
    for i in range(100):
        tries.admit(f"name-{i}", f"address-{i}", NOW)
        tries.passed(f"other-{i}", f"address-{i}", NOW)
    assert len(tries._counted) <= 31
    assert len(tries._known) <= 10


def test_many_log_ins_at_once_do_not_hold_the_site(public: httpx.Client, app: FastAPI) -> None:
    desk = app.state.desk
    assert desk.hashing.acquire(timeout=5)
    assert desk.hashing.acquire(timeout=5)
    try:
        started = time.monotonic()
        answer = public.post("/api/v1/session", json={"account": "ana", "password": password("ana")})
        assert time.monotonic() - started < 5
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1
        assert public.get("/api/v1/regions/US-AIR-BOS").status_code == 200
    finally:
        desk.hashing.release(2)
    answer = public.post("/api/v1/session", json={"account": "ana", "password": password("ana")})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8::7", "2001:db8::/64"),
        ("unix", "unix"),
    ],
)
def test_the_address_of_a_caller_is_its_network(host: str, address: str) -> None:
    request = Request({"type": "http", "client": (host, 1), "headers": []})
    assert caller(request) == address


def test_a_damaged_store_is_not_an_empty_one(
    public: httpx.Client, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(*_: object, **__: object) -> None:
        raise StoreError("segment of the house: hash is wrong")

    monkeypatch.setattr(office.store, "get", damaged)
    answer = public.get("/api/v1/warnings/anything")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert "house" not in answer.text


@pytest.mark.parametrize("name", ["", "two words", "system", "new\nline"])
def test_accounts_have_a_name_and_a_real_password(office: Office, name: str) -> None:
    with pytest.raises(ValueError, match="account"):
        accounts.put_account(office, name, Role.VIEWER, "a-long-enough-word", at=NOW, actor=SYSTEM)
    with pytest.raises(ValueError, match="password"):
        accounts.put_account(office, "short", Role.VIEWER, "short", at=NOW, actor=SYSTEM)
    with pytest.raises(ValueError, match="role"):
        accounts.put_account(office, "robot", Role.SYSTEM, "a-long-enough-word", at=NOW, actor=SYSTEM)
    assert office.store.account("short") is None


def test_another_site_cannot_write_in_our_name(enter: Enter, public: httpx.Client) -> None:
    duty = enter("duty")
    for headers in (
        {},
        {"X-CSRF-Token": "wrong"},
        {"X-CSRF-Token": enter("chief").csrf},
        {"X-CSRF-Token": duty.csrf, "Origin": "https://evil.example"},
        {"X-CSRF-Token": duty.csrf, "Sec-Fetch-Site": "cross-site"},
    ):
        answer = duty.client.post("/api/v1/warnings", json=written(), headers=headers)
        assert answer.status_code == 403, headers
    ours = str(public.base_url).rstrip("/")
    headers = {"X-CSRF-Token": duty.csrf, "Origin": ours, "Sec-Fetch-Site": "same-origin"}
    assert duty.client.post("/api/v1/warnings", json=written(), headers=headers).status_code == 201
    # A form of another site cannot even log a visitor in.
    body = f'{{"account": "ana", "password": "{password("ana")}"}}'
    assert (
        public.post("/api/v1/session", content=body, headers={"Content-Type": "text/plain"}).status_code
        == 422
    )
    assert "tocsin-session" not in public.cookies
