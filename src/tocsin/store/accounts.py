"""Accounts of staff and their log-ins; passwords and tokens are known by their hash only."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from tocsin.model.alert import Role
from tocsin.model.errors import StoreError
from tocsin.model.time import from_us, require_utc, to_us
from tocsin.store.contract import Account, Session
from tocsin.store.database import Database
from tocsin.store.schema import ACCOUNT, SESSION


class Accounts:
    """Accounts and sessions in one database."""

    database: Database

    def put_account(self, account: Account) -> None:
        """Make or change an account; a change of password or a lock ends its sessions."""
        row = {
            "role": str(account.role),
            "password_hash": account.password_hash,
            "disabled": account.disabled,
        }
        with self.database.write() as connection:
            self.database.touch("account", account.name)
            old = connection.execute(sa.select(ACCOUNT).where(ACCOUNT.c.name == account.name)).first()
            if old is None:
                connection.execute(sa.insert(ACCOUNT).values(name=account.name, **row))
                return
            connection.execute(sa.update(ACCOUNT).where(ACCOUNT.c.name == account.name).values(**row))
            if account.disabled or old.password_hash != account.password_hash:
                connection.execute(sa.delete(SESSION).where(SESSION.c.account == account.name))

    def account(self, name: str) -> Account | None:
        """An account; None when there is none."""
        with self.database.read() as connection:
            row = connection.execute(sa.select(ACCOUNT).where(ACCOUNT.c.name == name)).first()
        return None if row is None else _account(row)

    def accounts(self) -> list[Account]:
        """All accounts by name."""
        with self.database.read() as connection:
            return [_account(r) for r in connection.execute(sa.select(ACCOUNT).order_by(ACCOUNT.c.name))]

    def open_session(self, session: Session) -> None:
        """Keep a log-in, and forget those that had expired when it was created.

        Raises
        ------
        StoreError
            When the account does not exist or is disabled.
        """
        with self.database.write() as connection:
            disabled = connection.scalar(
                sa.select(ACCOUNT.c.disabled).where(ACCOUNT.c.name == session.account)
            )
            if disabled is None or disabled:
                raise StoreError(f"session: account: got {session.account!r}, allowed: one that is enabled")
            now = to_us(require_utc(session.created, "created"))
            connection.execute(sa.delete(SESSION).where(SESSION.c.expires <= now))
            connection.execute(
                sa.insert(SESSION).values(
                    token_hash=session.token_hash,
                    account=session.account,
                    created=now,
                    expires=to_us(require_utc(session.expires, "expires")),
                    csrf=session.csrf,
                )
            )

    def session(self, token_hash: str, at: datetime) -> Session | None:
        """The log-in, unless expired at ``at`` or its account disabled."""
        query = (
            sa.select(SESSION)
            .join(ACCOUNT, ACCOUNT.c.name == SESSION.c.account)
            .where(
                SESSION.c.token_hash == token_hash,
                SESSION.c.expires > to_us(require_utc(at, "at")),
                ACCOUNT.c.disabled.is_(False),
            )
        )
        with self.database.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        return Session(
            token_hash=row.token_hash,
            account=row.account,
            created=from_us(row.created),
            expires=from_us(row.expires),
            csrf=row.csrf,
        )

    def close_session(self, token_hash: str) -> None:
        """Forget a log-in."""
        with self.database.write() as connection:
            connection.execute(sa.delete(SESSION).where(SESSION.c.token_hash == token_hash))


def _account(row: sa.Row[tuple[str, str, str, bool]]) -> Account:
    return Account(
        name=row.name, role=Role(row.role), password_hash=row.password_hash, disabled=bool(row.disabled)
    )
