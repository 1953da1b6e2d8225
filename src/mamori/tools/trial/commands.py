"""`mamori trial`: hold the blocking trial, and show and write what came out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, cast, get_args

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from mamori.tools.trial.network import TrialError, apart, search_path
from mamori.tools.trial.report import page, print_pdf
from mamori.tools.trial.web import Size

USAGE = 2


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
            running.terminate()
            raise
        running.wait()
        errors.seek(0)
        if "result" in last:
            return cast("dict[str, Any]", last["result"])
        raise TrialError(last.get("error") or f"the trial broke off: {errors.read().strip()[-2000:]}")


def trial(
    *,
    size: Annotated[str, typer.Option(help="small (150 hosts) or full (10,000 hosts).")] = "small",
    json_file: Annotated[Path | None, typer.Option("--json", help="Where the figures go; - for the screen.")] = None,
    html: Annotated[Path | None, typer.Option(help="Where the report goes, in Japanese and English.")] = None,
    pdf: Annotated[Path | None, typer.Option(help="The same report as PDF (printed by Chromium).")] = None,
    seed: Annotated[int, typer.Option(help="The synthetic web is drawn from it.")] = 1,
) -> None:
    """Try methods of blocking against each other on a synthetic web: over- and under-blocking, latency, cost, seconds."""
    try:
        if size not in get_args(Size):
            raise TrialError(f"--size is one of {', '.join(get_args(Size))}")
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("Holding the trial", total=None)
            result = hold(cast("Size", size), seed, lambda done, total: bar.update(task, completed=done, total=total))
        text = json.dumps(result, indent=2) + "\n"
        if str(json_file) == "-":
            typer.echo(text, nl=False)
        else:
            show(result)
            if json_file:
                json_file.write_text(text, encoding="utf-8")
        if html:
            html.write_text(page(result), encoding="utf-8")
        if pdf:
            print_pdf(page(result), pdf)
    except (TrialError, OSError) as error:
        Console(stderr=True).print(f"mamori: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(USAGE) from error


def show(result: dict[str, Any]) -> None:
    """The figures as a table."""
    table = Table(title=f"Blocking trial: {result['size']}, seed {result['seed']}", title_justify="left")
    table.add_column("method", style="bold")
    for head in ("over-blocked", "under-blocked", "added ms p50", "p95", "effect s", "lift s", "CPU s", "MiB"):
        table.add_column(head, justify="right")
    for name, arm in result["arms"].items():
        table.add_row(
            name,
            f"{100 * arm['over_blocking']:.2f} % ({arm['lawful_refused']}/{arm['lawful_fetches']})",
            f"{100 * arm['under_blocking']:.2f} % ({arm['unlawful_reached']}/{arm['unlawful_fetches']})",
            *(f"{arm[key]:+.1f}" if arm[key] is not None else "–" for key in ("latency_p50_ms", "latency_p95_ms")),
            *(f"{arm[key]:.3f}" for key in ("effect_s", "lift_s")),
            *(f"{arm[key]:.1f} ({arm[without]:.1f})" for key, without in _COSTS),
        )
    console = Console()
    console.print(table)
    console.print("In brackets: fetches, and what the same took without the method in the same run.")


_COSTS = (("cpu_s", "cpu_without_s"), ("rss_mb", "rss_without_mb"))
