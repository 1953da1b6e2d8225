"""The list of members: what the root keys signed, or nobody."""

import json
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mamori.engine.editions import (
    Edition,
    Member,
    Members,
    MembersRefused,
    PersonKey,
    ServiceKeys,
    activation_statement,
    gate,
    key_id,
    read_members,
    sign_members,
    sign_root,
)
from tests.engine.people import APPROVER, KEYS, NOW, REVIEWER, RULES, STRANGER, TODAY, entry, public, signed


def key(seed: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)


ROOT_KEYS = (key(101), key(102))
SERVICE = ServiceKeys(targets=key(103), snapshot=key(104), timestamp=key(105))
ROOT = sign_root(SERVICE, root_keys=ROOT_KEYS, threshold=2, expires=NOW + timedelta(days=365))
YEAR = TODAY + timedelta(days=365)
ENDO = Member("endo", "reviewer", public(REVIEWER), TODAY, YEAR)
FUJII = Member("fujii", "approver", public(APPROVER), TODAY + timedelta(days=1), YEAR)
LIST = Members(7, (ENDO, FUJII))


def refused(data: bytes, root: bytes = ROOT) -> str:
    with pytest.raises(MembersRefused) as refusal:
        read_members(data, root)
    return refusal.value.code


def test_what_the_root_keys_signed_is_read_and_each_key_counts_on_its_days() -> None:
    read = read_members(sign_members(LIST, ROOT_KEYS), ROOT)
    assert read == LIST
    endo = {key_id(public(REVIEWER)): PersonKey("endo", public(REVIEWER), "reviewer")}
    assert read.on(TODAY) == endo
    assert len(read.on(TODAY + timedelta(days=1))) == 2
    assert read.on(YEAR) == read.on(TODAY - timedelta(days=1)) == {}


@pytest.mark.parametrize(
    "signers", [(), ROOT_KEYS[:1], (ROOT_KEYS[0], ROOT_KEYS[0]), (ROOT_KEYS[0], STRANGER), (SERVICE.targets,) * 2]
)
def test_fewer_root_keys_than_the_root_asks_for_vouch_for_nobody(signers: tuple[Ed25519PrivateKey, ...]) -> None:
    assert refused(sign_members(LIST, signers)) == "members_not_signed"


def test_a_changed_list_vouches_for_nobody() -> None:
    data = sign_members(LIST, ROOT_KEYS)
    value = json.loads(data)
    for change in (("endo", "fujii"), ("reviewer", "approver"), ('"version":7', '"version":8')):
        forged = value | {"statement": value["statement"].replace(*change)}
        assert forged != value
        assert refused(json.dumps(forged).encode()) == "members_not_signed"
    other = sign_root(SERVICE, root_keys=(STRANGER,), threshold=1, expires=NOW + timedelta(days=1))
    assert refused(data, other) == "members_not_signed"


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b"null", b"\xff", b'{"statement": 1, "signatures": []}', b'{"statement": "", "signatures": [1]}']
)  # fmt: skip
def test_rubbish_is_no_list(data: bytes) -> None:
    assert refused(data) == "members_malformed"


def test_another_thing_the_root_keys_signed_is_no_list() -> None:
    """The root's own metadata, or any other statement, is never read as members."""
    value = json.loads(sign_members(LIST, ROOT_KEYS))
    statement = value["statement"].replace("mamori.list-members.v1", "mamori.something.v1")
    from securesystemslib.signer import CryptoSigner

    signatures = [CryptoSigner(one).sign(statement.encode()).to_dict() for one in ROOT_KEYS]
    assert refused(json.dumps({"statement": statement, "signatures": signatures}).encode()) == "members_malformed"


@pytest.mark.parametrize(
    "keys",
    [
        (ENDO, Member("fujii", "approver", public(REVIEWER), TODAY, YEAR)),
        (Member("", "reviewer", public(REVIEWER), TODAY, YEAR),),
        (Member("endo", "reviewer", public(REVIEWER), TODAY, TODAY),),
        (Member("endo", "reviewer", b"short", TODAY, YEAR),),
    ],
)
def test_a_senseless_list_is_not_signed(keys: tuple[Member, ...]) -> None:
    with pytest.raises(ValueError, match=r"."):
        sign_members(Members(1, keys), ROOT_KEYS)


def test_two_reviewers_activate_nothing() -> None:
    """One of the two is an approver."""
    new = entry("new.example")
    statement = signed(activation_statement(new), REVIEWER, STRANGER)
    keys = KEYS | {key_id(public(STRANGER)): PersonKey("another reviewer", public(STRANGER), "reviewer")}
    rules = RULES.__class__(**{name: getattr(RULES, name) for name in RULES.__slots__} | {"keys": keys})
    proposed = Edition(1, frozenset({new}), frozenset({statement}))
    assert [refusal.code for refusal in gate(None, proposed, rules)] == ["no_approver"]
    keys[key_id(public(STRANGER))] = PersonKey("another", public(STRANGER), "approver")
    assert gate(None, proposed, rules) == []
