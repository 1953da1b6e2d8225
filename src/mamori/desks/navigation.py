"""The desks, in the order of the way of a report, each for those who hold its permission."""

from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from mamori.ground.actors import Actor
from mamori.ground.ui.parts import NavItem


@dataclass(frozen=True)
class Desk:
    """A desk: `key` follows `g` on the keyboard; `pages` are url name prefixes that count as being there."""

    title: Promise
    url_name: str
    permission: str
    key: str
    icon: str
    pages: tuple[str, ...] = ()


DESKS = (
    Desk(_("Today"), "desks_today", "", "t", "calendar"),
    Desk(_("Screening"), "intake_screening", "intake.screen", "s", "inbox", ("intake_screen",)),
    Desk(_("Queue"), "assessment_queue", "assessment.assess", "q", "scale", ("assessment_",)),
    Desk(_("Reports"), "intake_reports", "intake.see", "r", "flag", ("intake_report",)),
    Desk(_("Messages"), "intake_messages", "intake.open_sealed", "m", "pen"),
    Desk(_("By phone"), "intake_phone", "intake.operator", "o", "phone"),
    Desk(_("Cyber patrol"), "intake_patrol", "intake.patrol", "y", "eye"),
    Desk(_("Police"), "referral_desk", "referral.see", "p", "shield", ("referral_",)),
    Desk(_("Contacts"), "tracing_contacts", "tracing.see", "c", "server", ("tracing_",)),
    Desk(_("Checks"), "checks_desk", "checks.see", "k", "refresh", ("checks_",)),
    Desk(_("Notices"), "takedown_notices", "takedown.see", "n", "mail", ("takedown_",)),
    Desk(_("Ledger"), "takedown_ledger", "takedown.see", "w", "archive"),
    Desk(_("List"), "listing_desk", "listing.see", "l", "block", ("listing_",)),
    Desk(_("Editions"), "distribution_editions", "distribution.see", "e", "list", ("distribution_",)),
    Desk(
        _("Subscribers"),
        "distribution_subscribers",
        "distribution.subscribers",
        "b",
        "globe",
        ("distribution_subscriber",),
    ),
    Desk(_("Complaints"), "listing_appeals", "listing.review", "a", "scale", ("listing_appeal",)),
    Desk(_("Fingerprints"), "fingerprints_desk", "fingerprints.see", "v", "key", ("fingerprints_",)),
    Desk(_("Letters"), "letters_letters", "letters.see", "d", "mail", ("letters_",)),
    Desk(_("People"), "accounts_members", "accounts.see", "h", "people", ("accounts_",)),
    Desk(_("Audit"), "audit_events", "audit.see_own", "u", "lock", ("audit_",)),
    Desk(_("Figures"), "desks_figures", "desks.figures", "f", "building"),
    Desk(_("Search"), "desks_search", "desks.search", "i", "search"),
)


def navigation(actor: Actor, here: str) -> list[NavItem]:
    """The desks the actor may open; `here` is the url name of the present page. Desks this face lacks are left out."""
    current = _current(here)
    items = []
    for desk in DESKS:
        if desk.permission and not actor.may(desk.permission):
            continue
        try:
            url = reverse(desk.url_name)
        except NoReverseMatch:
            continue
        items.append(NavItem(desk.title, url, desk is current, None, f"g {desk.key}", desk.icon))
    return items


def _current(here: str) -> Desk | None:
    """The desk whose page it is, else the one with the longest fitting prefix."""
    named = next((desk for desk in DESKS if desk.url_name == here), None)
    fitting = [(len(prefix), desk) for desk in DESKS for prefix in desk.pages if here.startswith(prefix)]
    return named or (max(fitting, key=lambda pair: pair[0])[1] if fitting else None)
