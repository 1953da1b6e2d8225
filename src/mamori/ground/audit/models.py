"""Append-only tables. The application's database roles can INSERT and some can SELECT; none can change a row."""

import uuid

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.expressions import RawSQL


class Event(models.Model):
    """One thing that happened: ids and codes only."""

    id = models.BigAutoField(primary_key=True)
    xact = models.BigIntegerField(
        db_default=RawSQL("(pg_current_xact_id()::text::bigint)", ()),
        help_text="The writing transaction: lets the sealer find every committed row without waiting.",
    )
    at = models.DateTimeField()
    event = models.CharField(max_length=80)
    actor_kind = models.CharField(max_length=16)
    actor_id = models.UUIDField(null=True)
    organisation_id = models.UUIDField(null=True)
    subject_type = models.CharField(max_length=64)
    subject_id = models.CharField(max_length=80)
    codes = models.JSONField(default=dict)

    class Meta:
        indexes = [
            models.Index(fields=["xact"], name="audit_event_xact"),
            models.Index(fields=["subject_type", "subject_id"], name="audit_event_subject"),
            models.Index(fields=["actor_id", "-id"], name="audit_event_actor"),
            models.Index(fields=["event", "-id"], name="audit_event_event"),
            models.Index(
                fields=["organisation_id", "-id"],
                name="audit_event_organisation",
                condition=models.Q(organisation_id__isnull=False),
            ),
            BrinIndex(fields=["at"], name="audit_event_at"),
        ]


class Seal(models.Model):
    """One link of the chain: the event at position `seq` and the hash over all before it."""

    seq = models.BigIntegerField(primary_key=True)
    event = models.OneToOneField(Event, on_delete=models.PROTECT, db_constraint=False)
    previous = models.BinaryField()
    hash = models.BinaryField()


class Checkpoint(models.Model):
    """A signed statement of size and root (C2SP tlog-checkpoint), and the witness's co-signature when it came."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    size = models.BigIntegerField()
    note = models.TextField()
    witnessed = models.BooleanField(help_text="The note carries the witness's co-signature.")


class Verification(models.Model):
    """A recomputation of the whole log, asked for on the Audit desk and done by the worker."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    asked_at = models.DateTimeField()
    asked_by = models.UUIDField()
    done_at = models.DateTimeField(null=True)
    ok = models.BooleanField(null=True)
    confirmed = models.BooleanField(default=False, help_text="The witness itself was asked and gave its checkpoint.")
    events = models.BigIntegerField(default=0)
    witnessed = models.BigIntegerField(default=0, help_text="The largest size that a witness's checkpoint confirms.")
    findings = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                models.Value(1), condition=models.Q(done_at=None), name="audit_one_verification_at_a_time"
            )
        ]
