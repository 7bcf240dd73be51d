"""Recipients of ``recipients.toml``: what is wrong with them is said at the start, with file and key."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tocsin.model import ConfigError
from tocsin.ops import reach
from tocsin.ops.address_book import FILE, RECEIPTS, read_recipients, receipt_secret
from tocsin.ops.office import open_office
from tocsin.testing.channels import AT
from tocsin.warn.contract import Audience, idempotency_key

SECRET = "a-secret-of-both-sides-0123456789"
HOOK = """
[public.hook]
channel = "webhook"
address = "https://example.org/hook"
"""


@pytest.fixture
def channels(tmp_path: Path):
    office = open_office(tmp_path / "other")
    office.store.close()
    return office.channels


def book(tmp_path: Path, channels, text: str | None):
    if text is not None:
        (tmp_path / FILE).write_text(text)
    return read_recipients(tmp_path, channels)


def test_without_a_file_there_are_the_feed_and_the_folders(tmp_path, channels):
    ours = book(tmp_path, channels, None)
    assert [(to.id, to.channel) for to in ours.public] == [
        ("public-feed", "atom"),
        ("partners-folder", "file"),
    ]
    assert [(to.id, to.channel) for to in ours.drill] == [("drill-folder", "file")]


def test_recipients_are_added_with_settings_and_secrets(tmp_path, channels, monkeypatch):
    key = tmp_path / "key"
    key.write_text(f"{SECRET}\n")
    key.chmod(0o600)
    monkeypatch.setenv("HOOK", SECRET + "-2")
    got = book(
        tmp_path,
        channels,
        HOOK
        + f'secret_file = "{key}"\n'
        + HOOK.replace("public.hook", "drill.hook-drill").replace("org/hook", "org/drill")
        + 'secret_env = "HOOK"\n'
        + '[drill.out]\nchannel = "file"\naddress = "exercises"\n',
    )
    hook, drill, out = got.public[-1], got.drill[-2], got.drill[-1]
    assert (hook.id, hook.audience, hook.secrets) == ("hook", Audience.PUBLIC, {"secret": SECRET})
    assert (drill.audience, drill.secrets) == (Audience.DRILL, {"secret": SECRET + "-2"})
    assert out.address == str(tmp_path / "exercises")
    assert SECRET not in repr(got)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[public", "file: got"),
        (
            "[pubilc.x]\nchannel = 'file'\naddress = 'x'",
            r"got 'pubilc', allowed: public, drill\. Did you",
        ),
        ("public = 3", "public: got 3, allowed: a table"),
        ("[public.x]\naddress = 'x'", r"public\.x\.channel: got None, allowed: apprise, atom"),
        ("[public.x]\nchannel = 'emial'\naddress = 'x'", r"channel: got 'emial'.*Did you mean 'email'"),
        ("[public.x]\nchannel = 'file'", r"public\.x\.address: got None"),
        ("[public.x]\nchannel = 'file'\naddress = ''", r"public\.x\.address: got ''"),
        (
            "[public.x]\nchannel = 'file'\naddress = 'x'\nport = 3",
            r"x\.port: got 'port', allowed: channel",
        ),
        ("[public.'a b']\nchannel = 'file'\naddress = 'x'", "got 'a b', allowed: an id"),
        ("[public.x]\nchannel = 'email'\naddress = 'x@y'\nhost = [1]", r"host: got \[1\], allowed: a text"),
        ("[public.public-feed]\nchannel = 'file'\naddress = 'x'", "got 'public-feed', allowed: an id"),
        ("[public.x]\nchannel = 'file'\naddress = 'partners'", "an id and an address that stand once"),
        (HOOK, r"public\.hook\.secret_file: got None, allowed: secret_file or secret_env"),
        (HOOK + f"secret = '{SECRET}'", r"public\.hook\.secret: got 'a secret', allowed: secret_file or"),
        (
            HOOK + "secret_env = 'TOCSIN_NOT_SET'",
            r"secret_env: got 'TOCSIN_NOT_SET', allowed: a variable that is set",
        ),
        (
            HOOK + "secret_file = '/not/there'",
            r"secret_file: got '/not/there', allowed: a file.*No such file",
        ),
        (HOOK.replace("https", "http") + "secret_env = 'HOOK'", r"address: got 'http://example\.org/hook'"),
    ],
)
def test_what_is_wrong_is_said_with_file_and_key(tmp_path, channels, monkeypatch, text, said):
    monkeypatch.setenv("HOOK", SECRET)
    with pytest.raises(ConfigError, match=said) as told:
        book(tmp_path, channels, text)
    assert str(tmp_path / FILE) in str(told.value)
    assert SECRET not in str(told.value)


def test_a_secret_that_everybody_may_read_is_none(tmp_path, channels):
    key = tmp_path / "key"
    key.write_text(SECRET)
    key.chmod(0o644)
    with pytest.raises(ConfigError, match="everybody may read it"):
        book(tmp_path, channels, HOOK + f"secret_file = '{key}'")


def test_an_empty_secret_is_none(tmp_path, channels, monkeypatch):
    monkeypatch.setenv("HOOK", " ")
    with pytest.raises(ConfigError, match="allowed: one that is not empty"):
        book(tmp_path, channels, HOOK + "secret_env = 'HOOK'")


def test_the_secret_of_receipts_is_drawn_once_and_is_for_nobody_else(tmp_path):
    gate, found = threading.Barrier(8), []

    def draw() -> None:
        gate.wait()
        found.append(receipt_secret(tmp_path))

    threads = [threading.Thread(target=draw) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(10)
    assert len(found) == 8
    assert len({*found, receipt_secret(tmp_path)}) == 1
    (file,) = tmp_path.iterdir()
    assert (file.name, file.stat().st_mode & 0o777) == (RECEIPTS, 0o600)
    other = tmp_path / "other"
    other.mkdir()
    assert receipt_secret(other) != found[0]
    file.write_text("abcd")
    with pytest.raises(ConfigError, match="got '2 bytes'"):
        receipt_secret(tmp_path)


def test_the_keys_of_a_store_are_its_own(tmp_path):
    offices = [open_office(tmp_path / name) for name in ("a", "b")]
    keys = []
    for office in offices:
        reach.send_test(office, at=AT)
        (row,) = office.store.outbox_of("reach").rows()
        keys.append(row.payload["key"])
        guess = idempotency_key(row.group, row.recipient, row.content_hash)
        assert not reach.confirm(office, guess, at=AT), "what is public is enough to claim a receipt"
        assert reach.confirm(office, keys[-1], at=AT)
        office.store.close()
    assert keys[0] != keys[1]
