"""What each face's own database role can do, tried with real SQL, and what the start refuses."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from demo.platform import ROLES, Platform
from demo.postgres import Postgres
from mamori.site.database import UNSAFE, grants
from tests.platform import rows

VERBS = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")
AUDIT = ("audit_event", "audit_seal", "audit_checkpoint")
CASE_ROOMS = ("assessment", "tracing", "referral", "checks", "listing", "distribution", "letters", "accounts", "mfa")


@pytest.fixture(scope="module")
def tables(platform: Platform) -> dict[str, str]:
    """Every table with a column that may be set to its default."""
    found = rows(
        platform,
        "SELECT DISTINCT ON (table_name) table_name, column_name FROM information_schema.columns"
        " JOIN pg_tables ON tablename = table_name AND schemaname = table_schema"
        " WHERE table_schema = 'public' AND is_identity = 'NO' AND is_generated = 'NEVER'"
        " ORDER BY table_name, ordinal_position DESC",
    )
    return dict(found)


def statement(verb: str, table: str, column: str) -> sql.Composed:
    """One that changes nothing where it is allowed, or is rolled back."""
    forms = {
        "SELECT": "SELECT * FROM {table} LIMIT 0",
        "INSERT": "INSERT INTO {table} DEFAULT VALUES",
        "UPDATE": "UPDATE {table} SET {column} = DEFAULT WHERE false",
        "DELETE": "DELETE FROM {table} WHERE false",
        "TRUNCATE": "TRUNCATE {table}",
    }
    return sql.SQL(forms[verb]).format(table=sql.Identifier(table), column=sql.Identifier(column))


def allowed(connection: psycopg.Connection, verb: str, table: str, column: str) -> bool:
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(statement(verb, table, column))
    except psycopg.errors.InsufficientPrivilege:
        return False
    except psycopg.IntegrityError:
        return True
    return True


@pytest.fixture(params=ROLES)
def role(request: pytest.FixtureRequest, platform: Platform) -> Iterator[tuple[str, psycopg.Connection]]:
    """A face's name and a connection with the address that face is given."""
    with psycopg.connect(platform.environment(request.param)["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("SET lock_timeout = '10s'")
        yield request.param, connection


def test_a_role_can_do_what_the_grants_say_and_nothing_else(
    tables: dict[str, str], role: tuple[str, psycopg.Connection]
) -> None:
    name, connection = role
    table_of_grants = grants()
    assert set(table_of_grants) <= set(tables)
    wrong = []
    for table, column in tables.items():
        granted = re.sub(r"\(.*?\)", "(some)", table_of_grants.get(table, {}).get(name, ""))
        expected = {verb.strip() for verb in granted.split(",")} & set(VERBS)
        can = {verb for verb in VERBS if allowed(connection, verb, table, column)}
        if can != expected:
            wrong.append(f"{name} on {table}: may {sorted(expected)}, can {sorted(can)}")
    assert wrong == []


def test_a_role_draws_numbers_only_for_tables_it_inserts_into(
    platform: Platform, role: tuple[str, psycopg.Connection]
) -> None:
    name, connection = role
    serial = rows(
        platform,
        "SELECT s.relname, t.relname FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'"
        " JOIN pg_class t ON t.oid = d.refobjid WHERE d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')",
    )
    assert len(serial) > 20
    granted = grants()
    more = [
        sequence
        for sequence, table in serial
        if "INSERT" not in granted.get(table, {}).get(name, "")
        and connection.execute(
            "SELECT has_sequence_privilege(%(s)s, 'USAGE') OR has_sequence_privilege(%(s)s, 'UPDATE')"
            " OR has_sequence_privilege(%(s)s, 'SELECT')",
            {"s": sequence},
        ).fetchone()
        != (False,)
    ]
    assert more == []


def test_the_partner_face_stores_jobs_and_reads_none(platform: Platform) -> None:
    with psycopg.connect(platform.environment("partner")["DATABASE_URL"], autocommit=True) as connection:
        for column in ("args", "queue_name", "task_name", "status", "scheduled_at", "lock"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(sql.SQL("SELECT {} FROM procrastinate_jobs").format(sql.Identifier(column)))
        with connection.transaction(force_rollback=True):
            stored = connection.execute(
                "SELECT procrastinate_defer_jobs_v1(ARRAY[ROW('default', 'mamori.job', 0, NULL, NULL, '{}'::jsonb, NULL)"
                "::procrastinate_job_to_defer_v1])"
            ).fetchone()
        assert stored is not None
        assert stored[0][0] > 0


def test_no_role_can_change_or_empty_the_audit_log(role: tuple[str, psycopg.Connection]) -> None:
    _name, connection = role
    for table in AUDIT:
        for attack in (
            f"UPDATE {table} SET id = id" if table != "audit_seal" else "UPDATE audit_seal SET hash = ''",
            f"DELETE FROM {table}",
            f"TRUNCATE {table}",
            f"DROP TABLE {table}",
            f"ALTER TABLE {table} ADD COLUMN more int",
            f"CREATE RULE none AS ON INSERT TO {table} DO INSTEAD NOTHING",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(attack)


def test_no_role_can_become_more_than_it_is(platform: Platform, role: tuple[str, psycopg.Connection]) -> None:
    name, connection = role
    for attack in (
        "CREATE TABLE mine (a int)",
        "CREATE ROLE mine",
        "CREATE DATABASE mine",
        "SET ROLE mamori_owner",
        f"ALTER ROLE {connection.info.user} SUPERUSER",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "SELECT pg_read_file('postgresql.conf')",
        "ALTER SYSTEM SET fsync = off",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(attack)
    assert connection.info.user == f"{connection.info.dbname}_{name}"
    owned = rows(platform, "SELECT count(*) FROM pg_class WHERE pg_get_userbyid(relowner) = %s", connection.info.user)
    assert owned == [(0,)]


@pytest.mark.parametrize("face", ["partner", "staff"])
def test_a_face_reads_the_proof_of_an_edition_and_not_what_opens_its_commitments(platform: Platform, face: str) -> None:
    with psycopg.connect(platform.environment(face)["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("SELECT proof FROM openness_commitment WHERE version = 1 AND NOT proof = ''")
        for hidden in (
            "seed FROM openness_commitment",
            "root FROM openness_commitment",
            "seed FROM openness_committedbase",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(sql.SQL("SELECT {}").format(sql.SQL(hidden)))


def test_the_public_face_reads_no_case_and_no_report(platform: Platform, tables: dict[str, str]) -> None:
    with psycopg.connect(platform.environment("public")["DATABASE_URL"], autocommit=True) as connection:
        rooms = [table for table in tables if table.partition("_")[0] in CASE_ROOMS]
        assert len(rooms) >= len(CASE_ROOMS)
        for table in [*rooms, "intake_report", "audit_event", "procrastinate_jobs", "django_session"]:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(sql.SQL("SELECT 1 FROM {}").format(sql.Identifier(table)))
        for hidden in ("sealed_text", "sealed_contact", "source", "received_hour", "closed_at"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(sql.SQL("SELECT {} FROM intake_submission").format(sql.Identifier(hidden)))
        for table, column in tables.items():
            for verb in ("UPDATE", "DELETE", "TRUNCATE"):
                assert not allowed(connection, verb, table, column), f"{verb} {table}"


def start(platform: Platform, url: str, *command: str) -> tuple[int, list[str]]:
    """Exit code and what a start says when it is given this database."""
    done = subprocess.run(
        [sys.executable, "-m", "mamori", *command],
        env={**platform.environment("public"), "DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )
    return done.returncode, (done.stdout + done.stderr).strip().split("\n")


@pytest.mark.parametrize("command", [("serve", "public"), ("worker",)])
def test_a_start_as_superuser_is_refused_in_one_line(platform: Platform, command: tuple[str, ...]) -> None:
    code, said = start(platform, platform.postgres.superuser_dsn, *command)
    assert code == 2
    assert said == ["mamori: DATABASE_URL logs in as a superuser: use the role of this face (mamori database init)."]


@pytest.mark.parametrize("setting", sorted(UNSAFE))
def test_a_start_on_an_unsafe_postgresql_is_refused_in_one_line(
    platform: Platform, postgres: Postgres, setting: str
) -> None:
    url = postgres.owner_dsn()
    with psycopg.connect(postgres.superuser_dsn, autocommit=True) as connection:
        name = sql.Identifier(setting)
        connection.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(name))
        connection.execute("SELECT pg_reload_conf()")
        try:
            code, said = start(platform, url, "serve", "public")
        finally:
            connection.execute(sql.SQL("ALTER SYSTEM RESET {}").format(name))
            connection.execute("SELECT pg_reload_conf()")
    assert code == 2
    assert said == [
        f"mamori: PostgreSQL has {setting} off: acknowledged reports could be lost. Turn it on in postgresql.conf."
    ]


def test_a_database_that_is_not_in_utf8_gets_no_tables(platform: Platform) -> None:
    """Debian's pg_createcluster makes such ones where no locale is set."""
    ascii_ = "CREATE DATABASE mamori_ascii ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    with psycopg.connect(platform.postgres.superuser_dsn, autocommit=True) as connection:
        connection.execute(sql.SQL(ascii_))
        try:
            url = platform.postgres.owner_dsn(db="mamori_ascii")
            code, said = start(platform, url, "database", "init")
        finally:
            connection.execute("DROP DATABASE mamori_ascii")
    assert code == 2
    assert said == ["mamori: The database is in SQL_ASCII, not in UTF8: make it anew (docs/operations.md, PostgreSQL)."]


def test_a_start_without_postgresql_says_so_in_one_line(platform: Platform) -> None:
    code, said = start(platform, "postgresql://mamori:x@127.0.0.1:1/mamori", "serve", "public")
    assert code == 2
    assert len(said) == 1
    assert said[0].startswith("mamori: PostgreSQL does not answer")


def test_a_missing_secret_is_one_line(platform: Platform) -> None:
    environment = {k: v for k, v in platform.environment("public").items() if k != "MAMORI_SECRET_KEY"}
    done = subprocess.run(
        [sys.executable, "-m", "mamori", "serve", "public"],
        env={**os.environ, **environment, "MAMORI_SECRET_KEY": ""},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 2
    assert len(done.stderr.strip().split("\n")) == 1
    assert "MAMORI_SECRET_KEY" in done.stderr


LIST_REFUSED = {
    "worker": [
        "INSERT INTO listing_signingkey DEFAULT VALUES",
        "UPDATE listing_signingkey SET revoked_at = NULL",
        "INSERT INTO listing_approval DEFAULT VALUES",
        "UPDATE listing_approval SET statement = ''",
        "INSERT INTO listing_entry DEFAULT VALUES",
        "UPDATE listing_withdrawal SET statement = ''",
        "DELETE FROM listing_withdrawal",
        "DELETE FROM distribution_edition",
        "UPDATE distribution_killorder SET lifted_at = now()",
        "INSERT INTO distribution_subscriber DEFAULT VALUES",
    ],
    "staff": [
        "UPDATE listing_approval SET signature = ''",
        "DELETE FROM listing_approval",
        "DELETE FROM listing_signingkey",
        "INSERT INTO listing_withdrawal DEFAULT VALUES",
        "INSERT INTO distribution_edition DEFAULT VALUES",
        "UPDATE distribution_edition SET state = 'published'",
        "INSERT INTO distribution_editionchange DEFAULT VALUES",
        "UPDATE distribution_knotstate SET digest = ''",
        "DELETE FROM listing_entryevent",
        "DELETE FROM listing_opinion",
    ],
    "partner": [
        "SELECT 1 FROM listing_entry",
        "SELECT 1 FROM distribution_subscriber",
        "SELECT 1 FROM listing_appeal",
        "SELECT 1 FROM distribution_taken",
    ],
    "public": ["SELECT 1 FROM listing_entry", "SELECT id FROM listing_appeal", "SELECT 1 FROM distribution_edition"],
}


def test_no_process_alone_can_make_both_halves_of_the_list(role: tuple[str, psycopg.Connection]) -> None:
    """The worker makes no signature of a person, the staff face no edition and no ending; the others see nothing."""
    name, connection = role
    for attack in LIST_REFUSED[name]:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(attack)


def test_the_partner_face_adds_what_a_token_fetched_and_reads_none_of_it(role: tuple[str, psycopg.Connection]) -> None:
    name, connection = role
    row = "INSERT INTO distribution_taken (taker, zone, number, at) VALUES (%s, '', 1, now()) ON CONFLICT DO NOTHING"
    if name in {"partner", "worker"}:
        connection.execute(row, [uuid4()])
        return
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(row, [uuid4()])
