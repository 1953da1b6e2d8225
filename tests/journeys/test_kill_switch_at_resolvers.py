"""`mamori kill-switch` to its good end, as an operator runs it: a running worker, Knot, and Unbound, BIND and PowerDNS that follow.

Each of its three forms lifts what was asked, and nothing else, at all three resolvers, and tells of each after how long.
"""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from demo.dns import CANARY, DnsWorld, ask
from demo.platform import Platform
from demo.processes import Program, free_ports, wait_until
from tests.journeys.test_kill_switch import LIFT, orders, pull
from tests.platform import inside, prepared_platform, rows, running_world
from tests.programs import needs

pytestmark = [pytest.mark.resolvers, needs("knotd", "knotc", "unbound", "named", "named-checkzone", "pdns_recursor")]
OPEN = "A 127.77.0.10"
ALL = ["bind", "powerdns", "unbound"]
TOLD = re.compile(r"  (\w+): lifted after \d+\.\d s$", re.MULTILINE)
BROUGHT = """
SELECT max(version) FROM distribution_edition JOIN distribution_editionchange ON edition_id = distribution_edition.id
WHERE state = 'published' AND change = 'added' AND target = ANY(%s)
"""
LIST = """
import pathlib, sys, django
django.setup()
from django.db import transaction
from mamori.engine.keys import load_signing_key
from mamori.ground.accounts.models import User
from tests.lists.cases import Body, checked, confirmed, told_to_police, tried
from mamori.lists.listing.states import Method
keys, *wanted = sys.argv[1:]
aoki, baba, endo, fujii = (User.objects.get(email=f"{each}@mamori.example") for each in ("aoki", "baba", "endo", "fujii"))
signing = {user.id: load_signing_key(pathlib.Path(keys) / f"{login}.pem") for user, login in ((endo, "endo"), (fujii, "fujii"))}
body = Body(endo, fujii, fujii, signing)
with transaction.atomic():  # all of them come with one edition
    for word in wanted:
        method, _colon, url = word.partition(":")
        content_id = confirmed(url, aoki, baba)
        told_to_police(content_id)
        checked(content_id)
        tried(content_id)
        body.list(content_id, Method(method))
"""


class House:
    """A platform whose worker publishes to a real primary, and the resolvers that follow."""

    def __init__(self, platform: Platform, dns: DnsWorld) -> None:
        self.platform, self.dns = platform, dns
        self.worker = self._worker()
        self.worker.start()

    def _worker(self) -> Program:
        command = [sys.executable, "-m", "mamori", "worker"]
        return Program("worker", command, self.platform.base, env=self.platform.environment("worker"), as_is=True)

    @contextmanager
    def without_worker(self) -> Iterator[None]:
        self.worker.stop(12)
        try:
            yield
        finally:
            self.worker = self._worker()
            self.worker.start()

    def lists(self, *names: str, urls: tuple[str, ...] = ()) -> int:
        """List these names and addresses with one edition: its number, once all resolvers block the names."""
        self.dns.host(names, "127.77.0.10")
        wanted = [*(f"dns:https://{name}/1" for name in names), *(f"url:{url}" for url in urls)]
        inside(self.platform, "manage", LIST, str(self.platform.keys), *wanted)
        for name in names:
            self.until(name, blocked=True)
        wait_until(lambda: {*names, *urls} <= self.in_force(), 60, f"{names} are not noted as listed")
        [(version,)] = rows(self.platform, BROUGHT, [*names, *urls])
        return int(version)

    def says(self, name: str) -> dict[str, str]:
        """What each resolver does with a name: "blocked", or what it answers."""
        found = {engine: ask(each.resolver, name) for engine, each in self.dns.providers.items()}
        return {
            engine: "blocked" if said == self.dns.providers[engine].blocked else said for engine, said in found.items()
        }

    def until(self, name: str, *, blocked: bool) -> None:
        wanted = dict.fromkeys(self.dns.providers, "blocked" if blocked else OPEN)
        wait_until(lambda: self.says(name) == wanted, 60, lambda: f"{name}: {self.says(name)} instead of {wanted}")

    def holds(self, *, lifted: tuple[str, ...], blocked: tuple[str, ...]) -> None:
        """Now, without waiting: the command returns when it is so."""
        for name in lifted:
            assert self.says(name) == dict.fromkeys(self.dns.providers, OPEN), name
        for name in (*blocked, CANARY):
            assert self.says(name) == dict.fromkeys(self.dns.providers, "blocked"), name

    def in_force(self) -> set[str]:
        return {str(target) for (target,) in rows(self.platform, "SELECT target FROM listing_entry WHERE listed")}


@pytest.fixture(scope="module")
def house(world_folder: Path) -> Iterator[House]:
    world = running_world(world_folder / "kill", dns=True)
    assert world.dns is not None
    world.dns.add_powerdns(free_ports(1))
    with world, prepared_platform(world_folder / "kill-platform", world) as platform:
        house = House(platform, world.dns)
        try:
            yield house
        finally:
            house.worker.stop(12)


@pytest.fixture(autouse=True)
def _an_empty_list(house: House) -> Iterator[None]:
    yield
    targets = house.in_force()
    for target in targets:
        code, said = pull(house.platform, "y\n", "--entry", target)
        assert code == 0, said
    wait_until(lambda: house.in_force() == set(), 60, "the list is not empty again")


