"""The bank by its services: two persons, a feed that misses nothing, what a partner is told."""

import io
import json
import time
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import transaction

from mamori.ground import clock
from mamori.ground.actors import Actor
from mamori.ground.errors import DomainError
from mamori.ground.letters.models import Letter
from mamori.lists.fingerprints import codes, queries, services
from mamori.lists.fingerprints.formats import Format
from mamori.lists.fingerprints.models import Change, Disagreement, Entry, Fingerprint
from mamori.lists.fingerprints.services import NewFingerprint
from tests.hotline.intake_steps import audit_rows
from tests.together import together

PDQ = bytes(range(32))


def near(value, bits):
    return (int.from_bytes(value) ^ ((1 << bits) - 1)).to_bytes(32)


def test_a_shared_entry_waits_for_a_second_person(bank, add):
    entry = add()
    assert (entry.state, entry.sharing) == ("proposed", "partners")
    assert queries.all_in_force() == []

    with pytest.raises(DomainError, match="second_person_needed"):
        services.entry_confirm(actor=bank.ann.actor, entry_id=entry.id)
    services.entry_confirm(actor=bank.ben.actor, entry_id=entry.id)

    [value] = queries.all_in_force()
    assert (value.entry_id, value.algorithm, len(value.value)) == (entry.id, "md5", 16)
    assert [(c.entry_id, c.kind) for c in queries.changes_since(0)] == [(entry.id, "add")]
    entry.refresh_from_db()
    assert entry.number > 0


def test_our_own_entry_is_in_force_at_once_and_told_to_no_partner(bank, add):
    entry = add("own")
    [value] = queries.fingerprints_in_force([entry.id])
    assert queries.matched(bank.partner, [value.id]) == {}
    assert queries.matched(bank.sue.actor, [value.id])[value.id].entry_id == entry.id

    with pytest.raises(DomainError, match="second_person_needed"):
        services.entry_share(actor=bank.ann.actor, entry_id=entry.id)
    services.entry_share(actor=bank.ben.actor, entry_id=entry.id)
    assert queries.matched(bank.partner, [value.id])[value.id].source_code == "own"
    assert [c.kind for c in queries.changes_since(0)] == ["add", "update"]


def test_the_same_reference_again_adds_nothing(bank, add):
    assert add(ref="x").id == add(ref="x").id
    assert Entry.objects.count() == 1


def test_a_withdrawal_is_a_tombstone_everywhere(bank, shared):
    entry = shared(pdq=PDQ)
    [value], before = queries.all_in_force(), queries.last_change()
    services.entry_withdraw(actor=bank.ann.actor, entry_id=entry.id, reason="mistake")

    assert queries.all_in_force() == []
    assert queries.matched(bank.partner, [value.id]) == {}
    assert [c.kind for c in queries.changes_since(before)] == ["withdraw"]
    assert [f.id for f in queries.fingerprints_of([entry.id])] == [value.id]
    start = clock.now() - timedelta(days=1)
    page = queries.entries_changed(start, start + timedelta(days=2), actor=bank.partner)
    assert [(e.id, e.deleted) for e in page.entries] == [(entry.id, True)]
    with pytest.raises(DomainError):
        services.entry_confirm(actor=bank.ben.actor, entry_id=entry.id)


def test_pages_of_changes_are_in_order_and_whole(bank, shared):
    made = []
    for _n in range(5):
        made.append(shared().id)
        bank.clock.shift(timedelta(seconds=1))
    start, end, key, seen = clock.now() - timedelta(days=1), clock.now(), None, []
    while True:
        page = queries.entries_changed(start, end, key, 2, actor=bank.partner)
        seen += [e.id for e in page.entries]
        if (key := page.next_key) is None:
            break
    assert seen == made
    with pytest.raises(DomainError):
        queries.entries_changed(start, end, actor=Actor("partner", id=uuid4(), organisation_id=bank.provider.id))


