"""What reporters gave us. Times of reporters are whole hours; text, contact and typed addresses are sealed."""

import uuid

from django.db import models
from django.db.models import Q

from mamori.hotline.intake.states import REPORT, Channel, Direction, Outcome, ReportState, Screening, Source


def _known(field: str, values: type, *, blank: bool = False) -> Q:
    return Q(**{f"{field}__in": [*(str(v) for v in values), *([""] if blank else [])]})  # type: ignore[attr-defined]


HELD = Q(legal_hold=True) | Q(police_hold=True)


class Submission(models.Model):
    """One time somebody told us something: up to ten addresses by the form, one by API or file.

    `receipt_digest`: keyed digest of the 16-digit code. `reply_key`: public key (X25519) whose private half only the
    code gives: messages to the reporter are sealed to it. `data_key`: id of the sealed texts' key. Under either hold
    its closing is not shown and nothing of it is destroyed.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    source = models.CharField(max_length=8)
    channel = models.CharField(max_length=8, blank=True)
    organisation_id = models.UUIDField(null=True)
    received_hour = models.DateTimeField()
    locale = models.CharField(max_length=5)
    receipt_digest = models.BinaryField(null=True, unique=True)
    reply_key = models.BinaryField(null=True)
    data_key = models.UUIDField(null=True)
    sealed_text = models.BinaryField(null=True)
    sealed_contact = models.BinaryField(null=True)
    sealed_case = models.BinaryField(null=True, help_text="Cyber patrol only: the police's case reference.")
    details = models.JSONField(default=dict, help_text="Cyber patrol only: category, found_by, prefecture.")
    closed_at = models.DateTimeField(null=True, help_text="When the last of its reports was closed.")
    released_hour = models.DateTimeField(null=True, help_text="Since when the receipt page says closed.")
    legal_hold = models.BooleanField(default=False, help_text="Set by a person, ended by a person.")
    police_hold = models.BooleanField(default=False, help_text="Police hold one of its contents.")
    purged_on = models.DateField(null=True, help_text="When its sealed texts were destroyed.")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=_known("source", Source), name="intake_submission_source_known"),
            models.CheckConstraint(
                condition=_known("channel", Channel, blank=True), name="intake_submission_channel_known"
            ),
            models.CheckConstraint(
                condition=Q(receipt_digest__isnull=True) | Q(reply_key__isnull=False),
                name="intake_submission_receipt_has_reply_key",
            ),
            models.CheckConstraint(
                condition=Q(released_hour__isnull=True) | Q(closed_at__isnull=False),
                name="intake_submission_released_when_closed",
            ),
        ]
        indexes = [
            models.Index(
                fields=["closed_at"],
                name="intake_submission_to_release",
                condition=Q(closed_at__isnull=False, released_hour__isnull=True),
            ),
            models.Index(
                fields=["closed_at"],
                name="intake_submission_to_purge",
                condition=Q(closed_at__isnull=False, purged_on__isnull=True),
            ),
        ]


class Report(models.Model):
    """One address of a submission. Source, organisation and hour are copied from it: tables sort and filter by them.

    `external_id`: the partner's own name for it, or the keyed digest of a file's row: taken once per organisation.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="reports")
    source = models.CharField(max_length=8)
    organisation_id = models.UUIDField(null=True)
    external_id = models.CharField(max_length=120, null=True)  # noqa: DJ001 - NULL is not unique, "" would be
    received_hour = models.DateTimeField()
    url = models.TextField(help_text="Canonical form; empty when its retention period is over.")
    digest = models.CharField(max_length=64)
    sealed_typed = models.BinaryField(null=True, help_text="As it was typed, where that differs.")
    seen_on = models.DateField(null=True)
    child_at_risk = models.BooleanField(default=False)
    state = models.CharField(max_length=8, default="received")
    screening = models.CharField(max_length=20, blank=True)
    screened_at = models.DateTimeField(null=True)
    content_id = models.UUIDField(null=True)
    outcome = models.CharField(max_length=24, blank=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            REPORT.constraint(),
            models.CheckConstraint(condition=_known("source", Source), name="intake_report_source_known"),
            models.CheckConstraint(
                condition=_known("screening", Screening, blank=True), name="intake_report_screening_known"
            ),
            models.CheckConstraint(
                condition=_known("outcome", Outcome, blank=True), name="intake_report_outcome_known"
            ),
            models.CheckConstraint(
                condition=Q(state=ReportState.CLOSED, closed_at__isnull=False) & ~Q(outcome="")
                | ~Q(state=ReportState.CLOSED) & Q(outcome="", closed_at__isnull=True),
                name="intake_report_outcome_when_closed",
            ),
            models.CheckConstraint(
                condition=Q(state=ReportState.RECEIVED, screening="")
                | ~Q(state=ReportState.RECEIVED) & ~Q(screening=""),
                name="intake_report_screening_when_screened",
            ),
            models.CheckConstraint(
                condition=~Q(state=ReportState.LINKED) | Q(content_id__isnull=False),
                name="intake_report_linked_to_content",
            ),
            models.UniqueConstraint(
                fields=["organisation_id", "external_id"],
                name="intake_report_once_per_organisation",
                condition=Q(external_id__isnull=False),
                nulls_distinct=False,
            ),
        ]
        indexes = [
            models.Index(
                fields=["-child_at_risk", "received_hour", "id"],
                name="intake_report_waiting",
                condition=Q(state="received"),
            ),
            models.Index(fields=["received_hour", "id"], name="intake_report_by_hour"),
            models.Index(fields=["state", "received_hour", "id"], name="intake_report_by_state"),
            models.Index(fields=["source", "received_hour", "id"], name="intake_report_by_source"),
            models.Index(fields=["outcome", "received_hour", "id"], name="intake_report_by_outcome"),
            models.Index(fields=["content_id"], name="intake_report_by_content"),
            models.Index(fields=["digest"], name="intake_report_by_digest"),
            models.Index(fields=["closed_at"], name="intake_report_by_closing", condition=Q(closed_at__isnull=False)),
        ]


