"""Passwords: kept as argon2 hashes only; a wrong account costs as much time as a wrong password."""

from __future__ import annotations

import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

SHORTEST = 10
"""Characters that a password must have."""

LONGEST = 512
"""Characters beyond which nothing is hashed."""


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def nobody() -> str:
    """A hash that no password fits, so that an unknown account costs as much time as a known one."""
    return _hasher().hash(secrets.token_urlsafe(32))


def hashed(password: str) -> str:
    """Hash a password, once it is long enough and not too long.

    Raises
    ------
    ValueError
        When it is too short or too long.

    Examples
    --------
    >>> fits(hashed("a long enough word"), "a long enough word")
    True
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise ValueError(
            f"password: got {len(password)} characters, allowed: {SHORTEST} to {LONGEST} characters"
        )
    return _hasher().hash(password)


def fits(kept: str, password: str) -> bool:
    """Whether a password is the one that a hash was made of."""
    try:
        _hasher().verify(kept, password[:LONGEST])
    except (Argon2Error, InvalidHashError):
        return False
    return len(password) <= LONGEST


def outdated(kept: str) -> bool:
    """Whether a hash was made with older parameters than ours."""
    return _hasher().check_needs_rehash(kept)
