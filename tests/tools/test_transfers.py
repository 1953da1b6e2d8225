"""A transferred zone is read whole, however it is cut into messages; what is changed, unsigned or malformed is refused."""

import random
from collections.abc import Sequence
from contextlib import suppress

import dns.flags
import dns.message
import dns.rcode
import dns.renderer
import dns.rrset
import dns.tsig
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamori.tools.transfers import UNREADABLE, Held, read_transfer

KEY = dns.tsig.Key("sub-1", "c2VjcmV0LW9mLWEtdGVzdA==", "hmac-sha256")
OTHER = dns.tsig.Key("sub-1", "YW5vdGhlci1zZWNyZXQtLS0t", "hmac-sha256")
labels = st.text("abcxyz0189-", min_size=1, max_size=12)
owners = st.lists(labels, min_size=1, max_size=4).map(".".join)
zones = st.dictionaries(owners, st.sampled_from([".", "rpz-passthru.", "stop.mamori.example."]), max_size=30)
PLAIN: Held = {
    "bad.example": ".",
    "*.bad.example": ".",
    "free.example": "rpz-passthru.",
    "x.bad.example": "stop.mamori.example.",
}


def question() -> dns.message.QueryMessage:
    asked = dns.message.make_query("nx.list", "AXFR")
    asked.use_tsig(KEY)
    asked.to_wire()
    return asked


def record(owner: str, kind: str, data: str) -> dns.rrset.RRset:
    return dns.rrset.from_text(f"{owner}.nx.list." if owner else "nx.list.", 60, "IN", kind, data)


def soa(serial: int = 7) -> dns.rrset.RRset:
    return record("", "SOA", f"hub.invalid. hostmaster.invalid. {serial} 60 30 2592000 60")


def whole(held: Held, *more: dns.rrset.RRset) -> list[dns.rrset.RRset]:
    return [soa(), record("", "NS", "hub.invalid."), *(record(o, "CNAME", t) for o, t in held.items()), *more, soa()]


def answered(
    asked: dns.message.Message,
    records: Sequence[dns.rrset.RRset],
    *,
    each: int = 7,
    signed: int = 1,
    last: bool = True,
    key: dns.tsig.Key = KEY,
) -> list[bytes]:
    """The messages of an answer, `each` records in one; the first, each `signed`-th, and the last one bear a signature."""
    pieces = [records[at : at + each] for at in range(0, len(records), each)]
    wires, context = list[bytes](), None
    for number, piece in enumerate(pieces):
        made = dns.renderer.Renderer(asked.id, dns.flags.QR | dns.flags.AA)
        for one in piece:
            made.add_rrset(dns.renderer.ANSWER, one)
        made.write_header()
        final = number == len(pieces) - 1
        if number == 0 or (final and last) or (number % signed == 0 and not final):
            context = made.add_multi_tsig(context, key.name, key, 300, asked.id, 0, b"", asked.mac)
            wires.append(made.get_wire())
        else:
            wires.append(made.get_wire())
            context.update(wires[-1])
    return wires


@given(zones, st.integers(1, 9), st.integers(1, 5))
def test_a_zone_is_read_as_it_was_sent(held: Held, each: int, signed: int) -> None:
    asked = question()
    assert read_transfer(answered(asked, whole(held), each=each, signed=signed), asked, "nx.list") == (7, held)


def test_capitals_are_small_letters_and_what_is_no_cname_or_stands_twice_fits_nothing() -> None:
    asked = question()
    odd = [
        record("BAD.example", "CNAME", "."),
        record("bad.example", "CNAME", "rpz-passthru."),
        record("txt.example", "TXT", '"words"'),
        record("deep.example", "NS", "hub.invalid."),
        record(r"a\.b.example", "CNAME", "."),
        dns.rrset.from_text("other.example.", 60, "IN", "CNAME", "."),
    ]
    _serial, held = read_transfer(answered(asked, whole({}, *odd)), asked, "NX.list.")
    assert held == {
        "bad.example": ".",
        "bad.example again": "rpz-passthru.",
        "txt.example.nx.list. TXT": "",
        "deep.example.nx.list. NS": "",
        "a\\.b.example": ".",
        "other.example. CNAME": "",
    }


