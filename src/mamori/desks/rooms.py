"""What the rooms offer to the pages that cross them. A room that lands adds its lines to these tables."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from mamori.desks import queries as stuck
from mamori.ground.actors import Actor
from mamori.ground.audit import queries as audit
from mamori.ground.errors import DomainError
from mamori.ground.letters import queries as letters
from mamori.ground.ui.moments import Moment, Waiting
from mamori.ground.ui.parts import Clock
from mamori.hotline.assessment import queries as assessment
from mamori.hotline.assessment.states import ContentState as S
from mamori.hotline.checks import queries as checks
from mamori.hotline.intake import queries as intake
from mamori.hotline.referral import queries as referral
from mamori.hotline.takedown import queries as takedown
from mamori.hotline.tracing import queries as tracing
from mamori.lists.distribution import queries as distribution
from mamori.lists.fingerprints import queries as fingerprints
from mamori.lists.listing import queries as listing
from mamori.lists.openness import queries as openness

Tag = tuple[str, str]
SPAN = timedelta(hours=24)  # of a clock whose beginning its room does not tell
MOST_CLOCKS = 4
HOTLINE, OVERSIGHT, POLICE, LIST_BODY = "assessment.assess", "audit.see", "referral.read", "listing.review"


@dataclass(frozen=True)
class Panel:
    """A room's part of the Case page.

    `read` gives the context of `template`, or None when the room has nothing; `tag` the (machine, state) it shows in
    the page's head.
    """

    key: str
    title: Promise
    icon: str
    template: str
    read: Callable[[Actor, UUID], Any]
    tag: Callable[[Any], Tag | None] = lambda _content: None


@dataclass(frozen=True)
class Step:
    """A room's own page about one content item: who may open it, in which states of the item it makes sense."""

    url_name: str
    permission: str
    label: Promise
    icon: str
    states: frozenset[S]
    more: tuple[str, ...] = ()


_TO_ASSESS = frozenset({S.TRACING, S.AWAITING_ASSESSMENT, S.CANNOT_ACCESS, S.SECOND_OPINION, S.IN_ASSESSMENT})
_FOLLOWED = frozenset({S.ACTIONING, S.MONITORING})
_OVER = frozenset({S.REMOVED, S.UNAVAILABLE, S.MOVED, S.NOT_ILLEGAL, S.WATCH, S.CLOSED})

Desk = Callable[[Actor], list[Waiting]]
WAITING: tuple[Desk, ...] = (
    intake.desk,
    assessment.desk,
    tracing.desk,
    referral.desk,
    checks.desk,
    takedown.desk,
    listing.desk,
    distribution.desk,
    openness.desk,
    fingerprints.desk,
    letters.desk,
    audit.desk,
    stuck.desk,
)
DATED: tuple[Desk, ...] = (assessment.desk, tracing.desk, takedown.desk, listing.desk)  # whose deadlines are clocks
TIMELINES: tuple[Callable[[Actor, UUID], list[Moment]], ...] = (
    intake.timeline,
    assessment.timeline,
    tracing.timeline,
    referral.timeline,
    checks.timeline,
    takedown.timeline,
    listing.timeline,
    distribution.timeline,
    fingerprints.timeline,
)


def _police(actor: Actor, content_id: UUID) -> dict[str, Any] | None:
    row = _police_row(actor, content_id)
    if row is None or assessment.hides_risk(actor, content_id):
        return None
    return {"referral": row, "clock": referral.clock_of(row), "held_until": referral.hold_until(row)}


