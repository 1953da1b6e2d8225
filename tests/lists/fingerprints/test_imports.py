"""Files in and out: each format, its bad records named, twice adds nothing, and what comes out can be read again."""

import base64
import io
import json
import random
from datetime import timedelta

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from mamori.engine import vics as vics_module
from mamori.ground import clock
from mamori.ground.actors import SYSTEM
from mamori.ground.audit.models import Event
from mamori.ground.errors import DomainError
from mamori.lists.fingerprints import codes, queries, services
from mamori.lists.fingerprints.formats import Bad, Format, NotThisFormat, read
from mamori.lists.fingerprints.formats import icse as icse_module
from mamori.lists.fingerprints.models import Disagreement, Entry, Fingerprint, ImportRun
from mamori.lists.fingerprints.retention import RETENTION

MD5 = "0123456789ABCDEF0123456789ABCDEF"
SHA1 = "0123456789abcdef0123456789abcdef01234567"
PDQ = "f0" * 32
PHOTODNA = base64.b64encode(bytes(range(144))).decode()
CONTEXT = "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/US/$metadata#Media"


def vics(records, *, bom=b"", key="@odata.context", context=CONTEXT):
    text = json.dumps({key: context, "value": records})
    return io.BytesIO(bom + text.encode())


def media(number, **more):
    return {
        "MediaID": number,
        "Category": 1,
        "MD5": f"{number:032X}",
        "IsPrecategorized": "true",
        "IsDistributed": True,
        **more,
    }


def parsed(stream, form=Format.VICS_2, **options):
    found = list(read(stream, form, **options))
    return [r for r in found if not isinstance(r, Bad)], [(b.at, b.code) for b in found if isinstance(b, Bad)]


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"], ids=["plain", "bom"])
def test_vics_2(bom):
    records = [media(1, SHA1=SHA1, PhotoDNA=PHOTODNA, MimeType="video/mp4", DateUpdated="2020-02-03T04:05:06Z",
                     AlternativeHashes=[{"HashName": "PDQ", "HashValue": PDQ}, {"HashName": "other", "HashValue": "?"}])]  # fmt: skip
    good, bad = parsed(vics(records, bom=bom))
    assert bad == []
    assert {v.algorithm for v in good[0].values} == {"md5", "sha1", "photodna", "pdq"}
    assert (good[0].media, good[0].code, str(good[0].taken_on), good[0].scale) == (
        "video",
        "1",
        "2020-02-03",
        "vics:us",
    )


def test_vics_1_3_utf_16_and_a_case_export():
    old = {"key": "odata.metadata", "context": "http://github.com/ICMEC/ProjectVic/DataModels/1.3.xml#Media"}
    assert len(parsed(vics([media(1), media(2)], **old), Format.VICS_1)[0]) == 2
    text = json.dumps({"@odata.context": CONTEXT, "value": [media(1)]})
    assert len(parsed(io.BytesIO(text.encode("utf-16")))[0]) == 1
    cases = [{"CaseID": n, "Media": [media(10 * n + m) for m in range(3)], "Notes": "a ] and a }"} for n in range(4)]
    good, bad = parsed(vics(cases, context=CONTEXT.replace("#Media", "#Cases")))
    assert (len(good), bad) == (12, [])


