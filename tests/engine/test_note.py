"""Published vectors: Go golang.org/x/mod/sumdb/note (PeterNeumann) and c2sp.org/signed-note; refusals."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mamori.engine.transparency.note import (
    COSIGNATURE,
    NoteError,
    NoteKey,
    NoteSignature,
    NoteSigner,
    SignedNote,
    sign_note,
)

VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SKEY = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
NOTE = (
    TEXT
    + "\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
C2SP_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
C2SP_NOTE = (
    "This is an example message.\n\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)


def signer(name="a.example", seed=b"a"):
    return NoteSigner(name, Ed25519PrivateKey.from_private_bytes(seed * 32))


def test_the_go_note_is_reproduced_and_verified():
    seed = base64.b64decode(SKEY.split("+", 4)[4])[1:]
    neumann = NoteSigner("PeterNeumann", Ed25519PrivateKey.from_private_bytes(seed))
    assert neumann.key.vkey == VKEY
    assert sign_note(TEXT, neumann) == NOTE
    (found,) = SignedNote.parse(NOTE.encode()).verify([NoteKey.parse(VKEY)])
    assert found.key.name == "PeterNeumann"
    assert found.time is None


def test_the_c2sp_note_verifies():
    SignedNote.parse(C2SP_NOTE).verify([NoteKey.parse(C2SP_VKEY)])


def test_an_altered_text_is_refused():
    with pytest.raises(NoteError, match="does not fit"):
        SignedNote.parse(NOTE.replace("answer", "Answer")).verify([NoteKey.parse(VKEY)])


def test_unknown_signatures_are_ignored_and_not_enough():
    both = SignedNote.parse(NOTE).add([signer().sign(TEXT)])
    assert [v.key.name for v in both.verify([signer().key])] == ["a.example"]
    assert len(both.verify([signer().key, NoteKey.parse(VKEY)])) == 2
    with pytest.raises(NoteError, match="not signed by a trusted key"):
        both.verify([signer("b.example").key])
    assert both.add([signer().sign(TEXT)]) == both


def test_one_wrong_signature_of_a_known_key_spoils_the_note():
    wrong = signer().sign("another text\n")
    with pytest.raises(NoteError, match="does not fit"):
        SignedNote.parse(NOTE).add([wrong]).verify([NoteKey.parse(VKEY), signer().key])


def test_a_text_with_empty_lines_is_split_at_the_last():
    text = "one\n\nthree\n"
    assert SignedNote.parse(sign_note(text, signer())).text == text


def test_a_cosignature_tells_its_time_and_is_no_plain_signature():
    note = SignedNote(TEXT, (signer().cosign(TEXT, 1_700_000_000),))
    (found,) = SignedNote.parse(str(note)).verify([signer().cosigning_key])
    assert (found.time, found.key.kind) == (1_700_000_000, COSIGNATURE)
    with pytest.raises(NoteError):
        note.verify([signer().key])
    line = note.signatures[0]
    later = NoteSignature(line.name, line.key_id, (1_700_000_001).to_bytes(8) + line.signature[8:])
    with pytest.raises(NoteError, match="does not fit"):
        SignedNote(TEXT, (later,)).verify([signer().cosigning_key])
    short = NoteSignature(line.name, line.key_id, line.signature[:-1])
    with pytest.raises(NoteError, match="length"):
        SignedNote(TEXT, (short,)).verify([signer().cosigning_key])


@pytest.mark.parametrize("time", [0, -1, 2**63])
def test_a_cosignature_time_out_of_range_is_refused(time):
    with pytest.raises(NoteError, match="time"):
        signer().cosign(TEXT, time)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "text only\n",
        "text\n\n",
        NOTE[:-1],
        NOTE.replace("\n\n", "\n"),
        NOTE.replace("—", "-"),
        NOTE.replace("PeterNeumann x", "Peter Neumann x"),
        NOTE.replace("PeterNeumann x", "Peter+Neumann x"),
        NOTE.replace("nAM=", "nAN="),
        NOTE.replace("nAM=", "n*M="),
        NOTE.replace("answer", "ans\twer"),
        NOTE.encode() + b"\xff",
        TEXT + "\n— x AAAA\n",
        "a" * 1_000_001,
        TEXT + "\n" + str(signer().sign(TEXT)) * 101,
    ],
)
def test_malformed_notes_are_refused(raw):
    with pytest.raises(NoteError):
        SignedNote.parse(raw)


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "a+b",
        VKEY.replace("c74f20a3", "c74f20a4"),
        VKEY.replace("ARpc", "Ahpc"),
        VKEY[:-4],
        "a b" + VKEY[12:],
        VKEY + "=",
    ],
)
def test_malformed_verifier_keys_are_refused(vkey):
    with pytest.raises(NoteError):
        NoteKey.parse(vkey)


@pytest.mark.parametrize("text", ["no newline", "tab\t\n", "lone \ud800\n"])
def test_a_text_that_cannot_be_a_note_is_not_signed(text):
    with pytest.raises(NoteError):
        sign_note(text, signer())
