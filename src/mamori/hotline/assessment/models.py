"""Content items, what was reported of them, who looked at them and what was decided."""

import uuid

from django.db import models
from django.db.models import F, Q

from mamori.ground.accounts.models import User
from mamori.hotline.assessment.states import CONTENT, ILLEGAL, WAITING, LeaseEnd, Reason, Verdict


class Criteria(models.Model):
    """One version of the national law's codes and the guideline. `law_codes`: [{code, en, ja}]. Never changed."""

    version = models.CharField(primary_key=True, max_length=20)
    jurisdiction = models.CharField(max_length=2)
    in_force_from = models.DateField()
    title_en = models.CharField(max_length=200)
    title_ja = models.CharField(max_length=200)
    law_codes = models.JSONField()
    guideline = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["jurisdiction", "in_force_from"], name="assessment_criteria_one_in_force")
        ]


class ContentItem(models.Model):
    """One canonical address. `round` counts assessments, `position` is the opinion that is due: 1, 2 or 3.

    `verdict`, `law_codes`, `decision` and `confirmation` are of the last settled round.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    url = models.TextField()
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the canonical address, hex.")
    host = models.CharField(max_length=253)
    registrable = models.CharField(max_length=253, blank=True)
    state = models.CharField(max_length=20)
    reason = models.CharField(max_length=24, blank=True)
    round = models.PositiveSmallIntegerField(default=1)
    position = models.PositiveSmallIntegerField(default=1)
    at_risk = models.BooleanField(default=False)
    at_risk_reported = models.BooleanField(default=False)
    patrolled = models.BooleanField(default=False)
    report_count = models.PositiveIntegerField(default=0)
    sources = models.PositiveIntegerField(default=0, help_text="Distinct submissions.")
    last_seen_on = models.DateField(null=True)
    risk_points = models.PositiveIntegerField(default=0)
    risk_signs = models.JSONField(default=dict, help_text="Sign of mamori.hotline.assessment.risk: number.")
    priority = models.BigIntegerField(default=0)
    verdict = models.CharField(max_length=14, blank=True)
    law_codes = models.JSONField(default=list)
    decision = models.ForeignKey("Decision", null=True, on_delete=models.PROTECT, related_name="+")
    confirmation = models.ForeignKey("Decision", null=True, on_delete=models.PROTECT, related_name="+")
    settled_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField()
    state_at = models.DateTimeField(help_text="Since when it is in its state.")

    class Meta:
        constraints = [
            CONTENT.constraint(),
            models.CheckConstraint(condition=Q(position__in=[1, 2, 3]), name="assessment_content_position"),
            models.CheckConstraint(condition=Q(round__gte=1), name="assessment_content_round"),
            models.CheckConstraint(
                condition=Q(verdict="", settled_at=None) | Q(verdict__in=list(Verdict), settled_at__isnull=False),
                name="assessment_content_settled",
            ),
            models.CheckConstraint(
                condition=~Q(verdict__in=[Verdict.BASELINE, Verdict.NATIONAL])
                | Q(decision__isnull=False, confirmation__isnull=False),
                name="assessment_illegal_needs_two",
            ),
            models.CheckConstraint(
                condition=Q(confirmation=None) | ~Q(confirmation=F("decision")), name="assessment_two_decisions"
            ),
        ]
        indexes = [
            models.Index(fields=["-priority", "id"], name="assessment_queue", condition=Q(state__in=list(WAITING))),
            models.Index(fields=["opened_at", "id"], name="assessment_queue_age", condition=Q(state__in=list(WAITING))),
            models.Index(fields=["state", "state_at"], name="assessment_by_state"),
            models.Index(fields=["host"], name="assessment_by_host"),
            models.Index(fields=["host"], name="assessment_illegal_on_host", condition=Q(verdict__in=list(ILLEGAL))),
            models.Index(fields=["opened_at"], name="assessment_opened"),
            models.Index(fields=["opened_at"], name="assessment_at_risk", condition=Q(at_risk=True)),
            models.Index(fields=["settled_at"], name="assessment_settled", condition=Q(settled_at__isnull=False)),
        ]


class ContentReport(models.Model):
    """A report of an item. `source` as intake names it; `seen_on` as the reporter said; `urgent` by screening."""

    content = models.ForeignKey(ContentItem, on_delete=models.PROTECT, related_name="reports")
    report_id = models.UUIDField(unique=True)
    submission_id = models.UUIDField()
    source = models.CharField(max_length=24)
    seen_on = models.DateField(null=True)
    urgent = models.BooleanField(default=False)
    linked_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["content", "linked_at"], name="assessment_reports_of")]


class ContentEvent(models.Model):
    """One move of an item, append-only: what its timeline and every duration are computed from."""

    content = models.ForeignKey(ContentItem, on_delete=models.PROTECT, related_name="events")
    at = models.DateTimeField()
    was = models.CharField(max_length=20, blank=True)
    now = models.CharField(max_length=20)
    code = models.CharField(max_length=24, blank=True)
    actor_kind = models.CharField(max_length=10)

    class Meta:
        indexes = [
            models.Index(fields=["content", "at"], name="assessment_events_of"),
            models.Index(fields=["now", "at"], name="assessment_events_into"),
        ]


class Lease(models.Model):
    """A person looks at an item until `until`. Exposure is from `taken_at` to `ended_at`, at most to `until`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    content = models.ForeignKey(ContentItem, on_delete=models.PROTECT, related_name="leases")
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    taken_at = models.DateTimeField()
    until = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    end = models.CharField(max_length=10, blank=True)
    exempt = models.BooleanField(
        default=False, help_text="Taken past the budget: a child at risk, nobody else on duty."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["content"], condition=Q(ended_at=None), name="assessment_one_lease_per_item"
            ),
            models.UniqueConstraint(
                fields=["person"], condition=Q(ended_at=None), name="assessment_one_lease_per_person"
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None, end="") | Q(ended_at__isnull=False, end__in=list(LeaseEnd)),
                name="assessment_lease_end",
            ),
            models.CheckConstraint(condition=Q(until__gt=F("taken_at")), name="assessment_lease_length"),
        ]
        indexes = [
            models.Index(fields=["person", "taken_at"], name="assessment_lease_person"),
            models.Index(fields=["until"], name="assessment_lease_open", condition=Q(ended_at=None)),
        ]


