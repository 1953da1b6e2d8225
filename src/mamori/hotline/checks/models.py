"""What was found when content was looked at again. Bodies are never stored: fingerprints only."""

import uuid

from django.db import models
from django.db.models import Q

from mamori.ground.accounts.models import User
from mamori.hotline.checks.states import WATCH, Result


class Watch(models.Model):
    """The watch over one confirmed content item. Its times are those of recorded checks; dues are computed from them.

    `since`: start of the present watch; `asked_at`: when a job for the next check was stored; `negatives`: length of
    the present run of negative checks, the first of it at `first_negative_at`.
    """

    content = models.OneToOneField(
        "assessment.ContentItem", primary_key=True, on_delete=models.PROTECT, related_name="+"
    )
    state = models.CharField(max_length=10, default="watching")
    since = models.DateTimeField()
    asked_at = models.DateTimeField(null=True)
    last_at = models.DateTimeField(null=True)
    last_result = models.CharField(max_length=24, blank=True)
    negatives = models.PositiveSmallIntegerField(default=0)
    first_negative_at = models.DateTimeField(null=True)
    gone_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            WATCH.constraint(),
            models.CheckConstraint(
                condition=~Q(state="gone") | Q(gone_at__isnull=False), name="checks_gone_has_moment"
            ),
        ]
        indexes = [
            models.Index("state", models.F("last_at").asc(nulls_first=True), name="checks_watch_due"),
            models.Index(fields=["last_result", "last_at"], name="checks_watch_result"),
            models.Index(fields=["last_at", "content"], name="checks_watch_newest"),
        ]


class Check(models.Model):
    """One look at content, append-only.

    `fingerprint`: SHA-256 of at most the first MiB of the answer; `structure`: 64-bit similarity hash of a page's
    tags; `media`: the coarse kind of the answer (page, image, video, other); `attested_by`: the person who looked,
    where no machine did; `note`: a code such as why it was inconclusive; `file_…`: of a whole image or video.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    content = models.ForeignKey("assessment.ContentItem", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    result = models.CharField(max_length=24)
    vantage = models.CharField(max_length=40)
    attested_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    status = models.PositiveSmallIntegerField(null=True)
    fingerprint = models.BinaryField(max_length=32, null=True)
    structure = models.BinaryField(max_length=8, null=True)
    media = models.CharField(max_length=8, blank=True)
    note = models.CharField(max_length=24, blank=True)
    file_md5 = models.BinaryField(max_length=16, null=True)
    file_sha1 = models.BinaryField(max_length=20, null=True)
    file_sha256 = models.BinaryField(max_length=32, null=True)
    file_pdq = models.BinaryField(max_length=32, null=True)
    file_pdq_quality = models.PositiveSmallIntegerField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(result__in=list(Result)), name="checks_result_known"),
        ]
        indexes = [models.Index(fields=["content", "-at"], name="checks_of_content")]
