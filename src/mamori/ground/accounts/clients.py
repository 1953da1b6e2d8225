"""Whose log-ins are counted together. The address itself is kept nowhere: only a keyed digest of it, while limits run."""

import hashlib
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Ip = IPv4Address | IPv6Address
NEIGHBOURS = 64  # bits of an IPv6 address that stand for one client


def client_address(remote: str, forwarded: str, trusted: Sequence[IPv4Network | IPv6Network]) -> Ip | None:
    """The right-most address that no trusted proxy has: `remote` is the peer, `forwarded` an X-Forwarded-For header.

    What stands left of it was written by the client itself and is not believed. None when the peer has no address.
    """
    found = None
    for part in reversed([*forwarded.split(","), remote]):
        try:
            address = ip_address(part.strip())
        except ValueError:
            return found
        found = getattr(address, "ipv4_mapped", None) or address
        if not any(found.version == proxies.version and found in proxies for proxies in trusted):
            return found
    return found


def client_digest(address: Ip | None, key: str) -> str:
    """A name for a client that tells nothing without the key. Neighbours in one IPv6 network are one client."""
    place = str(ip_network((address, NEIGHBOURS), strict=False) if isinstance(address, IPv6Address) else address)
    secret = hashlib.blake2b(key.encode(), digest_size=32, person=b"mamori client").digest()
    return hashlib.blake2b(place.encode(), key=secret, digest_size=16).hexdigest()
