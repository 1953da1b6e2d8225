"""What a receipt code opens: the reporter's submission (by keyed digest) and the key to the hotline's messages.

The private key is not stored: it is derived from the code each time (Argon2id), so that nobody who reads the database
reads messages to a reporter, and staff, who never learn the code, can still write to the stored public key.
"""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox
from nacl.pwhash import argon2id

from mamori.engine import receipts
from mamori.engine.keys import load_signing_key
from mamori.engine.transparency.note import NoteSigner
from mamori.ground.errors import DomainError

OPS, MEMORY = 1, 8 * 2**20  # 5 ms; the pepper outside the database does the rest


@dataclass(frozen=True)
class SignedReceipt:
    """`text`: the signed receipt; `opening`: addresses and salt, which only the reporter holds; `key`: verifier key."""

    text: str
    opening: str
    key: str


def digest(code: str) -> bytes:
    """What is stored of a code."""
    return receipts.receipt_digest(code, _pepper())


def reply_key(code: str, submission_id: UUID) -> PrivateKey:
    """The reporter's private key: 5 ms of Argon2id over the peppered code, salted with the submission's id."""
    secret = hashlib.blake2b(receipts.normalize_receipt_code(code).encode(), key=_pepper()).digest()
    return PrivateKey.from_seed(argon2id.kdf(32, secret, submission_id.bytes, opslimit=OPS, memlimit=MEMORY))


def seal_to_reporter(text: str, public_key: bytes) -> bytes:
    return SealedBox(PublicKey(public_key)).encrypt(text.encode())


def open_as_reporter(sealed: bytes, key: PrivateKey) -> str | None:
    """The text, or None where it was destroyed."""
    try:
        return SealedBox(key).decrypt(sealed).decode()
    except CryptoError:
        return None


def may_sign() -> bool:
    """Whether this face holds the key for signed receipts."""
    return settings.RECEIPT_KEY_FILE is not None


def sign(addresses: list[str], hour: datetime) -> SignedReceipt:
    """A signed receipt of canonical addresses. DomainError when this face holds no key."""
    if settings.RECEIPT_KEY_FILE is None:
        raise DomainError("no_receipt_key", _("Signed receipts are not available here."), status=503)
    signer = NoteSigner(settings.RECEIPT_NAME, load_signing_key(settings.RECEIPT_KEY_FILE))
    salt = receipts.new_salt()
    return SignedReceipt(
        text=receipts.issue_signed_receipt(addresses, hour, salt, signer),
        opening=receipts.write_opening(addresses, salt),
        key=signer.key.vkey,
    )


def files(signed: SignedReceipt | None) -> dict[str, Any]:
    """`signed_url` and `opening_url` of the page that shows a signed receipt: the files are in the page itself."""
    if signed is None:
        return {}
    return {"signed_url": _data_url(signed.text), "opening_url": _data_url(signed.opening)}


def _data_url(text: str) -> str:
    return f"data:text/plain;base64,{base64.b64encode(text.encode()).decode()}"


def _pepper() -> bytes:
    if not settings.RECEIPT_PEPPER:
        raise DomainError(
            "no_receipt_pepper",
            _("This face cannot take reports yet."),
            remedy=_("The operator sets MAMORI_RECEIPT_PEPPER."),
            status=503,
        )
    return hashlib.sha256(settings.RECEIPT_PEPPER.encode()).digest()
