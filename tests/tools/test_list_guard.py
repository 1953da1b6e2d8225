"""`mamori list guard` between a real primary (Knot) and a real resolver (Unbound): what was not signed is never loaded."""

import json
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import time_machine
from hypothesis import given
from typer.testing import CliRunner

from demo.dns import DnsWorld, ask, unbound_main
from demo.knot import DEPLOY, Key
from demo.knot import Knot as Server
from demo.processes import ORDINARY_USER, Program, free_ports, hand_over, listening, private_folder, socket_folder
from mamori.engine.editions import (
    CHANGES,
    LIFT_ALL,
    Delta,
    FileDigest,
    Record,
    SignedStatement,
    activation_statement,
    compile_hot,
    compile_rpz,
    kill_statement,
    name_key,
    sign_files,
    sign_statement,
    write_delta,
    write_files,
)
from mamori.engine.editions import Edition as Listed
from mamori.engine.editions.transferred import changed
from mamori.lists.distribution.knot import Knot
from mamori.tools.cli import app
from tests.engine.people import APPROVER, REVIEWER, entry
from tests.engine.people import signed as signed_by
from tests.engine.test_layers import histories, hot_of, lists, points_of
from tests.engine.test_publish import SERVICE
from tests.programs import needs, program
from tests.tools.list_body import LIFE, ROOT, SIGNED_MEMBERS, TOKEN, ListBody
from tests.tools.witnessed_log import WitnessedLog

CANARY = "canary.mamori.example"
BASE = [f"n{number:03}.example" for number in range(60)]
REAL = [pytest.mark.resolvers, needs("knotd", "knotc", "unbound", "named")]
_ZONES = """\
server:
    module-config: "respip iterator"
rpz:
    name: hot-nx.list
    zonefile: "{folder}/hot-nx.list.zone"
rpz:
    name: nx.list
    zonefile: "{folder}/nx.list.zone"
"""


class House(ListBody):
    """A list body with a primary of its own: what it signs, and what its primary holds."""

    def __init__(self, primary: Server) -> None:
        super().__init__()
        self.primary = primary
        self.base = self.names = frozenset[str]()

    def sign(
        self, edition: int, names: Iterable[str], *, fold: bool = False, kill: bool = False, waiting: str = ""
    ) -> None:
        """Publish an edition's signed files; the primary is told nothing yet. `waiting`: a name only ring 0 has yet."""
        self.names = frozenset(names)
        self.base = self.names if fold else self.base
        base, now = ({entry(name) for name in some} for some in (self.base, self.names))
        keys = {entry(name): (REVIEWER,) if name.startswith("half") else (REVIEWER, APPROVER) for name in self.names}
        activations = {one: signed_by(activation_statement(one), *keys[one]) for one in now}
        statement = kill_statement(edition, reason="test")
        killed = frozenset({SignedStatement(statement, frozenset({sign_statement(statement, SERVICE.targets)}))})
        delta = Delta(
            frozenset(now - base),
            frozenset(base - now),
            frozenset(activations[one] for one in now - base) | (killed if kill else frozenset()),
            {entry(waiting).entry_id: 0} if waiting else {},
        )
        files = {
            **write_files(Listed(edition, frozenset(base), frozenset(activations[one] for one in base & now))),
            CHANGES: write_delta(delta),
        }
        at = datetime.now(UTC)
        signed = sign_files(
            edition, {name: FileDigest.of(data) for name, data in files.items()}, keys=SERVICE, roots=[ROOT],
            version=edition, now=at, expires=at + LIFE,
        )  # fmt: skip
        self.published["editions/current"] = json.dumps({"version": edition}).encode()
        self.published |= {
            f"editions/{edition}/{name}": data
            for name, data in {**files, **signed, "members.json": SIGNED_MEMBERS}.items()
        }

    def hot(self, *more: Record) -> frozenset[Record]:
        points = points_of(self.names ^ self.base | {f"hot-{CANARY}"}, frozenset(self.names))
        return compile_hot(points, "nxdomain") | frozenset(more)

    def push(self, hot: frozenset[Record] | None = None, base: frozenset[Record] | None = None) -> None:
        """Bring the primary to what was signed, or to what is given."""
        knot = Knot(str(self.primary.socket))
        wanted = compile_rpz(self.base | {CANARY, f"hot-{CANARY}"}, "nxdomain")
        knot.sync("nx.list", wanted if base is None else base)
        knot.sync("hot-nx.list", self.hot() if hot is None else hot)

    def publish_all(self, edition: int, names: Iterable[str], **how: bool) -> None:
        self.sign(edition, names, **how)
        self.push()


