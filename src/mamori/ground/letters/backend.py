"""Django's own mail (allauth's warnings to a member) goes through the same outbox."""

from collections.abc import Sequence
from uuid import uuid4

from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.message import EmailMessage

from mamori.ground.letters.services import letter_post


class OutboxBackend(BaseEmailBackend):
    """Stores each message as letters, one for each recipient."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            for to in message.recipients():
                letter_post(
                    key=f"mail:{uuid4()}", kind="account", to=to, subject=str(message.subject), body=str(message.body)
                )
        return len(email_messages)
