"""The platform's commands. Each sets Django up first; a missing setting is one clear line and exit code 2."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from mamori.site.env import SettingError
from mamori.site.members import members

console = Console()
UNCONFIRMED = (
    "No change found, but not confirmed by the witness itself: it gave no checkpoint (mamori doctor says why), "
    "so that a log cut short would not show."
)
database = typer.Typer(no_args_is_help=True, help="Prepare PostgreSQL: roles, tables, grants.")
reports = typer.Typer(no_args_is_help=True, help="Reports.")
people = typer.Typer(no_args_is_help=True, help="Members of organisations.")
letters = typer.Typer(no_args_is_help=True, help="Mail.")
images = typer.Typer(no_args_is_help=True, help="Known images: files in and out, the index partners are answered from.")
leak = typer.Typer(no_args_is_help=True, help="Whose copy of the list leaked.")
jobs = typer.Typer(no_args_is_help=True, help="Steps of the work that failed for good.")


@contextmanager
def platform(face: str | None = None, *, whole: bool = True) -> Iterator[None]:
    """Set Django up for a face (default: what MAMORI_FACE says, else "manage"); not `whole`: read the settings only."""
    import django  # noqa: PLC0415
    from django.conf import settings  # noqa: PLC0415

    if face is not None:
        os.environ["MAMORI_FACE"] = face
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mamori.site.settings")
    from mamori.ground.errors import DomainError  # noqa: PLC0415

    try:
        if whole:
            django.setup()
        else:
            settings.DATABASES  # noqa: B018 - reads them
        yield
    except (SettingError, DomainError) as error:
        typer.secho(f"mamori: {error}", fg="red", err=True)
        raise typer.Exit(2) from error


def mount(app: typer.Typer) -> None:
    """Add the platform's commands to the tools' app."""
    app.command()(serve)
    app.command()(worker)
    app.command()(doctor)
    app.command()(retention)
    app.command(name="kill-switch")(kill_switch)
    groups = {
        "database": database,
        "reports": reports,
        "people": people,
        "letters": letters,
        "jobs": jobs,
        "leak": leak,
        "images": images,
    }
    for name, group in groups.items():
        app.add_typer(group, name=name)
    lists = next(group.typer_instance for group in app.registered_groups if group.name == "list")
    if lists is not None:
        lists.add_typer(members, name="members")
        lists.command("rebuild")(list_rebuild)
        lists.command("restore")(list_restore)
    audit = next(group.typer_instance for group in app.registered_groups if group.name == "audit")
    if audit is not None:
        audit.command("verify")(audit_verify)
    openness = next(group.typer_instance for group in app.registered_groups if group.name == "openness")
    if openness is not None:
        openness.command("proof")(openness_proof)
        openness.command("answer")(openness_answer)
    keys = next(group.typer_instance for group in app.registered_groups if group.name == "keys")
    if keys is not None:
        keys.command("edition")(keys_edition)
        keys.command("rotate-edition")(keys_rotate_edition)
        keys.command("rewrap")(keys_rewrap)


def serve(
    face: Annotated[str, typer.Argument(help="public, staff or partner")],
    port: Annotated[int | None, typer.Option(help="default: public 8000, staff 8001, partner 8002")] = None,
    host: str = "127.0.0.1",
    workers: int = 2,
) -> None:
    """Serve one face (granian, WSGI). Put a TLS proxy in front of it in production."""
    ports = {"public": 8000, "staff": 8001, "partner": 8002}
    if face not in ports:
        raise typer.BadParameter("choose public, staff or partner")
    with platform(face, whole=False):
        from mamori.site.database import refuse_unsafe_settings  # noqa: PLC0415

        refuse_unsafe_settings()
    from granian import Granian  # noqa: PLC0415
    from granian.constants import Interfaces  # noqa: PLC0415

    Granian(
        "mamori.site.wsgi:application",
        address=host,
        port=port or ports[face],
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=4,
        log_access=False,
        respawn_failed_workers=True,
    ).serve()


def worker(seal_seconds: float = 0.25, checkpoint_seconds: float = 5.0, concurrency: int = 2) -> None:
    """Run jobs, sweeps and the audit sealer until stopped."""
    with platform("worker"):
        from mamori.site import working  # noqa: PLC0415
        from mamori.site.database import refuse_unsafe_settings  # noqa: PLC0415

        refuse_unsafe_settings()
        working.run(seal_seconds, checkpoint_seconds, concurrency)


@database.command("init")
def database_init() -> None:
    """Create roles, tables and grants. DATABASE_URL logs in as the owner, who may create roles. Safe to repeat.

    The passwords of the faces' roles come from MAMORI_PASSWORD_PUBLIC, …_STAFF, …_PARTNER and …_WORKER.
    """
    from mamori.site import env  # noqa: PLC0415

    with platform("manage"):
        from django.core.management import call_command  # noqa: PLC0415

        from mamori.site import database as roles  # noqa: PLC0415

        roles.refuse_encoding()
        passwords = {role: env.text(f"MAMORI_PASSWORD_{role.upper()}") for role in roles.ROLES}
        call_command("migrate", verbosity=0)
        call_command("createcachetable", verbosity=0)
        roles.create_roles(passwords)
        roles.apply_grants()
        roles.index_failed_jobs()
    console.print("Tables, roles and grants are in place.")


@reports.command("import")
def reports_import(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV with the columns url,seen_at,comment")],
) -> None:
    """Take reports from a CSV file. Bad lines are named and left out; running it twice adds nothing."""
    with platform():
        from mamori.hotline.intake.commands import import_reports  # noqa: PLC0415

        import_reports(file)


_Format = Annotated[str, typer.Option("--format", help="vics-2.0, vics-1.3, icse, pdq or md5")]
_Profile = Annotated[str, typer.Option(help="whose VICS categories: us, uk, ca or icse")]
_By = Annotated[str, typer.Option(help="mail address of the member in whose name; another one confirms an import")]


@images.command("import")
def images_import(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    *,
    form: _Format,
    source: Annotated[str, typer.Option(help="code of the source, as on the desk")],
    by: _By,
    profile: _Profile = "us",
    media: Annotated[str, typer.Option(help="image or video: what a plain list is of")] = "image",
) -> None:
    """Read a file of fingerprints. Bad records are named and left out; running it twice adds nothing."""
    with platform():
        from mamori.lists.fingerprints.commands import import_file  # noqa: PLC0415

        import_file(file, form=_format(form), source=source, profile=profile, media=media, by=by)


@images.command("export")
def images_export(
    out: Annotated[Path, typer.Argument(dir_okay=False)],
    *,
    form: _Format,
    by: _By,
    source: Annotated[str, typer.Option(help="code of one source; all when left out")] = "",
    profile: _Profile = "us",
) -> None:
    """Write the fingerprints in force into a file that only its owner may read."""
    with platform():
        from mamori.lists.fingerprints.commands import export_file  # noqa: PLC0415

        export_file(out, form=_format(form), source=source, profile=profile, by=by)


def _format(name: str) -> Any:
    from mamori.lists.fingerprints.formats import Format  # noqa: PLC0415

    if name not in list(Format):
        raise typer.BadParameter("choose vics-2.0, vics-1.3, icse, pdq or md5")
    return Format(name)


@people.command("invite")
def people_invite(email: str, organisation: str, role: str, kind: str = "operator") -> None:
    """Invite a person (the first one of a new installation). Creates the organisation when it is new."""
    with platform():
        from mamori.ground.accounts import services  # noqa: PLC0415
        from mamori.ground.accounts.models import Organisation  # noqa: PLC0415
        from mamori.ground.actors import SYSTEM, Role  # noqa: PLC0415

        found = Organisation.objects.filter(name=organisation).first()
        found = found or services.organisation_create(actor=SYSTEM, name=organisation, kind=Organisation.Kind(kind))
        # Whole, not broken at the window's edge.
        typer.echo(services.invite(actor=SYSTEM, email=email, organisation_id=found.id, role=Role(role)))


@letters.command("bounce")
def letters_bounce() -> None:
    """Take one delivery status notification from standard input (the mail server pipes it here)."""
    with platform("worker"):
        from mamori.ground.letters.services import bounce_receive  # noqa: PLC0415

        known = bounce_receive(typer.get_binary_stream("stdin").read())
        console.print("A letter of ours bounced: it is on the desk." if known else "Not a bounce of ours.")


def kill_switch(
    reason: Annotated[str, typer.Option(help="why, for the log: with the whole list")] = "",
    edition: Annotated[str, typer.Option(help="only what this edition brought: its number, or “last”")] = "",
    entry: Annotated[str, typer.Option(help="only this entry: its number, name or address")] = "",
) -> None:
    """Lift the whole list everywhere at once, or what one edition brought, or one entry. One person may; it is logged."""
    if edition and entry:
        raise typer.BadParameter("choose an edition or an entry")
    with platform("worker"):
        from mamori.lists.distribution.commands import lift  # noqa: PLC0415

        lift(reason=reason, edition=edition, entry=entry)


def audit_verify(
    witness_folder: Annotated[
        Path | None, typer.Option(help="the witness's own storage, for the strongest check")
    ] = None,
) -> None:
    """Recompute the whole audit log and compare it with its checkpoints and the witness, which is asked."""
    with platform():
        from django.conf import settings  # noqa: PLC0415

        from mamori.ground.audit import services  # noqa: PLC0415
        from mamori.tools.audit_verify import fork_notes, stored_notes  # noqa: PLC0415
        from mamori.tools.cli import print_log_report  # noqa: PLC0415
        from mamori.tools.progress import progress_bar  # noqa: PLC0415

        if witness_folder is None:
            notes, confirmed = services.witness_notes()
        else:
            confirmed = True
            notes = [
                *stored_notes(witness_folder, settings.LOG_ORIGIN),
                *fork_notes(witness_folder, settings.LOG_ORIGIN),
            ]
        with progress_bar("Recomputing the log") as progress:
            report = services.verify(notes, progress=progress)
        print_log_report(report, "" if confirmed else UNCONFIRMED)


@leak.command("trace")
def leak_trace(file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)]) -> None:
    """Name the subscriber whose copy of the list a file is, whatever its form; or say that nobody can be named."""
    with platform("worker"):
        from mamori.lists.distribution.commands import trace  # noqa: PLC0415

        trace(file)


def list_rebuild() -> None:
    """Build the whole list anew beside the publisher: a new base judged by every engine, and every format.

    The worker does the same each night.
    """
    with platform("worker"):
        from mamori.lists.distribution.commands import rebuild  # noqa: PLC0415

        rebuild()


def list_restore(
    above: Annotated[
        int, typer.Option(help="the highest edition subscribers have seen, after a restore to an earlier moment")
    ] = 0,
) -> None:
    """Make the signed list anew from the database, after the folder of editions was lost. Every signature is verified."""
    with platform("worker"):
        from mamori.lists.distribution.commands import restore  # noqa: PLC0415

        restore(above)


def openness_proof(version: int, out: Annotated[Path, typer.Argument(dir_okay=False)]) -> None:
    """Write the file that shows an edition in the log, for subscribers and auditors (list body)."""
    with platform("worker"):
        from mamori.lists.openness.commands import write_proof  # noqa: PLC0415

        write_proof(version, out)


def openness_answer(
    challenge: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    out: Annotated[Path, typer.Argument(dir_okay=False, help="Names entries: for the auditor only.")],
) -> None:
    """Open the commitments an auditor drew (list body)."""
    with platform("worker"):
        from mamori.lists.openness.commands import write_answer  # noqa: PLC0415

        write_answer(challenge, out)


@images.command("index")
def images_index(
    *,
    once: Annotated[bool, typer.Option(help="bring the index up to date and end")] = False,
    rebuild: Annotated[bool, typer.Option(help="make the index anew from the database")] = False,
) -> None:
    """Keep the index of known images (MAMORI_IMAGE_INDEX) like the bank, until stopped."""
    with platform("worker"):
        from mamori.lists.exchange.commands import follow  # noqa: PLC0415
        from mamori.site.database import refuse_unsafe_settings  # noqa: PLC0415

        refuse_unsafe_settings()
        follow(once=once, rebuild=rebuild)


@images.command("quota")
def images_quota(
    organisation: str,
    per_minute: Annotated[int, typer.Option(help="fingerprints in a minute, 10,000 or more")],
    per_day: Annotated[int, typer.Option(help="fingerprints in a day")],
) -> None:
    """Say how many fingerprints an organisation may ask about."""
    with platform():
        from mamori.lists.exchange.commands import set_quota  # noqa: PLC0415

        set_quota(organisation, per_minute, per_day)


@jobs.command("list")
def jobs_list() -> None:
    """Show which steps failed for good, how many and since when. The worker's log says why."""
    with platform():
        from mamori.ground.jobs import failed  # noqa: PLC0415

        table = Table("step", "failed", "first")
        for each in failed():
            table.add_row(each.name, str(each.number), each.since.isoformat(timespec="seconds"))
        console.print(table if table.row_count else "No step has failed.")


