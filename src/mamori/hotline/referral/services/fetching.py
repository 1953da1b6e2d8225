"""The police's own system fetches its referrals: that sends them, and delivers none."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from mamori.ground.actors import Actor
from mamori.ground.errors import NotFound
from mamori.hotline.referral.models import Referral
from mamori.hotline.referral.permissions import READ
from mamori.hotline.referral.queries import is_police
from mamori.hotline.referral.services.sending import referral_sent
from mamori.hotline.referral.states import UNDELIVERED, ReferralState


@transaction.atomic
def referrals_fetch(*, actor: Actor, since: tuple[datetime, UUID] | None, limit: int) -> list[Referral]:
    """Undelivered referrals to the actor's police, the oldest first, after the one at `since` (queued_at, id).

    What was queued becomes sent. NotFound for everybody but police.
    """
    if not actor.may(READ) or not is_police(actor):
        raise NotFound
    rows = Referral.objects.filter(
        Q(policy__organisation=None) | Q(policy__organisation_id=actor.organisation_id), state__in=UNDELIVERED
    )
    if since is not None:
        at, last = since
        rows = rows.filter(Q(queued_at__gt=at) | Q(queued_at=at, id__gt=last))
    found = list(rows.select_for_update(of=("self",)).select_related("policy").order_by("queued_at", "id")[:limit])
    for referral in found:
        if referral.state == ReferralState.QUEUED:
            referral_sent(referral)
    return found
