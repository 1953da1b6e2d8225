"""Which edition each subscriber has: offered, fetched, effective, and who lags; the page, the feed, the alarm."""

from datetime import timedelta
from pathlib import Path

import dns.query
import dns.tsigkeyring
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from demo.dns import DnsWorld
from demo.processes import wait_until
from mamori.ground import clock, jobs
from mamori.ground.accounts.models import Organisation
from mamori.ground.accounts.services import token_create
from mamori.ground.actors import SYSTEM, Role
from mamori.ground.errors import DomainError, Forbidden
from mamori.lists.distribution import queries, services, standings
from mamori.lists.distribution.knot import Knot
from mamori.lists.distribution.models import Edition, EditionChange, Offer, Probe, Subscriber, Taken
from mamori.lists.distribution.services.following import STATUS
from mamori.lists.distribution.services.tsig import key_name
from mamori.lists.distribution.states import Delivery
from mamori.lists.distribution.transfers import transfers
from tests.hotline.intake_steps import partner_face
from tests.lists.cases import listable
from tests.programs import needs

pytestmark = pytest.mark.django_db
LOG = """\
2026-11-24T01:00:01+0000 info: [hot-nx.list.] zone stored to journal, serial 7
2026-11-24T01:00:02+0000 debug: [hot-nx.list.] ACL, allowed, action transfer, remote 192.0.2.7@43291, key '{key}.'
2026-11-24T01:00:02+0000 info: [hot-nx.list.] IXFR, outgoing, remote 192.0.2.7@43291, started, serial 5 -> 7
2026-11-24T01:00:04+0000 info: [hot-nx.list.] IXFR, outgoing, remote 192.0.2.7@43291, finished, 0.00 seconds, 1 messages, 240 bytes
"""


@pytest.fixture
def log(tmp_path: Path, settings) -> Path:
    settings.KNOT_LOG = tmp_path / "transfers.log"
    settings.KNOT_LOG.write_text("")
    return settings.KNOT_LOG


def subscriber(name: str, delivery: str = "nxdomain", **more: object) -> Subscriber:
    organisation, _new = Organisation.objects.get_or_create(name=name, defaults={"kind": "provider"})
    now = clock.now()
    return Subscriber.objects.create(
        organisation=organisation, delivery=delivery, state="active", added_at=now, applied_at=now, **more
    )


def edition(version: int, number: int, zone: str = "hot-nx.list") -> Edition:
    now = clock.now()
    row = Edition.objects.create(version=version, state="published", digest="0" * 64, built_at=now, published_at=now)
    for place, value in (("", version), (zone, number)):
        Offer.objects.create(edition=row, zone=place, number=value, at=now)
    return row


def told() -> dict[str, tuple[str, int | None]]:
    return {each["organisation"]: (each["standing"], each["edition"]) for each in standings.feed()}


def test_the_log_tells_which_key_took_which_serial_when() -> None:
    whole = LOG.format(key="sub-aaaaaaaaaaaa-1").splitlines()
    (one,) = transfers(whole)
    assert (one.key, one.zone, one.serial, one.at.isoformat()) == (
        "sub-aaaaaaaaaaaa-1", "hot-nx.list", 7, "2026-11-24T01:00:04+00:00",
    )  # fmt: skip
    assert list(transfers(whole[:-1])) == [], "begun is not done"
    assert list(transfers(whole[2:])) == [], "whose it was is not known"
    assert list(transfers([*whole[:2], "noise", "x [y] ACL, allowed, action transfer, remote , key"])) == []
    denied = [line.replace("allowed", "denied") for line in whole]
    assert list(transfers(denied)) == []
    same = "2026-11-24T01:09:00+0000 info: [hot-nx.list.] IXFR, outgoing, remote 192.0.2.7@43291, zone is up-to-date, serial 8"
    assert [each.serial for each in transfers([*whole, same])] == [7, 8]


