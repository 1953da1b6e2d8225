"""The link to the hoster's page: signed, expiring, and the only key to what the page shows.

A token is 36 bytes: the notice's id, the hour it expires (seconds, 4 bytes), and a MAC of 16 bytes by HOSTER_KEY.
Stored are its digest and a payload sealed under a key derived from it, so nobody who reads the table alone, or holds
the public face's key alone, learns which addresses are in open notices.
"""

import base64
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.utils.translation import gettext_lazy as _
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from mamori.ground.errors import DomainError, NotFound

_MAC = 16
_LENGTH = 16 + 4 + _MAC
_BLOCK = 4096


@dataclass(frozen=True)
class Token:
    """A link's token in its raw form."""

    raw: bytes

    @property
    def text(self) -> str:
        return base64.urlsafe_b64encode(self.raw).decode()

    @property
    def digest(self) -> str:
        return sha256(b"mamori hoster page " + self.raw).hexdigest()

    def seal(self, payload: dict[str, Any]) -> bytes:
        """Seal a payload, padded so that its length tells little."""
        data = json.dumps(payload, ensure_ascii=False).encode()
        return bytes(SecretBox(self._key).encrypt(data + b" " * (-len(data) % _BLOCK)))

    def open(self, sealed: bytes) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(SecretBox(self._key).decrypt(sealed))
        except CryptoError as error:
            raise NotFound from error
        return found

    @property
    def _key(self) -> bytes:
        return HKDF(SHA256(), 32, salt=None, info=b"mamori hoster page key").derive(self.raw)


def token_for(notice_id: UUID, until: datetime) -> Token:
    """The token of a notice that is good until then; the same each time."""
    body = notice_id.bytes + int(until.timestamp()).to_bytes(4)
    return Token(body + _mac(body))


def read_token(text: str, now: datetime) -> Token:
    """Read a token from a link. NotFound when it is not ours; `link_expired` when its time is over."""
    try:
        raw = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
    except ValueError as error:
        raise NotFound from error
    if len(raw) != _LENGTH or not hmac.compare_digest(raw[-_MAC:], _mac(raw[:-_MAC])):
        raise NotFound
    if datetime.fromtimestamp(int.from_bytes(raw[16:20]), UTC) <= now:
        raise DomainError(
            "link_expired",
            _("This link is no longer valid."),
            remedy=_("Use the link in the newest mail about this notice, or answer that mail."),
            status=410,
        )
    return Token(raw)


def _mac(body: bytes) -> bytes:
    if not settings.HOSTER_KEY:
        raise DomainError(
            "no_hoster_key",
            _("This face does not hold the key that is needed here."),
            remedy=_("The operator sets %(name)s.") % {"name": "MAMORI_HOSTER_KEY"},
            status=503,
        )
    return hmac.new(settings.HOSTER_KEY.encode(), b"mamori hoster link " + body, sha256).digest()[:_MAC]
