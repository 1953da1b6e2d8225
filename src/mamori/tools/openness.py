"""`mamori openness`: what auditors and subscribers check about editions of the list, without the platform."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from mamori.engine.transparency.note import NoteKey
from mamori.engine.transparency.openings import (
    EVENT,
    Challenge,
    Commitment,
    audit_answer,
    contradictions,
    differences,
    open_log_proof,
)
from mamori.tools.audit_verify import read_export
from mamori.tools.errors import FAILED, told_errors

app = typer.Typer(no_args_is_help=True, help="Editions of the list in the log: check one, audit some of its entries.")

Proof = Annotated[Path, typer.Argument(help="File that shows the edition in the log, from the list body.")]
LogKey = Annotated[str, typer.Option(help="Verifier key of the list body's log.")]
WitnessKey = Annotated[list[str], typer.Option(help="Verifier key of a witness you trust; may be repeated.")]


def committed_in(path: Path) -> Iterator[Commitment]:
    """Every commitment to an edition in an exported log. ValueError for a line that is none."""
    for row in read_export(path):
        if json.loads(row.event).get("event") == EVENT:
            yield Commitment.read(row.event)[0]


@app.command("check")
def check(
    proof: Proof,
    *,
    edition: Annotated[int, typer.Option(help="Number of the edition you got.")],
    digest: Annotated[str, typer.Option(help="Digest of the edition you got (hex).")],
    log_key: LogKey,
    witness_key: WitnessKey,
    other: Annotated[list[Path] | None, typer.Option(help="Proof another subscriber was given.")] = None,
    export: Annotated[
        Path | None, typer.Option(help="Exported log (auditors): no number may stand there twice.")
    ] = None,
) -> None:
    """Refuse an edition that is not the one in the witnessed log: then others were given another list."""
    with told_errors():
        keys = [NoteKey.parse(key) for key in witness_key]
        found, _day = open_log_proof(proof.read_text(), NoteKey.parse(log_key), keys)
        others = [open_log_proof(path.read_text(), NoteKey.parse(log_key), keys)[0] for path in other or []]
        if export is not None:
            others += committed_in(export)
        faults = differences(found, version=edition, digest=digest.lower()) + contradictions([found, *others])
    _tell([("edition", str(found.version)), ("digest in the log", found.digest)], faults)


@app.command("challenge")
def challenge(
    proof: Proof,
    out: Annotated[Path, typer.Argument(help="Challenge to write; give a copy to the list body, keep this one.")],
    *,
    log_key: LogKey,
    witness_key: WitnessKey,
    number: Annotated[int, typer.Option(min=1, max=100_000, help="How many commitments to open.")] = 200,
    entry: Annotated[list[str] | None, typer.Option(help="Id of an entry that must be committed, too.")] = None,
) -> None:
    """Draw lots over the commitments of an edition that stands in the witnessed log."""
    with told_errors():
        found, _day = open_log_proof(
            proof.read_text(), NoteKey.parse(log_key), [NoteKey.parse(key) for key in witness_key]
        )
        drawn = secrets.SystemRandom().sample(range(found.leaves), min(number, found.leaves))
        with out.open("x") as file:
            file.write(Challenge(found.version, found.root, tuple(sorted(drawn)), tuple(entry or ())).write())
    typer.echo(f"{len(drawn)} of {found.leaves} commitments of edition {found.version} drawn: {out}")


@app.command("verify")
def verify(
    proof: Proof,
    challenge_file: Annotated[Path, typer.Argument(metavar="CHALLENGE", help="Your own copy of the challenge.")],
    answer: Annotated[Path, typer.Argument(help="What the list body answered.")],
    root: Annotated[Path, typer.Argument(help="The trusted root.json of the list.")],
    *,
    log_key: LogKey,
    witness_key: WitnessKey,
) -> None:
    """Check that every entry drawn was committed, has two persons' valid signatures and a category."""
    with told_errors():
        held = open_log_proof(proof.read_text(), NoteKey.parse(log_key), [NoteKey.parse(key) for key in witness_key])
        drawn = Challenge.parse(challenge_file.read_text())
        report = audit_answer(held, drawn, answer.read_text(), root.read_bytes())
    commitment = held[0]
    rows = [
        ("edition", str(commitment.version)),
        ("entries in force", str(commitment.names + commitment.urls)),
        ("commitments opened", f"{report.opened} of {commitment.leaves}"),
        *((f"category {name}", str(count)) for name, count in sorted(report.categories.items())),
        ("removed since the base", str(report.removed)),
    ]
    _tell(rows, report.faults)


def _tell(rows: Sequence[tuple[str, str]], faults: Sequence[str]) -> None:
    table = Table(show_header=False)
    for row in rows:
        table.add_row(*row)
    console = Console()
    console.print(table)
    for fault in faults:
        console.print(f"FAILED: {fault}", style="red", markup=False, highlight=False, soft_wrap=True)
    if faults:
        raise typer.Exit(FAILED)
    console.print("OK", style="green")
