from uuid import UUID

from mamori.ground.audit import services
from mamori.ground.jobs import Lane, task


@task("audit.verify", Lane.OUTSIDE)
def verify(verification_id: str) -> None:
    services.verification_run(UUID(verification_id))
