"""C2SP tlog-checkpoint (c2sp.org/tlog-checkpoint) and the messages of tlog-witness (c2sp.org/tlog-witness).

A checkpoint is a signed note whose text is origin, tree size, base64 root and optional extension lines. The log signs
it under a key named like its origin; witnesses add cosignatures.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mamori.engine.transparency.merkle import HASH_SIZE
from mamori.engine.transparency.note import (
    NoteError,
    NoteKey,
    NoteSignature,
    NoteSigner,
    SignedNote,
    Verified,
    check_text,
    decode_base64,
    encode_base64,
    sign_note,
)

MAX_PROOF = 63  # lines in an add-checkpoint request
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True)
class Checkpoint:
    """A tree head: origin (the log's name), number of leaves, root (32 bytes), extension lines."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        lines = (self.origin, *self.extensions)
        if not all(lines) or any("\n" in line for line in lines):
            raise NoteError("the origin and the extension lines of a checkpoint are single lines, not empty")
        if not 0 <= self.size < 2**63 or len(self.root) != HASH_SIZE:
            raise NoteError("the size or root of a checkpoint is out of range")
        check_text(self.text)

    @property
    def text(self) -> str:
        """The text of the note."""
        lines = (self.origin, str(self.size), encode_base64(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read a note's text. NoteError if it is no checkpoint."""
        lines = text.removesuffix("\n").split("\n")
        if len(lines) < 3 or not text.endswith("\n"):
            raise NoteError("a checkpoint has at least three lines")
        return cls(lines[0], parse_size(lines[1]), decode_base64(lines[2]), tuple(lines[3:]))


@dataclass(frozen=True)
class OpenCheckpoint:
    """A checkpoint whose signatures were verified, with the note it came from."""

    checkpoint: Checkpoint
    note: SignedNote
    cosignatures: tuple[Verified, ...]


def sign_checkpoint(checkpoint: Checkpoint, signer: NoteSigner) -> str:
    """The checkpoint as a note signed by the log. NoteError unless the signer's name is the origin."""
    if signer.name != checkpoint.origin:
        raise NoteError("a log signs checkpoints of its own origin only")
    return sign_note(checkpoint.text, signer)


def open_checkpoint(raw: str | bytes, log_key: NoteKey, witness_keys: Iterable[NoteKey] = ()) -> OpenCheckpoint:
    """Verify a checkpoint note: signed by the log, cosignatures by the given keys are good. NoteError otherwise."""
    note = SignedNote.parse(raw)
    checkpoint = Checkpoint.parse(note.text)
    if checkpoint.origin != log_key.name:
        raise NoteError(f"the checkpoint is of {checkpoint.origin}, not of {log_key.name}")
    note.verify([log_key])
    cosigners = {(key.name, key.key_id) for key in witness_keys}
    if not any((line.name, line.key_id) in cosigners for line in note.signatures):
        return OpenCheckpoint(checkpoint, note, ())
    return OpenCheckpoint(checkpoint, note, note.verify(witness_keys))


@dataclass(frozen=True)
class AddCheckpoint:
    """Body of a witness request `POST /add-checkpoint`."""

    old_size: int
    proof: tuple[bytes, ...]
    note: str

    def __str__(self) -> str:
        proof = "".join(f"{encode_base64(node)}\n" for node in self.proof)
        return f"old {self.old_size}\n{proof}\n{self.note}"

    @classmethod
    def parse(cls, body: bytes) -> AddCheckpoint:
        """Read a request. NoteError if malformed (HTTP 400)."""
        try:
            head, blank, note = body.decode().partition("\n\n")
        except UnicodeDecodeError as error:
            raise NoteError("the request is not UTF-8") from error
        old, *lines = head.split("\n")
        if not blank or not old.startswith("old ") or len(lines) > MAX_PROOF:
            raise NoteError("a request has the old size, at most 63 proof lines, an empty line and a checkpoint")
        return cls(parse_size(old.removeprefix("old ")), tuple(map(decode_base64, lines)), note)


def accept_cosignatures(raw: str, response: str, witness_keys: Sequence[NoteKey]) -> str:
    """Add a witness's answer to our checkpoint note: only lines by `witness_keys`. NoteError unless they verify."""
    note = SignedNote.parse(raw)
    known = {(key.name, key.key_id) for key in witness_keys}
    lines = [NoteSignature.parse(line) for line in response.splitlines(keepends=True)]
    lines = [line for line in lines if (line.name, line.key_id) in known]
    SignedNote(note.text, tuple(lines)).verify(witness_keys)
    return str(note.add(lines))


def parse_size(text: str) -> int:
    """A tree size in ASCII decimal without leading zeroes. NoteError otherwise."""
    if not _DECIMAL.fullmatch(text):
        raise NoteError("a tree size is a decimal number without leading zeroes")
    return int(text)
