"""Every subscriber's format of a list of 1,000,000 entries, the hash lists, and what a day's changes cost a client.

    python -m benchmarks.formats --json -
    python -m benchmarks.formats --names 1000000 --urls 0

Half of the entries are names, half are pages. Files are written to disk as they are made. Sizes of hash lists are those of
whole messages of the protocols. The goal for the files is one of processor time, which other work on the machine
disturbs less; the seconds by the clock stand beside it. The peer of a Rice-coded list is the same list uncompressed, as
version 4 sends it to clients that ask for no compression. Names and pages are made up under .example.
"""

from __future__ import annotations

import hashlib
import os
import resource
import shutil
import tempfile
import time
import uuid
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from benchmarks.common import arguments, finish, goal, machine, say
from mamori.engine.editions import ListEntry
from mamori.engine.formats import Listing, sift, write_all
from mamori.engine.hashlists import Net, changes, checksum, full_update, partial_update, v4, v5

SINCE, UNTIL = datetime(2026, 11, 24, tzinfo=UTC), date(2027, 2, 22)
COMPRESSED = v4.ListAsked(1, 6, 1, b"", frozenset({v4.RAW, v4.RICE}))
UNCOMPRESSED = v4.ListAsked(1, 6, 1, b"", frozenset({v4.RAW}))


def entries(names: int, urls: int, first: int = 0) -> list[ListEntry]:
    """Entries made up, the same each time."""
    made = []
    for number in range(first, first + names):
        target = f"n{number:07d}.site{number % 9973}.example"
        made.append(ListEntry(str(uuid.UUID(int=number)), "dns", target, "too_slow", SINCE, UNTIL))
    for number in range(first, first + urls):
        target = f"https://s{number % 9973}.example/board/{number}/page{number}.html?id={number}"
        made.append(ListEntry(str(uuid.UUID(int=2**64 + number)), "url", target, "too_slow", SINCE, UNTIL))
    return made


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--names", type=int, default=500_000)
    parser.add_argument("--urls", type=int, default=500_000)
    parser.add_argument("--changes", type=int, default=1000, help="entries added afterwards (default 1,000)")
    given = parser.parse_args()
    size = given.names + given.urls
    result: dict[str, Any] = {"benchmark": "formats", "machine": machine(), "entries": size}
    folder = Path(tempfile.mkdtemp(prefix="mamori-formats-"))
    try:
        listed = entries(given.names, given.urls)
        result["formats"], hashes = _files(listed, folder, result)
        del listed
    finally:
        shutil.rmtree(folder)
    more = entries(given.changes // 2, given.changes - given.changes // 2, first=10_000_000)
    result["updates"] = rows = _updates(hashes, more, given.changes)
    result["goals"] = [
        goal("all formats and coded lists on disk, seconds of processor time", result["seconds"]["processor"], 15),
        goal("memory at most, MB", result["rss_mb"], 1000),
        *(goal(f"{row['message']}, octets", row["octets"], row["limit"]) for row in rows if row.get("limit")),
    ]
    finish(result, given.json)


def _files(listed: list[ListEntry], folder: Path, result: dict[str, Any]) -> tuple[list[dict[str, Any]], bytes]:
    """Write every format and the coded hash lists; returns a row for each, and the hashes."""
    began, busy = time.monotonic(), time.process_time()
    fit, refused = sift(listed)
    assert not refused
    judged = time.monotonic()
    listing = Listing.judged(fit)
    rows = []
    hashes = b""

    def keep(names: list[str], data: bytes, since: float, left_out: dict[str, int]) -> None:
        with (folder / names[0]).open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        digest = hashlib.sha256(data).hexdigest()
        rows.append(
            {
                "format": ", ".join(names),
                "mb": round(len(data) / 1e6, 2),
                "seconds": round(time.monotonic() - since, 2),
                "left_out": left_out,
                "sha256": digest,
            }
        )
        say(f"{rows[-1]['format']}: {rows[-1]['mb']} MB, {rows[-1]['seconds']} s")

    since = time.monotonic()
    for written, formats in write_all(listing):
        names = [each.name for each in formats]
        hashes = written.data if "hashes-32.bin" in names else hashes
        keep(names, written.data, since, dict(written.left_out))
        since = time.monotonic()
    four = full_update(hashes, 4)
    for name, data in (("v4, 4 octets, Rice", v4.rice_additions(four)), ("v5, 4 octets", v5.additions(four))):
        keep([name], data, since, {})
        since = time.monotonic()
    keep(["v5, 32 octets"], v5.additions(full_update(hashes, 32)), since, {})
    result["seconds"] = {
        "judged": round(judged - began, 2),
        "all": round(time.monotonic() - began, 2),
        "processor": round(time.process_time() - busy, 2),
    }
    result["rss_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 * 1.048576)
    return rows, hashes


def _updates(hashes: bytes, more: list[ListEntry], count: int) -> list[dict[str, Any]]:
    """Messages to a client without a list, and to one that has the list before the changes."""
    came = next(w.data for w, formats in write_all(Listing.of(more)) if formats[0].name == "hashes-32.bin")
    parts = [hashes[at : at + 32] for at in range(0, len(hashes), 32)] + [
        came[at : at + 32] for at in range(0, len(came), 32)
    ]
    new = b"".join(sorted(parts))
    del parts
    rows = []

    def row(message: str, data: bytes, since: float, limit: int = 0) -> None:
        rows.append(
            {"message": message, "octets": len(data), "ms": round((time.monotonic() - since) * 1000, 1), "limit": limit}
        )
        say(f"{message}: {len(data)} octets, {rows[-1]['ms']} ms")

    for length in (4, 32):
        since = time.monotonic()
        whole = full_update(hashes, length)
        row(
            f"whole list, v5, {length} octets",
            v5.hash_list("mamori", b"", whole, v5.additions(whole), 60),
            since,
            1_750_000 if length == 4 else 0,
        )
    since = time.monotonic()
    whole = full_update(hashes, 4)
    row("whole list, v4, Rice", v4.list_update(COMPRESSED, whole, b"", v4.rice_additions(whole)), since, 1_750_000)
    since = time.monotonic()
    row(
        "whole list, v4, uncompressed (the peer)",
        v4.list_update(UNCOMPRESSED, whole, b"", v4.raw_additions(whole)),
        since,
    )
    since = time.monotonic()
    added, removed = changes(hashes, new)
    say(f"changes found in {(time.monotonic() - since) * 1000:.0f} ms")
    net = Net({added[at : at + 32] for at in range(0, len(added), 32)}, set())
    back = Net(set(), net.added)
    assert not removed
    for what, to, over in ((f"{count} added", new, net), (f"{count} removed", hashes, back)):
        for length in (4, 32):
            total = checksum(to, length)
            since = time.monotonic()
            step = partial_update(to, over, length, total)
            limit = 8000 if length == 4 else 0
            row(f"{what}, v5, {length} octets", v5.hash_list("mamori", b"", step, v5.additions(step), 60), since, limit)
        since = time.monotonic()
        step = partial_update(to, over, 4, checksum(to, 4))
        row(f"{what}, v4, Rice", v4.list_update(COMPRESSED, step, b"", v4.rice_additions(step)), since, 8000)
    return rows


if __name__ == "__main__":
    main()
