"""Seal with the public key anywhere; open with the private key on the staff face only; destroy by key."""

import base64
import functools
from collections.abc import Iterable
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from mamori.engine import seals
from mamori.ground import audit, clock
from mamori.ground.actors import SYSTEM, Actor
from mamori.ground.bulk import insert_rows
from mamori.ground.errors import DomainError
from mamori.ground.sealed.models import DataKey

REWRAP_BATCH = 1000


def seal_texts(texts: dict[str, str]) -> tuple[UUID, dict[str, bytes]]:
    """Seal texts under one new data key. Returns the key's id and the sealed bytes by name."""
    return seal_many([texts])[0]


def seal_many(records: Iterable[dict[str, str]]) -> list[tuple[UUID, dict[str, bytes]]]:
    """Seal the texts of many records, each under its own new data key: one statement, 0.1 ms a record."""
    keys, sealed = [], []
    for texts in records:
        key_id, data_key = uuid4(), seals.new_data_key()
        keys.append((key_id, seals.wrap(data_key, _public_key())))
        sealed.append(
            (key_id, {name: seals.seal(data_key, text, _context(key_id, name)) for name, text in texts.items()})
        )
    insert_rows("sealed_datakey", "id, wrapped", keys)
    return sealed


def open_text(key_id: UUID, name: str, sealed: bytes) -> str:
    """Open one sealed text. DomainError when the key was destroyed or this face holds no private key."""
    row = DataKey.objects.filter(id=key_id).first()
    if row is None or row.wrapped is None:
        raise DomainError("sealed_destroyed", _("This was destroyed when its retention period ended."), status=410)
    data_key = _unwrap(bytes(row.wrapped))
    return seals.open_(data_key, bytes(sealed), _context(key_id, name))


@transaction.atomic
def destroy(*, actor: Actor, key_ids: list[UUID], reason: str) -> int:
    """Destroy data keys for ever: what they sealed can never be read again. Returns how many were destroyed now."""
    keys = DataKey.objects.select_for_update().filter(id__in=key_ids, wrapped__isnull=False)
    done = 0
    for key in keys:
        key.wrapped, key.destroyed_on = None, clock.now().date()
        key.save(update_fields=["wrapped", "destroyed_on"])
        audit.record("sealed.key_destroyed", subject=key, actor=actor, reason=reason)
        done += 1
    return done


def rewrap_all() -> tuple[int, int]:
    """Wrap every data key that an old seal key wrapped to the present one. Returns (changed, opened by no key).

    What was sealed stays as it is. A batch at a time; safe to stop and to run again.
    """
    changed = lost = 0
    last = UUID(int=0)
    while True:
        with transaction.atomic():
            rows = DataKey.objects.select_for_update().filter(id__gt=last, wrapped__isnull=False).order_by("id")
            found = list(rows[:REWRAP_BATCH])
            fresh = []
            for row in found:
                try:
                    seals.unwrap(bytes(row.wrapped or b""), _private_key())
                except seals.SealError:
                    try:
                        row.wrapped = seals.wrap(_unwrap(bytes(row.wrapped or b"")), _public_key())
                        fresh.append(row)
                    except seals.SealError:
                        lost += 1
            DataKey.objects.bulk_update(fresh, ["wrapped"])
            if fresh:
                audit.record("sealed.keys_rewrapped", subject="sealed:datakey", actor=SYSTEM, number=len(fresh))
            changed += len(fresh)
        if len(found) < REWRAP_BATCH:
            return changed, lost
        last = found[-1].id


def _unwrap(wrapped: bytes) -> bytes:
    """With the present seal key, else with an old one. SealError when none opens it."""
    keys = [_private_key(), *(base64.b64decode(key) for key in settings.SEAL_OLD_PRIVATE_KEYS)]
    for key in keys[:-1]:
        try:
            return seals.unwrap(wrapped, key)
        except seals.SealError:
            continue
    return seals.unwrap(wrapped, keys[-1])


def _context(key_id: UUID, name: str) -> bytes:
    return f"{key_id}:{name}".encode()


@functools.cache
def _public_key() -> bytes:
    return _key(settings.SEAL_PUBLIC_KEY, "MAMORI_SEAL_PUBLIC_KEY")


@functools.cache
def _private_key() -> bytes:
    return _key(settings.SEAL_PRIVATE_KEY, "MAMORI_SEAL_PRIVATE_KEY")


def _key(value: str, name: str) -> bytes:
    if not value:
        raise DomainError(
            "no_seal_key",
            _("This face does not hold the key that is needed here."),
            remedy=_("The operator sets %(name)s.") % {"name": name},
            status=503,
        )
    return base64.b64decode(value)
