"""The service's keys in `EDITION_KEY_DIR`: targets, snapshot, timestamp (TUF), the rule's key, and what the root signed.

`root.json` is the signed root, `members.json` the list of members it vouches for. `root.pem` is kept offline.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mamori.engine.editions import (
    Member,
    Members,
    MembersRefused,
    PersonKey,
    ServiceKeys,
    key_id,
    read_members,
    sign_members,
    sign_root,
)
from mamori.engine.keys import create_file, create_signing_key, load_public_key, load_signing_key, replace_file

ROOT_LIFE = timedelta(days=3 * 365)
RULE = "rule:mamori"
MEMBERS = "members.json"
_NAMES = ("root", "targets", "snapshot", "timestamp", "rule")


@dataclass(frozen=True)
class EditionKeys:
    """What the worker signs with. The root's private key is not among them: it is kept offline.

    `roots`: every signed root, the first to the one in force. `members`: the signed list as it stands in the file, b""
    when there is none. `former_rules`: public keys of the rule before, under whose endings an edition may still come.
    """

    service: ServiceKeys
    rule: Ed25519PrivateKey
    roots: tuple[bytes, ...]
    members: bytes = b""
    former_rules: tuple[bytes, ...] = ()

    @property
    def root(self) -> bytes:
        """The root in force."""
        return self.roots[-1]

    def rule_person(self) -> dict[str, PersonKey]:
        """The rule's public keys by their ids: they may end entries, never activate one."""
        keys = (self.rule.public_key().public_bytes_raw(), *self.former_rules)
        return {key_id(raw): PersonKey(RULE, raw, "rule") for raw in keys}

    def vouched(self) -> Members:
        """The members the root vouches for: none when the list is missing or not signed by it."""
        try:
            return read_members(self.members, self.root)
        except MembersRefused:
            return Members()


def init_keys(folder: Path, *, now: datetime) -> Path:
    """Create all keys, the signed root (root.json, for subscribers) and an empty list of members.

    KeyFileError if one exists. Returns root.json. Afterwards move root.pem to a place that is not on the network.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in _NAMES:
        create_signing_key(folder / f"{name}.pem")
    service = _service(folder)
    root_key = load_signing_key(folder / "root.pem")
    root = sign_root(service, root_keys=(root_key,), threshold=1, expires=now + ROOT_LIFE)
    create_file(folder / "root.json", root, 0o644)
    create_file(folder / "1.root.json", root, 0o644)
    create_file(folder / MEMBERS, sign_members(Members(), (root_key,)), 0o644)
    return folder / "root.json"


def load_keys(folder: Path) -> EditionKeys:
    """Read the keys. KeyFileError or OSError when one is missing."""
    members = folder / MEMBERS
    return EditionKeys(
        _service(folder),
        load_signing_key(folder / "rule.pem"),
        _roots(folder),
        members.read_bytes() if members.exists() else b"",
        tuple(load_public_key(path).public_bytes_raw() for path in sorted((folder / "former").glob("*/rule.pem.pub"))),
    )


def rotate_keys(folder: Path, *, root_key: Path, new_root_key: Path | None, now: datetime) -> int:
    """New service keys and a new root, signed by the old root key; with `new_root_key` a new root key too.

    The former private keys are destroyed, their public halves kept in `former/`. Returns the root's new version.
    KeyFileError, or ValueError when `root_key` is not the root's.
    """
    roots = _roots(folder)
    version = len(roots) + 1
    former = load_signing_key(root_key)
    members = members_of(folder)
    sign_check(roots[-1], former)
    fresh = folder / f".fresh-{version}"
    fresh.mkdir(mode=0o700)
    for name in _NAMES[1:]:
        create_signing_key(fresh / f"{name}.pem")
    if new_root_key is not None:
        create_signing_key(new_root_key)
    present = load_signing_key(new_root_key) if new_root_key is not None else former
    root = sign_root(
        _service(fresh),
        root_keys=(present,),
        threshold=1,
        expires=now + ROOT_LIFE,
        version=version,
        former_root_keys=(former,) if new_root_key is not None else (),
    )
    if not (folder / "1.root.json").exists():
        create_file(folder / "1.root.json", roots[0], 0o644)
    kept = folder / "former" / str(version - 1)
    kept.mkdir(mode=0o700, parents=True)
    for name in _NAMES[1:]:
        (folder / f"{name}.pem.pub").rename(kept / f"{name}.pem.pub")
        for file in (f"{name}.pem", f"{name}.pem.pub"):
            (fresh / file).replace(folder / file)
    fresh.rmdir()
    create_file(folder / f"{version}.root.json", root, 0o644)
    replace_file(folder / "root.json", root, 0o644)
    replace_file(folder / MEMBERS, sign_members(replace(members, version=members.version + 1), (present,)), 0o644)
    return version


def sign_check(root: bytes, key: Ed25519PrivateKey) -> None:
    """ValueError when the key is not one the root names as its own."""
    try:
        read_members(sign_members(Members(), (key,)), root)
    except MembersRefused as error:
        raise ValueError("this is not the root's private key") from error


def _roots(folder: Path) -> tuple[bytes, ...]:
    """Every root in order. A folder made before roots were numbered has one."""
    numbered = {path.name.partition(".")[0]: path for path in folder.glob("*.root.json")}
    found = [numbered[number] for number in sorted(filter(str.isdecimal, numbered), key=int)]
    return tuple(path.read_bytes() for path in found or [folder / "root.json"])


def members_of(folder: Path) -> Members:
    """The list of members in a folder with root.json, verified; an empty one when there is no file. MembersRefused."""
    path = folder / MEMBERS
    return read_members(path.read_bytes(), (folder / "root.json").read_bytes()) if path.exists() else Members()


def member_add(folder: Path, member: Member, root_keys: tuple[Ed25519PrivateKey, ...]) -> Members:
    """Sign a list with one key more. ValueError when the key is in it already or these are not the root's keys."""
    return _members_change(folder, root_keys, lambda keys: (*keys, member))


def member_remove(folder: Path, who: str, root_keys: tuple[Ed25519PrivateKey, ...]) -> Members:
    """Sign a list without one key (its id) or all keys of one person. ValueError when there is none."""

    def without(keys: tuple[Member, ...]) -> tuple[Member, ...]:
        kept = tuple(one for one in keys if who not in (one.person, one.key_id))
        if kept == keys:
            raise ValueError(f"nobody and no key in the list of members is called {who}")
        return kept

    return _members_change(folder, root_keys, without)


def _members_change(
    folder: Path,
    root_keys: tuple[Ed25519PrivateKey, ...],
    change: Callable[[tuple[Member, ...]], tuple[Member, ...]],
) -> Members:
    """The file is replaced in one step, and only by one the root really vouches for."""
    old = members_of(folder)
    new = replace(old, version=old.version + 1, keys=change(old.keys))
    data = sign_members(new, root_keys)
    read_members(data, (folder / "root.json").read_bytes())
    replace_file(folder / MEMBERS, data, 0o644)
    return new


def _service(folder: Path) -> ServiceKeys:
    return ServiceKeys(
        **{name: load_signing_key(folder / f"{name}.pem") for name in ("targets", "snapshot", "timestamp")}
    )
