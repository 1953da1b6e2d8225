"""The process that keeps the index like the bank: quick, killed, without its folder, on another database's folder."""

import json
import os
import random
import shutil
from statistics import median
from typing import Any

import pytest
import urllib3
from django.db import connection
from django.test.utils import CaptureQueriesContext

from mamori.ground.errors import DomainError
from mamori.lists.exchange.follower import Follower
from mamori.lists.exchange.index import Reader
from mamori.lists.exchange.items import Item
from mamori.lists.fingerprints import queries
from mamori.lists.fingerprints import services as bank
from mamori.lists.fingerprints.models import Disagreement
from mamori.lists.fingerprints.queries.folder import CURRENT, DIGESTS, PDQ, STATE, generation, read_state
from mamori.site import database
from tests.lists.exchange.conftest import Processes, near, token_of, wait

SECOND = 1.0


def found(folder: Any, *items: Item) -> list[set[int]]:
    return [{hit.fingerprint_id for hit in hits} for hits in Reader(folder).search(items)[1]]


def in_force() -> dict[int, Item]:
    """What the index must hold, by the bank."""
    return {
        value.id: Item(pdq=value.value) if value.algorithm == "pdq" else Item(digests={value.algorithm: value.value})
        for value in queries.all_in_force()
        if value.algorithm != "photodna"
    }


def same_as_the_bank(folder: Any) -> None:
    wanted = in_force()
    if wanted:
        for number, hits in zip(wanted, found(folder, *wanted.values()), strict=True):
            assert number in hits
    status = Reader(folder).status()
    assert status.pictures + status.digests == len(wanted)
    assert status.version == queries.last_change()


@pytest.mark.django_db
def test_additions_updates_and_withdrawals_are_followed(people: Any, known: Any, follow: Any, folder: Any) -> None:
    follow()
    same_as_the_bank(folder)
    entries = [
        known(pdq=os.urandom(32), md5=os.urandom(16), sha1=os.urandom(20), sha256=os.urandom(32)) for _ in range(5)
    ]
    entries.append(known(pdq=os.urandom(32), quality=49))
    entries.append(known("own", pdq=os.urandom(32)))
    follow()
    same_as_the_bank(folder)
    bank.entry_withdraw(actor=people.ann.actor, entry_id=entries[1].id)
    bank.entry_classify(actor=people.sue.actor, entry_id=entries[2].id, classification="national")
    follow()
    same_as_the_bank(folder)
    assert {p.name for p in folder.glob("g*")} == {"g00000001"}, "one generation, not made anew"


def disputes() -> set[Any]:
    return {(d.kind, frozenset({d.entry_id, d.other_id}), d.distance) for d in Disagreement.objects.all()}


@pytest.mark.django_db
def test_a_new_entry_is_compared_by_the_index_and_the_bank_is_not_read(
    people: Any, known: Any, follow: Any, folder: Any, settings: Any, run_jobs: Any
) -> None:
    """In the index, waiting, held, later than the index, ended: the same is found as by reading the whole bank."""
    value = os.urandom(32)
    indexed = [known(pdq=near(value, n), classification="national") for n in (1, 5, 31)]
    known(pdq=near(value, 40), classification="national")
    known(pdq=near(value, 6), classification="baseline")
    held, gone = (known(pdq=near(value, n), classification="national") for n in (7, 8))
    bank.hits_record({held.id: settings.FLOOD_HITS})
    run_jobs()
    follow()
    bank.entry_withdraw(actor=people.ann.actor, entry_id=gone.id)
    late = known(pdq=near(value, 9), classification="national")
    waits = bank.entry_add(
        actor=people.ann.actor,
        source_code="ngo",
        source_ref="waits",
        media="image",
        classification="national",
        fingerprints=[bank.NewFingerprint("pdq", near(value, 10), 100)],
    )
    run_jobs()
    Disagreement.objects.all().delete()
    new = known(pdq=value)
    with CaptureQueriesContext(connection) as asked:
        bank.entry_compare(entry_id=new.id)
    reads = [
        each["sql"] for each in asked if '"fingerprints_fingerprint"."value"' in each["sql"].partition(" FROM ")[0]
    ]
    assert len(reads) >= 3
    assert all('"entry_id" IN (' in sql or '"entry_id" = ' in sql for sql in reads), "only what the index has not"
    by_index = disputes()
    entries = [*indexed, held, late, waits]
    assert by_index == {
        ("similar", frozenset({new.id, each.id}), n) for each, n in zip(entries, (1, 5, 31, 7, 9, 10), strict=True)
    }
    Disagreement.objects.all().delete()
    settings.IMAGE_INDEX = None
    bank.entry_compare(entry_id=new.id)
    assert disputes() == by_index
    Disagreement.objects.all().delete()
    settings.IMAGE_INDEX = folder
    kept = json.loads((generation(folder) / STATE).read_text())
    (generation(folder) / STATE).write_text(json.dumps({**kept, "kind": "withdraw", "entry": "another feed's"}))
    bank.entry_compare(entry_id=new.id)
    assert disputes() == by_index, "an index of another database is not trusted"


