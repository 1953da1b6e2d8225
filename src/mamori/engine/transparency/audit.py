"""Verify a whole audit log: its chain, the checkpoints its own key signed and those a witness cosigned.

What each anchor proves: the chain alone shows careless changes; the log's checkpoints show changes by someone without
the log's key; checkpoints from the witness's own storage show changes by someone who holds everything of the platform.
Events after the newest checkpoint are covered by the chain only (`LogReport.anchored`, `.witnessed`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from itertools import combinations

from mamori.engine.transparency.chain import DOMAIN, GENESIS, ChainedEvent, canonical, link
from mamori.engine.transparency.checkpoint import OpenCheckpoint, open_checkpoint
from mamori.engine.transparency.merkle import EMPTY_ROOT, HASH_SIZE, fold_peaks, leaf_hash, node_hash
from mamori.engine.transparency.note import NoteError, NoteKey

MAX_FINDINGS = 50
_MAX_SEQ = 2**62
GONE = b"null"  # stands for an event that is gone although its seal is there
TIME_FIELD = "at"  # the field of an event that holds its time


class Kind(StrEnum):
    """What was found."""

    EDITED = "edited"
    DELETED = "deleted"
    INSERTED = "inserted"
    REORDERED = "reordered"
    TIMES_SWAPPED = "times_swapped"
    TRUNCATED = "truncated"
    REWRITTEN = "rewritten"
    FORKED = "forked"
    BAD_CHECKPOINT = "bad_checkpoint"
    NO_ANCHOR = "no_anchor"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Finding:
    """One fault in plain words; `seq` is the event (or tree size, or line) it is about, if any."""

    kind: Kind
    seq: int | None
    message: str


@dataclass(frozen=True)
class LogReport:
    """`events` read, the chain's `head` and Merkle `root`; `anchored` and `witnessed`: the largest size whose root fits
    a checkpoint of the log and of a witness. `more`: findings beyond the first MAX_FINDINGS."""

    events: int
    head: bytes
    root: bytes
    anchored: int
    witnessed: int
    findings: tuple[Finding, ...]
    more: int = 0

    @property
    def ok(self) -> bool:
        return not self.findings


@dataclass
class _Scan:
    """State of one reading of the rows."""

    findings: list[Finding] = field(default_factory=list)
    more: int = 0
    events: int = 0
    highest: int = 0
    head: bytes = GENESIS
    shift: int = 0
    tainted: bool = False  # the row before was faulty, which explains why this one does not follow
    aligned: bool = True  # row number n is still leaf n
    missing: set[int] = field(default_factory=set)
    broken: list[ChainedEvent] = field(default_factory=list)

    def note(self, kind: Kind, seq: int | None, message: str) -> None:
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(Finding(kind, seq, message))
        else:
            self.more += 1


def verify_log(
    rows: Iterable[ChainedEvent],
    checkpoints: Iterable[str],
    witness_checkpoints: Iterable[str],
    log_key: NoteKey | None,
    witness_keys: Sequence[NoteKey],
) -> LogReport:
    """Check rows (in log order) against signed checkpoint notes of the log and cosigned ones from the witness.

    Without `log_key` only the chain is checked. With it, at least one checkpoint must be given; with `witness_keys`, at
    least one cosigned by them.
    """
    scan = _Scan()
    own, witnessed = _open(scan, checkpoints, witness_checkpoints, log_key, witness_keys)
    wanted = {item.checkpoint.size for item in (*own, *witnessed)}
    roots = {0: EMPTY_ROOT}
    peaks: list[bytes] = []
    for row in rows:
        seq, event, previous, digest = row
        if (
            seq == scan.highest + 1
            and previous == scan.head
            and digest == sha256(DOMAIN + previous + seq.to_bytes(8) + event).digest()
        ):
            scan.tainted, scan.highest = False, seq
        else:
            _diagnose(scan, row)
        scan.head = digest
        node, count = leaf_hash(digest), scan.events
        while count & 1:
            node, count = node_hash(peaks.pop(), node), count >> 1
        peaks.append(node)
        scan.events += 1
        if scan.events in wanted and scan.aligned:
            roots[scan.events] = fold_peaks(peaks)
    _explain(scan)
    _compare(scan, own, witnessed, roots)
    if log_key and scan.events and not own:
        scan.note(Kind.NO_ANCHOR, None, "no valid checkpoint of the log was given: a rewritten log would not be seen")
    if witness_keys and scan.events and not witnessed:
        scan.note(
            Kind.NO_ANCHOR, None, "no checkpoint of a witness was given: a log rewritten with its key would not be seen"
        )
    return LogReport(
        scan.events,
        scan.head,
        fold_peaks(peaks),
        _anchored(own, roots),
        _anchored(witnessed, roots),
        tuple(scan.findings),
        scan.more,
    )


def _open(
    scan: _Scan,
    checkpoints: Iterable[str],
    witness_checkpoints: Iterable[str],
    log_key: NoteKey | None,
    witness_keys: Sequence[NoteKey],
) -> tuple[list[OpenCheckpoint], list[OpenCheckpoint]]:
    own: list[OpenCheckpoint] = []
    witnessed: list[OpenCheckpoint] = []
    if log_key is None:
        return own, witnessed
    for number, raw in enumerate(checkpoints, 1):
        try:
            own.append(open_checkpoint(raw, log_key))
        except NoteError as error:
            scan.note(Kind.BAD_CHECKPOINT, None, f"checkpoint {number} of the log is not valid: {error}")
    for number, raw in enumerate(witness_checkpoints, 1):
        try:
            found = open_checkpoint(raw, log_key, witness_keys)
            (witnessed if found.cosignatures else own).append(found)  # what only the log signed may still prove a fork
            if not found.cosignatures:
                raise NoteError("it carries no cosignature of a trusted witness")
        except NoteError as error:
            scan.note(Kind.BAD_CHECKPOINT, None, f"checkpoint {number} of the witness is not valid: {error}")
    return own, witnessed


def _diagnose(scan: _Scan, row: ChainedEvent) -> None:
    """Name what is wrong with a row that is not the next link, and take up the thread behind it."""
    expected, tainted = scan.highest + 1, scan.tainted
    scan.tainted = True
    fits = row.hash == _link(row, row.seq)
    renumbered = row.previous == scan.head and row.hash == _link(row, expected)
    if renumbered or not 0 < row.seq < _MAX_SEQ:
        scan.note(Kind.EDITED, expected, f"event {expected} bears the number {row.seq}: it was edited")
        scan.tainted, scan.highest = not renumbered, expected
        return
    if row.seq > expected:
        scan.aligned = False
        scan.missing.update(range(expected, min(row.seq, expected + 10_000)))
        many = f"events {expected} to {row.seq - 1} are" if row.seq - 1 > expected else f"event {expected} is"
        scan.note(Kind.DELETED, expected, f"{many} missing")
    elif row.seq < expected:
        scan.aligned = False
        if row.seq in scan.missing:
            scan.missing.discard(row.seq)
            scan.findings = [f for f in scan.findings if (f.kind, f.seq) != (Kind.DELETED, row.seq)]
            scan.note(Kind.REORDERED, row.seq, f"event {row.seq} is out of order: it stands after event {scan.highest}")
        else:
            scan.note(Kind.INSERTED, row.seq, f"event {row.seq} is there a second time: an event was inserted")
    elif fits and row.previous != scan.head:
        if not tainted:
            scan.note(
                Kind.EDITED, row.seq - 1, f"event {row.seq - 1} was replaced: event {row.seq} was sealed after another"
            )
        scan.tainted = False
    elif scan.shift and row.hash == _link(row, row.seq - scan.shift):
        scan.tainted = False
    elif row.previous != scan.head and row.hash == _link(row, row.seq - 1):
        scan.shift, scan.tainted = 1, False
        scan.note(
            Kind.INSERTED, row.seq - 1, f"event {row.seq - 1} was inserted: event {row.seq} was sealed as {row.seq - 1}"
        )
    elif row.previous != scan.head and row.hash == _link(row, row.seq + 1):
        scan.shift, scan.tainted = -1, False
        scan.note(Kind.DELETED, row.seq, f"an event before event {row.seq} is missing: it was sealed as {row.seq + 1}")
    else:
        scan.broken.append(row)
        if len(scan.broken) > MAX_FINDINGS:
            scan.more += 1
    scan.highest = max(scan.highest, row.seq)


def _link(row: ChainedEvent, seq: int) -> bytes | None:
    """The hash the row would have under the number `seq`; None where there is no such number."""
    return link(row.previous, seq, row.event) if 0 < seq < _MAX_SEQ and len(row.previous) == HASH_SIZE else None


def _explain(scan: _Scan) -> None:
    """Findings for rows whose content does not fit their hash: exchanged with one another, or edited."""
    broken = {row.seq: row for row in scan.broken[:MAX_FINDINGS]}
    for one, two in combinations(list(broken.values()), 2):
        if one.seq not in broken or two.seq not in broken:
            continue
        if _exchanged(one, two):
            kind, what = Kind.REORDERED, "changed places"
        elif _times_exchanged(one, two):
            kind, what = Kind.TIMES_SWAPPED, "had their times exchanged"
        else:
            continue
        scan.note(kind, one.seq, f"events {one.seq} and {two.seq} {what}")
        del broken[one.seq], broken[two.seq]
    for seq, row in broken.items():
        if row.event == GONE:
            scan.note(Kind.DELETED, seq, f"event {seq} is missing: only its seal is there")
        else:
            scan.note(Kind.EDITED, seq, f"event {seq} is not what was sealed: it was edited")
    scan.findings.sort(key=lambda finding: finding.seq or 0)


def _exchanged(one: ChainedEvent, two: ChainedEvent) -> bool:
    """Whether two rows changed places, whole or their events only."""
    whole = one.hash == _link(one, two.seq) and two.hash == _link(two, one.seq)
    return whole or (
        one.hash == _link(one._replace(event=two.event), one.seq)
        and two.hash == _link(two._replace(event=one.event), two.seq)
    )


def _times_exchanged(one: ChainedEvent, two: ChainedEvent) -> bool:
    """Whether two events fit their hashes once their times are exchanged back."""
    try:
        first, second = json.loads(one.event), json.loads(two.event)
        first[TIME_FIELD], second[TIME_FIELD] = second[TIME_FIELD], first[TIME_FIELD]
        return one.hash == _link(one._replace(event=canonical(first)), one.seq) and two.hash == _link(
            two._replace(event=canonical(second)), two.seq
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


def _compare(
    scan: _Scan, own: Sequence[OpenCheckpoint], witnessed: Sequence[OpenCheckpoint], roots: dict[int, bytes]
) -> None:
    """Findings from the anchors: forks, a log that ends too early, a history other than the signed one."""
    signed: dict[int, bytes] = {}
    forked = set()
    for item in (*own, *witnessed):
        size, root = item.checkpoint.size, item.checkpoint.root
        if signed.setdefault(size, root) != root and size not in forked:
            forked.add(size)
            scan.note(Kind.FORKED, size, f"two different histories of {size} events were signed with the log's key")
    for who, anchors in (("the log's own checkpoint", own), ("the witness's checkpoint", witnessed)):
        sizes = [item.checkpoint.size for item in anchors]
        if sizes and max(sizes) > scan.highest:
            scan.note(
                Kind.TRUNCATED,
                scan.highest,
                f"the log ends at event {scan.highest}, but {who} covers {max(sizes)}: "
                f"at least {max(sizes) - scan.highest} of the last events are missing",
            )
        bad = {
            i.checkpoint.size for i in anchors if roots.get(i.checkpoint.size, i.checkpoint.root) != i.checkpoint.root
        }
        if bad:
            first = min(bad)
            last_good = max((size for size in sizes if size < first and size in roots), default=0)
            scan.note(
                Kind.REWRITTEN,
                first,
                f"{who} over {first} events does not fit: history between event {last_good + 1} and event {first} was "
                "changed and the chain computed anew",
            )


def _anchored(anchors: Sequence[OpenCheckpoint], roots: dict[int, bytes]) -> int:
    return max((i.checkpoint.size for i in anchors if roots.get(i.checkpoint.size) == i.checkpoint.root), default=0)
