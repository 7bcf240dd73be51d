"""Languages, reviews and corrections as the commands keep them, and what each view shows of them."""

from __future__ import annotations

import math
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.warn.desk import alert, member
from tests.warn.life_desk import World
from tocsin.geo.description import TranslationTable
from tocsin.model import AuthorityError, ConfigError, NotFoundError, Role, TransitionError, iso
from tocsin.ops import commands, corrections, queries, reviews, translating
from tocsin.ops.commands import Actor
from tocsin.ops.drafting import Manual, manual_draft

NOW = datetime(2001, 3, 5, 9, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DUTY = Actor(account="dan", role=Role.DUTY_OFFICER)
OTHER = Actor(account="eve", role=Role.DUTY_OFFICER)
CHIEF = Actor(account="olga", role=Role.APPROVING_OFFICER)
SECOND = Actor(account="omar", role=Role.APPROVING_OFFICER)
TESS = Actor(account="tess", role=Role.ANALYST)
WORLD = World()


@pytest.fixture
def office(tmp_path):
    made, post = WORLD.open(tmp_path)
    made.__dict__["post"] = post
    yield made
    assert made.store.check() == []
    made.store.close()


def drafted(office, **changes):
    plain = {"id": "us.m.1", "chain": "us.m.1", "created_at": NOW, "author": "dan", "inputs": ()}
    return commands.draft(office, alert(**(plain | changes)), DUTY, at=NOW)


def issued(office, actor=CHIEF, **changes):
    a = drafted(office, **changes)
    commands.submit(office, a.id, DUTY, at=NOW)
    commands.approve(office, a.id, actor, legal_basis="ipaws", at=NOW)
    return commands.issue(office, a.id, DUTY, at=NOW)


def out(office, alert_id, at):
    commands.submit(office, alert_id, DUTY, at=at)
    commands.approve(office, alert_id, CHIEF, legal_basis="ipaws", at=at)
    return commands.issue(office, alert_id, DUTY, at=at)


# ---- languages -------------------------------------------------------------------------------------------


def test_a_template_is_filled_with_the_places_of_the_warning(office):
    a = drafted(office, members=(member(), member("US-53033", "King, Washington")))
    new = translating.translate(office, a.id, "ES-us", {}, TESS, at=NOW)
    (t,) = new.translations
    assert (t.language, t.author, t.checked_by) == ("es-US", "tess", None)
    assert t.headline.startswith("Salidas muy por debajo de lo normal: Seattle")
    assert "(SEA) y" not in t.headline
    assert "King, Washington" in t.headline
    assert "(2 en total)" in t.description
    assert iso(NOW) in t.description
    # a word of one's own takes the place of that of the template, and is kept at the next edit
    again = translating.translate(
        office, a.id, "es-US", {"headline": "Sin salidas en Seattle"}, TESS, at=NOW + MINUTE
    )
    assert again.translations[0].headline == "Sin salidas en Seattle"
    assert again.translations[0].description == t.description
    assert len(again.translations) == 1


def test_every_shipped_template_can_be_filled(office):
    for domain in office.plan.domains:
        a = drafted(office, id=f"us.{domain.id}.1", chain=f"us.{domain.id}.1", domain=domain.id)
        texts = translating.from_template(office, a, "es-US")
        assert set(texts) == {"event", "headline", "description", "instruction"}
        assert "$" not in "".join(texts.values())
    unknown = alert(domain="none-such")
    assert translating.from_template(office, unknown, "es-US") == {}
    a = drafted(office, domain="nowhere")
    with pytest.raises(TransitionError, match=r"es-US.event: got nothing and the domain nowhere"):
        translating.translate(office, a.id, "es-US", {"headline": "Hola"}, TESS, at=NOW)


def test_a_template_with_a_hole_that_nothing_fills(office):
    domain = replace(office.plan.domains[0], translations={"es-US": {"headline": "Hola $mundo"}})
    office.__dict__["plan"] = replace(office.plan, domains=(domain,))
    with pytest.raises(
        ConfigError, match=r"translations.es-US: got .*mundo.*, allowed: count, places, until"
    ):
        translating.from_template(office, alert(domain=domain.id), "es-US")


def test_a_level_that_asks_for_a_language_waits_for_it(office):
    a = drafted(office, level=3)
    with pytest.raises(TransitionError, match="got none into es-US, allowed at level 3"):
        commands.submit(office, a.id, DUTY, at=NOW)
    translating.translate(office, a.id, "es-US", {}, TESS, at=NOW)
    commands.submit(office, a.id, DUTY, at=NOW)
    with pytest.raises(TransitionError, match="es-US unchecked"):
        commands.approve(office, a.id, CHIEF, legal_basis="ipaws", at=NOW)
    translating.check(office, a.id, "es-US", DUTY, at=NOW)
    commands.approve(office, a.id, CHIEF, legal_basis="ipaws", at=NOW)
    commands.issue(office, a.id, DUTY, at=NOW)
    commands.send_pending(office, at=NOW)
    assert {m.body.count("<info>") for m in office.post.got} == {2}
    # taken back at once, in the languages that are there
    gone = commands.cancel(office, a.id, DUTY, reason="over", at=NOW + MINUTE)
    assert gone.translations[0].headline.startswith("Cancelado: ")
    translating.drop(office, gone.id, "es-US", DUTY, at=NOW + MINUTE)
    assert out(office, gone.id, NOW + MINUTE).state == "issued"


def test_a_level_raised_after_the_submission_asks_again(office):
    a = drafted(office)
    commands.submit(office, a.id, DUTY, at=NOW)
    commands.edit(office, a.id, {"level": 3}, DUTY, at=NOW + MINUTE)
    with pytest.raises(TransitionError, match="got none into es-US"):
        commands.submit(office, a.id, OTHER, at=NOW + MINUTE)


def test_the_country_says_who_checks(office):
    strict = replace(office, pack=replace(office.pack, translations=(
        TranslationTable(language="es-US", checked_by=(Role.APPROVING_OFFICER,)),
    )))  # fmt: skip
    strict.__dict__["plan"] = office.plan
    a = drafted(strict)
    translating.translate(strict, a.id, "es-US", {}, TESS, at=NOW)
    with pytest.raises(
        AuthorityError, match="got duty_officer, allowed to check texts in es-US: approving_off"
    ):
        translating.check(strict, a.id, "es-US", DUTY, at=NOW)
    assert translating.check(strict, a.id, "es-US", CHIEF, at=NOW).translations[0].checked_by == "olga"


# ---- what is no warning of this country ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"members": (member("XX-1", "Nowhere"),)},
            "members: got region 'XX-1', allowed: a region of pack us",
        ),
        ({"members": (member("US-53034", "Kin"),)}, r"got region 'US-53034'.* Did you mean 'US-53"),
        ({"members": (member(), member())}, "members: got a region twice, allowed: each once"),
        ({"language": "de"}, "language: got 'de', allowed by the country: en-US, es-US"),
    ],
)
def test_neither_drafted_nor_edited_in(office, changes, words):
    with pytest.raises(TransitionError, match=words):
        drafted(office, **changes)
    a = drafted(office)
    with pytest.raises(TransitionError, match=words):
        commands.edit(office, a.id, changes, DUTY, at=NOW)
    assert commands.get_alert(office, a.id) == a


