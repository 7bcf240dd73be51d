"""What is particular to each channel that speaks to a receiver: answers, refusals, forms, limits."""

from __future__ import annotations

import base64
import gc
import hashlib
import json
import math
import socket
import ssl
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Point, Polygon

from tests.conftest import SHARED
from tests.warn import receivers
from tests.warn.receivers import Broker, Broker5, Hook, Mailbox, eventually, running
from tocsin.cap import CapArea, parse, render
from tocsin.model import ChannelError
from tocsin.testing.channels import AT, message
from tocsin.warn import broker, gsm, text
from tocsin.warn.channels import apprise, cell_broadcast, email, mqtt, webhook, websub, wis2
from tocsin.warn.contract import Audience, Recipient

HERE = "127.0.0.1"


def to(channel, address, *, audience=Audience.PUBLIC, secrets=None, **settings):
    return Recipient(
        id="one",
        channel=channel,
        address=address,
        audience=audience,
        settings=settings,
        secrets=secrets or {},
    )


def hook_of(hook, **more):
    return to("webhook", hook.url, secrets={"secret": receivers.SECRET}, **more)


def mail_of(box, **more):
    plain = {"host": HERE, "port": box.port, "security": "none", "sender": "desk@example.org"}
    return to("email", "press@example.org", **(plain | more))


def refused(channel, recipient, **more):
    with pytest.raises(ChannelError) as told:
        channel.send(message(**more), recipient, at=AT)
    return told.value.retry, str(told.value)


# ---- web hook


def test_a_receipt_of_the_receiver_and_nothing_less_is_delivered():
    with running(mute := Hook(), honest := Hook(receipts=True)):
        assert webhook.send(message(), hook_of(mute), at=AT).status == "accepted"
        assert webhook.send(message(), hook_of(honest), at=AT).status == "delivered"


@pytest.mark.parametrize(
    ("code", "again"),
    [
        (500, True),
        (503, True),
        (429, True),
        (408, True),
        (400, False),
        (403, False),
        (410, False),
        (302, False),
    ],
)
def test_what_the_answer_of_a_web_hook_means(code, again):
    with running(hook := Hook(refuse=code)):
        retry, words = refused(webhook, hook_of(hook))
        assert (retry, f"answered {code}" in words) == (again, True)
        assert hook.came == []


def test_a_forged_message_is_known_by_its_signature():
    with running(hook := Hook()):
        wrong = to("webhook", hook.url, secrets={"secret": "another secret, as long as ours"})
        assert refused(webhook, wrong)[0] is False
        assert (hook.forged, hook.came) == (1, [])


@pytest.mark.parametrize(
    ("address", "more", "key"),
    [
        ("ftp://example.org/x", {}, "address"),
        ("http://example.org/x", {}, "address"),
        ("https://user:word@example.org/x", {}, "address"),
        ("https://", {}, "address"),
        ("https://example.org/x", {"secrets": {}}, "secret_file"),
        ("https://example.org/x", {"secrets": {"secret": "short"}}, "secret_file"),
        ("https://example.org/x", {"secrets": {"secret": "whsec_no base64 at all, no"}}, "secret_file"),
    ],
)
def test_web_hooks_that_are_refused_at_the_start(address, more, key):
    plain = {"secrets": {"secret": receivers.SECRET}}
    (fault,) = webhook.faults(to("webhook", address, **(plain | more)))
    assert fault.key == key
    assert receivers.SECRET not in f"{fault}"


def test_web_hooks_that_are_taken():
    good = {"secrets": {"secret": "whsec_" + base64.b64encode(b"x" * 32).decode()}}
    assert webhook.faults(to("webhook", "https://example.org/hook", **good)) == []
    assert webhook.faults(to("webhook", "http://example.org/hook", insecure=True, **good)) == []


def test_a_secret_is_in_no_text_of_a_recipient():
    assert receivers.SECRET not in repr(to("webhook", "https://x", secrets={"secret": receivers.SECRET}))


# ---- e-mail


