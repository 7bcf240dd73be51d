"""Secrets are taken out by their place, wherever they stand, and our own words stay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.ops.redaction import without_secrets

PLACES = [
    "https://u:S3CRET@h/x",
    "https://u:S3C@S3CRET@h/x",
    "'https://S3CRET@h/x'",
    "/f?a=1&api_key=S3CRET&b=2",
    "/f?access_token=S3CRET",
    "/f?appid=S3CRET",
    "/f?pwd=S3CRET",
    "/f?code=S3CRET",
    "/f?a=1;apikey=S3CRET",
    "/f?X-Amz-Signature=S3CRET",
    "/f?key=a)S3CRET",
    "/f#token=S3CRET",
    "/f?next=https%3A%2F%2Fh%2F%3Ftoken%3DS3CRET",
    "Authorization: Bearer S3CRET",
    "Proxy-Authorization: Basic S3CRET",
    "{'Authorization': 'Bearer S3CRET', 'x': 1}",
    "(b'authorization', b'Bearer S3CRET')",
    "Bearer S3CRET",
    "api_token: Bearer S3CRET",
    "token=Basic S3CRET==",
    "Basic S3CRET==",
    "X-Api-Key: S3CRET",
    "X-Auth-Token: S3CRET",
    "X-CSRF-Token: S3CRET",
    "Cookie: a=b; tocsin-session=S3CRET",
    "{'cookie': 'tocsin-session=S3CRET'}",
    "tocsin-session=S3CRET",
    "password=S3CRET user=x",
    "{'password': 'two S3CRET words'}",
    '{"client_secret": "S3CRET"}',
    "TOCSIN_PASSWORD=S3CRET",
    "password: S3CRET",
    "hash $argon2id$v=19$m=65536$S3CRET",
]

OURS = [
    "password: got 5 characters, allowed: 10 to 512 characters",
    "X-CSRF-Token: got none or another one, allowed: the word of this session",
    "session: got none, allowed: log in first",
    "not well-formed (invalid token): line 1, column 5",
    "unexpected token: line 7",
    "https://example.org/feed.xml?day=1&zone=TXZ001 ConnectError: refused (try 3 of 3)",
    "Basic research of the bearer",
    "assessments: got 3 regions, allowed: 5",
]


@pytest.mark.parametrize("place", PLACES)
def test_secrets_are_found_by_their_place(place: str) -> None:
    told = without_secrets(f"before {place}")
    assert "S3CRET" not in told
    assert told.startswith("before ")
    assert without_secrets(told) == told, "what is clean stays as it is"


@pytest.mark.parametrize("words", OURS)
def test_our_own_words_stay(words: str) -> None:
    assert without_secrets(words) == words


@given(
    st.text(max_size=60), st.sampled_from([p for p in PLACES if not p.startswith("'")]), st.text(max_size=60)
)
def test_nothing_around_it_brings_it_out(before: str, place: str, after: str) -> None:
    # Whatever stands before on the line; a place inside a quoted text may end earlier, not later.
    assert "S3CRET" not in without_secrets(f"{before}\n {place} {after}")


@pytest.mark.parametrize(
    "piece", ["a", "://", "://a", "token", "x-", "Basic ", "password' '", "?a", "token='"]
)
def test_the_text_of_a_stranger_does_not_hold_it_up(piece: str) -> None:
    """Ten times the text takes about ten times as long: no repetition looks back over all of it."""
    import time

    def took(length: int) -> float:
        text = piece * (length // len(piece))
        begun = time.process_time()
        without_secrets(text)
        return time.process_time() - begun

    took(1000)
    assert took(50_000) < 2.0  # quadratic would be minutes
