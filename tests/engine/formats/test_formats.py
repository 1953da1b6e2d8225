"""Every format: what is written, what is not, and that nothing breaks out of it."""

import csv
import io
import json
import re
from datetime import date, datetime, timedelta
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from mamori.engine.addresses import AddressError, canonicalize
from mamori.engine.editions import ListEntry, cover
from mamori.engine.formats import (
    FORMATS,
    EntryRefused,
    Listing,
    NotExpressible,
    expression_of,
    expressions,
    literals,
    place_of,
    sift,
    write_all,
)
from mamori.engine.formats import listing as judging
from mamori.engine.hashlists import digest
from tests.engine.formats.cases import SINCE, UNTIL, entry, left_out, listing, text

NAMES = ("bad.example", "sub.bad.example", "other.example", "xn--r8jz45g.example")
PAGES = ("https://page.example/board/1.html?a=1&b=[2]", "http://page.example:8080/p")
GOLDEN = {
    "unbound.conf": """\
server:
local-zone: "bad.example." always_nxdomain
local-zone: "other.example." always_nxdomain
local-zone: "xn--r8jz45g.example." always_nxdomain
""",
    "dnsmasq.conf": "address=/bad.example/\naddress=/other.example/\naddress=/xn--r8jz45g.example/\n",
    "hosts.txt": """\
0.0.0.0 bad.example
:: bad.example
0.0.0.0 other.example
:: other.example
0.0.0.0 sub.bad.example
:: sub.bad.example
0.0.0.0 xn--r8jz45g.example
:: xn--r8jz45g.example
""",
    "adguard.txt": "||bad.example^\n||other.example^\n||xn--r8jz45g.example^\n",
    "squid-dstdomain.txt": ".bad.example\n.other.example\n.xn--r8jz45g.example\n",
    "squid-url-regex.txt": """\
^https?://page\\.example:8080/p$
^https?://page\\.example/board/1\\.html\\?a=1&b=\\[2\\]$
""",
    "e2guardian-sites.txt": "bad.example\nother.example\nxn--r8jz45g.example\n",
    "e2guardian-regexp-urls.txt": "^page\\.example/board/1\\.html\\?a=1&b=\\[2\\]$\n",
    "ufdbguard-domains.txt": "bad.example\nother.example\nxn--r8jz45g.example\n",
    "ufdbguard-expressions.txt": """\
^(https?://)?page\\.example:8080/p$
^(https?://)?page\\.example(:80|:443)?/board/1\\.html\\?a=1&b=\\[2\\]$
""",
    "names.csv": """\
target,reason,activated_at,expires_on,entry_id\r
"bad.example","too_slow",2026-11-24T01:02:03Z,2027-02-22,"entry-1"\r
"other.example","too_slow",2026-11-24T01:02:03Z,2027-02-22,"entry-3"\r
"sub.bad.example","too_slow",2026-11-24T01:02:03Z,2027-02-22,"entry-2"\r
"xn--r8jz45g.example","too_slow",2026-11-24T01:02:03Z,2027-02-22,"entry-4"\r
""",
    "urls.json": """\
[{"target":"http://page.example:8080/p","reason":"too_slow","activated_at":"2026-11-24T01:02:03Z",\
"expires_on":"2027-02-22","entry_id":"entry-6"},
{"target":"https://page.example/board/1.html?a=1&b=[2]","reason":"too_slow","activated_at":"2026-11-24T01:02:03Z",\
"expires_on":"2027-02-22","entry_id":"entry-5"}]
""",
    "search-removals.jsonl": """\
{"url":"http://page.example:8080/p","scope":"page","reason":"too_slow","decided_at":"2026-11-24T01:02:03Z",\
"remove_until":"2027-02-22","reference":"entry-6"}
{"url":"https://page.example/board/1.html?a=1&b=[2]","scope":"page","reason":"too_slow",\
"decided_at":"2026-11-24T01:02:03Z","remove_until":"2027-02-22","reference":"entry-5"}
""",
}


@pytest.mark.parametrize("name", GOLDEN)
def test_what_is_written(name: str) -> None:
    assert text(name, *NAMES, *PAGES) == GOLDEN[name]


def test_hashes_of_names_and_pages() -> None:
    page = "https://page.example/board/1.html?a=1&b=[2]"
    found = FORMATS["hashes-32.bin"].write(listing("bad.example", page, "http://page.example:8080/p"))
    assert found.data == b"".join(sorted(map(digest, ("bad.example/", page.removeprefix("https://")))))
    assert found.left_out == {"port": 1}


