"""Every subscriber's format at the partner face, and the hash lists as clients of Safe Browsing ask for them."""

import base64
import hashlib
import json
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from tuf.api.exceptions import DownloadHTTPError, ExpiredMetadataError, LengthOrHashMismatchError, RepositoryError
from tuf.ngclient import FetcherInterface, Updater

from mamori.engine.formats import FORMATS
from mamori.engine.hashlists import digest, wire
from mamori.engine.patches import apply_patch
from mamori.ground import clock, jobs
from mamori.ground.accounts.models import Organisation
from mamori.lists.distribution import press as opened_editions
from mamori.lists.distribution import safebrowsing, services
from mamori.lists.distribution.formats import Store
from mamori.lists.distribution.making import MakingError
from mamori.lists.distribution.services import formats as writing
from mamori.lists.listing import services as listing
from mamori.lists.listing.states import Method
from tests.engine.hashlists import reader
from tests.hotline.intake_steps import partner_face
from tests.lists.cases import listable, write_formats

pytestmark = pytest.mark.django_db
URL = "https://bad.example/board/1"
PAGE = "https://page.example/board/1.html"


@pytest.fixture
def machine(settings: Any, person: Any) -> Client:
    organisation = Organisation.objects.create(name="A Subscriber", kind="provider")
    return partner_face(settings, organisation, "list.read")


@pytest.fixture
def folder(settings: Any, tmp_path: Any) -> Any:
    """An edition folder to write editions' formats into, without the whole publication."""
    settings.EDITION_DIR = tmp_path / "editions"
    settings.EDITION_DIR.mkdir()
    return settings.EDITION_DIR


def get(machine: Client, path: str, etag: str = "") -> Any:
    """An answer whose file is read to its end, which closes it; `getvalue()` is its body."""
    answer = machine.get(f"/api/v1/list/formats/{path}", headers={"if-none-match": etag} if etag else {})
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    answer.getvalue = lambda: body
    return answer


def data(machine: Client, path: str) -> bytes:
    return get(machine, path).getvalue()


# --- formats --------------------------------------------------------------------------------------------------------


def test_an_edition_is_followed_by_every_format(press, body, person, run_jobs, machine):
    body.list(listable(URL, person))
    body.list(listable(PAGE, person), Method.URL)
    run_jobs()
    told = machine.get("/api/v1/list/formats").json()
    assert (told["edition"], told["names"], told["urls"], told["refused"]) == (services_edition(), 1, 1, [])
    assert told["files"].keys() == FORMATS.keys()
    for name, each in told["files"].items():
        answer = get(machine, name)
        found = answer.getvalue()
        assert (answer.status_code, len(found), answer["ETag"]) == (200, each["bytes"], f'"{each["sha256"]}"')
        assert answer["Content-Type"] == FORMATS[name].content_type
        assert (b"page.example" in found or b"page\\.example" in found) <= ("url" in each["methods"]), name
    assert data(machine, "squid-dstdomain.txt").endswith(b"\n.bad.example\n")
    assert data(machine, "hashes-32.bin") == b"".join(
        sorted((digest("bad.example/"), digest("page.example/board/1.html")))
    )


class ByTestClient(FetcherInterface):
    """What python-tuf fetches with, over the partner face."""

    def __init__(self, machine: Client) -> None:
        self.machine = machine

    def _fetch(self, url: str) -> Iterator[bytes]:
        answer = self.machine.get(urlsplit(url).path)
        if answer.status_code != 200:
            raise DownloadHTTPError(url, answer.status_code)
        return iter([b"".join(answer.streaming_content)])


def test_a_stock_tuf_client_verifies_every_format(press, body, person, run_jobs, machine, settings, tmp_path, frozen):
    """python-tuf's own client, given the root alone: altered, expired, or another edition's, nothing is taken."""
    body.list(listable(URL, person))
    run_jobs()
    base = "https://partner.example/api/v1/list/formats/"

    def take(name: str, kept: str) -> Path:
        (tmp_path / kept).mkdir(exist_ok=True)
        client = Updater(
            str(tmp_path / kept),
            f"{base}signed/",
            str(tmp_path / kept),
            base,
            ByTestClient(machine),
            bootstrap=press.root,
        )
        client.refresh()
        target = client.get_targetinfo(name)
        assert target is not None
        return Path(client.download_target(target))

    for name in FORMATS:
        assert take(name, "kept").read_bytes() == data(machine, name)
    place = Store(settings.EDITION_DIR)
    told = place.current()
    assert told is not None
    there = place.object(told["files"]["names.csv"]["sha256"])
    assert there is not None
    good = there.read_bytes()
    there.write_bytes(good.replace(b"bad.example", b"not.example"))
    with pytest.raises(LengthOrHashMismatchError):
        take("names.csv", "altered")
    there.write_bytes(good)
    signed = place.signed(told["edition"], "targets.json")
    assert signed is not None
    original = signed.read_bytes()
    signed.write_bytes(original.replace(b"names.csv", b"names.cvs"))
    with pytest.raises(RepositoryError):
        take("names.csv", "unsigned")
    signed.write_bytes(original)
    frozen.shift(timedelta(days=8))
    with pytest.raises(ExpiredMetadataError):
        take("names.csv", "late")
    assert place.signed(told["edition"], "../current") is None
    assert machine.get("/api/v1/list/formats/signed/2.root.json").status_code == 404


