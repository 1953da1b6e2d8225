"""The round trip: a rebuilt zone goes out only when every engine, having loaded it, holds just what was meant.

"The zone checker says OK" is no judge: of hostile names BIND and Knot accept many as something else, and one bad record
makes Unbound exit and PowerDNS or BIND lose the whole list, in silence. So the zone is loaded by throwaway programs on
loopback, one after the other, and what each of them writes out again is compared: BIND by named-checkzone, Knot by a
server of its own, Unbound and PowerDNS Recursor by a transfer from that. All of it yields to whatever else runs here, and
nothing that takes long is done in this process: beside it, in another thread, the list is published.
"""

from __future__ import annotations

import filecmp
import itertools
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
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
    "knot": ("knotd", "knotc"),
    "unbound": ("knotd", "unbound"),
    "powerdns": ("knotd", "pdns_recursor"),
}
PACKAGES = {
    "named-checkzone": "bind9-utils",
    "knotd": "knot",
    "knotc": "knot",
    "unbound": "unbound",
    "pdns_recursor": "pdns-recursor",
}
"""Debian's packages of the programs."""
_PATH = "/usr/sbin:/usr/local/sbin:/sbin:/usr/bin:/usr/local/bin:/bin"
LONGEST = 300.0  # seconds until an engine must hold a zone
SHOWN = 3  # differences that are named
_ENVIRONMENT = {"PATH": _PATH, "HOME": "/nonexistent", "LC_ALL": "C"}
_NICE = ("nice", "-n", "10")
_SORT = (*_NICE, "sort", "-S", "256M")
_READ = """
    NF == 0 || $1 ~ /^;/ { next }
    {
        at = 2
        while (at < NF && ($at == "IN" || $at ~ /^[0-9]+$/)) at++
        if ($1 == apex && ($at == "SOA" || $at == "NS")) next
        owner = $1
        names = length(owner) - length(apex) - 1
        if (names > 0 && substr(owner, names + 1) == "." apex) owner = substr(owner, 1, names)
        for (; at <= NF; at++) owner = owner " " $at
        print owner
    }
"""
"""For awk: the records of a dump as `_line` tells them, but for SOA and NS of the zone itself. Odd lines come as they are."""


class RoundTripError(Exception):
    """An engine does not hold what was meant, could not load it, or is not there to judge."""


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


def judge(zone: str, wanted: Iterable[Record], engines: Sequence[str], step: Callable[[Judged], None]) -> None:
    """Load a zone of these records in each engine and compare. `step` hears each verdict.

    Raises RoundTripError at the first engine that differs, with the first differences; before any is asked when one
    of them is not installed, and when there is none: what nobody judged does not go out.
    """
    if not engines:
        raise RoundTripError(f"no engine is named to judge {zone}")
    if absent := missing(engines):
        raise RoundTripError(f"not installed, so that {zone} cannot be judged: {', '.join(absent)}")
    with tempfile.TemporaryDirectory(prefix="mamori-roundtrip-") as name, ExitStack() as running:
        folder = Path(name)
        file, meant = folder / "zone", folder / "meant"
        records = _write(zone, wanted, file, meant)

        @cache
        def server() -> tuple[str, int]:
            """One Knot, from the first engine that needs it on."""
            return running.enter_context(_knot(zone, file, folder))

        def compared(engine: str, dump: Path, began: float) -> Judged:
            _compare(engine, zone, dump, meant)
            dump.unlink()
            return Judged(engine, zone, records, time.monotonic() - began)

        comparing = running.enter_context(ThreadPoolExecutor(1))
        last: Future[Judged] | None = None
        for engine in engines:
            began = time.monotonic()
            dump = _dump(engine, zone, file, folder, server)  # what the engine before wrote is compared meanwhile
            if last is not None:
                step(last.result())
            last = comparing.submit(compared, engine, dump, began)
        if last is not None:
            step(last.result())


def _write(zone: str, wanted: Iterable[Record], file: Path, meant: Path) -> int:
    """Write the zone, and what an engine must hold of it: a line for each record, sorted. How many these are."""
    count = 0

    def noted() -> Iterator[Record]:
        nonlocal count
        for record in wanted:
            lines.write(_line(record))
            count += 1
            yield record

    with file.open("w") as text, meant.open("w") as other:
        paced, lines = Paced(text), Paced(other)
        for line in zone_lines(zone, noted()):
            paced.write(line)
    _run([*_SORT, "-T", str(meant.parent), "-o", str(meant), str(meant)], "what is meant cannot be sorted")
    return count


def _line(record: Record) -> str:
    return f"{record.owner} CNAME {record.target}\n"


