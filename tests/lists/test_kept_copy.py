"""A copy of the signed files is kept in the database: a list whose folder is lost comes back by itself, as it was signed."""

import shutil
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import translation

from mamori.engine.editions import read_edition
from mamori.ground import clock
from mamori.ground.actors import SYSTEM
from mamori.lists.distribution import press as opened
from mamori.lists.distribution import queries, services, store
from mamori.lists.distribution.models import Edition, KeptPiece, Wait
from mamori.lists.distribution.services import keeping, primary
from mamori.lists.distribution.services.restoring import LEAP
from mamori.lists.listing import services as listing
from mamori.lists.listing.models import Approval, Entry
from tests.lists.cases import listable

pytestmark = pytest.mark.django_db


def names(press) -> set[str]:
    files = store.read(press.folder, store.current(press.folder))
    return set(read_edition(files, press.root, clock.now()).names())


def lose(press) -> None:
    for place in press.folder.iterdir():
        place.unlink() if place.is_symlink() else shutil.rmtree(place)


@pytest.fixture
def judged(monkeypatch) -> list[str]:
    """The bases that engines were to judge; each passes."""
    asked = list[str]()
    monkeypatch.setattr(primary, "judge_base", lambda base, _told: asked.append(base.digest))
    return asked


@pytest.fixture
def lists(press, body, person):
    """List a name, and publish."""

    def add(host: str) -> Entry:
        entry = body.list(listable(f"https://{host}/", person))
        services.edition_publish()
        return entry

    return add


@pytest.fixture
def kept(press, lists, body, judged):
    """Two entries when the copy was made; since then one went and one came. The folder is lost."""
    entries = {host: lists(host) for host in ("stays.example", "went.example")}
    services.edition_fold()
    judged.clear()
    assert services.copy_keep() == queries.in_force().version
    listing.entry_withdraw(actor=body.approver.actor, entry_id=entries["went.example"].id)
    entries["came.example"] = lists("came.example")
    lose(press)
    return entries


def test_each_base_is_copied_once_and_one_copy_is_kept(press, lists, judged):
    assert services.copy_keep() is None, "nothing is in force"
    lists("a.example")
    assert services.copy_keep() == 1
    lists("b.example")
    assert services.copy_keep() is None, "the same base"
    services.edition_fold()
    version = services.copy_keep()
    assert version == queries.in_force().version == queries.in_force().base
    assert set(KeptPiece.objects.values_list("edition__version", flat=True)) == {version}


def test_a_copy_that_was_not_finished_is_none(press, lists, monkeypatch):
    lists("a.example")
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(keeping, "pack", lambda _data: (_ for _ in ()).throw(KeyboardInterrupt()))
        services.copy_keep()
    KeptPiece.objects.create(edition=Edition.objects.get(), name="names.jsonl", part=7, data=b"")
    assert keeping.copy_kept() is None
    assert services.copy_keep() == 1
    assert not KeptPiece.objects.filter(part=7).exists()


def test_a_lost_list_comes_back_by_itself(press, kept, judged):
    before = queries.in_force().version
    assert services.list_heal() is not None
    row = queries.in_force()
    assert names(press) == {"stays.example", "came.example"}
    assert (row.names, row.restored) == (2, True)
    assert row.version > before + LEAP, "the database may be older than what subscribers have"
    assert judged == [], "the base was judged before it was signed"
    assert services.list_heal() is None
    assert not list(press.folder.glob(".*"))
    assert set(Entry.objects.filter(listed=True).values_list("target", flat=True)) == names(press)


def test_that_files_were_lost_is_told_for_some_days(press, kept, body, frozen):
    def told():
        with translation.override("en"):
            return [one.url for one in queries.desk(body.both.actor) if "files were lost" in str(one.title)]

    assert told() == []
    services.list_heal()
    version = queries.in_force().version
    services.edition_publish(refresh=True)
    assert told() == [reverse("distribution_edition", args=[version])]
    frozen.shift(timedelta(days=3, minutes=1))
    assert told() == []


def test_and_goes_on(press, body, lists, kept):
    services.list_heal()
    listing.entry_withdraw(actor=body.approver.actor, entry_id=kept["stays.example"].id)
    lists("later.example")
    assert names(press) == {"came.example", "later.example"}
    services.edition_fold()
    assert services.copy_keep() == queries.in_force().version
    assert names(press) == {"came.example", "later.example"}


