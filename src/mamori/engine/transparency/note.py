"""C2SP signed-note v1: text signed by one or more Ed25519 keys (c2sp.org/signed-note), and the timestamped
cosignature/v1 of witnesses (c2sp.org/tlog-cosignature), which is the same line with signature type 0x04.

A key is known by its name and a four-byte key ID; its public text form (verifier key, "vkey") is
`<name>+<key ID in hex>+<base64(type || public key)>`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = 0x01
COSIGNATURE = 0x04
MAX_NOTE = 1_000_000  # bytes
MAX_SIGNATURES = 100
_TIME_SIZE = 8
_SIGNATURE_SIZE = 64


class NoteError(ValueError):
    """A note, key or signature line is malformed, or no trusted key signed the note."""


@dataclass(frozen=True)
class NoteKey:
    """A trusted public key: name, signature type (ED25519 or COSIGNATURE) and 32 bytes."""

    name: str
    kind: int
    public: bytes

    def __post_init__(self) -> None:
        check_name(self.name)
        if self.kind not in (ED25519, COSIGNATURE) or len(self.public) != 32:
            raise NoteError("only Ed25519 keys of type 0x01 and 0x04 are supported")

    @property
    def key_id(self) -> bytes:
        """SHA-256(name || 0x0A || type || public key)[:4]."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    @property
    def vkey(self) -> str:
        """Text form for configuration files."""
        return f"{self.name}+{self.key_id.hex()}+{encode_base64(bytes([self.kind]) + self.public)}"

    @classmethod
    def parse(cls, vkey: str) -> NoteKey:
        """Read the text form. NoteError if malformed or if the key ID is not the key's."""
        parts = vkey.strip().split("+", 2)
        if len(parts) != 3:
            raise NoteError("a verifier key has the form name+keyid+base64")
        material = decode_base64(parts[2])
        key = cls(parts[0], material[0] if material else 0, material[1:])
        if parts[1] != key.key_id.hex():
            raise NoteError("the key ID does not belong to this name and key")
        return key

    def check(self, text: str, signature: bytes) -> int | None:
        """Verify what follows the key ID in a signature line; returns a cosignature's time. NoteError if it fails."""
        message, time = text.encode(), None
        if self.kind == COSIGNATURE:
            if len(signature) != _TIME_SIZE + _SIGNATURE_SIZE:
                raise NoteError(f"the cosignature by {self.name} has a wrong length")
            time = int.from_bytes(signature[:_TIME_SIZE])
            message, signature = cosigned_message(text, time), signature[_TIME_SIZE:]
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError) as error:
            raise NoteError(f"the signature by {self.name} does not fit the text") from error
        return time


@dataclass(frozen=True)
class NoteSigner:
    """A private Ed25519 key under a note name."""

    name: str
    private: Ed25519PrivateKey

    def __post_init__(self) -> None:
        check_name(self.name)

    @property
    def key(self) -> NoteKey:
        """The key that checks this signer's plain signatures."""
        return NoteKey(self.name, ED25519, self.private.public_key().public_bytes_raw())

    @property
    def cosigning_key(self) -> NoteKey:
        """The key that checks this signer's cosignatures."""
        return NoteKey(self.name, COSIGNATURE, self.private.public_key().public_bytes_raw())

    def sign(self, text: str) -> NoteSignature:
        """A plain signature over a note's text (which ends in a newline)."""
        check_text(text)
        return NoteSignature(self.name, self.key.key_id, self.private.sign(text.encode()))

    def cosign(self, text: str, time: int) -> NoteSignature:
        """A cosignature/v1 over a checkpoint's text at `time` (POSIX seconds)."""
        check_text(text)
        signature = self.private.sign(cosigned_message(text, time))
        return NoteSignature(self.name, self.cosigning_key.key_id, time.to_bytes(_TIME_SIZE) + signature)


