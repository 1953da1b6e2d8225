"""What is done before the first notice: evidence signed and kept, the provider asked to preserve its data."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID, uuid4

import pyrage
from django.conf import settings
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _text
from django.utils.translation import gettext_lazy as _

from mamori.engine import keys
from mamori.engine.evidence import seal_bundle
from mamori.ground import audit, clock
from mamori.ground.actors import SYSTEM, Actor
from mamori.ground.errors import DomainError, NotFound
from mamori.ground.letters.services import letter_post
from mamori.hotline.assessment import queries as assessment
from mamori.hotline.referral.models import Evidence, Preservation, Referral
from mamori.hotline.referral.permissions import PRESERVE
from mamori.hotline.referral.queries import held_since
from mamori.hotline.referral.services.rows import step
from mamori.hotline.referral.states import PRESERVED_AT_MOST, PRESERVED_FOR, StepKind
from mamori.hotline.tracing import queries as tracing


@transaction.atomic
def evidence_bundle(
    *, actor: Actor, content_id: UUID, seen: Mapping[str, object] | None = None, since: datetime | None = None
) -> UUID:
    """Sign and keep what is known about a content item. Returns the bundle's id.

    `seen`: "looks" and "fingerprints" of what was there, as JSON values.
    Once for each host it was on: called again, it returns the last bundle unless the host changed since, or that was made
    before `since`.
    """
    actor.require(PRESERVE)
    referral = (
        Referral.objects.select_for_update(of=("self",)).select_related("policy").filter(content_id=content_id).first()
    )
    if referral is None:
        raise DomainError("not_referred", _("This was not referred to police yet."))
    host = tracing.host_of(content_id)
    last = Evidence.objects.filter(content_id=content_id).order_by("-made_at").first()
    outdated = [moment for moment in (since, host and host.changed_at) if moment]
    if last is not None and all(moment <= last.made_at for moment in outdated):
        return last.id
    if settings.EVIDENCE_KEY_FILE is None:
        raise DomainError(
            "no_evidence_key",
            _("This face does not hold the key that signs evidence."),
            remedy=_("The operator sets %(name)s.") % {"name": "MAMORI_EVIDENCE_KEY"},
            status=503,
        )
    key = keys.load_signing_key(settings.EVIDENCE_KEY_FILE)
    evidence = Evidence.objects.create(
        content_id=content_id,
        made_at=clock.now(),
        key_id=keys.key_id(key.public_key()),
        envelope=seal_bundle({**_bundle(referral), "looks": [], "fingerprints": [], **(seen or {})}, key),
    )
    audit.record("referral.evidence_kept", subject=evidence, actor=actor, key=evidence.key_id)
    step(referral, StepKind.EVIDENCE, actor=actor)
    return evidence.id


@transaction.atomic
def preservation_request(*, actor: Actor, content_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """Ask providers to preserve their data for 30 days. Once for each content item and contact, a letter a contact.

    What came back after that time is asked for anew, under the same reference.
    Returns the preservation's id by content item. The letter names references only. With it goes an encrypted file
    that names the addresses, where the contact has registered a key; otherwise the notice that follows under the same
    references tells them behind its link.
    """
    actor.require(PRESERVE)
    now = clock.now()
    found: dict[UUID, UUID] = {}
    fresh: dict[UUID, list[Preservation]] = {}  # by contact
    for content_id in content_ids:
        contact_id = _approved_contact(content_id)
        preservation, made = Preservation.objects.get_or_create(
            content_id=content_id,
            contact_id=contact_id,
            defaults={"requested_at": now, "until": now + PRESERVED_FOR},
        )
        found[content_id] = preservation.id
        over = preservation.until <= now
        if preservation.held_back or over:
            preservation.requested_at, preservation.until = now, now + PRESERVED_FOR
            preservation.extended_at = None
            preservation.save(update_fields=["requested_at", "until", "extended_at"])
        if made or preservation.held_back or over:
            fresh.setdefault(contact_id, []).append(preservation)
            audit.record("referral.preservation_asked", subject=preservation, actor=actor, contact=contact_id)
            _step(content_id, StepKind.PRESERVATION, actor, PRESERVED_FOR.days)
    for preservations in fresh.values():
        _write(preservations)
    return found


@transaction.atomic
def preservation_extend(*, actor: Actor, preservation_id: UUID) -> None:
    """Ask once more, to 60 days in all."""
    actor.require(PRESERVE)
    preservation = Preservation.objects.select_for_update().filter(id=preservation_id).first()
    if preservation is None:
        raise NotFound
    if preservation.extended_at is not None or preservation.until <= clock.now():
        raise DomainError("not_extendable", _("This request was already extended, or its time is over."))
    preservation.extended_at = clock.now()
    preservation.until = preservation.requested_at + PRESERVED_AT_MOST
    preservation.save(update_fields=["extended_at", "until"])
    _write([preservation])
    audit.record("referral.preservation_extended", subject=preservation, actor=actor)
    _step(preservation.content_id, StepKind.PRESERVATION_EXTENDED, actor, PRESERVED_AT_MOST.days)


def preservation_reference(preservation_id: UUID) -> str:
    """How a preservation is named to the provider."""
    return f"P-{preservation_id.hex[:12].upper()}"


def _bundle(referral: Referral) -> dict[str, object]:
    """All that is known, as JSON values: no content, no picture, nothing of reporters."""
    content_id = referral.content_id
    address = assessment.content_address(content_id)
    decision = assessment.decision_of(content_id)
    host = tracing.host_of(content_id)
    return {
        "made_at": clock.now().isoformat(),
        "content_id": str(content_id),
        "address": {"url": address.url, "host": address.host, "port": address.port, "sha256": address.digest},
        "decision": decision
        and {
            "verdict": str(decision.verdict),
            "law_codes": list(decision.law_codes),
            "criteria_version": decision.criteria_version,
            "decided_at": decision.decided_at.isoformat(),
            "confirmed_at": decision.confirmed_at and decision.confirmed_at.isoformat(),
        },
        "host": host
        and {
            "state": str(host.state),
            "addresses": list(host.addresses),
            "asn": host.asn,
            "as_name": host.as_name,
            "country": host.country,
            "registrar": host.registrar,
            "contact": host.contact_mail,
            "traced_at": host.traced_at and host.traced_at.isoformat(),
        },
        "votes": host
        and [
            {
                "method": str(vote.method),
                "subject": vote.subject,
                "outcome": str(vote.outcome),
                "asked_at": vote.at.isoformat(),
                "registry": vote.registry,
                "answer": vote.data,
            }
            for vote in tracing.votes_of(SYSTEM, content_id)
        ],
        "police": {
            "referral_id": str(referral.id),
            "policy_version": referral.policy.version,
            "sent_at": referral.sent_at and referral.sent_at.isoformat(),
            "delivered_at": referral.delivered_at and referral.delivered_at.isoformat(),
        },
    }


def _approved_contact(content_id: UUID) -> UUID:
    host = tracing.host_of(content_id)
    if host is None or host.contact_id is None or not host.contact_approved:
        raise DomainError(
            "contact_not_approved",
            _("The provider's contact is not approved yet."),
            remedy=_("An analyst approves it on the desk Contacts."),
        )
    return tracing.contact_of(host.contact_id).contact_id


def _write(preservations: Sequence[Preservation]) -> None:
    """One letter about preservations at one contact that end together."""
    contact, until = tracing.contact_of(preservations[0].contact_id), preservations[0].until
    references = [preservation_reference(each.id) for each in preservations]
    attachment = None
    if contact.age_key:
        told = [
            {"reference": reference, "url": assessment.content_address(each.content_id).url, "until": until.isoformat()}
            for reference, each in zip(references, preservations, strict=True)
        ]
        sealed = pyrage.encrypt(json.dumps(told).encode(), [pyrage.x25519.Recipient.from_str(contact.age_key)])
        attachment = (f"{references[0]}.json.age", "application/octet-stream", sealed)
    with translation.override(settings.LANGUAGE_CODE):
        subject = _text("Request to preserve data %(reference)s") % {"reference": references[0]}
        body = _text(
            "To: %(organisation)s\n\n"
            "Please preserve the access and account records you hold about the content under these references, and"
            " delete nothing of them, until %(until)s (UTC).\n\n"
            "%(references)s\n\n"
            "This letter names no address. The notice that carries the same references tells them behind its link.\n"
            "Please tell nobody outside your abuse desk of this request.\n"
        ) % {
            "organisation": contact.organisation or contact.mail,
            "until": f"{until:%Y-%m-%d %H:%M}",
            "references": "\n".join(references),
        }
    letter_id = letter_post(
        key=f"preservation:{uuid4()}",
        kind="preservation",
        to=contact.mail,
        subject=subject,
        body=body,
        attachment=attachment,
    )
    ids = [each.id for each in preservations]
    Preservation.objects.filter(id__in=ids).update(letter_id=letter_id, held_back=False)


def preservation_may_go(letter_id: UUID) -> bool:
    """Whether a request to preserve may leave the house now: nothing it asks for is held."""
    asked = Preservation.objects.filter(letter_id=letter_id).values_list("content_id", flat=True)
    return not set(asked) & held_since().keys()


@transaction.atomic
def preservation_withdrawn(*, letter_id: UUID) -> None:
    """A request did not leave for a hold. What is not held is asked for by another letter, the rest before its notice."""
    rows = list(Preservation.objects.select_for_update().filter(letter_id=letter_id))
    held = held_since()
    Preservation.objects.filter(letter_id=letter_id).update(letter_id=None, held_back=True)
    if free := [row for row in rows if row.content_id not in held]:
        _write(free)


def _step(content_id: UUID, kind: StepKind, actor: Actor, days: int) -> None:
    referral = Referral.objects.filter(content_id=content_id).first()
    if referral is not None:
        step(referral, kind, actor=actor, number=days)
