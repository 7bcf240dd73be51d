"""MQTT: the message as it is, under a topic that says for whom it is and which message it is.

The address is ``mqtts://HOST/PREFIX``; the topic ``PREFIX/actual/IDENTIFIER``, for a drill
``PREFIX/drill/IDENTIFIER``. QoS 1: the broker's acknowledgement is the receipt *accepted*; who has read it is
not known. A message published twice has the same topic and the same key (user property ``idempotency-key``).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tocsin.model import Receipt
from tocsin.warn import broker
from tocsin.warn.contract import Fault, Link, Message, Recipient, admit

NAME = "mqtt"
MAX_BYTES = 1_000_000
SETTINGS = {**broker.SETTINGS, "retain": "true: late subscribers get what has not expired (version 5 only)"}
SECRETS = broker.SECRETS


def faults(to: Recipient) -> Sequence[Fault]:
    """Refuse a broker's address without a topic, and keeping messages where they would be kept for ever."""
    found = broker.faults(to)
    if not found and not broker.topic_of(to):
        found.append(
            Fault(key="address", got=to.address, allowed="an address with a topic: mqtts://HOST/TOPIC")
        )
    if not isinstance(to.settings.get("retain", False), bool):
        found.append(Fault(key="retain", got=to.settings["retain"], allowed="true or false"))
    elif to.settings.get("retain") and to.settings.get("version", "5") != "5":
        found.append(Fault(key="retain", got=True, allowed="false with version 3.1.1: it knows no expiry"))
    return found


def probe(to: Recipient) -> str:
    """Log in to the broker and leave again."""
    return broker.probe(to)


def send(message: Message, to: Recipient, *, at: datetime, dry_run: bool = False) -> Receipt:
    """Publish the message.

    Raises
    ------
    ChannelError
        For good if it may not go there or the broker refuses it; with ``retry`` if it cannot be reached.
    """
    return broker.send(message, to, _letter, at=at, dry_run=dry_run)


def link(to: Recipient) -> Link:
    """Keep the connection to the broker for all that one lane has for it."""
    return broker.PublisherLink(to, _letter)


def _letter(message: Message, to: Recipient, at: datetime) -> broker.Letter:
    admit(message, to, name=NAME, max_bytes=MAX_BYTES, at=at)
    return broker.Letter(
        topic="/".join((broker.topic_of(to), *broker.told(message, to))),
        payload=message.body.encode(),
        content_type="application/cap+xml",
        properties=broker.properties(message),
        expires=message.expires,
        retain=to.settings.get("retain") is True,
    )