def test_a_letter_is_words_and_the_message():
    with running(box := Mailbox()):
        answer = email.send(replace(message(), level=3), mail_of(box), at=AT)
        email.send(replace(message(), level=3), mail_of(box), at=AT + timedelta(minutes=1))
    first, again = box.letters
    assert answer.status == "accepted"
    assert first["Message-ID"] == again["Message-ID"] == f"<{message().key}@example.org>"
    assert (first["From"], first["To"], first["Subject"]) == (
        "desk@example.org",
        "press@example.org",
        "Check 1",
    )
    assert (first["Importance"], first["Auto-Submitted"]) == ("high", "auto-generated")
    words = first.get_body().get_content()
    for wanted in ("Check 1", "Where: Nowhere", "What to do: Do nothing.", "check.1", "Until: 2001-03-05"):
        assert wanted in words
    (attached,) = first.iter_attachments()
    assert (attached.get_content_type(), attached.get_filename()) == ("application/cap+xml", "check.1.xml")
    assert attached.get_content().decode() == message().body
    assert (
        email.letter(message(), mail_of(box)).as_bytes() == email.letter(message(), mail_of(box)).as_bytes()
    )


def test_no_headline_makes_headers_of_its_own():
    evil = message(text="")
    body = evil.body.replace(
        "<headline>Check 1</headline>", "<headline>Check\r\nBcc: all@example.org</headline>"
    )
    written = email.letter(replace(evil, body=body), mail_of(Mailbox()))
    assert written["Bcc"] is None
    assert written["Subject"] == "Check Bcc: all@example.org"


@pytest.mark.parametrize(("answer", "again"), [("550 no such box", False), ("451 try later", True)])
def test_what_a_refusal_of_a_mail_server_means(answer, again):
    with running(box := Mailbox(refuse=answer)):
        retry, words = refused(email, mail_of(box))
        assert (retry, answer[:3] in words) == (again, True)


def test_encryption_that_was_asked_for_is_never_left_out():
    with running(box := Mailbox()):  # it speaks no TLS
        retry, _ = refused(email, mail_of(box, security="starttls"))
        assert retry is True
        assert box.letters == []


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"sender": "nobody"}, "sender"),
        ({"sender": "a@b\nBcc: c@d"}, "sender"),
        ({"host": ""}, "host"),
        ({"host": "mail server"}, "host"),
        ({"port": 0}, "port"),
        ({"port": True}, "port"),
        ({"security": "ssl"}, "security"),
        ({"user": "desk"}, "user"),
        ({"secrets": {"password": "x"}}, "user"),
        ({"user": "desk", "secrets": {"password": "x"}}, "security"),
    ],
)
def test_mail_that_is_refused_at_the_start(change, key):
    recipient = mail_of(Mailbox(), **{k: v for k, v in change.items() if k != "secrets"})
    recipient = replace(recipient, secrets=change.get("secrets", {}))
    assert key in {f.key for f in email.faults(recipient)}
    assert email.faults(mail_of(Mailbox())) == []


def test_a_mail_address_that_is_none():
    for address in ("", "desk", "desk@", "a b@example.org", "desk@example.org\n", "a@b, c@d"):
        assert "address" in {f.key for f in email.faults(replace(mail_of(Mailbox()), address=address))}


# ---- MQTT


def test_mqtt_5_carries_key_expiry_and_status():
    with running(made := Broker5()):
        where = to("mqtt", f"mqtt://{HERE}:{made.port}/tocsin/us", retain=True)
        answer = mqtt.send(message(), where, at=AT)
        drill = to("mqtt", f"mqtt://{HERE}:{made.port}/tocsin/us", audience=Audience.DRILL)
        mqtt.send(message(status="Exercise"), drill, at=AT)
    assert made.version == 5
    (topic, body, got), (drill_topic, _, drill_got) = made.came
    assert (topic, drill_topic) == ("tocsin/us/actual/check.1", "tocsin/us/drill/check.1")
    assert body.decode() == message().body
    assert got["user"] == {
        "idempotency-key": message().key,
        "identifier": "check.1",
        "status": "Actual",
        "msg-type": "Alert",
    }
    assert (got["type"], got["expiry"]) == ("application/cap+xml", 6 * 3600)
    assert (got["retain"], drill_got["retain"]) == (True, False)
    assert answer.status == "accepted"


def test_mqtt_3_1_1_carries_the_message_and_keeps_nothing():
    with running(made := Broker()):
        where = to("mqtt", f"mqtt://{HERE}:{made.port}/tocsin", version="3.1.1")
        mqtt.send(message(), where, at=AT)
        assert eventually(lambda: bool(made.came))
    assert made.came == [("tocsin/actual/check.1", message().body.encode())]


