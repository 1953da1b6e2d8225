"""Checkpoints: a published one with real cosignatures, the round trip, refusals and the witness messages."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mamori.engine.transparency.checkpoint import (
    AddCheckpoint,
    Checkpoint,
    accept_cosignatures,
    open_checkpoint,
    sign_checkpoint,
)
from mamori.engine.transparency.note import NoteError, NoteKey, NoteSigner, SignedNote

# A checkpoint of a public test log as its witnesses cosigned it: format data, nobody is contacted.
PUBLISHED = """arche2025h1.staging.ct.transparency.dev
1432088532
U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=

— arche2025h1.staging.ct.transparency.dev zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=
— arche2025h1.staging.ct.transparency.dev ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=
— remora.n621.de 2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==
"""
LOG_KEY = NoteKey.parse("arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f")
WITNESS_KEY = NoteKey.parse("remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2")
LOG = NoteSigner("log.example", Ed25519PrivateKey.from_private_bytes(b"l" * 32))
WITNESS = NoteSigner("witness.example/w1", Ed25519PrivateKey.from_private_bytes(b"w" * 32))
HEAD = Checkpoint("log.example", 7, bytes(range(32)))


def test_a_published_checkpoint_and_its_cosignature_verify():
    opened = open_checkpoint(PUBLISHED, LOG_KEY, [WITNESS_KEY])
    assert opened.checkpoint.size == 1432088532
    assert [(c.key.name, c.time) for c in opened.cosignatures] == [("remora.n621.de", 0x6A122120)]


@pytest.mark.parametrize("old, new", [("1432088532", "1432088533"), ("U7WM", "U7WN"), ("AABqEiEg", "AABqEiEh")])
def test_an_altered_published_checkpoint_is_refused(old, new):
    with pytest.raises(NoteError):
        open_checkpoint(PUBLISHED.replace(old, new), LOG_KEY, [WITNESS_KEY])


def test_a_checkpoint_survives_the_round_trip_with_extension_lines():
    head = Checkpoint("log.example", 0, bytes(32), ("one", "two"))
    assert Checkpoint.parse(head.text) == head
    opened = open_checkpoint(sign_checkpoint(head, LOG), LOG.key)
    assert (opened.checkpoint, opened.cosignatures) == (head, ())


@pytest.mark.parametrize(
    "text",
    [
        "log.example\n7\n",
        "log.example\n07\nU7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=\n",
        "log.example\n-7\nU7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=\n",
        "log.example\n٧\nU7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=\n",
        "log.example\n9999999999999999999\nU7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=\n",
        "log.example\n7\nAAAA\n",
        "\n7\nU7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=\n",
        "log.example\n7\nU7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=\n\n",
        "log.example\n7\nU7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=",
    ],
)
def test_malformed_checkpoints_are_refused(text):
    with pytest.raises(NoteError):
        Checkpoint.parse(text)


def test_an_origin_cannot_smuggle_lines():
    with pytest.raises(NoteError):
        Checkpoint("log.example\n9", 1, bytes(32))


def test_another_logs_checkpoint_is_refused():
    raw = sign_checkpoint(HEAD, LOG)
    other = NoteSigner("other.example", LOG.private)
    with pytest.raises(NoteError, match=r"of log\.example, not of other\.example"):
        open_checkpoint(raw, other.key)
    with pytest.raises(NoteError, match="own origin"):
        sign_checkpoint(HEAD, other)


def test_the_request_to_a_witness_survives_the_round_trip():
    request = AddCheckpoint(3, (bytes(32), bytes(range(32))), sign_checkpoint(HEAD, LOG))
    assert AddCheckpoint.parse(str(request).encode()) == request
    assert str(request).startswith("old 3\nAAAA")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 3\n",
        b"old 03\n\nx\n",
        b"new 3\n\nx\n",
        b"old 3\nAAA\n\nx\n",
        b"old 3\n\n\xff",
        b"old 3\n" + b"AAAA\n" * 64 + b"\nx",
    ],
)
def test_malformed_requests_are_refused(body):
    with pytest.raises(NoteError):
        AddCheckpoint.parse(body)


def test_only_good_cosignatures_of_known_witnesses_are_taken_over():
    raw = sign_checkpoint(HEAD, LOG)
    stranger = NoteSigner("witness.example/w2", WITNESS.private).cosign(HEAD.text, 5)
    good = WITNESS.cosign(HEAD.text, 5)
    merged = accept_cosignatures(raw, f"{stranger}{good}", [WITNESS.cosigning_key])
    assert SignedNote.parse(merged).signatures[1:] == (good,)
    assert open_checkpoint(merged, LOG.key, [WITNESS.cosigning_key]).cosignatures[0].time == 5
    for bad in (str(stranger), str(WITNESS.cosign("other\n", 5)), "", "rubbish"):
        with pytest.raises(NoteError):
            accept_cosignatures(raw, bad, [WITNESS.cosigning_key])
