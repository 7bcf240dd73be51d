"""Who is at the door: log-ins and their sessions, and how often somebody may try.

Tokens of sessions are kept as SHA-256, passwords as argon2 hashes; the store alone lets nobody in.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tocsin.govern.permissions import Permission, may
from tocsin.model import AuthorityError
from tocsin.ops import accounts, passwords
from tocsin.ops.commands import Actor
from tocsin.ops.office import Office
from tocsin.store import Account, Session

LASTS = timedelta(hours=12)
"""How long a log-in lasts: a shift."""

TRIES, WINDOW = 5, timedelta(minutes=5)
"""Failed attempts on one account from one address within this time, after which they have to wait."""

TRIES_ACCOUNT, TRIES_ADDRESS = 50, 50
"""Failed attempts on one account from all addresses, and from one address on all accounts."""

MOST_NAMES = 10_000
"""Names with failures that are remembered at a time."""

_REFUSED = "log-in: got a wrong account or password, allowed: an account that an administrator made"


class TooManyTries(AuthorityError):  # noqa: N818 - named for what happened
    """Too many failed attempts; ``wait`` says for how long the door is closed.

    Parameters
    ----------
    wait : timedelta
        Until the next attempt is looked at.
    lock : str
        What it means for the account, in words; empty when an address is stopped on all accounts.
    """

    def __init__(self, wait: timedelta, lock: str = "") -> None:
        self.wait, self.lock = wait, lock
        super().__init__(f"log-in: got too many failed attempts, allowed: again in {wait}")


def authenticate(office: Office, account: str, password: str, now: datetime) -> Account:
    """Give the account if the password is its own; a wrong name takes as long as a wrong password.

    Raises
    ------
    AuthorityError
        Always with the same words; also when the account was changed while the password was looked at.
    """
    found = office.store.account(account)
    kept = passwords.nobody() if found is None else found.password_hash
    fits = passwords.fits(kept, password)
    if not fits or found is None or found.disabled:
        raise AuthorityError(_REFUSED)
    if passwords.outdated(kept):
        found = accounts.rehash(office, found, password, at=now)
    return _unchanged(office, found)


def _unchanged(office: Office, found: Account) -> Account:
    """The account as it is now, if the password that was right still is: looking at it takes its time."""
    now = office.store.account(found.name)
    if now is None or now.disabled or now.password_hash != found.password_hash:
        raise AuthorityError(_REFUSED)
    return now


def log_in(office: Office, account: str, password: str, now: datetime) -> tuple[str, Visitor]:
    """Open a session; the token is given once and kept only as its hash.

    Returns
    -------
    token : str
        For the cookie.
    visitor : Visitor
        Who it is.

    Raises
    ------
    AuthorityError
        When account and password do not fit, or no longer do when the session is opened.
    """
    found = authenticate(office, account, password, now)
    token = secrets.token_urlsafe(32)
    session = Session(
        token_hash=_hash(token),
        account=found.name,
        created=now,
        expires=now + LASTS,
        csrf=secrets.token_urlsafe(24),
    )
    with office.store.transaction():
        # No change can come between this look and the session: one that comes later ends it.
        found = _unchanged(office, found)
        office.store.open_session(session)
    return token, Visitor(actor=actor_of(found), csrf=session.csrf, expires=session.expires)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Somebody who is logged in.

    Parameters
    ----------
    actor : Actor
        Account and role.
    csrf : str
        The session's word against forged requests.
    expires : datetime
        End of the session.
    """

    actor: Actor
    csrf: str
    expires: datetime

    def says(self, csrf: str | None) -> bool:
        """Whether a request carries the session's own word."""
        return csrf is not None and hmac.compare_digest(self.csrf.encode(), csrf.encode())


def visitor(office: Office, token: str | None, now: datetime) -> Visitor | None:
    """Who holds a token; None when there is none, it has expired, or the account is closed."""
    if not token or len(token) > passwords.LONGEST:
        return None
    session = office.store.session(_hash(token), now)
    if session is None:
        return None
    account = office.store.account(session.account)
    if account is None or account.disabled:
        return None
    return Visitor(actor=actor_of(account), csrf=session.csrf, expires=session.expires)


