"""Which addresses may be fetched: public ones only, unless a host or network is configured."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

import httpx

from tocsin.model.errors import ConfigError, FetchError

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
_TRANSLATORS = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))


@dataclass(frozen=True, slots=True)
class Allowed:
    """Private networks and hosts that may be fetched although they are not public.

    Parameters
    ----------
    networks : tuple
        For instance ``10.0.0.0/8``.
    hosts : frozenset of str
        Names, lower case: whatever they resolve to is taken.

    Examples
    --------
    >>> Allowed.of(["127.0.0.0/8"]).takes("any.example", ipaddress.ip_address("127.0.0.1"))
    True
    >>> Allowed.of([]).takes("any.example", ipaddress.ip_address("10.1.2.3"))
    False
    """

    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()
    hosts: frozenset[str] = frozenset()

    @classmethod
    def of(cls, items: Iterable[str]) -> Allowed:
        """Sort configured words into networks and hosts."""
        networks, hosts = [], set()
        for item in items:
            try:
                networks.append(ipaddress.ip_network(item))
            except ValueError:
                if not item or "/" in item or item.startswith("."):
                    raise ConfigError(
                        "feeds", "allow_private", item, "a network such as 10.0.0.0/8 or a host's name"
                    ) from None
                hosts.add(item.lower())
        return cls(tuple(networks), frozenset(hosts))

    def takes(self, host: str, address: IPAddress) -> bool:
        """Whether a connection to ``address``, asked for as ``host``, may be made."""
        address = _plain(address)
        if host.lower() in self.hosts:
            return True
        if any(address.version == n.version and address in n for n in self.networks):
            return True
        return is_public(address)


def is_public(address: IPAddress) -> bool:
    """Whether an address belongs to the open internet.

    Examples
    --------
    >>> [is_public(ipaddress.ip_address(a)) for a in ("9.9.9.9", "169.254.169.254", "::ffff:127.0.0.1")]
    [True, False, False]
    """
    address = _plain(address)
    return address.is_global and not address.is_multicast and not address.is_reserved


def _plain(address: IPAddress) -> IPAddress:
    """The IPv4 address inside an IPv6 one: mapped, 6to4, Teredo and NAT64 must not hide a private one."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address.sixtofour is not None:
            return address.sixtofour
        if address.teredo is not None:
            return address.teredo[1]
        if any(address in network for network in _TRANSLATORS):
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def check_url(text: str) -> httpx.URL:
    """An address that may be asked for at all.

    Raises
    ------
    FetchError
        If it is no URL, not http or https, has no host, or carries a user or password.

    Examples
    --------
    >>> check_url("file:///etc/passwd")
    Traceback (most recent call last):
    tocsin.model.errors.FetchError: url: got 'file:///etc/passwd', allowed: http or https with a host
    """
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, TypeError, ValueError) as error:
        raise FetchError(
            f"url: got {text!r} ({error}), allowed: http or https with a host", retry=False
        ) from None
    if url.scheme not in ("http", "https") or not url.host or "%" in url.host:
        raise FetchError(f"url: got {text!r}, allowed: http or https with a host", retry=False)
    if url.userinfo:
        raise FetchError("url: got one with a user or password in it, allowed: none", retry=False)
    return url
