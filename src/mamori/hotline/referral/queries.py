"""What others may read of this room."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _text
from django.utils.translation import gettext_lazy as _

from mamori.ground import clock
from mamori.ground.accounts.models import Organisation
from mamori.ground.actors import Actor
from mamori.ground.errors import NotFound
from mamori.ground.sealed.services import open_text
from mamori.ground.ui.moments import Moment, Waiting
from mamori.ground.ui.parts import Clock
from mamori.ground.ui.states import look
from mamori.hotline.referral.models import Evidence, Hold, Mailing, Policy, Preservation, Referral, Step
from mamori.hotline.referral.permissions import ANSWER, CHOOSE, HAND_OVER, POLICY, READ, SEE
from mamori.hotline.referral.states import (
    LAPSE_AFTER,
    UNANSWERED,
    UNDELIVERED,
    UNDELIVERED_AFTER,
    UNDELIVERED_URGENT_AFTER,
    PolicyKind,
    ReferralState,
)

MOST = 1000
UNTOLD_AFTER = timedelta(minutes=5)  # the sweep writes to supervisors within a minute
FAILED_SHOWN = timedelta(days=1)  # a letter to a duty officer or a supervisor
NOBODY = UUID(int=0)


@dataclass(frozen=True)
class PreservationView:
    """A request to a provider to preserve its data."""

    preservation_id: UUID
    contact_id: UUID
    reference: str
    requested_at: datetime
    until: datetime
    extended: bool


@dataclass(frozen=True)
class HoldView:
    """The hold in force. `reason` is opened on the staff face only."""

    asked_at: datetime
    until: datetime
    lapses_at: datetime
    late: bool
    reason: str


def is_held(content_id: UUID) -> bool:
    """Whether police ask to wait: no notice, no listing, until they release it or the hold lapses."""
    return Hold.objects.filter(referral__content_id=content_id, ended_at=None).exists()


def keep_from_holding(content_id: UUID) -> None:
    """A hold asked for from now on waits for the caller's transaction: what it reads of holds stays true that long."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM referral_referral WHERE content_id = %s FOR SHARE", [content_id])


def held_contents() -> QuerySet[Hold, UUID]:
    """The ids of the content items that police hold, to ask of in one question."""
    return Hold.objects.filter(ended_at=None).values_list("referral__content_id", flat=True)


def held_since() -> dict[UUID, datetime]:
    """The content items that police hold, and since when."""
    return dict(Hold.objects.filter(ended_at=None).values_list("referral__content_id", "asked_at"))


def is_cleared(content_id: UUID) -> bool:
    """Whether notices may go: police were told, the policy is fulfilled, and nothing is held."""
    cleared = Referral.objects.filter(content_id=content_id, cleared_at__isnull=False)
    return cleared.exists() and not is_held(content_id)


def told_at(content_id: UUID) -> datetime | None:
    """When police got it; None while it is only queued or sent."""
    return Referral.objects.filter(content_id=content_id).values_list("delivered_at", flat=True).first()


def referral_of(content_id: UUID) -> UUID | None:
    """The referral of a content item."""
    return Referral.objects.filter(content_id=content_id).values_list("id", flat=True).first()


def evidence_of(content_id: UUID) -> UUID | None:
    """The newest evidence bundle of a content item."""
    return Evidence.objects.filter(content_id=content_id).order_by("-made_at").values_list("id", flat=True).first()


def preservations_of(content_id: UUID) -> list[PreservationView]:
    """The requests to preserve, for the provider's page and the case."""
    rows = Preservation.objects.filter(content_id=content_id).order_by("requested_at")
    return [
        PreservationView(
            p.id, p.contact_id, f"P-{p.id.hex[:12].upper()}", p.requested_at, p.until, p.extended_at is not None
        )
        for p in rows
    ]