@pytest.mark.parametrize(("reason", "again"), [(0x87, False), (0x90, False), (0x97, True), (0x80, True)])
def test_a_broker_that_acknowledges_and_refuses_is_not_believed(reason, again):
    with running(made := Broker5(reason=reason)):
        retry, words = refused(mqtt, to("mqtt", f"mqtt://{HERE}:{made.port}/tocsin"))
        assert (retry, f"reason 0x{reason:02x}" in words) == (again, True)
        assert made.came == []


def test_that_nobody_listens_is_said():
    with running(made := Broker5(reason=broker.NOBODY)):
        answer = mqtt.send(message(), to("mqtt", f"mqtt://{HERE}:{made.port}/tocsin"), at=AT)
    assert (answer.status, "nobody has subscribed" in answer.detail) == ("accepted", True)


@pytest.mark.parametrize(
    ("address", "more", "key"),
    [
        ("mqtt://", {}, "address"),
        ("http://example.org/x", {}, "address"),
        ("mqtt://example.org", {}, "address"),
        ("mqtt://example.org/a/+/b", {}, "address"),
        ("mqtt://example.org/a%23", {}, "address"),
        ("mqtt://example.org/$SYS/a", {}, "address"),
        ("mqtt://example.org:99999/a", {}, "address"),
        ("mqtt://u:p@example.org/a", {}, "address"),
        ("mqtt://example.org/a", {"version": "4"}, "version"),
        ("mqtt://example.org/a", {"version": "3.1.1", "retain": True}, "retain"),
        ("mqtts://example.org/a", {"user": "x"}, "user"),
        ("mqtt://example.org/a", {"user": "x", "secrets": {"password": "y"}}, "address"),
    ],
)
def test_brokers_that_are_refused_at_the_start(address, more, key):
    assert [f.key for f in mqtt.faults(to("mqtt", address, **more))] == [key]


def test_what_never_answers_is_given_up_in_time(monkeypatch):
    monkeypatch.setattr(broker, "TIMEOUT", 1.0)
    monkeypatch.setattr(email, "TIMEOUT", 0.5)
    monkeypatch.setattr(webhook, "TIMEOUT", 0.5)
    with socket.create_server((HERE, 0)) as mute:  # takes the connection, says nothing
        port = mute.getsockname()[1]
        taken: list[socket.socket] = []
        ear = threading.Thread(target=lambda: taken.extend(mute.accept()[0] for _ in range(3)))
        ear.start()
        for channel, recipient in (
            (mqtt, to("mqtt", f"mqtt://{HERE}:{port}/x")),
            (email, mail_of(Mailbox(port=port))),
            (webhook, hook_of(Hook(port=port))),
        ):
            retry, words = refused(channel, recipient)
            assert retry is True
            assert "cannot be reached" in words
        ear.join(5)
        for one in taken:
            one.close()


# ---- WIS2


def wis2_of(port=1883, **more):
    return to(
        "wis2", f"mqtt://{HERE}:{port}", centre="int-example", link="https://w.example.org/cap/", **more
    )


def test_a_notification_has_the_form_of_the_wmo():
    told = wis2.notification(message(), wis2_of(metadata="urn:wmo:md:int-example:warnings"), at=AT)
    body = message().body.encode()
    assert (told["type"], told["geometry"]) == ("Feature", None)
    assert told["conformsTo"] == ["http://wis.wmo.int/spec/wnm/1/conf/core"]
    got = told["properties"]
    assert got["data_id"] == "wis2/int-example/data/core/weather/advisories-warnings/check.1"
    assert got["pubtime"] == "2001-03-05T09:20:00Z"
    assert got["datetime"] == "2001-03-05T09:15:00Z"
    assert base64.b64decode(got["integrity"]["value"]) == hashlib.sha512(body).digest()
    assert got["content"] == {"encoding": "utf-8", "value": message().body, "size": len(body)}
    (link,) = told["links"]
    assert (link["href"], link["length"]) == ("https://w.example.org/cap/check.1.xml", len(body))
    again = wis2.notification(message(), wis2_of(), at=AT + timedelta(minutes=3))
    assert again["id"] == told["id"], "the same decision has the same id at each attempt"
    assert wis2.notification(message(number=2), wis2_of(), at=AT)["id"] != told["id"]


