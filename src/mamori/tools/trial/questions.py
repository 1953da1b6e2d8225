"""One DNS question over UDP, from a process's own event loop."""

from __future__ import annotations

import asyncio

import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rdtypes.IN.A

TRIES, SECONDS = 3, 1.0


class NoSuchName(Exception):
    """The resolver says that there is no such name."""


class _Once(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, _address: object) -> None:
        if not self.answer.done():
            self.answer.set_result(data)

    def error_received(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


async def address_of(name: str, resolver: str) -> str:
    """The IPv4 address of a name. NoSuchName for NXDOMAIN and NODATA, OSError where no good answer comes."""
    query = dns.message.make_query(name, "A")
    wire = query.to_wire()
    for _ in range(TRIES):
        transport, once = await asyncio.get_running_loop().create_datagram_endpoint(_Once, remote_addr=(resolver, 53))
        try:
            transport.sendto(wire)
            answer = dns.message.from_wire(await asyncio.wait_for(once.answer, SECONDS))
        except (TimeoutError, OSError, dns.exception.DNSException):
            continue
        finally:
            transport.close()
        if answer.id != query.id or answer.rcode() not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
            continue
        for rrset in answer.answer:
            if rrset.rdtype == dns.rdatatype.A:
                found = rrset[0]
                assert isinstance(found, dns.rdtypes.IN.A.A)
                return str(found.address)
        raise NoSuchName(name)
    raise OSError(f"no answer from {resolver}")