@pytest.fixture
def house(world_folder: Path) -> Iterator[House]:
    server = Server("guarded", private_folder(world_folder, "guarded"), free_ports(1), DEPLOY / "knot" / "primary.conf")
    server.start()
    body = House(server)
    try:
        yield body
    finally:
        body.close()
        server.stop()


class Guarded:
    """The subscriber: `run()` looks once, `ask(name)` asks its resolver."""

    def __init__(self, house: House, dns_world: DnsWorld, base: Path, folder: Path) -> None:
        self.house, self.base, self.folder = house, base, folder
        secret = Key.new("sub-1")
        house.primary.revoke(secret.name)
        house.primary.subscribe(secret, ["hot-nx.list.", "nx.list."])
        (base / "tsig").write_text(f"{secret.name} {secret.secret}\n")
        (base / "token").write_text(TOKEN)
        (base / "root.json").write_bytes(ROOT)
        self.port, control = free_ports(1), socket_folder(folder) / "guarded.sock"
        self.configuration = folder / "unbound.conf"
        self.configuration.write_text(
            unbound_main(folder, self.port, dns_world.example.port, control, _ZONES.format(folder=folder))
        )
        hand_over(self.configuration)
        self.resolver = Program("guarded", [program("unbound"), "-d", "-p", "-c", self.configuration], folder)

    def run(self, *more: object, days: float = 0, reload: bool = True) -> tuple[int, str]:
        arguments = [
            "list", "guard", self.house.address, self.folder, "--primary", f"127.0.0.1@{self.house.primary.port}",
            "--tsig-file", self.base / "tsig", "--zone", "nx.list", "--canary", CANARY,
            "--root", self.base / "root.json", "--token-file", self.base / "token", "--patience", "0",
        ]  # fmt: skip
        if os.geteuid() == 0:  # in life the resolver reads the files through their group
            arguments += ["--reload", f"chown {ORDINARY_USER} {self.folder}/{{zone}}.zone"]
        if reload:
            command = f"{program('unbound-control')} -c {self.configuration} auth_zone_reload {{zone}}"
            arguments += ["--reload", command]
        with time_machine.travel(datetime.now(UTC) + timedelta(days=days), tick=True):
            done = CliRunner().invoke(app, [str(each) for each in (*arguments, *more)])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, " ".join(done.output.split())

    def zones(self) -> list[str]:
        """What the resolver was given, without the serial numbers."""
        texts = [(self.folder / name).read_text() for name in ("hot-nx.list.zone", "nx.list.zone")]
        return ["".join(line for line in text.splitlines(True) if not line.startswith("@ SOA")) for text in texts]

    def ask(self, name: str) -> str:
        return ask(("127.0.0.1", self.port), name)


@pytest.fixture
def guarded(house: House, dns_world: DnsWorld, tmp_path: Path, world_folder: Path) -> Iterator[Guarded]:
    """After edition 1 with 60 names and a resolver that holds them."""
    dns_world.host([*BASE[:3], "victim.example", "later.example", CANARY, f"hot-{CANARY}"], "127.77.0.10")
    subscriber = Guarded(house, dns_world, tmp_path, private_folder(world_folder, f"guarded-{tmp_path.name[-20:]}"))
    house.publish_all(1, BASE, fold=True)
    code, said = subscriber.run(reload=False)
    assert (code, said) == (0, "edition 1 in force, 60 names: nx.list, hot-nx.list"), said
    subscriber.resolver.start()
    try:
        subscriber.resolver.wait_ready(partial(listening, "127.0.0.1", subscriber.port), 30)
        yield subscriber
    finally:
        subscriber.resolver.stop()


OPEN = "A 127.77.0.10"


