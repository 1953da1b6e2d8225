"""Leases: who looks at an item, for how long."""

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from mamori.ground import audit, clock
from mamori.ground.accounts.models import User
from mamori.ground.actors import SYSTEM, Actor
from mamori.ground.errors import DomainError, Forbidden, NotFound
from mamori.hotline.assessment import exposure
from mamori.hotline.assessment.models import ContentItem, Decision, Lease
from mamori.hotline.assessment.permissions import ARBITRATE, ASSESS
from mamori.hotline.assessment.queries.queue import takeable
from mamori.hotline.assessment.services.exposure import duty_touch
from mamori.hotline.assessment.services.rows import locked, move
from mamori.hotline.assessment.states import UNDER_LEASE, WAITING, ContentState, LeaseEnd

S = ContentState
LENGTH = timedelta(minutes=30)
LONGEST = timedelta(hours=2)
BATCH = 500


@transaction.atomic
def lease_take(*, actor: Actor, content_id: UUID) -> UUID:
    """Lease an item to look at it. The own lease again is no error. Refused past the day's exposure budget."""
    person_id = _person(actor)
    _clear_own(person_id, wanted=content_id)
    content = locked(content_id)
    lease = Lease.objects.select_for_update().filter(content=content, ended_at=None).first()
    if lease is not None and lease.until > clock.now():
        if lease.person_id == person_id:
            return lease.id
        raise DomainError(
            "leased", _("A colleague is looking at this item."), remedy=_("Take the next one from the queue.")
        )
    if lease is not None:
        _put_back(content, lease, LeaseEnd.EXPIRED, actor=SYSTEM)
    return _lease(actor, content)


@transaction.atomic
def lease_next(*, actor: Actor) -> UUID:
    """Lease the first item of the queue that the person may take; returns the item. Never waits for a colleague."""
    person_id = _person(actor)
    own = Lease.objects.filter(person_id=person_id, ended_at=None, until__gt=clock.now()).first()
    if own is not None:
        return own.content_id
    _clear_own(person_id)
    content = takeable(actor).select_for_update(skip_locked=True, of=("self",)).first()
    if content is None:
        raise DomainError(
            "queue_empty",
            _("Nothing waits that you may take."),
            remedy=_("New items appear in the queue by themselves."),
        )
    _lease(actor, content)
    return content.id


@transaction.atomic
def lease_extend(*, actor: Actor, content_id: UUID) -> None:
    """Thirty more minutes from now, up to two hours in all."""
    content = locked(content_id)
    lease = own_lease(actor, content)
    until = min(clock.now() + LENGTH, lease.taken_at + LONGEST)
    if until <= lease.until:
        raise DomainError(
            "lease_longest", _("A lease lasts two hours at most."), remedy=_("Decide, or put the item back.")
        )
    today = exposure.of(lease.person_id, clock.now())
    if today.spent and not lease.exempt:
        raise _spent()
    lease.until = until
    lease.save(update_fields=["until"])
    audit.record("assessment.lease_extended", subject=content, actor=actor)


@transaction.atomic
def lease_release(*, actor: Actor, content_id: UUID) -> None:
    """Put the item back without a decision. Nothing happens when the person holds no lease of it."""
    person_id = _person(actor)
    content = locked(content_id)
    lease = Lease.objects.select_for_update().filter(content=content, person_id=person_id, ended_at=None).first()
    if lease is not None:
        _put_back(content, lease, LeaseEnd.RELEASED, actor=actor)


@transaction.atomic
def leases_expire() -> None:
    """Put back the items of leases that ran out."""
    due = Lease.objects.filter(ended_at=None, until__lte=clock.now()).order_by("until")
    for content_id in list(due.values_list("content_id", flat=True)[:BATCH]):
        content = ContentItem.objects.select_for_update(skip_locked=True).filter(id=content_id).first()
        lease = due.select_for_update().filter(content_id=content_id).first() if content else None
        if content is not None and lease is not None:
            _put_back(content, lease, LeaseEnd.EXPIRED, actor=SYSTEM)


def own_lease(actor: Actor, content: ContentItem) -> Lease:
    """The actor's valid lease of a locked item, or DomainError."""
    actor.require(ASSESS)
    lease = (
        Lease.objects.select_for_update()
        .filter(content=content, person_id=actor.id, ended_at=None, until__gt=clock.now())
        .first()
    )
    if lease is None:
        raise DomainError(
            "no_lease",
            _("You do not hold this item, or your time for it ran out."),
            remedy=_("Take it again from the queue: your note was not kept."),
        )
    return lease


def end_lease(lease: Lease, end: LeaseEnd) -> None:
    lease.ended_at, lease.end = min(clock.now(), lease.until), end
    lease.save(update_fields=["ended_at", "end"])


def _person(actor: Actor) -> UUID:
    actor.require(ASSESS)
    if actor.kind != "person" or actor.id is None:
        raise Forbidden(ASSESS)
    return actor.id


def _clear_own(person_id: UUID, wanted: UUID | None = None) -> None:
    """Lock the person, so that one takes one item at a time, and put back an item whose lease ran out."""
    User.objects.select_for_update().get(id=person_id)
    own = Lease.objects.filter(person_id=person_id, ended_at=None).exclude(content_id=wanted).first()
    if own is None:
        return
    if own.until > clock.now():
        raise DomainError(
            "one_at_a_time",
            _("You are looking at another item."),
            remedy=_("Decide about it or put it back, then take this one."),
        )
    both = [own.content_id, *([wanted] if wanted else [])]  # in one order, so that two persons never wait in a ring
    contents = {c.id: c for c in ContentItem.objects.select_for_update().filter(id__in=both).order_by("id")}
    lease = Lease.objects.select_for_update().filter(id=own.id, ended_at=None).first()
    if lease is not None:
        _put_back(contents[own.content_id], lease, LeaseEnd.EXPIRED, actor=SYSTEM)


def _put_back(content: ContentItem, lease: Lease, end: LeaseEnd, *, actor: Actor) -> None:
    end_lease(lease, end)
    if content.state in UNDER_LEASE:
        move(content, S.AWAITING_ASSESSMENT if content.position == 1 else S.SECOND_OPINION, actor=actor, code=end)


def _lease(actor: Actor, content: ContentItem) -> UUID:
    if actor.id is None:
        raise NotFound
    if content.state not in WAITING:
        raise DomainError(
            "not_waiting", _("This item does not wait for an opinion."), remedy=_("Take the next one from the queue.")
        )
    earlier = set(Decision.objects.filter(content=content, round=content.round).values_list("decided_by_id", flat=True))
    if actor.id in earlier:
        raise DomainError(
            "second_person_needed",
            _("You gave an opinion on this item: the next one is another person's."),
            remedy=_("Take the next item from the queue."),
        )
    if content.position == 3:
        actor.require(ARBITRATE)
    now = clock.now()
    exempt = False
    if exposure.of(actor.id, now).spent:
        exempt = content.at_risk and not exposure.others_on_duty(actor.id, now)
        if not exempt:
            raise _spent()
    lease = Lease.objects.create(content=content, person_id=actor.id, taken_at=now, until=now + LENGTH, exempt=exempt)
    to = S.IN_ASSESSMENT if content.position == 1 else S.IN_SECOND_OPINION
    move(content, to, actor=actor, code="exempt" if exempt else "")
    duty_touch(actor=actor)
    return lease.id


def _spent() -> DomainError:
    return DomainError(
        "exposure_spent",
        _("Your exposure budget for today is used up."),
        remedy=_("Rest until tomorrow. A senior analyst can lift the budget with a reason."),
    )
