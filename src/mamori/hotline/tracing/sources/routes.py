"""Route origins from a local table: lines `prefix TAB asn TAB name TAB country`, IPv4 and IPv6."""

import logging
from ipaddress import ip_network
from pathlib import Path

from mamori.hotline.tracing.sources.answers import Ip, Route, SourceError

log = logging.getLogger("mamori.tracing")
_Origin = tuple[int, str, str]


class RouteTable:
    """Longest prefix match: one look-up for each prefix length in the table. Read again when the file changes."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._read_at: tuple[int, int] | None = None
        self._tables: dict[tuple[int, int], dict[int, _Origin]] = {}

    def origin(self, address: Ip) -> Route | None:
        self._refresh()
        bits = address.max_prefixlen
        for version, length in self._tables:
            if version != address.version:
                continue
            found = self._tables[version, length].get(int(address) >> (bits - length))
            if found:
                network = ip_network((int(address) >> (bits - length) << (bits - length), length))
                return Route(str(network), *found)
        return None

    def _refresh(self) -> None:
        if self._path is None:
            raise SourceError("no table of routes is configured")
        try:
            status = self._path.stat()
            if self._read_at != (status.st_mtime_ns, status.st_size):
                self._tables = _read(self._path)
                self._read_at = (status.st_mtime_ns, status.st_size)
        except OSError as error:
            raise SourceError(f"the table of routes cannot be read: {error.strerror}") from error


def _read(path: Path) -> dict[tuple[int, int], dict[int, _Origin]]:
    """(version, prefix length) -> network bits -> origin, longest prefixes first. Bad lines are logged and left out."""
    tables: dict[tuple[int, int], dict[int, _Origin]] = {}
    same: dict[_Origin, _Origin] = {}
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip() or line.startswith("#"):
                continue
            try:
                prefix, asn, name, country = line.rstrip("\r\n").split("\t")[:4]
                network = ip_network(prefix.strip())
                origin = (int(asn.strip().upper().removeprefix("AS")), name.strip(), country.strip().upper()[:2])
            except ValueError:
                log.warning("table of routes: line %d is not prefix, asn, name, country", number)
                continue
            bits = int(network.network_address) >> (network.max_prefixlen - network.prefixlen)
            tables.setdefault((network.version, network.prefixlen), {}).setdefault(
                bits, same.setdefault(origin, origin)
            )
    return dict(sorted(tables.items(), key=lambda item: -item[0][1]))