class Message(models.Model):
    """A word between the hotline and a reporter: sealed once to the hotline, once to the reporter's key."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="messages")
    direction = models.CharField(max_length=12)
    sent_hour = models.DateTimeField()
    place = models.PositiveSmallIntegerField(help_text="Order within the submission, from 1.")
    data_key = models.UUIDField()
    sealed = models.BinaryField()
    for_reporter = models.BinaryField()
    author_id = models.UUIDField(null=True)
    read_at = models.DateTimeField(null=True, help_text="When staff opened it.")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=_known("direction", Direction), name="intake_message_direction_known"),
            models.UniqueConstraint(fields=["submission", "place"], name="intake_message_place_once"),
        ]
        indexes = [
            models.Index(
                fields=["sent_hour"],
                name="intake_message_unread",
                condition=Q(direction="to_hotline", read_at__isnull=True),
            )
        ]


class OneUse(models.Model):
    """Digest of a spent proof of work, queue ticket or message form: nothing of it can be used twice."""

    digest = models.BinaryField(primary_key=True)
    expires_hour = models.DateTimeField()


class ApiBatch(models.Model):
    """A partner's batch: the same idempotency key is answered with the same stored answer."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    organisation_id = models.UUIDField()
    key = models.CharField(max_length=200)
    request_digest = models.BinaryField()
    answer = models.JSONField()
    received_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organisation_id", "key"], name="intake_apibatch_key_once")]


class DayCount(models.Model):
    """How many reports of a day have an outcome ("" = open): signed changes that a sweep sums up.

    Appending changes keeps writers from waiting for each other on one counter.
    """

    day = models.DateField()
    outcome = models.CharField(max_length=24, blank=True)
    count = models.IntegerField()

    class Meta:
        indexes = [models.Index(fields=["day", "outcome"], name="intake_daycount_by_day")]
