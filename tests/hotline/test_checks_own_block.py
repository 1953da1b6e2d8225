"""Our own block never looks like a removal: a resolver that enforces our list is not believed about what is gone."""

import socket
import threading
from collections.abc import Callable

import dns.message
import dns.rcode
import dns.rrset
import pytest

from mamori.engine.addresses import canonicalize
from mamori.hotline.checks import judge
from mamori.hotline.checks.fetch import fetch
from mamori.hotline.checks.resolve import own_list, resolve
from mamori.hotline.checks.states import Result
from mamori.site.doctor import examine

CANARY, STOP = "canary.hotline.example.", "stop.hotline.example."
Says = Callable[[dns.message.Message, str], None]


def soa(answer: dns.message.Message, zone: str) -> None:
    answer.set_rcode(dns.rcode.NXDOMAIN)
    answer.authority.append(dns.rrset.from_text(zone, 60, "IN", "SOA", f"{zone} {zone} 1 60 60 60 60"))


def honest(answer: dns.message.Message, name: str) -> None:
    """The canary exists; of what is gone the zone itself says so."""
    if name == CANARY:
        answer.answer.append(dns.rrset.from_text(name, 60, "IN", "A", "192.0.2.1"))
    else:
        soa(answer, name.split(".", 1)[1])


def without_canary(answer: dns.message.Message, name: str) -> None:
    """A hotline without a list: its canary was never entered anywhere."""
    soa(answer, "example.")


def denying(answer: dns.message.Message, name: str) -> None:
    """A subscriber by NXDOMAIN: listed names are denied by the list's zone."""
    if name in {CANARY, "bad.example."}:
        soa(answer, "list.hotline.example.")
    else:
        honest(answer, name)


def denying_bare(answer: dns.message.Message, name: str) -> None:
    """The same, by a resolver that names no zone."""
    if name in {CANARY, "bad.example."}:
        answer.set_rcode(dns.rcode.NXDOMAIN)
    else:
        honest(answer, name)


def stopping(answer: dns.message.Message, name: str) -> None:
    """A subscriber that leads to the stop page."""
    if name in {CANARY, "bad.example."}:
        answer.answer.append(dns.rrset.from_text(name, 60, "IN", "CNAME", STOP))
        answer.answer.append(dns.rrset.from_text(STOP, 60, "IN", "A", "192.0.2.9"))
    else:
        honest(answer, name)


def broken(answer: dns.message.Message, name: str) -> None:
    """The listed name is denied, about the canary nothing can be learnt."""
    if name == "bad.example.":
        soa(answer, "example.")
    else:
        answer.set_rcode(dns.rcode.SERVFAIL)


@pytest.fixture
def resolver(settings):
    """`resolver(says)` answers as a resolver over UDP on loopback."""
    settings.CANARY_NAME, settings.STOP_PAGE_HOST = CANARY.rstrip("."), STOP.rstrip(".")
    opened = []

    def start(says: Says) -> str:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("127.0.0.1", 0))
        opened.append(sock)

        def serve() -> None:
            while True:
                try:
                    data, back = sock.recvfrom(4096)
                except OSError:
                    return
                question = dns.message.from_wire(data)
                answer = dns.message.make_response(question)
                says(answer, question.question[0].name.to_text())
                sock.sendto(answer.to_wire(), back)

        threading.Thread(target=serve, daemon=True).start()
        return f"127.0.0.1:{sock.getsockname()[1]}"

    yield start
    for sock in opened:
        sock.close()


@pytest.mark.parametrize(
    ("says", "blocks", "result"),
    [
        (honest, False, Result.HOST_DOWN),
        (without_canary, False, Result.HOST_DOWN),
        (denying, True, Result.ERROR_OURS),
        (denying_bare, True, Result.ERROR_OURS),
        (stopping, True, Result.ERROR_OURS),
        (broken, None, Result.ERROR_OURS),
    ],
)
def test_that_a_name_is_gone_is_believed_only_of_who_does_not_enforce_our_list(
    resolver, settings, says, blocks, result
):
    settings.NAMESERVERS = [resolver(says)]
    assert [found for _server, found in own_list()] == [blocks]
    seen = fetch(canonicalize("http://bad.example/board"))
    assert judge.result_of(seen, None, frozenset()) == result


def test_what_is_not_listed_is_found_as_before(resolver, settings):
    settings.NAMESERVERS = [resolver(denying)]
    assert [str(ip) for ip in resolve(CANARY.rstrip(".")).addresses] == []
    assert resolve("gone.example").ours, "of such a resolver nothing that is missing is believed"


@pytest.mark.django_db
@pytest.mark.parametrize(("says", "level"), [(honest, "good"), (denying, "bad"), (stopping, "bad"), (broken, "note")])
def test_the_doctor_says_so(resolver, settings, says, level):
    settings.NAMESERVERS, settings.RECHECK = [resolver(says)], True
    [found] = [each for each in examine() if each.what == "resolvers of the re-check"]
    assert found.level == level
    if level == "bad":
        assert "MAMORI_NAMESERVERS" in found.remedy
