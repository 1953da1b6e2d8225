"""Ed25519 key files."""

import subprocess
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from mamori.engine.keys import (
    KeyFileError,
    create_signing_key,
    key_id,
    load_public_key,
    load_signing_key,
    sign,
    verify,
)


def test_a_created_key_signs_and_its_public_half_verifies(tmp_path):
    public = create_signing_key(tmp_path / "me.pem")
    signature = sign(load_signing_key(tmp_path / "me.pem"), b"statement")
    loaded = load_public_key(tmp_path / "me.pem.pub")
    assert key_id(loaded) == key_id(public) == sha256(public.public_bytes_raw()).hexdigest()
    assert verify(loaded, signature, b"statement")
    assert not verify(loaded, signature, b"Statement")
    assert not verify(loaded, signature[:-1], b"statement")
    assert (tmp_path / "me.pem").stat().st_mode & 0o777 == 0o600


def test_openssl_accepts_key_and_signature(tmp_path):
    create_signing_key(tmp_path / "me.pem")
    (tmp_path / "text").write_bytes(b"statement")
    (tmp_path / "sig").write_bytes(sign(load_signing_key(tmp_path / "me.pem"), b"statement"))
    command = [
        "openssl",
        "pkeyutl",
        "-verify",
        "-rawin",
        "-pubin",
        "-inkey",
        "me.pem.pub",
        "-sigfile",
        "sig",
        "-in",
        "text",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "Signature Verified Successfully")


def test_a_private_key_open_to_others_is_refused_with_its_remedy(tmp_path):
    path = tmp_path / "me.pem"
    create_signing_key(path)
    path.chmod(0o644)
    with pytest.raises(KeyFileError, match=r"mode 0644.*chmod 600"):
        load_signing_key(path)


def test_files_that_hold_no_ed25519_key_are_refused(tmp_path):
    curve = generate_private_key(SECP256R1())
    private = curve.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = curve.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for content in (b"", b"rubbish", private, public):
        path = tmp_path / "bad.pem"
        path.write_bytes(content)
        path.chmod(0o600)
        for load in (load_signing_key, load_public_key):
            with pytest.raises(KeyFileError, match="holds no"):
                load(path)
    for load in (load_signing_key, load_public_key):
        with pytest.raises(KeyFileError, match="missing"):
            load(tmp_path / "missing")


def test_a_key_is_never_overwritten(tmp_path):
    create_signing_key(tmp_path / "me.pem")
    with pytest.raises(KeyFileError, match="not overwritten"):
        create_signing_key(tmp_path / "me.pem")
    with pytest.raises(KeyFileError, match="cannot be written"):
        create_signing_key(tmp_path / "none" / "me.pem")