@pytest.mark.django_db
def test_a_random_history_ends_like_the_bank(people: Any, known: Any, follow: Any, folder: Any) -> None:
    rng = random.Random(7)
    entries: list[Any] = []
    for _step in range(60):
        if entries and rng.random() < 0.4:
            bank.entry_withdraw(actor=people.ann.actor, entry_id=entries.pop(rng.randrange(len(entries))).id)
        else:
            entries.append(known(pdq=rng.randbytes(32), md5=rng.randbytes(16)))
        if rng.random() < 0.3:
            follow()
    follow()
    same_as_the_bank(folder)


@pytest.mark.django_db
@pytest.mark.parametrize("damage", ["folder", "current", "state", "pdq", "digests", "generation", "other_words"])
def test_a_missing_or_damaged_folder_is_made_anew(known: Any, follow: Any, folder: Any, damage: str) -> None:
    known(pdq=os.urandom(32), md5=os.urandom(16))
    follow()
    place = generation(folder)
    spoil = {
        "folder": lambda: shutil.rmtree(folder),
        "current": lambda: (folder / CURRENT).write_text("../../etc"),
        "state": lambda: (place / STATE).write_text("{"),
        "other_words": lambda: (place / STATE).write_text('{"seq": []}'),
        "pdq": lambda: spoiled(place / PDQ),
        "digests": lambda: spoiled(place / DIGESTS),
        "generation": lambda: shutil.rmtree(place),
    }
    spoil[damage]()
    known(md5=os.urandom(16))
    follow()
    same_as_the_bank(folder)


def spoiled(path: Any) -> None:
    """Every file of an index without its second half."""
    for each in [path, *path.rglob("*")] if path.is_dir() else [path]:
        if each.is_file():
            with each.open("r+b") as file:
                file.truncate(each.stat().st_size // 2)


@pytest.mark.django_db
def test_the_folder_of_another_database_is_made_anew(known: Any, follow: Any, folder: Any) -> None:
    first = known(md5=os.urandom(16))
    follow()
    place = generation(folder)
    state = json.loads((place / STATE).read_text())
    for wrong in ({**state, "seq": state["seq"] + 100}, {**state, "entry": str(first.source_id)}):
        (generation(folder) / STATE).write_text(json.dumps(wrong))
        before = generation(folder)
        follow()
        assert generation(folder) != before
        same_as_the_bank(folder)


@pytest.mark.django_db
def test_two_followers_do_not_write_one_folder(follow: Any, folder: Any) -> None:
    with Follower(folder).holding(), pytest.raises(DomainError, match="index_followed"), Follower(folder).holding():
        pass
    follow()


@pytest.mark.django_db
def test_taking_changes_in_twice_changes_nothing(people: Any, known: Any, follow: Any, folder: Any) -> None:
    """As after a crash between the index and the note of its last change."""
    entries = [known(pdq=os.urandom(32), md5=os.urandom(16)) for _ in range(4)]
    follow()
    place = generation(folder)
    before = (place / STATE).read_text()
    bank.entry_withdraw(actor=people.ann.actor, entry_id=entries[0].id)
    known(pdq=os.urandom(32), sha256=os.urandom(32))
    follow()
    (place / STATE).write_text(before)
    follow()
    same_as_the_bank(folder)
    assert generation(folder) == place


def up_to_date(folder: Any) -> bool:
    return read_state(generation(folder)).seq == queries.last_change()


def hang_up() -> None:
    """The database ends the follower's connection."""
    role = database.role_name("worker")
    with connection.cursor() as cursor:
        cursor.execute(f'GRANT "{role}" TO CURRENT_USER')
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [role])
        assert cursor.rowcount >= 1


