"""URLs as filters meet them and worse: plain ones, mutated by bytes, pieces, escapes, case, rotation and repetition."""

import random
from collections.abc import Iterator
from importlib import resources

SEEDS = [
    "http://site{n}.example/",
    "http://site{n}.example",
    "https://www.site{n}.example/a/b/c.html?x=1&y=2#part",
    "HTTPS://WWW.Site{n}.Example/A/B/c.HTML",
    "http://a.b.c.d.e.f.site{n}.example:8080/a/b/c/d/e/f?q",
    "http://site{n}.co.jp/gallery/",
    "http://x{n}.github.io/a",
    "http://a.b{n}.city.kawasaki.jp/x",
    "http://a.b{n}.kawasaki.jp/x/",
    "http://b{n}.ck/x",
    "http://www.ck/{n}",
    "http://host{n}/x/y",
    "http://192.0.2.{n}/x/y?z",
    "http://192.0.2.1:{n}/x/",
    "http://0xc0.0.02.{n}/x",
    "http://3221225985/{n}",
    "http://[2001:db8::{n}]/x/y",
    "http://[::ffff:192.0.2.1]/{n}",
    "http://user{n}:secret@site.example/x",
    "https://日本語{n}.example/パス/頁?鍵=値",
    "https://xn--wgv71a119e.s{n}.example/x",
    "https://bücher{n}.example/ü",
    "https://site{n}.example/%E3%83%91%E3%82%B9/%7Euser/%41%2e?%20=%3D",
    "https://site{n}.example/%252541/%2525%32%35/%%%25%32%35asd%%",
    "https://site{n}.example/a/../b/./c/%2e%2e/d",
    "https://site{n}.example//two//slashes///?a//b",
    "https://site{n}.example/a%2Fb%2F%2Fc%5Cd%3Fe%23f",
    "https://site{n}.example\\back\\slash?a\\b",
    "https://site{n}.example/" + "long/" * 40 + "?" + "key=value&" * 30,
    "https://" + "deep." * 30 + "site{n}.example/x",
    "site{n}.example/no/scheme",
    "//site{n}.example/x",
    "site{n}.example:8080/x",
    "ftp://site{n}.example/x",
    "  http://site{n}.example/x  ",
    "http://site{n}.example/foo\tbar\rbaz\n2",
    "http://.site{n}..example../x",
    "http://192.0.2.{n}../x",
    "http://a_b-{n}.example/_?-",
    "http://site{n}.example?query",
    "http://site{n}.example/q?r?s",
    "http://site{n}.example/?",
]
PIECES = [
    *"/\\?#:@.%&=+;,~!$'()*_-[]{}|^`<>\" \t\n\r\x00\x01\x1f\x7f\x80\xa0\xad\u200b\u3000\u3002\uff0e\ud800\udfff",
    *(
        "//",
        "///",
        "/./",
        "/../",
        "/..",
        "/.",
        "..",
        "...",
        "./",
        "%",
        "%%",
        "%2",
        "%25",
        "%2525",
        "%2e",
        "%2E%2e",
        "%2f",
    ),
    *(
        "%5c",
        "%3f",
        "%3F",
        "%23",
        "%20",
        "%00",
        "%0a",
        "%7f",
        "%80",
        "%ff",
        "%E3%81",
        "%4",
        "%4%31",
        "%%34%31",
        "%252e",
    ),
    *(
        "%25%32%65",
        "%253f",
        "%c3%a9",
        "?",
        "??",
        "#",
        "#?",
        "?#",
        ":80",
        ":",
        ":0",
        ":65535",
        ":65536",
        ":99999999",
        ":8a",
    ),
    *(
        "http://",
        "https:",
        "http:/",
        "http:",
        "HTTP://",
        "hxxp://",
        "user@",
        "user:pw@",
        "@",
        "%40",
        "xn--",
        "xn--a",
        "XN--",
    ),
    *(
        "xn--wgv71a119e",
        "ab--cd",
        "-",
        "_",
        "0x",
        "0x7f",
        "1",
        "08",
        "256",
        "1.2.3.4",
        "1.2.3",
        "1.2.3.4.",
        "4294967295",
    ),
    *(
        "00192.0.2.1",
        "192.0.2.01",
        "[::1]",
        "[",
        "]",
        "[2001:db8::1]",
        "é",
        "日本",
        "ß",
        "İ",
        "ı",
        "ſ",
        "Å",
        "①",
        "㈱",
        "Ａ",
    ),
    *(
        "。",
        "．",
        "\U0001f600",
        "\ufffd",
        "co.jp",
        "jp",
        "github.io",
        "kawasaki.jp",
        "city",
        "ck",
        "com",
        ".example",
        "..",
    ),
    *("a" * 64, "b." * 60, "/c" * 70, "%41" * 30, "d" * 260, "e=" * 200),
]
_LETTERS = "abcxyzABCXYZ0189-_.~%/?#&=+:@é日\x00 \x7f"


def _suffixes() -> list[str]:
    """Every rule of the public suffix list, as a name."""
    text = resources.files("publicsuffixlist").joinpath("public_suffix_list.dat").read_text(encoding="utf-8")
    rules = (line.split("//")[0].strip() for line in text.splitlines())
    return [rule.lstrip("!").removeprefix("*.") for rule in rules if rule]


def seed(random_: random.Random, suffixes: list[str], number: int) -> str:
    if random_.random() < 0.1:
        below = random_.choice(("", "a.", "b.a.", "www.site.", "d.c.b.a.", "f.e.d.c.b.a."))
        return f"http://{below}{random_.choice(suffixes)}/x/{number}"
    return random_.choice(SEEDS).replace("{n}", str(number % 300))


def mutated(random_: random.Random, text: str) -> str:
    for _ in range(random_.choice((0, 1, 1, 1, 1, 2, 2, 3, 5))):
        at = random_.randint(0, len(text)) if random_.random() < 0.4 else random_.randint(min(len(text), 22), len(text))
        kind = random_.randrange(9)
        if kind <= 3:
            text = text[:at] + random_.choice(PIECES) + text[at:]
        elif kind == 4:
            text = text[:at] + text[at + random_.randint(1, 4) :]
        elif kind == 5:
            most = random_.choice((0x80, 0x100, 0x3100, 0x110000))
            text = text[:at] + chr(random_.randrange(most)) + text[at + 1 :]
        elif kind == 6:
            text = text[:at] + text[at : at + 8].swapcase() + text[at + 8 :]
        elif kind == 7:
            text = (
                text[:at]
                + "".join(f"%{octet:02x}" for octet in text[at : at + 3].encode("utf-8", "replace"))
                + text[at + 3 :]
            )
        else:
            text = text[:at] + random_.choice(_LETTERS) * random_.choice((1, 2, 9)) + text[at:]
    return text


def urls(random_seed: int) -> Iterator[str]:
    """Without end."""
    random_ = random.Random(random_seed)
    suffixes = _suffixes()
    number = 0
    while True:
        number += 1
        yield mutated(random_, seed(random_, suffixes, number))
