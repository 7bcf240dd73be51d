"""Warnings in several languages: each read by another than its author, and one info for each on the wire."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.warn.desk import (
    APPROVING,
    DUTY,
    ISSUER,
    LAWS,
    LEVELS,
    REGIONS,
    SENDER,
    alert,
    at,
    spanish,
)
from tocsin.cap import check, parse
from tocsin.govern.audit import unlawful
from tocsin.model import AuthorityError, Role, State, TransitionError
from tocsin.warn import lifecycle as life
from tocsin.warn.message import to_cap, write
from tocsin.warn.translation import Language, require_languages

ANALYST = Role.ANALYST


def translated(a=None, **changes):
    return life.translate(a or alert(), spanish(**changes), actor="tess", role=ANALYST, at=at("09:11"))[0]


def checked(a=None, **changes):
    return life.check(translated(a, **changes), "es-US", actor="ann", role=ANALYST, at=at("09:11"))[0]


def submitted(a):
    return life.submit(a, actor="dan", role=DUTY, at=at("09:12"))[0]


def approved(a, actor="olga"):
    return life.approve(
        a, actor=actor, role=APPROVING, at=at("09:20"), legal_basis="act", laws=LAWS, levels=LEVELS,
        expires_after=timedelta(minutes=30),
    )[0]  # fmt: skip


def issued(a):
    return life.issue(approved(submitted(a)), at=at("09:21"))[0][0]


def test_it_waits_until_another_account_has_read_it():
    waiting = submitted(translated())
    with pytest.raises(TransitionError, match=r"translations: got es-US unchecked, allowed to approve"):
        approved(waiting)
    with pytest.raises(AuthorityError, match=r"checked_by: got 'tess', who wrote the text in es-US"):
        life.check(waiting, "es-US", actor="tess", role=ANALYST, at=at("09:13"))
    seen, decision = life.check(waiting, "es-us", actor="ann", role=ANALYST, at=at("09:13"))
    assert (seen.state, decision.action, decision.reason) == (State.SUBMITTED, "check", "checked es-us")
    assert seen.content_hash == waiting.content_hash
    assert approved(seen).state is State.APPROVED
    with pytest.raises(TransitionError, match="a second check, allowed: one"):
        life.check(seen, "es-US", actor="dan", role=DUTY, at=at("09:13"))


def test_who_translated_it_does_not_approve_it():
    a = life.translate(alert(), spanish(), actor="olga", role=APPROVING, at=at("09:11"))[0]
    a = life.check(a, "es-US", actor="ann", role=ANALYST, at=at("09:11"))[0]
    with pytest.raises(AuthorityError, match="'olga', who is its translator into es-US"):
        approved(submitted(a))


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ADMINISTRATOR, Role.SYSTEM])
def test_roles_that_neither_write_nor_check(role):
    with pytest.raises(AuthorityError, match="role: got"):
        life.translate(alert(), spanish(), actor="zoe", role=role, at=at("09:11"))
    with pytest.raises(AuthorityError, match="role: got"):
        life.check(translated(), "es-US", actor="zoe", role=role, at=at("09:11"))


def test_a_country_says_which_roles_check_a_language():
    with pytest.raises(
        AuthorityError, match="role: got duty_officer, allowed to check texts in es-US: analyst"
    ):
        life.check(translated(), "es-US", actor="dan", role=DUTY, at=at("09:11"), by=[ANALYST])


@pytest.mark.parametrize("name", ["headline", "description", "instruction", "event"])
def test_an_edit_of_the_main_text_voids_the_checks(name):
    edited, _ = life.edit(checked(), {name: "Other words"}, actor="dan", role=DUTY, at=at("09:12"))
    assert edited.translations[0].checked_by is None
    assert edited.translations[0].texts == spanish().texts
    kept, _ = life.edit(checked(), {"level": 3}, actor="dan", role=DUTY, at=at("09:12"))
    assert kept.translations[0].checked_by == "ann"


def test_a_translation_voids_an_approval_and_can_be_taken_out():
    ready = approved(submitted(checked()))
    new, decision = life.translate(
        ready, spanish(headline="Otras palabras"), actor="tess", role=ANALYST, at=at("09:21")
    )
    assert (new.state, new.approver, new.approved_hash) == (State.DRAFT, None, None)
    assert decision.reason == "wrote es-US"
    assert new.translations[0].checked_by is None
    assert new.content_hash != ready.content_hash
    without, _ = life.translate(new, "es-US", actor="dan", role=DUTY, at=at("09:22"))
    assert without.translations == ()
    assert without.content_hash == alert().content_hash
    with pytest.raises(TransitionError, match="got 'es-US', allowed: none is there yet"):
        life.translate(without, "es-US", actor="dan", role=DUTY, at=at("09:22"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"language": "en-us"}, "which the warning itself is in"),
        ({"language": "spanish!"}, "allowed: a language tag"),
        ({"headline": "Salidas en $place"}, r"es-US.headline: got the unfilled placeholder '\$place'"),
        ({"description": "Hasta [hora]"}, r"placeholder '\[hora\]'"),
        ({"instruction": " "}, "instruction: got nothing"),
        ({"instruction": "<b>Espere</b>"}, "got the markup '<b>'"),
        ({"headline": "x" * 161}, "got 161 characters, allowed: at most 160"),
        ({"description": "y" * 5001}, "got 5001 characters, allowed: at most 5000"),
        (
            {"instruction": "ask your  airline before you TRAVEL."},
            "translations.es-US.instruction: got the same text as in en-US, allowed: a translation",
        ),
    ],
)  # fmt: skip
def test_texts_that_are_refused(changes, words):
    with pytest.raises(TransitionError, match=words):
        translated(**changes)


def test_one_text_in_two_translations_is_refused():
    french = spanish(language="fr", author="tess")
    with pytest.raises(TransitionError, match="got the same text as in es-US"):
        life.translate(translated(), french, actor="tess", role=ANALYST, at=at("09:12"))


def test_languages_that_a_country_has_and_asks_for():
    country = {
        "en-US": Language(tag="en-US"),
        "es-US": Language(tag="es-US", required_from=3),
    }
    require_languages(alert(level=2), country)
    require_languages(checked(alert(level=3)), country)
    require_languages(alert(level=4, msg_type="Cancel"), country)
    with pytest.raises(TransitionError, match="got none into es-US, allowed at level 3"):
        require_languages(alert(level=3), country)
    with pytest.raises(TransitionError, match="language: got 'de', allowed by the country: en-US, es-US"):
        require_languages(alert(language="de"), country)
    with pytest.raises(TransitionError, match=r"translations.fr: got 'fr', allowed by the country"):
        require_languages(replace(alert(), translations=(spanish(language="fr"),)), country)


def test_one_info_for_each_language_with_the_same_codes():
    body = write(issued(checked()), issuer=ISSUER, levels=LEVELS, regions=REGIONS)
    message, findings = parse(body)
    assert [f for f in (*findings, *check(message)) if f.level == "error"] == []
    english, other = message.infos
    assert (english.language, other.language) == ("en-US", "es-US")
    assert other.headline == "Salidas suspendidas en Seattle-Tacoma"
    for name in ("category", "event_code", "severity", "urgency", "certainty", "onset", "expires", "areas",
                 "parameter", "response_type"):  # fmt: skip
        assert getattr(english, name) == getattr(other, name), name


def test_a_drill_says_so_in_every_language():
    a = to_cap(issued(checked(alert(status="Exercise"))), issuer=ISSUER, levels=LEVELS, regions=REGIONS)
    assert [i.headline.split(":")[0] for i in a.infos] == ["EXERCISE", "EJERCICIO"]
    assert "ejercicio: no actúe" in a.infos[1].description


def test_a_cancellation_is_said_in_the_languages_of_the_warning():
    out = issued(checked())
    given = {"new_id": "us.air.2", "sender": SENDER, "actor": "dan", "role": DUTY, "at": at("10:00")}
    end, _ = life.cancel(out, reason="over", **given)
    (words,) = end.translations
    assert (words.headline, words.author) == ("Cancelado: Salidas suspendidas en Seattle-Tacoma", "dan")
    assert words.checked_by is None
    wrong, decision = life.cancel(out, reason="a radar fault", correction=True, **given)
    assert wrong.translations[0].description == "Este aviso era erróneo y queda anulado."
    assert wrong.description == "This warning was wrong and is taken back. Reason: a radar fault"
    assert decision.reason == "correction: a radar fault"
    unknown = replace(out, translations=(spanish(language="vi"),))
    assert life.cancel(unknown, reason="over", **given)[0].translations == ()


def test_an_update_keeps_what_still_says_the_same():
    out = issued(checked())
    given = {"new_id": "us.air.2", "sender": SENDER, "actor": "dan", "role": DUTY, "at": at("10:00")}
    assert life.update(out, {"level": 3}, **given)[0].translations[0].checked_by == "ann"
    assert life.update(out, {"headline": "Other"}, **given)[0].translations[0].checked_by is None
    with pytest.raises(TransitionError, match="reason: got nothing"):
        life.update(out, {"level": 3}, correction=True, **given)


def test_the_record_knows_whose_words_went_out():
    """An officer whose translation was taken out may approve, one whose words are in it may not."""
    draft, d0 = life.draft(alert(), actor="system", role=Role.SYSTEM, at=at("09:10"))
    wrote, d1 = life.translate(draft, spanish(), actor="olga", role=APPROVING, at=at("09:11"))
    checked_, d2 = life.check(wrote, "es-US", actor="ann", role=ANALYST, at=at("09:11"))
    without, d3 = life.translate(checked_, "ES-us", actor="ann", role=ANALYST, at=at("09:12"))
    asked, d4 = life.submit(without, actor="dan", role=DUTY, at=at("09:13"))
    given = {"legal_basis": "act", "laws": LAWS, "levels": LEVELS, "expires_after": timedelta(minutes=30)}
    ready, d5 = life.approve(asked, actor="olga", role=APPROVING, at=at("09:20"), **given)
    _, (d6,) = life.issue(ready, at=at("09:21"))
    assert unlawful([d0, d1, d2, d3, d4, d5, d6]) == ()
    (words,) = unlawful([d0, d1, d2, d4, d5, d6])
    assert "on the approval of olga, who made or submitted it" in words
