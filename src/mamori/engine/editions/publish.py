"""Publish and read an edition as TUF metadata (theupdateframework.io, python-tuf's Metadata API).

The targets' version is the edition's. Timestamp and snapshot carry the publication's version, which also rises when the
same edition is signed afresh before it expires.
"""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.exceptions import StorageError
from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import LengthOrHashMismatchError, RepositoryError, UnsignedMetadataError
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp
from tuf.api.serialization import DeserializationError, SerializationError

from mamori.engine.editions.entries import (
    CHANGES,
    FILES,
    Delta,
    Edition,
    EditionRefused,
    read_files,
    write_delta,
    write_files,
)

FRESH = timedelta(days=2)
"""How long a timestamp is believed. It is what keeps an old edition from being shown for the newest, so it is short: two of the daily
signatures afresh."""
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


@dataclass(frozen=True, slots=True)
class FileDigest:
    """Length in bytes and SHA-256 (hex) of a file that is signed without being read again."""

    length: int
    sha256: str

    @classmethod
    def of(cls, data: bytes | mmap.mmap) -> FileDigest:
        return cls(len(data), hashlib.sha256(data).hexdigest())


def edition_digest(files: Mapping[str, str]) -> str:
    """One digest (hex) of an edition: of the lines `name sha256` of its signed files, in the order of names."""
    return hashlib.sha256("".join(f"{name} {files[name]}\n" for name in sorted(files)).encode()).hexdigest()


def sign_edition(
    edition: Edition, *, keys: ServiceKeys, roots: Sequence[bytes], version: int, now: datetime, expires: datetime
) -> dict[str, bytes]:
    """All files of an edition that is its own base, by name. ``version``: number of this publication, as below."""
    files = write_files(edition) | {CHANGES: write_delta(Delta())}
    return files | sign_files(
        edition.version,
        {name: FileDigest.of(data) for name, data in files.items()},
        keys=keys,
        roots=roots,
        version=version,
        now=now,
        expires=expires,
    )


def sign_files(
    edition: int,
    files: Mapping[str, FileDigest],
    *,
    keys: ServiceKeys,
    roots: Sequence[bytes],
    version: int,
    now: datetime,
    expires: datetime,
) -> dict[str, bytes]:
    """The metadata of edition number ``edition``, by file name. ``version``: of this publication, above the last one's.

    The timestamp is believed for `FRESH` at most, the rest until ``expires``.
    ``roots``: every root from the first on, so that a reader who trusts an old one can follow.
    """
    until = _moment(expires)
    if until <= _moment(now):
        raise ValueError("an edition must not be expired when it is signed")
    signed: dict[str, bytes] = {}
    targets = Targets(
        version=edition,
        expires=until,
        targets={
            name: TargetFile(digest.length, {"sha256": digest.sha256}, name) for name, digest in sorted(files.items())
        },
    )
    signed["targets.json"] = _signed(targets, keys.targets)
    snapshot = Snapshot(
        version=version,
        expires=until,
        meta={"targets.json": MetaFile.from_data(edition, signed["targets.json"], ["sha256"])},
    )
    signed["snapshot.json"] = _signed(snapshot, keys.snapshot)
    timestamp = Timestamp(
        version=version,
        expires=min(until, _moment(now + FRESH)),
        snapshot_meta=MetaFile.from_data(version, signed["snapshot.json"], ["sha256"]),
    )
    signed["timestamp.json"] = _signed(timestamp, keys.timestamp)
    for root in roots:
        signed[f"{Metadata[Root].from_bytes(root).signed.version}.root.json"] = root
    return signed


def read_edition(files: Mapping[str, bytes], trusted_root: bytes, now: datetime, *, seen: int = 0) -> Edition:
    """Verify ``files`` from ``trusted_root`` on and return the edition; EditionRefused otherwise.

    ``seen``: version of the last edition this reader accepted. The steps are those of the TUF client workflow; a root
    newer than the trusted one is followed when the trusted one's keys signed it.
    """
    version, digests = verify_metadata(files, trusted_root, now, seen=seen)
    found: dict[str, bytes] = {}
    for name in FILES:
        found[name] = _file(files, name)
        if FileDigest.of(found[name]) != digests.get(name):
            raise EditionRefused("altered")
    return read_files(version, found)


def verify_metadata(
    files: Mapping[str, bytes], trusted_root: bytes, now: datetime, *, seen: int = 0
) -> tuple[int, dict[str, FileDigest]]:
    """Verify the metadata alone: the edition's number, and the digest of each of its files. EditionRefused."""
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
        digests = {name: FileDigest(file.length, file.hashes["sha256"]) for name, file in targets.targets.items()}
    except LengthOrHashMismatchError as error:
        raise EditionRefused("altered") from error
    except UnsignedMetadataError as error:
        raise EditionRefused("wrong_signer") from error
    except (RepositoryError, DeserializationError, SerializationError, StorageError, KeyError) as error:
        raise EditionRefused("malformed") from error
    if targets.version < seen:
        raise EditionRefused("rollback")
    return targets.version, digests


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
