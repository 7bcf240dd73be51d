from __future__ import annotations

import gzip
import random
import shutil
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from tests.feeds.publisher import Clock, Publisher, body, in_turn, publisher, status
from tocsin.feeds import Fetcher, Limits, NotModified, all_feeds
from tocsin.model import ConfigError, FetchError, ParseError, Raw

AT = datetime(2001, 2, 28, 18, 54, tzinfo=UTC)
SOURCE = all_feeds()["usgs_earthquakes"].SOURCE
GENTLE = Limits(host_interval_s=0.0)


@pytest.fixture
def there() -> Iterator[Publisher]:
    with publisher() as found:
        yield found


def rng() -> random.Random:
    return random.Random(7)


Make = Callable[..., Fetcher]


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[Fetcher] = []

    def build(clock: Clock | None = None, limits: Limits = GENTLE, **more: Any) -> Fetcher:
        clock = clock or Clock()
        more = {"allow_private": ("127.0.0.0/8",), **more}
        fetcher = Fetcher(clock=clock, sleep=clock.sleep, rng=rng(), limits=limits, **more)
        made.append(fetcher)
        return fetcher

    yield build
    for fetcher in made:
        fetcher.close()


def test_200_gives_the_bytes_as_they_came(there: Publisher, make: Make) -> None:
    there.answers["/a"] = body(
        b'{"a": 1}', ETag='"v1"', Last_Modified="Wed, 28 Feb 2001 18:00:00 GMT", X_Other="x"
    )
    raw = make(Clock(drift=0.5)).fetch(SOURCE, there.url("/a"), at=AT)
    assert isinstance(raw, Raw)
    assert raw.content == b'{"a": 1}'
    assert (raw.source, raw.url, raw.media_type) == (SOURCE.id, there.url("/a"), "application/json")
    assert raw.headers["etag"] == '"v1"'
    assert "x-other" not in raw.headers
    assert raw.fetched_at > AT  # never known before it came
    headers = there.asked[0][1]
    assert headers["user-agent"].startswith("tocsin/")
    assert headers["host"] == f"127.0.0.1:{there.port}"
    assert headers["accept"].startswith(SOURCE.media_type)
    assert "if-none-match" not in headers


def test_304_after_a_conditional_request(there: Publisher, make: Make) -> None:
    there.answers["/a"] = in_turn(body(b"{}", ETag='"v1"', Last_Modified="x"), status(304))
    fetcher = make()
    first = fetcher.fetch(SOURCE, there.url("/a"), at=AT)
    assert isinstance(first, Raw)
    second = fetcher.fetch(SOURCE, there.url("/a"), at=AT, previous=first)
    assert second == NotModified(source=SOURCE.id, url=there.url("/a"), at=AT)
    assert there.asked[1][1]["if-none-match"] == '"v1"'
    assert there.asked[1][1]["if-modified-since"] == "x"


def test_304_that_nobody_asked_for_is_an_error(there: Publisher, make: Make) -> None:
    there.answers["/a"] = status(304)
    with pytest.raises(FetchError, match="status 304") as error:
        make().fetch(SOURCE, there.url("/a"), at=AT)
    assert not error.value.retry


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410, 206])
def test_a_refusal_is_not_tried_again(there: Publisher, make: Make, code: int) -> None:
    there.answers["/a"] = status(code)
    with pytest.raises(FetchError, match=f"status {code}") as error:
        make().fetch(SOURCE, there.url("/a"), at=AT)
    assert not error.value.retry
    assert len(there.asked) == 1


def test_500_is_tried_again_with_full_jitter(there: Publisher, make: Make) -> None:
    there.answers["/a"] = in_turn(status(500), status(503), body(b"{}"))
    clock = Clock()
    assert isinstance(make(clock).fetch(SOURCE, there.url("/a"), at=AT), Raw)
    assert len(clock.slept) == 2
    assert 0 <= clock.slept[0] <= 1
    assert 0 <= clock.slept[1] <= 2
    again = Clock()
    there.answers["/a"] = in_turn(status(500), status(503), body(b"{}"))
    make(again).fetch(SOURCE, there.url("/a"), at=AT)
    assert again.slept == clock.slept  # the generator was passed in


