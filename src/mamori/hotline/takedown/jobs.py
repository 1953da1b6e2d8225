from uuid import UUID

from mamori.ground.jobs import task
from mamori.hotline.takedown.services import notice_remind, notice_verify


@task("takedown.verify")
def verify(notice_id: str) -> None:
    notice_verify(notice_id=UUID(notice_id))


@task("takedown.remind")
def remind(notice_id: str) -> None:
    notice_remind(notice_id=UUID(notice_id))
