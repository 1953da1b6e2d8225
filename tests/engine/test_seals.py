"""Sealed text and its key files."""

import pytest

from mamori.engine.keys import KeyFileError
from mamori.engine.seals import (
    SealError,
    create_seal_key,
    load_private_key,
    load_public_key,
    new_data_key,
    open_,
    seal,
    unwrap,
    wrap,
)


def test_a_text_opens_with_its_key_and_context_only():
    key = new_data_key()
    sealed = seal(key, "守る秘密", b"report/1/comment")
    assert open_(key, sealed, b"report/1/comment") == "守る秘密"
    assert sealed != seal(key, "守る秘密", b"report/1/comment")
    assert len(sealed) == len("守る秘密".encode()) + 40
    for other_key, text, context in (
        (new_data_key(), sealed, b"report/1/comment"),
        (key, sealed, b"report/2/comment"),
        (key, sealed[:-1], b"report/1/comment"),
        (key, b"", b"report/1/comment"),
        (key, bytes([sealed[0] ^ 1]) + sealed[1:], b"report/1/comment"),
        (key, sealed[:-1] + bytes([sealed[-1] ^ 1]), b"report/1/comment"),
    ):
        with pytest.raises(SealError):
            open_(other_key, text, context)


def test_a_data_key_is_unwrapped_by_the_private_key_only(tmp_path):
    public = create_seal_key(tmp_path / "seal.key")
    other = create_seal_key(tmp_path / "other.key")
    private = load_private_key(tmp_path / "seal.key")
    assert load_public_key(tmp_path / "seal.key.pub") == public != other
    key = new_data_key()
    wrapped = wrap(key, public)
    assert len(wrapped) == 80
    assert unwrap(wrapped, private) == key
    for wrong in (wrapped[:-1], wrap(key, other), b"", bytes(80)):
        with pytest.raises(SealError):
            unwrap(wrong, private)
    with pytest.raises(ValueError, match="32 bytes"):
        wrap(b"short", public)


def test_a_private_key_file_open_to_others_is_refused(tmp_path):
    path = tmp_path / "seal.key"
    create_seal_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    for mode in (0o640, 0o604, 0o666):
        path.chmod(mode)
        with pytest.raises(KeyFileError, match=rf"mode {mode:04o}.*chmod 600"):
            load_private_key(path)


def test_a_file_without_a_key_is_refused(tmp_path):
    for content in ("", "AAAA", "not base64!", "QUFB" * 20):
        path = tmp_path / "bad"
        path.write_text(content)
        path.chmod(0o600)
        with pytest.raises(KeyFileError, match="no key of 32 bytes"):
            load_private_key(path)
        with pytest.raises(KeyFileError, match="no key of 32 bytes"):
            load_public_key(path)
    for load in (load_private_key, load_public_key):
        with pytest.raises(KeyFileError, match="cannot be read"):
            load(tmp_path / "missing")


def test_a_key_file_is_never_overwritten(tmp_path):
    create_seal_key(tmp_path / "seal.key")
    with pytest.raises(KeyFileError, match="not overwritten"):
        create_seal_key(tmp_path / "seal.key")