@pytest.mark.parametrize("asked", ["7", "Wed, 28 Feb 2001 18:54:07 GMT"])
def test_retry_after_is_kept(there: Publisher, make: Make, asked: str) -> None:
    there.answers["/a"] = in_turn(status(500, Retry_After=asked), body(b"{}"))
    clock = Clock()
    make(clock).fetch(SOURCE, there.url("/a"), at=AT)
    assert 7 <= clock.slept[0] <= 8


def test_a_long_retry_after_is_left_to_the_next_round(there: Publisher, make: Make) -> None:
    there.answers["/a"] = status(429, Retry_After="3600")
    clock = Clock()
    with pytest.raises(FetchError, match="asks to wait 3600 s") as error:
        make(clock).fetch(SOURCE, there.url("/a"), at=AT)
    assert error.value.retry
    assert clock.slept == []


def test_it_gives_up_after_its_tries(there: Publisher, make: Make) -> None:
    there.answers["/a"] = status(502)
    with pytest.raises(FetchError, match="try 3 of 3") as error:
        make().fetch(SOURCE, there.url("/a"), at=AT)
    assert error.value.retry
    assert len(there.asked) == 3


def test_too_large_is_stopped_while_it_comes(there: Publisher, make: Make) -> None:
    sent: list[int] = []

    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(5_000):
            handler.wfile.write(b"x" * 65_536)
            sent.append(65_536)

    there.answers["/a"] = endless
    with pytest.raises(FetchError, match="larger than allowed") as error:
        make(limits=Limits(max_bytes=100_000, host_interval_s=0)).fetch(SOURCE, there.url("/a"), at=AT)
    assert not error.value.retry
    assert sum(sent) < 5_000 * 65_536


def test_a_gzip_bomb_is_stopped_while_it_unfolds(there: Publisher, make: Make) -> None:
    bomb = gzip.compress(bytes(80_000_000), 9)
    assert len(bomb) < 100_000
    there.answers["/a"] = body(bomb, Content_Encoding="gzip")
    began = time.perf_counter()
    with pytest.raises(FetchError, match="larger than allowed"):
        make(limits=Limits(max_bytes=1_000_000, host_interval_s=0)).fetch(SOURCE, there.url("/a"), at=AT)
    assert time.perf_counter() - began < 2


def test_gzip_of_one_or_several_members(there: Publisher, make: Make) -> None:
    there.answers["/a"] = body(gzip.compress(b"[1,") + gzip.compress(b"2]"), Content_Encoding="gzip")
    raw = make().fetch(SOURCE, there.url("/a"), at=AT)
    assert isinstance(raw, Raw)
    assert raw.content == b"[1,2]"


@pytest.mark.parametrize("cut", [1, 8, 20])
def test_gzip_that_ends_too_early_is_no_answer(there: Publisher, make: Make, cut: int) -> None:
    there.answers["/a"] = body(gzip.compress(b"0123456789" * 10)[:-cut], Content_Encoding="gzip")
    with pytest.raises(FetchError, match="damaged or cut") as error:
        make().fetch(SOURCE, there.url("/a"), at=AT)
    assert error.value.retry


def test_an_encoding_that_we_did_not_ask_for(there: Publisher, make: Make) -> None:
    there.answers["/a"] = body(b"x", Content_Encoding="br")
    with pytest.raises(FetchError, match="content encoding 'br'"):
        make().fetch(SOURCE, there.url("/a"), at=AT)


def test_a_body_shorter_than_it_said(there: Publisher, make: Make) -> None:
    there.answers["/a"] = body(b"half", Content_Length="4000")
    with pytest.raises(FetchError, match="broke off") as error:
        make().fetch(SOURCE, there.url("/a"), at=AT)
    assert error.value.retry
    assert len(there.asked) == 3


def test_a_slow_drip_is_cut_by_the_total_time(there: Publisher, make: Make) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(500):
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(0.005)

    there.answers["/a"] = drip
    with pytest.raises(FetchError, match="not complete within 10 s") as error:
        make(Clock(drift=2.0), Limits(total_s=10, tries=1, host_interval_s=0)).fetch(
            SOURCE, there.url("/a"), at=AT
        )
    assert error.value.retry