@pytest.mark.django_db
def test_the_doctor_says_whether_the_index_is_there_and_followed(
    frozen: Any, settings: Any, known: Any, follow: Any, folder: Any
) -> None:
    from mamori.site.doctor import _images

    settings.IMAGE_INDEX = None
    assert (_images().level, _images().remedy) == ("note", "set MAMORI_IMAGE_INDEX")
    settings.IMAGE_INDEX = folder
    assert (_images().level, _images().remedy) == ("bad", "start it: mamori images index")
    known(md5=os.urandom(16))
    version = follow()
    assert (_images().level, _images().finding) == ("good", f"holds all changes up to {version}")
    known(md5=os.urandom(16))
    frozen.shift(61)
    assert (_images().level, _images().finding) == ("bad", "behind since 61 s")
    follow()
    frozen.shift(61)
    assert (_images().level, _images().finding) == ("bad", "nobody has followed for 61 s")


# --- as a process, beside a served partner face -----------------------------------------------------------------------


def ask(face: str, secret: str, *items: dict[str, str]) -> urllib3.BaseHTTPResponse:
    headers = {"Authorization": f"Bearer {secret}"}
    return urllib3.request(
        "POST", f"{face}/api/v1/match", json={"items": items}, headers=headers, retries=False, timeout=30
    )


def entries_of(answer: urllib3.BaseHTTPResponse) -> list[int]:
    assert answer.status == 200, answer.data
    return [match["entry"] for result in answer.json()["results"] for match in result["matches"]]


@pytest.mark.django_db(transaction=True)
def test_a_change_is_effective_within_a_second_and_neither_a_lost_database_nor_a_kill_loses_one(
    processes: Processes, people: Any, known: Any, folder: Any
) -> None:
    _token, secret = token_of(people.provider)
    first = known(pdq=os.urandom(32))
    with processes.partner() as face, processes.running("worker", "images", "index") as follower:
        assert ask(face, secret, {"md5": "0" * 32}).status in {200, 503}
        wait((folder / CURRENT).exists, 240, follower.log.read_text)
        wait(lambda: ask(face, secret, {"md5": "0" * 32}).status == 200, 240, follower.log.read_text)
        effective = []
        for _each in range(5):
            picture = os.urandom(32)
            entry = known(pdq=picture)
            item, number = {"pdq": near(picture, 7).hex()}, entry.number

            def is_told(item: dict[str, str] = item, number: int = number) -> bool:
                return entries_of(ask(face, secret, item)) == [number]

            effective.append(wait(is_told, 60, follower.log.read_text))
            bank.entry_withdraw(actor=people.ann.actor, entry_id=entry.id)
            assert not is_told()
            effective.append(wait(lambda: up_to_date(folder), 60, follower.log.read_text))
        assert median(effective) < SECOND, effective  # the machine may be busy
        hang_up()
        known(md5=os.urandom(16))
        wait(lambda: up_to_date(folder), 60, follower.log.read_text)
        for number in range(40):
            known(pdq=os.urandom(32), md5=os.urandom(16))
            if number == 20:
                follower.kill()
        connection.close()
        assert ask(face, secret, {"md5": "0" * 32}).status == 200, "the index stays readable"
        with processes.running("worker", "images", "index") as again:
            wait(lambda: up_to_date(folder), 120, again.log.read_text)
            same_as_the_bank(folder)
            assert b"made anew" not in again.log.read_bytes()
            numbers = entries_of(ask(face, secret, *[{"pdq": i.pdq.hex()} for i in in_force().values() if i.pdq]))
            assert len(numbers) == 41
            assert first.number in numbers
            again.process.terminate()
            assert again.process.wait(30) == 0
            assert again.log.read_text() == ""