def manual(**changes):
    plain = {
        "domain": "seismic", "event": "Earthquake", "headline": "h", "description": "d", "instruction": "i",
        "level": 2, "impact": 2, "regions": ("US-53033",), "onset": NOW, "expires": NOW + timedelta(hours=6),
    }  # fmt: skip
    return Manual(**(plain | changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"regions": ()}, "regions: got none, allowed: at least one"),
        ({"regions": ("US-1",)}, "region: got 'US-1', allowed: a region of pack us"),
        ({"expires": NOW}, "expires: got 2001-03-05T09:10:00Z, allowed: later than now"),
        ({"onset": NOW + timedelta(hours=7)}, "allowed: after onset"),
        ({"status": "Test"}, "status: got 'Test'"),
        ({"domain": "tides"}, "domain: got 'tides', allowed: air_transport, seismic"),
    ],
)
def test_bad_input_of_a_draft_by_hand(office, changes, words):
    with pytest.raises(ValueError, match=words):
        manual_draft(office, manual(**changes), DUTY, at=NOW)
    assert office.store.list("alert") == []


# ---- one officer alone -----------------------------------------------------------------------------------


def alone(office):
    a = drafted(office, event="Earthquake", author="olga")
    commands.submit(office, a.id, CHIEF, at=NOW)
    glass = commands.policy_of(office)
    commands.approve(
        office, a.id, CHIEF, legal_basis="ipaws", at=NOW, reason="8 s are left", break_glass=glass
    )
    return commands.issue(office, a.id, CHIEF, at=NOW)


