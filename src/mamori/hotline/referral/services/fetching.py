"""The police's own system fetches its referrals: that sends them, and delivers none."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Coalesce

from mamori.ground.actors import Actor
from mamori.ground.errors import NotFound
from mamori.hotline.referral.models import Referral
from mamori.hotline.referral.permissions import READ
from mamori.hotline.referral.queries import is_police, unopened
from mamori.hotline.referral.services.sending import referral_sent
from mamori.hotline.referral.states import ReferralState


@transaction.atomic
def referrals_fetch(*, actor: Actor, since: tuple[datetime, UUID] | None, limit: int) -> list[Referral]:
    """Referrals to the actor's police that wait for an officer, the oldest first, after the one at `since` (`told_at`, id).

    Undelivered ones, and delivered ones of which a new report says that a child is at risk: `told_at` is when they began
    to wait. What was queued becomes sent. NotFound for everybody but police.
    """
    if not actor.may(READ) or not is_police(actor):
        raise NotFound
    rows = Referral.objects.filter(
        Q(policy__organisation=None) | Q(policy__organisation_id=actor.organisation_id), unopened()
    ).annotate(told_at=Coalesce("unseen_since", "queued_at"))
    if since is not None:
        at, last = since
        rows = rows.filter(Q(told_at__gt=at) | Q(told_at=at, id__gt=last))
    found: list[Referral] = list(
        rows.select_for_update(of=("self",)).select_related("policy").order_by("told_at", "id")[:limit]
    )
    for referral in found:
        if referral.state == ReferralState.QUEUED:
            referral_sent(referral)
    return found