@dataclass(frozen=True)
class NoteSignature:
    """One signature line: key name, key ID (4 bytes) and the bytes after it."""

    name: str
    key_id: bytes
    signature: bytes

    def __str__(self) -> str:
        return f"\N{EM DASH} {self.name} {encode_base64(self.key_id + self.signature)}\n"

    @classmethod
    def parse(cls, line: str) -> NoteSignature:
        """Read a line with its newline. NoteError if malformed."""
        parts = line.removesuffix("\n").split(" ")
        if len(parts) != 3 or parts[0] != "\N{EM DASH}" or not line.endswith("\n"):
            raise NoteError("a signature line has the form '\N{EM DASH} name base64'")
        check_name(parts[1])
        material = decode_base64(parts[2])
        if len(material) < 5:
            raise NoteError("a signature is too short")
        return cls(parts[1], material[:4], material[4:])


@dataclass(frozen=True)
class Verified:
    """A signature that a trusted key verified; `time` (POSIX seconds) for cosignatures."""

    key: NoteKey
    time: int | None


@dataclass(frozen=True)
class SignedNote:
    """A note's text and its signature lines, not yet verified."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def __str__(self) -> str:
        return f"{self.text}\n{''.join(map(str, self.signatures))}"

    @classmethod
    def parse(cls, raw: str | bytes) -> SignedNote:
        """Split a note. NoteError if it is not a well-formed signed note."""
        if len(raw) > MAX_NOTE:
            raise NoteError("the note is too large")
        if isinstance(raw, bytes):
            try:
                raw = raw.decode()
            except UnicodeDecodeError as error:
                raise NoteError("the note is not UTF-8") from error
        text, blank, lines = raw.rpartition("\n\n")
        if not blank or not lines:
            raise NoteError("the note has no signatures")
        text += "\n"
        check_text(text)
        if not lines.endswith("\n"):
            raise NoteError("the note does not end in a newline")
        rows = lines[:-1].split("\n")
        if len(rows) > MAX_SIGNATURES:
            raise NoteError("the note has too many signatures")
        return cls(text, tuple(NoteSignature.parse(row + "\n") for row in rows))

    def verify(self, keys: Iterable[NoteKey]) -> tuple[Verified, ...]:
        """The signatures by `keys`; others are ignored. NoteError if one of them is wrong or none is there."""
        known = {(key.name, key.key_id): key for key in keys}
        found = []
        for line in self.signatures:
            key = known.get((line.name, line.key_id))
            if key is not None:
                found.append(Verified(key, key.check(self.text, line.signature)))
        if not found:
            raise NoteError("the note is not signed by a trusted key")
        return tuple(found)

    def add(self, signatures: Sequence[NoteSignature]) -> SignedNote:
        """The same note with further signature lines, none twice."""
        return SignedNote(self.text, tuple(dict.fromkeys((*self.signatures, *signatures))))


def sign_note(text: str, signer: NoteSigner) -> str:
    """A signed note with one plain signature. `text` ends in a newline."""
    return str(SignedNote(text, (signer.sign(text),)))


def cosigned_message(text: str, time: int) -> bytes:
    """The bytes a witness signs at `time` (POSIX seconds, 1 to 2**63-1)."""
    if not 0 < time < 2**63:
        raise NoteError("the time of a cosignature is out of range")
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def check_name(name: str) -> None:
    """NoteError unless `name` may name a key: not empty, no space, plus or control character."""
    if not name or any(c.isspace() or c == "+" or not c.isprintable() for c in name):
        raise NoteError("a key name is not empty and has no space, plus sign or control character")


def check_text(text: str) -> None:
    """NoteError unless `text` may be a note's text: ends in a newline, no other control characters."""
    if not text.endswith("\n") or any(c < " " and c != "\n" for c in text):
        raise NoteError("a note's text ends in a newline and has no other control characters")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise NoteError("the note's text is not valid Unicode") from error


def encode_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def decode_base64(text: str) -> bytes:
    """Base64 in its one canonical form."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteError("malformed base64") from error
    if encode_base64(data) != text:
        raise NoteError("base64 that is not in canonical form")
    return data
