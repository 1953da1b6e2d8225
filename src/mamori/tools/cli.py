"""The `mamori` commands that need no platform. Exit codes: 0 ok, 1 verification failed, 2 cannot be done as asked."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from mamori.engine import keys as engine_keys
from mamori.engine import seals
from mamori.engine.editions import LAST_RING, EditionRefused
from mamori.engine.editions.transferred import Policy
from mamori.engine.evidence import EvidenceError
from mamori.engine.transparency.audit import LogReport
from mamori.engine.transparency.note import COSIGNATURE, ED25519, NoteError, NoteKey, check_name, encode_base64
from mamori.tools.audit_verify import verify_export
from mamori.tools.errors import FAILED, USAGE, told_errors
from mamori.tools.evidence import verify_evidence_file
from mamori.tools.fetching import Fetched, PullError
from mamori.tools.guard import Guard, Side, ZoneRefused
from mamori.tools.longpoll import long_poll
from mamori.tools.openness import app as openness
from mamori.tools.progress import progress_bar
from mamori.tools.pull import RPZ, Zone, in_force, lapse, pull, reload
from mamori.tools.receipt import verify_receipt_file
from mamori.tools.scan.commands import Ca, TokenFile
from mamori.tools.scan.commands import app as scan
from mamori.tools.scan.partner import PartnerApi, read_token
from mamori.tools.transfers import Primary
from mamori.tools.trial.commands import trial
from mamori.tools.viewed import Views, ViewSplit, settle
from mamori.tools.witness import Witness, WitnessError, WitnessServer, set_up

LAPSED = 3

app = typer.Typer(name="mamori", no_args_is_help=True, help="Mamori's tools.", pretty_exceptions_enable=False)
witness = typer.Typer(no_args_is_help=True, help="Run a witness that cosigns checkpoints of audit logs.")
receipt = typer.Typer(no_args_is_help=True, help="Signed receipts of reports.")
audit = typer.Typer(no_args_is_help=True, help="The audit log.")
keys = typer.Typer(no_args_is_help=True, help="Keys in files: Ed25519 for signatures, X25519 for sealed text.")
evidence = typer.Typer(no_args_is_help=True, help="Signed evidence bundles.")
lists = typer.Typer(no_args_is_help=True, help="The address list: signed editions, and whose keys count for it.")
app.add_typer(witness, name="witness")
app.add_typer(lists, name="list")
app.add_typer(receipt, name="receipt")
app.add_typer(evidence, name="evidence")
app.add_typer(audit, name="audit")
app.add_typer(keys, name="keys")
app.add_typer(scan, name="scan")
app.add_typer(openness, name="openness")
app.command("trial")(trial)
lists.command("long-poll")(long_poll)

Ring = Annotated[
    int, typer.Option(min=0, max=LAST_RING, help="Your ring: earlier ones get an addition before all others.")
]
LogKey = Annotated[
    str | None,
    typer.Option(help="Verifier key of the list body's log: each edition is held against it; needs --witness-key."),
]
WitnessKey = Annotated[
    list[str] | None, typer.Option(help="Verifier key of a witness of that log you trust; may be repeated.")
]
ProofHours = Annotated[
    float, typer.Option(min=0, help="An edition that is not shown in the log after so many hours is an ALARM.")
]
KeyName = Annotated[str, typer.Option("--name", help="Name of the key in signed notes, like hotline.example/receipts.")]


@app.callback()
def main() -> None:
    """Keep sub-commands even where only one is mounted."""


def usage_errors() -> AbstractContextManager[None]:
    """As `told_errors`, for keys and the witness too."""
    return told_errors(engine_keys.KeyFileError, WitnessError)


def wall_clock() -> int:
    """POSIX seconds: what a witness, being a machine of its own, puts under its cosignatures."""
    return int(time.time())  # noqa: TID251


@witness.command("init")
def witness_init(
    folder: Annotated[Path, typer.Argument(help="Folder of the witness: its key and all it cosigned.")],
    name: Annotated[str, typer.Option(help="Name of the witness, like witness.example/w1.")],
    log: Annotated[list[str] | None, typer.Option(help="Verifier key of a log to watch; may be repeated.")] = None,
) -> None:
    """Create a witness, or let an existing one watch further logs. Prints its verifier key."""
    with usage_errors():
        typer.echo(set_up(folder, name, log or []).vkey)


@witness.command("serve")
def witness_serve(
    folder: Path,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8004,
) -> None:
    """Serve add-checkpoint and checkpoints over HTTP until interrupted."""
    with usage_errors():
        served = Witness(folder, wall_clock)
        server = WitnessServer((host, port), served)
    typer.echo(f"witness {served.key.vkey} on http://{host}:{server.server_port}/")
    sys.stdout.flush()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
        served.close()


@lists.command("pull")
def list_pull(  # noqa: PLR0917 - options of a command
    partner: Annotated[str, typer.Argument(help="Address of the partner API, like https://api.hotline.example.")],
    folder: Annotated[Path, typer.Argument(help="Folder the files are written to.")],
    root: Annotated[Path, typer.Option(help="The trusted root (root.json) the list body handed over.")],
    formats: Annotated[list[str], typer.Option("--format", help=f"{RPZ}, hosts.txt, …; may be repeated.")],
    zone: Annotated[str, typer.Option(help=f"Name of the zone in {RPZ}.")] = "nx.list",
    stop_host: Annotated[str | None, typer.Option(help=f"Host of the stop page in {RPZ}; else: no such name.")] = None,
    reload_command: Annotated[
        str | None, typer.Option("--reload", help="Command, run without a shell, after files changed.")
    ] = None,
    canary: Annotated[
        str | None, typer.Option(help="The list body's canary name, put into each file of names.")
    ] = None,
    lapse_days: Annotated[
        float, typer.Option(min=0, help="The files are emptied, with an alarm, so long after their signatures ended.")
    ] = 14,
    ring: Ring = LAST_RING,
    log_key: LogKey = None,
    witness_key: WitnessKey = None,
    proof_hours: ProofHours = 48,
    token_file: TokenFile = None,
    ca: Ca = None,
) -> None:
    """Fetch the signed list, verify it, and write it in the formats asked for. On any fault the last good one stays.

    With --log-key and --witness-key each edition is held against the log: an ALARM when others were given another list.
    Exit codes: 0 in force, 1 refused, 2 not done, 3 ALARM: too old, emptied.
    """
    try:
        with ExitStack() as after, usage_errors():
            api = PartnerApi(partner, read_token(token_file, dict(os.environ)), ca=ca)
            views = Views.of(folder / ".edition", log_key, witness_key or [], proof_hours, wall_clock)
            if views:
                after.enter_context(_looked_at(views, api))
            with progress_bar("Fetching and judging the list") as progress:
                try:
                    got = pull(
                        api,
                        folder,
                        root.read_bytes(),
                        formats,
                        zone=Zone(zone, stop_host, canary),
                        progress=progress,
                        ring=ring,
                        admit=views.admit if views else _admit_all,
                    )
                except (EditionRefused, ViewSplit) as error:
                    Console(stderr=True).print(f"REFUSED: {error}", style="red", markup=False, soft_wrap=True)
                    raise typer.Exit(FAILED) from error
            typer.echo(
                f"edition {got.edition}: {got.names} names, {got.urls} pages, signed until {got.expires:%Y-%m-%d %H:%M} UTC"
            )
            typer.echo(f"written: {', '.join(got.changed) or 'nothing, all is as it was'}")
            for name, count in got.left_out.items():
                if count:
                    typer.echo(f"{name} cannot say {count} entries; they are left out")
            if got.unsigned:
                typer.echo(
                    f"NOT SIGNED BY TWO: under {got.unsigned} entries no two members' signatures stand; they are left out"
                )
            if got.refused:
                typer.echo(f"{got.refused} entries are fit for no format; they are left out")
            if reload_command and reload(folder, reload_command):
                typer.echo("reloaded")
    except typer.Exit:
        last = in_force(folder)
        words = f"edition {last['edition']}, signed until {last['expires']}" if last else "none was fetched yet"
        typer.echo(f"in force here: {words}", err=True)
        now = datetime.fromtimestamp(wall_clock(), UTC)
        with usage_errors():
            if lapse(folder, formats, zone=Zone(zone, stop_host), now=now, days=lapse_days):
                typer.echo(
                    f"ALARM: that is {lapse_days:g} days past its signatures or more: the files were emptied", err=True
                )
                if reload_command:
                    reload(folder, reload_command)
                raise typer.Exit(LAPSED) from None
        raise


@lists.command("guard")
def list_guard(  # noqa: PLR0917 - options of a command
    partner: Annotated[str, typer.Argument(help="Address of the partner API, like https://api.hotline.example.")],
    folder: Annotated[
        Path, typer.Argument(help="Folder the two zone files are written to: ZONE.zone and hot-ZONE.zone.")
    ],
    root: Annotated[Path, typer.Option(help="The trusted root (root.json) the list body handed over.")],
    primary: Annotated[str, typer.Option(help="The list body's primary, address@port.")],
    tsig_file: Annotated[Path, typer.Option(help="File with the name of your TSIG key, a blank, and its secret.")],
    canary: Annotated[str, typer.Option(help="The list body's canary name.")],
    zone: Annotated[str, typer.Option(help="The zone agreed on; hot- before it comes along.")] = "nx.list",
    stop_host: Annotated[str | None, typer.Option(help="Host of the stop page, where the zone leads to it.")] = None,
    side_zone: Annotated[
        str | None, typer.Option(help="Your own zone of canary names, if you were handed one; with --side-domain.")
    ] = None,
    side_domain: Annotated[
        list[str] | None,
        typer.Option(help="Domain of the list body under which all its names must be; may be repeated."),
    ] = None,
    reload_command: Annotated[
        list[str] | None,
        typer.Option("--reload", help="Command that loads a zone, run without a shell; {zone} is its name."),
    ] = None,
    every: Annotated[float, typer.Option(min=0, help="Look again after so many seconds, for ever; 0: once.")] = 0,
    most: Annotated[int, typer.Option(min=1, help="Names that may come or go in one step.")] = 2000,
    accept: Annotated[int, typer.Option(min=0, help="Number of an edition that may change more than that.")] = 0,
    patience: Annotated[
        float, typer.Option(min=0, help="Seconds a zone may differ from the newest edition, while it is on its way.")
    ] = 30,
    lapse_days: Annotated[
        float, typer.Option(min=0, help="The zones are emptied, with an alarm, so long after their signatures ended.")
    ] = 14,
    ring: Ring = LAST_RING,
    log_key: LogKey = None,
    witness_key: WitnessKey = None,
    proof_hours: ProofHours = 48,
    token_file: TokenFile = None,
    ca: Ca = None,
) -> None:
    """Transfer the zones, hold them against the signed edition, and only then hand them to the resolver.

    With --log-key and --witness-key each edition is held against the log: an ALARM when others were given another list.
    Exit codes: 0 in force, 1 refused, 2 not done, 3 ALARM: too old, emptied. Lines with ALARM are for people.
    """
    with usage_errors():
        if bool(side_zone) != bool(side_domain):
            raise ValueError("--side-zone needs --side-domain, and the other way round")
        api = PartnerApi(partner, read_token(token_file, dict(os.environ)), ca=ca)
        views = Views.of(folder / ".guard", log_key, witness_key or [], proof_hours, wall_clock)
        watch = Guard(
            zone.removesuffix("."),
            Policy("stop" if stop_host else "nxdomain", stop_host, canary),
            primary=Primary.of(primary, tsig_file),
            api=api,
            root=root.read_bytes(),
            folder=folder,
            most=most,
            reload=reload_command or [],
            side=Side(side_zone.removesuffix("."), tuple(side_domain or ())) if side_zone else None,
            ring=ring,
            admit=views.admit if views else _admit_all,
        )
        with watch.alone():
            while True:
                code = _guarded(watch, accept, patience, lapse_days)
                if views:
                    code = views.after(code, api, _tell)
                if not every:
                    raise typer.Exit(code)
                sys.stdout.flush()
                time.sleep(every)


@lists.command("settle")
def list_settle(
    folder: Annotated[Path, typer.Argument(help="Folder of the pull or guard that gave the ALARM.")],
    edition: Annotated[int, typer.Argument(min=1, help="Number of the edition of which others were given another.")],
) -> None:
    """Follow the list again after a person cleared up a split view. What shows it stays in the folder."""
    with usage_errors():
        digests = settle(folder, edition)
    typer.echo(f"edition {edition}: settled; the list is followed again. Its digests: {', '.join(digests)}")


def _admit_all(_got: Fetched) -> None:
    """Without the log's key any signed edition is let in."""


