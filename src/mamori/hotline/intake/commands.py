"""Commands of this room for the command line."""

from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from mamori.ground.actors import SYSTEM
from mamori.ground.errors import DomainError
from mamori.hotline.intake import services

SHOWN = 50


def import_reports(
    file: Annotated[Path, typer.Argument(help="A UTF-8 CSV file with the columns url,seen_at,comment.")],
    organisation: Annotated[UUID | None, typer.Option(help="Id of the organisation the reports come from.")] = None,
) -> None:
    """Import reports. Bad lines are named, good ones kept; the same file again adds nothing."""
    out = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=out) as bar:
            task = bar.add_task(f"Importing {file.name}", total=None)
            result = services.reports_import(
                actor=SYSTEM,
                path=file,
                organisation_id=organisation,
                progress=lambda done, size: bar.update(task, completed=done, total=size),
            )
    except DomainError as error:
        out.print(f"{error.message} {error.remedy}".strip(), style="red", markup=False)
        raise typer.Exit(2) from error
    for line, reason in result.refused[:SHOWN]:
        out.print(f"line {line}: {reason}", markup=False)
    if len(result.refused) > SHOWN:
        out.print(f"… and {len(result.refused) - SHOWN} more lines")
    print(f"{result.kept} kept, {result.duplicates} already there, {len(result.refused)} refused")