def test_a_subscriber_has_what_it_fetched_lags_when_it_does_not_and_the_alarm_ends(
    log, frozen, person, browser_of, settings
):
    row, other = subscriber("Hato Internet"), subscriber("Suzume Net")
    edition(1, 7)
    assert told() == {"Hato Internet": ("waiting", None), "Suzume Net": ("waiting", None)}
    log.write_text(LOG.format(key=key_name(row)))
    assert services.transfers_read() == 1
    assert services.transfers_read() == 1, "read again, nothing is noted twice"
    assert Taken.objects.count() == 1
    approver = person(Role.LIST_APPROVER)

    def alarms() -> list[int]:
        with translation.override("en"):
            return [one.count for one in queries.desk(approver.actor) if "lag" in str(one.title)]

    frozen.shift(timedelta(seconds=181))
    assert told() == {"Hato Internet": ("has_it", 1), "Suzume Net": ("late", None)}
    assert alarms() == [1]
    assert standings.feed()[0]["fetch_seconds"] == 4.0
    edition(2, 7)  # it changed no name: who has the serial has the edition
    assert told()["Hato Internet"] == ("has_it", 2)
    edition(3, 8)
    assert told()["Hato Internet"] == ("waiting", 2)
    frozen.shift(timedelta(seconds=181))
    assert alarms() == [2]
    html = (
        browser_of(approver).get(reverse("distribution_following"), headers={"accept-language": "en"}).content.decode()
    )
    assert "2 subscribers lag" in html and "Suzume Net" in html
    only = (
        browser_of(approver).get(reverse("distribution_following"), {"following-standing": "has_it"}).content.decode()
    )
    assert "Suzume Net" not in only
    for sort in ("-standing", "version", "-fetched_at", "missing_since", "organisation"):
        for number in (1, 2):
            asked = {"following-sort": sort, "following-page": number}
            assert browser_of(approver).get(reverse("distribution_following"), asked).status_code == 200
    for each in (row, other):
        Taken.objects.create(taker=each.id, zone="hot-nx.list", number=8, at=clock.now())
    assert told() == {"Hato Internet": ("has_it", 3), "Suzume Net": ("has_it", 3)}
    assert alarms() == []
    page = browser_of(approver).get(reverse("distribution_subscriber", args=[row.id])).content.decode()
    assert [page.count(f">{text} s<") for text in ("4.0", "0.0", "181.0")] == [1, 1, 1]  # of editions 1, 2 and 3
    settings.KNOT_LOG = None
    assert told() == {"Hato Internet": ("unknown", 3), "Suzume Net": ("unknown", 3)}


def test_who_follows_changes_but_takes_no_base_is_an_alarm(log, frozen, person, browser_of):
    """As if its hot zone were transferred and its base refused: right for the days the hot zone makes up for it."""
    row, other = subscriber("Hato Internet"), subscriber("Suzume Net", "stop")
    first = edition(1, 7)
    for zone in ("hot-stop.list", "nx.list", "stop.list"):
        Offer.objects.create(edition=first, zone=zone, number=7, at=clock.now())
    log.write_text(LOG.format(key=key_name(row)))
    services.transfers_read()
    for zone in ("hot-stop.list", "stop.list"):
        Taken.objects.create(taker=other.id, zone=zone, number=7, at=clock.now())
    assert told() == {"Hato Internet": ("has_it", 1), "Suzume Net": ("has_it", 1)}
    frozen.shift(timedelta(minutes=61))
    assert told() == {"Hato Internet": ("old_base", 1), "Suzume Net": ("has_it", 1)}
    approver = person(Role.LIST_APPROVER)
    asked = {"following-standing": "old_base"}
    html = browser_of(approver).get(reverse("distribution_following"), asked, headers={"accept-language": "en"})
    assert "1 subscriber follows the changes, but not the base" in html.content.decode()
    assert "Suzume Net" not in html.content.decode()
    with translation.override("en"):
        assert [one.count for one in queries.desk(approver.actor) if "lag" in str(one.title)] == [1]
    log.write_text(LOG.format(key=key_name(row)).replace("[hot-nx.list.]", "[nx.list.]"))
    services.transfers_read()
    assert told() == {"Hato Internet": ("has_it", 1), "Suzume Net": ("has_it", 1)}


