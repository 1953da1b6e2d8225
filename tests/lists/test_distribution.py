"""Editions: gate, signatures, files, and the real thing: Knot, Unbound and BIND."""

import io
import shutil
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

import dns.exception
import dns.query
import dns.tsig
import dns.tsigkeyring
import dns.xfr
import dns.zone
import pytest
import typer
from django.db import IntegrityError, transaction
from django.utils import translation
from urllib3 import HTTPResponse

from demo.dns import CANARY, DnsWorld, ask
from demo.processes import PATIENCE
from mamori.engine.editions import EditionRefused, Record, blocked_owners, compile_rpz, name_key, read_edition
from mamori.ground import clock, jobs
from mamori.ground.accounts.models import Organisation
from mamori.ground.accounts.services import token_create
from mamori.ground.actors import SYSTEM, Role
from mamori.ground.errors import DomainError, Forbidden
from mamori.lists.distribution import queries, roundtrip, services, store
from mamori.lists.distribution.commands import rebuild
from mamori.lists.distribution.control import Control, KnotError
from mamori.lists.distribution.knot import Knot, Large
from mamori.lists.distribution.models import Edition, KillOrder, KnotState, Probe, Subscriber
from mamori.lists.distribution.services import primary
from mamori.lists.distribution.services.tsig import key_name
from mamori.lists.distribution.states import Delivery
from mamori.lists.listing import services as listing
from mamori.lists.listing.models import Entry
from mamori.lists.listing.states import Method
from mamori.site import settings as site
from mamori.site.doctor import examine
from mamori.tools.pull import Zone, pull
from tests.lists.cases import in_force, listable, lose
from tests.programs import needs

pytestmark = pytest.mark.django_db
resolvers = [pytest.mark.resolvers, needs("knotd", "knotc", "unbound", "named", "named-checkzone", "pdns_recursor")]
URL = "https://bad.example/board/1"


@pytest.fixture
def real(press, settings, dns_world: DnsWorld) -> DnsWorld:
    """A publisher before the world's primary; the zones hold nothing but the canary when the test ends."""
    settings.KNOT_SOCKET = str(dns_world.knot_socket)
    settings.PROBE_RESOLVERS = {name: f"{host}:{port}" for name, (host, port) in dns_world.resolvers.items()}
    dns_world.host(["bad.example", "www.bad.example", "other.example", "canary.mamori.example"])
    services.edition_publish(refresh=True)
    return dns_world


def serial_of(knot: Knot) -> int:
    """The serial of nx.list, which is left as it is."""
    return knot.sync("nx.list", knot.read("nx.list")).serial


def wait(what, seconds: float = 5.0) -> float:
    start = time.monotonic()
    while not what():
        assert time.monotonic() - start < PATIENCE * seconds, "it did not become true in time"
        time.sleep(0.005)
    return time.monotonic() - start


def test_an_edition_holds_what_two_persons_signed_and_a_subscriber_can_verify_it(press, body, person, run_jobs):
    body.list(listable(URL, person))
    body.list(listable("https://other.example/page", person), Method.URL)
    run_jobs()
    version = store.current(press.folder)
    read = read_edition(store.read(press.folder, version), press.root, clock.now())
    assert (read.names(), read.urls()) == ({"bad.example"}, {"https://other.example/page"})
    row = queries.in_force()
    assert (row.version, row.names, row.urls) == (version, 1, 1)
    assert services.edition_publish() is None, "nothing changed"


def test_the_last_entry_may_go_without_the_kill_switch(press, body, person, run_jobs):
    content_id = listable(URL, person)
    entry = body.list(content_id)
    run_jobs()
    listing.content_gone(content_id=content_id)
    run_jobs()
    entry.refresh_from_db()
    assert (in_force(press), entry.state) == (set(), "removed")
    again = body.list(content_id)
    run_jobs()
    again.refresh_from_db()
    assert in_force(press) == {"bad.example"}


def test_what_one_edition_brought_is_taken_back_by_one_person_and_nothing_else(
    press, body, person, run_jobs, browser_of
):
    body.list(listable("https://stays.example/1", person))
    run_jobs()
    before = queries.in_force().version
    mistaken = [body.list(listable(f"https://{name}.example/1", person)) for name in ("one", "two")]
    services.edition_publish()
    wrong = queries.in_force().version
    version, brought = queries.added_by()
    assert (version, set(brought)) == (wrong, {"one.example", "two.example"})
    browser = browser_of(body.reviewer)
    assert "take-back" in browser.get(f"/editions/{wrong}/").content.decode()
    english = {"accept-language": "en"}
    assert "lifted everywhere" in browser.get(f"/editions/{wrong}/take-back/", headers=english).content.decode()
    assert in_force(press) == {"stays.example", "one.example", "two.example"}, "asking changes nothing"
    browser.post(f"/editions/{wrong}/take-back/")
    run_jobs()
    assert in_force(press) == {"stays.example"}
    assert {Entry.objects.get(id=entry.id).state for entry in mistaken} == {"removed"}
    for version, status in ((9999, 404), (before, 302)):
        assert browser_of(body.approver).post(f"/editions/{version}/take-back/").status_code == status
    with pytest.raises(DomainError):
        services.edition_withdraw(actor=person(Role.ANALYST).actor, version=before)


def test_of_many_facts_at_once_one_publication_is_enough(press, body, person, run_jobs, monkeypatch):
    published, publish = [], services.edition_publish
    monkeypatch.setattr(services, "edition_publish", lambda: published.append(publish()))
    for number in range(4):
        body.list(listable(f"https://n{number}.example/1", person))
    run_jobs()
    assert len(in_force(press)) == 4
    assert len(published) == 1


