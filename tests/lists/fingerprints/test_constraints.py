"""What the database itself refuses, whoever writes."""

from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from mamori.ground import clock
from mamori.lists.fingerprints.models import Change, Entry, Fingerprint, Harmless


def refused(name, change):
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        change()


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"confirmed_by": "ann"}, "fingerprints_entry_two_persons"),
        ({"state": "active", "in_force": True}, "fingerprints_shared_needs_second"),
        ({"state": "active", "confirmed_by": "ben"}, "fingerprints_entry_in_force"),
        ({"state": "withdrawn"}, "fingerprints_entry_ended"),
        ({"state": "gone"}, "bank_entry_state_known"),
        ({"media": "text"}, "fingerprints_entry_media"),
        ({"classification": "A1"}, "fingerprints_entry_classification"),
    ],
)
def test_an_entry_the_database_does_not_take(bank, add, change, name):
    entry = add()
    values = dict(change)
    if values.pop("in_force", None):
        values["in_force_at"] = clock.now()
    if "confirmed_by" in values:
        values["confirmed_by"] = getattr(bank, values["confirmed_by"])
    refused(name, lambda: Entry.objects.filter(id=entry.id).update(**values))


def test_values_have_their_kinds_length_and_ids_fit_an_index(bank, add):
    entry = add()
    refused(
        "fingerprints_value_length", lambda: Fingerprint.objects.create(entry=entry, algorithm="pdq", value=bytes(31))
    )
    refused("fingerprints_algorithm", lambda: Fingerprint.objects.create(entry=entry, algorithm="crc", value=bytes(4)))
    refused(
        "fingerprints_quality",
        lambda: Fingerprint.objects.create(entry=entry, algorithm="pdq", value=bytes(32), quality=101),
    )
    refused(
        "fingerprints_id_fits_index",
        lambda: Fingerprint.objects.create(id=2**32 - 1, entry=entry, algorithm="md5", value=bytes(16)),
    )
    Fingerprint.objects.create(id=2**32 - 2, entry=entry, algorithm="md5", value=bytes(16))
    refused("fingerprints_change_kind", lambda: Change.objects.create(entry=entry, kind="x", at=clock.now()))


def test_the_negative_bank_needs_two_persons(bank):
    row = {
        "algorithm": "md5",
        "value": uuid4().bytes,
        "reason": "A picture.",
        "proposed_by": bank.ann,
        "proposed_at": clock.now(),
        "expires_on": clock.now().date(),
    }
    refused("fingerprints_harmless_two_persons", lambda: Harmless.objects.create(**row, confirmed_by=bank.ann))
    refused("fingerprints_harmless_needs_second", lambda: Harmless.objects.create(**row, state="active"))
    refused("fingerprints_harmless_algorithm", lambda: Harmless.objects.create(**row | {"algorithm": "photodna"}))
