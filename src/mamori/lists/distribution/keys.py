"""The service's keys in `EDITION_KEY_DIR`: root, targets, snapshot, timestamp (TUF) and the rule's key."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mamori.engine.editions import PersonKey, ServiceKeys, key_id, sign_root
from mamori.engine.keys import create_file, create_signing_key, load_signing_key

ROOT_LIFE = timedelta(days=3 * 365)
RULE = "rule:mamori"
_NAMES = ("root", "targets", "snapshot", "timestamp", "rule")


@dataclass(frozen=True)
class EditionKeys:
    """What the worker signs with. The root's private key is not among them: it is kept offline."""

    service: ServiceKeys
    rule: Ed25519PrivateKey
    root: bytes

    def rule_person(self) -> dict[str, PersonKey]:
        """The rule's public key by its id: it may end entries, never activate one."""
        raw = self.rule.public_key().public_bytes_raw()
        return {key_id(raw): PersonKey(RULE, raw, may_activate=False)}


def init_keys(folder: Path, *, now: datetime) -> Path:
    """Create all keys and the signed root (root.json, for subscribers). KeyFileError if one exists. Returns root.json.

    Afterwards move root.pem to a place that is not on the network.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in _NAMES:
        create_signing_key(folder / f"{name}.pem")
    service = _service(folder)
    root = sign_root(service, root_keys=(load_signing_key(folder / "root.pem"),), threshold=1, expires=now + ROOT_LIFE)
    create_file(folder / "root.json", root, 0o644)
    return folder / "root.json"


def load_keys(folder: Path) -> EditionKeys:
    """Read the keys. KeyFileError or OSError when one is missing."""
    return EditionKeys(_service(folder), load_signing_key(folder / "rule.pem"), (folder / "root.json").read_bytes())


def _service(folder: Path) -> ServiceKeys:
    return ServiceKeys(
        **{name: load_signing_key(folder / f"{name}.pem") for name in ("targets", "snapshot", "timestamp")}
    )