def test_a_refused_edition_leaves_the_last_good_one_says_why_and_holds_no_ending_back(
    press, body, person, run_jobs, settings, browser_of
):
    gone = listable(URL, person)
    body.list(gone)
    body.list(listable("https://stays.example/1", person))
    run_jobs()
    settings.LIST_MAX_ADDED = 1
    for name in ("one", "two"):
        body.list(listable(f"https://{name}.example/1", person))
    listing.content_gone(content_id=gone)
    run_jobs()
    assert in_force(press) == {"stays.example"}
    refused = Edition.objects.filter(state="refused").get()
    assert refused.refusals[0]["code"] == "too_many_additions"
    assert services.edition_publish() is None
    assert Edition.objects.filter(state="refused").count() == 1, "told once"
    for user in (body.reviewer, body.approver):
        page = browser_of(user).get("/list/", headers={"accept-language": "en"}).content.decode()
        assert "With this edition 4 entries are added within a day; at most 1 may be." in page
    settings.LIST_MAX_ADDED = 1000
    services.edition_publish()
    assert in_force(press) == {"stays.example", "one.example", "two.example"}
    assert not Entry.objects.exclude(refused=[]).exists()


@pytest.mark.parametrize(
    "target", ["evil.example\n$GENERATE 1-9 x$ CNAME .", "$ORIGIN", "*.example", "32.1.2.0.192.rpz-ip", "x.example.",
               "example", "gоv.example", "192.0.2.1", "a" * 64 + ".example"]
)  # fmt: skip
def test_a_row_changed_in_the_database_never_reaches_an_edition(press, body, person, run_jobs, target):
    body.list(listable("https://stays.example/1", person))
    run_jobs()
    entry = body.list(listable(URL, person))
    Entry.objects.filter(id=entry.id).update(target=target)
    run_jobs()
    assert in_force(press) == {"stays.example"}
    codes = {each["code"] for each in Edition.objects.get(state="refused").refusals}
    assert "no_activation" in codes and any(code.startswith("name_") for code in codes)


def test_an_entry_put_into_the_database_without_signatures_is_refused(press, body, person, run_jobs):
    entry = body.propose(listable(URL, person))
    Entry.objects.filter(id=entry.id).update(state="active", activator=body.both, activated_at=clock.now())
    services.edition_publish()
    assert in_force(press) == set()
    assert Edition.objects.get(state="refused").refusals[0]["code"] == "too_few_persons"


def test_notes_changed_in_the_database_are_put_right_by_the_signed_list(press, body, person, run_jobs):
    stays, goes = (body.list(listable(f"https://{name}.example/1", person)) for name in ("stays", "goes"))
    run_jobs()
    Entry.objects.filter(id=goes.id).update(listed=False)
    listing.entry_withdraw(actor=body.approver.actor, entry_id=goes.id)
    run_jobs()
    assert in_force(press) == {"stays.example", "goes.example"}
    Entry.objects.filter(id=stays.id).update(listed=False)
    services.edition_publish(refresh=True)
    assert in_force(press) == {"stays.example"}
    stays.refresh_from_db()
    assert stays.listed


def test_expiry_needs_no_signature_of_a_person(press, body, person, run_jobs, frozen):
    body.list(listable(URL, person))
    run_jobs()
    frozen.shift(timedelta(days=90))
    jobs.run_sweep("listing.expire")
    run_jobs()
    assert in_force(press) == set()


def test_the_kill_switch_empties_at_once_and_another_person_brings_it_back(press, body, person, run_jobs, browser_of):
    body.list(listable(URL, person))
    run_jobs()
    browser = browser_of(body.approver)
    assert browser.post("/editions/kill/", {"reason": "An error", "word": "no"}).status_code == 422
    assert in_force(press) == {"bad.example"}
    assert browser.post("/editions/kill/", {"reason": "An error", "word": "empty"}).status_code == 302
    run_jobs()
    assert in_force(press) == set() and queries.in_force().kill_id
    services.edition_publish(refresh=True)
    assert in_force(press) == set(), "it stays empty"
    with pytest.raises(DomainError, match="second_person_needed"), transaction.atomic():
        services.kill_lift(actor=body.approver.actor)
    with pytest.raises(IntegrityError), transaction.atomic():
        KillOrder.objects.update(lifted_by=body.approver, lifted_at=clock.now())
    with pytest.raises(Forbidden):
        services.kill_switch(actor=body.reviewer.actor, reason="I may not")
    services.kill_lift(actor=body.both.actor)
    run_jobs()
    assert in_force(press) == {"bad.example"}


def test_the_last_edition_that_brought_something_is_not_the_one_that_brought_the_list_back(
    press, body, person, run_jobs
):
    body.list(listable(URL, person))
    run_jobs()
    brought = queries.in_force().version
    services.kill_switch(actor=SYSTEM, reason="A grave error")
    services.edition_publish()
    services.kill_lift(actor=body.approver.actor)
    services.edition_publish()
    assert queries.in_force().version > brought
    assert queries.added_by() == (brought, ["bad.example"])
    assert services.edition_withdraw(actor=SYSTEM, version=brought) == 1


def test_a_long_list_comes_back_after_the_kill_switch(press, body, person, run_jobs, settings):
    analysts = person(Role.ANALYST), person(Role.ANALYST)
    from tests.lists.cases import checked, confirmed, told_to_police, tried

    for number in range(6):
        content_id = confirmed(f"https://n{number}.example/", *analysts)
        told_to_police(content_id)
        checked(content_id)
        tried(content_id)
        body.list(content_id)
        run_jobs()
    settings.LIST_MAX_ADDED = 3
    services.kill_switch(actor=SYSTEM, reason="at the machine")
    run_jobs()
    assert in_force(press) == set()
    services.kill_lift(actor=body.approver.actor)
    run_jobs()
    assert len(in_force(press)) == 6


