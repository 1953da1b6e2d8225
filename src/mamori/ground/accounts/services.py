"""Invite people, let them in, give partners tokens, take both away again."""

import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils.translation import gettext as _text
from django.utils.translation import gettext_lazy as _

from mamori.ground import audit, clock
from mamori.ground.accounts.models import Invitation, Membership, Organisation, Token, User
from mamori.ground.accounts.permissions import INVITE, INVITE_ANYWHERE, MANAGE_TOKENS
from mamori.ground.accounts.scopes import unfit
from mamori.ground.actors import Actor, Role
from mamori.ground.errors import DomainError, NotFound
from mamori.ground.letters.services import letter_post

INVITATION_LIFE = timedelta(days=7)
FORGOTTEN = "@forgotten.invalid"  # ends the address of an account whose person was forgotten
# Who belongs where. A role outside its kind of organisation is refused.
ROLES_OF = {
    Organisation.Kind.HOTLINE: {Role.ANALYST, Role.SENIOR_ANALYST},
    Organisation.Kind.POLICE: {Role.POLICE_LIAISON},
    Organisation.Kind.LIST_BODY: {Role.LIST_REVIEWER, Role.LIST_APPROVER},
    Organisation.Kind.OVERSIGHT: {Role.AUDITOR},
    Organisation.Kind.OPERATOR: {Role.OPERATOR},
    Organisation.Kind.PROVIDER: set[Role](),
}


@transaction.atomic
def organisation_create(*, actor: Actor, name: str, kind: Organisation.Kind) -> Organisation:
    """Create an organisation. DomainError when the name is taken."""
    actor.require(INVITE_ANYWHERE)
    if Organisation.objects.filter(name=name).exists():
        raise DomainError("organisation_exists", _("There is already an organisation of this name."))
    organisation = Organisation.objects.create(name=name, kind=kind)
    audit.record("accounts.organisation_created", subject=organisation, actor=actor, kind=str(kind))
    return organisation


@transaction.atomic
def invite(*, actor: Actor, email: str, organisation_id: UUID, role: Role) -> str:
    """Invite a person by mail. Returns the link for the command line, which invites the first people.

    No page shows it: it goes to the mailbox of the invited person only, so that the inviter cannot accept in their name.
    """
    actor.require(INVITE)
    organisation = Organisation.objects.filter(id=organisation_id).first()
    if organisation is None or not _within_reach(actor, organisation.id):
        raise NotFound
    _check_role(organisation, role)
    invitation, link = _invitation(actor, email.strip().lower(), organisation, role)
    audit.record("accounts.invited", subject=invitation, actor=actor, role=role, organisation=organisation.id)
    letter_post(
        key=f"invitation:{invitation.id}",
        kind="invitation",
        to=invitation.email,
        subject=_text("Your invitation to Mamori"),
        body=_text("You are invited to work with Mamori as a member of %(organisation)s.\n\n%(link)s\n\n"
                   "The link works once, for seven days. You will choose a password and a second factor.\n")
        % {"organisation": organisation.name, "link": link},
    )  # fmt: skip
    return link


@transaction.atomic
def invitation_accept(*, secret: str, name: str, password: str) -> User:
    """Create the invited person's account, or add the role to the account that has the address."""
    invitation = invitation_find(secret, lock=True)
    user = invitation.renews or User.objects.filter(email__iexact=invitation.email).first()
    if user is None:
        user = User(email=invitation.email, name=name.strip(), created_at=clock.now())
        _set_password(user, password)
    elif invitation.renews is not None:
        _set_password(user, password)
    elif not user.is_active:
        user.name, user.is_active = name.strip() or user.name, True
        _set_password(user, password)
    elif not user.check_password(password):
        raise DomainError(
            "wrong_password",
            _("You already have an account here, and this is not its password."),
            remedy=_("Enter the password you use to log in."),
            status=422,
        )
    if invitation.renews is None:
        Membership.objects.get_or_create(user=user, organisation=invitation.organisation, role=invitation.role)
    invitation.accepted_at = clock.now()
    invitation.save(update_fields=["accepted_at"])
    audit.record("accounts.joined", subject=user, actor=user.actor, role=invitation.role, invitation=invitation.id)
    return user


