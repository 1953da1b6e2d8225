"""No name of ours, nor one below our domains, can go on the list: whatever domain we have."""

from uuid import uuid4

import pytest

from mamori.engine.editions import ListEntry
from mamori.engine.editions.gate import content_refusals
from mamori.ground import clock
from mamori.lists.listing.case import content_rules, own_hosts, reach_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def ours(settings):
    """Faces under three domains of their own, a stop page under a fourth, and two canary domains."""
    settings.PUBLIC_URL = "https://www.hotline.test/"
    settings.STAFF_URL = "https://desk.staff-of-ours.test:8443"
    settings.PARTNER_URL = "https://api.partner-of-ours.test"
    settings.STOP_PAGE_HOST = "stop.halt-here.test"
    settings.CANARY_NAME = "canary.watch-us.test"
    settings.CANARY_DOMAINS = ["kanaria-one.test", "kanaria-two.test"]


def refused(name: str) -> bool:
    entry = ListEntry(str(uuid4()), "dns", name, "removal_too_slow", clock.now(), clock.now().date())
    by_gate = any(fault.code == "protected" for fault in content_refusals(entry, content_rules()))
    by_desk = reach_of(uuid4(), name).refused
    assert by_gate == by_desk, name
    return by_gate


@pytest.mark.parametrize(
    "name",
    [
        "www.hotline.test",
        "hotline.test",
        "mail.hotline.test",
        "desk.staff-of-ours.test",
        "staff-of-ours.test",
        "api.partner-of-ours.test",
        "x.partner-of-ours.test",
        "stop.halt-here.test",
        "halt-here.test",
        "canary.watch-us.test",
        "hot-canary.watch-us.test",
        "watch-us.test",
        "kanaria-one.test",
        "a.kanaria-two.test",
    ],
)
def test_names_of_ours_are_refused_by_the_gate_and_the_desk(ours, name):
    assert refused(name)


@pytest.mark.parametrize("name", ["nothotline.test", "hotline.example", "other.test", "kanaria-three.test"])
def test_names_of_others_are_not(ours, name):
    assert not refused(name)


def test_these_names_are_free_where_they_are_not_ours():
    assert not refused("hotline.test")
    assert not refused("kanaria-one.test")


def test_an_address_without_a_name_protects_nothing(settings):
    settings.PUBLIC_URL = settings.PARTNER_URL = settings.STAFF_URL = "http://127.0.0.1:8000"
    assert own_hosts() == {settings.STOP_PAGE_HOST}
    settings.PARTNER_URL = ""
    assert own_hosts() == {settings.STOP_PAGE_HOST}
