"""What persons sign: activations by two, withdrawals and the kill switch by one. Ed25519 over canonical JSON."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

if TYPE_CHECKING:
    from mamori.engine.editions.entries import ListEntry

_TYPE = "mamori.list-statement.v1"
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


@dataclass(frozen=True, slots=True)
class Signature:
    """A raw Ed25519 signature (64 bytes) and the id of the key that made it."""

    key_id: str
    value: bytes


@dataclass(frozen=True, slots=True)
class SignedStatement:
    """The exact bytes that were signed, with their signatures."""

    statement: bytes
    signatures: frozenset[Signature]
    _about: tuple[str, str] | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def action(self) -> str:
        """activate, withdraw or kill; empty when the bytes are no statement."""
        return self._read()[0]

    @property
    def entry_id(self) -> str:
        """The entry it speaks of; empty for the kill switch."""
        return self._read()[1]

    def _read(self) -> tuple[str, str]:
        """Action and entry, read from the bytes when first asked for."""
        if self._about is None:
            fields = read_statement(self.statement)
            about = sys.intern(str(fields.get("action", ""))), str(fields.get("entry_id", ""))
            object.__setattr__(self, "_about", about)
            return about
        return self._about

    def kills(self, version: int) -> bool:
        """Whether it empties this edition."""
        fields = read_statement(self.statement)
        return fields.get("action") == "kill" and fields.get("version") == version


@dataclass(frozen=True, slots=True)
class PersonKey:
    """Whose key it is. ``public_key``: 32 raw bytes. An activation needs an approver's and another person's.

    A rule's key (re-check) may end entries but not activate any.
    """

    person: str
    public_key: bytes
    role: Literal["reviewer", "approver", "rule"] = "approver"


def key_id(public_key: bytes) -> str:
    """SHA-256 (hex) of the raw public key."""
    return hashlib.sha256(public_key).hexdigest()


def canonical_json(value: Mapping[str, object]) -> bytes:
    """Sorted keys, no white space, UTF-8."""
    return _ENCODER.encode(value).encode()


@lru_cache(maxsize=8192)
def utc_text(moment: datetime) -> str:
    """ISO 8601 in UTC, whole seconds. ValueError for a moment without zone."""
    if moment.tzinfo is None:
        raise ValueError("a moment needs its zone")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@lru_cache(maxsize=8192)
def activation_statement(entry: ListEntry) -> bytes:
    """What the proposer and the approver both sign: every field of the entry."""
    return canonical_json({"type": _TYPE, "action": "activate", **entry.as_json()})


def withdrawal_statement(entry_id: str, *, withdrawn_at: datetime, reason: str) -> bytes:
    """Ends every activation of the entry made at or before ``withdrawn_at``. One person or rule signs."""
    return canonical_json(
        {
            "type": _TYPE,
            "action": "withdraw",
            "entry_id": entry_id,
            "withdrawn_at": utc_text(withdrawn_at),
            "reason": reason,
        }
    )


def kill_statement(version: int, *, reason: str) -> bytes:
    """Allows edition ``version``, and only it, to be empty. One person signs."""
    return canonical_json({"type": _TYPE, "action": "kill", "version": version, "reason": reason})


def sign_statement(statement: bytes, key: Ed25519PrivateKey) -> Signature:
    """Sign with a person's key."""
    return Signature(key_id(key.public_key().public_bytes_raw()), key.sign(statement))


def sign_statements(statements: Sequence[bytes], key: Ed25519PrivateKey) -> list[Signature]:
    """As `sign_statement`, many, with two processors: Ed25519 gives the same signatures whoever computes them (RFC 8032)."""
    number, signing = key_id(key.public_key().public_bytes_raw()), SigningKey(key.private_bytes_raw())
    with ThreadPoolExecutor(2) as both:
        half = len(statements) // 2
        parts = both.map(
            lambda some: [Signature(number, signing.sign(statement).signature) for statement in some],
            (statements[:half], statements[half:]),
        )
        return [signature for part in parts for signature in part]


def verify_activation(
    statement: bytes, signatures: Iterable[Signature], keys: Mapping[str, PersonKey]
) -> frozenset[str]:
    """The persons who validly signed and may activate; two or more make an activation. Never raises."""
    return frozenset(key.person for key in signers(statement, signatures, keys) if key.role != "rule")


def signers(statement: bytes, signatures: Iterable[Signature], keys: Mapping[str, PersonKey]) -> frozenset[PersonKey]:
    """The keys that validly signed a statement, persons' and rules'. Never raises.

    By libsodium: strict about odd keys and signatures, and half as dear as OpenSSL where thousands are verified.
    """
    found: set[PersonKey] = set()
    for signature in signatures:
        key = keys.get(signature.key_id)
        if key is None or key_id(key.public_key) != signature.key_id:
            continue
        if _is_signed(statement, signature.value, key.public_key):
            found.add(key)
    return frozenset(found)


@lru_cache(10_000)  # an ending is held against the keys when it is taken in, and again by the gate
def _is_signed(statement: bytes, signature: bytes, public_key: bytes) -> bool:
    try:
        VerifyKey(public_key).verify(statement, signature)
    except (BadSignatureError, ValueError, TypeError):
        return False
    return True


def read_statement(statement: bytes) -> dict[str, object]:
    """The fields of a statement; empty when the bytes are none."""
    try:
        value = json.loads(statement)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) and value.get("type") == _TYPE else {}
