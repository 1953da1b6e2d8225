"""Signed evidence bundles: a JSON statement in a DSSE envelope (secure-systems-lab/dsse), signed with Ed25519."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from mamori.engine import keys

PAYLOAD_TYPE = "application/vnd.mamori.evidence+json"
FORMAT = "mamori-evidence/1"


class EvidenceError(Exception):
    """An envelope cannot be read, or was not signed by the key; the message says which."""


def seal_bundle(bundle: Mapping[str, Any], key: Ed25519PrivateKey) -> str:
    """The envelope (JSON text) of a bundle of JSON values."""
    payload = json.dumps(
        {"format": FORMAT, **bundle}, ensure_ascii=False, sort_keys=True, separators=(",", ":")
    ).encode()
    signature = keys.sign(key, _authenticated(payload))
    return json.dumps(
        {
            "payloadType": PAYLOAD_TYPE,
            "payload": base64.b64encode(payload).decode(),
            "signatures": [{"keyid": keys.key_id(key.public_key()), "sig": base64.b64encode(signature).decode()}],
        }
    )


def open_bundle(envelope: str, key: Ed25519PublicKey) -> dict[str, Any]:
    """The bundle of an envelope that `key` signed. EvidenceError otherwise."""
    try:
        outer = json.loads(envelope)
        payload = base64.b64decode(outer["payload"], validate=True)
        signatures = [base64.b64decode(each["sig"], validate=True) for each in outer["signatures"]]
        kind = outer["payloadType"]
    except (ValueError, TypeError, KeyError, binascii.Error, RecursionError) as error:
        raise EvidenceError("this is no signed evidence bundle") from error
    if kind != PAYLOAD_TYPE:
        raise EvidenceError(f"the envelope holds {str(kind)[:80]!r}, not an evidence bundle")
    if not any(keys.verify(key, signature, _authenticated(payload)) for signature in signatures):
        raise EvidenceError("the bundle was altered, or another key signed it")
    bundle = json.loads(payload)
    if not isinstance(bundle, dict) or bundle.get("format") != FORMAT:
        raise EvidenceError("the bundle has a format this version does not know")
    return bundle


def _authenticated(payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding."""
    return b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)
