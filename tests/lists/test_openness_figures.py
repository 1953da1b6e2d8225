"""Public figures: once for each closed quarter, with noise, and nothing the public face could read beside them."""

import csv
import io
from datetime import date, timedelta

import pytest
from django.test import Client

from mamori.ground import clock
from mamori.lists.distribution import services as distribution
from mamori.lists.distribution.queries import in_force
from mamori.lists.listing import services as listing
from mamori.lists.openness import noise, services
from mamori.lists.openness.models import PublishedPeriod
from mamori.lists.openness.services.figures import following, quarter
from mamori.site.database import grants
from tests.lists.cases import listable

pytestmark = pytest.mark.django_db


def test_a_quarter_is_published_once_when_it_is_over(press, frozen, body, person, run_jobs, monkeypatch):
    monkeypatch.setattr("mamori.lists.openness.services.figures.protected", lambda count: count)  # the exact counts
    entries = [body.list(listable(f"https://n{number}.example/1", person)) for number in range(3)]
    run_jobs()
    listing.appeal_open(address="https://n1.example/", text="wrong", contact="c@owner.example")
    frozen.shift(timedelta(days=5))
    listing.content_gone(content_id=entries[0].content_id)
    run_jobs()
    assert services.figures_publish() == 0, "the quarter is not over"
    frozen.shift(timedelta(days=40))
    assert services.figures_publish() == 1
    row = PublishedPeriod.objects.get()
    assert (row.begins_on, row.ends_on) == (date(2026, 10, 1), date(2027, 1, 1))
    assert row.figures["in_force"] == {"dns": 2, "url": 0}
    assert (row.figures["added"]["dns"], row.figures["removed"]["dns"]) == (3, 1)
    assert row.figures["appeals"]["received"] == 1
    assert row.figures["days_to_removal"] == {"median": None}, "one removal is too few for a median"
    before = row.figures
    listing.content_gone(content_id=entries[1].content_id)
    run_jobs()
    assert services.figures_publish() == 0
    row.refresh_from_db()
    assert row.figures == before, "what is published stays"


def test_the_median_of_the_days_to_removal_is_one_of_them(press, frozen, body, person, run_jobs):
    entries = [body.list(listable(f"https://n{number}.example/1", person)) for number in range(10)]
    run_jobs()
    for entry in entries:
        frozen.shift(timedelta(days=1))
        listing.content_gone(content_id=entry.content_id)
    frozen.shift(timedelta(days=40))
    services.figures_publish()
    assert PublishedPeriod.objects.get().figures["days_to_removal"] == {"median": 5}


def test_halts_and_editions_taken_back_are_counted_and_small_numbers_of_them_not_told(
    press, frozen, body, person, run_jobs, monkeypatch
):
    approver = body.approver.actor
    distribution.edition_publish(refresh=True)
    taken = 0
    for number in range(2):
        body.list(listable(f"https://n{number}.example/1", person))
        run_jobs()
        version = in_force().version
        for _twice in range(2):  # asked again it is no second edition
            distribution.edition_withdraw(actor=approver, version=version)
        taken += 1
        run_jobs()
    for _number in range(3):
        distribution.rings_halt(actor=approver, reason="A call")
        distribution.rings_release(actor=approver, reason="Nothing was wrong")
    asked = []
    monkeypatch.setattr("mamori.lists.openness.services.figures.protected", lambda count: asked.append(count) or None)
    frozen.shift(timedelta(days=45))
    distribution.rings_halt(actor=approver, reason="In the next quarter")
    assert services.figures_publish() == 1
    incidents = PublishedPeriod.objects.get().figures["incidents"]
    assert incidents == {
        "list_switched_off": 0,
        "editions_refused": 0,
        "additions_halted": None,
        "editions_taken_back": None,
    }
    assert asked[-2:] == [3, taken]


def test_quarters_follow_one_another():
    day, seen = quarter(date(2026, 11, 24)), []
    for _time in range(5):
        seen.append(day)
        day = following(day)
    assert seen == [date(2026, 10, 1), date(2027, 1, 1), date(2027, 4, 1), date(2027, 7, 1), date(2027, 10, 1)]


def test_noise_hides_one_more_and_small_counts_are_not_told():
    many = [noise.protected(100) for _time in range(20_000)]
    assert sum(abs(number - 100) <= 4 for number in many) / len(many) == pytest.approx(0.958, abs=0.01)
    assert sum(many) / len(many) == pytest.approx(100, abs=0.1)
    small = [noise.protected(count) for count in range(5) for _time in range(500)]
    assert None in small
    assert all(number is None or number >= 5 for number in small)
    # One entry more at most doubles the likelihood of any figure (1.25: the chance of 20,000 draws).
    more = [noise.protected(101) for _time in range(20_000)]
    for number in range(97, 105):
        assert 1 / 2.5 < many.count(number) / more.count(number) < 2.5


@pytest.mark.urls("mamori.site.urls_public")
def test_page_json_and_csv_say_the_same_in_both_languages(db):
    figures = {
        "in_force": {"dns": 1234, "url": None},
        "added": {"dns": 17, "url": None},
        "incidents": {"editions_refused": 1},
    }
    PublishedPeriod.objects.create(
        begins_on=date(2026, 7, 1), ends_on=date(2026, 10, 1), figures=figures, published_at=clock.now()
    )
    english, japanese = (Client().get(f"/{language}/list/figures/").content.decode() for language in ("en", "ja"))
    assert "1234" in english
    assert "under 5" in english
    assert "not counted" in english, "what a period did not count is not said to be few"
    assert "5未満" in japanese
    assert "<script" not in english.partition("<main")[2].partition("</main")[0]
    told = Client().get("/en/list/figures.json").json()
    assert told["periods"] == [{"begins_on": "2026-07-01", "ends_on": "2026-10-01", "figures": figures}]
    rows = list(csv.DictReader(io.StringIO(Client().get("/en/list/figures.csv").content.decode())))
    said = {(row["group"], row["figure"]): row["number"] for row in rows}
    assert ("incidents", "additions_halted") not in said
    assert (said["in_force", "dns"], said["in_force", "url"], said["added", "dns"]) == ("1234", "", "17")


def test_the_public_role_reads_no_entry():
    readable = {table for table, roles in grants().items() if "SELECT" in roles.get("public", "")}
    assert "openness_publishedperiod" in readable
    assert not {t for t in readable if t.startswith(("listing_", "distribution_", "openness_commit"))}
