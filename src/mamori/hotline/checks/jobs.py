from datetime import datetime
from uuid import UUID

from mamori.ground.jobs import Lane, sweep, task
from mamori.hotline.checks import services


@task("checks.check", Lane.OUTSIDE)
def check(content_id: str, asked_at: str) -> None:
    services.content_check(content_id=UUID(content_id), asked_at=datetime.fromisoformat(asked_at))


@sweep("checks.mend")
def mend() -> None:
    services.watches_mend()


@sweep("checks.due")
def due() -> None:
    services.checks_due()
