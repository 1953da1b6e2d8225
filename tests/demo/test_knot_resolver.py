"""The shipped configuration of Knot Resolver: it blocks from a file, follows the file, and lifts."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demo.dns import LOOPBACK, Address, DnsWorld, ask
from demo.knot import DEPLOY, program, render
from demo.processes import Program, free_ports, private_folder, wait_until
from mamori.engine.editions import compile_rpz, zone_text
from tests.programs import needs

pytestmark = [pytest.mark.resolvers, needs("knotd", "knotc", "unbound", "named", "kresd")]
_REST = """
net.listen('127.0.0.1', {port}, {{ kind = 'dns' }})
trust_anchors.remove('.')
modules.unload('ta_signal_query')
cache.size = 10 * MB
policy.add(policy.all(policy.STUB('127.0.0.1@{example}')))
"""


@pytest.fixture
def listed(dns_world: DnsWorld, world_folder: Path) -> Callable[..., None]:
    """Put the names into the file, as `mamori list pull` does: in one step."""
    folder = private_folder(dns_world.base, "dns/kresd")

    def write(*names: str) -> None:
        draft = folder / ".rpz.zone.draft"
        draft.write_text(zone_text(compile_rpz(names, "nxdomain"), "nx.list", 1))
        draft.chmod(0o644)
        draft.rename(folder / "rpz.zone")

    return write


@pytest.fixture
def kresd(dns_world: DnsWorld, listed: Callable[..., None]) -> Iterator[Address]:
    listed("first.example")
    folder, port = private_folder(dns_world.base, "dns/kresd"), free_ports(1)
    config = folder / "kresd.conf"
    shipped = render(DEPLOY / "knot-resolver" / "mamori.conf", {"FILE": str(folder / "rpz.zone")})
    config.write_text(shipped + _REST.format(port=port, example=dns_world.example.port))
    config.chmod(0o644)
    running = Program("kresd", [program("kresd"), "-n", "-c", config, folder], folder)
    running.start()
    try:
        running.wait_ready(lambda: ask((LOOPBACK, port), "stop.mamori.example", timeout=0.3).startswith("A "))
        yield LOOPBACK, port
    finally:
        running.stop()


def test_a_name_is_blocked_though_cached_and_lifted_when_the_file_is_replaced(
    dns_world: DnsWorld, kresd: Address, listed: Callable[..., None]
) -> None:
    names = ["first.example", "www.first.example", "second.example", "www.second.example"]
    dns_world.host(names, "127.77.0.10")
    assert [ask(kresd, name) for name in names] == ["NXDOMAIN"] * 2 + ["A 127.77.0.10"] * 2
    listed("second.example")
    wait_until(lambda: ask(kresd, "second.example") == "NXDOMAIN", 10, "the new file was not loaded")
    assert [ask(kresd, name) for name in names] == ["A 127.77.0.10"] * 2 + ["NXDOMAIN"] * 2
    logs = [log.read_text() for log in (dns_world.base / "dns" / "kresd").glob("*.log")]
    assert logs
    assert not any("second" in log for log in logs)
    dns_world.unhost(names)
