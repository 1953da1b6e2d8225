"""What was referred to police, under which policy, and every step of it."""

import uuid
from datetime import datetime

from django.db import models
from django.db.models import Q

from mamori.ground.accounts.models import Organisation, User
from mamori.hotline.referral.states import (
    CHOICES,
    REFERRAL,
    UNANSWERED,
    UNDELIVERED,
    UNDELIVERED_AFTER,
    UNDELIVERED_URGENT_AFTER,
    Channel,
    Delivery,
    FeedbackKind,
    HoldEnd,
    PolicyKind,
    StepKind,
)


class Policy(models.Model):
    """One version of a jurisdiction's agreement with police. Never changed: a new version takes its place.

    `organisation`: the police that may see the referrals; without one, every police organisation may.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    jurisdiction = models.CharField(max_length=2)
    version = models.PositiveIntegerField()
    kind = models.CharField(max_length=14)
    silence_hours = models.PositiveSmallIntegerField(default=48)
    longest_hold_days = models.PositiveSmallIntegerField(default=30)
    channel = models.CharField(max_length=4, default="desk")
    organisation = models.ForeignKey(Organisation, null=True, on_delete=models.PROTECT, related_name="+")
    notification_mail = models.EmailField(blank=True)
    duty_mail = models.EmailField(blank=True)
    duty_phone = models.CharField(max_length=40, blank=True)
    supervisors = models.JSONField(default=list, help_text="Mail addresses.")
    set_at = models.DateTimeField()
    set_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["jurisdiction", "version"], name="referral_policy_version_once"),
            models.CheckConstraint(
                condition=Q(kind__in=[str(k) for k in PolicyKind]), name="referral_policy_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(channel__in=[str(c) for c in Channel]), name="referral_policy_channel_known"
            ),
            models.CheckConstraint(
                condition=~Q(kind="simultaneous", channel="desk", notification_mail=""),
                name="referral_policy_hands_something_over",
            ),
            models.CheckConstraint(
                condition=Q(silence_hours__gte=1, longest_hold_days__gte=1), name="referral_policy_clocks_run"
            ),
        ]


class Mailing(models.Model):
    """A letter to police that names nothing. `purpose`: notify, again, urgent, alert, page or supervisors."""

    letter_id = models.UUIDField(primary_key=True)
    purpose = models.CharField(max_length=12)
    count = models.PositiveIntegerField()
    posted_at = models.DateTimeField()
    handed_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)


class Referral(models.Model):
    """One content item before police. Every `_at` is the moment of a step; every deadline is computed from them.

    `kind`: what clears it; empty while an analyst has still to choose (policy per item). `alerted`: percent of the
    silence clock last told. `unseen_since`: since when a new report of a child at risk waits for an officer to look, at a
    referral police have already.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    content_id = models.UUIDField(unique=True)
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=14, blank=True)
    state = models.CharField(max_length=16, default="drafted")
    urgent = models.BooleanField(default=False)
    opened_at = models.DateTimeField()
    urgent_at = models.DateTimeField(null=True)
    unseen_since = models.DateTimeField(null=True)
    queued_at = models.DateTimeField(null=True)
    mailing = models.ForeignKey(Mailing, null=True, on_delete=models.PROTECT, related_name="referrals")
    sent_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    delivered_by = models.CharField(max_length=5, blank=True)
    officer = models.CharField(max_length=120, blank=True)
    acknowledged_at = models.DateTimeField(null=True)
    reference = models.CharField(max_length=80, blank=True, help_text="The police's own number.")
    paged_at = models.DateTimeField(null=True)
    alerted = models.PositiveSmallIntegerField(default=0)
    cleared_at = models.DateTimeField(null=True)
    feedback = models.CharField(max_length=10, blank=True)
    case_no = models.CharField(max_length=80, blank=True)
    data_key = models.UUIDField(null=True)
    sealed_call = models.BinaryField(null=True, help_text="Number and note of a phone hand-over.")

    class Meta:
        constraints = [
            REFERRAL.constraint(),
            models.CheckConstraint(
                condition=Q(kind__in=[*(str(c) for c in CHOICES), ""]), name="referral_referral_kind_known"
            ),
            models.CheckConstraint(condition=Q(state="drafted") | ~Q(kind=""), name="referral_referral_kind_chosen"),
            models.CheckConstraint(
                condition=Q(delivered_by__in=[*(str(d) for d in Delivery), ""]), name="referral_referral_delivery_known"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["drafted", "queued", "sent"], delivered_at__isnull=True)
                | ~Q(state__in=["drafted", "queued", "sent"]) & Q(delivered_at__isnull=False) & ~Q(officer=""),
                name="referral_referral_delivered_to_a_named_officer",
            ),
            models.CheckConstraint(
                condition=Q(cleared_at__isnull=True) | Q(sent_at__isnull=False),
                name="referral_referral_cleared_when_sent",
            ),
            models.CheckConstraint(
                condition=Q(cleared_at__isnull=True) | Q(kind="simultaneous") | Q(delivered_at__isnull=False),
                name="referral_referral_cleared_when_told",
            ),
            models.CheckConstraint(
                condition=Q(unseen_since__isnull=True) | Q(urgent=True, delivered_at__isnull=False),
                name="referral_referral_unseen_when_told",
            ),
            models.CheckConstraint(
                condition=Q(feedback__in=[*(str(f) for f in FeedbackKind), ""]), name="referral_referral_feedback_known"
            ),
        ]
        indexes = [
            models.Index(
                fields=["queued_at"], name="referral_undelivered", condition=Q(state__in=[str(s) for s in UNDELIVERED])
            ),
            models.Index(
                fields=["delivered_at"], name="referral_unanswered", condition=Q(state__in=[str(s) for s in UNANSWERED])
            ),
            models.Index(fields=["unseen_since"], name="referral_unseen", condition=Q(unseen_since__isnull=False)),
            models.Index(fields=["state", "-opened_at", "id"], name="referral_by_state"),
            models.Index(fields=["-opened_at", "id"], name="referral_newest"),
            models.Index(fields=["-urgent", "-opened_at", "id"], name="referral_urgent_first"),
        ]

    @property
    def undelivered_due_at(self) -> datetime | None:
        """When an undelivered referral pages the duty officer; None before it was queued."""
        if self.queued_at is None:
            return None
        due = self.queued_at + UNDELIVERED_AFTER
        if self.urgent:
            return min(due, max(self.queued_at, self.urgent_at or self.queued_at) + UNDELIVERED_URGENT_AFTER)
        return due


