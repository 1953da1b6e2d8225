"""Tampering with the audit log, by ever stronger hands.

CARELESS changes rows only. DATABASE also computes the chain anew (a database superuser). EVERYTHING also holds the log's
key and signs new checkpoints (the whole platform is lost): only the witness is left.
"""

import json
import random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mamori.engine.transparency.audit import Kind, verify_log
from mamori.engine.transparency.chain import GENESIS, ChainedEvent, canonical, link
from mamori.engine.transparency.checkpoint import Checkpoint, sign_checkpoint
from mamori.engine.transparency.merkle import Tree
from mamori.engine.transparency.note import NoteSigner, SignedNote

LOG = NoteSigner("log.example", Ed25519PrivateKey.from_private_bytes(b"l" * 32))
WITNESS = NoteSigner("witness.example/w1", Ed25519PrivateKey.from_private_bytes(b"w" * 32))
SIZES = (10, 20, 30)
EVENTS = [canonical({"at": 1_700_000_000 + 60 * n, "code": "item.assessed", "item": n}) for n in range(1, 31)]


def sealed(events):
    rows, previous = [], GENESIS
    for seq, event in enumerate(events, 1):
        digest = link(previous, seq, event)
        rows.append(ChainedEvent(seq, event, previous, digest))
        previous = digest
    return rows


def signed(rows, sizes=SIZES):
    tree = Tree()
    tree.extend(row.hash for row in rows)
    return [sign_checkpoint(Checkpoint("log.example", n, tree.root(n)), LOG) for n in sizes if n <= len(rows)]


def cosigned(notes):
    return [
        str((note := SignedNote.parse(raw)).add([WITNESS.cosign(note.text, 1_700_000_000 + n)]))
        for n, raw in enumerate(notes)
    ]


ROWS = sealed(EVENTS)
NOTES = signed(ROWS)
SEEN = cosigned(NOTES)


def retimed(event, other):
    return canonical(json.loads(event) | {"at": json.loads(other)["at"]})


def with_event(seq, event):
    return [*ROWS[: seq - 1], ROWS[seq - 1]._replace(event=event), *ROWS[seq:]]


def swapped(one, two):
    rows = list(ROWS)
    rows[one - 1], rows[two - 1] = rows[two - 1], rows[one - 1]
    return rows


def renumbered(rows):
    return [row._replace(seq=seq) for seq, row in enumerate(rows, 1)]


NEW = canonical({"at": 1_700_000_000, "code": "item.assessed", "item": 99})
EDITED = canonical({"at": 1_700_000_900, "code": "item.closed", "item": 15})
EXTRA = ChainedEvent(15, NEW, ROWS[13].hash, link(ROWS[13].hash, 15, NEW))

# kind -> (rows changed carelessly, in one or more ways), the events an attacker would seal anew
CARELESS = {
    "edit": [(with_event(15, EDITED), Kind.EDITED, 15), (with_event(30, EDITED), Kind.EDITED, 30)],
    "delete": [
        (ROWS[:14] + ROWS[15:], Kind.DELETED, 15),
        (ROWS[:14] + ROWS[20:], Kind.DELETED, 15),
        (ROWS[1:], Kind.DELETED, 1),
        (renumbered(ROWS[:14] + ROWS[15:]), Kind.DELETED, 15),
        (with_event(15, b"null"), Kind.DELETED, 15),
    ],
    "insert": [
        ([*ROWS[:15], EXTRA, *ROWS[15:]], Kind.INSERTED, 15),
        (renumbered([*ROWS[:14], EXTRA, *ROWS[14:]]), Kind.INSERTED, 15),
    ],
    "reorder": [
        (swapped(15, 16), Kind.REORDERED, 15),
        (renumbered(swapped(13, 22)), Kind.REORDERED, 13),
        (with_event(13, EVENTS[21])[:21] + with_event(22, EVENTS[12])[21:], Kind.REORDERED, 13),
    ],
    "truncate": [(ROWS[:25], Kind.TRUNCATED, 25), ([], Kind.TRUNCATED, 0)],
    "times": [
        (
            with_event(13, retimed(EVENTS[12], EVENTS[21]))[:21] + with_event(22, retimed(EVENTS[21], EVENTS[12]))[21:],
            Kind.TIMES_SWAPPED,
            13,
        )
    ],
    "replace": [([*ROWS[:14], EXTRA, *ROWS[15:]], Kind.EDITED, 15)],
}
FORGED = {
    "edit": [*EVENTS[:14], EDITED, *EVENTS[15:]],
    "delete": EVENTS[:14] + EVENTS[15:],
    "insert": [*EVENTS[:14], NEW, *EVENTS[14:]],
    "reorder": [*EVENTS[:12], EVENTS[21], *EVENTS[13:21], EVENTS[12], *EVENTS[22:]],
    "truncate": EVENTS[:25],
    "times": [
        *EVENTS[:12],
        retimed(EVENTS[12], EVENTS[21]),
        *EVENTS[13:21],
        retimed(EVENTS[21], EVENTS[12]),
        *EVENTS[22:],
    ],
    "rewrite": [retimed(event, NEW) for event in EVENTS],
    "rewrite longer": [NEW] * 40,
}