def test_bad_vics_records_are_named_and_the_rest_is_taken():
    records = [
        media(1),
        media(2, MD5="12"),
        media(3, MD5="", SHA1=None),
        media(4, PhotoDNA="!!"),
        media(5, Category=True),
        "text",
        media(7),
    ]
    good, bad = parsed(vics(records))
    assert [r.ref[-1] for r in good] == ["1", "7"]
    assert bad == [
        ("record 2", "bad_md5"), ("record 3", "no_digest"), ("record 4", "bad_photodna"), ("record 5", "bad_category"), ("record 6", "bad_json"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("broken", "places"),
    [
        ('{"MD5": "x"', [("record 2", "bad_json")]),
        ('{"MD5": x}', [("record 2", "bad_json")]),
        ('{"MD5": "a}', None),
        ("}", [("record 2", "bad_json")]),
        ("{]", None),
    ],
)
def test_a_record_that_is_no_json_hides_no_other_and_loops_never(broken, places):
    text = f'{{"@odata.context":"{CONTEXT}","value":[{json.dumps(media(1))},{broken},{json.dumps(media(3))},{json.dumps(media(4))}]}}'
    good, bad = parsed(io.BytesIO(text.encode()))
    assert good[0].ref.endswith("1")
    assert bad
    if places is not None:
        assert (bad, [r.ref[-1] for r in good]) == (places, ["1", "3", "4"])


@pytest.mark.parametrize("keep", ["", "]", "]}"])
def test_a_file_that_was_cut_off_says_so(keep):
    text = vics([media(1), media(2)]).getvalue().decode().rstrip().removesuffix("]}")
    good, bad = parsed(io.BytesIO((text + keep).encode()))
    assert len(good) == 2
    assert bad == ([] if keep else [("record 3", "cut_off")])


def test_pieces_of_any_size_read_the_same(monkeypatch):
    records = [media(n, Comments='quote " and \\ and { [ ] }' * (n % 3)) for n in range(40)]
    whole = parsed(vics(records))
    for size in (7, 64, 333):
        monkeypatch.setattr(vics_module, "CHUNK", size)
        assert parsed(vics(records)) == whole


def test_random_damage_never_raises():
    dice = random.Random(7)
    text = bytearray(vics([media(n) for n in range(20)]).getvalue())
    for _n in range(300):
        harmed = bytearray(text)
        for _m in range(dice.randrange(1, 6)):
            harmed[dice.randrange(len(harmed))] = dice.randrange(256)
        try:
            good, bad = parsed(io.BytesIO(harmed))
        except NotThisFormat:
            continue
        assert len(good) + len(bad) <= 200


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["HashName", "HashValue", "x"]), inner),
    max_leaves=6,
)
_FIELDS = [
    "MD5",
    "SHA1",
    "SHA256",
    "PhotoDNA",
    "Category",
    "MimeType",
    "MediaType",
    "DateUpdated",
    "Hashes",
    "MediaHashes",
]


@given(st.dictionaries(st.sampled_from(_FIELDS), _JSON))
def test_a_record_of_any_values_keeps_no_other_out(values):
    good, bad = parsed(vics([media(1), {**media(2), **values}, media(3)]))
    assert {"1", "3"} <= {r.ref[-1] for r in good}
    assert len(good) + len(bad) == 3
    assert not any(
        "\0" in text or any("\ud800" <= c <= "\udfff" for c in text) for r in good for text in (r.ref, r.code)
    )


@given(st.lists(st.text(st.characters(exclude_characters=';\r\n"'), max_size=70), min_size=12, max_size=12))
def test_cells_of_any_text_keep_no_other_line_out(cells):
    lines = [icse_module.HEADER, (MD5, *[""] * 11), cells, (MD5[:-1] + "1", *[""] * 11)]
    good, bad = parsed(io.BytesIO("\n".join(";".join(line) for line in lines).encode("utf-8", "replace")), Format.ICSE)
    assert len(good) + len(bad) in {2, 3}
    assert good[0].ref == f"md5:{MD5.lower()}"
    assert not any("\0" in r.ref for r in good)


@pytest.mark.parametrize(
    "broken", [{"Hashes": 1}, {"Hashes": {"HashName": "MD5"}}, {"Category": "1\0"}, {"Category": "\ud800"}]
)
def test_a_malformed_record_is_kept_out_of_the_bank_and_the_rest_is_in(bank, broken):
    text = json.dumps({"@odata.context": CONTEXT, "value": [media(1), {**media(2), **broken}, media(3)]})
    done = run(bank, io.BytesIO(text.encode()))
    assert (done.state, done.read, done.refused) == ("done", 3, 1)
    assert done.refusals[0]["at"] == "record 2"


def test_icse():
    text = (
        "\ufeffMD5;SHA1;PhotoDNA;Image ID;Is distributed;Victim identified;Offender identified;Series name;Number of submissions;"
        "File Available;Media Type;Baseline\r\n"
        f"{MD5};{SHA1};{PHOTODNA};77;1;0;0;;3;1;Video;1\r\n"
        f"{MD5[:-1]}1;;;78;1;0;0;;3;1;Image;0\r\n"
        "zz;;;79;1;0;0;;3;1;Image;0\r\n"
        "only;three;fields\r\n"
        ";;;80;1;0;0;;3;1;Image;0\r\n"
    )
    good, bad = parsed(io.BytesIO(text.encode()), Format.ICSE)
    assert [(r.ref, r.media, r.code) for r in good] == [("icse:77", "video", "BA"), ("icse:78", "image", "NA")]
    assert bad == [("line 4", "bad_md5"), ("line 5", "bad_line"), ("line 6", "no_digest")]
    with pytest.raises(NotThisFormat):
        parsed(io.BytesIO(b"a;b;c\n1;2;3\n"), Format.ICSE)


