from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from mamori.ground.accounts.looks import KIND_WORDS, ROLE_WORDS
from mamori.ground.accounts.permissions import EXPORT_PEOPLE, INVITE, MANAGE_TOKENS
from mamori.ground.ui.tables import ChoiceFilter, Column, DateFilter, Table, TextFilter

_ROLES = [(str(role), word) for role, word in ROLE_WORDS.items()]
_KINDS = [(str(kind), word) for kind, word in KIND_WORDS.items()]


def _step(name: str) -> Any:
    """A column's link to a page about its row."""
    return lambda row: reverse(f"accounts_{name}", args=[row.pk])


class MemberTable(Table):
    caption = _("Members")
    columns = [
        Column(
            "user__name",
            _("Name"),
            sort=("user__name",),
            link=lambda row: reverse("accounts_member", args=[row.user_id]),
        ),
        Column("user__email", _("Mail address"), sort=("user__email",)),
        Column("role", _("Role"), sort=("role",), render="state:role"),
        Column("organisation__name", _("Organisation"), sort=("organisation__name",)),
        Column("second_factor", _("Second factor"), sort=("second_factor",), render="state:second_factor"),
        Column("user__last_login", _("Last log-in"), sort=("user__last_login",), render="moment"),
    ]
    filters = [
        TextFilter("name", _("Name"), lookup="user__name__icontains"),
        ChoiceFilter("role", _("Role"), choices=_ROLES),
        ChoiceFilter("kind", _("Kind of organisation"), choices=_KINDS, lookup="organisation__kind"),
    ]
    order = "user__name"
    export_permission = EXPORT_PEOPLE
    empty_title = _("Nobody is a member yet")
    empty_text = _("Members appear here when they have accepted an invitation.")


class InvitationTable(Table):
    caption = _("Invitations")
    columns = [
        Column("email", _("Mail address"), sort=("email",), link=_step("invitation_withdraw"), link_permission=INVITE),
        Column("state", _("State"), sort=("state",), render="state:invitation"),
        Column("role", _("Role"), sort=("role",), render="state:role"),
        Column("organisation__name", _("Organisation"), sort=("organisation__name",)),
        Column("invited_by__name", _("Invited by")),
        Column("invited_at", _("Invited"), sort=("invited_at",), render="moment"),
        Column("expires_at", _("Valid until"), sort=("expires_at",), render="moment"),
    ]
    filters = [
        ChoiceFilter(
            "state",
            _("State"),
            choices=[
                ("open", _("Not answered yet")),
                ("accepted", _("Accepted")),
                ("withdrawn", _("Withdrawn")),
                ("expired", _("Too old")),
            ],
        ),
        ChoiceFilter("role", _("Role"), choices=_ROLES),
        DateFilter("invited", _("Invited"), lookup="invited_at"),
    ]
    order = "-invited_at"
    export_permission = EXPORT_PEOPLE
    empty_title = _("No invitation was sent yet")
    empty_text = _("Invitations appear here until they are accepted, withdrawn or too old.")


class OrganisationTable(Table):
    caption = _("Organisations")
    columns = [
        Column("name", _("Name"), sort=("name",)),
        Column("kind", _("Kind"), sort=("kind",), render="state:organisation_kind"),
        Column("people", _("People"), sort=("people",), render="number"),
    ]
    filters = [
        TextFilter("name", _("Name"), lookup="name__icontains"),
        ChoiceFilter("kind", _("Kind"), choices=_KINDS),
    ]
    order = "name"
    export_permission = EXPORT_PEOPLE
    empty_title = _("There is no organisation yet")
    empty_text = _("Create one, then invite its people.")


class TokenTable(Table):
    caption = _("Partner tokens")
    columns = [
        Column("title", _("What the token is for"), sort=("title",), link=_step("token_revoke")),
        Column("organisation__name", _("Organisation"), sort=("organisation__name",)),
        Column("scopes", _("What it may do"), value=lambda row: ", ".join(row.scopes)),
        Column("state", _("State"), sort=("state",), render="state:token"),
        Column("created_at", _("Created"), sort=("created_at",), render="moment"),
        Column("revoked_at", _("Revoked"), sort=("revoked_at",), render="moment"),
    ]
    filters = [
        TextFilter("title", _("What the token is for"), lookup="title__icontains"),
        ChoiceFilter("state", _("State"), choices=[("active", _("In use")), ("revoked", _("Revoked"))]),
    ]
    order = "-created_at"
    export_permission = MANAGE_TOKENS
    empty_title = _("No partner has a token yet")
    empty_text = _("A partner's machine needs a token to use the API: create one and hand it over once.")
