from uuid import UUID

from mamori.ground.jobs import task
from mamori.hotline.intake import services


@task("intake.screen_batch")
def screen_batch(batch_id: str) -> None:
    services.batch_screen(UUID(batch_id))
