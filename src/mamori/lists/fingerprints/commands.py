"""Commands of this room for the command line: files of fingerprints in and out."""

import os
from pathlib import Path

from django.utils.translation import override
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from mamori.ground.accounts.models import User
from mamori.ground.actors import Actor
from mamori.ground.errors import DomainError
from mamori.ground.ui.states import look
from mamori.lists.fingerprints import services
from mamori.lists.fingerprints.formats import Format
from mamori.lists.fingerprints.models import ImportRun
from mamori.lists.fingerprints.queries.shown import waiting_imports

SHOWN = 50
_COLUMNS = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())


def import_file(file: Path, *, form: Format, source: str, profile: str, media: str, by: str) -> None:
    """Read a file into the bank in a member's name. Bad records are named; the same file again adds nothing."""
    out = Console(stderr=True)
    with Progress(*_COLUMNS, TextColumn("{task.fields[counts]}"), console=out) as bar, file.open("rb") as stream:
        task = bar.add_task(f"Importing {file.name}", total=file.stat().st_size, counts="")

        def told(done: int, run: ImportRun) -> None:
            bar.update(task, completed=done, counts=f"{run.read:,} read, {run.added:,} new")

        run = services.import_file(
            actor=_member(by), source_code=source, form=form, stream=stream, profile=profile, media=media, progress=told
        )
    with override("en"):
        for bad in run.refusals[:SHOWN]:
            out.print(f"{bad['at']}: {look('bank_bad', bad['code']).word}", markup=False)
    if run.refused > SHOWN:
        out.print(f"… and {run.refused - SHOWN} more: see the import's page")
    print(f"{run.added} new, {run.known} known already, {run.restated} class changed, {run.refused} kept out")
    if run.restated:
        print("What is known keeps its class until a reviewer settles it, on the page of disagreements.")
    if run.added and run.sharing == "partners":
        print("They wait for a second person, on the import's page.")
    others = ImportRun.objects.filter(waiting_imports(), source_id=run.source_id).exclude(id=run.id).count()
    if others:
        print(f"What {others} earlier import(s) of this source read waits too, each on its own page.")


def export_file(out: Path, *, form: Format, source: str, profile: str, by: str) -> None:
    """Write the entries in force into a file only its owner may read. Appears whole or not at all."""
    fresh = out.with_name(f"{out.name}.{os.getpid()}")
    with Progress(*_COLUMNS, console=Console(stderr=True)) as bar:
        task = bar.add_task(f"Exporting to {out.name}", total=None)
        pieces = services.export(
            actor=_member(by),
            form=form,
            profile=profile,
            source_code=source,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
        try:
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                for piece in pieces:
                    file.write(piece)
            fresh.replace(out)
        finally:
            fresh.unlink(missing_ok=True)


def _member(mail: str) -> Actor:
    """The member in whose name it is done: imports are confirmed by another person than the one who imported."""
    user = User.objects.filter(email__iexact=mail, is_active=True).first()
    if user is None:
        raise DomainError("member_unknown", f"There is no member with the mail address {mail}.", status=404)
    return user.actor
