"""The resolvers of the demo world and their versions."""

from __future__ import annotations

import subprocess

from demo import programs
from demo.dns import engines_installed

PROGRAM = {"unbound": "unbound", "bind": "named"}


def engine_versions() -> list[dict[str, str]]:
    """Name and version of each resolver that is installed."""
    found = []
    for engine in engines_installed():
        path = programs.path_of(PROGRAM[engine])
        assert path is not None
        said = subprocess.run([path, "-V"], capture_output=True, text=True, check=False).stdout.split()
        found.append({"name": engine, "version": next(word for word in said if word[0].isdigit())})
    return found
