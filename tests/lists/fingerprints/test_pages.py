"""The bank through the front door: each step of a person, and what is refused."""

import io
import json
import re
import subprocess
import sys
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from mamori.ground import clock
from mamori.ground.actors import Role
from mamori.lists.fingerprints import queries, services
from mamori.lists.fingerprints.formats import Format
from mamori.lists.fingerprints.models import Entry, Harmless, ImportRun, Source
from tests.lists.fingerprints.drawings import drawing

MD5 = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def desk(bank, browser_of, settings):
    """`desk(person)`: that person's browser, in English."""

    def make(user):
        browser = browser_of(user)
        browser.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
        return browser

    settings.ROOT_URLCONF = "mamori.site.urls_staff"
    return make


def added(browser, **data):
    form = {"source": "ngo", "kind": "image", "classification": "national", "typed": f"{MD5}\npdq {'0f' * 32},90\n"}
    return browser.post("/bank/add/", form | data)


def test_from_typed_digests_to_an_entry_in_force_by_two_persons(bank, desk):
    ann, ben = desk(bank.ann), desk(bank.ben)
    answer = added(ann)
    entry = Entry.objects.get()
    assert answer["Location"] == f"/bank/entry/{entry.id}/"
    assert "You proposed this entry" in ann.get(f"/bank/entry/{entry.id}/").content.decode()
    assert ann.post(f"/bank/entry/{entry.id}/confirm/").status_code == 409
    assert str(entry.number) in ben.get("/bank/proposals/").content.decode()
    assert ben.post(f"/bank/entry/{entry.id}/confirm/").status_code == 302
    assert {v.algorithm for v in queries.all_in_force()} == {"md5", "pdq"}
    page = ben.get(f"/bank/entry/{entry.id}/").content.decode()
    assert "In force" in page
    assert "National" in page
    assert ben.get(f"/bank/entry/{entry.id}/withdraw/").status_code == 200
    assert ben.post(f"/bank/entry/{entry.id}/withdraw/", {"reason": "mistake"}).status_code == 302
    assert queries.all_in_force() == []
    assert ben.post(f"/bank/entry/{entry.id}/withdraw/", {"reason": "mistake"}).status_code == 409


def test_the_desk_tells_how_much_providers_examined(bank, desk):
    today = clock.now().date()
    for days, examined in ((0, 1200), (29, 30), (30, 5000)):
        services.examined_record(
            organisation_id=bank.provider.id, day=today - timedelta(days=days), examined=examined, similar=2, same=1
        )
    page = re.sub(r"<[^>]+>|\s+", " ", desk(bank.ann).get("/bank/").content.decode())
    assert re.search(r"Files examined by providers, last 30 days\s+1,230", page)
    assert re.search(r"of these the same as an entry\s+2\b", page)
    assert re.search(r"of these similar to an entry\s+4\b", page)


@pytest.mark.parametrize(
    "typed", ["", "# only a remark", "xyz", MD5[:-1], f"md5 {MD5},50", f"photodna {MD5}", "pdq 0f,1", f"{MD5},x"]
)
def test_what_is_no_fingerprint_is_named(bank, desk, typed):
    answer = added(desk(bank.ann), typed=typed)
    assert answer.status_code == 422
    assert "fingerprint" in answer.content.decode()
    assert not Entry.objects.exists()


def test_a_file_of_lines_is_taken_and_a_picture_is_not(bank, desk):
    ann = desk(bank.ann)
    picture = SimpleUploadedFile("a.png", drawing(64), "image/png")
    answer = added(ann, typed="", file=picture)
    assert answer.status_code == 422
    assert "Pictures are not taken" in answer.content.decode()
    answer = added(ann, typed="", file=SimpleUploadedFile("a.txt", f"sha1 {'ab' * 20}\n".encode()))
    assert answer.status_code == 302
    assert Entry.objects.get().source_ref.startswith("sha1:")


