"""From the publication of a change to the block in Unbound, BIND and PowerDNS, on a list of a million names, and back.

A database with all entries, a signed base edition, the hidden primary and three subscribers on loopback with warm
caches. A step writes an activated entry (or ends one) and calls the publisher; the clock runs from that call, and
each resolver is asked every 4 ms until it does what the list says. Half of the withdrawals are of names in the base.
PowerDNS has `mamori list long-poll` before it, and takes nothing for a second after each change: single changes and thousands
begin one to two seconds after all have followed the last one, at moments spread evenly; those beside a fold within one.
Then changes while a fold brings the primary a new base, judged by every engine first, as the worker does it: in
another thread of the same process; meanwhile each resolver is asked every 20 ms for a name of the base and for one that nobody
listed, to see how long it is silent. Then all subscribers are away over a change each way and a fold.
Then the kill switch in its three forms (one entry by its name, what the last edition
brought, all), and the end of it. The peers (`benchmarks.reloading`: the list as a file, taken by BIND as what changed or,
the way of ioc2rpz, as a whole) hold the same names and are changed in turn.

    python -m benchmarks.publish --base 1000000 --json FILE
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import multiprocessing
import os
import threading
import time
from base64 import b64encode
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal, Protocol
from uuid import UUID, uuid4

import django as framework
import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks.common import (
    Answering,
    arguments,
    django,
    environment,
    finish,
    goal,
    machine,
    median,
    owner,
    percentile,
    say,
    timed,
    world,
)
from benchmarks.reloading import WAYS, Reloaded, Reloading
from benchmarks.watching import Watching, until
from demo.dns import LOOPBACK, Address, DnsWorld, Provider
from demo.knot import Key
from demo.knot import Record as KnotRecord
from demo.platform import Platform
from demo.processes import WorldError, free_ports
from mamori.engine.addresses import NameSet
from mamori.engine.editions import ListEntry, Member, Rules, activation_statement, key_id, name_key
from mamori.engine.editions.statements import canonical_json
from mamori.engine.keys import load_signing_key

ENGINES = ("unbound", "bind", "powerdns")
DELIVERIES = {"unbound": "nxdomain", "bind": "stop", "powerdns": "nxdomain"}
REST = 1.0  # seconds for which PowerDNS takes nothing after a change
GOALS = {"unbound": (0.3, 0.5), "bind": (0.5, 0.5), "powerdns": (1.0, 1.5)}  # one change, a thousand: seconds, p95
FOLDING = 4.0  # seconds, for a change while a fold runs
SILENCE, OTHERS = "longest silence beside a fold", "other answers beside a fold"
AWAY = "right again after a fold"
ONCE = {
    SILENCE: "folding_silence_s",
    OTHERS: "folding_others",
    AWAY: "away_s",
}  # steps there is one of: their key in the result
FOLDING_LEAST = 100  # such changes for which there must be room
KILL = 5.0  # seconds
KILLS = {  # by the key of the result: the step, and what it is called
    "kill": ("killed", ""),
    "kill_entry": ("killed by name", " of one entry by its name"),
    "kill_edition": ("killed by edition", " of the last edition"),
}
BROUGHT = 100  # names of the edition that is taken back
REFILL = 60.0  # seconds, for a primary that was lost
CHUNK = 10_000  # entries signed at a time
STATED = datetime(2026, 11, 1, tzinfo=UTC)
EXPIRES = date(2027, 10, 1)
LISTED = 11  # a name of the base that no change touches before subscribers are away
_SIGNERS: list[Any] = []


def base_name(number: int) -> str:
    return f"n{number}.listed-{number % 1000}.example"


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--base", type=int, default=1_000_000, help="names in the base (default 1,000,000)")
    parser.add_argument("--changes", type=int, default=20, help="single changes each way (default 20)")
    parser.add_argument("--thousands", type=int, default=10, help="changes of 1,000 names each way (default 10)")
    parser.add_argument("--peer-changes", type=int, default=3, help="changes of each peer each way (default 3)")
    parser.add_argument("--polled", action="store_true", help="PowerDNS as it is by itself, without the long poll")
    given = parser.parse_args()
    if given.base < (least := least_base(given.changes, given.thousands)):
        parser.error(
            f"--base {given.base}: the gate lets a list grow by a share in a day; these changes need {least} names"
        )
    result: dict[str, Any] = {"benchmark": "publish", "base": given.base, "machine": machine()}
    times: dict[str, float] = {}
    with ExitStack() as stack:
        dns, publisher = list_body(stack, given.base, times, engines=ENGINES, long_poll=not given.polled)
        with timed("subscribers hold the base", times):
            for engine, provider in dns.providers.items():
                hold(provider, base_name(given.base - 1))
                say(f"  {engine} has it")
        with timed("the peers hold the base", times):
            names = (base_name(number) for number in range(given.base))
            reloading = stack.enter_context(Reloading(dns.base, free_ports(3), dns.example.port, names))
            for peer in reloading.peers.values():
                hold(peer, base_name(given.base - 1))
                peer.changed = time.monotonic()
        steps = list(run(publisher, dns, reloading.peers, given))
    result |= {"seconds": times, "steps": steps, "ours": {"engines": summary(steps), **killed(steps)}}
    result["ours"]["fold_s"] = next((step["seconds"] for step in steps if step["what"] == "folded"), None)
    result["peer"] = {"engines": {way: row_of(steps, f"peer {way}") for way in WAYS}}
    result["times_bind"] = times_as_long(result["peer"]["engines"], result["ours"]["engines"]["bind"])
    result["goals"] = [
        goal(f"{engine}: {what}, p95 s", found[key], GOALS[engine][which])
        for engine, found in result["ours"]["engines"].items()
        for what, key, which in (
            ("one change effective", "effective_p95_s", 0),
            ("one withdrawal lifted", "lifted_p95_s", 0),
            ("1,000 changes", "thousand_p95_s", 1),
        )
    ]
    result["goals"] += [
        goal(f"{engine}: the slowest change while a fold runs s", found["folding_max_s"], FOLDING)
        for engine, found in result["ours"]["engines"].items()
        if "folding_max_s" in found
    ]
    result["goals"] += [
        goal(f"{engine}: {what}", found[key], most)
        for engine, found in result["ours"]["engines"].items()
        for what, key, most in (
            ("longest silence while a fold runs s", "folding_silence_s", FOLDING),
            ("wrong answers while a fold runs", "folding_others", 0),
        )
    ]
    result["goals"].append(goal("primary filled from what the list body has s", times["primary filled"], REFILL))
    result["goals"] += [
        goal(f"{engine}: kill switch{words} s", seconds, KILL)
        for key, (_what, words) in KILLS.items()
        for engine, seconds in result["ours"][key].items()
    ]
    finish(result, given.json)


def list_body(
    stack: ExitStack, base: int, times: dict[str, float], *, engines: Sequence[str], long_poll: bool = True
) -> tuple[DnsWorld, Publisher]:
    """A list body whose primary holds a list of `base` names, and the resolvers that take it; this process is its worker."""
    platform = stack.enter_context(world())
    rows = subscribers(platform, {engine: DELIVERIES[engine] for engine in engines})
    keys = {engine: Key(name, secret) for engine, (_id, name, secret) in rows.items()}
    with timed("DNS servers", times):
        dns = DnsWorld(platform.base / "dnsworld", free_ports(6), engines=engines, keys=keys, long_poll=long_poll)
        stack.enter_context(dns)
        dns.example.transaction("example.", add=[KnotRecord("*", 300, "A", "127.77.0.10")])
    platform.world = {
        "MAMORI_KNOT_SOCKET": str(dns.knot_socket),
        "MAMORI_KNOT_ZONE_DIR": str(dns.handover),
        "MAMORI_LIST_MAX_ADDED": "10000000",
        "MAMORI_STOP_PAGE_HOST": "stop.mamori.example",
        "MAMORI_CANARY_NAME": "canary.mamori.example",
    }
    django(platform, "worker")
    let_in_all(platform, {rows[engine][0]: provider for engine, provider in dns.providers.items()})
    publisher = Publisher(platform, base)
    for what, step in (
        ("entries and signatures", publisher.write_base),
        ("rows in PostgreSQL", publisher.write_rows),
        ("primary filled", publisher.fill_primary),
    ):
        with timed(what, times):
            step()
    return dns, publisher


def subscribers(platform: Platform, deliveries: Mapping[str, str]) -> dict[str, tuple[UUID, str, str]]:
    """Subscribers of these names, made as the operator makes them. Each one's id, the name of its key, and key or token."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_subscribers, (environment(platform, "manage"), dict(deliveries)))


