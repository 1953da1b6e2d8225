"""Commands of this room for the command line."""

import os
from pathlib import Path

import typer

from mamori.lists.openness.services import challenge_answer, proof_of
from mamori.tools.progress import progress_bar


def write_proof(version: int, out: Path) -> None:
    """Write the file that shows an edition in the log. It tells the counts of the edition: for subscribers and auditors."""
    _write(out, proof_of(version))
    typer.echo(f"edition {version} in the log: {out}")


def write_answer(challenge: Path, out: Path) -> None:
    """Answer an auditor's challenge."""
    text = challenge.read_text(errors="replace")
    with progress_bar("Reading the edition") as progress:
        answer = challenge_answer(text, progress)
    _write(out, answer)
    typer.echo(f"answer for the auditor, and nobody else: {out}")


def _write(out: Path, text: str) -> None:
    with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
