"""What the primary's own log tells of transfers: which key took which serial of which zone, and when.

Knot names the key and the transfer in two lines, of the same remote address and port:

    …T10:15:20+0000 debug: [hot-nx.list.] ACL, allowed, action transfer, remote 192.0.2.7@43291, key 'sub-…-1.'
    …T10:15:20+0000 info: [hot-nx.list.] IXFR, outgoing, remote 192.0.2.7@43291, started, serial 5 -> 6
    …T10:15:20+0000 info: [hot-nx.list.] IXFR, outgoing, remote 192.0.2.7@43291, finished, 0.00 seconds, …
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

TAIL = 8 << 20  # bytes of the log's end that are looked at: tens of thousands of transfers
_LINE = re.compile(r"(?P<at>\S+) \w+: \[(?P<zone>[^]]+?)\.?\] (?P<what>ACL, allowed, action transfer|[AI]XFR, outgoing), "
                   r"remote (?P<remote>[^ ,]+)(?: \w+)?, (?P<rest>.*)")  # fmt: skip
_KEY = re.compile(r"key '?(?P<name>[^',]+?)\.?'?(?:,|$)")
_SERIAL = re.compile(r"(?P<done>started|zone is up-to-date), serial (?:\d+ -> )?(?P<serial>\d+)")


@dataclass(frozen=True)
class Transfer:
    """A key had this serial of a zone. `at`: to the second, as the primary wrote it."""

    key: str
    zone: str
    serial: int
    at: datetime


def transfers(lines: Iterable[str]) -> Iterator[Transfer]:
    """Finished transfers, and answers that there was nothing newer. A line that says something else is passed over."""
    keys: dict[tuple[str, str], str] = {}
    begun: dict[tuple[str, str], int] = {}
    for line in lines:
        found = _LINE.match(line)
        if found is None:
            continue
        who, rest = (found["zone"], found["remote"]), found["rest"]
        key, serial = _KEY.search(rest), _SERIAL.match(rest)
        if found["what"].startswith("ACL"):
            keys[who] = key["name"] if key else ""
        elif serial and serial["done"] == "started":
            begun[who] = int(serial["serial"])
        elif serial or (rest.startswith("finished") and who in begun):
            had = int(serial["serial"]) if serial else begun.pop(who)
            if keys.get(who) and (at := _moment(found["at"])):
                yield Transfer(keys[who], found["zone"], had, at)


def tail(log: Path) -> Iterator[str]:
    """The last lines of a log, and before them those of the file it was rotated to. OSError when it cannot be read."""
    former = log.with_name(f"{log.name}.1")
    for path in ([former] if former.is_file() else []) + [log]:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - TAIL))
            if size > TAIL:
                file.readline()  # the end of a line
            for line in file:
                yield line.decode("utf-8", "replace").rstrip("\n")


def _moment(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else None