def services_edition() -> int:
    from mamori.lists.distribution import queries

    row = queries.in_force()
    assert row is not None
    return row.version


def test_withdrawal_kill_switch_and_a_sweep_after_a_crash(press, body, person, run_jobs, machine, monkeypatch):
    content_id = listable(URL, person)
    body.list(content_id)
    run_jobs()
    listing.content_gone(content_id=content_id)
    run_jobs()
    assert b"bad.example" not in data(machine, "names.csv")
    body.list(listable("https://other.example/1", person))
    monkeypatch.setattr("mamori.lists.distribution.listeners.formats", lambda: None)  # the worker died before
    run_jobs()
    assert b"other.example" not in data(machine, "names.csv")
    jobs.run_sweep("distribution.formats")
    assert b"other.example" in data(machine, "names.csv")
    monkeypatch.undo()
    services.kill_switch(actor=body.approver.actor, reason="A test of the switch, told in words.")
    run_jobs()
    assert data(machine, "hashes-32.bin") == b""
    assert b"example" not in data(machine, "unbound.conf")


def test_a_long_list_is_made_by_a_process_of_its_own_to_the_same_bytes(
    press, body, person, run_jobs, machine, monkeypatch, settings, tmp_path
):
    body.list(listable(URL, person))
    run_jobs()
    body.list(listable("https://other.example/1", person))
    monkeypatch.setattr("mamori.lists.distribution.listeners.formats", lambda: None)
    run_jobs()
    here, alike = settings.EDITION_DIR, tmp_path / "alike"
    shutil.copytree(here, alike, symlinks=True)
    made = []
    for folder, aside, other in ((here, 0, "make"), (alike, writing.ASIDE, "make_aside")):
        settings.EDITION_DIR, steps = folder, list[str]()
        with monkeypatch.context() as patched:
            patched.setattr(writing, "ASIDE", aside)
            patched.setattr(writing, other, None)
            services.formats_write(steps.append)
        manifest = Store(folder).current()
        del manifest["written_at"]
        made.append((manifest, Store(folder).steps(manifest["edition"]), steps))
    assert made[0] == made[1]
    assert made[0][0]["names"] == 2
    assert made[0][0]["patches"]
    settings.EDITION_DIR = here
    assert b"other.example" in data(machine, "names.csv")


def test_a_process_of_its_own_that_fails_leaves_the_files_as_they_were(
    press, body, person, run_jobs, machine, monkeypatch, caplog
):
    body.list(listable(URL, person))
    run_jobs()
    before = Store(press.folder).current()
    body.list(listable("https://other.example/1", person))
    monkeypatch.setattr("mamori.lists.distribution.listeners.formats", lambda: None)
    run_jobs()
    monkeypatch.setattr(writing, "ASIDE", 0)
    names = press.folder / str(services_edition()) / "names.jsonl"
    opened = opened_editions.open_edition(opened_editions.keys(), opened_editions.in_force())
    monkeypatch.setattr(opened_editions, "open_edition", lambda _held, _row: opened)  # as it was just before
    names.rename(names.with_suffix(".away"))
    with pytest.raises(MakingError, match=r"not made: FileNotFoundError$"):
        services.formats_write()
    names.write_bytes(names.with_suffix(".away").read_bytes() + b"{}\n")
    with pytest.raises(MakingError, match=r"not made: .*MakingError$"):
        services.formats_write()
    assert f"names.jsonl of edition {services_edition()} is not what was signed" in caplog.text
    assert Store(press.folder).current() == before
    names.with_suffix(".away").replace(names)
    services.formats_write()
    assert b"other.example" in data(machine, "names.csv")