def test_a_publisher_that_died_between_the_steps_is_taken_up(press, body, person, run_jobs):
    body.list(listable(URL, person))
    run_jobs()
    row = queries.in_force()
    Edition.objects.filter(id=row.id).update(state="signed", published_at=None)
    services.edition_publish()
    row.refresh_from_db()
    assert row.state == "published"
    lost = Edition.objects.create(version=99, state="signed", digest="x", built_at=clock.now())
    services.edition_publish()
    lost.refresh_from_db()
    assert lost.state == "abandoned" and in_force(press) == {"bad.example"}


def test_a_quiet_list_is_signed_anew_each_day_and_old_signatures_expire(press, body, person, run_jobs, frozen):
    body.list(listable(URL, person))
    run_jobs()
    first = store.current(press.folder)
    jobs.run_sweep("distribution.refresh")
    assert store.current(press.folder) == first
    frozen.shift(timedelta(days=1, minutes=1))
    jobs.run_sweep("distribution.refresh")
    assert store.current(press.folder) == first + 1
    with pytest.raises(EditionRefused):
        read_edition(store.read(press.folder, first), press.root, clock.now() + timedelta(days=7))


def test_subscribers_of_the_url_list_fetch_the_signed_files_with_their_token(
    press, body, person, run_jobs, client, settings, tmp_path
):
    body.list(listable(URL, person), Method.URL)
    run_jobs()
    subscriber, secret = services.subscriber_add(
        actor=person(Role.OPERATOR).actor, organisation="A provider", delivery=Delivery.URL
    )

    settings.MIDDLEWARE = [*site._COMMON, *site._PARTNER]
    settings.ROOT_URLCONF = "mamori.site.urls_partner"

    def get(path, token=secret, **headers):
        return client.get(f"/api/v1/list/editions/{path}", headers={"authorization": f"Bearer {token}"} | headers)

    head = get("current").json()
    assert head["version"] == store.current(press.folder) and "timestamp.json" in head["files"]
    files = {name: get(f"{head['version']}/{name}") for name in head["files"]}
    contents = {name: b"".join(answer.streaming_content) for name, answer in files.items()}
    assert read_edition(contents, press.root, clock.now()).urls() == {URL}
    etag = files["targets.json"]["ETag"]
    assert get(f"{head['version']}/targets.json", **{"if-none-match": etag}).status_code == 304
    for path in ("9999/targets.json", f"{head['version']}/..%2Fx", f"{head['version']}/rule.pem", "0/targets.json"):
        assert get(path).status_code == 404

    class Through:
        """`mamori list pull` asks this face."""

        def get(self, path):
            answer = client.get(f"/api/v1{path}", headers={"authorization": f"Bearer {secret}"})
            body = b"".join(answer.streaming_content) if answer.streaming else answer.content
            return HTTPResponse(io.BytesIO(body), answer.headers, answer.status_code, preload_content=False)

    got = pull(Through(), tmp_path / "out", press.root, ["urls.csv"], zone=Zone("nx.list"), progress=lambda *_: None)
    assert (got.edition, got.names, got.urls, got.changed) == (head["version"], 0, 1, ("urls.csv",))
    assert URL in (tmp_path / "out" / "urls.csv").read_text()
    other = token_create(actor=SYSTEM, organisation_id=Organisation.objects.get(name="A provider").id, title="x",
                         scopes=["reports.write"])  # fmt: skip
    assert get("current", other).status_code == 403
    services.subscriber_revoke(actor=person(Role.OPERATOR).actor, subscriber_id=subscriber.id)
    assert get("current").status_code == 401


# --- with the real programs --------------------------------------------------------------------------------------


