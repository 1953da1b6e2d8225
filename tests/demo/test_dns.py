"""The list reaches both engines, leaves them, and stops with the key: with the shipped configurations."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from demo.dns import NX_ZONE, PORTS_NEEDED, STOP_HOST, STOP_ZONE, DnsWorld, ask
from demo.knot import Key, Record
from demo.processes import WorldError, free_ports, wait_until
from tests.programs import APART, needs, needs_namespace, program

pytestmark = [pytest.mark.resolvers, needs("knotd", "knotc", "unbound", "named", "named-checkconf", "kdig")]
ENGINES = ("unbound", "bind")


def eventually(true: Callable[[], bool], what: str) -> None:
    wait_until(true, 10, what)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_listed_name_is_blocked_though_cached_and_lifted_again(dns_world: DnsWorld, engine: str) -> None:
    provider = dns_world.providers[engine]
    name, below = f"cached-{engine}.example", f"www.cached-{engine}.example"
    dns_world.host([name, below], "127.77.0.10")
    for each in (name, below):
        assert ask(provider.resolver, each) == "A 127.77.0.10"
    dns_world.block(name)
    for each in (name, below):
        eventually(lambda each=each: ask(provider.resolver, each) == provider.blocked, f"{each} was not blocked")
    dns_world.lift(name)
    for each in (name, below):
        eventually(lambda each=each: ask(provider.resolver, each) == "A 127.77.0.10", f"{each} was not lifted")


@needs_namespace
def test_the_relay_hears_the_primary_outside_and_answers_the_resolver_alone(tmp_path: Path) -> None:
    """The layout of the guide, in a network of its own where the machine has an outer address."""
    assert APART is not None, "unshare -mn is not allowed here"
    done = subprocess.run(
        [*APART, sys.executable, "-m", "tests.demo.relay_outside"],
        cwd=Path(__file__).resolve().parents[2], capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert max(told["blocked"] + told["lifted"]) < 5, "announced: a look of its own takes up to 60 s"
    assert told["strangers"] == {
        "SOA": "REFUSED", "AXFR": "REFUSED", "NOTIFY": "REFUSED", "signed NOTIFY": "NOERROR",
    }, "the primary's word is known by its key, from wherever it comes"  # fmt: skip
    assert told["loopback"] == "NOERROR"


def test_each_engine_blocks_its_own_way(dns_world: DnsWorld) -> None:
    assert dns_world.providers["unbound"].blocked == "NXDOMAIN"
    assert dns_world.providers["bind"].blocked == f"CNAME {STOP_HOST}"
    assert ask(dns_world.resolvers["bind"], "canary.mamori.example", "AAAA") == f"CNAME {STOP_HOST}"
    assert ask(dns_world.resolvers["bind"], STOP_HOST) == "A 127.0.0.1"


def test_names_outside_the_world_are_never_resolved(dns_world: DnsWorld) -> None:
    for resolver in dns_world.resolvers.values():
        assert ask(resolver, "www.elsewhere.zz") == "SERVFAIL"
    for name in ("www.elsewhere.zz", "example", "a b.example", "a\nb.example", "$ORIGIN.example"):
        with pytest.raises(WorldError, match=r"under \.example"):
            dns_world.host([name])


def test_a_revoked_key_transfers_nothing_and_gets_no_news(dns_world: DnsWorld) -> None:
    provider = dns_world.providers["bind"]
    name = "after-revocation.example"
    dns_world.host([name])
    assert transfer(dns_world, provider.key, STOP_ZONE)
    dns_world.list.revoke(provider.key.name)
    try:
        assert not transfer(dns_world, provider.key, STOP_ZONE)
        dns_world.block(name)
        unbound = dns_world.providers["unbound"]
        eventually(lambda: ask(unbound.resolver, name) == unbound.blocked, "the other provider went without")
        assert ask(provider.resolver, name).startswith("A ")
    finally:
        dns_world.subscribe(provider)
    assert transfer(dns_world, provider.key, STOP_ZONE)
    dns_world.lift(name)


def test_a_key_opens_only_its_own_zone_and_no_key_opens_none(dns_world: DnsWorld) -> None:
    key = Key.new("one-zone")
    dns_world.list.subscribe(key, [NX_ZONE])
    assert transfer(dns_world, key, NX_ZONE)
    assert not transfer(dns_world, key, STOP_ZONE)
    assert not transfer(dns_world, Key(key.name, Key.new("other").secret), NX_ZONE)
    assert not transfer(dns_world, None, NX_ZONE)
    dns_world.list.revoke(key.name)
    assert not transfer(dns_world, key, NX_ZONE)


def test_a_transaction_with_one_bad_record_changes_nothing(dns_world: DnsWorld) -> None:
    before = dns_world.list.zone(NX_ZONE)
    with pytest.raises(WorldError, match="knotc"):
        dns_world.list.transaction(
            NX_ZONE, add=[Record("good.example", 60, "CNAME", "."), Record("bad.example", 60, "CNAME", "two words")]
        )
    assert dns_world.list.zone(NX_ZONE) == before
    dns_world.block("next.example")
    dns_world.lift("next.example")
    assert dns_world.list.zone(NX_ZONE) == before


def test_list_keys_and_names_outlive_kill_9_of_knot(dns_world: DnsWorld) -> None:
    key = Key.new("survivor")
    dns_world.list.subscribe(key, [NX_ZONE])
    dns_world.block("survivor.example")
    before = dns_world.list.zone(NX_ZONE)
    dns_world.list.kill9()
    dns_world.list.start()
    assert dns_world.list.zone(NX_ZONE) == before
    assert transfer(dns_world, key, NX_ZONE)
    dns_world.list.revoke(key.name)
    dns_world.lift("survivor.example")


def test_resolvers_log_neither_questions_nor_clients(dns_world: DnsWorld) -> None:
    name = "quietly-asked.example"
    dns_world.host([name])
    for engine, provider in dns_world.providers.items():
        ask(provider.resolver, name)
        ask(provider.resolver, "missing-and-quiet.example")
        ask(provider.resolver, "canary.mamori.example")
        for log in (dns_world.base / "dns" / engine).glob("*.log"):
            text = log.read_text()
            assert "quiet" not in text
            assert "canary" not in text


def test_secrets_stay_off_command_lines_and_out_of_others_files(dns_world: DnsWorld) -> None:
    for provider in dns_world.providers.values():
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                assert provider.key.secret.encode() not in entry.read_bytes()
            except OSError:
                continue
    for path in (dns_world.base / "dns").rglob("*.conf"):
        assert path.stat().st_mode & 0o077 == 0


def test_shipped_bind_configurations_pass_its_own_check(dns_world: DnsWorld) -> None:
    for engine in ("bind", "relay"):
        main = dns_world.base / "dns" / engine / "named.conf"
        done = subprocess.run([program("named-checkconf"), str(main)], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, "")


def transfer(world: DnsWorld, key: Key | None, zone: str) -> bool:
    """Whether the whole zone is handed out to the holder of a key."""
    argv = [program("kdig"), "+tcp", "+retry=0", "@127.0.0.1", "-p", str(world.list.port), zone, "AXFR"]
    if key:
        argv += ["-y", f"hmac-sha256:{key.name}:{key.secret}"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return " SOA" in done.stdout.replace("\t", " ") and "TRANSFER FAILED" not in done.stdout.upper()


def test_providers_whose_keys_are_let_in_later_get_the_list_then(world_folder: Path) -> None:
    """With keys given, letting in is Mamori's part: nothing is blocked before, everything soon after."""
    keys = {engine: Key.new(f"given-{engine}") for engine in ENGINES}
    with DnsWorld(world_folder / "given", free_ports(PORTS_NEEDED), keys=keys) as world:
        name = "later.example"
        world.host([name])
        world.block(name)
        for provider in world.providers.values():
            assert ask(provider.resolver, name).startswith("A ")
            world.list.subscribe(provider.key, [provider.zone], provider.notified)
        world.block("another.example")
        for provider in world.providers.values():
            eventually(lambda p=provider: ask(p.resolver, name) == p.blocked, f"{provider.engine} did not get the list")
