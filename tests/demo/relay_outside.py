"""Unbound's relay with an outer address, as the guide sets it up: `unshare -mn python -m tests.demo.relay_outside`.

Prints how soon changes were effective, and what the relay answers to whom.
"""

import json
import subprocess
import tempfile
import time
from pathlib import Path

import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.tsigkeyring

from demo.dns import LOOPBACK, NX_ZONE, PORTS_NEEDED, DnsWorld, ask
from demo.processes import free_ports, wait_until
from tests.programs import program

OUTER, STRANGER = "192.0.2.10", "192.0.2.66"
NAME = "announced.example"


def main() -> None:
    for words in ("link set lo up", f"addr add {OUTER}/32 dev lo", f"addr add {STRANGER}/32 dev lo"):
        subprocess.run([program("ip"), *words.split()], check=True)
    with tempfile.TemporaryDirectory(prefix="mamori-outside-") as folder:
        Path(folder).chmod(0o755)
        with DnsWorld(Path(folder) / "dns", free_ports(PORTS_NEEDED), engines=("unbound",), outer=OUTER) as world:
            print(json.dumps(look(world)))


def look(world: DnsWorld) -> dict[str, object]:
    provider, seconds = world.providers["unbound"], {"blocked": list[float](), "lifted": list[float]()}
    outer, port = provider.notified
    assert outer == OUTER
    world.host([NAME])
    for _change in range(3):
        for what, step in (("blocked", world.block), ("lifted", world.lift)):
            began = time.monotonic()
            step(NAME)
            wait_until(lambda w=what: (ask(provider.resolver, NAME) == provider.blocked) == (w == "blocked"), 70, what)  # type: ignore[misc]
            seconds[what].append(round(time.monotonic() - began, 3))
    soa, notify, signed, whole = (dns.message.make_query(NX_ZONE, kind) for kind in ("SOA", "SOA", "SOA", "AXFR"))
    for message in (notify, signed):
        message.set_opcode(dns.opcode.NOTIFY)
    signed.use_tsig(dns.tsigkeyring.from_text({provider.key.name: ("hmac-sha256", provider.key.secret)}))

    def code(message: dns.message.Message, where: str, source: str) -> str:
        send = dns.query.tcp if message is whole else dns.query.udp
        return dns.rcode.to_text(send(message, where, port=port, source=source, timeout=5).rcode())

    asked = {"SOA": soa, "AXFR": whole, "NOTIFY": notify, "signed NOTIFY": signed}
    strangers = {what: code(message, outer, STRANGER) for what, message in asked.items()}
    return {**seconds, "strangers": strangers, "loopback": code(soa, LOOPBACK, LOOPBACK)}


if __name__ == "__main__":
    main()
