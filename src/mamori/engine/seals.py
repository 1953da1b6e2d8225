"""Sealed text. A data key (32 bytes) seals the texts of one record; the data key itself is wrapped to a public key.

Wrapping is libsodium's sealed box (X25519): who holds only the public key can write and not read. Sealing is
XChaCha20-Poly1305 with a random nonce; `context` (table, field and record id, say) is authenticated with it, so a
sealed text moved to another place does not open. Destroying the wrapped data key destroys the texts.
"""

from __future__ import annotations

import base64
import binascii
from pathlib import Path

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox
from nacl.secret import Aead
from nacl.utils import random

from mamori.engine.keys import KeyFileError, create_file, public_path, read_secret_file

KEY_SIZE = 32


class SealError(Exception):
    """A sealed text or wrapped key does not open: wrong key, wrong context, or altered."""


def new_data_key() -> bytes:
    """A random data key."""
    return random(KEY_SIZE)


def wrap(data_key: bytes, public_key: bytes) -> bytes:
    """The data key, readable only with the private half of `public_key` (32 bytes); 80 bytes long."""
    if len(data_key) != KEY_SIZE:
        raise ValueError("a data key has 32 bytes")
    return SealedBox(PublicKey(public_key)).encrypt(data_key)


def unwrap(wrapped: bytes, private_key: bytes) -> bytes:
    """The data key. SealError if it was wrapped to another key or altered."""
    try:
        return SealedBox(PrivateKey(private_key)).decrypt(wrapped)
    except CryptoError as error:
        raise SealError("the wrapped key does not open with this private key") from error


def seal(data_key: bytes, text: str, context: bytes) -> bytes:
    """The text, sealed and bound to `context`; 40 bytes longer than its UTF-8 form."""
    return bytes(Aead(data_key).encrypt(text.encode(), aad=context))


def open_(data_key: bytes, sealed: bytes, context: bytes) -> str:
    """The text. SealError if the key or the context is another, or a bit was changed."""
    try:
        return Aead(data_key).decrypt(sealed, aad=context).decode()
    except (CryptoError, ValueError) as error:
        raise SealError("the sealed text does not open with this key and context") from error


def create_seal_key(path: Path) -> bytes:
    """Write a new private key (base64, mode 0600) and `path`.pub; returns the public key. KeyFileError if present."""
    key = PrivateKey.generate()
    create_file(path, base64.b64encode(bytes(key)) + b"\n", 0o600)
    create_file(public_path(path), base64.b64encode(bytes(key.public_key)) + b"\n", 0o644)
    return bytes(key.public_key)


def load_private_key(path: Path) -> bytes:
    """Read a private key. KeyFileError if others may read the file or it holds no key."""
    return _key(path, read_secret_file(path))


def load_public_key(path: Path) -> bytes:
    """Read a public key. KeyFileError if the file holds none."""
    try:
        return _key(path, path.read_bytes())
    except OSError as error:
        raise KeyFileError(f"{path} cannot be read: {error.strerror}") from error


def _key(path: Path, content: bytes) -> bytes:
    try:
        key = base64.b64decode(content.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_SIZE:
        raise KeyFileError(f"{path} holds no key of 32 bytes in base64")
    return key
