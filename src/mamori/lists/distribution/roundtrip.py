"""The round trip: a rebuilt zone goes out only when every engine, having loaded it, holds just what was meant.

"The zone checker says OK" is no judge: of hostile names BIND and Knot accept many as something else, and one bad record
makes Unbound exit and PowerDNS or BIND lose the whole list, in silence. So the zone is loaded by throwaway programs on
loopback, one after the other, and what each of them writes out again is compared: BIND by named-checkzone, Knot by a
server of its own, Unbound and PowerDNS Recursor by a transfer from that. All of that yields to whatever else runs here, and
reading and comparing are left to programs: in this process, in another thread, the list is published meanwhile.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO, NamedTuple

from mamori.engine.editions import Record
from mamori.engine.files import Paced
from mamori.lists.distribution.knot import Knot
from mamori.lists.distribution.records import NS, zone_lines

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
LONGEST = 900.0  # seconds until an engine must hold a zone
SHOWN = 3  # differences that are named
_ENVIRONMENT = {"PATH": _PATH, "HOME": "/nonexistent", "LC_ALL": "C"}
_NICE = ("nice", "-n", "10")
_SORT = (*_NICE, "sort", "-S", "256M")
_READ = """
    NF == 0 || $1 ~ /^;+$/ { next }
    {
        at = 2
        while (at < NF && ($at == "IN" || $at ~ /^[0-9]+$/)) at++
        if (($1 "") == (apex "") && ($at == "SOA" || $at == "NS" && $(at + 1) == ns)) next
        line = $1
        for (; at <= NF; at++) line = line " " $at
        print line
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

    Raises RoundTripError at the first engine that differs, with the first differences, or that could not be asked; before
    any is asked when one of them is not installed, and when there is none: what nobody judged does not go out.
    """
    if not engines:
        raise RoundTripError(f"no engine is named to judge {zone}")
    if absent := missing(engines):
        raise RoundTripError(f"not installed, so that {zone} cannot be judged: {', '.join(absent)}")
    try:
        _judge(zone, wanted, dict.fromkeys(engines), step)
    except OSError as error:  # no space, no memory for another process
        raise RoundTripError(f"{zone} could not be judged: {error.strerror or error}") from error


def _judge(zone: str, wanted: Iterable[Record], engines: Iterable[str], step: Callable[[Judged], None]) -> None:
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
            try:
                dump = _dump(engine, zone, file, folder, server)  # what the engine before wrote is compared meanwhile
            finally:
                if last is not None:  # its verdict comes first, also where this one does not load
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
            lines.write(_line(zone, record))
            count += 1
            yield record

    with file.open("w") as text, meant.open("w") as other:
        paced, lines = Paced(text), Paced(other)
        for line in zone_lines(zone, noted()):
            paced.write(line)
    _run([*_SORT, "-T", str(meant.parent), "-o", str(meant), str(meant)], "what is meant cannot be sorted")
    return count


def _line(zone: str, record: Record) -> str:
    return f"{record.owner}.{zone}. CNAME {record.target}\n"


def _compare(engine: str, zone: str, dump: Path, meant: Path) -> None:
    """Hold a dump against what is meant. RoundTripError with the first differences."""
    with _sorted(engine, zone, dump) as records:
        command = [*_NICE, "cmp", "-s", "-", str(meant)]
        same = subprocess.run(command, stdin=records, env=_ENVIRONMENT, check=False).returncode == 0
    if same:
        return

    def only(which: str) -> list[str]:
        """The first lines of one side: comm's -13 of what is meant, -23 of the dump."""
        command = [*_NICE, "comm", which, "-", str(meant)]
        with (
            _sorted(engine, zone, dump) as records,
            subprocess.Popen(command, stdin=records, stdout=subprocess.PIPE, env=_ENVIRONMENT) as comm,
        ):
            assert comm.stdout is not None
            lines = itertools.islice(comm.stdout, SHOWN + 1)
            return [line.decode(errors="backslashreplace").rstrip("\n") for line in lines]

    parts = [
        f"{what} {', '.join(lines[:SHOWN])}{' …' if len(lines) > SHOWN else ''}"
        for what, which in (("it lacks", "-13"), ("it has besides", "-23"))
        if (lines := only(which))
    ]
    raise RoundTripError(f"{engine} does not hold {zone} as meant: {'; '.join(parts) or 'the two cannot be compared'}")


@contextmanager
def _sorted(engine: str, zone: str, dump: Path) -> Iterator[IO[bytes]]:
    """The records of a dump in order, for another program to read. RoundTripError when they could not all be read."""
    read = [*_NICE, "awk", "-v", f"apex={zone}.", "-v", f"ns={NS}", _READ, str(dump)]
    order = [*_SORT, "-T", str(dump.parent)]
    with tempfile.TemporaryFile() as words:
        with (
            subprocess.Popen(read, stdout=subprocess.PIPE, stderr=words, env=_ENVIRONMENT) as awk,
            subprocess.Popen(order, stdin=awk.stdout, stdout=subprocess.PIPE, stderr=words, env=_ENVIRONMENT) as sort,
        ):
            assert awk.stdout is not None
            assert sort.stdout is not None
            awk.stdout.close()  # sort's alone now: who reads no more of it ends both
            yield sort.stdout
        if {awk.returncode, sort.returncode} - {0, -signal.SIGPIPE}:
            words.seek(0)
            said = words.read(180).decode(errors="replace").strip().splitlines()
            raise RoundTripError(f"what {engine} holds of {zone} cannot be read: {' '.join(said[:1])}")


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
        _until(lambda: _complete(out), alive, f"{engine} does not load {zone}", folder / f"{engine}.log")
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
        _until(lambda: _has(knot, zone), alive, f"knot does not load {zone}", folder / "knot.log")
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
    """Whether a dump stands there: Unbound and PowerDNS put it in place whole."""
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


def _until(true: Callable[[], bool], alive: Callable[[], bool], complaint: str, log: Path) -> None:
    """Wait for something that a program does. RoundTripError, with the last line of its log, when it ended or takes too long."""
    end = time.monotonic() + LONGEST
    for pause in itertools.chain((0.05, 0.1), itertools.repeat(0.2)):
        if true():
            return
        if not alive() or time.monotonic() > end:
            said = log.read_text(errors="replace").strip().splitlines()[-1:]
            raise RoundTripError(": ".join([complaint, *(line[-180:] for line in said)]))
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
disable-syslog=yes
"""
