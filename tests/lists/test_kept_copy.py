"""A copy of the signed files is kept in the database: a list whose folder is lost comes back by itself, as it was signed."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import translation

from mamori.engine.editions import (
    CHANGES,
    Delta,
    FileDigest,
    ListEntry,
    kill_statement,
    read_edition,
    sign_files,
    withdrawal_statement,
    write_delta,
    write_files,
)
from mamori.engine.editions import Edition as SignedEdition
from mamori.ground import clock
from mamori.ground.actors import SYSTEM
from mamori.lists.distribution import press as opened
from mamori.lists.distribution import queries, services, store
from mamori.lists.distribution.keys import rotate_keys
from mamori.lists.distribution.models import Edition, KeptPiece, Wait
from mamori.lists.distribution.press import ListLost
from mamori.lists.distribution.services import keeping, primary, restoring
from mamori.lists.distribution.services.editions import LIFE
from mamori.lists.distribution.services.restoring import LEAP
from mamori.lists.listing import services as listing
from mamori.lists.listing.models import Approval, Entry, Withdrawal
from tests.lists.cases import in_force, lose

pytestmark = pytest.mark.django_db


@pytest.fixture
def judged(monkeypatch) -> list[str]:
    """The bases that engines were to judge; each passes."""
    asked = list[str]()
    monkeypatch.setattr(primary, "judge_base", lambda base, _told: asked.append(base.digest))
    return asked


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
    assert keeping.copy_kept(opened.keys()) is None
    assert services.copy_keep() == 1
    assert not KeptPiece.objects.filter(part=7).exists()


def test_a_lost_list_comes_back_by_itself(press, kept, judged):
    before = queries.in_force().version
    assert services.list_heal() is not None
    row = queries.in_force()
    assert in_force(press) == {"stays.example", "came.example"}
    assert (row.names, row.restored) == (2, True)
    assert row.version > before + LEAP, "the database may be older than what subscribers have"
    assert judged == [], "the base was judged before it was signed"
    assert services.list_heal() is None
    assert not list(press.folder.glob(".*"))
    assert set(Entry.objects.filter(listed=True).values_list("target", flat=True)) == in_force(press)


def test_that_files_were_lost_is_told_for_some_days(press, kept, body, frozen, browser_of):
    def told():
        with translation.override("en"):
            return [one.url for one in queries.desk(body.both.actor) if "files were lost" in str(one.title)]

    assert told() == []
    services.list_heal()
    version = queries.in_force().version
    services.edition_publish(refresh=True)
    page = reverse("distribution_edition", args=[version])
    assert told() == [page]
    assert "were lost" in browser_of(body.both).get(page, headers={"accept-language": "en"}).content.decode()
    assert (
        "were lost"
        not in browser_of(body.both)
        .get(reverse("distribution_edition", args=[1]), headers={"accept-language": "en"})
        .content.decode()
    )
    frozen.shift(timedelta(days=3, minutes=1))
    assert told() == []


def test_and_goes_on(press, body, lists, kept):
    services.list_heal()
    listing.entry_withdraw(actor=body.approver.actor, entry_id=kept["stays.example"].id)
    lists("later.example")
    assert in_force(press) == {"came.example", "later.example"}
    services.edition_fold()
    assert services.copy_keep() == queries.in_force().version
    assert in_force(press) == {"came.example", "later.example"}


def test_large_files_come_back_in_pieces(press, kept, monkeypatch):
    KeptPiece.objects.all().delete()
    services.edition_restore(lambda _step: None)
    files = {path.name: path.read_bytes() for path in (press.folder / "current").iterdir()}
    del files["members.json"]  # that of today comes with the edition
    monkeypatch.setattr(keeping, "PIECE", 100)
    version = services.copy_keep()
    assert KeptPiece.objects.filter(name="activations.jsonl").count() > 10
    written = store.Draft(press.folder, "other")
    keeping.copy_open(opened.keys(), Edition.objects.get(version=version), written)
    assert {path.name: path.read_bytes() for path in written.place.iterdir()} == files


def unpacked(piece: KeptPiece, data: bytes) -> None:
    piece.data = keeping.pack(data)


@pytest.mark.parametrize("name", ["names.jsonl", "targets.json"])
@pytest.mark.parametrize(
    "harm",
    [
        lambda piece: setattr(piece, "name", ""),
        lambda piece: setattr(piece, "name", "../names.jsonl"),
        lambda piece: unpacked(piece, b'{"entry_id": "x"}\n'),
        lambda piece: setattr(piece, "data", b"nothing packed"),
        lambda piece: unpacked(piece, b"x" * (keeping.PIECE + 1)),
        lambda piece: setattr(piece, "data", piece.data + piece.data),
    ],
    ids=["missing", "elsewhere", "altered", "not packed", "endless", "twice"],
)
def test_a_copy_that_is_not_as_it_was_signed_is_not_used(press, kept, judged, harm, name, monkeypatch):
    piece = KeptPiece.objects.get(name=name)
    harm(piece)
    piece.save()
    tried = []
    monkeypatch.setattr(restoring, "copy_open", lambda *what: tried.append(what) or keeping.copy_open(*what))
    assert [services.list_heal() for _ in range(3)] == [None] * 3
    assert len(tried) == (name == "names.jsonl"), "once an hour at most"
    assert not list(press.folder.iterdir()), "left for a person"
    told = []
    services.edition_restore(told.append)
    assert any("is not used" in step for step in told) == (name == "names.jsonl")
    assert len(judged) == 1, "made anew, and judged"
    assert in_force(press) == {"stays.example", "came.example"}
    assert services.copy_keep() == queries.in_force().version, "and copied anew"


def test_more_pieces_than_were_signed(press, kept):
    row = KeptPiece.objects.get(name="names.jsonl")
    KeptPiece.objects.create(edition_id=row.edition_id, name=row.name, part=1, data=keeping.pack(b"x"))
    assert services.list_heal() is None


def test_files_that_were_altered_are_not_copied_over_a_good_copy(press, lists, judged):
    lists("a.example")
    services.copy_keep()
    lists("b.example")
    services.edition_fold()
    path = press.folder / "current" / "names.jsonl"
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data.replace(b"a.example", b"c.example"))
    with pytest.raises(ListLost):
        services.copy_keep()
    assert set(KeptPiece.objects.filter(name="timestamp.json").values_list("edition__version", flat=True)) == {1}


def test_former_keys_bring_nothing_back(press, lists, judged):
    """Whoever stole keys that were changed since, and writes to the database, has signed a list of their own."""
    lists("a.example")
    stolen = opened.keys()
    rotate_keys(press.keys, root_key=press.keys / "root.pem", new_root_key=None, now=clock.now())
    row = Edition.objects.get(version=1)
    stated = clock.now().replace(microsecond=0)
    forged = ListEntry(str(uuid4()), "dns", "forged.example", "too_slow", stated, stated.date() + timedelta(days=90))
    files = write_files(SignedEdition(1, frozenset({forged}))) | {CHANGES: write_delta(Delta())}
    signed = sign_files(
        1,
        {name: FileDigest.of(data) for name, data in files.items()},
        keys=stolen.service,
        roots=stolen.roots,
        version=1,
        now=row.built_at,
        expires=row.built_at + LIFE,
    )
    for name, data in {**files, **signed}.items():
        KeptPiece.objects.create(edition=row, name=name, part=0, data=keeping.pack(data))
    assert services.copy_keep() is None, "what is in force is not signed by the new keys yet"
    lose(press)
    assert services.list_heal() is None
    services.edition_restore(lambda _step: None)
    assert in_force(press) == {"a.example"}
    assert services.copy_keep() == queries.in_force().version


def test_rows_alone_do_not_say_that_files_are_lost(press, lists, body, judged):
    entry = lists("withdrawn.example")
    services.copy_keep()
    listing.entry_withdraw(actor=body.approver.actor, entry_id=entry.id)
    services.edition_publish()
    Withdrawal.objects.all().delete()
    Entry.objects.update(listed=True, state="active", ended_at=None, end="", ending_told=False)
    row = queries.in_force()
    Edition.objects.filter(id=row.id).update(built_at=row.built_at + timedelta(days=30))
    with pytest.raises(ListLost):
        services.edition_publish()
    assert services.list_heal() is None
    assert in_force(press) == set()


@pytest.mark.parametrize("name", ["names.jsonl", "changes.jsonl", "timestamp.json"])
def test_a_file_that_is_gone_is_noticed_though_the_worker_has_it_open(press, lists, judged, name):
    lists("a.example")
    services.edition_fold()
    services.copy_keep()
    (press.folder / str(queries.in_force().version) / name).unlink()
    with pytest.raises(ListLost):
        services.edition_publish(refresh=True)
    assert services.list_heal() is not None
    assert in_force(press) == {"a.example"}


def test_resolvers_may_hold_another_base_than_the_copy(press, lists, judged):
    lists("a.example")
    services.copy_keep()
    lists("b.example")
    services.edition_fold()
    lose(press)
    assert services.list_heal() is None
    told = []
    services.edition_restore(told.append)
    assert any("a new base was made since" in step for step in told)
    assert in_force(press) == {"a.example", "b.example"}


def test_a_publisher_that_died_while_it_brought_the_list_back(press, kept, body, monkeypatch):
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(store.Draft, "make_current", lambda _draft: (_ for _ in ()).throw(KeyboardInterrupt()))
        services.list_heal()
    assert not [one for one in queries.desk(body.both.actor) if one.url.endswith(str(Edition.objects.count()))]
    assert services.list_heal() is not None
    assert in_force(press) == {"stays.example", "came.example"}
    assert not list(press.folder.glob(".*")), "what it left is gone"


def test_a_note_alone_takes_nothing_off_the_list(press, kept):
    Entry.objects.filter(target="stays.example").update(listed=False)
    told = []
    services.edition_restore(told.append)
    assert any(step.startswith("stays: The entry for stays.example disappears") for step in told)
    assert "stays.example" in in_force(press)


@pytest.mark.parametrize("what", ["withdrawal", "kill"])
def test_nor_does_a_statement_that_nobody_signed(press, kept, monkeypatch, what):
    entry, unsigned = kept["stays.example"], b"0" * 64
    words = withdrawal_statement(str(entry.id), withdrawn_at=clock.now(), reason="withdrawn")
    if what == "kill":
        words = kill_statement(queries.in_force().version + 1 + LEAP, reason="order:x")
    row = Withdrawal(entry=entry, statement=words.decode(), key_id="none", signature=unsigned, at=clock.now())
    row.save()
    monkeypatch.setattr(restoring, "edition_publish", lambda: None)
    services.list_heal()
    assert in_force(press) == {"stays.example", "came.example"}
    files = store.read(press.folder, store.current(press.folder))
    signed = read_edition(files, press.root, clock.now()).statements
    assert not any(unsigned in {each.value for each in one.signatures} for one in signed)


def test_an_edition_carries_no_ending_that_nobody_signed(press, lists):
    entry, _other = lists("a.example"), lists("b.example")
    words = withdrawal_statement(str(entry.id), withdrawn_at=clock.now(), reason="withdrawn")
    Withdrawal.objects.create(entry=entry, statement=words.decode(), key_id="x", signature=b"0" * 64, at=clock.now())
    Entry.objects.filter(id=entry.id).update(state="pending_removal", ended_at=clock.now(), end="withdrawn")
    for _day in range(2):
        services.edition_publish(refresh=True)
        assert in_force(press) == {"a.example", "b.example"}


def test_nor_puts_anything_on_it(press, kept):
    Approval.objects.filter(entry=kept["came.example"], step="activate").update(signature=b"0" * 64)
    told = []
    services.edition_restore(told.append)
    assert any(step.startswith("left out: came.example") for step in told)
    assert in_force(press) == {"stays.example"}
    kept["came.example"].refresh_from_db()
    assert kept["came.example"].refused and not kept["came.example"].listed


def test_nor_brings_back_what_was_withdrawn_since(press, kept):
    Entry.objects.filter(target="went.example").update(listed=True)
    services.edition_restore(lambda _step: None)
    Entry.objects.filter(target="went.example").update(listed=True, state="active", ended_at=None, end="")
    services.edition_publish(refresh=True)
    assert "went.example" not in in_force(press)
    files = store.read(press.folder, store.current(press.folder))
    carried = {s.entry_id for s in read_edition(files, press.root, clock.now()).statements if s.action == "withdraw"}
    assert str(kept["went.example"].id) in carried


def test_a_copy_of_which_all_was_withdrawn_since(press, body, lists, kept):
    for host in ("stays.example", "came.example"):
        listing.entry_withdraw(actor=body.approver.actor, entry_id=kept[host].id)
    Entry.objects.update(listed=False)
    assert services.list_heal() is not None
    assert in_force(press) == set()
    lists("later.example")
    assert in_force(press) == {"later.example"}


def test_what_waits_in_a_ring_waits_on(press, kept, settings):
    settings.RING_SECONDS = (600, 1800)
    Wait.objects.create(entry_id=kept["came.example"].id, ring=0, since=clock.now())
    services.list_heal()
    opened_list = opened.open_edition(opened.keys(), queries.in_force()).listed
    assert [len(opened_list.for_ring(ring)) for ring in (0, 1, 2)] == [2, 1, 1]


def test_the_kill_switch_keeps_a_list_away_until_it_is_lifted(press, body, kept):
    services.kill_switch(actor=SYSTEM, reason="a test")
    assert services.list_heal() is None
    assert services.copy_keep() is None, "its order belongs to one edition"
    services.kill_lift(actor=body.approver.actor)
    assert services.list_heal() is not None
    assert in_force(press) == {"stays.example", "came.example"}


def test_what_is_lost_again_within_the_hour_is_for_a_person(press, kept, frozen):
    services.list_heal()
    lose(press)
    assert services.list_heal() is None
    frozen.shift(timedelta(hours=1, seconds=1))
    assert services.list_heal() is not None
