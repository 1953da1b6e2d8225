"""The fetch of a re-check against real sockets and a name server of our own. Nothing but loopback is ever reached."""

import random
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address

import dns.message
import dns.rrset
import pytest

from demo.web import Request, Response, WebServer
from mamori.engine.addresses import AddressError, canonicalize
from mamori.hotline.checks import judge, networks
from mamori.hotline.checks.fetch import MOST_BYTES, MOST_SECONDS, fetch
from mamori.hotline.checks.prints import Print, classify, take
from mamori.hotline.checks.states import Result
from tests.hotline.outside import free_port

SITE = "127.7.0.1"
PRIVATE = (
    "127.0.0.1",
    "127.0.0.2",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
)


class Sentinel:
    """Counts every connection to loopback's usual addresses on one port."""

    def __init__(self) -> None:
        self.reached = 0
        self.sockets = []
        first = socket.create_server(("127.0.0.1", 0))
        self.port = first.getsockname()[1]
        self.sockets = [first, socket.create_server(("::1", self.port), family=socket.AF_INET6)]
        for sock in self.sockets:
            threading.Thread(target=self._count, args=(sock,), daemon=True).start()

    def _count(self, sock: socket.socket) -> None:
        while True:
            try:
                found, _ = sock.accept()
            except OSError:
                return
            self.reached += 1
            found.close()

    def close(self) -> None:
        for sock in self.sockets:
            sock.close()