def test_equal_lists_give_equal_bytes_in_whatever_order() -> None:
    some = [entry(target, number=number) for number, target in enumerate((*NAMES, *PAGES))]
    first, second = Listing.of(some), Listing.of(reversed(some))
    assert [each.data for each, _ in write_all(first)] == [each.data for each, _ in write_all(second)]


def test_all_formats_are_written_once_each() -> None:
    formats = [each.name for _, alike in write_all(listing("bad.example")) for each in alike]
    assert sorted(formats) == sorted(FORMATS)


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_carries_the_decisions_it_names_and_no_others(name: str) -> None:
    """A decision about a page never becomes one about its site, in no format; and the other way round."""
    each = FORMATS[name]
    nothing = each.write(listing()).data
    for method, target in (("dns", "bad.example"), ("url", "https://page.example/board/1.html")):
        assert (each.write(listing(target)).data != nothing) == (method in each.methods)


def test_no_name_of_a_page_stands_in_a_list_of_names() -> None:
    for name, each in FORMATS.items():
        if "url" not in each.methods:
            assert b"page.example" not in each.write(listing("bad.example", *PAGES)).data, name


def test_a_hosts_file_says_that_it_does_not_block_below() -> None:
    head = FORMATS["hosts.txt"].write(listing()).data.decode()
    assert "subdomains are NOT blocked" in head
    assert "サブドメインは遮断されません" in head


# --- hostile entries ------------------------------------------------------------------------------------------------

HOSTILE = [
    "bad.example\nserver=/good.example/", "bad.example\r\n0.0.0.0 good.example", 'bad.example." always_nxdomain\n#',
    "bad.example #", "bad.example/good.example", "bad.example^$important", "*.example", "||good.example^", ".example",
    "example", "jp", "co.jp", "bad.example.", "192.0.2.1", "[2001:db8::1]", "a" * 64 + ".example", "bad..example",
    "a." * 130 + "example", "=cmd.example", "bad.example,good.example", "bad.example;", "", " ", "БАД.example",
    "bad_.example", "rpz-ip.example", "-bad.example", "bad.example\x00",
]  # fmt: skip
HOSTILE_URLS = [
    "https://page.example/a\nhttps://good.example/", "https://page.example", "page.example/a", "ftp://page.example/a",
    "https://PAGE.example/a", "https://page.example/a#b", "https://page.example/a b", 'https://page.example/a"b',
    "https://page.example:443/a", "https://user@page.example/a", "https://page.example/a/../b", "javascript:alert(1)",
    "https://page.example/" + "a" * 9000, "https://page.example./a", "https://page.example/\x00", "^https://.*", "",
    "https://page.example/a\t", "https://page.example/<a>", "https://page.example\\a", "https://page.example/あ",
]  # fmt: skip


@pytest.mark.parametrize(("target", "method"), [(t, "dns") for t in HOSTILE] + [(t, "url") for t in HOSTILE_URLS])
def test_a_hostile_entry_is_refused_by_one_clear_error_and_holds_back_no_other(target: str, method: str) -> None:
    hostile, good = entry(target, method, 2), entry("stays.example", number=1)
    with pytest.raises(EntryRefused) as refused:
        Listing.of([good, hostile])
    assert refused.value.entry_id == "entry-2"
    assert "entry-2" in str(refused.value)
    assert target not in str(refused.value) or not target.strip()
    fit, left = sift([hostile, good])
    assert (fit, [each.code for each in left]) == ([good], [refused.value.code])


@pytest.mark.parametrize("field", ["entry_id", "reason"])
@pytest.mark.parametrize("value", ["", '"', "a\nb", "=1+1", "a,b", "ａ", "-x", "a" * 81])
def test_ids_and_reasons_are_codes(field: str, value: str) -> None:
    values = {"entry_id": "e", "reason": "r", field: value}
    with pytest.raises(EntryRefused, match="not_a_code"):
        Listing.of([ListEntry(method="dns", target="bad.example", activated_at=SINCE, expires_on=UNTIL, **values)])


# Any text that could end up in a database, and names and addresses bent by signs that mean something somewhere.
SIGNS = "\"'\\/#;:,=|^$*+?()[]{}<>&%@!~`-_. \t\n\r\x00あé"
bent = st.text(st.sampled_from("ab1" + SIGNS), max_size=20)
any_name = bent | st.builds("{}.example".format, bent) | st.builds("bad.example{}".format, bent)
any_url = st.builds("{}://{}{}/{}?{}".format, st.sampled_from(["http", "https"]), st.sampled_from(["page.example", "192.0.2.1", "[2001:db8::1]"]), st.sampled_from(["", ":8080"]), bent, bent)  # fmt: skip


