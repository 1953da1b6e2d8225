"""Safe Browsing's canonical URLs, expressions and hashes: the vectors of its text, and our own."""

import hashlib
import random
import urllib.parse
from datetime import UTC, date, datetime

import pytest

from mamori.engine.addresses import (
    AddressError,
    canonicalize,
    expression_hashes,
    expressions,
    host_expression,
    page_expression,
    safe_browsing_url,
)
from mamori.engine.addresses.expressions import MOST, _unescaped
from mamori.engine.editions import ListEntry, Method
from mamori.engine.formats.expressions import NotExpressible, expression_of
from tests.engine.addresses.mutations import urls

# Of "URLs and Hashing"; names moved under .example, addresses into 192.0.2.0/24 and 198.51.100.0/24.
PUBLISHED = [
    ("http://host.example/%25%32%35", "http://host.example/%25"),
    ("http://host.example/%25%32%35%25%32%35", "http://host.example/%25%25"),
    ("http://host.example/%2525252525252525", "http://host.example/%25"),
    ("http://host.example/asdf%25%32%35asd", "http://host.example/asdf%25asd"),
    ("http://host.example/%%%25%32%35asd%%", "http://host.example/%25%25%25asd%25%25"),
    ("http://www.site.example/", "http://www.site.example/"),
    (
        "http://%31%39%38%2e%35%31%2e%31%30%30%2e%32%36/%2E%73%65%63%75%72%65/%77%77%77%2E%73%68%6F%70%2E%65%78%61%6D%70%6C%65/",
        "http://198.51.100.26/.secure/www.shop.example/",
    ),
    (
        "http://192.0.2.11/uploads/%20%20%20%20/.verify/.secure=updateuserdataxplimnbqmn-xplmvalidateinfoswqpcmlx=hgplmcx/",
        "http://192.0.2.11/uploads/%20%20%20%20/.verify/.secure=updateuserdataxplimnbqmn-xplmvalidateinfoswqpcmlx=hgplmcx/",
    ),
    (
        "http://host.example/%257Ea%2521b%2540c%2523d%2524e%25f%255E00%252611%252A22%252833%252944_55%252B",
        "http://host.example/~a!b@c%23d$e%25f^00&11*22(33)44_55+",
    ),
    ("http://3221225995/blah", "http://192.0.2.11/blah"),
    ("http://www.site.example/blah/..", "http://www.site.example/"),
    ("www.site.example/", "http://www.site.example/"),
    ("www.site.example", "http://www.site.example/"),
    ("http://www.evil.example/blah#frag", "http://www.evil.example/blah"),
    ("http://www.SITe.example/", "http://www.site.example/"),
    ("http://www.site.example.../", "http://www.site.example/"),
    ("http://www.site.example/foo\tbar\rbaz\n2", "http://www.site.example/foobarbaz2"),
    ("http://www.site.example/q?", "http://www.site.example/q?"),
    ("http://www.site.example/q?r?", "http://www.site.example/q?r?"),
    ("http://www.site.example/q?r?s", "http://www.site.example/q?r?s"),
    ("http://evil.example/foo#bar#baz", "http://evil.example/foo"),
    ("http://evil.example/foo;", "http://evil.example/foo;"),
    ("http://evil.example/foo?bar;", "http://evil.example/foo?bar;"),
    ("http://notrailingslash.example", "http://notrailingslash.example/"),
    ("http://www.gotaport.example:1234/", "http://www.gotaport.example/"),
    ("  http://www.site.example/  ", "http://www.site.example/"),
    ("https://www.securesite.example/", "https://www.securesite.example/"),
    ("http://host.example/ab%23cd", "http://host.example/ab%23cd"),
    ("http://host.example//twoslashes?more//slashes", "http://host.example/twoslashes?more//slashes"),
]


@pytest.mark.parametrize(("url", "canonical"), PUBLISHED)
def test_the_published_vectors(url: str, canonical: str) -> None:
    assert safe_browsing_url(url) == canonical


