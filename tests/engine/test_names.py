"""Names for the DNS list: hostile ones are refused, or the zone holds exactly them and nothing else."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mamori.engine.addresses import ZONE_OCTETS, NameRefused, listable_name
from mamori.engine.addresses.names import judged_name
from mamori.engine.editions import Record, compile_rpz, cover, read_dump, zone_text
from tests.programs import needs, program

ZONE = "rpz.list.example"

HOSTILE = [
    # what injects, drops or generates records in a zone file
    ("good.example\ninjected.example", "control_characters"),
    ("good.example\r\n*.example CNAME .", "control_characters"),
    ("good.example\x00", "control_characters"),
    ("good.example\tCNAME .", "control_characters"),
    ("$ORIGIN other.example.", "directive"),
    ("$GENERATE 1-9 a$.example", "directive"),
    ("$INCLUDE /etc/passwd", "directive"),
    ("$TTL", "directive"),
    ("good.example.", "trailing_dot"),
    ("*", "wildcard"),
    ("*.example", "wildcard"),
    ("a.*.example", "wildcard"),
    ("@", "non_ldh"),
    ("good.example ; comment", "non_ldh"),
    ('"good.example"', "non_ldh"),
    ("good(.example", "non_ldh"),
    ("good\\.example", "non_ldh"),
    ("good\\032x.example", "non_ldh"),
    ("good .example", "non_ldh"),
    ("good..example", "non_ldh"),
    (".good.example", "non_ldh"),
    ("-good.example", "non_ldh"),
    ("good-.example", "non_ldh"),
    ("under_score.example", "non_ldh"),
    ("日本語.example", "non_ldh"),
    ("\u212aelvin.example", "non_ldh"),
    ("http://good.example/path", "non_ldh"),
    ("good.example/path", "non_ldh"),
    ("", "empty"),
    # response policy triggers
    ("1.0.0.0.0.rpz-ip", "rpz_trigger"),
    ("33.4.3.2.1.rpz-ip", "rpz_trigger"),
    ("128.57.zz.101.db8.2001.rpz-ip", "rpz_trigger"),
    ("32.1.2.0.192.rpz-client-ip", "rpz_trigger"),
    ("*.rpz-client-ip", "wildcard"),
    ("32.1.2.0.192.rpz-nsip", "rpz_trigger"),
    ("ns.good.example.rpz-nsdname", "rpz_trigger"),
    ("*.rpz-nsdname", "wildcard"),
    ("good.example.RPZ-IP", "rpz_trigger"),
    ("rpz-passthru.good.example", "rpz_trigger"),
    ("good.rpz-foo", "rpz_trigger"),
    # whole addresses, whole top-level domains
    ("192.0.2.1", "ip_literal"),
    ("0x7f.1", "ip_literal"),
    ("3232235521", "ip_literal"),
    ("site.0x4", "ip_literal"),
    ("256.256.256.256", "ip_literal"),
    ("2001:db8::1", "ip_literal"),
    ("[2001:db8::1]", "ip_literal"),
    ("example", "single_label"),
    ("com", "single_label"),
    ("co.jp", "public_suffix"),
    ("co.uk", "public_suffix"),
    ("anything.kawasaki.jp", "public_suffix"),
    ("github.io", "public_suffix"),
    ("xn--55qx5d.cn", "public_suffix"),
    ("amazonaws.com", "above_public_suffix"),
    # form and length
    ("Good.example", "not_canonical"),
    ("xn--a.example", "not_canonical"),
    ("xn--.example", "non_ldh"),
    ("a" * 64 + ".example", "over_long"),
    ("a." * 110 + "example", "over_long"),
    # one label, two scripts that no language mixes
    ("xn--pypal-4ve.example", "mixed_script"),  # Latin with a Cyrillic a
    ("xn--ggle-55da.example", "mixed_script"),  # Latin with Cyrillic o
    ("xn--xample-2of.example", "mixed_script"),
    ("xn--cher-zra102c.example", "mixed_script"),  # a Cyrillic soft sign for b
]


def punycoded(label: str) -> str:
    return "xn--" + label.encode("punycode").decode()


@pytest.mark.parametrize(("name", "code"), HOSTILE)
def test_hostile_names_are_refused_with_a_reason_and_a_remedy(name: str, code: str) -> None:
    with pytest.raises(NameRefused) as refusal:
        listable_name(name)
    assert refusal.value.code == code
    assert refusal.value.message.endswith(".")
    assert refusal.value.remedy.endswith(".")
    with pytest.raises(NameRefused):
        compile_rpz([name], "nxdomain")


@pytest.mark.parametrize(
    ("label", "mixed"),
    [
        ("日本語テストです", False),
        ("日本のabcメモー", False),
        ("々〆ヶ月", False),
        ("한국漢字", False),
        ("ㄅ漢", False),
        ("пример", False),
        ("παράδειγμα", False),
        ("bücher2", False),
        ("i❤x", False),
        ("pаypal", True),  # Cyrillic a
        ("αbc", True),
        ("かа", True),
        ("한か", True),
        ("գoogle", True),
    ],
)
def test_scripts_that_a_language_writes_together_pass(label: str, mixed: bool) -> None:
    name = f"{punycoded(label)}.example"
    if mixed:
        with pytest.raises(NameRefused) as refusal:
            listable_name(name)
        assert refusal.value.code == "mixed_script"
    else:
        assert listable_name(name) == name


GOOD = ["site.example", "a.b.c.site.example", "r3---sn.site.example", "1.site.example", "xn--wgv71a119e.example"]


def longest(octets: int) -> str:
    """A name whose wildcard form takes up exactly ``octets`` on the wire before the zone's name."""
    text = ("a" * 40 + ".") * 4 + "example"
    return "b" * (octets - 3 - len(text) - 1) + "." + text


