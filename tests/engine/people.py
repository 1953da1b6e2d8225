"""Persons with keys, and editions they signed, for the tests of the list."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mamori.engine.addresses import NameSet, popular_names, protected_suffixes, shared_platforms
from mamori.engine.editions import (
    Edition,
    ListEntry,
    PersonKey,
    Rules,
    SignedStatement,
    activation_statement,
    key_id,
    sign_statement,
)

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
TODAY = NOW.date()
REVIEWER, APPROVER, STRANGER, RULE = (Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32) for seed in range(1, 5))


def public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


KEYS = {
    key_id(public(REVIEWER)): PersonKey("reviewer", public(REVIEWER), "reviewer"),
    key_id(public(APPROVER)): PersonKey("approver", public(APPROVER)),
    key_id(public(RULE)): PersonKey("rule:recheck", public(RULE), "rule"),
}

RULES = Rules(
    today=TODAY,
    keys=KEYS,
    popular=NameSet(popular_names() | {"popular.example"}),
    protected_suffixes=NameSet(protected_suffixes()),
    shared_platforms=NameSet(shared_platforms() | {"shared-host.example"}),
)


def entry(
    target: str, *, method: str = "dns", entry_id: str = "", expires_on: date | None = None, later: int = 0
) -> ListEntry:
    return ListEntry(
        entry_id=entry_id or f"e-{target}",
        method=method,  # type: ignore[arg-type]
        target=target,
        reason="not_removed",
        activated_at=NOW + timedelta(hours=later),
        expires_on=expires_on or TODAY + timedelta(days=90),
    )


def signed(statement: bytes, *keys: Ed25519PrivateKey) -> SignedStatement:
    return SignedStatement(statement, frozenset(sign_statement(statement, key) for key in keys))


def edition(version: int, entries: Iterable[ListEntry], *more: SignedStatement) -> Edition:
    """An edition in which reviewer and approver signed every activation."""
    found = frozenset(entries)
    activations = {signed(activation_statement(one), REVIEWER, APPROVER) for one in found}
    return Edition(version, found, frozenset(activations | set(more)))
