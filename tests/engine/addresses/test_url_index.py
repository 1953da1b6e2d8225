"""UrlIndex: what is found and what is not, and that its kernels agree with ada-url, Python and hashlib everywhere."""

import hashlib
import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from mamori.engine.addresses import expressions, host_expression, page_expression, registrable_domain
from mamori.engine.addresses.expressions import Rule
from mamori.engine.addresses.index import NOT_LISTED, UNREADABLE, UrlIndex, read_plain
from mamori.engine.addresses.reading import LONGEST
from tests.engine.addresses.mutations import _suffixes
from tests.engine.addresses.proof import prove, sha256


def page(url: str) -> bytes:
    return sha256(page_expression(url))


def host(name: str) -> bytes:
    return sha256(host_expression(name))


def test_a_page_is_found_by_itself_only() -> None:
    index = UrlIndex(pages=[page("https://site.example/a/b.html?id=1")])
    same = [
        "https://site.example/a/b.html?id=1",
        "http://SITE.example:8080/a/./b.html?id=1#part",
        "http://site.example/%61/%2562.html?id=%31",
        "site.example//a/b.html?id=1",
    ]
    other = [
        "https://site.example/",
        "https://site.example/a/b.html",
        "https://site.example/a/b.html?id=2",
        "https://site.example/a/b.html?id=1&x",
        "https://www.site.example/a/b.html?id=1",
        "https://site.example/a/b.html/?id=1",
    ]
    assert [index.check(url) for url in same] == [page("https://site.example/a/b.html?id=1")] * 4
    assert [index.check(url) for url in other] == [None] * 6
    assert index.check_many(same + other).tolist() == [0] * 4 + [NOT_LISTED] * 6


@pytest.mark.parametrize("listed", ["https://site.example/", "https://site.example/a/", "https://site.example/a"])
def test_a_page_never_becomes_the_block_of_a_domain_or_of_what_lies_below(listed: str) -> None:
    index = UrlIndex(pages=[page(listed)])
    others = [
        "https://site.example/a/b",
        "https://site.example/b",
        "https://www.site.example/",
        "https://www.site.example/a",
        "https://www.site.example/a/",
        "https://site.example/a?b",
        "https://site.example/?b",
        "https://例.site.example/a/",  # the exact way
        "https://site.example/a/../?",
    ]
    assert index.check(listed)
    assert [index.check(url) for url in others] == [None] * len(others)
    assert index.check_many(others).tolist() == [NOT_LISTED] * len(others)


def test_a_host_stands_for_its_pages_and_the_names_below_it() -> None:
    index = UrlIndex(prefixes=[host("b.site.example"), host("192.0.2.1"), host("2001:db8::1")])
    found = [
        "http://b.site.example",
        "http://b.site.example/x/y?z",
        "http://a.b.site.example/x",
        "http://例.b.site.example/x",
        "http://192.0.2.1:81/x",
        "http://0xc0.0.513/x",
        "http://[2001:DB8::1]/x",
    ]
    missed = ["http://site.example/", "http://cb.site.example/", "http://192.0.2.2/", "http://b.site.example.example/"]
    assert all(index.check(url) for url in found)
    assert not any(index.check(url) for url in missed)
    assert (index.check_many(found) >= 0).all()
    assert (index.check_many(missed) == NOT_LISTED).all()


def test_an_entry_in_safe_browsing_form_is_a_prefix() -> None:
    index = UrlIndex(prefixes=[sha256("site.example/a/")])
    assert index.check("http://www.site.example/a/b?c") == sha256("site.example/a/")
    assert index.check("http://site.example/a") is None


def test_a_hash_may_be_listed_as_both() -> None:
    index = UrlIndex([page("http://site.example/")] * 2, [host("site.example")])
    assert len(index) == 1
    assert index.check("http://www.site.example/x") == host("site.example")


def test_the_first_expression_that_is_listed_is_told() -> None:
    url = "http://a.site.example/1/2?3"
    every = expressions(url)
    for first in range(len(every)):
        index = UrlIndex(prefixes=map(sha256, every[first:]))
        assert index.check(url) == sha256(every[first])


