"""What waits for an opinion, and for whom."""

from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from mamori.ground import clock
from mamori.ground.actors import Actor
from mamori.ground.ui.moments import Waiting
from mamori.ground.ui.parts import duration
from mamori.hotline.assessment.models import ContentItem, Decision, Lease
from mamori.hotline.assessment.permissions import ARBITRATE, ASSESS
from mamori.hotline.assessment.risk import Sign
from mamori.hotline.assessment.states import WAITING

MOST = 1000


def queue(actor: Actor) -> QuerySet[ContentItem]:
    """The items the actor may take, highest risk to a child first. Forbidden for all but analysts."""
    actor.require(ASSESS)
    return takeable(actor)


def takeable(actor: Actor) -> QuerySet[ContentItem]:
    """Not what the actor gave an opinion on in this round; third opinions for seniors only."""
    own = Decision.objects.filter(content=OuterRef("pk"), round=OuterRef("round"), decided_by_id=actor.id)
    rows = ContentItem.objects.filter(~Exists(own), state__in=list(WAITING))
    if not actor.may(ARBITRATE):
        rows = rows.exclude(position=3)
    return rows.order_by("-priority", "id")


def why_first(content: ContentItem, now: datetime) -> list[str]:
    """Why an item stands where it does, in words. Whether the first analyst saw a risk is not told to the second."""
    signs = content.risk_signs
    words = []
    if Sign.CHILD_AT_RISK in signs:
        words.append(_("A child may be at risk now"))
    if Sign.CHILD_AT_RISK_SEEN in signs and content.position == 1:
        words.append(_("An analyst found a child at risk"))
    if Sign.POLICE_PATROL in signs:
        words.append(_("Found by the police's cyber patrol"))
    if number := signs.get(Sign.SOURCES):
        words.append(ngettext("%(n)d independent source", "%(n)d independent sources", number) % {"n": number})
    if Sign.RECENT in signs:
        words.append(_("Seen within a day of its report"))
    if number := signs.get(Sign.HOST_KNOWN):
        words.append(_("Illegal content found on this host before: %(n)d") % {"n": number})
    words.append(_("Waiting for %(time)s") % {"time": duration(max(now - content.opened_at, now - now))})
    return words


def desk(actor: Actor) -> list[Waiting]:
    """What waits for the actor in this room."""
    if not actor.may(ASSESS):
        return []
    found = []
    lease = Lease.objects.filter(person_id=actor.id, ended_at=None, until__gt=clock.now()).first()
    if lease is not None:
        url = reverse("assessment_assess", args=[lease.content_id])
        title = _("The item you are looking at")
        found.append(Waiting(title, 1, url, "info", lease.until, started_at=lease.taken_at))
    rows = takeable(actor).order_by()
    url = reverse("assessment_queue")
    if urgent := rows.filter(at_risk_reported=True)[:MOST].count():
        found.append(Waiting(_("A child may be at risk: look first"), urgent, url, "error", alarm=True))
    if number := rows[:MOST].count():
        found.append(Waiting(_("Content to assess"), number, url))
    if actor.may(ARBITRATE) and (third := rows.filter(position=3)[:MOST].count()):
        found.append(Waiting(_("Two analysts disagree: your opinion decides"), third, url, "warning"))
    return found
