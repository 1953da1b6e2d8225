"""The reference in docs/reference, made from the running code: `python -m mamori.site.reference FOLDER`."""

import dataclasses
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.apps import apps

from mamori.ground.accounts.scopes import scopes
from mamori.ground.actors import Role, permissions
from mamori.ground.facts import Fact, listeners
from mamori.ground.states import Machine
from mamori.site.database import ROLES, grants

_MADE = "<!-- Made by scripts/reference. Do not edit. -->"


def pages() -> dict[str, str]:
    """File name -> Markdown."""
    return {
        "facts.md": _page("Facts and who listens", _facts()),
        "permissions.md": _page("Permissions by role", _permissions()),
        "states.md": _page("States by machine", _states()),
        "tables.md": _page("Tables by database role", _tables()),
    }


def _page(title: str, lines: list[str]) -> str:
    return "\n".join([f"# {title}", "", _MADE, "", *lines]) + "\n"


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    return ["| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rows)]


def _facts() -> list[str]:
    rows = []
    for fact in sorted(Fact.__subclasses__(), key=lambda each: (each.__module__, each.__name__)):
        holds = ", ".join(f.name for f in dataclasses.fields(fact))
        heard = sorted(name for name, kind in listeners().items() if kind == fact.__name__)
        room = fact.__module__.split(".")[-2]
        rows.append([f"{fact.__name__}({holds})", room, _first_line(fact), ", ".join(heard) or "nobody"])
    return [
        "A fact is stored as one job for each listener, in the transaction of the change.",
        "",
        *_table(["fact", "room", "what happened", "listeners"], rows),
    ]


def _first_line(kind: type) -> str:
    return (kind.__doc__ or "").strip().split("\n")[0]


def _permissions() -> list[str]:
    import_module("mamori.ground.retention")  # grants its permission where it stands
    given = {name: roles for name, roles in permissions().items() if roles}
    rows = [[name, *("yes" if role in roles else "" for role in Role)] for name, roles in sorted(given.items())]
    head = ["permission", *(str(role) for role in Role)]
    return [
        *_table(head, rows),
        "",
        "Scopes of partners' tokens: " + ", ".join(f"`{name}`" for name, _title in scopes()) + ".",
    ]


def _states() -> list[str]:
    lines = ["A move without a permission is the system's own: a rule, a clock or an answer from outside."]
    for name, machine in sorted(_machines().items()):
        rows = [
            [str(source), str(to), move.permission or "", "yes" if move.second_person else ""]
            for (source, to), move in machine.moves.items()
        ]
        ends = [str(state) for state in machine.states if not machine.reachable(state)]
        lines += ["", f"## {name}", "", *_table(["from", "to", "permission", "second person"], rows)]
        if ends:
            lines += ["", "Ends: " + ", ".join(ends) + "."]
    return lines


def _machines() -> dict[str, Machine[Any]]:
    """The machines of all rooms by name."""
    found: dict[str, Machine[Any]] = {}
    for app in apps.get_app_configs():
        if app.name.startswith("mamori.") and find_spec(f"{app.name}.states"):
            for value in vars(import_module(f"{app.name}.states")).values():
                if isinstance(value, Machine):
                    found[value.name] = value
    return found


def _tables() -> list[str]:
    rows = [[table, *(by_role.get(role, "") for role in ROLES)] for table, by_role in sorted(grants().items())]
    return [
        "The owner makes the tables and runs migrations; no process that serves requests logs in as the owner. What is not",
        "written here is refused by PostgreSQL (`tests/journeys/test_database_roles.py` tries every table and verb).",
        "",
        *_table(["table", *ROLES], rows),
    ]


def main() -> None:
    import django  # noqa: PLC0415

    django.setup()
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text)


if __name__ == "__main__":
    main()