@jobs.command("retry")
def jobs_retry(
    step: Annotated[str, typer.Argument(help="as `mamori jobs list` names it; none: all of them")] = "",
    *,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Try failed steps again, once their cause is mended. Every step is safe to run twice."""
    with platform():
        from django.db import transaction  # noqa: PLC0415

        from mamori.ground import audit  # noqa: PLC0415
        from mamori.ground.actors import SYSTEM  # noqa: PLC0415
        from mamori.ground.jobs import failed, retry  # noqa: PLC0415

        number = sum(each.number for each in failed() if step in {"", each.name})
        if not number:
            console.print("No such step has failed.")
            return
        if not yes:
            typer.confirm(f"Try {number} failed steps again?", abort=True)
        with transaction.atomic():
            done = retry(step)
            audit.record("jobs.retried", subject="jobs:failed", actor=SYSTEM, step=step, count=done)
        console.print(f"{done} steps are tried again. This is in the log.")


def keys_edition(folder: Path) -> None:
    """Create the keys that sign editions, and root.json for subscribers. Needs no settings and no database.

    Then move root.pem to a place that is not on the network: it is needed again only to change the other keys.
    """
    from mamori.lists.distribution.keys import init_keys  # noqa: PLC0415
    from mamori.tools.cli import usage_errors, wall_clock  # noqa: PLC0415

    with usage_errors():
        root = init_keys(folder, now=datetime.fromtimestamp(wall_clock(), UTC))
    typer.echo(f"for subscribers: {root}")
    typer.echo(f"move away from this machine: {folder / 'root.pem'}")


def keys_rotate_edition(
    folder: Path,
    root_key: Annotated[Path, typer.Option(help="The present root's private key file, from its safe place.")],
    new_root_key: Annotated[
        Path | None, typer.Option(help="Make a new root key too, in this new file (outside FOLDER).")
    ] = None,
) -> None:
    """Replace the keys that sign editions, by a new root that the old one signs. Run it where the root key is.

    Subscribers who hold an old root.json follow by themselves. Needs no settings and no database.
    """
    from mamori.lists.distribution.keys import rotate_keys  # noqa: PLC0415
    from mamori.tools.cli import usage_errors, wall_clock  # noqa: PLC0415

    with usage_errors():
        now = datetime.fromtimestamp(wall_clock(), UTC)
        version = rotate_keys(folder, root_key=root_key, new_root_key=new_root_key, now=now)
    typer.echo(f"root version {version}: bring the folder to the worker; the former keys are in {folder / 'former'}")


def keys_rewrap() -> None:
    """After a change of the seal key: let the new key open what the old one sealed. Then destroy the old key.

    Wants DATABASE_URL of the owner, the new pair (MAMORI_SEAL_PUBLIC_KEY, …_PRIVATE_KEY) and the old private key in
    MAMORI_SEAL_OLD_PRIVATE_KEYS. Safe to repeat.
    """
    with platform():
        from mamori.ground.sealed.services import rewrap_all  # noqa: PLC0415

        changed, lost = rewrap_all()
        console.print(f"{changed} keys now open with the new seal key.")
        if lost:
            typer.secho(f"mamori: {lost} keys open with none of the keys given", fg="red", err=True)
            raise typer.Exit(1)


def doctor() -> None:
    """Tell what is configured, missing or unsafe, each with its remedy."""
    with platform():
        from mamori.site.doctor import examine  # noqa: PLC0415

        table = Table("")
        for heading in ("what", "finding", "remedy"):
            table.add_column(heading, overflow="fold")  # a narrow terminal cuts no path and no name of a setting
        bad = 0
        for finding in examine():
            bad += finding.level == "bad"
            mark = {"good": "[green]ok[/]", "note": "[yellow]note[/]", "bad": "[red]BAD[/]"}[finding.level]
            table.add_row(mark, finding.what, finding.finding, finding.remedy)
        console.print(table)
        if bad:
            raise typer.Exit(1)


def retention(
    destroy: Annotated[
        str, typer.Option(help="name of a data class whose due records are destroyed, after review")
    ] = "",
    reviewed_by: Annotated[str, typer.Option(help="mail address of the member who reviewed the list")] = "",
) -> None:
    """Show what has reached the end of its retention period; destroy one class after a named person's review."""
    with platform():
        from mamori.site.retention import destroy_due, due_table  # noqa: PLC0415

        if destroy:
            console.print(destroy_due(destroy, reviewed_by))
        else:
            console.print(due_table())
