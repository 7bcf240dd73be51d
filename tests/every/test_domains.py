"""Every domain file passes every shipped check, its own tests included; a file that breaks one is found."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tocsin.catalog.domain_file import FOLDER, DomainTest, load_domain
from tocsin.model import Criteria
from tocsin.testing.domains import CHECKS, play

FILES = {path.stem: load_domain(path) for path in sorted(FOLDER.glob("*.toml"))}
QUICK = [name for name in CHECKS if name != "check_own_tests"]
AIR, _ = FILES["air_transport"]
SEISMIC, SEISMIC_TESTS = FILES["seismic"]


def test_the_domains_and_checks_were_found():
    assert set(FILES) >= {"air_transport", "economy", "seismic", "weather_alerts"}
    assert len(CHECKS) == 8


@pytest.mark.parametrize("check", QUICK)
@pytest.mark.parametrize("name", FILES)
def test_every_domain(name, check):
    CHECKS[check](*FILES[name])


OWN = [
    pytest.param(name, test, id=f"{name}-{test.name}") for name, (_, tests) in FILES.items() for test in tests
]


@pytest.mark.parametrize(("name", "test"), OWN)
def test_the_own_test_of_a_file(name, test):
    CHECKS["check_own_tests"](FILES[name][0], [test])


def test_a_run_of_a_files_test_repeats():
    domain, tests = FILES["economy"]
    assert play(domain, tests[1]) == play(domain, tests[1])


def monitor(domain, **changes):
    return replace(domain, monitors=(replace(domain.monitors[0], **changes), *domain.monitors[1:]))


def unit(domain, word):
    return monitor(domain, quantity=replace(domain.monitors[0].quantity, unit=word))


class Falling(Criteria):
    def event_level(self, magnitude):
        return 0 if magnitude is None else int(magnitude < 5)


BROKEN = {
    "a test that expects calm of a strong earthquake": (
        "check_own_tests", SEISMIC, [DomainTest(name="wrong", events=[6.8], level=0)], "level: got 3"),
    "no test of a feed that is down": (
        "check_tests_cover_calm_and_silence", SEISMIC, SEISMIC_TESTS[:3], "unknown"),
    "no test that stays quiet": (
        "check_tests_cover_calm_and_silence", SEISMIC, SEISMIC_TESTS[1:], "stay quiet"),
    "levels that fall": ("check_levels_rise", replace(SEISMIC, criteria=Falling()), (), "levels that fall"),
    "a category that is no word of CAP": ("check_codes", replace(SEISMIC, category="Quake"), (), "category"),
    "a unit that is none": ("check_codes", unit(AIR, "planes"), (), "unit"),
    "a placeholder that nobody fills": (
        "check_texts", replace(AIR, texts={**AIR.texts, "headline": "$places, $when"}), (), r"\$when"),
    "a headline without places": (
        "check_texts", replace(AIR, texts={**AIR.texts, "headline": "Stopped"}), (), r"\$places"),
    "judged before it is published": (
        "check_maturity", monitor(AIR, mature=timedelta(0)), (), "at least the lag"),
    "alarms without a budget": ("check_budget", replace(AIR, budget=None), (), "budget"),
    "a budget of nothing": ("check_budget", replace(SEISMIC, budget=AIR.budget), (), "budget"),
    "an outcome of what raises nothing": (
        "check_budget",
        replace(AIR, outcome=replace(AIR.outcome, quantity="air_transport.landings")), (), "raises nothing"),
    "a season that does not exist": (
        "check_methods_start",
        replace(AIR, monitors=(replace(AIR.monitors[2], settings={"season": "moon"}),)), (), "moon"),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_domain_is_found(what):
    check, domain, tests, words = BROKEN[what]
    with pytest.raises(AssertionError, match=words):
        CHECKS[check](domain, tests)


def test_every_check_has_a_broken_domain():
    assert {check for check, *_ in BROKEN.values()} == set(CHECKS)