@pytest.mark.parametrize(
    "url",
    [
        "http://host%23.example/",
        "http://\x01\x80.example/",
        "http:// leadingspace.example/",
        "%20leadingspace.example/",
    ],
)
def test_published_hosts_that_whatwg_refuses_are_refused(url: str) -> None:
    """No browser asks for them, and no entry can name them: the one departure from the text."""
    with pytest.raises(AddressError):
        safe_browsing_url(url)


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        # hosts
        ("http://..a..b.example../x", "http://a.b.example/x"),
        ("http://0xc0.0.02.1/", "http://192.0.2.1/"),
        ("http://0xc0.0.02.1../", "http://192.0.2.1/"),
        ("http://192.0.513/", "http://192.0.2.1/"),
        ("http://[2001:0db8:0000::1]/", "http://[2001:db8::1]/"),
        ("http://[::ffff:192.0.2.1]/", "http://192.0.2.1/"),
        ("http://[64:ff9b::192.0.2.1]/", "http://192.0.2.1/"),
        ("http://[64:ff9b:1::192.0.2.1]/", "http://[64:ff9b:1::c000:201]/"),
        ("http://user:secret@site.example:8080/", "http://site.example/"),
        ("http://日本語。ｅｘａｍｐｌｅ/", "http://xn--wgv71a119e.example/"),
        ("http://a_b-.example/", "http://a_b-.example/"),
        # schemes
        ("site.example:8080/x", "http://site.example/x"),
        ("//site.example/x", "http://site.example/x"),
        ("HTTPS:site.example/x", "https://site.example/x"),
        # paths
        ("http://site.example\\a\\b?c\\d", "http://site.example/a/b?c\\d"),
        ("http://site.example/a/%252e%252e/b/%252e/c", "http://site.example/b/c"),
        ("http://site.example/a/b/%252e%252e", "http://site.example/a/"),
        ("http://site.example/a%2F%2e%2e%2Fb", "http://site.example/b"),
        ("http://site.example/a%2F%2Fb%5cc", "http://site.example/a/b\\c"),
        ("http://site.example/a//%252e%252e/b", "http://site.example/a/b"),
        ("http://site.example/%252e%252e/%252e%252e/a", "http://site.example/a"),
        ("http://site.example/...", "http://site.example/..."),
        # the first question mark after unescaping begins the query
        ("http://site.example/a%3Fb//c/%252e%252e", "http://site.example/a?b//c/.."),
        ("http://site.example/a%253Fb//c", "http://site.example/a?b//c"),
        ("http://site.example?a", "http://site.example/?a"),
        # characters
        ("http://site.example/\x7fé|^`{}\"<>'", "http://site.example/%7F%C3%A9|^`{}\"<>'"),
        ("http://site.example/%e3%83%91%00%0a%20%09", "http://site.example/%E3%83%91%00%0A%20%09"),
        ("http://site.example/\ud800\U0001f600", "http://site.example/%EF%BF%BD%F0%9F%98%80"),
        (b"http://site.example/\xff\xc3\xa9", "http://site.example/%EF%BF%BD%C3%A9"),
        (b"http://site.example/%ff", "http://site.example/%FF"),
        ("http://site.example/%", "http://site.example/%25"),
        ("http://site.example/%4%31", "http://site.example/A"),
    ],
)
def test_our_own_vectors(url: str | bytes, canonical: str) -> None:
    assert safe_browsing_url(url) == canonical
    if "\\" not in canonical.partition("?")[0]:  # WHATWG would read it as a slash
        assert safe_browsing_url(canonical) == canonical


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", "empty"),
        (" \n\x00", "empty"),
        ("ftp://site.example/", "bad_scheme"),
        ("javascript:alert(1)", "bad_scheme"),
        ("mailto:a@site.example", "bad_scheme"),
        ("http://", "bad_host"),
        ("http://.../", "no_host"),
        ("http://site.example:99999/", "bad_host"),
        ("http://256.0.0.1/", "bad_host"),
        ("http://[::1/", "bad_host"),
        (b"http://\xff.example/", "bad_host"),
    ],
)
def test_what_no_browser_would_ask_for_is_refused(url: str | bytes, code: str) -> None:
    with pytest.raises(AddressError) as refused:
        expressions(url)
    assert refused.value.code == code


def test_the_published_expressions() -> None:
    assert expressions("http://a.b.example/1/2.html?param=1") == [
        *("a.b.example/1/2.html?param=1", "a.b.example/1/2.html", "a.b.example/", "a.b.example/1/"),
        *("b.example/1/2.html?param=1", "b.example/1/2.html", "b.example/", "b.example/1/"),
    ]
    assert expressions("http://a.b.c.d.e.f.example/1.html") == [
        f"{host}{path}"
        for host in ("a.b.c.d.e.f.example", "c.d.e.f.example", "d.e.f.example", "e.f.example", "f.example")
        for path in ("/1.html", "/")
    ]
    assert expressions("http://192.0.2.1/1/") == ["192.0.2.1/1/", "192.0.2.1/"]
    assert expressions("http://site.co.uk/1") == ["site.co.uk/1", "site.co.uk/"]


def test_host_suffixes_by_the_public_suffix_list_and_by_labels() -> None:
    url = "http://a.b.c.d.e.f.co.jp/"
    assert expressions(url) == [
        *("a.b.c.d.e.f.co.jp/", "c.d.e.f.co.jp/", "d.e.f.co.jp/", "e.f.co.jp/", "f.co.jp/"),
    ]
    assert expressions(url, "v4") == [
        *("a.b.c.d.e.f.co.jp/", "d.e.f.co.jp/", "e.f.co.jp/", "f.co.jp/", "co.jp/"),
    ]
    assert expressions("http://mine.github.io/") == ["mine.github.io/"]
    assert expressions("http://mine.github.io/", "v4") == ["mine.github.io/", "github.io/"]
    assert expressions("http://co.jp/") == expressions("http://co.jp/", "v4") == ["co.jp/"]
    assert expressions("http://host/") == expressions("http://host/", "v4") == ["host/"]
    assert expressions("http://[2001:db8::1]/a/", "v4") == ["[2001:db8::1]/a/", "[2001:db8::1]/"]


