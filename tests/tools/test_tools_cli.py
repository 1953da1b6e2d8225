"""The commands that need no platform, through the command line; and that they load no Django."""

import base64
import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from mamori.engine import seals
from mamori.engine.keys import load_public_key, verify
from mamori.engine.receipts import issue_signed_receipt, write_opening
from mamori.engine.transparency.chain import GENESIS, ChainedEvent, canonical, export_line, link
from mamori.engine.transparency.checkpoint import AddCheckpoint, Checkpoint, sign_checkpoint
from mamori.engine.transparency.merkle import Tree
from mamori.engine.transparency.note import NoteKey, NoteSigner
from mamori.lists.distribution.keys import load_keys
from mamori.tools.cli import app
from mamori.tools.witness import Witness, set_up

LOG = NoteSigner("log.example", Ed25519PrivateKey.from_private_bytes(b"l" * 32))
RECEIPTS = NoteSigner("hotline.example/receipts", Ed25519PrivateKey.from_private_bytes(b"r" * 32))
SALT = bytes(range(32))


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def export(tmp_path):
    """An exported log of 12 events, its checkpoints and a witness folder: (arguments, rows, folder)."""
    rows, previous, tree = [], GENESIS, Tree()
    for seq in range(1, 13):
        event = canonical({"at": 1000 + seq, "code": "item.assessed", "item": seq})
        rows.append(ChainedEvent(seq, event, previous, link(previous, seq, event)))
        previous = rows[-1].hash
        tree.append(previous)
    (tmp_path / "log.jsonl").write_bytes(b"".join(map(export_line, rows)))
    key = set_up(tmp_path / "w", "witness.example/w1", [LOG.key.vkey])
    witness = Witness(tmp_path / "w", lambda: 5000)
    for old, size in ((0, 5), (5, 12)):
        note = sign_checkpoint(Checkpoint("log.example", size, tree.root(size)), LOG)
        assert (
            witness.add_checkpoint(
                str(AddCheckpoint(old, tuple(tree.consistency_proof(old, size)), note)).encode()
            ).status
            == 200
        )
    witness.close()
    (tmp_path / "checkpoint").write_text(note)
    arguments = ["--log-key", LOG.key.vkey, "--checkpoints", tmp_path / "checkpoint"]
    arguments += ["--witness", tmp_path / "w", "--witness-key", key.vkey]
    return arguments, rows, tmp_path


def test_an_honest_export_passes(export):
    arguments, _, folder = export
    found = run("audit", "verify-export", folder / "log.jsonl", *arguments)
    assert found.exit_code == 0, found.output
    assert "OK" in found.output
    assert "12" in found.output


def test_an_edited_export_fails_with_a_plain_message(export):
    arguments, _, folder = export
    path = folder / "log.jsonl"
    path.write_bytes(path.read_bytes().replace(b'\\"item\\":7', b'\\"item\\":8'))
    found = run("audit", "verify-export", path, *arguments)
    assert found.exit_code == 1
    assert "FAILED: event 7 is not what was sealed: it was edited" in found.output


def test_a_cut_export_fails_with_the_witness_and_shows_what_is_missing(export):
    arguments, rows, folder = export
    path = folder / "log.jsonl"
    path.write_bytes(b"".join(map(export_line, rows[:9])))
    found = run("audit", "verify-export", path, *arguments)
    assert found.exit_code == 1
    assert "the witness's checkpoint covers 12: at least 3 of the last events are missing" in found.output
    path.write_bytes(b"".join(map(export_line, rows))[:-40])
    found = run("audit", "verify-export", path, *arguments)
    assert (found.exit_code, "line 12 is not a line" in found.output) == (1, True)


def test_damaged_checkpoint_files_fail(export):
    arguments, _, folder = export
    history = next(path for path in (folder / "w").glob("*.jsonl"))
    history.write_text(history.read_text() + "{}\n")
    found = run("audit", "verify-export", folder / "log.jsonl", *arguments)
    assert found.exit_code == 1
    assert "a file of checkpoints is damaged" in found.output


def test_missing_files_and_keys_are_usage_errors(export):
    arguments, _, folder = export
    path = folder / "log.jsonl"
    for wrong in (
        [folder / "none", *arguments],
        [path, "--checkpoints", folder / "checkpoint"],
        [path, "--log-key", "rubbish"],
        [path, "--log-key", LOG.key.vkey, "--checkpoints", folder / "none"],
    ):
        found = run("audit", "verify-export", *wrong)
        assert found.exit_code == 2, found.output
        assert "mamori: " in found.stderr
    assert run("audit", "verify-export").exit_code == 2


def test_a_receipt_is_verified_offline(tmp_path):
    addresses = ["https://a.example/"]
    receipt, opening = tmp_path / "receipt.txt", tmp_path / "opening.json"
    text = issue_signed_receipt(addresses, datetime(2026, 11, 24, 3, tzinfo=UTC), SALT, RECEIPTS)
    receipt.write_text(text)
    opening.write_text(write_opening(addresses, SALT))
    found = run("receipt", "verify", receipt, "--key", RECEIPTS.key.vkey)
    assert found.exit_code == 0
    assert "2026-11-24 03:00 UTC" in found.output
    assert "not shown" in found.output
    assert run("receipt", "verify", receipt, "--key", RECEIPTS.key.vkey, "--opening", opening).exit_code == 0
    receipt.write_bytes(text.replace("\n", "\r\n").encode())
    assert run("receipt", "verify", receipt, "--key", RECEIPTS.key.vkey).exit_code == 0, "as a mail program may save it"
    opening.write_text(write_opening(["https://b.example/"], SALT))
    found = run("receipt", "verify", receipt, "--key", RECEIPTS.key.vkey, "--opening", opening)
    assert (found.exit_code, "not for these addresses" in found.output) == (1, True)
    receipt.write_text(text.replace("T03", "T04"))
    found = run("receipt", "verify", receipt, "--key", RECEIPTS.key.vkey)
    assert (found.exit_code, "FAILED: the receipt is not valid" in found.output) == (1, True)


