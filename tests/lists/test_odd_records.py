"""The 19 odd records, one by one: each was tried in a zone file with BIND, Knot, Unbound and PowerDNS. What becomes of them here.

One such line cost the whole zone, or the process, in 8 of the 19 cases (PowerDNS), 7 (BIND) and 5 (Unbound). Refused
means: by the name rules, hence by the gate, once more by the writers of zones, and before a command goes to the primary. Exactly represented means: the zone that BIND loads holds that and nothing else.
"""

from pathlib import Path

import pytest

from demo.dns import DnsWorld
from mamori.engine.addresses import NameRefused, canonicalize, listable_name
from mamori.engine.editions import Record, compile_rpz, read_dump, zone_text
from mamori.lists.distribution.control import KnotError
from mamori.lists.distribution.knot import Knot, Large
from mamori.lists.distribution.records import zone_lines
from tests.engine.test_names import dump
from tests.programs import needs

ZONE = "nx.list"
LONG = ".".join(
    ["a" * 61] * 3 + ["b" * 40, "example"]
)  # 234 octets: a name by itself, none before "*." and a zone's name

# Odd lines whose owner is no name of the list -> why.
REFUSED_NAMES = {
    "1 longer than 255 octets with the zone's name": (LONG, "over_long"),
    "2 a label of 64": (f"{'a' * 64}.example", "over_long"),
    "3 a raw space": ("a b.example", "non_ldh"),
    "4 an empty label": ("a..example", "non_ldh"),
    "5 raw UTF-8": ("日本.example", "non_ldh"),
    "6 an address as owner": ("http://a.example/path", "non_ldh"),
    "7 a trailing dot, out of the zone": ("a.example.", "trailing_dot"),
    "11 an IP trigger": ("33.4.3.2.1.rpz-ip", "rpz_trigger"),
    "13 an unknown trigger": ("a.example.rpz-foo", "rpz_trigger"),
    "14 a bare top-level domain": ("example", "single_label"),
    "15 a label in dashes": ("-dash-.example", "non_ldh"),
    "16 an escaped blank": ("a\\032b.example", "non_ldh"),
    "17 an escaped dot": ("a\\.b.example", "non_ldh"),
    "18 upper case": ("Upper.example", "not_canonical"),
    "19 an underscore": ("_u.example", "non_ldh"),
}
# Odd pairs of records, and records without data -> what stands in the zone twice or not at all.
REFUSED_RECORDS = {
    "8 an exact duplicate": [Record("a.example", "."), Record("a.example", ".")],
    "10 two different CNAMEs": [Record("a.example", "."), Record("a.example", "stop.mamori.example.")],
    "12 a CNAME without data": [Record("a.example", "")],
}
# No record of the list has another type: nothing in the house can write it.
UNSAYABLE = "9 a CNAME and an A at one owner"


def test_the_table_names_all_19() -> None:
    numbers = [int(case.split()[0]) for case in (*REFUSED_NAMES, *REFUSED_RECORDS, UNSAYABLE)]
    assert sorted(numbers) == list(range(1, 20))


def refused_by_the_writers(records: list[Record]) -> None:
    with pytest.raises(ValueError, match="record"):
        zone_text(records, ZONE, 1)
    with pytest.raises(KnotError, match="record"):
        list(zone_lines(ZONE, records))


@pytest.mark.parametrize("case", REFUSED_NAMES)
def test_a_name_is_refused_and_by_the_writers_again(case: str) -> None:
    name, code = REFUSED_NAMES[case]
    with pytest.raises(NameRefused) as refusal:
        listable_name(name)
    assert refusal.value.code == code
    with pytest.raises(NameRefused):
        compile_rpz([name], "nxdomain")
    with pytest.raises(KnotError, match="not fit for the zone"):
        list(zone_lines(ZONE, [Record(name, ".")]))
    looser = ("1 ", "2 ", "11 ", "13 ", "15 ")
    if not case.startswith(looser):  # the writer of files is given judged names, and looks at their form alone
        refused_by_the_writers([Record(name, ".")])


def test_upper_case_and_other_letters_are_listed_in_their_one_form() -> None:
    """What a person types is brought into that form before: then it is exactly represented."""
    assert listable_name(canonicalize("http://Upper.example/").host) == "upper.example"
    assert listable_name(canonicalize("http://日本.example/").host) == "xn--wgv71a.example"


@pytest.mark.parametrize("case", REFUSED_RECORDS)
def test_records_that_void_a_zone_are_refused_by_both_writers(case: str) -> None:
    refused_by_the_writers(REFUSED_RECORDS[case])
    below = [record._replace(owner=f"*.{record.owner}") for record in REFUSED_RECORDS[case]]
    refused_by_the_writers([Record("a.example", "."), *below])
    with pytest.raises(KnotError):
        list(zone_lines(ZONE, [Record("", "")]))


@pytest.mark.resolvers
@needs("knotd", "knotc", "unbound", "named")
@pytest.mark.parametrize("case", ["10 two different CNAMEs", "12 a CNAME without data"])
def test_the_primary_takes_none_of_them(case: str, dns_world: DnsWorld) -> None:
    knot, wanted = Knot(str(dns_world.knot_socket)), REFUSED_RECORDS[case]
    good = compile_rpz(["good.example"], "nxdomain")
    knot.add_zone("odd.list")
    try:
        before = knot.sync("odd.list", good)
        with pytest.raises(KnotError, match="record"):
            knot.sync("odd.list", good | set(wanted))
        with pytest.raises(KnotError, match="record"):
            knot.sync_large([Large("odd.list", wanted[-1].target)], lambda: [record.owner for record in wanted])
        one = knot.sync("odd.list", good | {Record("a.example", ".")}).serial
        with pytest.raises(KnotError, match="record"):  # also beside one that stands there
            knot.sync("odd.list", good | {Record("a.example", "."), Record("a.example", "stop.mamori.example.")})
        assert before.serial < one == knot.serial("odd.list")
        assert knot.read("odd.list") == good | {Record("a.example", ".")}
    finally:
        knot.drop_zone("odd.list")


@needs("named-checkzone")
def test_what_is_named_twice_stands_there_once_and_nothing_but_cnames_can_be_said(tmp_path: Path) -> None:
    records = compile_rpz(["a.example", "a.example", "xn--wgv71a.example", "upper.example"], "nxdomain")
    assert len(records) == 6
    assert dump(records, ZONE, tmp_path) == records
    assert set(Record._fields) == {"owner", "target"}, "9: a record of the list is a CNAME"
    with_an_address = zone_text(records, ZONE, 1) + f"a.example.{ZONE}. 60 IN A 192.0.2.1\n"
    assert read_dump(with_an_address, ZONE) != records, "and one that came from elsewhere is seen by the round trip"