def _tell(words: str) -> None:
    Console(stderr=True).print(f"mamori: {words}", style="red", markup=False, highlight=False, soft_wrap=True)


@contextmanager
def _looked_at(views: Views, api: PartnerApi) -> Iterator[None]:
    """However a pull ended, what came is held against the log then."""
    code = 0
    try:
        yield
    except typer.Exit as end:
        code = end.exit_code
    if code := views.after(code, api, _tell):
        raise typer.Exit(code)


def _guarded(watch: Guard, accept: int, patience: float, lapse_days: float) -> int:
    """One look; its exit code."""
    until = time.monotonic() + patience
    try:
        with progress_bar("Fetching and judging the list") as progress:
            while True:
                try:
                    checked = watch.check(progress=progress, accept=accept)
                    break
                except ZoneRefused:
                    if time.monotonic() >= until:
                        raise
                    time.sleep(min(1.0, patience / 10))
        if checked.loaded:
            typer.echo(f"edition {checked.edition} in force, {checked.names} names: {', '.join(checked.loaded)}")
        if side := watch.check_side():
            typer.echo(f"side zone in force: {side}")
        return 0
    except ViewSplit as error:
        _tell(f"REFUSED: {error}")
        code = FAILED
    except (EditionRefused, ZoneRefused) as error:
        _tell(f"ALARM: REFUSED: {error}")
        code = FAILED
    except (PullError, OSError) as error:
        _tell(str(error))
        code = USAGE
    try:
        if watch.lapse(wall_clock(), lapse_days):
            _tell(f"ALARM: the list is {lapse_days:g} days past its signatures or more: the zones were emptied")
            return LAPSED
    except PullError as error:
        _tell(str(error))
    kept = watch.accepted
    _tell(f"edition {kept.edition} stays in force" if kept.edition else "no list is in force yet")
    return code


