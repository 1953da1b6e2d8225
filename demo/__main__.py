"""`make demo`: bring everything up on loopback, run the main job through the front doors, keep serving."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from demo import programs
from demo.engines import engine_versions
from demo.everything import bring_up
from demo.known_images import KnownImages
from demo.main_job import MainJob
from demo.notebook import Notebook
from demo.people import PASSWORD, PEOPLE, person
from demo.platform import Platform, Ports
from demo.processes import WorldError
from demo.reports import not_reported, read_reports
from demo.timeline import Timeline
from demo.visitor import Visitor
from demo.world import World

BASE = Path(__file__).resolve().parent.parent / "var" / "demo"
TIMELINE = "timeline.json"
PORTS = "ports.json"
console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="end when the main job is done")
    parser.add_argument(
        "--reports", type=Path, help="CSV with the columns url,seen_at,comment; names under .example only"
    )
    parser.add_argument(
        "--port",
        type=int,
        default=Ports.public,
        help="of the public face; the others stand beside it (default %(default)s)",
    )
    parser.add_argument("--world-port", type=int, help="first of the world around (default: --port and 500)")
    parser.add_argument("--folder", type=Path, default=BASE, help="where everything is kept (default var/demo)")
    parser.add_argument(
        "--code", metavar="LOGIN", help="only print the present six digits of a demo person's second factor"
    )
    options = parser.parse_args()
    if options.code:
        print(person(options.code.partition("@")[0]).code(time.time()))
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        reports = read_reports(options.reports) if options.reports else None
        return run(
            once=options.once,
            reports=reports,
            first=options.port,
            world_port=options.world_port or options.port + 500,
            base=options.folder.resolve(),
        )
    except WorldError as error:
        console.print(f"[bold red]The demo stopped:[/] {error}", markup=True)
        if Notebook.left_in(options.folder.resolve()) is not None:
            console.print(f"The next start goes on from there; to begin anew, remove {options.folder}.")
        return 1
    except KeyboardInterrupt:
        console.print(f"Stopped. Everything is kept in {options.folder}; the next start goes on from there.")
        return 130 if options.once else 0


def run(*, once: bool, reports: list[dict[str, str]] | None, first: int, world_port: int, base: Path) -> int:
    """Bring up, run the job where it is asked for or has not run yet, serve. Returns the exit code.

    Ports: `first` and the three after it for Mamori, from `world_port` on for the world around it.
    """
    _resolvers()
    ports = {"--port": first, "--world-port": world_port}
    _require_ports(base / PORTS, ports)
    with ExitStack() as stack:
        everything = bring_up(
            base,
            stack,
            database_url=os.environ.get("DATABASE_URL"),
            ports=Ports(first, first + 1, first + 2, first + 3),
            world_port=world_port,
            step=_step,
        )
        platform, world = everything.platform, everything.world
        (base / PORTS).write_text(json.dumps(ports))
        _work(platform, world, once=once, reports=reports)
        if once:
            return 0
        _welcome(platform)
        while all(program.running() for program in platform.programs):
            time.sleep(0.5)
        ended = next(program for program in platform.programs if not program.running())
        raise WorldError(f"{ended.name} ended: {ended.tail()}")


def _require_ports(file: Path, asked: dict[str, int]) -> None:
    """What was once seeded stands in rows and configurations: a folder keeps its ports. WorldError for others."""
    kept = json.loads(file.read_text()) if file.exists() else asked
    if kept != asked:
        was = " ".join(f"{option} {port}" for option, port in kept.items())
        raise WorldError(f"{file.parent} was made with {was}: start it with these, or give another --folder")


def _work(platform: Platform, world: World, *, once: bool, reports: list[dict[str, str]] | None) -> None:
    """Run what is asked for and what an earlier start did not end; nothing where all of it is there."""
    visitors: dict[str, Visitor] = {}
    left = Notebook.left_in(platform.base)
    earlier = Timeline.read(platform.base / TIMELINE)
    if left is not None:
        console.print(f"An earlier run was interrupted: it goes on with its reports ({len(left.rows)}).")
        visitors = _main_job(platform, world, left.rows, left)
    if reports is not None:
        fresh = not_reported(reports, platform.postgres.owner_dsn())
        console.print(f"Reports of the file: {len(reports)}; reported before: {len(reports) - len(fresh)}.")
        if fresh:
            visitors = _main_job(platform, world, fresh)
        elif left is None and earlier is not None:
            console.print("Nothing is new in the file. The table of the earlier run:")
            earlier.show(console)
    elif left is None and (once or earlier is None or earlier.missing()):
        visitors = _main_job(platform, world, None)
    if visitors or not KnownImages.ran_in(platform.base):
        known = KnownImages(platform, world, console, visitors)
        try:
            known.run()
        finally:
            known.show()


def _main_job(
    platform: Platform, world: World, rows: list[dict[str, str]] | None, left: Notebook | None = None
) -> dict[str, Visitor]:
    """The main job and its timeline. Returns the people who are logged in."""
    timeline = Timeline(engine_versions() if world.dns else [])
    job = MainJob(platform, world, timeline, console, rows, left)
    try:
        job.run()
    finally:
        timeline.write(platform.base / TIMELINE)
        timeline.show(console)
    if missing := timeline.missing():
        raise WorldError(f"stations not reached: {', '.join(missing)}")
    return job.visitors


def _resolvers() -> None:
    missing = programs.missing(programs.RESOLVERS)
    if not missing:
        return
    if not programs.may_install():
        console.print(
            f"Not installed: {', '.join(missing)}. The demo runs without resolvers; to see real blocking:"
            f" apt-get install --no-install-recommends {' '.join(missing)}"
        )
        return
    with _step("resolvers"):
        try:
            programs.install(missing, say=console.print)
        except WorldError as error:
            console.print(f"{error}. The demo goes on without them.")


@contextmanager
def _step(what: str) -> Iterator[None]:
    """A line for each step, with its seconds."""
    console.print(f"· {what} …", end="\r" if console.is_terminal else "\n")
    begun = time.monotonic()
    yield
    console.print(f"· {what}: {time.monotonic() - begun:.1f} s")


def _welcome(platform: Platform) -> None:
    console.print()
    console.print(f"[bold]Public face[/]   {platform.url('public')}/ja/   (and /en/)")
    console.print(f"[bold]Staff face[/]    {platform.url('staff')}/")
    console.print(f"[bold]Partner API[/]   {platform.url('partner')}/api/v1/openapi.json")
    table = Table("log-in", "role", "organisation", "authenticator key", title=f"Demo log-ins, password: {PASSWORD}")
    for each in PEOPLE:
        table.add_row(each.email, each.role, each.organisation, each.secret)
    console.print(table)
    console.print("The six digits of now:  .venv/bin/python -m demo --code aoki     Stop with Ctrl-C.")


if __name__ == "__main__":
    sys.exit(main())
