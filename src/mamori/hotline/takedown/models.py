"""Notices to those who can remove content, what they answered, and what was tried for each content."""

import uuid

from django.db import models
from django.db.models import Q

from mamori.ground.accounts.models import User
from mamori.hotline.takedown.states import (
    ITEM,
    ITEM_OPEN,
    NOTICE,
    OPEN,
    REMOVAL,
    AnswerKind,
    ItemState,
    LetterKind,
    Level,
    RemovalState,
    StepReason,
    WarningKind,
)

_CONTENT = "assessment.ContentItem"


class Removal(models.Model):
    """What is tried to have one content removed. `steps`: rungs climbed so far; `exhausted_at`: there is no next one.

    `first_told_at`: when the first letter about it was delivered; every clock runs from there.
    """

    content = models.OneToOneField(_CONTENT, primary_key=True, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, default="wanted")
    wanted_at = models.DateTimeField()
    looked_at = models.DateTimeField(null=True, help_text="When it was last tried to open a notice or to climb.")
    level = models.CharField(max_length=14, blank=True)
    steps = models.PositiveSmallIntegerField(default=0)
    domestic = models.BooleanField(null=True)
    first_told_at = models.DateTimeField(null=True)
    too_slow_at = models.DateTimeField(null=True)
    exhausted_at = models.DateTimeField(null=True)
    gone_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            REMOVAL.constraint(),
            models.CheckConstraint(condition=Q(level__in=["", *Level]), name="takedown_removal_level"),
            models.CheckConstraint(
                condition=~Q(state=RemovalState.GONE) | Q(gone_at__isnull=False), name="takedown_gone_has_moment"
            ),
        ]
        indexes = [
            models.Index(fields=["looked_at"], name="takedown_wanted", condition=Q(state="wanted")),
            models.Index(
                fields=["steps", "first_told_at"],
                name="takedown_climb",
                condition=Q(state="noticed", exhausted_at=None, first_told_at__isnull=False),
            ),
            models.Index(
                fields=["first_told_at"], name="takedown_slow", condition=Q(state="noticed", too_slow_at=None)
            ),
            models.Index(fields=["exhausted_at"], name="takedown_exhausted", condition=Q(state="noticed")),
            models.Index(fields=["first_told_at", "gone_at"], name="takedown_durations"),
        ]


class Notice(models.Model):
    """A notice to one contact on one rung. `reminders`: how many were sent; `last_letter_at`: when a letter was taken.

    `looked_at`: when it was last tried to send a reminder.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    contact = models.ForeignKey("tracing.Contact", on_delete=models.PROTECT, related_name="+")
    level = models.CharField(max_length=14)
    state = models.CharField(max_length=18, default="draft")
    domestic = models.BooleanField(default=True)
    opened_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True, help_text="When its page was first opened.")
    last_letter_at = models.DateTimeField(null=True)
    looked_at = models.DateTimeField(null=True)
    reminders = models.PositiveSmallIntegerField(default=0)
    item_count = models.PositiveIntegerField(default=0, help_text="Numbers given to items so far.")
    page_stale = models.BooleanField(default=False)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            NOTICE.constraint(),
            models.CheckConstraint(condition=Q(level__in=list(Level)), name="takedown_notice_level"),
            models.UniqueConstraint(
                fields=["contact"], condition=Q(state__in=list(OPEN)), name="takedown_one_open_per_contact"
            ),
        ]
        indexes = [
            models.Index(fields=["state", "-opened_at"], name="takedown_notice_state"),
            models.Index(fields=["-opened_at", "id"], name="takedown_notice_newest"),
            models.Index(fields=["last_letter_at"], name="takedown_notice_letter", condition=Q(finished_at=None)),
            models.Index(fields=["id"], name="takedown_notice_stale", condition=Q(page_stale=True)),
        ]

    @property
    def reference(self) -> str:
        """What people quote, and the subject of every letter."""
        return f"N-{self.id.hex[:10].upper()}"


class NoticeItem(models.Model):
    """One address in a notice. `number` is its name towards the contact; `told_in` the letter that told it.

    `findings`: what the letter was based on (verdict, law codes, network addresses, AS, country), frozen when told.
    `answered_at`: the first claim of removal or dispute; clocks stop for a while from there, once.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    notice = models.ForeignKey(Notice, on_delete=models.PROTECT, related_name="items")
    content = models.ForeignKey(_CONTENT, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=10, default="waiting")
    urgent = models.BooleanField(default=False)
    joined_at = models.DateTimeField()
    looked_at = models.DateTimeField(null=True)
    obstacle = models.CharField(max_length=24, blank=True, help_text="What it still waits for before it is told.")
    findings = models.JSONField(default=dict)
    told_in = models.PositiveIntegerField(null=True)
    told_at = models.DateTimeField(null=True)
    claimed_at = models.DateTimeField(null=True)
    disputed_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            ITEM.constraint(),
            models.UniqueConstraint(
                fields=["content"], condition=Q(state__in=list(ITEM_OPEN)), name="takedown_one_open_per_content"
            ),
            models.UniqueConstraint(fields=["notice", "number"], name="takedown_item_number"),
        ]
        indexes = [
            models.Index(fields=["joined_at"], name="takedown_item_waiting", condition=Q(state=ItemState.WAITING)),
            models.Index(fields=["obstacle"], name="takedown_item_obstacle", condition=~Q(obstacle="")),
            models.Index(fields=["claimed_at"], name="takedown_item_claimed", condition=Q(state=ItemState.CLAIMED)),
            models.Index(fields=["disputed_at"], name="takedown_item_disputed", condition=Q(state=ItemState.DISPUTED)),
            models.Index(fields=["notice", "state"], name="takedown_items_of"),
            models.Index(fields=["joined_at", "id"], name="takedown_item_joined"),
            models.Index(fields=["state", "joined_at", "id"], name="takedown_item_state"),
            models.Index(fields=["content", "joined_at"], name="takedown_items_content"),
        ]


