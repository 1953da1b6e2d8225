"""When, where and by which program a trial was held: goes into its result."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def machine() -> dict[str, Any]:
    """As the benchmarks tell it. ``commit`` is empty where the program is not run from a clone."""
    at = datetime.fromtimestamp(time.time(), UTC)  # noqa: TID251 - a tool: no clock of the platform's here
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line for line in lines if line.startswith("model name")), ":unknown")
    return {
        "at": at.isoformat(timespec="seconds"),
        "cpu": model.partition(":")[2].strip(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "commit": _git("rev-parse", "--short", "HEAD") if _git("ls-files", Path(__file__).name) else "",
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
    }


def _git(*words: str) -> str:
    """What git says of the folder of this file; empty where it knows nothing of it, or is not there."""
    try:
        done = subprocess.run(["git", *words], cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip()
