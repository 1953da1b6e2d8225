from mamori.ground.jobs import task
from mamori.lists.distribution import services


@task("distribution.publish")
def publish() -> None:
    """Publish the list as it stands and measure until it is effective. Run often or rarely, it comes to the same."""
    edition_id = services.edition_publish()
    if edition_id is not None:
        services.probe_run(edition_id)


@task("distribution.subscribers")
def subscribers() -> None:
    services.subscribers_apply()


@task("distribution.formats")
def formats() -> None:
    """Write every subscriber's format of the edition in force."""
    services.formats_write()
