"""`mamori scan`: the command line of a scan, of reading its files and of reporting what it found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from mamori.engine.limits import Limits
from mamori.tools.errors import told_errors
from mamori.tools.scan.purpose import DataClass

INTERRUPTED = 130
_MOST = Limits()


class Scanning(TyperGroup):
    """`mamori scan PATH …` is `mamori scan run PATH …`; a folder named like a command is written ./read."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or args[0] not in self.commands:
            args = ["run", *(args or ["--help"])]
        return super().parse_args(ctx, args)


app = typer.Typer(cls=Scanning, help="Examine files for known images, read what was found, report it.")
err = Console(stderr=True)

TokenFile = Annotated[
    Path | None, typer.Option(help="File with the partner API's token; else it is read from MAMORI_TOKEN.")
]
Ca = Annotated[Path | None, typer.Option(help="Certificates (PEM) that the partner API's certificate is checked with.")]
Identity = Annotated[Path | None, typer.Option(help="age identity that opens encrypted output files.")]


@app.command("run", epilog="Other commands: mamori scan read FILE, mamori scan report FILE LINE (each with --help).")
def run_command(  # noqa: PLR0917 - options of a command
    paths: Annotated[
        list[str], typer.Argument(help="Directories, files, archives, @list.txt, or addresses like s3://bucket/.")
    ],
    bank: Annotated[str, typer.Option(help="File or saved index of fingerprints, or the address of a partner API.")],
    out: Annotated[Path, typer.Option(help="Where matches go, as JSON lines; its journal stands beside it.")],
    data_class: Annotated[DataClass | None, typer.Option(help="Whose data this is: who could see it.")] = None,
    purpose: Annotated[str, typer.Option(help="Why this scan is done; recorded with it.")] = "",
    legal_basis: Annotated[str, typer.Option(help="Law or decision that allows it; needed for private messages.")] = "",
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; one for each processor unless given.")] = None,
    ray: Annotated[str | None, typer.Option(help='Address of a Ray cluster to run on, or "auto".')] = None,
    encrypt_to: Annotated[list[str] | None, typer.Option(help="age recipient of the output; may be repeated.")] = None,
    summary: Annotated[
        str | None, typer.Option(help="Write the summary as JSON to this file; - for the screen.")
    ] = None,
    bank_algorithm: Annotated[str, typer.Option(help="What 64 bare digits in a bank are: pdq or sha256.")] = "",
    profile: Annotated[str, typer.Option(help="Whose categories a VICS bank has: us, uk, ca or icse.")] = "us",
    seconds_per_file: Annotated[
        float, typer.Option(min=0.5, help="Processor time one file may take; a video 600.")
    ] = _MOST.seconds,
    file_mib: Annotated[int, typer.Option(min=1, help="Larger pictures are looked up by digest only.")] = (
        _MOST.file_bytes // 2**20
    ),
    memory_mib: Annotated[int, typer.Option(min=128, help="Memory of a process that reads files; for a video 512.")] = (
        _MOST.memory // 2**20
    ),
    token_file: TokenFile = None,
    ca: Ca = None,
) -> None:
    """Examine files for known images. Killed at any moment, the same command goes on where it was.

    Matches are "same" (an equal digest), "similar" (PDQ within 31 bits; of a video, enough of a known video's frames) or
    "frame" (a frame of a video is similar): all but the same must be confirmed by a person before they are reported. No
    picture is kept or shown.
    """
    with told_errors():
        from mamori.tools.scan import session  # noqa: PLC0415 - with all it needs; other commands start without

        if summary and summary != "-":
            session.require_folder(Path(summary))
        stated = session.ask_purpose(data_class, purpose, legal_basis)
        limits = replace(_MOST, file_bytes=file_mib * 2**20, memory=memory_mib * 2**20, seconds=seconds_per_file)
        known = session.find_bank(bank, bank_algorithm, profile, token_file, ca)
        try:
            told = session.scan(
                paths,
                bank=known,
                out=out,
                purpose=stated,
                limits=limits,
                workers=workers,
                ray=ray,
                encrypt_to=encrypt_to or [],
            )
        except KeyboardInterrupt as error:
            err.print("interrupted: the same command goes on where it was", highlight=False)
            raise typer.Exit(INTERRUPTED) from error
        session.show(told, summary)


@app.command("read")
def read_command(
    file: Annotated[Path, typer.Argument(help="An output file of a scan.")], identity: Identity = None
) -> None:
    """Print the lines of an output file, decrypted where it is encrypted."""
    with told_errors():
        from mamori.tools.scan.outputs import read_lines  # noqa: PLC0415

        for line in read_lines(file, identity):
            typer.echo(line)


@app.command("report")
def report_command(  # noqa: PLR0917 - options of a command
    file: Annotated[Path, typer.Argument(help="Matches of a scan that asked the partner API.")],
    line: Annotated[int, typer.Argument(min=1, help="Number of the match, as `mamori scan read` counts lines.")],
    api: Annotated[str, typer.Option(help="Address of the partner API.")],
    address: Annotated[list[str], typer.Option(help="Where the file is on your service; may be repeated.")],
    confirmed_by_person: Annotated[  # noqa: FBT002 - an option
        bool, typer.Option(help="Somebody of yours looked at it and agrees: needed where it is only similar.")
    ] = False,
    comment: Annotated[str, typer.Option(help="A word to the hotline.")] = "",
    identity: Identity = None,
    token_file: TokenFile = None,
    ca: Ca = None,
) -> None:
    """Report a match to the hotline: one call, safe to repeat.

    Sent are the addresses, the entry's number, the kind of match, whether a person agrees, the comment, and of the same
    file the digest that shows it.
    """
    with told_errors():
        from mamori.tools.scan import session  # noqa: PLC0415

        answer = session.report(
            file,
            line,
            api=session.partner(api, token_file, ca),
            addresses=address,
            by_person=confirmed_by_person,
            comment=comment,
            identity=identity,
        )
    for each in answer.get("accepted", []):
        typer.echo(f"accepted: {address[each['index']]} as report {each['report_id']}")
    for each in answer.get("refused", []):
        typer.echo(f"refused: {address[each['index']]}: {each['message']}", err=True)
    if answer.get("refused"):
        raise typer.Exit(1)
