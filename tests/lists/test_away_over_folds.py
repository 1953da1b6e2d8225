"""A resolver that was off-line, or could not transfer, while the list changed and was folded: what it answers, and who is told."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import translation

from demo.processes import wait_until
from mamori.ground import jobs
from mamori.lists.distribution import queries, services
from mamori.lists.distribution.knot import Knot
from mamori.lists.distribution.services.subscribers import zone_names
from mamori.lists.distribution.states import Delivery
from tests.lists.at_resolvers import LIST_SECONDS, PROGRAMS, AtResolvers, at_resolvers, watching
from tests.programs import needs

pytestmark = [pytest.mark.django_db, pytest.mark.resolvers, needs(*PROGRAMS)]
ENGINES = {"bind": (Delivery.STOP, 2), "unbound": (Delivery.NXDOMAIN, 2), "powerdns": (Delivery.NXDOMAIN, 2)}
CANARY = "Resolvers do not enforce the list (canary)"
FOLLOW = "Resolvers do not follow the list yet"
LAG = "Subscribers lag behind the list"

# Whether a name was blocked when the resolvers stopped, and is when they start. In between it may be otherwise.
WAS_AND_IS = {
    "stays": (True, True),  # in the base
    "hot": (True, True),  # among the changes since
    "back": (True, True),  # withdrawn before the first fold, listed again before the second
    "late-back": (True, True),  # withdrawn before the second fold, listed again after it: in no base they can get
    "never": (False, False),
    "freed": (False, False),  # withdrawn when they stopped, while their base has it
    "brief": (False, False),  # came before the first fold, went before the second
    "brief-late": (False, False),  # came before the second fold, went after it: in the base they get
    "lifted-1": (True, False),
    "lifted-2": (True, False),
    "lifted-3": (True, False),
    "hot-lifted": (True, False),
    "came-1": (False, True),
    "came-2": (False, True),
    "came-3": (False, True),
    "freed-back": (False, True),
}


def named(*labels: str) -> list[str]:
    return [f"{label}.example" for label in labels]


@pytest.fixture
def resolvers(press, body, person, settings, run_jobs, world_folder: Path) -> Iterator[AtResolvers]:
    folder = world_folder / f"folds-{press.folder.parent.name}"
    with at_resolvers(folder, ENGINES, settings, body, person, run_jobs) as made:
        yield made


def alarms(resolvers: AtResolvers) -> dict[str, int]:
    """What stands on the list desk after another look of the prober and into the primary's log."""
    for sweep in ("distribution.probe", "distribution.following"):
        jobs.run_sweep(sweep)
    with translation.override("en"):
        return {str(one.title): one.count for one in queries.desk(resolvers.body.approver.actor) if one.alarm}


def alarms_end(resolvers: AtResolvers) -> None:
    """By themselves: what was late is asked again after 10 s, then less and less often."""

    def none_is_left() -> bool:
        time.sleep(0.5)
        return not alarms(resolvers)

    wait_until(none_is_left, 40, lambda: f"{alarms(resolvers)} does not end")


def base_arrives(resolvers: AtResolvers, since: int) -> None:
    """Every subscriber took its base zone, as it is, since that many transfers; and the relay's resolver had time to follow."""
    knot = Knot(str(resolvers.world.knot_socket))
    wanted = {}
    for engine, (row, _secret) in zip(resolvers.world.providers, resolvers.subscribers, strict=True):
        zone = zone_names(row)[1]
        wanted[engine, zone] = knot.serial(zone)

    def missing() -> set[tuple[str, str]]:
        had = {(engine, zone, serial) for engine, zone, _kind, serial in resolvers.transfers()[since:]}
        return {key for key, serial in wanted.items() if (*key, serial) not in had}

    wait_until(lambda: not missing(), LIST_SECONDS, lambda: f"{missing()} did not arrive")
    time.sleep(1)


