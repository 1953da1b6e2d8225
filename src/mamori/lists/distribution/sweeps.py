from mamori.ground import clock
from mamori.ground.jobs import sweep
from mamori.lists.distribution import services
from mamori.lists.distribution.models import Edition, Subscriber
from mamori.lists.distribution.services.editions import REFRESH
from mamori.lists.distribution.states import EditionState, SubscriberState


@sweep("distribution.refresh")
def refresh() -> None:
    """Sign anew once a day, so that subscribers can tell a quiet list from a dead one; go on after a crash."""
    last = Edition.objects.filter(state=EditionState.PUBLISHED).order_by("-version").first()
    if last is None or last.built_at < clock.now() - REFRESH:
        services.edition_publish(refresh=True)
    elif Edition.objects.filter(state=EditionState.SIGNED).exists():
        services.edition_publish()


@sweep("distribution.reconcile")
def reconcile() -> None:
    services.primary_heal()
    if Subscriber.objects.filter(state__in=[SubscriberState.REQUESTED, SubscriberState.REVOKING]).exists():
        services.subscribers_apply()


@sweep("distribution.probe")
def probe() -> None:
    services.probe_run()
    services.probe_late()
    services.canary_watch()