def test_the_public_suffix_list_decides_what_is_looked_up() -> None:
    listed = [sha256("github.io/"), sha256("co.jp/"), sha256("jp/")]
    urls = ["http://mine.github.io/x", "http://site.co.jp/", "http://github.io/x", "http://co.jp/"]
    assert [index.check_many(urls).min() >= 0 for index in (UrlIndex(prefixes=listed, rule="v4"),)] == [True]
    assert (UrlIndex(prefixes=listed).check_many(urls) >= 0).tolist() == [False, False, True, True]


def test_an_empty_index_and_empty_batches() -> None:
    index = UrlIndex()
    assert len(index) == 0
    assert index.check("http://site.example/") is None
    assert index.check_many([]).tolist() == index.check_many(b"").tolist() == []
    assert index.check_many(["http://site.example/", "", "nonsense"]).tolist() == [NOT_LISTED, UNREADABLE, NOT_LISTED]
    assert index.check_many(b"\n").tolist() == [UNREADABLE]
    assert UrlIndex(np.zeros((0, 32), np.uint8)).check("http://site.example/") is None


def test_lines_of_bytes() -> None:
    index = UrlIndex([page("http://site.example/é")])
    line = "http://site.example/é"
    assert index.check_many(f"{line}\r\nhttp://site.example/\n {line} ".encode()).tolist() == [0, NOT_LISTED, 0]
    assert index.check_many(f"{line}\n\n".encode()).tolist() == [0, UNREADABLE]
    assert index.check_many(b"http://site.example/\xff\n" + line.encode()).tolist() == [NOT_LISTED, 0]
    assert index.check(line.encode()) == page(line)


def test_hashes_are_kept_in_order_and_once() -> None:
    random_ = random.Random(1)
    digests = [random_.randbytes(32) for _ in range(500)]
    close = [digests[0][:31] + bytes([value]) for value in range(256)]
    index = UrlIndex(pages=digests + close + digests)
    assert [each.tobytes() for each in index.hashes] == sorted({*digests, *close})
    assert index.nbytes < 40 * len(index) + 2048
    with pytest.raises(ValueError):
        index.hashes[0] = 0


@pytest.mark.parametrize("wrong", [[b"short"], [bytes(33)], np.zeros((2, 31), np.uint8), np.zeros((2, 32), np.int8)])
def test_hashes_of_another_form_are_refused(wrong: list[bytes]) -> None:
    with pytest.raises(ValueError):
        UrlIndex(pages=wrong)


HOSTILE = [
    "",
    " ",
    "\x00",
    "\ud800",
    "http://site.example/\ud800\udfff",
    "http://\udc80.example/",
    "http://site.example/\x00",
    "http://site.example/\x01\x1f\x7f",
    "http://site.example/a\nb",
    "\nhttp://site.example/\n",
    "http://",
    "http:///",
    "http://a",
    "http://:80/",
    "http://site.example:",
    "http://" + "a." * 10_000 + "example/",
    "http://" + "." * 10_000,
    "http://" + "a" * 253 + "/",
    "http://" + "a" * 254 + "/",
    "http://" + "a." * 126 + "a/",
    "http://" + "a." * 127 + "a/",
    "http://site.example/" + "a/" * 10_000,
    "http://site.example/" + "/" * 4000,
    "http://site.example/" + "%" * 4000,
    "http://site.example/" + "\x7f" * 4000,
    "http://site.example/%" + "25" * 2000 + "41",
    "http://site.example/" + "é" * 2000,
    "http://site.example/?" + "?" * 4000,
    "http://site.example/" + "x" * 1_000_000,
    "http://site.example/" + "%2e%2e/" * 500,
    # the exact way, with long hosts and texts
    "http://é.example/" + "a/" * 10_000 + "?" + "x" * 5000,
    "http://" + "a." * 120 + "é.example/x/y/z?" + "x" * 300,
    "http://" + "a." * 130 + "é.example/x/y/z",
    "http://" + "é." * 30 + "example/x/",
    "http://u@" + "a" * 60 + "." + "b" * 200 + ".example/x/?",
    *("http://u@site.example/".ljust(size, "x") for size in range(5000, 5070, 7)),
    *("http://site.example/".ljust(size, "x") for size in (LONGEST - 1, LONGEST, LONGEST + 1)),
    # messages of every number of blocks, at their edges
    *("http://site.example/".ljust(size, "x") for size in range(55, 400)),
]


