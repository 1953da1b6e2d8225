"""A process that asks resolvers at an even pace while something else goes on, and tells for how long one was silent.

`python -m benchmarks.steady`: a line of JSON, [[what, [address, port], name, answer], …]; the answer "free" stands for any
address. It asks until its input ends, then tells {what: [seconds of the longest silence, answers, other answers]}.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections.abc import Sequence

import dns.message

from demo.dns import Address, told

EVERY = 0.02  # seconds
AGAIN = 1.0  # seconds without an answer until it is asked once more: the silence goes on
Steady = tuple[str, Address, str, str]


class Asked:
    """What one resolver says of one name."""

    def __init__(self, resolver: Address, name: str, wanted: str) -> None:
        self.longest, self.answers, self.others = 0.0, 0, 0
        self._resolver, self._wanted = (resolver[0], resolver[1]), wanted
        self._wire = dns.message.make_query(name, "A").to_wire()

    def run(self, ended: threading.Event) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.connect(self._resolver)
            one.settimeout(AGAIN)
            began = time.monotonic()
            while not ended.is_set():
                try:
                    one.send(self._wire)
                    answer = one.recv(4096)
                except (TimeoutError, ConnectionRefusedError):
                    self.longest = max(self.longest, time.monotonic() - began)
                    continue
                self.longest = max(self.longest, time.monotonic() - began)
                said = told(dns.message.from_wire(answer))
                self.answers += 1
                self.others += not (said.startswith("A ") if self._wanted == "free" else said == self._wanted)
                ended.wait(EVERY)
                began = time.monotonic()


def main() -> None:
    watched: Sequence[Steady] = json.loads(sys.stdin.readline())
    asked = {what: Asked(resolver, name, wanted) for what, resolver, name, wanted in watched}
    ended = threading.Event()
    threads = [threading.Thread(target=one.run, args=[ended]) for one in asked.values()]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    ended.set()
    for thread in threads:
        thread.join()
    print(json.dumps({what: [round(one.longest, 3), one.answers, one.others] for what, one in asked.items()}))


if __name__ == "__main__":
    main()
