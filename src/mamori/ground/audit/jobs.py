from uuid import UUID

from mamori.ground.audit import services
from mamori.ground.jobs import task


@task("audit.verify")
def verify(verification_id: str) -> None:
    services.verification_run(UUID(verification_id))
