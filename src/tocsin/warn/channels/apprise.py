"""Text messages, chat and some 170 other services, by way of the library ``apprise`` (extra ``channels``).

The address is a name for people; where it goes is an apprise URL, which holds the keys of the service and is
therefore a secret. The text is short and ends with a reference; these services have no idempotency key, so a
message sent again after a crash or a time-out is read twice, with the same reference. *Accepted* is the word
of the service.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tocsin.model import ChannelError, Receipt
from tocsin.warn.contract import Fault, Message, Recipient, admit, receipt
from tocsin.warn.text import short_text

NAME = "apprise"
MAX_BYTES = 2_000_000
SETTINGS = {"limit": "most characters of the text: 480 when left out, at least 40"}
SECRETS = {"url": "apprise URL of the service, with its keys"}
LIMIT = 480
MISSING = "the library apprise: pip install 'tocsin[channels]'"


def faults(to: Recipient) -> Sequence[Fault]:
    """Refuse the channel where the library is missing, and a URL that it cannot read."""
    found: list[Fault] = []
    limit = to.settings.get("limit", LIMIT)
    if not isinstance(limit, int) or isinstance(limit, bool) or not 40 <= limit <= 10_000:
        found.append(Fault(key="limit", got=limit, allowed="a whole number from 40 to 10000"))
    if importlib.util.find_spec("apprise") is None:
        found.append(Fault(key="channel", got=NAME, allowed=MISSING))
    elif "url" not in to.secrets:
        found.append(Fault(key="url_file", got=None, allowed="url_file or url_env: an apprise URL"))
    elif _service(to) is None:
        words = "an apprise URL: see the list of services of the library"
        found.append(Fault(key="url_file", got="a URL that apprise cannot read", allowed=words))
    return found


def probe(to: Recipient) -> str:
    """Read the URL; a service can be asked for nothing without a message to it."""
    service = _service(to)
    if service is None:
        raise ChannelError(f"{to.id}: got a URL that apprise cannot read", retry=False)
    return f"{service.service_name}: the URL can be read, the service was not asked"


def send(message: Message, to: Recipient, *, at: datetime, dry_run: bool = False) -> Receipt:
    """Hand the text to the service.

    Raises
    ------
    ChannelError
        For good if it may not go there or the library is missing; with ``retry`` if the service did not take
        it: the library does not say why.
    """
    admit(message, to, name=NAME, max_bytes=MAX_BYTES, at=at)
    text = short_text(message, int(to.settings.get("limit", LIMIT)))
    service = _service(to)
    if service is None:
        raise ChannelError(f"{to.id}: got a URL that apprise cannot read, or no library", retry=False)
    if dry_run:
        return receipt(message, to, at=at, status="dry", detail=f"would be sent: {len(text)} characters")
    if not service.notify(body=text):
        raise ChannelError(f"{to.id}: {service.service_name} did not take it", retry=True)
    return receipt(message, to, at=at, status="accepted", detail=f"{service.service_name} took it")


def _service(to: Recipient) -> Any:
    try:
        import apprise
    except ImportError:
        return None
    # A service of its own for each message: they keep state and are shared by no two lanes.
    return apprise.Apprise.instantiate(to.secrets.get("url", ""), suppress_exceptions=True)