def test_formats_are_asked_for_again_by_their_etag_and_never_change(folder, machine):
    write_formats(folder, 1, "bad.example")
    first = get(machine, "names.csv")
    again = get(machine, "names.csv", first["ETag"])
    assert (first["Cache-Control"], again.status_code, again["ETag"]) == ("private, no-cache", 304, first["ETag"])
    write_formats(folder, 2, "bad.example", PAGE)
    assert get(machine, "names.csv", first["ETag"]).status_code == 304
    changed = get(machine, "urls.csv", first["ETag"])
    assert (changed.status_code, changed["Mamori-Edition"]) == (200, "2")
    old = get(machine, "1/urls.csv")
    assert old["Cache-Control"] == "private, max-age=604800, immutable"
    assert b"page.example" not in old.getvalue()
    for edition in range(3, 6):
        write_formats(folder, edition, f"n{edition}.example")
    assert get(machine, "1/names.csv").status_code == 404, "three editions are kept"
    assert get(machine, "1/urls.csv").status_code == 200, "the newest edition has the same file"
    for path in ("9/names.csv", "names.txt", "0/names.csv", "1.json", "..%2F1.json", "%2e%2e/1.json", "current"):
        assert get(machine, path).status_code == 404, path


def test_objects_of_old_editions_go_and_what_did_not_change_is_there_once(folder):
    write_formats(folder, 1, "bad.example")
    objects = folder / "formats" / "objects"
    before = {path.name for path in objects.iterdir()}
    write_formats(folder, 2, "bad.example", PAGE)
    assert before < {path.name for path in objects.iterdir()}
    for edition in range(3, 6):
        write_formats(folder, edition, "bad.example")
    patches = {each["sha256"] for each in Store(folder).current()["patches"]}
    assert {path.name for path in objects.iterdir()} - patches == before


def test_patches_lead_from_former_files_to_the_present_ones(folder, machine):
    names = [f"n{number}.example" for number in range(500)]
    seen = []
    for edition in range(1, 5):
        write_formats(folder, edition, *names[edition:])
        seen.append(data(machine, "hosts.txt"))
    told = machine.get("/api/v1/list/patches").json()["patches"]
    digests = [hashlib.sha256(each).hexdigest() for each in seen]
    for old, new, before, after in zip(digests, digests[1:], seen, seen[1:], strict=False):
        (patch,) = [each for each in told if (each["from"], each["to"]) == (old, new)]
        answer = machine.get(f"/api/v1/list/objects/{patch['sha256']}")
        read = b"".join(answer.streaming_content)
        assert (len(read), "immutable" in answer["Cache-Control"]) == (patch["bytes"], True)
        assert len(read) * 10 < len(after)
        assert apply_patch(before, read, patch["length"]) == after
    assert machine.get(f"/api/v1/list/objects/{'0' * 64}").status_code == 404
    assert machine.get("/api/v1/list/objects/..%2Fcurrent").status_code == 404


def test_an_entry_fit_for_no_format_holds_back_no_other_and_is_named(folder, machine):
    write_formats(folder, 1, "bad.example", "jp", "https://page.example/a b")
    told = machine.get("/api/v1/list/formats").json()
    assert told["refused"] == [
        {"entry_id": "entry-2", "code": "name_single_label"},
        {"entry_id": "entry-3", "code": "not_canonical_url"},
    ]
    assert b"bad.example" in data(machine, "hosts.txt")


def test_what_is_left_out_of_a_format_is_counted_in_the_manifest(folder, machine):
    write_formats(folder, 1, "https://page.example/", "http://page.example:8080/p")
    files = machine.get("/api/v1/list/formats").json()["files"]
    assert files["hashes-32.bin"]["left_out"] == {"covers_below": 1, "port": 1}
    assert files["e2guardian-regexp-urls.txt"]["left_out"] == {"port": 1}
    assert files["squid-url-regex.txt"]["left_out"] == {}


# --- who is answered ------------------------------------------------------------------------------------------------

GET = ("/v5/hashLists", "/v5/hashLists:batchGet?names=mamori-4b", "/v5/hashList/mamori-4b", "/v5/hashes:search?hashPrefixes=AAAAAA==")  # fmt: skip
POST = ("/v4/threatListUpdates:fetch", "/v4/fullHashes:find")


