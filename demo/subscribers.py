"""The demo's two internet providers, as subscribers of the list: Mamori gives them their TSIG keys."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from demo.knot import Key
from demo.platform import Platform
from demo.processes import WorldError

# Engine, organisation, what blocked names get, and where its notified server listens: an offset of the world's port.
PROVIDERS = (
    ("unbound", "Hato Internet (Unbound)", "nxdomain", 4),
    ("bind", "Suzume Net (BIND)", "stop", 3),
)
ROOT = Path(__file__).resolve().parent.parent


def seed(platform: Platform, world_port: int) -> dict[str, Key]:
    """Make people, their keys and the subscribers where they are not there yet. Returns the providers' TSIG keys."""
    path = os.pathsep.join((str(ROOT), str(ROOT / "src")))
    django = {"DJANGO_SETTINGS_MODULE": "mamori.site.settings", "PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, "-m", "demo.seed", str(platform.keys), str(world_port)],
        env={**platform.environment("manage"), **django},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        raise WorldError(f"the demo's people could not be made: {done.stderr.strip().splitlines()[-1]}")
    return {engine: Key(name, secret) for engine, (name, secret) in json.loads(done.stdout).items()}
