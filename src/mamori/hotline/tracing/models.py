"""Where content is hosted, every vote that says so, and whom to write to."""

import uuid

from django.db import models
from django.db.models import Q
from django.db.models.functions import Collate, Reverse

from mamori.ground.accounts.models import User
from mamori.hotline.tracing.states import TRACE, Level, Method, Outcome


class Contact(models.Model):
    """An abuse contact. `source`: the method that first named it, or "person".

    `needed_at`, `urgent_at`: since when a notice waits for its approval; the clock is computed from them.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    mail = models.EmailField(unique=True)
    organisation = models.CharField(max_length=200, blank=True)
    source = models.CharField(max_length=12)
    age_key = models.CharField(max_length=80, blank=True, help_text="Public age key for encrypted attachments.")
    found_at = models.DateTimeField()
    needed_at = models.DateTimeField(null=True)
    urgent_at = models.DateTimeField(null=True)
    approved_at = models.DateTimeField(null=True)
    approved_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    replaced_by = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="replaces")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(source__in=[*(str(m) for m in Method), "person"]), name="tracing_contact_source_known"
            ),
            models.CheckConstraint(
                condition=Q(approved_at__isnull=True) | Q(approved_by__isnull=False),
                name="tracing_contact_approved_by_a_person",
            ),
            models.CheckConstraint(condition=~Q(replaced_by=models.F("id")), name="tracing_contact_not_itself"),
        ]
        indexes = [
            models.Index(
                fields=["needed_at"],
                name="tracing_contact_waiting",
                condition=Q(approved_at__isnull=True, replaced_by__isnull=True, needed_at__isnull=False),
            ),
            models.Index(fields=["-found_at", "id"], name="tracing_contact_newest"),
        ]

    @property
    def current(self) -> "Contact":
        """The contact that took its place, else itself. A replaced contact always points at the last one."""
        return self.replaced_by or self


class Trace(models.Model):
    """The present finding about one content item: made of its last run's votes.

    `candidates`: the mail addresses that registry and Abusix named; two of them are a dispute. `failed`: how many
    sources could not be asked in the last run.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    content_id = models.UUIDField(unique=True)
    state = models.CharField(max_length=12, default="unresolved")
    host = models.CharField(max_length=253)
    addresses = models.JSONField(default=list)
    asns = models.JSONField(default=list)
    as_name = models.CharField(max_length=120, blank=True)
    country = models.CharField(max_length=2, blank=True)
    registrar = models.CharField(max_length=200, blank=True)
    candidates = models.JSONField(default=list)
    needed_at = models.DateTimeField(null=True, help_text="Since when a notice is meant to go.")
    urgent_at = models.DateTimeField(null=True)
    contact = models.ForeignKey(Contact, null=True, on_delete=models.PROTECT, related_name="traces")
    opened_at = models.DateTimeField()
    run = models.PositiveIntegerField(default=0)
    run_at = models.DateTimeField(null=True)
    failed = models.PositiveSmallIntegerField(default=0)
    changed_at = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    confirmed_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            TRACE.constraint(),
            models.CheckConstraint(
                condition=~Q(state="confirmed") | Q(confirmed_by__isnull=False, contact__isnull=False),
                name="tracing_trace_confirmed_by_a_person",
            ),
        ]
        indexes = [
            models.Index(fields=["run_at"], name="tracing_trace_to_retry", condition=Q(failed__gt=0)),
            models.Index(fields=["state", "-opened_at"], name="tracing_trace_by_state"),
            models.Index(
                fields=["needed_at"],
                name="tracing_trace_waiting",
                condition=Q(needed_at__isnull=False, state__in=["unresolved", "disputed", "changed"]),
            ),
            models.Index(fields=["-opened_at", "id"], name="tracing_trace_newest"),
        ]


class Vote(models.Model):
    """What one source answered about one subject (host, address, AS or domain). Append-only.

    `at` is when the source was asked: an answer younger than 12 hours is voted again, not asked again.
    """

    trace = models.ForeignKey(Trace, on_delete=models.PROTECT, related_name="votes")
    run = models.PositiveIntegerField()
    method = models.CharField(max_length=12)
    subject = models.CharField(max_length=253)
    outcome = models.CharField(max_length=8)
    at = models.DateTimeField()
    registry = models.CharField(max_length=120, blank=True, help_text="Who answered.")
    data = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(method__in=[str(m) for m in Method]), name="tracing_vote_method_known"),
            models.CheckConstraint(
                condition=Q(outcome__in=[str(o) for o in Outcome]), name="tracing_vote_outcome_known"
            ),
        ]
        indexes = [
            models.Index(fields=["trace", "run"], name="tracing_vote_of_run"),
            models.Index(
                fields=["subject", "method", "-at"], name="tracing_vote_cache", condition=~Q(outcome="failed")
            ),
        ]


class Rung(models.Model):
    """A contact of a trace on one level of the escalation ladder."""

    trace = models.ForeignKey(Trace, on_delete=models.CASCADE, related_name="rungs")
    level = models.CharField(max_length=14)
    contact = models.ForeignKey(Contact, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["trace", "level"], name="tracing_rung_once"),
            models.CheckConstraint(condition=Q(level__in=[str(v) for v in Level]), name="tracing_rung_level_known"),
        ]


TURNED = Collate(Reverse("host"), "C")  # names below a name are a range of it: "/" comes after "."


class HostAddress(models.Model):
    """A host name seen on an IP address: how many names a block of the address would hit."""

    ip = models.GenericIPAddressField()
    host = models.CharField(max_length=253)
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["ip", "host"], name="tracing_hostaddress_once")]
        indexes = [models.Index(TURNED, name="tracing_hostaddress_turned")]