def test_a_partner_proposes_to_its_own_source_only_and_never_puts_in_force(bank, run_jobs):
    values = [NewFingerprint("pdq", PDQ, 90)]
    arguments = {"media": "image", "classification": "national", "fingerprints": values}
    entry = services.entry_add(actor=bank.partner, source_code="provider", source_ref="1", **arguments)
    assert entry.state == "proposed"
    for code in ("ngo", "own", "nobody"):
        with pytest.raises(DomainError, match="not_found"):
            services.entry_add(actor=bank.partner, source_code=code, source_ref="1", **arguments)
    with pytest.raises(DomainError, match="not_found"):
        services.entry_withdraw(
            actor=Actor("partner", id=uuid4(), organisation_id=uuid4(), scopes=bank.partner.scopes), entry_id=entry.id
        )
    services.entry_confirm(actor=bank.ann.actor, entry_id=entry.id)
    services.entry_withdraw(actor=bank.partner, entry_id=entry.id)
    run_jobs()
    entry.refresh_from_db()
    assert (entry.state, entry.end) == ("withdrawn", "source")


def test_a_denial_makes_an_entry_disputed_until_a_reviewer_settles_it(bank, shared, run_jobs):
    entry = shared()
    [value] = queries.all_in_force()
    services.vote_record(actor=bank.partner, entry_id=entry.id, verdict="deny", reason="adult")
    services.vote_record(actor=bank.partner, entry_id=entry.id, verdict="deny", reason="adult")
    run_jobs()
    assert queries.matched(bank.partner, [value.id])[value.id].disputed
    [vote] = queries.votes_of([entry.id])[entry.id]
    assert (vote.organisation, vote.verdict, vote.reason) == ("A Provider", "deny", "adult")
    [row] = Disagreement.objects.all()
    with pytest.raises(DomainError, match="forbidden"):
        services.disagreement_settle(actor=bank.ann.actor, disagreement_id=row.id)
    services.disagreement_settle(actor=bank.sue.actor, disagreement_id=row.id)
    assert not queries.matched(bank.partner, [value.id])[value.id].disputed


@pytest.mark.django_db(transaction=True)
def test_two_workers_that_notice_the_same_open_one_disagreement(bank, add):
    digest = uuid4().bytes
    one, two = add(md5=digest), add("own", md5=digest, classification="national")

    def slowly(entry):
        with transaction.atomic():
            found = services.entry_compare(entry_id=entry.id)
            time.sleep(0.5)
        return found

    assert sorted(together(lambda: slowly(one), lambda: slowly(two))) == [0, 1]
    assert Disagreement.objects.count() == 1


def test_sources_that_differ_about_one_digest_or_a_near_value_are_shown(bank, shared, add, run_jobs):
    digest = uuid4().bytes
    one, two = shared(md5=digest, classification="baseline_1"), add(md5=digest, classification="national")
    three, four = add(pdq=PDQ, classification="baseline"), add(pdq=near(PDQ, 31), classification="national_2")
    add(pdq=near(PDQ, 32), classification="national_2")
    add(md5=digest, classification="unsorted")
    run_jobs()
    found = {(d.kind, frozenset({d.entry_id, d.other_id}), d.distance) for d in Disagreement.objects.all()}
    assert found == {("same", frozenset({one.id, two.id}), 0), ("similar", frozenset({three.id, four.id}), 31)}


def test_a_withdrawal_settles_what_was_open_about_the_entry_and_leaves_the_other_undisputed(bank, shared, run_jobs):
    digest = uuid4().bytes
    wrong, right = shared(md5=digest, classification="baseline"), shared(md5=digest, classification="national")
    apart = shared(classification="baseline")
    run_jobs()
    services.vote_record(actor=bank.partner, entry_id=wrong.id, verdict="deny", reason="adult")
    services.vote_record(actor=bank.partner, entry_id=apart.id, verdict="deny", reason="adult")
    assert Disagreement.objects.filter(state="open").count() == 3
    services.entry_withdraw(actor=bank.ann.actor, entry_id=wrong.id, reason="dispute")
    ended = Disagreement.objects.filter(state="settled").values_list("kind", "outcome", "settled_by_id")
    assert sorted(ended) == [("same", "withdrawn", bank.ann.id), ("vote", "withdrawn", bank.ann.id)]
    assert [row["codes"] for row in audit_rows("fingerprints.disagreement_settled")] == [
        {"was": "open", "now": "settled", "outcome": "withdrawn"}
    ] * 2
    told = {view.entry_id: view.disputed for view in queries.matched(bank.partner, ids_of(right, apart)).values()}
    assert told == {right.id: False, apart.id: True}


