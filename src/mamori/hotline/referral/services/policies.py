"""The policy of a jurisdiction: one version after another."""

from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from mamori.ground import audit, clock
from mamori.ground.accounts.models import Organisation
from mamori.ground.actors import SYSTEM, Actor
from mamori.ground.errors import DomainError
from mamori.hotline.referral.models import Policy
from mamori.hotline.referral.permissions import POLICY
from mamori.hotline.referral.states import Channel, PolicyKind


@transaction.atomic
def policy_now() -> Policy:
    """The policy in force for the hotline's jurisdiction. The first is Japan's: silent consent after 48 hours."""
    newest = Policy.objects.filter(jurisdiction=settings.JURISDICTION).order_by("-version").first()
    if newest is not None:
        return newest
    policy, made = Policy.objects.get_or_create(
        jurisdiction=settings.JURISDICTION,
        version=1,
        defaults={"kind": PolicyKind.SILENT_CONSENT, "set_at": clock.now()},
    )
    if made:
        audit.record("referral.policy_set", subject=policy, actor=SYSTEM, version=1, kind=str(policy.kind))
    return policy


@transaction.atomic
def policy_set(
    *,
    actor: Actor,
    kind: PolicyKind,
    silence_hours: int,
    longest_hold_days: int,
    channel: Channel,
    organisation_id: UUID | None,
    notification_mail: str,
    duty_mail: str,
    duty_phone: str,
    supervisors: list[str],
) -> UUID:
    """Set a new version for the hotline's jurisdiction. Referrals already opened keep the version they began with."""
    actor.require(POLICY)
    if (
        organisation_id is not None
        and not Organisation.objects.filter(id=organisation_id, kind=Organisation.Kind.POLICE).exists()
    ):
        raise DomainError("no_police", _("This organisation is not police."), status=422)
    require_way(kind, channel, notification_mail)
    last = Policy.objects.filter(jurisdiction=settings.JURISDICTION).order_by("-version").first()
    policy = Policy.objects.create(
        jurisdiction=settings.JURISDICTION,
        version=last.version + 1 if last else 1,
        kind=kind,
        silence_hours=silence_hours,
        longest_hold_days=longest_hold_days,
        channel=channel,
        organisation_id=organisation_id,
        notification_mail=notification_mail,
        duty_mail=duty_mail,
        duty_phone=duty_phone,
        supervisors=supervisors,
        set_at=clock.now(),
        set_by_id=actor.id if actor.kind == "person" else None,
    )
    audit.record("referral.policy_set", subject=policy, actor=actor, version=policy.version, kind=str(kind))
    return policy.id


def require_way(kind: str, channel: str, notification_mail: str) -> None:
    """Raise DomainError where notices would go at once although nothing is ever handed to police."""
    if kind == PolicyKind.SIMULTANEOUS and channel == Channel.DESK and not notification_mail:
        raise DomainError(
            "nobody_told",
            _("Notices would go although nothing is handed to police: no mailbox is named."),
            remedy=_("Name the mailbox for notifications, or let police fetch referrals with their own system."),
            status=422,
        )