class Hold(models.Model):
    """Police ask to wait. In force until it ended; `until` may move by renewal, each one a step."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    referral = models.ForeignKey(Referral, on_delete=models.PROTECT, related_name="holds")
    asked_at = models.DateTimeField()
    asked_by = models.UUIDField(help_text="Person or token.")
    until = models.DateTimeField()
    data_key = models.UUIDField()
    sealed_reason = models.BinaryField()
    late = models.BooleanField(help_text="Asked for after notices were free to go.")
    written_at = models.DateTimeField(
        null=True, help_text="When supervisors were last written to that its time is over."
    )
    told_at = models.DateTimeField(null=True, help_text="When the mail server of one of them took that letter.")
    mailings = models.ManyToManyField(Mailing, related_name="holds")  # that tell supervisors of it
    ended_at = models.DateTimeField(null=True)
    ended_how = models.CharField(max_length=8, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["referral"], condition=Q(ended_at__isnull=True), name="referral_hold_one_in_force"
            ),
            models.CheckConstraint(condition=Q(until__gt=models.F("asked_at")), name="referral_hold_ends_later"),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, ended_how="")
                | Q(ended_at__isnull=False, ended_how__in=[str(e) for e in HoldEnd]),
                name="referral_hold_ended_somehow",
            ),
        ]
        indexes = [models.Index(fields=["until"], name="referral_hold_in_force", condition=Q(ended_at__isnull=True))]


class Step(models.Model):
    """One thing that happened to a referral. Append-only. `number`: the percent of an alert, days, or nothing.

    `cause_id`: the opinion or report by which it became urgent. Each counts once, however often its job runs.
    """

    referral = models.ForeignKey(Referral, on_delete=models.PROTECT, related_name="steps")
    at = models.DateTimeField()
    kind = models.CharField(max_length=24)
    number = models.IntegerField(null=True)
    cause_id = models.UUIDField(null=True)
    actor_kind = models.CharField(max_length=10)
    actor_id = models.UUIDField(null=True)
    data_key = models.UUIDField(null=True)
    sealed_reason = models.BinaryField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=[str(k) for k in StepKind]), name="referral_step_kind_known"),
            models.UniqueConstraint(
                fields=["referral", "kind", "number"], condition=Q(kind="alert"), name="referral_step_alert_once"
            ),
            models.UniqueConstraint(fields=["referral", "cause_id"], name="referral_step_cause_once"),
        ]
        indexes = [models.Index(fields=["referral", "at"], name="referral_step_of")]


class Evidence(models.Model):
    """A signed bundle about one content item as a DSSE envelope (JSON). No content in it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    content_id = models.UUIDField()
    made_at = models.DateTimeField()
    key_id = models.CharField(max_length=64)
    envelope = models.TextField()

    class Meta:
        indexes = [models.Index(fields=["content_id", "-made_at"], name="referral_evidence_of")]


class Preservation(models.Model):
    """A request to a provider to keep its data about one content item.

    `letter_id`: the last letter that asks for it. `held_back`: police asked to wait before it had left.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    content_id = models.UUIDField()
    contact_id = models.UUIDField()
    requested_at = models.DateTimeField()
    until = models.DateTimeField()
    extended_at = models.DateTimeField(null=True)
    letter_id = models.UUIDField(null=True, db_index=True)
    held_back = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["content_id", "contact_id"], name="referral_preservation_once"),
            models.CheckConstraint(
                condition=Q(until__gt=models.F("requested_at")), name="referral_preservation_ends_later"
            ),
        ]