def test_a_long_message_is_not_in_its_notification():
    told = wis2.notification(message(text="x" * 5000), wis2_of(), at=AT)
    assert "content" not in told["properties"]


def test_the_notification_covers_the_areas_that_are_drawn():
    cap, _ = parse(message().body.encode())
    area = CapArea(area_desc="A", polygons=(((40.0, -74.0), (41.0, -74.0), (41.0, -72.0), (40.0, -74.0)),),
                   circles=((42.0, -71.0, 11.1195),))  # fmt: skip
    drawn = replace(cap, infos=(replace(cap.infos[0], areas=(area,)),))
    told = wis2.notification(replace(message(), body=render(drawn).decode()), wis2_of(), at=AT)
    box = Polygon(told["geometry"]["coordinates"][0])
    assert box.covers(Polygon([(-74, 40), (-74, 41), (-72, 41)]))
    assert box.bounds[3] == pytest.approx(42.1, abs=1e-4)


def test_drills_have_a_topic_that_no_subscriber_of_warnings_gets():
    assert wis2.topic(wis2_of()) == "origin/a/wis2/int-example/data/core/weather/advisories-warnings"
    drill = wis2.topic(wis2_of(audience=Audience.DRILL))
    assert drill == "origin/a/wis2/int-example/data/core/weather/experimental/tocsin-drill"


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"centre": "Int Example"}, "centre"),
        ({"link": "http://w.example.org/cap/"}, "link"),
        ({"link": "https://w.example.org/cap"}, "link"),
        ({"metadata": "warnings"}, "metadata"),
    ],
)
def test_wis2_that_is_refused_at_the_start(change, key):
    assert [f.key for f in wis2.faults(replace(wis2_of(), settings=dict(wis2_of().settings) | change))] == [
        key
    ]
    assert wis2.faults(wis2_of()) == []
    assert [f.key for f in wis2.faults(replace(wis2_of(), address="mqtt://h/topic"))] == ["address"]


# ---- WebSub


def test_the_hub_is_told_of_the_feed():
    with running(hub := Hook()):
        feed = "https://w.example.org/cap/feed.xml"
        recipient = to("websub", hub.url, topic=feed)
        assert websub.faults(recipient) == []
        answer = websub.send(message(), recipient, at=AT)
        assert [got for _, got in hub.came] == [feed]
        assert (answer.status, feed in answer.detail) == ("accepted", True)
        drill = replace(recipient, audience=Audience.DRILL)
        assert [f.key for f in websub.faults(drill)] == ["topic"]
        hub.refuse = 503
        assert refused(websub, recipient, number=2)[0] is True


