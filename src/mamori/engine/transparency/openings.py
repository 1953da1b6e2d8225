"""Editions of the list in the log: a commitment to every entry, and its opening to an auditor who drew lots.

A leaf is SHA-256(0x00 || DOMAIN || salt (32) || content) in a tree of RFC 6962, salt = SHA-256(seed || index): opening
one leaf shows nothing of another. First stand the entries of the base, then those added since, then those removed
since. The log holds the root with the edition's number, counts and digest, so whoever draws lots after a witness
cosigned it gets what was committed, or nothing. Every function is pure; files are canonical JSON.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from hashlib import sha256
from typing import Any

from mamori.engine.editions.entries import ListEntry, read_signed
from mamori.engine.editions.members import Members, MembersRefused, read_members
from mamori.engine.editions.statements import activation_statement, canonical_json, read_statement, signers
from mamori.engine.transparency.chain import ChainedEvent, export_line, link, read_line
from mamori.engine.transparency.checkpoint import open_checkpoint
from mamori.engine.transparency.merkle import ProofError, leaf_hash, verify_inclusion
from mamori.engine.transparency.note import NoteKey, decode_base64, encode_base64

DOMAIN = b"mamori list entry v1\x00"
EVENT = "openness.edition_committed"
_PROOF, _CHALLENGE, _ANSWER = "mamori.edition-proof.v1", "mamori.edition-challenge.v1", "mamori.edition-answer.v1"
_CODE = re.compile(r"[a-z][a-z_]{0,40}")
_BAD = (KeyError, TypeError, ValueError, AttributeError, RecursionError)


class OpennessError(ValueError):
    """A file that is none of its kind, or does not show what it should. Its words are one clear line."""


@dataclass(frozen=True)
class Commitment:
    """What the log holds of an edition. `digest`, `root`: hex. `base`: the edition whose base files it stands on.

    `names` and `urls` are in force; none are under the kill switch (`killed`), whatever was committed.
    """

    version: int
    digest: str
    root: str
    base: int
    base_entries: int
    added: int
    removed: int
    names: int
    urls: int
    killed: bool

    @property
    def leaves(self) -> int:
        return self.base_entries + self.added + self.removed

    @property
    def is_balanced(self) -> bool:
        """Whether the counts agree with the leaves: no entry in force stands outside the tree."""
        return self.killed or self.names + self.urls == self.base_entries + self.added - self.removed

    def codes(self) -> dict[str, Any]:
        """As the log's event carries it."""
        return asdict(self)

    @classmethod
    def read(cls, event: bytes) -> tuple[Commitment, date]:
        """The commitment and its day, from an event of the log. OpennessError for another event."""
        try:
            fields = json.loads(event)
            if fields["event"] != EVENT:
                raise ValueError("another event")
            found = cls(**fields["codes"])
            kinds = {"digest": str, "root": str, "killed": bool}
            if any(type(value) is not kinds.get(name, int) for name, value in asdict(found).items()):
                raise ValueError("another kind of value")
            if len(bytes.fromhex(found.root)) != 32 or min(found.base_entries, found.added, found.removed) < 0:
                raise ValueError("out of range")
            return found, date.fromisoformat(fields["at"][:10])
        except _BAD as error:
            raise OpennessError("this event of the log commits to no edition") from error


def salt(seed: bytes, index: int) -> bytes:
    """The salt (32 bytes) of leaf `index`. `seed`: 32 secret bytes of one base, or of the changes since."""
    return sha256(seed + index.to_bytes(8)).digest()


def leaf(salted: bytes, content: bytes) -> bytes:
    """The data of a leaf, to be appended to a tree."""
    return DOMAIN + salted + content


def removed_content(entry: ListEntry, endings: Iterable[bytes]) -> bytes:
    """What is committed of an entry that went since the base: its id and the statements that ended it."""
    return canonical_json({"removed": entry.entry_id, "endings": sorted(each.decode() for each in endings)})


# --- the proof that an edition stands in the log -----------------------------------------------------------------


