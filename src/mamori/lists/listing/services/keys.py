"""Public keys of the persons who sign for the list."""

import base64
import binascii

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from mamori.engine.editions import key_id
from mamori.ground import audit, clock
from mamori.ground.actors import Actor
from mamori.ground.errors import DomainError, NotFound
from mamori.lists.listing.models import SigningKey
from mamori.lists.listing.permissions import CONFIRM_KEY, OWN_KEY


@transaction.atomic
def key_register(*, actor: Actor, public_key: str) -> SigningKey:
    """Register one's own public key, as PEM or as base64 of its 32 bytes. It counts after `key_confirm`."""
    actor.require(OWN_KEY)
    assert actor.id is not None
    raw = _public_bytes(public_key)
    key, new = SigningKey.objects.get_or_create(
        id=key_id(raw), defaults={"person_id": actor.id, "public_key": raw, "registered_at": clock.now()}
    )
    if not new:
        raise DomainError(
            "key_known",
            _("This key is registered already."),
            remedy=_("Make a new key: every person has a key of their own."),
        )
    audit.record("listing.key_registered", subject=key, actor=actor)
    return key


@transaction.atomic
def key_confirm(*, actor: Actor, key: str) -> None:
    """Another person confirms that the key is its owner's, having compared the number with them."""
    actor.require(CONFIRM_KEY)
    row = _locked(key)
    if row.person_id == actor.id:
        raise DomainError(
            "own_key", _("A second person confirms your key."), remedy=_("Ask a list approver or the operator.")
        )
    if row.confirmed_at is None:
        row.confirmed_by_id, row.confirmed_at = actor.id, clock.now()
        row.save(update_fields=["confirmed_by", "confirmed_at"])
        audit.record("listing.key_confirmed", subject=row, actor=actor, person=row.person_id)


@transaction.atomic
def key_revoke(*, actor: Actor, key: str) -> None:
    """The owner, an approver or the operator ends a key: it signs nothing any more. What it signed stays."""
    row = _locked(key)
    if row.person_id != actor.id:
        actor.require(CONFIRM_KEY)
    if row.revoked_at is None:
        row.revoked_at = clock.now()
        row.save(update_fields=["revoked_at"])
        audit.record("listing.key_revoked", subject=row, actor=actor, person=row.person_id)


def _locked(key: str) -> SigningKey:
    row = SigningKey.objects.select_for_update().filter(id=key).first()
    if row is None:
        raise NotFound
    return row


def _public_bytes(text: str) -> bytes:
    text = text.strip()
    try:
        if text.startswith("-----BEGIN PUBLIC KEY"):
            loaded = load_pem_public_key(text.encode())
            raw = loaded.public_bytes_raw() if isinstance(loaded, Ed25519PublicKey) else b""
        else:
            raw = base64.b64decode(text, validate=True)
            Ed25519PublicKey.from_public_bytes(raw)
    except (ValueError, binascii.Error, UnsupportedAlgorithm):
        raw = b""
    if len(raw) != 32:
        raise DomainError(
            "not_a_key",
            _("This is no Ed25519 public key."),
            remedy=_("Paste what “mamori keys show FILE” prints after “public key”. Never paste a private key."),
            status=422,
        )
    return raw
