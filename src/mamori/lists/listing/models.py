"""Entries of the list, who signed them, how they ended, and appeals. The content stands in assessment, by id."""

import uuid

from django.db import models
from django.db.models import F, Q

from mamori.ground.accounts.models import User
from mamori.lists.listing.states import APPEAL, BEFORE, BY_TWO, ENTRY, IN_FORCE, Method, Proof, Reason


class SigningKey(models.Model):
    """A person's Ed25519 public key. It counts once another person confirmed it, and until it is revoked."""

    id = models.CharField(primary_key=True, max_length=64, help_text="SHA-256 of the 32 public bytes, hex.")
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    public_key = models.BinaryField(max_length=32)
    registered_at = models.DateTimeField()
    confirmed_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    confirmed_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(confirmed_by=None) | ~Q(confirmed_by=F("person")), name="listing_key_confirmed_by_another"
            ),
            models.CheckConstraint(
                condition=Q(confirmed_by=None, confirmed_at=None)
                | Q(confirmed_by__isnull=False, confirmed_at__isnull=False),
                name="listing_key_confirmation",
            ),
        ]


class Candidate(models.Model):
    """A content item the list body may consider, and why: removal is too slow, or it came back."""

    content_id = models.UUIDField(primary_key=True)
    why = models.CharField(max_length=16)
    since = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["since"], name="listing_candidates", condition=Q(closed_at=None))]


class Entry(models.Model):
    """One listing of one content item by one method.

    `target`: a host name (dns) or a canonical URL (url). `stated_at` and `expires_on` stand in the statement both
    persons sign; the entry holds until the day before `expires_on`. `answers`: test -> {"yes", "reason"}.
    `far`: why it reaches so far that a third person signs, [Far]; empty: two are enough.
    `refused`: why the last edition did not take it, [{code, params}]. `listed`: it stands in the last edition;
    `ending_told`: its signed ending stands there. Both are the publisher's notes, to find what is new; it believes
    only what is signed. `yields`: a renewal of it is in force too; it goes with the edition that takes the renewal, and
    not before.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    content_id = models.UUIDField()
    method = models.CharField(max_length=3)
    target = models.TextField()
    target_digest = models.CharField(max_length=64, help_text="SHA-256 of the target, hex.")
    reason = models.CharField(max_length=24)
    answers = models.JSONField()
    stated_at = models.DateTimeField(help_text="To the second.")
    expires_on = models.DateField()
    renews = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=20, default="proposed")
    proposer = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    activator = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    activated_at = models.DateTimeField(null=True)
    far = models.JSONField(default=list)
    third = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    review_reason = models.CharField(max_length=8, blank=True)
    review_since = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    end = models.CharField(max_length=20, blank=True)
    refused = models.JSONField(default=list)
    listed = models.BooleanField(default=False)
    ending_told = models.BooleanField(default=False)
    yields = models.BooleanField(default=False)

    class Meta:
        constraints = [
            ENTRY.constraint(),
            models.CheckConstraint(condition=Q(method__in=list(Method)), name="listing_entry_method"),
            models.CheckConstraint(condition=Q(reason__in=list(Reason)), name="listing_entry_reason"),
            models.CheckConstraint(
                condition=Q(activator=None) | ~Q(activator=F("proposer")), name="listing_entry_two_persons"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[*IN_FORCE, "recheck_failed", "pending_removal", "suspended"])
                | Q(activator__isnull=False, activated_at__isnull=False),
                name="listing_entry_needs_activator",
            ),
            models.CheckConstraint(
                condition=Q(third=None)
                | (Q(activator__isnull=False) & ~Q(third=F("activator")) & ~Q(third=F("proposer"))),
                name="listing_entry_three_persons",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=IN_FORCE) | Q(far=[]) | Q(third__isnull=False), name="listing_entry_needs_third"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[*IN_FORCE, *BEFORE]) | Q(ended_at=None, end=""), name="listing_entry_open"
            ),
            models.CheckConstraint(
                condition=~Q(state="in_review") | Q(review_reason__in=[*BY_TWO, "appeal"]),
                name="listing_entry_review_reason",
            ),
            models.UniqueConstraint(
                fields=["method", "target_digest"], condition=Q(state__in=BEFORE), name="listing_one_proposal"
            ),
            models.UniqueConstraint(
                fields=["method", "target_digest"],
                condition=Q(state__in=IN_FORCE, yields=False),
                name="listing_one_in_force",
            ),
        ]
        indexes = [
            models.Index(fields=["content_id"], name="listing_entry_content"),
            models.Index(fields=["state", "-proposed_at"], name="listing_entry_state"),
            models.Index(fields=["-proposed_at"], name="listing_entry_recent"),
            models.Index(fields=["expires_on"], name="listing_entry_expiry", condition=Q(state__in=IN_FORCE)),
            models.Index(fields=["target_digest"], name="listing_entry_target", condition=Q(state__in=IN_FORCE)),
            models.Index(fields=["id"], name="listing_entry_coming", condition=Q(state__in=IN_FORCE, listed=False)),
            models.Index(fields=["id"], name="listing_entry_going", condition=Q(listed=True) & ~Q(state__in=IN_FORCE)),
            models.Index(fields=["expires_on"], name="listing_entry_last_day", condition=Q(listed=True)),
            models.Index(
                fields=["id"], name="listing_entry_ending", condition=Q(ended_at__isnull=False, ending_told=False)
            ),
        ]


class EntryEvent(models.Model):
    """One move of an entry, append-only: its timeline."""

    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, related_name="events")
    at = models.DateTimeField()
    was = models.CharField(max_length=20, blank=True)
    now = models.CharField(max_length=20)
    code = models.CharField(max_length=24, blank=True)
    actor_kind = models.CharField(max_length=10)

    class Meta:
        indexes = [models.Index(fields=["entry", "at"], name="listing_events_of")]


class Approval(models.Model):
    """A person's signature under the activation statement, append-only. Nobody signs an entry twice."""

    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, related_name="approvals")
    step = models.CharField(max_length=8)
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    key = models.ForeignKey(SigningKey, on_delete=models.PROTECT, related_name="+")
    statement = models.TextField()
    signature = models.BinaryField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entry", "step"], name="listing_one_approval_per_step"),
            models.UniqueConstraint(fields=["entry", "person"], name="listing_approval_second_person"),
            models.CheckConstraint(
                condition=Q(step__in=["propose", "activate", "third"]), name="listing_approval_step"
            ),
        ]