def invitation_find(secret: str, *, lock: bool = False) -> Invitation:
    """The open invitation of a link, or DomainError saying that it is used, withdrawn or too old."""
    invitations = Invitation.objects.select_related("organisation", "renews")
    if lock:
        invitations = invitations.select_for_update(of=("self",))
    invitation = invitations.filter(digest=_digest(secret)).first()
    if (
        invitation is None
        or invitation.accepted_at is not None
        or invitation.withdrawn_at is not None
        or invitation.expires_at <= clock.now()
    ):
        raise DomainError(
            "invitation_closed",
            _("This invitation was used, withdrawn, or is too old."),
            remedy=_("Ask the person who invited you for a new one."),
            status=404,
        )
    return invitation


def invitation_account(invitation: Invitation) -> str:
    """What accepting it will ask for: "new" (name and password), "known" (the password in use), "renewed" (a password)."""
    if invitation.renews is not None:
        return "renewed"
    return "known" if User.objects.filter(email__iexact=invitation.email, is_active=True).exists() else "new"


@transaction.atomic
def invitation_withdraw(*, actor: Actor, invitation_id: UUID) -> None:
    """Make an invitation's link worthless. Withdrawing twice changes nothing."""
    actor.require(INVITE)
    invitation = Invitation.objects.select_for_update().filter(id=invitation_id).first()
    if invitation is None or not _within_reach(actor, invitation.organisation_id):
        raise NotFound
    if invitation.accepted_at is not None:
        raise DomainError("invitation_closed", _("This invitation was accepted already."))
    if invitation.withdrawn_at is None:
        invitation.withdrawn_at = clock.now()
        invitation.save(update_fields=["withdrawn_at"])
        audit.record("accounts.invitation_withdrawn", subject=invitation, actor=actor)


@transaction.atomic
def access_renew(*, actor: Actor, user_id: UUID) -> None:
    """Let a member who lost password or second factor start anew: both stop working now, a letter brings a link.

    The link goes to the member's own address only, so that the one who renews cannot act as the member.
    """
    actor.require(INVITE)
    user = User.objects.select_for_update().filter(id=user_id, is_active=True).first()
    membership = user.memberships.select_related("organisation").order_by("id").first() if user else None
    if user is None or membership is None or not _within_reach(actor, membership.organisation_id):
        raise NotFound
    if user.id == actor.id:
        raise DomainError("own_access", _("You cannot renew your own access."), remedy=_("Ask a colleague."))
    Invitation.objects.filter(renews=user, accepted_at=None, withdrawn_at=None).update(withdrawn_at=clock.now())
    user.set_unusable_password()
    user.save(update_fields=["password"])
    apps.get_model("mfa", "Authenticator").objects.filter(user=user).delete()
    invitation, link = _invitation(actor, user.email, membership.organisation, Role(membership.role), renews=user)
    audit.record("accounts.access_renewed", subject=user, actor=actor, invitation=invitation.id)
    letter_post(
        key=f"invitation:{invitation.id}",
        kind="invitation",
        to=user.email,
        subject=_text("Your new access to Mamori"),
        body=_text("Your access was renewed at your request. Your old password and second factor no longer work.\n\n"
                   "%(link)s\n\nThe link works once, for seven days. If you did not ask for this, tell your organisation.\n")
        % {"link": link},
    )  # fmt: skip


@transaction.atomic
def member_remove(*, actor: Actor, membership_id: int) -> None:
    """Take a role from a person. Without a role left, the account can no longer log in."""
    actor.require(INVITE)
    membership = Membership.objects.select_related("user").filter(id=membership_id).first()
    if membership is None or not _within_reach(actor, membership.organisation_id):
        raise NotFound
    if membership.user_id == actor.id:
        raise DomainError("own_role", _("You cannot take a role from yourself."))
    audit.record("accounts.role_removed", subject=membership.user, actor=actor, role=membership.role)
    user = membership.user
    membership.delete()
    if not user.memberships.exists():
        user.is_active, user.left_at = False, clock.now()
        user.save(update_fields=["is_active", "left_at"])


