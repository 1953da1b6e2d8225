"""PostgreSQL is killed -9, all its processes, under load, again and again."""

import os
import random
from collections import Counter
from pathlib import Path

import psycopg
import pytest

from demo.platform import Platform
from demo.postgres import Postgres
from demo.processes import WorldError
from demo.world import World
from tests.crash.load import check, goes_on, missing, more_than_once, pause, writing

pytestmark = pytest.mark.crash
ROUNDS = int(os.environ.get("MAMORI_CRASH_ROUNDS", "20"))


def test_nothing_acknowledged_is_lost_and_no_letter_sent_twice(house: Platform, slow_world: World) -> None:
    dice = random.Random(20)
    with writing(house) as account:
        for _round in range(ROUNDS):
            goes_on(account, account.size())
            pause(dice)
            house.postgres.kill9()
            house.postgres.start()
        goes_on(account, account.size())
    assert account.failures > 0, "the load never met a dead database: nothing was tried"
    check(house, slow_world.mail, account)
    print(f"{ROUNDS} kills: {len(account.reports)} reports, {len(account.codes)} forms, {len(account.letters)} letters")


def test_the_account_would_show_a_loss_and_a_repetition() -> None:
    assert missing(["a", "b"], ["b", "c"]) == ["a"]
    assert more_than_once(Counter({"a": 1, "b": 2})) == ["b"]


def test_the_killing_loses_what_a_careless_database_acknowledged_and_mamori_refuses_that_one(
    world_folder: Path,
) -> None:
    """The control: the same kill, the same account, but commits that do not wait for the disk."""
    careless = {"synchronous_commit": "off", "wal_writer_delay": "10s", "fsync": "off", "full_page_writes": "off"}
    server = Postgres(world_folder / "careless", settings=careless)
    server.start()
    try:
        with psycopg.connect(server.owner_dsn(), autocommit=True) as connection:
            connection.execute("CREATE TABLE kept (name text)")
            told = [str(number) for number in range(100)]
            for name in told:
                connection.execute("INSERT INTO kept VALUES (%s)", [name])
            server.kill9()
        server.start()
        with psycopg.connect(server.owner_dsn()) as connection:
            there = connection.execute("SELECT to_regclass('kept')").fetchone() != (None,)
            kept = [name for (name,) in connection.execute("SELECT name FROM kept")] if there else []
        assert missing(told, kept) != []

        platform = Platform(world_folder / "careless" / "platform", server, {})
        for command in (("serve", "public"), ("worker",)):
            with pytest.raises(
                WorldError, match="PostgreSQL has fsync, full_page_writes, synchronous_commit off: ackno"
            ):
                platform.mamori(*command)
    finally:
        server.destroy()