def timeline(actor: Actor, content_id: UUID) -> list[Moment]:
    """The steps of the referral."""
    if not actor.may(SEE):
        raise NotFound
    steps = Step.objects.filter(referral__content_id=content_id).order_by("at", "id")[:300]
    return [_moment(step) for step in steps]


def desk(actor: Actor) -> list[Waiting]:
    """What waits for this person, alarms first: undelivered, failed letters, clocks, holds, choices."""
    if not actor.may(SEE):
        return []
    return [*_alarms(actor), *_for_police(actor), *_for_analysts(actor)]


def unopened() -> Q:
    """Referrals that wait for an officer: undelivered, or a new report says that a child is at risk."""
    return Q(state__in=UNDELIVERED) | Q(unseen_since__isnull=False)


def overdue(now: datetime) -> Q:
    """Those of `unopened` whose time is over: 4 hours, 15 minutes when a child is at risk."""
    urgent = now - UNDELIVERED_URGENT_AFTER
    late = Q(queued_at__lte=now - UNDELIVERED_AFTER) | Q(urgent=True, queued_at__lte=urgent, urgent_at__lte=urgent)
    return late & Q(state__in=UNDELIVERED) | Q(unseen_since__lte=urgent)


def is_police(actor: Actor) -> bool:
    """Whether the actor belongs to a police organisation."""
    found = Organisation.objects.filter(kind=Organisation.Kind.POLICE, id=actor.organisation_id or NOBODY)
    return found.exists()


def referrals(actor: Actor) -> QuerySet[Referral]:
    """The referrals the actor may see: police those to them, hotline and auditors all. NotFound for others."""
    if not actor.may(SEE):
        raise NotFound
    held = Prefetch("holds", Hold.objects.filter(ended_at=None), to_attr="in_force")
    rows = Referral.objects.select_related("policy", "mailing").prefetch_related(held)
    if not actor.may(READ):
        return rows
    if not is_police(actor):
        raise NotFound
    return rows.filter(Q(policy__organisation=None) | Q(policy__organisation_id=actor.organisation_id)).exclude(
        state=ReferralState.DRAFTED
    )


def _bare(rows: QuerySet[Referral]) -> QuerySet[Referral]:
    """Without what stands beside each: for lists of what waits."""
    return rows.select_related(None).prefetch_related(None)


def referral_row(actor: Actor, referral_id: UUID) -> Referral:
    """One referral the actor may see."""
    found = referrals(actor).filter(id=referral_id).first()
    if found is None:
        raise NotFound
    return found


def may_read(actor: Actor, referral: Referral) -> bool:
    """Whether the actor may see what is referred: police, once it is delivered to them."""
    return actor.may(READ) and referral.delivered_at is not None


def hold_of(actor: Actor, referral: Referral) -> HoldView | None:
    """The hold in force; its reason only for those who may read the referral."""
    hold = _in_force(referral)
    if hold is None:
        return None
    reason = open_text(hold.data_key, "reason", bytes(hold.sealed_reason)) if actor.may(READ) else ""
    return HoldView(
        hold.asked_at, hold.until, max(hold.until, hold.told_at or hold.until) + LAPSE_AFTER, hold.late, reason
    )


def hold_until(referral: Referral) -> datetime | None:
    """Until when it is held, if it is."""
    hold = _in_force(referral)
    return hold.until if hold else None


def number_of(referral: Referral) -> str:
    """How a referral is named: the beginning of its id."""
    return referral.id.hex[:8].upper()


