"""Sources: who vouches for entries, and whether partners are told of them."""

from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from mamori.ground import audit, clock
from mamori.ground.actors import Actor
from mamori.ground.errors import DomainError, NotFound
from mamori.lists.fingerprints.models import Source
from mamori.lists.fingerprints.permissions import SOURCES
from mamori.lists.fingerprints.states import Kind


@transaction.atomic
def source_add(
    *,
    actor: Actor,
    code: str,
    name: str,
    kind: str,
    shared_with_partners: bool = False,
    organisation_id: UUID | None = None,
    contact_mail: str = "",
) -> Source:
    """Name a source. Its new entries are shared, each by a second person's word, when `shared_with_partners`."""
    actor.require(SOURCES)
    if kind not in list(Kind):
        raise DomainError("bad_source", _("The source's kind is not one the bank knows."), status=422)
    row = Source(
        code=code,
        name=name,
        kind=str(kind),
        organisation_id=organisation_id,
        shared_with_partners=shared_with_partners,
        contact_mail=contact_mail,
        created_at=clock.now(),
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise DomainError(
            "bad_source",
            _("A source's code is of small letters, digits and hyphens, and not used yet."),
            status=422,
        ) from error
    audit.record("fingerprints.source_added", subject=row, actor=actor, code=code, shared=shared_with_partners)
    return row


@transaction.atomic
def source_change(*, actor: Actor, code: str, name: str, shared_with_partners: bool, contact_mail: str = "") -> Source:
    """Change a source's words and what becomes of its new entries. Entries that are there stay as they are."""
    actor.require(SOURCES)
    row = Source.objects.select_for_update().filter(code=code).first()
    if row is None:
        raise NotFound
    row.name, row.shared_with_partners, row.contact_mail = name, shared_with_partners, contact_mail
    row.save(update_fields=["name", "shared_with_partners", "contact_mail"])
    audit.record("fingerprints.source_changed", subject=row, actor=actor, code=code, shared=shared_with_partners)
    return row
