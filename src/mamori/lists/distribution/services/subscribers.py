"""Who takes the list."""

from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from mamori.engine.editions import LAST_RING
from mamori.ground import audit, clock, jobs, states
from mamori.ground.accounts.models import Organisation, Token
from mamori.ground.accounts.services import organisation_create, token_create, token_revoke
from mamori.ground.actors import SYSTEM, Actor
from mamori.ground.errors import DomainError, NotFound
from mamori.lists.distribution.configuring import OURS as OUR_KEYS
from mamori.lists.distribution.configuring import Access
from mamori.lists.distribution.knot import Knot
from mamori.lists.distribution.locks import advisory_lock
from mamori.lists.distribution.models import Subscriber
from mamori.lists.distribution.permissions import LIST_READ, SUBSCRIBERS
from mamori.lists.distribution.services.asking import networks_of, require_asker, told_at
from mamori.lists.distribution.services.canaries import side_zone, side_zones_sync
from mamori.lists.distribution.services.primary import ring_zones_sync, zones_of
from mamori.lists.distribution.services.rings import OURS, drawn_ring, first_ring
from mamori.lists.distribution.services.tsig import key_name, tsig_key
from mamori.lists.distribution.states import ALIVE, SUBSCRIBER, Delivery, SubscriberState

LOCK = 7_261_102  # PostgreSQL advisory lock: one at a time at the primary's configuration


def zone_names(subscriber: Subscriber) -> tuple[str, ...]:
    """All zones a subscriber takes, in the order of its configuration; last, where copies are marked, its own."""
    side = side_zone(subscriber)
    return (*zones_of(subscriber).names, *([side] if side else []))


@transaction.atomic
def subscriber_add(
    *, actor: Actor, organisation: str, delivery: Delivery, notify: str = "", asks_from: str = "", ours: bool = False
) -> tuple[Subscriber, str]:
    """Let an organisation take the list. Returns the subscriber and its secret (TSIG key or token), shown once.

    Of DNS one of both: `notify`, address@port that is told of changes, and `asks_from`, the addresses and networks
    it may be asked from, as `networks_of` reads them; without them the address that is told. `ours`: a canary of our own,
    which gets additions before all others (ring 0); the rings of others are drawn.
    """
    actor.require(SUBSCRIBERS)
    if ours and (delivery == Delivery.URL or first_ring() == LAST_RING):
        raise DomainError(
            "no_ring",
            _("Only a DNS subscriber can be a canary of our own, and only where additions wait."),
            remedy=_("Choose DNS; the operator sets MAMORI_RING_SECONDS."),
            status=422,
        )
    place, askers = "", list[str]()
    if delivery != Delivery.URL:
        place, askers = told_at(notify), networks_of(asks_from)
        require_asker(askers, place)
    name = organisation.strip()
    provider = Organisation.objects.filter(name=name).first() or organisation_create(
        actor=SYSTEM, name=name, kind=Organisation.Kind.PROVIDER
    )
    number = uuid4()
    subscriber = Subscriber.objects.create(
        id=number,
        organisation=provider,
        delivery=str(delivery),
        notify=place,
        asks_from=askers,
        ring=OURS if ours else LAST_RING if delivery == Delivery.URL else drawn_ring(number),
        added_by_id=actor.id if actor.kind == "person" else None,
        added_at=clock.now(),
    )
    audit.record(
        "distribution.subscriber_added",
        subject=subscriber,
        actor=actor,
        delivery=delivery,
        organisation=provider.id,
        ring=subscriber.ring,
    )
    if delivery == Delivery.URL:
        return subscriber, _give_token(subscriber)
    jobs.defer("distribution.subscribers")
    return subscriber, tsig_key(subscriber)


