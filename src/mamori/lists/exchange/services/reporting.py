"""A provider's confirmed match becomes a report to the hotline, in one call."""

from collections.abc import Sequence
from dataclasses import replace

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from mamori.ground import audit
from mamori.ground.actors import Actor
from mamori.ground.errors import DomainError, NotFound
from mamori.hotline.intake.services import batch_receive
from mamori.hotline.intake.services.batches import Item as Report
from mamori.hotline.intake.services.batches import Json
from mamori.lists.exchange.items import DIGESTS, Kind
from mamori.lists.fingerprints.permissions import IMAGES_MATCH
from mamori.lists.fingerprints.queries.partners import entry_numbered

REPORT = "reports.write"  # the trusted API's scope
# What analysts read above the provider's own words.
WORDS = {
    ("same", True): _(
        "A file known to the bank of fingerprints: entry %(entry)s. A person of the provider looked at it."
    ),
    ("same", False): _("A file known to the bank of fingerprints: entry %(entry)s. No person has looked at it yet."),
    ("similar", True): _(
        "Like a picture known to the bank of fingerprints: entry %(entry)s. A person of the provider looked at it and agrees."
    ),
}


@transaction.atomic
def match_report(
    *,
    actor: Actor,
    key: str,
    body: bytes,
    entry: int,
    match: Kind,
    by_person: bool,
    reports: Sequence[Report],
    digest: bytes = b"",
) -> Json:
    """Report addresses where an entry was found. Answers like `batch_receive`, which stores them.

    A similar picture is not the same one: without a person who looked at it and agrees it is refused. So is one that is
    said to be the same, without a person and without a digest that the entry holds.
    """
    actor.require(IMAGES_MATCH)
    actor.require(REPORT)
    if match == "similar" and not by_person:
        raise DomainError(
            "person_needed",
            _("A similar picture may be another one: a person must look at it before it is reported."),
            remedy=_("Report it with confirmed_by_person once somebody has."),
            status=422,
        )
    found = entry_numbered(actor, entry)
    if found is None or found.deleted:
        raise NotFound
    if not by_person and digest not in {each.value for each in found.fingerprints if each.algorithm in DIGESTS}:
        raise DomainError(
            "digest_needed",
            _("This entry holds no such digest, so nothing shows that the file is the same."),
            remedy=_("Give the digest that matched, or report it with confirmed_by_person once somebody has looked."),
            status=422,
        )
    words = WORDS[match, by_person] % {"entry": entry}
    told = [replace(report, comment=f"{words}\n{report.comment}".strip()) for report in reports]
    received = batch_receive(actor=actor, key=key, body=body, items=told)
    if received.repeated:
        return received.answer
    audit.record(
        "exchange.match_reported",
        subject=f"fingerprints.entry:{found.id}",
        actor=actor,
        match=match,
        by_person=by_person,
        accepted=len(received.answer["accepted"]),
    )
    return received.answer