@needs("named-checkzone")
def test_listed_names_stand_in_the_zone_exactly(tmp_path: Path) -> None:
    zone = "z" * (ZONE_OCTETS - 2)
    names = [*GOOD, longest(255 - ZONE_OCTETS)]
    with pytest.raises(NameRefused):
        listable_name(longest(255 - ZONE_OCTETS + 1))
    for action, stop in (("nxdomain", None), ("stop", "stop.page.example")):
        records = compile_rpz(names, action, stop)  # type: ignore[arg-type]
        assert len(records) == 2 * len(cover(names))
        assert dump(records, zone, tmp_path) == records


@needs("named-checkzone")
def test_the_round_trip_judge_sees_what_a_naive_writer_lets_in(tmp_path: Path) -> None:
    """The judge has teeth: text pasted into a zone loads without complaint, and the sets differ."""
    records = compile_rpz(["site.example"], "nxdomain")
    for line in ("evil.example 60 IN CNAME .\n", "$GENERATE 1-3 a$.example.rpz.list.example. 60 IN CNAME .\n"):
        file = tmp_path / "zone"
        file.write_text(zone_text(records, ZONE, 7) + line)
        assert read_dump(check(file, ZONE), ZONE) != records


def test_unsafe_records_and_zones_are_never_written() -> None:
    good = Record("site.example", ".")
    for record in (Record("a\nb.example", "."), Record("*", "."), Record("site.example", "x\n.")):
        with pytest.raises(ValueError, match="record"):
            zone_text([record], ZONE, 1)
    for zone in ("", "a b", "$ORIGIN", "z" * ZONE_OCTETS, "a.\nb"):
        with pytest.raises(ValueError, match="zone"):
            zone_text([good], zone, 1)
    with pytest.raises(ValueError, match="serial"):
        zone_text([good], ZONE, 2**32)


def check(file: Path, zone: str) -> str:
    done = subprocess.run(
        [program("named-checkzone"), "-D", "-q", "-s", "full", "-k", "fail", "-o", "-", zone, str(file)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def dump(records: frozenset[Record], zone: str, folder: Path) -> frozenset[Record]:
    file = folder / "zone"
    file.write_text(zone_text(records, zone, 1))
    return read_dump(check(file, zone), zone)


_LABELS = st.one_of(
    st.sampled_from(["com", "co", "jp", "uk", "ck", "www", "example", "github", "io", "kawasaki", "city", "rpz-ip", "xn--wgv71a119e",
                     "xn--x", "a" * 63, "a" * 64, "0x1", "1", "-a", "a-", "a_b", "A", "", "日本", "a\n"]),
    st.text("abxn01-", min_size=1, max_size=6),
)  # fmt: skip


@given(st.lists(_LABELS, min_size=1, max_size=6).map(".".join))
@example("a.github.io")
@example("x." * 105 + "example")
@example("x." * 106 + "example")
def test_the_short_way_says_what_the_rules_say(name: str) -> None:
    assert _said(listable_name, name) == _said(judged_name, name)


def _said(judge: Callable[[str], str], name: str) -> str:
    try:
        return judge(name)
    except NameRefused as refused:
        return refused.code
