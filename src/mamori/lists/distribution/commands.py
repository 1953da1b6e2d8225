"""Commands of this room for the command line."""

import time
from collections.abc import Iterator
from pathlib import Path

import typer

from mamori.ground.errors import DomainError
from mamori.lists.distribution import queries
from mamori.lists.distribution.services import edition_fold, formats_write, leak_trace
from mamori.lists.distribution.services.folding import REFUSED
from mamori.tools.errors import FAILED
from mamori.tools.progress import progress_bar


def rebuild() -> None:
    """Fold all changes into a new base, have it judged by every engine, and write every format; each step is told."""
    began, steps = time.monotonic(), []

    def told(step: str) -> None:
        steps.append(step)
        typer.echo(f"{time.monotonic() - began:7.1f} s  {step}")

    if queries.in_force() is None:
        raise DomainError("no_edition", "There is no edition yet: nothing to rebuild.")
    if edition_fold(told) is None:
        if any(step.startswith(REFUSED) for step in steps):
            raise typer.Exit(FAILED)
        told("nothing to fold: no change since the base, the list is emptied, or another fold is under way")
    formats_write(told)
    row = queries.in_force()
    told(f"edition {row.version if row else '-'} is in force")


def trace(file: Path) -> None:
    """Name the subscribers whose copy of the list a file holds, or say that nobody can be named."""
    with file.open("rb") as opened, progress_bar(f"Reading {file.name}") as progress:
        size = file.stat().st_size

        def pieces() -> Iterator[bytes]:
            done = 0
            while piece := opened.read(1 << 20):
                done += len(piece)
                progress(done, size)
                yield piece

        found = leak_trace(pieces())
    for row, suspect in found:
        typer.echo(
            f"{row.organisation.name} ({row.id}, {row.state}): {suspect.own} names only it was given; "
            f"{suspect.shared} of the {suspect.found_shared} shared ones found"
        )
    if not found:
        typer.echo("Nobody can be named: the file holds too few canary names.")