def test_who_was_away_over_two_folds_loses_nothing_and_lifts_nothing_wrongly(resolvers, settings):
    """Polled from the start on: never an answer that the list did not give when they stopped, nor gives now; nor old ones after new ones."""
    names = {f"{label}.example": states for label, states in WAS_AND_IS.items()}
    resolvers.world.host([*names, *(f"www.{name}" for name in names)], "127.77.0.10")
    resolvers.lists(*named("stays", "back", "late-back", "freed", "freed-back", "lifted-1", "lifted-2", "lifted-3"))
    assert services.edition_fold() is not None
    resolvers.changes(comes=named("hot", "hot-lifted"), goes=named("freed", "freed-back"))
    for name, (was, _is) in names.items():
        resolvers.until(name, was, was, was)
    base_arrives(resolvers, 0)

    resolvers.stop()
    asked = settings.PROBE_RESOLVERS
    settings.PROBE_RESOLVERS = {}  # each look at who is silent takes 10 s: one is enough
    resolvers.changes(comes=named("came-1", "brief"), goes=named("lifted-1", "hot-lifted", "back"))
    assert services.edition_fold() is not None
    resolvers.changes(
        comes=named("came-2", "back", "freed-back", "brief-late"), goes=named("lifted-2", "brief", "late-back")
    )
    assert services.edition_fold() is not None
    settings.PROBE_RESOLVERS, settings.LAG_SECONDS = asked, 1
    resolvers.changes(comes=named("came-3", "late-back"), goes=named("lifted-3", "brief-late"))
    found = alarms(resolvers)
    assert (found[CANARY], found[LAG]) == (3, 3)
    assert found[FOLLOW] >= 3

    before = len(resolvers.transfers())
    with watching(resolvers, [each for name in names for each in (name, f"www.{name}")], settings) as watched:
        for provider in resolvers.world.providers.values():
            for program in provider.programs:
                program.start()
        base_arrives(resolvers, before)
        for name, (_was, now) in names.items():
            resolvers.until(name, now, now, now)
        wait_until(lambda: all(len(each.rounds) > 5 for each in watched.values()), 30, "not every resolver answers")
    for engine, each in watched.items():
        for name, states in names.items():
            once = [list(states), [states[1]]] if states[0] != states[1] else [[states[0]]]
            for asked_for in (name, f"www.{name}"):
                assert each.seen(asked_for) in once, (engine, asked_for, states)
    first = {(engine, zone): kind for engine, zone, kind, _serial in reversed(resolvers.transfers()[before:])}
    kinds = {engine: {kind for (whose, _zone), kind in first.items() if whose == engine} for engine in ENGINES}
    assert kinds == {"bind": {"IXFR"}, "unbound": {"IXFR"}, "powerdns": {"AXFR"}}, "PowerDNS keeps no zone"
    for engine in ("bind", "unbound"):
        zones = [zone for whose, zone, _kind, _serial in resolvers.transfers()[before:] if whose == engine]
        assert zones[0].startswith("hot-"), "a new base behind an old hot zone is not promised to be right"
    alarms_end(resolvers)


def test_a_change_and_the_base_of_a_fold_come_by_their_differences_and_open_nothing_meanwhile(resolvers, settings):
    resolvers.lists(*(f"n{number}.example" for number in range(30)), "goes.example")
    assert services.edition_fold() is not None
    base_arrives(resolvers, 0)
    names = {
        "n0.example": True,
        "n29.example": True,
        "came.example": True,
        "goes.example": False,
        "never.example": False,
    }
    resolvers.world.host([*names, *(f"www.{name}" for name in names)], "127.77.0.10")
    before = len(resolvers.transfers())
    resolvers.changes(comes=["came.example"], goes=["goes.example"])
    for name, blocked in names.items():
        resolvers.until(name, blocked, blocked, blocked)
    small = resolvers.transfers()[before:]
    hot = {engine: zone_names(row)[0] for engine, (row, _secret) in zip(ENGINES, resolvers.subscribers, strict=True)}
    assert {(engine, zone, kind) for engine, zone, kind, _serial in small} == {
        (engine, zone, "IXFR") for engine, zone in hot.items()
    }

    with watching(resolvers, [each for name in names for each in (name, f"www.{name}")], settings) as watched:
        wait_until(lambda: all(each.rounds for each in watched.values()), 10, "not every resolver answers")
        assert services.edition_fold() is not None
        base_arrives(resolvers, before)
        wait_until(lambda: all(len(each.rounds) > 5 for each in watched.values()), 30, "not every resolver answers")
    folded = {(engine, zone, kind) for engine, zone, kind, _serial in resolvers.transfers()[before + len(small) :]}
    assert {kind for _engine, _zone, kind in folded} == {"IXFR"}
    assert {engine for engine, zone, _kind in folded if zone != hot[engine]} == set(ENGINES)
    relay = resolvers.world.providers["unbound"].programs[0].log.read_text()
    assert "'nx.list/IN': IXFR started" in relay, "the relay hands the difference on"
    for engine, each in watched.items():
        assert each.without == 0, engine
        for name, blocked in names.items():
            for asked_for in (name, f"www.{name}"):
                assert each.seen(asked_for) == [blocked], (engine, asked_for)


def test_a_subscriber_that_lags_is_an_alarm_until_it_follows_again(resolvers, settings):
    """It answers, and blocks the canary, but the primary lets it transfer nothing."""
    settings.LAG_SECONDS = 1
    resolvers.lists("first.example")
    resolvers.until("first.example", True, True, True)
    assert alarms(resolvers) == {}
    resolvers.world.list.revoke(resolvers.world.providers["powerdns"].key.name)
    resolvers.changes(comes=["came.example"], goes=["first.example"])
    resolvers.until("came.example", True, True, False)
    resolvers.until("first.example", False, False, True)
    assert alarms(resolvers) == {FOLLOW: 2, LAG: 1}
    jobs.run_sweep("distribution.reconcile")
    resolvers.until("came.example", True, True, True)
    resolvers.until("first.example", False, False, False)
    alarms_end(resolvers)