def test_the_withdrawal_of_an_import_settles_what_its_entries_were_disputed_for(bank, shared, run_jobs):
    digest = uuid4().bytes
    kept = shared(md5=digest, classification="national")
    record = {"MD5": digest.hex(), "Category": 1}
    data = json.dumps({"@odata.context": "x#Media", "value": [record]}).encode()
    run = services.import_file(
        actor=bank.sue.actor, source_code="own", form=Format.VICS_2, stream=io.BytesIO(data), profile="icse"
    )
    run_jobs()
    [row] = Disagreement.objects.all()
    services.import_withdraw(actor=bank.ann.actor, import_id=run.id)
    run_jobs()
    row.refresh_from_db()
    assert (row.state, row.outcome, row.settled_by) == ("settled", "withdrawn", None)
    assert not queries.matched(bank.partner, ids_of(kept))[ids_of(kept)[0]].disputed


def test_it_is_settled_as_what_happened(bank, shared):
    entry = shared()
    services.vote_record(actor=bank.partner, entry_id=entry.id, verdict="deny", reason="other_class")
    [row] = Disagreement.objects.all()

    def settle(outcome):
        services.disagreement_settle(actor=bank.sue.actor, disagreement_id=row.id, outcome=outcome)

    for outcome, code in (("withdrawn", "bad_outcome"), ("x", "bad_outcome"), ("reclassified", "not_classified")):
        with pytest.raises(DomainError, match=code):
            settle(outcome)
    services.entry_classify(actor=bank.sue.actor, entry_id=entry.id, classification="national")
    settle("reclassified")
    row.refresh_from_db()
    assert (row.outcome, row.settled_by_id) == ("reclassified", bank.sue.id)


def ids_of(*entries):
    return [view.id for view in queries.fingerprints_of([entry.id for entry in entries])]


def test_a_flood_in_the_first_days_is_held_and_can_be_released(bank, shared, run_jobs, settings):
    assert settings.FLOOD_HITS == 200
    settings.FLOOD_HITS = 30
    entry = shared()
    assert services.hits_record({entry.id: settings.FLOOD_HITS - 1, uuid4(): 5}) == []
    assert services.hits_record({entry.id: 1}) == [entry.id]
    run_jobs()
    entry.refresh_from_db()
    assert (entry.state, queries.all_in_force()) == ("quarantined", [])
    assert [c.kind for c in queries.changes_since(0)] == ["add", "withdraw"]
    bank.clock.shift(timedelta(days=3))  # who looks days later sees what it was held for
    assert queries.day_hits(bank.sue.actor, entry.id) == settings.FLOOD_HITS
    with pytest.raises(DomainError, match="forbidden"):
        services.entry_release(actor=bank.ann.actor, entry_id=entry.id)
    services.entry_release(actor=bank.sue.actor, entry_id=entry.id)
    assert len(queries.all_in_force()) == 1
    assert services.hits_record({entry.id: settings.FLOOD_HITS}) == []


def test_an_old_entry_is_never_held(bank, shared, settings):
    entry = shared()
    bank.clock.shift(timedelta(days=8))
    assert services.hits_record({entry.id: settings.FLOOD_HITS * 10}) == []