def _subscribers(face: dict[str, str], deliveries: dict[str, str]) -> dict[str, tuple[UUID, str, str]]:
    os.environ.update(face)
    framework.setup()
    from mamori.ground.actors import SYSTEM
    from mamori.lists.distribution.services import subscriber_add
    from mamori.lists.distribution.services.tsig import key_name
    from mamori.lists.distribution.states import Delivery

    found = {}
    for name, delivery in deliveries.items():
        asks_from = "" if delivery == "url" else LOOPBACK
        row, secret = subscriber_add(actor=SYSTEM, organisation=name, delivery=Delivery(delivery), asks_from=asks_from)
        found[name] = (row.id, key_name(row), secret)
    return found


def let_in_all(platform: Platform, providers: Mapping[UUID, Provider]) -> None:
    """Have the primary let every subscriber in, and note where these are told of changes."""
    from mamori.lists.distribution.services import subscribers_apply

    with owner(platform) as connection:
        for row, provider in providers.items():
            place = "{}@{}".format(*provider.notified)
            connection.execute("UPDATE distribution_subscriber SET notify = %s WHERE id = %s", [place, row])
    subscribers_apply()


def hold(one: Watched, name: str) -> None:
    if not until(one.resolver, name, one.blocked, 600):
        raise WorldError(f"{name} is not blocked within ten minutes")


