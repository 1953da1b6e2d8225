"""Commands of this room for the command line."""

import signal
import threading
from pathlib import Path
from types import FrameType

import typer
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from mamori.ground.accounts.queries import organisation_named
from mamori.ground.actors import SYSTEM
from mamori.ground.errors import DomainError
from mamori.lists.exchange.follower import Follower
from mamori.lists.exchange.services import quota_set


def follow(*, once: bool, rebuild: bool) -> None:
    """Keep the index like the bank until stopped; `once`: bring it up to date and end."""
    folder: Path | None = settings.IMAGE_INDEX
    if folder is None:
        raise DomainError(
            "no_index_folder",
            _("No folder for the index of known images is set."),
            remedy=_("The operator sets MAMORI_IMAGE_INDEX."),
        )
    stop = threading.Event()

    def stopped(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stopped)
    with Follower(folder).holding() as follower:
        if rebuild:
            follower.rebuild()
        if not once:
            follower.run(stop)
            return
        if not rebuild:
            follower.open()
        follower.catch_up()
        typer.echo(f"the index holds all changes up to {follower.state.seq}")


def set_quota(organisation: str, per_minute: int, per_day: int) -> None:
    """Say how many fingerprints an organisation may ask about in a minute and in a day."""
    found = organisation_named(organisation)
    if found is None:
        raise DomainError("no_organisation", _("There is no organisation of this name."))
    quota_set(actor=SYSTEM, organisation_id=found, per_minute=per_minute, per_day=per_day)
    typer.echo(f"{organisation}: {per_minute} fingerprints a minute, {per_day} a day")