def clock_of(referral: Referral) -> Clock | None:
    """The clock that runs: a child at risk, to be opened, to object, or the hold's."""
    here = f"/police/{referral.id}/"
    if referral.unseen_since is not None:
        due_at = referral.unseen_since + UNDELIVERED_URGENT_AFTER
        return Clock(_named(_("Child at risk: police to look now"), referral), referral.unseen_since, due_at, here)
    if referral.state in UNDELIVERED and referral.queued_at and referral.undelivered_due_at:
        started = referral.queued_at
        if referral.urgent:
            started = max(referral.queued_at, referral.urgent_at or referral.queued_at)
        return Clock(
            _named(_("To be opened by police"), referral),
            min(started, referral.undelivered_due_at),
            referral.undelivered_due_at,
            here,
        )
    silent = referral.state in UNANSWERED and referral.kind == PolicyKind.SILENT_CONSENT
    if silent and referral.delivered_at and referral.cleared_at is None:
        span = timedelta(hours=referral.policy.silence_hours)
        return Clock(_named(_("Time to object"), referral), referral.delivered_at, referral.delivered_at + span, here)
    if referral.state == ReferralState.HOLD_REQUESTED:
        hold = _in_force(referral)
        if hold is not None:
            return Clock(_named(_("Hold"), referral), hold.asked_at, hold.until, here)
    return None


def _named(word: Promise | str, referral: Referral) -> str:
    return _text("%(what)s: %(number)s") % {"what": word, "number": number_of(referral)}


def _in_force(referral: Referral) -> Hold | None:
    """The hold in force, without a query where `referrals` read it with the row."""
    known: list[Hold] = getattr(referral, "in_force", None) or list(referral.holds.filter(ended_at=None)[:1])
    return known[0] if known else None


def clocks(actor: Actor, most: int = 6) -> list[Clock]:
    """The clocks that run out first."""
    rows = referrals(actor)
    running = [
        *rows.filter(unopened()).order_by(Coalesce("unseen_since", "queued_at"))[:most],
        *rows.filter(state__in=UNANSWERED, kind=PolicyKind.SILENT_CONSENT, cleared_at=None).order_by("delivered_at")[
            :most
        ],
        *rows.filter(holds__in=Hold.objects.filter(ended_at=None)).order_by("holds__until")[:most],
    ]
    found = [clock for clock in map(clock_of, running) if clock is not None]
    return sorted(found, key=lambda each: each.due_at)[:most]


def evidence_envelope(actor: Actor, referral: Referral) -> str:
    """The signed bundle, for police to whom the referral was delivered."""
    evidence = Evidence.objects.filter(content_id=referral.content_id).order_by("-made_at").first()
    if evidence is None or not may_read(actor, referral):
        raise NotFound
    return evidence.envelope


def steps_of(actor: Actor, referral: Referral) -> list[Moment]:
    """The referral's own timeline."""
    return timeline(actor, referral.content_id)


def policy_versions(actor: Actor) -> list[Policy]:
    """All versions, the newest first."""
    if not actor.may(SEE):
        raise NotFound
    return list(Policy.objects.select_related("organisation", "set_by").order_by("-set_at", "-version")[:50])


def police_organisations() -> list[tuple[str, str]]:
    """(id, name) of police organisations."""
    rows = Organisation.objects.filter(kind=Organisation.Kind.POLICE).order_by("name")
    return [(str(o.id), o.name) for o in rows]


def policy_in_force() -> Policy | None:
    """The newest policy; None before the first referral."""
    return Policy.objects.filter(jurisdiction=settings.JURISDICTION).order_by("-version").first()


def supervised(policy: Policy | None) -> bool:
    """Whether somebody is named who learns that a hold is over."""
    return policy is not None and bool(policy.supervisors)


def paged(policy: Policy | None) -> bool:
    """Whether there is a mailbox to page: a telephone alone is rung by nobody."""
    return policy is not None and bool(policy.duty_mail)