@given(st.lists(any_name, max_size=5))
def test_no_name_breaks_out_of_a_line(targets: list[str]) -> None:
    """Whatever stands in the database: each file holds its lines for the fit names, and nothing else."""
    fit, _ = sift(entry(target, "dns", number) for number, target in enumerate(targets, 1))
    some = Listing.judged(fit)
    shapes = {
        "unbound.conf": r'local-zone: "([a-z0-9.-]+)\." always_nxdomain',
        "dnsmasq.conf": r"address=/([a-z0-9.-]+)/",
        "adguard.txt": r"\|\|([a-z0-9.-]+)\^",
        "squid-dstdomain.txt": r"\.([a-z0-9.-]+)",
        "e2guardian-sites.txt": r"([a-z0-9.-]+)",
    }
    for name, shape in shapes.items():
        lines = [line for line in FORMATS[name].write(some).data.decode().split("\n")[:-1] if line[0] not in "#!"]
        found = [re.fullmatch(shape, line) for line in lines if line != "server:"]
        assert [match and match[1] for match in found] == list(some.roots), name
    assert set(some.names) <= set(targets)


@given(st.lists(any_name, max_size=5))
@example([*HOSTILE, *NAMES, "true.example", "1e5.example", "bad.example"])
def test_tables_of_names_hold_the_fit_entries_as_they_are(targets: list[str]) -> None:
    """Whatever stands in the database: a reader of CSV or JSON gets each fit entry back, field by field, and no other."""
    fit, _ = sift(
        ListEntry(f"e{at}", "dns", target, f"reason_{at}", SINCE + timedelta(hours=at), UNTIL + timedelta(days=at))
        for at, target in enumerate(targets, 1)
    )
    some = Listing.judged([*fit, entry(PAGES[0])])
    as_csv, as_json = (FORMATS[name].write(some).data.decode() for name in ("names.csv", "names.json"))
    for rows in (list(csv.DictReader(io.StringIO(as_csv, newline=""), strict=True)), json.loads(as_json)):
        assert [entry_of(row) for row in rows] == sorted(fit, key=lambda each: (each.target, each.entry_id))


def entry_of(row: dict[str, str]) -> ListEntry:
    """The entry that a row of a table says."""
    moment, day = datetime.fromisoformat(row.pop("activated_at")), date.fromisoformat(row.pop("expires_on"))
    return ListEntry(method="dns", activated_at=moment, expires_on=day, **row)


@given(st.sets(st.from_regex(r"([ab]\.){0,3}[cd]\.example", fullmatch=True), max_size=12))
def test_roots_are_what_a_zone_needs(names: set[str]) -> None:
    assert set(listing(*sorted(names)).roots) == cover(names)


def canonical(text_: str) -> str | None:
    try:
        return canonicalize(text_).url
    except AddressError:
        return None


@given(st.lists(any_url, max_size=4), any_url)
@example(["http://page.example/a?},{"], "http://page.example/a")
def test_no_url_breaks_out_of_a_file(texts: list[str], raw: str) -> None:
    """Canonical forms are carried whole; what is not canonical is refused."""
    urls = {url for each in texts if (url := canonical(each))}
    some = Listing.of(entry(url, number=number) for number, url in enumerate(sorted(urls), 1))
    assert list(some.urls) == sorted(urls)
    rows = list(csv.DictReader(io.StringIO(FORMATS["urls.csv"].write(some).data.decode(), newline="")))
    assert [row["target"] for row in rows] == sorted(urls)
    assert [row["target"] for row in json.loads(FORMATS["urls.json"].write(some).data)] == sorted(urls)
    lines = FORMATS["search-removals.jsonl"].write(some).data.decode().splitlines()
    assert [json.loads(line)["url"] for line in lines] == sorted(urls)
    _, refused = sift([entry(raw, "url")])
    assert bool(refused) == (canonical(raw) != raw)


@given(any_url, any_url)
def test_an_expression_for_squid_matches_its_page_and_no_other(one: str, other: str) -> None:
    """As Squid compares: escapes decoded. What it cannot tell apart decodes to the same octets without an escaped sign."""
    listed, asked = canonical(one), canonical(other)
    assume(listed and asked)
    lines = text("squid-url-regex.txt", listed).splitlines()
    assert len(lines) + sum(left_out("squid-url-regex.txt", listed).values()) == 1
    for line in lines:
        pattern = re.compile(line.encode("utf-8", "surrogateescape").replace(b"[ ]", b" "))
        assert pattern.search(unquote_to_bytes(listed)), line
        place, place_asked = place_of(listed), place_of(asked)
        same = (place.host, place.port, unquote_to_bytes(place.tail)) == (
            place_asked.host, place_asked.port, unquote_to_bytes(place_asked.tail),
        )  # fmt: skip
        assert bool(pattern.search(unquote_to_bytes(asked))) == same