@receipt.command("verify")
def receipt_verify(
    file: Path,
    key: Annotated[str, typer.Option(help="Verifier key the hotline publishes for its receipts.")],
    opening: Annotated[Path | None, typer.Option(help="Opening file the reporter kept.")] = None,
) -> None:
    """Verify a signed receipt, and with its opening what was reported. Contacts nobody."""
    with usage_errors():
        report = verify_receipt_file(file, NoteKey.parse(key), opening)
    table = _table("Receipt")
    table.add_row("genuine", "yes" if report.signer else "no")
    if report.signer and report.hour:
        table.add_row("issued by", report.signer)
        table.add_row("hour", f"{report.hour:%Y-%m-%d %H:00} UTC")
        opened = {None: "not shown (no opening given)", True: "yes, they are what was reported", False: "no"}
        table.add_row("addresses fit", opened[report.opened])
    _finish(table, [report.reason] if report.reason else [])


@evidence.command("verify")
def evidence_verify(
    file: Path,
    key: Annotated[Path, typer.Option(help="Public key file (PEM) of the hotline's evidence key.")],
) -> None:
    """Verify a signed evidence bundle and show what it says. Contacts nobody."""
    table = _table("Evidence")
    with usage_errors():
        try:
            bundle = verify_evidence_file(file, key)
        except EvidenceError as error:
            table.add_row("genuine", "no")
            _finish(table, [str(error)])
            return
    table.add_row("genuine", "yes")
    table.add_row("made at", str(bundle.get("made_at")))
    table.add_row("content", str(bundle.get("content_id")))
    table.add_row("address (SHA-256)", str((bundle.get("address") or {}).get("sha256")))
    table.add_row("votes", str(len(bundle.get("votes") or [])))
    _finish(table, [])