def test_nothing_is_told_without_a_token_whatever_is_asked(folder, machine):
    write_formats(folder, 1, "bad.example")
    known = base64.b64encode(digest("bad.example/")[:4]).decode()
    outsider = Client()
    answers = set()
    for path in (
        *GET,
        f"/v5/hashes:search?hashPrefixes={known}",
        "/v5/hashList/no-such",
        "/v5/hashes:search?hashPrefixes=%",
    ):
        for key in ("", "&key=mamori_wrong", "&key="):
            answer = outsider.get(path + ("?x" if "?" not in path else "") + key)
            answers.add((answer.status_code, answer.content, answer["Cache-Control"]))
    for path in POST:
        for content in (b"", b"\xff\xff", find(digest("bad.example/")[:4])):
            answer = outsider.post(path, content, content_type="application/x-protobuf")
            answers.add((answer.status_code, answer.content, answer["Cache-Control"]))
    assert len(answers) == 1 and next(iter(answers))[0] == 401
    for path in ("", "/names.csv", "/1/names.csv", "/9/none"):
        assert outsider.get(f"/api/v1/list/formats{path}").status_code == 401


def test_a_token_without_the_scope_gets_nothing(folder, settings, machine):
    write_formats(folder, 1, "bad.example")
    other = partner_face(settings, Organisation.objects.get(name="A Subscriber"), "reports.write")
    for path in (*GET, "/api/v1/list/formats", "/api/v1/list/formats/names.csv"):
        assert other.get(path).status_code == 403, path
    for path in POST:
        assert other.post(path, b"", content_type="application/x-protobuf").status_code == 403


def test_the_token_may_stand_where_googles_clients_put_their_key(folder, machine):
    write_formats(folder, 1, "bad.example")
    secret = machine.defaults["HTTP_AUTHORIZATION"].removeprefix("Bearer ")
    assert Client().get(f"/v5/hashLists?key={secret}&alt=proto").status_code == 200
    assert Client(headers={"X-Goog-Api-Key": secret}).get("/v5/hashLists").status_code == 200
    answer = Client().post(f"/v4/fullHashes:find?key={secret}&alt=proto", b"", content_type="application/x-protobuf")
    assert answer.status_code == 200


def test_methods_bodies_and_parameters_that_do_not_fit(folder, machine):
    for path in GET:
        assert machine.post(path).status_code == 405
    for path in POST:
        assert machine.get(path).status_code == 405
        assert machine.post(path, b"\xff", content_type="application/x-protobuf").json()["error"]["code"] == 400
        big = machine.post(path, bytes(300_000), content_type="application/x-protobuf")
        assert big.status_code == 413
    assert machine.get("/v5/hashList/mamori-4b").status_code == 404, "nothing was written yet"
    write_formats(folder, 1, "bad.example")
    for path in (
        "/v5/hashList/other", "/v5/hashLists:batchGet?names=other", "/v5/hashLists:batchGet", "/v5/hashes:search",
        "/v5/hashLists:batchGet?names=mamori-4b&names=mamori-4b", "/v5/hashes:search?hashPrefixes=AAA=",
        "/v5/hashes:search?hashPrefixes=!", "/v5/hashes:search?" + "&".join(["hashPrefixes=AAAAAA=="] * 1001),
        "/v5/hashList/mamori-4b?sizeConstraints.maxUpdateEntries=x", "/v5/hashList/mamori-4b?version=%C3%A9",
    ):  # fmt: skip
        assert machine.get(path).status_code in (400, 404), path


# --- version 5 ------------------------------------------------------------------------------------------------------


def v5(
    machine: Client, name: str, held: list[bytes], version: bytes = b"", **more: Any
) -> tuple[list[bytes], bytes, dict]:
    answer = machine.get(f"/v5/hashList/{name}", {"version": base64.urlsafe_b64encode(version).decode(), **more})
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/x-protobuf"), answer.content
    message = reader.proto(answer.content)
    assert message[1] == [name.encode()]
    return *reader.v5_apply(held, answer.content), message


@pytest.mark.parametrize(("name", "length"), [("mamori-4b", 4), ("mamori-32b", 32), ("mw-4b", 4)])
def test_v5_lists_are_fetched_whole_and_then_their_changes(folder, machine, name, length):
    names = [f"n{number}.example" for number in range(60)]
    write_formats(folder, 1, *names)
    held, version, message = v5(machine, name, [])
    assert held == sorted(digest(f"{each}/")[:length] for each in names)
    assert not message.get(3)
    assert reader.one(reader.proto(reader.one(message, 6)), 1) == safebrowsing.WAIT
    write_formats(folder, 2, *names[3:], PAGE)
    write_formats(folder, 3, *names[5:], PAGE, "late.example")
    newer, then, message = v5(machine, name, held, version)
    expected = sorted(
        [digest(f"{each}/")[:length] for each in [*names[5:], "late.example"]] + [digest(PAGE[8:])[:length]]
    )
    assert (newer, message[3]) == (expected, [1])
    same, last, message = v5(machine, name, newer, then)
    assert (same, last, message[3], 5 in message) == (newer, then, [1], False)


