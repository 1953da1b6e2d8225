"""What BIND, Knot, Unbound and PowerDNS hold after loading is compared with what was meant."""

from collections.abc import Iterable, Iterator

import pytest
from django.conf import settings

from mamori.engine.editions import Record, compile_sorted
from mamori.lists.distribution import roundtrip
from mamori.lists.distribution.control import KnotError
from mamori.lists.distribution.records import zone_lines
from mamori.lists.distribution.roundtrip import Judged, RoundTripError, judge
from tests.programs import needs

NAMES = ["a.example", "b.a2.example", "x-1.example", "xn--wgv71a119e.example", f"{'l' * 63}.{'m' * 63}.example"]
RECORDS = list(compile_sorted(NAMES, "stop", "stop.mamori.example"))
judges = needs("knotd", "knotc", "named-checkzone", "unbound", "pdns_recursor")


def told(wanted: Iterable[Record], *engines: str) -> list[Judged]:
    heard: list[Judged] = []
    judge("stop.list", wanted, engines, heard.append)
    return heard


def without(monkeypatch: pytest.MonkeyPatch, *absent: str) -> None:
    """A machine on which all is installed but these programs."""
    monkeypatch.setattr(roundtrip, "_program", lambda name: None if name in absent else f"/usr/sbin/{name}")


@judges
@pytest.mark.resolvers
def test_all_four_hold_what_was_meant():
    assert settings.LIST_JUDGES == list(roundtrip.PROGRAMS) == ["bind", "knot", "unbound", "powerdns"]
    heard = told(RECORDS, *settings.LIST_JUDGES)
    assert [(one.engine, one.records) for one in heard] == [(engine, 10) for engine in settings.LIST_JUDGES]


@pytest.mark.parametrize("program", roundtrip.PACKAGES)
def test_without_one_of_its_judges_nothing_passes(program, monkeypatch):
    without(monkeypatch, program)
    with pytest.raises(RoundTripError, match=f"not installed, so that stop.list cannot be judged: {program}"):
        told(RECORDS, *settings.LIST_JUDGES)
    assert roundtrip.missing(settings.LIST_JUDGES) == [program]
    assert roundtrip.how_to_install([program]).endswith(f" {roundtrip.PACKAGES[program]}")


def test_nobody_and_somebody_unknown_judge_nothing():
    with pytest.raises(RoundTripError, match="no engine is named to judge"):
        told(RECORDS)
    with pytest.raises(RoundTripError, match="nsd is no engine that judges"):
        told(RECORDS, "bind", "nsd")


def test_each_program_of_a_judge_has_its_package():
    assert {name for names in roundtrip.PROGRAMS.values() for name in names} == set(roundtrip.PACKAGES)


@judges
@pytest.mark.resolvers
@pytest.mark.parametrize("engine", roundtrip.PROGRAMS)
def test_an_engine_that_holds_something_else_stops_the_zone(engine, monkeypatch):
    """The file says something else than what is meant: as if the engine had lost one record and found another."""

    def altered(zone: str, records: Iterable[Record]) -> Iterator[str]:
        return zone_lines(zone, [*list(records)[:-1], Record("foreign.example", "stop.mamori.example.")])

    monkeypatch.setattr(roundtrip, "zone_lines", altered)
    with pytest.raises(RoundTripError) as refusal:
        told(RECORDS, engine)
    assert f"{engine} does not hold stop.list as meant" in str(refusal.value)
    assert f"it lacks {RECORDS[-1].owner}.stop.list. CNAME" in str(refusal.value)
    assert "it has besides foreign.example.stop.list. CNAME" in str(refusal.value)


def test_what_is_not_fit_never_reaches_a_judge():
    with pytest.raises(KnotError):
        told([Record("evil.example\n$INCLUDE /etc/passwd", ".")], "bind")


