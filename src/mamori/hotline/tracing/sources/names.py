"""The DNS by dnspython: addresses of a host, and Abusix's TXT records of abuse contacts."""

from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

import dns.exception
import dns.nameserver
import dns.rdatatype
import dns.resolver
import dns.reversename

from mamori.hotline.tracing.sources.answers import Ip, SourceError
from mamori.hotline.tracing.sources.mails import mail_or_nothing

LONGEST = 5.0  # seconds for one question


class DnsResolver:
    """Asks `servers` ("host:port", IPv6 in brackets); without any, the system's own. `zone`: Abusix's zone."""

    def __init__(self, servers: Sequence[str], zone: str) -> None:
        self._resolver = dns.resolver.Resolver(configure=not servers)
        if servers:
            self._resolver.nameservers = [_server(each) for each in servers]
        self._resolver.lifetime = LONGEST
        self._zone = zone

    def addresses(self, host: str) -> list[Ip]:
        try:
            return [ip_address(host)]
        except ValueError:
            found = [*self._ask(host, "A"), *self._ask(host, "AAAA")]
        return sorted({ip_address(text) for text in found}, key=lambda ip: (ip.version, int(ip)))

    def abuse_mails(self, address: Ip) -> list[str]:
        reverse = dns.reversename.from_address(str(address)).to_text()
        bare = reverse.removesuffix(".in-addr.arpa.").removesuffix(".ip6.arpa.")
        texts = self._ask(f"{bare}.{self._zone}", "TXT")
        mails = [mail_or_nothing(part) for text in texts for part in text.strip('"').split(",")]
        return list(dict.fromkeys(mail for mail in mails if mail))

    def _ask(self, name: str, kind: str) -> list[str]:
        try:
            answer = self._resolver.resolve(f"{name.rstrip('.')}.", kind)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except dns.exception.DNSException as error:
            raise SourceError(f"DNS: {type(error).__name__}") from error
        if answer.rdtype == dns.rdatatype.TXT:
            return ["".join(part.decode("utf-8", "replace") for part in record.strings) for record in answer]
        return [record.to_text() for record in answer]


def _server(text: str) -> dns.nameserver.Nameserver:
    parts = urlsplit(f"//{text}")
    if parts.hostname is None:
        raise ValueError(f"not a name server: {text!r}")
    return dns.nameserver.Do53Nameserver(parts.hostname, parts.port or 53)
