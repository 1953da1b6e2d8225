"""Outside programs that tests run."""

import os
import shutil

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
