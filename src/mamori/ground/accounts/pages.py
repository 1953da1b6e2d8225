"""The People desk: members, invitations, organisations, partner tokens."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from mamori.ground.accounts import queries, services
from mamori.ground.accounts.forms import InviteForm, OrganisationForm, TokenForm
from mamori.ground.accounts.looks import ROLE_WORDS
from mamori.ground.accounts.middleware import StaffRequest
from mamori.ground.accounts.models import Organisation
from mamori.ground.accounts.permissions import INVITE, INVITE_ANYWHERE, MANAGE_TOKENS
from mamori.ground.accounts.tables import InvitationTable, MemberTable, OrganisationTable, TokenTable
from mamori.ground.actors import Actor, Role
from mamori.ground.errors import DomainError, NotFound
from mamori.ground.ui.parts import KeyValue
from mamori.ground.ui.tables import Table, table_page


def members(request: StaffRequest) -> HttpResponse:
    table = MemberTable(request.GET, queries.members(request.actor), actor=request.actor)
    return _list(request, table, "accounts_members")


def invitations(request: StaffRequest) -> HttpResponse:
    table = InvitationTable(request.GET, queries.invitations(request.actor), actor=request.actor)
    return _list(request, table, "accounts_invitations")


def organisations(request: StaffRequest) -> HttpResponse:
    table = OrganisationTable(request.GET, queries.organisations(request.actor), actor=request.actor)
    return _list(request, table, "accounts_organisations")


def tokens(request: StaffRequest) -> HttpResponse:
    table = TokenTable(request.GET, queries.tokens(request.actor), actor=request.actor)
    return _list(request, table, "accounts_tokens")


def invite(request: StaffRequest) -> HttpResponse:
    """Invite a person; the link goes to their mailbox, and nobody here sees it."""
    request.actor.require(INVITE)
    form = InviteForm(request.POST or None, actor=request.actor)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            services.invite(
                actor=request.actor,
                email=data["email"],
                organisation_id=data["organisation"].id,
                role=Role(data["role"]),
            )
        except DomainError as error:
            form.add_error("role", f"{error.message} {error.remedy}")
        else:
            messages.success(request, _("The invitation is on its way to %(email)s.") % {"email": data["email"]})
            return redirect("accounts_invitations")
    return _form(request, form, title=_("Invite a person"), button=_("Send the invitation"), back="accounts_members")


def organisation_new(request: StaffRequest) -> HttpResponse:
    request.actor.require(INVITE_ANYWHERE)
    form = OrganisationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        kind = Organisation.Kind(form.cleaned_data["kind"])
        try:
            made = services.organisation_create(actor=request.actor, name=form.cleaned_data["name"], kind=kind)
        except DomainError as error:
            form.add_error("name", str(error.message))
        else:
            messages.success(request, _("%(name)s was created. Now invite its people.") % {"name": made.name})
            return redirect("accounts_organisations")
    return _form(
        request, form, title=_("New organisation"), button=_("Create the organisation"), back="accounts_organisations"
    )


@never_cache
def token_new(request: StaffRequest) -> HttpResponse:
    """Create a token; its secret is shown once and never stored."""
    request.actor.require(MANAGE_TOKENS)
    form = TokenForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            secret = services.token_create(
                actor=request.actor, organisation_id=data["organisation"].id, title=data["title"], scopes=data["scopes"]
            )
        except DomainError as error:
            form.add_error("scopes", f"{error.message} {error.remedy}")
        else:
            return _shown_once(
                request,
                title=_("The token was created"),
                text=_("Copy it now and hand it over safely: it is shown only this once, and nobody can look it up."),
                secret=secret,
                back="accounts_tokens",
            )
    return _form(request, form, title=_("New partner token"), button=_("Create the token"), back="accounts_tokens")


def member(request: StaffRequest, user_id: UUID) -> HttpResponse:
    """One person: roles to take away, access to renew."""
    rows = list(queries.members(request.actor).filter(user_id=user_id).order_by("id"))
    if not rows:
        raise NotFound
    user = rows[0].user
    facts = [
        KeyValue(_("Mail address"), user.email),
        KeyValue(_("Second factor"), rows[0].second_factor, "state:second_factor"),  # type: ignore[attr-defined]
        KeyValue(_("Member since"), user.created_at, "moment"),
        KeyValue(_("Last log-in"), user.last_login, "moment"),
    ]
    may_change = request.actor.may(INVITE) and user.id != request.actor.id
    return render(
        request,
        "accounts/member.html",
        {"member": user, "memberships": rows, "facts": facts, "may_change": may_change},
    )


def member_remove(request: StaffRequest, membership_id: int) -> HttpResponse:
    request.actor.require(INVITE)
    row = queries.members(request.actor).filter(id=membership_id).first()
    if row is None:
        raise NotFound
    if request.method == "POST":
        services.member_remove(actor=request.actor, membership_id=membership_id)
        messages.success(request, _("The role was taken away."))
        return redirect("accounts_members")
    return _confirm(
        request,
        title=_("Take the role “%(role)s” from %(name)s") % {"role": ROLE_WORDS[Role(row.role)], "name": row.user.name},
        consequence=_("It works at once. Without any role left, the person can no longer log in."),
        label=_("Take the role away"),
        back=reverse("accounts_member", args=[row.user_id]),
    )


def member_renew(request: StaffRequest, user_id: UUID) -> HttpResponse:
    request.actor.require(INVITE)
    row = queries.members(request.actor).filter(user_id=user_id).first()
    if row is None:
        raise NotFound
    if request.method == "POST":
        services.access_renew(actor=request.actor, user_id=user_id)
        messages.success(request, _("A letter with a new link is on its way to %(name)s.") % {"name": row.user.name})
        return redirect("accounts_member", user_id)
    return _confirm(
        request,
        title=_("Let %(name)s start anew") % {"name": row.user.name},
        consequence=_("The password and the second factor stop working at once, and all sessions end."),
        label=_("Renew the access"),
        back=reverse("accounts_member", args=[user_id]),
        leaving=[KeyValue(_("Letter"), _("A link to choose a new password, valid for seven days"))],
        recipients=[row.user.email],
    )


def invitation_withdraw(request: StaffRequest, invitation_id: UUID) -> HttpResponse:
    request.actor.require(INVITE)
    row = queries.invitations(request.actor).filter(id=invitation_id).first()
    if row is None:
        raise NotFound
    if request.method == "POST":
        services.invitation_withdraw(actor=request.actor, invitation_id=invitation_id)
        messages.success(request, _("The invitation was withdrawn."))
        return redirect("accounts_invitations")
    if row.state != "open":  # type: ignore[attr-defined]
        messages.info(request, _("This invitation is no longer open: there is nothing to withdraw."))
        return redirect("accounts_invitations")
    return _confirm(
        request,
        title=_("Withdraw the invitation of %(email)s") % {"email": row.email},
        consequence=_("The link in the letter stops working at once."),
        label=_("Withdraw the invitation"),
        back=reverse("accounts_invitations"),
    )


def token_revoke(request: StaffRequest, token_id: UUID) -> HttpResponse:
    request.actor.require(MANAGE_TOKENS)
    row = queries.tokens(request.actor).filter(id=token_id).first()
    if row is None:
        raise NotFound
    if request.method == "POST":
        services.token_revoke(actor=request.actor, token_id=token_id)
        messages.success(request, _("The token was revoked."))
        return redirect("accounts_tokens")
    return _confirm(
        request,
        title=_("Revoke the token “%(title)s” of %(organisation)s")
        % {"title": row.title, "organisation": row.organisation.name},
        consequence=_("The partner's machine is refused from its next request on. A revoked token never works again."),
        label=_("Revoke the token"),
        back=reverse("accounts_tokens"),
    )


def tabs(actor: Actor, current: str) -> list[tuple[str, str, bool]]:
    """(title, address, whether it is this page) of the desk's lists."""
    lists = [
        ("accounts_members", _("Members")),
        ("accounts_invitations", _("Invitations")),
        ("accounts_organisations", _("Organisations")),
    ]
    if actor.may(MANAGE_TOKENS):
        lists.append(("accounts_tokens", _("Partner tokens")))
    return [(title, reverse(name), name == current) for name, title in lists]


