"""How a command says that something cannot be done as asked, and its exit codes."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console

FAILED, USAGE = 1, 2


@contextmanager
def told_errors(*more: type[Exception]) -> Iterator[None]:
    """One line on standard error and exit code 2 for OSError, ValueError, and `more`."""
    kinds: tuple[type[Exception], ...] = (OSError, ValueError, *more)
    try:
        yield
    except kinds as error:
        Console(stderr=True).print(f"mamori: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(USAGE) from error
