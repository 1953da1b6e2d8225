"""A whole list of a million entries built anew: every name judged, every file and zone written, signed; then judged.

The base files of an edition with all entries and their signatures, and a thousand changes since, which are folded in.
Every step is the product's own code, arranged as in the worker: one process that has the list open writes the base, signs
it and writes both zones, while a thread of it has the formats made, which takes a process of its own. Memory is what
both hold of their own at the same time, read each tenth of a second; the files of the list are mapped besides. The round
trip, after it, has BIND, Knot, Unbound and PowerDNS load both zones, one after the other, and compares.

Then the signed files and the primary are lost, twice, and the services behind `mamori list restore` bring both back from
PostgreSQL alone: first anew from rows (all entries read, every signature verified, written, judged by the four engines,
brought to an empty primary); then from the copy of the signed files that the worker keeps, with a thousand changes since.
It has no peer: no other system known to us judges a list before it goes out, and goals are by the clock.

    python -m benchmarks.build_list --size 1000000 --json FILE
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import threading
import time
from base64 import b64decode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from typing import Any, Self

import django as framework

from benchmarks.common import (
    arguments,
    descendants,
    django,
    finish,
    goal,
    machine,
    owner,
    peak_mb,
    say,
    timed,
    world,
)
from benchmarks.publish import STATED, Publisher, clock
from demo.dns import DnsWorld
from demo.processes import free_ports

BUILD, ROUND_TRIP, BACK = 30.0, 120.0, 60.0  # seconds
MEMORY = 2000.0  # MB
CHANGES = 1000  # or a twelfth of a short list, twice: the gate lets no more than a fifth in on one day
_APPROVAL = "entry_id, step, person_id, key_id, statement, signature, at"


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--size", type=int, default=1_000_000, help="entries (default 1,000,000)")
    given = parser.parse_args()
    changes = min(CHANGES, given.size // 12)
    result: dict[str, Any] = {"benchmark": "build_list", "size": given.size, "machine": machine()}
    times: dict[str, float] = {}
    with ExitStack() as stack:
        platform = stack.enter_context(world())
        platform.world = {
            "MAMORI_LIST_MAX_ADDED": "10000000",
            "MAMORI_STOP_PAGE_HOST": "stop.mamori.example",
            "MAMORI_CANARY_NAME": "canary.mamori.example",
        }
        django(platform, "worker")
        publisher = Publisher(platform, given.size)
        for what, step in (
            ("entries and signatures", publisher.write_base),
            ("rows in PostgreSQL", publisher.write_rows),
            ("their signatures in PostgreSQL", lambda: write_approvals(publisher)),
            ("changes", lambda: publisher.add([f"new-{number}.example" for number in range(changes)])),
        ):
            with timed(what, times):
                step()
        from django.db import connection

        connection.close()
        told = in_a_worker(build_and_judge)
        lose_all(publisher, stack)
        say("… restored from rows in PostgreSQL")
        restored = told["restore"] = in_a_worker(restore)
        say("… copied into PostgreSQL")
        told["copy"] = in_a_worker(keep)
        publisher.add([f"newer-{number}.example" for number in range(changes)])
        connection.close()
        lose_all(publisher, stack)
        say("… brought back from the copy in PostgreSQL")
        back = told["back"] = in_a_worker(restore)
        for each, size in ((restored, given.size + changes), (back, given.size + 2 * changes)):
            if each["problem"] or each["left_out"] or each["names"] != size:
                raise SystemExit(f"not all of the list came back: {each}")
    result |= {"prepared": times, "ours": told}
    result["goals"] = [
        goal("built, s", told["build_s"], BUILD),
        goal("memory of their own at most, MB", told["own_mb"], MEMORY),
        goal("round trip through the engines, s", told["round_trip_s"], ROUND_TRIP),
        goal("files and primary back from PostgreSQL, s", back["restore_s"], BACK),
        goal("memory at most where they are made anew, MB", restored["most_mb"], MEMORY),
    ]
    finish(result, given.json)


def lose_all(publisher: Publisher, stack: ExitStack) -> None:
    """The folder of editions is empty, and so is the primary."""
    shutil.rmtree(publisher.editions)
    publisher.editions.mkdir()
    dns = stack.enter_context(
        DnsWorld(publisher.platform.base / f"dns-{time.monotonic_ns()}", free_ports(2), engines=())
    )
    os.environ |= {"MAMORI_KNOT_SOCKET": str(dns.knot_socket), "MAMORI_KNOT_ZONE_DIR": str(dns.handover)}


def write_approvals(publisher: Publisher) -> None:
    """The two signatures on each entry of the base, as the desk would have left them: those of the signed files."""
    from mamori.lists.listing.models import SigningKey

    step = dict(zip(publisher.people, ("propose", "activate"), strict=True))
    person = dict(SigningKey.objects.values_list("id", "person_id"))
    with (
        owner(publisher.platform) as connection,
        (publisher.editions / "1" / "activations.jsonl").open() as lines,
        connection.cursor().copy(f"COPY listing_approval ({_APPROVAL}) FROM STDIN") as copy,
    ):
        for line in lines:
            told = json.loads(line)
            number = json.loads(told["statement"])["entry_id"]
            for each in told["signatures"]:
                by = person[each["key_id"]]
                signature = b64decode(each["value"])
                copy.write_row((number, step[by], by, each["key_id"], told["statement"], signature, STATED))
    with owner(publisher.platform) as connection:
        connection.execute("ANALYZE listing_approval")


def in_a_worker(work: Callable[[Connection], None]) -> dict[str, Any]:
    """What a fresh process says of its work; each step is shown as it is told."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    worker = context.Process(target=work, args=(theirs,))
    worker.start()
    theirs.close()
    try:
        while isinstance(heard := ours.recv(), str):
            say(f"  {heard}")
    except EOFError:
        raise SystemExit("the worker ended before it was done: see above") from None
    finally:
        worker.join()
    found: dict[str, Any] = heard
    return found


