"""One message to an MQTT broker, with the broker's acknowledgement (QoS 1); several channels speak it.

MQTT 5 by default: the idempotency key and what else a receiver must know travel as user properties, and the
broker drops the message when it has expired. A broker that only speaks 3.1.1 gets the same payload without
them; there the last part of the topic names the message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from tocsin.model import ChannelError, Receipt
from tocsin.warn.contract import Audience, Fault, Message, Recipient, loopback, receipt
from tocsin.warn.filing import file_name
from tocsin.warn.line import Line, trust

SETTINGS = {
    "user": "name to log in with",
    "version": "5 (as it is when left out) or 3.1.1",
    "ca_file": "certificates to trust instead of the system's",
    "insecure": "true to log in to another machine without TLS",
}
SECRETS = {"password": "to log in with"}
VERSIONS = ("5", "3.1.1")
TIMEOUT = 8.0
"""Seconds for connecting, and for the acknowledgement."""

NOBODY = 0x10
"""MQTT 5: taken, and nobody has subscribed to it."""

_REFUSED = 0x80
_LATER = {0x80, 0x83, 0x88, 0x89, 0x8B, 0x8D, 0x93, 0x96, 0x97, 0x9F}
"""MQTT 5 reasons that may pass: unspecified, busy, shutting down, quota, rates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What is published.

    Parameters
    ----------
    topic : str
        Where.
    payload : bytes
        What.
    content_type : str
        Media type of the payload.
    properties : mapping of str to str
        User properties; only with MQTT 5.
    expires : datetime
        Until when a broker may keep it; only with MQTT 5.
    retain : bool
        Whether late subscribers get it too; only with MQTT 5, since 3.1.1 would keep it for ever.
    """

    topic: str
    payload: bytes
    content_type: str
    properties: Mapping[str, str] = field(default_factory=dict)
    expires: datetime
    retain: bool = False


def properties(message: Message) -> dict[str, str]:
    """User properties that go with every message."""
    return {
        "idempotency-key": message.key,
        "identifier": message.alert,
        "status": message.status,
        "msg-type": message.msg_type,
    }


def faults(to: Recipient) -> list[Fault]:
    """What is wrong with address, settings and secrets of a recipient behind a broker."""
    found: list[Fault] = []
    where = urlsplit(to.address)
    try:
        host, port = where.hostname, where.port
    except ValueError:
        host, port = None, None
    if where.scheme not in ("mqtt", "mqtts") or not host or where.username or where.query or where.fragment:
        return [Fault(key="address", got=to.address, allowed="mqtts://HOST[:PORT]/TOPIC or mqtt://…")]
    if port == 0:
        found.append(Fault(key="address", got=to.address, allowed="a port from 1 to 65535"))
    topic = unquote(where.path.strip("/"))
    if any(c in topic for c in "+#\0") or topic.startswith("$"):
        found.append(Fault(key="address", got=to.address, allowed="a topic without + # and leading $"))
    if to.settings.get("version", "5") not in VERSIONS:
        found.append(Fault(key="version", got=to.settings["version"], allowed=", ".join(VERSIONS)))
    if ("user" in to.settings) != ("password" in to.secrets):
        found.append(Fault(key="user", got=to.settings.get("user"), allowed="user and password, or neither"))
    clear = where.scheme == "mqtt" and not loopback(host) and to.settings.get("insecure") is not True
    if clear and "user" in to.settings:
        words = "mqtts:// with a password (or insecure = true)"
        found.append(Fault(key="address", got=to.address, allowed=words))
    return found


def topic_of(to: Recipient) -> str:
    """The topic in the address of a recipient; empty when it has none."""
    return unquote(urlsplit(to.address).path.strip("/"))


def probe(to: Recipient) -> str:
    """Log in to the broker and leave again.

    Raises
    ------
    ChannelError
        When it cannot be reached or refuses.
    """
    with closing(Line()) as line, _in_words(to):
        line.run(lambda: _connect(to), 2.5 * TIMEOUT)
    return f"{urlsplit(to.address).hostname} lets us in"


def publish(letter: Letter, to: Recipient, *, at: datetime) -> str:
    """Publish and wait for the acknowledgement; give in words what it was.

    Raises
    ------
    ChannelError
        With ``retry`` when the broker cannot be reached or has no room now; for good when it refuses.
    """
    with closing(Publisher(to)) as one:
        return one.publish(letter, at=at)


class Publisher:
    """A connection to a broker that is kept while there is more to publish.

    Parameters
    ----------
    to : Recipient
        Behind the broker.
    """

    def __init__(self, to: Recipient) -> None:
        self._to, self._line = to, Line()
        self._client: Any = None
        self._reasons: list[int] = []

    def publish(self, letter: Letter, *, at: datetime) -> str:
        """See :func:`publish`."""
        with _in_words(self._to):
            reason = self._line.run(lambda: self._publish(letter, at), 2.5 * TIMEOUT)
        if reason >= _REFUSED:
            raise ChannelError(
                f"{self._to.id}: the broker refused: reason 0x{reason:02x}", retry=reason in _LATER
            )
        if reason == NOBODY:
            return "the broker took it, nobody has subscribed"
        return "the broker took it"

    def close(self) -> None:
        """Take leave of the broker."""
        self._line.close(self._leave)

    async def _publish(self, letter: Letter, at: datetime) -> int:
        import aiomqtt

        five = self._to.settings.get("version", "5") == "5"
        made = _properties(letter, at) if five else None
        retain = letter.retain and made is not None
        kept = self._client is not None and not self._line.idle()
        if kept:
            await asyncio.sleep(0)  # hear that the broker hung up, if it did
        else:
            await self._enter()
        for again in (kept, False):
            self._reasons.clear()
            try:
                await self._client.publish(
                    letter.topic, letter.payload, qos=1, retain=retain, properties=made, timeout=TIMEOUT
                )
                break
            except aiomqtt.MqttCodeError:
                if not again:
                    raise
                await self._enter()  # it was not sent: the connection is gone
        return self._reasons[0] if self._reasons else 0

    async def _enter(self) -> None:
        await self._leave()
        client = _client(self._to, self._reasons)
        await client.__aenter__()
        self._client = client

    async def _leave(self) -> None:
        import aiomqtt

        client, self._client = self._client, None
        if client is not None:
            with suppress(aiomqtt.MqttError, OSError):
                await client.__aexit__(None, None, None)


@contextmanager
def _in_words(to: Recipient) -> Iterator[None]:
    import aiomqtt

    try:
        yield
    except (aiomqtt.MqttError, TimeoutError, OSError) as error:
        said = str(error) or "no answer in time"
        raise ChannelError(f"{to.id}: the broker cannot be reached: {said}", retry=True) from error


def _client(to: Recipient, reasons: list[int]) -> Any:
    import aiomqtt

    class Client(aiomqtt.Client):
        """Keeps the reason of the acknowledgement: a broker may acknowledge and say that it refuses."""

        def _on_publish(
            self, client: Any, userdata: Any, mid: Any, reason_code: Any, properties: Any
        ) -> None:
            reasons.append(int(getattr(reason_code, "value", reason_code) or 0))
            super()._on_publish(client, userdata, mid, reason_code, properties)

    where = urlsplit(to.address)
    secure = where.scheme == "mqtts"
    five = to.settings.get("version", "5") == "5"
    return Client(
        where.hostname or "",
        where.port or (8883 if secure else 1883),
        username=str(to.settings["user"]) if "user" in to.settings else None,
        password=to.secrets.get("password"),
        protocol=aiomqtt.ProtocolVersion.V5 if five else aiomqtt.ProtocolVersion.V311,
        clean_session=None if five else True,
        timeout=TIMEOUT,
        keepalive=int(TIMEOUT),  # paho gives up connecting after so long
        tls_context=trust(str(to.settings.get("ca_file", ""))) if secure else None,
    )


async def _connect(to: Recipient) -> None:
    async with _client(to, []):
        pass


def _properties(letter: Letter, at: datetime) -> Any:
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    made = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    made.ContentType = letter.content_type
    made.PayloadFormatIndicator = 1
    made.MessageExpiryInterval = max(1, int((letter.expires - at).total_seconds()))
    made.UserProperty = list(letter.properties.items())
    return made


def told(message: Message, to: Recipient) -> tuple[str, str]:
    """First and last part of a topic of our own: who may be reached by it, and the message.

    Which of ``actual`` and ``drill`` stands there is decided by the audience of the recipient, not by the
    message: who listens to the one never gets the other.
    """
    return (
        "drill" if to.audience is Audience.DRILL else "actual",
        file_name(message.alert).removesuffix(".xml"),
    )


Write = Callable[[Message, Recipient, datetime], Letter]
"""How a channel makes a letter of a message; it refuses what may not go there."""


class PublisherLink:
    """The link of a channel that publishes: one connection for all that a lane has for the broker.

    Parameters
    ----------
    to : Recipient
        Where.
    write : Write
        The channel's letter.
    """

    def __init__(self, to: Recipient, write: Write) -> None:
        self._to, self._write, self._publisher = to, write, Publisher(to)

    def send(self, message: Message, *, at: datetime) -> Receipt:
        """Publish one message; raises as :meth:`Publisher.publish`."""
        letter = self._write(message, self._to, at)
        said = self._publisher.publish(letter, at=at)
        return receipt(message, self._to, at=at, status="accepted", detail=f"{letter.topic}: {said}")

    def close(self) -> None:
        """Leave the broker."""
        self._publisher.close()


def send(message: Message, to: Recipient, write: Write, *, at: datetime, dry_run: bool) -> Receipt:
    """Publish one message over a connection of its own, or say where it would go."""
    if dry_run:
        where = write(message, to, at).topic
        return receipt(message, to, at=at, status="dry", detail=f"would be published as {where}")
    with closing(PublisherLink(to, write)) as one:
        return one.send(message, at=at)
