"""Outside programs that tests run."""

import os
import shutil
import subprocess
from contextlib import suppress

import pytest

# Servers and their judges stand in sbin, which is not on every user's PATH.
SEARCH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/sbin"))


def program(name: str) -> str:
    """Full path of an installed program; FileNotFoundError when it is missing."""
    path = shutil.which(name, path=SEARCH)
    if path is None:
        raise FileNotFoundError(f"the program {name} is not installed")
    return path


def needs(*programs: str) -> pytest.MarkDecorator:
    """Mark for a test that runs ``programs``.

    Where one is missing the test is skipped with the reason; with CI=true it is not skipped and fails at ``program()``.
    """
    missing = [name for name in programs if shutil.which(name, path=SEARCH) is None]
    skip = bool(missing) and os.environ.get("CI") != "true"
    return pytest.mark.skipif(skip, reason=f"not installed: {', '.join(missing)}")


def apart() -> list[str] | None:
    """The command before a program that gets a network and mounts of its own; None where there are none to be had.

    In a chroot the root is no mount whose propagation could be changed: there it stays, and what runs there undoes its own.
    """
    for words in (["unshare", "-mn"], ["unshare", "-mn", "--propagation", "unchanged"]):
        with suppress(FileNotFoundError):
            if subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0:
                return words
    return None


APART = apart()
needs_namespace = pytest.mark.skipif(
    os.environ.get("CI") != "true" and APART is None, reason="needs root or user namespaces (unshare -mn)"
)