def build_and_judge(pipe: Connection) -> None:
    framework.setup()  # its environment is that of who started it
    from mamori.lists.distribution import press
    from mamori.lists.distribution.services import primary

    def tell(step: str) -> None:
        pipe.send(f"{time.monotonic() - began:6.1f} s  {step}")

    began = time.monotonic()
    row = press.in_force()
    assert row is not None
    now = press.open_edition(press.keys(), row)
    tell(f"opened: {len(now.listed)} entries")
    opened, memory = time.monotonic() - began, Memory()
    began = time.monotonic()
    with ThreadPoolExecutor(1) as aside, memory:
        formats = aside.submit(write_formats, tell)
        sizes = write_base(now, tell) | write_zones(now, tell)
        formats.result()
    built = time.monotonic() - began
    tell("built")
    verdicts: list[str] = []
    began = time.monotonic()
    primary.judge_base(now.base, verdicts.append)
    pipe.send(
        {
            "build_s": round(built, 1),
            "opened_s": round(opened, 1),
            "own_mb": memory.own_mb,
            "mapped_mb": round(sum(len(each) for each in now.base.files.values()) / 1e6),
            "octets": sizes,
            "round_trip_s": round(time.monotonic() - began, 1),
            "verdicts": verdicts,
        }
    )


def keep(pipe: Connection) -> None:
    """A copy of the signed files in the database, as the worker makes it after each fold."""
    framework.setup()
    from django.db import connection

    from mamori.lists.distribution.services import copy_keep

    began = time.monotonic()
    copy_keep()
    took = time.monotonic() - began
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_total_relation_size('distribution_keptpiece')")
        (octets,) = cursor.fetchone()
    pipe.send({"copy_s": round(took, 1), "copy_mb": round(octets / 1e6), "most_mb": peak_mb()})


