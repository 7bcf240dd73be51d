"""The picture in words: to everybody what is public, to the desk what is the desk's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from tests.api.conftest import NOW, Clock, served
from tests.cycle.test_propose import context, found
from tests.warn.flood import flood
from tocsin.api import create_app
from tocsin.model import Alert, Role, Translation
from tocsin.ops import accounts, commands, shelving
from tocsin.ops.commands import SYSTEM, Actor
from tocsin.ops.office import Office, open_office
from tocsin.warn import deliver
from tocsin.warn.propose import propose

DUTY = Actor(account="duty", role=Role.DUTY_OFFICER)
CHIEF = Actor(account="chief", role=Role.APPROVING_OFFICER)
PASSWORD = "duty-has-a-long-word"
MOST_BYTES = 30_000
Visit = Callable[[bool], httpx.Client]
REASON = "The gauge was broken: there is no flood."


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def told() -> dict[str, Alert]:
    """What the office below sent, by what is odd about it."""
    return {}


@pytest.fixture(scope="module")
def office(
    tmp_path_factory: pytest.TempPathFactory, clock: Clock, told: dict[str, Alert]
) -> Iterator[Office]:
    made = open_office(tmp_path_factory.mktemp("text") / "store")
    accounts.put_account(made, "duty", Role.DUTY_OFFICER, PASSWORD, at=NOW, actor=SYSTEM)
    spanish = Translation(
        language="es-US",
        headline="Inundación",
        description="Hay una inundación.",
        instruction="Suba a un lugar alto.",
        event="Inundación",
        author="duty",
        written_at=NOW - timedelta(hours=1),
        checked_by="chief",
        checked_at=NOW - timedelta(minutes=50),
    )
    wrong, other, *rest = flood(made.pack.regions, at=NOW - timedelta(minutes=30), count=121)
    told["translated"] = replace(other, translations=(spanish,), likelihood=0.45)
    told["unmeasured"] = rest[0]
    with made.store.transaction():
        for alert in (wrong, told["translated"], *rest):
            made.store.put("alert", alert.id, alert, known_at=alert.sent or NOW, revision=0)
        deliver.prepare(rest[0], at=clock(), desk=made.desk, outbox=made.store.outbox_of("public"))
    new = commands.cancel(made, wrong.id, DUTY, reason=REASON, at=clock(), correction=True)
    commands.submit(made, new.id, DUTY, at=clock())
    commands.approve(made, new.id, CHIEF, legal_basis="ipaws", at=clock())
    told["correction"] = commands.issue(made, new.id, DUTY, at=clock())
    wish = shelving.Wish(ends=NOW + timedelta(hours=5), regions=("US-53",), max_level=3)
    shelving.shelve(made, wish, DUTY, reason="runway works", at=clock())
    at = clock()
    (domain,) = (d for d in made.plan.domains if d.id == "air_transport")
    here = replace(context(at, domain=domain), inputs=("cycle:now",))
    commands.record_proposals(made, propose(here, [found("US-AIR-SEA", at=at)], (), []))
    yield made
    made.store.close()


@pytest.fixture(scope="module")
def visit(office: Office, clock: Clock) -> Iterator[Visit]:
    """A visitor of the text: of the desk, or of the public."""
    with ExitStack() as open_, served(create_app(office, clock=clock)) as url:
        public = open_.enter_context(httpx.Client(base_url=url, timeout=20))
        desk = open_.enter_context(httpx.Client(base_url=url, timeout=20))
        answer = desk.post("/api/v1/session", json={"account": "duty", "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        yield lambda staff: desk if staff else public


def test_corrections_are_for_everybody(visit: Visit, told: dict[str, Alert]) -> None:
    text = visit(False).get("/text").text
    part = text[text.index('id="corrections"') : text.index('id="coverage"')]
    assert REASON in part
    assert told["correction"].id in part
    before = visit(False).get("/text", params={"asof": "2026-11-23T11:45:00Z"}).text
    assert REASON not in before
    assert "None so far." in before


def test_the_public_reads_nothing_of_the_desk(visit: Visit, told: dict[str, Alert]) -> None:
    text = visit(False).get("/text").text
    for word in ("Held back", "runway works", "groups", "Channels", "duty"):
        assert word not in text, word
    one = visit(False).get(f"/text/warnings/{told['unmeasured'].id}").text
    assert "Delivery" not in one


def test_the_desk_reads_groups_that_open(visit: Visit) -> None:
    client = visit(True)
    answer = client.get("/text")
    assert answer.status_code == 200
    assert len(answer.content) <= MOST_BYTES
    groups = client.get("/api/v1/groups").json()
    assert f"{groups['warnings']} warnings in {len(groups['items'])} groups" in answer.text
    small = min(groups["items"], key=lambda g: (g["count"], g["key"]))
    opened = client.get("/text", params={"group": small["key"]}).text
    assert opened.count('href="/text/warnings/') - answer.text.count(REASON) == small["count"]
    assert all(member in opened for member in small["members"])
    assert "is not there (any more)" in client.get("/text", params={"group": "no such"}).text


def test_what_is_held_back_stands_there_with_its_reason(visit: Visit) -> None:
    text = visit(True).get("/text").text
    part = text[text.index('id="held"') : text.index('id="reach"')]
    assert part.count("runway works") == 2
    assert "Silence of duty until" in part
    assert "<td>silenced</td>" in part
    reach = text[text.index('id="reach"') : text.index('id="coverage"')]
    assert "UNKNOWN" in reach
    assert "never" in reach


def test_a_warning_says_likelihood_and_impact_apart(visit: Visit, told: dict[str, Alert]) -> None:
    client = visit(True)
    known = client.get(f"/text/warnings/{told['translated'].id}").text
    assert "medium: 45 % of earlier warnings of this kind came true" in known
    unknown = client.get(f"/text/warnings/{told['unmeasured'].id}").text
    assert "<dt>Likelihood</dt><dd>not measured</dd>" in unknown
    assert f"({told['unmeasured'].impact} of 4)" in unknown
    assert "waiting" in unknown
    assert "<td>none</td>" in unknown, "no receipt is claimed"
    corrected = client.get(f"/text/warnings/{told['correction'].id}").text
    assert "what it replaces was wrong" in corrected
    assert "Modernization Act" in corrected
    assert "<dt>Signature</dt><dd>NOT SIGNED" in corrected
    assert "nothing is on record" in known


def test_a_translation_is_public_and_names_nobody(visit: Visit, told: dict[str, Alert]) -> None:
    client = visit(False)
    text = client.get(f"/text/warnings/{told['translated'].id}").text
    assert 'lang="es-US"' in text
    assert "Suba a un lugar alto." in text
    (row,) = client.get(f"/api/v1/warnings/{told['translated'].id}").json()["translations"]
    assert (row["author"], row["checked_by"]) == ("staff", "staff")
    (known,) = visit(True).get(f"/api/v1/warnings/{told['translated'].id}").json()["translations"]
    assert (known["author"], known["checked_by"]) == ("duty", "chief")


def test_the_matrix_is_public(visit: Visit) -> None:
    body = visit(False).get("/api/v1/matrix").json()
    assert body["name"] == f"{body['id']}/{body['version']}"
    assert [len(row) for row in body["levels"]] == [len(body["impacts"])] * len(body["likelihoods"])