def test_votes_and_disagreements_on_the_pages(bank, desk, shared):
    entry = shared()
    ann, sue = desk(bank.ann), desk(bank.sue)
    assert ann.post(f"/bank/entry/{entry.id}/vote/", {"verdict": "deny", "reason": "adult"}).status_code == 302
    assert "This entry is disputed" in ann.get(f"/bank/entry/{entry.id}/").content.decode()
    page = sue.get("/bank/disagreements/").content.decode()
    link = re.search(r"/bank/disagreements/[0-9a-f-]{36}/", page)[0]
    assert "Settle it" in sue.get(link).content.decode()
    assert "Settle it" not in ann.get(link).content.decode()
    assert ann.post(f"{link}settle/", {"outcome": "kept"}).status_code == 403
    assert sue.post(f"/bank/entry/{entry.id}/class/", {"classification": "baseline_2"}).status_code == 302
    assert sue.post(f"{link}settle/", {"outcome": "reclassified"}).status_code == 302
    assert "This entry is disputed" not in ann.get(f"/bank/entry/{entry.id}/").content.decode()
    entry.refresh_from_db()
    assert entry.classification == "baseline_2"


def test_the_negative_bank_by_two_persons(bank, desk):
    ann, ben = desk(bank.ann), desk(bank.ben)
    form = {"value": MD5, "reason": "The logo of a weather service.", "days": 90}
    assert ann.post("/bank/harmless/", form | {"value": "zz"}).status_code == 422
    assert ann.post("/bank/harmless/", form).status_code == 302
    row = Harmless.objects.get()
    assert ann.post(f"/bank/harmless/{row.id}/confirm/").status_code == 409
    assert ben.post(f"/bank/harmless/{row.id}/confirm/").status_code == 302
    assert len(queries.harmless_in_force()) == 1
    assert ann.post(f"/bank/harmless/{row.id}/end/").status_code == 302
    assert queries.harmless_in_force() == []


def test_a_senior_names_sources_and_imports_and_another_confirms(bank, desk, run_jobs):
    sue, ann = desk(bank.sue), desk(bank.ann)
    form = {"code": "police-x", "name": "Police X", "kind": "police", "shared_with_partners": "on"}
    assert ann.post("/bank/sources/", form).status_code == 403
    assert sue.post("/bank/sources/", form).status_code == 302
    assert sue.post("/bank/sources/police-x/", {"name": "Police Y", "shared_with_partners": "on"}).status_code == 302
    assert Source.objects.get(code="police-x").name == "Police Y"
    body = json.dumps(
        {"@odata.context": "x#Media", "value": [{"MD5": MD5, "Category": 1}, {"MD5": "x", "Category": 1}]}
    ).encode()

    def sent(**more):
        file = SimpleUploadedFile("list.json", body)
        return {"source": "police-x", "format": "vics-2.0", "profile": "us", "kind": "image", "file": file} | more

    assert ann.post("/bank/imports/", sent()).status_code == 403
    answer = sue.post("/bank/imports/", sent(format="icse"))
    assert answer.status_code == 422
    assert "not of this format" in answer.content.decode()
    link = sue.post("/bank/imports/", sent())["Location"]
    run_jobs()
    page = sue.get(link).content.decode()
    assert "Records 2</td>" in page
    assert "Not an MD5 digest" in page
    assert sue.post(f"{link}confirm/").status_code == 409
    assert ann.post(f"{link}confirm/").status_code == 302
    run_jobs()
    assert len(queries.all_in_force()) == 1
    exported = sue.get("/bank/export/", {"format": "md5", "profile": "us", "source": ""})
    assert b"".join(exported.streaming_content) == f"{MD5}\n".encode()
    assert ann.get("/bank/export/").status_code == 403


