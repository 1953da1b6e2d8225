"""Editions and what each changed, what resolvers did, who subscribes and what it took, the kill switch."""

import uuid

from django.db import models
from django.db.models import F, Q

from mamori.engine.editions import LAST_RING
from mamori.ground.accounts.models import Organisation, User
from mamori.lists.distribution.states import EDITION, SUBSCRIBER, Delivery


class KillOrder(models.Model):
    """The list is empty everywhere from `at` until a list approver, not the one who pulled it, lifts it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    at = models.DateTimeField()
    by = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="+", help_text="None: at the machine."
    )
    reason = models.CharField(max_length=300)
    lifted_at = models.DateTimeField(null=True)
    lifted_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(lifted_by=None) | Q(by=None) | ~Q(lifted_by=F("by")), name="distribution_kill_two_persons"
            ),
            models.UniqueConstraint(models.Value(1), condition=Q(lifted_at=None), name="distribution_one_open_kill"),
        ]


class Edition(models.Model):
    """One edition of the list, in force or refused. `refusals`: [{code, params, entry_id, message, remedy}]."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    version = models.PositiveIntegerField(unique=True)
    base = models.PositiveIntegerField(
        default=0,
        help_text="The edition, perhaps itself, whose base files hold all but the changes since; 0: before there were any.",
    )
    base_of = models.PositiveIntegerField(
        default=0, help_text="Of an edition with a base of its own: the edition whose list the base is; 0: its own."
    )
    folded_at = models.DateTimeField(
        null=True, help_text="When its list was last made a base, which resolvers may hold even if no edition has it."
    )
    state = models.CharField(max_length=10)
    digest = models.CharField(max_length=64, help_text="SHA-256 over its files' digests, hex.")
    rules = models.CharField(max_length=64, blank=True, help_text="SHA-256 of the names its entries were held against.")
    names = models.PositiveIntegerField(default=0)
    urls = models.PositiveIntegerField(default=0)
    added = models.PositiveIntegerField(default=0)
    removed = models.PositiveIntegerField(default=0)
    kill = models.ForeignKey(KillOrder, null=True, on_delete=models.PROTECT, related_name="+")
    restored = models.BooleanField(default=False, help_text="Made from the database: the files were lost.")
    refusals = models.JSONField(default=list)
    built_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            EDITION.constraint(),
            models.CheckConstraint(
                condition=~Q(state="published") | Q(published_at__isnull=False), name="distribution_edition_published"
            ),
        ]
        indexes = [models.Index(fields=["state", "-version"], name="distribution_by_state")]


class EditionChange(models.Model):
    """An entry that came, reached a further ring, or went with an edition, append-only. `since`: when that was decided.

    `ring`: the last ring it concerns; later ones do not have the entry, or never had it.
    """

    edition = models.ForeignKey(Edition, on_delete=models.PROTECT, related_name="changes")
    entry_id = models.UUIDField()
    change = models.CharField(max_length=7)
    method = models.CharField(max_length=3)
    target = models.TextField()
    since = models.DateTimeField()
    ring = models.PositiveSmallIntegerField(default=LAST_RING)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["edition", "entry_id", "change"], name="distribution_change_once"),
            models.CheckConstraint(
                condition=Q(change__in=["added", "moved", "removed"], ring__lte=LAST_RING),
                name="distribution_change_known",
            ),
        ]
        indexes = [
            models.Index(fields=["entry_id"], name="distribution_change_entry"),
            models.Index(fields=["target"], name="distribution_change_name", condition=Q(method="dns")),
        ]


class KeptPiece(models.Model):
    """A piece of a signed file, compressed (zstd), of the one edition of which a copy is kept. `part` counts from 0."""

    edition = models.ForeignKey(Edition, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=60)
    part = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["edition", "name", "part"], name="distribution_piece_once")]


class Wait(models.Model):
    """An entry that not every ring has yet, as the edition in force says. `ring`: the last one that has it; `since` when."""

    entry_id = models.UUIDField(unique=True)
    ring = models.PositiveSmallIntegerField()
    since = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(ring__lt=LAST_RING), name="distribution_wait_ring")]