def restore(pipe: Connection) -> None:
    """The signed files and the primary from the database alone, as `mamori list restore` does it."""
    framework.setup()
    from mamori.lists.distribution import press
    from mamori.lists.distribution.services import edition_restore, primary

    at: dict[str, float] = {}
    left_out = 0

    def told(step: str) -> None:
        nonlocal left_out
        left_out += step.startswith("left out")
        mark = next((mark for begin, mark in marks.items() if begin in step), None)
        seconds = time.monotonic() - began
        if mark:
            at[mark] = seconds
        pipe.send(f"{seconds:6.1f} s  {step}")

    marks = {
        "is as it was signed": "copy opened", "since then": "changes since read", "files written": "verified and written",
        " holds the ": "judged by the engines", "in force": "signed and in force",
    }  # fmt: skip
    began = time.monotonic()
    edition_restore(told)
    took = time.monotonic() - began
    row = press.in_force()
    assert row is not None
    pipe.send(
        {
            "restore_s": round(took, 1),
            "processor_s": round(sum(sum(getrusage(whose)[:2]) for whose in (RUSAGE_SELF, RUSAGE_CHILDREN)), 1),
            "until_s": {mark: round(second, 1) for mark, second in at.items()} | {"at the primary": round(took, 1)},
            "names": row.names,
            "left_out": left_out,
            "problem": primary.problem(),
            "most_mb": peak_mb(),
        }
    )


def write_base(now: Any, tell: Any) -> dict[str, int]:
    """All entries held against the rules; the base folded, on disk, and signed."""
    from mamori.engine.editions import fold, sign_files
    from mamori.lists.distribution import press, store
    from mamori.lists.distribution.services.editions import LIFE
    from mamori.lists.distribution.services.judging import against_newer_rules

    assert not against_newer_rules(now.listed)
    tell("every entry held against the rules")
    held, draft, at = press.keys(), store.Draft(press.folder(), "build"), clock()
    files = {name: draft.write(name, pieces) for name, pieces in fold(now.base.files, now.listed.delta).items()}
    signed = sign_files(2, files, keys=held.service, roots=held.roots, version=2, now=at, expires=at + LIFE)
    for name, data in signed.items():
        draft.write(name, [data])
    draft.drop()
    tell("base files written and signed")
    return {name: each.length for name, each in files.items()}


def write_zones(now: Any, tell: Any) -> dict[str, int]:
    """Both zones as files for the primary, every record judged once more."""
    from mamori.engine.editions import block_target
    from mamori.lists.distribution import press, records, store
    from mamori.lists.distribution.services import primary

    draft = store.Draft(press.folder(), "zones")
    zones = {
        each.base: (draft.place / each.base, block_target(each.action, each.stop_host), 1)
        for each in primary.all_zones()
    }
    records.write_zones(zones, primary.base_owners(now.base)())
    sizes = {zone: file.stat().st_size for zone, (file, _target, _serial) in zones.items()}
    draft.drop()
    tell("both zones written")
    return sizes


def write_formats(tell: Any) -> None:
    """Every subscriber's format and the coded hash lists."""
    from django.db import connection

    from mamori.lists.distribution.services import formats_write

    formats_write(lambda step: tell(f"formats: {step}"))
    connection.close()


class Memory:
    """The most that this process and its children hold of their own at one time, in MB; `with` it."""

    own_mb = 0

    def __enter__(self) -> Self:
        self._over = threading.Event()
        self._looking = ThreadPoolExecutor(1).submit(self._look)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._looking.result()

    def _look(self) -> None:
        while not self._over.wait(0.1):
            with suppress(OSError):  # one ended while it was looked at
                self.own_mb = max(self.own_mb, round(sum(map(_own, ["self", *descendants()])) / 1e6))


def _own(process: str) -> int:
    """Bytes that no file backs."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(("RssAnon:", "RssShmem:")))


if __name__ == "__main__":
    main()
