"""`mamori kill-switch` waits for its effect: it publishes where no worker does, and fails while a resolver blocks."""

import os
from collections.abc import Callable
from functools import partial

import psycopg
import pytest
import typer
from django.db import connection

from mamori.lists.distribution import commands, lifting, queries, services
from mamori.lists.distribution.services.editions import LOCK
from tests.lists.test_late_resolvers import Resolver, resolver

__all__ = ["resolver"]
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """No worker runs: that is known at once here."""
    monkeypatch.setattr(lifting, "PATIENCE", 0.0)
    monkeypatch.setattr(commands, "seconds_until_free", partial(services.seconds_until_free, longest=0.5))
    monkeypatch.setattr(commands, "SHORT", 0.3)
    monkeypatch.setattr(commands.typer, "confirm", lambda *_words, **_how: True)


@pytest.fixture
def lift(capsys) -> Callable[..., tuple[int, str, str]]:
    """`lift(entry=…)`: exit code, what was said, and what was said of failure."""

    def pull(reason: str = "A grave error", edition: str = "", entry: str = "") -> tuple[int, str, str]:
        capsys.readouterr()
        code = 0
        try:
            commands.lift(reason="" if edition or entry else reason, edition=edition, entry=entry)
        except typer.Exit as ended:
            code = ended.exit_code
        said = capsys.readouterr()
        return code, said.out, said.err

    return pull


def test_without_a_worker_the_command_publishes_and_sees_the_effect(lists, lift, resolver):
    entry = lists("bad.example")
    code, said, failed = lift(entry="bad.example")
    assert (code, failed) == (0, "")
    assert "No worker published it within" in said and "own: lifted after" in said
    entry.refresh_from_db()
    assert (entry.state, entry.listed, queries.in_force().names) == ("removed", False, 0)


def test_every_form_publishes_here(lists, lift):
    lists("one.example")
    lists("two.example")
    assert lift(edition="last")[0] == 0
    assert queries.in_force().names == 1
    assert lift()[0] == 0
    assert queries.in_force().kill_id == queries.open_kill().id


def test_a_resolver_that_blocks_still_is_named_and_the_command_fails(lists, lift, resolver, settings):
    other = Resolver()
    other.start()
    settings.PROBE_RESOLVERS = {"late": resolver.address, "prompt": other.address}
    resolver.blocks = True
    lists("bad.example")
    code, said, failed = lift(entry="bad.example")
    assert code == 1
    assert "prompt: lifted after" in said and "late" not in said
    assert failed.startswith("mamori: Blocks still, or does not answer: late.")
    assert failed.count("\n") == 1
    other.socket.close()


def test_who_may_not_publish_says_that_no_worker_runs_and_the_order_stands(lists, lift, settings):
    entry = lists("bad.example")
    settings.EDITION_KEY_DIR = None
    code, _said, failed = lift(entry="bad.example")
    assert code == 1
    assert "No worker runs" in failed and "MAMORI_EDITION_KEYS" in failed and "mamori worker" in failed
    entry.refresh_from_db()
    assert (entry.state, entry.listed) == ("pending_removal", True)


@pytest.mark.parametrize("form", [{"entry": "bad.example"}, {"edition": "last"}, {}])
def test_the_command_given_again_carries_out_what_stands(lists, lift, settings, press, form):
    lists("bad.example")
    settings.EDITION_KEY_DIR = None
    assert lift(**form)[0] == 1
    settings.EDITION_KEY_DIR = press.keys
    assert lift(**form)[0] == 0
    row = queries.in_force()
    assert row.kill_id is not None if not form else row.names == 0


def test_nothing_is_written_into_another_users_folder(lists, lift, monkeypatch):
    lists("bad.example")
    monkeypatch.setattr(lifting.os, "geteuid", lambda: os.getuid() + 1)
    code, _said, failed = lift()
    assert code == 1
    assert "belongs to another user" in failed
    assert queries.in_force().kill_id is None


@pytest.mark.django_db(transaction=True)
def test_it_never_publishes_beside_another_publisher(lists, lift, monkeypatch):
    lists("bad.example")
    monkeypatch.setattr(lifting, "LOCK_SECONDS", 1)
    given = connection.get_connection_params()
    with psycopg.connect(host=given.get("host"), port=given.get("port"), user=given.get("user"),
                         password=given.get("password"), dbname=given["dbname"], autocommit=True) as other:  # fmt: skip
        other.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        version = queries.in_force().version
        code, _said, failed = lift()
        assert code == 1
        assert "Another publisher has held the lock for 1 s" in failed
        connection.cursor().execute("RESET lock_timeout")
    assert queries.in_force().version == version


def test_files_that_are_lost_are_told_and_the_order_of_the_kill_switch_stands(lists, lift, press):
    lists("bad.example")
    (press.folder / "current" / "changes.jsonl").unlink()
    code, _said, failed = lift()
    assert code == 1
    assert "list_lost" in failed and "mamori list restore" in failed
    assert queries.open_kill() is not None


def test_a_name_that_a_shorter_entry_blocks_is_not_lifted_but_that_entry_is_named(lists, lift):
    entry = lists("bad.example")
    for word in ("www.bad.example", "WWW.bad.example", "https://www.bad.example/page"):
        with pytest.raises(typer.BadParameter) as refused:
            lift(entry=word)
        assert f"no entry is called {word}" in str(refused.value)
        assert "mamori kill-switch --entry bad.example" in str(refused.value)
    entry.refresh_from_db()
    assert (entry.state, entry.listed) == ("active", True)
    for word in ("bad.example.example", "other.example", "no name at all"):
        with pytest.raises(typer.BadParameter, match="nothing in force is called"):
            lift(entry=word)


def test_what_blocks_a_lifted_name_still_is_named(lists, lift, resolver):
    lists("bad.example")
    lists("www.bad.example")
    code, said, _failed = lift(entry="www.bad.example")
    assert code == 0
    assert "Blocked still by other entries: bad.example" in said
