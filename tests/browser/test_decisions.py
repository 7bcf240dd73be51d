"""Two persons decide, in LIVE, on what they have seen."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Clock, Look, log_in, of, settled
from tocsin.model import Alert, Role, State
from tocsin.ops import commands
from tocsin.ops.commands import Actor
from tocsin.ops.office import Office

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]

CHIEF = Actor(account="chief", role=Role.APPROVING_OFFICER)
SECOND = Actor(account="second", role=Role.APPROVING_OFFICER)
Exercise = Callable[..., Alert]


def opened(page: Page, alert: Alert) -> None:
    """Choose a warning in the list."""
    page.locator(f'[data-testid=warning-row][data-id="{alert.id}"] button').click()
    expect(of(page, "detail-state")).to_be_visible()
    settled(page)


def ask(page: Page, action: str) -> None:
    of(page, f"act-{action}").click()
    of(page, "action-dialog").wait_for()


def choose_law(page: Page) -> None:
    of(page, "legal-basis").locator("option").nth(1).wait_for(state="attached")
    of(page, "legal-basis").select_option(index=1)


def test_a_wrong_password_is_refused(look: Look) -> None:
    page = look().open()
    of(page, "login").click()
    of(page, "login-account").fill("duty")
    of(page, "login-password").fill("not the password")
    of(page, "login-send").click()
    expect(of(page, "login-problem")).to_have_text("Account or password is wrong.")
    assert of(page, "account").count() == 0


def test_an_exercise_is_approved_and_issued_in_live(look: Look, exercise: Exercise, office: Office) -> None:
    alert = exercise()
    page = look().open("#t=live")
    row = page.locator(f'[data-testid=warning-row][data-id="{alert.id}"]')
    assert row.count() == 0, "nobody is logged in: an exercise is not shown to the public"
    log_in(page, "chief")
    opened(page, alert)
    assert of(page, "detail-state").inner_text() == "Submitted"
    ask(page, "approve")
    of(page, "action-confirm").click()
    expect(of(page, "action-dialog")).to_contain_text("Choose the legal basis")
    assert office.store.get("alert", alert.id).state is State.SUBMITTED
    choose_law(page)
    of(page, "action-confirm").click()
    expect(of(page, "detail-state")).to_have_text("Approved")
    ask(page, "issue")
    of(page, "action-confirm").click()
    expect(of(page, "detail-state")).to_have_text("Issued")
    kept = office.store.get("alert", alert.id)
    assert (kept.state, kept.approver, kept.status) == (State.ISSUED, "chief", "Exercise")
    assert "chief" in of(page, "history").inner_text()


def test_ones_own_is_not_approved(look: Look, exercise: Exercise, office: Office) -> None:
    alert = exercise(CHIEF)
    page = look().open("#t=live")
    log_in(page, "chief")
    opened(page, alert)
    expect(of(page, "act-own")).to_contain_text("another officer must approve")
    assert of(page, "act-approve").count() == 0
    # Not offered is not enough: the server refuses it in words.
    answer = page.evaluate(
        """async (path) => {
          const { csrf } = await (await fetch('/api/v1/session')).json();
          const { etag } = await (await fetch(path)).json();
          const headers = { 'Content-Type': 'application/json', 'If-Match': etag, 'X-CSRF-Token': csrf };
          const body = JSON.stringify({ legal_basis: 'ipaws' });
          const answer = await fetch(`${path}/approve`, { method: 'POST', headers, body });
          return [answer.status, (await answer.json()).detail];
        }""",
        f"/api/v1/warnings/{quote(alert.id, safe='')}",
    )
    assert answer[0] == 403
    assert "chief" in answer[1]
    assert office.store.get("alert", alert.id).state is State.SUBMITTED


def test_who_opened_the_dialog_before_a_change_is_told(
    look: Look, exercise: Exercise, office: Office, clock: Clock
) -> None:
    alert = exercise()
    page = look().open("#t=live")
    log_in(page, "chief")
    opened(page, alert)
    ask(page, "approve")
    choose_law(page)
    commands.approve(office, alert.id, SECOND, legal_basis="ipaws", at=clock())
    expect(of(page, "action-changed")).to_contain_text("Somebody changed this warning")
    assert of(page, "action-confirm").is_disabled()


def test_who_missed_the_news_is_refused_by_the_version(
    look: Look, exercise: Exercise, office: Office
) -> None:
    alert = exercise()
    late = look()
    late.context.route("**/api/v1/stream", lambda route: route.fulfill(status=204, body=""))
    page = late.open("#t=live")
    log_in(page, "chief")
    opened(page, alert)
    ask(page, "reject")
    of(page, "reason").fill("Not needed.")

    other = look().open("#t=live")
    log_in(other, "second")
    opened(other, alert)
    ask(other, "approve")
    choose_law(other)
    of(other, "action-confirm").click()
    expect(of(other, "detail-state")).to_have_text("Approved")

    of(page, "action-confirm").click()
    expect(of(page, "action-problem")).to_contain_text("Somebody changed this warning since you opened it")
    assert of(page, "action-confirm").is_disabled()
    kept = office.store.get("alert", alert.id)
    assert (kept.state, kept.approver) == (State.APPROVED, "second")
    page.keyboard.press("Escape")
    expect(of(page, "detail-state")).to_have_text("Approved")


def test_nothing_is_decided_in_replay(look: Look) -> None:
    page = look().open("#t=2001-03-05T20:05Z")
    log_in(page, "chief")
    of(page, "warning-row").first.locator("button").click()
    expect(of(page, "actions")).to_contain_text("decisions are made in LIVE only")
    assert page.locator("[data-testid^=act-]").count() == 0


def test_a_decision_of_another_reaches_the_page_by_itself(
    look: Look, exercise: Exercise, office: Office, clock: Clock
) -> None:
    alert = exercise()
    page = look().open("#t=live")
    log_in(page, "chief")
    opened(page, alert)
    commands.approve(office, alert.id, SECOND, legal_basis="ipaws", at=clock())
    expect(of(page, "detail-state")).to_have_text("Approved")
