"""The round trip: a rebuilt zone goes out only when every engine, having loaded it, holds just what was meant.

"The zone checker says OK" is no judge: of hostile names BIND and Knot accept many as something else, and one bad record
makes Unbound exit and PowerDNS or BIND lose the whole list, in silence. So the zone is loaded by throwaway programs on
loopback, one after the other, and what each of them writes out again is compared: BIND by named-checkzone, Knot by a
server of its own, Unbound and PowerDNS Recursor by a transfer from that.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

from mamori.engine.editions import Record
from mamori.engine.files import Paced
from mamori.lists.distribution.knot import Knot
from mamori.lists.distribution.records import zone_lines

PROGRAMS = {
    "bind": ("named-checkzone",),
    "knot": ("knotd",),
    "unbound": ("knotd", "unbound"),
    "powerdns": ("knotd", "pdns_recursor"),
}
PACKAGES = {
    "named-checkzone": "bind9-utils",
    "knotd": "knot",
    "unbound": "unbound",
    "pdns_recursor": "pdns-recursor",
}
"""Debian's packages of the programs."""
_PATH = "/usr/sbin:/usr/local/sbin:/sbin:/usr/bin:/usr/local/bin:/bin"
LONGEST = 300.0  # seconds until an engine must hold a zone
SHOWN = 3  # differences that are named
_MASK = (1 << 128) - 1


class RoundTripError(Exception):
    """An engine does not hold what was meant, could not load it, or is not there to judge."""


class Content(NamedTuple):
    """A set of records, whatever its order: how many, and the sum of their BLAKE2b digests modulo 2^128."""

    records: int
    digest: int


class Judged(NamedTuple):
    """What one engine said of a zone, and how long it took."""

    engine: str
    zone: str
    records: int
    seconds: float


def missing(engines: Iterable[str]) -> list[str]:
    """Programs these engines judge with that are not installed here. RoundTripError for an engine nobody knows."""
    if unknown := [engine for engine in engines if engine not in PROGRAMS]:
        raise RoundTripError(f"{', '.join(unknown)} is no engine that judges (there are {', '.join(PROGRAMS)})")
    return sorted({name for engine in engines for name in PROGRAMS[engine] if _program(name) is None})


def how_to_install(programs: Iterable[str]) -> str:
    """The command that brings these programs on Debian."""
    return f"apt-get install --no-install-recommends {' '.join(sorted({PACKAGES[name] for name in programs}))}"


def judge(
    zone: str, wanted: Callable[[], Iterable[Record]], engines: Sequence[str], step: Callable[[Judged], None]
) -> None:
    """Load the zone in each engine and compare. `wanted` gives its records again each time; `step` hears each verdict.

    Raises RoundTripError at the first engine that differs, with the first differences; before any is asked when one
    of them is not installed, and when there is none: what nobody judged does not go out.
    """
    if not engines:
        raise RoundTripError(f"no engine is named to judge {zone}")
    if absent := missing(engines):
        raise RoundTripError(f"not installed, so that {zone} cannot be judged: {', '.join(absent)}")
    meant = content_of(_line(record.owner, record.target) for record in wanted())
    with tempfile.TemporaryDirectory(prefix="mamori-roundtrip-") as name, ExitStack() as running:
        folder = Path(name)
        file = folder / "zone"
        with file.open("w") as text:
            paced = Paced(text)
            for line in zone_lines(zone, wanted()):
                paced.write(line)

        @cache
        def server() -> tuple[Knot, int]:
            """One Knot, from the first engine that needs it on."""
            return running.enter_context(_knot(zone, file, folder))

        for engine in engines:
            began = time.monotonic()
            with _held(engine, zone, file, folder, server) as dump:
                found = content_of(dump())
                if found != meant:
                    raise RoundTripError(_difference(engine, zone, wanted, dump))
            step(Judged(engine, zone, found.records, time.monotonic() - began))


def content_of(lines: Iterable[str]) -> Content:
    count, total = 0, 0
    for line in lines:
        count += 1
        total += int.from_bytes(hashlib.blake2b(line.encode(), digest_size=16).digest())
    return Content(count, total & _MASK)


def _difference(
    engine: str, zone: str, wanted: Callable[[], Iterable[Record]], dump: Callable[[], Iterator[str]]
) -> str:
    meant, found = {_line(record.owner, record.target) for record in wanted()}, set(dump())
    parts = [
        f"{what} {', '.join(sorted(lines)[:SHOWN])}{' …' if len(lines) > SHOWN else ''}"
        for what, lines in (("it lacks", meant - found), ("it has besides", found - meant))
        if lines
    ]
    return f"{engine} does not hold {zone} as meant: {'; '.join(parts) or 'some records stand there twice'}"


@contextmanager
def _held(
    engine: str, zone: str, file: Path, folder: Path, server: Callable[[], tuple[Knot, int]]
) -> Iterator[Callable[[], Iterator[str]]]:
    """Load the zone; inside, what the engine holds can be read, as often as one likes. `server`: Knot, and its port."""
    if engine == "bind":
        out = folder / "bind.dump"
        command = [_need("named-checkzone"), "-q", "-D", "-f", "text", "-o", str(out), "-s", "full", zone, str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LONGEST, cwd=folder)
        if done.returncode:
            said = (done.stderr + done.stdout).strip().splitlines()
            raise RoundTripError(f"bind refuses {zone}: {said[0][:180] if said else done.returncode}")
        yield lambda: _read(out, zone)
        return
    knot, port = server()
    if engine == "knot":
        yield lambda: _of_knot(knot, zone)
        return
    out = folder / f"{engine}.dump"
    command = _unbound(zone, port, out, folder) if engine == "unbound" else _powerdns(zone, port, out, folder)
    with _running(engine, command, folder) as alive:
        _until(lambda: _complete(out), alive, f"{engine} does not load {zone}")
        yield lambda: _read(out, zone)


