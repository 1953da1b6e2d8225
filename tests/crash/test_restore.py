"""The restore drill of docs/operations.md: backup, loss of the whole database, restore; nothing acknowledged is missing."""

import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import urllib3

from demo.platform import Platform
from demo.processes import WorldError, base_for, hand_over, private_folder, run_as_ordinary, wait_until
from demo.world import World
from tests.platform import doctor, inside, line, partner_token, prepared_platform, rows, running_world

DESTROY = """
import json, sys, uuid, django
django.setup()
from mamori.ground.actors import SYSTEM
from mamori.ground.sealed.services import destroy
print(json.dumps(destroy(actor=SYSTEM, key_ids=[uuid.UUID(sys.argv[1])], reason="retention")))
"""


@dataclass
class Backup:
    """Where backup and archived log are, and the server's programs."""

    folder: Path
    archive: Path
    programs: Path

    def take(self, platform: Platform) -> None:
        postgres = platform.postgres
        place = ["-h", "127.0.0.1", "-p", str(postgres.port), "-U", "postgres"]
        run_as_ordinary(
            [self.programs / "pg_basebackup", *place, "-D", self.folder, "-X", "stream", "-c", "fast"],
            env={"PATH": "/usr/bin:/bin", "PGPASSWORD": (postgres.base / "postgres-postgres.password").read_text()},
        )
        run_as_ordinary([self.programs / "pg_verifybackup", "-q", self.folder])

    def restore(self, platform: Platform, *, with_archive: bool) -> None:
        """Put the backup where the data was; with the archived log, go on to its end."""
        data = platform.postgres.data
        shutil.copytree(self.folder, data)
        if with_archive:
            (data / "recovery.signal").touch()
        for path in (data, *data.rglob("*")):
            hand_over(path)
        data.chmod(0o700)
        platform.postgres.start()
        with psycopg.connect(platform.postgres.superuser_dsn, autocommit=True) as connection:
            running = "SELECT pg_is_in_recovery()"
            wait_until(lambda: connection.execute(running).fetchone() == (False,), 60, "recovery did not end")


@pytest.fixture(scope="module")
def drill_world(world_folder: Path) -> Iterator[World]:
    with running_world(world_folder / "restore") as world:
        yield world


@pytest.fixture(scope="module")
def backup(world_folder: Path) -> Backup:
    base = base_for(world_folder / "restore-house" / "database")
    return Backup(private_folder(base, "backups") / "base", private_folder(base, "archive"), Path())


@pytest.fixture(scope="module")
def house(world_folder: Path, drill_world: World, backup: Backup) -> Iterator[Platform]:
    kept = f"{backup.archive}/%f"
    archiving = {
        "archive_mode": "on",
        "archive_command": f"test ! -f {kept} && cp %p {kept}.part && sync {kept}.part && mv {kept}.part {kept}",
        "restore_command": f"cp {backup.archive}/%f %p",
    }
    with prepared_platform(world_folder / "restore-house", drill_world, database=archiving) as made:
        backup.programs = made.postgres._binaries()
        made.start()
        yield made


def report(platform: Platform, token: str, number: int) -> list[str]:
    """Send a batch; returns its addresses once it is acknowledged."""
    sent = [f"https://shapes.example/{secrets.token_hex(8)}" for _ in range(number)]
    body = {"reports": [{"url": url, "external_id": url[-16:], "comment": "drill"} for url in sent]}
    answer = urllib3.request(
        "POST",
        platform.url("partner") + "/api/v1/reports",
        json=body,
        headers={"Authorization": f"Bearer {token}", "Idempotency-Key": secrets.token_hex(8)},
    )
    assert answer.status == 201, answer.data
    return sent


def stored(platform: Platform) -> set[str]:
    return {url for (url,) in rows(platform, "SELECT url FROM intake_report")}


def anchored(platform: Platform) -> bool:
    """Whether the witness holds all there is in the log."""
    query = "SELECT (SELECT count(*) FROM audit_event) = (SELECT max(size) FROM audit_checkpoint WHERE witnessed)"
    return rows(platform, query) == [(True,)]


def verify(platform: Platform) -> str:
    return platform.mamori("audit", "verify", "--witness-folder", str(platform.witness_folder))


def test_after_the_loss_of_the_database_everything_acknowledged_is_there_again(house: Platform, backup: Backup) -> None:
    token = partner_token(house, "reports.write")
    sent = report(house, token, 50)
    backup.take(house)
    sent += report(house, token, 50)
    destroyed = rows(house, "SELECT id FROM sealed_datakey WHERE wrapped IS NOT NULL LIMIT 1")[0][0]
    assert inside(house, "manage", DESTROY, str(destroyed)) == 1
    wait_until(lambda: anchored(house), 60, "the witness does not hold all of the log")
    newest = rows(house, "SELECT pg_walfile_name(pg_current_wal_lsn())")[0][0]
    rows(house, "SELECT pg_switch_wal()")
    archived = "SELECT last_archived_wal >= %s FROM pg_stat_archiver"
    wait_until(lambda: rows(house, archived, newest) == [(True,)], 30, "the log is not archived")
    house.stop()
    house.postgres.kill9()
    shutil.rmtree(house.postgres.data)

    backup.restore(house, with_archive=True)
    house.start()
    assert set(sent) <= stored(house)
    assert "OK" in verify(house)
    assert rows(house, "SELECT wrapped FROM sealed_datakey WHERE id = %s", destroyed) == [(None,)]
    assert "BAD" not in house.mamori("doctor")
    assert set(report(house, token, 3)) <= stored(house)


def test_the_doctor_sees_that_the_log_is_not_archived(house: Platform, backup: Backup) -> None:
    away = backup.archive.rename(backup.archive.with_name("away"))
    try:
        rows(house, "SELECT pg_logical_emit_message(false, 'test', 'something to archive')")
        rows(house, "SELECT pg_switch_wal()")
        failed = "SELECT last_failed_time > coalesce(last_archived_time, '-infinity') FROM pg_stat_archiver"
        wait_until(lambda: rows(house, failed) == [(True,)], 30, "no archiving failed")
        code, said = doctor(house)
        assert code == 1
        assert "the last try failed" in line(said, "archived log")
    finally:
        away.rename(backup.archive)


def test_a_restore_without_the_archived_log_is_told_by_the_witness_and_brings_destroyed_keys_back(
    house: Platform, backup: Backup
) -> None:
    house.stop()
    house.postgres.stop()
    shutil.rmtree(house.postgres.data)
    backup.restore(house, with_archive=False)
    with pytest.raises(WorldError, match="events are missing"):
        verify(house)
    gone = rows(house, "SELECT count(*) FROM sealed_datakey WHERE destroyed_on IS NOT NULL")
    assert gone == [(0,)]
