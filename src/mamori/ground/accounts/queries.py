"""Who is here. Each query takes the actor and returns only what the actor may see."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Case, CharField, Count, Exists, OuterRef, Q, QuerySet, Value, When

from mamori.ground import clock
from mamori.ground.accounts.middleware import second_factors
from mamori.ground.accounts.models import Invitation, Membership, Organisation, Token
from mamori.ground.accounts.permissions import INVITE_ANYWHERE, MANAGE_TOKENS, SEE_ALL_PEOPLE, SEE_PEOPLE
from mamori.ground.actors import Actor


def members(actor: Actor) -> QuerySet[Membership]:
    """One row for each person and role; `second_factor` is "set" or "missing"."""
    actor.require(SEE_PEOPLE)
    factors = second_factors().filter(user=OuterRef("user_id"))
    return (
        Membership.objects.filter(_visible(actor))
        .select_related("user", "organisation")
        .annotate(
            second_factor=Case(
                When(Exists(factors), then=Value("set")), default=Value("missing"), output_field=CharField()
            )
        )
    )


def invitations(actor: Actor) -> QuerySet[Invitation]:
    """All invitations with `state`: open, accepted, withdrawn, expired."""
    actor.require(SEE_PEOPLE)
    return (
        Invitation.objects.filter(_visible(actor))
        .select_related("organisation", "invited_by")
        .annotate(
            state=Case(
                When(accepted_at__isnull=False, then=Value("accepted")),
                When(withdrawn_at__isnull=False, then=Value("withdrawn")),
                When(expires_at__lte=clock.now(), then=Value("expired")),
                default=Value("open"),
                output_field=CharField(),
            )
        )
    )


def organisations(actor: Actor) -> QuerySet[Organisation]:
    """Organisations with `people`, the number of persons in them."""
    actor.require(SEE_PEOPLE)
    visible = Q() if actor.may(SEE_ALL_PEOPLE) else Q(id=actor.organisation_id)
    return Organisation.objects.filter(visible).annotate(people=Count("memberships__user", distinct=True))


def inviting_organisations(actor: Actor) -> QuerySet[Organisation]:
    """Where the actor may invite people into."""
    return Organisation.objects.filter(Q() if actor.may(INVITE_ANYWHERE) else Q(id=actor.organisation_id))


def tokens(actor: Actor) -> QuerySet[Token]:
    """Partner tokens with `state`: active, revoked. Never their secrets: those are not stored."""
    actor.require(MANAGE_TOKENS)
    state = Case(
        When(revoked_at__isnull=False, then=Value("revoked")), default=Value("active"), output_field=CharField()
    )
    return Token.objects.select_related("organisation").annotate(state=state)


@dataclass(frozen=True)
class TokenTold:
    """What the partner face may say of a token to who holds it."""

    title: str
    organisation_id: UUID
    organisation: str


def token_told(token_id: UUID) -> TokenTold | None:
    """Of a token that its holder has just shown."""
    row = Token.objects.filter(id=token_id).values_list("title", "organisation_id", "organisation__name").first()
    return None if row is None else TokenTold(*row)


def organisation_known(organisation_id: UUID) -> bool:
    return Organisation.objects.filter(id=organisation_id).exists()


def organisation_named(name: str) -> UUID | None:
    """For the command line."""
    return Organisation.objects.filter(name=name).values_list("id", flat=True).first()


def _visible(actor: Actor) -> Q:
    return Q() if actor.may(SEE_ALL_PEOPLE) else Q(organisation_id=actor.organisation_id)
