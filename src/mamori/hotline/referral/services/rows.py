"""What every change of a referral needs: the locked row, its steps, its moves."""

from uuid import UUID

from mamori.ground import clock, states
from mamori.ground.actors import SYSTEM, Actor
from mamori.ground.errors import NotFound
from mamori.ground.facts import announce
from mamori.hotline.referral.facts import PoliceCleared
from mamori.hotline.referral.models import Referral, Step
from mamori.hotline.referral.queries import is_police
from mamori.hotline.referral.states import REFERRAL, ReferralState, StepKind


def locked(referral_id: UUID) -> Referral:
    referral = Referral.objects.select_for_update(of=("self",)).select_related("policy").filter(id=referral_id).first()
    if referral is None:
        raise NotFound
    return referral


def locked_for_police(actor: Actor, referral_id: UUID) -> Referral:
    """The row, for police to whom it is referred. NotFound for everybody else."""
    referral = locked(referral_id)
    if not actor.is_system and not is_for(actor, referral):
        raise NotFound
    return referral


def is_for(actor: Actor, referral: Referral) -> bool:
    """Whether the actor belongs to the police organisation a referral goes to."""
    meant = referral.policy.organisation_id
    return is_police(actor) and meant in {None, actor.organisation_id}


def move(referral: Referral, to: ReferralState, *, actor: Actor, changed: tuple[str, ...] = ()) -> None:
    states.move(referral, to, machine=REFERRAL, actor=actor, event=f"referral.{to}", changed=changed)


def step(
    referral: Referral,
    kind: StepKind,
    *,
    actor: Actor = SYSTEM,
    number: int | None = None,
    cause_id: UUID | None = None,
    sealed: tuple[UUID, bytes] | None = None,
) -> None:
    """Add one step. `sealed`: data key and sealed reason."""
    key, reason = sealed or (None, None)
    Step.objects.create(
        referral=referral,
        at=clock.now(),
        kind=kind,
        number=number,
        cause_id=cause_id,
        actor_kind=actor.kind,
        actor_id=actor.id,
        data_key=key,
        sealed_reason=reason,
    )


def clear(referral: Referral) -> None:
    """Notices may go."""
    if referral.cleared_at is None:
        referral.cleared_at = clock.now()
        referral.save(update_fields=["cleared_at"])
        step(referral, StepKind.CLEARED)
    announce(PoliceCleared(referral.content_id))