class TestWithKnotAndUnbound:
    pytestmark = REAL

    def test_what_is_signed_is_loaded_and_followed_both_ways(self, guarded: Guarded, house: House) -> None:
        assert [guarded.ask(name) for name in (BASE[0], f"www.{BASE[1]}", CANARY)] == ["NXDOMAIN"] * 3
        assert [guarded.ask(name) for name in (f"hot-{CANARY}", "later.example")] == [OPEN] * 2
        assert guarded.run() == (0, ""), "nothing new, nothing said"
        house.publish_all(2, {*BASE, "later.example"} - {BASE[0]})
        assert guarded.run() == (0, "edition 2 in force, 60 names: hot-nx.list")
        assert (guarded.ask("later.example"), guarded.ask(BASE[0])) == ("NXDOMAIN", OPEN)
        house.publish_all(3, house.names, fold=True)
        assert guarded.run() == (0, "edition 3 in force, 60 names: nx.list, hot-nx.list")
        assert (guarded.ask("later.example"), guarded.ask(BASE[0])) == ("NXDOMAIN", OPEN)
        house.sign(4, house.names, kill=True)
        house.push(hot=LIFT_ALL)
        assert guarded.run() == (0, "edition 4 in force, 0 names: hot-nx.list")
        assert (guarded.ask("later.example"), guarded.ask(BASE[1])) == (OPEN, OPEN)

    def test_a_base_that_is_not_the_signed_one_yet_holds_back_no_change(self, guarded: Guarded, house: House) -> None:
        """As while the list body brings a new base to its primary."""
        before = guarded.zones()[1]
        house.sign(2, {*BASE, "victim.example"} - {BASE[0]})
        house.push(base=compile_rpz(house.base | {"later.example", CANARY, f"hot-{CANARY}"}, "nxdomain"))
        code, said = guarded.run()
        assert code == 1
        assert "ALARM: REFUSED: nx.list is not what edition 2 signed: 2 records too many, 0 missing" in said
        assert (guarded.ask("victim.example"), guarded.ask(BASE[0])) == ("NXDOMAIN", OPEN)
        assert guarded.zones()[1] == before
        house.push()
        assert guarded.run() == (0, "edition 2 in force, 60 names: nx.list")
        assert guarded.run() == (0, "")

    def test_a_tampered_zone_is_not_loaded_and_the_last_good_one_stays(self, guarded: Guarded, house: House) -> None:
        good, before = house.hot(), guarded.zones()
        base = compile_rpz(house.base | {CANARY, f"hot-{CANARY}"}, "nxdomain")
        victim = compile_rpz(["victim.example"], "nxdomain")
        lifted = {Record(owner, "rpz-passthru.") for owner in (BASE[1], f"*.{BASE[1]}")}
        triggers = ("*", "1.0.0.0.0.rpz-ip", "24.0.2.0.192.rpz-client-ip", "ns.example.rpz-nsdname")
        for held, words in (
            ({"hot": good | victim}, "hot-nx.list is not what edition 1 signed: 2 records too many, 2 missing"),
            ({"hot": good | lifted}, "hot-nx.list is not what edition 1 signed: 2 records too many, 2 missing"),
            ({"hot": LIFT_ALL}, "hot-nx.list is not what edition 1 signed: 1 records too many, 2 missing"),
            *(
                (
                    {"hot": good | {Record(owner, "rpz-passthru.")}},
                    "hot-nx.list is not what edition 1 signed: 1 records too many, 0 missing",
                )
                for owner in triggers
            ),
            ({"base": base | victim}, "nx.list is not what edition 1 signed: 2 records too many, 0 missing"),
            (
                {"base": base - compile_rpz([BASE[2]], "nxdomain")},
                "nx.list is not what edition 1 signed: 0 records too many, 2 missing",
            ),
        ):
            house.push(**held)
            code, said = guarded.run()
            assert (code, f"ALARM: REFUSED: {words}" in said) == (1, True), said
            assert "edition 1 stays in force" in said
            assert guarded.zones() == before
            assert (guarded.ask("victim.example"), guarded.ask(BASE[1]), guarded.ask(BASE[2])) == (
                OPEN,
                "NXDOMAIN",
                "NXDOMAIN",
            )
        house.push()
        assert guarded.run()[0] == 0, "it goes on by itself"

    def test_a_zone_that_lacks_a_signed_change_is_refused_until_it_has_it(self, guarded: Guarded, house: House) -> None:
        before = house.hot()
        house.sign(2, [*BASE, "later.example"])
        house.push(hot=before)
        code, said = guarded.run()
        assert (code, "hot-nx.list is not what edition 2 signed: 0 records too many, 2 missing" in said) == (1, True), (
            said
        )
        house.push()
        assert (guarded.run()[0], guarded.ask("later.example")) == (0, "NXDOMAIN")

    def test_a_zone_is_held_against_what_its_ring_has(self, guarded: Guarded, house: House) -> None:
        before, knot = house.hot(), Knot(str(house.primary.socket))
        house.sign(2, [*BASE, "later.example"], waiting="later.example")
        house.push()
        code, said = guarded.run()
        assert (code, "hot-nx.list is not what edition 2 signed: 2 records too many, 2 missing" in said) == (1, True), (
            said
        )
        house.push(hot=before)
        assert guarded.run() == (0, "edition 2 in force, 60 names: hot-nx.list")
        knot.add_zone("hot0-nx.list")
        house.primary.configure(["conf-set zone[hot0-nx.list.].acl sub-1"])
        knot.sync("hot0-nx.list", before)
        code, said = guarded.run("--ring", 0, reload=False)
        assert (code, "hot0-nx.list is not what edition 2 signed: 0 records too many, 2 missing" in said) == (1, True)
        knot.sync("hot0-nx.list", house.hot())
        assert guarded.run("--ring", 0, reload=False)[0] == 0
        assert "later.example CNAME .\n" in (guarded.folder / "hot0-nx.list.zone").read_text()

    def test_a_name_that_one_person_signed_is_not_loaded(self, guarded: Guarded, house: House) -> None:
        before = guarded.zones()
        house.publish_all(2, [*BASE, "half.example"])
        code, said = guarded.run()
        assert (code, "under 1 entries of edition 2 no two members' signatures stand" in said) == (1, True), said
        assert guarded.zones() == before
        house.publish_all(3, [*BASE, "later.example"])
        assert (guarded.run()[0], guarded.ask("later.example")) == (0, "NXDOMAIN")

    def test_a_change_beyond_the_brake_waits_for_a_person(self, guarded: Guarded, house: House) -> None:
        house.publish_all(2, [*BASE, *(f"many{number}.example" for number in range(11))])
        code, said = guarded.run("--most", 10)
        assert (code, "edition 2 adds 11 names and drops 0 at once, more than 10" in said) == (1, True), said
        assert guarded.ask("victim.example") == OPEN
        assert "many1" not in guarded.zones()[0]
        assert guarded.run("--most", 10, "--accept", 2)[0] == 0
        assert "many1" in guarded.zones()[0]
        assert guarded.run("--most", 10) == (0, "")

    def test_a_side_zone_is_let_in_when_it_holds_canaries_alone(
        self, guarded: Guarded, house: House, dns_world: DnsWorld
    ) -> None:
        zone, knot = "side-0123456789ab.list", Knot(str(house.primary.socket))
        name, options = "babebibobubabebi.canaries.example", ("--side-zone", "side-0123456789ab.list")
        dns_world.host([name], "127.77.0.10")
        domain = ("--side-domain", "canaries.example")
        code, said = guarded.run(*options)
        assert (code, "--side-zone needs --side-domain" in said) == (2, True), said
        knot.add_zone(zone)
        house.primary.configure([f"conf-set zone[{zone}.].acl sub-1"])
        canaries = compile_rpz([name], "nxdomain")
        knot.sync(zone, canaries)
        assert guarded.run(*options, *domain, reload=False) == (0, f"side zone in force: {zone}")
        assert f"{name} CNAME .\n" in (guarded.folder / f"{zone}.zone").read_text()
        before = (guarded.folder / f"{zone}.zone").read_text()
        for foreign, words in (
            (compile_rpz(["victim.example"], "nxdomain"), "under no canary domain, such as victim.example"),
            (compile_rpz(["canaries.example"], "nxdomain"), "under no canary domain, such as canaries.example"),
            (
                compile_rpz(["babebibobubabebo.canaries.example"], "stop", "stop.mamori.example"),
                "do not block as the list",
            ),
            (
                compile_rpz([f"n{number}.canaries.example" for number in range(11)], "nxdomain"),
                "12 names, more than 10",
            ),
        ):
            knot.sync(zone, canaries | foreign)
            code, said = guarded.run(*options, *domain, "--most", 10, reload=False)
            assert (code, "ALARM: REFUSED" in said, words in said) == (1, True, True), said
            assert (guarded.folder / f"{zone}.zone").read_text() == before
        knot.sync(zone, canaries)
        assert guarded.run(*options, *domain, reload=False)[0] == 0
        house.publish_all(2, [*BASE, "later.example"])
        assert (guarded.run(*options, *domain)[0], guarded.ask("later.example")) == (0, "NXDOMAIN")

    def test_a_list_that_is_too_old_lapses_with_an_alarm_and_comes_back(self, guarded: Guarded, house: House) -> None:
        house.published.clear()
        code, said = guarded.run(days=20)
        assert (code, "edition 1 stays in force" in said, guarded.ask(BASE[0])) == (2, True, "NXDOMAIN")
        code, said = guarded.run(days=21.1)
        assert (code, "ALARM: the list is 14 days past its signatures or more: the zones were emptied" in said) == (
            3,
            True,
        )
        assert guarded.ask(BASE[0]) == OPEN
        house.publish_all(2, BASE)
        assert (guarded.run()[0], guarded.ask(BASE[0])) == (0, "NXDOMAIN")

    def test_a_guard_that_was_given_another_list_than_the_log_says_stops_with_an_alarm(
        self, guarded: Guarded, house: House
    ) -> None:
        log, minute = WitnessedLog(), 1 / 1440  # the primary wants a clock that differs by less than five
        house.publish_all(2, [*BASE, "victim.example"])
        assert guarded.run(*log.options)[0] == 0
        notes = json.loads((guarded.folder / ".guard" / "viewed" / "notes.json").read_text())
        house.published["editions/2/proof"] = log.proof(2, notes["editions"]["2"]["digest"])
        assert guarded.run(*log.options, days=minute) == (0, "")
        house.publish_all(3, BASE)
        house.published["editions/3/proof"] = log.proof(3, "0" * 64)
        assert guarded.run(*log.options, days=2 * minute)[0] == 0
        code, said = guarded.run(*log.options, days=3 * minute)
        assert (code, "ALARM: another edition 3 than the one you got stands in the log" in said) == (1, True), said
        house.publish_all(4, [*BASE, "later.example"])
        code, said = guarded.run(*log.options, days=3 * minute)
        assert (code, said.count("ALARM"), "REFUSED: edition 4 is not let in" in said) == (1, 1, True), said
        assert "edition 3 stays in force" in said
        assert (guarded.ask("later.example"), guarded.ask(BASE[1])) == (OPEN, "NXDOMAIN")
        house.sign(5, house.names, kill=True)
        house.push(hot=LIFT_ALL)
        assert guarded.run(*log.options, days=3 * minute)[0] == 1
        assert guarded.ask(BASE[1]) == OPEN, "the kill switch passes"
        house.publish_all(6, house.names)
        assert guarded.run(*log.options, days=3 * minute)[0] == 1
        assert CliRunner().invoke(app, ["list", "settle", str(guarded.folder), "3"]).exit_code == 0
        assert guarded.run(*log.options, days=3 * minute)[0] == 0
        assert (guarded.ask("later.example"), guarded.ask(BASE[1])) == ("NXDOMAIN", "NXDOMAIN")

    def test_signatures_that_ended_and_a_primary_away_change_nothing(self, guarded: Guarded, house: House) -> None:
        code, said = guarded.run(days=8)
        assert (code, "The edition's signatures have expired." in said) == (1, True), said
        house.primary.revoke("sub-1")
        code, said = guarded.run()
        assert (code, "the primary does not tell the serial of nx.list" in said) == (2, True), said
        assert guarded.ask(BASE[0]) == "NXDOMAIN"


@given(histories)
def test_a_hot_zone_of_any_history_is_what_its_own_names_ask_for(history: list[frozenset[str]]) -> None:
    """The check knows fewer names than the publisher: those of the zone alone lead to the same zone."""
    zone, now = hot_of(history), history[-1]
    points = points_of({record.owner.removeprefix("*.") for record in zone}, now)
    assert compile_hot(points, "nxdomain") == zone


@given(lists, lists)
def test_what_came_and_went_is_counted(before: frozenset[str], now: frozenset[str]) -> None:
    ordered = [sorted(some, key=name_key) for some in (before, now)]
    assert changed(*ordered) == (len(now - before), len(before - now))
