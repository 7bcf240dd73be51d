from __future__ import annotations

import ipaddress

import pytest

from tocsin.feeds.address import Allowed, check_url, is_public
from tocsin.model import ConfigError, FetchError


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0",  # noqa: S104
        "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
        "::1", "::", "fe80::1", "fc00::1", "ff02::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::",
    ],
)  # fmt: skip
def test_what_is_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))
    assert not Allowed.of([]).takes("x.example.org", ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["9.9.9.9", "93.184.216.34", "2606:4700::1", "64:ff9b::5db8:d822"])
def test_what_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


def test_configured_networks_and_hosts() -> None:
    allowed = Allowed.of(["10.0.0.0/8", "fd00::/8", "Inside.example.org"])
    assert allowed.takes("x", ipaddress.ip_address("10.2.3.4"))
    assert allowed.takes("x", ipaddress.ip_address("::ffff:10.2.3.4"))
    assert allowed.takes("x", ipaddress.ip_address("fd00::5"))
    assert allowed.takes("inside.example.org", ipaddress.ip_address("192.168.0.9"))
    assert not allowed.takes("x", ipaddress.ip_address("192.168.0.9"))


@pytest.mark.parametrize("item", ["10.0.0.0/99", "", ".example.org", "10.0.0.1/8"])
def test_a_wrong_setting_is_named(item: str) -> None:
    with pytest.raises(ConfigError, match="allow_private"):
        Allowed.of([item])


@pytest.mark.parametrize(
    "text", ["gopher://x/", "http:///x", "javascript:alert(1)", "http://a@b/", "", "http://%00/"]
)
def test_what_cannot_be_asked(text: str) -> None:
    with pytest.raises(FetchError) as error:
        check_url(text)
    assert not error.value.retry