def write_log_proof(row: ChainedEvent, checkpoint: str, proof: Sequence[bytes]) -> str:
    """A file that shows one event of the log under a checkpoint."""
    line = export_line(row).decode()
    return _text({"type": _PROOF, "event": line, "checkpoint": checkpoint, "proof": list(map(encode_base64, proof))})


def open_log_proof(text: str, log_key: NoteKey, witness_keys: Sequence[NoteKey]) -> tuple[Commitment, date]:
    """What the log, under a checkpoint that a witness cosigned, holds of an edition. OpennessError."""
    fields = _read(text, _PROOF, "proof of an edition")
    try:
        row = read_line(fields["event"].encode())
        opened = open_checkpoint(fields["checkpoint"], log_key, witness_keys)
        proof = list(map(decode_base64, fields["proof"]))
    except _BAD as error:
        raise OpennessError(f"the proof cannot be used: {error}") from error
    if not opened.cosignatures:
        raise OpennessError("no trusted witness cosigned the checkpoint: the log could be shown to you alone")
    if row.seq < 1 or len(row.previous) != 32 or link(row.previous, row.seq, row.event) != row.hash:
        raise OpennessError("the event is not what was sealed in the log")
    try:
        verify_inclusion(row.seq - 1, opened.checkpoint.size, leaf_hash(row.hash), proof, opened.checkpoint.root)
    except ProofError as error:
        raise OpennessError(f"the edition does not stand in the log: {error}") from error
    return Commitment.read(row.event)


def differences(mine: Commitment, *, version: int, digest: str) -> list[str]:
    """Why what a subscriber got is not what the log holds; empty when it is."""
    if mine.version != version:
        return [f"the proof is of edition {mine.version}, not of {version}"]
    if mine.digest != digest:
        return [f"the edition {version} you got is not the one in the log: others were given another list"]
    return []


def contradictions(commitments: Iterable[Commitment]) -> list[str]:
    """Editions that the log holds twice, with different content: one number, two lists."""
    found: dict[int, set[tuple[str, str]]] = {}
    for one in commitments:
        found.setdefault(one.version, set()).add((one.digest, one.root))
    return [
        f"the log holds {len(told)} different editions of number {number}: subscribers were given different lists"
        for number, told in sorted(found.items())
        if len(told) > 1
    ]


# --- an auditor's challenge and its answer ------------------------------------------------------------------------


@dataclass(frozen=True)
class Challenge:
    """Which leaves an auditor drew, after the commitment; and entries, by id, that must be among the leaves."""

    version: int
    root: str
    indices: tuple[int, ...]
    entries: tuple[str, ...] = ()

    def write(self) -> str:
        return _text({"type": _CHALLENGE, **asdict(self)})

    @classmethod
    def parse(cls, text: str) -> Challenge:
        """OpennessError when it is none."""
        fields = _read(text, _CHALLENGE, "challenge")
        try:
            found = cls(
                int(fields["version"]),
                str(fields["root"]),
                tuple(map(int, fields["indices"])),
                tuple(map(str, fields["entries"])),
            )
        except _BAD as error:
            raise OpennessError("the file is no challenge") from error
        return found


@dataclass(frozen=True)
class Opening:
    """One leaf: place, salt and content, with the proof that it stands under the root."""

    index: int
    salt: bytes
    content: bytes
    proof: tuple[bytes, ...]


def write_answer(version: int, members: bytes, openings: Iterable[Opening]) -> str:
    """The file an operator gives to the auditor who challenged. It names entries: it goes to nobody else."""
    return _text({
        "type": _ANSWER,
        "version": version,
        "members": members.decode(),
        "openings": [
            {
                "index": one.index,
                "salt": encode_base64(one.salt),
                "content": one.content.decode(),
                "proof": list(map(encode_base64, one.proof)),
            }
            for one in openings
        ],
    })  # fmt: skip


@dataclass(frozen=True)
class Audit:
    """What an answer showed: how many leaves were opened, of which categories, and every fault in one line each."""

    opened: int
    categories: Mapping[str, int]
    removed: int
    faults: tuple[str, ...]


