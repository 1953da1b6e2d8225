"""Calls at the same time, as of several workers."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.db import connection

from mamori.ground.errors import DomainError


def together(*calls: Callable[[], object]) -> list[object]:
    """Run calls at once, each in a thread with its own connection. What they return, or the codes of DomainErrors."""
    gate = threading.Barrier(len(calls))

    def run(call: Callable[[], object]) -> object:
        gate.wait()
        try:
            return call()
        except DomainError as error:
            return error.code
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))
