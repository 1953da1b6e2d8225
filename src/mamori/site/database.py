"""Database roles: the owner migrates; each face and the worker log in as their own role with only the grants they need."""

from importlib import import_module
from importlib.util import find_spec

import psycopg
from django.apps import apps
from django.db import connection
from psycopg import sql

from mamori.site import env
from mamori.site.env import SettingError

ROLES = ("public", "staff", "partner", "worker")
_JOBS = {
    "procrastinate_jobs": {"partner": "SELECT (id), INSERT", "staff": "SELECT, INSERT", "worker": "SELECT, INSERT, UPDATE, DELETE"},
    "procrastinate_events": {"partner": "INSERT", "staff": "SELECT, INSERT", "worker": "SELECT, INSERT, UPDATE, DELETE"},
    "procrastinate_workers": {"staff": "SELECT", "worker": "SELECT, INSERT, UPDATE, DELETE"},
    "procrastinate_periodic_defers": {"worker": "SELECT, INSERT, UPDATE, DELETE"},
    "django_migrations": dict.fromkeys(ROLES, "SELECT"),
    "django_content_type": {"staff": "SELECT"},
}  # fmt: skip
_CREATE = "CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD {}"
# Numbers of serial columns; those of identity columns need no grant.
_SEQUENCES = """
    SELECT t.relname, s.relname FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
    JOIN pg_class t ON t.oid = d.refobjid AND t.relnamespace = 'public'::regnamespace
    WHERE d.classid = 'pg_class'::regclass AND d.deptype = 'a' ORDER BY 1, 2
"""
UNSAFE = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


def grants() -> dict[str, dict[str, str]]:
    """Table -> role -> privileges, collected from the rooms' `grants.py`."""
    table = dict(_JOBS)
    for app in apps.get_app_configs():
        if app.name.startswith("mamori.") and find_spec(f"{app.name}.grants"):
            table.update(import_module(f"{app.name}.grants").GRANTS)
    return table


def role_name(role: str) -> str:
    """The PostgreSQL role of a face, per database so that several systems can share a server."""
    return f"{connection.settings_dict['NAME']}_{role}"


def refuse_encoding() -> None:
    """Raise SettingError, with the remedy, where the database is not in UTF8: initdb makes such ones where no locale is set."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_encoding")
        encoding = cursor.fetchone()[0]
    if encoding != "UTF8":
        raise SettingError(
            f"The database is in {encoding}, not in UTF8: make it anew (docs/operations.md, PostgreSQL)."
        )


def create_roles(passwords: dict[str, str]) -> None:
    """Create or update the log-in roles. Runs as a role that may create roles."""
    with connection.cursor() as cursor:
        for role in ROLES:
            name = sql.Identifier(role_name(role))
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role_name(role)])
            # Only a superuser may name the attributes of a role that exists; they were set when it was created.
            verb = "ALTER ROLE {} LOGIN PASSWORD {}" if cursor.fetchone() else _CREATE
            cursor.execute(sql.SQL(verb).format(name, sql.Literal(passwords[role])))


def apply_grants() -> None:
    """Give each role exactly what the table says, and take everything else away."""
    with connection.cursor() as cursor:
        cursor.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
        for role in ROLES:
            name = sql.Identifier(role_name(role))
            cursor.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(name))
            cursor.execute(sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {}").format(name))
            cursor.execute(sql.SQL("REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {}").format(name))
        cursor.execute(_SEQUENCES)
        sequences = cursor.fetchall()
        for table, roles in sorted(grants().items()):
            for role, privileges in roles.items():
                to = sql.Identifier(role_name(role))
                cursor.execute(sql.SQL("GRANT {} ON {} TO {}").format(sql.SQL(privileges), sql.Identifier(table), to))
                for sequence in [name for of, name in sequences if of == table and "INSERT" in privileges]:
                    cursor.execute(sql.SQL("GRANT USAGE ON SEQUENCE {} TO {}").format(sql.Identifier(sequence), to))


def index_failed_jobs() -> None:
    """Failed jobs are counted on each desk: an index of them alone, whatever number waits."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE INDEX IF NOT EXISTS mamori_failed_jobs ON procrastinate_jobs (id) WHERE status = 'failed'"
        )


def refuse_unsafe_settings() -> None:
    """Raise SettingError, with the remedy, when PostgreSQL could lose what was acknowledged.

    Needs the settings, but no Django that is set up: what serves a face only starts the processes that need it.
    """
    try:
        with psycopg.connect(env.text("DATABASE_URL"), connect_timeout=10, autocommit=True) as connected:
            kept = "SELECT name FROM unnest(%s::text[], %s::text[]) AS u(name, unsafe) WHERE current_setting(name) = unsafe"
            found = [row[0] for row in connected.execute(kept, [list(UNSAFE), list(UNSAFE.values())])]
            super_ = "SELECT 1 FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolbypassrls)"
            found += ["superuser" for _row in connected.execute(super_)]
    except psycopg.OperationalError as error:
        raise SettingError(f"PostgreSQL does not answer: {str(error).splitlines()[0]}") from error
    if "superuser" in found:
        raise SettingError("DATABASE_URL logs in as a superuser: use the role of this face (mamori database init).")
    if found:
        names = ", ".join(found)
        raise SettingError(
            f"PostgreSQL has {names} off: acknowledged reports could be lost. Turn it on in postgresql.conf."
        )
