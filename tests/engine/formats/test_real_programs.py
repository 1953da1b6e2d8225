"""The formats in the real programs: what is listed is blocked, with what lies below a name, and nothing beside it."""

import subprocess
from collections.abc import Callable
from pathlib import Path

from demo.dns import ask
from mamori.engine.formats import FORMATS, Listing
from tests.engine.formats import filters
from tests.engine.formats.cases import listing
from tests.programs import needs, program

NAMES = ("bad.example", "sub.bad.example", "other.example")
PAGES = (
    "http://page.example/board/1.html",
    "http://page.example/a+b/(x)?id=1&b=[2]|{3}^$",
    "http://page.example/dir/",
    "http://page.example:8080/p",
    "http://page.example/%E3%81%82",
    "http://page.example/%E3",
    "http://page.example/sp%20ace",
    "http://page.example/Case",
    "http://page.example/q%3Fx",
    "http://page.example/d//e",
    "https://tls.example/p",
    "http://192.0.2.9/p",
)
BLOCKED = {
    *PAGES,
    "http://bad.example/",
    "http://bad.example/any?thing=1",
    "http://www.bad.example/",
    "http://a.b.bad.example/x",
    "http://bad.example:8080/",
    "http://bad.example./",
    "http://BAD.example/",
    "http://page.example./Case",
    "http://page.example/%43ase",
    "http://page.example/%e3%81%82",
}
PASSED = {
    "http://notbad.example/",
    "http://bad.example.other.test.example/",
    "http://page.example/",
    "http://page.example/board/",
    "http://page.example/board/1.html2",
    "http://page.example/board/1.htm",
    "http://page.example/board/1xhtml",
    "http://page.example/board/1.html/x",
    "http://page.example/board/1.html?x=1",
    "http://page.example/board/2.html",
    "http://page.example/a+b/(x)?id=1&b=[2]",
    "http://page.example/aab/x?id=1&b=2",
    "http://page.example/dir/x",
    "http://page.example/p",
    "http://page.example/q?x",
    "http://sub.page.example/board/1.html",
    "http://www.page.example/Case",
    "http://elsewhere.example/?u=http://page.example/Case/",
    "http://192.0.2.8/p",
}
# What a program compares in one form, so that no list tells it apart there.
LEFT_OUT = {
    "squid": {"http://page.example/q%3Fx"},
    "e2guardian": {"http://page.example/q%3Fx", "http://page.example:8080/p", "http://page.example/d//e"},
    "squidGuard": {"http://page.example/q%3Fx", "http://page.example/d//e"},
}
TAKEN_ALONG = {
    "squid": set[str](),
    "e2guardian": {"http://page.example/case", "http://page.example/dir", "http://page.example:81/Case"},
    "squidGuard": {"http://page.example/case"},
}
TOLD_APART = {
    "squid": {"http://page.example/case", "http://page.example/dir", "http://page.example:81/Case"},
    "e2guardian": set[str](),
    "squidGuard": {"http://page.example/dir", "http://page.example:81/Case"},
}


def file(name: str, some: Listing | None = None) -> bytes:
    return FORMATS[name].write(some or listing(*NAMES, *PAGES)).data


def check(blocks: Callable[[str], bool], which: str) -> None:
    wrong = {url for url in (BLOCKED | TAKEN_ALONG[which]) - LEFT_OUT[which] if not blocks(url)}
    assert wrong == set(), "passes"
    assert {url for url in PASSED | TOLD_APART[which] | LEFT_OUT[which] if blocks(url)} == set(), "blocked"


@needs("unbound")
def test_unbound_blocks_each_name_and_all_below_it(world_folder: Path) -> None:
    with filters.unbound(world_folder, file("unbound.conf")) as resolver:
        for kind in ("A", "AAAA", "TXT", "HTTPS"):
            for name in (*NAMES, "www.bad.example", "a.b.bad.example", "x.sub.bad.example", "WWW.Other.example"):
                assert ask(resolver, name, kind) == "NXDOMAIN", (name, kind)
        for name in ("page.example", "notbad.example", "example", "tls.example", "bad.example.site.example"):
            assert ask(resolver, name) == "A 192.0.2.1", name