class Decision(models.Model):
    """One opinion, append-only. In one round nobody gives two: that is what makes the second one a second one."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    content = models.ForeignKey(ContentItem, on_delete=models.PROTECT, related_name="decisions")
    round = models.PositiveSmallIntegerField()
    position = models.PositiveSmallIntegerField()
    verdict = models.CharField(max_length=14)
    law_codes = models.JSONField(default=list)
    reason = models.CharField(max_length=24, blank=True)
    child_at_risk = models.BooleanField(default=False)
    criteria = models.ForeignKey(Criteria, on_delete=models.PROTECT, related_name="+")
    note_key = models.UUIDField(null=True)
    note = models.BinaryField(null=True)
    decided_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["content", "round", "position"], name="assessment_one_per_position"),
            models.UniqueConstraint(fields=["content", "round", "decided_by"], name="assessment_second_person"),
            models.CheckConstraint(condition=Q(position__in=[1, 2, 3]), name="assessment_decision_position"),
            models.CheckConstraint(condition=Q(verdict__in=list(Verdict)), name="assessment_decision_verdict"),
            models.CheckConstraint(condition=Q(reason__in=["", *Reason]), name="assessment_decision_reason"),
        ]
        indexes = [
            models.Index(fields=["decided_at"], name="assessment_decided"),
            models.Index(fields=["decided_by", "decided_at"], name="assessment_decided_by"),
        ]


class Withdrawal(models.Model):
    """The author took a decision back within minutes. Append-only; the round it belonged to is void."""

    decision = models.OneToOneField(Decision, primary_key=True, on_delete=models.PROTECT, related_name="withdrawal")
    at = models.DateTimeField()


class ExposureLift(models.Model):
    """A senior gives a person more time under lease on one day, with a reason."""

    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    on = models.DateField()
    minutes = models.PositiveSmallIntegerField()
    reason = models.CharField(max_length=300)
    lifted_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    lifted_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(person=F("lifted_by")), name="assessment_lift_by_another"),
            models.CheckConstraint(condition=Q(minutes__range=(1, 240)), name="assessment_lift_minutes"),
        ]
        indexes = [models.Index(fields=["person", "on"], name="assessment_lifts")]


class DutyPresence(models.Model):
    """When a person was last seen at the queue."""

    person = models.OneToOneField(User, primary_key=True, on_delete=models.PROTECT, related_name="+")
    seen_at = models.DateTimeField()
