"""The demo world as one: hosting, registries, mailboxes, DNS; and what Mamori must be told to live in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from demo.dns import CANARY, STOP_HOST, DnsWorld, engines_installed
from demo.hosting import Hosting
from demo.knot import Key
from demo.mailboxes import Mailboxes
from demo.names import Names
from demo.programs import JUDGES, have
from demo.registry import ABUSIX_ZONE, Registry, abusix_records, write_routes

LOOPBACK = "127.0.0.1"
PORT = 8500
PORTS_NEEDED = 10


class World:
    """Everything around Mamori, in this process and its children.

    Ports: `port`+0..4 DNS (see DnsWorld), +5 http and +6 https of the sites, +7 the provider's admin, +8 RDAP, +9 SMTP.
    """

    def __init__(
        self,
        base: Path,
        port: int = PORT,
        *,
        keys: Mapping[str, Key] | None = None,
        engines: Sequence[str] | None = None,
    ) -> None:
        """`keys`: see DnsWorld. `engines`: resolvers wanted, default all. Where none can run, `dns` is None."""
        base.mkdir(parents=True, exist_ok=True)
        self.base = base
        self._port = port
        engines = [each for each in engines_installed() if engines is None or each in engines]
        self.dns = DnsWorld(base, port, engines=engines, keys=keys) if engines else None
        self.names: DnsWorld | Names = self.dns or Names(port + 1)
        self.hosting = Hosting(base / "hosting", http_port=port + 5, https_port=port + 6, admin_port=port + 7)
        self.registry = Registry(port + 8, lambda: self.hosting.hosts)
        self.mail = Mailboxes(base / "mail", port + 9)
        self.routes = base / "routes.tsv"
        self._started = ExitStack()

    def start(self) -> None:
        write_routes(self.routes)
        with ExitStack() as stack:
            for part in (self.names, self.hosting, self.registry, self.mail):
                part.start()
                stack.callback(part.stop)
            if self.dns is None:
                self.names.host([STOP_HOST, CANARY], LOOPBACK)
            for name, contact in abusix_records(self.hosting.addresses).items():
                self.names.record(name, "TXT", contact)
            self.host(f"http://{name}/" for name in self.hosting.hosts)
            self._started = stack.pop_all()

    def stop(self) -> None:
        self._started.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def host(self, urls: Iterable[str]) -> None:
        """Let these web addresses under .example exist: pages, names, registry."""
        for address, names in self.hosting.host(urls).items():
            self.names.host(names, address)

    def settings(self) -> dict[str, str]:
        """Environment variables for Mamori's faces and worker in this world.

        Mamori asks the zone's own server: the providers' resolvers block what it must still be able to trace.
        """
        found = {
            "MAMORI_NAMESERVERS": f"{LOOPBACK}:{self._port + 1}",
            "MAMORI_RDAP_BOOTSTRAP": self.registry.bootstrap_url,
            "MAMORI_ROUTES": str(self.routes),
            "MAMORI_ABUSIX_ZONE": ABUSIX_ZONE,
            "SSL_CERT_FILE": str(self.hosting.ca_file),
            "MAMORI_RECHECK": "yes",
            "MAMORI_RECHECK_ALLOW_NETWORKS": "127.77.0.0/16,::1/128",
            "MAMORI_RECHECK_PORT_MAP": f"80={self._port + 5},443={self._port + 6}",
            "MAMORI_SMTP_HOST": LOOPBACK,
            "MAMORI_SMTP_PORT": str(self._port + 9),
            "MAMORI_STOP_PAGE_HOST": STOP_HOST.rstrip("."),
            "MAMORI_CANARY_NAME": CANARY.rstrip("."),
        }
        if self.dns:
            found["MAMORI_KNOT_SOCKET"] = str(self.dns.knot_socket)
            found["MAMORI_KNOT_ZONE_DIR"] = str(self.dns.handover)
            found["MAMORI_KNOT_LOG"] = str(self.dns.transfers_log)
            # The demo installs no engine it has no use for: those that are here judge. In production all four must.
            found["MAMORI_LIST_JUDGES"] = ",".join(each for each, name in JUDGES.items() if have(name))
            found["MAMORI_PROBE_RESOLVERS"] = ",".join(
                f"{engine}={host}:{port}" for engine, (host, port) in self.dns.resolvers.items()
            )
        return found