def check(rows, notes=(), seen=(), log_key=LOG.key, witness_keys=(WITNESS.cosigning_key,)):
    return verify_log(rows, notes, seen, log_key, witness_keys)


def kinds(report):
    return {finding.kind for finding in report.findings}


def test_an_honest_log_is_ok_with_and_without_anchors():
    report = check(ROWS, NOTES, SEEN)
    assert (report.findings, report.events, report.anchored, report.witnessed) == ((), 30, 30, 30)
    assert report.head == ROWS[-1].hash
    assert report.root == Checkpoint.parse(SignedNote.parse(NOTES[-1]).text).root
    assert check(ROWS, NOTES, witness_keys=()).ok
    assert check(ROWS, log_key=None, witness_keys=()).ok
    assert check([], witness_keys=()).ok


def test_events_after_the_newest_checkpoint_are_counted_as_not_anchored():
    report = check(ROWS[:27], NOTES[:2], SEEN[:1])
    assert (report.ok, report.events, report.anchored, report.witnessed) == (True, 27, 20, 10)


@pytest.mark.parametrize("notes, seen", [((), ()), (NOTES, ()), (NOTES, SEEN)], ids=["chain", "checkpoints", "witness"])
@pytest.mark.parametrize("what", [what for what in CARELESS if what != "truncate"])
def test_careless_changes_are_named_by_the_chain_alone(what, notes, seen):
    for rows, kind, seq in CARELESS[what]:
        report = check(rows, notes, seen, LOG.key if notes else None, (WITNESS.cosigning_key,) if seen else ())
        found = [finding for finding in report.findings if finding.kind == kind]
        assert found, (what, report.findings)
        assert found[0].seq == seq
        assert str(seq) in found[0].message
        if what in {"edit", "times", "replace"}:
            assert kinds(report) - {kind} <= {Kind.REWRITTEN}


@pytest.mark.parametrize(("rows", "kind", "seq"), CARELESS["truncate"])
def test_a_cut_tail_is_seen_with_checkpoints_and_only_with_them(rows, kind, seq):
    assert check(rows, log_key=None, witness_keys=()).ok
    for report in (check(rows, NOTES, witness_keys=()), check(rows, NOTES[:1] if rows else [], SEEN)):
        assert (kind, seq) in {(f.kind, f.seq) for f in report.findings}
    assert any("the last events are missing" in f.message for f in check(rows, NOTES, SEEN).findings)


@pytest.mark.parametrize("what", FORGED)
def test_a_chain_computed_anew_is_seen_by_checkpoints(what):
    rows = sealed(FORGED[what])
    assert check(rows, log_key=None, witness_keys=()).ok, "the chain alone cannot see this"
    report = check(rows, NOTES, witness_keys=())
    assert kinds(report) & {Kind.REWRITTEN, Kind.TRUNCATED}
    if what != "truncate":
        (finding,) = [f for f in report.findings if f.kind is Kind.REWRITTEN]
        assert finding.seq == (10 if what.startswith("rewrite") else 20)
        assert "computed anew" in finding.message
    assert check(rows, [], [], LOG.key, ()).findings[0].kind is Kind.NO_ANCHOR, "checkpoints thrown away"


@pytest.mark.parametrize("what", FORGED)
def test_a_log_signed_anew_with_its_own_key_is_seen_by_the_witness_only(what):
    rows = sealed(FORGED[what])
    notes = signed(rows, (*SIZES, 25))
    assert check(rows, notes, witness_keys=()).ok, "who holds everything can satisfy everything but the witness"
    report = check(rows, notes, SEEN)
    assert kinds(report) & {Kind.REWRITTEN, Kind.TRUNCATED}
    if what != "truncate":
        assert Kind.FORKED in kinds(report)
        assert report.witnessed < report.anchored
    assert kinds(check(rows, notes, [])) == {Kind.NO_ANCHOR}, "the witness's checkpoints thrown away"


