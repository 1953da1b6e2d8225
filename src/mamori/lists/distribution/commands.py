"""Commands of this room for the command line."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import typer
from django.conf import settings

from mamori.engine.addresses import AddressError, canonicalize
from mamori.ground.actors import SYSTEM
from mamori.ground.errors import DomainError
from mamori.lists.distribution import queries
from mamori.lists.distribution.lifting import carry_out
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

SHORT = 5.0  # seconds that resolvers have when it is known that the order is not published


def restore(above: int) -> None:
    """Make the signed list anew from the database, when its files are lost; each step is told."""
    told, _steps = _telling()
    edition_restore(told, above=above)


def lift(*, reason: str, edition: str, entry: str) -> None:
    """Lift the whole list, what one edition brought ("last" or its number), or one entry (number, name or address).

    Waits for the effect. Exit code 1 when it is not published, or a resolver of ours blocks still.
    """
    if entry:
        found = listing.called(entry)
        if not found:
            raise typer.BadParameter(_why_not(entry), param_hint="--entry")
        typer.confirm(f"{entry} will be lifted in all resolvers. Go on?", abort=True)
        began = time.monotonic()
        ids = [UUID(one.entry_id) for one in found]
        entries_withdraw(actor=SYSTEM, entry_ids=ids)
        names = [one.target for one in found if one.method == "dns"]
    elif edition:
        version, names = queries.added_by(None if edition == "last" else _number(edition))
        if not version:
            raise typer.BadParameter("no such edition brought an entry", param_hint="--edition")
        typer.confirm(f"What edition {version} brought will be lifted in all resolvers. Go on?", abort=True)
        began = time.monotonic()
        ids = queries.brought_by(version)
        count = edition_withdraw(actor=SYSTEM, version=version)
        typer.echo(f"{count} entries are withdrawn.")
        if not count and not listing.removal_pending(ids):
            typer.echo("Nothing it brought is in force any more: nothing to lift.")
            return
    else:
        reason = reason or typer.prompt("Why is the list switched off?")
        typer.confirm("Every entry will be lifted in all resolvers. Go on?", abort=True)
        began = time.monotonic()
        order = kill_switch(actor=SYSTEM, reason=reason)
        _see_to(lambda: queries.is_carried_out(order), [settings.CANARY_NAME], began)
        return
    covering = listing.covering(names)
    if covering:
        typer.echo(f"Blocked still by other entries: {', '.join(covering)}")
    names = sorted(set(names) - listing.names_covered(names))
    if not names:
        typer.echo("No name is to be lifted in resolvers: other entries block them still, or it was pages only.")
    _see_to(lambda: not listing.removal_pending(ids), names, began)


def _why_not(word: str) -> str:
    """Why nothing is lifted by this word: no entry is called so. One that blocks it all the same is named, not lifted."""
    with suppress(AddressError):
        host = canonicalize(word if "://" in word else f"https://{word}/").host
        if above := listing.covering([host]):
            one = above[0]
            return (
                f"no entry is called {word}, but {' and '.join(above)} blocks it, and more. "
                f"To lift that: mamori kill-switch --entry {one}"
            )
    return f"nothing in force is called {word}"


def _see_to(is_published: Callable[[], bool], names: list[str], began: float) -> None:
    """Have what was ordered carried out, and ask our resolvers. Exit code 1 with one line when one blocks still."""
    typer.echo("Ordered and logged. The page Editions shows when each resolver follows.")
    left = [carry_out(is_published, typer.echo)]
    waits = {"longest": SHORT} if left[0] else {}
    late = []
    for resolver, seconds in seconds_until_free(names, began=began, **waits) if names else ():
        if seconds is None:
            late.append(resolver)
        else:
            typer.echo(f"  {resolver}: lifted after {seconds:.1f} s")
    if late:
        left.append(
            f"Blocks still, or does not answer: {', '.join(sorted(late))}. Look at it, and at its way to the primary."
        )
    if names and not settings.PROBE_RESOLVERS:
        typer.echo("No resolver of our own is asked (MAMORI_PROBE_RESOLVERS): whether they follow is not known here.")
        left.append(queries.primary_problem())
    if said := " ".join(each for each in left if each):
        typer.secho(f"mamori: {said}", fg="red", err=True)
        raise typer.Exit(FAILED)


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