def test_plain_lists():
    lines = f"# a list\npdq {PDQ}\n{'0f' * 32},80\n\n{'0f' * 32},101\n{'0f' * 31}\n{PDQ},x\n"
    good, bad = parsed(io.BytesIO(lines.encode()), Format.PDQ)
    assert [(r.values[0].value.hex(), r.values[0].quality) for r in good] == [(PDQ, None), ("0f" * 32, 80)]
    assert bad == [("line 5", "bad_quality"), ("line 6", "bad_pdq"), ("line 7", "bad_quality")]
    good, bad = parsed(io.BytesIO(f"{MD5}\nmd5 {MD5}\n{'x' * 5000}\n{MD5}\n".encode()), Format.MD5, media="video")
    assert ([r.media for r in good], bad) == (["video"] * 3, [("line 3", "bad_md5")])


def run(bank, stream, form=Format.VICS_2, source="ngo", **options):
    return services.import_file(actor=bank.sue.actor, source_code=source, form=form, stream=stream, **options)


def test_an_import_waits_for_a_second_person_and_twice_adds_nothing(bank, run_jobs):
    records = [media(n) for n in range(1, 12)] + [media(5), media(90, Category=2), {"MD5": "no"}]
    first, second = run(bank, vics(records)), run(bank, vics(records))
    assert (first.read, first.added, first.known, first.refused) == (14, 11, 1, 2)
    assert (second.added, second.known, second.refused) == (0, 12, 2)
    assert first.refusals == [{"at": "record 13", "code": "not_illegal"}, {"at": "record 14", "code": "bad_md5"}]
    assert queries.all_in_force() == []
    numbers = list(Entry.objects.order_by("number").values_list("number", flat=True))
    assert len(set(numbers)) == 11

    with pytest.raises(DomainError, match="second_person_needed"):
        services.import_confirm(actor=bank.sue.actor, import_id=first.id)
    services.import_confirm(actor=bank.ann.actor, import_id=first.id)
    run_jobs()
    assert len(queries.all_in_force()) == 11
    assert {c.kind for c in queries.changes_since(0)} == {"add"}
    assert set(Entry.objects.values_list("confirmed_by", "proposed_by")) == {(bank.ann.id, bank.sue.id)}

    services.import_withdraw(actor=bank.ann.actor, import_id=first.id)
    run_jobs()
    assert queries.all_in_force() == []
    assert len(queries.changes_since(0)) == 22
    assert run(bank, vics(records)).added == 0


def test_an_import_for_our_own_desks_is_in_force_and_compared(bank, run_jobs):
    near = (int(PDQ, 16) ^ 0b111).to_bytes(32).hex()
    run(bank, io.BytesIO(f"{PDQ}\n".encode()), Format.PDQ, "own")
    Entry.objects.update(classification="baseline")
    lines = f"{MD5};;;1;;;;;;;Image;1\n{MD5};;;2;;;;;;;Image;0\n"
    header = "MD5;SHA1;PhotoDNA;Image ID;Is distributed;Victim identified;Offender identified;Series name;Number of submissions;File Available;Media Type;Baseline\n"
    run(bank, io.BytesIO((header + lines).encode()), Format.ICSE, "own")
    run(bank, vics([media(3, Category=1, AlternativeHashes=[{"HashName": "PDQ", "HashValue": near}])]), source="own")
    run_jobs()
    assert {(d.kind, d.distance) for d in Disagreement.objects.all()} == {("same", 0), ("similar", 3)}
    assert len(queries.all_in_force()) == 5


def test_what_was_forgotten_leaves_no_digest_behind_and_never_comes_back(bank, add):
    """A reference may be the digest itself (`md5:…`): only a keyed hash of it stays, which knows it again."""
    lines = io.BytesIO(f"{MD5}\n{MD5[:-1]}1\n".encode())
    run(bank, lines, Format.MD5, "own")
    mine = add("own", ref=f"md5:{MD5[:-1].lower()}2", md5=bytes.fromhex(f"{MD5[:-1]}2"))
    entries = list(Entry.objects.order_by("number"))
    for entry in entries:
        services.entry_withdraw(actor=bank.ann.actor, entry_id=entry.id)
    bank.clock.shift(timedelta(days=366))
    [values] = [each for each in RETENTION if each.name == "fingerprints.value"]
    due = values.due(clock.now() - values.period, 100)
    assert set(due) == {entry.id for entry in entries}
    values.destroy(SYSTEM, due)
    assert list(values.due(clock.now() - values.period, 100)) == []
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(e::text, ' ') FROM fingerprints_entry e")
        assert MD5[:-1].lower() not in cursor.fetchone()[0].lower()
    lines.seek(0)
    again = run(bank, lines, Format.MD5, "own")
    assert (again.added, again.known) == (0, 2)
    assert add("own", ref=f"md5:{MD5[:-1].lower()}2", md5=bytes.fromhex(f"{MD5[:-1]}2")) == mine
    assert set(Entry.objects.values_list("state", flat=True)) == {"withdrawn"}


