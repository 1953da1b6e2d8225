from typing import Any

from django.db.models.signals import post_migrate

from mamori.ground import rooms


class AssessmentRoom(rooms.Room):
    name = "mamori.hotline.assessment"
    label = "assessment"

    def ready(self) -> None:
        super().ready()
        post_migrate.connect(_install, sender=self, dispatch_uid="assessment.criteria")


def _install(**_signal: Any) -> None:
    from mamori.hotline.assessment.services import criteria_install  # noqa: PLC0415 - models are loaded by now

    criteria_install()