@audit.command("verify-export")
def audit_verify_export(
    file: Path,
    log_key: Annotated[str | None, typer.Option(help="Verifier key of the log.")] = None,
    checkpoints: Annotated[list[Path] | None, typer.Option(help="File of checkpoints the log signed.")] = None,
    witness_key: Annotated[list[str] | None, typer.Option(help="Verifier key of a witness.")] = None,
    witness: Annotated[list[Path] | None, typer.Option(help="Folder or file of what a witness cosigned.")] = None,
) -> None:
    """Verify an exported audit log: its chain, its checkpoints and what a witness cosigned."""
    with usage_errors():
        if (checkpoints or witness or witness_key) and not log_key:
            raise NoteError("checkpoints can only be checked with --log-key")
        with progress_bar(f"Reading {file.name}") as progress:
            report = verify_export(
                file,
                checkpoints or [],
                witness or [],
                NoteKey.parse(log_key) if log_key else None,
                [NoteKey.parse(vkey) for vkey in witness_key or []],
                progress=progress,
            )
    print_log_report(report)


def print_log_report(report: LogReport, unconfirmed: str = "") -> None:
    """Show a report; exits with 1 if anything was found. `unconfirmed`: what nobody confirmed, said in place of OK."""
    table = _table("Audit log")
    table.add_row("events", str(report.events))
    table.add_row("last hash", report.head.hex())
    table.add_row("fits the log's checkpoints up to", str(report.anchored))
    table.add_row("fits the witness's checkpoints up to", str(report.witnessed))
    more = [f"and {report.more} more"] if report.more else []
    _finish(table, [finding.message for finding in report.findings] + more, unconfirmed)


