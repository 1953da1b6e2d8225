"""`mamori list members`: whose keys activate entries, signed by the root key. Needs no settings and no database.

Made for the machine of those who hold the root key. FOLDER holds root.json and members.json, copied from the worker;
the new members.json goes back there.
"""

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from mamori.tools.cli import usage_errors, wall_clock

members = typer.Typer(no_args_is_help=True, help="Whose keys activate entries: a list the root key signs.")
LIFE = timedelta(days=2 * 365)

Folder = Annotated[Path, typer.Argument(help="Folder with root.json and members.json.")]
RootKey = Annotated[
    list[Path] | None, typer.Option("--root-key", help="Private root key file; FOLDER/root.pem unless given.")
]


class MemberRole(StrEnum):
    """What a member's signature is for. An approver may also sign a proposal."""

    REVIEWER = "reviewer"
    APPROVER = "approver"


@members.command("show")
def show(folder: Folder) -> None:
    """Show the list, verified against root.json."""
    from mamori.lists.distribution.keys import members_of  # noqa: PLC0415

    with usage_errors():
        found = members_of(folder)
    table = Table("person", "role", "from", "until", "key id", title=f"members, version {found.version}")
    for one in found.keys:
        table.add_row(one.person, one.role, str(one.valid_from), str(one.valid_until), one.key_id)
    Console(width=max(140, Console().width)).print(table)


@members.command("add")
def add(
    folder: Folder,
    person: Annotated[str, typer.Argument(help="Who: the same word for all keys of one person.")],
    key: Annotated[Path, typer.Argument(help="The person's public key file (PEM), compared with them by its key id.")],
    *,
    role: Annotated[MemberRole, typer.Option(help="What the person may sign.")],
    since: Annotated[str, typer.Option(help="First day, YYYY-MM-DD; today unless given.")] = "",
    until: Annotated[str, typer.Option(help="First day without it, YYYY-MM-DD; two years on unless given.")] = "",
    root_key: RootKey = None,
) -> None:
    """Let a person's key count. To change a key: add the new one under the same name, then remove the old one."""
    from mamori.engine.editions import Member  # noqa: PLC0415
    from mamori.engine.keys import load_public_key, load_signing_key  # noqa: PLC0415
    from mamori.lists.distribution.keys import member_add  # noqa: PLC0415

    with usage_errors():
        first = date.fromisoformat(since) if since else datetime.fromtimestamp(wall_clock(), UTC).date()
        last = date.fromisoformat(until) if until else first + LIFE
        member = Member(person, role.value, load_public_key(key).public_bytes_raw(), first, last)
        keys = tuple(load_signing_key(path) for path in root_key or [folder / "root.pem"])
        version = member_add(folder, member, keys).version
    typer.echo(f"{person}, {role.value}, until {last}: key id {member.key_id}")
    typer.echo(f"members.json is version {version}: bring it to the worker's folder")


@members.command("remove")
def remove(
    folder: Folder,
    who: Annotated[str, typer.Argument(help="A person (all keys) or one key id.")],
    root_key: RootKey = None,
) -> None:
    """Let a key, or all keys of a person, count no more. What they signed before stays."""
    from mamori.engine.keys import load_signing_key  # noqa: PLC0415
    from mamori.lists.distribution.keys import member_remove  # noqa: PLC0415

    with usage_errors():
        keys = tuple(load_signing_key(path) for path in root_key or [folder / "root.pem"])
        version = member_remove(folder, who, keys).version
    typer.echo(f"members.json is version {version}: bring it to the worker's folder")