def test_a_class_changed_by_its_source_is_seen_on_the_pages_and_settled_by_a_reviewer(bank, desk, run_jobs):
    ann, sue = desk(bank.ann), desk(bank.sue)

    def sent(category):
        record = {"MD5": MD5, "Category": category}
        body = json.dumps({"@odata.context": "x#Media", "value": [record]}).encode()
        file = SimpleUploadedFile("list.json", body)
        form = {"source": "own", "format": "vics-2.0", "profile": "icse", "kind": "image", "file": file}
        link = sue.post("/bank/imports/", form)["Location"]
        run_jobs()
        return link

    assert "another class now" not in sue.get(sent(1)).content.decode()
    page = sue.get(sent(2)).content.decode()
    assert re.search(r"<dt>Class changed</dt>\s*<dd>.*?>1<", page)
    assert "The source gives another class now" in page
    table = sue.get("/bank/disagreements/?kind=restated").content.decode()
    link = re.search(r"/bank/disagreements/[0-9a-f-]{36}/", table)[0]
    entry = Entry.objects.get()
    page = ann.get(f"/bank/entry/{entry.id}/").content.decode()
    notice = re.search(r'<div class="notice tone-warning".*?</div>', page, re.DOTALL)[0]
    assert "This entry is disputed" in notice
    assert "Its source gives another class now" in notice
    assert "National" in notice
    page = sue.get(link).content.decode()
    assert "What its source says now" in page
    said = page.partition("What its source says now")[2].partition("</section>")[0]
    assert "National" in said
    assert re.search(r"VICS ICSE</dt>\s*<dd>2<", said)
    assert "Disagreements to settle" in sue.get("/", follow=True).content.decode()
    entry.refresh_from_db()
    assert entry.classification == "baseline"
    sue.post(f"/bank/entry/{entry.id}/class/", {"classification": "national"})
    assert sue.post(f"{link}settle/", {"outcome": "reclassified"}).status_code == 302
    assert "This entry is disputed" not in ann.get(f"/bank/entry/{entry.id}/").content.decode()
    no_longer = sue.get(sent(3))
    assert "The source gives another class now" in no_longer.content.decode()
    page = ann.get(f"/bank/entry/{entry.id}/").content.decode()
    assert "The category does not stand for illegal material" in page


class Cut(io.BytesIO):
    """A file whose disk fails behind the first batch."""

    def readline(self, size=-1):
        if self.tell() > 33 * 5500:
            raise OSError(5, "Input/output error")
        return super().readline(size)


def test_an_import_that_broke_off_is_seen_until_the_file_was_read_whole(bank, desk, run_jobs):
    sue, ann = desk(bank.sue), desk(bank.ann)
    text = "".join(f"{number:032x}\n" for number in range(6000)).encode()
    with pytest.raises(OSError, match="Input/output"):
        services.import_file(actor=bank.sue.actor, source_code="ngo", form=Format.MD5, stream=Cut(text))
    run = ImportRun.objects.get()
    assert (run.state, run.added) == ("failed", 5000)
    assert "Imports that broke off" in sue.get("/", follow=True).content.decode()
    assert "Imports that broke off" not in ann.get("/", follow=True).content.decode()
    assert "It broke off before the end of the file" in sue.get(f"/bank/imports/{run.id}/").content.decode()
    bank.clock.shift(timedelta(minutes=1))
    services.import_file(actor=bank.sue.actor, source_code="ngo", form=Format.MD5, stream=io.BytesIO(text))
    assert "Imports that broke off" not in sue.get("/", follow=True).content.decode()
    for each in ImportRun.objects.all():
        assert ann.post(f"/bank/imports/{each.id}/confirm/").status_code == 302
    run_jobs()
    assert Entry.objects.filter(state="active").count() == 6000


def test_an_entry_is_found_by_its_number_or_a_fingerprint_of_it(bank, desk, shared):
    digest, other = uuid4(), shared()
    entry = shared(md5=digest.bytes, pdq=digest.bytes * 2)
    ann = desk(bank.ann)

    def found(asked):
        page = ann.get("/bank/", {"bank-fingerprint": asked}).content.decode()
        return {each for each in (entry, other) if f"/bank/entry/{each.id}/" in page}

    assert found("") == {entry, other}
    assert found(digest.hex.upper()) == found(f" {digest.hex * 2}") == found(str(entry.number)) == {entry}
    assert found(uuid4().hex) == found("0") == set()
    for wrong in ("zz", digest.hex[1:], "-1"):
        assert found(wrong) == set()
        page = ann.get("/bank/", {"bank-fingerprint": wrong}).content.decode()
        assert "or a fingerprint in hexadecimal digits" in page
    page = ann.get("/bank/", {"bank-fingerprint": "zz"}, headers={"Accept-Language": "ja"}).content.decode()
    assert "番号またはフィンガープリント" in page


