"""E-mail: the message in words, with the CAP message attached, over the mail server of the desk.

The address is that of the receiver, best a list kept by whoever runs the mail server. ``Message-ID`` is made
from the idempotency key: a mailbox that has it shows one letter. The receipt *accepted* is that of the next
server; that somebody has read it is never claimed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

from tocsin.model import ChannelError, Receipt
from tocsin.warn.contract import Fault, Link, Message, Recipient, admit, receipt
from tocsin.warn.filing import file_name
from tocsin.warn.line import Line, trust
from tocsin.warn.text import long_text, subject

NAME = "email"
MAX_BYTES = 5_000_000
SETTINGS = {
    "host": "mail server that takes our letters",
    "port": "587 when left out; 465 with security = tls",
    "security": "starttls (as it is when left out), tls, or none: only without a password",
    "sender": "address from which the letters come, of the desk",
    "user": "name to log in with",
    "ca_file": "certificates to trust instead of the system's",
}
SECRETS = {"password": "to log in with"}
SECURITY = ("starttls", "tls", "none")
TIMEOUT = 8.0
"""Seconds for one exchange with the server."""

WHOLE = 20.0
"""Seconds for a letter."""

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9A-Fa-f:]+")


def faults(to: Recipient) -> Sequence[Fault]:
    """Refuse what is no mail address, no server, and a password without encryption."""
    found: list[Fault] = []
    for key, text in (("address", to.address), ("sender", to.settings.get("sender"))):
        if not isinstance(text, str) or not _ADDRESS.fullmatch(text) or ".." in text or len(text) > 254:
            found.append(Fault(key=key, got=text, allowed="an address such as desk@example.org"))
    host, port = to.settings.get("host"), to.settings.get("port", 587)
    if not isinstance(host, str) or not _HOST.fullmatch(host):
        found.append(Fault(key="host", got=host, allowed="the name or address of a mail server"))
    if not isinstance(port, int) or isinstance(port, bool) or not 0 < port < 65536:
        found.append(Fault(key="port", got=port, allowed="a whole number from 1 to 65535"))
    security = to.settings.get("security", "starttls")
    if security not in SECURITY:
        found.append(Fault(key="security", got=security, allowed=", ".join(SECURITY)))
    if ("user" in to.settings) != ("password" in to.secrets):
        found.append(Fault(key="user", got=to.settings.get("user"), allowed="user and password, or neither"))
    if security == "none" and "password" in to.secrets:
        found.append(Fault(key="security", got="none", allowed="starttls or tls with a password"))
    return found


def probe(to: Recipient) -> str:
    """Greet the server, with encryption and log-in as for a letter, and leave again."""
    with closing(Line()) as line, _in_words(to):
        line.run(lambda: _greet(to), WHOLE)
    return f"{to.settings['host']} lets us in"


def send(message: Message, to: Recipient, *, at: datetime, dry_run: bool = False) -> Receipt:
    """Hand the letter to the mail server.

    Raises
    ------
    ChannelError
        For good if it may not go there or the server refuses it (5xx); with ``retry`` if the server cannot
        be reached, does not let us in or asks to try later (4xx).
    """
    if dry_run:
        admit(message, to, name=NAME, max_bytes=MAX_BYTES, at=at)
        said = f"would be sent: {letter(message, to)['Subject']}"
        return receipt(message, to, at=at, status="dry", detail=said)
    with closing(link(to)) as one:
        return one.send(message, at=at)


def link(to: Recipient) -> Link:
    """Keep the connection to the server for all that one lane has for this address."""
    return _Link(to)


def letter(message: Message, to: Recipient) -> EmailMessage:
    """The letter: the same bytes at each attempt.

    Raises
    ------
    ChannelError
        For good: the body is no message.
    """
    sender = str(to.settings["sender"])
    name, _, domain = sender.rpartition("@")
    made = EmailMessage()
    made["From"] = Address(username=name, domain=domain)
    made["To"] = to.address
    made["Subject"] = subject(message)
    made["Date"] = format_datetime(message.sent)
    made["Message-ID"] = f"<{message.key}@{domain}>"
    made["Auto-Submitted"] = "auto-generated"
    made["X-CAP-Status"] = message.status
    made["X-CAP-Identifier"] = message.alert
    if message.status == "Actual" and message.level >= 3:
        made["Importance"] = "high"
    made.set_content(long_text(message))
    made.add_attachment(
        message.body.encode(), maintype="application", subtype="cap+xml", filename=file_name(message.alert)
    )
    made.set_boundary(f"tocsin-{message.key[:40]}")
    return made


class _Link:
    def __init__(self, to: Recipient) -> None:
        self._to, self._line = to, Line()
        self._server: Any = None

    def send(self, message: Message, *, at: datetime) -> Receipt:
        admit(message, self._to, name=NAME, max_bytes=MAX_BYTES, at=at)
        written = letter(message, self._to)
        with _in_words(self._to):
            said = self._line.run(lambda: self._hand_over(written), WHOLE)
        return receipt(message, self._to, at=at, status="accepted", detail=said[:200])

    def close(self) -> None:
        server, self._server = self._server, None
        self._line.close(None if server is None else server.quit)

    async def _hand_over(self, written: EmailMessage) -> str:
        server = await self._ready()
        try:
            # The server has it with the answer to this, however the leave-taking goes.
            refused, said = await server.send_message(
                written, sender=str(self._to.settings["sender"]), recipients=[self._to.address]
            )
        except BaseException:
            self._server = None
            server.close()
            raise
        if refused:
            code, text = next(iter(refused.values()))
            raise ChannelError(
                f"{self._to.id}: the server refused the address: {code} {text}", retry=400 <= code < 500
            )
        return str(said)

    async def _ready(self) -> Any:
        """A server that listens: the one that took the last letter, if it still does."""
        import aiosmtplib

        kept, self._server = self._server, None
        if kept is not None:
            try:
                if self._line.idle():
                    raise aiosmtplib.SMTPServerDisconnected("kept for too long")
                await kept.rset()
            except (aiosmtplib.SMTPException, OSError):
                kept.close()
            else:
                self._server = kept
                return kept
        fresh = _server(self._to)
        try:
            await fresh.connect()
        except BaseException:
            fresh.close()
            raise
        self._server = fresh
        return fresh


@contextmanager
def _in_words(to: Recipient) -> Iterator[None]:
    import aiosmtplib

    try:
        yield
    except aiosmtplib.SMTPAuthenticationError as error:
        raise ChannelError(f"{to.id}: the server does not let us in: {_said(error)}", retry=True) from error
    except aiosmtplib.SMTPRecipientsRefused as error:
        later = all(400 <= one.code < 500 for one in error.recipients)
        text = "; ".join(f"{one.code} {one.message}" for one in error.recipients)
        raise ChannelError(f"{to.id}: the server refused the address: {text}", retry=later) from error
    except aiosmtplib.SMTPConnectResponseError as error:
        raise ChannelError(f"{to.id}: the server does not serve us: {_said(error)}", retry=True) from error
    except aiosmtplib.SMTPResponseException as error:
        later = not 500 <= error.code < 600
        raise ChannelError(f"{to.id}: the server refused it: {_said(error)}", retry=later) from error
    except (aiosmtplib.SMTPException, TimeoutError, OSError) as error:
        said = str(error) or "no answer in time"
        raise ChannelError(f"{to.id}: the server cannot be reached: {said}", retry=True) from error


def _server(to: Recipient) -> Any:
    import aiosmtplib

    security = to.settings.get("security", "starttls")
    secure = security != "none"
    return aiosmtplib.SMTP(
        hostname=str(to.settings["host"]),
        port=int(to.settings.get("port", 465 if security == "tls" else 587)),
        username=str(to.settings["user"]) if "user" in to.settings else None,
        password=to.secrets.get("password"),
        local_hostname="tocsin",
        timeout=TIMEOUT,
        use_tls=security == "tls",
        start_tls=security == "starttls",  # true: refused where the server has none, never sent in the clear
        tls_context=trust(str(to.settings.get("ca_file", ""))) if secure else None,
    )


async def _greet(to: Recipient) -> str:
    async with _server(to) as server:
        await server.noop()
    return ""


def _said(error: Any) -> str:
    return f"{error.code} {error.message}"