def test_odd_lines_of_a_dump_are_seen(tmp_path):
    dump, meant = tmp_path / "dump", tmp_path / "meant"
    dump.write_text(
        "; written by somebody\n;; Zone dump\n\n"
        "stop.list. 60 IN SOA hub.invalid. hostmaster.invalid. 1 60 30 2592000 60\nstop.list. 60 IN NS hub.invalid.\n"
        "stop.list. IN SOA fake.RPZ. hostmaster.fake.RPZ. 1 60 600 3600000 604800\n"
        "a.example.stop.list.\t60\tIN\tCNAME\t.\nb.example.stop.list. IN CNAME .\n"
        "c.example.stop.list. 60 IN A 192.0.2.1\nd.example. 60 CNAME .\n;.e.stop.list. 60 CNAME .\n"
        "stop.list. 60 NS ns.example.\n"
    )
    same = ["a.example.stop.list. CNAME .", "b.example.stop.list. CNAME ."]
    odd = [";.e.stop.list. CNAME .", "c.example.stop.list. A 192.0.2.1", "d.example. CNAME ."]
    last = "stop.list. NS ns.example."
    meant.write_text("".join(f"{line}\n" for line in sorted([*same, *odd, last])))
    roundtrip._compare("bind", "stop.list", dump, meant)
    meant.write_text("".join(f"{line}\n" for line in [*same, last]))
    with pytest.raises(RoundTripError) as refusal:
        roundtrip._compare("bind", "stop.list", dump, meant)
    assert str(refusal.value) == f"bind does not hold stop.list as meant: it has besides {', '.join(odd)}"


def test_of_many_differences_the_first_are_named_and_a_record_twice_is_one(tmp_path):
    dump, meant = tmp_path / "dump", tmp_path / "meant"
    lines = [f"{number:06}.example.stop.list. CNAME ." for number in range(100_000)]  # more than a pipe holds
    dump.write_text(f"{lines[0]}\n" * 2)
    meant.write_text("".join(f"{line}\n" for line in lines))
    with pytest.raises(RoundTripError) as refusal:
        roundtrip._compare("knot", "stop.list", dump, meant)
    assert str(refusal.value) == (
        f"knot does not hold stop.list as meant: it lacks {', '.join(lines[1:4])} …; it has besides {lines[0]}"
    )
    dump.write_text("".join(f"{line}\n" for line in [*lines, *lines]))
    with pytest.raises(RoundTripError) as refusal:
        roundtrip._compare("knot", "stop.list", dump, meant)
    assert str(refusal.value) == f"knot does not hold stop.list as meant: it has besides {', '.join(lines[:3])} …"


@judges
@pytest.mark.resolvers
def test_the_verdict_on_one_engine_comes_first_where_the_next_does_not_load(monkeypatch):
    needed = roundtrip._need
    monkeypatch.setattr(roundtrip, "_need", lambda name: needed(name) if name != "knotd" else "/nonexistent")
    with pytest.raises(RoundTripError, match=r"knot does not load stop\.list: .*No such file or directory"):
        told(RECORDS, "bind", "knot")
    written = roundtrip.zone_lines
    monkeypatch.setattr(roundtrip, "zone_lines", lambda zone, records: written(zone, list(records)[:-1]))
    with pytest.raises(RoundTripError) as refusal:
        told(RECORDS, "bind", "knot")
    lost = f"{RECORDS[-1].owner}.stop.list. CNAME {RECORDS[-1].target}"
    assert str(refusal.value) == f"bind does not hold stop.list as meant: it lacks {lost}"
    monkeypatch.undo()
    monkeypatch.setattr(roundtrip, "zone_lines", lambda zone, records: written(zone, list(records)[:-1]))
    with pytest.raises(RoundTripError) as refusal:
        told(RECORDS, "knot", "unbound")
    assert str(refusal.value) == f"knot does not hold stop.list as meant: it lacks {lost}"


def test_without_space_nothing_passes(monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(roundtrip, "missing", lambda _engines: [])
    monkeypatch.setattr(roundtrip, "_write", full)
    with pytest.raises(RoundTripError, match=r"stop\.list could not be judged: No space left on device"):
        told(RECORDS, "bind")


def test_a_dump_that_cannot_be_read_stops_the_zone(tmp_path):
    (meant := tmp_path / "meant").write_text("")
    with pytest.raises(RoundTripError, match=r"what unbound holds of stop\.list cannot be read: .*not there"):
        roundtrip._compare("unbound", "stop.list", tmp_path / "not there", meant)
