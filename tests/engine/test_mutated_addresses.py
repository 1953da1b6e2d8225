"""100,000 mutated addresses: no crash, idempotent, and what may be listed stands in the zone exactly."""

import random
from pathlib import Path

from mamori.engine.addresses import AddressError, NameRefused, canonicalize, defang, listable_name
from mamori.engine.editions import compile_rpz, set_digest
from tests.engine.test_names import HOSTILE, ZONE, dump
from tests.programs import needs

COUNT = 100_000
SEEDS = [
    "https://site{n}.example/path/{n}?q={n}#part",
    "http://www.a{n}.b.site.example:8080/a/b/../c",
    "hxxps://site{n}[.]example/絵",
    "site{n}.example/x",
    "https://日本{n}語.example/パス",
    "http://xn--wgv71a119e.s{n}.example/",
    "http://bücher{n}.example/ü?ü=ü",
    "ｈｔｔｐ：／／ｓ{n}．ｅｘａｍｐｌｅ／ａ",
    "http://192.0.2.{n}/x",
    "http://[2001:db8::{n}]/x",
    "http://user:secret@s{n}.example/",
    "http://s{n}.github.io/",
    "http://s{n}.co.jp/",
    "  https://s{n}.example.  ",
    "http://{n}.0.0.0.0.rpz-ip/",
    *(f"http://s{{n}}{name.replace('{', '').replace('}', '')}/" for name, _ in HOSTILE),
]
PIECES = [
    *("\n", "\r", "\t", "\x00", " ", "\u3000", "\u200b", "\u200d", "\u202e", "\ufeff", "\xad", "\ud800", "\U0001f600"),
    *(
        "$",
        "$ORIGIN ",
        "$GENERATE 1-9 ",
        "*",
        "*.",
        ".",
        "..",
        "。",
        "．",
        "@",
        ";",
        '"',
        "\\",
        "(",
        "_",
        "-",
        "%",
        "%00",
    ),
    *(
        "%2e",
        "%2F",
        "%0a",
        "%E3%81",
        "[",
        "]",
        "[.]",
        "::",
        ":",
        ":99999",
        "//",
        "/",
        "?",
        "#",
        "&",
        "=",
        "'",
        "<",
        "|",
        "^",
    ),
    *(
        "xn--",
        "xn--a",
        "rpz-ip",
        "rpz-nsdname",
        "0x",
        "0",
        "256",
        "а",
        "о",
        "ß",
        "ς",
        "İ",
        "ı",
        "ſ",
        "K",
        "Ⅷ",
        "㈱",
        "℡",
        "한",
        "ｱ",
    ),
    *("co.jp", "com", "a" * 70, "b." * 100, "é", "e\u0301", "ا", "א", "１", "߀", "॥"),
]


def mutated(random_: random.Random, number: int) -> str:
    text = random_.choice(SEEDS).replace("{n}", str(number % 250 if random_.random() < 0.3 else number))
    for _ in range(random_.choice((0, 1, 1, 1, 2, 2, 3, 5))):
        at = random_.randint(0, len(text))
        kind = random_.randrange(7)
        if kind <= 2:
            text = text[:at] + random_.choice(PIECES) + text[at:]
        elif kind == 3:
            text = text[:at] + text[at + random_.randint(1, 4) :]
        elif kind == 4:
            text = (
                text[:at]
                + chr(random_.choice((random_.randrange(256), random_.randrange(0x3100), random_.randrange(0x110000))))
                + text[at + 1 :]
            )
        elif kind == 5:
            text = text[:at] + text[at : at + 8].swapcase() + text[at + 8 :]
        else:
            text = text[at:] + text[:at]
    return text


@needs("named-checkzone")
def test_mutated_addresses_never_crash_and_the_zone_holds_exactly_the_names(tmp_path: Path) -> None:
    random_ = random.Random(20261124)
    refused = read = unlistable = 0
    names: set[str] = set()
    for number in range(COUNT):
        try:
            address = canonicalize(mutated(random_, number))
        except AddressError:
            refused += 1
            continue
        read += 1
        assert canonicalize(address.url) == address
        assert address.url.isascii()
        assert "@" not in address.url.split("/")[2]
        if number % 10 == 0:
            assert canonicalize(defang(address.url)) == address
        try:
            names.add(listable_name(address.host))
        except NameRefused:
            unlistable += 1
    # The mutations must reach all three ends, or this proves nothing.
    assert refused > 10_000
    assert read > 30_000
    assert unlistable > 3_000
    assert len(names) > 10_000
    records = compile_rpz(names, "nxdomain")
    in_zone = dump(records, ZONE, tmp_path)
    assert in_zone == records
    assert set_digest(in_zone) == set_digest(records)
