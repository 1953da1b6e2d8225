"""The alarm to a source: one of its entries is what the negative bank knows as harmless."""

from uuid import UUID

from django.utils.translation import gettext, override

from mamori.ground import audit
from mamori.ground.actors import SYSTEM
from mamori.ground.letters.services import letter_post
from mamori.lists.fingerprints.models import Entry


def source_alarm(*, entry_id: UUID, harmless_id: UUID) -> None:
    """Write to the entry's source, if it has an address: its reference and no fingerprint. The desks show it anyway."""
    entry = Entry.objects.select_related("source").get(id=entry_id)
    audit.record("fingerprints.source_alarmed", subject=entry, actor=SYSTEM, harmless=harmless_id)
    if not entry.source.contact_mail:
        return
    parts, subjects = [], []
    for language in ("ja", "en"):
        with override(language):
            parts.append(
                gettext(
                    "Your entry %(reference)s (our number %(number)d) has a fingerprint that two persons here know as "
                    "that of a harmless picture. It is shown as disputed and was not withdrawn. Please look at it and "
                    "tell us, or withdraw it."
                )
                % {"reference": entry.source_ref, "number": entry.number}
            )
            subjects.append(gettext("Please look at your entry %(number)d") % {"number": entry.number})
    letter_post(
        key=f"fingerprints:alarm:{entry.id}:{harmless_id}",
        kind="fingerprints.alarm",
        to=entry.source.contact_mail,
        subject=" / ".join(subjects),
        body="\n\n".join(parts),
    )
