"""A file given on the page of imports: stored first, read by the worker, seen on its way, and gone from there when read."""

import io
import json
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from mamori.ground import clock, jobs
from mamori.ground.actors import SYSTEM, Role
from mamori.ground.audit.models import Event
from mamori.ground.errors import DomainError
from mamori.ground.retention import data_classes
from mamori.ground.ui.uploads import MOST_HELD
from mamori.lists.fingerprints import queries, services
from mamori.lists.fingerprints.formats import Bad, Format, Record, Value
from mamori.lists.fingerprints.formats.icse import HEADER
from mamori.lists.fingerprints.formats.packed import pack, unpack
from mamori.lists.fingerprints.models import Entry, ImportPiece, ImportRun
from mamori.lists.fingerprints.services import uploads
from tests.lists.fingerprints.test_pages import desk

__all__ = ["desk"]
MD5 = "0123456789abcdef0123456789abcdef"
LINES = 12_000  # three batches


def lines(number: int = LINES) -> bytes:
    return "".join(f"{each:032x}\n" for each in range(number)).encode()


def sent(browser: Any, body: bytes, **more: Any) -> Any:
    form = {"source": "ngo", "format": "md5", "profile": "us", "kind": "image"}
    return browser.post("/bank/imports/", form | {"file": SimpleUploadedFile("list.txt", body)} | more)


def given_file(bank: Any, body: bytes, form: Format = Format.MD5, source: str = "ngo") -> ImportRun:
    stream = io.BytesIO(body)
    return services.import_upload(actor=bank.sue.actor, source_code=source, form=form, stream=stream)