def test_v5_versions_that_lead_nowhere_get_the_whole_list(folder, machine):
    write_formats(folder, 1, *[f"n{number}.example" for number in range(60)])
    held, version, _ = v5(machine, "mamori-4b", [])
    write_formats(folder, 2, *[f"n{number}.example" for number in range(1, 60)])
    forged = version[:6] + (2).to_bytes(8, "big") + version[14:]
    for wrong in (b"x", bytes(22), forged, version[:6] + (99).to_bytes(8, "big") + version[14:], version + b"x"):
        _, _, message = v5(machine, "mamori-4b", [], wrong)
        assert not message.get(3), wrong
    (folder / "formats" / "2.steps").rename(folder / "formats" / "gone")
    (folder / "formats" / "1.json").unlink()
    assert not v5(machine, "mamori-4b", held, version)[2].get(3), "the way is not kept any more"


def test_v5_a_list_that_changed_much_is_sent_whole(folder, machine):
    write_formats(folder, 1, *[f"n{number}.example" for number in range(10)])
    held, version, _ = v5(machine, "mamori-4b", [])
    write_formats(folder, 2, *[f"m{number}.example" for number in range(10)])
    newer, _, message = v5(machine, "mamori-4b", held, version)
    assert not message.get(3) and len(newer) == 10
    write_formats(folder, 3)
    assert v5(machine, "mamori-4b", newer)[0] == []


def test_v5_batch_answers_in_the_order_asked_and_sorts_versions_itself(folder, machine):
    write_formats(folder, 1, *[f"n{number}.example" for number in range(40)])
    versions = {name: v5(machine, name, [])[1] for name in ("mamori-4b", "mamori-32b")}
    write_formats(folder, 2, *[f"n{number}.example" for number in range(41)])
    coded = [base64.b64encode(versions[name]).decode() for name in ("mamori-4b", "mamori-32b")]
    answer = machine.get("/v5/hashLists:batchGet", {"names": ["mamori-32b", "se-4b", "mamori-4b"], "version": coded})
    lists = [reader.proto(each) for each in reader.proto(answer.content)[1]]
    assert [(each[1][0], each.get(3, [0])[0]) for each in lists] == [
        (b"mamori-32b", 1),
        (b"se-4b", 0),
        (b"mamori-4b", 1),
    ]
    assert not {4, 9, 10, 11} & lists[1].keys()
    answer = machine.get("/v5/hashLists:batchGet", {"names": ["mamori-4b"], "version": [coded[0], coded[0]]})
    assert answer.status_code == 400, "two versions of one list"


def test_v5_tells_what_lists_there_are(folder, machine):
    lists = [reader.proto(each) for each in reader.proto(machine.get("/v5/hashLists").content)[1]]
    lengths = {each[1][0].decode(): reader.one(reader.proto(each[8][0]), 6) for each in lists}
    assert lengths == {"mamori-4b": 2, "mamori-32b": 5, "mw-4b": 2}


def test_a_client_that_cannot_hold_the_list_is_refused(folder, machine):
    write_formats(folder, 1, *[f"n{number}.example" for number in range(40)])
    for part, number, status in (("maxUpdateEntries", 39, 400), ("maxUpdateEntries", 40, 200), ("maxDatabaseEntries", 39, 400), ("maxDatabaseEntries", 0, 200)):  # fmt: skip
        answer = machine.get("/v5/hashList/mamori-4b", {f"sizeConstraints.{part}": number})
        assert answer.status_code == status, (part, number)
    constraints = wire.message(4, wire.number(2, 39))
    answer = fetch(machine, constraints=constraints)
    assert answer.status_code == 400 and answer.json()["error"]["status"] == "FAILED_PRECONDITION"