def test_silence_is_cut_by_the_read_time(there: Publisher, make: Make) -> None:
    there.answers["/a"] = lambda handler: time.sleep(0.5)
    with pytest.raises(FetchError, match="no answer in time") as error:
        make(limits=Limits(read_s=0.05, tries=1, host_interval_s=0)).fetch(SOURCE, there.url("/a"), at=AT)
    assert error.value.retry


def test_nobody_listens(make: Make) -> None:
    with publisher() as gone:
        url = gone.url("/a")
    with pytest.raises(FetchError, match="ConnectError") as error:
        make().fetch(SOURCE, url, at=AT)
    assert error.value.retry


def test_a_redirect_is_followed_and_the_first_address_kept(there: Publisher, make: Make) -> None:
    there.answers["/a"] = status(302, Location="/b")
    there.answers["/b"] = body(b"{}")
    raw = make().fetch(SOURCE, there.url("/a"), at=AT)
    assert isinstance(raw, Raw)
    assert raw.url == there.url("/a")
    assert [path for path, _ in there.asked] == ["/a", "/b"]


def test_redirects_are_limited(there: Publisher, make: Make) -> None:
    there.answers["/a"] = status(302, Location="/a")
    with pytest.raises(FetchError, match="more than 5 redirects"):
        make().fetch(SOURCE, there.url("/a"), at=AT)
    assert len(there.asked) == 6


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
    ],
)
def test_a_redirect_to_a_private_address_is_refused(there: Publisher, make: Make, target: str) -> None:
    there.answers["/a"] = status(302, Location=target)
    with pytest.raises(FetchError, match="allowed: public ones") as error:
        make().fetch(SOURCE, there.url("/a"), at=AT)
    assert not error.value.retry


OTHER = ("file:///etc/passwd", "ftp://example.org/", "http://user:pw@example.org/", "")


@pytest.mark.parametrize("target", OTHER)
def test_a_redirect_to_another_kind_of_address_is_refused(there: Publisher, make: Make, target: str) -> None:
    there.answers["/a"] = status(302, Location=target)
    with pytest.raises(FetchError, match=r"allowed: (http|none)"):
        make().fetch(SOURCE, there.url("/a"), at=AT)


@pytest.mark.parametrize("url", [*OTHER, "example.org", "http://", "http://[x/"])
def test_addresses_that_cannot_be_asked(make: Make, url: str) -> None:
    with pytest.raises(FetchError) as error:
        make().fetch(SOURCE, url, at=AT)
    assert not error.value.retry


def test_private_addresses_are_refused_unless_configured(there: Publisher, make: Make) -> None:
    there.answers["/a"] = body(b"{}")
    for url in (there.url("/a"), there.url("/a", "localhost")):
        with pytest.raises(FetchError, match="allow_private"):
            make(allow_private=()).fetch(SOURCE, url, at=AT)
    assert there.asked == []
    fetcher = make(allow_private=("localhost",), resolve=lambda *_: ["127.0.0.1"])
    assert isinstance(fetcher.fetch(SOURCE, there.url("/a", "localhost"), at=AT), Raw)
    with pytest.raises(ConfigError, match="allow_private"):
        make(allow_private=("10.0.0.0/99",))


def test_a_name_that_changes_its_address_gains_nothing(there: Publisher, make: Make) -> None:
    """DNS rebinding: the address that was checked is the one that is connected to."""
    there.answers["/a"] = body(b"{}")
    lookups: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        lookups.append(host)
        return ["127.0.0.1"] if len(lookups) == 1 else ["10.9.9.9"]

    raw = make(resolve=resolve).fetch(SOURCE, there.url("/a", "feed.example.org"), at=AT)
    assert isinstance(raw, Raw)
    assert lookups == ["feed.example.org"]  # nobody asked a second time on the way to the socket
    assert there.asked[0][1]["host"] == f"feed.example.org:{there.port}"


