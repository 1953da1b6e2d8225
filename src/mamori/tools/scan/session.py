"""One run of a command of `mamori scan`: from what was asked to what is shown. Loaded only when one is run."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from mamori.engine.limits import Limits
from mamori.tools.scan.bankfiles import VICS_ILLEGAL
from mamori.tools.scan.matches import Bank
from mamori.tools.scan.on_ray import Cluster
from mamori.tools.scan.outputs import Outputs, Totals, read_lines, recipients_of, write_private
from mamori.tools.scan.partner import PartnerApi, PartnerBank, is_partner, read_token, report_match
from mamori.tools.scan.pool import Pool
from mamori.tools.scan.purpose import DataClass, Purpose, ScanError
from mamori.tools.scan.run import Plan, Seen, moment, run
from mamori.tools.scan.sources import read_roots

err = Console(stderr=True)
LINE_SECONDS = 60.0
_ONLY = {"similar": "similar", "frame": "of a frame of the video"}


def scan(
    paths: Sequence[str],
    *,
    bank: Bank,
    out: Path,
    purpose: Purpose,
    limits: Limits,
    workers: int | None = None,
    ray: str | None = None,
    encrypt_to: Sequence[str] = (),
) -> dict[str, Any]:
    """Scan, or go on where the same scan ended. Returns the summary. ScanError; KeyboardInterrupt when stopped."""
    recipients = recipients_of(encrypt_to)
    require_folder(out)
    plan = Plan(read_roots(paths), bank, purpose, limits, encrypt_to)
    begun = moment()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with Outputs(out, plan.told(), begun_at=begun, recipients=recipients) as outputs:
        if outputs.resumed:
            err.print(f"going on: {outputs.totals.examined} files were examined before", highlight=False)
        here = Cluster(ray, limits, workers) if ray else Pool(workers or _processors(), limits)
        with _bar() as watch, here:
            totals = run(plan, outputs, here.examine, watch)
        told = _summary(plan, outputs, totals, begun)
        outputs.finish(told)
    return told


def require_folder(path: Path) -> None:
    """ScanError where a file cannot be written because its folder is not there."""
    if not path.absolute().parent.is_dir():
        raise ScanError(f"there is no folder {path.parent}: make it before {path.name} is written")


def show(told: dict[str, Any], place: str | None) -> None:
    """The summary as a table, and as JSON in a file; or on the screen as JSON only."""
    text = json.dumps(told, indent=1)
    if place == "-":
        typer.echo(text)
        return
    if place:
        write_private(Path(place), f"{text}\n")
    Console().print(_table(told))


def report(
    file: Path,
    line: int,
    *,
    api: PartnerApi,
    addresses: Sequence[str],
    by_person: bool,
    comment: str,
    identity: Path | None,
) -> dict[str, Any]:
    """Report the match on that line. ScanError where it is only similar and no person confirmed it."""
    match = _match(file, line, identity, api.base)
    if match["match"] != "same" and not by_person:
        raise ScanError(
            f"this match is only {_ONLY[match['match']]}: once a person has looked at the file and agrees, add --confirmed-by-person"
        )
    return report_match(
        api,
        entry=int(match["entry"]),
        kind="same" if match["match"] == "same" else "similar",
        addresses=addresses,
        by_person=by_person,
        comment=comment,
        digest=next((match[name] for name in match.get("algorithms", ()) if name in match), ""),
    )


def partner(url: str, token_file: Path | None, ca: Path | None) -> PartnerApi:
    """The partner API, with the token of a file or of the environment."""
    return PartnerApi(url, read_token(token_file, dict(os.environ)), ca=ca, say=_say)


def _match(file: Path, number: int, identity: Path | None, bank: str) -> dict[str, Any]:
    for at, text in enumerate(read_lines(file, identity), 1):
        if at == number:
            told = json.loads(text)
            if not isinstance(told, dict) or told.get("match") not in {"same", *_ONLY}:
                raise ScanError(f"line {number} of {file} is no match of a scan")
            if told.get("bank") != bank or not str(told.get("entry")).isdigit():
                found = told.get("bank", "of an older scan")
                raise ScanError(
                    f"line {number} of {file} was found with the bank {found}: its entry is not one of {bank}; scan the "
                    f"file with --bank {bank.removesuffix('/api/v1')} and report what that finds"
                )
            return told
    raise ScanError(f"{file} has no line {number}")


def ask_purpose(data_class: DataClass | None, text: str, legal_basis: str) -> Purpose:
    """As given; what is missing is asked for at a terminal. ScanError where nobody can be asked."""
    asking = sys.stdin.isatty()
    if data_class is None:
        classes = ", ".join(DataClass)
        if not asking:
            raise ScanError(f"state whose data is examined: --data-class, one of {classes}")
        data_class = DataClass(typer.prompt(f"Whose data is examined ({classes})", err=True).strip())
    if not text and asking:
        text = typer.prompt("Purpose of this scan", err=True)
    if data_class is DataClass.PRIVATE_MESSAGES and not legal_basis and asking:
        legal_basis = typer.prompt("Legal basis for examining private messages", err=True)
    return Purpose(data_class, text, legal_basis)


def find_bank(text: str, algorithm: str, profile: str, token_file: Path | None, ca: Path | None) -> Bank:
    """A file, a saved index, or a partner API. Records of a file that are left out are named."""
    if algorithm not in {"", "pdq", "sha256"}:
        raise ScanError("--bank-algorithm is pdq or sha256")
    if profile not in VICS_ILLEGAL:
        raise ScanError(f"--profile is one of {', '.join(VICS_ILLEGAL)}")
    if is_partner(text):
        return PartnerBank(partner(text, token_file, ca))
    from mamori.engine.matching import warm_up  # noqa: PLC0415 - compiled look-ups are loaded where they are needed
    from mamori.tools.scan.banks import open_bank  # noqa: PLC0415

    warm_up(_say)
    known = open_bank(text, sixty_four=algorithm, profile=profile)
    bad = getattr(known, "bad", [])
    for each in bad[:5]:
        err.print(f"left out of the bank: {each}", style="yellow", markup=False, highlight=False)
    if len(bad) > 5:
        err.print(f"and {len(bad) - 5} more", style="yellow", highlight=False)
    return known


def _say(words: str) -> None:
    err.print(words, style="yellow", markup=False, highlight=False, soft_wrap=True)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Lines:
    """Tells how far a scan is in lines, for logs."""

    def __init__(self, say: Callable[[str], None], every: float = LINE_SECONDS) -> None:
        self._say, self._every = say, every
        self._begun = self._last = time.monotonic()
        self._before: int | None = None  # items that an earlier run had finished

    def __call__(self, seen: Seen) -> None:
        now = time.monotonic()
        if self._before is None:
            self._before, self._begun = seen.items, now
        if now - self._last < self._every:
            return
        self._last = now
        rate = (seen.items - self._before) / max(now - self._begun, 0.001)
        whole = f" of {seen.of:,}" if seen.of is not None else ""
        left = f", {timedelta(seconds=round((seen.of - seen.items) / rate))} left" if seen.of and rate else ""
        found = f"{seen.totals.matched:,} matched, {seen.totals.unreadable:,} unreadable"
        self._say(f"scan: {seen.items:,}{whole} files, {rate:,.0f} files/s{left}, {found}")


@contextmanager
def _bar() -> Iterator[Any]:
    """A bar with rate and time left on standard error, or a line each minute where that is no terminal.

    Gives what hears of each commit.
    """
    if not err.is_terminal:
        yield Lines(_say)
        return
    columns = (
        TextColumn("scan"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[found]}"),
    )
    with Progress(*columns, console=err, transient=True) as bar:
        task: TaskID = bar.add_task("", total=None, rate="", found="")

        def watch(seen: Seen) -> None:
            speed = bar.tasks[0].speed
            rate = f"{speed:,.0f} files/s" if speed else ""
            found = f"{seen.totals.matched} matched, {seen.totals.unreadable} unreadable"
            bar.update(task, completed=seen.items, total=seen.of, rate=rate, found=found)

        yield watch


def _summary(plan: Plan, outputs: Outputs, totals: Totals, begun: str) -> dict[str, Any]:
    return {
        **asdict(totals),
        "resumed": outputs.resumed,
        "begun_at": begun,
        "ended_at": moment(),
        "bank": plan.bank.describe(),
        **plan.purpose.told(),
        "matches_file": str(outputs.out),
        "unreadable_file": str(outputs.unreadable),
    }


def _table(told: dict[str, Any]) -> Table:
    table = Table(title="Scan", show_header=False, title_justify="left")
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    table.add_row("examined", f"{told['examined']:,}")
    table.add_row(
        "matched",
        f"{told['matched']:,} ({told['same']:,} same, {told['similar']:,} similar, {told['frame']:,} a frame)",
    )
    table.add_row(
        "unreadable", f"{told['unreadable']:,}" + (f", see {told['unreadable_file']}" * bool(told["unreadable"]))
    )
    table.add_row("bytes", f"{told['bytes']:,}")
    table.add_row("seconds", f"{told['seconds']:,.1f}")
    table.add_row("purpose", f"{told['text']} ({told['data_class']})")
    if told["similar"] or told["frame"]:
        table.add_row("to do", "a person confirms each match that is not the same before it is reported")
    return table
