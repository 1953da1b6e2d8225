"""The peers of `benchmarks.publish`: a primary whose zone file is written anew and reloaded, and a BIND as it comes.

The same names in a zone of each, two records each; one Knot takes the difference of the file (`zonefile-load:
difference-no-serial`) and sends NOTIFY. `bind` then takes what changed (IXFR). `bind-axfr` takes all of its zone at each
change (`provide-ixfr: off`, `request-ixfr no`): the way of ioc2rpz. Both BINDs have their own defaults. By these they take
what is added into force 60 s after the last update at the earliest (`min-update-interval`; `benchmarks.effective` measures
that), so each change begins when no update is near: what is measured is the file, the transfer and the taking in.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from benchmarks.common import say
from demo.dns import LOOPBACK, Address, bind_main
from demo.knot import Knot, program, write_private
from demo.processes import Program, hand_over, private_folder

QUIET = 125.0  # seconds after a change: it comes into force within 60, and 60 later the next one does at once
WAYS = {"bind": "peer.list.", "bind-axfr": "peer-axfr.list."}
_KNOT = """\
server:
  rundir: "@STORAGE@"
  listen: @LISTEN@
  automatic-acl: off
control:
  listen: "@SOCKET@"
database:
  storage: "@STORAGE@/db"
  journal-db-max-size: 16G
log:
  - target: stderr
    any: warning
remote:
  - id: bind
    address: 127.0.0.1@@BIND_PORT@
  - id: bind-axfr
    address: 127.0.0.1@@AXFR_PORT@
acl:
  - id: provider
    address: 127.0.0.1
    action: transfer
template:
  - id: default
    zonefile-load: difference-no-serial
    zonefile-sync: -1
    journal-content: all
    journal-max-usage: 4G
    serial-policy: increment
    semantic-checks: off
    acl: provider
zone:
  - domain: peer.list.
    file: "@FILES@/peer.list.zone"
    notify: bind
  - domain: peer-axfr.list.
    file: "@FILES@/peer-axfr.list.zone"
    provide-ixfr: off
    notify: bind-axfr
"""
_BIND = """\
zone "{zone}" {{
    type secondary;
    file "{folder}/list.db";
    primaries {{ 127.0.0.1 port {primary}; }};
    allow-notify {{ 127.0.0.1; }};{more}
}};
"""


class Reloading:
    """The primary with a zone for each way, and its two resolvers by way.

    `names`: what the list holds at the start. Ports: `ports` the primary, then a resolver each.
    """

    def __init__(self, base: Path, ports: int, example: int, names: Iterable[str]) -> None:
        template, files = base / "peer-knot.conf", private_folder(base, "dns/peer-file")
        template.write_text(_KNOT)
        at = dict(zip(WAYS, range(ports + 1, ports + 1 + len(WAYS)), strict=True))
        values: dict[str, str | int] = {
            "BIND_PORT": at["bind"], "AXFR_PORT": at["bind-axfr"], "FILES": str(files),
        }  # fmt: skip
        self._knot = Knot("peer", base, ports, template, values)
        listed = dict.fromkeys(names)
        self.peers = {way: Reloaded(way, self._knot, base, files, at[way], example, dict(listed)) for way in WAYS}

    def __enter__(self) -> Self:
        for peer in self.peers.values():
            peer.write()
        self._knot.start()
        for peer in self.peers.values():
            peer.bind.start()
        return self

    def __exit__(self, *_: object) -> None:
        for peer in self.peers.values():
            peer.bind.stop()
        self._knot.stop()


class Reloaded:
    """One zone at the primary, and the resolver that takes it."""

    blocked = "NXDOMAIN"

    def __init__(
        self, way: str, knot: Knot, base: Path, files: Path, port: int, example: int, names: dict[str, None]
    ) -> None:
        self.zone, self.names, self._knot = WAYS[way], names, knot
        bare = self.zone.rstrip(".")
        self._file = files / f"{bare}.zone"
        folder = private_folder(base, f"dns/peer-{way}")
        more = "\n    request-ixfr no;" if way == "bind-axfr" else ""
        zone = _BIND.format(zone=bare, folder=folder, primary=knot.port, more=more)
        options = f'response-policy {{ zone "{bare}"; }};'
        main = folder / "named.conf"
        write_private(main, bind_main(folder, port, example, options, zone))
        self.bind = Program(f"peer-{way}", [program("named"), "-f", "-n", "1", "-c", main], folder)
        self.resolver: Address = (LOOPBACK, port)
        self.changed = time.monotonic()

    def settle(self) -> None:
        """Wait until no update of its BIND is near."""
        if (wait := self.changed + QUIET - time.monotonic()) > 0:
            say(f"  {wait:.0f} s until BIND takes a change at once")
            time.sleep(wait)

    def add(self, names: Iterable[str]) -> float:
        """List names. The moment the change began."""
        began = time.monotonic()
        self.names |= dict.fromkeys(names)
        self._reload()
        return began

    def end(self, names: Iterable[str]) -> float:
        began = time.monotonic()
        for name in names:
            del self.names[name]
        self._reload()
        return began

    def _reload(self) -> None:
        self.changed = time.monotonic()
        self.write()
        self._knot.ctl([f"zone-reload {self.zone}"])

    def write(self) -> None:
        """The whole file, put in place at once."""
        fresh, zone = self._file.with_suffix(".new"), self.zone
        with fresh.open("w") as text:
            text.write(
                f"{zone} 60 SOA hub.invalid. hostmaster.invalid. 1 60 30 2592000 60\n{zone} 60 NS hub.invalid.\n"
            )
            text.writelines(f"{name}.{zone} 60 CNAME .\n*.{name}.{zone} 60 CNAME .\n" for name in self.names)
        hand_over(fresh)
        fresh.replace(self._file)
