"""The peer of `benchmarks.publish`: a primary whose zone file is written anew and reloaded, and a BIND as it comes.

The same names in one zone, two records each; Knot takes the difference of the file (`zonefile-load:
difference-no-serial`), sends NOTIFY and serves IXFR. BIND has its own defaults: `min-update-interval` 60 s.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from demo.dns import LOOPBACK, Address, bind_main
from demo.knot import Knot, program, write_private
from demo.processes import Program, hand_over, private_folder

ZONE = "peer.list."
_SOA = f"{ZONE} 60 SOA hub.invalid. hostmaster.invalid. 1 60 30 2592000 60\n{ZONE} 60 NS hub.invalid.\n"
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
  - id: provider
    address: 127.0.0.1@@BIND_PORT@
acl:
  - id: provider
    address: 127.0.0.1
    action: transfer
zone:
  - domain: peer.list.
    file: "@ZONE_FILE@"
    zonefile-load: difference-no-serial
    zonefile-sync: -1
    journal-content: all
    journal-max-usage: 4G
    serial-policy: increment
    semantic-checks: off
    notify: provider
    acl: provider
"""
_OPTIONS = 'response-policy { zone "peer.list"; };'
_ZONE_OF_BIND = """\
zone "peer.list" {{
    type secondary;
    file "{folder}/peer.list.db";
    primaries {{ 127.0.0.1 port {primary}; }};
    allow-notify {{ 127.0.0.1; }};
}};
"""


class Reloading:
    """Primary and resolver. `names`: what the list holds at the start."""

    def __init__(self, base: Path, ports: int, example: int, names: Iterable[str]) -> None:
        primary, resolver = ports, ports + 1
        folder = private_folder(base, "dns/peer-bind")
        self.names = dict.fromkeys(names)
        self._file = private_folder(base, "dns/peer-file") / "peer.list.zone"
        template = base / "peer-knot.conf"
        template.write_text(_KNOT)
        values: dict[str, str | int] = {"BIND_PORT": resolver, "ZONE_FILE": str(self._file)}
        self._knot = Knot("peer", base, primary, template, values)
        main = folder / "named.conf"
        zone = _ZONE_OF_BIND.format(folder=folder, primary=primary)
        write_private(main, bind_main(folder, resolver, example, _OPTIONS, zone))
        self._bind = Program("peer-bind", [program("named"), "-f", "-n", "1", "-c", main], folder)
        self.resolver: Address = (LOOPBACK, resolver)
        self.blocked = "NXDOMAIN"

    def __enter__(self) -> Self:
        self._write()
        self._knot.start()
        self._bind.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bind.stop()
        self._knot.stop()

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
        self._write()
        self._knot.ctl([f"zone-reload {ZONE}"])

    def _write(self) -> None:
        """The whole file, put in place at once."""
        fresh = self._file.with_suffix(".new")
        with fresh.open("w") as text:
            text.write(_SOA)
            text.writelines(f"{name}.{ZONE} 60 CNAME .\n*.{name}.{ZONE} 60 CNAME .\n" for name in self.names)
        hand_over(fresh)
        fresh.replace(self._file)