def _alarms(actor: Actor) -> list[Waiting]:
    """Nobody may take these for told."""
    now = clock.now()
    page = reverse("referral_desk")
    found = []
    late = referrals(actor).filter(overdue(now))[:MOST].count()
    if late:
        found.append(Waiting(_("Referrals police did not open in time"), late, page, "error", alarm=True))
    untold = referrals(actor).filter(Q(state__in=UNDELIVERED) | Q(mailing__purpose__in=["again", "urgent"]))
    failed = untold.filter(mailing__failed_at__isnull=False)[:MOST].count()
    failed += Mailing.objects.filter(purpose__in=["page", "supervisors"], failed_at__gt=now - FAILED_SHOWN)[
        :MOST
    ].count()
    if failed:
        found.append(Waiting(_("Letters to police that failed"), failed, page, "error", alarm=True))
    if actor.may(POLICY):
        policy = policy_in_force()
        if not paged(policy):
            title = _("No mail of a duty officer is named: nobody is paged")
            found.append(Waiting(title, 1, reverse("referral_policy"), "error", alarm=True))
        if not supervised(policy):
            title = _("No supervisor is named: nobody learns when a hold is over")
            found.append(Waiting(title, 1, reverse("referral_policy"), "error", alarm=True))
        unsaid = Hold.objects.filter(ended_at=None, told_at=None, until__lte=now - UNTOLD_AFTER)[:MOST].count()
        if unsaid:
            title = _("Holds are over and no supervisor was told: they go on until one is")
            found.append(Waiting(title, unsaid, f"{page}?referrals-state=hold_requested", "error", alarm=True))
    return found


def _for_police(actor: Actor) -> list[Waiting]:
    if not actor.may(ANSWER):
        return []
    rows, page = _bare(referrals(actor)), reverse("referral_desk")
    found = []
    unread = list(
        rows.filter(unopened())
        .only("state", "queued_at", "urgent", "urgent_at", "unseen_since")
        .order_by("queued_at")[:MOST]
    )
    if unseen := [r.unseen_since for r in unread if r.unseen_since]:
        title = _("A child is at risk now: look at these referrals")
        since = min(unseen)
        due = since + UNDELIVERED_URGENT_AFTER
        found.append(Waiting(title, len(unseen), page, "error", due, started_at=since))
    waiting = [r for r in unread if r.state in UNDELIVERED]
    if waiting:
        due = min(r.undelivered_due_at for r in waiting if r.undelivered_due_at)
        tone = "error" if any(r.urgent for r in waiting) else "warning"
        found.append(Waiting(_("Referrals to open"), len(waiting), page, tone, due, started_at=waiting[0].queued_at))
    silent = list(
        rows.filter(state__in=UNANSWERED, kind=PolicyKind.SILENT_CONSENT, cleared_at=None)
        .order_by("delivered_at")
        .values_list("delivered_at", "policy__silence_hours")[:MOST]
    )
    if silent:
        due = min(since + timedelta(hours=hours) for since, hours in silent if since)
        title = _("Referrals you may still hold")
        found.append(Waiting(title, len(silent), page, "info", due, started_at=silent[0][0]))
    over = rows.filter(Exists(Hold.objects.filter(referral=OuterRef("pk"), ended_at=None, until__lte=clock.now())))
    count = over[:MOST].count()
    if count:
        found.append(Waiting(_("Holds that are over"), count, f"{page}?referrals-state=hold_requested", "warning"))
    return found


def _for_analysts(actor: Actor) -> list[Waiting]:
    if not (actor.may(CHOOSE) or actor.may(HAND_OVER)):
        return []
    drafts = Referral.objects.filter(state=ReferralState.DRAFTED).order_by("opened_at")[:MOST]
    opened = list(drafts.values_list("opened_at", flat=True))
    if not opened:
        return []
    url = f"{reverse('referral_desk')}?referrals-state=drafted"
    return [
        Waiting(_("Referrals whose way is to be chosen"), len(opened), url, "warning", opened[0] + UNDELIVERED_AFTER)
    ]


def _moment(step: Step) -> Moment:
    shown = look("referral_step", step.kind)
    detail = ""
    if step.kind == "alert":
        detail = _text("%(n)d %%") % {"n": step.number or 0}
    elif step.number is not None:
        detail = _text("for %(n)d days") % {"n": step.number}
    return Moment(step.at, shown.icon, shown.word, detail, step.actor_kind, shown.tone)
