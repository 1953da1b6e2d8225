"""The folder of editions is lost: the list is made anew from the database, and nothing is served that was not signed."""

import pytest

from mamori.ground.actors import SYSTEM
from mamori.ground.errors import DomainError
from mamori.lists.distribution import queries, roundtrip, services, store
from mamori.lists.distribution.press import ListLost
from mamori.lists.distribution.services import judging, primary
from mamori.lists.listing import services as listing
from mamori.lists.listing.models import Approval
from tests.lists.cases import in_force, listable, lose
from tests.programs import needs

pytestmark = pytest.mark.django_db


@pytest.fixture
def unjudged(monkeypatch):
    """No engine is asked."""
    monkeypatch.setattr(primary, "judge_base", lambda _base, _told: None)


@pytest.fixture
def lost(press, body, person):
    """Three entries were listed, one was withdrawn, one waits; then the folder was lost."""
    entries = {
        host: body.list(listable(f"https://{host}/", person)) for host in ("a.example", "b.example", "gone.example")
    }
    services.edition_publish()
    listing.entry_withdraw(actor=body.approver.actor, entry_id=entries["gone.example"].id)
    services.edition_publish()
    entries["new.example"] = body.list(listable("https://new.example/", person))
    lose(press)
    return entries


def test_nothing_is_published_and_one_message_says_what_to_do(press, lost):
    with pytest.raises(ListLost, match="list_lost") as raised:
        services.edition_publish()
    assert "mamori list restore" in str(raised.value.remedy)
    assert list(press.folder.iterdir()) == []


def test_the_list_comes_back_with_what_waits_and_goes_on(press, body, person, lost, unjudged):
    before = queries.in_force().version
    told = []
    services.edition_restore(told.append)
    assert in_force(press) == {"a.example", "b.example", "new.example"}
    assert queries.in_force().version > before
    assert any("2 entries" in step for step in told)
    assert not any(step.startswith("left out") for step in told), "no brake holds back what stood on the list"
    listing.entry_withdraw(actor=body.approver.actor, entry_id=lost["a.example"].id)
    services.edition_publish()
    assert in_force(press) == {"b.example", "new.example"}
    with pytest.raises(DomainError, match="list_there"):
        services.edition_restore(told.append)


def test_an_entry_whose_signature_was_changed_does_not_come_back(press, lost, unjudged):
    Approval.objects.filter(entry=lost["a.example"], step="activate").update(signature=b"0" * 64)
    told = []
    services.edition_restore(told.append)
    assert in_force(press) == {"b.example", "new.example"}
    assert any(step.startswith("left out: a.example") for step in told)
    lost["a.example"].refresh_from_db()
    assert lost["a.example"].refused and not lost["a.example"].listed


def test_a_withdrawn_activation_cannot_be_used_again(press, body, lost, unjudged):
    type(lost["gone.example"]).objects.filter(id=lost["gone.example"].id).update(listed=True)
    told = []
    services.edition_restore(told.append)
    assert in_force(press) == {"a.example", "b.example", "new.example"}
    assert any("withdrawal" in step for step in told)


def test_numbers_go_on_above_what_subscribers_have_seen(press, lost, unjudged):
    services.edition_restore(lambda _step: None, above=500)
    assert queries.in_force().version > 500


def test_a_folder_newer_than_the_database_is_not_overwritten(press, body, person):
    """The database came from an earlier backup: numbers go on above those on disk."""
    body.list(listable("https://a.example/", person))
    services.edition_publish()
    (press.folder / "90").mkdir()
    store.point(press.folder, "90")
    body.list(listable("https://b.example/", person))
    services.edition_publish()
    assert store.current(press.folder) == 91


def test_the_kill_switch_is_an_order_that_waits_for_the_list(press, lost, unjudged):
    services.kill_switch(actor=SYSTEM, reason="a test")
    with pytest.raises(ListLost):
        services.edition_publish()
    services.edition_restore(lambda _step: None)
    assert in_force(press) == set()


def test_a_name_that_reaches_far_does_not_come_back_with_two_signatures(press, lost, unjudged, monkeypatch):
    monkeypatch.setattr(judging, "far_by_lists", lambda target: ["popular"] if target == "a.example" else [])
    told = []
    services.edition_restore(told.append)
    assert in_force(press) == {"b.example", "new.example"}
    assert any(step.startswith("left out: a.example") for step in told)


@needs("knotd", "knotc", "named-checkzone", "unbound", "pdns_recursor")
@pytest.mark.resolvers
def test_every_engine_judges_what_is_made_of_the_database(press, lost, monkeypatch):
    written = roundtrip.zone_lines
    with monkeypatch.context() as patched, pytest.raises(DomainError, match="round_trip") as refusal:
        patched.setattr(roundtrip, "zone_lines", lambda zone, records: written(zone, list(records)[2:]))
        services.edition_restore(lambda _step: None)
    assert "bind does not hold nx.list as meant: it lacks" in str(refusal.value.message)
    assert not list(press.folder.glob("[0-9.]*")), "nothing was made"
    told = []
    services.edition_restore(told.append)
    assert in_force(press) == {"a.example", "b.example", "new.example"}
    assert sum(" that were meant" in step for step in told) == 8
