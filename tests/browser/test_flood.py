"""Five hundred warnings at once: what the desk sees is a page of groups, and nothing is hidden."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ACCOUNTS, DUTY, NOW, Clock, Look, log_in, of, password, served, settled
from tests.browser.test_access import NARROW, WIDE, violations
from tests.cycle.test_propose import context, found
from tests.warn.flood import flood
from tocsin.model import Alert, Role
from tocsin.ops import accounts, commands, reach, shelving
from tocsin.ops.commands import SYSTEM, Actor
from tocsin.ops.drafting import Manual, manual_draft
from tocsin.ops.office import Office, open_office
from tocsin.warn import deliver
from tocsin.warn.propose import propose

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]

CHIEF = Actor(account="chief", role=Role.APPROVING_OFFICER)
COUNT, MOST = 500, 20
REASON = "The gauge was broken: there is no flood."
WORKS = "Runway works until the evening"
EXERCISE = "us.exercise.20261123T1200Z.1"
LIVE = "#t=live"


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, clock: Clock) -> Iterator[Office]:
    made = open_office(tmp_path_factory.mktemp("flood") / "store")
    for name, role in ACCOUNTS.items():
        accounts.put_account(made, name, role, password(name), at=NOW, actor=SYSTEM)
    # One warning too many: it is found wrong below, and cancelled.
    alerts = flood(made.pack.regions, at=NOW - timedelta(minutes=30), count=COUNT + 1)
    outbox = made.store.outbox_of("public")
    with made.store.transaction():
        for alert in alerts:
            alert = replace(alert, likelihood=0.05) if alert.level == 4 else alert
            made.store.put("alert", alert.id, alert, known_at=alert.sent, revision=alert.revision)
        deliver.prepare(alerts[1], at=clock(), desk=made.desk, outbox=outbox)
    _correct(made, clock, alerts[0])
    shelving.shelve(
        made,
        shelving.Wish(
            ends=NOW + timedelta(hours=5), domains=("air_transport",), regions=("US-53",), max_level=3
        ),
        DUTY,
        reason=WORKS,
        at=clock(),
    )
    _held(made, clock, "US-AIR-SEA")
    drill = commands.exercise_of(alerts[2], identifier=EXERCISE, at=clock(), hold=timedelta(hours=9))
    kept = commands.draft(made, drill, SYSTEM, at=clock())
    commands.submit(made, kept.id, DUTY, at=clock())
    reach.send_test(made, at=clock())
    reach.carry(made, clock=clock)
    yield made
    made.store.close()


def _correct(office: Office, clock: Clock, alert: Alert) -> None:
    """Two officers cancel a warning that was wrong, and say so."""
    kept = office.store.get("alert", alert.id)
    new = commands.cancel(
        office, kept.id, DUTY, reason=REASON, at=clock(), match=commands.etag(kept), correction=True
    )
    commands.submit(office, new.id, DUTY, at=clock())
    commands.approve(office, new.id, CHIEF, legal_basis="ipaws", at=clock())
    commands.issue(office, new.id, DUTY, at=clock())


def _held(office: Office, clock: Clock, region: str) -> None:
    """A live cycle asks for a warning that a silence holds back."""
    at = clock()
    (domain,) = (d for d in office.plan.domains if d.id == "air_transport")
    here = replace(context(at, domain=domain), inputs=("cycle:now",))
    commands.record_proposals(office, propose(here, [found(region, at=at)], (), []))


@pytest.fixture(scope="module")
def url(office: Office, clock: Clock) -> Iterator[str]:
    with served(office, clock) as address:
        yield address


@pytest.fixture
def desk(look: Look) -> Page:
    page = look().open(LIVE)
    log_in(page, "duty")
    return page


def ids(rows: Any) -> list[str | None]:
    return [row.get_attribute("data-id") for row in rows.all()]


def test_the_desk_sees_twenty_groups_that_hold_all_of_them(desk: Page) -> None:
    said = of(desk, "group-sum").inner_text()
    first = of(desk, "group-row").first
    groups = int(first.get_attribute("aria-setsize") or "")
    assert f"{COUNT + 1} warnings in {groups} groups" in " ".join(said.split())
    assert 1 < groups <= MOST
    answer = desk.request.get("/api/v1/groups").json()
    assert len(answer["items"]) == groups
    members = [m for g in answer["items"] for m in g["members"]]
    assert len(members) == len(set(members)) == COUNT + 1


def test_a_group_opens_by_keyboard_to_its_members(desk: Page) -> None:
    first = of(desk, "group-row").first
    count = int(first.get_attribute("data-count") or "")
    first.locator("button").focus()
    desk.keyboard.press("ArrowRight")
    members = desk.locator("[data-testid=warning-row][aria-level='2']")
    expect(members.first).to_have_attribute("aria-setsize", str(count))
    desk.keyboard.press("Tab")
    chosen = ids(members)[0]
    desk.keyboard.press("Enter")
    expect(of(desk, "warning-detail")).to_have_attribute("data-id", chosen or "")
    desk.keyboard.press("Escape")
    back = desk.locator(f'[data-testid=warning-row][data-id="{chosen}"] button')
    expect(back).to_be_focused()
    of(desk, "group-row").first.locator("button").focus()
    desk.keyboard.press("ArrowLeft")
    expect(members).to_have_count(0)


def test_an_exercise_is_announced_to_the_desk_and_hidden_from_the_public(look: Look, desk: Page) -> None:
    expect(of(desk, "drills")).to_contain_text("1 warning here is not real")
    desk.goto(f"/{LIVE}&w={EXERCISE}")
    expect(of(desk, "detail-drill")).to_contain_text("EXERCISE")
    public = look().open(f"{LIVE}&w={EXERCISE}")
    assert of(public, "drills").count() == 0
    assert of(public, "tab-held").count() == 0
    assert of(public, "open-reach").count() == 0
    expect(of(public, "warning-detail")).to_contain_text("only the desk may read it")
    assert EXERCISE not in public.request.get("/text").text()


def test_likelihood_and_impact_stand_apart_with_their_cell(desk: Page) -> None:
    listed = desk.request.get("/api/v1/warnings?state=open").json()["items"]
    grave = next(a for a in listed if a["rare_but_grave"])
    desk.goto(f"/{LIVE}&w={grave['id']}")
    expect(of(desk, "likelihood")).to_contain_text("Very low")
    expect(of(desk, "impact")).to_contain_text("Severe")
    expect(of(desk, "rare")).to_contain_text("Unlikely but grave")
    cell = of(desk, "matrix")
    expect(cell).to_have_attribute("data-row", "0")
    expect(cell).to_have_attribute("data-column", "3")
    unknown = next(a for a in listed if a["likelihood"] is None)
    desk.goto(f"/{LIVE}&w={unknown['id']}")
    expect(of(desk, "likelihood")).to_contain_text("not measured")
    expect(of(desk, "matrix")).to_have_attribute("data-row", "-1")


def test_what_is_taken_is_not_called_delivered(desk: Page) -> None:
    (queued, *_) = desk.request.get("/api/v1/deliveries").json()["items"]
    desk.goto(f"/{LIVE}&w={queued['alert']}")
    row = of(desk, "delivery").first
    expect(row).to_have_attribute("data-state", "pending")
    expect(of(desk, "deliveries")).to_contain_text("no receipt")
    assert "delivered" not in of(desk, "delivery-counts").inner_text()
    of(desk, "open-reach").click()
    tested = of(desk, "reach-row").filter(has_text="file, drills")
    expect(tested).to_contain_text("100 %")
    expect(tested).to_have_attribute("data-state", "unknown")


def test_a_correction_is_for_everybody_also_without_javascript(look: Look) -> None:
    page = look().open(LIVE)
    of(page, "tab-corrections").click()
    row = of(page, "correction-row")
    expect(row).to_contain_text(REASON)
    row.locator("button").click()
    expect(of(page, "correction")).to_be_visible()
    expect(of(page, "chain-message")).to_have_count(2)
    plain = page.request.get("/text").text()
    assert REASON in plain


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_rule_is_broken(look: Look, scheme: str, size: tuple[int, int]) -> None:
    page = look(*size, color_scheme=scheme).open(LIVE)
    of(page, "tab-corrections").click()
    assert violations(page) == []
    log_in(page, "duty")
    of(page, "tab-warnings").click()
    of(page, "group-row").first.locator("button").click()
    assert violations(page) == []
    of(page, "tab-held").click()
    of(page, "held-row").first.wait_for()
    assert violations(page) == []
    of(page, "open-reach").click()
    of(page, "reach-row").first.wait_for()
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.goto(f"/{LIVE}&w={EXERCISE}")
    of(page, "matrix").locator("summary").click()
    settled(page)
    assert violations(page) == []


def test_nothing_is_cut_off_at_320(look: Look) -> None:
    page = look(320, 640).open(LIVE)
    log_in(page, "duty")
    of(page, "group-row").first.locator("button").click()

    def fits(what: str) -> None:
        wide, window = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert wide <= window, what

    fits("groups")
    of(page, "tab-held").click()
    fits("held back")
    of(page, "tab-corrections").click()
    fits("corrections")
    of(page, "open-reach").click()
    of(page, "reach-row").first.wait_for()
    fits("channels")
    page.keyboard.press("Escape")
    page.goto(f"/{LIVE}&w={EXERCISE}")
    of(page, "matrix").locator("summary").click()
    fits("a warning")
    cut = page.evaluate(
        """() => [...document.querySelectorAll('[data-testid=warning-detail] *')]
          .filter((e) => e.clientWidth > 0 && e.scrollWidth > e.clientWidth + 1)
          .filter((e) => getComputedStyle(e).display !== 'inline')
          .filter((e) => !e.matches('.cut, .sr, .sr *, thead, thead *'))
          .map((e) => e.outerHTML.slice(0, 90))"""
    )
    assert cut == []


def test_a_silence_is_shown_and_ended_with_a_reason(desk: Page, office: Office, clock: Clock) -> None:
    shelving.shelve(
        office,
        shelving.Wish(ends=clock() + timedelta(hours=2), domains=("seismic",), regions=("US-06",)),
        DUTY,
        reason="A drill of the survey",
        at=clock(),
    )
    desk.reload()
    settled(desk)
    of(desk, "tab-held").click()
    mine = of(desk, "silence").filter(has_text="A drill of the survey")
    expect(mine).to_contain_text("by duty")
    mine.locator("[data-testid=silence-end]").click()
    of(desk, "silence-confirm").click()
    expect(of(desk, "silence-dialog")).to_contain_text("Say why")
    of(desk, "silence-reason").fill("It is over.")
    of(desk, "silence-confirm").click()
    expect(of(desk, "silence").filter(has_text="A drill of the survey")).to_have_count(0)
    held = of(desk, "held-row").filter(has_text=WORKS)
    expect(held).to_have_attribute("data-stage", "silenced")
    expect(held).to_contain_text("by duty")


def test_what_one_officer_approved_alone_asks_for_a_review(look: Look, office: Office, clock: Clock) -> None:
    at = clock()
    quake = Manual(
        domain="seismic",
        event="Earthquake",
        level=3,
        impact=3,
        headline="Strong shaking near Seattle",
        description="Strong shaking is under way.",
        instruction="Stay away from windows.",
        regions=("US-53033",),
        onset=at,
        expires=at + timedelta(hours=1),
        status="Exercise",
    )
    alert = manual_draft(office, quake, CHIEF, at=at)
    commands.submit(office, alert.id, CHIEF, at=clock())
    policy = commands.policy_of(office)
    commands.approve(
        office, alert.id, CHIEF, legal_basis="ipaws", at=clock(), reason="8 seconds", break_glass=policy
    )
    page = look().open(LIVE)
    log_in(page, "second")
    due = of(page, "review-due")
    expect(due).to_contain_text("approved a warning alone")
    due.locator("button").click()
    of(page, "act-review").click()
    of(page, "review-confirm").click()
    expect(of(page, "review-dialog")).to_contain_text("Choose a verdict")
    of(page, "review-upheld").check()
    of(page, "review-finding").fill("The text was right.")
    of(page, "review-confirm").click()
    expect(of(page, "review-due")).to_have_count(0)
    (row,) = page.request.get("/api/v1/reviews").json()["items"]
    assert (row["alert"], row["verdict"], row["reviewed_by"]) == (alert.id, "upheld", "second")
    commands.reject(office, alert.id, CHIEF, reason="the drill is over", at=clock())