@given(any_url | st.from_regex(r"https?://([a-z0-9-]{1,4}\.){0,2}(xn--|[a-z0-9])[a-z0-9-]{0,3}(:[0-9]{1,3})?(/[A-Za-z0-9._~%-]{0,3}){0,3}(\?[a-z0-9&=%]{0,4})?", fullmatch=True))  # fmt: skip
def test_a_url_that_looks_canonical_is(url: str) -> None:
    """The short way never takes what the parser would write in another way."""
    if judging._PLAIN.fullmatch(url):
        assert canonical(url) == url
    assert judging.is_canonical_url(url) == (canonical(url) == url)


@given(any_url | st.from_regex(r"https?://[a-z]\.example(:[0-9]{1,3})?(/[a-z.%?]{0,3}){0,5}", fullmatch=True))
def test_the_short_ways_of_pages_say_what_the_long_ways_say(text_: str) -> None:
    url = canonical(text_)
    assume(url)
    place = place_of(url)
    tail = literals.decoded(place.tail)
    page = None if tail is None else judging.Page(literals.literal(place.host), place.port, tail)
    assert listing(url).pages == (page,)
    if expressions._SIMPLE.fullmatch(url):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(expressions, "_SIMPLE", re.compile("(?!)"))
            long = expression_of(entry(url))
        assert expression_of(entry(url)) == long


def test_hosts_too_long_for_a_name_go_the_long_way() -> None:
    host = ".".join(["a" * 60] * 4) + ".abcdefghij.example"
    assert len(host) > 253
    assert not judging.is_canonical_url(f"https://{host}/")


# --- pages and what lies beside them --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "expression"),
    [
        ("https://page.example/board/1.html", "page.example/board/1.html"),
        ("http://page.example/view?id=7", "page.example/view?id=7"),
        ("https://page.example/dir/?p=2", "page.example/dir/?p=2"),
        ("https://page.example/a/b/c/d/", "page.example/a/b/c/d/"),
        ("https://page.example/%E3%81%82%20x", "page.example/%E3%81%82%20x"),
        ("http://192.0.2.1/p", "192.0.2.1/p"),
        ("https://user.github.io/p", "user.github.io/p"),
    ],
)
def test_the_expression_of_a_page(url: str, expression: str) -> None:
    assert expression_of(entry(url)) == expression


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://page.example/", "covers_below"),
        ("https://page.example/dir/", "covers_below"),
        ("https://page.example/a/b/c/", "covers_below"),
        ("https://mooo.com/login", "covers_neighbours"),
        ("https://github.io/login", "covers_neighbours"),
        ("https://amazonaws.com:8443/p", "covers_neighbours"),
        ("http://page.example:8080/p", "port"),
        ("https://page.example//p", "other_canonical_form"),
        ("https://page.example/%61", "other_canonical_form"),
        ("https://page.example/%e3%81%82", "other_canonical_form"),
        ("https://page.example/%2525", "other_canonical_form"),
        ("https://page.example/p?", "other_canonical_form"),
    ],
)
def test_a_page_whose_expression_would_say_more_is_left_out_and_counted(url: str, code: str) -> None:
    with pytest.raises(NotExpressible, match=code):
        expression_of(entry(url))
    assert left_out("hashes-32.bin", url) == {code: 1}


@pytest.mark.parametrize(
    ("name", "url", "code"),
    [
        ("squid-url-regex.txt", "https://page.example/a%3Fb", "escape"),
        ("squid-url-regex.txt", "https://page.example/a%2Fb", "escape"),
        ("squid-url-regex.txt", "https://page.example/a%23b", "escape"),
        ("squid-url-regex.txt", "https://page.example/a%0Ab", "escape"),
        ("squid-url-regex.txt", "https://page.example/100%", "escape"),
        ("squid-url-regex.txt", "https://page.example/" + "a" * 2000, "over_long"),
        ("squid-url-regex.txt", "https://page.example/" + "." * 1000, "over_long"),
        ("squid-url-regex.txt", "https://page.example/" + "%E3%81%82" * 700, "over_long"),
        ("e2guardian-regexp-urls.txt", "http://page.example:8080/p", "port"),
        ("e2guardian-regexp-urls.txt", "http://page.example//p", "repeated_slash"),
        ("ufdbguard-expressions.txt", "http://page.example//p", "repeated_slash"),
    ],
)
def test_a_page_a_filter_cannot_tell_apart_is_left_out_and_counted(name: str, url: str, code: str) -> None:
    assert left_out(name, url) == {code: 1}
    assert text(name, url) == ""
