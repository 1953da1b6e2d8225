"""Subscribers' TSIG keys: derived, never stored, so that one is shown once and can be set up again at a new primary (ADR 10)."""

import base64
import hashlib
import hmac

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from mamori.ground.errors import DomainError
from mamori.lists.distribution.models import Subscriber


def key_name(subscriber: Subscriber) -> str:
    """The name of the subscriber's present TSIG key."""
    return f"{subscriber.key_stem}-{subscriber.generation}"


def tsig_key(subscriber: Subscriber) -> str:
    """The secret of the present TSIG key (hmac-sha256), base64 of 32 bytes."""
    text = f"tsig:{subscriber.id}:{subscriber.generation}"
    return base64.b64encode(hmac.new(subscriber_key(), text.encode(), hashlib.sha256).digest()).decode()


def subscriber_key() -> bytes:
    """What subscribers' TSIG keys and canary names are derived from. DomainError where this face does not hold it."""
    if not settings.SUBSCRIBER_KEY:
        raise DomainError(
            "no_subscriber_key",
            _("This face does not hold the key that is needed here."),
            remedy=_("The operator sets MAMORI_SUBSCRIBER_KEY."),
            status=503,
        )
    return settings.SUBSCRIBER_KEY.encode()