@keys.command("new")
def keys_new(file: Path, name: KeyName = "") -> None:
    """Create a private key (mode 0600) and its public half, FILE.pub."""
    with usage_errors():
        if name:
            check_name(name)
        engine_keys.create_signing_key(file)
        _show(file, name)


@keys.command("seal")
def keys_seal(file: Path) -> None:
    """Create the key pair that seals what reporters write: FILE opens it (staff face only), FILE.pub closes it."""
    with usage_errors():
        public = seals.create_seal_key(file)
    typer.echo(f"public key: {encode_base64(public)}")


@keys.command("show")
def keys_show(file: Path, name: KeyName = "") -> None:
    """Show key id, public key and, with --name, the verifier key of a private or public key file."""
    with usage_errors():
        _show(file, name)


@keys.command("sign")
def keys_sign(
    file: Annotated[Path, typer.Argument(help="Statement to sign, byte for byte.")],
    key: Annotated[Path, typer.Option(help="Private key file.")],
    out: Annotated[Path | None, typer.Option(help="Where to write; FILE.sig unless given, - for the screen.")] = None,
) -> None:
    """Sign a statement: writes the Ed25519 signature in base64."""
    with usage_errors():
        signature = encode_base64(engine_keys.sign(engine_keys.load_signing_key(key), file.read_bytes()))
        if str(out) == "-":
            typer.echo(signature)
            return
        target = out or file.with_name(file.name + ".sig")
        target.write_text(signature + "\n")
    typer.echo(f"signature written to {target}")


def _show(file: Path, name: str) -> None:
    with file.open("rb") as opened:
        private = b"PRIVATE KEY" in opened.read(100)
    public = engine_keys.load_signing_key(file).public_key() if private else engine_keys.load_public_key(file)
    raw = public.public_bytes_raw()
    # Plain lines, to be copied whole.
    typer.echo(f"key id: {engine_keys.key_id(public)}")
    typer.echo(f"public key: {encode_base64(raw)}")
    if name:
        typer.echo(f"verifier key: {NoteKey(name, ED25519, raw).vkey}")
        typer.echo(f"cosigning key: {NoteKey(name, COSIGNATURE, raw).vkey}")


def _table(title: str) -> Table:
    table = Table(title=title, show_header=False, title_justify="left")
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    return table


def _finish(table: Table, faults: list[str], doubt: str = "") -> None:
    """Print the table, then OK (or the doubt) or every fault on its own line; exits with 1 if there is one."""
    console = Console()
    console.print(table)
    for fault in faults:
        console.print(f"FAILED: {fault}", style="red", markup=False, highlight=False, soft_wrap=True)
    if faults:
        raise typer.Exit(FAILED)
    console.print(doubt or "OK", style="yellow" if doubt else "green", soft_wrap=True)
