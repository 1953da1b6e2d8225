"""See that an order of the kill switch is carried out: by the worker or, where none takes it up, by this process."""

import os
import time
from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError, connection

from mamori.engine.editions import EditionRefused, MembersRefused
from mamori.engine.keys import KeyFileError
from mamori.ground.errors import DomainError
from mamori.lists.distribution import press
from mamori.lists.distribution.control import KnotError
from mamori.lists.distribution.services import edition_publish, primary_require

PATIENCE = 2.0  # seconds a worker has to take the order up: with those of a publication here, less than five
LOCK_SECONDS = 30  # how long another publisher may hold the lock
_START = "The order stands: start the worker (mamori worker), which publishes it first of all."


def carry_out(is_published: Callable[[], bool], told: Callable[[str], None]) -> str:
    """Wait until a worker has published what was ordered; publish it here when none does. Why it is not; empty: it is.

    Never beside another publisher: this one waits for the same lock.
    """
    deadline = time.monotonic() + PATIENCE
    while not is_published():
        if time.monotonic() > deadline:
            told(f"No worker published it within {PATIENCE:.0f} s: it is published here.")
            return _publish(is_published)
        time.sleep(0.05)
    return ""


def _publish(is_published: Callable[[], bool]) -> str:
    if why := _may_not():
        return f"No worker runs, and this process may not publish: {why}. {_START}"
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{LOCK_SECONDS}s'")
    try:
        edition_publish()
        primary_require()
    except DatabaseError as error:
        if not _is_lock(error):
            raise
        return f"Another publisher has held the lock for {LOCK_SECONDS} s. End it, and start the worker again."
    except (DomainError, EditionRefused, KeyFileError, KnotError, MembersRefused, OSError) as error:
        return f"Publishing here failed: {error or type(error).__name__}"
    return "" if is_published() else f"Publishing here did not carry it out. {_START}"


def _is_lock(error: DatabaseError) -> bool:
    return getattr(error.__cause__, "sqlstate", "") == "55P03"


def _may_not() -> str:
    """Why this process may not write editions: what it makes, the worker must be able to go on with."""
    if not press.configured():
        return "MAMORI_EDITION_DIR or MAMORI_EDITION_KEYS is not set"
    try:
        owner = press.folder().stat().st_uid
    except OSError as error:
        return str(error)
    if owner != os.geteuid():
        return f"{settings.EDITION_DIR} belongs to another user (number {owner}); give the command as that user"
    return ""