def audit_answer(held: tuple[Commitment, date], challenge: Challenge, text: str, root: bytes) -> Audit:
    """Check an answer against the log's commitment. `root`: the trusted root.json of the list. OpennessError.

    Each opened entry needs the signatures of two persons the root vouches for, one an approver, and a category; none may
    stand for two. (An entry of the base that expired since is among what went: its leaf stays until the next fold.)
    """
    commitment, day = held
    faults: list[str] = []
    if (challenge.version, challenge.root) != (commitment.version, commitment.root):
        raise OpennessError("the challenge is about another commitment than the proof")
    fields = _read(text, _ANSWER, "answer")
    try:
        openings = {
            int(one["index"]): Opening(
                int(one["index"]),
                decode_base64(one["salt"]),
                one["content"].encode(),
                tuple(map(decode_base64, one["proof"])),
            )
            for one in fields["openings"]
        }
        members = read_members(fields["members"].encode(), root)
    except MembersRefused as error:
        raise OpennessError(str(error)) from error
    except _BAD as error:
        raise OpennessError("the file is no answer") from error
    if not commitment.is_balanced:
        faults.append("the edition's counts do not agree with what was committed")
    faults += [f"leaf {index} was not opened" for index in challenge.indices if index not in openings]
    categories: Counter[str] = Counter()
    shown, removed = set(), 0
    for one in openings.values():
        try:
            if len(one.salt) != 32:
                raise ProofError("its salt is not 32 bytes")
            verify_inclusion(
                one.index,
                commitment.leaves,
                leaf_hash(leaf(one.salt, one.content)),
                one.proof,
                bytes.fromhex(commitment.root),
            )
        except ProofError as error:
            faults.append(f"leaf {one.index} is not what was committed: {error}")
            continue
        if one.index >= commitment.base_entries + commitment.added:
            removed += 1
            faults += _removed_faults(one)
            continue
        entry, found = _entry_faults(one, members, day)
        faults += found
        if entry is not None:
            categories[entry.reason] += 1
            if entry.entry_id in shown:
                faults.append(f"the entry of leaf {one.index} was committed to more than once")
            elif one.index >= commitment.base_entries and entry.expires_on <= day:
                faults.append(f"the entry of leaf {one.index} had expired on {entry.expires_on}")
            shown.add(entry.entry_id)
    faults += [f"entry {number} is not among what was opened" for number in challenge.entries if number not in shown]
    return Audit(len(openings), dict(categories), removed, tuple(faults))


def _entry_faults(one: Opening, members: Members, day: date) -> tuple[ListEntry | None, list[str]]:
    """The entry of a leaf, and why it should not be in force."""
    try:
        signed = read_signed(json.loads(one.content))
        entry = ListEntry.from_json(read_statement(signed.statement))
        if signed.statement != activation_statement(entry):
            raise ValueError("another statement")
    except _BAD:
        return None, [f"leaf {one.index} holds no signed entry"]
    counting = {
        key.key_id: key.as_key()
        for key in members.keys
        if key.valid_from <= day and key.valid_until > entry.activated_at.date()
    }
    signed_by = signers(signed.statement, signed.signatures, counting)
    faults = []
    if len({key.person for key in signed_by}) < 2:
        faults.append(f"the entry of leaf {one.index} is not signed by two persons the root vouches for")
    elif not any(key.role == "approver" for key in signed_by):
        faults.append(f"the entry of leaf {one.index} is not signed by an approver")
    if not _CODE.fullmatch(entry.reason):
        faults.append(f"the entry of leaf {one.index} has no category")
    return entry, faults


def _removed_faults(one: Opening) -> list[str]:
    try:
        fields = json.loads(one.content)
        ended = [read_statement(each.encode()) for each in fields["endings"]]
        if any(each.get("action") == "withdraw" and each.get("entry_id") == fields["removed"] for each in ended):
            return []
    except _BAD:
        pass
    return [f"leaf {one.index} says an entry was removed, but nothing signed ended it"]


def _text(value: Mapping[str, object]) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def _read(text: str, kind: str, name: str) -> dict[str, Any]:
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise OpennessError(f"the file is no {name}") from error
    if not isinstance(fields, dict) or fields.get("type") != kind:
        raise OpennessError(f"the file is no {name}")
    return fields
