"""The same examining on a Ray cluster, with Ray Data: an actor on each processor keeps one child process.

Every node has Mamori installed and sees the files under the same names: shared storage, or keys of an object store.
The driver walks, looks up and writes; nodes answer fingerprints only.
"""

from __future__ import annotations

import json
import logging
import os
import socket
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from typing import Any, Self

from mamori.engine.limits import Limits
from mamori.tools.scan.pool import Done, Happened, Looked, Pool
from mamori.tools.scan.purpose import ScanError
from mamori.tools.scan.sources import Item, is_of_this_process, reason

BATCH = 64  # items of one task
WINDOW = 20_000  # items whose names are with the cluster at a time
CONNECT_SECONDS = 10.0
EVENTS = 500  # of one row that comes back


class Node:
    """What runs in an actor: examines the items of a row, and tells what it finds in rows."""

    def __init__(self, limits: dict[str, Any]) -> None:
        self._pool = Pool(1, Limits(**limits)).__enter__()

    def __call__(self, batch: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """`batch`: one row, "items" as JSON. Rows: "events" as JSON."""
        for row in batch["items"]:
            events: list[Any] = []
            items = [Item(*each) for each in json.loads(str(row))]
            for happened in self._pool.examine(iter(items)):
                if happened is not None:
                    events.append(_told(happened))
                if len(events) >= EVENTS:
                    yield {"events": [json.dumps(events)]}
                    events = []
            yield {"events": [json.dumps(events)]}


class Cluster:
    """A connection to the cluster at `address` (as `ray start` prints it, or "auto"). Use as a context."""

    def __init__(self, address: str, limits: Limits, workers: int | None) -> None:
        _reachable(address)
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # nothing about a scan leaves the provider
        try:
            import ray  # noqa: PLC0415 - an extra of its own
            import ray.data  # noqa: PLC0415
        except ImportError as error:
            raise ScanError("--ray needs Ray: pip install 'mamori[ray]'") from error
        self._ray: Any = ray
        self._address, self._limits, self._workers = address, limits, workers

    def __enter__(self) -> Self:
        for name in ("ray", "ray.data"):
            logging.getLogger(name).setLevel(logging.ERROR)
        try:
            self._ray.init(address=self._address, logging_level="ERROR", log_to_driver=False)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise ScanError(f"there is no Ray cluster at {self._address}: {error}") from error
        return self

    def __exit__(self, *_error: object) -> None:
        self._ray.shutdown()

    def examine(self, items: Iterator[Item]) -> Iterator[Happened]:
        """Like `Pool.examine`."""
        context = self._ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        there = max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        most = min(self._workers or there, there)
        while window := list(islice(items, WINDOW)):
            yield from self._window(window, most)

    def _window(self, window: list[Item], most: int) -> Iterator[Happened]:
        for item in window:
            if is_of_this_process(item.path):
                raise ScanError(f"{item.path} is in the memory of this process: a cluster cannot read it")
        size = max(1, min(BATCH, len(window) // (4 * most) or 1))
        rows = [
            {"items": json.dumps([[item.path, item.problem, item.skip] for item in window[at : at + size]])}
            for at in range(0, len(window), size)
        ]
        actors = min(most, len(rows))  # all from the begin: Ray Data would add one after the other
        data = self._ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
            Node,
            fn_constructor_args=(asdict(self._limits),),
            batch_size=1,
            num_cpus=1,
            compute=self._ray.data.ActorPoolStrategy(size=actors),
        )
        for row in data.iter_rows():
            for event in json.loads(row["events"]):
                yield _heard(event)


def _reachable(address: str) -> None:
    """Refuse at once what Ray would try for minutes."""
    host, _colon, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        return  # "auto", or a name that Ray knows
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_SECONDS).close()
    except OSError as error:
        raise ScanError(f"there is no Ray cluster at {address}: {reason(error)}") from error


def _told(happened: Looked | Done) -> list[Any]:
    item = [happened.item.path, happened.item.problem, happened.item.skip]
    if isinstance(happened, Done):
        return [item, happened.again]
    return [item, happened.member, happened.number, happened.size, happened.told, happened.problem]


def _heard(event: list[Any]) -> Looked | Done:
    item = Item(*event[0])
    return Done(item, event[1]) if len(event) == 2 else Looked(item, *event[1:])