def test_large_files_come_back_in_pieces(press, kept, monkeypatch):
    KeptPiece.objects.all().delete()
    services.edition_restore(lambda _step: None)
    files = {path.name: path.read_bytes() for path in (press.folder / "current").iterdir()}
    monkeypatch.setattr(keeping, "PIECE", 100)
    version = services.copy_keep()
    assert KeptPiece.objects.filter(name="activations.jsonl").count() > 10
    written = store.Draft(press.folder, "other")
    keeping.copy_open(opened.keys(), Edition.objects.get(version=version), written)
    assert {path.name: path.read_bytes() for path in written.place.iterdir()} == files


@pytest.mark.parametrize(
    "harm",
    [
        lambda piece: piece.delete(),
        lambda piece: setattr(piece, "data", keeping.pack(b'{"entry_id": "x"}\n')),
        lambda piece: setattr(piece, "data", b"nothing packed"),
        lambda piece: setattr(piece, "data", keeping.pack(b"x" * (keeping.PIECE + 1))),
        lambda piece: setattr(piece, "name", "../names.jsonl"),
    ],
    ids=["missing", "altered", "not packed", "endless", "elsewhere"],
)
def test_a_copy_that_is_not_as_it_was_signed_is_not_used(press, kept, judged, harm):
    piece = KeptPiece.objects.get(name="names.jsonl")
    harm(piece)
    if piece.pk:
        piece.save()
    assert services.list_heal() is None
    assert not list(press.folder.iterdir()), "left for a person"
    told = []
    services.edition_restore(told.append)
    assert any("is not used" in step for step in told)
    assert len(judged) == 1, "made anew, and judged"
    assert names(press) == {"stays.example", "came.example"}


def test_the_database_alone_takes_nothing_off_the_list(press, kept):
    Entry.objects.filter(target="stays.example").update(listed=False)
    told = []
    services.edition_restore(told.append)
    assert any(step.startswith("stays: The entry for stays.example disappears") for step in told)
    assert "stays.example" in names(press)


def test_nor_puts_anything_on_it(press, kept):
    Approval.objects.filter(entry=kept["came.example"], step="activate").update(signature=b"0" * 64)
    told = []
    services.edition_restore(told.append)
    assert any(step.startswith("left out: came.example") for step in told)
    assert names(press) == {"stays.example"}
    kept["came.example"].refresh_from_db()
    assert kept["came.example"].refused and not kept["came.example"].listed


def test_nor_brings_back_what_was_withdrawn_since(press, kept):
    Entry.objects.filter(target="went.example").update(listed=True)
    services.edition_restore(lambda _step: None)
    Entry.objects.filter(target="went.example").update(listed=True, state="active", ended_at=None, end="")
    services.edition_publish(refresh=True)
    files = store.read(press.folder, store.current(press.folder))
    carried = {s.entry_id for s in read_edition(files, press.root, clock.now()).statements if s.action == "withdraw"}
    assert str(kept["went.example"].id) in carried


def test_a_copy_of_which_all_was_withdrawn_since(press, body, kept, judged):
    for host in ("stays.example", "came.example"):
        listing.entry_withdraw(actor=body.approver.actor, entry_id=kept[host].id)
    Entry.objects.update(listed=False)
    services.edition_restore(lambda _step: None)
    assert names(press) == set()


def test_what_waits_in_a_ring_waits_on(press, kept, settings):
    settings.RING_SECONDS = (600, 1800)
    Wait.objects.create(entry_id=kept["came.example"].id, ring=0, since=clock.now())
    services.list_heal()
    opened_list = opened.open_edition(opened.keys(), queries.in_force()).listed
    assert [len(opened_list.for_ring(ring)) for ring in (0, 1, 2)] == [2, 1, 1]


def test_an_order_of_the_kill_switch_is_carried_out_on_what_came_back(press, kept):
    services.kill_switch(actor=SYSTEM, reason="a test")
    services.list_heal()
    assert names(press) == set()
    assert services.copy_keep() is None, "its order belongs to one edition"


def test_what_is_lost_again_within_the_hour_is_for_a_person(press, kept, frozen):
    services.list_heal()
    lose(press)
    assert services.list_heal() is None
    frozen.shift(timedelta(hours=1, seconds=1))
    assert services.list_heal() is not None
