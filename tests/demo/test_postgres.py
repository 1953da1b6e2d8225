"""PostgreSQL of the demo: dropped rights, kill -9, no OS user made."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from demo.postgres import Postgres
from demo.processes import WorldError, alive, base_for, process_state, wait_until

ROOT = os.geteuid() == 0


@pytest.fixture(params=["system", "wheel"])
def server(request: pytest.FixtureRequest, world_folder: Path) -> Iterator[Postgres]:
    made = Postgres(world_folder / f"postgres-{request.param}", source=request.param)
    try:
        made.start()
    except WorldError as refusal:
        if "no PostgreSQL" in str(refusal):
            pytest.skip(f"no {request.param} PostgreSQL here")
        raise
    yield made
    made.destroy()


def write(server: Postgres, number: int) -> None:
    with psycopg.connect(server.superuser_dsn) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (number int)")
        connection.execute("INSERT INTO kept VALUES (%s)", [number])


def numbers(server: Postgres) -> list[int]:
    with psycopg.connect(server.superuser_dsn) as connection:
        return [row[0] for row in connection.execute("SELECT number FROM kept ORDER BY number")]


def test_what_was_committed_outlives_kill_9_and_restart(server: Postgres) -> None:
    users = Path("/etc/passwd").read_bytes()
    for number in range(3):
        write(server, number)
        server.kill9()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(server.superuser_dsn, connect_timeout=2)
        server.start()
    server.restart()
    assert numbers(server) == [0, 1, 2]
    assert Path("/etc/passwd").read_bytes() == users


def test_the_server_is_safe_and_runs_as_an_ordinary_user(server: Postgres) -> None:
    with psycopg.connect(server.superuser_dsn) as connection:
        for name in ("data_checksums", "fsync", "full_page_writes", "synchronous_commit"):
            assert connection.execute(f"SHOW {name}").fetchone() == ("on",)
        assert connection.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1",)
        assert connection.execute("SELECT datcollate FROM pg_database WHERE datname = 'postgres'").fetchone() == (
            "C.UTF-8",
        )
        (pid,) = connection.execute("SELECT pg_backend_pid()").fetchone() or (0,)
    owner = server.data.stat()
    assert (owner.st_uid == 65534) == ROOT
    assert owner.st_mode & 0o077 == 0
    assert (server.base / "postgres-postgres.password").stat().st_mode & 0o777 == 0o600
    wait_until(lambda: not alive(pid), 5, "the closed session did not end")


def test_a_wrong_password_is_refused(server: Postgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.dsn("postgres", "wrong", "postgres"))


def test_the_owner_role_is_no_superuser_and_makes_databases(server: Postgres) -> None:
    dsn = server.owner_dsn()
    assert dsn == server.owner_dsn()
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute(
            "SELECT rolsuper, rolbypassrls, rolcreatedb FROM pg_roles WHERE rolname = current_user"
        )
        assert row.fetchone() == (False, False, True)
        connection.execute("CREATE DATABASE another")


def test_a_server_whose_launcher_was_killed_is_taken_over(world_folder: Path) -> None:
    base = world_folder / "postgres-orphan"
    code = (
        "import os, sys; from pathlib import Path; from demo.postgres import Postgres\n"
        f"server = Postgres(Path({str(base)!r})); server.start(); print(server._program.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    orphan = int(done.stdout)
    assert alive(orphan), done.stderr
    server = Postgres(base)
    with server:
        assert not alive(orphan)
        write(server, 7)
        assert numbers(server) == [7]
    server.destroy()


def test_a_lock_file_that_names_a_stranger_does_not_stop_the_start(server: Postgres) -> None:
    """After a kill -9 the dead postmaster may be a zombie, or its id be somebody else's."""
    write(server, 1)
    server.kill9()
    lock = server.data / "postmaster.pid"
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], cwd="/")
    try:
        lock.write_text(lock.read_text().replace(lock.read_text().split("\n", 1)[0], str(stranger.pid), 1))
        server.start()
        assert numbers(server) == [1]
        state = process_state(stranger.pid)
        assert state is not None
        assert state[0] != "Z"
    finally:
        stranger.kill()
        stranger.wait()


def test_two_launchers_do_not_share_one_server(server: Postgres) -> None:
    code = f"from pathlib import Path; from demo.postgres import Postgres; Postgres(Path({str(server.base)!r})).start()"
    second = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert second.returncode != 0
    assert "already run by another process" in second.stderr
    write(server, 1)


@pytest.mark.skipif(not ROOT, reason="only root drops to another user")
def test_below_a_closed_folder_the_data_goes_to_a_reachable_place(tmp_path: Path) -> None:
    closed = tmp_path / "home"
    closed.mkdir(mode=0o700)
    base = base_for(closed / "project" / "var" / "demo")
    try:
        assert base.parent == Path("/var/tmp")
        assert closed.stat().st_mode & 0o777 == 0o700
        assert base_for(closed / "project" / "var" / "demo") == base
    finally:
        base.rmdir()
    base.symlink_to(tmp_path)
    try:
        with pytest.raises(WorldError, match="belongs to somebody else"):
            base_for(closed / "project" / "var" / "demo")
    finally:
        base.unlink()


def test_a_given_database_url_is_used_as_it_is(server: Postgres, tmp_path: Path) -> None:
    given = Postgres(tmp_path / "unused", url=server.superuser_dsn)
    with given:
        assert given.superuser_dsn == server.superuser_dsn
        assert given.dsn("someone", "p@ss", "mine").startswith("postgresql://someone:p%40ss@127.0.0.1:")
        with pytest.raises(WorldError, match="not ours to kill"):
            given.kill9()
    write(server, 1)
    assert not (tmp_path / "unused").exists()