def test_without_a_source_the_pages_say_who_names_one(bank, desk):
    said = "No source is named yet"
    ann, sue = desk(bank.ann), desk(bank.sue)
    assert said not in ann.get("/bank/add/").content.decode()
    Source.objects.all().delete()
    assert said in ann.get("/bank/add/").content.decode()
    assert said in sue.get("/bank/imports/").content.decode()
    assert said not in ann.get("/bank/imports/").content.decode(), "who may not import is asked for no source"


def test_of_many_values_the_rest_is_counted(bank, desk):
    values = [services.NewFingerprint("pdq", bytes([n % 256, n // 256]) * 16, 90) for n in range(230)]
    entry = services.entry_add(
        actor=bank.ann.actor, source_code="own", source_ref="film", media="video", classification="national",
        fingerprints=values,
    )  # fmt: skip
    page = desk(bank.ann).get(f"/bank/entry/{entry.id}/").content.decode()
    assert page.count('data-label="Value"') == 200
    assert "And 30 more." in page


def test_withdrawing_an_import_says_what_leaves_the_house_and_only_then(bank, desk, run_jobs):
    ann, sue = desk(bank.ann), desk(bank.sue)
    runs = {
        source: services.import_file(
            actor=bank.sue.actor, source_code=source, form=Format.MD5, stream=io.BytesIO(f"{uuid4().hex}\n".encode())
        )
        for source in ("own", "ngo")
    }

    def told(source):
        page = sue.get(f"/bank/imports/{runs[source].id}/withdraw/").content.decode()
        assert "Each of its 1 entries becomes a tombstone" in page
        return "All partners" in page, "Nothing will leave the house" in page

    assert told("own") == told("ngo") == (False, True)
    assert ann.post(f"/bank/imports/{runs['ngo'].id}/confirm/").status_code == 302
    run_jobs()
    assert told("ngo") == (True, False)


def test_the_days_desks_tell_what_waits(bank, desk, add):
    add()
    today = desk(bank.ben).get("/", follow=True).content.decode()
    assert "Fingerprints that wait for a second person" in today
    assert "Fingerprints that wait for a second person" not in desk(bank.ann).get("/", follow=True).content.decode()


@pytest.mark.parametrize("role", [Role.POLICE_LIAISON, Role.LIST_REVIEWER, Role.OPERATOR])
def test_other_roles_are_told_nothing(bank, desk, shared, person, role):
    entry = shared()
    browser = desk(person(role))
    for url in (
        "/bank/",
        "/bank/proposals/",
        f"/bank/entry/{entry.id}/",
        "/bank/sources/",
        "/bank/imports/",
        "/bank/export/",
    ):
        assert browser.get(url).status_code in (403, 404), url
    assert desk(bank.ann).get(f"/bank/entry/{uuid4()}/").status_code == 404


def test_the_command_line_reads_and_writes_files(bank, tmp_path, capsys):
    from mamori.lists.fingerprints.commands import export_file, import_file
    from mamori.lists.fingerprints.formats import Format

    file, out = tmp_path / "in.txt", tmp_path / "out.txt"
    file.write_text(f"{MD5}\nbad\n{MD5}\n")
    import_file(file, form=Format.MD5, source="own", profile="us", media="image", by=bank.sue.email)
    told = capsys.readouterr()
    assert "1 new, 1 known already, 0 class changed, 1 kept out" in told.out
    assert "line 2: Not an MD5 digest" in told.err
    export_file(out, form=Format.MD5, source="", profile="us", by=bank.sue.email)
    assert out.read_text() == f"{MD5}\n"
    assert out.stat().st_mode & 0o777 == 0o600
    assert ImportRun.objects.get().imported_by == bank.sue


def test_the_commands_are_there():
    for name in ("import", "export"):
        done = subprocess.run(
            [sys.executable, "-c", "from mamori.site.cli import main; main()", "images", name, "--help"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "--format" in done.stdout