def refused(messages: list[bytes], asked: dns.message.Message, words: str | None = None) -> None:
    with pytest.raises(UNREADABLE, match=words):
        read_transfer(messages, asked, "nx.list")


def test_what_is_not_signed_by_the_key_or_was_changed_is_refused() -> None:
    asked = question()
    good = answered(asked, whole(PLAIN), each=2, signed=2)
    assert len(good) > 3
    refused(answered(asked, whole(PLAIN), key=OTHER), asked)
    refused(good[:-1], asked, "it does not end")
    refused([good[0], *good[2:]], asked)
    refused([good[0], good[2], good[1], *good[3:]], asked)
    refused(answered(asked, whole(PLAIN), each=2, last=False), asked, "end is not signed")
    refused(good, question(), "no answer to what was asked")
    for changed in (b"bad", b"free", b"rpz-passthru"):
        at = next(n for n, wire in enumerate(good) if changed in wire)
        refused([*good[:at], good[at].replace(changed, changed[::-1]), *good[at + 1 :]], asked)
    unsigned = dns.renderer.Renderer(asked.id, dns.flags.QR)
    for one in whole(PLAIN):
        unsigned.add_rrset(dns.renderer.ANSWER, one)
    unsigned.write_header()
    refused([unsigned.get_wire()], asked, "beginning is not signed")
    many = {f"n{number}.example": "." for number in range(300)}
    refused(answered(asked, whole(many), each=2, signed=1000), asked, "without a signature")
    assert read_transfer(answered(asked, whole(many), each=2, signed=100), asked, "nx.list") == (7, many)


def test_an_answer_that_is_no_transfer_is_refused() -> None:
    asked = question()
    no = dns.message.make_response(dns.message.from_wire(asked.to_wire(), keyring=KEY))
    no.set_rcode(dns.rcode.NOTAUTH)
    refused([no.to_wire()], asked, "it says NOTAUTH")
    refused(answered(asked, [*whole(PLAIN)[:-1], soa(8)]), asked, "not that of what began")
    refused(answered(asked, whole(PLAIN)[1:]), asked, "does not begin with SOA")
    refused(answered(asked, [*whole(PLAIN), record("more.example", "CNAME", ".")], each=99), asked, "behind the end")
    refused([b""], asked)


def test_nothing_that_comes_over_the_wire_leads_to_another_error() -> None:
    """Octets changed, cut and put in, at random but with a seed; pointers above all."""
    asked, chance = question(), random.Random(4)
    good, passed = answered(asked, whole(PLAIN), each=3), 0
    for _time in range(20_000):
        wires = list(good)
        which = chance.randrange(len(wires))
        changed = bytearray(wires[which])
        for _change in range(chance.randint(1, 4)):
            at = chance.randrange(len(changed))
            how = chance.randrange(4)
            if how == 0:
                changed[at] = chance.randrange(256)
            elif how == 1:
                changed[at : at + 2] = bytes([0xC0 | chance.randrange(2), chance.randrange(256)])
            elif how == 2:
                del changed[at : at + chance.randint(1, 9)]
            else:
                changed[at:at] = chance.randbytes(chance.randint(1, 9))
            if not changed:
                break
        if changed != good[which]:
            wires[which] = bytes(changed)
            with suppress(*UNREADABLE):  # octets around a signature, such as its TTL, mean nothing
                assert read_transfer(wires, asked, "nx.list") == (7, PLAIN)
                passed += 1
    assert passed < 200


def test_a_chain_of_pointers_or_a_name_without_end_is_refused() -> None:
    asked = question()
    header = answered(asked, whole({}))[0][:4] + b"\0\0\0\1\0\0\0\0"
    chain = b"".join((0xC000 | at).to_bytes(2, "big") for at in range(12, 12 + 8000, 2))
    longest = b"".join(b"\x3f" + bytes(63) for _label in range(4)) + b"\0"
    itself = b"\xc0\x0c"
    for names in (chain, longest, itself):
        refused([header[:4] + b"\0\1\0\0\0\0\0\0" + names], asked)
    deep = b"\0" + b"".join((0xC000 | at).to_bytes(2, "big") for at in range(12, 16_000, 1))
    refused([header + deep], asked)