def _list(request: StaffRequest, table: Table, name: str) -> HttpResponse:
    new = {
        "accounts_members": (INVITE, "accounts_invite", _("Invite a person")),
        "accounts_invitations": (INVITE, "accounts_invite", _("Invite a person")),
        "accounts_organisations": (INVITE_ANYWHERE, "accounts_organisation_new", _("New organisation")),
        "accounts_tokens": (MANAGE_TOKENS, "accounts_token_new", _("New partner token")),
    }
    permission, url_name, label = new[name]
    file = name.removeprefix("accounts_")
    new_one = (reverse(url_name), label) if request.actor.may(permission) else None
    return table_page(request, "accounts/list.html", table, file, tabs=tabs(request.actor, name), new=new_one)


def _form(request: StaffRequest, form: Any, *, title: str, button: str, back: str) -> HttpResponse:
    return render(
        request,
        "accounts/form.html",
        {"form": form, "title": title, "button": button, "cancel_url": reverse(back)},
        status=422 if form.errors else 200,
    )


def _shown_once(request: StaffRequest, *, title: str, text: str, secret: str, back: str) -> HttpResponse:
    return render(
        request,
        "accounts/shown_once.html",
        {"title": title, "text": text, "secret": secret, "back": reverse(back)},
    )


def _confirm(
    request: StaffRequest, *, title: str, consequence: str, label: str, back: str, **more: Any
) -> HttpResponse:
    return render(
        request,
        "ui/confirm.html",
        {
            "title": title,
            "consequence": consequence,
            "confirm_label": label,
            "cancel_url": back,
            "danger": True,
            **more,
        },
    )