class NoticeLetter(models.Model):
    """A letter of a notice, the `n`-th; the mail itself is the outbox's. `page_until`: until when its link is good.

    `page_digest` says whose an answer is; the public face cannot read this table.
    """

    notice = models.ForeignKey(Notice, on_delete=models.PROTECT, related_name="letters")
    n = models.PositiveIntegerField()
    kind = models.CharField(max_length=10)
    letter = models.OneToOneField("letters.Letter", on_delete=models.PROTECT, related_name="+")
    posted_at = models.DateTimeField()
    page_until = models.DateTimeField()
    page_digest = models.CharField(max_length=64, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["notice", "n"], name="takedown_letter_number"),
            models.CheckConstraint(condition=Q(kind__in=list(LetterKind)), name="takedown_letter_kind"),
        ]


class HosterPage(models.Model):
    """What the public face may read: sealed under a key that only the link itself gives. No id, no address in clear."""

    token_digest = models.CharField(primary_key=True, max_length=64)
    payload = models.BinaryField()
    until = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["until"], name="takedown_page_until")]


class HosterAnswer(models.Model):
    """What a hoster said on its page. The public face only inserts; the worker works them off.

    `items`: ids of items, none for all. The same answer within an hour has the same id, so it is stored once. `problem`:
    why it could not be worked off.
    """

    id = models.UUIDField(primary_key=True)
    token_digest = models.CharField(max_length=64)
    kind = models.CharField(max_length=12)
    items = models.JSONField(default=list)
    text_key = models.UUIDField(null=True)
    text = models.BinaryField(null=True)
    at = models.DateTimeField()
    notice = models.ForeignKey(Notice, null=True, on_delete=models.PROTECT, related_name="answers")
    processed_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True, help_text="When a person dealt with a dispute or a question.")
    problem = models.CharField(max_length=80, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=list(AnswerKind)), name="takedown_answer_kind"),
        ]
        indexes = [
            models.Index(fields=["at"], name="takedown_answer_new", condition=Q(processed_at=None)),
            models.Index(
                fields=["at"],
                name="takedown_answer_unsettled",
                condition=Q(settled_at=None, notice__isnull=False, kind__in=["dispute", "question"]),
            ),
            models.Index(fields=["at"], name="takedown_answer_failed", condition=Q(settled_at=None) & ~Q(problem="")),
        ]


class Step(models.Model):
    """One step up the ladder for one content. Append-only. A regulator's reference is given by the person who told it."""

    content = models.ForeignKey(_CONTENT, on_delete=models.PROTECT, related_name="+")
    level = models.CharField(max_length=14)
    reason = models.CharField(max_length=10)
    at = models.DateTimeField()
    by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    reference = models.CharField(max_length=80, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(level__in=list(Level)), name="takedown_step_level"),
            models.CheckConstraint(condition=Q(reason__in=list(StepReason)), name="takedown_step_reason"),
        ]
        indexes = [models.Index(fields=["content", "at"], name="takedown_steps_of")]


class LedgerEntry(models.Model):
    """The ledger: a warning, recommendation or charge to an administrator. Append-only."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    kind = models.CharField(max_length=16)
    contact = models.ForeignKey("tracing.Contact", on_delete=models.PROTECT, related_name="+")
    reference = models.CharField(max_length=80, blank=True)
    at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=list(WarningKind)), name="takedown_ledger_kind"),
        ]
        indexes = [
            models.Index(fields=["-at", "id"], name="takedown_ledger_newest"),
            models.Index(fields=["contact", "-at"], name="takedown_ledger_contact"),
        ]
