"""`mamori trial`: hold the blocking trial, and show and write what came out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, cast, get_args

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from mamori.tools.errors import told_errors
from mamori.tools.progress import progress_bar
from mamori.tools.trial.machine import machine
from mamori.tools.trial.network import TrialError, apart, last_line, search_path
from mamori.tools.trial.report import browser, cpu_ms, page, print_pdf
from mamori.tools.trial.web import Size

CONTROLS = {
    "dns-ungated": "DNS with names no gate judged",
    "dns-unknown-platforms": "Platforms unknown to every list",
}


def hold(size: Size, seed: int, told: Callable[[int, int], None]) -> dict[str, Any]:
    """Hold the trial in namespaces of its own and give its result. TrialError when it cannot be held."""
    command = [*apart(), sys.executable, "-m", "mamori.tools.trial.run", size, str(seed)]
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env={**os.environ, "PATH": search_path()}
        ) as running,
    ):
        assert running.stdout
        last: dict[str, Any] = {}
        try:
            for line in running.stdout:
                last = json.loads(line)
                if "done" in last:
                    told(last["done"], last["total"])
        except BaseException:
            running.kill()  # and with it everything in the namespaces
            raise
        running.wait()
        errors.seek(0)
        if "result" in last:
            return cast("dict[str, Any]", last["result"]) | {"machine": machine()}
        raise TrialError(last.get("error") or f"the trial broke off: {last_line(errors.read())}")


def trial(
    *,
    size: Annotated[str, typer.Option(help="small (120 hosts) or full (10,000 hosts).")] = "small",
    json_file: Annotated[Path | None, typer.Option("--json", help="Where the figures go; - for the screen.")] = None,
    report: Annotated[Path | None, typer.Option(help="Where the report goes: HTML in Japanese and English.")] = None,
    pdf: Annotated[Path | None, typer.Option(help="The same report as PDF (printed by Chromium).")] = None,
    seed: Annotated[int, typer.Option(help="The synthetic web is drawn from it.")] = 1,
) -> None:
    """Try methods of blocking against each other on a synthetic web: over- and under-blocking, latency, cost, seconds."""
    with told_errors():
        if size not in get_args(Size):
            raise TrialError(f"--size is one of {', '.join(get_args(Size))}")
        for file in (json_file, report, pdf):
            if file and not file.parent.is_dir():
                raise TrialError(f"{file}: there is no such folder")
        if pdf:
            browser()
        with progress_bar("Holding the trial") as progress:
            result = hold(cast("Size", size), seed, progress)
        text = json.dumps(result, indent=2) + "\n"
        if str(json_file) == "-":
            typer.echo(text, nl=False)
        else:
            show(result)
            if json_file:
                json_file.write_text(text, encoding="utf-8")
        if report:
            report.write_text(page(result), encoding="utf-8")
        if pdf:
            print_pdf(page(result), pdf)


def show(result: Mapping[str, Any]) -> None:
    """The figures as two tables that fit on 80 columns."""
    arms: Mapping[str, Mapping[str, Any]] = result["arms"]
    console = Console()
    console.print(f"Blocking trial: {result['size']}, seed {result['seed']}\n", style="bold", highlight=False)
    _table(
        console,
        ("method", "over-blocked", "lawful hosts", "under-blocked", "fetches"),
        [
            (
                name,
                f"{arm['over_blocking']:.2%}",
                f"{arm['lawful_hosts_refused']} of {arm['lawful_hosts']}",
                f"{arm['under_blocking']:.2%}",
                f"{arm['unlawful_reached']} of {arm['unlawful_fetches']}",
            )
            for name, arm in arms.items()
        ],
    )
    _table(
        console,
        ("method", "+p50 ms", "+p95 ms", "effect s", "lift s", "CPU ms", "plain", "MiB", "plain"),
        [
            (
                name,
                *(f"{arm[key]:+.2f}" for key in ("latency_p50_ms", "latency_p95_ms")),
                *(f"{arm[key]:.3f}" for key in ("effect_s", "lift_s")),
                *(f"{each:.2f}" for each in cpu_ms(arm)),
                *(f"{arm[key]:.0f}" for key in ("rss_mb", "rss_without_mb")),
            )
            for name, arm in arms.items()
        ],
    )
    for name, control in result["control"].items():
        hit, hosts = control["lawful_hosts_refused"], control["lawful_hosts"]
        console.print(f"{CONTROLS[name]}: {hit} of {hosts} lawful hosts over-blocked.", highlight=False)
    console.print("+p50, +p95: latency with the method less without, fetches side by side.", highlight=False)
    console.print("CPU ms, MiB: the provider's programs, per fetch; plain: without the method.", highlight=False)


def _table(console: Console, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for at, head in enumerate(heads):
        table.add_column(head, justify="right" if at else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console.print(table)