PANELS = (
    Panel("decision", _("Decision"), "scale", "desks/decision.html", lambda _actor, content: assessment.decision_of(content),
          lambda decision: ("verdict", decision.verdict)),
    Panel("trace", _("Host"), "server", "tracing/panel.html", tracing.panel, lambda panel: ("trace", panel.view.state)),
    Panel("police", _("Police"), "shield", "desks/police.html", _police, lambda found: ("referral", found["referral"].state)),
    Panel("notices", _("Notices"), "mail", "desks/notices.html", takedown.notices_of,
          lambda notices: ("notice_item", notices[0].item_state)),
    Panel("checks", _("Checks"), "refresh", "desks/checks.html", checks.checks_of,
          lambda found: ("check", found[0].result)),
    Panel("entries", _("List"), "block", "desks/entries.html", listing.entries_of,
          lambda entries: ("entry", entries[0].state)),
    Panel("fingerprints", _("Fingerprints"), "key", "fingerprints/panel.html", fingerprints.entries_of,
          lambda entries: ("bank_entry", entries[0].state)),
    Panel("reports", _("Reports"), "flag", "desks/reports.html", intake.reports_of_content),
)  # fmt: skip
STEPS = (
    Step("assessment_assess", "assessment.assess", _("Assess"), "scale", _TO_ASSESS | {S.IN_SECOND_OPINION}),
    Step("checks_content", "checks.see", _("Checks"), "refresh", _FOLLOWED | _OVER - {S.NOT_ILLEGAL}),
    Step("listing_propose", "listing.propose", _("Propose for the DNS list"), "block", _FOLLOWED, ("dns",)),
    Step("listing_propose", "listing.propose", _("Propose for the URL list"), "block", _FOLLOWED, ("url",)),
    Step(
        "fingerprints_add_of", "fingerprints.propose", _("Add fingerprints"), "key", _FOLLOWED | _OVER - {S.NOT_ILLEGAL}
    ),
    Step("assessment_again", "assessment.reopen", _("Have it assessed anew"), "arrow-left", _FOLLOWED | _OVER),
)


def waiting(actor: Actor, desks: tuple[Desk, ...] = WAITING) -> list[Waiting]:
    """All that waits for the actor, of all rooms. A room that refuses the actor adds nothing."""
    return [item for desk in desks for item in _allowed(desk, actor) or []]


def clocks(actor: Actor, found: list[Waiting]) -> list[Clock]:
    """The deadlines that end first: the police's own clocks, and whatever of `found` has a date."""
    police = reverse("referral_desk")
    others = [w for w in found if w.due_at is not None and not w.url.startswith(police)]
    running = [
        *(_allowed(referral.clocks, actor) or []),
        *(Clock(w.title, w.started_at or w.due_at - SPAN, w.due_at, w.url) for w in others if w.due_at),
    ]
    return sorted(running, key=lambda clock: clock.due_at)[:MOST_CLOCKS]


def may_see_case(actor: Actor, content_id: UUID) -> bool:
    """The hotline and oversight see every case; police those delivered to them; the list body those found illegal."""
    if actor.may(HOTLINE) or actor.may(OVERSIGHT):
        return True
    if actor.may(POLICE):
        found = _police_row(actor, content_id)
        return found is not None and referral.may_read(actor, found)
    decision = assessment.decision_of(content_id) if actor.may(LIST_BODY) else None
    return decision is not None and decision.verdict.illegal


def timeline(actor: Actor, content_id: UUID) -> list[Moment]:
    """One timeline, newest first. A room whose part the actor may not see adds nothing."""
    hidden = {referral.timeline} if assessment.hides_risk(actor, content_id) else set()
    shown = [read for read in TIMELINES if read not in hidden]
    moments = [moment for read in shown for moment in _allowed(read, actor, content_id) or []]
    return sorted(moments, key=lambda moment: moment.at, reverse=True)


def panels(actor: Actor, content_id: UUID) -> list[tuple[Panel, Any, Tag | None]]:
    """The panels that have something to show the actor, what they show, and their tags."""
    read = [(panel, _allowed(panel.read, actor, content_id)) for panel in PANELS]
    return [(panel, content, panel.tag(content)) for panel, content in read if content]


def _police_row(actor: Actor, content_id: UUID) -> Any:
    found = referral.referral_of(content_id)
    return _allowed(referral.referral_row, actor, found) if found else None


def _allowed(read: Callable[..., Any], actor: Actor, *of: UUID) -> Any:
    try:
        return read(actor, *of)
    except DomainError:
        return None
