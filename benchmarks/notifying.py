"""How soon subscribers hear of a change while some of them are silent: the worker's announcements beside Knot's own.

    python -m benchmarks.notifying --json -

A primary on loopback has a zone of each way. Twenty subscribers acknowledge each announcement (NOTIFY); two take it and
say nothing, as behind a firewall that drops: by UDP nobody reads, by TCP the connection is never accepted. Each round
changes both zones, one after the other. Time runs from the change's transaction to when each of the twenty has heard.
"""

import selectors
import socket
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import dns.message

from benchmarks.common import arguments, finish, goal, machine, say
from demo.knot import Key, Knot, Record
from demo.processes import base_for, free_ports

LAST = 0.3  # seconds until the last one has heard: what a change may take in all in Unbound
LONGEST = 60.0  # seconds
WAYS = ("ours", "knot")
_KNOT = """\
server:
  rundir: "@STORAGE@"
  listen: @LISTEN@
  automatic-acl: off
control:
  listen: "@SOCKET@"
database:
  storage: "@STORAGE@/db"
log:
  - target: stderr
    any: error
mod-queryacl:
  - id: askers
    address: 127.0.0.1
template:
  - id: default
    storage: "@STORAGE@"
    zonefile-load: none
    zonefile-sync: -1
    journal-content: all
zone:
  - domain: ours.list.
  - domain: knot.list.
"""


class Listening:
    """Subscribers on loopback, each at a port of its own by UDP and TCP; when each heard of which zone."""

    def __init__(self, live: int, silent: int) -> None:
        ports = free_ports(live + silent)
        places = [("127.0.0.1", ports + number) for number in range(live + silent)]
        every = max(1, live // (silent + 1)) + 1  # the silent stand evenly among the others
        self.places, self.silent = places, places[every - 1 :: every][:silent]
        self.live = [place for place in places if place not in self.silent]
        self.heard: dict[tuple[str, tuple[str, int]], float] = {}
        self._held, self._ends = list[socket.socket](), threading.Event()
        self._ready = selectors.DefaultSelector()
        for place in places:
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                opened = socket.socket(socket.AF_INET, kind)
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                opened.bind(place)
                if kind == socket.SOCK_STREAM:
                    opened.listen(16)
                self._held.append(opened)
                if place in self.live:
                    self._ready.register(opened, selectors.EVENT_READ, place)
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def close(self) -> None:
        self._ends.set()
        self._thread.join()
        for opened in self._held:
            opened.close()

    def _listen(self) -> None:
        while not self._ends.is_set():
            for key, _events in self._ready.select(timeout=0.2):
                opened, place = key.fileobj, key.data
                assert isinstance(opened, socket.socket)
                if opened.type == socket.SOCK_DGRAM:
                    data, sender = opened.recvfrom(4096)
                    opened.sendto(self._answer(data, place), sender)
                else:
                    asking, _sender = opened.accept()
                    with asking:
                        answer = self._answer(asking.recv(4096)[2:], place)
                        asking.sendall(len(answer).to_bytes(2) + answer)

    def _answer(self, data: bytes, place: tuple[str, int]) -> bytes:
        told = dns.message.from_wire(data, keyring=False)
        self.heard.setdefault((str(told.question[0].name), place), time.monotonic())
        answer = dns.message.Message(told.id)
        answer.flags, answer.question = told.flags | 0x8000, told.question
        return answer.to_wire()

    def seconds(self, zone: str, began: float) -> list[float]:
        """From then until each of those that are not silent heard of the zone; LONGEST for one that never did."""
        while None in (found := [self.heard.get((zone, place)) for place in self.live]):
            if time.monotonic() > began + LONGEST:
                break
            time.sleep(0.01)
        return sorted(LONGEST if at is None else at - began for at in found)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--live", type=int, default=20)
    parser.add_argument("--silent", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    result: dict[str, Any] = {
        "benchmark": "notifying", "live": given.live, "silent": given.silent, "machine": machine(),
    }  # fmt: skip
    listening = Listening(given.live, given.silent)
    try:
        with tempfile.TemporaryDirectory() as folder:
            result["rounds"] = rounds = run(Path(folder), listening, given.rounds)
    finally:
        listening.close()
    for way in WAYS:
        result[way] = {
            "median_s": round(statistics.median(statistics.median(each[way]) for each in rounds), 4),
            "last_s": round(statistics.median(each[way][-1] for each in rounds), 4),
        }
    result["ratio_last"] = round(result["knot"]["last_s"] / result["ours"]["last_s"], 1)
    say(f"Knot's own announcements reach the last one {result['ratio_last']} times as late")
    result["goals"] = [goal("the last one that listens has heard, s", result["ours"]["last_s"], LAST)]
    finish(result, given.json)


def run(folder: Path, listening: Listening, rounds: int) -> list[dict[str, list[float]]]:
    from mamori.lists.distribution.notifying import Endpoint, Notification, Notifier

    base = base_for(folder)
    (base / "knot.conf").write_text(_KNOT)
    primary = Knot("primary", base, free_ports(1), base / "knot.conf")
    notifier, found = Notifier(), list[dict[str, list[float]]]()
    keys = {place: Key.new(f"sub-{place[1]}") for place in listening.places}
    primary.start()
    try:
        for way in WAYS:
            primary.ensure_zone(f"{way}.list.", 60)
        for place, key in keys.items():
            primary.subscribe(key, ["knot.list."], place)
        for number in range(rounds):
            seconds = {}
            for way in WAYS if number % 2 else WAYS[::-1]:
                time.sleep(35 if number == 0 else 1)  # what was to be told before is told, and told again
                listening.heard.clear()
                began = time.monotonic()
                primary.transaction(f"{way}.list.", add=[Record(f"new-{number}.example", 60, "CNAME", ".")])
                if way == "ours":
                    notifier.notify(
                        Notification(Endpoint.of("{}@{}".format(*place)), "ours.list", number + 2, key.name, key.secret)
                        for place, key in keys.items()
                    )
                seconds[way] = [round(each, 4) for each in listening.seconds(f"{way}.list.", began)]
                say(f"round {number + 1}, {way}: the last one after {seconds[way][-1]:.3f} s")
            found.append(seconds)
    finally:
        primary.stop()
    return found


if __name__ == "__main__":
    main()