def _compare(engine: str, zone: str, dump: Path, meant: Path) -> None:
    """Hold a dump against what is meant. RoundTripError with the first differences."""
    found = dump.with_name(f"{dump.name}.sorted")
    with found.open("wb") as sorted_lines:
        read = subprocess.Popen(
            [*_NICE, "awk", "-v", f"apex={zone}.", _READ, str(dump)], stdout=subprocess.PIPE, env=_ENVIRONMENT
        )
        with read:
            command = [*_SORT, "-T", str(dump.parent)]
            done = subprocess.run(command, stdin=read.stdout, stdout=sorted_lines, env=_ENVIRONMENT, check=False)
    if read.returncode or done.returncode:
        raise RoundTripError(f"what {engine} holds of {zone} cannot be read")
    if not filecmp.cmp(found, meant, shallow=False):
        parts = [
            f"{what} {', '.join(lines[:SHOWN])}{' …' if len(lines) > SHOWN else ''}"
            for what, lines in (
                ("it lacks", _only("-23", meant, found)),
                ("it has besides", _only("-13", meant, found)),
            )
            if lines
        ]
        raise RoundTripError(f"{engine} does not hold {zone} as meant: {'; '.join(parts)}")
    found.unlink()


def _only(which: str, meant: Path, found: Path) -> list[str]:
    """The first lines that stand in one of two sorted files only (comm's -23: the first, -13: the second)."""
    command = [*_NICE, "comm", which, str(meant), str(found)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=_ENVIRONMENT) as comm:
        assert comm.stdout is not None
        return [line.rstrip("\n") for line in itertools.islice(comm.stdout, SHOWN + 1)]


def _dump(engine: str, zone: str, file: Path, folder: Path, server: Callable[[], tuple[str, int]]) -> Path:
    """Load the zone; what the engine holds, as it writes it out. `server`: Knot's control socket, and its port."""
    out = folder / f"{engine}.dump"
    if engine == "bind":
        checks = ["-i", "none"]  # of what names lead to, which a secondary does not look at either
        command = [_need("named-checkzone"), "-q", *checks, "-D", "-f", "text", "-o", str(out), "-s", "full"]
        _run([*_NICE, *command, zone, str(file)], f"bind refuses {zone}")
        return out
    control, port = server()
    if engine == "knot":
        out = folder / "flushed" / file.name
        out.parent.mkdir()
        command = [_need("knotc"), "-s", control, "-t", f"{LONGEST:.0f}", "-b", "zone-flush", zone]
        _run([*_NICE, *command, "+outdir", str(out.parent)], f"knot does not write {zone}")
        return out
    command = _unbound(zone, port, out, folder) if engine == "unbound" else _powerdns(zone, port, out, folder)
    with _running(engine, command, folder) as alive:
        _until(lambda: _complete(out), alive, f"{engine} does not load {zone}")
    return out


def _run(command: Sequence[str], complaint: str) -> None:
    """Run a program to its end. RoundTripError, with the first line it said, when it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LONGEST, env=_ENVIRONMENT)
    except subprocess.TimeoutExpired as error:
        raise RoundTripError(f"{complaint} within {LONGEST:.0f} seconds") from error
    if done.returncode:
        said = (done.stderr + done.stdout).strip().splitlines()
        raise RoundTripError(f"{complaint}: {said[0][:180] if said else done.returncode}")


@contextmanager
def _knot(zone: str, file: Path, folder: Path) -> Iterator[tuple[str, int]]:
    port, control, config = _free_port(), folder / "knot.sock", folder / "knot.conf"
    database = folder / "knot"
    database.mkdir(exist_ok=True)
    config.write_text(_KNOT.format(folder=folder, port=port, control=control, database=database, zone=zone, file=file))
    with _running("knot", [_need("knotd"), "-c", str(config)], folder) as alive:
        knot = Knot(str(control))
        _until(lambda: _has(knot, zone), alive, f"knot does not load {zone}")
        yield str(control), port


def _has(knot: Knot, zone: str) -> bool:
    with suppress(Exception):
        return knot.serial(zone) > 0
    return False


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


def _complete(dump: Path) -> bool:
    """Whether a dump stands there and does not grow: Unbound and PowerDNS put it in place whole."""
    return dump.exists() and dump.stat().st_size > 0


@contextmanager
def _running(name: str, command: list[str], folder: Path) -> Iterator[Callable[[], bool]]:
    log = folder / f"{name}.log"
    with log.open("w") as out, subprocess.Popen(
        [*_NICE, *command], stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=folder, env=_ENVIRONMENT
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