@needs("dnsmasq")
def test_dnsmasq_blocks_each_name_and_all_below_it(world_folder: Path) -> None:
    with filters.dnsmasq(world_folder, file("dnsmasq.conf")) as resolver:
        for kind in ("A", "AAAA", "TXT"):
            for name in (*NAMES, "www.bad.example", "a.b.bad.example", "x.sub.bad.example", "WWW.Other.example"):
                assert ask(resolver, name, kind) == "NXDOMAIN", (name, kind)
        for name in ("page.example", "notbad.example", "tls.example", "bad.example.site.example"):
            assert ask(resolver, name) == "A 192.0.2.1", name


@needs("dnsmasq")
def test_a_hosts_file_blocks_the_names_alone_as_it_says(world_folder: Path) -> None:
    with filters.dnsmasq(world_folder, file("hosts.txt"), hosts=True) as resolver:
        for name in NAMES:
            assert (ask(resolver, name), ask(resolver, name, "AAAA")) == ("A 0.0.0.0", "AAAA ::")
        for name in ("www.bad.example", "page.example", "notbad.example"):
            assert ask(resolver, name) == "A 192.0.2.1", name


@needs("squid")
def test_squid_blocks_names_with_all_below_and_single_pages(world_folder: Path) -> None:
    with filters.squid(world_folder, file("squid-dstdomain.txt"), file("squid-url-regex.txt")) as proxy:
        check(proxy.blocks, "squid")


@needs("e2guardian")
def test_e2guardian_blocks_names_with_all_below_and_single_pages(world_folder: Path) -> None:
    lists = file("e2guardian-sites.txt"), file("e2guardian-regexp-urls.txt")
    with filters.e2guardian(world_folder, *lists) as proxy:
        check(proxy.blocks, "e2guardian")


@needs("squidGuard")
def test_squidguard_which_reads_the_files_of_ufdbguard_does_too(tmp_path: Path) -> None:
    for name in ("ufdbguard-domains.txt", "ufdbguard-expressions.txt"):
        (tmp_path / name).write_bytes(file(name))
    (tmp_path / "main.conf").write_text(
        f"dbhome {tmp_path}\nlogdir {tmp_path}\n"
        "dest names {\n domainlist ufdbguard-domains.txt\n}\n"
        "dest pages {\n expressionlist ufdbguard-expressions.txt\n}\n"
        "acl {\n default {\n pass !names !pages all\n redirect http://stop.example/\n }\n}\n"
    )
    urls = sorted(BLOCKED | PASSED | TAKEN_ALONG["squidGuard"] | TOLD_APART["squidGuard"])
    asked = "".join(f"{url} 192.0.2.77/- - GET\n" for url in urls)
    done = subprocess.run(
        [program("squidGuard"), "-c", tmp_path / "main.conf"],
        input=asked, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    answers = dict(zip(urls, done.stdout.splitlines(), strict=True))
    check(lambda url: answers[url].startswith("OK rewrite-url="), "squidGuard")


@needs("squid")
def test_lists_as_long_and_as_hostile_as_they_may_be_are_read_whole_by_squid(world_folder: Path) -> None:
    """A line that Squid cut would match other pages: nothing is blocked by these but themselves."""
    longest = "http://page.example/" + "a" * (2000 - len(r"^https?://page\.example/$"))
    some = listing("http://page.example/x%20", longest, "http://page.example/a%20%20b", "http://page.example/-i")
    with filters.squid(world_folder, b"", file("squid-url-regex.txt", some)) as proxy:
        assert [url for url in some.urls if not proxy.blocks(url)] == []
        for url in (
            longest[:-1],
            longest + "a",
            "http://page.example/",
            "http://page.example/a",
            "http://other.example/-i",
        ):
            assert not proxy.blocks(url), url