def test_an_unreadable_receipt_key_or_opening_is_a_usage_error(tmp_path):
    receipt, bad = tmp_path / "receipt.txt", tmp_path / "bad"
    receipt.write_text(issue_signed_receipt(["x"], datetime(2026, 1, 1, tzinfo=UTC), SALT, RECEIPTS))
    bad.write_text("{}")
    (tmp_path / "large").write_bytes(b"x" * 1_000_001)
    for wrong in (
        [tmp_path / "none", "--key", RECEIPTS.key.vkey],
        [tmp_path / "large", "--key", RECEIPTS.key.vkey],
        [receipt, "--key", "rubbish"],
        [receipt, "--key", RECEIPTS.key.vkey, "--opening", bad],
        [receipt],
    ):
        assert run("receipt", "verify", *wrong).exit_code == 2


def test_keys_are_made_shown_and_sign_statements(tmp_path):
    key, statement = tmp_path / "me.pem", tmp_path / "statement.json"
    made = run("keys", "new", key, "--name", "reviewer.example/a")
    assert made.exit_code == 0, made.output
    public = load_public_key(tmp_path / "me.pem.pub")
    vkey = NoteKey("reviewer.example/a", 1, public.public_bytes_raw()).vkey
    for path in (key, tmp_path / "me.pem.pub"):
        shown = run("keys", "show", path, "--name", "reviewer.example/a")
        assert shown.exit_code == 0
        assert f"verifier key: {vkey}\n" in shown.output
    statement.write_bytes(b'{"entry":"a.example"}')
    signed = run("keys", "sign", statement, "--key", key)
    assert signed.exit_code == 0
    signature = (tmp_path / "statement.json.sig").read_text()
    assert verify(public, base64.b64decode(signature), statement.read_bytes())
    assert run("keys", "sign", statement, "--key", key, "--out", "-").output == signature


def test_a_seal_key_pair_is_made_once_and_closes_what_only_its_private_half_opens(tmp_path):
    made = run("keys", "seal", tmp_path / "seal.key")
    assert made.exit_code == 0, made.output
    assert (tmp_path / "seal.key").stat().st_mode & 0o777 == 0o600
    public = seals.load_public_key(tmp_path / "seal.key.pub")
    assert made.output == f"public key: {base64.b64encode(public).decode()}\n"
    data_key = seals.new_data_key()
    assert seals.unwrap(seals.wrap(data_key, public), seals.load_private_key(tmp_path / "seal.key")) == data_key
    assert run("keys", "seal", tmp_path / "seal.key").exit_code == 2


def test_edition_keys_are_made_without_any_setting_and_never_overwritten(tmp_path):
    bare = {"PATH": os.environ["PATH"]}
    command = [sys.executable, "-m", "mamori", "keys", "edition", str(tmp_path / "edition")]
    made = subprocess.run(command, env=bare, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    assert "root.pem" in made.stdout
    keys = load_keys(tmp_path / "edition")
    assert b'"root"' in keys.root
    before = (tmp_path / "edition" / "root.json").read_bytes()
    again = subprocess.run(command, env=bare, capture_output=True, text=True, check=False)
    assert again.returncode == 2
    assert "exists already" in again.stderr
    assert (tmp_path / "edition" / "root.json").read_bytes() == before


def test_key_faults_are_usage_errors(tmp_path):
    key = tmp_path / "me.pem"
    assert run("keys", "new", key).exit_code == 0
    assert run("keys", "new", key).exit_code == 2
    assert run("keys", "new", tmp_path / "b.pem", "--name", "a b").exit_code == 2
    assert not (tmp_path / "b.pem").exists()
    assert run("keys", "show", tmp_path / "none").exit_code == 2
    (tmp_path / "statement").write_text("x")
    assert run("keys", "sign", tmp_path / "statement", "--key", tmp_path / "me.pem.pub").exit_code == 2
    key.chmod(0o644)
    found = run("keys", "sign", tmp_path / "statement", "--key", key)
    assert found.exit_code == 2
    assert "chmod 600" in found.stderr
    assert run("witness", "serve", tmp_path / "none").exit_code == 2
    assert run("witness", "init", tmp_path / "w", "--name", "a b").exit_code == 2
    assert run("witness", "init", tmp_path / "w", "--name", "w.example", "--log", "rubbish").exit_code == 2


def test_the_tools_load_no_platform():
    code = (
        "import sys; import mamori.tools.cli; "
        "sys.exit(any(m.split('.')[0] in ('django', 'psycopg', 'procrastinate') or "
        "m.startswith('mamori.') and m.split('.')[1] not in ('engine', 'tools') for m in sys.modules))"
    )
    environment = {**os.environ, "PYTHONPATH": "src"}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
