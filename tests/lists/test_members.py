"""Only keys the root vouches for count: neither the database nor a face can add a member of the list body."""

import base64
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection

from mamori.engine.editions import Member, key_id, read_members
from mamori.engine.keys import create_signing_key, load_signing_key, public_path
from mamori.ground import clock
from mamori.ground.accounts.models import User
from mamori.ground.actors import Role
from mamori.lists.distribution import services, store
from mamori.lists.distribution.keys import load_keys, member_add, member_remove
from mamori.lists.distribution.models import Edition
from mamori.lists.listing import services as listing
from tests.lists.cases import Body, in_force, listable

pytestmark = pytest.mark.django_db
URL = "https://bad.example/board/1"


def insert_key(person: User, by: User, key: Ed25519PrivateKey) -> None:
    """What a superuser of the database does: a key row, confirmed, past every service."""
    raw = key.public_key().public_bytes_raw()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO listing_signingkey (id, person_id, public_key, registered_at, confirmed_by_id, confirmed_at)"
            " VALUES (%s, %s, %s, now(), %s, now())",
            [key_id(raw), person.id, raw, by.id],
        )


def refusals() -> set[str]:
    return {each["code"] for each in Edition.objects.filter(state="refused").latest("version").refusals}


def test_keys_put_into_the_database_list_nothing(press, body: Body, person, run_jobs):
    """One attacker with the database makes both signatures; the gate still counts nobody."""
    mallory, eve = person(Role.LIST_REVIEWER), person(Role.LIST_APPROVER)
    for user, other in ((mallory, eve), (eve, mallory)):
        body.keys[user.id] = Ed25519PrivateKey.generate()
        insert_key(user, other, body.keys[user.id])
    entry = body.activate(body.propose(listable(URL, person), by=mallory), by=eve)
    run_jobs()
    assert (entry.state, in_force(press), refusals()) == ("active", set(), {"too_few_persons"})


def test_one_forged_key_beside_a_members_own_is_one_person(press, body: Body, person, run_jobs):
    eve = person(Role.LIST_APPROVER)
    body.keys[eve.id] = Ed25519PrivateKey.generate()
    insert_key(eve, body.approver, body.keys[eve.id])
    body.activate(body.propose(listable(URL, person)), by=eve)
    run_jobs()
    assert (in_force(press), refusals()) == (set(), {"too_few_persons"})


def test_a_second_key_of_one_person_under_another_account_is_still_that_person(press, body: Body, person, run_jobs):
    """Persons are counted as the root's list names them, not as the database says."""
    eve = person(Role.LIST_APPROVER)
    body.keys[eve.id] = Ed25519PrivateKey.generate()
    insert_key(eve, body.approver, body.keys[eve.id])
    _add(press.keys, body.reviewer.name, "approver", body.keys[eve.id])
    body.activate(body.propose(listable(URL, person)), by=eve)
    run_jobs()
    assert (in_force(press), refusals()) == (set(), {"too_few_persons"})


def test_a_proper_member_added_by_the_root_key_counts_and_subscribers_can_check_it(press, body: Body, person, run_jobs):
    newcomer = person(Role.LIST_APPROVER, name="Nao Newcomer")
    body.keys[newcomer.id] = Ed25519PrivateKey.generate()
    raw = body.keys[newcomer.id].public_key().public_bytes_raw()
    row = listing.key_register(actor=newcomer.actor, public_key=base64.b64encode(raw).decode())
    listing.key_confirm(actor=body.approver.actor, key=row.id)
    entry = body.activate(body.propose(listable(URL, person)), by=newcomer)
    run_jobs()
    entry.refresh_from_db()
    assert in_force(press) == set()
    assert entry.refused[0]["code"] == "too_few_persons"
    _add(press.keys, "Nao Newcomer", "approver", body.keys[newcomer.id])
    services.edition_publish()
    entry.refresh_from_db()
    assert (in_force(press), entry.refused) == ({"bad.example"}, [])
    published = store.read(press.folder, store.current(press.folder) or 0)["members.json"]
    assert row.id in read_members(published, press.root).on(clock.now().date())