class TestWithResolvers:
    pytestmark = resolvers

    def test_listed_names_are_blocked_and_lifted_in_unbound_and_bind(self, real, press, body, person, run_jobs):
        content_id = listable(URL, person)
        for provider in real.providers.values():
            wait(lambda p=provider: ask(p.resolver, CANARY) == p.blocked)
            assert ask(provider.resolver, "bad.example").startswith("A "), "warm cache"
        entry = body.list(content_id)
        run_jobs()
        for provider in real.providers.values():
            for name in ("bad.example", "www.bad.example"):
                assert ask(provider.resolver, name) == provider.blocked
        effects = queries.effects_of(entry.id)
        assert {e.resolver for e in effects} == set(real.providers) and all(0 < e.seconds < 5 for e in effects)
        listing.content_gone(content_id=content_id)
        run_jobs()
        for provider in real.providers.values():
            assert ask(provider.resolver, "bad.example").startswith("A ")
        lifted = [e for e in queries.effects_of(entry.id) if not e.blocked]
        assert len(lifted) == len(real.providers) and all(e.seconds is not None for e in lifted)
        entry.refresh_from_db()
        assert entry.state == "removed"

    def test_from_activation_to_effective_takes_at_most_a_second(self, real, body, person, run_jobs):
        taken = []
        for number in range(5):
            content_id = listable(f"https://quick{number}.example/", person)
            real.host([f"quick{number}.example"])
            for provider in real.providers.values():
                ask(provider.resolver, f"quick{number}.example")
            entry = body.list(content_id)
            run_jobs()
            taken += [effect.seconds for effect in queries.effects_of(entry.id)]
        print("activation to effective", sorted(round(s, 3) for s in taken))
        assert statistics.median(taken) <= 1.0

    def test_the_kill_switch_lifts_every_block(self, real, body, person, run_jobs):
        body.list(listable(URL, person))
        run_jobs()
        services.kill_switch(actor=body.approver.actor, reason="A grave error")
        run_jobs()
        for provider in real.providers.values():
            for name in ("bad.example", CANARY):
                wait(lambda p=provider, n=name: ask(p.resolver, n).startswith("A "))
        services.kill_lift(actor=body.both.actor)
        run_jobs()
        for provider in real.providers.values():
            wait(lambda p=provider: ask(p.resolver, "bad.example") == p.blocked)

    @pytest.mark.parametrize("zone", ["nx.list", "hot-nx.list"])
    def test_a_damaged_primary_is_healed(self, real, body, person, run_jobs, zone):
        body.list(listable(URL, person))
        run_jobs()
        knot = Knot(str(real.knot_socket))
        wanted = knot.read(zone)
        knot.sync(zone, frozenset({Record("stranger.example", ".")}))
        KnotState.objects.update(checked_at=clock.now() - timedelta(minutes=1))
        jobs.run_sweep("distribution.reconcile")
        assert knot.read(zone) == wanted
        real.list.ctl([f"zone-purge -f {zone}."])
        KnotState.objects.update(checked_at=clock.now() - timedelta(minutes=1))
        jobs.run_sweep("distribution.reconcile")
        assert knot.read(zone) == wanted
        assert KnotState.objects.get(zone=zone).healed_at
        real.host(["after-healing.example"])
        body.list(listable("https://after-healing.example/", person))
        run_jobs()
        for provider in real.providers.values():
            wait(lambda p=provider: ask(p.resolver, "after-healing.example") == p.blocked)

    @pytest.mark.parametrize("way", ["transactions", "files"])
    def test_large_zones_are_brought_to_what_is_wanted_from_whatever_they_hold(self, real, monkeypatch, way):
        monkeypatch.setattr("mamori.lists.distribution.knot.LARGE", 10)
        monkeypatch.setattr("mamori.lists.distribution.knot.PIECE", 7)
        knot = Knot(str(real.knot_socket), real.handover if way == "files" else None)
        handed_over, whole = [], []
        hand_over, reading = Knot._hand_over, Knot._reading
        monkeypatch.setattr(Knot, "_hand_over", lambda *given: handed_over.append(given[2]) or hand_over(*given))
        monkeypatch.setattr(Knot, "_reading", lambda self, zone: whole.append(zone) or reading(self, zone))
        zones = [Large("large.list", ".", 7), Large("other.list", "stop.mamori.example.", 7)]

        def owners_of(names: Iterable[str]) -> Callable[[], Iterable[str]]:
            return lambda: blocked_owners(sorted(names, key=name_key))

        def holds(names: Iterable[str]) -> bool:
            return all(
                knot.read(one.zone) == {Record(owner, one.target) for owner in owners_of(names)()} for one in zones
            )

        first = {f"n{number}.example" for number in range(20)}
        then = first - {"n3.example", "n7.example"} | {"m1.example", "below.m2.example"}
        for one in zones:
            knot.add_zone(one.zone)
        try:
            made = knot.sync_large(zones, owners_of(first))
            assert {(each.records, each.changed) for each in made.values()} == {(40, 40)}
            assert holds(first)
            assert all(made[one.zone].serial == knot.serial(one.zone) > 7 for one in zones)
            whole.clear()
            left = [one._replace(held=made[one.zone].serial) for one in zones]
            made = knot.sync_large(left, owners_of(then), owners_of(first))
            assert {(each.records, each.changed) for each in made.values()} == {(40, 8)}
            assert whole == [], "what was left as it is need not be read"
            assert holds(then)
            assert {each.changed for each in knot.sync_large(zones, owners_of(then)).values()} == {0}
            for strange in (frozenset({Record("n2.example", "other.example.")}), frozenset({Record("z.example", ".")})):
                knot.sync("large.list", strange)  # somebody else
                left = [one._replace(held=made[one.zone].serial) for one in zones]
                made = knot.sync_large(left, owners_of(then), owners_of(then))
                assert [made[one.zone].changed for one in zones] == [40 if way == "files" else 41, 0], "many: made anew"
                assert holds(then)
            real.list.stop()
            real.list.start()
            assert holds(then), "and the journal has it"
            later = knot.serial("large.list") + 1000
            made = knot.sync_large([one._replace(after=later) for one in zones], owners_of(then))
            assert all(each.serial > later for each in made.values()), "subscribers have seen a higher number"
            assert len(handed_over) == (5 if way == "files" else 0)
            assert not list(real.handover.iterdir())
            assert not [line for line in real.list.ctl(["conf-read zone"]) if "zonefile-load" in line]
        finally:
            for one in zones:
                knot.drop_zone(one.zone)

    @pytest.mark.parametrize("way", ["transactions", "files"])
    def test_a_zone_that_lacks_a_record_afterwards_is_no_success(self, real, monkeypatch, way):
        monkeypatch.setattr("mamori.lists.distribution.knot.LARGE", 10)
        knot = Knot(str(real.knot_socket), real.handover if way == "files" else None)
        large = [Large("lossy.list", ".")]
        some, more = ([f"{letter}{number}.example" for number in range(10)] for letter in "nm")

        def owners_of(names: list[str]) -> Callable[[], Iterable[str]]:
            return lambda: blocked_owners(sorted(names, key=name_key))

        knot.add_zone("lossy.list")
        try:
            said = Control.take

            def forgetful(control: Control) -> dict[str, str] | None:
                """What Knot says, without one of the records."""
                while (answer := said(control)) is not None and answer.get("owner") == "n1.example.lossy.list.":
                    pass
                return answer

            @contextmanager
            def losing() -> Iterator[None]:
                with monkeypatch.context() as patched:
                    patched.setattr(Control, "take", forgetful)
                    patched.setattr(Control, "skip", lambda self, expected: False)
                    yield

            refused = {"match": r"lossy\.list does not hold what was published"}
            with losing(), pytest.raises(KnotError, **refused):  # a new one
                knot.sync_large(large, owners_of(some))
            made = knot.sync_large(large, owners_of(more))["lossy.list"]
            with losing(), pytest.raises(KnotError, **refused):  # one as it was left
                knot.sync_large([large[0]._replace(held=made.serial)], owners_of(some[:4] + more), owners_of(more))
            knot.sync("lossy.list", frozenset())
            with losing(), pytest.raises(KnotError, **refused):
                knot.sync("lossy.list", compile_rpz(some[:5], "nxdomain"))
            with losing():
                knot.sync("lossy.list", compile_rpz(some[2:7], "nxdomain"))
        finally:
            knot.drop_zone("lossy.list")

    @pytest.mark.parametrize(
        "meanwhile",
        [
            ["zone-unset meddled.list. new.example CNAME", "zone-set meddled.list. new.example 60 CNAME other."],
            ["zone-unset meddled.list. new.example CNAME", "zone-set meddled.list. new.example 60 TXT stray"],
            [
                "zone-unset meddled.list. new.example CNAME",
                *(f"zone-set meddled.list. new.example 60 {kind}" for kind in ("TXT stray", "A 192.0.2.1")),
            ],
            ["zone-set meddled.list. old.example 60 CNAME ."],
            ["zone-set meddled.list. *.old.example 60 TXT stray"],
            ["zone-unset meddled.list. new.example CNAME"],
        ],
    )
    def test_what_somebody_changes_between_the_change_and_the_look_is_no_success(self, real, meanwhile):
        knot = Knot(str(real.knot_socket))
        knot.add_zone("meddled.list")
        try:
            knot.sync("meddled.list", compile_rpz(["old.example", "kept.example"], "nxdomain"))
            wanted = {"meddled.list": (compile_rpz(["new.example", "kept.example"], "nxdomain"), 0, None)}

            def meddle(_serials: Mapping[str, int]) -> None:
                real.list.ctl(["zone-begin meddled.list.", *meanwhile])
                real.list.ctl(["zone-commit meddled.list."])

            with pytest.raises(KnotError, match=r"meddled\.list does not hold what was published"):
                knot.sync_all(wanted, meddle)
            assert knot.sync_all(wanted)["meddled.list"].changed
            assert knot.read("meddled.list") == wanted["meddled.list"][0]
        finally:
            knot.drop_zone("meddled.list")

    def test_a_hot_zone_as_we_left_it_is_not_read_and_one_that_somebody_changed_is(
        self, real, body, person, monkeypatch
    ):
        read, reading = [], Knot._reading
        monkeypatch.setattr(Knot, "_reading", lambda self, zone: read.append(zone) or reading(self, zone))
        body.list(listable(URL, person))
        services.edition_publish()
        read.clear()
        body.list(listable("https://other.example/", person))
        services.edition_publish()
        assert read == []
        knot = Knot(str(real.knot_socket))
        knot.sync("hot-nx.list", frozenset({Record("stranger.example", ".")}))
        read.clear()
        body.list(listable("https://later.example/", person))
        services.edition_publish()
        assert read == ["hot-nx.list"]
        owners = {record.owner for record in knot.read("hot-nx.list")}
        assert {"bad.example", "other.example", "later.example"} <= owners
        assert "stranger.example" not in owners

    def test_a_record_of_another_kind_or_ttl_does_not_stay(self, real):
        knot = Knot(str(real.knot_socket))
        good = compile_rpz(["good.example"], "nxdomain")
        knot.add_zone("mixed.list")
        try:
            knot.sync("mixed.list", good)
            strange = [
                'text 60 TXT "a b"',
                'text 60 TXT "c"',
                "@ 60 TXT x",
                "short.example 5 CNAME .",
                "host 60 A 192.0.2.1",
            ]
            real.list.ctl(["zone-begin mixed.list", *(f"zone-set mixed.list {record}" for record in strange)])
            real.list.ctl(["zone-commit mixed.list"])
            assert len(knot.read("mixed.list")) == len(good | set(strange))
            assert knot.sync("mixed.list", good | compile_rpz(["short.example"], "nxdomain")).changed == 7
            assert knot.read("mixed.list") == good | compile_rpz(["short.example"], "nxdomain")
        finally:
            knot.drop_zone("mixed.list")

    def test_a_transaction_of_one_who_died_is_ended(self, real):
        knot = Knot(str(real.knot_socket))
        knot.add_zone("open.list")
        try:
            real.list.ctl(["zone-begin open.list"])
            with pytest.raises(KnotError, match=r"open\.list: too many transactions"):
                knot.sync("open.list", compile_rpz(["a.example"], "nxdomain"))
            assert knot.sync("open.list", compile_rpz(["a.example"], "nxdomain")).changed == 2
        finally:
            knot.drop_zone("open.list")

    def test_a_zone_goes_although_a_transaction_of_it_is_open(self, real):
        """Knot 3.2.6 dies when one goes without that."""
        knot = Knot(str(real.knot_socket))
        for number in range(3):
            knot.add_zone("open.list")
            knot.sync("open.list", compile_rpz([f"n{number}.example"], "nxdomain"))
            real.list.ctl(["zone-begin open.list", "zone-set open.list a.example 60 CNAME ."])
            knot.drop_zone("open.list")
            assert "open.list" not in knot.zones()
        real.list.ctl(["conf-begin"])
        with pytest.raises(KnotError, match="too many transactions"):
            knot.add_zone("open.list")
        assert "open.list" not in knot.zones()
        knot.add_zone("open.list")
        knot.drop_zone("open.list")

    def test_a_fold_moves_changes_into_the_base_and_nobody_sees_it(self, real, press, body, person, run_jobs):
        real.host(
            [
                f"{name}.example"
                for name in ("deep.kept.lifted", "other.lifted", "kept.lifted", "lifted", "stays", "later")
            ]
        )
        lifted, below, stays = (
            body.list(listable(f"https://{name}.example/", person)) for name in ("lifted", "kept.lifted", "stays")
        )
        run_jobs()
        services.edition_fold()
        knot = Knot(str(real.knot_socket))
        base = {record.owner for record in knot.read("nx.list")}
        assert {"lifted.example", "*.lifted.example", "stays.example"} <= base
        assert "kept.lifted.example" not in base, "what lies below a listed name is blocked by it"
        assert {record.owner for record in knot.read("hot-nx.list")} >= {"lifted.example", "stays.example"}
        assert services.edition_fold() is None, "nothing changed since"
        listing.entry_withdraw(actor=body.approver.actor, entry_id=lifted.id)
        body.list(listable("https://later.example/", person))
        run_jobs()
        told = {"lifted": False, "other.lifted": False, "kept.lifted": True, "deep.kept.lifted": True,
                "stays": True, "later": True}  # fmt: skip

        def as_told(provider) -> bool:
            found = {name: ask(provider.resolver, f"{name}.example") == provider.blocked for name in told}
            return found == told

        for _fold in range(2):
            for provider in real.providers.values():
                wait(lambda p=provider: as_told(p))
            services.edition_fold()
        assert in_force(press) == {"kept.lifted.example", "stays.example", "later.example"}
        assert (queries.in_force().names, queries.in_force().base) == (3, queries.in_force().version)
        assert "lifted.example" not in {record.owner for record in knot.read("nx.list")}
        for entry in (below, stays):
            listing.entry_withdraw(actor=body.approver.actor, entry_id=entry.id)
        run_jobs()
        assert in_force(press) == {"later.example"}

    def test_a_rebuilt_list_that_a_program_holds_otherwise_does_not_go_out(
        self, real, press, body, person, run_jobs, monkeypatch, browser_of, capsys
    ):
        body.list(listable("https://stays.example/", person))
        run_jobs()
        before, held = queries.in_force().version, Knot(str(real.knot_socket)).read("nx.list")
        meant, written = primary.base_records, roundtrip.zone_lines
        lost = Record("lost.example", ".")
        monkeypatch.setattr(primary, "base_records", lambda *asked: [*meant(*asked), lost])
        monkeypatch.setattr(  # what the programs are given is a name less
            roundtrip, "zone_lines", lambda zone, records: written(zone, [one for one in records if one != lost])
        )
        assert services.edition_fold() is None
        assert (queries.in_force().version, Knot(str(real.knot_socket)).read("nx.list")) == (before, held)
        assert not list(press.folder.glob(".fold*"))
        refused = Edition.objects.get(state="refused")
        assert "does not hold" in str(refused.refusals)
        page = browser_of(body.reviewer).get(f"/editions/{refused.version}/", headers={"accept-language": "en"})
        assert "bind does not hold nx.list as meant: it lacks lost.example.nx.list. CNAME ." in page.content.decode()
        with pytest.raises(typer.Exit) as ended:
            rebuild()
        assert ended.value.exit_code == 1
        assert "REFUSED: bind does not hold nx.list as meant" in capsys.readouterr().out
        monkeypatch.undo()
        rebuild()
        said = capsys.readouterr().out
        for words in (
            "base files written: 1 entries",
            "bind holds the ",
            "powerdns holds the ",
            "hosts.txt",
            "is in force",
        ):
            assert words in said
        assert queries.in_force().version > before
        rebuild()
        assert "nothing to fold" in capsys.readouterr().out

    def test_a_rebuilt_list_that_an_absent_program_cannot_judge_does_not_go_out(
        self, real, press, body, person, run_jobs, monkeypatch, browser_of, settings
    ):
        body.list(listable("https://stays.example/", person))
        run_jobs()
        before, held = queries.in_force().version, Knot(str(real.knot_socket)).read("nx.list")
        present = roundtrip._program
        monkeypatch.setattr(roundtrip, "_program", lambda name: None if name == "pdns_recursor" else present(name))
        assert services.edition_fold() is None
        assert (queries.in_force().version, Knot(str(real.knot_socket)).read("nx.list")) == (before, held)
        refused = Edition.objects.get(state="refused")
        page = browser_of(body.reviewer).get(f"/editions/{refused.version}/", headers={"accept-language": "en"})
        assert "not installed, so that nx.list cannot be judged: pdns_recursor" in page.content.decode()
        assert "named by mamori doctor" in page.content.decode()
        real.host(["urgent.example"])
        body.list(listable("https://urgent.example/", person))
        run_jobs()
        for provider in real.providers.values():  # the hot zone carries on
            wait(lambda p=provider: ask(p.resolver, "urgent.example") == p.blocked)
        judges, found = settings.LIST_JUDGES, [each for each in examine() if each.what == "judges of a rebuilt list"]
        assert [(each.level, each.remedy) for each in found] == [
            ("bad", "apt-get install --no-install-recommends pdns-recursor")
        ]
        assert "not installed: pdns_recursor" in found[0].finding
        settings.LIST_JUDGES = [engine for engine in judges if engine != "powerdns"]
        assert [each.level for each in examine() if each.what == found[0].what] == ["note"]
        assert services.edition_fold() is not None, "the operator may do without one, and doctor goes on to say so"

    def test_what_happens_during_a_fold_is_published_and_kept(self, real, press, body, person, run_jobs, monkeypatch):
        """The new base is of the moment the fold began."""
        gone = body.list(listable("https://bad.example/", person))
        run_jobs()
        push = primary.push_base

        def meanwhile(base, before):
            push(base)
            monkeypatch.undo()
            listing.entry_withdraw(actor=body.approver.actor, entry_id=gone.id)
            body.list(listable("https://other.example/", person))
            run_jobs()
            assert in_force(press) == {"other.example"}, "published beside the fold"

        monkeypatch.setattr(primary, "push_base", meanwhile)
        services.edition_fold()
        row = queries.in_force()
        assert (in_force(press), row.base, row.names) == ({"other.example"}, row.version, 1)
        assert row.base_of < row.version
        for provider in real.providers.values():
            wait(lambda p=provider: ask(p.resolver, "bad.example") != p.blocked)
            wait(lambda p=provider: ask(p.resolver, "other.example") == p.blocked)
        services.edition_fold()
        assert in_force(press) == {"other.example"}
        assert {r.owner for r in Knot(str(real.knot_socket)).read("nx.list")} >= {"other.example"}

    def test_a_zone_from_an_old_backup_goes_on_above_what_subscribers_have_seen(self, real, body, person, run_jobs):
        body.list(listable(URL, person))
        run_jobs()
        knot = Knot(str(real.knot_socket))
        seen = serial_of(knot) + 1_000_000
        KnotState.objects.update(checked_at=clock.now() - timedelta(minutes=1), serial=seen)
        jobs.run_sweep("distribution.reconcile")
        assert serial_of(knot) > seen
        assert KnotState.objects.get(zone="nx.list").serial == serial_of(knot)

    def test_a_primary_that_is_down_holds_back_nobody_else_and_gets_the_list_when_it_is_back(
        self, real, press, body, person, run_jobs
    ):
        entry = body.list(listable(URL, person))
        gone = body.list(listable("https://other.example/", person))
        run_jobs()
        real.list.stop()
        try:
            listing.entry_withdraw(actor=body.approver.actor, entry_id=gone.id)
            later = body.list(listable("https://later.example/", person))
            services.edition_publish()
            assert in_force(press) == {"bad.example", "later.example"}, "subscribers of the files have it"
            assert queries.in_force().version == store.current(press.folder)
            listing.entry_withdraw(actor=body.approver.actor, entry_id=later.id)
            services.edition_publish()
            assert in_force(press) == {"bad.example"}, "a withdrawal waits for no primary"
            assert [state.zone for state in queries.primary() if state.problem] == ["hot-nx.list", "hot-stop.list"]
            assert any(waiting.alarm for waiting in queries.desk(body.approver.actor))
            with pytest.raises(KnotError):
                services.primary_require()
        finally:
            real.list.start()
        services.primary_require()
        assert not any(state.problem for state in queries.primary())
        for provider in real.providers.values():
            wait(lambda p=provider: ask(p.resolver, entry.target) == p.blocked, 75)

    def test_the_kill_switch_lifts_every_block_even_when_the_lists_files_are_lost(
        self, real, press, body, person, run_jobs
    ):
        body.list(listable(URL, person))
        run_jobs()
        for provider in real.providers.values():
            wait(lambda p=provider: ask(p.resolver, "bad.example") == p.blocked)
        shutil.rmtree(press.folder / str(store.current(press.folder)))
        services.kill_switch(actor=SYSTEM, reason="a test")
        with pytest.raises(DomainError, match="list_lost"):
            services.edition_publish()
        for provider in real.providers.values():
            wait(lambda p=provider: ask(p.resolver, "bad.example") != p.blocked)

    def test_files_and_primary_lost_at_once_come_back_while_resolvers_go_on_blocking(
        self, real, press, body, person, run_jobs
    ):
        """The copy in the database, a change each way since, then all sweeps of the worker in their order: nobody acts."""
        hosts = ("bad.example", "went.example", "came.example", "later.example")
        stays, went, came, later = (listable(f"https://{host}/", person) for host in hosts)
        real.host(hosts)
        body.list(stays)
        body.list(went)
        run_jobs()
        services.edition_fold()
        jobs.run_sweep("distribution.keep")
        listing.content_gone(content_id=went)
        body.list(came)
        run_jobs()
        lose(press)
        real.list.ctl([f"zone-purge -f {zone}." for zone in ("hot-nx.list", "nx.list", "hot-stop.list", "stop.list")])
        assert not Knot(str(real.knot_socket)).read("nx.list")
        KnotState.objects.update(checked_at=clock.now() - timedelta(minutes=1))

        def all_block() -> set[frozenset[str]]:
            """What the resolvers block, each of them; one set where they agree."""
            return {
                frozenset(host for host in hosts if ask(each.resolver, host) == each.blocked)
                for each in real.providers.values()
            }

        before = {frozenset({"bad.example", "came.example"})}
        assert all_block() == before, "resolvers keep what they have"
        for sweep in ("distribution.heal", "distribution.reconcile"):
            jobs.run_sweep(sweep)
            assert all_block() == before
        assert in_force(press) == {"bad.example", "came.example"}
        assert queries.in_force().restored
        assert not any(state.problem for state in queries.primary())
        body.list(later)
        listing.content_gone(content_id=stays)
        run_jobs()
        wait(lambda: all_block() == {frozenset({"came.example", "later.example"})})

    def test_a_publisher_that_died_while_it_handed_a_zone_over_and_a_primary_that_restarted_are_healed(
        self, real, press, body, person, run_jobs
    ):
        """Knot does not load a zone whose file was to be read and is not there."""
        body.list(listable(URL, person))
        run_jobs()
        held = Knot(str(real.knot_socket)).read("nx.list")
        item = "zone[nx.list.]"
        real.list.ctl(["conf-begin", f"conf-set {item}.file {real.handover}/nx.list.handover",
                       f"conf-set {item}.zonefile-load difference-no-serial"])  # fmt: skip
        real.list.ctl(["conf-commit"])
        real.list.stop()
        real.list.start()
        assert not Knot(str(real.knot_socket)).read("nx.list")
        KnotState.objects.update(checked_at=clock.now() - timedelta(minutes=1))
        services.primary_heal()
        assert Knot(str(real.knot_socket)).read("nx.list") == held
        assert not [line for line in real.list.ctl(["conf-read zone"]) if "zonefile-load" in line and "nx.list" in line]
        real.list.stop()
        real.list.start()
        assert Knot(str(real.knot_socket)).read("nx.list") == held

    def test_another_stop_page_reaches_the_base_too(self, real, press, body, person, settings):
        body.list(listable(URL, person))
        services.edition_publish()
        services.edition_fold()
        settings.STOP_PAGE_HOST = "other-stop.mamori.example"
        KnotState.objects.update(checked_at=clock.now() - timedelta(minutes=1))
        services.primary_heal()
        knot = Knot(str(real.knot_socket))
        for zone in ("stop.list", "hot-stop.list"):
            targets = {record.target for record in knot.read(zone)}
            assert "other-stop.mamori.example." in targets
            assert "stop.mamori.example." not in targets

    def test_a_name_below_another_listed_one_is_not_waited_for_when_it_goes(self, real, body, person, run_jobs):
        above, below = (body.list(listable(f"https://{host}/", person)) for host in ("bad.example", "www.bad.example"))
        run_jobs()
        listing.entry_withdraw(actor=body.approver.actor, entry_id=below.id)
        run_jobs()
        assert not Probe.objects.filter(entry_id=below.id, blocked=False).exists()
        assert not any("follow" in str(waiting.title) for waiting in queries.desk(body.approver.actor))
        listing.entry_withdraw(actor=body.approver.actor, entry_id=above.id)
        run_jobs()
        assert Probe.objects.filter(entry_id=above.id, blocked=False, seconds__isnull=False).count() == 2

    @pytest.mark.parametrize(
        "owner", ["a.example\nzone-commit nx.list", "$GENERATE", "a.example.", "*", "a b.example", "rpz-ip", "",
                  "a.example ; x", 'a".example', "a.exаmple"]
    )  # fmt: skip
    def test_no_odd_record_reaches_the_primary(self, real, owner):
        knot = Knot(str(real.knot_socket))
        before = knot.read("nx.list")
        with pytest.raises(KnotError, match="not fit"):
            knot.sync("nx.list", before | {Record(owner, ".")})
        with pytest.raises(KnotError):
            knot.sync("nx.list", before | {Record("a.example", "b.example")})
        with pytest.raises(KnotError):
            knot.sync("nx.list\n", before)
        assert knot.read("nx.list") == before

    def test_a_subscriber_is_let_in_and_revoked_in_one_step(self, real, person, run_jobs, browser_of):
        operator = person(Role.OPERATOR)
        subscriber, secret = services.subscriber_add(
            actor=operator.actor, organisation="Provider One", delivery=Delivery.NXDOMAIN, notify="127.0.0.1@9"
        )
        run_jobs()
        subscriber.refresh_from_db()
        assert subscriber.state == "active"

        first = key_name(subscriber)

        def transfer(zone="nx.list", name=first, value=secret):
            key = dns.tsigkeyring.from_text({name: (dns.tsig.HMAC_SHA256, value)})
            got = dns.zone.Zone(zone)
            query, _serial = dns.xfr.make_query(got, keyring=key)
            dns.query.inbound_xfr(real.primary[0], got, query, port=real.primary[1], timeout=5)
            return {str(owner) for owner in got.nodes}

        assert "canary.mamori.example" in transfer()
        with pytest.raises((dns.xfr.TransferError, dns.exception.DNSException)):
            transfer("stop.list")
        renewed, other = services.subscriber_renew_key(actor=operator.actor, subscriber_id=subscriber.id)
        run_jobs()
        with pytest.raises((dns.xfr.TransferError, dns.exception.DNSException)):
            transfer()
        assert transfer(name=key_name(renewed), value=other)
        browser = browser_of(operator)
        assert browser.post(f"/editions/subscribers/{subscriber.id}/revoke/").status_code == 302
        run_jobs()
        with pytest.raises((dns.xfr.TransferError, dns.exception.DNSException)):
            transfer(name=key_name(renewed), value=other)
        assert not [name for name in Knot(str(real.knot_socket)).accesses() if name.startswith("sub-")]
        assert Subscriber.objects.get().state == "revoked"

    def test_outside_resolvers_are_asked_for_the_canary_only(self, real, body, person, run_jobs, settings):
        settings.PROBE_OUTSIDE = {"outside": settings.PROBE_RESOLVERS["bind"]}
        body.list(listable(URL, person))
        run_jobs()
        jobs.run_sweep("distribution.probe")
        jobs.run_sweep("distribution.probe")
        assert set(Probe.objects.filter(entry_id=None).values_list("resolver", "outside")) == {
            ("unbound", False), ("bind", False), ("outside", True)}  # fmt: skip
        with pytest.raises(IntegrityError), transaction.atomic():
            Probe.objects.filter(entry_id__isnull=False).update(outside=True)

    def test_a_resolver_that_lags_raises_an_alarm(self, real, body, person, settings, run_jobs):
        settings.PROBE_RESOLVERS = {"unsubscribed": f"127.0.0.1:{real.example.port}"}
        entry = body.list(listable(URL, person))
        run_jobs()
        assert [effect.seconds for effect in queries.effects_of(entry.id)] == [None]
        with translation.override("en"):
            alarms = [str(waiting.title) for waiting in queries.desk(body.approver.actor) if waiting.alarm]
        assert any("follow" in title for title in alarms)
        jobs.run_sweep("distribution.probe")
        assert [probe.seconds for probe in queries.canaries()] == [None]
