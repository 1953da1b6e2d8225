"""The `mamori` command: the tools of every installation, and the platform's commands where Django is installed."""

import sys
from importlib.util import find_spec

from mamori.tools.cli import app


def main() -> None:
    """Entry point of the console script."""
    if find_spec("django") is not None:
        from mamori.site import commands  # noqa: PLC0415 - the tools work without the platform

        commands.mount(app)
    sys.exit(app())
