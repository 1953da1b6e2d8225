from contextlib import suppress
from datetime import timedelta

from django.utils.timezone import localtime

from mamori.engine.editions import LAST_RING
from mamori.ground import clock
from mamori.ground.jobs import sweep
from mamori.lists.distribution import press, services
from mamori.lists.distribution.control import KnotError
from mamori.lists.distribution.models import Edition, EditionChange
from mamori.lists.distribution.services.editions import REFRESH
from mamori.lists.distribution.states import EditionState
from mamori.lists.listing import queries as listing

RETRY_MINUTES = 10
NIGHT = range(2, 5)  # hours of the house's own time
FOLD_AFTER = timedelta(hours=12)
FOLD_AT = 5_000  # changes since the base
FOLD_AGAIN = timedelta(hours=12)  # after a program did not hold what was meant


@sweep("distribution.refresh", long=True)
def refresh() -> None:
    """Sign anew once a day, so that subscribers can tell a quiet list from a dead one; go on after a crash."""
    last = Edition.objects.filter(state=EditionState.PUBLISHED).order_by("-version").first()
    if last is None or last.built_at < clock.now() - REFRESH:
        services.edition_publish(refresh=True)
    elif Edition.objects.filter(state=EditionState.SIGNED).exists() or _backlog():
        services.edition_publish()


@sweep("distribution.fold", long=True)
def fold() -> None:
    """Once a night, when something changed since; and at any time when the hot zone grows long."""
    last = press.in_force()
    if last is None or _was_refused():
        return
    base = Edition.objects.filter(version=last.base).first()
    since = EditionChange.objects.filter(
        ring=LAST_RING, edition__version__gt=last.base, edition__version__lte=last.version
    )
    is_night = localtime(clock.now()).hour in NIGHT and (base is None or base.built_at < clock.now() - FOLD_AFTER)
    if (is_night and since.exists()) or since[:FOLD_AT].count() == FOLD_AT:
        services.edition_fold()


def _was_refused() -> bool:
    rows = Edition.objects.filter(state=EditionState.REFUSED, built_at__gt=clock.now() - FOLD_AGAIN)
    return rows.filter(refusals__0__code="round_trip").exists()


def _backlog() -> bool:
    """Whether, now and then, entries that wait are tried again: too many of one day go on the next, a police hold ends."""
    return clock.now().minute % RETRY_MINUTES == 0 and listing.is_waiting_any()


@sweep("distribution.keep", long=True)
def keep() -> None:
    """A copy of the newest base, from which the list comes back when its files are lost."""
    services.copy_keep()


@sweep("distribution.heal", long=True)
def heal() -> None:
    """A list whose files are gone comes back from its copy."""
    services.list_heal()


@sweep("distribution.reconcile", long=True)
def reconcile() -> None:
    """A primary that was rebuilt gets the list and the subscribers' keys again. While it is down that is an alarm."""
    services.primary_heal()
    with suppress(KnotError):
        services.subscribers_apply()


@sweep("distribution.move", long=True)
def move() -> None:
    """What waited long enough reaches its next ring, unless something is wrong in the first ones."""
    services.rings_move()


@sweep("distribution.formats", long=True)
def formats() -> None:
    """What a crash left unwritten."""
    services.formats_write()


@sweep("distribution.probe")
def probe() -> None:
    services.probe_run()
    services.probe_late()
    services.canary_watch()


@sweep("distribution.following")
def following() -> None:
    services.transfers_read()
    services.status_write()
