"""Ed25519 signing keys in files: PKCS #8 PEM (private, mode 0600), SubjectPublicKeyInfo PEM (public, `<name>.pub`)."""

from __future__ import annotations

import os
import stat
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)


class KeyFileError(Exception):
    """A key file cannot be used; the message says which and why."""


def create_signing_key(path: Path) -> Ed25519PublicKey:
    """Write a new private key to `path` and its public key to `path`.pub. KeyFileError if either exists."""
    key = Ed25519PrivateKey.generate()
    create_file(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)
    public = key.public_key()
    create_file(public_path(path), public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), 0o644)
    return public


def load_signing_key(path: Path) -> Ed25519PrivateKey:
    """Read a private key. KeyFileError if others may read the file or it holds no Ed25519 key."""
    try:
        key = load_pem_private_key(read_secret_file(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyFileError(f"{path} holds no readable private key in PEM form") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError(f"{path} holds no Ed25519 key")
    return key


def load_public_key(path: Path) -> Ed25519PublicKey:
    """Read a public key in PEM form. KeyFileError if there is none."""
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise KeyFileError(f"{path} holds no readable public key in PEM form") from error
    if not isinstance(key, Ed25519PublicKey):
        raise KeyFileError(f"{path} holds no Ed25519 key")
    return key


def sign(key: Ed25519PrivateKey, message: bytes) -> bytes:
    """A signature of 64 bytes (RFC 8032)."""
    return key.sign(message)


def verify(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    """Whether `signature` is the key's over `message`."""
    try:
        key.verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def key_id(key: Ed25519PublicKey) -> str:
    """SHA-256 of the 32 public bytes, in hex: how people and records name a key."""
    return sha256(key.public_bytes_raw()).hexdigest()


def public_path(path: Path) -> Path:
    """Where the public half of the key file `path` stands."""
    return path.with_name(path.name + ".pub")


def create_file(path: Path, content: bytes, mode: int) -> None:
    """Write a new file with `mode`, on disk when this returns. KeyFileError if it exists or cannot be written."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
    except FileExistsError as error:
        raise KeyFileError(f"{path} exists already and is not overwritten") from error
    except OSError as error:
        raise KeyFileError(f"{path} cannot be written: {error.strerror}") from error


def replace_file(path: Path, content: bytes, mode: int) -> None:
    """Write a file, new or in place of an old one, in one step. KeyFileError if it cannot be written."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    create_file(draft, content, mode)
    draft.replace(path)


def read_secret_file(path: Path) -> bytes:
    """Content of a file that only its owner may read. KeyFileError if it is missing or open to others."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                raise KeyFileError(f"{path} is open to other users (mode {mode:04o}): run chmod 600 {path}")
            return file.read()
    except OSError as error:
        raise KeyFileError(f"{path} cannot be read: {error.strerror}") from error