class Withdrawal(models.Model):
    """The signed statement that ends an activation, append-only. Signed by the rule's key in the worker."""

    entry = models.OneToOneField(Entry, primary_key=True, on_delete=models.PROTECT, related_name="withdrawal")
    statement = models.TextField()
    key_id = models.CharField(max_length=64)
    signature = models.BinaryField(max_length=64)
    at = models.DateTimeField()


class Opinion(models.Model):
    """What one person says in the review of an entry, append-only. Keeping needs two of them under a police hold."""

    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, related_name="opinions")
    review_since = models.DateTimeField()
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    keep = models.BooleanField()
    note = models.CharField(max_length=300)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entry", "review_since", "person"], name="listing_one_opinion_each")
        ]


class Appeal(models.Model):
    """A complaint about an address, listed or not: the answer is the same.

    `token` proves control of the domain. `proposer` and `activator` are those of the entry, so that the database
    itself refuses a decision by one of them. Text and contact are sealed.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    code = models.CharField(max_length=16, unique=True)
    token = models.CharField(max_length=40)
    url = models.TextField()
    host = models.CharField(max_length=253)
    seal_key = models.UUIDField()
    text = models.BinaryField()
    contact = models.BinaryField()
    received_hour = models.DateTimeField()
    state = models.CharField(max_length=12, default="received")
    entry = models.ForeignKey(Entry, null=True, on_delete=models.PROTECT, related_name="appeals")
    matched_at = models.DateTimeField(null=True)
    proposer = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    activator = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    proof = models.CharField(max_length=8, blank=True)
    proved_at = models.DateTimeField(null=True)
    triaged_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    decision_reason = models.CharField(max_length=300, blank=True)
    answered_at = models.DateTimeField(null=True, help_text="When a member told the complainant the outcome.")
    answered_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            APPEAL.constraint(),
            models.CheckConstraint(condition=Q(proof__in=["", *Proof]), name="listing_appeal_proof"),
            models.CheckConstraint(
                condition=~Q(state__in=["in_review", "upheld", "suspended", "removed"])
                | (~Q(proof="") & Q(entry__isnull=False)),
                name="listing_appeal_proved",
            ),
            models.CheckConstraint(
                condition=Q(decided_by=None)
                | (
                    (Q(proposer=None) | ~Q(decided_by=F("proposer")))
                    & (Q(activator=None) | ~Q(decided_by=F("activator")))
                ),
                name="listing_appeal_uninvolved",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "received_hour"], name="listing_appeals"),
            models.Index(fields=["id"], name="listing_appeals_new", condition=Q(matched_at=None)),
        ]