def uk(*categories):
    """A VICS file of the UK profile: record n has the digest n and this category."""
    return vics([media(n, Category=category) for n, category in enumerate(categories, 1)])


def test_a_source_that_gives_another_class_later_is_a_disagreement_and_changes_nothing(bank, run_jobs):
    header = "MD5;SHA1;PhotoDNA;Image ID;Is distributed;Victim identified;Offender identified;Series name;Number of submissions;File Available;Media Type;Baseline\n"

    def icse(*baselines):
        lines = "".join(f"{n:032x};;;{n};;;;;;;Image;{baseline}\n" for n, baseline in enumerate(baselines, 1))
        return io.BytesIO((header + lines).encode())

    first = run(bank, icse(1, 1, 0), Format.ICSE, "own")
    assert (first.added, first.known, first.restated) == (3, 0, 0)
    before = queries.changes_since(0)
    second = run(bank, icse(1, 0, 0, 1), Format.ICSE, "own")
    assert (second.read, second.added, second.known, second.restated) == (4, 1, 2, 1)
    found = Disagreement.objects.get()
    entry = Entry.objects.get(source_ref="icse:2")
    assert (found.kind, found.entry, found.other, found.state) == ("restated", entry, None, "open")
    assert (found.classification, found.scale, found.stated) == ("national", "iccam", "NA")
    assert (entry.classification, entry.state, entry.stated) == ("baseline", "active", "BA")
    assert [c.entry_id for c in queries.changes_since(0)[len(before) :]] == [Entry.objects.get(source_ref="icse:4").id]
    event = Event.objects.get(event="fingerprints.disagreement_found")
    assert event.codes == {"kind": "restated", "entry": str(entry.id), "was": "baseline", "now": "national"}
    ended = Event.objects.filter(event="fingerprints.import_ended").latest("id")
    assert ended.codes["restated"] == 1

    assert run(bank, icse(1, 0, 0, 1), Format.ICSE, "own").restated == 1
    assert Disagreement.objects.count() == 1
    services.disagreement_settle(actor=bank.sue.actor, disagreement_id=found.id, outcome="kept")
    run(bank, icse(1, 0, 0, 1), Format.ICSE, "own")
    assert Disagreement.objects.get().state == "settled"
    services.entry_classify(actor=bank.sue.actor, entry_id=entry.id, classification="national")
    assert run(bank, icse(1, 0, 0, 1), Format.ICSE, "own").restated == 0


@pytest.mark.parametrize(
    ("then", "now", "said"),
    [
        (1, 2, ("national", "2")),  # our class is the same, the source's own code is not
        (1, 5, ("", "5")),  # no class of illegal material any more
    ],
)
def test_another_code_of_the_source_is_another_class(bank, then, now, said):
    run(bank, uk(then), profile="uk")
    again = run(bank, uk(now), profile="uk")
    assert (again.known, again.restated, again.refused) == (0, 1, 0)
    assert Disagreement.objects.values_list("classification", "stated").get() == said


@pytest.mark.parametrize(
    ("scale", "read", "told"),
    [
        ("iwf", {"A": "national", "B": "national", "C": "national"}, {}),
        ("jp", {"JP-2-3-1": "national", "JP-2-3-2": "national", "JP-2-3-3": "national"}, {}),
        ("vics:ca", {"1": "national"}, dict.fromkeys(codes.Classification, "1")),
    ],
)
def test_the_tables_of_iwf_japan_and_vics_canada(scale, read, told):
    """What a code of theirs is here, what our classes are called there, and that nothing is guessed."""
    assert {code: codes.read(scale, code) for code in read} == read
    assert all(codes.read(scale, code) is None for code in ("0", "2", "4", "D", "JP-2-3-4", "", "a"))
    assert {kind: codes.told(scale, kind) for kind in codes.Classification if codes.told(scale, kind)} == told
    for code, kind in read.items():
        assert codes.told(scale, kind, stated_scale=scale, stated=code) == code
        assert codes.told_all(kind, stated_scale=scale, stated=code)["iccam"] == "NA"