@pytest.mark.parametrize("how", ["missing", "changed", "rubbish", "removed", "ended", "revoked"])
def test_without_a_valid_list_nothing_is_added_and_what_ends_still_ends(press, body: Body, person, run_jobs, how: str):
    gone = listable("https://gone.example/1", person)
    body.list(gone)
    body.list(listable("https://stays.example/1", person))
    run_jobs()
    path: Path = press.keys / "members.json"
    entry = body.propose(listable(URL, person))
    if how == "missing":
        path.unlink()
    elif how == "changed":
        path.write_bytes(path.read_bytes().replace(b"reviewer", b"approver"))
    elif how == "rubbish":
        path.write_bytes(b"rubbish")
    elif how == "removed":
        member_remove(press.keys, body.approver.name, (load_signing_key(press.keys / "root.pem"),))
    body.activate(entry)
    if how == "ended":
        path.unlink()
        _add(press.keys, body.reviewer.name, "reviewer", body.keys[body.reviewer.id])
        _add(press.keys, body.approver.name, "approver", body.keys[body.approver.id], days=0)
    elif how == "revoked":
        raw = body.keys[body.approver.id].public_key().public_bytes_raw()
        listing.key_revoke(actor=body.approver.actor, key=key_id(raw))
    listing.content_gone(content_id=gone)
    run_jobs()
    assert (in_force(press), refusals()) == ({"stays.example"}, {"too_few_persons"})


def _add(folder: Path, who: str, role: str, key: Ed25519PrivateKey, days: int = 365) -> None:
    """`days`: until the key ends, counted from today."""
    today = clock.now().date()
    first = today - timedelta(days=30)
    member = Member(who, role, key.public_key().public_bytes_raw(), first, today + timedelta(days=days))  # type: ignore[arg-type]
    member_add(folder, member, (load_signing_key(folder / "root.pem"),))


# --- the command, where the root key is: no settings, no database -------------------------------------------------


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    bare = {"PATH": os.environ["PATH"], "COLUMNS": "200"}

    def command(*arguments: object) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "mamori", *map(str, arguments)]
        return subprocess.run(line, env=bare, capture_output=True, text=True, check=False)

    assert command("keys", "edition", tmp_path / "edition").returncode == 0
    return command


def test_members_are_added_rotated_and_removed_with_the_root_key(run, tmp_path: Path):
    folder, safe = tmp_path / "edition", tmp_path / "safe.pem"
    (folder / "root.pem").rename(safe)
    ids = {}
    for name in ("endo", "endo-2", "fujii"):
        ids[name] = key_id(create_signing_key(tmp_path / f"{name}.pem").public_bytes_raw())

    def members(*arguments: object) -> subprocess.CompletedProcess[str]:
        return run("list", "members", *arguments, "--root-key", safe)

    def add(who: str, file: str, role: str, *more: object) -> subprocess.CompletedProcess[str]:
        return members("add", folder, who, public_path(tmp_path / f"{file}.pem"), "--role", role, *more)

    done = add("endo", "endo", "reviewer", "--since", "2026-01-01", "--until", "2027-01-01")
    assert done.returncode == 0, done.stderr
    assert ids["endo"] in done.stdout
    assert add("fujii", "fujii", "approver").returncode == 0
    shown = run("list", "members", "show", folder).stdout
    assert ids["endo"] in shown and ids["fujii"] in shown and "2027-01-01" in shown and "version 2" in shown
    # A new key for endo, then the old one goes.
    assert add("endo", "endo-2", "reviewer").returncode == 0
    assert members("remove", folder, ids["endo"]).returncode == 0
    vouched = load_keys(folder).vouched()
    assert (vouched.version, {one.key_id for one in vouched.keys}) == (4, {ids["endo-2"], ids["fujii"]})
    assert members("remove", folder, "endo").returncode == 0
    before = (folder / "members.json").read_bytes()
    for faulty in (
        add("fujii", "fujii", "approver"),  # twice
        add("endo", "endo", "boss"),
        add("endo", "endo", "reviewer", "--until", "2020-01-01"),
        add("endo", "endo", "reviewer", "--until", "soon"),
        members("remove", folder, "nobody"),
        run("list", "members", "add", folder, "x", public_path(tmp_path / "endo.pem"), "--role", "reviewer"),
        run("list", "members", "remove", folder, "fujii", "--root-key", tmp_path / "endo.pem"),
    ):
        assert faulty.returncode == 2, faulty.stdout
        assert "Traceback" not in faulty.stderr
    assert (folder / "members.json").read_bytes() == before
    (folder / "members.json").write_text("{}")
    assert run("list", "members", "show", folder).returncode == 2
    assert load_keys(folder).vouched().keys == ()
