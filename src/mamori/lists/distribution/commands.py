"""Commands of this room for the command line."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import typer
from django.conf import settings

from mamori.ground.actors import SYSTEM
from mamori.ground.errors import DomainError
from mamori.lists.distribution import queries
from mamori.lists.distribution.services import (
    edition_fold,
    edition_restore,
    edition_withdraw,
    formats_write,
    kill_switch,
    leak_trace,
    seconds_until_free,
)
from mamori.lists.distribution.services.folding import REFUSED
from mamori.lists.listing import queries as listing
from mamori.lists.listing.services import entries_withdraw
from mamori.tools.errors import FAILED
from mamori.tools.progress import progress_bar


def restore(above: int) -> None:
    """Make the signed list anew from the database, when its files are lost; each step is told."""
    told, _steps = _telling()
    edition_restore(told, above=above)


def lift(*, reason: str, edition: str, entry: str) -> None:
    """Lift the whole list, what one edition brought ("last" or its number), or one entry (number, name or address)."""
    if entry:
        found = listing.called(entry)
        if not found:
            raise typer.BadParameter(f"nothing in force is called {entry}", param_hint="--entry")
        typer.confirm(f"{entry} will be lifted in all resolvers. Go on?", abort=True)
        entries_withdraw(actor=SYSTEM, entry_ids=[UUID(one.entry_id) for one in found])
        names = [one.target for one in found if one.method == "dns"]
    elif edition:
        version, names = queries.added_by(None if edition == "last" else _number(edition))
        if not version:
            raise typer.BadParameter("no such edition brought an entry", param_hint="--edition")
        typer.confirm(f"What edition {version} brought will be lifted in all resolvers. Go on?", abort=True)
        count = edition_withdraw(actor=SYSTEM, version=version)
        typer.echo(f"{count} entries are withdrawn.")
        if not count:
            typer.echo("Nothing it brought is in force any more: nothing to lift.")
            return
    else:
        reason = reason or typer.prompt("Why is the list switched off?")
        typer.confirm("Every entry will be lifted in all resolvers. Go on?", abort=True)
        kill_switch(actor=SYSTEM, reason=reason)
        names = [settings.CANARY_NAME]
    names = sorted(set(names) - listing.names_covered(names))
    if not names:
        typer.echo("No name is to be lifted in resolvers: other entries block them still, or it was pages only.")
    for resolver, seconds in seconds_until_free(names) if names else ():
        followed = (
            f"lifted after {seconds:.1f} s"
            if seconds is not None
            else "blocks still, or does not answer, after a minute"
        )
        typer.echo(f"  {resolver}: {followed}")
    typer.echo("Ordered and logged. The page Editions shows when each resolver follows.")


def _number(text: str) -> int:
    if not text.isdecimal():
        raise typer.BadParameter("a number, or “last”", param_hint="--edition")
    return int(text)


def _telling() -> tuple[Callable[[str], None], list[str]]:
    """What says a step with its seconds, and the steps said."""
    began, steps = time.monotonic(), list[str]()

    def told(step: str) -> None:
        steps.append(step)
        typer.echo(f"{time.monotonic() - began:7.1f} s  {step}")

    return told, steps


def rebuild() -> None:
    """Fold all changes into a new base, have it judged by every engine, and write every format; each step is told."""
    told, steps = _telling()
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