def test_one_private_address_among_public_ones_is_refused(make: Make) -> None:
    fetcher = make(allow_private=(), resolve=lambda *_: ["93.184.216.34", "127.0.0.1"])
    with pytest.raises(FetchError, match=r"is 127\.0\.0\.1"):
        fetcher.fetch(SOURCE, "http://mixed.example.org/", at=AT)


def test_a_name_without_address_may_have_one_later(make: Make) -> None:
    with pytest.raises(FetchError, match="has no address") as error:
        make(resolve=lambda *_: []).fetch(SOURCE, "http://nowhere.example.org/", at=AT)
    assert error.value.retry


def test_requests_to_one_host_keep_their_distance(there: Publisher, make: Make) -> None:
    there.answers["/a"] = body(b"{}")
    clock = Clock()
    fetcher = make(clock, limits=Limits(host_interval_s=2.0))
    for _ in range(3):
        fetcher.fetch(SOURCE, there.url("/a"), at=AT)
    assert clock.slept == [2.0, 2.0]


def test_time_spent_waiting_counts(there: Publisher, make: Make) -> None:
    there.answers["/a"] = in_turn(status(500, Retry_After="5"), body(b"{}"))
    raw = make(Clock()).fetch(SOURCE, there.url("/a"), at=AT)
    assert isinstance(raw, Raw)
    assert AT + timedelta(seconds=5) <= raw.fetched_at <= AT + timedelta(seconds=6)


def test_a_wrong_charset_reaches_the_parser_as_bytes_and_is_refused_there(
    there: Publisher, make: Make
) -> None:
    content = '{"type": "FeatureCollection", "features": [], "title": "Genève"}'.encode("latin-1")
    there.answers["/a"] = body(content, Content_Type="application/json; charset=utf-8")
    raw = make().fetch(SOURCE, there.url("/a"), at=AT)
    assert isinstance(raw, Raw)
    assert raw.content == content
    with pytest.raises(ParseError, match="is no UTF-8"):
        all_feeds()[SOURCE.id].parse(raw, known_at=AT, locate=None)  # type: ignore[arg-type]


def test_certificates_are_always_checked() -> None:
    clock = Clock()
    with pytest.raises(ValueError, match="verify"):
        Fetcher(clock=clock, sleep=clock.sleep, rng=rng(), verify=False)


def test_the_proxy_of_the_environment_is_not_used(
    there: Publisher, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    there.answers["/a"] = body(b"{}")
    assert isinstance(make().fetch(SOURCE, there.url("/a"), at=AT), Raw)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed: no certificate can be made")
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        [
            openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", str(key), "-out", str(cert), "-days", "2", "-subj", "/CN=feed.example.org",
            "-addext", "subjectAltName=DNS:feed.example.org",
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return cert, key


def test_https_checks_the_name_that_was_asked_for(make: Make, certificate: tuple[Path, Path]) -> None:
    """The connection goes to a checked address, the certificate must be for the name."""
    cert, key = certificate
    trust = ssl.create_default_context(cafile=str(cert))
    with publisher(tls=(cert, key)) as there:
        there.answers["/a"] = body(b"{}")
        fetcher = make(
            limits=Limits(tries=1, host_interval_s=0), verify=trust, resolve=lambda *_: ["127.0.0.1"]
        )
        raw = fetcher.fetch(SOURCE, f"https://feed.example.org:{there.port}/a", at=AT)
        assert isinstance(raw, Raw)
        with pytest.raises(FetchError, match=r"CERTIFICATE_VERIFY_FAILED|certificate verify failed"):
            fetcher.fetch(SOURCE, f"https://other.example.org:{there.port}/a", at=AT)
        there.answers["/b"] = status(302, Location=f"http://feed.example.org:{there.port}/a")
        with pytest.raises(FetchError, match="not from https to http"):
            fetcher.fetch(SOURCE, f"https://feed.example.org:{there.port}/b", at=AT)


def test_a_contact_is_told_to_the_publisher(there: Publisher, make: Make) -> None:
    there.answers["/a"] = body(b"{}")
    make(contact="desk@example.org").fetch(SOURCE, there.url("/a"), at=AT)
    agent = there.asked[0][1]["user-agent"]
    assert agent.startswith("tocsin/")
    assert agent.endswith("; desk@example.org)")