def test_the_negative_bank_disputes_and_tells_the_source_and_overrules_nothing(bank, shared, run_jobs):
    digest = uuid4().bytes
    exact, similar = shared(md5=digest), shared(pdq=near(PDQ, 12))
    for algorithm, value in (("md5", digest), ("pdq", PDQ)):
        row = services.harmless_propose(
            actor=bank.ann.actor, algorithm=algorithm, value=value, reason="A stock picture of the sea."
        )
        assert queries.harmless_in_force() == [] or algorithm == "pdq"
        with pytest.raises(DomainError, match="second_person_needed"):
            services.harmless_confirm(actor=bank.ann.actor, harmless_id=row.id)
        services.harmless_confirm(actor=bank.ben.actor, harmless_id=row.id)
    run_jobs()
    assert {h.algorithm for h in queries.harmless_in_force()} == {"md5", "pdq"}
    found = {(d.entry_id, d.distance) for d in Disagreement.objects.filter(kind="harmless")}
    assert found == {(exact.id, 0), (similar.id, 12)}
    assert len(queries.all_in_force()) == 2
    ids = [v.id for v in queries.all_in_force()]
    assert all(m.disputed for m in queries.matched(bank.partner, ids).values())
    letter = Letter.objects.filter(to="bank@ngo.example").order_by("id")[0]
    assert set(Letter.objects.values_list("to", flat=True)) == {"bank@ngo.example"}
    assert "確認のお願い / Please look at your entry" in letter.subject
    bank.clock.shift(timedelta(days=181))
    assert services.harmless_expire() == 2
    assert queries.harmless_in_force() == []
    assert not Disagreement.objects.filter(state="open").exists()


def test_a_value_of_low_quality_is_kept_and_not_matched(bank):
    entry = services.entry_add(
        actor=bank.ann.actor, source_code="own", source_ref="low", media="image", classification="national",
        fingerprints=[NewFingerprint("pdq", PDQ, 49), NewFingerprint("md5", bytes(16))],
    )  # fmt: skip
    assert [v.algorithm for v in queries.fingerprints_in_force([entry.id])] == ["md5"]
    assert Fingerprint.objects.count() == 2


def test_counts_are_counts_only(bank):
    day = clock.now().date()
    for _n in range(2):
        services.examined_record(organisation_id=bank.provider.id, day=day, examined=100, similar=2, same=1)
    assert queries.examined(since=day, until=day) == {"examined": 200, "similar": 4, "same": 2}
    assert Change.objects.count() == 0


SAID = [
    ("baseline_1", "us", "A1"), ("baseline_2", "us", "A2"), ("baseline", "iccam", "BA"), ("national_1", "us", "B1"),
    ("national", "iwf", "A"), ("national", "iwf", "C"), ("national", "vics:uk", "1"), ("national", "vics:uk", "3"),
    ("national", "jp", "JP-2-3-1"), ("national", "jp", "JP-2-3-2"), ("national", "", ""), ("unsorted", "", ""),
]  # fmt: skip


def test_two_sources_that_class_one_picture_otherwise_on_the_same_scale_disagree(bank):
    """By an equal digest and by near values: what `codes.disagree` says of each two, and no more."""
    made = []
    for number, (kind, scale, stated) in enumerate(SAID):
        for source in ("own", "ngo"):
            entry = services.entry_add(
                actor=bank.ann.actor,
                source_code=source,
                source_ref=f"said {number}",
                media="image",
                classification=kind,
                scale=scale,
                stated=stated,
                fingerprints=[NewFingerprint("md5", b"m" * 16), NewFingerprint("pdq", PDQ[:-1] + bytes([number]), 90)],
            )
            made.append((entry.id, (kind, scale, stated)))
    for entry, _said in made:
        services.entry_compare(entry_id=entry)
    expected = {
        frozenset((one, other))
        for one, said in made
        for other, also in made
        if one != other and codes.disagree(said, also)
    }
    for kind in ("same", "similar"):
        found = Disagreement.objects.filter(kind=kind).values_list("entry_id", "other_id")
        assert {frozenset(pair) for pair in found} == expected
    words = {frozenset((a[2], b[2])) for a in SAID for b in SAID if codes.disagree(a, b)}
    assert {frozenset(("A1", "A2")), frozenset("AC"), frozenset(("A", "3")), frozenset(("BA", "B1"))} <= words
    assert not {frozenset(("BA", "A1")), frozenset(("A", "1")), frozenset(("JP-2-3-1", "JP-2-3-2"))} & words
