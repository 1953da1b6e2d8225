"""From the second person's activation to the block in Unbound and BIND with warm caches, and back.

The demo's whole world on loopback and a list of a few names. Content stands in the database as confirmed, told to police
and not removed; from there on all is done at the front door. Each entry is proposed and activated by two members' POSTs,
then withdrawn, one after the other; the clock runs from the sending of that POST. The peer hears of the same changes at
the same moment: a BIND that subscribes to the same zones with stock settings.

    python -m benchmarks.effective --json FILE
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.common import arguments, django, finish, goal, machine, median, percentile, say, timed
from demo.dns import LOOPBACK, STOP_ZONE, Address, ask
from demo.everything import bring_up
from demo.knot import DEPLOY, Key, program, render, write_private
from demo.main_job import MainJob
from demo.platform import Ports
from demo.processes import Program, WorldError, free_ports, private_folder
from demo.timeline import Timeline
from demo.world import PORTS_NEEDED as WORLD_PORTS
from demo.world import World
from mamori.engine.keys import load_signing_key, sign
from mamori.engine.transparency.note import encode_base64

GOAL = 1.0
LONGEST = 150.0


class ListJob(MainJob):
    """The list's part of the main job, one activation and one withdrawal at a time."""

    def prepare(self) -> None:
        """Host the sites, put their content in the database, propose an entry for each."""
        from mamori.ground.accounts.models import User
        from tests.lists.cases import listable

        self.world.host(self.addresses)
        analysts = itertools.cycle(User.objects.filter(memberships__role="analyst").order_by("email")[:2])
        self.contents = [str(listable(url, lambda _role: next(analysts))) for url in self.addresses]
        reviewer = self._member("endo")
        self.entries = {
            host: self._propose(reviewer, content) for host, content in self._one_content_per_host().items()
        }

    def activate(self, host: str) -> float:
        """Sign and send the activation; the moment its POST was sent, which is before it was committed."""
        approver, path = self._member("fujii"), f"/list/entry/{self.entries[host]}/"
        page = approver.get(path)
        statement = approver.get(f"{path}statement/").body.encode()
        signature = encode_base64(sign(load_signing_key(self.platform.keys / "fujii.pem"), statement))
        sent = time.monotonic()
        approver.post(page, page.form("signature"), {"signature": signature})
        return sent

    def withdraw(self, host: str) -> float:
        """The same of the withdrawal."""
        approver = self._member("fujii")
        page = approver.get(f"/list/entry/{self.entries[host]}/withdraw/")
        sent = time.monotonic()
        approver.post(page, page.form("csrfmiddlewaretoken"), {})
        return sent


def stock_bind(world: World, port: int) -> Program:
    """A BIND that subscribes to the list with the stop page as its manual shows: one response-policy line, nothing tuned."""
    assert world.dns is not None
    key, folder = Key.new("peer"), private_folder(world.dns.base, "dns/peer")
    values: dict[str, str | int] = {
        "KEY_NAME": key.name,
        "KEY_SECRET": key.secret,
        "ZONE": STOP_ZONE,
        "STORAGE": str(folder),
        "PRIMARY_ADDRESS": LOOPBACK,
        "PRIMARY_PORT": world.dns.list.port,
    }
    write_private(folder / "zone.conf", render(DEPLOY / "bind" / "mamori.conf", values))
    main = f"""\
options {{
    directory "{folder}";
    pid-file none;
    session-keyfile "{folder}/session.key";
    managed-keys-directory "{folder}";
    listen-on port {port} {{ {LOOPBACK}; }};
    listen-on-v6 {{ none; }};
    dnssec-validation no;
    forward only;
    forwarders {{ {LOOPBACK} port {world.dns.example.port}; }};
    querylog no;
    response-policy {{ zone "hot-{STOP_ZONE}"; zone "{STOP_ZONE}"; }};
}};
controls {{ }};
include "{folder}/zone.conf";
"""
    write_private(folder / "named.conf", main)
    world.dns.list.subscribe(key, [f"hot-{STOP_ZONE}", STOP_ZONE], (LOOPBACK, port))
    return Program("peer", [program("named"), "-f", "-n", "1", "-c", folder / "named.conf"], folder)