def test_one_entry_is_lifted_by_its_name_and_by_its_number_and_its_neighbours_stay(house: House) -> None:
    house.dns.host(["www.gone.example"])
    house.lists("gone.example", "stays.example", "number.example")
    house.until("www.gone.example", blocked=True)
    code, said = pull(house.platform, "n\n", "--entry", "gone.example")
    assert code == 1, said
    assert rows(house.platform, "SELECT state FROM listing_entry WHERE target = 'gone.example'") == [("active",)]
    house.holds(lifted=(), blocked=("gone.example", "stays.example", "number.example"))

    code, said = pull(house.platform, "y\n", "--entry", "gone.example")
    assert code == 0, said
    assert "gone.example will be lifted in all resolvers" in said
    assert sorted(TOLD.findall(said)) == ALL, said
    house.holds(lifted=("gone.example", "www.gone.example"), blocked=("stays.example", "number.example"))

    [(number,)] = rows(house.platform, "SELECT id FROM listing_entry WHERE target = 'number.example' AND listed")
    code, said = pull(house.platform, "y\n", "--entry", str(number))
    assert code == 0, said
    assert sorted(TOLD.findall(said)) == ALL, said
    house.holds(lifted=("gone.example", "number.example"), blocked=("stays.example",))
    assert orders(house.platform) == [], "the list as a whole was not switched off"
    wait_until(lambda: house.in_force() == {"stays.example"}, 30, lambda: f"{house.in_force()} are in force")


def test_a_name_that_another_entry_blocks_still_is_not_waited_for(house: House) -> None:
    house.lists("above.example", "www.above.example")
    code, said = pull(house.platform, "y\n", "--entry", "www.above.example")
    assert code == 0, said
    assert "Blocked still by other entries: above.example" in said
    assert "No name is to be lifted in resolvers: other entries block them still" in said
    assert not TOLD.findall(said)
    wait_until(lambda: house.in_force() == {"above.example"}, 30, lambda: f"{house.in_force()} are in force")
    house.holds(lifted=(), blocked=("above.example", "www.above.example"))


def test_without_a_worker_the_command_itself_lifts_and_the_worker_goes_on_from_there(house: House) -> None:
    house.lists("alone.example", "kept.example")
    with house.without_worker():
        code, said = pull(house.platform, "y\n", "--entry", "alone.example")
        assert code == 0, said
        assert "No worker published it within 2 s" in said
        assert sorted(TOLD.findall(said)) == ALL, said
        house.holds(lifted=("alone.example",), blocked=("kept.example",))
        for program in house.dns.providers["bind"].programs:
            program.stop()
        try:
            code, said = pull(house.platform, "y\n", "--entry", "kept.example")
        finally:
            for program in house.dns.providers["bind"].programs:
                program.start()
        assert code == 1, said
        assert "mamori: Blocks still, or does not answer: bind." in said
        assert sorted(TOLD.findall(said)) == ["powerdns", "unbound"], said
    house.lists("after.example")
    house.until("kept.example", blocked=False)


def test_a_name_below_a_listed_one_is_not_lifted_and_the_entry_that_blocks_it_is_named(house: House) -> None:
    house.lists("wide.example")
    code, said = pull(house.platform, "y\n", "--entry", "www.wide.example")
    assert code == 2, said
    assert "mamori kill-switch --entry wide.example" in " ".join(said.replace("│", " ").split())
    house.holds(lifted=(), blocked=("wide.example",))


def test_a_page_is_lifted_by_its_address_and_no_resolver_is_waited_for(house: House) -> None:
    house.lists("beside.example", urls=("https://pages.example/1",))
    code, said = pull(house.platform, "y\n", "--entry", "https://pages.example/1")
    assert code == 0, said
    assert "it was pages only" in said
    wait_until(lambda: house.in_force() == {"beside.example"}, 30, lambda: f"{house.in_force()} are in force")
    house.holds(lifted=(), blocked=("beside.example",))


def test_what_the_last_edition_brought_is_lifted_and_then_what_an_earlier_one_did(house: House) -> None:
    first = house.lists("first.example")
    second = house.lists("second.example")
    last = house.lists("one.example", "two.example", urls=("https://pages.example/2",))
    assert first < second < last
    code, said = pull(house.platform, "y\n", "--edition", "last")
    assert code == 0, said
    assert f"What edition {last} brought will be lifted" in said
    assert "3 entries are withdrawn." in said
    assert sorted(TOLD.findall(said)) == ALL, said
    house.holds(lifted=("one.example", "two.example"), blocked=("first.example", "second.example"))
    wait_until(lambda: house.in_force() == {"first.example", "second.example"}, 30, lambda: f"{house.in_force()}")

    code, said = pull(house.platform, "y\n", "--edition", "last")
    assert code == 0, said
    assert "nothing to lift" in said
    assert not TOLD.findall(said)
    house.holds(lifted=(), blocked=("first.example", "second.example"))

    code, said = pull(house.platform, "y\n", "--edition", str(first))
    assert code == 0, said
    assert "1 entries are withdrawn." in said
    assert sorted(TOLD.findall(said)) == ALL, said
    house.holds(lifted=("first.example", "one.example", "two.example"), blocked=("second.example",))
    assert orders(house.platform) == []


def test_the_whole_list_is_lifted_and_comes_back_as_it_was(house: House) -> None:
    names = ("bad.example", "worse.example")
    house.lists(*names)
    try:
        code, said = pull(house.platform, "A grave error in the list\ny\n")
        assert code == 0, said
        assert sorted(TOLD.findall(said)) == ALL, said
        for name in names:
            assert house.says(name) == dict.fromkeys(house.dns.providers, OPEN)
        assert set(house.says(CANARY).values()) == {"A 127.0.0.1"}
    finally:
        inside(house.platform, "staff", LIFT)
    for name in (*names, CANARY.rstrip(".")):
        wait_until(lambda n=name: set(house.says(n).values()) == {"blocked"}, 60, f"{name} is not blocked again")
