"""Which network addresses a re-check may connect to."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Ip = IPv4Address | IPv6Address
Net = IPv4Network | IPv6Network

_NAT64 = IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_COMPATIBLE = IPv6Network("::/96")
_TEREDO = IPv6Network("2001::/32")
# Refused whatever Python's own tables say: IANA special-purpose registries, RFC 7526, 8215, 9602, 9637.
_NEVER = tuple(
    ip_network(net)
    for net in ("192.88.99.0/24", "192.0.0.0/24", "64:ff9b:1::/48", "100::/64", "5f00::/16", "3fff::/20", "fec0::/10")
)


def networks(texts: Iterable[str]) -> list[Net]:
    return [ip_network(text, strict=False) for text in texts]


def embedded(ip: Ip) -> list[IPv4Address]:
    """IPv4 addresses that a transition form of IPv6 carries: mapped, compatible, NAT64, 6to4, Teredo, ISATAP."""
    if isinstance(ip, IPv4Address):
        return []
    packed = ip.packed
    if ip.ipv4_mapped:
        return [ip.ipv4_mapped]
    if ip.sixtofour:
        return [ip.sixtofour]
    if ip in _TEREDO and ip.teredo:
        return list(ip.teredo)
    if ip in _NAT64 or ip in _COMPATIBLE or packed[8:12] in {b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe"}:
        return [IPv4Address(packed[12:])]
    return []


def may_connect(ip: Ip, *, own: bool, allowed: Sequence[Net]) -> bool:
    """Whether to connect to `ip`. `own`: it is an address of the content's own host, not of a redirect's.

    Only globally reachable unicast is allowed. A transition form is taken for the content's own host only, and
    only if every address in it is globally reachable. `allowed` (the demo's loopback) holds for the own host alone.
    """
    if own and any(ip.version == net.version and ip in net for net in allowed):
        return True
    inner = embedded(ip)
    if inner:
        return own and _outside_never(ip) and all(_public(address) for address in inner)
    return _public(ip)


def _public(ip: Ip) -> bool:
    if isinstance(ip, IPv6Address) and (ip.scope_id or ip not in _GLOBAL_UNICAST):
        return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and _outside_never(ip)


def _outside_never(ip: Ip) -> bool:
    return not any(ip.version == net.version and ip in net for net in _NEVER)


def read(text: str) -> Ip:
    return ip_address(text)
