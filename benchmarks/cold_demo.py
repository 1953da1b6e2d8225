"""`make demo ONCE=1` on a fresh clone without caches: how long, and where the time goes.

The clone, the package caches and everything the demo makes lie in a folder of their own, removed after. Programs that
apt would install (Knot, Unbound, BIND) count only where they are missing.

    python -m benchmarks.cold_demo --json FILE
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.common import ROOT, arguments, finish, machine, say

_LINE = re.compile(r"^· (?P<what>.+?)(?:: (?P<seconds>[0-9.]+) s| …)?$")
_CODES = re.compile(r"\x1b\[[0-9;]*m")
# Lines of the set-up script that begin a part, by how they begin.
_SETUP = {"making .venv": "virtual environment", "installing": "packages"}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--minutes", type=float, default=15, help="give up after so long (default 15)")
    parser.add_argument("--warm", action="store_true", help="then measure a second start too")
    given = parser.parse_args()
    result: dict[str, Any] = {"benchmark": "cold_demo", "machine": machine()}
    folder = Path(tempfile.mkdtemp(prefix="mamori-cold-"))
    folder.chmod(0o755)
    try:
        clone = folder / "mamori"
        subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(clone)], check=True)
        result["commit"] = _commit(clone)
        result["cold"] = _run(clone, folder, given.minutes)
        result["timeline"] = json.loads((clone / "var" / "demo" / "timeline.json").read_text())
        result["size_mb"] = {name: _megabytes(clone / name) for name in (".venv", "var") if (clone / name).exists()}
        if given.warm:
            result["warm"] = _run(clone, folder, given.minutes)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for name in ("cold", "warm"):
        for part, seconds in result.get(name, {}).items():
            say(f"{name} {part:60} {seconds:8.1f} s")
    finish(result, given.json)


def _commit(clone: Path) -> str:
    return subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=clone, capture_output=True, text=True, check=True
    ).stdout.strip()


def _run(clone: Path, folder: Path, minutes: float) -> dict[str, float]:
    """Seconds of each part, by the demo's own lines and the moments they came."""
    keep = {
        k: v for k, v in os.environ.items() if not k.startswith(("MAMORI_", "VIRTUAL_ENV", "PYTHON", "DATABASE_URL"))
    }
    own = str(ROOT / ".venv")
    path = os.pathsep.join(part for part in keep.get("PATH", os.defpath).split(os.pathsep) if not part.startswith(own))
    caches = {"PIP_CACHE_DIR": str(folder / "pip"), "UV_CACHE_DIR": str(folder / "uv"), "PYTHONUNBUFFERED": "1"}
    began = last = time.monotonic()
    parts: dict[str, float] = {}
    now_in = "start"
    with subprocess.Popen(
        ["make", "demo", "ONCE=1"],
        cwd=clone,
        env={**keep, **caches, "PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        signal.signal(signal.SIGALRM, lambda *_: process.terminate())
        signal.alarm(int(minutes * 60))
        for raw in process.stdout:
            line = _CODES.sub("", raw).rstrip()
            say(line)
            found = _LINE.match(line)
            if found is None:
                continue
            now = time.monotonic()
            if found["seconds"]:
                parts[found["what"]] = float(found["seconds"])
                now_in = "between"
            else:
                parts[now_in] = round(parts.get(now_in, 0.0) + now - last, 1)
                known = next((name for start, name in _SETUP.items() if line.startswith(f"· {start}")), None)
                now_in = known or "between"
                if known is None and line.endswith("…"):
                    now_in = f"{found['what']} (not ended)"
            last = now
        code = process.wait()
        signal.alarm(0)
    if code:
        raise SystemExit(f"make demo ONCE=1 ended with {code}")
    parts.pop(next((name for name in parts if name.endswith("(not ended)")), ""), None)
    parts["whole"] = round(time.monotonic() - began, 1)
    measured = sum(seconds for name, seconds in parts.items() if name not in {"whole", "between"})
    parts["main job and the rest"] = round(parts["whole"] - measured, 1)
    return parts


def _megabytes(path: Path) -> int:
    return int(subprocess.run(["du", "-sm", str(path)], capture_output=True, text=True, check=False).stdout.split()[0])


if __name__ == "__main__":
    main()