def test_a_new_subscriber_is_not_late_for_what_came_before_it(log, frozen):
    edition(1, 7)
    frozen.shift(timedelta(days=1))
    subscriber("Hato Internet")
    assert told() == {"Hato Internet": ("waiting", None)}
    frozen.shift(timedelta(seconds=181))
    assert told() == {"Hato Internet": ("late", None)}


def test_a_log_that_was_rotated_is_read_in_both_parts_and_one_that_is_missing_is_said(log, frozen, caplog):
    row = subscriber("Hato Internet")
    log.with_name("transfers.log.1").write_text(LOG.format(key=key_name(row)))
    assert services.transfers_read() == 1
    log.unlink()
    assert services.transfers_read() == 0
    assert "cannot be read" in caplog.text


def test_effective_is_what_its_own_resolvers_do_or_the_canary_where_only_that_is_asked(log, frozen, person, browser_of):
    operator = person(Role.OPERATOR)
    row, far = subscriber("Hato Internet"), subscriber("Suzume Net")
    first = edition(1, 7)
    now = clock.now()
    change = EditionChange.objects.create(
        edition=first, entry_id=first.id, change="added", method="dns", target="bad.example", since=now
    )
    for each in (row, far):
        Taken.objects.create(taker=each.id, zone="hot-nx.list", number=7, at=now)
    for name, entry, outside in (("own", change.entry_id, False), ("own", None, False), ("theirs", None, True)):
        Probe.objects.create(
            edition=first, entry_id=entry, resolver=name, outside=outside, blocked=True, seconds=0.25,
            at=now + timedelta(seconds=2),
        )  # fmt: skip
    browser = browser_of(operator)
    for each, name in ((row, "own"), (far, "theirs")):
        answer = browser.post(reverse("distribution_subscriber", args=[each.id]), {"resolvers": [name]})
        assert answer.status_code == 302
    assert browser.post(reverse("distribution_subscriber", args=[row.id]), {"resolvers": ["no"]}).status_code == 422
    with pytest.raises(DomainError):
        services.subscriber_resolvers(actor=operator.actor, subscriber_id=row.id, resolvers=["no"])
    with pytest.raises(Forbidden):
        services.subscriber_resolvers(actor=person(Role.ANALYST).actor, subscriber_id=row.id, resolvers=[])
    near, other = standings.feed()
    assert (near["effective_seconds"], near["canary_in_force"]) == (2.0, True)
    assert (other["effective_seconds"], other["canary_in_force"]) == (None, True)
    Probe.objects.filter(resolver="own", entry_id__isnull=False).update(seconds=None)
    assert standings.feed()[0]["effective_seconds"] is None
    html = browser.get(reverse("distribution_following"), headers={"accept-language": "en"}).content.decode()
    assert "Not effective yet" in html and "by our canary" in html