def test_an_act_alone_is_reviewed_by_another_and_called_when_it_is_late(office):
    a = alone(office)
    (row,) = queries.reviews(office, None, NOW, due=True)
    assert (row["account"], row["due"], row["overdue"]) == ("olga", "2001-03-06T09:10:00Z", False)
    assert commands.escalate(office, at=NOW + timedelta(hours=24)) == []
    watch = queries.Watch(office, NOW)
    late = NOW + timedelta(hours=25)
    (call,) = commands.escalate(office, at=late)
    assert (call.alert, call.to) == (a.id, Role.ADMINISTRATOR)
    assert "olga approved alone under demo-seconds-1; a review was due" in call.text
    assert commands.escalate(office, at=late + MINUTE) == []  # nobody is called twice
    calls = [n for n in watch.poll(late) if n.kind == "call"]
    assert [(n.said["id"], n.public) for n in calls] == [(a.id, False)]
    assert queries.status(office, late)["reviews"][0]["overdue"] is True
    found = {"verdict": "wrong", "finding": "There were minutes left.", "at": late}
    for who, words in ((CHIEF, "took part"), (DUTY, "warning.review: role"), (TESS, "role: got analyst")):
        with pytest.raises(AuthorityError, match=words):
            reviews.review(office, a.id, who, **found)
    with pytest.raises(TransitionError, match="verdict: got 'fine', allowed: upheld, wrong"):
        reviews.review(office, a.id, SECOND, **(found | {"verdict": "fine"}))
    with pytest.raises(TransitionError, match="finding: got nothing"):
        reviews.review(office, a.id, SECOND, **(found | {"finding": " "}))
    reviews.review(office, a.id, SECOND, **found)
    assert queries.reviews(office, None, late, due=True) == []
    decision = office.store.audit(subject=a.id)[-1].decision
    assert (decision.action, decision.actor, decision.reason) == (
        "review",
        "omar",
        "wrong: There were minutes left.",
    )
    with pytest.raises(NotFoundError, match="a warning that one officer approved alone"):
        reviews.review(office, a.id, SECOND, **found)
    # as it was known before
    assert queries.reviews(office, NOW + MINUTE, late, due=True)[0]["verdict"] is None


def test_two_processes_that_look_at_once_call_once(office, tmp_path):
    a = drafted(office)
    other, _ = WORLD.open(tmp_path)  # the same store, as another process has it
    gate, calls = threading.Barrier(2), []

    def look(desk):
        gate.wait()
        calls.extend(commands.escalate(desk, at=NOW + 20 * MINUTE))

    threads = [threading.Thread(target=look, args=(desk,)) for desk in (office, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.store.close()
    assert [c.alert for c in calls] == [a.id]
    assert [e.decision.action for e in office.store.audit(subject=a.id)] == ["draft", "escalate"]


def test_no_policy_no_way(office):
    none = replace(office, pack=replace(office.pack, break_glass=None))
    with pytest.raises(
        AuthorityError, match="country us has no policy for it; a second officer must approve"
    ):
        commands.policy_of(none)


# ---- found wrong -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["update", "cancel"])
def test_a_correction_is_on_the_list_and_in_the_message(office, how):
    a, later = issued(office), NOW + MINUTE
    said = {"reason": "The radar was down.", "correction": True, "at": later}
    if how == "update":
        new = commands.update(office, a.id, {"headline": "Nothing has stopped"}, DUTY, **said)
    else:
        new = commands.cancel(office, a.id, DUTY, **said)
    assert corrections.corrections(office, None, later) == []  # a draft says nothing yet
    out(office, new.id, later)
    (row,) = queries.corrections(office, None, later, desk=False)
    assert (row["corrects"], row["was_level"], row["reason"]) == ([a.id], 2, "The radar was down.")
    assert queries.corrections(office, NOW, later) == []
    commands.send_pending(office, at=later)
    body = next(m.body for m in office.post.got if m.alert == new.id)
    assert "<note>Correction: The radar was down.</note>" in body
    assert "<valueName>tocsin:correction</valueName>" in body


def test_an_exercise_corrects_nothing_in_public(office):
    a = issued(office, status="Exercise")
    new = commands.cancel(office, a.id, DUTY, reason="wrong", correction=True, at=NOW + MINUTE)
    out(office, new.id, NOW + MINUTE)
    assert queries.corrections(office, None, NOW + MINUTE) == []


def test_an_older_warning_keeps_its_hash_and_reads_back(office):
    a = drafted(office)
    assert math.isnan(a.likelihood)
    assert "translations" not in str(a.content_hash)
    assert commands.get_alert(office, a.id).content_hash == a.content_hash
    assert replace(a, correction=True).content_hash != a.content_hash
