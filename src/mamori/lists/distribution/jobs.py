from mamori.ground.jobs import Lane, task
from mamori.lists.distribution import services


@task("distribution.publish", Lane.LIST)
def publish() -> None:
    """Publish the list as it stands. Run often or rarely, it comes to the same. KnotError while the primary lags: again."""
    services.edition_publish()
    services.primary_require()


@task("distribution.move", Lane.LIST)
def move() -> None:
    """Without waiting for the next sweep: a halt was ended."""
    services.rings_move()


@task("distribution.subscribers")
def subscribers() -> None:
    services.subscribers_apply()


@task("distribution.formats", Lane.OUTSIDE)
def formats() -> None:
    """Write every subscriber's format of the edition in force."""
    services.formats_write()