class Publisher:
    """The list body's rows and the publisher, in this process."""

    def __init__(self, platform: Platform, base: int) -> None:
        from mamori.lists.distribution.keys import init_keys, member_add

        self.platform, self.size = platform, base
        self.keys = [Ed25519PrivateKey.generate() for _ in range(2)]
        self.people = [uuid4(), uuid4()]
        self.editions, folder = Path(os.environ["MAMORI_EDITION_DIR"]), Path(os.environ["MAMORI_EDITION_KEYS"])
        self.editions.mkdir(parents=True, exist_ok=True)
        init_keys(folder, now=clock())
        root = (load_signing_key(folder / "root.pem"),)
        roles: tuple[Literal["reviewer", "approver"], ...] = ("reviewer", "approver")
        for person, key, role in zip(self.people, self.keys, roles, strict=True):
            public = key.public_key().public_bytes_raw()
            member_add(folder, Member(str(person), role, public, STATED.date(), EXPIRES), root)
        self.ids = [str(UUID(int=number + 1)) for number in range(base)]

    def write_base(self) -> None:
        """Edition 1: the base files in the order readers expect, with two signatures on each entry."""
        from mamori.lists.distribution import models, press, store
        from mamori.lists.distribution.services import editions, judging

        names = sorted(((name_key(base_name(n)), n) for n in range(self.size)), key=lambda each: each[0])
        draft = store.Draft(self.editions, 1)
        base = {"names.jsonl": draft.write("names.jsonl", (_line(n) for _key, n in names))}
        with multiprocessing.get_context("spawn").Pool(
            2, _signer, ([key.private_bytes_raw() for key in self.keys],)
        ) as pool:
            signed = pool.imap(_activations, range(0, self.size, CHUNK))
            pieces = ("".join(lines[: self.size - at]).encode() for at, lines in zip(itertools.count(0, CHUNK), signed))
            base["activations.jsonl"] = draft.write("activations.jsonl", pieces)
        for name in ("urls.jsonl", "endings.jsonl"):
            base[name] = draft.write(name, [b""])
        files = base | {"changes.jsonl": draft.write("changes.jsonl", [b""])}
        row = editions.edition_sign(
            draft, 1, files, press.keys(), base=1, rules=judging.rules_digest(), names=self.size
        )
        draft.make_current()
        models.Edition.objects.filter(id=row.id).update(state="published", published_at=clock())
        self.row = models.Edition.objects.get(id=row.id)

    def write_rows(self) -> None:
        """Two persons with keys, and a row for each entry, as the desk would have left them."""
        with owner(self.platform) as connection:
            for number, person in enumerate(self.people):
                mail = f"p{number}@list.example"
                _insert(connection, "accounts_user", id=person, email=mail, name="P", password="", is_active=True)
            for number, (person, key) in enumerate(zip(self.people, self.keys, strict=True)):
                public = key.public_key().public_bytes_raw()
                _insert(
                    connection, "listing_signingkey", id=key_id(public), person_id=person, public_key=public,
                    registered_at=STATED, confirmed_at=STATED, confirmed_by_id=self.people[1 - number],
                )  # fmt: skip
            columns = list(self._entry(0))
            with connection.cursor().copy(f"COPY listing_entry ({', '.join(columns)}) FROM STDIN") as copy:
                for number in range(self.size):
                    copy.write_row(list(self._entry(number, listed=True).values()))
            connection.execute("ANALYZE listing_entry")

    def fill_primary(self) -> None:
        """Hand both base zones over, as after the loss of the primary."""
        from mamori.lists.distribution import press
        from mamori.lists.distribution.services import primary

        opened = press.open_edition(press.keys(), self.row)
        primary.push_base(opened.base)
        primary.push_hot(opened)

    def add(self, names: Sequence[str]) -> float:
        """Activate entries for new names and publish. The moment the publisher was called."""
        with owner(self.platform) as connection, connection.transaction():
            for name in names:
                row = self._entry(len(self.ids), name=name)
                self.ids.append(str(row["id"]))
                _insert(connection, "listing_entry", **row)
                statement = _statement(str(row["id"]), name)
                for step, person, key in zip(("propose", "activate"), self.people, self.keys, strict=True):
                    _insert(
                        connection, "listing_approval", entry_id=row["id"], step=step, person_id=person,
                        key_id=key_id(key.public_key().public_bytes_raw()), statement=statement.decode(),
                        signature=key.sign(statement), at=STATED,
                    )  # fmt: skip
        return self._publish()

    def end(self, names: Sequence[str]) -> float:
        """Withdraw the entries of these names and publish."""
        with owner(self.platform) as connection:
            connection.execute(
                "UPDATE listing_entry SET state = 'pending_removal', \"end\" = 'withdrawn', ended_at = %s"
                " WHERE target_digest = ANY(%s)",
                [clock(), [_digest(name) for name in names]],
            )
        return self._publish()

    def kill(self) -> float:
        """Empty the list everywhere. The moment of the order."""
        from mamori.ground.actors import SYSTEM
        from mamori.lists.distribution.services import kill_switch

        began = time.monotonic()
        kill_switch(actor=SYSTEM, reason="A benchmark.")
        self._publish()
        return began

    def kill_entry(self, names: Sequence[str]) -> float:
        """Take one entry back, called by its name. The moment of the order."""
        from mamori.ground.actors import SYSTEM
        from mamori.lists.listing import queries
        from mamori.lists.listing.services import entries_withdraw

        began = time.monotonic()
        entries_withdraw(actor=SYSTEM, entry_ids=[UUID(one.entry_id) for one in queries.called(names[0])])
        self._publish()
        return began

    def kill_edition(self) -> float:
        """Take back what the last edition brought. The moment of the order."""
        from mamori.ground.actors import SYSTEM
        from mamori.lists.distribution import queries
        from mamori.lists.distribution.services import edition_withdraw

        began = time.monotonic()
        version, _names = queries.added_by()
        if edition_withdraw(actor=SYSTEM, version=version) != BROUGHT:
            raise WorldError("the last edition is not the one that was meant")
        self._publish()
        return began

    def restore(self) -> float:
        """Bring the list back."""
        with owner(self.platform) as connection:
            connection.execute("UPDATE distribution_killorder SET lifted_at = %s", [clock()])
        return self._publish()

    def _publish(self) -> float:
        from mamori.lists.distribution.services import edition_publish

        began = time.monotonic()
        if edition_publish() is None:
            raise WorldError("nothing was published")
        return began

    def _entry(self, number: int, *, name: str = "", listed: bool = False) -> dict[str, Any]:
        name = name or base_name(number)
        return {
            "id": UUID(int=number + 1), "content_id": UUID(int=number + 1), "method": "dns", "target": name,
            "target_digest": _digest(name), "reason": "removal_too_slow", "answers": "{}", "stated_at": STATED,
            "expires_on": EXPIRES, "state": "active", "proposer_id": self.people[0], "proposed_at": STATED,
            "activator_id": self.people[1], "activated_at": STATED, "review_reason": "", '"end"': "", "refused": "[]",
            "far": "[]", "listed": listed, "ending_told": False, "yields": False,
        }  # fmt: skip