def test_path_prefixes_end_before_the_path_and_at_four() -> None:
    assert expressions("http://site.example/a/b/c/d/e.html?f=/g/") == [
        f"site.example{path}" for path in ("/a/b/c/d/e.html?f=/g/", "/a/b/c/d/e.html", "/", "/a/", "/a/b/", "/a/b/c/")
    ]
    assert expressions("http://site.example/a/b/") == ["site.example/a/b/", "site.example/", "site.example/a/"]
    assert expressions("http://site.example/?") == ["site.example/?", "site.example/"]
    assert len(expressions("http://a.b.c.d.e.f.example/1/2/3/4/5?6")) == MOST == 30


def test_hashes_are_of_the_expressions() -> None:
    url = "http://a.site.example/1/2?3"
    assert expression_hashes(url) == [hashlib.sha256(each.encode()).digest() for each in expressions(url)]
    assert expression_hashes(url, "v4") == [hashlib.sha256(each.encode()).digest() for each in expressions(url, "v4")]
    # FIPS 180-4's own example, as an expression cannot be: "abc"
    assert hashlib.sha256(b"abc").hexdigest().startswith("ba7816bf")


def test_what_a_page_and_a_host_become() -> None:
    assert page_expression("https://user@Site.Example:8443/a/../b?x=1#part") == "site.example/b?x=1"
    assert page_expression("https://site.example") == "site.example/"
    assert host_expression("Site.Example.") == "site.example/"
    assert host_expression("日本語.example") == "xn--wgv71a119e.example/"
    assert host_expression("2001:DB8::1") == host_expression("[2001:db8::1]") == "[2001:db8::1]/"
    assert host_expression("192.0.2.1") == "192.0.2.1/"


@pytest.mark.parametrize(
    "host",
    [
        "",
        "site.example/a",
        "site.example:80",
        "[2001:db8::1]:80",
        "u@site.example",
        "a?b",
        "a#b",
        "a b",
        "..",
        "a\\b",
        "\x00a",
    ],
)
def test_a_host_is_nothing_more_than_a_host(host: str) -> None:
    with pytest.raises(AddressError):
        host_expression(host)


def entry(method: Method, target: str) -> ListEntry:
    return ListEntry("0", method, target, "x", datetime(2026, 11, 29, tzinfo=UTC), date(2027, 11, 29))


def test_published_hash_lists_hold_what_clients_look_up() -> None:
    """Whatever `engine.formats` writes for a page or a host is what clients look up for it."""
    source = urls(20261130)
    written = 0
    for _ in range(20_000):
        try:
            address = canonicalize(next(source))
        except AddressError:
            continue
        try:
            expression = expression_of(entry("url", address.url))
        except NotExpressible:
            continue
        written += 1
        assert expression == page_expression(address.url)
        if address.host_kind == "name":
            assert expression_of(entry("dns", address.host)) == host_expression(address.host)
    assert written > 500


def test_unescaping_equals_repeated_passes() -> None:
    random_ = random.Random(20261129)
    for _ in range(20_000):
        data = "".join(random_.choice("%%%2541a4%25Ff") for _ in range(random_.randrange(16))).encode()
        wanted = data
        while (after := urllib.parse.unquote_to_bytes(wanted)) != wanted:
            wanted = after
        assert _unescaped(data) == wanted, data


def test_mutated_urls_keep_the_form() -> None:
    """ASCII, stable when read again, first the page itself, at most thirty, each once."""
    source = urls(20261129)
    read = 0
    for _ in range(10_000):
        url = next(source)
        try:
            found = expressions(url)
        except AddressError:
            continue
        read += 1
        canonical = safe_browsing_url(url)
        assert canonical.isascii() and canonical.isprintable() and " " not in canonical
        if "\\" not in canonical.partition("?")[0]:  # WHATWG would read it as a slash; here it was an escape
            assert canonical == safe_browsing_url(canonical)
        assert found[0] == canonical.partition("://")[2] == page_expression(url)
        assert 1 <= len(found) <= MOST and len(set(found)) == len(found)
        assert found[0][: found[0].index("/") + 1] in found
        assert host_expression(found[0].partition("/")[0]) in found
    assert read > 5_000


@pytest.mark.parametrize(
    "url",
    [
        "http://site.example/" + "a" * 1_000_000,
        "http://site.example/" + "/" * 1_000_000,
        "http://site.example/" + "a/" * 500_000,
        "http://site.example/" + "%252e%252e/" * 100_000,
        "http://site.example/%" + "25" * 500_000,
        "http://site.example/" + "%" * 1_000_000,
        "http://site.example/" + "\x00" * 300_000 + "x",
        "http://site.example/?" + "?" * 1_000_000,
        "http://" + "a." * 10_000 + "example/",
        "http://" + "." * 10_000 + "site.example/",
        "http://" + "a" * 100_000 + ".example/",
        "http://" + "@" * 10_000 + "site.example/",
        "http://site.example/" + "日" * 100_000,
    ],
)
def test_huge_input_is_read_all_the_same(url: str) -> None:
    found = expressions(url)
    assert 1 <= len(found) <= MOST
    assert found[-1].endswith("example/") or found[-1].count("/") <= 4