def test_hostile_input_is_answered_alone_and_in_a_batch() -> None:
    def exact(url: str) -> list[str]:
        try:
            return expressions(url)
        except ValueError:
            return []

    every = [exact(url) for url in HOSTILE]
    for url, found in zip(HOSTILE, every, strict=True):
        plain = read_plain(url)
        assert plain is None or plain == found, url
    index = UrlIndex(sha256(found[0]) for found in every[::2] if found)
    listed = {digest.tobytes(): row for row, digest in enumerate(index.hashes)}
    wanted = [listed.get(sha256(found[0]), NOT_LISTED) if found else UNREADABLE for found in every]
    assert index.check_many(HOSTILE).tolist() == wanted
    assert [index.row(url) for url in HOSTILE] == wanted
    one_line = [url for url in HOSTILE if "\n" not in url and url.isascii()]
    assert index.check_many("\n".join(one_line).encode()).tolist() == [wanted[HOSTILE.index(url)] for url in one_line]


def test_every_rule_of_the_public_suffix_list_is_read_alike() -> None:
    for suffix in _suffixes():
        for below in ("", "a.", "b.a.", "c.b.a."):
            url = f"http://{below}{suffix}/"
            plain = read_plain(url)
            assert plain is None or plain == expressions(url), url
            if suffix.isascii():
                assert plain, url
    assert registrable_domain("a.b.kawasaki.jp") == "a.b.kawasaki.jp"


@pytest.mark.parametrize("rule", ["v5", "v4"])
def test_so_is_every_rule_that_has_to_be_read_the_exact_way(rule: Rule) -> None:
    """A suffix in another script, looked up where every host suffix but the shortest is listed, and the shortest alone."""
    urls = [f"http://{below}{suffix}/" for suffix in _suffixes() for below in ("é.", "é.a.", "f.e.d.c.b.a.é.")]
    every = [expressions(url, rule) for url in urls]
    shortest = {each[-1] for each in every}
    for listed in (shortest, {one for each in every for one in each} - shortest):
        index = UrlIndex(prefixes=map(sha256, listed), rule=rule)
        wanted = [next((sha256(one) for one in each if one in listed), None) for each in every]
        rows = index.check_many(urls).tolist()
        assert [index.hashes[row].tobytes() if row >= 0 else None for row in rows] == wanted


def test_random_messages_are_hashed_as_hashlib_does() -> None:
    """Each length from one block to many, in lanes that are full and that are not."""
    random_ = random.Random(2)
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    urls = [
        f"http://s{number}.example/" + "".join(random_.choices(letters, k=random_.randrange(400)))
        for number in range(3000)
    ]
    digests = [hashlib.sha256(url.removeprefix("http://").encode()).digest() for url in urls]
    index = UrlIndex(digests)
    assert [index.hashes[row].tobytes() for row in index.check_many(urls)] == digests
    for count in (1, 15, 16, 17, 33):
        assert [index.hashes[row].tobytes() for row in index.check_many(urls[:count])] == digests[:count]


@pytest.mark.parametrize("rule", ["v5", "v4"])
def test_mutated_urls_are_answered_as_the_exact_way_answers(rule: str) -> None:
    """Millions of them: `python -m benchmarks.addresses --prove N`."""
    counts = prove(20_000, 20261129, rule)
    # The mutations must reach all ends, or this proves nothing.
    assert counts["plain"] > 6_000
    assert counts["refused"] > 3_000
    assert counts["listed"] > 3_000


def test_threads_do_not_share_their_memory() -> None:
    urls = [f"http://site{number}.example/{'x' * (number % 90)}" for number in range(4000)]
    index = UrlIndex(page(url) for url in urls[::3])
    wanted = index.check_many(urls).tolist()
    with ThreadPoolExecutor(4) as pool:
        for rows in pool.map(lambda _: index.check_many(urls).tolist(), range(8)):
            assert rows == wanted
        assert list(pool.map(index.row, urls)) == wanted
