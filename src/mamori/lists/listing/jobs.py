from uuid import UUID

from mamori.ground.jobs import Lane, task
from mamori.lists.listing import services


@task("listing.look_for_control", Lane.CONTROL)
def look_for_control(appeal_id: str) -> None:
    services.control_look(UUID(appeal_id))