def test_files_fetched_with_a_token_are_noted_and_the_feed_shows_a_subscriber_only_itself(
    press, body, person, run_jobs, settings, client
):
    operator = person(Role.OPERATOR)
    row, secret = services.subscriber_add(actor=operator.actor, organisation="Filter Works", delivery=Delivery.URL)
    subscriber("Hato Internet")
    body.list(listable("https://bad.example/1", person))
    run_jobs()
    version = queries.in_force().version
    house = operator.memberships.get().organisation_id
    machine = partner_face(settings, Organisation.objects.get(id=house), "list.status")
    own = Client(headers={"authorization": f"Bearer {secret}"})

    def standing() -> tuple[str, int | None]:
        return told()["Filter Works"]

    assert standing() == ("waiting", None)
    assert own.get("/api/v1/list/editions/current").status_code == 200
    assert own.get("/api/v1/list/subscribers").status_code == 404, "nothing was written yet"
    assert standing() == ("waiting", None), "to ask for the number is not to have the list"
    jobs.run_sweep("distribution.following")
    for path in (f"editions/{version}/targets.json", "formats/names.csv", f"formats/{version}/names.csv"):
        Taken.objects.all().delete()
        answer = own.get(f"/api/v1/list/{path}")
        assert answer.getvalue()
        assert (answer.status_code, standing()) == (200, ("has_it", version)), path
        assert own.get(f"/api/v1/list/{path}", headers={"if-none-match": answer["ETag"]}).status_code == 304
        assert Taken.objects.count() == 1
    for path in ("v5/hashList/mamori-4b", "v5/hashLists:batchGet?names=mamori-4b"):
        Taken.objects.all().delete()
        assert client.get(f"/{path}", headers={"authorization": f"Bearer {secret}"}).status_code == 200, path
        assert standing() == ("has_it", version), path
    jobs.run_sweep("distribution.following")
    feed = own.get("/api/v1/list/subscribers").json()
    assert [each["organisation"] for each in feed["subscribers"]] == ["Filter Works"]
    assert (feed["edition"], feed["subscribers"][0]["standing"]) == (version, "has_it")
    every = machine.get("/api/v1/list/subscribers").json()["subscribers"]
    assert {each["organisation"] for each in every} == {"Filter Works", "Hato Internet"}
    assert machine.get("/api/v1/list/editions/current").status_code == 403, "it sees how they stand, not the list"
    blind = token_create(actor=SYSTEM, organisation_id=house, title="blind", scopes=[])
    assert Client(headers={"authorization": f"Bearer {blind}"}).get("/api/v1/list/subscribers").status_code == 403
    written = (settings.EDITION_DIR / STATUS).read_text()
    assert "bad.example" not in written and str(row.token_id) not in written


@pytest.mark.resolvers
@needs("knotd", "knotc", "unbound", "named")
def test_the_real_primary_says_who_took_what(press, body, person, run_jobs, settings, dns_world: DnsWorld):
    settings.KNOT_SOCKET = str(dns_world.knot_socket)
    settings.KNOT_LOG = dns_world.transfers_log
    services.edition_publish(refresh=True)
    row, secret = services.subscriber_add(
        actor=person(Role.OPERATOR).actor,
        organisation="Hato Internet",
        delivery=Delivery.NXDOMAIN,
        asks_from="127.0.0.1",
    )
    idle, _secret = services.subscriber_add(
        actor=person(Role.OPERATOR).actor, organisation="Suzume Net", delivery=Delivery.NXDOMAIN, asks_from="127.0.0.1"
    )
    run_jobs()
    body.list(listable("https://bad.example/1", person))
    services.edition_publish()
    ring = dns.tsigkeyring.from_text({key_name(row): secret})
    host, port = dns_world.primary
    assert list(dns.query.xfr(host, "hot-nx.list", port=port, keyring=ring, keyalgorithm="hmac-sha256", timeout=5))
    # The log is written by the primary's own thread.
    wait_until(lambda: services.transfers_read() > 0 and Taken.objects.exists(), 10, "no transfer was noted")
    version = queries.in_force().version
    assert told() == {"Hato Internet": ("has_it", version), "Suzume Net": ("waiting", None)}
    services.edition_fold()
    offered = Offer.objects.get(zone="nx.list", edition=queries.in_force())
    assert offered.number == Knot(settings.KNOT_SOCKET).serial("nx.list")

    def old_base() -> bool:
        return standings.standings().get(id=row.id).old_base_since is not None

    assert old_base(), "it took the hot zone alone"
    assert list(dns.query.xfr(host, "nx.list", port=port, keyring=ring, keyalgorithm="hmac-sha256", timeout=5))
    wait_until(lambda: services.transfers_read() > 0 and not old_base(), 10, "the transfer of the base was not noted")
    for each in (row, idle):
        services.subscriber_revoke(actor=person(Role.OPERATOR).actor, subscriber_id=each.id)
    run_jobs()