class Turncoat:
    """A name server that answers the first question for a name with the site and each later one with loopback, TTL 0."""

    def __init__(self) -> None:
        self.asked: dict[str, int] = {}
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.sock.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                data, sender = self.sock.recvfrom(4096)
            except OSError:
                return
            question = dns.message.from_wire(data)
            answer = dns.message.make_response(question)
            name, kind = question.question[0].name, question.question[0].rdtype
            text = name.to_text()
            if text.startswith("nowhere"):
                answer.set_rcode(3)
            elif text.startswith("broken"):
                answer.set_rcode(2)
            elif kind == 1 and not text.startswith("six"):
                seen = self.asked[text] = self.asked.get(text, 0) + 1
                answer.answer.append(dns.rrset.from_text(name, 0, "IN", "A", self._a(text, seen)))
            elif kind == 28 and text.startswith("six"):
                answer.answer.append(
                    dns.rrset.from_text(name, 0, "IN", "AAAA", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1")
                )
            self.sock.sendto(answer.to_wire(), sender)

    @staticmethod
    def _a(name: str, seen: int) -> str:
        if name.startswith(("inside", "localhost")):
            return "127.0.0.1"
        return SITE if seen == 1 or name.startswith("site") else "127.0.0.1"


@pytest.fixture(scope="module")
def sentinel():
    found = Sentinel()
    yield found
    found.close()


@pytest.fixture
def world(settings, sentinel):
    """A site on 127.7.0.1 that is allowed, as a demo's is; everything else on loopback is not."""
    names, pages, sent = Turncoat(), {}, []

    def answer(request: Request) -> Response:
        sent.append(request)
        found = pages.get(request.target, Response(404, b"not here"))
        return found(request) if callable(found) else found

    port = free_port()
    server = WebServer(SITE, port, answer)
    settings.NAMESERVERS = [names.address]
    settings.RECHECK_ALLOW_NETWORKS = [f"{SITE}/32"]
    settings.RECHECK_PORT_MAP = {"80": str(port)}
    yield type("World", (), {"names": names, "pages": pages, "sent": sent, "port": port, "sentinel": sentinel})
    server.stop()
    names.sock.close()


def numbers(ip: str) -> list[str]:
    """One IPv4 address in the forms that parsers of addresses understand."""
    value = int(IPv4Address(ip))
    a, b, c, d = IPv4Address(ip).packed
    return [
        ip,
        f"{ip}.",
        str(value),
        hex(value),
        f"0{value:o}",
        f"{a:#x}.{b:#x}.{c:#x}.{d:#x}",
        f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
        f"{a}.{(b << 16) + (c << 8) + d}",
        f"{a}.{b}.{(c << 8) + d}",
        f"{a:#x}.{(b << 16) + (c << 8) + d}",
        f"000{a:o}.{b}.{c}.{d:#x}",
        "".join(chr(ord(x) + 0xFEE0) if x != "." else "。" for x in ip),
        ip.replace(".", "%2e"),
    ]


def sixes(ip: str) -> list[str]:
    """The IPv6 forms that carry an IPv4 address."""
    value = int(IPv4Address(ip))
    high, low = value >> 16, value & 0xFFFF
    negated = value ^ 0xFFFFFFFF
    return [
        f"[::ffff:{ip}]",
        f"[::ffff:{high:x}:{low:x}]",
        f"[0:0:0:0:0:ffff:{ip}]",
        f"[::{ip}]",
        f"[64:ff9b::{ip}]",
        f"[64:ff9b::{high:x}:{low:x}]",
        f"[64:ff9b:1::{high:x}:{low:x}]",
        f"[2002:{high:x}:{low:x}::]",
        f"[2002:{high:x}:{low:x}::1]",
        f"[2001:0:{high:x}:{low:x}:0:0:{negated >> 16:x}:{negated & 0xFFFF:x}]",
        f"[2001:db8::5efe:{ip}]",
        f"[2606:4700::5efe:{high:x}:{low:x}]",
    ]


OTHERS = ["localhost", "localhost.", "LOCALHOST", "[::1]", "[::]", "[fe80::1]", "[fc00::1]", "[ff02::1]", "[fec0::1]", "[5f00::1]", "[3fff::1]", "224.0.0.1", "255.255.255.255", "192.88.99.1", "inside.example", "six.example"]  # fmt: skip


def forms(port: int) -> list[str]:
    """5,000 ways to say "connect to yourself"."""
    dice = random.Random(20)
    hosts = [h for ip in PRIVATE for h in (*numbers(ip), *sixes(ip))] + OTHERS
    found = []
    schemes = ["http", "https", "HTTP", "gopher", "ftp", "file", "dict", "ws", "javascript", "data"]
    users = ["", "user@", "user:pass@", "site.example@", "site.example:80@", "a%40b@", "\\@", "@"]
    paths = [
        "/",
        "",
        "/x?y=http://site.example/",
        "/\\site.example",
        "//site.example",
        "#@site.example",
        "?@site.example/",
    ]
    while len(found) < 5000:
        host = dice.choice(hosts)
        scheme = dice.choices(schemes, [20, 8, 3, 1, 1, 1, 1, 1, 1, 1])[0]
        slashes = dice.choices(["://", ":/", ":", ":\\\\", ":///"], [10, 1, 1, 1, 1])[0]
        found.append(f"{scheme}{slashes}{dice.choice(users)}{host}:{port}{dice.choice(paths)}")
    return found


def test_none_of_5000_forms_reaches_loopback(world):
    asked = 0
    for form in forms(world.sentinel.port):
        try:
            address = canonicalize(form)
        except AddressError:
            continue
        asked += 1
        seen = fetch(address)
        assert seen.connected == (), form
    assert asked > 3000
    assert world.sentinel.reached == 0


def test_none_of_5000_redirects_reaches_loopback(world):
    for number, form in enumerate(forms(world.sentinel.port)):
        world.pages[f"/{number}"] = Response(302, b"", headers={"Location": form.encode().decode("latin-1")})
    start = canonicalize("http://site.example/0")
    for number in range(5000):
        seen = fetch(canonicalize(f"http://site.example/{number}"))
        assert set(seen.connected) <= {SITE}, world.pages[f"/{number}"]
    assert world.sentinel.reached == 0
    assert fetch(start).connected


def test_a_name_that_changes_between_two_hops_leads_nowhere(world):
    port = world.sentinel.port
    for number in range(100):
        name = f"rebind{number}.example"
        world.pages["/a"] = Response(302, b"", headers={"Location": f"http://{name}:{port}/b"})
        seen = fetch(canonicalize(f"http://{name}/a"))
        assert (seen.why, seen.connected) == ("refused", (SITE,))
    assert world.sentinel.reached == 0


def test_the_address_that_was_judged_is_the_one_connected_to(world):
    """The second answer of the name server is loopback: had the name been asked again, it would have been reached."""
    world.pages["/"] = Response(200, b"<html><p>hello</p></html>")
    seen = fetch(canonicalize("http://once.example/"))
    assert (seen.status, seen.connected) == (200, (SITE,))
    assert world.names.asked["once.example."] == 1


@pytest.mark.parametrize("ip", ["64:ff9b::7f00:1", "2002:7f00:1::", "224.0.0.1", "::ffff:10.0.0.1", "ff0e::1", "::", "fe80::1%eth0", "2001::1", "64:ff9b:1::808:808", "192.0.0.8", "240.0.0.1"])  # fmt: skip
def test_what_is_not_globally_reachable_is_refused(ip):
    for own in (True, False):
        assert not networks.may_connect(ip_address(ip), own=own, allowed=[])


def test_transition_forms_are_for_the_own_host_only():
    for text in ("64:ff9b::808:808", "2002:808:808::1", "::ffff:8.8.8.8"):
        assert networks.may_connect(IPv6Address(text), own=True, allowed=[])
        assert not networks.may_connect(IPv6Address(text), own=False, allowed=[])
    assert networks.may_connect(ip_address("2001:4860:4860::8888"), own=False, allowed=[])
    assert networks.may_connect(ip_address("8.8.8.8"), own=False, allowed=[])


def test_the_allowed_network_is_not_for_redirects_to_another_host(world):
    world.pages["/a"] = Response(302, b"", headers={"Location": "http://siteother.example/b"})
    world.pages["/b"] = Response(200, b"x")
    assert fetch(canonicalize("http://site.example/a")).why == "refused"
    world.pages["/a"] = Response(302, b"", headers={"Location": "/b"})
    assert fetch(canonicalize("http://site.example/a")).status == 200


def test_nothing_of_ours_is_sent_along(world, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{world.sentinel.port}")
    kept = []
    world.pages["/a"] = Response(302, b"", headers={"Location": "/b", "Set-Cookie": "a=b"})
    world.pages["/b"] = lambda request: kept.append(request) or Response(200, b"x")
    fetch(canonicalize("http://user:secret@site.example/a"))
    assert world.sentinel.reached == 0
    assert [r.target for r in world.sent] == ["/a", "/b"]


def raw_server(say) -> int:
    """A server that says what it likes."""
    sock = socket.create_server((SITE, 0))

    def serve() -> None:
        while True:
            try:
                found, _ = sock.accept()
            except OSError:
                return
            with found:
                heard = found.recv(65536)
                try:
                    say(found, heard)
                except OSError:
                    continue

    threading.Thread(target=serve, daemon=True).start()
    return sock.getsockname()[1]


def test_headers_are_few_and_neutral(world, settings):
    heard = []

    def say(sock, data):
        heard.append(data)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")

    settings.RECHECK_PORT_MAP = {"80": str(raw_server(say))}
    fetch(canonicalize("http://site.example/a?b"))
    lines = heard[0].decode().split("\r\n")
    assert lines[0] == "GET /a?b HTTP/1.1"
    assert {line.partition(":")[0].lower() for line in lines[1:] if line} == {
        "host",
        "user-agent",
        "accept",
        "accept-encoding",
        "connection",
    }
    assert "mamori" not in heard[0].decode().lower()


def test_a_body_without_end_is_cut(world, settings):
    def say(sock, _data):
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
        while True:
            sock.sendall(b"<p>" * 20000)

    settings.RECHECK_PORT_MAP = {"80": str(raw_server(say))}
    seen = fetch(canonicalize("http://site.example/"))
    assert seen.print == take((b"<p>" * (MOST_BYTES // 3 + 1))[:MOST_BYTES], "text/html")


def test_a_host_that_drips_is_cut_off(world, settings, monkeypatch):
    def say(sock, _data):
        while True:
            sock.sendall(b"H")
            time.sleep(0.2)

    settings.RECHECK_PORT_MAP = {"80": str(raw_server(say))}
    assert MOST_SECONDS <= 30
    began = time.monotonic()
    seen = fetch(canonicalize("http://site.example/"), seconds=2)
    assert time.monotonic() - began < 6
    assert seen.status is None


def test_a_loop_of_redirects_ends(world):
    world.pages["/a"] = Response(302, b"", headers={"Location": "/a"})
    seen = fetch(canonicalize("http://site.example/a"))
    assert (seen.why, len(world.sent)) == ("redirects", 6)


def result(world, path, known=None, gone=frozenset()):
    return judge.result_of(fetch(canonicalize(f"http://site.example{path}")), known, gone)


@pytest.mark.parametrize(
    ("status", "expected"),
    [(404, "gone_4xx"), (410, "gone_4xx"), (401, "blocked_or_challenged"), (403, "blocked_or_challenged"), (429, "blocked_or_challenged"), (451, "blocked_or_challenged"), (503, "blocked_or_challenged"), (500, "host_down"), (502, "host_down"), (400, "blocked_or_challenged"), (200, "online_same")],
)  # fmt: skip
def test_a_status_has_one_meaning(world, status, expected):
    world.pages["/x"] = Response(status, b"<p>hello</p>")
    assert result(world, "/x") == expected


def test_a_bot_check_is_no_answer(world):
    world.pages["/x"] = Response(200, b"<p>are you a person?</p>", headers={"cf-mitigated": "challenge"})
    assert result(world, "/x") == Result.BLOCKED_OR_CHALLENGED


def test_silence_of_the_host_and_of_our_own_network_are_told_apart(world, settings):
    assert judge.result_of(fetch(canonicalize("http://nowhere.example/")), None, frozenset()) == Result.HOST_DOWN
    assert judge.result_of(fetch(canonicalize("http://broken.example/")), None, frozenset()) == Result.ERROR_OURS
    settings.RECHECK_PORT_MAP = {"80": str(free_port())}
    assert result(world, "/") == Result.HOST_DOWN
    settings.NAMESERVERS = [f"127.0.0.1:{free_port(socket.SOCK_DGRAM)}"]
    assert result(world, "/") == Result.ERROR_OURS


def test_a_changed_page_is_told_from_a_similar_one(world):
    rows = b"".join(b"<tr><td><b>%d</b></td></tr>" % n for n in range(50))
    page = b"<html><head><title>1</title></head><body><table>" + rows + b"</table></body></html>"
    known = take(page, "text/html")
    assert (
        classify(take(page.replace(b">7<", b">8<"), "text/html"), known, gone=frozenset(), sent_home=False)
        == Result.ONLINE_SIMILAR
    )
    other = take(b"<html><body><h1>Parked</h1><p>Buy <a>this</a></p></body></html>", "text/html")
    assert classify(other, known, gone=frozenset(), sent_home=False) == Result.ONLINE_CHANGED
    assert classify(other, known, gone=frozenset({other.fingerprint}), sent_home=False) == Result.PAGE_UP_MEDIA_GONE
    assert classify(other, known, gone=frozenset(), sent_home=True) == Result.PAGE_UP_MEDIA_GONE
    image = Print(b"1" * 32, None, "image")
    assert classify(other, image, gone=frozenset(), sent_home=False) == Result.PAGE_UP_MEDIA_GONE


def test_a_deep_address_sent_to_the_front_page_is_gone(world):
    world.pages["/x"] = Response(302, b"", headers={"Location": "/"})
    world.pages["/"] = Response(200, b"<p>front</p>")
    assert result(world, "/x", known=Print(b"1" * 32, None, "page")) == Result.PAGE_UP_MEDIA_GONE


AT = datetime(2026, 11, 24, tzinfo=UTC)


def looks(*what):
    """Newest last: (minutes, result, place or person)."""
    found = []
    for minutes, value, place in what:
        person = place if not isinstance(place, str) else None
        found.append(judge.Look(AT + timedelta(minutes=minutes), Result(value), str(place), person))
    return found[::-1]


@pytest.mark.parametrize(
    ("what", "points", "verdict"),
    [
        ([], 1, "unknown"),
        ([(0, "error_ours", "1"), (1, "blocked_or_challenged", "1")], 1, "unknown"),
        ([(0, "online_same", "1")], 1, "online"),
        ([(0, "online_same", "1"), (60, "gone_4xx", "1")], 1, "offline_suspected"),
        ([(0, "gone_4xx", "1"), (5, "gone_4xx", "1"), (10, "gone_4xx", "1")], 1, "offline_suspected"),
        ([(0, "gone_4xx", "1"), (15, "host_down", "1"), (30, "gone_4xx", "1")], 1, "gone"),
        ([(0, "gone_4xx", "1"), (15, "blocked_or_challenged", "1"), (31, "gone_4xx", "1")], 1, "offline_suspected"),
        ([(0, "gone_4xx", "1"), (15, "online_changed", "1"), (31, "gone_4xx", "1"), (60, "gone_4xx", "1")], 1, "offline_suspected"),
        ([(0, "gone_4xx", "1"), (15, "gone_4xx", "1"), (31, "gone_4xx", "1")], 2, "offline_suspected"),
        ([(0, "gone_4xx", "1"), (15, "gone_4xx", "2"), (31, "gone_4xx", "1")], 2, "gone"),
        ([(0, "page_up_media_gone", 7), (30, "page_up_media_gone", 8)], 1, "gone"),
        ([(0, "page_up_media_gone", 7), (1, "page_up_media_gone", 7)], 1, "offline_suspected"),
        ([(0, "page_up_media_gone", 7), (15, "page_up_media_gone", 7), (30, "page_up_media_gone", 7)], 2, "gone"),
    ],
)  # fmt: skip
def test_gone_needs_three_agreeing_negatives_over_time(what, points, verdict):
    assert judge.verdict(looks(*what), vantage_points=points) == verdict


@pytest.mark.parametrize(
    ("results", "end"),
    [
        (["gone_4xx", "page_up_media_gone", "gone_4xx"], "removed"),
        (["gone_4xx", "gone_4xx", "gone_4xx", "host_down"], "removed"),
        (["gone_4xx", "host_down", "host_down"], "unavailable"),
        (["host_down", "gone_4xx", "gone_4xx", "gone_4xx"], "unavailable"),
    ],
)
def test_only_negatives_that_agree_say_removed(results: list[str], end: str) -> None:
    run = [judge.Look(AT - timedelta(minutes=n), Result(each), "here", None) for n, each in enumerate(results)]
    assert str(judge.end_of(run)).lower() == end