# ---- text services


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
def test_without_the_library_it_is_said_at_the_start(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    fault = apprise.faults(to("apprise", "sms", secrets={"url": "json://localhost"}))[0]
    assert (fault.key, "pip install" in fault.allowed) == ("channel", True)


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
def test_a_service_that_does_not_take_it_is_asked_again():
    pytest.importorskip("apprise", reason="the extra 'channels' is not installed")
    with running(hook := Hook(refuse=500)):
        recipient = to("apprise", "sms", secrets={"url": f"json://{HERE}:{hook.port}/x"})
        assert apprise.faults(recipient) == []
        assert refused(apprise, recipient)[0] is True
    bad = to("apprise", "sms", secrets={"url": "not a url"})
    assert [f.key for f in apprise.faults(bad)] == ["url_file"]


@given(limit=st.integers(40, 500), words=st.text(max_size=400))
@settings(max_examples=60)
def test_a_short_text_is_short_and_has_its_reference(limit, words):
    plain = "".join(c for c in words if c.isprintable())
    made = text.short_text(message(text=plain), limit)
    assert len(made) <= limit
    assert made.endswith(f"Ref {message().key[:8]}")
    assert made.startswith("Check 1")


def test_a_drill_says_so_in_every_text():
    cap, _ = parse(message(status="Exercise").body.encode())
    marked = replace(cap, infos=(replace(cap.infos[0], headline="EXERCISE: Check 1"),))
    drill = replace(message(status="Exercise"), body=render(marked).decode())
    assert text.subject(drill).startswith("EXERCISE")
    assert text.short_text(drill, 60).startswith("EXERCISE")
    assert "Exercise." in text.long_text(drill)


# ---- cell broadcast


@given(st.text(max_size=3000), st.integers(20, 1390))
def test_a_broadcast_fits_into_its_alphabet(words, limit):
    made, alphabet = gsm.fit(words, limit)
    if alphabet == "GSM-7":
        length = gsm.septets(made)
        assert length is not None
        assert length <= limit
    else:
        assert len(made) <= min(gsm.MOST_UCS2, limit * 7 // 16)


def test_an_export_keeps_its_content(tmp_path):
    target = to("cell_broadcast", str(tmp_path))
    cell_broadcast.send(message(), target, at=AT)
    before = (tmp_path / "check.1.json").read_bytes()
    retry, words = refused(cell_broadcast, target, text="Changed.")
    assert (retry, "other content under the same identifier" in words) == (False, True)
    assert (tmp_path / "check.1.json").read_bytes() == before


def area_of(**shape):
    cap, _ = parse(message().body.encode())
    info = replace(cap.infos[0], areas=(CapArea(area_desc="A", **shape),))
    return replace(message(), body=render(replace(cap, infos=(info,))).decode())


def test_an_exported_area_is_never_smaller_and_has_few_points():
    turns = [2 * math.pi * (k % 700) / 700 for k in range(701)]
    star = tuple(
        (round(45 + (1 + 0.2 * math.sin(9 * t)) * math.sin(t), 5),
         round(9 + (1 + 0.2 * math.sin(9 * t)) * math.cos(t), 5))
        for t in turns
    )  # fmt: skip
    (made,) = cell_broadcast.export(area_of(polygons=(star,)))["broadcasts"][0]["polygons"]
    assert len(made) <= cell_broadcast.MOST_POINTS < len(star)
    assert made[0] == made[-1]
    assert Polygon(made).covers(Polygon(star))


def test_an_area_that_cannot_be_drawn_is_named():
    polar = ((80.0, 0.0), (80.0, 90.0), (80.0, 180.0), (80.0, -90.0), (80.0, 0.0))
    one = cell_broadcast.export(area_of(polygons=(polar,)))["broadcasts"][0]
    assert one["polygons"] == []
    assert one["not_drawn"][0].startswith("A: ")


def test_an_export_never_claims_that_it_was_broadcast(tmp_path):
    answer = cell_broadcast.send(message(), to("cell_broadcast", str(tmp_path)), at=AT)
    assert (answer.status, "not known" in answer.detail) == ("accepted", True)
    plain = json.loads((tmp_path / "check.1.json").read_text())
    (one,) = plain["broadcasts"]
    assert (plain["action"], plain["expires"], plain["key"]) == (
        "start",
        "2001-03-05T15:20:00Z",
        message().key,
    )
    assert one["message_identifier"] is None
    assert "below what telephones are woken for" in one["reason"]
    assert len(one["text_90"]) <= 90
    assert len(one["text_360"]) <= 360


@pytest.mark.parametrize(
    ("severity", "urgency", "certainty", "number"),
    [
        ("Extreme", "Immediate", "Observed", 4371),
        ("Severe", "Expected", "Likely", 4378),
        ("Minor", "Past", "Likely", None),
    ],
)
def test_message_identifiers(severity, urgency, certainty, number):
    cap, _ = parse(message().body.encode())
    info = replace(cap.infos[0], severity=severity, urgency=urgency, certainty=certainty)
    made = cell_broadcast.export(replace(message(), body=render(replace(cap, infos=(info,))).decode()))
    assert made["broadcasts"][0]["message_identifier"] == number
    drill = cell_broadcast.export(message(status="Exercise"))
    assert drill["broadcasts"][0]["message_identifier"] == 4381


@given(lat=st.floats(-80, 80), lon=st.floats(-170, 170), km=st.floats(0.1, 300))
def test_a_circle_is_drawn_around_and_not_inside(lat, lon, km):
    made = Polygon(cell_broadcast.around(lat, lon, km))
    for turn in range(0, 360, 5):
        bearing, reach = math.radians(turn), km / 6371.0088
        north = math.asin(
            math.sin(math.radians(lat)) * math.cos(reach)
            + math.cos(math.radians(lat)) * math.sin(reach) * math.cos(bearing)
        )
        east = math.atan2(
            math.sin(bearing) * math.sin(reach) * math.cos(math.radians(lat)),
            math.cos(reach) - math.sin(math.radians(lat)) * math.sin(north),
        )
        assert made.covers(Point(math.degrees(north), lon + math.degrees(east)))


# ---- TLS, with a certificate of our own


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert, secret = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return cert, secret


def server_side(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


# paho leaves the socket of a handshake that failed to the garbage collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_mqtt_over_tls_with_a_log_in(certificate, monkeypatch):
    monkeypatch.setattr(broker, "TIMEOUT", 2.0)
    with running(made := Broker5(tls=server_side(certificate))):
        plain = {"user": "desk", "secrets": {"password": "word"}}
        good = to("mqtt", f"mqtts://localhost:{made.port}/t", ca_file=str(certificate[0]), **plain)
        assert mqtt.faults(good) == []
        assert "lets us in" in mqtt.probe(good)
        assert mqtt.send(message(), good, at=AT).status == "accepted"
        assert made.hello.endswith(b"\x00\x04desk\x00\x04word")
        assert len(made.came) == 1
        stranger = to("mqtt", f"mqtts://localhost:{made.port}/t", **plain)
        assert refused(mqtt, stranger)[0] is True, "a certificate that nobody vouches for is not trusted"
        clear = to("mqtt", f"mqtt://localhost:{made.port}/t", **plain)
        assert refused(mqtt, clear)[0] is True
        assert len(made.came) == 1
    gc.collect()


def test_a_web_hook_over_tls(certificate):
    with running(hook := Hook(tls=server_side(certificate), receipts=True)):
        good = to(
            "webhook",
            f"https://localhost:{hook.port}/x",
            secrets={"secret": receivers.SECRET},
            ca_file=str(certificate[0]),
        )
        assert webhook.send(message(), good, at=AT).status == "delivered"
        stranger = replace(good, settings={})
        retry, words = refused(webhook, stranger)
        assert (retry, "certificate" in words.lower()) == (True, True)
        assert len(hook.came) == 1


def test_mail_over_starttls_with_a_log_in(certificate):
    from aiosmtpd.controller import Controller
    from aiosmtpd.smtp import AuthResult

    cert, key = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    came, logins = [], []

    class Handler:
        async def handle_DATA(self, server, session, envelope):  # noqa: N802
            came.append((session.ssl is not None, envelope.content))
            return "250 taken"

    def check(server, session, envelope, mechanism, data):
        logins.append((data.login, data.password))
        return AuthResult(success=data.password == b"word", handled=False)

    controller = Controller(
        Handler(), hostname=HERE, port=receivers.free_port(), tls_context=context, authenticator=check,
        auth_required=True,
    )  # fmt: skip
    controller.start()
    try:
        plain = {"host": "localhost", "security": "starttls", "user": "desk", "ca_file": str(cert)}
        good = replace(mail_of(Mailbox(port=controller.port), **plain), secrets={"password": "word"})
        assert email.faults(good) == []
        assert "lets us in" in email.probe(good)
        assert came == []
        assert email.send(message(), good, at=AT).status == "accepted"
        ((encrypted, _),) = came
        assert encrypted
        retry, words = refused(email, replace(good, secrets={"password": "wrong"}))
        assert retry is True
        assert "does not let us in" in words
        assert "wrong" not in words
        stranger = replace(good, settings={k: v for k, v in good.settings.items() if k != "ca_file"})
        assert refused(email, stranger)[0] is True, "a certificate that nobody vouches for is not trusted"
        assert len(came) == 1
    finally:
        controller.stop()


@pytest.mark.shared
def test_our_notification_has_what_those_of_the_wmo_have():
    folder = SHARED / "data" / "feeds" / "wmo_wis2_notification"
    theirs = json.loads((folder / "example1.json").read_text())
    ours = wis2.notification(message(), wis2_of(metadata="urn:wmo:md:int-example:warnings"), at=AT)

    def keys(plain, name=""):
        if isinstance(plain, dict):
            return {name, *(k for key, value in plain.items() for k in keys(value, f"{name}.{key}"))}
        return {name}

    drawn = {k for k in keys(theirs) if k.startswith(".geometry.")}
    assert keys(theirs) - drawn <= keys(ours)
    assert theirs["conformsTo"] == ours["conformsTo"]