@contextmanager
def _knot(zone: str, file: Path, folder: Path) -> Iterator[tuple[Knot, int]]:
    port, control, config = _free_port(), folder / "knot.sock", folder / "knot.conf"
    database = folder / "knot"
    database.mkdir(exist_ok=True)
    config.write_text(_KNOT.format(folder=folder, port=port, control=control, database=database, zone=zone, file=file))
    with _running("knot", [_need("knotd"), "-c", str(config)], folder) as alive:
        knot = Knot(str(control))
        _until(lambda: _has(knot, zone), alive, f"knot does not load {zone}")
        yield knot, port


def _has(knot: Knot, zone: str) -> bool:
    with suppress(Exception):
        return knot.serial(zone) > 0
    return False


def _of_knot(knot: Knot, zone: str) -> Iterator[str]:
    for one in knot.records(zone):
        yield f"{one.owner} {one.kind} {one.data}"


def _unbound(zone: str, port: int, out: Path, folder: Path) -> list[str]:
    config = folder / "unbound.conf"
    config.write_text(_UNBOUND.format(own=_free_port(), folder=folder, zone=zone, port=port, out=out))
    return [_need("unbound"), "-d", "-p", "-c", str(config)]


def _powerdns(zone: str, port: int, out: Path, folder: Path) -> list[str]:
    place = folder / "powerdns"
    place.mkdir(exist_ok=True)
    script = place / "recursor.lua"
    script.write_text(f'rpzPrimary({{"127.0.0.1:{port}"}}, "{zone}.", {{dumpFile="{out}", refresh=5}})\n')
    (place / "recursor.conf").write_text(_POWERDNS.format(own=_free_port(), place=place, script=script, port=port))
    return [_need("pdns_recursor"), f"--config-dir={place}"]


def _read(dump: Path, zone: str) -> Iterator[str]:
    """The records of a dump as `_line` tells them, but for SOA and NS of the zone itself. Odd lines come as they are."""
    apex, suffix = f"{zone}.", f".{zone}."
    with dump.open() as text:
        for line in text:
            fields = [field for field in line.split() if field != "IN"]
            if not fields or fields[0].startswith(";"):
                continue
            rest = fields[2:] if len(fields) > 2 and fields[1].isdecimal() else fields[1:]
            if fields[0] == apex and rest[:1] in (["SOA"], ["NS"]):
                continue
            yield f"{fields[0].removesuffix(suffix)} {' '.join(rest)}"


def _line(owner: str, target: str) -> str:
    return f"{owner} CNAME {target}"


def _complete(dump: Path) -> bool:
    """Whether a dump stands there and does not grow: Unbound and PowerDNS put it in place whole."""
    return dump.exists() and dump.stat().st_size > 0


@contextmanager
def _running(name: str, command: list[str], folder: Path) -> Iterator[Callable[[], bool]]:
    log = folder / f"{name}.log"
    with log.open("w") as out, subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=folder,
        env={"PATH": _PATH, "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"},
    ) as process:  # fmt: skip
        try:
            yield lambda: process.poll() is None
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


def _until(true: Callable[[], bool], alive: Callable[[], bool], complaint: str) -> None:
    end = time.monotonic() + LONGEST
    for pause in itertools.chain((0.05, 0.1), itertools.repeat(0.2)):
        if true():
            return
        if not alive() or time.monotonic() > end:
            raise RoundTripError(complaint)
        time.sleep(pause)


def _program(name: str) -> str | None:
    return shutil.which(name, path=_PATH)


def _need(name: str) -> str:
    found = _program(name)
    if found is None:
        raise RoundTripError(f"the program {name} is not installed")
    return found


def _free_port() -> int:
    """A port of loopback free for TCP and UDP at this moment."""
    for _attempt in range(50):
        with (
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        ):
            tcp.bind(("127.0.0.1", 0))
            port = int(tcp.getsockname()[1])
            with suppress(OSError):
                udp.bind(("127.0.0.1", port))
                return port
    raise RoundTripError(f"no free port on loopback for the judges (process {os.getpid()})")


_KNOT = """\
server:
  rundir: "{folder}"
  listen: 127.0.0.1@{port}
  automatic-acl: off
  tcp-io-timeout: 60000
control:
  listen: "{control}"
database:
  storage: "{database}"
log:
  - target: stderr
    any: warning
acl:
  - id: loopback
    address: 127.0.0.1
    action: transfer
zone:
  - domain: {zone}.
    file: "{file}"
    zonefile-load: whole
    zonefile-sync: -1
    journal-content: none
    semantic-checks: off
    acl: loopback
"""
_UNBOUND = """\
server:
    interface: 127.0.0.1@{own}
    username: ""
    chroot: ""
    directory: "{folder}"
    pidfile: ""
    use-syslog: no
    module-config: "respip iterator"
    do-not-query-localhost: no
remote-control:
    control-enable: no
forward-zone:
    name: "."
    forward-addr: 127.0.0.1@{port}
rpz:
    name: {zone}.
    primary: 127.0.0.1@{port}
    zonefile: "{out}"
"""
_POWERDNS = """\
local-address=127.0.0.1
local-port={own}
lua-config-file={script}
socket-dir={place}
forward-zones-recurse=.=127.0.0.1:{port}
daemon=no
setuid=
setgid=
security-poll-suffix=
threads=1
dnssec=off
"""
