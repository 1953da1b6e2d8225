"""Zones of the hidden primary, transferred with the subscriber's TSIG key."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rdatatype
import dns.tsigkeyring

from mamori.engine.editions import Record
from mamori.tools.fetching import PullError

ANSWER, WHOLE = 10.0, 600.0  # seconds


@dataclass(frozen=True)
class Primary:
    """`address` and port of the list body's primary, and the key it gave."""

    address: str
    port: int
    key_name: str
    secret: str

    @classmethod
    def of(cls, place: str, key_file: Path) -> Primary:
        """`place`: address@port. The file holds the key's name and its secret, parted by a blank. ValueError."""
        address, _at, port = place.partition("@")
        words = key_file.read_text().split()
        if len(words) != 2 or not (port or "53").isdecimal():
            raise ValueError(
                f"{key_file} must hold the TSIG key's name and its secret; the primary is written 192.0.2.1@53"
            )
        return cls(address, int(port or 53), *words)

    def serial(self, zone: str) -> int:
        """The zone's serial number. PullError."""
        question = dns.message.make_query(zone, dns.rdatatype.SOA)
        question.use_tsig(self._keyring)
        try:
            answer = dns.query.tcp(question, self.address, port=self.port, timeout=ANSWER)
            return int(answer.answer[0][0].serial)
        except (dns.exception.DNSException, OSError, IndexError, AttributeError) as error:
            raise PullError(f"the primary does not tell the serial of {zone} ({type(error).__name__})") from error

    def transfer(self, zone: str) -> tuple[int, set[Record]]:
        """Its serial and its records but SOA and NS; what is no CNAME comes as a record that fits nothing. PullError."""
        held: set[Record] = set()
        serial = 0
        try:
            messages = dns.query.xfr(
                self.address, zone, port=self.port, keyring=self._keyring, timeout=ANSWER, lifetime=WHOLE
            )
            for message in messages:
                for rrset in message.answer:
                    if rrset.rdtype == dns.rdatatype.SOA:
                        serial = int(rrset[0].serial)
                    elif rrset.rdtype != dns.rdatatype.NS or rrset.name != dns.name.empty:
                        held |= {Record(str(rrset.name).lower(), _target(record)) for record in rrset}
        except (dns.exception.DNSException, OSError) as error:
            raise PullError(f"the primary does not hand over {zone} ({type(error).__name__})") from error
        return serial, held

    @property
    def _keyring(self) -> Any:
        return dns.tsigkeyring.from_text({self.key_name: ("hmac-sha256", self.secret)})


def _target(record: Any) -> str:
    return str(record.target).lower() if record.rdtype == dns.rdatatype.CNAME else f"not a CNAME: {record}"