def test_v5_search_tells_the_whole_hashes_of_a_prefix_and_nothing_else(folder, machine):
    write_formats(folder, 1, "bad.example", PAGE)
    wanted = digest("bad.example/")
    prefixes = [base64.urlsafe_b64encode(each[:4]).decode().rstrip("=") for each in (wanted, digest("not.example/"))]
    answer = reader.proto(machine.get("/v5/hashes:search", {"hashPrefixes": prefixes}).content)
    assert [reader.proto(each)[1] for each in answer[1]] == [[wanted]]
    detail = reader.proto(reader.proto(answer[1][0])[2][0])
    assert detail == {1: [safebrowsing.MALWARE]}
    nothing = reader.proto(machine.get("/v5/hashes:search", {"hashPrefixes": prefixes[1:]}).content)
    assert 1 not in nothing and reader.proto(nothing[2][0]) == {1: [safebrowsing.WAIT]}


# --- version 4 ------------------------------------------------------------------------------------------------------


def fetch(
    machine: Client, state: bytes = b"", *, constraints: bytes | None = None, threats: tuple[int, ...] = (1,)
) -> Any:
    limits = wire.message(4, wire.message(4, b"\x01\x02")) if constraints is None else constraints
    lists = [
        wire.number(1, t) + wire.number(2, 6) + wire.octets(3, state) + wire.number(5, 1) + limits for t in threats
    ]
    body = b"".join(wire.message(3, each) for each in lists)
    return machine.post("/v4/threatListUpdates:fetch", body, content_type="application/x-protobuf")


def find(*prefixes: bytes, threats: tuple[int, ...] = (1, 2)) -> bytes:
    entries = b"".join(wire.message(3, wire.octets(1, each)) for each in prefixes)
    return wire.message(
        3, b"".join(wire.number(1, t) for t in threats) + wire.number(2, 6) + wire.number(4, 1) + entries
    )


@pytest.mark.parametrize("compressions", [b"\x01\x02", b"\x01", b""], ids=["rice", "raw", "none named"])
def test_v4_lists_are_fetched_whole_and_then_removals_by_index_and_additions(folder, machine, compressions):
    limits = wire.message(4, wire.message(4, compressions))
    names = [f"n{number}.example" for number in range(60)]
    held, state = [], b""
    for edition, listed in enumerate((names, [*names[4:], "late.example"], names[4:], names[4:]), 1):
        write_formats(folder, edition, *listed)
        (response,) = reader.proto(fetch(machine, state, constraints=limits).content)[1]
        message = reader.proto(response)
        assert (message[1], message[2], message[3]) == ([1], [1], [6])
        assert message[4] == [2 if edition == 1 else 1]
        held, state = reader.v4_apply(held, response)
        assert held == sorted(digest(f"{each}/")[:4] for each in listed)


def test_v4_every_list_asked_for_is_answered_and_only_one_is_ours(folder, machine):
    write_formats(folder, 1, "bad.example")
    responses = reader.proto(fetch(machine, threats=(3, 1, 2)).content)[1]
    assert [reader.proto(each)[1] for each in responses] == [[3], [1], [2]]
    assert [reader.v4_apply([], each)[0] for each in responses] == [[], [digest("bad.example/")[:4]], []]


def test_v4_find_tells_the_whole_hashes_for_the_platforms_asked(folder, machine):
    write_formats(folder, 1, "bad.example")
    wanted = digest("bad.example/")

    def matches(body: bytes) -> list[dict]:
        answer = machine.post("/v4/fullHashes:find", body, content_type="application/x-protobuf")
        assert answer.status_code == 200
        return [reader.proto(each) for each in reader.proto(answer.content).get(1, [])]

    (match,) = matches(find(wanted[:4], digest("not.example/")[:4]))
    assert (match[1], match[2], match[6], reader.proto(match[3][0])) == ([1], [6], [1], {1: [wanted]})
    assert matches(find(wanted[:4], threats=(2,))) == []
    assert matches(find(b"\0\0\0\0")) == []


def test_what_is_asked_leaves_no_trace(folder, machine, caplog, django_assert_num_queries):
    write_formats(folder, 1, "bad.example")
    with django_assert_num_queries(1):  # the token's
        machine.post("/v4/fullHashes:find", find(digest("bad.example/")[:4]), content_type="application/x-protobuf")
    assert not caplog.records


def test_written_at_is_told_so_that_an_old_list_is_seen(folder, machine, frozen):
    write_formats(folder, 1, "bad.example")
    told = machine.get("/api/v1/list/formats").json()["written_at"]
    assert told == clock.now().isoformat(timespec="seconds")


def test_a_manifest_is_json_a_person_can_read(folder):
    write_formats(folder, 1, "bad.example")
    assert json.loads((folder / "formats" / "current").read_bytes())["edition"] == 1
    assert Store(folder).manifest(2) is None
