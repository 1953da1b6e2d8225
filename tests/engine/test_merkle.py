"""RFC 6962 vectors (those of the certificate-transparency reference tests) and properties of trees and proofs."""

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamori.engine.transparency.merkle import (
    EMPTY_ROOT,
    ProofError,
    Tree,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)

LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def tree_of(leaves):
    tree = Tree()
    tree.extend(leaves)
    return tree


def naive_root(leaves):
    """MTH of RFC 6962 section 2.1, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node_hash(naive_root(leaves[:k]), naive_root(leaves[k:]))


def test_roots_are_those_of_the_reference_tests():
    tree = Tree()
    assert tree.root() == EMPTY_ROOT == sha256(b"").digest()
    for leaf, root in zip(LEAVES, ROOTS, strict=True):
        tree.append(leaf)
        assert tree.root().hex() == root
    assert [tree.root(size).hex() for size in range(1, 9)] == ROOTS


def test_proofs_are_those_of_the_reference_tests():
    tree = tree_of(LEAVES)
    assert [node.hex() for node in tree.consistency_proof(6)] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]
    assert [node.hex() for node in tree.consistency_proof(2, 5)] == [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ]
    assert [node.hex() for node in tree.inclusion_proof(0, 8)] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=8), max_size=70), st.data())
def test_every_proof_verifies_and_no_altered_one_does(leaves, data):
    tree = tree_of(leaves)
    size = data.draw(st.integers(0, len(leaves)))
    old = data.draw(st.integers(0, size))
    assert tree.root(size) == naive_root(leaves[:size])
    proof = tree.consistency_proof(old, size)
    verify_consistency(old, size, tree.root(old), tree.root(size), proof)
    if old > 0:
        with pytest.raises(ProofError):
            verify_consistency(old, size, bytes(32), tree.root(size), proof)
        with pytest.raises(ProofError):
            verify_consistency(old, size, tree.root(old), bytes(32), proof)
    with pytest.raises(ProofError):
        verify_consistency(old, size, tree.root(old), tree.root(size), [*proof, bytes(32)])
    if proof:
        with pytest.raises(ProofError):
            verify_consistency(old, size, tree.root(old), tree.root(size), proof[:-1])
        place, bit = data.draw(st.integers(0, len(proof) - 1)), data.draw(st.integers(0, 255))
        flipped = int.from_bytes(proof[place]) ^ (1 << bit)
        with pytest.raises(ProofError):
            verify_consistency(
                old, size, tree.root(old), tree.root(size), [*proof[:place], flipped.to_bytes(32), *proof[place + 1 :]]
            )


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 70), st.data())
def test_inclusion_holds_for_its_leaf_only(size, data):
    leaves = [bytes([n]) for n in range(size)]
    tree = tree_of(leaves)
    index = data.draw(st.integers(0, size - 1))
    proof = tree.inclusion_proof(index, size)
    verify_inclusion(index, size, leaf_hash(leaves[index]), proof, tree.root())
    for wrong in {0, size - 1, (index + 1) % size} - {index}:
        with pytest.raises(ProofError):
            verify_inclusion(wrong, size, leaf_hash(leaves[index]), proof, tree.root())
    for altered in ([*proof, bytes(32)], proof[:-1] if proof else [bytes(32)], [*proof[:-1], bytes(32)]):
        with pytest.raises(ProofError):
            verify_inclusion(index, size, leaf_hash(leaves[index]), altered, tree.root())
    with pytest.raises(ProofError):
        verify_inclusion(index, size, leaf_hash(b"other"), proof, tree.root())


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 70), st.integers(0, 40), st.integers(0, 40))
def test_a_resumed_tree_gives_the_same_roots_and_proofs(base, more, further):
    leaves = [bytes([n]) for n in range(base + more + further)]
    whole = tree_of(leaves)
    resumed = Tree(base, whole.peaks(base))
    resumed.extend(leaves[base:])
    assert resumed.size == whole.size
    for old in (base, base + more):
        assert resumed.root(old) == whole.root(old)
        assert resumed.peaks(old) == whole.peaks(old)
        assert resumed.consistency_proof(old) == whole.consistency_proof(old)
    if more:
        assert resumed.inclusion_proof(base) == whole.inclusion_proof(base)


def test_a_resumed_tree_says_that_it_has_no_older_leaves():
    whole = tree_of([bytes([n]) for n in range(9)])
    resumed = Tree(8, whole.peaks(8))
    resumed.append(bytes([8]))
    with pytest.raises(ProofError, match="resumed at 8"):
        resumed.inclusion_proof(3)


@pytest.mark.parametrize(("size", "peaks"), [(3, [bytes(32)]), (-1, []), (1, [b"short"])])
def test_peaks_that_do_not_fit_are_refused(size, peaks):
    with pytest.raises(ValueError, match="peaks"):
        Tree(size, peaks)


def test_sizes_out_of_range_are_refused():
    tree = tree_of(LEAVES)
    for call in (
        lambda: tree.root(9),
        lambda: tree.inclusion_proof(8),
        lambda: tree.consistency_proof(9),
        lambda: tree.consistency_proof(5, 4),
        lambda: verify_inclusion(8, 8, bytes(32), [], bytes(32)),
        lambda: verify_consistency(9, 8, bytes(32), bytes(32), []),
        lambda: verify_consistency(0, 8, bytes(32), tree.root(), []),
        lambda: verify_consistency(3, 8, tree.root(3), tree.root(), [b"short"]),
    ):
        with pytest.raises(ProofError):
            call()


def test_a_million_leaves_are_proved():
    tree = tree_of(n.to_bytes(32) for n in range(1_000_000))
    verify_inclusion(777_777, 1_000_000, leaf_hash((777_777).to_bytes(32)), tree.inclusion_proof(777_777), tree.root())
    verify_consistency(123_457, 1_000_000, tree.root(123_457), tree.root(), tree.consistency_proof(123_457))
