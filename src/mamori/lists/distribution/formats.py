"""Files of every format on disk: `EDITION_DIR/formats/`, written by the worker, read by the partner face.

objects/<sha256>    one file by its own digest; what did not change from edition to edition is there once
<edition>.json      the manifest: which object is which format, what was left out, the hash lists, and patches from files
                    of former editions
<edition>.steps     32-octet hashes that came, then those that went, since the manifest's `previous` edition
<edition>.signed/   TUF metadata whose targets are the formats, under the root of the editions
current             link to the manifest in force, moved in one step
"""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from shutil import rmtree
from typing import Any

from django.conf import settings

from mamori.engine.files import mapped as map_file
from mamori.ground.errors import NotFound
from mamori.lists.distribution import store

FOLDER = "formats"
HASHES = "hashes-32.bin"
_DIGEST = re.compile(r"[0-9a-f]{64}")
KEPT_FILES = 3  # editions whose files stay
KEPT_PATCHES = 50  # editions whose files are brought up to date by patches
SIGNED = re.compile(r"(timestamp|snapshot|targets|[0-9]{1,6}\.root)\.json")
KEPT_STEPS = 5000  # editions from which a hash list is brought up to date without sending it anew


class Store:
    """The folder of the formats below a folder of editions."""

    def __init__(self, editions: Path) -> None:
        self.folder = editions / FOLDER

    def current(self) -> dict[str, Any] | None:
        """The manifest in force; None when nothing was written yet."""
        try:
            return self._read(self.folder / store.LINK)
        except FileNotFoundError:
            return None

    def manifest(self, edition: int) -> dict[str, Any] | None:
        """An earlier manifest; None when it is not kept."""
        try:
            return self._read(self.folder / f"{edition}.json")
        except FileNotFoundError:
            return None

    def steps(self, edition: int) -> bytes:
        """Hashes that came and went with an edition; how many came stands in its manifest."""
        return (self.folder / f"{edition}.steps").read_bytes()

    def object(self, digest: str) -> Path | None:
        """Where an object lies; None for none."""
        path = self.folder / "objects" / digest
        return path if _DIGEST.fullmatch(digest) and path.is_file() else None

    def add(self, data: bytes) -> str:
        """Keep an object; returns its digest."""
        digest = hashlib.sha256(data).hexdigest()
        folder = self.folder / "objects"
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / digest).is_file():
            _write(folder / digest, data)
        return digest

    def signed(self, edition: int, name: str) -> Path | None:
        """Where a file of the metadata of an edition's formats lies; None for none."""
        path = self._signed(edition) / name
        return path if SIGNED.fullmatch(name) and path.is_file() else None

    def _signed(self, edition: int) -> Path:
        return self.folder / f"{edition}.signed"

    def publish(self, manifest: Mapping[str, Any], steps: bytes, metadata: Mapping[str, bytes]) -> None:
        """Put a manifest in force, with the metadata of its formats. Its objects are there; on disk when this returns."""
        name = f"{manifest['edition']}.json"
        folder = self._signed(manifest["edition"])
        folder.mkdir(parents=True, exist_ok=True)
        for each, data in metadata.items():
            _write(folder / each, data)
        _write(self.folder / f"{manifest['edition']}.steps", steps)
        _write(self.folder / name, json.dumps(manifest, sort_keys=True, indent=1).encode())
        store.point(self.folder, name)

    def prune(self) -> None:
        """Delete manifests, steps and metadata of old editions, and objects no kept edition has."""
        editions = sorted((int(path.stem) for path in self.folder.glob("[0-9]*.json")), reverse=True)
        for old in editions[KEPT_STEPS:]:
            (self.folder / f"{old}.json").unlink()
            (self.folder / f"{old}.steps").unlink(missing_ok=True)
        for old in editions[KEPT_FILES:]:
            rmtree(self._signed(old), ignore_errors=True)
        kept = {digest for edition in editions[:KEPT_FILES] for digest in objects_of(self.manifest(edition) or {})}
        for path in (self.folder / "objects").iterdir():
            if path.name not in kept:
                path.unlink()

    def _read(self, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(path.read_bytes())
        return found


def objects_of(manifest: Mapping[str, Any]) -> Iterable[str]:
    """Digests of a manifest's objects."""
    yield from (each["sha256"] for each in manifest.get("files", {}).values())
    yield from (each["sha256"] for each in manifest.get("patches", ()))
    for each in manifest.get("hash_lists", {}).values():
        yield from (each[part] for part in ("v4", "v5") if part in each)


@lru_cache(maxsize=8)
def mapped(path: Path) -> memoryview:
    """An object's bytes without reading them; objects never change."""
    return memoryview(map_file(path))


def in_force() -> tuple[Store, dict[str, Any]]:
    """The folder and the manifest in force. NotFound before anything was written."""
    place = Store(settings.EDITION_DIR) if settings.EDITION_DIR else None
    manifest = place.current() if place else None
    if place is None or manifest is None:
        raise NotFound
    return place, manifest


def _write(path: Path, data: bytes) -> None:
    draft = path.with_name(f".{path.name}.draft")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
