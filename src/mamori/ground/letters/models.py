"""One row for each mail that leaves, or tries to leave, the house."""

import uuid

from django.db import models

from mamori.ground.letters.states import LETTER


class Letter(models.Model):
    """A mail. `key` is what it is about: the same key is never stored twice, so nothing is sent twice."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    key = models.CharField(max_length=120, unique=True)
    kind = models.CharField(max_length=40)
    to = models.EmailField()
    subject = models.CharField(max_length=250)
    body = models.TextField()
    attachment_name = models.CharField(max_length=80, blank=True)
    attachment_type = models.CharField(max_length=80, blank=True)
    attachment = models.BinaryField(null=True)
    state = models.CharField(max_length=16, default="queued")
    attempts = models.PositiveSmallIntegerField(default=0)
    answer = models.CharField(max_length=300, blank=True, help_text="The last answer of the mail server.")
    queued_at = models.DateTimeField()
    tried_at = models.DateTimeField(null=True)
    handed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [LETTER.constraint()]
        indexes = [
            models.Index(fields=["queued_at"], name="letters_waiting", condition=models.Q(state="queued")),
            models.Index(fields=["state", "-queued_at", "id"], name="letters_by_state"),
            models.Index(fields=["queued_at", "id"], name="letters_newest"),
        ]
