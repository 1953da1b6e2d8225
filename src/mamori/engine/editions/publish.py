"""Publish and read an edition as TUF metadata (theupdateframework.io, python-tuf's Metadata API).

The targets' version is the edition's. Timestamp and snapshot carry the publication's version, which also rises when the
same edition is signed afresh before it expires.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.exceptions import StorageError
from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import LengthOrHashMismatchError, RepositoryError, UnsignedMetadataError
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp
from tuf.api.serialization import DeserializationError, SerializationError

from mamori.engine.editions.entries import FILES, Edition, EditionRefused, read_files, write_files

_SERVICE_ROLES = (Targets.type, Snapshot.type, Timestamp.type)
_Role = TypeVar("_Role", Root, Targets, Snapshot, Timestamp)


@dataclass(frozen=True, slots=True)
class ServiceKeys:
    """The service's own keys. The root keys stay offline and only sign the root."""

    targets: Ed25519PrivateKey
    snapshot: Ed25519PrivateKey
    timestamp: Ed25519PrivateKey


def sign_root(
    keys: ServiceKeys,
    *,
    root_keys: tuple[Ed25519PrivateKey, ...],
    threshold: int,
    expires: datetime,
    version: int = 1,
    former_root_keys: tuple[Ed25519PrivateKey, ...] = (),
) -> bytes:
    """The trusted root: which keys speak for the list. A later version is signed by the former root keys too."""
    root = Root(version=version, expires=_moment(expires), consistent_snapshot=False)
    for key in root_keys:
        root.add_key(CryptoSigner(key).public_key, Root.type)
    for role in _SERVICE_ROLES:
        root.add_key(CryptoSigner(getattr(keys, role)).public_key, role)
    root.roles[Root.type].threshold = threshold
    metadata = Metadata(root)
    for key in (*root_keys, *former_root_keys):
        metadata.sign(CryptoSigner(key), append=True)
    return metadata.to_bytes()


def root_expires(root: bytes) -> datetime:
    """When a signed root, and with it every edition under it, is no longer believed."""
    return Metadata[Root].from_bytes(root).signed.expires


def sign_edition(
    edition: Edition, *, keys: ServiceKeys, roots: Sequence[bytes], version: int, now: datetime, expires: datetime
) -> dict[str, bytes]:
    """All files to publish, by name. ``version``: number of this publication, higher than the last one's.

    ``roots``: every root from the first on, so that a reader who trusts an old one can follow.
    """
    until = _moment(expires)
    if until <= _moment(now):
        raise ValueError("an edition must not be expired when it is signed")
    files = write_files(edition)
    targets = Targets(
        version=edition.version,
        expires=until,
        targets={name: TargetFile.from_data(name, data, ["sha256"]) for name, data in files.items()},
    )
    files["targets.json"] = _signed(targets, keys.targets)
    snapshot = Snapshot(
        version=version,
        expires=until,
        meta={"targets.json": MetaFile.from_data(edition.version, files["targets.json"], ["sha256"])},
    )
    files["snapshot.json"] = _signed(snapshot, keys.snapshot)
    timestamp = Timestamp(
        version=version,
        expires=until,
        snapshot_meta=MetaFile.from_data(version, files["snapshot.json"], ["sha256"]),
    )
    files["timestamp.json"] = _signed(timestamp, keys.timestamp)
    for root in roots:
        files[f"{Metadata[Root].from_bytes(root).signed.version}.root.json"] = root
    return files


def read_edition(files: Mapping[str, bytes], trusted_root: bytes, now: datetime, *, seen: int = 0) -> Edition:
    """Verify ``files`` from ``trusted_root`` on and return the edition; EditionRefused otherwise.

    ``seen``: version of the last edition this reader accepted. The steps are those of the TUF client workflow; a root
    newer than the trusted one is followed when the trusted one's keys signed it.
    """
    moment = _moment(now)
    try:
        root = _walk_root(files, trusted_root, moment)
        timestamp = _verified(Timestamp, _file(files, "timestamp.json"), root, moment)
        data = _file(files, "snapshot.json")
        timestamp.snapshot_meta.verify_length_and_hashes(data)
        snapshot = _verified(Snapshot, data, root, moment)
        targets_meta = snapshot.meta["targets.json"]
        data = _file(files, "targets.json")
        targets_meta.verify_length_and_hashes(data)
        targets = _verified(Targets, data, root, moment)
        if snapshot.version != timestamp.snapshot_meta.version or targets.version != targets_meta.version:
            raise EditionRefused("altered")
        if targets.version < seen:
            raise EditionRefused("rollback")
        found: dict[str, bytes] = {}
        for name in FILES:
            data = _file(files, name)
            targets.targets[name].verify_length_and_hashes(data)
            found[name] = data
    except LengthOrHashMismatchError as error:
        raise EditionRefused("altered") from error
    except UnsignedMetadataError as error:
        raise EditionRefused("wrong_signer") from error
    except (RepositoryError, DeserializationError, SerializationError, StorageError, KeyError) as error:
        raise EditionRefused("malformed") from error
    return read_files(targets.version, found)


def _walk_root(files: Mapping[str, bytes], trusted_root: bytes, now: datetime) -> Root:
    metadata = _loaded(Root, trusted_root)
    root = metadata.signed
    root.verify_delegate(Root.type, metadata.signed_bytes, metadata.signatures)
    while (data := files.get(f"{root.version + 1}.root.json")) is not None:
        newer = _loaded(Root, data)
        for judge in (root, newer.signed):
            judge.verify_delegate(Root.type, newer.signed_bytes, newer.signatures)
        if newer.signed.version != root.version + 1:
            raise EditionRefused("malformed")
        root = newer.signed
    if root.is_expired(now):
        raise EditionRefused("expired")
    return root


def _verified(role: type[_Role], data: bytes, root: Root, now: datetime) -> _Role:
    metadata = _loaded(role, data)
    root.verify_delegate(role.type, metadata.signed_bytes, metadata.signatures)
    if metadata.signed.is_expired(now):
        raise EditionRefused("expired")
    return metadata.signed


def _loaded(role: type[_Role], data: bytes) -> Metadata[_Role]:
    metadata = Metadata[_Role].from_bytes(data)
    if not isinstance(metadata.signed, role):
        raise EditionRefused("wrong_signer")
    return metadata


def _signed(role: _Role, key: Ed25519PrivateKey) -> bytes:
    metadata = Metadata(role)
    metadata.sign(CryptoSigner(key))
    return metadata.to_bytes()


def _file(files: Mapping[str, bytes], name: str) -> bytes:
    if name not in files:
        raise EditionRefused("missing_file")
    return files[name]


def _moment(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a moment needs its zone")
    return value.astimezone(UTC)
