"""The bank: fingerprints of known images and videos, who vouches for them, and what was said of them. No picture."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Length
from django.db.models.lookups import Exact

from mamori.ground import clock
from mamori.ground.accounts.models import Organisation, User
from mamori.lists.fingerprints.codes import Classification
from mamori.lists.fingerprints.states import (
    BANK_ENTRY,
    DISAGREEMENT,
    HARMLESS,
    LENGTHS,
    Algorithm,
    ChangeKind,
    Dispute,
    ImportState,
    Kind,
    Media,
    Sharing,
    Verdict,
)


def ordered_id() -> uuid.UUID:
    """A UUID that begins with the moment (version 7, RFC 9562): rows made together lie together in the index."""
    milliseconds = int(clock.now().timestamp() * 1000) & (1 << 48) - 1
    rest = uuid.uuid4().int
    value = milliseconds << 80 | 7 << 76 | (rest >> 64 & 0xFFF) << 64 | 2 << 62 | rest & (1 << 62) - 1
    return uuid.UUID(int=value)


class Source(models.Model):
    """Who vouches for entries. `profile`: the scale of its codes, when a file of it names none."""

    code = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=16)
    organisation = models.ForeignKey(Organisation, null=True, on_delete=models.PROTECT, related_name="+")
    shared_with_partners = models.BooleanField(default=False)
    contact_mail = models.EmailField(blank=True, help_text="Where an alarm about one of its entries goes.")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=list(Kind)), name="fingerprints_source_kind"),
            models.CheckConstraint(condition=Q(code__regex=r"^[a-z0-9][a-z0-9-]{1,39}$"), name="fingerprints_source_code"),
        ]  # fmt: skip


class ImportRun(models.Model):
    """One reading of one file. `refusals`: the first bad records, [{"at", "code"}]; a second person confirms it whole.

    `total`: how many records a file has that was given on a page, empty for the command line's. `reading_at`,
    `reading_from`: when the present reading began, and at which record; `moved_at`: when its newest batch was kept.
    """

    id = models.UUIDField(primary_key=True, default=ordered_id)
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="+")
    format = models.CharField(max_length=12)
    scale = models.CharField(max_length=12, blank=True)
    sharing = models.CharField(max_length=10)
    state = models.CharField(max_length=10, default="running")
    imported_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
    read = models.PositiveIntegerField(default=0)
    added = models.PositiveIntegerField(default=0)
    known = models.PositiveIntegerField(default=0)
    restated = models.PositiveIntegerField(default=0, help_text="Known, and sent with another class than before.")
    refused = models.PositiveIntegerField(default=0)
    refusals = models.JSONField(default=list)
    total = models.PositiveIntegerField(null=True)
    reading_at = models.DateTimeField(null=True)
    reading_from = models.PositiveIntegerField(default=0)
    moved_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="Readings begun since the newest batch was kept.")
    confirmed_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    confirmed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=list(ImportState)), name="fingerprints_import_state"),
            models.CheckConstraint(condition=Q(sharing__in=list(Sharing)), name="fingerprints_import_sharing"),
            models.CheckConstraint(
                condition=~Q(state="waiting") | Q(total__isnull=False), name="fingerprints_import_waiting"
            ),
            models.CheckConstraint(
                condition=Q(confirmed_by=None) | Q(imported_by=None) | ~Q(confirmed_by=F("imported_by")),
                name="fingerprints_import_two_persons",
            ),
        ]
        indexes = [models.Index(fields=["-started_at"], name="fingerprints_imports")]


class ImportPiece(models.Model):
    """What one batch of a file says that was given on a page: stored until the worker has read it, then deleted.

    `records`: of each record what the bank takes, of a bad one its place and reason. The file itself is not kept.
    """

    run = models.ForeignKey(ImportRun, on_delete=models.PROTECT, related_name="pieces", db_index=False)
    number = models.PositiveIntegerField()
    records = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="fingerprints_piece_once")]


class Entry(models.Model):
    """One known image or video of one source.

    `scale`, `stated`: the code as the source gave it. `taken_on`: the day the source gives. `in_force_at`: when it was
    first matched; `changed_at`: in the order of the feed. `content_id`: the hotline's content it comes from.
    """

    id = models.UUIDField(primary_key=True, default=ordered_id)
    number = models.BigIntegerField(unique=True, db_default=models.Value(0), help_text="Given by the database.")
    media = models.CharField(max_length=5)
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="entries", db_index=False)
    source_ref = models.CharField(max_length=80)
    classification = models.CharField(max_length=12)
    scale = models.CharField(max_length=12, blank=True)
    stated = models.CharField(max_length=16, blank=True)
    state = models.CharField(max_length=12, default="proposed")
    sharing = models.CharField(max_length=10, default="internal")
    received_at = models.DateTimeField()
    taken_on = models.DateField(null=True)
    in_force_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField()
    content_id = models.UUIDField(null=True)
    imported = models.ForeignKey(ImportRun, null=True, on_delete=models.PROTECT, related_name="entries")
    proposed_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    confirmed_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    released_at = models.DateTimeField(
        null=True, help_text="A reviewer let it out of quarantine: it is not held again."
    )
    ended_at = models.DateTimeField(null=True)
    end = models.CharField(max_length=12, blank=True)

    class Meta:
        constraints = [
            BANK_ENTRY.constraint(),
            models.CheckConstraint(condition=Q(media__in=list(Media)), name="fingerprints_entry_media"),
            models.CheckConstraint(condition=Q(sharing__in=list(Sharing)), name="fingerprints_entry_sharing"),
            models.CheckConstraint(
                condition=Q(classification__in=list(Classification)), name="fingerprints_entry_classification"
            ),
            models.UniqueConstraint(fields=["source", "source_ref"], name="fingerprints_entry_once"),
            models.CheckConstraint(
                condition=Q(confirmed_by=None) | Q(proposed_by=None) | ~Q(confirmed_by=F("proposed_by")),
                name="fingerprints_entry_two_persons",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["active", "quarantined"], sharing="partners") | Q(confirmed_by__isnull=False),
                name="fingerprints_shared_needs_second",
            ),
            models.CheckConstraint(
                condition=Q(state="proposed", in_force_at=None)
                | Q(state__in=["active", "quarantined"], in_force_at__isnull=False)
                | Q(state="withdrawn"),
                name="fingerprints_entry_in_force",
            ),
            models.CheckConstraint(
                condition=Q(state="withdrawn", ended_at__isnull=False) & ~Q(end="")
                | ~Q(state="withdrawn") & Q(ended_at=None, end=""),
                name="fingerprints_entry_ended",
            ),
        ]
        indexes = [
            models.Index(fields=["changed_at", "number"], name="fingerprints_feed", condition=Q(sharing="partners")),
            models.Index(fields=["state", "-received_at"], name="fingerprints_entry_state"),
            models.Index(fields=["-received_at"], name="fingerprints_entry_recent"),
            models.Index(
                fields=["in_force_at"], name="fingerprints_entry_young", condition=Q(state="active", released_at=None)
            ),
            models.Index(fields=["content_id"], name="fingerprints_entry_content", condition=Q(content_id__isnull=False)),
        ]  # fmt: skip


class EntryEvent(models.Model):
    """One move of an entry made by a person or a rule, append-only: its timeline. An import's are its run's."""

    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, related_name="events")
    at = models.DateTimeField()
    was = models.CharField(max_length=12, blank=True)
    now = models.CharField(max_length=12)
    code = models.CharField(max_length=16, blank=True)
    actor_kind = models.CharField(max_length=10)

    class Meta:
        indexes = [models.Index(fields=["entry", "at"], name="fingerprints_events_of")]


_LENGTH = models.Case(*(models.When(algorithm=str(a), then=models.Value(n)) for a, n in LENGTHS.items()))


class Fingerprint(models.Model):
    """One value of one entry. Its id is its id in the index of matching: below 2**32 - 1, never used again."""

    id = models.BigAutoField(primary_key=True)
    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, related_name="fingerprints", db_index=False)
    algorithm = models.CharField(max_length=8)
    value = models.BinaryField()
    quality = models.PositiveSmallIntegerField(null=True, help_text="Of a PDQ value, 0 to 100; empty: not told.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entry", "algorithm", "value"], name="fingerprints_value_once"),
            models.CheckConstraint(condition=Q(id__lt=2**32 - 1), name="fingerprints_id_fits_index"),
            models.CheckConstraint(condition=Q(algorithm__in=list(Algorithm)), name="fingerprints_algorithm"),
            models.CheckConstraint(condition=Exact(Length("value"), _LENGTH), name="fingerprints_value_length"),
            models.CheckConstraint(
                condition=Q(quality=None) | Q(algorithm="pdq", quality__lte=100), name="fingerprints_quality"
            ),
        ]
        indexes = [models.Index(fields=["value", "algorithm"], name="fingerprints_by_value")]


class Vote(models.Model):
    """What one organisation, or one person of ours, says of an entry; append-only, the newest counts."""

    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, related_name="votes")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    verdict = models.CharField(max_length=8)
    reason = models.CharField(max_length=16)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(verdict__in=list(Verdict)), name="fingerprints_vote_verdict")]
        indexes = [models.Index(fields=["entry", "-at"], name="fingerprints_votes_of")]


class Harmless(models.Model):
    """The negative bank: a value known to be harmless, by two persons, for a time."""

    id = models.UUIDField(primary_key=True, default=ordered_id)
    algorithm = models.CharField(max_length=8)
    value = models.BinaryField()
    reason = models.CharField(max_length=300)
    state = models.CharField(max_length=10, default="proposed")
    proposed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    confirmed_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    confirmed_at = models.DateTimeField(null=True)
    expires_on = models.DateField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            HARMLESS.constraint(),
            models.CheckConstraint(
                condition=Q(confirmed_by=None) | ~Q(confirmed_by=F("proposed_by")), name="fingerprints_harmless_two_persons"
            ),
            models.CheckConstraint(
                condition=~Q(state="active") | Q(confirmed_by__isnull=False, confirmed_at__isnull=False),
                name="fingerprints_harmless_needs_second",
            ),
            models.CheckConstraint(
                condition=Q(algorithm__in=["pdq", "md5", "sha1", "sha256"]), name="fingerprints_harmless_algorithm"
            ),
            models.CheckConstraint(condition=Exact(Length("value"), _LENGTH), name="fingerprints_harmless_length"),
            models.UniqueConstraint(
                fields=["algorithm", "value"], condition=~Q(state="ended"), name="fingerprints_harmless_once"
            ),
        ]  # fmt: skip
        indexes = [models.Index(fields=["state", "-proposed_at"], name="fingerprints_harmless_state")]


class Disagreement(models.Model):
    """Two entries, an entry and the negative bank, a vote, or its own source's later word that do not agree.

    A reviewer settles it. `classification` ("": not illegal), `scale` and `stated`: what the source says now.
    """

    id = models.UUIDField(primary_key=True, default=ordered_id)
    kind = models.CharField(max_length=8)
    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, related_name="disagreements")
    other = models.ForeignKey(Entry, null=True, on_delete=models.PROTECT, related_name="+")
    harmless = models.ForeignKey(Harmless, null=True, on_delete=models.PROTECT, related_name="+")
    distance = models.PositiveSmallIntegerField(default=0, help_text="Bits between the two values; 0 for a digest.")
    classification = models.CharField(max_length=12, blank=True)
    scale = models.CharField(max_length=12, blank=True)
    stated = models.CharField(max_length=16, blank=True)
    state = models.CharField(max_length=8, default="open")
    found_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)
    settled_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    outcome = models.CharField(max_length=14, blank=True)

    class Meta:
        constraints = [
            DISAGREEMENT.constraint(),
            models.CheckConstraint(condition=Q(kind__in=list(Dispute)), name="fingerprints_dispute_kind"),
            models.UniqueConstraint(
                fields=["kind", "entry", "other", "harmless", "classification", "stated"],
                condition=Q(state="open"),
                nulls_distinct=False,
                name="fingerprints_dispute_once",
            ),
        ]
        indexes = [
            models.Index(fields=["entry"], name="fingerprints_disputed", condition=Q(state="open")),
            models.Index(fields=["other"], name="fingerprints_disputed_other", condition=Q(state="open")),
            models.Index(fields=["state", "-found_at"], name="fingerprints_disputes"),
        ]


class Change(models.Model):
    """The feed, append-only. Writers hold one lock until they commit: order of `seq` is order of commit."""

    seq = models.BigAutoField(primary_key=True)
    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=8)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(kind__in=list(ChangeKind)), name="fingerprints_change_kind")]


class MatchDay(models.Model):
    """System data examined by one organisation on one day: counts only, never what was asked."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    day = models.DateField()
    examined = models.BigIntegerField(default=0)
    similar = models.BigIntegerField(default=0)
    same = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organisation", "day"], name="fingerprints_matchday_once")]


class EntryHits(models.Model):
    """How many uploads an entry matched in one hour: for finding a flood. Kept for days."""

    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, related_name="+")
    hour = models.DateTimeField()
    hits = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["entry", "hour"], name="fingerprints_hits_once")]
