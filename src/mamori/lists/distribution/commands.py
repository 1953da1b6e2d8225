"""Commands of this room for the command line."""

from collections.abc import Iterator
from pathlib import Path

import typer

from mamori.lists.distribution.services import leak_trace
from mamori.tools.cli import progress_bar


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