@transaction.atomic
def token_create(*, actor: Actor, organisation_id: UUID, title: str, scopes: list[str]) -> str:
    """Give a partner a token, with scopes that are for its kind. The secret is returned once and never stored."""
    actor.require(MANAGE_TOKENS)
    organisation = Organisation.objects.filter(id=organisation_id).first()
    if organisation is None:
        raise NotFound
    if unfit(scopes, organisation.kind):
        raise DomainError(
            "scope_elsewhere",
            _("An organisation of this kind is not given this."),
            remedy=_("Police answer referrals; providers and the list body fetch the list."),
            status=422,
        )
    secret = f"mamori_{secrets.token_urlsafe(32)}"
    token = Token.objects.create(
        digest=_digest(secret), organisation=organisation, title=title, scopes=sorted(scopes), created_at=clock.now()
    )
    audit.record("accounts.token_created", subject=token, actor=actor, organisation=organisation.id)
    return secret


@transaction.atomic
def token_revoke(*, actor: Actor, token_id: UUID) -> None:
    """Revoke a token: it stops working with the next request."""
    actor.require(MANAGE_TOKENS)
    token = Token.objects.select_for_update().filter(id=token_id).first()
    if token is None:
        raise NotFound
    if token.revoked_at is None:
        token.revoked_at = clock.now()
        token.save(update_fields=["revoked_at"])
        audit.record("accounts.token_revoked", subject=token, actor=actor)


def token_actor(secret: str) -> Actor | None:
    """The partner a token belongs to, or None."""
    with connection.cursor() as cursor:  # asked with every request: 1 ms less than by way of the model
        cursor.execute(
            "SELECT id, organisation_id, scopes::text FROM accounts_token WHERE digest = %s AND revoked_at IS NULL",
            [_digest(secret)],
        )
        row = cursor.fetchone()
    if row is None:
        return None
    return Actor("partner", id=row[0], organisation_id=row[1], scopes=frozenset(json.loads(row[2])))


def _within_reach(actor: Actor, organisation_id: UUID) -> bool:
    return actor.may(INVITE_ANYWHERE) or actor.organisation_id == organisation_id


def _invitation(
    actor: Actor, email: str, organisation: Organisation, role: Role, renews: User | None = None
) -> tuple[Invitation, str]:
    secret = secrets.token_urlsafe(32)
    invitation = Invitation.objects.create(
        digest=_digest(secret),
        email=email,
        organisation=organisation,
        role=role,
        renews=renews,
        invited_by_id=actor.id if actor.kind == "person" else None,
        invited_at=clock.now(),
        expires_at=clock.now() + INVITATION_LIFE,
    )
    return invitation, f"{settings.STAFF_URL}/invitation/{secret}/"


def _set_password(user: User, password: str) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise DomainError("weak_password", " ".join(error.messages), status=422) from error
    user.set_password(password)
    user.save()


def _digest(secret: str) -> str:
    return hmac.new(settings.TOKEN_PEPPER.encode(), secret.encode(), hashlib.sha256).hexdigest()


def _check_role(organisation: Organisation, role: Role) -> None:
    if role not in ROLES_OF[Organisation.Kind(organisation.kind)]:
        raise DomainError(
            "role_elsewhere",
            _("An organisation of this kind has no members in this role."),
            remedy=_("Choose a role that fits the organisation."),
            status=422,
        )


@transaction.atomic
def accounts_forget(actor: Actor, ids: Sequence[UUID]) -> int:  # noqa: ARG001 - the caller writes the log
    """Forget who a former member was; the id stays. Retention only."""
    users = User.objects.select_for_update().filter(id__in=ids, is_active=False)
    for user in users:
        user.name, user.email = "-", f"{user.id.hex}{FORGOTTEN}"
        user.set_unusable_password()
        user.save(update_fields=["name", "email", "password"])
    for app, model in (("mfa", "Authenticator"), ("account", "EmailAddress")):
        apps.get_model(app, model).objects.filter(user__in=users).delete()
    return len(users)


@transaction.atomic
def invitations_forget(actor: Actor, ids: Sequence[UUID]) -> int:  # noqa: ARG001 - the caller writes the log
    return Invitation.objects.filter(id__in=ids).delete()[0]
