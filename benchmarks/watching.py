"""A process that asks resolvers for names until they do what the list says, so that asking takes nothing from the publisher.

`python -m benchmarks.watching`: each line is JSON, [[what, [address, port], [name, …], answer], …]; the answer "free" stands
for any address. Back come the moments (CLOCK_MONOTONIC, which all processes of a machine share) by `what`.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from collections.abc import Sequence

import dns.exception
import dns.message

from benchmarks.common import Answering
from demo.dns import Address, told
from demo.processes import WorldError

EVERY = 0.004  # seconds
LONGEST = 600.0
Watched = tuple[str, Address, Sequence[str], str]


class Watching:
    """The process, from the side that asks it."""

    def __init__(self) -> None:
        self._process = Answering("benchmarks.watching")

    def begin(self, watched: Sequence[Watched]) -> None:
        self._process.tell(json.dumps(watched))

    def seen(self) -> dict[str, float]:
        """When each did it. WorldError for one that did not."""
        found: dict[str, float | None] = json.loads(self._process.line())
        if missing := sorted(what for what, at in found.items() if at is None):
            raise WorldError(f"{', '.join(missing)} did not follow within {LONGEST:g} s")
        return {what: at for what, at in found.items() if at is not None}

    def end(self) -> None:
        self._process.end()


def until(resolver: Address, name: str, wanted: str, longest: float = LONGEST) -> bool:
    """Ask every 4 ms; whether it came to the answer that is wanted. An answer is only read when it is another one."""
    question = dns.message.make_query(name, "A")
    wire, last, fits = question.to_wire(), b"", False
    end = time.monotonic() + longest
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.connect(resolver)
        one.settimeout(1.0)
        while time.monotonic() < end:
            try:
                one.send(wire)
                answer = one.recv(4096)
            except (TimeoutError, ConnectionRefusedError):
                continue
            head = answer[:12] + len(answer).to_bytes(2, "big")
            if head != last:
                last = head
                try:
                    said = told(dns.message.from_wire(answer))
                except dns.exception.DNSException:
                    continue
                fits = said.startswith("A ") if wanted == "free" else said == wanted
            if fits:
                return True
            time.sleep(EVERY)
    return False


def main() -> None:
    parent = os.getppid()
    for line in sys.stdin:
        seen: dict[str, float | None] = {}

        def watch(
            what: str, resolver: Address, names: Sequence[str], wanted: str, seen: dict[str, float | None] = seen
        ) -> None:
            done = all(until((resolver[0], resolver[1]), name, wanted) for name in names)
            seen[what] = time.monotonic() if done else None

        threads = [threading.Thread(target=watch, args=each, daemon=True) for each in json.loads(line)]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(1.0)
                if os.getppid() != parent:  # who asked has ended
                    sys.exit(1)
        print(json.dumps(seen), flush=True)


if __name__ == "__main__":
    main()
