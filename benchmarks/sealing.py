"""The audit log of the generated records: the worker's sealer chains it, the witness co-signs, the operator verifies.

As a program, run in the worker's environment: seals what is there, has each thousandth event's checkpoint co-signed,
computes the figures, and prints its own figures as JSON.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.common import PYTHON, environment, say
from demo.platform import Platform

EVERY = 1000  # events a checkpoint; the real worker signs one every five seconds in which something happened


def seal(platform: Platform) -> dict[str, Any]:
    """What the worker does before any page is asked for: events/s of the sealer, seconds of the figures."""
    _seconds, _memory, said = _run(platform, "benchmarks.sealing", str(platform.witness_folder), face="worker")
    found: dict[str, Any] = json.loads(said)
    say(f"sealed {found['events']} events, {found['events_per_second']}/s; figures in {found['figures_seconds']} s")
    return found


def verify(platform: Platform) -> dict[str, Any]:
    """`mamori audit verify` with the witness's own storage: seconds and memory of the whole command."""
    folder = str(platform.witness_folder)
    seconds, memory, said = _run(platform, "mamori", "audit", "verify", "--witness-folder", folder, face="manage")
    say(f"mamori audit verify: {seconds:.1f} s, {memory} MB")
    return {"seconds": round(seconds, 1), "peak_mb": memory, "said": said.split()}


def _run(platform: Platform, *module: str, face: str) -> tuple[float, int, str]:
    """(seconds, peak memory in MB, standard output) of `python -m …` in the environment of a face."""
    began = time.monotonic()
    out = platform.base / "said"
    with out.open("w") as file:
        actions = [(os.POSIX_SPAWN_DUP2, file.fileno(), 1)]
        pid = os.posix_spawn(PYTHON, [PYTHON, "-m", *module], environment(platform, face), file_actions=actions)
        _pid, status, used = os.wait4(pid, 0)
    if status:
        raise SystemExit(f"{' '.join(module)} failed: {out.read_text()}")
    return time.monotonic() - began, used.ru_maxrss // 1024, out.read_text()


def main() -> None:
    import django

    django.setup()
    from django.conf import settings
    from django.utils import timezone

    from mamori.desks.services import figures_refresh
    from mamori.engine.transparency.checkpoint import AddCheckpoint, Checkpoint, accept_cosignatures, sign_checkpoint
    from mamori.ground.audit import models
    from mamori.ground.audit.services import Sealer, signer, witness_key
    from mamori.tools.witness import Witness

    sealer = Sealer.resume()
    began = time.monotonic()
    events = sealer.seal()
    seconds = time.monotonic() - began
    key = witness_key()
    assert key is not None
    witness = Witness(Path(sys.argv[1]), lambda: int(time.time()))
    old, rows = sealer.witnessed, []
    for size in [*range(old + EVERY, sealer.tree.size, EVERY), sealer.tree.size]:
        note = sign_checkpoint(Checkpoint(settings.LOG_ORIGIN, size, sealer.tree.root(size)), signer())
        proof = tuple(sealer.tree.consistency_proof(old, size))
        note = accept_cosignatures(
            note, witness.add_checkpoint(str(AddCheckpoint(old, proof, note)).encode()).body, [key]
        )
        rows.append(models.Checkpoint(at=timezone.now(), size=size, note=note, witnessed=True))
        old = size
    models.Checkpoint.objects.bulk_create(rows, batch_size=1000)
    resumed = time.monotonic()
    Sealer.resume()
    computed = time.monotonic()
    figures_refresh()
    print(
        json.dumps({
            "events": events,
            "events_per_second": round(events / seconds),
            "checkpoints": len(rows),
            "resume_seconds": round(computed - resumed, 1),
            "figures_seconds": round(time.monotonic() - computed, 1),
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        })
    )  # fmt: skip


if __name__ == "__main__":
    main()