def test_the_categories_of_iwf_and_of_vics_uk_are_one_scale():
    pairs = list(zip("ABC", "123", strict=True))
    assert [codes.told("vics:uk", "national", stated_scale="iwf", stated=iwf) for iwf, _uk in pairs] == list("123")
    assert [codes.told("iwf", "national", stated_scale="vics:uk", stated=uk) for _iwf, uk in pairs] == list("ABC")
    assert codes.told("iwf", "national", stated_scale="jp", stated="JP-2-3-1") == ""


@pytest.mark.parametrize("profile", ["us", "uk", "ca", "icse"])
def test_what_nobody_has_sorted_yet_is_kept_out_and_named(bank, profile):
    records = [media(1), media(2, Category=0), media(3, Category="0"), media(4, Category=None), media(5)]
    del records[-1]["Category"]
    done = run(bank, vics(records), profile=profile)
    assert (done.read, done.added, done.refused) == (5, 1, 4)
    assert done.refusals == [{"at": f"record {n}", "code": "not_sorted"} for n in (2, 3, 4, 5)]
    again = run(bank, vics([media(1, Category=0)]), profile=profile)
    assert (again.known, again.restated, again.refused) == (0, 0, 1), "it says nothing of what is known"


def test_what_names_no_class_or_is_withdrawn_disagrees_with_nothing(bank):
    run(bank, uk(1, 2), profile="uk")
    refs = Entry.objects.values_list("source_ref", flat=True)
    digests = "\n".join(ref.removeprefix("md5:") for ref in refs)
    again = run(bank, io.BytesIO(digests.encode()), Format.MD5)
    assert (again.known, again.restated) == (2, 0)
    for entry in Entry.objects.all():
        services.entry_withdraw(actor=bank.sue.actor, entry_id=entry.id)
    run(bank, uk(2, 1), profile="uk")
    assert not Disagreement.objects.exists()


def test_two_classes_of_one_value_in_one_file_are_seen(bank):
    twice = vics([media(1, Category=1), media(1, Category=1), media(1, Category=3)])
    done = run(bank, twice, profile="uk")
    assert (done.read, done.added, done.known, done.restated) == (3, 1, 1, 1)
    assert Disagreement.objects.get().stated == "3"


def test_an_entry_added_again_with_another_class_is_a_disagreement(bank, add):
    first = add(ref="one", classification="baseline")
    assert add(ref="one", classification="baseline") == first
    assert not Disagreement.objects.exists()
    again = add(ref="one", classification="national")
    assert (again.id, again.classification) == (first.id, "baseline")
    assert Disagreement.objects.values_list("kind", "entry", "classification").get() == (
        "restated",
        first.id,
        "national",
    )


def test_a_file_of_another_format_takes_nothing(bank):
    with pytest.raises(DomainError, match="bad_file"):
        run(bank, io.BytesIO(b"not json"))
    assert ImportRun.objects.get().state == "failed"
    with pytest.raises(DomainError, match="forbidden"):
        services.import_file(actor=bank.ann.actor, source_code="ngo", form=Format.MD5, stream=io.BytesIO(b""))
    with pytest.raises(DomainError, match="not_found"):
        run(bank, io.BytesIO(b""), source="nobody")


@pytest.mark.parametrize("form", list(Format))
def test_what_is_exported_can_be_imported_again(bank, form, run_jobs):
    records = [
        media(n, SHA1=f"{n:040x}", AlternativeHashes=[{"HashName": "PDQ", "HashValue": f"{n:064x}"}])
        for n in range(1, 8)
    ]
    run(bank, vics(records), source="own")
    told = []
    body = b"".join(
        services.export(actor=bank.sue.actor, form=form, progress=lambda done, total: told.append((done, total)))
    )
    assert told == [(7, 7)]
    before = {
        bytes(v)
        for v in Fingerprint.objects.filter(algorithm="pdq" if form == Format.PDQ else "md5").values_list(
            "value", flat=True
        )
    }
    good, bad = parsed(io.BytesIO(body), form)
    assert bad == []
    assert {
        v.value for r in good for v in r.values if v.algorithm == ("pdq" if form == Format.PDQ else "md5")
    } == before
    with pytest.raises(DomainError, match="forbidden"):
        services.export(actor=bank.ann.actor, form=form)