def let_in(base: int, added: int, withdrawn: int) -> bool:
    """Whether the gate's brake lets the last of so many new names in within a day, when some of the base are withdrawn."""
    rules = Rules(date.min, {}, NameSet(()), NameSet(()), NameSet(()), max_added=added, added_lately=added - 1)
    return rules.room(base - withdrawn) > 0


def least_base(changes: int, thousands: int) -> int:
    """To how long a base the changes of a run may be added, and some beside its fold."""
    added = changes + 1000 * thousands + FOLDING_LEAST
    return bisect_left(range(100 * added), True, key=lambda base: let_in(base, added, changes))


def beside_fold(base: int, changes: int, thousands: int) -> int:
    """How many names may still be added while a fold runs."""
    added = changes + 1000 * thousands
    return bisect_left(range(1, base), True, key=lambda more: not let_in(base, added + more, changes))


def run(
    publisher: Publisher, dns: DnsWorld, peers: Mapping[str, Reloaded], given: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    """Single changes and changes of a thousand, each way, of new names and names of the base; the peers in between."""
    watching = Watching()
    ours: dict[str, Watched] = dict(dns.providers)
    rounds = {each * given.changes // given.peer_changes for each in range(given.peer_changes)}
    for number in range(given.changes):
        fresh, old = f"new-{number}.example", base_name(7 * number)
        later = REST + (number + 0.5) / given.changes
        yield _step(publisher.add, watching, ours, [fresh], "effective", later)
        yield _step(publisher.end, watching, ours, [old if number % 2 else fresh], "lifted", later)
        for way, peer in peers.items() if number in rounds else ():
            peer.settle()
            yield _step(peer.add, watching, {f"peer {way}": peer}, [fresh], "effective")
            yield _step(peer.end, watching, {f"peer {way}": peer}, [old if number % 2 else fresh], "lifted")
    for number in range(given.thousands):
        many = [f"t{number}-{n}.example" for n in range(1000)]
        later = REST + (number + 0.5) / given.thousands
        yield _step(publisher.add, watching, ours, many, "effective", later)
        yield _step(publisher.end, watching, ours, many, "lifted", later)
    yield from folding(publisher, watching, ours, beside_fold(given.base, given.changes, given.thousands))
    yield away(publisher, dns.providers, base_name(given.base - 2))
    yield _step(publisher.kill_entry, watching, ours, [base_name(given.base // 2)], "killed by name")
    brought = [f"brought-{number}.example" for number in range(BROUGHT)]
    yield _step(publisher.add, watching, ours, brought, "effective before it is killed")
    yield _step(lambda _names: publisher.kill_edition(), watching, ours, brought, "killed by edition")
    last = [base_name(given.base - 1)]
    yield _step(lambda _names: publisher.kill(), watching, ours, last, "killed")
    yield _step(lambda _names: publisher.restore(), watching, ours, last, "effective again")
    watching.end()


def folding(
    publisher: Publisher, watching: Watching, watched: dict[str, Watched], most: int
) -> Iterator[dict[str, Any]]:
    """Changes, one after another and no more than `most`, until a fold that began before them has ended."""
    ended: list[float] = []

    def fold() -> None:
        from django.db import connection

        from mamori.lists.distribution.services import edition_fold

        began = time.monotonic()
        try:
            if edition_fold() is not None:
                ended.append(time.monotonic() - began)
        finally:
            connection.close()

    steady = Answering("benchmarks.steady")
    listed, lawful = base_name(LISTED), "lawful.example"
    asked = [(f"{engine} {name}", one.resolver, name, answer) for engine, one in watched.items()
             for name, answer in ((listed, one.blocked), (lawful, "free"))]  # fmt: skip
    steady.tell(json.dumps(asked))
    thread = threading.Thread(target=fold)
    thread.start()
    for number in range(most):
        if not thread.is_alive():
            break
        name, later = [f"folding-{number}.example"], (number % 10 + 0.5) / 10
        yield _step(publisher.add, watching, watched, name, "effective while folding", later)
        yield _step(publisher.end, watching, watched, name, "lifted while folding", later)
    thread.join()
    found = json.loads(steady.end())
    for what, which, joined in ((SILENCE, 0, max), (OTHERS, 2, sum)):
        of = {engine: joined(found[f"{engine} {name}"][which] for name in (listed, lawful)) for engine in watched}
        say(f"{what}: {of}")
        yield {"names": 2, "what": what, **of}
    if not ended:
        raise WorldError("nothing was folded")
    say(f"folded in {ended[0]:.1f} s")
    yield {"names": 0, "what": "folded", "seconds": round(ended[0], 1)}


def away(publisher: Publisher, providers: Mapping[str, Provider], listed: str) -> dict[str, Any]:
    """Seconds from a subscriber's start until it is right, when it missed a change each way and a fold; one after the other."""
    from mamori.lists.distribution.services import edition_fold

    for provider in providers.values():
        for program in reversed(provider.programs):
            program.stop()
    came, went = "while-away.example", base_name(LISTED)
    publisher.add([came])
    publisher.end([went])
    if edition_fold() is None:
        raise WorldError("nothing was folded")
    took = {}
    for engine, provider in providers.items():
        began = time.monotonic()
        for program in provider.programs:
            program.start()
        for name, answer in ((came, provider.blocked), (went, "free"), (listed, provider.blocked)):
            if not until(provider.resolver, name, answer):
                raise WorldError(f"{engine} is not right after it was away")
        took[engine] = round(time.monotonic() - began, 2)
    say(f"{AWAY}: {took}")
    return {"names": 2, "what": AWAY, **took}


class Watched(Protocol):
    """A resolver, and what it says of a listed name."""

    resolver: Address

    @property
    def blocked(self) -> str: ...


def _step(
    change: Callable[[Sequence[str]], float],
    watching: Watching,
    watched: Mapping[str, Watched],
    names: list[str],
    what: str,
    later: float = 0.0,
) -> dict[str, Any]:
    """Seconds from the beginning of a change until each resolver does it for the first and the last name, warm caches.

    `later`: seconds to wait before it, since every resolver has followed the last one.
    """
    blocks, asked = what.startswith("effective"), sorted({names[0], names[-1]})
    watching.begin([(each, one.resolver, asked, "free" if blocks else one.blocked) for each, one in watched.items()])
    watching.seen()
    watching.begin([(each, one.resolver, asked, one.blocked if blocks else "free") for each, one in watched.items()])
    time.sleep(later)
    began = change(names)
    called = time.monotonic() - began
    took = {engine: round(moment - began, 3) for engine, moment in watching.seen().items()}
    say(f"{len(names)} {what}: {took}, took {called:.2f} s")
    return {"names": len(names), "what": what, "publisher": round(called, 3), **took}


def summary(steps: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    found = {}
    for engine in ENGINES:
        many = [step[engine] for step in steps if step["names"] == 1000 and engine in step]
        found[engine] = row_of(steps, engine) | {
            "thousand_p50_s": median(many),
            "thousand_p95_s": percentile(many, 0.95),
            "thousand_n": len(many),
        }
        slow = [step[engine] for step in steps if step["what"].endswith("while folding")]
        once = {step["what"]: step[engine] for step in steps if step["what"] in ONCE and engine in step}
        found[engine] |= {ONCE[what]: value for what, value in once.items()}
        if slow:
            found[engine] |= {"folding_p50_s": median(slow), "folding_max_s": max(slow), "folding_n": len(slow)}
    return found


def row_of(steps: list[dict[str, Any]], engine: str) -> dict[str, float]:
    """What single changes took in one engine."""
    row: dict[str, float] = {}
    for what in ("effective", "lifted"):
        values = [step[engine] for step in steps if step["names"] == 1 and step["what"] == what and engine in step]
        if values:
            row |= {
                f"{what}_p50_s": median(values),
                f"{what}_p95_s": percentile(values, 0.95),
                f"{what}_n": len(values),
            }
    return row


def times_as_long(peers: Mapping[str, Mapping[str, float]], bind: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """How many times as long as BIND with our list each peer takes, medians."""
    return {
        way: {
            what: round(row[f"{what}_p50_s"] / bind[f"{what}_p50_s"], 1)
            for what in ("effective", "lifted")
            if f"{what}_p50_s" in row
        }
        for way, row in peers.items()
    }


def killed(steps: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Of each form of the kill switch the seconds until each engine answers again for what it lifts."""
    return {
        key: {engine: step[engine] for step in steps if step["what"] == what for engine in ENGINES}
        for key, (what, _words) in KILLS.items()
    }


def clock() -> datetime:
    return datetime.now(UTC)


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _json(entry_id: str, name: str) -> dict[str, str]:
    return {
        "entry_id": entry_id, "method": "dns", "target": name, "reason": "removal_too_slow",
        "activated_at": STATED.strftime("%Y-%m-%dT%H:%M:%SZ"), "expires_on": EXPIRES.isoformat(),
    }  # fmt: skip


def _statement(entry_id: str, name: str) -> bytes:
    return activation_statement(ListEntry(entry_id, "dns", name, "removal_too_slow", STATED, EXPIRES))


def _line(number: int) -> bytes:
    return canonical_json(_json(str(UUID(int=number + 1)), base_name(number))) + b"\n"


def _signer(keys: list[bytes]) -> None:
    _SIGNERS.extend(Ed25519PrivateKey.from_private_bytes(key) for key in keys)


def _activations(start: int) -> list[str]:
    """Lines of activations.jsonl, in the order of entries' ids."""
    ids = [key_id(key.public_key().public_bytes_raw()) for key in _SIGNERS]
    lines = []
    for number in range(start, start + CHUNK):
        statement = _statement(str(UUID(int=number + 1)), base_name(number))
        signatures = sorted(zip(ids, (b64encode(key.sign(statement)).decode() for key in _SIGNERS), strict=True))
        told = [{"key_id": number, "value": value} for number, value in signatures]
        lines.append(canonical_json({"statement": statement.decode(), "signatures": told}).decode() + "\n")
    return lines


def _insert(connection: psycopg.Connection[Any], table: str, **values: Any) -> None:
    columns, places = ", ".join(values), ", ".join(["%s"] * len(values))
    connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({places})", list(values.values()))


if __name__ == "__main__":
    main()
