"""One canonical form, whatever way a person types or pastes an address."""

import hashlib

import idna
import pytest

from mamori.engine.addresses import MAX_LENGTH, AddressError, canonicalize, defang


def test_an_address_carries_its_parts() -> None:
    address = canonicalize("https://Sub.Site.co.jp:8443/a/../b?x=1#part")
    assert address.url == "https://sub.site.co.jp:8443/b?x=1"
    assert (address.scheme, address.host, address.host_kind, address.port) == ("https", "sub.site.co.jp", "name", 8443)
    assert (address.path, address.query) == ("/b", "x=1")
    assert (address.registrable, address.public_suffix) == ("site.co.jp", "co.jp")
    assert address.digest == hashlib.sha256(b"https://sub.site.co.jp:8443/b?x=1").hexdigest()


@pytest.mark.parametrize(
    ("text", "url"),
    [
        # WHATWG URL standard (whatwg/url and web-platform-tests), names moved under .example
        ("http://GOO\u200b\u2060\ufeffgoo.example", "http://googoo.example/"),
        ("http:\\\\www.site.example\\foo", "http://www.site.example/foo"),
        ("http:site.example/x", "http://site.example/x"),
        ("http:///site.example/x", "http://site.example/x"),
        ("https://site.example:443/", "https://site.example/"),
        ("http://site.example:80/", "http://site.example/"),
        ("http://site.example:/", "http://site.example/"),
        ("http://site.example/foo/%2e%2e/bar", "http://site.example/bar"),
        ("http://site.example/foo/./.", "http://site.example/foo/"),
        ("http://site.example/foo%2Fbar", "http://site.example/foo%2Fbar"),
        ("http://site.example/%7Ebuck", "http://site.example/%7Ebuck"),
        ("http://site.example/foo bar", "http://site.example/foo%20bar"),
        ('http://site.example/?q="a b"<\'>', "http://site.example/?q=%22a%20b%22%3C%27%3E"),
        ("http://site.example?", "http://site.example/?"),
        ("http://ex%41mple.example/", "http://example.example/"),
        ("http://0Xc0.0250.01", "http://192.168.0.1/"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
        ("http://3232235521/", "http://192.168.0.1/"),
        ("http://192.0.2.1./x", "http://192.0.2.1/x"),
        ("http://[2001:DB8:0:0::1]/", "http://[2001:db8::1]/"),
        ("http://[::ffff:192.0.2.1]/", "http://[::ffff:c000:201]/"),
        # a last dot names the same host
        ("http://site.example./x", "http://site.example/x"),
        # UTS 46
        ("http://日本語。ｅｘａｍｐｌｅ/", "http://xn--wgv71a119e.example/"),
        ("http://BÜCHER.example/", "http://xn--bcher-kva.example/"),
        ("http://faß.example/", "http://xn--fa-hia.example/"),
        ("http://XN--BCHER-KVA.example/", "http://xn--bcher-kva.example/"),
        ("http://☃.example/", "http://xn--n3h.example/"),
        ("http://Ⅷ.example/", "http://viii.example/"),
    ],
)
def test_whatwg_and_uts46_vectors(text: str, url: str) -> None:
    assert canonicalize(text).url == url


@pytest.mark.parametrize("label", ["日本語", "bücher", "παράδειγμα", "пример", "例え", "ﾃｽﾄ", "ＡＢＣ", "한국"])
def test_hosts_agree_with_the_idna_package(label: str) -> None:
    expected = idna.encode(label, uts46=True).decode()
    assert canonicalize(f"http://{label}.example/").host == f"{expected}.example"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("  https://site.example/x \n", "https://site.example/x"),
        ("\u3000https://site.example/x\u3000", "https://site.example/x"),
        ("\ufeffhttps://site.example/x", "https://site.example/x"),
        ("site.example/path", "https://site.example/path"),
        ("site.example", "https://site.example/"),
        ("site.example:8080/path", "https://site.example:8080/path"),
        ("//site.example/path", "https://site.example/path"),
        ("[2001:db8::1]/x", "https://[2001:db8::1]/x"),
        ("192.0.2.7/x", "https://192.0.2.7/x"),
        ("例え.example/絵", "https://xn--r8jz45g.example/%E7%B5%B5"),
        ("hxxp://site[.]example/x", "http://site.example/x"),
        ("hXXps://a[.]site(.)example/x", "https://a.site.example/x"),
        ("hxxps[:]//site[dot]example/x", "https://site.example/x"),
        ("hxxps[://]site[.]example", "https://site.example/"),
        ("site[.]example/x", "https://site.example/x"),
        ("site[.]example:8080", "https://site.example:8080/"),
        ("ｈｔｔｐｓ：／／ｓｉｔｅ．ｅｘａｍｐｌｅ／ａｂｃ？ｑ＝１", "https://site.example/abc?q=1"),
        ("ｓｉｔｅ．ｅｘａｍｐｌｅ／ａ", "https://site.example/a"),
        ("https://ｓｉｔｅ．ｅｘａｍｐｌｅ/ａ", "https://site.example/%EF%BD%81"),
        ("https://name:secret@site.example/x", "https://site.example/x"),
        ("http://good.example@bad.example/", "http://bad.example/"),
    ],
)
def test_typed_and_pasted_forms(text: str, url: str) -> None:
    assert canonicalize(text).url == url


