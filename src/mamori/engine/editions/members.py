"""The list of members: whose keys activate entries. The root keys sign it, so no database can add to it.

A file of JSON: `statement` (the exact text that is signed) and `signatures`, made by root keys as under TUF metadata.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import ClassVar, Literal, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from securesystemslib.signer import CryptoSigner, Signature
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root
from tuf.api.serialization import DeserializationError

from mamori.engine.editions.entries import ListEntry
from mamori.engine.editions.statements import (
    PersonKey,
    SignedStatement,
    activation_statement,
    canonical_json,
    key_id,
    signers,
)
from mamori.engine.refused import Refused

Role = Literal["reviewer", "approver"]
_TYPE = "mamori.list-members.v1"


class MembersRefused(Refused):
    """A list of members that must not be used: nobody's signature counts then."""

    reasons: ClassVar[dict[str, tuple[str, str]]] = {
        "members_malformed": (
            "The list of members cannot be read.",
            "Put the file back as the holders of the root key signed it.",
        ),
        "members_not_signed": (
            "The list of members is not signed by the root keys, or was changed after signing.",
            "Put the file back as the holders of the root key signed it, and find out who changed it.",
        ),
    }


@dataclass(frozen=True, slots=True)
class Member:
    """One key of one person. `public_key`: 32 raw bytes. It counts from `valid_from` until the day before `valid_until`.

    `person` is the same for all keys of one person: two keys of one person are one signature.
    """

    person: str
    role: Role
    public_key: bytes
    valid_from: date
    valid_until: date

    @property
    def key_id(self) -> str:
        """How records name the key."""
        return key_id(self.public_key)

    def as_key(self) -> PersonKey:
        """As the gate takes it."""
        return PersonKey(self.person, self.public_key, self.role)


@dataclass(frozen=True, slots=True)
class Members:
    """The list: `version` rises with each change."""

    version: int = 0
    keys: tuple[Member, ...] = ()

    def on(self, day: date) -> dict[str, PersonKey]:
        """The keys that count on a day, by key id."""
        return {one.key_id: one.as_key() for one in self.keys if one.valid_from <= day < one.valid_until}


def sign_members(members: Members, root_keys: Iterable[Ed25519PrivateKey]) -> bytes:
    """The file. ValueError for a key that stands in it twice, is no key, or never counts."""
    if len({one.public_key for one in members.keys}) < len(members.keys):
        raise ValueError("a key stands in the list of members twice")
    for one in members.keys:
        Ed25519PublicKey.from_public_bytes(one.public_key)
        if not one.person or one.valid_until <= one.valid_from:
            raise ValueError("a member needs a name, and a last day after the first")
    statement = canonical_json(
        {
            "type": _TYPE,
            "version": members.version,
            "members": [
                {
                    "person": one.person,
                    "role": one.role,
                    "public_key": base64.b64encode(one.public_key).decode(),
                    "valid_from": one.valid_from.isoformat(),
                    "valid_until": one.valid_until.isoformat(),
                }
                for one in members.keys
            ],
        }
    )
    signatures = [CryptoSigner(key).sign(statement).to_dict() for key in root_keys]
    return json.dumps({"statement": statement.decode(), "signatures": signatures}, indent=1).encode() + b"\n"


@lru_cache(8)  # each edition asks
def read_members(data: bytes, root: bytes) -> Members:
    """Verify the file against the trusted root; MembersRefused otherwise. A root that expired still vouches."""
    try:
        value = json.loads(data)
        statement = value["statement"].encode()
        signatures = {each["keyid"]: Signature.from_dict(dict(each)) for each in value["signatures"]}
        trusted = Metadata[Root].from_bytes(root).signed
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, DeserializationError) as error:
        raise MembersRefused("members_malformed") from error
    try:
        trusted.verify_delegate(Root.type, statement, signatures)
    except RepositoryError as error:
        raise MembersRefused("members_not_signed") from error
    try:
        fields = json.loads(statement)
        if fields["type"] != _TYPE:
            raise ValueError("another kind of statement")
        return Members(fields["version"], tuple(_member(each) for each in fields["members"]))
    except (ValueError, KeyError, TypeError) as error:
        raise MembersRefused("members_malformed") from error


def activated(entry: ListEntry, signed: SignedStatement, members: Members) -> bool:
    """Whether two members, an approver among them, activated just this entry with keys that counted on that day."""
    if signed.statement != activation_statement(entry):
        return False
    by = signers(signed.statement, signed.signatures, members.on(entry.activated_at.date()))
    return len({key.person for key in by}) > 1 and any(key.role == "approver" for key in by)


def _member(value: dict[str, str]) -> Member:
    if value["role"] not in ("reviewer", "approver"):
        raise ValueError("unknown role")
    return Member(
        person=value["person"],
        role=cast("Role", value["role"]),
        public_key=base64.b64decode(value["public_key"], validate=True),
        valid_from=date.fromisoformat(value["valid_from"]),
        valid_until=date.fromisoformat(value["valid_until"]),
    )
