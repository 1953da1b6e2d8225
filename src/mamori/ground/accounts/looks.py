from django.utils.translation import gettext_lazy as _

from mamori.ground.accounts.models import Organisation
from mamori.ground.actors import Role
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