def test_brackets_in_a_path_are_left_alone() -> None:
    assert canonicalize("hxxp://site[.]example/a[.]b?c[.]d").url == "http://site.example/a[.]b?c[.]d"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"),
        (" \t\u3000\n", "empty"),
        ("http://site.example/" + "a" * MAX_LENGTH, "too_long"),
        ("http://site.example/" + "絵" * 2000, "too_long"),
        ("ftp://site.example/", "bad_scheme"),
        ("javascript:alert(1)", "bad_scheme"),
        ("data:text/html,x", "bad_scheme"),
        ("mailto:someone@site.example", "bad_scheme"),
        ("tel:110", "bad_scheme"),
        ("localhost:8000", "bad_scheme"),
        ("http://", "no_host"),
        ("http://@/x", "no_host"),
        ("/path", "no_host"),
        ("hello", "no_host"),
        ("someone@site.example", "email_address"),
        ("http://site.example/a\nb", "control_characters"),
        ("http://site.example/a\x00", "control_characters"),
        ("http://si\tte.example/", "control_characters"),
        ("http://site.example/\u202egpj.exe", "control_characters"),
        ("http://site.example/\ud800", "control_characters"),
        ("http://a b.example/", "bad_host"),
        ("http://a..example/", "bad_host"),
        ("http://site.example../", "bad_host"),
        ("http://./", "bad_host"),
        ("http://256.256.256.256/", "bad_host"),
        ("http://site.0x4/", "bad_host"),
        ("http://[::1/", "bad_host"),
        ("http://xn--a.example/", "bad_host"),
        ("http://xn--.example/", "bad_host"),
        ("http://" + "a" * 64 + ".example/", "bad_host"),
        ("http://" + "a." * 130 + "example/", "bad_host"),
        ("http://site.example:99999/", "bad_host"),
        ("this is a text. ok", "bad_host"),
    ],
)
def test_what_is_no_address_is_refused_with_a_remedy(text: str, code: str) -> None:
    with pytest.raises(AddressError) as refusal:
        canonicalize(text)
    assert refusal.value.code == code
    assert refusal.value.message.endswith(".")
    assert refusal.value.remedy.endswith(".")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://site.example/a.b?c.d", "hxxps://site[.]example/a.b?c.d"),
        ("http://192.0.2.1:8080/", "hxxp://192[.]0[.]2[.]1:8080/"),
        ("http://[2001:db8::1]/", "hxxp://[2001:db8::1]/"),
        ("https://site.example/http://x", "hxxps://site[.]example/http://x"),
    ],
)
def test_a_defanged_address_is_no_link_and_reads_back(url: str, shown: str) -> None:
    assert defang(url) == shown
    assert canonicalize(shown).url == url


def test_suffixes_are_none_for_ip_and_registrable_for_a_suffix() -> None:
    literal = canonicalize("http://[::1]:81/")
    assert (literal.host, literal.host_kind, literal.port) == ("::1", "ipv6", 81)
    assert (literal.registrable, literal.public_suffix) == (None, None)
    suffix = canonicalize("https://github.io/")
    assert (suffix.registrable, suffix.public_suffix) == (None, "github.io")
