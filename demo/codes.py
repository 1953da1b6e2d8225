"""What an authenticator app does (RFC 6238, SHA-1, 6 digits, 30 s): the demo's people have no phones."""

from __future__ import annotations

import base64
import hashlib
import hmac


def totp(secret: str, now: float) -> str:
    """The code of a base32 secret at POSIX second `now`."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, int(now // 30).to_bytes(8), hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start : start + 4]) & 0x7FFFFFFF) % 1_000_000:06d}"