class Halt(models.Model):
    """From `at` until it ends no entry reaches a further ring.

    Ordered by a member with a reason; or by what the prober found (`faults`: [{code, resolver, name}]), without `by`.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    at = models.DateTimeField()
    by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+", help_text="None: the prober.")
    reason = models.CharField(max_length=300, blank=True)
    faults = models.JSONField(default=list)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    how = models.CharField(max_length=9, blank=True)
    end_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(models.Value(1), condition=Q(ended_at=None), name="distribution_one_open_halt"),
            models.CheckConstraint(
                condition=Q(ended_at=None, ended_by=None, how="")
                | Q(ended_at__isnull=False, ended_by__isnull=False, how__in=["released", "withdrawn"]),
                name="distribution_halt_end",
            ),
        ]


class Probe(models.Model):
    """What one resolver did. `seconds` from the decision until it was seen; None: not yet. `at`: last asked, or seen.

    Without `entry_id` it tells of the canary name: `seconds` 0 when it is blocked.
    """

    edition = models.ForeignKey(Edition, on_delete=models.PROTECT, related_name="probes")
    entry_id = models.UUIDField(null=True)
    resolver = models.CharField(max_length=60)
    outside = models.BooleanField(default=False)
    blocked = models.BooleanField(help_text="What was waited for: blocked, or answering again.")
    seconds = models.FloatField(null=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["edition", "entry_id", "resolver"],
                condition=Q(entry_id__isnull=False),
                name="distribution_probe_once",
            ),
            models.CheckConstraint(
                condition=Q(outside=False) | Q(entry_id=None), name="distribution_outside_only_canary"
            ),
        ]
        indexes = [
            models.Index(fields=["entry_id"], name="distribution_probe_entry"),
            models.Index(
                fields=["at"], name="distribution_late", condition=Q(seconds__isnull=True, entry_id__isnull=False)
            ),
            models.Index(fields=["resolver", "-id"], name="distribution_canary", condition=Q(entry_id=None)),
        ]


class KnotState(models.Model):
    """What the primary was last seen to hold. `problem`: empty when it holds exactly the edition in force."""

    zone = models.CharField(primary_key=True, max_length=60)
    checked_at = models.DateTimeField()
    records = models.PositiveIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True)
    problem = models.CharField(max_length=200, blank=True)
    serial = models.PositiveBigIntegerField(
        default=0, help_text="The zone's last serial number: subscribers take none below."
    )
    healed_at = models.DateTimeField(null=True)


class Subscriber(models.Model):
    """An organisation that takes the list. `generation` counts its TSIG keys: each new one ends the former.

    `ring`: after how many others it gets an addition, where additions wait (ADR 24). Its hot zone is named after it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    delivery = models.CharField(max_length=8)
    notify = models.CharField(max_length=80, blank=True, help_text="address@port told of changes.")
    asks_from = models.JSONField(
        default=list, help_text="Addresses and networks its questions come from; none: the address of `notify`."
    )
    generation = models.PositiveSmallIntegerField(default=1)
    token_id = models.UUIDField(null=True)
    resolvers = models.JSONField(default=list, help_text="Names of watched resolvers that are its own.")
    ring = models.PositiveSmallIntegerField(default=LAST_RING)
    state = models.CharField(max_length=10, default="requested")
    added_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField()
    applied_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            SUBSCRIBER.constraint(),
            models.CheckConstraint(condition=Q(delivery__in=list(Delivery)), name="distribution_subscriber_delivery"),
            models.CheckConstraint(
                condition=Q(ring=LAST_RING) | Q(ring__lt=LAST_RING) & ~Q(delivery=Delivery.URL),
                name="distribution_subscriber_ring",
            ),
        ]

    @property
    def askers(self) -> tuple[str, ...]:
        """Whence the primary lets it ask. None: it can transfer its zones, but `named` first asks for the serial."""
        return tuple(self.asks_from) or ((self.notify.partition("@")[0],) if self.notify else ())

    @property
    def key_stem(self) -> str:
        """What the names of its TSIG keys begin with, whatever their generation."""
        return f"sub-{self.id.hex[:12]}"


class Offer(models.Model):
    """Where an edition was to be had, and since when. `number`: the serial of `zone`; without a zone, its version.

    Who has this number of that place, or a later one, has the edition.
    """

    edition = models.ForeignKey(Edition, on_delete=models.PROTECT, related_name="offers")
    zone = models.CharField(max_length=60, blank=True)
    number = models.PositiveBigIntegerField()
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["edition", "zone"], name="distribution_offer_once")]
        indexes = [models.Index(fields=["zone", "number"], name="distribution_offered")]


class Taken(models.Model):
    """That somebody had a number of a place for the first time, append-only.

    `taker`: a subscriber's id, or, for files, the id of the token: the partner face, which adds these, knows no more.
    """

    taker = models.UUIDField()
    zone = models.CharField(max_length=60, blank=True)
    number = models.PositiveBigIntegerField()
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["taker", "zone", "number"], name="distribution_taken_once")]
        indexes = [models.Index(fields=["at"], name="distribution_taken_at")]