@transaction.atomic
def subscriber_renew_key(*, actor: Actor, subscriber_id: UUID) -> tuple[Subscriber, str]:
    """Give a subscriber a new secret; the former one stops working at once.

    Its ring is drawn with the key: until then a subscriber stays in the one that it was set up for.
    """
    actor.require(SUBSCRIBERS)
    subscriber = _locked(subscriber_id)
    if subscriber.state not in ALIVE:
        raise DomainError("revoked", _("This subscriber was revoked."))
    audit.record("distribution.subscriber_key", subject=subscriber, actor=actor)
    if subscriber.delivery == Delivery.URL:
        _end_token(subscriber)
        return subscriber, _give_token(subscriber)
    subscriber.generation += 1
    if subscriber.ring != OURS or first_ring() == LAST_RING:
        subscriber.ring = drawn_ring(subscriber.id)
    subscriber.save(update_fields=["generation", "ring"])
    jobs.defer("distribution.subscribers")
    return subscriber, tsig_key(subscriber)


@transaction.atomic
def subscriber_revoke(*, actor: Actor, subscriber_id: UUID) -> None:
    """Take the list away from a subscriber in one step: its key or token ends."""
    actor.require(SUBSCRIBERS)
    subscriber = _locked(subscriber_id)
    subscriber.revoked_at = clock.now()
    _move(subscriber, SubscriberState.REVOKING, actor, "revoked_at")
    if subscriber.delivery == Delivery.URL:
        _end_token(subscriber)
        _move(subscriber, SubscriberState.REVOKED, SYSTEM)
    else:
        jobs.defer("distribution.subscribers")


def subscribers_apply() -> None:
    """Make the primary let in exactly the living DNS subscribers, and answer nobody else. Safe to run twice. Raises KnotError.

    One at a time, each reading anew who is alive: no key is let in again after it was taken away.
    """
    if not settings.KNOT_SOCKET:
        return
    with advisory_lock(LOCK):
        _apply()


def _apply() -> None:
    knot = Knot(settings.KNOT_SOCKET)
    present = {name: zones for name, zones in knot.accesses().items() if name.startswith(OUR_KEYS)}
    wanted = {key_name(row): row for row in Subscriber.objects.filter(state__in=ALIVE).exclude(delivery=Delivery.URL)}
    askers = {network for row in wanted.values() for network in row.askers}
    knot.shut_out(sorted(present.keys() - wanted.keys()), askers)
    ring_zones_sync(knot)
    side_zones_sync(knot, [(row, zones_of(row)) for row in wanted.values()])
    for name, row in sorted(wanted.items()):
        if present.get(name) != frozenset(zone_names(row)):
            knot.allow(Access(name, tsig_key(row), zone_names(row)))
    with transaction.atomic():
        for row in Subscriber.objects.select_for_update().filter(
            state__in=[SubscriberState.REQUESTED, SubscriberState.REVOKING]
        ):
            if row.state == SubscriberState.REVOKING and key_name(row) not in wanted:
                _move(row, SubscriberState.REVOKED, SYSTEM)
            elif row.state == SubscriberState.REQUESTED and key_name(row) in wanted:
                row.applied_at = clock.now()
                _move(row, SubscriberState.ACTIVE, SYSTEM, "applied_at")


def _move(row: Subscriber, to: SubscriberState, actor: Actor, *changed: str) -> None:
    states.move(row, to, machine=SUBSCRIBER, actor=actor, event="distribution.subscriber_moved", changed=changed)


def _locked(subscriber_id: UUID) -> Subscriber:
    row = Subscriber.objects.select_for_update().filter(id=subscriber_id).first()
    if row is None:
        raise NotFound
    return row


def _give_token(subscriber: Subscriber) -> str:
    title = f"list:{subscriber.id}:{subscriber.generation}"
    secret = token_create(actor=SYSTEM, organisation_id=subscriber.organisation_id, title=title, scopes=[LIST_READ])
    subscriber.token_id = Token.objects.filter(title=title, revoked_at=None).values_list("id", flat=True).get()
    subscriber.applied_at = clock.now()
    subscriber.save(update_fields=["token_id", "applied_at"])
    if subscriber.state == SubscriberState.REQUESTED:
        _move(subscriber, SubscriberState.ACTIVE, SYSTEM)
    return secret


def _end_token(subscriber: Subscriber) -> None:
    if subscriber.token_id is not None:
        token_revoke(actor=SYSTEM, token_id=subscriber.token_id)
    subscriber.generation += 1
    subscriber.save(update_fields=["generation"])