def take_job() -> str:
    """The waiting job that reads a file, as a worker has it that dies over it: under way, and nobody does it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE procrastinate_jobs SET status = 'doing' WHERE id = (SELECT min(id) FROM procrastinate_jobs"
            " WHERE status = 'todo' AND args->>'name' = 'fingerprints.read_import')"
            " RETURNING args->'arguments'->>'import_id'"
        )
        return str(cursor.fetchone()[0])


def test_a_file_is_stored_then_read_by_the_worker_and_seen_on_its_way(bank: Any, desk: Any, run_jobs: Any) -> None:
    sue, ann = desk(bank.sue), desk(bank.ann)
    body = lines() + b"not a digest\n"
    answer = sent(sue, body)
    run = ImportRun.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/bank/imports/{run.id}/")
    assert (run.state, run.total, run.read, run.imported_by) == ("waiting", LINES + 1, 0, bank.sue)
    assert (ImportPiece.objects.count(), Entry.objects.count()) == (3, 0)
    assert jobs.waiting("fingerprints.read_import", import_id=str(run.id)) == 1
    page = sue.get(answer["Location"]).content.decode()
    assert "0 of 12,001 records read" in page
    assert "The worker begins as soon as it is free" in page
    assert "Waits to be read" in sue.get("/bank/imports/").content.decode()

    assert uploads._taken_up(run.id)
    bank.clock.shift(timedelta(seconds=2))
    assert uploads._next_kept(run.id)
    page = ann.get(answer["Location"]).content.decode()
    assert "5,000 of 12,001 records read" in page
    assert "41 %" in page
    assert "2,500 records a second" in page
    assert "time left: less than a minute" in page
    assert "Agree to the whole import" not in page
    assert "Stop reading" not in page  # an analyst imports nothing
    assert 'http-equiv="refresh"' not in page
    assert '<meta http-equiv="refresh" content="5">' in ann.get(f"{answer['Location']}?refresh").content.decode()
    assert ann.post(f"{answer['Location']}confirm/").status_code == 409
    assert ann.post(f"{answer['Location']}withdraw/").status_code == 409

    run_jobs()
    run.refresh_from_db()
    assert (run.state, run.read, run.added, run.refused) == ("done", LINES + 1, LINES, 1)
    assert run.refusals == [{"at": "line 12001", "code": "bad_md5"}]
    assert not ImportPiece.objects.exists()
    assert set(Entry.objects.values_list("proposed_by", "state")) == {(bank.sue.id, "proposed")}
    asked = ann.get(answer["Location"], headers={"HX-Request": "true"})
    assert asked["HX-Refresh"] == "true"  # the script's question is answered with: load the page anew
    page = ann.get(answer["Location"]).content.decode()
    assert "records read" not in page
    assert "Not an MD5 digest" in page
    assert "Lines 12001" in page
    assert ann.post(f"{answer['Location']}confirm/").status_code == 302
    run_jobs()
    assert Entry.objects.filter(state="active").count() == LINES
    told = Event.objects.filter(event__in=["fingerprints.import_begun", "fingerprints.import_ended"]).order_by("id")
    assert [event.actor_id for event in told] == [bank.sue.id, None]


def test_a_page_in_japanese(bank: Any, desk: Any) -> None:
    sue = desk(bank.sue)
    sue.defaults["HTTP_ACCEPT_LANGUAGE"] = "ja"
    page = sue.get(sent(sue, lines(3))["Location"]).content.decode()
    assert "3件中0件を読み込み" in page
    assert "読み込みを中止する" in page


def test_a_worker_that_dies_half_way_leaves_whole_batches_and_the_next_goes_on_behind_them(
    bank: Any, desk: Any, run_jobs: Any
) -> None:
    run = given_file(bank, lines(), source="own")
    assert take_job() == str(run.id)
    assert uploads._taken_up(run.id)
    assert uploads._next_kept(run.id)  # and dies
    left = ImportPiece.objects.get(number=1)
    with pytest.raises(ZeroDivisionError), connection.execute_wrapper(fails_at("DELETE")):
        uploads._next_kept(run.id)
    assert ImportPiece.objects.filter(id=left.id).exists()
    run.refresh_from_db()
    assert (run.state, run.read, run.added) == ("running", 5000, Entry.objects.count()) == ("running", 5000, 5000)
    assert services.imports_resume() == 0  # the job is still said to be under way: the queue gives it back by itself
    bank.clock.shift(timedelta(minutes=2))
    page = desk(bank.sue).get(f"/bank/imports/{run.id}/?refresh").content.decode()
    assert "Nothing was read for a minute" in page
    assert "hx-get" not in page.partition('id="import-run"')[2].partition(">")[0]
    assert 'http-equiv="refresh"' not in page
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'todo' WHERE status = 'doing'")
    run_jobs()
    run.refresh_from_db()
    assert (run.state, run.read, run.added, run.known, run.attempts) == ("done", LINES, LINES, 0, 0)
    assert len(queries.all_in_force()) == LINES
    assert len(queries.changes_since(0, 2 * LINES)) == LINES


def fails_at(word: str) -> Any:
    """The database answers no statement that begins so."""

    def wrapper(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith(word):
            raise ZeroDivisionError
        return execute(sql, *rest)

    return wrapper


@pytest.mark.parametrize("pages", [False, True], ids=["no row", "no row on many pages"])
def test_a_first_file_is_compared_at_once_though_the_planner_knows_of_no_row(
    bank: Any, run_jobs: Any, pages: bool
) -> None:
    if pages:  # as after an import that was rolled back
        with transaction.atomic():
            services.import_read(import_id=given_file(bank, lines()).id)
            transaction.set_rollback(True)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE fingerprints_entry, fingerprints_fingerprint")
    records = [f"{each:032x};;;{each};;;;;;;Image;{each % 2}" for each in range(LINES)]
    for number in range(2):
        given_file(bank, "\n".join((";".join(HEADER), *records)).encode(), Format.ICSE, ("own", "ngo")[number])
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '60s'")
    run_jobs()
    assert set(ImportRun.objects.values_list("state", "added")) == {("done", LINES)}


def test_a_lost_job_is_stored_again_once(bank: Any, run_jobs: Any) -> None:
    run = given_file(bank, lines(10))
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
    assert (services.imports_close(), services.imports_resume(), services.imports_resume()) == (0, 1, 0)
    run_jobs()
    run.refresh_from_db()
    assert (run.state, run.added) == ("done", 10)
    assert services.imports_resume() == 0


def test_a_file_that_ends_its_reader_each_time_is_given_up_and_said_so(bank: Any, desk: Any, run_jobs: Any) -> None:
    run = given_file(bank, lines(10))
    for _death in range(uploads.MOST_ATTEMPTS):
        assert uploads._taken_up(run.id)
    services.import_read(import_id=run.id)
    run.refresh_from_db()
    assert (run.state, run.read) == ("failed", 0)
    assert not ImportPiece.objects.exists()
    sue = desk(bank.sue)
    assert "import the same file again" in sue.get(f"/bank/imports/{run.id}/").content.decode()
    assert "Imports that broke off" in sue.get("/", follow=True).content.decode()
    bank.clock.shift(timedelta(minutes=1))
    given_file(bank, lines(10))
    run_jobs()
    assert "Imports that broke off" not in sue.get("/", follow=True).content.decode()


def test_two_workers_never_read_one_file_at_once(bank: Any) -> None:
    import psycopg

    run = given_file(bank, lines(10))
    settings = connection.settings_dict
    with psycopg.connect(
        dbname=settings["NAME"],
        user=settings["USER"],
        password=settings["PASSWORD"],
        host=settings["HOST"],
        port=settings["PORT"],
    ) as other:
        other.execute("SELECT pg_advisory_lock(%s, hashtext(%s))", [7_261_013, str(run.id)])
        services.import_read(import_id=run.id)
        run.refresh_from_db()
        assert run.state == "waiting"
        other.execute("SELECT pg_advisory_unlock_all()")
    services.import_read(import_id=run.id)
    run.refresh_from_db()
    assert run.state == "done"


def test_who_imports_may_stop_it_and_what_was_read_can_be_withdrawn(bank: Any, desk: Any, run_jobs: Any) -> None:
    sue, ann = desk(bank.sue), desk(bank.ann)
    link = sent(sue, lines())["Location"]
    run = ImportRun.objects.get()
    assert uploads._taken_up(run.id)
    assert uploads._next_kept(run.id)
    assert "Stop reading" in sue.get(link).content.decode()
    assert ann.post(f"{link}stop/").status_code == 403
    assert sue.post(f"{link}stop/").status_code == 302
    assert not uploads._next_kept(run.id)
    run.refresh_from_db()
    assert (run.state, run.added) == ("stopped", 5000)
    assert not ImportPiece.objects.exists()
    page = sue.get(link).content.decode()
    assert "It was stopped before the end of the file" in page
    assert "Imports that broke off" not in sue.get("/", follow=True).content.decode()
    assert sue.post(f"{link}stop/").status_code == 409
    assert "Imports that wait for a second person" in ann.get("/", follow=True).content.decode()
    assert ann.post(f"{link}withdraw/").status_code == 302
    run_jobs()
    run.refresh_from_db()
    assert (run.state, run.read) == ("stopped", 5000)
    assert set(Entry.objects.values_list("state", flat=True)) == {"withdrawn"}


def test_what_the_command_line_reads_is_not_stopped_here(bank: Any, desk: Any) -> None:
    run = given_file(bank, lines(10))
    ImportPiece.objects.all().delete()
    ImportRun.objects.update(state="running", total=None, reading_at=clock.now(), read=5)
    page = desk(bank.sue).get(f"/bank/imports/{run.id}/").content.decode()
    assert "5 records read" in page
    assert "Stop reading" not in page
    with pytest.raises(DomainError, match="not_to_stop"):
        services.import_stop(actor=bank.sue.actor, import_id=run.id)
    bank.clock.shift(timedelta(minutes=2))
    assert "ask the operator who began it" in desk(bank.sue).get(f"/bank/imports/{run.id}/").content.decode()


@pytest.mark.parametrize(
    ("body", "form", "said"),
    [
        (b"", "md5", "The submitted file is empty"),
        (b"# only a remark\n", "md5", "The file holds no record"),
        (b"a;b;c\n1;2;3\n", "icse", "not of this format"),
        (b"not json", "vics-2.0", "not of this format"),
    ],
)
def test_a_file_nothing_can_be_taken_from_is_refused_and_nothing_stored(
    bank: Any, desk: Any, body: bytes, form: str, said: str
) -> None:
    answer = sent(desk(bank.sue), body, format=form)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not ImportRun.objects.exists()
    assert not ImportPiece.objects.exists()


def test_a_larger_file_is_refused_with_the_way_that_takes_it(bank: Any, desk: Any) -> None:
    sue, command = desk(bank.sue), "mamori images import FILE --format FORMAT --source SOURCE --by MAIL"
    answer = sent(sue, b"\n" * (MOST_HELD + 1))
    assert answer.status_code == 422
    assert "larger than 10 MB" in answer.content.decode()
    assert command in answer.content.decode()
    answer = sue.get("/bank/imports/?too-large")  # where the proxy leads requests it does not let through
    assert answer.status_code == 413
    assert command in answer.content.decode()
    assert desk(bank.ann).get("/bank/imports/?too-large").status_code == 200
    assert not ImportRun.objects.exists()


def test_the_largest_file_is_taken_and_never_touches_a_disk(bank: Any, desk: Any, settings: Any, tmp_path: Any) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path / "nowhere")  # a temporary file would fail
    body = lines(1000)
    body += b"#" * (MOST_HELD - len(body) - 1) + b"\n"
    assert sent(desk(bank.sue), body).status_code == 302
    assert ImportRun.objects.get().total == 1000


def test_what_a_file_holds_beside_fingerprints_is_not_stored(bank: Any) -> None:
    record = {
        "MD5": MD5,
        "Category": 1,
        "Comments": "a remark",
        "VictimName": "a name",
        "MediaFiles": [{"FilePath": "/x"}],
    }
    body = json.dumps({"@odata.context": "x#Media", "value": [record]}).encode()
    given_file(bank, body, Format.VICS_2)
    stored = ImportPiece.objects.get().records
    assert json.loads(stored) == [["record 1", f"md5:{MD5}", "image", "vics:us", "1", [["md5", MD5, None]], None]]


_WORD = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=9)
_VALUE = st.builds(Value, st.sampled_from(["pdq", "md5"]), st.binary(max_size=32), st.none() | st.integers(0, 100))
_DAY = st.none() | st.dates(date(1900, 1, 1))
_RECORD = st.builds(Record, _WORD, _WORD, _WORD, _WORD, _WORD, st.lists(_VALUE, max_size=3).map(tuple), _DAY)


@given(st.lists(_RECORD | st.builds(Bad, _WORD, _WORD), max_size=4))
def test_what_is_stored_is_read_as_it_was(records: list[Record | Bad]) -> None:
    assert unpack(pack(records)) == records


def test_what_is_never_read_ends_with_its_period(bank: Any, person: Any) -> None:
    run = given_file(bank, lines(10))
    due = next(each for each in data_classes() if each.name == "fingerprints.upload")
    assert due.due(clock.now() - due.period, 10) == []
    bank.clock.shift(timedelta(days=8))
    ids = due.due(clock.now() - due.period, 10)
    assert ids == [run.id]
    assert due.destroy(person(Role.SENIOR_ANALYST).actor, ids) == 1
    run.refresh_from_db()
    assert (run.state, ImportPiece.objects.count()) == ("failed", 0)
    assert due.destroy(SYSTEM, ids) == 0