def test_a_forked_checkpoint_is_seen_even_when_the_log_is_whole():
    fork = signed(sealed(FORGED["edit"]), (20,))
    report = check(ROWS, [*NOTES, *fork], witness_keys=())
    assert [f.seq for f in report.findings if f.kind is Kind.FORKED] == [20]
    assert Kind.FORKED in kinds(check(ROWS, NOTES, [*SEEN, *fork])), "the witness kept it without cosigning it"
    report = check(ROWS, NOTES, cosigned(fork))
    assert "two different histories of 20 events" in " ".join(f.message for f in report.findings)


def test_exchanged_times_of_checkpoints_spoil_their_cosignatures():
    first, second = (SignedNote.parse(raw) for raw in SEEN[:2])
    lines = [note.signatures[1] for note in (first, second)]
    times = [line.signature[:8] for line in lines]
    for note, line, other in ((first, lines[0], times[1]), (second, lines[1], times[0])):
        altered = SignedNote(
            note.text, (note.signatures[0], type(line)(line.name, line.key_id, other + line.signature[8:]))
        )
        report = check(ROWS, NOTES, [*SEEN, str(altered)])
        assert kinds(report) == {Kind.BAD_CHECKPOINT}


def test_checkpoints_that_are_not_the_logs_or_not_cosigned_are_refused():
    other = NoteSigner("log.example", Ed25519PrivateKey.from_private_bytes(b"o" * 32))
    foreign = sign_checkpoint(Checkpoint("log.example", 30, bytes(32)), other)
    assert kinds(check(ROWS, [*NOTES, foreign, "rubbish"], SEEN)) == {Kind.BAD_CHECKPOINT}
    report = check(ROWS, NOTES, [*SEEN, NOTES[0]])
    assert "no cosignature" in report.findings[0].message


def test_many_faults_are_counted_not_listed_without_end():
    rows = [row._replace(event=b'{"x":1}') for row in sealed([b"{}"] * 300)]
    report = check(rows, log_key=None, witness_keys=())
    assert (len(report.findings), report.more) == (50, 250)


def test_a_changed_number_is_one_finding():
    report = check([*ROWS[:3], ROWS[3]._replace(seq=2**40 + 4), *ROWS[4:]], NOTES, SEEN)
    assert [(f.kind, f.seq) for f in report.findings] == [(Kind.EDITED, 4)]


def test_absurd_numbers_and_hashes_are_findings_not_crashes():
    for row in (
        ROWS[3]._replace(seq=-5),
        ROWS[3]._replace(seq=2**70),
        ROWS[3]._replace(previous=b"short"),
        ROWS[3]._replace(hash=b""),
        ROWS[3]._replace(event=b"[]"),
    ):
        assert not check([*ROWS[:3], row, *ROWS[4:]], log_key=None, witness_keys=()).ok


def test_a_thousand_single_bit_flips_are_all_seen():
    chance = random.Random(2026)
    for _ in range(1000):
        place = chance.randrange(len(ROWS))
        row = ROWS[place]
        name = chance.choice(["seq", "event", "previous", "hash"])
        if name == "seq":
            flipped = row.seq ^ (1 << chance.randrange(40))
        else:
            value = getattr(row, name)
            flipped = (int.from_bytes(value) ^ (1 << chance.randrange(len(value) * 8))).to_bytes(len(value))
        rows = [*ROWS[:place], row._replace(**{name: flipped}), *ROWS[place + 1 :]]
        assert not check(rows, NOTES, SEEN).ok
        assert not check(rows, log_key=None, witness_keys=()).ok


def test_a_flipped_bit_in_a_checkpoint_is_seen():
    chance = random.Random(2027)
    for _ in range(300):
        raw = bytearray(SEEN[1].encode())
        raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
        text = raw.decode("utf-8", "replace")
        assert not check(ROWS, NOTES, [text]).ok


def test_two_hundred_thousand_rows_are_verified():
    rows = sealed(EVENTS[0] for _ in range(200_000))
    notes = signed(rows, range(1000, 200_001, 1000))
    assert check(rows, notes, cosigned(notes)).witnessed == 200_000
