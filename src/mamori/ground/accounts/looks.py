from django.utils.translation import gettext_lazy as _

from mamori.ground.accounts.models import Organisation
from mamori.ground.actors import Role
from mamori.ground.audit.looks import register_events, register_things
from mamori.ground.ui.states import StateLook, register_states

ROLE_WORDS = {
    Role.ANALYST: _("Analyst"),
    Role.SENIOR_ANALYST: _("Senior analyst"),
    Role.POLICE_LIAISON: _("Police liaison"),
    Role.LIST_REVIEWER: _("List reviewer"),
    Role.LIST_APPROVER: _("List approver"),
    Role.AUDITOR: _("Auditor"),
    Role.OPERATOR: _("Operator"),
}
KIND_WORDS = {
    Organisation.Kind.HOTLINE: _("Hotline"),
    Organisation.Kind.POLICE: _("Police"),
    Organisation.Kind.LIST_BODY: _("List body"),
    Organisation.Kind.OVERSIGHT: _("Oversight"),
    Organisation.Kind.PROVIDER: _("Provider"),
    Organisation.Kind.OPERATOR: _("System operator"),
}
register_states("role", {role: StateLook(word, "neutral", "user") for role, word in ROLE_WORDS.items()})
register_states("organisation_kind", {k: StateLook(word, "neutral", "building") for k, word in KIND_WORDS.items()})
register_states(
    "second_factor",
    {"set": StateLook(_("Set up"), "success", "check"), "missing": StateLook(_("Not yet"), "warning", "clock")},
)
register_states(
    "invitation",
    {
        "open": StateLook(_("Not answered yet"), "info", "clock"),
        "accepted": StateLook(_("Accepted"), "success", "check"),
        "withdrawn": StateLook(_("Withdrawn"), "neutral", "cross"),
        "expired": StateLook(_("Too old"), "warning", "alert"),
    },
)
register_states(
    "token",
    {"active": StateLook(_("In use"), "success", "check"), "revoked": StateLook(_("Revoked"), "neutral", "block")},
)
register_events(
    _("People"),
    {
        "accounts.organisation_created": _("An organisation was added"),
        "accounts.invited": _("A person was invited"),
        "accounts.joined": _("An invited person joined"),
        "accounts.invitation_withdrawn": _("An invitation was withdrawn"),
        "accounts.access_renewed": _("A member was sent a new way in"),
        "accounts.role_removed": _("A role was taken from a member"),
        "accounts.token_created": _("A partner's token was created"),
        "accounts.token_revoked": _("A partner's token was revoked"),
        "accounts.logged_in": _("A member logged in"),
        "accounts.log_in_failed": _("A log-in failed"),
        "accounts.second_factor_failed": _("A second factor was wrong"),
        "accounts.second_factor_added": _("A second factor was set up"),
        "accounts.second_factor_removed": _("A second factor was removed"),
        "accounts.second_factor_reset": _("Recovery codes were made anew"),
    },
)
register_things(
    {
        "accounts": _("People"),
        "accounts.invitation": _("Invitation"),
        "accounts.organisation": _("Organisation"),
        "accounts.token": _("Token"),
        "accounts.user": _("Account"),
        "organisation": _("Organisation"),
    }
)
