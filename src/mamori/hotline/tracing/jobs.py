from uuid import UUID

from mamori.ground.actors import SYSTEM
from mamori.ground.jobs import Lane, task
from mamori.hotline.tracing import services


@task("tracing.run", Lane.OUTSIDE)
def run(content_id: str, *, fresh: bool = False) -> None:
    services.trace_run(actor=SYSTEM, content_id=UUID(content_id), fresh=fresh)