def until(resolvers: dict[str, Address], host: str, since: float, *, answer: str, longest: float) -> dict[str, float]:
    """Seconds from `since` until each resolver blocks the name ("blocked") or answers for it ("free")."""
    waiting, found = dict(resolvers), dict[str, float]()
    while waiting and time.monotonic() - since < longest:
        for name, resolver in list(waiting.items()):
            told = ask(resolver, host, timeout=0.5)
            blocked = told == "NXDOMAIN" or told.startswith("CNAME ")
            if told != "TIMEOUT" and blocked == (answer == "blocked"):
                found[name] = time.monotonic() - since
                del waiting[name]
        time.sleep(0.003)
    return found


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--count", type=int, default=20, help="entries activated and withdrawn (default 20)")
    parser.add_argument("--peer", type=int, default=3, help="how many of them the peer is waited for (default 3)")
    given = parser.parse_args()
    result: dict[str, Any] = {"benchmark": "effective", "machine": machine()}
    times: dict[str, float] = {}
    folder = Path(tempfile.mkdtemp(prefix="mamori-effective-"))
    folder.chmod(0o755)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)  # the last to be done
        first = free_ports(5 + WORLD_PORTS + 1)
        with timed("everything up", times):
            ports = Ports(*range(first, first + 4))
            everything = bring_up(folder, stack, ports=ports, world_port=first + 4)
        world = everything.world
        if world.dns is None or set(world.dns.resolvers) != {"unbound", "bind"}:
            raise SystemExit("Knot, Unbound and BIND are needed: apt-get install knot unbound bind9")
        peer = stock_bind(world, first + 4 + WORLD_PORTS)
        peer.start()
        stack.callback(peer.stop)
        hosts = [f"listed-{n}.example" for n in range(given.count + 1)]
        reports = [{"url": f"http://{host}/gallery/", "seen_at": "", "comment": "benchmark"} for host in hosts]
        job = ListJob(everything.platform, world, Timeline([]), Console(stderr=True), reports)
        with timed("entries proposed", times):
            django(everything.platform, "manage")
            job.prepare()
        own = dict(world.dns.resolvers)
        with_peer = {**own, "stock BIND": (LOOPBACK, first + 4 + WORLD_PORTS)}
        with timed("activations and withdrawals", times):
            steps = list(_steps(job, hosts, own, with_peer, given.peer))
    result |= {"seconds": times, "steps": steps, "rows": _rows(steps)}
    medians = {row["resolver"]: row["effective_median"] for row in result["rows"]}
    result["goals"] = [goal(f"{name}: seconds to effective, median", medians[name], GOAL) for name in own]
    finish(result, given.json)


def _steps(job: ListJob, hosts: list[str], own: dict[str, Address], with_peer: dict[str, Address], peers: int) -> Any:
    """One entry stays in force throughout: an empty list is a case of its own."""
    job.activate(hosts[0])
    for number, host in enumerate(hosts[1:]):
        asked, longest = (with_peer, LONGEST) if number < peers else (own, 30.0)
        for resolver in asked.values():  # the caches know the name as it is
            if not ask(resolver, host).startswith("A "):
                raise WorldError(f"{host} does not resolve before it is listed")
        step: dict[str, Any] = {"host": host}
        for name, change, answer in (("effective", job.activate, "blocked"), ("lifted", job.withdraw, "free")):
            step[name] = {
                k: round(v, 3) for k, v in until(asked, host, change(host), answer=answer, longest=longest).items()
            }
            missing = set(asked) - set(step[name])
            if missing:
                raise WorldError(f"{missing} did not follow within {longest:.0f} s: {name} {host}")
        say(f"{host}: {step['effective']} · lifted {step['lifted']}")
        yield step


def _rows(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rows = []
    for resolver in dict.fromkeys(name for step in steps for name in step["effective"]):
        row: dict[str, Any] = {"resolver": resolver}
        for change in ("effective", "lifted"):
            found = [step[change][resolver] for step in steps if resolver in step[change]]
            row |= {
                f"{change}_n": len(found),
                f"{change}_median": round(median(found), 3),
                f"{change}_p95": round(percentile(found, 0.95), 3),
            }
        say(str(row))
        rows.append(row)
    return rows


if __name__ == "__main__":
    main()