def log_out(office: Office, token: str | None) -> None:
    """Forget a session."""
    if token:
        office.store.close_session(_hash(token))


def actor_of(account: Account) -> Actor:
    """Who acts under an account."""
    return Actor(account=account.name, role=account.role)


def permitted(actor: Actor | None, permission: Permission) -> bool:
    """Whether somebody who is logged in has a permission."""
    return actor is not None and may(actor.role, permission)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@dataclass(slots=True, eq=False)
class Tries:
    """Attempts to log in by account and address, in the memory of one server.

    An attempt counts from the moment it is let in until it turns out right, so that guesses side by side do
    not slip through before the first one has failed. Who fails from one address does not lock the account
    for another, and an address that got in before is not stopped by what others do.

    Parameters
    ----------
    most : int
        Failures on one account from one address within ``window``.
    most_account : int
        Failures on one account from all addresses; an address that got in before is exempt.
    most_address : int
        Failures from one address on all accounts.
    window : timedelta
        After which a failure is forgotten.

    Examples
    --------
    >>> from datetime import UTC
    >>> tries, now = Tries(most=1), datetime(2026, 1, 1, tzinfo=UTC)
    >>> tries.admit("duty", "192.0.2.1", now)
    >>> tries.admit("duty", "192.0.2.2", now)
    >>> tries.admit("duty", "192.0.2.1", now)
    Traceback (most recent call last):
    tocsin.ops.access.TooManyTries: log-in: got too many failed attempts, allowed: again in 0:05:00
    """

    most: int = TRIES
    most_account: int = TRIES_ACCOUNT
    most_address: int = TRIES_ADDRESS
    window: timedelta = WINDOW
    _counted: dict[str, list[datetime]] = field(default_factory=dict)
    _known: dict[str, None] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def admit(self, account: str, address: str, now: datetime) -> None:
        """Count an attempt, or raise :class:`TooManyTries`; what is refused is not counted."""
        pair, by_account, by_address = _keys(account, address)
        with self._lock:
            limits = {pair: (self.most, "one address"), by_address: (self.most_address, "")}
            if pair not in self._known:
                limits[by_account] = (self.most_account, "all addresses")
            for key, (most, whence) in limits.items():
                recent = self._recent(key, now)
                if len(recent) >= most:
                    wait = recent[-most] + self.window - now
                    lock = f"{most} failed log-ins from {whence}: closed to it for {wait}" if whence else ""
                    raise TooManyTries(wait, lock)
            for key in (pair, by_account, by_address):
                # Put at the end: what was tried last is forgotten last.
                recent = self._recent(key, now)
                self._counted.pop(key, None)
                self._counted[key] = [*recent, now]
            if len(self._counted) > 3 * MOST_NAMES:
                self._prune(now)

    def passed(self, account: str, address: str, now: datetime) -> None:
        """Forget the failures of an account from this address, and that the attempt of ``now`` was one."""
        pair, by_account, by_address = _keys(account, address)
        with self._lock:
            self._counted.pop(pair, None)
            for key in (by_account, by_address):
                if now in self._counted.get(key, ()):
                    self._counted[key].remove(now)
            self._known.pop(pair, None)
            self._known[pair] = None
            if len(self._known) > MOST_NAMES:
                del self._known[next(iter(self._known))]

    def _recent(self, key: str, now: datetime) -> list[datetime]:
        return [t for t in self._counted.get(key, ()) if t > now - self.window]

    def _prune(self, now: datetime) -> None:
        """Forget what no longer counts, so that made-up names do not fill the memory."""
        kept = {key: recent for key in self._counted if (recent := self._recent(key, now))}
        # Down to half at once: a flood of names must not make every attempt look through all of them.
        self._counted = dict(list(kept.items())[-(3 * MOST_NAMES) // 2 :])


def _keys(account: str, address: str) -> tuple[str, str, str]:
    return _hash(f"{address}\n{account}"), _hash(f"account\n{account}"), _hash(f"address\n{address}")
