"""Requests made from the schema of the API, sent to a server of ours: no fault, and answers as declared."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.conftest import password

schemathesis = pytest.importorskip("schemathesis", reason="not installed: run 'make setup-dev'")
from hypothesis import HealthCheck, given, settings  # noqa: E402

pytestmark = pytest.mark.slow

OWN = "/api/v1/session"
"""The log-in: guesses would lock the account, and its end would end the session of the others."""

LEFT_OUT = frozenset({OWN, "/api/v1/stream"})
# The schema says what a time or an id looks like, not whether there is one: 422 is a right answer.
NOT_CHECKED = [schemathesis.checks.positive_data_acceptance]
FEW = settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def faults(url: str, headers: dict[str, str]) -> tuple[int, list[str]]:
    """How many operations were tried, and what was wrong with their answers."""
    schema = schemathesis.openapi.from_url(f"{url}/api/v1/openapi.json")
    found: list[str] = []
    tried = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path in LEFT_OUT:
            continue
        tried += 1

        @given(case=operation.as_strategy())
        @FEW
        def check(case: Any) -> None:
            case.call_and_validate(headers=headers, excluded_checks=NOT_CHECKED)

        try:
            check()
        except BaseExceptionGroup as group:
            found += [f"{operation.label}: {error}" for error in group.exceptions]
        except AssertionError as error:
            found.append(f"{operation.label}: {error}")
    return tried, found


def test_the_public(url: str) -> None:
    tried, found = faults(url, {})
    assert tried > 30
    assert not found, "\n\n".join(found)


def test_an_administrator(url: str) -> None:
    """Who may read all, manage accounts, and decide about no warning."""
    with httpx.Client(base_url=url, timeout=20) as client:
        answer = client.post(OWN, json={"account": "root", "password": password("root")})
        assert answer.status_code == 200, answer.text
        cookie = f"tocsin-session={client.cookies['tocsin-session']}"
    tried, found = faults(url, {"Cookie": cookie, "X-CSRF-Token": answer.json()["csrf"]})
    assert tried > 30
    assert not found, "\n\n".join(found)
